# SPDX-License-Identifier: GPL-2.0-only
"""Which tests there are, and which of them are wanted.

Tests are named GROUP.….  A lane's are those of its suites, SUITE.FIXTURE.TEST;
a suite belongs to a directory of tests/, and a lane names the directories whose
suites it runs.  The others are programs that print TAP, tests/GROUP/NAME.t,
which run on the host and are named GROUP.NAME.
"""

import fnmatch
import functools
import os
import subprocess

from edudma_guest import Trouble, lanes, paths

# Lanes that run when none are named, in the order in which they start: the
# slowest first, so that the last ones end together.
LANES = ("stock", "intx", "iommu", "wide", "ring", "ring-iommu", "ring-off",
         "swiotlb", "virtual", "suspend", "stuck")
# A host test that boots many guests, one after the other: it begins with the lanes.
EARLY = ("runner.guest",)
# What `make test` leaves to others: name -> its lanes, and its groups of tests
# that run on the host.
SETS = {
    "debug": (("debug", "debug-ring", "kcsan", "kcsan-ring"), ("detectors",)),
    "faults": (("faults", "faults-iommu", "faults-ring", "functions"), ()),
    "kernels": (("i386-edu", "edu-newest", "linux-5.10-edu", "linux-newest-edu", "linux-5.10",
                 "linux-6.1", "linux-6.12", "linux-newest", "linux-candidate", "compat32",
                 "i386", "rt"), ()),
}


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
            raise Trouble(f"lane '{lane}': there are no suites in tests/{directory}")
        names += suites()[directory]
    return names


def programs(lane):
    """The programs of a lane's suites."""
    place = paths.BUILD / ("tests" if lanes.load(lane).bits == 64 else "tests32")
    return [str(place / name) for name in suites_of(lane)]


def matches(name, patterns):
    """Does one of the patterns match a whole name?"""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split())


def nowhere():
    """Suites that no lane runs unless it is named."""
    every = (*LANES, *(name for names, _ in SETS.values() for name in names))
    run = {name for lane in every for name in suites_of(lane)}
    return sorted(name for names in suites().values() for name in names
                  if name not in run)


def may_match(suite, patterns):
    """Can one of the patterns match a test of this suite, SUITE.FIXTURE.TEST?"""
    return any(fnmatch.fnmatchcase(f"{suite}.", pattern[:end])
               for pattern in patterns.split() for end in range(len(pattern) + 1))


def name_of(path):
    """What the test in this file is called: LANE or GROUP.NAME."""
    return path.stem if path.suffix == ".conf" else f"{path.parent.name}.{path.stem}"


def host_tests():
    """name -> file of the tests that run on the host."""
    files = sorted((paths.TOP / "tests").glob("*/*.t"))
    return {name_of(path): path for path in files}


def lanes_of(which):
    """The lanes of a set; of `make test` if it has no name."""
    return SETS[which][0] if which else LANES


def is_of(which, path):
    """Does a host test belong to this set?"""
    owners = [name for name, (_, groups) in SETS.items() if path.parent.name in groups]
    return which in owners if owners else not which


def wanted_lanes(names, patterns):
    """Those of the lanes that have a suite for one of the patterns."""
    # Each is read, to refuse a wrong name before anything runs.
    return [name for name in names
            if any(may_match(suite, patterns or "*") for suite in suites_of(name))]


def wanted_files(names, patterns, which=""):
    """What prove is to run: lanes' files and host tests.

    names are lanes: then only they are wanted; none are all of the set.  Patterns
    that begin with a group of host tests leave the lanes out, others those that
    have no suite for them.
    """
    tests = host_tests()
    chosen = [path for name, path in tests.items() if matches(name, patterns or "*")]
    groups = {path.parent.name for path in tests.values()}
    if patterns and all(word.split(".")[0] in groups for word in patterns.split()):
        return chosen
    if not names and nowhere():
        raise Trouble(f"no lane runs {', '.join(nowhere())}: see LANES in {__file__}")
    files = [paths.LANES / f"{name}.conf"
             for name in wanted_lanes(names or lanes_of(which), patterns)]
    others = [] if names else [path for path in chosen if is_of(which, path)]
    early = [path for path in others if name_of(path) in EARLY]
    return early + files + [path for path in others if path not in early]


def targets(names, which=""):
    """What make has to build for lanes, or for those of the set, beside the usual."""
    wanted = [lanes.load(name) for name in names or lanes_of(which)]
    found = {"tests32" for lane in wanted if lane.bits == 32}
    for target in ("qemu", "qemu-newest"):
        found |= {target for lane in wanted
                  if lane.emulator.startswith(f"{paths.BUILD}/{target}/")}
    return sorted(found)


def kernels(names, which=""):
    """The kernels to be built from source for lanes, or for those of the set."""
    wanted = (lanes.load(name).kernel for name in names or lanes_of(which))
    return sorted({kernel for kernel in wanted if "+" in kernel})
