#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The runner's judgement, on transcripts: nothing is booted here."""

import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))

from edudma_guest import (Trouble, accel, initramfs, lanes, records, runs, splats,
                          verdict)
from edudma_test import plan, suites, summary, tap, unit

GOOD = {"started": "-", "bytes": "0 0", "unload": "done", "pins": "7 7", "end": "-"}
BOOT = "[    0.000000] Linux version 6.1\n[    1.5] edudma edudma0: ready\n"


def run(console="", qemu="", ended="exit 0", timed_out=False, received=(0, 0),
        module=True, **changes):
    """The verdict on a good run with these changes; a record of None is missing."""
    said = records.Records("n")
    said.values = {key: value
                   for key, value in (GOOD | {"status": ended} | changes).items()
                   if value is not None}
    return verdict.judge(verdict.Transcript(said, BOOT + console, qemu, 0,
                                            timed_out, received, module))


class Judge(unittest.TestCase):
    """One cause, one verdict."""

    def expect(self, word, status, got, reason=""):
        """A verdict."""
        self.assertEqual((word, status), (got.word, got.status), got.reason)
        self.assertIn(reason, got.reason)

    def test_good(self):
        self.expect("pass", 0, run())

    def test_status_is_the_commands(self):
        self.expect("fail", 3, run(ended="exit 3"))

    def test_signal_is_128_and_more(self):
        self.expect("fail", 137, run(ended="signal 9"), "signal 9")

    def test_end_of_qemu_is_no_verdict(self):
        # As after a panic with -no-reboot: status 0.
        self.expect("lost", 123, run(end=None), "without a verdict")

    def test_panic_is_quoted(self):
        got = run("[    2.0] Kernel panic - not syncing: sysrq triggered crash\n",
                  end=None)
        self.expect("lost", 123, got, "sysrq triggered crash")

    def test_qemu_is_quoted(self):
        got = run(qemu="qemu: hardware error: EDU: DMA range\n", end=None)
        self.expect("lost", 123, got, "EDU: DMA range")

    def test_results_without_end_are_lost(self):
        # The command did end, with 0; what came after is not known.
        self.expect("lost", 123, run(unload=None, pins=None, end=None))

    def test_output_that_did_not_arrive(self):
        self.expect("lost", 123, run(bytes="10 0", received=(9, 0)), "10 0")

    def test_timeout(self):
        self.expect("timeout", 124, run(timed_out=True, end=None))

    def test_timeout_quotes_the_console(self):
        got = run("[  40.0] INFO: task cat:77 blocked for more than 30 seconds.\n",
                  timed_out=True, end=None)
        self.expect("timeout", 124, got, "task cat:77 blocked")

    def test_guest_that_does_not_power_off(self):
        self.expect("timeout", 124, run(timed_out=True))

    def test_splat_beats_success(self):
        got = run("[  2.0] WARNING: CPU: 1 PID: 7 at drivers/x.c:1 f+0x1/0x2\n")
        self.expect("splat", 122, got, "drivers/x.c")

    def test_splat_beats_residue(self):
        self.expect("splat", 122, run("BUG: Bad page state\n", unload="failed busy"))

    def test_clamped_dma(self):
        self.expect("splat", 122, run(qemu="EDU: clamping DMA 0x1 to 0x0!\n"))

    def test_module_that_stays(self):
        got = run(unload="failed the module is in use")
        self.expect("residue", 121, got, "the module is in use")

    def test_unload_that_was_not_reported(self):
        self.expect("residue", 121, run(unload=None))

    def test_command_unloaded_it(self):
        self.expect("pass", 0, run(unload="absent"))

    def test_no_module_no_unload(self):
        self.expect("pass", 0, run(unload=None, module=False))

    def test_leaked_pins(self):
        self.expect("residue", 121, run(pins="7 5"), "2 pages are still pinned")

    def test_guest_that_could_not_begin(self):
        got = run(error="the module cannot be loaded: EINVAL", end=None)
        self.expect("trouble", 125, got, "EINVAL")


class Records(unittest.TestCase):
    """What counts as a record."""

    def test_only_with_the_nonce(self):
        said = records.Records("right")
        said.feed(b"wrong end -\nright status exit 0\nend -\n")
        self.assertFalse(said.complete)
        self.assertEqual(0, said.status())

    def test_in_pieces(self):
        said = records.Records("n")
        self.assertEqual([], said.feed(b"n sta"))
        self.assertEqual(["status"], said.feed(b"tus exit 5\nn en"))
        self.assertEqual(5, said.status())
        self.assertFalse(said.complete)

    def test_garbage_is_no_status(self):
        said = records.Records("n")
        said.feed(b"\xff\n\nn status\nn status strange 3\n")
        self.assertIsNone(said.status())


