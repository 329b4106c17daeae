#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The package edudma for Python, on a device.  Runs in the guest, as root.

-l lists the tests, -t PATTERN or EDUDMA_TEST choose.
"""

import array
import asyncio
import ctypes
import errno
import fnmatch
import mmap
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("EDUDMA_BUILD", TOP / "build"))
PACKAGE = BUILD / "userspace/python"
sys.path.insert(0, str(PACKAGE))

import edudma
from edudma import _stream, _uapi, _version

# Whoever asks for it by name gets this one.
LIBRARY = ctypes.CDLL(str(BUILD / "userspace" / _version.LIBRARY))


class Skip(Exception):
    """The reason why a test cannot be run."""


def raises(kind, call, *args, **options):
    """The exception that a call raises."""
    try:
        call(*args, **options)
    except kind as raised:
        return raised
    raise AssertionError(f"nothing of {kind} was raised")


def test_any_name_finds_the_device():
    path = edudma.devices()[0]
    name = os.path.basename(path)
    address = os.path.basename(os.path.realpath(f"/sys/class/edudma/{name}/device"))
    for which in (None, 0, "0", name, path, pathlib.Path(path), address):
        with edudma.Device(which) as device:
            assert device.path == path, (which, device.path)
    assert raises(edudma.Error, edudma.Device, 4000).errno == errno.ENOENT
    assert raises(edudma.Error, edudma.Device, "/dev/null").errno in (errno.ENOTTY, errno.EINVAL)


def test_info_is_what_the_tool_tells():
    import json
    told = json.loads(subprocess.check_output([BUILD / "userspace/edudma", "info", "--json"]))
    with edudma.Device() as device:
        info = device.info()
    for name, value in told.items():
        if name == "capabilities":
            assert {word.replace("-", "_") for word in value} == info.capabilities
        elif name != "path":
            assert getattr(info, name) == value, name


def test_layouts_are_those_of_the_header():
    names = [name for name, value in vars(_uapi).items()
             if isinstance(value, type) and issubclass(value, ctypes.Structure)]
    header = (TOP / "uapi/linux/edudma.h").read_text(encoding="ascii")
    assert set(names) == set(re.findall(r"^struct (\w+) \{", header, re.M))
    constants = re.findall(r"^(?:#define|\t)\s*(EDUDMA_\w+)(?:[ \t]*=|[ \t]+\S)", header, re.M)
    assert len(constants) > 40 and not set(constants) - set(vars(_uapi))
    assert ctypes.sizeof(_uapi.edudma_frame_header) == 32
    assert bytes(_uapi.edudma_frame_header(magic=_uapi.EDUDMA_FRAME_MAGIC))[:4] == b"EDSF"
    lines = []
    kinds = [(name, getattr(_uapi, name)) for name in names]
    kinds += [("edudma_stream_options", _stream._Options), ("edudma_frame", _stream._Frame)]
    for name, kind in kinds:
        lines.append(f"_Static_assert(sizeof(struct {name}) == {ctypes.sizeof(kind)}, \"\");")
        for field, _ in kind._fields_:
            lines.append(f"_Static_assert(__builtin_offsetof(struct {name}, {field}) == "
                         f"{getattr(kind, field).offset}, \"{name}.{field}\");")
    for name, value in vars(_uapi).items():
        if name.startswith("EDUDMA_"):
            lines.append(f"_Static_assert({name} == {value}, \"{name}\");")
    subprocess.run(["gcc", "-fsyntax-only", f"-I{TOP}/uapi", f"-I{TOP}/userspace/include", "-x",
                    "c", "-include", "edudma_stream.h", "-"], input="\n".join(lines), text=True, check=True)


def kinds_of_memory(length):
    """Memory of each kind that can be written."""
    yield bytearray(length)
    yield memoryview(bytearray(length + 3))[3:]
    yield mmap.mmap(-1, length)
    if length % 8 == 0:
        yield array.array("d", bytes(length))


def test_memory_of_each_kind_is_filled():
    sent = os.urandom(4000)
    with edudma.Device() as device:
        device.write_from(sent, 7)
        for memory in kinds_of_memory(len(sent)):
            device.read_into(memory, 7)
            assert bytes(memory) == sent, type(memory)
            device.write_from(bytes(len(sent)), 7)
            device.write_from(memory, 7)
            assert device.read(len(sent), 7) == sent, type(memory)
            back = bytearray(len(sent))
            device.transfer([edudma.from_device(memory, 7), edudma.to_device(memory, 0),
                             edudma.from_device(back, 0)], exclusive=True)
            assert back == sent, type(memory)
            device.write_from(sent, 7)


def test_memory_that_is_constant_is_only_sent():
    with edudma.Device() as device:
        device.write_from(b"constant")
        raises((TypeError, BufferError), device.read_into, b"constant")
        raises((TypeError, BufferError), device.transfer, [edudma.from_device(b"constant")])
        device.transfer([edudma.to_device(b"Constant")])
        assert device.read(8) == b"Constant"


def test_moves_as_much_as_it_is_told():
    with edudma.Device() as device:
        sent = mmap.mmap(-1, 4096)
        before = device.stats()
        device.transfer([edudma.to_device(memoryview(sent)[:3000])])
        device.read_into(memoryview(sent)[:3000])
        after = device.stats()
    assert after["bytes_to_device"] - before["bytes_to_device"] == 3000
    assert after["bytes_from_device"] - before["bytes_from_device"] == 3000


def test_vectors_run_in_order():
    with edudma.Device() as device:
        a, b = bytearray(b"left"), bytearray(b"word")
        result = device.transfer([edudma.to_device(a, 0), edudma.to_device(b, 4),
                                  edudma.from_device(a, 4), edudma.from_device(b, 0)],
                                 exclusive=True)
        assert (a, b) == (b"word", b"left")
        assert result == edudma.Result(16, 4)
        assert device.transfer([]) == edudma.Result(0, 0)


def test_errors_say_what_and_how_far():
    with edudma.Device() as device:
        size = device.window_bytes
        assert raises(edudma.OutsideWindowError, device.read, 2, size - 1).errno == errno.ERANGE
        raises(edudma.OutsideWindowError, device.write_from, b"x", size)
        raises(edudma.OutsideWindowError, device.read, 1, -1)
        raises(edudma.OutsideWindowError, device.transfer, [edudma.to_device(b"xx", size - 1)])
        raises(edudma.TooLargeError, device.transfer, [edudma.to_device(b"")] * 1025)
        unknown = edudma.Segment(_uapi.EDUDMA_TO_DEVICE, 0, None, 77, 0, 4)
        raised = raises(edudma.NoSuchBufferError, device.transfer,
                        [edudma.to_device(b"12345"), unknown])
        assert (raised.bytes_done, raised.segments_done) == (5, 1)
        assert isinstance(raised, OSError) and raised.filename == device.path
    assert issubclass(edudma.DeviceTimeoutError, TimeoutError)
    with edudma.Device(flags=os.O_RDONLY) as device:
        assert raises(edudma.Error, device.write_from, b"x").errno == errno.EBADF


def registered(device, memory):
    """Registered memory, if the device can."""
    if "buffers" not in device.info().capabilities:
        raise Skip("this device has no registered buffers")
    try:
        return device.register(memory)
    except edudma.OutOfReachError:
        raise Skip("the device does not reach this memory") from None


def test_registered_buffers():
    with edudma.Device() as device:
        memory = bytearray(10000)
        with registered(device, memory) as buffer:
            assert device.stats()["pages_registered"] > 0
            memory[:5] = b"hello"
            device.transfer([buffer.to_device(0, 5, 3), buffer.from_device(5000, 5, 3)],
                            exclusive=True)
            assert memory[5000:5005] == b"hello"
            # It is the device's, so it cannot be resized.
            raises(BufferError, memory.extend, b"more")
            number = buffer.number
        assert device.stats()["pages_registered"] == 0
        memory.extend(b"more")
        raises(edudma.NoSuchBufferError, device.transfer,
               [edudma.Segment(_uapi.EDUDMA_TO_DEVICE, 0, None, number, 0, 1)])


def test_registered_memory_is_limited():
    if os.geteuid():
        raise Skip("needs root")
    with edudma.Device() as device:
        registered(device, bytearray(4096)).unregister()
    script = ("import edudma, sys, resource, os\n"
              "device = edudma.Device()\n"
              "resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))\n"
              "os.setuid(65534)\n"
              "try: device.register(bytearray(1 << 20))\n"
              "except edudma.MemoryLimitError: print('limited')\n")
    done = subprocess.run([sys.executable, "-B", "-c", script], text=True, check=True,
                          stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PACKAGE)})
    assert done.stdout == "limited\n"


def test_window_is_mapped():
    with edudma.Device() as device:
        if "mmap" not in device.info().capabilities:
            assert raises(edudma.DeviceGoneError, device.map, 0, 4096).errno == errno.ENODEV
            return
        with device.map(4096, 4096) as window:
            device.write_from(b"from memory", 4096)
            assert window[:11] == b"from memory"
            window[:6] = b"stored"
            assert window[0] == ord("s")
            assert device.read(6, 4096) == b"stored"


def test_closed_device_is_not_used():
    device = edudma.Device()
    device.close()
    device.close()
    assert device.closed and "closed" in repr(device)
    raises(ValueError, device.read, 1)
    raises(ValueError, device.transfer, [edudma.to_device(b"x")])
    raises(ValueError, device.fileno)


def test_tasks_move_at_the_same_time():
    async def run(device):
        parts = [os.urandom(100) for _ in range(8)]
        await asyncio.gather(*(device.write_from_async(part, 100 * number)
                               for number, part in enumerate(parts)))
        back = [bytearray(100) for _ in parts]
        await asyncio.gather(*(device.read_into_async(memory, 100 * number)
                               for number, memory in enumerate(back)))
        assert back == parts
        result = await device.transfer_async([edudma.to_device(b"async")])
        assert result.bytes_done == 5
        assert device.read(5) == b"async"

    with edudma.Device() as device:
        asyncio.run(run(device))


def test_loop_goes_on_during_a_transfer():
    async def run(device):
        turns = 0
        moved = asyncio.ensure_future(device.write_from_async(
            bytes(min(device.window_bytes, 8 << 20))))
        while not moved.done():
            turns += 1
            await asyncio.sleep(0)
        await moved
        assert turns > 1

    with edudma.Device() as device:
        asyncio.run(run(device))


def test_threads_share_a_device():
    failed = []

    def work(device, number):
        try:
            for turn in range(4):
                sent = bytes([number, turn]) * 50
                device.write_from(sent, 100 * number)
                assert device.read(100, 100 * number) == sent
        except BaseException as raised:  # pylint: disable=broad-except
            failed.append(raised)

    with edudma.Device() as device:
        threads = [threading.Thread(target=work, args=(device, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failed, failed


def test_signals_do_not_end_a_vector():
    came = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.003)
    try:
        with edudma.Device() as device:
            length = min(device.window_bytes, 1 << 20)
            sent, back = os.urandom(length), bytearray(length)
            while not came:
                result = device.transfer([edudma.to_device(sent), edudma.from_device(back)])
                assert result == edudma.Result(2 * length, 2)
                assert back == sent
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stream(**options):
    """A stream, if the device has them."""
    with edudma.Device() as device:
        if "streams" not in device.info().capabilities:
            raise Skip("this device has no streams")
    return edudma.Stream(**options)


def test_frames_come_by_iterating():
    with stream(header=True, frame_bytes=5000, buffers=4) as source:
        for number, frame in enumerate(source):
            header = _uapi.edudma_frame_header.from_buffer(frame.data)
            assert header.magic == _uapi.EDUDMA_FRAME_MAGIC
            assert (header.bytes, header.sequence, header.position) == (5000, number, 5000 * number)
            assert (frame.sequence, frame.position) == (number, 5000 * number)
            assert len(frame.data) == 5000 and not frame.lost and not frame.error
            assert source.wrong_bytes() == 0
            frame.data[100] ^= 1
            assert source.wrong_bytes() == 1
            if number == 30:
                break
        source.stop()
        # Those that were complete; then it is over.
        assert all(frame.sequence > 30 for frame in source)
        assert next(source, None) is None
        status = source.status()
        assert status.error == errno.ECANCELED and status.counted
        assert status.produced == status.delivered + status.lost
        # And from the beginning.
        source.start()
        assert next(source).sequence == 0
    source.close()
    assert source.closed and "closed" in repr(source)
    raises(ValueError, source.take)
    raises(ValueError, source.fileno)


def test_frames_lie_in_memory_of_the_program():
    for memory in kinds_of_memory(4 * 1024):
        with stream(frame_bytes=1000, buffers=4, memory=memory, pattern="prbs31") as source:
            if isinstance(memory, bytearray):
                # It is the device's, so it cannot be resized.
                raises(BufferError, memory.extend, b"more")
            for frame in source:
                start = 1024 * frame.slot
                assert frame.data == memoryview(memory).cast("B")[start:start + 1000]
                assert source.wrong_bytes() == 0
                kept = frame
                if frame.sequence == 20:
                    break
            came = bytes(kept.data)
        assert bytes(kept.data) == came
        del frame, kept
        if isinstance(memory, bytearray):
            memory.extend(b"more")
    raises(BufferError, stream, memory=bytes(1 << 20))
    assert raises(edudma.Error, stream, memory=bytearray(1000)).errno == errno.EINVAL
    assert raises(edudma.Error, stream, buffers=1025).errno == errno.EINVAL
    raises(ValueError, stream, pattern="noise")


def test_loss_is_told_to_the_byte():
    with stream(rate=64 << 20, frame_bytes=4096, buffers=2, policy="drop-old") as source:
        seen = lost = 0
        for frame in source:
            assert frame.position == seen + lost + frame.lost
            lost += frame.lost
            seen += len(frame.data)
            time.sleep(0.01)
            if frame.sequence > 1000:
                break
        assert lost
        source.stop()
        for frame in source:
            lost += frame.lost
            seen += len(frame.data)
        status = source.status()
        assert status.delivered == seen and status.lost >= lost
        assert status.produced == status.delivered + status.lost


def test_stream_is_waited_for_in_vain():
    with stream(rate=1000, frame_bytes=64000, buffers=2) as source:
        start = time.monotonic()
        assert source.take(0) is None
        assert source.take(0.1) is None
        assert 0.1 <= time.monotonic() - start < 30
        # The device has one channel for streams.
        with stream() as other:
            assert raises(edudma.Error, other.take).errno == errno.EBUSY
        # A signal's handler is run, and what it raises ends the wait.
        before = signal.signal(signal.SIGALRM, lambda *_: 1 // 0)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            raises(ZeroDivisionError, source.take)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        # Another thread ends it.
        timer = threading.Timer(0.05, source.stop)
        timer.start()
        assert not list(source)
        timer.join()


def test_signals_lose_no_frame():
    came = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.003)
    try:
        with stream(frame_bytes=4096, buffers=4) as source:
            for number, frame in enumerate(source):
                assert frame.sequence == number and source.wrong_bytes() == 0
                if len(came) > 20:
                    break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_tasks_go_on_between_frames():
    async def take(source, count):
        async for frame in source:
            assert source.wrong_bytes() == 0
            if frame.sequence >= count:
                source.stop()

    async def run(**options):
        turns = 0
        with stream(frame_bytes=4096, buffers=4, **options) as source:
            taken = asyncio.ensure_future(asyncio.wait_for(take(source, 40), 60))
            while not taken.done():
                turns += 1
                await asyncio.sleep(0)
            await taken
            # With a rate, some may have been lost.
            assert options or source.status().frames > 40
        assert turns > 1

    asyncio.run(run())
    asyncio.run(run(rate=1 << 20))


def test_task_that_is_cancelled_leaves_the_stream():
    async def run():
        with stream(rate=2000, frame_bytes=4000, buffers=4) as source:
            waits = asyncio.ensure_future(source.__anext__())
            await asyncio.sleep(0.02)
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
            assert waits.cancelled()
            assert (await source.__anext__()).sequence == 0

    asyncio.run(run())


def lines_of_example(name):
    """What an example prints."""
    done = subprocess.run([sys.executable, "-B", TOP / "userspace/python/examples" / name],
                          text=True, stdout=subprocess.PIPE, check=True,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE),
                               "LD_LIBRARY_PATH": str(BUILD / "userspace")})
    return done.stdout.splitlines()


def test_examples_work():
    lines = lines_of_example("transfers.py")
    assert lines[:2] == ["Hello, device memory!", "gatherscatter"], lines
    assert lines[3] == "asyncio: 0001020304050607", lines
    stream().close()
    lines = lines_of_example("frames.py")
    assert lines[1] == "frame 1 in buffer 1 begins with 512", lines
    assert lines[8:] == ["wrong bytes: 0", "produced = delivered + lost: True"], lines


def run(number, name):
    """One test; true if it passed."""
    try:
        globals()[f"test_{name}"]()
    except Skip as reason:
        print(f"ok {number} {name} # SKIP {reason}", flush=True)
    except BaseException:  # pylint: disable=broad-except
        for line in traceback.format_exc().splitlines():
            print(f"# {line}")
        print(f"not ok {number} {name}", flush=True)
        return False
    else:
        print(f"ok {number} {name}", flush=True)
    return True


def main(arguments):
    """The program."""
    patterns = os.environ.get("EDUDMA_TEST", "*").split()
    if arguments[:1] == ["-t"]:
        patterns = arguments[1:]
    names = [name[len("test_"):] for name in globals() if name.startswith("test_")]
    names = [name for name in names
             if any(fnmatch.fnmatchcase(name, pattern) or
                    fnmatch.fnmatchcase(f"python.{name}", pattern) for pattern in patterns)]
    if arguments[:1] == ["-l"]:
        print("\n".join(names))
        return 0
    print(f"TAP version 13\n1..{len(names)}", flush=True)
    return 0 if all([run(number, name) for number, name in enumerate(names, 1)]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
