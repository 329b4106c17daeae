#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reading, merging and counting what tests print; choosing tests."""

import contextlib
import io
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))

from edudma_guest import Trouble
from edudma_test import lane, plan, suites, summary, tap, unit


class Tap(unittest.TestCase):
    """Reading tests' lines."""

    def test_lines(self):
        for line, want in (
                ("ok", tap.Test(True)),
                ("ok 1 a.b", tap.Test(True, 1, "a.b")),
                ("not ok 2 - a b", tap.Test(False, 2, "a b")),
                ("ok 3 # SKIP no IOMMU", tap.Test(True, 3, "", "SKIP no IOMMU")),
                ("ok 4 - a # SKIP x", tap.Test(True, 4, "a", "SKIP x")),
                ("okay", None), ("not okay", None), ("# ok 1", None)):
            with self.subTest(line):
                self.assertEqual(want, tap.parse_test(line))

    def test_counts(self):
        stream = tap.Stream.of("ok 1\nnot ok 2\nok 3 # SKIP z\nok 4\n1..4\n")
        self.assertEqual((2, 1, 1), stream.count())
        self.assertEqual("", stream.broken())

    def test_broken(self):
        for text in ("ok 1\n", "1..2\nok 1\n", "1..1\nok 1\nok 2\n", "",
                     "1..2\nok 1\nok 3\n", "1..1\nok 1\nBail out! x\n"):
            with self.subTest(text):
                self.assertTrue(tap.Stream.of(text).broken())


SUITE = "TAP version 13\n1..2\n#  RUN           f.a ...\n#            OK  f.a\n" \
        "ok 1 f.a\n#  RUN           f.b ...\n"


class Suites(unittest.TestCase):
    """Merging suites into one stream."""

    def merge(self, *scripts):
        """Run shell scripts as suites; the merged stream and its text."""
        out = io.StringIO()
        merger = suites.Merger(out)
        with tempfile.TemporaryDirectory() as name:
            for number, script in enumerate(scripts):
                path = pathlib.Path(name) / f"s{number}"
                path.write_text(f"#!/bin/sh\n{script}\n")
                path.chmod(0o755)
                suites.run(str(path), merger)
        merger.finish()
        return tap.Stream.of(out.getvalue()), out.getvalue()

    def expect_failure(self, script, reason):
        """Of a suite that stops in its second test, after a good first."""
        stream, text = self.merge(script)
        self.assertEqual("", stream.broken())
        self.assertEqual(1, stream.count()[1], text)
        self.assertIn(reason, text)

    def test_two_that_pass(self):
        script = f"printf '{SUITE}ok 2 f.b\\n'"
        stream, _ = self.merge(script, script)
        self.assertEqual(["s0.f.a", "s0.f.b", "s1.f.a", "s1.f.b"],
                         [test.name for test in stream.tests])
        self.assertEqual((4, 0, 0), stream.count())
        self.assertEqual("", stream.broken())

    def test_skip_has_its_name_and_reason(self):
        stream, text = self.merge(f"printf '{SUITE}ok 2 # SKIP no IOMMU\\n'; exit 4")
        self.assertEqual((1, 0, 1), stream.count(), text)
        self.assertIn("s0.f.b # SKIP no IOMMU", text)

    def test_truncated(self):
        self.expect_failure(f"printf '{SUITE}'",
                            "2 tests were planned, 1 reported; the last test begun was f.b")

    def test_killed(self):
        self.expect_failure(f"printf '{SUITE}'; kill -9 $$", "ended by signal 9")

    def test_status_without_a_failed_test(self):
        self.expect_failure(f"printf '{SUITE}ok 2 f.b\\n'; exit 1", "status 1")

    def test_nothing_said(self):
        self.expect_failure("exit 0", "the plan is missing")

    def test_cannot_be_run(self):
        out = io.StringIO()
        merger = suites.Merger(out)
        suites.run("/nonexistent/suite", merger)
        self.assertEqual(1, merger.failed)

    def test_failed_test_fails_once(self):
        stream, _ = self.merge(f"printf '{SUITE}not ok 2 f.b\\n'; exit 1")
        self.assertEqual((1, 1, 0), stream.count())


