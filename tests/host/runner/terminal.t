#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `make shell` and `make gdb` give, on a terminal of our own."""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import unit

PATIENCE = 90
PROMPT = b"ready> "


class Terminal(unittest.TestCase):
    """Types into a guest and reads what it says."""

    def start(self, *arguments, rows=33, columns=101):
        """A shell in a guest."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        command = [TOP / "scripts/guest", "--no-module", "--log-dir", directory.name,
                   "--env", "PS1", "--terminal", *arguments, "--", "bash", "--norc"]
        self.pid, self.fd = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(TOP)
            os.environ["PS1"] = PROMPT.decode()
            os.execv(command[0], command)
        self.said = b""

    def read(self, seconds):
        """Take what is there; False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.said += data
        return bool(data)

    def wait_for(self, pattern):
        """Read until this has been said, and forget what came before."""
        limit = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.said)):
            if time.monotonic() > limit or not self.read(1):
                self.fail(f"never said {pattern}: {self.said[-2000:]}")
        self.said = self.said[found.end():]
        return found

    def type(self, text):
        """As a person at the keyboard."""
        os.write(self.fd, text.encode())

    def end(self):
        """Leave the shell; the runner's status."""
        self.type("exit 7\n")
        self.wait_for(rb"exit 7.*logs in")
        while self.read(PATIENCE):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def test_shell(self):
        self.start()
        self.wait_for(PROMPT)
        self.type("stty size; tty\n")
        self.wait_for(rb"33 101\s+/dev/hvc0")
        # The terminal changes its size.
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
        self.type("while [ \"$(stty size)\" != '20 70' ]; do sleep 0.1; done; echo so:$?\n")
        self.wait_for(rb"so:0")
        # Job control, and a Ctrl-C that goes to the guest's program alone.
        self.type("sleep 1000 & jobs; kill %1\n")
        self.wait_for(rb"Running +sleep 1000")
        self.type("echo begun; cat\n")
        self.wait_for(rb"[\r\n]begun")
        time.sleep(1)
        self.type("\x03")
        self.wait_for(PROMPT)
        self.type("echo after:$?\n")
        self.wait_for(rb"after:130")
        self.assertEqual(7, self.end())

    def test_gdb(self):
        if not shutil.which("gdb"):
            self.skipTest("there is no gdb")
        self.start("--gdb")
        socket = self.wait_for(rb"target remote (\S+/gdb)")[1].decode()
        limit = time.monotonic() + PATIENCE
        while not os.path.exists(socket) and time.monotonic() < limit:
            time.sleep(0.1)
        done = subprocess.run(
            ["gdb", "-batch", "-nx", "-ex", f"target remote {socket}",
             "-ex", "print $rip", "-ex", "detach"], check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # The reset vector: nothing has been executed yet.
        self.assertIn("0xfff0", done.stdout)
        self.wait_for(PROMPT)
        self.assertEqual(7, self.end())


if __name__ == "__main__":
    unit.main()
