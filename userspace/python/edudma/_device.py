# SPDX-License-Identifier: LGPL-2.1-or-later
"""An open device."""

import asyncio
import concurrent.futures
import contextlib
import ctypes
import dataclasses
import errno
import mmap
import os
import pathlib
import threading
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Type, TypeVar, Union

from . import _uapi
from ._errors import Error, InterruptedTransferError, NoSuchBufferError, error
from ._memory import Memory

T = TypeVar("T")

_CLASS = pathlib.Path("/sys/class/edudma")
_ENGINES = {_uapi.EDUDMA_ENGINE_EDU: "edu", _uapi.EDUDMA_ENGINE_RING: "ring",
            _uapi.EDUDMA_ENGINE_OTHER: "other"}
_CAPABILITY = "EDUDMA_CAP_"
_CAPABILITIES = {value: name[len(_CAPABILITY):].lower()
                 for name, value in vars(_uapi).items() if name.startswith(_CAPABILITY)}
# Calls of one device that run at the same time in threads of its own.
_THREADS = 16

# The library releases Python's lock during a call, unlike fcntl.ioctl().
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]
_libc.ioctl.restype = ctypes.c_int


@dataclasses.dataclass(frozen=True)
class Info:  # pylint: disable=too-many-instance-attributes
    """What a device and its driver can do; see struct edudma_info."""

    abi_version: int
    engine: str
    window_bytes: int
    max_transfer_bytes: int
    max_segments: int
    address_bits: int
    channels: int
    capabilities: "frozenset[str]"
    chunk_bytes: int
    bounce_bytes: int
    max_descriptor_bytes: int
    timeout_ms: int
    max_buffers: int
    streams: int


@dataclasses.dataclass(frozen=True)
class Result:
    """How far a vector came."""

    bytes_done: int
    segments_done: int


@dataclasses.dataclass(frozen=True)
class Segment:
    """One element of a vector; made by to_device(), from_device() and those of Buffer."""

    direction: int
    offset: int
    memory: Any = None
    buffer: int = 0
    position: int = 0
    length: int = 0


def to_device(memory: Any, offset: int = 0) -> Segment:
    """A segment that moves all of an object's memory to the window."""
    return Segment(_uapi.EDUDMA_TO_DEVICE, offset, memory)


def from_device(memory: Any, offset: int = 0) -> Segment:
    """A segment that fills an object's memory from the window."""
    return Segment(_uapi.EDUDMA_FROM_DEVICE, offset, memory)


def devices() -> List[str]:
    """Paths of the nodes that are present, in order of their numbers."""
    if not _CLASS.is_dir():
        return []
    names = [path.name for path in _CLASS.iterdir()]
    return [f"/dev/{name}" for name in sorted(names, key=lambda name: (len(name), name))]


def _find(which: Union[None, int, str, "os.PathLike[str]"]) -> str:
    """The path of the node that a number, a name, a PCI address or a path stands for."""
    if which is None:
        return (devices() or ["/dev/edudma0"])[0]
    if isinstance(which, int) or isinstance(which, str) and which.isdigit():
        return f"/dev/edudma{which}"
    name = os.fspath(which)
    if "/" in name:
        return name
    for path in devices():
        known = os.path.basename(path)
        if name in (known, os.path.basename(os.path.realpath(_CLASS / known / "device"))):
            return path
    return f"/dev/{name}"


class Buffer:
    """Memory that is registered with a device: pinned and mapped once, for many segments."""

    def __init__(self, device: "Device", memory: Any) -> None:
        self._device = device
        self._memory = Memory(memory, writable=True)
        call = _uapi.edudma_buffer_register(addr=self._memory.address, len=self._memory.length,
                                            kind=_uapi.EDUDMA_BUFFER_USER)
        try:
            device.ioctl(_uapi.EDUDMA_IOC_BUFFER_REGISTER, call)
        except Exception:
            self._memory.release()
            raise
        self.number: int = call.buffer
        self.length: int = self._memory.length

    def _segment(self, direction: int, position: int, length: Optional[int],
                 offset: int) -> Segment:
        if length is None:
            length = self.length - position
        return Segment(direction, offset, None, self.number, position, length)

    def to_device(self, position: int = 0, length: Optional[int] = None,
                  offset: int = 0) -> Segment:
        """A segment that moves a part of the buffer to the window."""
        return self._segment(_uapi.EDUDMA_TO_DEVICE, position, length, offset)

    def from_device(self, position: int = 0, length: Optional[int] = None,
                    offset: int = 0) -> Segment:
        """A segment that fills a part of the buffer from the window."""
        return self._segment(_uapi.EDUDMA_FROM_DEVICE, position, length, offset)

    def unregister(self) -> None:
        """Give it up; requests that use it are finished.  Its number means nothing more."""
        if not self.number:
            return
        call = _uapi.edudma_buffer_unregister(buffer=self.number)
        self.number = 0
        try:
            if not self._device.closed:
                self._device.ioctl(_uapi.EDUDMA_IOC_BUFFER_UNREGISTER, call, NoSuchBufferError)
        finally:
            self._memory.release()

    def __enter__(self) -> "Buffer":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.unregister()


