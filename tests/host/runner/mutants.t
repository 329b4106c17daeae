#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: that each can be tried, and what is thought of it then."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import Trouble, by_test, lanes, mutants, plan, tap, unit


def named_tests(path):
    """The tests of a suite in C as its source tells them, with each variant."""
    suite, source = path.stem, path.read_text()
    variants = {}
    for fixture, variant in re.findall(r"^FIXTURE_VARIANT_ADD\((\w+), (\w+)\)",
                                       source, re.MULTILINE):
        variants.setdefault(fixture, []).append(variant)
    for fixture, name in re.findall(r"^TEST_F\w*\((\w+), (\w+)[,)]", source, re.MULTILINE):
        for variant in variants.get(fixture, [""]):
            yield ".".join(filter(None, (suite, fixture, variant, name)))


class Files(unittest.TestCase):
    """tests/mutants/"""

    def test_each_applies_and_names_tests_of_its_lane(self):
        tests = {path.stem: list(named_tests(path))
                 for path in TOP.glob("tests/suites/*/*.c")}
        chosen = mutants.wanted("")
        self.assertTrue(chosen)
        for mutant in chosen:
            with self.subTest(mutant.name):
                mutants.apply(mutant, TOP, "--dry-run")
                there = [name for suite in plan.suites_of(mutant.lane)
                         for name in tests.get(suite, [])]
                for pattern in mutant.tests.split():
                    self.assertTrue(any(plan.matches(name, pattern) for name in there),
                                    f"no test {pattern} in lane {mutant.lane}")

    def test_what_detectors_are_proved_with_applies(self):
        patches = sorted((TOP / "tests/detectors").glob("*.patch"))
        self.assertTrue(patches)
        for path in patches:
            with self.subTest(path.stem):
                done = subprocess.run(
                    ["patch", "--batch", "--dry-run", "--fuzz=0", "--strip=1",
                     f"--directory={TOP}", f"--input={path}"],
                    check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_what_only_a_lane_kills_is_killed_by_make_test(self):
        for mutant in mutants.wanted(""):
            lane = lanes.load(mutant.lane)
            if not mutant.alone or lane.set != plan.GATE:
                continue
            runs = [name for _, tests in by_test.of_lane(mutant.lane) for name in tests
                    if plan.matches(name, " ".join(lane.tests) or "*")]
            with self.subTest(mutant.name):
                self.assertTrue(any(plan.matches(name, mutant.tests) for name in runs),
                                f"lane {mutant.lane} leaves out {mutant.tests}")

    def test_each_lane_of_make_test_kills_what_no_other_does(self):
        alone = {mutant.lane for mutant in mutants.wanted("") if mutant.alone}
        # All others are like stock in something; programs have no driver of their own.
        self.assertEqual(set(), set(plan.lanes_of(plan.GATE)) - alone - {"stock", "programs"})

    def test_choice(self):
        names = [mutant.name for mutant in mutants.wanted("")]
        self.assertEqual(names[:1], [mutant.name for mutant in mutants.wanted(names[0])])
        self.assertEqual([], mutants.wanted("nothing-of-the-kind"))


PATCH = """\
SPDX-License-Identifier: GPL-2.0-only
Removed: what makes
 one two
Lane: stock
Tests: a.*
 b.c.d
{more}
--- a/driver/file.c
+++ b/driver/file.c
@@ -1,3 +1,3 @@
 zero
-one
+two
 three
"""


class Reading(unittest.TestCase):
    """A file of one's own, and a driver for it."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = pathlib.Path(directory.name)
        (self.top / "driver").mkdir()
        (self.top / "driver/file.c").write_text("zero\none\nthree\n")
        (self.top / "driver/other.c").write_text("same\n")
        patch = mock.patch("lab.paths.TOP", self.top)
        patch.start()
        self.addCleanup(patch.stop)

    def load(self, text):
        """What a file with this text is read as."""
        path = self.top / "name.patch"
        path.write_text(text)
        return mutants.load(path)

    def test_header(self):
        mutant = self.load(PATCH.format(more="Also: splat lost\n"))
        self.assertEqual(("name", "what makes one two", "stock", "a.* b.c.d",
                          {"splat", "lost"}),
                         (mutant.name, mutant.removed, mutant.lane, mutant.tests,
                          mutant.also))

    def test_wrong_header(self):
        good = PATCH.format(more="")
        for text in (good.replace("Lane:", "Lame:"), good.replace("SPDX-", ""),
                     PATCH.format(more="Also: trouble\n"),
                     PATCH.format(more="Also: splot\n"),
                     PATCH.format(more="More: x\n"), good.split("---")[0], ""):
            with self.subTest(text), self.assertRaises(Trouble):
                self.load(text)

    def test_source_is_patched_and_the_rest_left_alone(self):
        mutant = self.load(PATCH.format(more=""))
        target = self.top / "target"
        mutants.make_source(mutant, target)
        self.assertEqual("zero\ntwo\nthree\n", (target / "file.c").read_text())
        for path in target.iterdir():
            os.utime(path, (1, 1))
        (target / "stray.c").touch()
        mutant.patch = mutant.patch.replace("+two", "+four")
        mutants.make_source(mutant, target)
        self.assertEqual("zero\nfour\nthree\n", (target / "file.c").read_text())
        self.assertEqual({"file.c", "other.c"}, {path.name for path in target.iterdir()})
        self.assertEqual(1, (target / "other.c").stat().st_mtime)
        self.assertLess(1, (target / "file.c").stat().st_mtime)
        self.assertEqual("zero\none\nthree\n", (self.top / "driver/file.c").read_text())

    def test_patch_that_does_not_fit(self):
        mutant = self.load(PATCH.format(more=""))
        for text in ("zero\nONE\nthree\n", "zero\ntwo\nthree\n", "ZERO\none\nthree\n"):
            (self.top / "driver/file.c").write_text(text)
            with self.subTest(text), self.assertRaises(Trouble):
                mutants.apply(mutant, self.top, "--dry-run")


class Judging(unittest.TestCase):
    """From a lane's outcome to a word."""

    MUTANT = mutants.Mutant("name", "it", "stock", "a.b.* a.c.d", frozenset({"splat"}), "")

    def outcome(self, word, *lines):
        """An outcome with these tests."""
        return mutants.Outcome(word, "reason", tap.Stream.of("\n".join(lines)))

    def test_words(self):
        good, bad = "ok 1 - a.b.c", "not ok 1 - a.b.c"
        for want, word, lines in (
                ("killed", "fail", [bad]),
                ("killed", "fail", [good, "not ok 2 - a: ended by signal 9"]),
                ("killed", "lost", [bad]),
                ("killed", "splat", [good]),
                ("survived", "pass", [good]),
                ("lost", "lost", [good]),
                ("lost", "timeout", []),
                ("lost", "residue", [good, "not ok 2 - stock.verdict"]),
                ("lost", "fail", [good, "not ok 2 - stock.verdict"]),
                ("trouble", "trouble", [])):
            with self.subTest(word=word, lines=lines):
                self.assertEqual(
                    want, mutants.judge(self.MUTANT, self.outcome(word, *lines))[0])

    def test_driver_itself_must_pass_each_of_the_tests(self):
        b, c = "ok 1 - a.b.x", "ok 2 - a.c.d"
        for want, word, lines in (
                (True, "pass", [b, c]),
                (True, "fail", [b, c, "not ok 3 - x.y.z"]),
                (False, "pass", [b]),
                (False, "pass", [b, f"{c} # SKIP no"]),
                (False, "fail", [b, c, "not ok 3 - a.b.y"]),
                (False, "splat", [b, c]),
                (False, "timeout", [b, c])):
            with self.subTest(word=word, lines=lines):
                said = mutants.objection(self.MUTANT, self.outcome(word, *lines))
                self.assertEqual(want, not said)


if __name__ == "__main__":
    unit.main()
