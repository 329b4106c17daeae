# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the memory of an object is."""

import ctypes
from typing import Any


class _PyBuffer(ctypes.Structure):
    """Py_buffer, part of Python's stable ABI."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_WRITABLE = 1

_get = ctypes.pythonapi.PyObject_GetBuffer
_get.argtypes = [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
_get.restype = ctypes.c_int
_release = ctypes.pythonapi.PyBuffer_Release
_release.argtypes = [ctypes.POINTER(_PyBuffer)]
_release.restype = None


class Memory:
    """The memory of an object, which cannot be moved or resized until release().

    Any object with the buffer protocol will do, if it is contiguous: bytes, bytearray,
    memoryview, mmap, array, arrays of numpy.  Nothing is copied.
    """

    def __init__(self, owner: Any, writable: bool) -> None:
        self._view = _PyBuffer()
        self._held = False
        # It raises BufferError or TypeError itself.
        _get(owner, ctypes.byref(self._view), _WRITABLE if writable else 0)
        self._held = True

    @property
    def address(self) -> int:
        """Of the first byte."""
        return self._view.buf or 0

    @property
    def length(self) -> int:
        """In bytes."""
        return self._view.len

    def release(self) -> None:
        """The object is free again."""
        if self._held:
            self._held = False
            _release(ctypes.byref(self._view))

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()
