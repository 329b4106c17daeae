# SPDX-License-Identifier: GPL-2.0-only
"""Another shell in a guest that is running, on this terminal.

The run's directory has a socket, whose other end is a port of the guest.
init/attach.c tells what is said there.
"""

import contextlib
import os
import selectors
import signal
import socket
import struct
import sys
import termios
import time
import tty

from . import Trouble, paths, session

SOCKET = "attach"
HEADER = struct.Struct("!cH")
PAYLOAD = 4096
LEAVE = b"\x1d"
# Without an answer for so long, the waiting is explained.
SILENT_SECONDS = 5


@contextlib.contextmanager
def _short(path):
    """A name for a socket whose path may be longer than an address can be."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def listen(directory):
    """The socket of a run, which only its owner may connect to."""
    path = directory / SOCKET
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with _short(path) as name:
        mask = os.umask(0o177)
        try:
            listener.bind(name)
        finally:
            os.umask(mask)
    listener.listen(1)
    return listener


def _connect(directory):
    """A connection to the run's guest; None if no guest runs there."""
    client = socket.socket(socket.AF_UNIX)
    try:
        with _short(directory / SOCKET) as name:
            client.connect(name)
        return client
    except OSError:
        client.close()
        return None


def connect(candidates):
    """(directory, connection) of the first candidate whose guest runs."""
    for directory in candidates:
        client = _connect(directory)
        if client:
            return directory, client
    if len(candidates) == 1:
        raise Trouble(f"{paths.shown(candidates[0])}: no guest is running there")
    raise Trouble("no guest is running: 'make shell' starts one; that of a run with "
                  "--log-dir DIR is found by --attach DIR")


class _Client:
    """One connection, until either side ends it."""

    def __init__(self, connection):
        self.connection = connection
        self.rest = b""
        self.answered = False
        self.said = None        # why it ended
        self.status = 0

    def send(self, kind, payload):
        """Send a frame; the guest may be about to end."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.sendall(HEADER.pack(kind, len(payload)) + payload)

    def send_size(self):
        """Tell the guest the size of our terminal."""
        self.send(b"w", "{} {}".format(*session.window_size()).encode())

    def take_typed(self):
        """What was typed; False if that was Ctrl-]."""
        data = os.read(0, PAYLOAD)
        before, leave, _ = data.partition(LEAVE)
        if before:
            self.send(b"d", before)
        if leave or not data:
            self.said = "left the guest"
        return self.said is None

    def take_frames(self):
        """What the guest sent; False if it was the last."""
        try:
            data = self.connection.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            self.said = "the guest has ended"
            return False
        self.answered = True
        self.rest += data
        while len(self.rest) >= HEADER.size:
            kind, size = HEADER.unpack_from(self.rest)
            payload = self.rest[HEADER.size:HEADER.size + size]
            if len(payload) < size:
                break
            self.rest = self.rest[HEADER.size + size:]
            if kind == b"d":
                _write_all(1, payload)
            else:
                self.said = payload.decode(errors="replace") or "the shell has ended"
                self.status = 0 if kind == b"e" else 125
                return False
        return True

    def carry(self, resized):
        """Until the end.  resized is readable when the terminal's size has changed."""
        rows, columns = session.window_size()
        term = os.environ.get("TERM", "")
        self.send(b"s", f"{rows} {columns} {term}".encode())
        limit = time.monotonic() + SILENT_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ, self.take_typed)
            selector.register(self.connection, selectors.EVENT_READ, self.take_frames)
            selector.register(resized, selectors.EVENT_READ)
            while True:
                silent = not self.answered and limit is not None
                left = max(0, limit - time.monotonic()) if silent else None
                ready = selector.select(left)
                if silent and not ready:
                    limit = None
                    _write_all(2, b"guest: no answer yet: it is still booting, or "
                                  b"somebody else is attached; Ctrl-] leaves\r\n")
                for key, _ in ready:
                    if key.data and not key.data():
                        return
                    if not key.data:
                        resized.recv(64)
                        self.send_size()


def _write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


@contextlib.contextmanager
def _raw_terminal():
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _size_changes():
    """A socket that is readable after each SIGWINCH."""
    ours, handlers = socket.socketpair()
    with ours, handlers:
        handlers.setblocking(False)
        before = signal.set_wakeup_fd(handlers.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGWINCH, lambda *_: None)
        try:
            yield ours
        finally:
            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
            signal.set_wakeup_fd(before)


def attach(candidates):
    """A shell in the first of these runs whose guest runs; the exit status."""
    if not os.isatty(0):
        raise Trouble("--attach needs a terminal")
    directory, connection = connect(candidates)
    print(f"guest: attached to {paths.shown(directory)}; Ctrl-] leaves", file=sys.stderr,
          flush=True)
    client = _Client(connection)
    session.raise_on_signals()
    try:
        with connection, _size_changes() as resized, _raw_terminal():
            client.carry(resized)
    except session.Interrupted as interrupted:
        client.said, client.status = str(interrupted), 128 + interrupted.signum
    print(f"\nguest: {client.said}", file=sys.stderr, flush=True)
    return client.status
