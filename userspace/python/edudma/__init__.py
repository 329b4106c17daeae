# SPDX-License-Identifier: LGPL-2.1-or-later
"""DMA between memory of Python's and the window of an edudma device, without a copy.

    with edudma.Device() as device:
        device.write_from(b"hello", offset=16)
        memory = bytearray(5)
        device.read_into(memory, offset=16)

Memory is that of any object with the buffer protocol: bytes (to the device only),
bytearray, memoryview, mmap, array, arrays of numpy.  Vectors of segments are run by
Device.transfer(), memory that is used often is registered by Device.register(), and the
methods that end in _async are for asyncio.  Frames that a device produces at its own rate
come by a Stream, which needs libedudma.
"""

from ._device import Buffer, Device, Info, Result, Segment, devices, from_device, to_device
from ._errors import (DeviceFailedError, DeviceGoneError, DeviceTimeoutError, Error,
                      InterruptedTransferError, MemoryAccessError, MemoryLimitError,
                      NoSuchBufferError, OutOfReachError, OutsideWindowError, TooLargeError)
from ._stream import Frame, Status, Stream
from ._version import __version__

__all__ = [
    "Buffer", "Device", "DeviceFailedError", "DeviceGoneError", "DeviceTimeoutError", "Error",
    "Frame", "Info", "InterruptedTransferError", "MemoryAccessError", "MemoryLimitError",
    "NoSuchBufferError", "OutOfReachError", "OutsideWindowError", "Result", "Segment",
    "Status", "Stream", "TooLargeError", "__version__", "devices", "from_device", "to_device",
]
