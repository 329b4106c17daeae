# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames that a device produces at its own rate.

The rings that are shared with the driver need what Python has not, barriers of memory: they
are libedudma's.
"""

import asyncio
import ctypes
import dataclasses
import errno
import functools
import mmap
import os
import time
from typing import Any, Optional, Union

from . import _uapi
from ._device import Device, _find
from ._errors import error
from ._memory import Memory
from ._version import LIBRARY

_PATTERNS = {"counter": _uapi.EDUDMA_PATTERN_COUNTER, "prbs31": _uapi.EDUDMA_PATTERN_PRBS31,
             "ramp": _uapi.EDUDMA_PATTERN_RAMP}
_POLICIES = {"drop-new": _uapi.EDUDMA_STREAM_DROP_NEW, "drop-old": _uapi.EDUDMA_STREAM_DROP_OLD,
             "end": _uapi.EDUDMA_STREAM_END}


class _Options(ctypes.Structure):
    """struct edudma_stream_options"""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("direction", ctypes.c_uint32),
        ("frame_bytes", ctypes.c_uint32),
        ("rate", ctypes.c_uint64),
        ("buffers", ctypes.c_uint32),
        ("pattern", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("memory", ctypes.c_void_p),
        ("memory_bytes", ctypes.c_size_t),
        ("buffer", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    ]


class _Frame(ctypes.Structure):
    """struct edudma_frame"""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("capacity", ctypes.c_uint32),
        ("bytes", ctypes.c_uint32),
        ("position", ctypes.c_uint64),
        ("lost", ctypes.c_uint64),
        ("sequence", ctypes.c_uint64),
        ("timestamp", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("error", ctypes.c_int),
    ]


@functools.lru_cache(maxsize=None)
def _library() -> Any:
    """Load libedudma, with the types of what is used of it.

    Calls of it release Python's lock.
    """
    library = ctypes.CDLL(LIBRARY)
    pointer, frames = ctypes.c_void_p, ctypes.POINTER(ctypes.POINTER(_Frame))
    for name, arguments in {
            "edudma_open": [ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(pointer)],
            "edudma_close": [pointer],
            "edudma_stream_open": [pointer, ctypes.POINTER(_Options), ctypes.POINTER(pointer)],
            "edudma_stream_close": [pointer],
            "edudma_stream_fd": [pointer],
            "edudma_stream_start": [pointer],
            "edudma_stream_stop": [pointer],
            "edudma_stream_next": [pointer, ctypes.c_int, frames],
            "edudma_stream_release": [pointer, ctypes.POINTER(_Frame)],
            "edudma_stream_get_status": [pointer, ctypes.POINTER(_uapi.edudma_stream_status),
                                         ctypes.c_size_t],
            "edudma_stream_verify": [pointer, ctypes.POINTER(_Frame), pointer],
    }.items():
        getattr(library, name).argtypes = arguments
    library.edudma_close.restype = None
    library.edudma_stream_close.restype = None
    library.edudma_stream_verify.restype = ctypes.c_uint64
    return library


@dataclasses.dataclass(frozen=True)
class Frame:  # pylint: disable=too-many-instance-attributes
    """A frame.  Its memory is the device's again once the stream is asked for the next one.

    data: its bytes; slot: which buffer of the stream's memory they are in; position: bytes
    that had been produced before it; lost: bytes of these that were lost since the frame
    before; sequence: frames that had been produced before; timestamp: the device's clock in
    nanoseconds; error: 0, or the errno of what kept the rest of it from coming.
    """

    data: memoryview
    slot: int
    position: int
    lost: int
    sequence: int
    timestamp: int
    error: int


@dataclasses.dataclass(frozen=True)
class Status:
    """What has become of a stream, in bytes: produced is delivered + lost.

    frames: how many were delivered; error: 0, or the errno of why it has ended; counted: what
    was lost in the end is known, too.
    """

    produced: int
    delivered: int
    lost: int
    frames: int
    error: int
    counted: bool


def _stride(frame_bytes: int) -> int:
    """From one buffer to the next."""
    align = 4096 if frame_bytes > 4096 else 64
    return (frame_bytes + align - 1) // align * align


class Stream:  # pylint: disable=too-many-instance-attributes
    """A stream from the device.

        with edudma.Stream(rate=50 << 20) as stream:
            for frame in stream:
                consume(frame.data)

    Iterating starts it, and ends when it was stopped; "async for" waits without a thread.
    rate is in bytes per second; with 0 a frame is made whenever there is a buffer for it, and
    none is lost.  pattern is "counter", "prbs31" or "ramp", policy "drop-new", "drop-old" or
    "end".  memory is any object that can be written, such as a bytearray or an array of numpy:
    buffer n of it is at n times frame_bytes, rounded up to 64 bytes, or to 4096 if it is more
    than that.  Without, the stream has memory of its own.

    One thread or task at a time uses a stream.  Only stop() may be called by others.
    """

    def __init__(self, device: Union[Device, None, int, str, "os.PathLike[str]"] = None, *,
                 rate: int = 0, frame_bytes: int = 1 << 16, buffers: int = 16,
                 pattern: str = "counter", policy: str = "drop-new", header: bool = False,
                 memory: Any = None) -> None:  # pylint: disable=too-many-arguments
        self._library = _library()
        self._device, self._stream = ctypes.c_void_p(), ctypes.c_void_p()
        self._current: Any = None
        self._started = False
        self.path: str = device.path if isinstance(device, Device) else _find(device)
        self.frame_bytes, self.buffers = frame_bytes, buffers
        if pattern not in _PATTERNS or policy not in _POLICIES:
            raise ValueError(f"no such pattern or policy: {pattern}, {policy}")
        if frame_bytes <= 0 or buffers <= 0:
            raise error(errno.EINVAL, self.path)
        if memory is None:
            memory = mmap.mmap(-1, buffers * _stride(frame_bytes))
        self._memory = Memory(memory, writable=True)
        # It keeps the memory for frames that outlive the stream.
        self._view = memoryview(memory).cast("B")
        options = _Options(
            size=ctypes.sizeof(_Options), direction=_uapi.EDUDMA_FROM_DEVICE,
            frame_bytes=frame_bytes, rate=rate, buffers=buffers, pattern=_PATTERNS[pattern],
            policy=_POLICIES[policy], flags=_uapi.EDUDMA_STREAM_HEADER if header else 0,
            memory=self._memory.address, memory_bytes=self._memory.length)
        try:
            self._check(self._library.edudma_open(os.fsencode(self.path), os.O_RDONLY,
                                                  ctypes.byref(self._device)))
            self._check(self._library.edudma_stream_open(self._device, ctypes.byref(options),
                                                         ctypes.byref(self._stream)))
        except Exception:
            self.close()
            raise

    # --- lifetime

    def _check(self, result: int) -> None:
        """A negative errno is raised."""
        if result < 0:
            raise error(-result, self.path)

    def _open(self) -> ctypes.c_void_p:
        """The stream, as long as it is open."""
        if not self._stream:
            raise ValueError("the stream is closed")
        return self._stream

    def close(self) -> None:
        """End it.  Frames keep their bytes.  More calls have no effect."""
        stream, self._stream = self._stream, ctypes.c_void_p()
        device, self._device = self._device, ctypes.c_void_p()
        self._current = None
        self._library.edudma_stream_close(stream)
        self._library.edudma_close(device)
        self._view = memoryview(b"")
        self._memory.release()

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return not self._stream

    def fileno(self) -> int:
        """The descriptor: it can be read when there is a frame, or the stream has ended."""
        return self._library.edudma_stream_fd(self._open())

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_memory", None):
            self.close()

    def __repr__(self) -> str:
        return f"<edudma.Stream of {self.path}{' (closed)' if self.closed else ''}>"

    # --- frames

    def start(self) -> None:
        """Take a channel of the device, and start; position and sequence begin at 0."""
        self._check(self._library.edudma_stream_start(self._open()))
        self._started = True

    def stop(self) -> None:
        """Stop.  Frames that were complete before can still be taken."""
        self._check(self._library.edudma_stream_stop(self._open()))

    def status(self) -> Status:
        """What has become of it."""
        raw = _uapi.edudma_stream_status()
        self._check(self._library.edudma_stream_get_status(self._open(), ctypes.byref(raw),
                                                           ctypes.sizeof(raw)))
        return Status(raw.produced, raw.delivered, raw.lost, raw.frames, raw.error,
                      not raw.flags & _uapi.EDUDMA_STREAM_UNCOUNTED)

    def wrong_bytes(self) -> int:
        """How many bytes of the frame that was taken last are not what they should be."""
        if not self._current:
            raise ValueError("no frame was taken")
        return self._library.edudma_stream_verify(self._open(), self._current, None)

    def release(self) -> None:
        """Give the frame that was taken last back to the device, before the next is taken."""
        if not self._current:
            return
        result = self._library.edudma_stream_release(self._open(), self._current)
        self._current = None
        # So it is if a signal's handler has raised behind the call.
        if result != -errno.EALREADY:
            self._check(result)

    def _take(self, timeout_ms: int) -> Optional[Frame]:
        """The next frame, or None if there is none in time.  Signal handlers are run."""
        # What a signal's handler raises behind the call does not lose the frame.
        self._current = ctypes.POINTER(_Frame)()
        result = self._library.edudma_stream_next(self._open(), timeout_ms,
                                                  ctypes.byref(self._current))
        if result in (-errno.EAGAIN, -errno.EINTR):
            return None
        self._check(result)
        one = self._current.contents
        start = one.data - self._memory.address
        return Frame(self._view[start:start + one.bytes], start // _stride(self.frame_bytes),
                     one.position, one.lost, one.sequence, one.timestamp, one.error)

    def take(self, timeout: Optional[float] = None) -> Optional[Frame]:
        """Release the frame before, and wait for the next one; None if there is none in time.

        Starts the stream if it was not.  Fails with ECANCELED when it was stopped and all
        frames were taken.
        """
        self.release()
        if not self._started:
            self.start()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = -1 if end is None else max(0, int((end - time.monotonic()) * 1000 + 0.999))
            frame = self._take(min(left, 1 << 30))
            if frame or not left:
                return frame

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> Frame:
        while True:
            try:
                frame = self.take()
            except OSError as failed:
                if failed.errno == errno.ECANCELED:
                    raise StopIteration from None
                raise
            if frame:
                return frame

    # --- asyncio

    def __aiter__(self) -> "Stream":
        return self

    async def _readable(self) -> None:
        """Wait until there is a frame, or the end."""
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        number = self.fileno()
        loop.add_reader(number, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            loop.remove_reader(number)

    async def __anext__(self) -> Frame:
        # Others have their turn also where frames come faster than they are taken.
        await asyncio.sleep(0)
        while True:
            try:
                frame = self.take(0)
            except OSError as failed:
                if failed.errno == errno.ECANCELED:
                    raise StopAsyncIteration from None
                raise
            if frame:
                return frame
            await self._readable()
