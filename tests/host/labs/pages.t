#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Labs: that each is complete, what is done with a learner's work, and what is said of it.

That each bug shows itself, and is found, is tested by labs.solutions.
"""

import ast
import contextlib
import dataclasses
import functools
import io
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

from lab import Trouble, by_test, labs, mutants, plan, tap, unit

# What a page has, in this order.
PARTS = ("## See it", "## The question", "## What to look at",
         "<details><summary>Hint</summary>", "<details><summary>Solution</summary>",
         "## Where the kernel does this")
LEAST = 14


def for_each_lab(test):
    """A test of one lab, for all of them."""
    @functools.wraps(test)
    def run(self):
        for lab in labs.every():
            with self.subTest(lab.name):
                test(self, lab)
    return run


class Files(unittest.TestCase):
    """docs/labs/ and tests/labs/"""

    def test_numbers(self):
        every = labs.every()
        self.assertLessEqual(LEAST, len(every))
        self.assertEqual(list(range(1, len(every) + 1)), [lab.number for lab in every])
        self.assertEqual([lab.name for lab in every],
                         sorted(path.stem for path in labs.PAGES.glob("[0-9]*.md")))

    @for_each_lab
    def test_page_has_all_parts(self, lab):
        text = lab.page.read_text()
        self.assertTrue(text.startswith(f"# {lab.number}. {lab.title}\n"))
        places = [text.find(part) for part in PARTS]
        self.assertNotIn(-1, places)
        self.assertEqual(sorted(places), places)
        self.assertEqual(text.count("<details>"), text.count("</details>"))

    @for_each_lab
    def test_page_names_the_file(self, lab):
        folded = lab.page.read_text().find(PARTS[-2])
        for name in lab.files:
            self.assertIn(f"driver/{name}", lab.page.read_text()[:folded])

    @for_each_lab
    def test_solution_does_what_the_page_says(self, lab):
        """The page's solution has a line that the bug has taken away."""
        text = lab.page.read_text()
        solution = {line.strip() for line in text[text.find(PARTS[-2]):].splitlines()}
        removed = {line[1:].strip() for line in lab.mutant.patch.splitlines()
                   if re.match(r"-(?!--)", line)}
        self.assertTrue(solution & (removed - {""}))

    @for_each_lab
    def test_commands_can_be_run(self, lab):
        done = subprocess.run(["bash", "-n", "-c", lab.commands], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((0, ""), (done.returncode, done.stdout))
        for program in re.findall(r"<<'END'\n(.*?)^END$", lab.commands, re.M | re.S):
            ast.parse(program)

    @for_each_lab
    def test_bug_applies(self, lab):
        mutants.apply(lab.mutant, TOP, "--dry-run")
        self.assertTrue(lab.files)

    @for_each_lab
    def test_tests_are_those_of_the_lane(self, lab):
        there = [name for _, names in by_test.of_lane(lab.lane) for name in names]
        for pattern in (*lab.tests.split(), *(pattern for pattern, _ in lab.says)):
            self.assertTrue(any(plan.matches(name, pattern) for name in there),
                            f"no test {pattern} in lane {lab.lane}")
        for pattern, text in lab.says:
            self.assertTrue(text, pattern)

    @for_each_lab
    def test_symptom_is_a_regular_expression(self, lab):
        self.assertFalse(re.search(lab.shows, ""))


class Work(unittest.TestCase):
    """What a learner has written."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.said = io.StringIO()
        self.wrong = []
        for what, instead in (
                ("WORK", pathlib.Path(directory.name)),
                ("build", mock.Mock(return_value="module")),
                ("show", mock.Mock(return_value="")),
                ("check", lambda lab, module: self.wrong)):
            patch = mock.patch.object(labs, what, instead)
            patch.start()
            self.addCleanup(patch.stop)
        self.lab = labs.every()[0]
        self.file = self.lab.source / self.lab.files[0]

    def run_it(self, *arguments):
        """The status of the program."""
        with contextlib.redirect_stdout(self.said), contextlib.redirect_stderr(self.said):
            return labs.main(list(arguments), "usage")

    def test_begins_with_the_bug(self):
        self.assertEqual(0, self.run_it("1"))
        self.assertNotEqual((TOP / "driver" / self.file.name).read_text(),
                            self.file.read_text())
        self.assertEqual(sorted(path.name for path in (TOP / "driver").iterdir()),
                         sorted(path.name for path in self.lab.source.iterdir()))

    def test_is_kept(self):
        self.run_it("1")
        self.file.write_text("mine\n")
        self.assertEqual(0, self.run_it("1"))
        self.assertEqual("mine\n", self.file.read_text())
        self.assertIn("RESET=1", self.said.getvalue())
        self.run_it("1", "--check")
        self.assertEqual("mine\n", self.file.read_text())

    def test_is_thrown_away_if_asked(self):
        self.run_it("1")
        begun = self.file.read_text()
        self.file.write_text("mine\n")
        self.assertEqual(0, self.run_it("1", "--reset"))
        self.assertEqual(begun, self.file.read_text())

    def test_is_graded(self):
        self.run_it("1")
        self.wrong = ["It is too late."]
        self.assertEqual(1, self.run_it("1", "--check"))
        self.assertIn("It is too late.", self.said.getvalue())
        self.assertEqual("begun", self.lab.state)
        self.wrong = []
        self.assertEqual(0, self.run_it("1", "--check"))
        self.assertEqual("solved", self.lab.state)
        self.wrong = ["It is too late."]
        self.run_it("1", "--check")
        self.assertEqual("begun", self.lab.state)

    def test_that_is_not_there_is_not_graded(self):
        self.assertEqual(1, self.run_it("1", "--check"))
        self.assertIn("'make lab 1' begins it", self.said.getvalue())

    def test_of_no_lab(self):
        for number in ("0", "999", "x"):
            self.assertEqual(1, self.run_it(number))
        self.assertEqual(2, self.run_it("1", "2"))
        self.assertEqual(2, self.run_it("1", "--solve"))

    def test_is_listed(self):
        self.run_it("1")
        self.assertEqual(0, self.run_it())
        for lab in labs.every():
            self.assertIn(lab.title, self.said.getvalue())
        self.assertIn("begun", self.said.getvalue())


class Words(unittest.TestCase):
    """From a lane's outcome to what a learner reads."""

    def texts(self, word, *lines):
        """What is said of it."""
        lab = dataclasses.replace(labs.every()[0], tests="a.*", says=[("a.b.*", "B is late."),
                                                                   ("a.*", "A is wrong.")])
        outcome = mutants.Outcome(word, "reason", tap.Stream.of("\n".join(lines)))
        with mock.patch.object(mutants, "run", mock.AsyncMock(return_value=outcome)):
            return labs.check(lab, "module")

    def test_nothing_if_all_is_well(self):
        self.assertEqual([], self.texts("pass", "ok 1 - a.b.c", "ok 2 - ring.verdict"))

    def test_first_that_matches(self):
        self.assertEqual(["B is late. (test a.b.c and 1 more)", "A is wrong. (test a.x.y)",
                          "A test fails that the driver must pass. (test c.d.e)"],
                         self.texts("fail", "not ok 1 - a.b.c", "not ok 2 - a.x.y",
                                    "not ok 3 - a.b.d", "not ok 4 - c.d.e"))

    def test_verdict(self):
        for word, meaning in labs.MEANINGS.items():
            self.assertEqual([f"{meaning} (reason)"], self.texts(word, "ok 1 - a.b.c"))

    def test_no_test_is_no_pass(self):
        for lines in ((), ("ok 1 - a.b.c # SKIP no",), ("ok 1 - ring.verdict",)):
            self.assertEqual(["No test has run. (reason)"], self.texts("pass", *lines))


class Make(unittest.TestCase):
    """make lab"""

    def would(self, *arguments):
        """The line that make would run."""
        return subprocess.run(["make", "-s", "-n", "-C", TOP, "lab", *arguments], check=True,
                              text=True, stdout=subprocess.PIPE).stdout.split()

    def test_arguments(self):
        self.assertEqual(["scripts/labs"], self.would())
        self.assertEqual(["scripts/labs", "3"], self.would("3")[:2])
        self.assertEqual(["scripts/labs", "3", "--check"], self.would("3", "CHECK=1")[:3])
        self.assertEqual(["scripts/labs", "3", "--reset"], self.would("3", "RESET=1")[:3])

    def test_trouble_is_a_wrong_file(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "01-name.conf"
            for text in ("", "[lab]\n", "[lab]\nmutant = none-of-that-name\n",
                         "[lab]\nmutant = leak\nminutes = 1\nshows = x\ncolour = red\n",
                         "[lab]\nmutant = leak\nminutes = soon\nshows = x\n"):
                path.write_text(text)
                with self.subTest(text), self.assertRaises(Trouble):
                    labs.load(path)


if __name__ == "__main__":
    unit.main()
