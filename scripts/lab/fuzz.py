# SPDX-License-Identifier: GPL-2.0-only
"""The host's side of the fuzzer of the uapi, tests/fuzz/.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from . import Trouble, paths, session

PROGRAM = paths.BUILD / "tests/fuzz"
CORPUS = paths.TOP / "tests/fuzz/corpus"
WORK = paths.BUILD / "fuzz"
LICENSE = "# SPDX-License-Identifier: GPL-2.0-only"
# What differs from one run to the next.
NUMBERS = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\b\d+\b")


def outcome_of(result, said):
    """What went wrong, in words that are the same when it goes wrong again; or ''.

    result is what scripts/guest wrote, said what the fuzzer printed.
    """
    wrong = re.search(r"^# wrong: (.*)$", said, re.M)
    if result["verdict"] == "pass":
        return ""
    reason = result["reason"]
    # The kernel's first words, and not what the fuzzer saw of them.
    if result["verdict"] == "fail" and wrong:
        reason = wrong[1]
    return NUMBERS.sub("N", f"{result['verdict']}: {reason}")


def run_guest(lane, arguments, kernel=None, module=None, quiet=False, timeout=1200):
    """Run the fuzzer; (exit status, outcome)."""
    logs = WORK / "logs"
    share = WORK / "share"
    for directory in (logs, share):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    command = [paths.SCRIPTS / "guest", "--lane", lane, "--timeout", str(timeout),
               "--qmp", "--log-dir", logs, "--share", share,
               *(["--kernel", kernel] if kernel else []),
               *(["--module", module] if module else []),
               "--", PROGRAM, "--wrong", share, *arguments]
    sink = subprocess.DEVNULL if quiet else None
    status = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=sink,
                            stderr=sink).returncode
    result = json.loads((logs / "result.json").read_text())
    said = logs / "stdout"
    # There is none if no guest was started, which has been said.
    return status, outcome_of(result, said.read_text(errors="replace")
                              if said.exists() else "")


def new_corpus():
    """The directory in which the guest leaves a corpus."""
    return WORK / "share"


def replace_corpus():
    """Put what the guest left in the place of the corpus."""
    new = sorted(new_corpus().glob("[0-9]*.calls"))
    CORPUS.mkdir(exist_ok=True)
    for old in CORPUS.glob("*.calls"):
        old.unlink()
    for path in new:
        (CORPUS / path.name).write_text(f"{LICENSE}\n{path.read_text()}")
    return len(new)


def default_seed():
    """SEED, or a new one."""
    return os.environ.get("SEED") or str(int.from_bytes(os.urandom(4), "little"))


def calls_of(text):
    """The calls of a program: its lines but for remarks."""
    return [line for line in text.splitlines() if line.strip() and line[0] != "#"]


def minimise(calls, goes_wrong):
    """The calls, without those that it goes wrong without.

    goes_wrong(calls) is asked for ever smaller pieces: halves, quarters, at last
    single calls; what it goes wrong without is left out at once.  In the end no
    call can be left out alone.
    """
    size = max(1, len(calls) // 2)
    while True:
        at, before = 0, len(calls)
        while at < len(calls):
            fewer = calls[:at] + calls[at + size:]
            if fewer and goes_wrong(fewer):
                calls = fewer
            else:
                at += size
        if size > 1:
            size //= 2
        elif len(calls) == before:
            return calls


EPILOG = """\
commands:
  (none)              fuzz: CALLS=1000000 calls, SEED= repeats a run
  run FILE...         run programs, REPEAT=20 times
  minimise FILE       leave calls out while the guest's verdict stays the same;
                      writes FILE.small
  corpus              fuzz, and put the programs that reach all that was reached
                      in the place of tests/fuzz/corpus/
  list LOG WORKER N   print a worker's programs up to number N, of the run that
                      printed LOG; on the host

LANE=debug-ring is where, KERNEL= another kernel than the lane's, MODULE= another
module.  6.1+coverage, which has no detectors, makes ten times the calls.  The
programs that ran when something went wrong are left in build/fuzz/share/.
"""


def _parser():
    parse = argparse.ArgumentParser(
        prog="fuzz", usage="%(prog)s [COMMAND]", description=sys.modules[__name__].__doc__,
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    return parse


def _setting(name, otherwise):
    return os.environ.get(name) or otherwise


def _run(arguments, quiet=False):
    return run_guest(_setting("LANE", "debug-ring"), arguments,
                     kernel=os.environ.get("KERNEL"), module=os.environ.get("MODULE"),
                     quiet=quiet, timeout=float(_setting("TIMEOUT", "10800")))


def _fuzz(*more):
    return _run(["--corpus", CORPUS, "--seed", default_seed(),
                 "--calls", _setting("CALLS", "1000000"), *more, "make"])[0]


def _corpus():
    status = _fuzz("--save", new_corpus())
    if not status:
        print(f"fuzz: the corpus has {replace_corpus()} programs now")
    return status


def _minimise(name):
    path = pathlib.Path(name)
    candidate = WORK / "candidate.calls"
    WORK.mkdir(parents=True, exist_ok=True)

    def outcome(calls):
        candidate.write_text("".join(f"{line}\n" for line in calls))
        said = _run(["--repeat", _setting("REPEAT", "20"), "run", candidate], quiet=True)[1]
        print(f"fuzz: {len(calls)} calls: {said or 'nothing is wrong'}", flush=True)
        return said

    calls = calls_of(path.read_text())
    wanted = outcome(calls)
    if not wanted:
        raise Trouble(f"{name}: nothing goes wrong")
    calls = minimise(calls, lambda fewer: outcome(fewer) == wanted)
    small = path.with_name(path.name + ".small")
    small.write_text(f"# {wanted}\n" + "".join(f"{line}\n" for line in calls))
    print(f"fuzz: {small} has {len(calls)} calls")
    return 0


def _list(log, worker, number):
    return subprocess.run([PROGRAM, "--corpus", CORPUS, "--log", log,
                           "--seed", default_seed(), "generate", worker, number],
                          check=False).returncode


def main(argv):
    """The program."""
    words = _parser().parse_args(argv).words
    session.raise_on_signals()
    try:
        match words:
            case []:
                return _fuzz()
            case ["run", *files] if files:
                return _run(["--repeat", _setting("REPEAT", "20"), "run",
                             *map(os.path.abspath, files)])[0]
            case ["minimise", name]:
                return _minimise(name)
            case ["corpus"]:
                return _corpus()
            case ["list", log, worker, number]:
                return _list(log, worker, number)
    except Trouble as trouble:
        print(f"fuzz: {trouble}", file=sys.stderr)
        return 1
    except session.Interrupted as interrupted:
        return 128 + interrupted.signum
    _parser().print_usage(sys.stderr)
    return 2
