# SPDX-License-Identifier: GPL-2.0-only
"""What must not be on a console, whatever the command's status.

Each pattern stands with the reason why it is here.  They are matched within a
line, without its time stamp.
"""

import re

# A processor did not let others run, or got no interrupts.
STALL = r"rcu.*(self-)?detected stall"

CONSOLE = (
    # BUG_ON, "BUG: KASAN", "BUG: sleeping function called from invalid context",
    # "BUG: unable to handle page fault", "BUG: Bad page state", soft lockup ...
    r"\bBUG:",
    r"kernel BUG at ",
    # WARN_ON names the processor; lockdep and others only say "WARNING: possible
    # circular locking", "WARNING: suspicious RCU usage" ...
    r"^WARNING:",
    r"\bWARNING: CPU: \d+ PID: \d+",
    # The headline of an exception in the kernel, and a panic's.
    r"\bOops\b",
    r"^Internal error: ",
    r"Kernel panic - not syncing",
    r"general protection fault",
    r"Unable to handle kernel",
    r"^Call Trace:",
    # The sanitizers and the leak detector.
    r"\bKASAN:",
    r"\bKCSAN:",
    r"\bUBSAN:",
    r"\bKFENCE:",
    r"kmemleak: \d+ new suspected memory leaks",
    # The lock validator's other headlines.
    r"INFO: possible recursive locking",
    r"INFO: trying to register non-static key",
    r"possible (circular|irq) lock",
    r"inconsistent lock state",
    # A detector that has switched itself off finds nothing.
    r"kmemleak: Kernel memory leak detector disabled",
    r"ODEBUG: Out of memory",
    r"turning off the locking correctness validator",
    # Somebody slept, or did not let others run.
    r"INFO: task .* blocked for more than",
    r"soft lockup",
    r"hard LOCKUP",
    STALL,
    r"scheduling while atomic",
    r"sleeping function called from invalid context",
    # A counter that went wrong, a list that does, a bad free.
    r"refcount_t: ",
    r"Runtime PM usage count underflow",
    r"list_(add|del) corruption",
    r"Bad page (state|map|cache)",
    r"cache .*: double free|Freelist corrupt|Redzone overwritten|Poison overwritten",
    # Objects that outlive the module: "Objects remaining in edudma on shutdown".
    r"Objects remaining in ",
    r"sysfs: cannot create duplicate filename",
    # The DMA API's checker.
    r"DMA-API: ",
    # The IOMMU saw the device reach where it was not allowed to.
    r"DMAR: .*\bfault",
    r"AMD-Vi: Event logged",
    r"arm-smmu-v3 .*: event 0x",
    # An interrupt that nobody handled: the kernel switches it off.
    r"irq \d+: nobody cared",
    # A handler returned nonsense.
    r"irq event .*bogus return value",
    # The whole machine's memory, not that of a control group.
    r"^Out of memory: ",
)

# The kernel's own lines, on every boot, that a pattern would take for a splat.
CONSOLE_ALLOWED = (
    # DMA-API debugging announces itself.
    r"DMA-API: preallocated \d+ debug entries",
    r"DMA-API: debugging enabled by kernel config",
)

# The trace of who has used up a control group's memory: a line that announces
# it, and how soon the trace must follow.
ANNOUNCEMENT = re.compile(r" invoked oom-killer: ")
ANNOUNCED = re.compile(r"^Call Trace:")
ANNOUNCED_LINES = 8

QEMU = (
    # The device was told an address beyond its mask, or a range outside its
    # window: it then transfers to or from the wrong place.
    r"EDU: ",
    r"\bedu[_:-].*(range|clamp|invalid|out of)",
    # The IOMMU model, on an access that the driver did not map.
    r"vtd_.*(fail|fault|error)",
    r"smmuv3.*(fail|fault|error)",
    # A device model gave up the whole machine.
    r"hardware error",
)

_TIME = re.compile(r"^\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?")


def _first(text, patterns, allowed=()):
    wrong = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    right = re.compile("|".join(f"(?:{pattern})" for pattern in allowed) or r"(?!)")
    expected = 0
    for line in text.splitlines():
        line = _TIME.sub("", line.strip("\r"))
        expected = ANNOUNCED_LINES if ANNOUNCEMENT.search(line) else max(0, expected - 1)
        if expected and ANNOUNCED.search(line):
            expected = 0
        elif wrong.search(line) and not right.search(line):
            return line.strip()
    return None


def on_console(text):
    """The first line of a splat on the guest's console, or None."""
    return _first(text, CONSOLE, CONSOLE_ALLOWED)


# The kernel's last line before anything of ours runs.
INIT = "Run /init as init process"


def stalled_before_init(text):
    """Did the kernel stall by itself: None as long as it may, then the answer.

    QEMU's emulated processors can lose the end of an interrupt when the host is
    busy (seen once, with 7.2: the timer's vector stays in service).  That processor gets
    no interrupt of the same or a lower priority any more.
    """
    before, init, _ = text.partition(INIT)
    stalled = bool(re.search(STALL, before))
    return stalled if init or stalled else None


def in_qemu(text):
    """The first complaint of QEMU's about the guest, or None."""
    return _first(text, QEMU)
