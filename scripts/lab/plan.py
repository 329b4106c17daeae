# SPDX-License-Identifier: GPL-2.0-only
"""Which tests there are, and which of them are wanted.

Tests are named GROUP.….  A lane's are those of its suites, SUITE.FIXTURE.TEST;
a suite belongs to a directory of tests/suites/, and a lane names the directories whose
suites it runs.  The others are programs that print TAP, tests/host/GROUP/NAME.t,
which run on the host and are named GROUP.NAME.
"""

import dataclasses
import fnmatch
import functools
import os
import pathlib
import re
import subprocess

from . import Trouble, lanes, paths

# What there is to run: `make test`, and each `make test-SET`.
GATE = "gate"
SETS = (GATE, "debug", "faults", "kernels", "machines", "labs")


@functools.cache
def suites():
    """Directory -> names of its suites, each in the order in which they run."""
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", "-C", paths.TOP / "tests", "list",
         f"BUILD={paths.BUILD}", "KSELFTEST_DIR=/"], check=True, text=True,
        stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items()
             if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    listed = {}
    for line in done.stdout.splitlines():
        directory, name = line.split()
        listed.setdefault(directory, []).append(name)
    return listed


def suites_of(lane):
    """The names of the suites that a lane runs."""
    names = []
    for directory in lanes.load(lane).suites.split():
        if directory not in suites():
            raise Trouble(f"lane '{lane}': there are no suites in tests/suites/{directory}")
        names += suites()[directory]
    return names


def programs(lane):
    """The programs of a lane's suites."""
    place = lanes.load(lane).programs_place
    return [str(place / name) for name in suites_of(lane)]


def matches(name, patterns):
    """Does one of the patterns match a whole name?"""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split())


def nowhere():
    """Suites that no lane runs unless it is named."""
    run = {name for which in SETS for lane in lanes_of(which) for name in suites_of(lane)}
    return sorted(name for names in suites().values() for name in names
                  if name not in run)


def may_match(suite, patterns):
    """Can one of the patterns match a test of this suite, SUITE.FIXTURE.TEST?"""
    return any(fnmatch.fnmatchcase(f"{suite}.", pattern[:end])
               for pattern in patterns.split() for end in range(len(pattern) + 1))


def name_of(path):
    """What the test in this file is called: LANE or GROUP.NAME."""
    return path.stem if path.suffix == ".conf" else f"{path.parent.name}.{path.stem}"


@dataclasses.dataclass
class Item:
    """Something that is run by itself, and prints TAP: a lane, or a host's program."""

    path: pathlib.Path
    patterns: str = ""          # only these of its tests
    whole: bool = False         # of a lane, also tests that others have

    @property
    def name(self):
        """LANE or GROUP.NAME."""
        return name_of(self.path)

    @functools.cached_property
    def lane(self):
        """The Lane, or None."""
        return lanes.load(self.path.stem) if self.path.suffix == ".conf" else None

    @functools.cached_property
    def header(self):
        """What a host's program says of itself, in lines `# Key: value`."""
        found = re.findall(r"^# (Set|Needs|Weight): (.*)$", self.path.read_text(), re.M)
        return dict(found)

    @property
    def skips(self):
        """Of a host's program: what it may skip, in lines `# Skips: PATTERN: reason`."""
        return lanes.skips_of("\n".join(
            re.findall(r"^# Skips: (.*)$", self.path.read_text(), re.M)))

    @property
    def set(self):
        """When it runs if nothing is named."""
        return self.lane.set if self.lane else self.header.get("Set", GATE)

    @property
    def weight(self):
        """Processors that it keeps busy."""
        return self.lane.weight if self.lane else float(self.header.get("Weight", 1))

    @property
    def needs(self):
        """Targets of make that it needs beside what all do."""
        return (needs_of(self.lane) if self.lane
                else tuple(self.header.get("Needs", "").split()))


def needs_of(lane):
    """Targets of make that a lane needs beside what all do."""
    suffix = lane.built_for.suffix
    found = [target for target in (f"qemu{suffix}", "qemu-newest")
             if lane.emulator.startswith(f"{paths.BUILD}/{target}/")]
    found += ["tests32"] * (lane.bits == 32) + [f"tests{suffix}"] * bool(suffix)
    found += [f"port-{lane.port}"] if lane.port else []
    return (*found, *([f"kernel-{lane.kernel}"] if "+" in lane.kernel else []))


def host_tests():
    """name -> file of the tests that run on the host."""
    files = sorted((paths.TOP / "tests/host").glob("*/*.t"))
    return {name_of(path): path for path in files}


def lanes_of(which):
    """The lanes of a set."""
    return [name for name in lanes.names() if lanes.load(name).set == which]


def _wanted_lanes(names, patterns):
    """Those of the lanes that have a suite for one of the patterns."""
    # Each is read, to refuse a wrong name before anything runs.
    return [name for name in names
            if any(may_match(suite, patterns or "*") for suite in suites_of(name))]


def wanted(names=(), patterns="", sets=(GATE,), whole=False):
    """The Items to run.

    names are lanes: then only they are wanted; none are all of the sets.  Patterns
    that begin with a group of host tests leave the lanes out, others those that
    have no suite for them.  Patterns choose among all tests of a lane.
    """
    tests = host_tests()
    chosen = [Item(path) for name, path in tests.items() if matches(name, patterns or "*")]
    groups = {path.parent.name for path in tests.values()}
    if patterns and all(word.split(".")[0] in groups for word in patterns.split()):
        return chosen
    if not names and nowhere():
        raise Trouble(f"no lane runs {', '.join(nowhere())}: see `suites` in tests/lanes/")
    every = list(names) or [name for which in sets for name in lanes_of(which)]
    items = [Item(paths.LANES / f"{name}.conf", patterns, whole)
             for name in _wanted_lanes(every, patterns)]
    return items + ([] if names else [item for item in chosen if item.set in sets])
