#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Coverage by line, as far as it needs no guest."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import coverage
from lab.coverage import Line
from lab import unit

LIST = """\
# A remark
Nobody has so little memory:
	chunk.c edudma_chunk_alloc: goto err_free;
sometimes: who comes first is chance
	ring.c edudma_ring: return -EBUSY; /* x: y */
"""


class Unreached(unittest.TestCase):
    """The list of lines that nothing reaches."""

    def setUp(self):
        self.listed = coverage.parse_unreached(LIST)
        self.never, self.sometimes = self.listed
        self.counts = {self.never: 0, self.sometimes: 0,
                       Line("chunk.c", "edudma_chunk_alloc", "return chunk;"): 3}

    def wrong(self):
        """What is said of them."""
        return list(coverage.wrong_lines(self.listed, self.counts))

    def test_a_list_that_is_right(self):
        self.assertEqual(Line("ring.c", "edudma_ring", "return -EBUSY; /* x: y */"),
                         self.sometimes)
        self.assertEqual([], self.wrong())
        self.counts[self.sometimes] = 1
        self.assertEqual([], self.wrong())

    def test_what_was_reached_may_not_be_listed(self):
        self.counts[self.never] = 1
        self.assertRegex(self.wrong()[0], "was reached: chunk.c")

    def test_what_was_not_reached_must_be(self):
        self.counts[Line("chunk.c", "edudma_chunk_free", "kfree(chunk);")] = 0
        self.assertRegex(self.wrong()[0], "is not listed: chunk.c edudma_chunk_free")

    def test_what_is_no_line_may_not_be(self):
        for line in list(self.listed):
            with self.subTest(str(line)):
                self.setUp()
                del self.counts[line]
                self.assertRegex(self.wrong()[0], "no line of the driver")


unit.main()
