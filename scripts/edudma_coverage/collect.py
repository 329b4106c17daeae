# SPDX-License-Identifier: GPL-2.0-only
"""A module that counts, and runs that it counts in."""

import os
import shutil
import subprocess
import time

from edudma_guest import Trouble, kernels, paths, verdict
from edudma_test import plan

WORK = paths.BUILD / "coverage"
SECONDS = 3600
# What all lanes run on: the only one that can count.
KERNEL = "6.1+coverage"
# What fuzzing is among the lanes, and where it runs.
FUZZ = "fuzz"
FUZZ_LANE = "ring"
FUZZ_CALLS = "100000"
# Lanes that together reach what tests reach at all, the slowest first.
RUNS = (FUZZ, "stock", "ring-iommu", "ring", "faults", "faults-iommu", "faults-ring",
        "iommu", "virtual", "stuck", "functions")
# A run that came to its end has brought its counts, whatever it left behind: stuck
# devices do, and dma-debug, which the lanes themselves lack, says so.
COUNTED = [verdict.STATUS[word] for word in ("leak", "pinned", "splat")]
# It compiles parts of the driver a second time, which counts for nothing.
OTHERS_MODULE = "kunit"


def _module():
    """Compile the driver so that it counts, and what its tests load; where it is."""
    kernel = kernels.find(KERNEL)
    place = WORK / "module" / kernel.release
    done = subprocess.run(
        ["make", "--silent", "module", "reboot-module", f"KVER={kernel.release}",
         f"KDIR={kernel.modules}/build", f"MODULE_DIR={place}", "GCOV_PROFILE=y"],
        check=False, cwd=paths.TOP, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    if done.returncode:
        raise Trouble(f"the driver cannot be compiled to count:\n{done.stdout}")
    return place


def _command(name, share):
    """What is run in the guest."""
    if name == FUZZ:
        return [paths.BUILD / "tests/fuzz", "--corpus", paths.TOP / "tests/fuzz/corpus",
                "--seed", os.environ.get("SEED") or "1",
                "--calls", os.environ.get("CALLS") or FUZZ_CALLS,
                "--wrong", share, "make"]
    return [paths.SCRIPTS / "run-suites",
            *(program for program in plan.programs(name)
              if os.path.basename(program) != OTHERS_MODULE)]


def _start(name, built):
    """Start a lane's suites, or the fuzzer, with the driver that counts."""
    logs = WORK / "logs" / name
    counts = WORK / "counts" / name
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir(parents=True)
    for notes in built.glob("*.gcno"):
        shutil.copy(notes, counts)
    return subprocess.Popen(
        [paths.SCRIPTS / "guest", "--lane", FUZZ_LANE if name == FUZZ else name,
         "--kernel", KERNEL, "--timeout", str(SECONDS), "--qmp", "--log-dir", logs, "--share", counts,
         "--module", built / "edudma.ko", "--",
         paths.SCRIPTS / "coverage-guest", counts, *_command(name, counts)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _status(name, status):
    """0 if a run has come to its end and no test has failed in it."""
    said = (WORK / "logs" / name / "stdout").read_text(errors="replace")
    if status not in (0, *COUNTED):
        return status
    return int(any(line.startswith("not ok") for line in said.splitlines()))


def run(names, jobs):
    """Run these, so many at a time; yield name and status of each that has ended.

    What a run prints is in its logs: it would be mixed with another's.
    """
    built = _module()
    waiting = list(names)
    running = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running[waiting[0]] = _start(waiting[0], built)
                del waiting[0]
            time.sleep(1)
            for name in [name for name, guest in running.items()
                         if guest.poll() is not None]:
                yield name, _status(name, running.pop(name).returncode)
    finally:
        for guest in running.values():
            guest.terminate()
            guest.wait()
