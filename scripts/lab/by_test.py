# SPDX-License-Identifier: GPL-2.0-only
"""What each test of a lane reaches: runs of tests one by one, and their counts.

The outcome is one file, RESULT:

  driver   digest of the driver's sources that the lines are of
  lines    a list of [file, number, function, text]: the lines with code
  lanes    lane -> test -> result ("ok", "not ok", "skip"), directive,
           guest_seconds, host_seconds, lines (indices into `lines`)
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time

from . import Trouble, coverage, lanes, paths, plan, schedule, tap

WORK = coverage.WORK / "by-test"
RESULT = coverage.WORK / "by-test.json"
# The lanes that are run by `make test`, but for those with suites of their own.
LANES = ("stock", "ring", "iommu", "ring-iommu", "wide", "intx", "swiotlb", "ring-off")
# How many objects gcov is told to read at a time.
BATCH = 400


_VARIANT = re.compile(r"^FIXTURE_VARIANT_ADD\((\w+), (\w+)\)", re.MULTILINE)
_TEST = re.compile(r"^TEST_F\w*\((\w+), (\w+)[,)]", re.MULTILINE)
_SCRIPT_TEST = re.compile(r"^(?:def )?test_([a-z0-9_]*)\(\)(?: \{|:)$", re.MULTILINE)


def _source(suite):
    """The text of a suite, and whether it is a script, of the shell or in Python."""
    found = sorted((paths.TOP / "tests/suites").glob(f"*/{suite}.[cbp]*"))
    if len(found) != 1:
        raise Trouble(f"suite '{suite}': {len(found)} sources")
    return found[0].read_text(), found[0].suffix != ".c"


def of_suite(suite):
    """SUITE.FIXTURE[.VARIANT].TEST, or SUITE.TEST of a script, in the source's order."""
    text, script = _source(suite)
    if script:
        return [f"{suite}.{name}" for name in _SCRIPT_TEST.findall(text)]
    variants = {}
    for fixture, variant in _VARIANT.findall(text):
        variants.setdefault(fixture, []).append(variant)
    return [".".join(filter(None, (suite, fixture, variant, name)))
            for fixture, name in _TEST.findall(text)
            for variant in variants.get(fixture, [""])]


def of_lane(lane):
    """(program, names) for each suite of a lane that can be run test by test.

    Those in the kernel cannot: their module runs all of its tests when it is loaded, and
    has a second copy of parts of the driver.
    """
    return [(program, of_suite(os.path.basename(program)))
            for program in plan.programs(lane)
            if os.path.basename(program) not in coverage.OTHERS_MODULES]


@dataclasses.dataclass
class Ran:
    """A test that was run."""

    test: tap.Test
    guest_seconds: float
    host_seconds: float
    counts: object              # a path, or None if it was skipped

    @property
    def result(self):
        """In one word."""
        return ("skip" if self.test.skipped else "ok" if self.test.ok else "not ok")


def digest():
    """Of the driver's sources."""
    total = hashlib.sha256()
    for path in sorted(coverage.DRIVER.iterdir()):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]


def _command(lane, built, share):
    """scripts/guest, for a lane's tests one by one."""
    return [paths.SCRIPTS / "guest", "--lane", lane, "--kernel", coverage.KERNEL,
            "--timeout", str(coverage.SECONDS), "--qmp",
            "--log-dir", coverage.WORK / "logs" / f"{lane}-by-test", "--share", share,
            "--module", built / "edudma.ko", "--",
            coverage.INSIDE / "coverage-each", share]


class _Taker:
    """Takes what the guest says, as it says it."""

    def __init__(self, share):
        self.share = share
        self.found = {}             # test -> Ran
        self.started = time.monotonic()

    def line(self, line):
        """Take a line."""
        word, _, rest = line.partition(" ")
        if word == "@begin":
            self.started = time.monotonic()
        elif word == "@end":
            name, seconds, text = rest.split(" ", 2)
            path = self.share / f"{len(self.found)}.tar"
            self.found[name] = Ran(tap.parse_test(text), float(seconds),
                                   time.monotonic() - self.started, path)

    def ran(self):
        """test -> Ran, now that all have run."""
        for one in self.found.values():
            if not one.counts.exists():
                one.counts = None
        return self.found


async def _run(lane, built):
    """Run a lane's tests one by one; test -> Ran."""
    share = WORK / lane
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir(parents=True)
    (share / "plan.json").write_text(json.dumps(of_lane(lane)))
    taker = _Taker(share)
    async with schedule.process(_command(lane, built, share),
                                stderr=subprocess.DEVNULL) as guest:
        async for line in guest.stdout:
            taker.line(line.decode(errors="replace").rstrip("\n"))
    return taker.ran()


