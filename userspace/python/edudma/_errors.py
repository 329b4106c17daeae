# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can go wrong, by errno."""

import errno
import os
from typing import Dict, Optional, Type


class Error(OSError):
    """A call that failed.

    bytes_done and segments_done say how far a transfer came.
    """

    bytes_done: int = 0
    segments_done: int = 0


class DeviceGoneError(Error):
    """The device was unplugged or unbound."""


class DeviceFailedError(Error):
    """The device has failed the transfer; the kernel's log tells more."""


class DeviceTimeoutError(Error, TimeoutError):
    """The device did not finish in time."""


class InterruptedTransferError(Error, InterruptedError):
    """A signal stopped an exclusive vector on its way."""


class OutsideWindowError(Error):
    """A segment does not lie within the window."""


class OutOfReachError(Error):
    """The device cannot address the memory, and bouncing was not wanted or not possible."""


class MemoryAccessError(Error):
    """There is no memory, or it cannot be written, or it is a device's."""


class TooLargeError(Error):
    """More segments or bytes than a vector can have."""


class NoSuchBufferError(Error):
    """No buffer of this number is registered."""


class MemoryLimitError(Error):
    """More is registered than RLIMIT_MEMLOCK allows."""


_BY_ERRNO: Dict[int, Type[Error]] = {
    errno.ENODEV: DeviceGoneError,
    errno.ENXIO: DeviceGoneError,
    errno.EIO: DeviceFailedError,
    errno.ETIMEDOUT: DeviceTimeoutError,
    errno.EINTR: InterruptedTransferError,
    errno.ERANGE: OutsideWindowError,
    errno.EADDRNOTAVAIL: OutOfReachError,
    errno.EFAULT: MemoryAccessError,
    errno.EMSGSIZE: TooLargeError,
    errno.EDQUOT: MemoryLimitError,
}


def error(number: int, path: Optional[str] = None, kind: Optional[Type[Error]] = None) -> Error:
    """The exception for an errno."""
    kind = kind or _BY_ERRNO.get(number, Error)
    return kind(number, os.strerror(number), path)
