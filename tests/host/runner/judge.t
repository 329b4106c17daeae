#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The runner's judgement, on transcripts: nothing is booted here."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import session, splats, unit, verdict


GOOD = {"started": "-", "bytes": "0 0", "unload": "done", "pins": "7 7", "end": "-"}
BOOT = "[    0.000000] Linux version 6.1\n[    1.5] edudma edudma0: ready\n"


def run(console="", qemu="", ended="exit 0", timed_out=False, received=(0, 0),
        module=True, **changes):
    """The verdict on a good run with these changes; a record of None is missing."""
    said = session.Records("n")
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

    def test_a_lane_may_want_another_verdict_than_pass(self):
        for status, wanted, want in ((0, "pass", 0), (3, "pass", 3), (119, "pass", 119),
                                     (119, "pinned", 0), (0, "pinned", 125),
                                     (1, "pinned", 1), (121, "pinned", 121)):
            with self.subTest(status=status, wanted=wanted):
                self.assertEqual(want, verdict.compare(status, wanted))

    def test_some_tests_of_such_a_lane_may_pass(self):
        for status, want in ((0, 0), (119, 0), (1, 1), (121, 121)):
            with self.subTest(status=status):
                self.assertEqual(want, verdict.compare(status, "pinned", True))

    def test_status_is_the_commands(self):
        self.expect("fail", 3, run(ended="exit 3"))

    def test_signal_is_128_and_more(self):
        self.expect("fail", 137, run(ended="signal 9"), "signal 9")

    def test_end_of_qemu_is_no_verdict(self):
        # As after a panic with -no-reboot: status 0.
        self.expect("lost", 123, run(end=None), "without a verdict")

    def test_only_before_init_a_stall_is_the_emulators(self):
        stall = "[   22.5] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n"
        init = "[    2.5] Run /init as init process\n"
        for text, want in ((BOOT, None), (BOOT + stall, True), (BOOT + init, False),
                           (BOOT + init + stall, False), (BOOT + stall + init, True)):
            with self.subTest(text=text):
                self.assertIs(want, splats.stalled_before_init(text))

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
        self.expect("pinned", 119, run(pins="7 5"), "2 pages are still pinned")

    def test_module_that_stays_beats_pins(self):
        got = run(unload="failed the module is in use", pins="7 5")
        self.expect("residue", 121, got, "the module is in use")

    def test_leaked_memory(self):
        # The kernel says how many, the record that it was at the end.
        got = run("[    9.0] kmemleak: 2 new suspected memory leaks (see /sys)\n",
                  kmemleak="2", dma="0 0")
        self.expect("leak", 120, got, "2 unreferenced objects")

    def test_leaked_mappings(self):
        self.expect("leak", 120, run(kmemleak="0", dma="0 3"), "3 mappings")
        self.expect("leak", 120, run(kmemleak="0", dma="1 0"), "1 errors")

    def test_splat_beats_leak(self):
        got = run("[    9.0] BUG: KASAN: use-after-free in x\n", kmemleak="2")
        self.expect("splat", 122, got, "KASAN")

    def test_detectors_that_found_nothing(self):
        self.expect("pass", 0, run(kmemleak="0", dma="0 0"))

    def test_guest_that_could_not_begin(self):
        got = run(error="the module cannot be loaded: EINVAL", end=None)
        self.expect("trouble", 125, got, "EINVAL")


class Records(unittest.TestCase):
    """What counts as a record."""

    def test_only_with_the_nonce(self):
        said = session.Records("right")
        said.feed(b"wrong end -\nright status exit 0\nend -\n")
        self.assertFalse(said.complete)
        self.assertEqual(0, said.status())

    def test_in_pieces(self):
        said = session.Records("n")
        self.assertEqual([], said.feed(b"n sta"))
        self.assertEqual(["status"], said.feed(b"tus exit 5\nn en"))
        self.assertEqual(5, said.status())
        self.assertFalse(said.complete)

    def test_garbage_is_no_status(self):
        said = session.Records("n")
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
edudma 0000:00:02.0: Runtime PM usage count underflow!
DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0x1000 [fault reason 0x05] PTE Write access is not set
DMAR: DRHD: handling fault status reg 2
irq 11: nobody cared (try booting with the "irqpoll" option)
kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
BUG: Bad page state in process cat  pfn:12345
Out of memory: Killed process 77 (cat) total-vm:1kB, anon-rss:1kB
Call Trace:
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
Memory cgroup out of memory: Killed process 77 (cat) total-vm:1kB
""".splitlines()

# Of a control group: the same trace as a splat's, but announced.
OUT_OF_MEMORY = """\
cat invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
CPU: 0 PID: 77 Comm: cat Tainted: G           OE      6.1.0 #1
Hardware name: QEMU
Call Trace:
 <TASK>
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

    def test_out_of_memory_is_one_trace_and_no_more(self):
        text = "\n".join(OUT_OF_MEMORY)
        self.assertIsNone(splats.on_console(text))
        self.assertEqual("Call Trace:", splats.on_console(text + "\nCall Trace:\n"))
        text = "\n".join(OUT_OF_MEMORY[:1] + ["x"] * 8 + ["Call Trace:"])
        self.assertEqual("Call Trace:", splats.on_console(text))


if __name__ == "__main__":
    unit.main()
