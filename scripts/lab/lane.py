# SPDX-License-Identifier: GPL-2.0-only
"""On the host: one lane as a test that prove can run.

The guest's stream is passed on with one more test behind it: the verdict on
the run.  Only a complete stream in a run without a splat, a leak or a hang is
a pass.

A guest that has its root in RAM has no Python to run the suites one after the
other: there each suite is the command of a boot of its own.  Nor has one of 32
bits, or another machine: there tools/each runs them, which is built with the suites.
"""

import fnmatch
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from . import Trouble, kernels, lanes, paths, plan, session, suites, tap, verdict

INSIDE = paths.SCRIPTS / "lab/inside"
# For all suites of a lane together, if it has no slower kernel than others: stock
# edu takes 100 ms for each transfer.
SECONDS = 1200
# But not for ever.
MOST_SECONDS = 2700
# From here on a status of scripts/guest is its own, not the command's.
RUNNER = min(verdict.STATUS.values())


def _choice(lane):
    """Patterns of the tests to run; '' for all."""
    if os.environ.get("T"):
        return os.environ["T"]
    return "" if os.environ.get("ALL") else " ".join(lane.tests)


def _command(lane, logs, command):
    """scripts/guest, for a command in a lane."""
    pattern = _choice(lane)
    choice = ["--env", f"EDUDMA_TEST={pattern}"] if pattern else []
    return [paths.SCRIPTS / "guest", "--lane", lane.name, "--qmp", "--log-dir", logs,
            "--timeout", str(min(SECONDS * lane.patience, MOST_SECONDS)),
            *choice, "--", *command]


class _Relay:
    """Passes lines on, but the plan: one test is still to come."""

    def __init__(self):
        self.stream = tap.Stream()

    def write(self, text):
        """Take whole lines."""
        for line in text.splitlines():
            self.stream.feed(line)
            if tap.parse_plan(line) is None:
                print(line, flush=True)

    def flush(self):
        """They are on their way already."""


class _Lane:
    """A lane under test, and what its guests said beside the tests."""

    def __init__(self, name, logs):
        self.lane = lanes.load(name)
        self.logs = pathlib.Path(logs)
        self.said = []

    def boot(self, logs, command, take):
        """Run a command in a guest, give its lines to take; the guest's status."""
        # A file, because nobody reads it until the guest has ended.
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            with subprocess.Popen(
                    _command(self.lane, logs, command), text=True, errors="replace",
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                    preexec_fn=lambda: session.die_with_parent(signal.SIGTERM)) as guest, \
                    session.ending(guest):
                for line in guest.stdout:
                    take(line.rstrip("\n"))
            errors.seek(0)
            self.said += errors.read().splitlines()
        return guest.returncode

    def wanted(self):
        """(name, program) of the suites that have tests which are wanted."""
        name = self.lane.name
        return [(suite, program) for suite, program in
                zip(plan.suites_of(name), plan.programs(name))
                if plan.may_match(suite, _choice(self.lane) or "*")]

    def run_all(self, relay):
        """All suites in one boot."""
        programs = [program for _, program in self.wanted()]
        return self.boot(self.logs, [INSIDE / "run-suites", *programs],
                         lambda line: relay.write(line + "\n"))

    def run_each(self, relay):
        """A boot for each suite; the status of the worst."""
        merger = suites.Merger(relay)
        worst = 0
        for name, program in self.wanted():
            suite = suites.Suite(name, merger)
            status = self.boot(self.logs / name, [program], suite.line)
            # The runner's own status is the verdict's, any other the suite's.
            if status >= RUNNER:
                worst = max(worst, status)
                status = 0
            suite.end(status)
        merger.finish()
        return worst or int(bool(merger.failed))

    def run_listed(self, relay):
        """All suites in one boot, told apart here; the guest's status, or 1."""
        merger = suites.Merger(relay)
        suite = None

        def take(line):
            nonlocal suite
            word, _, rest = line.partition(" ")
            if word == "@begin":
                suite = suites.Suite(os.path.basename(rest), merger)
            elif word == "@end":
                suite.end(int(rest))
                suite = None
            elif suite:
                suite.line(line)

        programs = [program for _, program in self.wanted()]
        each = self.lane.programs_place / "tools/each"
        status = self.boot(self.logs, [each, *programs], take)
        # A guest that ended early leaves a stream without a plan.
        if not suite and not status:
            merger.finish()
        return status or int(bool(merger.failed))

    def runner(self):
        """What of these this lane's guest can do."""
        if self.lane.root == "ram":
            return self.run_each
        runs_python = (not self.lane.built_for.triplet
                       and kernels.find(self.lane.kernel).bits == 64)
        return self.run_all if runs_python else self.run_listed

    def console(self):
        """The end of what the kernels said."""
        for path in sorted(self.logs.rglob("console")):
            yield from path.read_text(errors="replace").splitlines()[-25:]


def wrong_skips(lane, tests, whole):
    """What is wrong with the tests that a lane skips: (which, why), each.

    It lists those that it may skip; if it ran as a whole, it must skip them.
    """
    used = set()
    for test in tests:
        if test.skipped:
            covering = {skip for skip in lane.skips
                        if skip.covers(test.name, test.reason)}
            if not covering:
                yield test.name, f"skips, and lane '{lane.name}' does not list it: {test.reason}"
            used |= covering
    for skip in lane.skips:
        ran = any(fnmatch.fnmatchcase(test.name, skip.pattern) for test in tests)
        if whole and skip not in used and (ran or not lane.tests):
            yield skip.pattern, f"is listed as skipped, and was not: {skip.reason}"


def main(name, logs):
    """Run a lane's suites; the status is the guest's."""
    lane = _Lane(name, logs)
    relay = _Relay()
    try:
        status = verdict.compare(lane.runner()(relay), lane.lane.verdict,
                                 bool(os.environ.get("T")))
    except Trouble as trouble:
        lane.said.append(str(trouble))
        status = verdict.STATUS["trouble"]
    stream = relay.stream
    wrong = stream.broken()
    if not wrong and not stream.tests:
        wrong = "no test matched" if os.environ.get("T") else "there are no tests"
    passed = not status and not wrong
    # A test that failed is counted by itself; the verdict is on the rest.
    only_tests = status == 1 and not wrong and stream.count()[1]
    good = bool(passed or only_tests)
    if not good:
        for line in lane.console():
            print(f"# console: {line}")
    for line in lane.said + ([f"the stream: {wrong}"] if wrong else []):
        print(f"# {line}")
    number = len(stream.tests) + 1
    print(tap.Test(good, name=f"{name}.verdict").line(number))
    skips = list(wrong_skips(lane.lane, stream.tests, good and not os.environ.get("T")))
    for test, why in skips:
        print(f"# {test}: {why}")
    number += 1
    print(tap.Test(not skips, name=f"{name}.skips").line(number))
    print(f"1..{number}", flush=True)
    return 0 if passed and not skips else status or 1


if __name__ == "__main__":
    session.die_with_parent(signal.SIGTERM)
    session.raise_on_signals()
    try:
        sys.exit(main(*sys.argv[1:]))
    except session.Interrupted as interrupted:
        sys.exit(128 + interrupted.signum)
