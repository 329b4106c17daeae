# SPDX-License-Identifier: GPL-2.0-only
"""In the guest, for the labs: a page that a device of few address bits cannot reach."""

import ctypes
import mmap
import os
import struct

_kept = []


def beyond(bits=28):
    """A page of memory whose physical address has more bits than that; one may look it up."""
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        while True:
            # Two megabytes at a time; what does not fit is kept, so that others come.
            memory = mmap.mmap(-1, 2 << 20)
            _kept.append(memory)
            for offset in range(0, len(memory), mmap.PAGESIZE):
                memory[offset] = 1
                address = ctypes.addressof(ctypes.c_char.from_buffer(memory, offset))
                entry = os.pread(pagemap.fileno(), 8, address // mmap.PAGESIZE * 8)
                frame = struct.unpack("Q", entry)[0] & ((1 << 55) - 1)
                if frame * mmap.PAGESIZE >> bits:
                    return memoryview(memory)[offset:offset + mmap.PAGESIZE]
