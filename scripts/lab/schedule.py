# SPDX-License-Identifier: GPL-2.0-only
"""Jobs with needs and weights, as many at a time as there is room for.

A job's weight is the share of a processor that it keeps busy: a guest that waits
for its device is lighter than one that computes.  What others wait for goes first,
then what takes longest.
"""

import asyncio
import contextlib
import dataclasses
import os
import signal
import time
import traceback
import typing

from . import session

# What a job is expected to take when nobody knows: longer than any.
UNKNOWN = 10_000
# A weight is an average.  Some guests wait while others want more than theirs, so
# that processors are busy if they are promised this many times.
WAITING = 1.2
# Room is kept for a job that waits for a build which ends in so many seconds, or
# should have ended that long ago.
SOON = 10
SLACK = 5


@dataclasses.dataclass
class Job:
    """Something to be done once.

    work is called without arguments and awaited; it tells whether what needs this job
    may begin.  If it raises an exception, it has failed.  needs are names of other jobs.
    """

    name: str
    work: typing.Callable
    weight: float = 1
    needs: tuple = ()
    seconds: float = None


def room():
    """How much may run at a time, on JOBS processors, or all of this machine."""
    return WAITING * float(os.environ.get("JOBS") or len(os.sched_getaffinity(0)))


def _urgency(jobs):
    """name -> seconds from a job's start to the end of the last one behind it."""
    behind = {job.name: [other for other in jobs if job.name in other.needs]
              for job in jobs}
    known = {}

    def of(job):
        if job.name not in known:
            own = UNKNOWN if job.seconds is None else job.seconds
            known[job.name] = own + max(map(of, behind[job.name]), default=0)
        return known[job.name]
    for job in jobs:
        of(job)
    return known


class _Schedule:
    """Jobs on their way."""

    def __init__(self, jobs, capacity, blocked, raised):
        urgency = _urgency(jobs)
        self.waiting = sorted(jobs, key=lambda job: -urgency[job.name])
        self.capacity = capacity
        self.blocked = blocked
        self.raised = raised
        self.good = set()
        self.bad = set()
        self.running = {}           # task -> job
        self.began = {}             # name -> when

    def _drop_blocked(self):
        """Those that need what has failed; they fail others in turn."""
        while True:
            lost = [job for job in self.waiting if self.bad & set(job.needs)]
            if not lost:
                return
            for job in lost:
                self.waiting.remove(job)
                self.bad.add(job.name)
                self.blocked(job, sorted(self.bad & set(job.needs))[0])

    def _ready_soon(self, job):
        """Does it wait only for what is expected to end in a moment?"""
        ends = {other.name: self.began[other.name] + other.seconds
                for other in self.running.values() if other.seconds is not None}
        now = time.monotonic()
        return all(now <= ends.get(need, 0) + SLACK and ends[need] <= now + SOON
                   for need in set(job.needs) - self.good)

    def _start(self):
        """Start what fits; is room kept for those that may begin in a moment?"""
        kept = 0
        for job in list(self.waiting):
            used = kept + sum(other.weight for other in self.running.values())
            if self.running and used + job.weight > self.capacity:
                continue
            if set(job.needs) <= self.good:
                self.waiting.remove(job)
                self.began[job.name] = time.monotonic()
                self.running[asyncio.ensure_future(job.work())] = job
            elif self._ready_soon(job):
                kept += job.weight
        return kept

    def _end(self, job, task):
        error = task.exception()
        if error:
            self.raised(job, error)
        (self.bad if error or not task.result() else self.good).add(job.name)

    async def run(self):
        """To the end of all."""
        try:
            while self.waiting or self.running:
                self._drop_blocked()
                kept = self._start()
                if not self.running:
                    break
                done, _ = await asyncio.wait(self.running, timeout=1 if kept else None,
                                             return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._end(self.running.pop(task), task)
        finally:
            for task in self.running:
                task.cancel()
            await asyncio.gather(*self.running, return_exceptions=True)


class Stopped(Exception):
    """A signal asked to stop, and every job has been ended."""


def complain(job, error):
    """Say what exception a job's work has raised."""
    print(f"FAILED {job.name}: {''.join(traceback.format_exception(error))}", flush=True)


def run(jobs, capacity, blocked=lambda job, need: None, raised=complain):
    """Run jobs.

    blocked(job, need) is called for each that cannot be run, raised(job, error) for
    each whose work raises an exception.  Returns whether all jobs succeeded.
    Raises Stopped when a signal has ended the run before its time.
    """
    async def main():
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, asyncio.current_task().cancel)
        schedule = _Schedule(jobs, capacity, blocked, raised)
        await schedule.run()
        return not schedule.bad
    try:
        return asyncio.run(main())
    except asyncio.CancelledError as cancelled:
        raise Stopped from cancelled


@contextlib.asynccontextmanager
async def process(command, **more):
    """A process whose output is read here; whoever is cancelled takes it along."""
    child = await asyncio.create_subprocess_exec(
        *map(str, command), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, limit=1 << 24,
        preexec_fn=lambda: session.die_with_parent(signal.SIGTERM), **more)
    try:
        yield child
    except BaseException:
        if child.returncode is None:
            child.terminate()
        raise
    finally:
        await child.wait()
