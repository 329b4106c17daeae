# SPDX-License-Identifier: GPL-2.0-only
"""On the host: run mutants, each in a guest of its own, and say who lives.

The driver itself runs the same tests first, once in each lane: so that a test
that always fails kills nobody.
"""

import asyncio
import collections
import os
import shutil
import signal
import sys
import time

from edudma_guest import Trouble, paths, session, verdict

from . import mutants, tap

WORK = paths.BUILD / "mutants"
# A mutant may hang its guest for good.
SECONDS = 300

_WORDS = {0: "pass", **{status: word for word, status in verdict.STATUS.items()}}


async def _output(command, **more):
    """Run a command: its status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=lambda: session.die_with_parent(signal.SIGTERM), **more)
    try:
        out, _ = await process.communicate()
    except BaseException:
        process.terminate()
        await process.wait()
        raise
    return process.returncode, out.decode(errors="replace")


async def _build(slot, mutant):
    """The mutant's module."""
    source, objects = WORK / f"slot{slot}/source", WORK / f"slot{slot}/module"
    mutants.make_source(mutant, source)
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    status, out = await _output(
        ["make", "-s", "-C", paths.TOP, "module", f"DRIVER={source}",
         f"MODULE_DIR={objects}"], env=environment)
    if status:
        raise Trouble(f"it does not compile: {out.strip()}")
    return objects / "edudma.ko"


async def _run(lane, tests, name, module=None):
    """Run tests in a lane: the Outcome."""
    logs = WORK / name
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    environment = {**os.environ, "T": tests}
    if module:
        environment["EDUDMA_MODULE"] = str(module)
    try:
        status, out = await asyncio.wait_for(_output(
            [paths.SCRIPTS / "test-one", "--lane", lane, logs], env=environment), SECONDS)
    except asyncio.TimeoutError:
        return mutants.Outcome("timeout", f"not over after {SECONDS} s", tap.Stream())
    (logs / "tap").write_text(out)
    said = [line for line in out.splitlines() if line.startswith("# guest: ")]
    return mutants.Outcome(_WORDS.get(status, "fail"), said[-1][2:] if said else "",
                           tap.Stream.of(out))


class Campaign:
    """All of a call's mutants, and the guests that they share."""

    def __init__(self, chosen, jobs):
        self.chosen = chosen
        self.slots = asyncio.Queue()
        for slot in range(jobs):
            self.slots.put_nowait(slot)
        self.plain = {}
        self.results = {}

    async def in_slot(self, work):
        """Do work, for which there is room once in a slot."""
        slot = await self.slots.get()
        try:
            return await work(slot)
        finally:
            self.slots.put_nowait(slot)

    async def run_plain(self, lane):
        """The driver itself, with all tests of the lane's mutants."""
        tests = " ".join(dict.fromkeys(word for mutant in self.chosen
                                       if mutant.lane == lane
                                       for word in mutant.tests.split()))
        outcome = await self.in_slot(lambda _: _run(lane, tests, f"driver-{lane}"))
        print(f"{'driver':8}  {lane:10}  {outcome.word}", flush=True)
        return outcome

    async def try_mutant(self, mutant):
        """(word, reason) for a mutant."""
        plain = await self.plain[mutant.lane]
        wrong = mutants.objection(mutant, plain)
        if wrong:
            return "trouble", wrong

        async def work(slot):
            started = time.monotonic()
            module = await _build(slot, mutant)
            outcome = await _run(mutant.lane, mutant.tests, mutant.name, module)
            word, reason = mutants.judge(mutant, outcome)
            return word, f"{reason} ({time.monotonic() - started:.0f} s)"
        return await self.in_slot(work)

    async def report(self, mutant):
        """Try a mutant and say what came out."""
        try:
            word, reason = await self.try_mutant(mutant)
        except Trouble as trouble:
            word, reason = "trouble", str(trouble)
        self.results[mutant.name] = word
        print(f"{word:8}  {mutant.lane:10}  {mutant.name}: {reason}", flush=True)

    async def run(self):
        """All of them."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, asyncio.current_task().cancel)
        for lane in dict.fromkeys(mutant.lane for mutant in self.chosen):
            self.plain[lane] = asyncio.ensure_future(self.run_plain(lane))
        await asyncio.gather(*self.plain.values(), *map(self.report, self.chosen))


def main():
    """The program; the status is 0 if every mutant was killed."""
    try:
        chosen = mutants.wanted(os.environ.get("MUTANTS", ""))
    except Trouble as trouble:
        print(f"test-mutants: {trouble}", file=sys.stderr)
        return 1
    campaign = Campaign(chosen, int(os.environ.get("JOBS") or 2))
    try:
        asyncio.run(campaign.run())
    except asyncio.CancelledError:
        return 1
    words = collections.Counter(campaign.results.values())
    for name, word in campaign.results.items():
        if word != "killed":
            print(f"{word}: {name}: logs in {paths.shown(WORK / name)}")
    print(f"\n{words['killed']} killed, {words['survived']} survived, "
          f"{words['lost']} lost, {words['trouble']} in trouble")
    return 0 if chosen and words["killed"] == len(chosen) else 1
