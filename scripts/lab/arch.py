# SPDX-License-Identifier: GPL-2.0-only
"""The machines that guests can be: all that differs from one to the other.

A lane names one, `arch = arm64`; so does its kernel, VERSION+arm64.  The names are those
that the kernel's own ARCH= takes.
"""

import dataclasses
import sys

from . import Trouble


@dataclasses.dataclass(frozen=True)
class Arch:
    """A machine: how it is compiled for, and emulated."""

    name: str
    image: str                  # what its kernel is started from, in arch/
    target: str                 # make's name of that
    qemu: str                   # qemu-system-...
    devices: tuple              # what QEMU is built with, beside what all machines have
    sample: str                 # a file of QEMU that is compiled for this machine
    triplet: str = ""           # of its compiler and its libraries; none: the host's own
    debian: str = ""            # architecture of its packages; none: the host's own
    suite: str = ""             # of Debian, that its packages are of
    append: tuple = ()          # words for its kernel

    @property
    def cross_compile(self):
        """The kernel's CROSS_COMPILE=."""
        return f"{self.triplet}-" if self.triplet else ""

    @property
    def compiler(self):
        """Its C compiler."""
        return f"{self.cross_compile}gcc"

    @property
    def make_words(self):
        """What make is told to compile for it; nothing for the host's own."""
        return ([f"ARCH={self.name}", f"CROSS_COMPILE={self.cross_compile}"]
                if self.triplet else [])

    @property
    def emulator(self):
        """QEMU's program."""
        return f"qemu-system-{self.qemu}"

    @property
    def suffix(self):
        """Of directories and of targets of make; nothing for the host's own."""
        return f"-{self.name}" if self.triplet else ""

    @property
    def place(self):
        """The directory below build/ of what is compiled for it."""
        return self.name if self.triplet else ""


# What the guests of all machines have.
PCI = ("VIRTIO_PCI", "VIRTIO_BLK", "VIRTIO_SERIAL", "VIRTIO_9P", "VIRTIO_RNG",
       "EDU", "EDU_SG")
# What the driver is told to take for an edu.
OTHERS = ("RTL8139_PCI", "PVPANIC_PCI", "PCI_TESTDEV", "IVSHMEM_DEVICE")

# no_timer_check: it counts timer interrupts in a loop of so many turns, and panics if the
# emulator, on a busy host, was too late with them.
X86 = Arch(
    "x86", "x86/boot/bzImage", "bzImage", "x86_64",
    devices=("Q35", "I440FX", "HPET", "VTD", "PCIE_PORT", *PCI, "NVME_PCI", "ISA_DEBUG",
             *OTHERS),
    sample="target/i386/cpu.c",
    append=("console=ttyS0", "earlyprintk=serial,ttyS0", "no_timer_check"))

# ARM_V7M: up to QEMU 8.0 every processor of arm is linked with it.
ARM64 = Arch(
    "arm64", "arm64/boot/Image", "Image", "aarch64",
    devices=("ARM_VIRT", "ARM_V7M", "PCIE_PORT", *PCI, *OTHERS),
    sample="target/arm/cpu.c",
    triplet="aarch64-linux-gnu", debian="arm64", suite="bookworm",
    append=("console=ttyAMA0", "earlycon=pl011,0x9000000"))

RISCV = Arch(
    "riscv", "riscv/boot/Image", "Image", "riscv64",
    devices=("RISCV_VIRT", "PCIE_PORT", *PCI, *OTHERS),
    sample="target/riscv/cpu.c",
    triplet="riscv64-linux-gnu", debian="riscv64", suite="trixie",
    append=("console=ttyS0", "earlycon=sbi"))

# Big endian; each PCI function behind an IOMMU, and reached by instructions of its own.
S390 = Arch(
    "s390", "s390/boot/bzImage", "bzImage", "s390x",
    devices=("S390_CCW_VIRTIO", *PCI),
    sample="target/s390x/cpu.c",
    triplet="s390x-linux-gnu", debian="s390x", suite="bookworm",
    append=("console=ttysclp0", "earlyprintk"))

ALL = {arch.name: arch for arch in (X86, ARM64, RISCV, S390)}


def named(name):
    """The machine of a name."""
    if name not in ALL:
        raise Trouble(f"no machine '{name}': there are {', '.join(ALL)}")
    return ALL[name]


def main(argv):
    """Print what make is told to compile for a machine."""
    print(*named(argv[0]).make_words)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
