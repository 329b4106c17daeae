#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The longest stretch in hard interrupt context, in instructions.

For a lane in virtual time, where an instruction takes NS_PER_INSTRUCTION.  The
kernel's own trace events tell when a handler begins and ends, and cost some hundred
instructions of what is printed.  Fails if a handler takes more than TARGET.
"""

import mmap
import os
import pathlib
import random
import re
import sys

NS_PER_INSTRUCTION = 8      # -icount shift=3
TARGET = 60000
TRACING = pathlib.Path("/sys/kernel/tracing")
CHUNK = pathlib.Path("/sys/module/edudma/parameters/chunk_bytes")
LARGEST = 16 << 20
TIMES = 8

EVENT = re.compile(r"\s(\d+)\.(\d+): irq_handler_(entry|exit): irq=(\d+)")


def say(name, text):
    """Write to one of the tracer's files."""
    (TRACING / name).write_text(text)


def longest():
    """Of the handlers in the trace, in instructions; how many there were."""
    begun, most, count = {}, 0, 0
    for at, fraction, which, irq in EVENT.findall((TRACING / "trace").read_text()):
        now = int(at) * 1000000 + int(fraction)
        if which == "entry":
            begun[irq] = now
        elif irq in begun:
            most = max(most, (now - begun.pop(irq)) * 1000 // NS_PER_INSTRUCTION)
            count += 1
    return most, count


def main():
    """Measure reading and writing of several sizes."""
    irqs = [line.split(":")[0].strip()
            for line in pathlib.Path("/proc/interrupts").read_text().splitlines()
            if "edudma" in line]
    only = " || ".join(f"irq == {irq}" for irq in irqs)
    say("buffer_size_kb", "4096")
    for event in ("entry", "exit"):
        say(f"events/irq/irq_handler_{event}/filter", only)
        say(f"events/irq/irq_handler_{event}/enable", "1")
    CHUNK.write_text(str(LARGEST))

    node = os.open("/dev/edudma0", os.O_RDWR)
    memory = mmap.mmap(-1, LARGEST)
    # Hardly two pages are neighbours, so each is a descriptor.
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    pages = list(range(0, LARGEST, mmap.PAGESIZE))
    random.Random(1).shuffle(pages)
    for page in pages:
        memory[page] = 1
    failed = False
    for length in (4096, 1 << 20, LARGEST):
        view = memoryview(memory)[:length]
        for name, move in (("read", os.preadv), ("write", os.pwritev)):
            move(node, [view], 0)
            say("trace", "")
            for _ in range(TIMES):
                if move(node, [view], 0) != length:
                    sys.exit(f"{name} of {length} bytes was short")
            most, count = longest()
            print(f"longest hard interrupt, {name} of {length >> 10} KiB: "
                  f"{most} instructions of {count} interrupts (target {TARGET})")
            failed |= most > TARGET or not count
    return failed


if __name__ == "__main__":
    sys.exit(main())