SPLATS = """\
BUG: KASAN: use-after-free in edudma_retire+0x10/0x20 [edudma]
kernel BUG at mm/gup.c:100!
WARNING: CPU: 0 PID: 1 at kernel/dma/debug.c:900 check_unmap+0x1/0x2
WARNING: possible circular locking dependency detected
BUG: sleeping function called from invalid context at mm/x.c:1
BUG: scheduling while atomic: cat/77/0x00000002
watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [cat:77]
Oops: 0000 [#1] PREEMPT SMP PTI
Kernel panic - not syncing: Fatal exception
general protection fault, probably for non-canonical address 0xdead: 0000 [#1]
UBSAN: array-index-out-of-bounds in drivers/misc/x.c:1:2
INFO: task cat:77 blocked for more than 30 seconds.
rcu: INFO: rcu_preempt self-detected stall on CPU
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
refcount_t: underflow; use-after-free.
list_del corruption. prev->next should be ffff, but was 0
DMA-API: edudma 0000:00:02.0: device driver frees DMA memory with different size
DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0x1000 [fault reason 0x05] PTE Write access is not set
DMAR: DRHD: handling fault status reg 2
irq 11: nobody cared (try booting with the "irqpoll" option)
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
BUG: Bad page state in process cat  pfn:12345
""".splitlines()

HARMLESS = """\
DMAR: Host address width 39
DMAR: DRHD base: 0x000000fed90000 flags: 0x0
DMAR: Intel(R) Virtualization Technology for Directed I/O
DMA-API: preallocated 65536 debug entries
DMA-API: debugging enabled by kernel config
rcu: Hierarchical RCU implementation.
kfence: initialized - using 2097152 bytes for 255 objects
edudma: module verification failed: signature and/or required key missing - tainting kernel
Debug warning: early ioremap leak
x86/mm: Checked W+X mappings: passed, no W+X pages found.
""".splitlines()


class Splats(unittest.TestCase):
    """The patterns."""

    def test_each(self):
        for line in SPLATS:
            for stamp in ("", "[   12.345678] ", "[   12.345678][   T77] "):
                with self.subTest(stamp + line):
                    self.assertEqual(line, splats.on_console(f"{stamp}{line}\r\n"))

    def test_harmless(self):
        for line in HARMLESS:
            with self.subTest(line):
                self.assertIsNone(splats.on_console(f"[    0.1] {line}\n"))

    def test_harmless_does_not_hide_what_follows(self):
        text = "\n".join(HARMLESS + ["BUG: here"])
        self.assertEqual("BUG: here", splats.on_console(text))


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


class Plan(unittest.TestCase):
    """Which tests are chosen."""

    def chosen(self, names=(), pattern=""):
        """The tests' names."""
        return {plan.name_of(path) for path in plan.wanted_files(names, pattern)}

    def test_choice(self):
        everything = {*plan.LANES, *plan.host_tests()}
        self.assertIn("runner.judge", everything)
        for names, pattern, want in (
                ((), "", everything),
                ((), "*", everything),
                (["wide"], "", {"wide"}),
                (["bench", "wide"], "node.*", {"bench", "wide"}),
                ((), "signal.*.killed*", set(plan.LANES)),
                ((), "runner.judge", {"runner.judge"}),
                (["wide"], "runner.j*", {"runner.judge"}),
                ((), "runner.nothing", set())):
            with self.subTest(names=names, pattern=pattern):
                self.assertEqual(want, self.chosen(names, pattern))
        with self.assertRaises(Trouble):
            self.chosen(["nowhere"])


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


