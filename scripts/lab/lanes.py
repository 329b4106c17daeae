# SPDX-License-Identifier: GPL-2.0-only
"""The configurations in which the driver is run.

A lane is a file tests/lanes/NAME.conf with one section [lane].  It starts
from the lane that `base` names: a plain value replaces the base's, a list is
put behind it.  Lists are split as a shell would.  What is a lane's own (`set`,
`tests`, `skips`) is not taken from its base.
"""

import configparser
import dataclasses
import fnmatch
import shlex

from . import Trouble, paths
from . import arch as arches


# More than any test may take.
FOR_EVER = 1_000_000


@dataclasses.dataclass
class Lane:
    """What is different from lane to lane."""

    name: str
    about: str = ""
    set: str = ""               # tests that run it: one of plan.SETS; or none
    arch: str = "x86"           # of arch.ALL: the machine and what is compiled for it
    machine: str = "q35"
    memory: str = "1G"
    smp: int = 2
    # Under KVM: host.  Page tables of five levels only cost time.
    cpu: str = "max,la57=off"
    edu: str = "edu"            # -device for each edu
    edus: int = 2               # how many
    disk: int = 0               # MiB of an empty virtio disk, for one run; 0 is none
    timeout: int = 120          # seconds for a run, unless --timeout
    patience: int = 1           # times the limits that tests have, where all is slow
    accel: str = ""             # tcg or kvm, where only one will do
    thread: str = "multi"       # of TCG; single: one processor after the other
    kernel: str = ""            # VERSION+CONFIG of scripts/kernel, or the host's
    port: str = ""              # tests/port/NAME, whose module is loaded
    bits: int = 64              # of the suites: 32 are 32-bit programs
    emulator: str = "qemu-system-x86_64"    # build/... is our own
    root: str = "host"          # host: all its files, by 9p; ram: only what is needed
    suites: str = "driver"      # directories of tests/suites/ whose suites it runs
    tests: tuple = ()           # patterns: what it adds to other lanes; all if there are none
    skips: tuple = ()           # Skip: the tests that it may skip, and must
    weight: float = 1           # processors that a guest keeps busy while it runs tests
    verdict: str = "pass"       # of a run of its suites in which all is as it should be
    append: list = dataclasses.field(default_factory=list)   # kernel command line
    params: list = dataclasses.field(default_factory=list)   # of the module
    programs: list = dataclasses.field(default_factory=list)   # in root = ram, too
    devices: list = dataclasses.field(default_factory=list)  # before the others
    qemu: list = dataclasses.field(default_factory=list)     # arguments

    @property
    def built_for(self):
        """Its Arch."""
        return arches.named(self.arch)

    @property
    def programs_place(self):
        """The directory of its suites' programs."""
        tests = "tests" if self.bits == 64 else "tests32"
        return paths.BUILD / self.built_for.place / tests

    @property
    def virtual_time(self):
        """Is time counted in instructions, leaping while the guest is idle?"""
        return "-icount" in self.qemu

    @property
    def test_patience(self):
        """Times the limits of tests.

        Virtual time leaps on while the host has yet to answer, be it a disk or the
        host's files, and as far as it likes: no limit tells a test that hangs.  The
        run's own, in real time, does.
        """
        return FOR_EVER if self.virtual_time else self.patience


@dataclasses.dataclass(frozen=True)
class Skip:
    """Tests that are skipped in a lane, and why: what they print."""

    pattern: str
    reason: str

    def covers(self, name, reason):
        """Is this such a test?"""
        return reason == self.reason and fnmatch.fnmatchcase(name, self.pattern)


def skips_of(text):
    """A line each: PATTERN: REASON."""
    split = (line.strip().partition(": ") for line in text.splitlines() if line.strip())
    return tuple(Skip(pattern, reason) for pattern, _, reason in split)


# How values are read that are the lane's alone.
OWN = {"set": str, "skips": skips_of, "tests": lambda text: tuple(text.split())}


def _emulator(name):
    """Where a lane's emulator is."""
    return str(paths.BUILD / name[6:]) if name.startswith("build/") else name


KINDS = {field.name: field.type for field in dataclasses.fields(Lane)}


def names():
    """All lanes, by name."""
    return sorted(path.stem for path in paths.LANES.glob("*.conf"))


def _section(name):
    path = paths.LANES / f"{name}.conf"
    if not path.is_file():
        raise Trouble(f"no lane '{name}': there are {', '.join(names())}")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(), source=str(path))
        return dict(parser["lane"])
    except (configparser.Error, KeyError) as error:
        raise Trouble(f"{path}: {error}") from error


def load(name, derived=()):
    """Read a lane and what it is based on."""
    if name in derived:
        raise Trouble(f"lane '{name}' is based on itself")
    section = _section(name)
    base = section.pop("base", None)
    lane = load(base, (*derived, name)) if base else Lane(name)
    lane = dataclasses.replace(lane, name=name, set="", tests=(), skips=())
    for key, text in section.items():
        kind = KINDS.get(key)
        if kind is None or key == "name":
            raise Trouble(f"{paths.LANES / name}.conf: unknown key '{key}'")
        if key in OWN:
            setattr(lane, key, OWN[key](text))
        elif kind is list:
            setattr(lane, key, getattr(lane, key) + shlex.split(text))
        else:
            try:
                setattr(lane, key, kind(text))
            except ValueError as error:
                raise Trouble(f"{paths.LANES / name}.conf: {key}: {error}") from error
    lane.emulator = _emulator(lane.emulator)
    return lane
