# SPDX-License-Identifier: GPL-2.0-only
"""What a run of the tests leaves, and what is told of it.

Each lane and each program of the host has a directory: `tap`, what it printed;
`tests.json`, its tests with their times; `ended.json`, how it ended; of a lane also the
guest's logs.  Beside them `junit.xml` has all of it for other programs.
"""

import contextlib
import datetime
import json
import os
import platform
import shutil
import time
import xml.etree.ElementTree as xml

from . import paths, tap

RESULTS = paths.BUILD / "results"
# How many directories of results are kept.
KEPT = 5
# How long what was run took the last time, for the order of the next run.
DURATIONS = "durations.json"
SLOWEST = 10


def make_directory():
    """A new directory for this run's results, in place of the oldest."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in sorted(path for path in RESULTS.iterdir()
                      if not path.is_symlink())[:1 - KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    new = RESULTS / f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    new.mkdir()
    link = RESULTS / "latest"
    link.unlink(missing_ok=True)
    link.symlink_to(new.name)
    return new


class Recorder:
    """Keeps what a lane or a program prints, and says each test as it ends.

    skips are those that are allowed; any other has failed.  None are judged by who
    prints them.
    """

    def __init__(self, name, logs, skips=None):
        self.name = name
        self.logs = logs
        self.skips = skips
        logs.mkdir(parents=True, exist_ok=True)
        self.file = open(logs / "tap", "w", encoding="utf-8")
        self.tests = []
        self.started = self.last = time.monotonic()

    def line(self, line):
        """Take a line."""
        now = time.monotonic()
        test = tap.parse_test(line)
        if test and self._unexpected(test):
            self.file.write(f"# skips, and no line '# Skips:' lists it: {test.reason}\n")
            test = tap.Test(False, test.number, test.name)
            line = test.line(test.number)
        self.file.write(line + "\n")
        self.file.flush()
        if test:
            seconds = now - self.last
            self.tests.append({"name": test.name, "ok": test.ok, "seconds": seconds,
                               "skipped": test.reason})
            say(self.name, test, seconds)
        # What a test says comes before its line, or follows it at once.
        if test or line.startswith("TAP version"):
            self.last = now

    def _unexpected(self, test):
        return test.skipped and self.skips is not None and not any(
            skip.covers(test.name, test.reason) for skip in self.skips)

    def end(self, status):
        """Take how it ended."""
        self.file.close()
        seconds = time.monotonic() - self.started
        (self.logs / "tests.json").write_text(json.dumps(self.tests, indent=1))
        (self.logs / "ended.json").write_text(
            json.dumps({"status": status, "seconds": seconds}))
        return seconds


def say(name, test, seconds):
    """A line for people, at once."""
    word = "skip" if test.skipped else "ok" if test.ok else "FAILED"
    reason = f"  ({test.reason})" if test.skipped else ""
    print(f"{word:6} {seconds:7.2f} s  {name:14} {test.name}{reason}", flush=True)


class Result:
    """What a lane or a program has left in its directory."""

    def __init__(self, logs):
        self.name = logs.name
        self.logs = logs
        self.text = self._text("tap")
        self.stream = tap.Stream.of(self.text)
        self.tests = self._json("tests.json", [])
        self.ended = self._json("ended.json", {})
        self.run = self._json("result.json", {})
        self.blocked = self._text("blocked")

    def _text(self, name):
        try:
            return (self.logs / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def _json(self, name, none):
        # A file that was not written to its end is as good as none.
        try:
            return json.loads(self._text(name))
        except ValueError:
            return none

    def verdict(self):
        """In a word."""
        if self.blocked:
            return "not run"
        if not self.ended:
            return "not ended"
        word = self.run.get("verdict", "pass")
        return "fail" if word == "pass" and self.count()[1] else word

    def count(self):
        """(passed, failed, skipped); what did not end, failed."""
        passed, failed, skipped = self.stream.count()
        wrong = (not self.ended or self.ended["status"] or self.stream.broken())
        if wrong and not failed:
            failed = 1
        return passed, failed, skipped

    def failed(self):
        """Names of the tests that failed; none if it failed in another way."""
        return [test.name for test in self.stream.tests if not test.ok]


# Of what a test said before it failed, and of what follows it.
EXCERPT = 30


def failures(result):
    """Lines that tell the failed tests of a result, with what they said.

    A harness prints a test's messages before its line, unittest after it.
    """
    if result.blocked:
        yield f"FAILED {result.name}: {result.blocked}"
        return
    said = []
    after = False
    for line in result.text.splitlines():
        test = tap.parse_test(line)
        if not test:
            said.append(line)
            if after and line.startswith("#"):
                yield f"    {line}"
            continue
        after = not test.ok
        if after:
            yield f"FAILED {result.name}: {line}"
            yield from (f"    {words}" for words in said[-EXCERPT:])
        said = []
    broken = result.stream.broken()
    if broken:
        yield f"FAILED {result.name}: {broken}"


def table(results):
    """Lines for people."""
    width = max(len(result.name) for result in results)
    yield (f"{'test':{width}}  {'verdict':9}  passed  failed  skipped  seconds  logs")
    for result in results:
        passed, failed, skipped = result.count()
        seconds = result.ended.get("seconds", 0)
        yield (f"{result.name:{width}}  {result.verdict():9}  {passed:6}  {failed:6}"
               f"  {skipped:7}  {seconds:7.1f}  {paths.shown(result.logs)}")


def slowest(results):
    """The tests that took longest, for people."""
    tests = [(test["seconds"], result.name, test["name"])
             for result in results for test in result.tests]
    for seconds, where, name in sorted(tests, reverse=True)[:SLOWEST]:
        yield f"{seconds:7.1f} s  {where:14} {name}"


def totals(results):
    """(passed, failed, skipped) of all."""
    counts = [result.count() for result in results]
    return tuple(sum(column) for column in zip(*counts)) if counts else (0, 0, 0)


def _suite(result):
    """A result as JUnit has it."""
    passed, failed, skipped = result.count()
    suite = xml.Element("testsuite", name=result.name, tests=str(passed + failed + skipped),
                        failures=str(failed), skipped=str(skipped),
                        time=f"{result.ended.get('seconds', 0):.3f}")
    for test in result.tests:
        case = xml.SubElement(suite, "testcase", classname=result.name,
                              name=test["name"], time=f"{test['seconds']:.3f}")
        if test["skipped"]:
            xml.SubElement(case, "skipped", message=test["skipped"])
        elif not test["ok"]:
            xml.SubElement(case, "failure", message=f"see {paths.shown(result.logs)}/tap")
    if failed > sum(not test["ok"] for test in result.tests):
        case = xml.SubElement(suite, "testcase", classname=result.name, name="the run")
        xml.SubElement(case, "failure",
                       message=result.blocked or result.stream.broken() or
                       f"status {result.ended.get('status')}")
    return suite


def write_junit(results, path):
    """All results, for programs that read JUnit's XML."""
    suites = xml.Element("testsuites")
    suites.extend(map(_suite, results))
    xml.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def durations():
    """name -> seconds, of what was run before."""
    try:
        return json.loads((paths.cache() / DURATIONS).read_text())
    except (FileNotFoundError, ValueError):
        return {}