class Lanes(unittest.TestCase):
    """The data files."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        patch = mock.patch("edudma_guest.paths.LANES",
                           pathlib.Path(self.directory.name))
        patch.start()
        self.addCleanup(patch.stop)

    def write(self, name, text):
        """A lane."""
        (pathlib.Path(self.directory.name) / f"{name}.conf").write_text(
            "[lane]\n" + text)

    def test_values_replace_and_lists_grow(self):
        self.write("a", "memory = 1G\nappend = x 'y z'\n")
        self.write("b", "base = a\nmemory = 2G\nappend = w\n")
        lane = lanes.load("b")
        self.assertEqual(("b", "2G", ["x", "y z", "w"]),
                         (lane.name, lane.memory, lane.append))

    def test_mistakes(self):
        self.write("unknown", "memroy = 1G\n")
        self.write("number", "smp = two\n")
        self.write("loop", "base = loop\n")
        for name in ("unknown", "number", "loop", "missing"):
            with self.subTest(name), self.assertRaises(Trouble):
                lanes.load(name)

    def test_ours_can_be_read(self):
        mock.patch.stopall()
        with mock.patch("edudma_guest.paths.LANES", TOP / "scripts/lanes"):
            self.assertIn("stock", lanes.names())
            for name in lanes.names():
                self.assertTrue(lanes.load(name).about, name)


class Kvm(unittest.TestCase):
    """The trial that decides whether to use KVM."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = pathlib.Path(self.directory.name)
        device = self.path / "kvm"
        device.write_text("")
        self.trials = []
        for target, value in (("edudma_guest.accel.KVM", device),
                              ("edudma_guest.accel.TRIAL_SECONDS", 1)):
            patch = mock.patch(target, value)
            patch.start()
            self.addCleanup(patch.stop)
        environment = mock.patch.dict(os.environ, {"EDUDMA_CACHE": str(self.path)})
        environment.start()
        self.addCleanup(environment.stop)
        os.environ.pop("EDUDMA_ACCEL", None)
        self.lane = lanes.Lane("test", emulator=self.program("echo QEMU emulator 0"))

    def program(self, script):
        """A stand-in for QEMU."""
        path = self.path / "qemu"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    def trial(self, outcome):
        """A trial that ends like this, and is counted."""
        def made(*_):
            self.trials.append(outcome)
            return outcome
        return made

    def test_made_once_and_remembered(self):
        for _ in range(2):
            with mock.patch("sys.stderr", io.StringIO()):
                self.assertEqual("tcg", accel.choose(self.lane, None, self.trial(False)))
        self.assertEqual([False], self.trials)

    def test_success(self):
        with mock.patch("sys.stderr", io.StringIO()):
            self.assertEqual("kvm", accel.choose(self.lane, None, self.trial(True)))

    def test_again_for_another_qemu(self):
        with mock.patch("sys.stderr", io.StringIO()):
            accel.choose(self.lane, None, self.trial(False))
            self.program("echo QEMU emulator 1")
            self.assertEqual("kvm", accel.choose(self.lane, None, self.trial(True)))

    def test_no_device_no_trial(self):
        accel.KVM.unlink()
        self.assertEqual("tcg", accel.choose(self.lane, None, self.trial(True)))
        self.assertEqual([], self.trials)

    def test_environment_and_lane_decide(self):
        with mock.patch.dict(os.environ, {"EDUDMA_ACCEL": "kvm"}):
            self.assertEqual("kvm", accel.choose(self.lane, None, self.trial(False)))
            self.lane.accel = "tcg"
            self.assertEqual("tcg", accel.choose(self.lane, None, self.trial(False)))
        with mock.patch.dict(os.environ, {"EDUDMA_ACCEL": "KVM"}), \
             self.assertRaises(Trouble):
            accel.choose(self.lane, None, self.trial(False))
        self.assertEqual([], self.trials)

    def test_guest_that_hangs_ends_in_time(self):
        self.program("[ \"$1\" = --version ] && exec echo QEMU emulator 0\nexec sleep 60")
        kernel = mock.Mock(image="/dev/null")
        with mock.patch("sys.stderr", io.StringIO()), \
             mock.patch.object(initramfs, "build", return_value=b""):
            self.assertEqual("tcg", accel.choose(self.lane, kernel))


class Job(unittest.TestCase):
    """What is passed into the guest."""

    def test_any_byte_but_nul(self):
        self.assertEqual(b"arg=\xff a\n'=\0",
                         initramfs.job_bytes([("arg", os.fsdecode(b"\xff a\n'="))]))
        with self.assertRaises(Trouble):
            initramfs.job_bytes([("arg", "a\0b")])


class Runs(unittest.TestCase):
    """The directories that are kept."""

    def test_prune_keeps_the_newest_and_the_latest(self):
        with tempfile.TemporaryDirectory() as name, \
             mock.patch("edudma_guest.paths.RUNS", pathlib.Path(name)):
            made = []
            for number in range(runs.KEPT + 5):
                path = pathlib.Path(name) / f"20260101-{number:06}-1-stock"
                path.mkdir()
                runs.write_result(path, {})
                made.append(path)
            runs.mark_latest(made[0], "wide")
            runs.prune()
            left = {path for path in made if path.exists()}
            self.assertEqual({made[0], *made[5:]}, left)


class NoBoot(unittest.TestCase):
    """scripts/guest, where it ends before a guest has begun."""

    def guest(self, *arguments):
        """Run it."""
        with tempfile.TemporaryDirectory() as name:
            return subprocess.run(
                [TOP / "scripts/guest", "--log-dir", name, *arguments], check=False,
                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, "EDUDMA_ACCEL": "tcg"})

    def expect_trouble(self, done, reason):
        """Status 125 and a line that says why."""
        self.assertEqual(125, done.returncode, done.stderr)
        self.assertIn(reason, done.stderr)

    def test_no_such_qemu(self):
        self.expect_trouble(self.guest("--qemu", "/nonexistent/qemu", "--", "true"),
                            "/nonexistent/qemu")

    def test_qemu_that_is_none(self):
        self.expect_trouble(self.guest("--qemu", "false", "--", "true"), "false")

    def test_qemu_that_refuses_its_arguments(self):
        self.expect_trouble(
            self.guest("--no-module", "--qemu-arg=-nonsense", "--", "true"), "nonsense")

    def test_no_such_module(self):
        self.expect_trouble(self.guest("--module", "/nonexistent.ko", "--", "true"),
                            "make module")

    def test_no_such_lane(self):
        self.expect_trouble(self.guest("--lane", "nowhere", "--", "true"), "stock")

    def test_no_such_share(self):
        self.expect_trouble(self.guest("--share", "/nonexistent", "--", "true"),
                            "/nonexistent")

    def test_no_command(self):
        self.assertEqual(2, self.guest("--").returncode)


if __name__ == "__main__":
    unit.main()
