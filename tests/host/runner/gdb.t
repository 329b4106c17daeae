#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Skips: Gdb.*: there is no gdb
# Skips: Gdb.test_probe_on_a_kernel_with_scripts: 'make kernel-6.1+gdb' has not been run
"""What `gdb -x RUN/gdbinit` gives: the driver's functions, by name."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import Trouble, kernels, unit

PATIENCE = 300
KERNEL = "6.1+gdb"
FUNCTION = "edudma_read_iter"
READ = "until head -c 16 /dev/edudma0; do sleep 1; done | wc -c"


@unittest.skipUnless(shutil.which("gdb"), "there is no gdb")
class Gdb(unittest.TestCase):
    """Each debugs one guest."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.logs = pathlib.Path(self.directory.name) / "a run"

    def start(self, script, *options):
        """A guest that waits for gdb."""
        guest = subprocess.Popen(
            [TOP / "scripts/guest", "--gdb", "--timeout", "1000", "--log-dir", self.logs,
             *options, "--", "sh", "-c", script], cwd=TOP, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(guest.communicate)
        self.addCleanup(guest.terminate)
        self.wait_for(guest, self.logs / "gdb")
        return guest

    def wait_for(self, guest, path):
        """Until the guest's runner has made this file."""
        limit = time.monotonic() + PATIENCE
        while not path.exists():
            if guest.poll() is not None or time.monotonic() > limit:
                self.fail(f"no {path.name}: {guest.communicate()[1]}")
            time.sleep(0.1)

    def gdb(self, *commands):
        """What gdb says to these."""
        words = [word for command in commands for word in ("-ex", command)]
        return subprocess.run(
            ["gdb", "-batch", "-nx", "-x", self.logs / "gdbinit", *words],
            check=False, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    def expect_stop(self, said):
        """At the function, whose arguments have their types."""
        self.assertRegex(said, rf"Breakpoint 1, {FUNCTION} \(iocb=0xf+\w+, to=0xf+\w+\) at ")
        self.assertRegex(said, r"ki_pos = 0\b")

    def expect_pass(self, guest, output):
        """The guest goes on without gdb."""
        stdout, stderr = guest.communicate(timeout=PATIENCE)
        self.assertEqual((0, output), (guest.returncode, stdout), stderr)

    def test_breakpoint_that_is_set_before_the_module_is_loaded(self):
        guest = self.start(READ)
        self.expect_stop(self.gdb(f"break {FUNCTION}", "continue", "print *iocb",
                                  "delete", "detach"))
        self.expect_pass(guest, "16\n")

    def test_gdb_that_comes_later(self):
        guest = self.start("while :; do head -c 16 /dev/edudma0 >/dev/null; sleep 1; done")
        self.gdb("detach")
        self.wait_for(guest, self.logs / "sections")
        self.expect_stop(self.gdb(f"break {FUNCTION}", "continue", "print *iocb",
                                  "delete", "detach"))

    def test_probe_on_a_kernel_with_scripts(self):
        try:
            module = kernels.find(KERNEL).default_module()
        except Trouble:
            module = None
        if not module or not module.exists():
            self.skipTest(f"'make kernel-{KERNEL}' has not been run")
        guest = self.start(READ, "--kernel", KERNEL)
        said = self.gdb("break edudma_probe", "continue", "print/x pdev->vendor",
                        "backtrace", "delete", "detach")
        self.assertRegex(said, r"Breakpoint 2, edudma_probe \(pdev=0xf+\w+")
        self.assertIn("$1 = 0x1234", said)
        # The kernel has its symbols, too.
        self.assertRegex(said, r"really_probe .* at .*/drivers/base/dd\.c")
        self.expect_pass(guest, "16\n")

    def test_command_before_the_module_is_loaded(self):
        self.start("true")
        self.assertIn("has not loaded the module yet", self.gdb("edudma-symbols"))


if __name__ == "__main__":
    unit.main()
