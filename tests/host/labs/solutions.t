#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Set: labs
# Needs: qemu kernel-6.1+debug
"""Labs: each bug shows itself as the page says, and is found by the tests; with the
solution, neither.  EDUDMA_TEST='*04*' chooses.
"""

import contextlib
import io
import os
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import labs, mutants, paths, unit

# Not where learners work.
labs.WORK = paths.BUILD / os.environ.get("EDUDMA_LABS", "labs.test")


class Solutions(unittest.TestCase):
    """One test for each lab."""


def show(lab):
    """What the commands of the page print with a driver, and what is wrong with it."""
    module = labs.build(lab)
    with contextlib.redirect_stdout(io.StringIO()):
        return labs.show(lab, module), labs.check(lab, module)


def add(lab):
    """The test of a lab."""
    def test(self):
        labs.reset(lab)
        labs.begin(lab)
        said, wrong = show(lab)
        self.assertTrue(re.search(lab.shows, said, re.M), f"not shown:\n{said}")
        self.assertTrue(wrong, "the bug is not found")

        mutants.apply(lab.mutant, lab.directory, "--reverse")
        for name in lab.files:
            self.assertEqual((TOP / "driver" / name).read_text(),
                             (lab.source / name).read_text())
        said, wrong = show(lab)
        self.assertFalse(re.search(lab.shows, said, re.M), f"shown, without the bug:\n{said}")
        self.assertEqual([], wrong)
    setattr(Solutions, f"test_{lab.name}", test)


for one in labs.every():
    add(one)
unit.main()
