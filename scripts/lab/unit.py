# SPDX-License-Identifier: GPL-2.0-only
"""Python's unittest, printing TAP."""

import fnmatch
import os
import sys
import unittest

from . import tap


def name_of(test):
    """CLASS.TEST."""
    return test.id().removeprefix("__main__.")


class _Result(unittest.TestResult):
    """Prints each test as it ends."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def _say(self, test, ok, directive="", text=""):
        self.number += 1
        print(tap.Test(ok, name=name_of(test), directive=directive).line(self.number))
        for line in text.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def addSuccess(self, test):
        self._say(test, True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(test, True, f"SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say(test, False, text=self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say(test, False, text=self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            failed = issubclass(err[0], test.failureException)
            self._say(subtest, False,
                      text=(self.failures if failed else self.errors)[-1][1])


def _tests(suite):
    """Each test of a suite of suites."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _tests(test)
        else:
            yield test


def main():
    """Run the tests of the program that calls this, or those that EDUDMA_TEST matches.

    There may be several patterns of CLASS.TEST, separated by blanks.
    """
    patterns = (os.environ.get("EDUDMA_TEST") or "*").split()
    module = sys.modules["__main__"]
    wanted = unittest.TestSuite(
        test for test in _tests(unittest.defaultTestLoader.loadTestsFromModule(module))
        if any(fnmatch.fnmatchcase(name_of(test), pattern) for pattern in patterns))
    result = _Result()
    wanted.run(result)
    print(f"1..{result.number}")
    sys.exit(0 if result.wasSuccessful() and result.number else 1)
