# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: the driver with one thing taken away, which a test must notice.

A mutant is a patch, tests/mutants/NAME.patch, below a header like a letter's:

  SPDX-License-Identifier: GPL-2.0-only
  Removed: what the driver then lacks
  Lane: the lane in which it is killed
  Tests: shell patterns of the tests that fail then
  Also: verdicts that kill it as well, if any: splat lost residue timeout
  Alone: why no other lane can kill it, if so

Each runs in a guest of its own.  The driver itself runs the same tests first, once in
each lane: so that a test that always fails kills nobody.
"""

import asyncio
import collections
import dataclasses
import email
import functools
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from . import Trouble, lanes, paths, plan, schedule, tap, verdict

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
    alone: str = ""


def load(path):
    """Read a file."""
    letter = email.message_from_string(path.read_text())
    missing = [name for name in FIELDS if not letter[name]]
    unknown = set(letter) - {*FIELDS, "Also", "Alone"}
    also = frozenset((letter["Also"] or "").split())
    if missing or unknown or also - VERDICTS:
        raise Trouble(f"{paths.shown(path)}: wrong header: "
                      f"{' '.join([*missing, *unknown, *(also - VERDICTS)])}")
    if not letter.get_payload().strip():
        raise Trouble(f"{paths.shown(path)}: no patch")
    text = {name: " ".join(letter[name].split()) for name in FIELDS}
    return Mutant(path.stem, text["Removed"], text["Lane"], text["Tests"], also,
                  letter.get_payload(), " ".join((letter["Alone"] or "").split()))


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


def sync(source, target):
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
        sync(copy / "driver", target)


@dataclasses.dataclass
class Outcome:
    """What a lane made of a driver: the guest's verdict, why, and its tests."""

    word: str
    reason: str
    stream: object              # tap.Stream

    def failed(self, patterns="*"):
        """Names of the tests that failed, but for those of the lane itself."""
        return [test.name for test in self.stream.tests
                if not test.ok and not test.name.endswith((".verdict", ".skips"))
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


WORK = paths.BUILD / "mutants"
# A mutant may hang its guest for good.
SECONDS = 300

_WORDS = {0: "pass", **{status: word for word, status in verdict.STATUS.items()}}


async def _output(command, **more):
    """Run a command: its status and what it printed."""
    async with schedule.process(command, stderr=asyncio.subprocess.STDOUT, **more) as process:
        out = await process.stdout.read()
    return process.returncode, out.decode(errors="replace")


def module_target(lane):
    """The target of make that builds a module for a lane's kernel."""
    return next((need for need in plan.needs_of(lanes.load(lane))
                 if need.startswith("kernel-")), "module")


async def _make(*arguments):
    """Run make in the checkout; its status and what it printed."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return await _output(["make", "-s", "-C", paths.TOP, *arguments], env=environment)


async def build(source, objects, lane):
    """The module of a driver in another directory, for a lane's kernel."""
    status, out = await _make(module_target(lane), f"DRIVER={source}",
                              f"MODULE_DIR={objects}")
    if status:
        raise Trouble(f"it does not compile: {out.strip()}")
    return objects / "edudma.ko"


async def run(lane, tests, logs, module=None, seconds=SECONDS):
    """Run tests in a lane, with a module: the Outcome."""
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    environment = {**os.environ, "T": tests, "PYTHONPATH": str(paths.SCRIPTS)}
    if module:
        environment["EDUDMA_MODULE"] = str(module)
    try:
        status, out = await asyncio.wait_for(_output(
            [sys.executable, "-B", "-m", "lab.lane", lane, logs], env=environment), seconds)
    except asyncio.TimeoutError:
        return Outcome("timeout", f"not over after {seconds} s", tap.Stream())
    (logs / "tap").write_text(out)
    said = [line for line in out.splitlines() if line.startswith("# guest: ")]
    return Outcome(_WORDS.get(status, "fail"), said[-1][2:] if said else "",
                   tap.Stream.of(out))


class Campaign:
    """All of a call's mutants, and the guests that they share."""

    def __init__(self, chosen):
        self.chosen = chosen
        # Directories to build in; one that has held another mutant is built quickly.
        self.slots = []
        self.plain = {}
        self.results = {}

    def jobs(self):
        """The driver itself in each lane, and behind it the lane's mutants."""
        for name in dict.fromkeys(mutant.lane for mutant in self.chosen):
            weight = lanes.load(name).weight
            mine = [mutant for mutant in self.chosen if mutant.lane == name]
            # Those with most mutants behind them begin.
            yield schedule.Job(name, functools.partial(self.run_plain, name, mine), weight,
                               seconds=len(mine))
            for mutant in mine:
                yield schedule.Job(mutant.name, functools.partial(self.report, mutant),
                                   weight, (name,), seconds=1)

    async def run_plain(self, lane, mine):
        """The driver itself, with all tests of the lane's mutants."""
        tests = " ".join(dict.fromkeys(word for mutant in mine
                                       for word in mutant.tests.split()))
        if module_target(lane) != "module":
            await _make(module_target(lane))
        outcome = await run(lane, tests, WORK / f"driver-{lane}")
        print(f"{'driver':8}  {lane:10}  {outcome.word}", flush=True)
        self.plain[lane] = outcome
        return True

    async def try_mutant(self, mutant):
        """(word, reason) for a mutant."""
        wrong = objection(mutant, self.plain[mutant.lane])
        if wrong:
            return "trouble", wrong
        slot = self.slots.pop() if self.slots else next(_numbers)
        try:
            started = time.monotonic()
            source = WORK / f"slot{slot}/source"
            make_source(mutant, source)
            module = await build(source, WORK / f"slot{slot}/module", mutant.lane)
            outcome = await run(mutant.lane, mutant.tests, WORK / mutant.name, module)
            word, reason = judge(mutant, outcome)
            return word, f"{reason} ({time.monotonic() - started:.0f} s)"
        finally:
            self.slots.append(slot)

    async def report(self, mutant):
        """Try a mutant and say what came out."""
        try:
            word, reason = await self.try_mutant(mutant)
        except Trouble as trouble:
            word, reason = "trouble", str(trouble)
        self.results[mutant.name] = word
        print(f"{word:8}  {mutant.lane:10}  {mutant.name}: {reason}", flush=True)
        return True


_numbers = itertools.count()


def _table(chosen):
    """What only one lane notices, in Markdown."""
    yield "| lane | mutant | the driver then lacks that | alone, because |"
    yield "| --- | --- | --- | --- |"
    for mutant in sorted(chosen, key=lambda mutant: (mutant.lane, mutant.name)):
        if mutant.alone:
            yield (f"| `{mutant.lane}` | `{mutant.name}` | {mutant.removed} | "
                   f"{mutant.alone} |")


def main(arguments, usage):
    """The program; the status is 0 if every mutant was killed."""
    if arguments not in ([], ["--list"]):
        print(usage.strip())
        return 0 if arguments == ["--help"] else 2
    try:
        chosen = wanted(os.environ.get("MUTANTS", ""))
    except Trouble as trouble:
        print(f"mutants: {trouble}", file=sys.stderr)
        return 1
    if arguments:
        print("\n".join(_table(chosen)))
        return 0
    campaign = Campaign(chosen)
    try:
        schedule.run(list(campaign.jobs()), schedule.room())
    except schedule.Stopped:
        return 1
    # One that is not among the results has raised an exception.
    results = {mutant.name: campaign.results.get(mutant.name, "trouble") for mutant in chosen}
    words = collections.Counter(results.values())
    for name, word in results.items():
        if word != "killed":
            print(f"{word}: {name}: logs in {paths.shown(WORK / name)}")
    print(f"\n{words['killed']} killed, {words['survived']} survived, "
          f"{words['lost']} lost, {words['trouble']} in trouble")
    return 0 if chosen and words["killed"] == len(chosen) else 1
