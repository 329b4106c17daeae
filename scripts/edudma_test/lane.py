# SPDX-License-Identifier: GPL-2.0-only
"""On the host: one lane as a test that prove can run.

The guest's stream is passed on with one more test behind it: the verdict on
the run.  Only a complete stream in a run without a splat, a leak or a hang is
a pass.
"""

import os
import pathlib
import signal
import subprocess
import tempfile

from edudma_guest import paths, session

from . import plan, tap

# For all suites of a lane together: stock edu takes 100 ms for each transfer.
SECONDS = 1200


def _command(lane, logs):
    command = [paths.SCRIPTS / "guest", "--lane", lane, "--timeout", str(SECONDS),
               "--qmp", "--log-dir", logs]
    pattern = os.environ.get("T")
    if pattern:
        command += ["--env", f"EDUDMA_TEST={pattern}"]
    return command + ["--", paths.SCRIPTS / "run-suites", *plan.programs(lane)]


def _relay(out, stream):
    """Pass lines on, but the plan: one test is still to come."""
    for line in out:
        line = line.rstrip("\n")
        stream.feed(line)
        if tap.parse_plan(line) is None:
            print(line, flush=True)


def _console(logs):
    """The end of what the kernel said."""
    try:
        text = (pathlib.Path(logs) / "console").read_text(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-25:]


def main(lane, logs):
    """Run a lane's suites; the status is the guest's."""
    stream = tap.Stream()
    # A file, because nobody reads it until the guest has ended.
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        with subprocess.Popen(
                _command(lane, logs), text=True, errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                preexec_fn=lambda: session.die_with_parent(signal.SIGTERM)) as guest, \
                session.ending(guest):
            _relay(guest.stdout, stream)
        errors.seek(0)
        said = errors.read()
    wrong = stream.broken()
    if not wrong and not stream.tests:
        wrong = "no test matched" if os.environ.get("T") else "there are no tests"
    passed = not guest.returncode and not wrong
    # A test that failed is counted by itself; the verdict is on the rest.
    only_tests = guest.returncode == 1 and not wrong and stream.count()[1]
    good = bool(passed or only_tests)
    if not good:
        for line in _console(logs):
            print(f"# console: {line}")
    for line in said.splitlines() + ([f"the stream: {wrong}"] if wrong else []):
        print(f"# {line}")
    verdict = tap.Test(good, name=f"{lane}.verdict")
    number = len(stream.tests) + 1
    print(verdict.line(number))
    print(f"1..{number}", flush=True)
    return 0 if passed else guest.returncode or 1
