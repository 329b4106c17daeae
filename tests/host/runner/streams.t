#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reading, merging and counting what tests print; choosing tests."""

import contextlib
import io
import itertools
import os
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from unittest import mock

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import Trouble, lane, lanes, paths, plan, results, runner, suites, tap, unit


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
    """A lane's stream, its guest's verdict, and what it may skip."""

    def lane(self, script, pattern=""):
        """What a lane makes of a guest that does this; its stream and status."""
        out = io.StringIO()
        with tempfile.TemporaryDirectory() as logs, \
             mock.patch.object(lane, "_command", return_value=["sh", "-c", script]), \
             mock.patch.object(lane.lanes, "load", return_value=lanes.Lane("stock")), \
             mock.patch.dict(os.environ, {"T": pattern}), \
             contextlib.redirect_stdout(out):
            (pathlib.Path(logs) / "console").write_text("[ 1.0] last words\n")
            status = lane.main("stock", logs)
        return tap.Stream.of(out.getvalue()), status, out.getvalue()

    def test_complete_and_good(self):
        stream, status, _ = self.lane("printf 'ok 1 - a\\n1..1\\n'")
        self.assertEqual((0, (3, 0, 0), ""), (status, stream.count(), stream.broken()))

    def test_failed_test_is_counted_once(self):
        stream, status, _ = self.lane("printf 'not ok 1 - a\\n1..1\\n'; exit 1")
        self.assertEqual((1, (2, 1, 0)), (status, stream.count()))

    def test_truncated(self):
        # All that was reported is ok, and the status says so too.
        stream, status, text = self.lane("printf 'ok 1 - a\\nok 2 - b\\n'")
        self.assertEqual((1, (3, 1, 0)), (status, stream.count()))
        self.assertIn("the plan is missing", text)
        self.assertEqual("", stream.broken())

    def test_splat_after_good_tests(self):
        stream, status, text = self.lane(
            "printf 'ok 1 - a\\n1..1\\n'; echo guest: splat >&2; exit 122")
        self.assertEqual((122, (2, 1, 0)), (status, stream.count()))
        self.assertIn("# guest: splat", text)
        self.assertIn("last words", text)

    def test_nothing_matched(self):
        stream, status, text = self.lane("printf '1..0\\n'", pattern="x.y")
        self.assertEqual((1, (1, 1, 0)), (status, stream.count()))
        self.assertIn("no test matched", text)


class Skips(unittest.TestCase):
    """A lane lists what it skips."""

    LISTED = (lanes.Skip("a.b.*", "no rings"), lanes.Skip("a.c.d", "no IOMMU"))

    def wrong(self, *lines, whole=True, tests=()):
        """What is wrong with these tests, or is missing among them."""
        stream = tap.Stream.of("\n".join(lines))
        lane_ = lanes.Lane("x", skips=self.LISTED, tests=tests)
        return [name for name, _ in lane.wrong_skips(lane_, stream.tests, whole)]

    def test_as_listed(self):
        self.assertEqual([], self.wrong("ok 1 - a.b.c # SKIP no rings",
                                        "ok 2 - a.c.d # SKIP no IOMMU", "ok 3 - e"))

    def test_not_listed(self):
        self.assertEqual(["e", "a.b.x"],
                         self.wrong("ok 1 - a.b.c # SKIP no rings",
                                    "ok 2 - a.c.d # SKIP no IOMMU", "ok 3 - e # SKIP no rings",
                                    "ok 4 - a.b.x # SKIP no time"))

    def test_listed_and_run(self):
        lines = ("ok 1 - a.b.c # SKIP no rings", "ok 2 - a.c.d")
        self.assertEqual(["a.c.d"], self.wrong(*lines))
        self.assertEqual([], self.wrong(*lines, whole=False))

    def test_of_a_lane_that_runs_a_choice(self):
        # What it leaves out may be listed; what it runs must skip.
        self.assertEqual([], self.wrong("ok 1 - a.b.c # SKIP no rings", tests=("a.b.*",)))
        self.assertEqual(["a.b.*"], self.wrong("ok 1 - a.b.c", tests=("a.b.*",)))
        self.assertEqual(["a.c.d"], self.wrong("ok 1 - a.b.c # SKIP no rings"))


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
        self.assertEqual(["a.f.a", "a.f.b", "b.f.a", "b.f.b", "x.verdict", "x.skips"],
                         [test.name for test in stream.tests])
        self.assertEqual((0, (6, 0, 0)), (status, stream.count()))

    def test_failed_test_is_counted_once(self):
        stream, status, _ = self.lane(a=f"printf '{SUITE}not ok 2 f.b\\n'; exit 1",
                                      b=f"printf '{SUITE}ok 2 f.b\\n'")
        self.assertEqual((1, (5, 1, 0)), (status, stream.count()))

    def test_worst_boot_is_the_verdict(self):
        good = f"printf '{SUITE}ok 2 f.b\\n'"
        stream, status, _ = self.lane(a=good + "; exit 122", b=good)
        self.assertEqual((122, (5, 1, 0)), (status, stream.count()))

    def test_lost_guest_is_noticed(self):
        stream, status, _ = self.lane(a=f"printf '{SUITE}'; exit 123")
        self.assertEqual(123, status)
        self.assertEqual((2, 2, 0), stream.count())

    def test_pattern_saves_boots(self):
        script = f"printf '{SUITE}ok 2 f.b\\n'"
        _, status, ran = self.lane(pattern="b.*", a=script, b=script)
        self.assertEqual((0, ["b"]), (status, ran))


