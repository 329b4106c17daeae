# SPDX-License-Identifier: GPL-2.0-only
"""In the guest: run the suites one after the other, make one stream of theirs.

A suite is a program of the kernel's selftest harness.  Its tests are called
SUITE.FIXTURE.TEST.  The stream's plan comes last and counts what was reported,
plus one failure for each suite that died, or said other than it planned: a
guest that ends early leaves a stream without a plan.
"""

import os
import re
import subprocess
import sys

from . import tap

# The harness says which test it starts; a skipped test's own line has no name.
_RUN = re.compile(r"^# +RUN +(\S+) \.\.\.")
# What the test's own line says as well.
_KNOWN = re.compile(r"^(TAP version|1\.\.|# +(RUN|OK|FAIL) )")


class Merger:
    """The one stream that all suites' lines go to."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.number = 0
        self.failed = 0
        self.say("TAP version 13")

    def say(self, line):
        """Write a line, at once."""
        self.out.write(line + "\n")
        self.out.flush()

    def report(self, test):
        """Write a test's line, under the next number."""
        self.number += 1
        self.failed += not test.ok
        self.say(test.line(self.number))

    def finish(self):
        """End the stream."""
        self.say(f"1..{self.number}")


class Suite:
    """One suite's lines, on their way to the merger."""

    def __init__(self, name, merger):
        self.name = name
        self.merger = merger
        self.stream = tap.Stream()
        self.running = ""

    def line(self, line):
        """Take a line."""
        started = _RUN.match(line)
        if started:
            self.running = started[1]
        test = self.stream.feed(line)
        if test:
            test.name = f"{self.name}.{self.running or test.name or test.number}"
            self.merger.report(test)
            self.running = ""
        elif not _KNOWN.match(line):
            self.merger.say(f"# {self.name}: {line.removeprefix('#').strip()}")

    def end(self, status):
        """Take how the program ended."""
        wrong = self.stream.broken()
        if not wrong and status not in (0, 4) and not self.stream.count()[1]:
            wrong = "no test failed, yet the suite"
        if wrong:
            if status:
                wrong += (f"; ended by signal {-status}" if status < 0 else
                          f"; ended with status {status}")
            if self.running:
                wrong += f"; the last test begun was {self.running}"
            self.merger.report(tap.Test(False, name=f"{self.name}: {wrong}"))


def run(path, merger):
    """Run one suite."""
    suite = Suite(os.path.basename(path), merger)
    try:
        with subprocess.Popen([path], stdin=subprocess.DEVNULL, text=True,
                              errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            for line in process.stdout:
                suite.line(line.rstrip("\n"))
        status = process.returncode
    except OSError as error:
        suite.line(f"# {error}")
        status = 127
    suite.end(status)


def main(paths):
    """Run all of them; the status says whether all went well."""
    merger = Merger()
    for path in paths:
        run(path, merger)
    merger.finish()
    return 1 if merger.failed else 0