class Device:
    """An open device.

    which is a number, a name such as "edudma0", a PCI address, a path, or None for the
    first device present.  Any number of threads may use it; close() waits for them.
    """

    def __init__(self, which: Union[None, int, str, "os.PathLike[str]"] = None, *,
                 flags: int = os.O_RDWR) -> None:
        self._fd = -1
        self._users = 0
        self._idle = threading.Condition()
        self._executor: Optional[concurrent.futures.ThreadPoolExecutor] = None
        self.path: str = _find(which)
        try:
            self._fd = os.open(self.path, flags | os.O_CLOEXEC)
        except OSError as failed:
            raise error(failed.errno or errno.EIO, self.path) from None
        try:
            self.window_bytes: int = self.info().window_bytes
        except Exception:
            self.close()
            raise

    # --- lifetime

    def close(self) -> None:
        """Wait for calls that are under way, and close.  More calls have no effect."""
        if self._executor:
            self._executor.shutdown()
            self._executor = None
        with self._idle:
            fd, self._fd = self._fd, -1
            self._idle.wait_for(lambda: not self._users)
        if fd >= 0:
            os.close(fd)

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return self._fd < 0

    def fileno(self) -> int:
        """The descriptor, for poll(2) and the like."""
        if self._fd < 0:
            raise ValueError("the device is closed")
        return self._fd

    @contextlib.contextmanager
    def _use(self) -> Iterator[int]:
        """Keep the descriptor open during a call."""
        with self._idle:
            fd = self.fileno()
            self._users += 1
        try:
            yield fd
        finally:
            with self._idle:
                self._users -= 1
                self._idle.notify_all()

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            os.close(self._fd)

    def __repr__(self) -> str:
        return f"<edudma.Device {self.path}{' (closed)' if self.closed else ''}>"

    # --- what it is

    def ioctl(self, number: int, argument: ctypes.Structure,
              not_found: Optional[Type[Error]] = None) -> None:
        """A call of <linux/edudma.h>; an errno is raised as an Error."""
        with self._use() as fd:
            failed = _libc.ioctl(fd, number, ctypes.byref(argument)) < 0
            reason = ctypes.get_errno()
        if failed:
            raise error(reason, self.path, not_found if reason == errno.ENOENT else None)

    def info(self) -> Info:
        """Ask the driver."""
        raw = _uapi.edudma_info()
        self.ioctl(_uapi.EDUDMA_IOC_INFO, raw)
        values = {field.name: getattr(raw, field.name) for field in dataclasses.fields(Info)}
        values["engine"] = _ENGINES.get(raw.engine, "unknown")
        values["capabilities"] = frozenset(name for bit, name in _CAPABILITIES.items()
                                           if raw.capabilities & bit)
        return Info(**values)

    def stats(self) -> Dict[str, int]:
        """The statistics, by the names of their files."""
        device = os.fstat(self.fileno()).st_rdev
        place = pathlib.Path(f"/sys/dev/char/{os.major(device)}:{os.minor(device)}/statistics")
        try:
            return {path.name: int(path.read_text()) for path in sorted(place.iterdir())}
        except FileNotFoundError:
            raise error(errno.ENODEV, self.path) from None

    def map(self, offset: int = 0, length: Optional[int] = None,
            prot: int = mmap.PROT_READ | mmap.PROT_WRITE) -> mmap.mmap:
        """Map a part of the window, if info().capabilities has "mmap"."""
        length = self.window_bytes - offset if length is None else length
        with self._use() as fd:
            try:
                return mmap.mmap(fd, length, mmap.MAP_SHARED, prot, offset=offset)
            except OSError as failed:
                raise error(failed.errno or errno.EIO, self.path) from None

    # --- transfers

    def _move(self, call: Callable[[int, List[memoryview], int], int], view: memoryview,
              offset: int) -> None:
        """All of it, after short counts too."""
        if offset < 0 or offset + len(view) > self.window_bytes:
            raise error(errno.ERANGE, self.path)
        done = 0
        with self._use() as fd:
            while done < len(view):
                try:
                    moved = call(fd, [view[done:]], offset + done)
                except OSError as failed:
                    raised = error(failed.errno or errno.EIO, self.path)
                    raised.bytes_done = done
                    raise raised from None
                if not moved:
                    raise error(errno.EIO, self.path)
                done += moved

    def read_into(self, memory: Any, offset: int = 0) -> None:
        """Fill an object's memory from the window."""
        with memoryview(memory) as view, view.cast("B") as octets:
            self._move(os.preadv, octets, offset)

    def read(self, length: int, offset: int = 0) -> bytes:
        """Bytes of the window."""
        memory = bytearray(length)
        self.read_into(memory, offset)
        return bytes(memory)

    def write_from(self, memory: Any, offset: int = 0) -> None:
        """Move an object's memory to the window."""
        with memoryview(memory) as view, view.cast("B") as octets:
            self._move(os.pwritev, octets, offset)

    def transfer(self, segments: Iterable[Segment], *, exclusive: bool = False,
                 bounce: bool = True) -> Result:
        """Run a vector of segments in order.

        exclusive: no other request uses the window meanwhile.  bounce=False: fail where the
        device cannot reach memory.  A signal whose handler does not raise lets it go on,
        unless it is exclusive and has begun: InterruptedTransferError.
        """
        vector = list(segments)
        raw = (_uapi.edudma_segment * len(vector))()
        with contextlib.ExitStack() as held:
            for one, segment in zip(raw, vector):
                one.offset, one.direction = segment.offset, segment.direction
                if segment.buffer:
                    one.buffer, one.addr, one.len = (segment.buffer, segment.position,
                                                     segment.length)
                    continue
                memory = held.enter_context(Memory(
                    segment.memory, segment.direction == _uapi.EDUDMA_FROM_DEVICE))
                one.addr, one.len = memory.address, memory.length
            return self._run(raw, (_uapi.EDUDMA_TRANSFER_EXCLUSIVE if exclusive else 0) |
                             (0 if bounce else _uapi.EDUDMA_TRANSFER_NO_BOUNCE))

    def _run(self, raw: Any, flags: int) -> Result:
        """Begin, and go on after signals."""
        size = ctypes.sizeof(_uapi.edudma_segment)
        done = first = 0
        while True:
            call = _uapi.edudma_transfer(segments=ctypes.addressof(raw) + first * size,
                                         nr_segments=len(raw) - first, flags=flags)
            try:
                self.ioctl(_uapi.EDUDMA_IOC_TRANSFER, call, NoSuchBufferError)
                return Result(done + call.bytes_done, first + call.segments_done)
            except Error as failed:
                exclusive = flags & _uapi.EDUDMA_TRANSFER_EXCLUSIVE
                if not isinstance(failed, InterruptedTransferError) or \
                        exclusive and call.bytes_done:
                    failed.bytes_done = done + call.bytes_done
                    failed.segments_done = first + call.segments_done
                    raise
            part = call.bytes_done - sum(
                one.len for one in raw[first:first + call.segments_done])
            done += call.bytes_done
            first += call.segments_done
            if part:
                raw[first].addr += part
                raw[first].len -= part
                raw[first].offset += part

    def register(self, memory: Any) -> Buffer:
        """Register an object's memory, if info().capabilities has "buffers"."""
        return Buffer(self, memory)

    # --- asyncio

    async def _in_thread(self, call: Callable[..., T], *args: Any, **options: Any) -> T:
        """In a thread of the device's.

        A task that is cancelled does not stop the transfer: the memory is the device's until
        that has ended, and close() waits for it.
        """
        if not self._executor:
            self.fileno()
            self._executor = concurrent.futures.ThreadPoolExecutor(_THREADS, "edudma")
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: call(*args, **options))

    async def read_into_async(self, memory: Any, offset: int = 0) -> None:
        """read_into(), while other tasks go on."""
        await self._in_thread(self.read_into, memory, offset)

    async def write_from_async(self, memory: Any, offset: int = 0) -> None:
        """write_from(), while other tasks go on."""
        await self._in_thread(self.write_from, memory, offset)

    async def transfer_async(self, segments: Iterable[Segment], *, exclusive: bool = False,
                             bounce: bool = True) -> Result:
        """transfer(), while other tasks go on."""
        return await self._in_thread(self.transfer, segments, exclusive=exclusive, bounce=bounce)