class Plan(unittest.TestCase):
    """Which tests are chosen."""

    def chosen(self, names=(), pattern=""):
        """The items' names."""
        return {item.name for item in plan.wanted(names, pattern)}

    def test_choice(self):
        gate = set(plan.lanes_of(plan.GATE))
        everything = gate | {name for name, path in plan.host_tests().items()
                             if plan.Item(path).set == plan.GATE}
        self.assertIn("runner.judge", everything)
        plain = gate - {"virtual", "suspend", "stuck", "programs"}
        for names, pattern, want in (
                ((), "", everything),
                ((), "*", everything),
                (["wide"], "", {"wide"}),
                (["virtual"], "", {"virtual"}),
                (["bench", "wide"], "node.*", {"bench", "wide"}),
                # A suite runs where it belongs, and no lane is booted in vain.
                ((), "signal.*.killed*", plain),
                ((), "tool.*",
                 {name for name in gate if "tool" in plan.suites_of(name)}),
                ((), "killed.*", {"virtual"}),
                ((), "suspend.*", {"suspend"}),
                ((), "*.of_no_suite_in_particular", gate),
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
        listed = {"driver": ["a", "b"], "library": ["c"], "special": ["d"]}
        with self.lanes(plain="", one="suites = special",
                        both="suites = driver special", wrong="suites = speical"), \
             mock.patch.object(plan, "suites", return_value=listed):
            self.assertEqual(["a", "b"], plan.suites_of("plain"))
            self.assertEqual(["d"], plan.suites_of("one"))
            self.assertEqual(["a", "b", "d"], plan.suites_of("both"))
            with self.assertRaises(Trouble):
                plan.suites_of("wrong")

    def test_suite_that_would_run_nowhere_is_trouble(self):
        self.assertEqual([], plan.nowhere())
        listed = {"driver": ["a"], "special": ["d"]}
        with self.lanes(plain="set = gate", one="suites = special"), \
             mock.patch.object(plan, "suites", return_value=listed):
            self.assertEqual(["d"], plan.nowhere())
            with self.assertRaisesRegex(Trouble, "no lane runs d"):
                self.chosen()
        with self.lanes(plain="set = gate", one="set = debug\nsuites = special"), \
             mock.patch.object(plan, "suites", return_value=listed):
            self.assertEqual([], plan.nowhere())

    def test_each_suite_that_is_listed_is_built(self):
        self.assertEqual([], [name for names in plan.suites().values() for name in names
                              if not os.access(paths.BUILD / "tests" / name, os.X_OK)])

    def test_each_suite_there_is_is_listed(self):
        # Those of user space have a name of their own and a Makefile.
        have = {(path.parent.name, path.stem) for path in TOP.glob("tests/suites/*/*.c")
                if path.parent.name != "library"
                and "\nTEST_HARNESS_MAIN" in path.read_text()}
        # Their tests are the kernel's.
        have |= {("kunit", "kunit"), ("contract", "contract")}
        self.assertEqual(have, {(directory, name)
                                for directory, names in plan.suites().items()
                                for name in names
                                if directory not in ("library", "tool", "python", "clients",
                                                     "recipes")})

    @contextlib.contextmanager
    def lanes(self, **sections):
        """Lanes that say this, in place of ours."""
        with tempfile.TemporaryDirectory() as name:
            for lane_name, text in sections.items():
                (pathlib.Path(name) / f"{lane_name}.conf").write_text(
                    f"[lane]\n{text}\n")
            with mock.patch("lab.paths.LANES", pathlib.Path(name)):
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
        return results.Result(logs)

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
        told = "\n".join(results.failures(result))
        self.assertIn("not ok 2 - b\n    # why\n    # more", told)
        self.assertNotIn("other", told)


class Recording(unittest.TestCase):
    """What is kept of a run."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.logs = pathlib.Path(directory.name) / "stock"

    def record(self, *lines, status=0, skips=None):
        """The result of a program that prints these lines; each takes a second."""
        with mock.patch.object(results.time, "monotonic", side_effect=itertools.count()), \
             contextlib.redirect_stdout(io.StringIO()) as self.said:
            recorder = results.Recorder("stock", self.logs, skips)
            for line in lines:
                recorder.line(line)
            recorder.end(status)
        return results.Result(self.logs)

    LINES = ("TAP version 13", "# said by a", "ok 1 - a", "ok 2 - b # SKIP no time",
             "not ok 3 - c", "1..3")

    def test_times(self):
        result = self.record(*self.LINES, status=1)
        self.assertEqual([("a", 2), ("b", 1), ("c", 1)],
                         [(test["name"], test["seconds"]) for test in result.tests])
        self.assertEqual(7, result.ended["seconds"])
        self.assertEqual((1, 1, 1), result.count())

    def test_each_is_said(self):
        self.record(*self.LINES)
        said = self.said.getvalue().splitlines()
        self.assertEqual(["ok", "skip", "FAILED"], [line.split()[0] for line in said])
        self.assertIn("(no time)", said[1])

    def test_a_skip_that_is_not_listed_has_failed(self):
        result = self.record(*self.LINES[:4], "1..2",
                             skips=lanes.skips_of("b: no time\nb*: no space"))
        self.assertEqual((1, 0, 1), result.count())
        for listed in ("", "b: no space", "c: no time"):
            with self.subTest(listed):
                result = self.record(*self.LINES[:4], "1..2", skips=lanes.skips_of(listed))
                self.assertEqual((1, 1, 0), result.count())
                self.assertIn("no time", "\n".join(results.failures(result)))
                self.assertIn("FAILED", self.said.getvalue().splitlines()[1])

    def test_slowest(self):
        lines = list(results.slowest([self.record(*self.LINES)]))
        self.assertEqual(3, len(lines))
        self.assertRegex(lines[0], r"2\.0 s +stock +a$")

    def test_junit(self):
        path = self.logs.with_name("junit.xml")
        results.write_junit([self.record(*self.LINES, status=1)], path)
        suite = xml.parse(path).getroot()[0]
        self.assertEqual(("stock", "3", "1", "1"), tuple(
            suite.get(name) for name in ("name", "tests", "failures", "skipped")))
        self.assertEqual([[], ["skipped"], ["failure"]],
                         [[child.tag for child in case] for case in suite])

    def test_junit_of_a_run_that_broke_off(self):
        path = self.logs.with_name("junit.xml")
        results.write_junit([self.record("TAP version 13", "ok 1 - a", status=123)], path)
        suite = xml.parse(path).getroot()[0]
        self.assertEqual("1", suite.get("failures"))
        self.assertEqual(["failure"], [child.tag for child in suite[-1]])

    def failed(self, *lines, status=1):
        """What is run again after a run of stock that printed these lines."""
        result = self.record(*lines, status=status)
        with mock.patch.object(results, "latest", return_value=[result]):
            return [(item.name, item.patterns) for item in runner._failed_items()]

    def test_only_what_failed_is_run_again(self):
        self.assertEqual([("stock", "c")], self.failed(*self.LINES, "ok 4 - stock.verdict"))
        self.assertEqual([], self.failed("ok 1 - a", "1..1", status=0))

    def test_a_verdict_needs_all_of_a_lane(self):
        self.assertEqual([("stock", "")],
                         self.failed("ok 1 - a", "not ok 2 - stock.verdict", "1..2"))
        self.assertEqual([("stock", "")], self.failed("ok 1 - a"))


if __name__ == "__main__":
    unit.main()
