#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Weight: 0.6
# Skips: Terminal.test_gdb: there is no gdb
"""What `make shell`, `make gdb` and `make attach` give, on terminals of our own."""

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


class Typist(unittest.TestCase):
    """Types into a program and reads what it says."""

    def execute(self, *command, rows=33, columns=101):
        """Start scripts/guest with these arguments on a new terminal."""
        command = [TOP / "scripts/guest", *command]
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

    def resize(self, rows, columns):
        """The terminal, while the guest looks at it."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.type(f"while [ \"$(stty size)\" != '{rows} {columns}' ]; do sleep 0.1; done; "
                  "echo so:$?\n")
        self.wait_for(rb"so:0")

    def status(self):
        """Of the program, which ends."""
        while self.read(PATIENCE):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Terminal(Typist):
    """The terminal that a guest is started with."""

    def start(self, *arguments):
        """A shell in a guest."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.execute("--no-module", "--log-dir", directory.name, "--env", "PS1",
                     "--terminal", *arguments, "--", "bash", "--norc")

    def end(self):
        """Leave the shell; the runner's status."""
        self.type("exit 7\n")
        self.wait_for(rb"exit 7.*logs in")
        return self.status()

    def test_shell(self):
        self.start()
        self.wait_for(PROMPT)
        self.type("stty size; tty\n")
        self.wait_for(rb"33 101\s+/dev/hvc0")
        # The terminal changes its size.
        self.resize(20, 70)
        # Job control, and a Ctrl-C that goes to the guest's program alone.
        self.type("sleep 1000 & jobs; kill %1\n")
        self.wait_for(rb"Running +sleep 1000")
        self.type("sed -u 's/^/it reads /'\n")
        self.type("this\n")
        self.wait_for(rb"it reads this")
        self.type("\x03")
        self.wait_for(PROMPT)
        self.type("echo after:$?\n")
        self.wait_for(rb"after:130")
        self.assertEqual(7, self.end())

    def test_gdb(self):
        if not shutil.which("gdb"):
            self.skipTest("there is no gdb")
        self.start("--gdb")
        socket = self.wait_for(rb"gdb -x (\S+)/gdbinit")[1].decode() + "/gdb"
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


class Attach(Typist):
    """A terminal for a guest that is running already."""

    def start(self, *arguments):
        """A guest whose command ends when its standard file `end` is written to."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.run_directory = pathlib.Path(directory.name) / ("long " * 30)
        # A shell without files of its own: they are the host's, and may be slow.
        guest = subprocess.Popen(
            [TOP / "scripts/guest", "--timeout", "1000", "--log-dir", self.run_directory,
             "--env", "PS1=" + PROMPT.decode(), "--env", "HOME=/nonexistent",
             *arguments, "--", "bash", "-c",
             "mkdir -p /run; mkfifo /run/end; echo begun; exec cat /run/end"],
            cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(guest.communicate)
        self.addCleanup(guest.terminate)
        self.assertEqual("begun\n", guest.stdout.readline())
        return guest

    def attach(self):
        """Another shell, up to its prompt, whatever the host has for it."""
        self.execute("--attach", self.run_directory)
        self.wait_for(rb"Ctrl-\] leaves")
        self.wait_for(rb"[$#>] ")
        # What is typed is shown, too, and must not look like it.
        self.type(f"PS1='{PROMPT.decode()[:3]}''{PROMPT.decode()[3:]}'\n")
        self.wait_for(PROMPT)

    def expect_pass(self, guest):
        """Its command ends, and what was attached has left nothing."""
        stdout, stderr = guest.communicate(timeout=PATIENCE)
        self.assertEqual((0, "ended\n"), (guest.returncode, stdout), stderr)
        self.assertFalse((self.run_directory / "attach").exists())

    def test_shells_one_after_the_other(self):
        guest = self.start()
        self.attach()
        self.type("stty size; tty; echo $TERM-$EDUDMA_LANE\n")
        self.wait_for(rb"33 101\s+/dev/pts/\d+\s+" + os.environ.get("TERM", "").encode()
                      + rb"-stock")
        self.resize(20, 70)
        self.type("exit 3\n")
        self.wait_for(rb"the shell has ended")
        self.assertEqual(0, self.status())
        # Ctrl-] takes along what the shell has started, wherever it went.
        self.attach()
        self.type("setsid sleep 1111 < /dev/edudma0 &\n")
        self.type("while ! pgrep -f 'slee[p] 1111'; do sleep 0.1; done; echo so:$?\n")
        self.wait_for(rb"so:0")
        self.type("\x1d")
        self.wait_for(rb"left the guest")
        self.assertEqual(0, self.status())
        self.attach()
        self.type("pgrep -f 'slee[p] 1111'; echo so:$?\n")
        self.wait_for(rb"so:1")
        # So does the end of the guest's command: else the module were in use.
        self.type("setsid sleep 2222 < /dev/edudma0 & echo ended > /run/end\n")
        self.wait_for(rb"the guest's command has ended")
        self.assertEqual(0, self.status())
        self.expect_pass(guest)

    def test_guest_that_is_killed(self):
        guest = self.start("--no-module")
        self.attach()
        guest.terminate()
        self.wait_for(rb"the guest has ended")
        self.assertEqual(0, self.status())

    def test_no_shell_there(self):
        # The command's own is all that there is.
        self.run_directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.run_directory)
        guest = subprocess.Popen(
            [TOP / "scripts/guest", "--lane", "virtual", "--no-module", "--log-dir",
             self.run_directory, "--env", "PATH=/nonexistent", "--", "/bin/sleep", "1000"],
            cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(guest.wait)
        self.addCleanup(guest.terminate)
        limit = time.monotonic() + PATIENCE
        while not (self.run_directory / "attach").exists():
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.1)
        self.execute("--attach", self.run_directory)
        self.wait_for(rb"no shell can be executed: No such file or directory")
        self.assertEqual(125, self.status())

    def test_no_guest_there(self):
        self.execute("--attach", "/nonexistent/run")
        self.wait_for(rb"/nonexistent/run: no guest is running there")
        self.assertEqual(125, self.status())


if __name__ == "__main__":
    unit.main()
