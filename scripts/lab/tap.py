# SPDX-License-Identifier: GPL-2.0-only
"""Reading and writing TAP, the lines that tests print.  https://testanything.org
"""

import dataclasses
import re

_TEST = re.compile(r"^(?P<no>not )?ok\b(?: +(?P<number>\d+))?(?: +(?:- )?"
                   r"(?P<name>(?:(?!#).)*))?(?:# *(?P<directive>.*))?$")
_PLAN = re.compile(r"^1\.\.(\d+)(?: *# *(.*))?$")


@dataclasses.dataclass
class Test:
    """One test's line."""

    ok: bool
    number: int = 0
    name: str = ""
    directive: str = ""

    @property
    def skipped(self):
        """Was it not run, for a reason?"""
        return self.ok and self.directive.upper().startswith("SKIP")

    @property
    def reason(self):
        """Why it was not run."""
        return self.directive[len("SKIP"):].strip() if self.skipped else ""

    def line(self, number):
        """The test's line again, under another number."""
        word = "ok" if self.ok else "not ok"
        name = f" - {self.name}" if self.name else ""
        return f"{word} {number}{name}" + (f" # {self.directive}"
                                           if self.directive else "")


def parse_test(line):
    """A Test, or None if the line is none."""
    found = _TEST.match(line)
    if not found:
        return None
    return Test(not found["no"], int(found["number"] or 0),
                (found["name"] or "").strip(), (found["directive"] or "").strip())


def parse_plan(line):
    """How many tests a plan announces, or None if the line is no plan."""
    found = _PLAN.match(line)
    return int(found[1]) if found else None


@dataclasses.dataclass
class Stream:
    """A whole stream, read line by line."""

    plan: int = None
    tests: list = dataclasses.field(default_factory=list)
    bailed: str = ""

    def feed(self, line):
        """Take a line; return its Test, if it is one."""
        if line.startswith("Bail out!"):
            self.bailed = line
        number = parse_plan(line)
        if number is not None and self.plan is None:
            self.plan = number
            return None
        test = parse_test(line)
        if test:
            self.tests.append(test)
        return test

    @classmethod
    def of(cls, text):
        """The stream in a text."""
        stream = cls()
        for line in text.splitlines():
            stream.feed(line)
        return stream

    def count(self):
        """(passed, failed, skipped)."""
        skipped = sum(test.skipped for test in self.tests)
        failed = sum(not test.ok for test in self.tests)
        return len(self.tests) - failed - skipped, failed, skipped

    def broken(self):
        """Why this cannot be all that was to come, or ''."""
        if self.bailed:
            return self.bailed
        if self.plan is None:
            return "the plan is missing"
        if self.plan != len(self.tests):
            return f"{self.plan} tests were planned, {len(self.tests)} reported"
        numbers = [test.number for test in self.tests if test.number]
        if numbers != list(range(1, len(numbers) + 1)):
            return "the tests are not numbered in order"
        return ""
