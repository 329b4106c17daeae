#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python and a stream of an edudma device: frames in memory of the program's, asyncio."""

import asyncio
import sys

import edudma


async def compare(stream, count):
    """Take frames while other tasks go on, and compare them with the pattern."""
    wrong = 0
    async for _ in stream:
        wrong += stream.wrong_bytes()
        count -= 1
        if not count:
            return wrong
    raise RuntimeError("the stream was stopped")


def main():
    """The program."""
    device = sys.argv[1] if len(sys.argv) > 1 else None

    memory = bytearray(4 * 4096)
    with edudma.Stream(device, frame_bytes=4096, buffers=4, memory=memory) as stream:
        for frame in stream:
            first = int.from_bytes(frame.data[:8], "little")
            print(f"frame {frame.sequence} in buffer {frame.slot} begins with {first}")
            if frame.sequence == 7:
                break

    with edudma.Stream(device, rate=4 << 20, pattern="prbs31") as stream:
        print("wrong bytes:", asyncio.run(compare(stream, 20)))
        stream.stop()
        status = stream.status()
        print("produced = delivered + lost:", status.produced == status.delivered + status.lost)


main()
