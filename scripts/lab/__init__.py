# SPDX-License-Identifier: GPL-2.0-only
"""What scripts/ and tests/ are run by.

paths         where things are
packages      others' packages, in the cache, beside what is installed
lanes         the configurations, read from tests/lanes/*.conf
arch          the machines that guests can be
sysroot       the root of guests of another machine, and what is linked for them

guest         one run of a command in a guest, from the options to the verdict
kernels       the guest's kernel and the module directory it sees
own_kernel    a kernel that somebody has built, out of its build directory
vmlinux       the kernel out of its compressed image
image         the archive that the kernel starts from, with the job in it
machine       QEMU's command line
accel         may KVM be used?
session       one QEMU process, and what the guest's init reports
attach        another shell in a guest that is running
debugger      what gdb is told of a guest; gdb_commands is read by gdb itself
splats        what must not be on a console
verdict       from all that, one word

plan          which tests there are, and which of them are wanted
schedule      jobs with needs and weights, as many at a time as there is room for
lane          one lane as a test: its suites in a guest
suites        in the guest: run the suites, make one stream of theirs
tap           reading and writing TAP
unit          Python's unittest, printing TAP
results       what a run of the tests leaves: tables, durations, JUnit's XML
mutants       the driver with something taken away
labs          a driver with a bug, for a learner to find
fuzz          the host's side of the fuzzer
coverage      which lines of the driver tests reach

kernel_build  kernels from source packages
qemu_build    QEMU from its source package, with edu-sg in it
qemu_patch    the device as a series of patches for QEMU
"""


class Trouble(Exception):
    """The run cannot be made: says what is wrong and the way out."""
