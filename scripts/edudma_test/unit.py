# SPDX-License-Identifier: GPL-2.0-only
"""Python's unittest, printing TAP."""

import sys
import unittest

from . import tap


class _Result(unittest.TestResult):
    """Prints each test as it ends."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def _say(self, test, ok, directive="", text=""):
        self.number += 1
        name = test.id().removeprefix("__main__.")
        print(tap.Test(ok, name=name, directive=directive).line(self.number))
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


def main():
    """Run the tests of the program that calls this, or those it was told.

    They are told as CLASS or CLASS.TEST.
    """
    module = sys.modules["__main__"]
    loader = unittest.defaultTestLoader
    tests = (loader.loadTestsFromNames(sys.argv[1:], module) if sys.argv[1:]
             else loader.loadTestsFromModule(module))
    result = _Result()
    tests.run(result)
    print(f"1..{result.number}")
    sys.exit(0 if result.wasSuccessful() and result.number else 1)