def keep_durations(new):
    """Remember these for the next run, if that can be: without them it is only slower."""
    path = paths.cache() / DURATIONS
    text = json.dumps(durations() | new, indent=1, sort_keys=True)
    other = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        other.write_text(text)
        os.replace(other, path)


def latest():
    """The results of the last run."""
    link = RESULTS / "latest"
    if not link.exists():
        return []
    return [Result(logs) for logs in sorted(link.iterdir()) if logs.is_dir()]


def _newest():
    """name -> the newest Result of each that is kept."""
    found = {}
    for run in sorted(path for path in RESULTS.glob("*") if not path.is_symlink()):
        for logs in run.iterdir():
            if (logs / "ended.json").exists():
                found[logs.name] = Result(logs)
    return found


def report(names):
    """The newest results of these that are kept, in Markdown."""
    newest = _newest()
    kept = [newest[name] for name in names if name in newest]
    machine = f"{len(os.sched_getaffinity(0))} processors"
    guests = {result.run["qemu"] for result in kept if "qemu" in result.run}
    yield f"{datetime.date.today():%d %B %Y}, {_system()}, {machine}; {'; '.join(sorted(guests))}."
    yield ""
    yield "| what | kernel | verdict | passed | failed | skipped | seconds |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for result in kept:
        passed, failed, skipped = result.count()
        yield (f"| `{result.name}` | {result.run.get('kernel', '')} | {result.verdict()} | "
               f"{passed} | {failed} | {skipped} | {result.ended['seconds']:.0f} |")
    passed, failed, skipped = totals(kept)
    yield f"| all | | | {passed} | {failed} | {skipped} | |"


def _system():
    """The host's name for itself."""
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
