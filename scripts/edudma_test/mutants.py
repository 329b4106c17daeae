# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: the driver with one thing taken away, which a test must notice.

A mutant is a patch, tests/mutants/NAME.patch, below a header like a letter's:

  SPDX-License-Identifier: GPL-2.0-only
  Removed: what the driver then lacks
  Lane: the lane in which it is killed
  Tests: shell patterns of the tests that fail then
  Also: verdicts that kill it as well, if any: splat lost residue timeout

"""

import dataclasses
import email
import pathlib
import shutil
import subprocess
import tempfile

from edudma_guest import Trouble, paths, verdict

from . import plan

DIRECTORY = paths.TOP / "tests" / "mutants"
FIELDS = ("SPDX-License-Identifier", "Removed", "Lane", "Tests")
VERDICTS = set(verdict.STATUS) - {"trouble"}


@dataclasses.dataclass
class Mutant:
    """One of them."""

    name: str
    removed: str
    lane: str
    tests: str
    also: frozenset
    patch: str


def load(path):
    """Read a file."""
    letter = email.message_from_string(path.read_text())
    missing = [name for name in FIELDS if not letter[name]]
    unknown = set(letter) - {*FIELDS, "Also"}
    also = frozenset((letter["Also"] or "").split())
    if missing or unknown or also - VERDICTS:
        raise Trouble(f"{paths.shown(path)}: wrong header: "
                      f"{' '.join([*missing, *unknown, *(also - VERDICTS)])}")
    if not letter.get_payload().strip():
        raise Trouble(f"{paths.shown(path)}: no patch")
    text = {name: " ".join(letter[name].split()) for name in FIELDS}
    return Mutant(path.stem, text["Removed"], text["Lane"], text["Tests"], also,
                  letter.get_payload())


def wanted(patterns):
    """Those whose names match, or all."""
    return [load(path) for path in sorted(DIRECTORY.glob("*.patch"))
            if plan.matches(path.stem, patterns or "*")]


def apply(mutant, top, *options):
    """Patch the driver in top/driver; Trouble if it does not fit exactly."""
    done = subprocess.run(
        ["patch", "--force", "--fuzz=0", "--strip=1", "--reject-file=-",
         "--no-backup-if-mismatch", f"--directory={top}", *options],
        input=mutant.patch, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Trouble(f"the patch does not apply: {done.stdout.strip()}")


def _sync(source, target):
    """Make a directory's files alike; those that are so already keep their times."""
    target.mkdir(parents=True, exist_ok=True)
    wanted_files = {path.name: path.read_bytes() for path in source.iterdir()}
    for path in target.iterdir():
        if path.name not in wanted_files:
            path.unlink()
    for name, data in wanted_files.items():
        path = target / name
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)


def make_source(mutant, target):
    """The mutant's driver in a directory, which may hold another one's.

    Only what differs is written, so that make compiles only that again.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = pathlib.Path(name)
        shutil.copytree(paths.TOP / "driver", copy / "driver")
        apply(mutant, copy)
        _sync(copy / "driver", target)


@dataclasses.dataclass
class Outcome:
    """What a lane made of a driver: the guest's verdict, why, and its tests."""

    word: str
    reason: str
    stream: object              # tap.Stream

    def failed(self, patterns="*"):
        """Names of the tests that failed, but for the test of the verdict itself."""
        return [test.name for test in self.stream.tests
                if not test.ok and not test.name.endswith(".verdict")
                and plan.matches(test.name, patterns)]

    def passed(self, patterns):
        """How many of the tests passed."""
        return sum(test.ok and not test.skipped and plan.matches(test.name, patterns)
                   for test in self.stream.tests)


def objection(mutant, plain):
    """Why nothing can be said of a mutant, as the driver itself fares so; or ''."""
    if plain.word not in ("pass", "fail"):
        return f"the driver itself: {plain.word}: {plain.reason}"
    for pattern in mutant.tests.split():
        if plain.failed(pattern):
            return f"the driver itself fails {plain.failed(pattern)[0]}"
        if not plain.passed(pattern):
            return f"no test {pattern} has passed on the driver itself"
    return ""


def judge(mutant, outcome):
    """A word on a mutant, and the reason."""
    failed = outcome.failed()
    if outcome.word == "trouble":
        return "trouble", outcome.reason
    if failed:
        more = f" and {len(failed) - 1} more" if failed[1:] else ""
        return "killed", failed[0] + more
    if outcome.word in mutant.also:
        return "killed", f"{outcome.word}: {outcome.reason}"
    if outcome.word == "pass":
        return "survived", f"nobody missed that {mutant.removed}"
    return "lost", f"{outcome.word}: {outcome.reason}"
