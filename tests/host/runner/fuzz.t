#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The fuzzer, as far as it needs no fuzz."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import fuzz as lab_fuzz
from lab.fuzz import calls_of, minimise
from lab import unit


def fuzz(*words):
    """What the fuzzer prints on the host."""
    done = subprocess.run([lab_fuzz.PROGRAM, *map(str, words)], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout if not done.returncode else f"failed: {done.stderr}"


def programs(text):
    """number -> text, of what `generate` prints."""
    parts = re.split(r"^# program (\d+)\n", text, flags=re.M)[1:]
    return dict(zip(map(int, parts[::2]), parts[1::2]))


class Programs(unittest.TestCase):
    """Texts and seeds."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = pathlib.Path(self.directory.name)

    def printed(self, text):
        """What a text is understood as."""
        (self.path / "one.calls").write_text(text)
        return fuzz("print", self.path / "one.calls")

    def test_what_is_printed_is_read_again(self):
        made = programs(fuzz("--seed", 7, "generate", 0, 300))
        self.assertEqual(301, len(made))
        self.assertGreater(len({line.split()[1] for text in made.values()
                                for line in text.splitlines()}), 35)
        for number in range(0, 301, 10):
            self.assertEqual(made[number], self.printed(made[number]))

    def test_remarks_are_left_out(self):
        self.assertEqual("0 open f0 0x0 0x2\n",
                         self.printed("# one\n\n0 open f0 0 2\n"))

    def test_what_is_no_call_is_refused(self):
        for text in ("0 opne f0 0x0 0x2", "0 open f0 0x0", "0 open f0 0x0 0x2 0x3",
                     "0 open f8 0x0 0x2", "3 open f0 0x0 0x2", "0 open 0x0 0x0 0x2",
                     "0 poll f0 -1", "0 read f0 m+0x40001 0x1", "0 poll f0 0xfg", "0"):
            with self.subTest(text):
                self.assertRegex(self.printed(f"# one\n{text}\n"), "one.calls:2: not a call")

    def test_a_seed_makes_the_same_programs(self):
        first = fuzz("--seed", 5, "generate", 1, 50)
        self.assertEqual(first, fuzz("--seed", 5, "generate", 1, 50))
        self.assertNotEqual(first, fuzz("--seed", 6, "generate", 1, 50))
        self.assertNotEqual(first, fuzz("--seed", 5, "generate", 0, 50))

    def test_what_was_kept_is_mutated(self):
        log = self.path / "log"
        log.write_text("# remark\nkept 0 3 12\nkept 1 5 1\n")
        without = programs(fuzz("--seed", 5, "generate", 0, 60))
        kept = programs(fuzz("--seed", 5, "--log", log, "generate", 0, 60))
        for number in range(4):
            self.assertEqual(without[number], kept[number])
        lines = set(kept[3].splitlines())
        children = [number for number in range(4, 61)
                    if len(lines & set(kept[number].splitlines())) > len(lines) / 2]
        self.assertGreater(len(children), 20)

    def test_the_corpus_comes_first(self):
        text = "0 open f1 0x1 0x2\n1 close f1\n"
        (self.path / "one.calls").write_text(text)
        made = programs(fuzz("--corpus", self.path, "generate", 0, 1))
        self.assertEqual(text, made[0])

    def test_the_corpus_can_be_read(self):
        found = sorted(lab_fuzz.CORPUS.glob("*.calls"))
        self.assertTrue(found)
        for path in found:
            text = "".join(f"{line}\n" for line in calls_of(path.read_text()))
            self.assertEqual(text, fuzz("print", path))


class Minimise(unittest.TestCase):
    """With somebody who says at once whether it goes wrong."""

    def check(self, calls, needed):
        """What is needed is left, and nothing else."""
        asked = []

        def goes_wrong(fewer):
            asked.append(fewer)
            return [call for call in fewer if call in needed] == needed
        self.assertEqual(needed, minimise(calls, goes_wrong))
        return len(asked)

    def test_what_is_needed_is_left(self):
        calls = [f"call {number}" for number in range(48)]
        self.assertLess(self.check(calls, ["call 17"]), 20)
        self.check(calls, ["call 0", "call 47"])
        self.check(calls, ["call 3", "call 4", "call 20", "call 41"])
        self.check(calls, calls)
        self.check(["one"], ["one"])

    def test_what_can_go_once_another_has_gone_goes(self):
        def goes_wrong(calls):
            return "bug" in calls and ("lock" not in calls or "unlock" in calls)
        self.assertEqual(["bug"], minimise(["lock", "a", "bug", "b", "unlock"], goes_wrong))

    def test_outcomes_are_told_apart_and_their_numbers_are_not(self):
        def outcome(word, reason, said=""):
            return lab_fuzz.outcome_of({"verdict": word, "reason": reason}, said)
        self.assertEqual("", outcome("pass", ""))
        self.assertEqual(
            outcome("splat", "BUG: KASAN: use-after-free in edudma_a+0x12/0x40"),
            outcome("splat", "BUG: KASAN: use-after-free in edudma_a+0x13/0x44"))
        self.assertNotEqual(outcome("splat", "BUG: KASAN: use-after-free in edudma_a"),
                            outcome("splat", "BUG: KASAN: use-after-free in edudma_b"))
        self.assertEqual("fail: read failed with errno N, Odd",
                         outcome("fail", "the command ended with exit 1",
                                 "# wrong: read failed with errno 95, Odd\n"))


class Syzkaller(unittest.TestCase):
    """Its description of the uapi."""

    def setUp(self):
        directory = TOP / "tests/fuzz/syzkaller"
        self.header = (TOP / "uapi/linux/edudma.h").read_text()
        self.description = (directory / "edudma.txt").read_text()
        self.constants = dict(re.findall(r"^(\w+) = (\d+)$",
                                         (directory / "edudma.txt.const").read_text(), re.M))

    def test_it_has_all_of_the_header(self):
        names = set(re.findall(r"^#define\s+(EDUDMA_\w+)|^\t(EDUDMA_\w+)\s+=",
                               self.header, re.M))
        names = {one or other for one, other in names} - {"EDUDMA_IOC_MAGIC"}
        self.assertGreater(len(names), 8)
        for name in names:
            self.assertIn(name, self.constants)
            self.assertRegex(self.description, rf"\b{name}\b")

    def test_structures_have_its_fields(self):
        structures = re.findall(r"^struct (\w+) \{\n(.*?)^\};", self.header, re.M | re.S)
        self.assertGreater(len(structures), 2)
        for name, fields in structures:
            described = re.search(rf"^{name} \{{\n(.*?)^\}}", self.description, re.M | re.S)
            self.assertEqual(re.findall(r"(\w+)(?:\[\d+\])?;", fields),
                             re.findall(r"^\t(\w+)", described[1], re.M))

    def test_constants_are_the_headers(self):
        asserts = "".join(f"_Static_assert({name} == {value}, \"{name}\");\n"
                          for name, value in self.constants.items()
                          if name.startswith("EDUDMA_") and
                          re.search(rf"\b{name}\b", self.header))
        done = subprocess.run(
            ["gcc", "-x", "c", "-fsyntax-only", f"-I{TOP}/uapi", "-"], check=False,
            input=f"#include <linux/edudma.h>\n{asserts}", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual("", done.stdout)


unit.main()
