# SPDX-License-Identifier: GPL-2.0-only
"""Run a command in a virtual machine that has edu devices.

cli         the command line
run         one run, from the options to the verdict
lanes       the configurations, read from scripts/lanes/*.conf
paths       where things are
kernels     the guest's kernel and the module directory it sees
vmlinux     the kernel out of its compressed image
initramfs   the archive that the kernel starts from, with the job in it
needs       the files that a program needs to run, where nothing else is
qemu        QEMU's command line
accel       may KVM be used?
session     one QEMU process, from start to end
records     what the guest's init reports
splats      what must not be on a console
verdict     from all that, one word
runs        the directory that a run leaves
"""


class Trouble(Exception):
    """The run cannot be made: says what is wrong and the way out."""