class Lane(unittest.TestCase):
    """A lane's stream and its guest's verdict, as one test of prove's."""

    def lane(self, script, pattern=""):
        """What a lane makes of a guest that does this; its stream and status."""
        out = io.StringIO()
        with tempfile.TemporaryDirectory() as logs, \
             mock.patch.object(lane, "_command", return_value=["sh", "-c", script]), \
             mock.patch.dict(os.environ, {"T": pattern}), \
             contextlib.redirect_stdout(out):
            (pathlib.Path(logs) / "console").write_text("[ 1.0] last words\n")
            status = lane.main("stock", logs)
        return tap.Stream.of(out.getvalue()), status, out.getvalue()

    def test_complete_and_good(self):
        stream, status, _ = self.lane("printf 'ok 1 - a\\n1..1\\n'")
        self.assertEqual((0, (2, 0, 0), ""), (status, stream.count(), stream.broken()))

    def test_failed_test_is_counted_once(self):
        stream, status, _ = self.lane("printf 'not ok 1 - a\\n1..1\\n'; exit 1")
        self.assertEqual((1, (1, 1, 0)), (status, stream.count()))

    def test_truncated(self):
        # All that was reported is ok, and the status says so too.
        stream, status, text = self.lane("printf 'ok 1 - a\\nok 2 - b\\n'")
        self.assertEqual((1, (2, 1, 0)), (status, stream.count()))
        self.assertIn("the plan is missing", text)
        self.assertEqual("", stream.broken())

    def test_splat_after_good_tests(self):
        stream, status, text = self.lane(
            "printf 'ok 1 - a\\n1..1\\n'; echo guest: splat >&2; exit 122")
        self.assertEqual((122, (1, 1, 0)), (status, stream.count()))
        self.assertIn("# guest: splat", text)
        self.assertIn("last words", text)

    def test_nothing_matched(self):
        stream, status, text = self.lane("printf '1..0\\n'", pattern="x.y")
        self.assertEqual((1, (0, 1, 0)), (status, stream.count()))
        self.assertIn("no test matched", text)


class BootEach(unittest.TestCase):
    """A lane whose suites have a boot each."""

    def lane(self, pattern="", **scripts):
        """What becomes of these suites: the stream, the status, what ran."""
        out = io.StringIO()
        ran = []

        def command(_lane, _logs, argv):
            ran.append(*argv)
            return ["sh", "-c", scripts[argv[0]]]
        with tempfile.TemporaryDirectory() as logs, \
             mock.patch.object(lane, "_command", command), \
             mock.patch.object(lane.lanes, "load",
                               return_value=lane.lanes.Lane("x", root="ram")), \
             mock.patch.object(plan, "suites_of", return_value=list(scripts)), \
             mock.patch.object(plan, "programs", return_value=list(scripts)), \
             mock.patch.dict(os.environ, {"T": pattern}), \
             contextlib.redirect_stdout(out):
            status = lane.main("x", logs)
        stream = tap.Stream.of(out.getvalue())
        self.assertEqual("", stream.broken())
        return stream, status, ran

    def test_are_one_stream(self):
        script = f"printf '{SUITE}ok 2 f.b\\n'"
        stream, status, _ = self.lane(a=script, b=script)
        self.assertEqual(["a.f.a", "a.f.b", "b.f.a", "b.f.b", "x.verdict"],
                         [test.name for test in stream.tests])
        self.assertEqual((0, (5, 0, 0)), (status, stream.count()))

    def test_failed_test_is_counted_once(self):
        stream, status, _ = self.lane(a=f"printf '{SUITE}not ok 2 f.b\\n'; exit 1",
                                      b=f"printf '{SUITE}ok 2 f.b\\n'")
        self.assertEqual((1, (4, 1, 0)), (status, stream.count()))

    def test_worst_boot_is_the_verdict(self):
        good = f"printf '{SUITE}ok 2 f.b\\n'"
        stream, status, _ = self.lane(a=good + "; exit 122", b=good)
        self.assertEqual((122, (4, 1, 0)), (status, stream.count()))

    def test_lost_guest_is_noticed(self):
        stream, status, _ = self.lane(a=f"printf '{SUITE}'; exit 123")
        self.assertEqual(123, status)
        self.assertEqual((1, 2, 0), stream.count())

    def test_pattern_saves_boots(self):
        script = f"printf '{SUITE}ok 2 f.b\\n'"
        _, status, ran = self.lane(pattern="b.*", a=script, b=script)
        self.assertEqual((0, ["b"]), (status, ran))


