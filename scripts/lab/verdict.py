# SPDX-License-Identifier: GPL-2.0-only
"""From what a run left, one word.

pass      the command ended with status 0 and left nothing wrong
fail      it ended with another status, which the runner's own status repeats
leak      a detector in the kernel found something left: kmemleak, dma-debug
pinned    pages are still pinned
residue   the module could not be unloaded
splat     the kernel or QEMU complained, whatever the command said
lost      the guest ended without a verdict: a panic, a QEMU that died
timeout   it did not end in time
trouble   the run could not be made
"""

import dataclasses

from . import splats

# Above what programs use by themselves, below a shell's 126 and 127.
STATUS = {"trouble": 125, "timeout": 124, "lost": 123, "splat": 122, "residue": 121,
          "leak": 120, "pinned": 119}


@dataclasses.dataclass
class Transcript:
    """What there is to judge."""

    records: object             # Records
    console: str                # the guest's kernel
    qemu: str                   # QEMU's own output
    qemu_status: int            # how its process ended
    timed_out: bool
    received: tuple             # bytes of stdout and stderr that arrived
    module: bool                # was one loaded for the command?


@dataclasses.dataclass
class Verdict:
    """The word, the reason, and the status to exit with."""

    word: str
    reason: str
    status: int


def compare(status, wanted, some=False):
    """0 if a run's status is that of the verdict that its lane wants.

    Of a lane that wants another one than pass, some of the tests may pass.
    """
    if wanted == "pass" or (some and not status):
        return status
    return 0 if status == STATUS[wanted] else status or STATUS["trouble"]


def _verdict(word, reason):
    return Verdict(word, reason, STATUS[word])


def _last_words(run):
    """Why the guest may have ended, as far as anybody said."""
    panic = splats.on_console(run.console)
    if panic:
        return f"the console says: {panic}"
    if run.qemu.strip():
        return f"QEMU (status {run.qemu_status}) says: {run.qemu.strip().splitlines()[-1]}"
    return f"QEMU ended with status {run.qemu_status}"


def _incomplete(run):
    error = run.records.get("error")
    if error:
        return _verdict("trouble", f"in the guest: {error}")
    if run.timed_out:
        splat = splats.on_console(run.console) or splats.in_qemu(run.qemu)
        return _verdict("timeout", f"the console says: {splat}" if splat
                        else "the guest was still running")
    if not run.console.strip() and run.qemu_status:
        return _verdict("trouble", f"QEMU did not start: {_last_words(run)}")
    return _verdict("lost", "the guest ended without a verdict; " + _last_words(run))


def _residue(run):
    unload = run.records.get("unload") or ""
    if run.module and not unload.startswith(("done", "absent")):
        return "the module cannot be unloaded: " + unload.removeprefix("failed ")
    return None


def _pinned(run):
    acquired, released = run.records.numbers("pins") or (0, 0)
    if acquired != released:
        return (f"{acquired - released} pages are still pinned "
                f"({acquired} acquired, {released} released)")
    return None


def _leak(run):
    objects = int(run.records.get("kmemleak") or 0)
    if objects:
        return f"kmemleak found {objects} unreferenced objects; the console shows them"
    errors, mappings = run.records.numbers("dma") or (0, 0)
    if errors or mappings:
        return f"dma-debug counted {errors} errors, {mappings} mappings are left"
    return None


def judge(run):
    """The verdict on a run."""
    records = run.records
    status = records.status()
    if run.timed_out or not records.complete or status is None:
        return _incomplete(run)
    if records.numbers("bytes") != tuple(run.received):
        return _verdict("lost", "output was lost: the guest sent "
                        f"{records.get('bytes')} bytes, {run.received} arrived")
    splat = splats.on_console(run.console) or splats.in_qemu(run.qemu)
    leak = _leak(run)
    # kmemleak says on the console only how many.
    if splat and not (leak and "kmemleak" in splat):
        return _verdict("splat", splat)
    residue = _residue(run)
    if residue:
        return _verdict("residue", residue)
    pinned = _pinned(run)
    if pinned:
        return _verdict("pinned", pinned)
    if leak:
        return _verdict("leak", leak)
    if status:
        how = records.get("status")
        return Verdict("fail", f"the command ended with {how}", status)
    return Verdict("pass", "", 0)
