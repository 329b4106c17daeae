# SPDX-License-Identifier: GPL-2.0-only
"""Which lines of the driver tests reach: run what counts, add up, print.
"""

import collections
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

from . import Trouble, kernels, lanes, paths, plan, schedule, verdict

DRIVER = paths.TOP / "driver"


@dataclasses.dataclass(frozen=True)
class Line:
    """A line with code, as it is found again after others have changed."""

    file: str
    function: str
    text: str

    def __str__(self):
        return f"{self.file} {self.function}: {self.text}"


def _gcov(counts):
    """gcov's own words on each object."""
    objects = sorted(path.name for path in counts.glob("*.gcda"))
    if not objects:
        raise Trouble(f"{counts}: nothing was counted")
    done = subprocess.run(["gcov", "--json-format", "--stdout", *objects], cwd=counts,
                          check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode:
        raise Trouble(f"gcov: {done.stderr.strip()}")
    # A document a line, one for each object.
    return [json.loads(line) for line in done.stdout.splitlines() if line]


class Counts:
    """(file, number) -> how often, and the function that it is in."""

    def __init__(self):
        self.counts = collections.Counter()
        self.functions = {}

    def add(self, counts):
        """Take what one run has counted."""
        for document in _gcov(counts):
            for file in document["files"]:
                name = pathlib.Path(file["file"]).name
                if not (DRIVER / name).exists():
                    continue
                for line in file["lines"]:
                    key = (name, line["line_number"])
                    self.counts[key] += line["count"]
                    self.functions.setdefault(key, line.get("function_name", ""))

    def lines(self):
        """Line -> how often; of equal ones in a function the one least often."""
        texts = {}
        found = {}
        for (name, number), count in sorted(self.counts.items()):
            if name not in texts:
                texts[name] = (DRIVER / name).read_text().splitlines()
            line = Line(name, self.functions[name, number],
                        " ".join(texts[name][number - 1].split()))
            found[line] = min(count, found.get(line, count))
        return found

    def files(self):
        """file -> (lines reached, lines with code)."""
        reached, every = collections.Counter(), collections.Counter()
        for (name, _), count in self.counts.items():
            every[name] += 1
            reached[name] += count > 0
        return {name: (reached[name], every[name]) for name in sorted(every)}


LIST = paths.TOP / "tests/fuzz/unreached"
SOMETIMES = "sometimes:"


def parse_unreached(text):
    """Line -> may it be reached?"""
    listed = {}
    sometimes = False
    for row in text.splitlines():
        if not row.strip() or row[0] == "#":
            continue
        if not row[0].isspace():
            sometimes = row.startswith(SOMETIMES)
            continue
        place, _, code = row.strip().partition(": ")
        file, _, function = place.partition(" ")
        listed[Line(file, function, code)] = sometimes
    return listed


def load_unreached():
    """What stands in the list, or nothing if there is none."""
    return parse_unreached(LIST.read_text()) if LIST.exists() else {}


def wrong_lines(listed, counts):
    """What is wrong, a text each: with the list, or with what was reached."""
    for line, sometimes in listed.items():
        if line not in counts:
            yield f"is listed, and is no line of the driver: {line}"
        elif counts[line] and not sometimes:
            yield f"is listed, and was reached: {line}"
    for line, count in counts.items():
        if not count and line not in listed:
            yield f"was not reached, and is not listed: {line}"


WORK = paths.BUILD / "coverage"
INSIDE = paths.SCRIPTS / "lab/inside"
SECONDS = 3600
# What all lanes run on: the only one that can count.
KERNEL = "6.1+coverage"
# What fuzzing is among the lanes, and where it runs.
FUZZ = "fuzz"
FUZZ_LANE = "ring"
FUZZ_CALLS = "100000"
# Lanes that together reach what tests reach at all, the slowest first.
RUNS = (FUZZ, "stock", "ring-iommu", "ring", "faults", "faults-iommu", "faults-ring",
        "express", "swiotlb", "iommu", "virtual", "stuck", "functions")
# A run that came to its end has brought its counts, whatever it left behind: stuck
# devices do, and dma-debug, which the lanes themselves lack, says so.
COUNTED = [verdict.STATUS[word] for word in ("leak", "pinned", "splat")]
# They compile parts of the driver a second time, which counts for nothing.
OTHERS_MODULES = ("kunit", "contract")


def build_module():
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
    return [INSIDE / "run-suites",
            *(program for program in plan.programs(name)
              if os.path.basename(program) not in OTHERS_MODULES)]


def _guest(name, built):
    """A guest with a lane's suites, or the fuzzer, and the driver that counts."""
    logs = WORK / "logs" / name
    counts = WORK / "counts" / name
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir(parents=True)
    for notes in built.glob("*.gcno"):
        shutil.copy(notes, counts)
    return [paths.SCRIPTS / "guest", "--lane", FUZZ_LANE if name == FUZZ else name,
            "--kernel", KERNEL, "--timeout", str(SECONDS), "--qmp", "--log-dir", logs,
            "--share", counts, "--module", built / "edudma.ko", "--",
            INSIDE / "coverage", counts, *_command(name, counts)]


def _status(name, status):
    """0 if a run has come to its end and no test has failed in it."""
    said = (WORK / "logs" / name / "stdout").read_text(errors="replace")
    if status not in (0, *COUNTED):
        return status
    return int(any(line.startswith("not ok") for line in said.splitlines()))


def run_lanes(names):
    """Run these; the worst status.

    What a run prints is in its logs: it would be mixed with another's.
    """
    built = build_module()
    worst = 0

    def job(name):
        async def work():
            nonlocal worst
            async with schedule.process(_guest(name, built),
                                        stderr=subprocess.DEVNULL) as guest:
                await guest.stdout.read()
            status = _status(name, guest.returncode)
            print(f"{name}: status {status}, {WORK / 'logs' / name}", flush=True)
            worst = worst or status
            return True
        weight = 1 if name == FUZZ else lanes.load(name).weight
        # In the order in which they are named.
        return schedule.Job(name, work, weight, seconds=-names.index(name))
    good = schedule.run([job(name) for name in names], schedule.room())
    return worst or int(not good)



def report(names):
    """Print it; the number of what is wrong."""
    counts = Counts()
    for name in names:
        counts.add(WORK / "counts" / name)
    total = [0, 0]
    for name, (reached, every) in counts.files().items():
        print(f"{name:20} {reached:5} of {every:5}  {100 * reached / every:5.1f} %")
        total = [total[0] + reached, total[1] + every]
    print(f"{'all':20} {total[0]:5} of {total[1]:5}  {100 * total[0] / total[1]:5.1f} %")
    found = sorted(wrong_lines(load_unreached(), counts.lines()))
    for text in found:
        print(text)
    print(f"{len(found)} lines without a reason, or with one and without need")
    return len(found)
