# SPDX-License-Identifier: GPL-2.0-only
"""One QEMU process, from start to end, and what the guest's init reports meanwhile.

A report is a line "nonce key value" on a port.
"""

import contextlib
import ctypes
import fcntl
import os
import selectors
import signal
import socket
import struct
import subprocess
import termios
import time

from . import Trouble, machine

PR_SET_PDEATHSIG = 1
# From the last record to the end of the process.
POWER_OFF_SECONDS = 20
# Between two looks at a kernel that boots.
BOOT_SECONDS = 2


class Interrupted(Exception):
    """A signal asked the runner to stop."""

    def __init__(self, signum):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


def raise_on_signals():
    """Turn the signals that end a program into an exception."""
    def handler(signum, _frame):
        raise Interrupted(signum)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, handler)


def die_with_parent(signum=signal.SIGKILL):
    """Called in a process: let it get this signal when its parent has ended.

    So nothing is left behind, whichever process of a chain is killed.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signum)


@contextlib.contextmanager
def ending(process):
    """Whoever is interrupted in this block takes the process along.

    Leaving Popen's own block only waits for it.
    """
    try:
        yield process
    except BaseException:
        process.terminate()
        raise


class Records:
    """The records so far.  A line without this run's nonce is not one."""

    def __init__(self, nonce):
        self.nonce = nonce
        self.values = {}
        self._rest = b""

    def feed(self, data):
        """Take bytes from the port; return the keys that became complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        new = []
        for line in lines:
            words = line.decode(errors="replace").split(" ", 2)
            if len(words) == 3 and words[0] == self.nonce:
                self.values[words[1]] = words[2]
                new.append(words[1])
        return new

    def get(self, key):
        """A record's value, or None."""
        return self.values.get(key)

    @property
    def complete(self):
        """Has the guest come to its end?"""
        return "end" in self.values

    def numbers(self, key):
        """A record of two numbers."""
        try:
            first, second = self.values[key].split()
            return int(first), int(second)
        except (KeyError, ValueError):
            return None

    def status(self):
        """The command's exit status as a shell has it, or None."""
        how, _, number = self.values.get("status", "").partition(" ")
        if how == "exit":
            return int(number)
        if how == "signal":
            return 128 + int(number)
        return None


class Session:
    """Start QEMU, carry its ports, and see it end.

    sinks maps a port's name to a function that takes its bytes; the port for
    the records is there always.  With terminal, QEMU has our own terminal as
    the guest's.  With monitor, the guest has a port to QEMU's monitor.  With
    listener, a socket, it has a port to who connects to that.

    on_record is called with each record's key and value.
    """

    def __init__(self, command, nonce, log, sinks=(), terminal=False, monitor=False,
                 listener=None, on_record=lambda key, value: None):
        self.records = Records(nonce)
        self.on_record = on_record
        self.sinks = {"record": self._take_records, **dict(sinks)}
        self.received = dict.fromkeys(self.sinks, 0)
        self.terminal = terminal
        self.timed_out = False
        self.stalled = False
        self.status = None
        pairs = {name: socket.socketpair() for name in self.sinks}
        ends = [theirs for _, theirs in pairs.values()]
        for name, (_, theirs) in pairs.items():
            command = command + machine.port(name, theirs.fileno())
        if monitor:
            both = socket.socketpair()
            command = command + machine.monitor(*(end.fileno() for end in both))
            ends += both
        if listener:
            command = command + machine.attach(listener.fileno())
            ends.append(listener)
        self.command = command
        self.ports = {name: ours for name, (ours, _) in pairs.items()}
        self.process = self._start(ends, log)

    def _start(self, theirs, log):
        own = None if self.terminal else log
        try:
            return subprocess.Popen(
                self.command, pass_fds=[end.fileno() for end in theirs],
                stdin=None if self.terminal else subprocess.DEVNULL,
                stdout=own, stderr=log, preexec_fn=die_with_parent,
                # A Ctrl-C is for us, who then end QEMU; a terminal's
                # owner has to be in its foreground, though.
                start_new_session=not self.terminal)
        except OSError as error:
            raise Trouble(f"{self.command[0]}: {error.strerror}: "
                          "run 'make deps'?") from error
        finally:
            # Only QEMU has them now, so its end is seen as theirs.
            for end in theirs:
                end.close()

    def run(self, deadline, stalled=None):
        """Until QEMU has ended by itself, or has been made to.

        stalled says whether the kernel does not come to init, None as long as it
        may.
        """
        try:
            self._carry(deadline, stalled)
        finally:
            self._end()

    def _carry(self, deadline, stalled):
        selector = selectors.DefaultSelector()
        for name, port in self.ports.items():
            selector.register(port, selectors.EVENT_READ, name)
        ended = os.pidfd_open(self.process.pid)
        selector.register(ended, selectors.EVENT_READ, "")
        try:
            while self.process.poll() is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    self.timed_out = True
                    return
                if stalled:
                    self.stalled = stalled()
                    if self.stalled:
                        return
                    if self.stalled is None:
                        left = min(left or BOOT_SECONDS, BOOT_SECONDS)
                    else:
                        stalled = None
                for key, _ in selector.select(left):
                    if key.data and not self._receive(key.data):
                        selector.unregister(key.fileobj)
                if self.records.complete:
                    limit = time.monotonic() + POWER_OFF_SECONDS
                    deadline = limit if deadline is None else min(deadline, limit)
            # What QEMU wrote before it ended is still in the sockets.
            for name in self.ports:
                while self._receive(name):
                    pass
        finally:
            selector.close()
            os.close(ended)

    def _take_records(self, data):
        for key in self.records.feed(data):
            self.on_record(key, self.records.get(key))

    def _receive(self, name):
        """Take what a port has; False at its end."""
        try:
            data = self.ports[name].recv(1 << 18)
        except ConnectionResetError:
            return False
        self.received[name] += len(data)
        self.sinks[name](data)
        return bool(data)

    def send_window_size(self, *_):
        """Tell the guest the size of our terminal."""
        rows, columns = window_size()
        self.ports["record"].send(f"winsize {rows} {columns}\n".encode())

    def _end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.status = self.process.wait()
        for port in self.ports.values():
            port.close()


def window_size():
    """Rows and columns of the terminal on stdin."""
    packed = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
    return struct.unpack("HHHH", packed)[:2]