class Plan(unittest.TestCase):
    """Which tests are chosen."""

    def chosen(self, names=(), pattern=""):
        """The tests' names."""
        return {plan.name_of(path) for path in plan.wanted_files(names, pattern)}

    def test_choice(self):
        everything = {*plan.LANES, *(name for name, path in plan.host_tests().items()
                                     if plan.is_of("", path))}
        self.assertIn("runner.judge", everything)
        plain = set(plan.LANES) - {"virtual", "suspend", "stuck"}
        for names, pattern, want in (
                ((), "", everything),
                ((), "*", everything),
                (["wide"], "", {"wide"}),
                (["virtual"], "", {"virtual"}),
                (["bench", "wide"], "node.*", {"bench", "wide"}),
                # A suite runs where it belongs, and no lane is booted in vain.
                ((), "signal.*.killed*", plain),
                ((), "userspace_tool.*",
                 {"stock", "ring", "ring-iommu", "ring-off"}),
                ((), "killed.*", {"virtual"}),
                ((), "suspend.*", {"suspend"}),
                ((), "*.of_no_suite_in_particular", set(plan.LANES)),
                (["stock", "virtual"], "signal.*", {"stock"}),
                (["stock"], "killed.*", set()),
                ((), "nowhere.*", set()),
                ((), "runner.judge", {"runner.judge"}),
                (["wide"], "runner.j*", {"runner.judge"}),
                ((), "runner.j* runner.docs", {"runner.judge", "runner.docs"}),
                ((), "killed.* signal.*", plain | {"virtual"}),
                (["wide"], "killed.* runner.docs", set()),
                ((), "killed.* runner.docs", {"virtual", "runner.docs"}),
                ((), "runner.nothing", set())):
            with self.subTest(names=names, pattern=pattern):
                self.assertEqual(want, self.chosen(names, pattern))
        with self.assertRaises(Trouble):
            self.chosen(["nowhere"])

    def test_pattern_and_suite(self):
        for suite, pattern, want in (
                ("signal", "signal.*", True),
                ("signal", "signal.signal.killed", True),
                ("signal", "s*", True),
                ("signal", "*killed", True),
                ("signal", "si?nal.[a-f]*", True),
                ("signal", "signa[lx].x", True),
                ("signal", "signal", False),
                ("signal", "sign.*", False),
                ("signal", "signals.*", False),
                ("signal", "storm.*", False),
                ("signal", "*x.signal.y", True),
                ("signal", "storm.* signal.*", True),
                ("signal", "storm.* timeout.*", False)):
            with self.subTest(suite=suite, pattern=pattern):
                self.assertEqual(want, plan.may_match(suite, pattern))

    def test_lane_runs_the_suites_of_its_directories(self):
        listed = {"driver": ["a", "b"], "userspace": ["c"], "special": ["d"]}
        with self.lanes(plain="", one="suites = special",
                        both="suites = driver special", wrong="suites = speical"), \
             mock.patch.object(plan, "suites", return_value=listed):
            self.assertEqual(["a", "b", "c"], plan.suites_of("plain"))
            self.assertEqual(["d"], plan.suites_of("one"))
            self.assertEqual(["a", "b", "d"], plan.suites_of("both"))
            with self.assertRaises(Trouble):
                plan.suites_of("wrong")

    def test_suite_that_would_run_nowhere_is_trouble(self):
        self.assertEqual([], plan.nowhere())
        listed = {"driver": ["a"], "userspace": [], "special": ["d"]}
        with self.lanes(plain="", one="suites = special"), \
             mock.patch.object(plan, "suites", return_value=listed), \
             mock.patch.object(plan, "SETS", {}), \
             mock.patch.object(plan, "LANES", ("plain",)):
            self.assertEqual(["d"], plan.nowhere())
            with self.assertRaisesRegex(Trouble, "no lane runs d"):
                self.chosen()
            with mock.patch.object(plan, "LANES", ("plain", "one")):
                self.assertEqual([], plan.nowhere())

    def test_each_suite_there_is_is_built(self):
        # Those of user space have a name of their own and a Makefile.
        have = {(path.parent.name, path.stem) for path in TOP.glob("tests/*/*.c")
                if path.parent.name != "userspace"
                and "\nTEST_HARNESS_MAIN" in path.read_text()}
        # Its tests are the kernel's.
        have.add(("kunit", "kunit"))
        self.assertEqual(have, {(directory, name)
                                for directory, names in plan.suites().items()
                                for name in names if directory != "userspace"})

    @contextlib.contextmanager
    def lanes(self, **sections):
        """Lanes that say this, in place of ours."""
        with tempfile.TemporaryDirectory() as name:
            for lane_name, text in sections.items():
                (pathlib.Path(name) / f"{lane_name}.conf").write_text(
                    f"[lane]\n{text}\n")
            with mock.patch("edudma_guest.paths.LANES", pathlib.Path(name)):
                yield


class Summary(unittest.TestCase):
    """What is said and counted of a test program."""

    def result(self, text, status=0, word=None):
        """A result of a program that printed this."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        logs = pathlib.Path(directory.name)
        (logs / "tap").write_text(text)
        if status is not None:
            (logs / "ended.json").write_text(f'{{"status": {status}, "seconds": 1}}')
        if word:
            (logs / "result.json").write_text(f'{{"verdict": "{word}"}}')
        return summary.Result(logs)

    def test_counts_and_words(self):
        good = "ok 1\nok 2 # SKIP x\n1..2\n"
        for text, status, word, count, verdict_ in (
                (good, 0, None, (1, 0, 1), "pass"),
                (good, 0, "pass", (1, 0, 1), "pass"),
                (good, 122, "splat", (1, 1, 1), "splat"),
                (good, 1, None, (1, 1, 1), "fail"),
                (good, None, None, (1, 1, 1), "not ended"),
                ("ok 1\n", 0, None, (1, 1, 0), "fail"),
                ("not ok 1\n1..1\n", 1, "fail", (0, 1, 0), "fail"),
                ("1..1\nok 1\n", 1, "pass", (1, 1, 0), "fail")):
            with self.subTest(text=text, status=status, word=word):
                result = self.result(text, status, word)
                self.assertEqual((count, verdict_), (result.count(), result.verdict()))

    def test_failures_are_told_with_what_they_said(self):
        result = self.result("# other\nok 1 - a\n# why\nnot ok 2 - b\n# more\n1..2\n", 1)
        told = "\n".join(summary.failures(result))
        self.assertIn("not ok 2 - b\n    # why\n    # more", told)
        self.assertNotIn("other", told)


if __name__ == "__main__":
    unit.main()