class Reader:
    """Turns counts into lines.

    Most objects have the same counts in many tests, so gcov reads each only once,
    and many at a time.
    """

    def __init__(self, built):
        self.built = built
        # (object, digest of its counts) -> {(file, number): (count, function)}
        self.known = {}

    def _gcov(self, wanted):
        """Let gcov read these: key -> counts of an object."""
        with tempfile.TemporaryDirectory() as name:
            keys = {}
            for number, ((member, _), data) in enumerate(wanted.items()):
                stem = f"{number}-{member.removesuffix('.gcda')}"
                keys[f"{stem}.gcda"] = list(wanted)[number]
                with open(os.path.join(name, f"{stem}.gcda"), "wb") as file:
                    file.write(data)
                os.symlink(self.built / f"{member.removesuffix('.gcda')}.gcno",
                           os.path.join(name, f"{stem}.gcno"))
            done = subprocess.run(
                ["gcov", "--json-format", "--stdout", *keys], cwd=name, check=False,
                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if done.returncode:
                raise Trouble(f"gcov: {done.stderr.strip()}")
            for row in done.stdout.splitlines():
                if row:
                    document = json.loads(row)
                    self.known[keys[document["data_file"]]] = _counts(document)

    def read(self, tars):
        """path -> {(file, number): (count, function)} for each of these."""
        wanted, parts = {}, {}
        for path in tars:
            with tarfile.open(path) as archive:
                for member in archive:
                    data = archive.extractfile(member).read()
                    key = (member.name, hashlib.sha256(data).digest())
                    parts.setdefault(path, []).append(key)
                    if key not in self.known:
                        wanted[key] = data
        pending = list(wanted)
        for at in range(0, len(pending), BATCH):
            self._gcov({key: wanted[key] for key in pending[at:at + BATCH]})
        return {path: _sum(self.known[key] for key in keys)
                for path, keys in parts.items()}


def _counts(document):
    """(file, number) -> (count, function), of the driver's own files."""
    found = {}
    for file in document["files"]:
        name = os.path.basename(file["file"])
        if (coverage.DRIVER / name).exists():
            for line in file["lines"]:
                key = (name, line["line_number"])
                count, _ = found.get(key, (0, ""))
                found[key] = (count + line["count"], line.get("function_name", ""))
    return found


def _sum(parts):
    """Those of several objects together."""
    found = {}
    for part in parts:
        for key, (count, function) in part.items():
            found[key] = (found.get(key, (0, ""))[0] + count, function)
    return found


class Results:
    """RESULT, as it is and as it becomes."""

    def __init__(self):
        self.driver = digest()
        self.lines = []
        self.lanes = {}
        if RESULT.exists():
            old = json.loads(RESULT.read_text())
            # Lines of another driver have other numbers.
            if old["driver"] == self.driver:
                self.lines = [tuple(line) for line in old["lines"]]
                self.lanes = old["lanes"]
        self.index = {line[:2]: at for at, line in enumerate(self.lines)}
        self.texts = {}

    def _index_of(self, key, function):
        """A line's place in the list, which has it from now on."""
        if key not in self.index:
            name, number = key
            if name not in self.texts:
                self.texts[name] = (coverage.DRIVER / name).read_text().splitlines()
            self.index[key] = len(self.lines)
            self.lines.append((*key, function,
                               " ".join(self.texts[name][number - 1].split())))
        return self.index[key]

    def add(self, lane, ran, reader):
        """Take a lane's tests."""
        counts = reader.read([one.counts for one in ran.values() if one.counts])
        tests = {}
        for name, one in ran.items():
            reached = [self._index_of(key, function) for key, (count, function)
                       in counts.get(one.counts, {}).items() if count]
            tests[name] = {"result": one.result, "directive": one.test.directive,
                           "guest_seconds": one.guest_seconds,
                           "host_seconds": round(one.host_seconds, 3),
                           "lines": sorted(reached)}
        self.lanes[lane] = tests

    def save(self):
        """Write it, as a whole."""
        new = RESULT.with_suffix(".new")
        new.write_text(json.dumps({"driver": self.driver, "lines": self.lines,
                                   "lanes": self.lanes}))
        new.replace(RESULT)


def summary(lane, ran):
    """A lane's run in a line."""
    words = [one.result for one in ran.values()]
    planned = sum(len(tests) for _, tests in of_lane(lane))
    return (f"{lane}: {words.count('ok')} passed, {words.count('not ok')} failed, "
            f"{words.count('skip')} skipped, {planned - len(ran)} not run, "
            f"{sum(one.host_seconds for one in ran.values()):.0f} s")


def collect_lanes(chosen):
    """Run lanes; say a line on each that has ended.  Did all end well?"""
    built = coverage.build_module()
    reader = Reader(built)

    def job(name):
        async def work():
            ran = await _run(name, built)
            # As it is by now: others may run other lanes.
            results = Results()
            results.add(name, ran, reader)
            results.save()
            print(summary(name, ran), flush=True)
            return True
        return schedule.Job(name, work, lanes.load(name).weight,
                            seconds=-chosen.index(name))
    return schedule.run([job(name) for name in chosen], schedule.room())
