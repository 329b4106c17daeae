# SPDX-License-Identifier: GPL-2.0-only
"""The kernel out of its compressed image.

An emulated processor takes seconds to unpack a kernel, at every boot; here it
is done once.  QEMU starts a bare ELF kernel by the PVH protocol, if the kernel
has that entry.
"""

import bz2
import lzma
import os
import struct
import subprocess
import zlib

# Documentation/arch/x86/boot.rst: where a bzImage says where its payload is.
SETUP_SECTORS = 0x1f1
MAGIC = 0x202
PAYLOAD = 0x248

PT_NOTE = 4
XEN_ELFNOTE_PHYS32_ENTRY = 18


def _zstd(data):
    return subprocess.run(["zstd", "-dcq"], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def _stream(unpacker, data):
    out = unpacker.decompress(data)
    if not unpacker.eof:
        raise ValueError("the image ends too early")
    return out


# What begins with this is unpacked by that.  The image's size follows the
# payload, so each must stop at the end of its own stream.
UNPACKERS = (
    (b"\xfd7zXZ", lambda data: _stream(lzma.LZMADecompressor(), data)),
    (b"\x5d\0\0", lambda data: _stream(lzma.LZMADecompressor(), data)),
    (b"\x1f\x8b", lambda data: _stream(zlib.decompressobj(wbits=31), data)),
    (b"BZh", lambda data: _stream(bz2.BZ2Decompressor(), data)),
    (b"\x28\xb5\x2f\xfd", lambda data: _zstd(data[:-4])),
)


def _payload(image):
    """The compressed kernel in a bzImage."""
    if image[MAGIC:MAGIC + 4] != b"HdrS":
        raise ValueError("no bzImage")
    start = ((image[SETUP_SECTORS] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    return image[start + offset:start + offset + length]


def _notes(elf):
    """(name, type) of a 64-bit ELF file's notes."""
    if elf[:5] != b"\x7fELF\x02":
        raise ValueError("no 64-bit ELF file")
    (table,) = struct.unpack_from("<Q", elf, 0x20)
    size, count = struct.unpack_from("<HH", elf, 0x36)
    for header in range(table, table + size * count, size):
        kind, _, at, _, _, length = struct.unpack_from("<IIQQQQ", elf, header)
        end = at + length
        while kind == PT_NOTE and at < end:
            name, desc, number = struct.unpack_from("<III", elf, at)
            yield elf[at + 12:at + 12 + name].rstrip(b"\0"), number
            at += 12 + (name + 3 & ~3) + (desc + 3 & ~3)


def _unpack(image):
    payload = _payload(image)
    for magic, unpack in UNPACKERS:
        if payload.startswith(magic):
            kernel = unpack(payload)
            if (b"Xen", XEN_ELFNOTE_PHYS32_ENTRY) in _notes(kernel):
                return kernel
            raise ValueError("no PVH entry")
    raise ValueError("an unknown compression")


def _has_kasan(image):
    """Was it built with KASAN?

    Started by the PVH protocol, such a kernel runs into its first check before
    there is shadow memory to look at.
    """
    config = image.with_name(image.name.replace("vmlinuz", "config", 1))
    return config.exists() and "\nCONFIG_KASAN=y\n" in config.read_text()


def quickest(image):
    """What to start: the kernel out of this image, kept beside it; or the image."""
    if _has_kasan(image):
        return image
    kernel = image.with_name(image.name.replace("vmlinuz", "vmlinux", 1))
    if kernel.exists():
        return kernel
    try:
        data = _unpack(image.read_bytes())
    except (ValueError, OSError, EOFError, lzma.LZMAError, struct.error,
            zlib.error, subprocess.CalledProcessError):
        # It will boot as it is, only slower.
        return image
    new = kernel.with_name(f".{kernel.name}.{os.getpid()}")
    new.write_bytes(data)
    os.replace(new, kernel)
    return kernel
