# SPDX-License-Identifier: GPL-2.0-only
"""A module that counts, and runs that it counts in."""

import os
import shutil
import subprocess

from edudma_guest import Trouble, kernels, lanes, paths
from edudma_test import plan

WORK = paths.BUILD / "coverage"
SECONDS = 3600
# What fuzzing is among the lanes, and where it runs.
FUZZ = "fuzz"
FUZZ_LANE = "debug-ring"
FUZZ_CALLS = "100000"


def lane_of(name):
    """The lane that a run is in."""
    return FUZZ_LANE if name == FUZZ else name


def module(name):
    """Compile the driver for a run's lane, so that it counts; where it is."""
    kernel = kernels.find(lanes.load(lane_of(name)).kernel)
    place = WORK / "module" / kernel.release
    done = subprocess.run(
        ["make", "--silent", "module", f"KVER={kernel.release}",
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
    return [paths.SCRIPTS / "run-suites", *plan.programs(name)]


def run(name):
    """Run a lane's suites, or the fuzzer; (status, the directory with the counts)."""
    built = module(name)
    logs = WORK / "logs" / name
    counts = WORK / "counts" / name
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir(parents=True)
    status = subprocess.run(
        [paths.SCRIPTS / "guest", "--lane", lane_of(name), "--timeout", str(SECONDS),
         "--qmp", "--log-dir", logs, "--share", counts, "--module", built / "edudma.ko",
         "--", paths.SCRIPTS / "coverage-guest", counts, *_command(name, counts)],
        check=False, stdin=subprocess.DEVNULL).returncode
    for notes in built.glob("*.gcno"):
        shutil.copy(notes, counts)
    return status, counts
