#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What runs when: needs, weights, and what goes first."""

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import schedule, unit


# Runs the tests of a directory as the host's.
RUN = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from lab import plan, runner
files = {plan.name_of(path): path for path in pathlib.Path(sys.argv[2]).glob("*.t")}
plan.host_tests = lambda: files
sys.exit(runner.main([], ""))
"""


class Schedule(unittest.TestCase):
    """Jobs that take no time but turns of the loop."""

    def setUp(self):
        self.began = []
        self.running = 0
        self.most = 0
        self.blocked = []
        self.raised = []

    def job(self, name, good=True, turns=3, **more):
        """A job that says when it begins."""
        async def work():
            self.began.append(name)
            self.running += more.get("weight", 1)
            self.most = max(self.most, self.running)
            for _ in range(turns):
                await asyncio.sleep(0)
            self.running -= more.get("weight", 1)
            return good
        return schedule.Job(name, work, **more)

    def run_all(self, *jobs, room=1):
        """Run them."""
        schedule.run(jobs, room, lambda job, need: self.blocked.append((job.name, need)),
                     lambda job, error: self.raised.append((job.name, str(error))))

    def test_longest_first_and_unknown_before(self):
        self.run_all(self.job("short", seconds=1), self.job("long", seconds=9),
                     self.job("unknown"))
        self.assertEqual(["unknown", "long", "short"], self.began)

    def test_what_others_wait_for_goes_first(self):
        self.run_all(self.job("long", seconds=9), self.job("build", seconds=2),
                     self.job("behind", seconds=8, needs=("build",)))
        self.assertEqual(["build", "long", "behind"], self.began)

    def test_as_many_as_there_is_room_for(self):
        self.run_all(*(self.job(f"{n}", seconds=1) for n in range(5)), room=2)
        self.assertEqual(2, self.most)
        self.assertEqual(5, len(self.began))

    def test_weights(self):
        self.run_all(*(self.job(f"{n}", weight=0.5, seconds=1) for n in range(6)), room=2)
        self.assertEqual(2, self.most)
        # Four of them are two processors.
        self.assertEqual(["0", "1", "2", "3"], self.began[:4])

    def test_a_light_one_fills_what_a_heavy_one_leaves(self):
        self.run_all(self.job("first", seconds=9, turns=9, weight=1.5),
                     self.job("heavy", seconds=8), self.job("light", seconds=1, weight=0.5),
                     room=2)
        self.assertEqual(["first", "light", "heavy"], self.began)

    def test_room_is_kept_while_a_build_ends(self):
        for seconds, order in ((1, ["build", "behind", "light"]),
                               (100, ["build", "light", "behind"])):
            self.began.clear()
            with self.subTest(seconds):
                self.run_all(self.job("build", seconds=seconds, weight=0.5),
                             self.job("behind", seconds=9, weight=1.5, needs=("build",)),
                             self.job("light", seconds=2), room=2)
                self.assertEqual(order, self.began)

    def test_one_that_needs_more_than_there_is_runs_alone(self):
        self.run_all(self.job("heavy", weight=4), self.job("light"), room=2)
        self.assertEqual(["heavy", "light"], sorted(self.began))

    def test_what_needs_a_failed_one_is_not_run(self):
        self.run_all(self.job("build", good=False), self.job("a", needs=("build",)),
                     self.job("b", needs=("a",)), self.job("c"))
        self.assertEqual(["build", "c"], sorted(self.began))
        self.assertEqual([("a", "build"), ("b", "a")], self.blocked)

    def test_one_that_raises_has_failed(self):
        async def work():
            raise OSError("no space left")
        self.run_all(schedule.Job("a", work), self.job("b"), self.job("c", needs=("a",)))
        self.assertEqual(["b"], self.began)
        self.assertEqual([("c", "a")], self.blocked)
        self.assertEqual([("a", "no space left")], self.raised)

    def test_a_run_with_one_that_raises_ends_as_others(self):
        with tempfile.TemporaryDirectory() as name:
            group = pathlib.Path(name) / "group"
            group.mkdir()
            for which, mode in (("sound", 0o755), ("broken", 0o644)):
                path = group / f"{which}.t"
                path.write_text("#!/bin/sh\necho ok 1 - works\necho 1..1\n")
                path.chmod(mode)
            done = subprocess.run(
                [sys.executable, "-B", "-c", RUN, TOP / "scripts", group], text=True,
                check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, "T": "group.*", "COUNT": "", "LANES": "",
                     "EDUDMA_BUILD": name, "EDUDMA_CACHE": name})
            junit = (pathlib.Path(name) / "results/latest/junit.xml").read_text()
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"),
                         (done.returncode, done.stdout.splitlines()[-1]), done.stdout)
        self.assertIn("FAILED group.broken: Traceback", done.stdout)
        self.assertIn("Permission denied", done.stdout)
        self.assertIn("Permission denied", junit)

    def test_a_signal_ends_it_and_takes_processes_along(self):
        child = None

        async def work():
            nonlocal child
            async with schedule.process(["sleep", "1000"]) as process:
                child = process.pid
                os.kill(os.getpid(), signal.SIGTERM)
                await process.stdout.read()
            return True
        with self.assertRaises(schedule.Stopped):
            self.run_all(schedule.Job("a", work))
        self.assertFalse(pathlib.Path(f"/proc/{child}").exists())

    def test_processes_end_with_a_killed_parent(self):
        script = ("import asyncio, sys; sys.path.insert(0, sys.argv[1])\n"
                  "from lab import schedule\n"
                  "async def work():\n"
                  "    async with schedule.process(['sleep', '1000']) as process:\n"
                  "        print(process.pid, flush=True)\n"
                  "        await process.stdout.read()\n"
                  "schedule.run([schedule.Job('a', work)], 1, None, None)\n")
        with subprocess.Popen([sys.executable, "-B", "-c", script, TOP / "scripts"], text=True,
                              stdout=subprocess.PIPE) as parent:
            child = pathlib.Path(f"/proc/{parent.stdout.readline().strip()}/comm")
            parent.kill()
        # A process that has ended may still be there for who collects it.
        while child.exists() and "Z" not in (child.parent / "stat").read_text().split()[2]:
            time.sleep(0.01)


if __name__ == "__main__":
    unit.main()
