#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python and an edudma device: one buffer, a vector, a registered buffer, asyncio."""

import asyncio
import sys

import edudma


async def several(device):
    """Requests at the same time."""
    parts = [bytearray(b"%02d" % number) for number in range(8)]
    await asyncio.gather(*(device.write_from_async(part, 2 * number)
                           for number, part in enumerate(parts)))
    print("asyncio:", device.read(16).decode())


def main():
    """The program."""
    with edudma.Device(sys.argv[1] if len(sys.argv) > 1 else None) as device:
        device.write_from(b"Hello, device memory!")
        print(device.read(21).decode())

        back = [bytearray(6), bytearray(7)]
        device.transfer([edudma.to_device(b"gather"), edudma.to_device(b"scatter", 6),
                         edudma.from_device(back[0]), edudma.from_device(back[1], 6)],
                        exclusive=True)
        print(b"".join(back).decode())

        try:
            with device.register(bytearray(4096)) as buffer:
                for _ in range(16):
                    device.transfer([buffer.to_device(0, 100), buffer.from_device(100, 100)])
            print("16 rounds through one registered buffer")
        except edudma.OutOfReachError:
            print("the device does not reach this memory")

        asyncio.run(several(device))


main()
