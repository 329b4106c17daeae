# SPDX-License-Identifier: GPL-2.0-only
"""The command line of scripts/fuzz."""

import argparse
import os
import pathlib
import subprocess
import sys

from edudma_guest import Trouble, session

from . import guest
from .minimise import calls_of, minimise

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
    return guest.run(_setting("LANE", "debug-ring"), arguments,
                     kernel=os.environ.get("KERNEL"), module=os.environ.get("MODULE"),
                     quiet=quiet, timeout=float(_setting("TIMEOUT", "10800")))


def _fuzz(*more):
    return _run(["--corpus", guest.CORPUS, "--seed", guest.default_seed(),
                 "--calls", _setting("CALLS", "1000000"), *more, "make"])[0]


def _corpus():
    status = _fuzz("--save", guest.new_corpus())
    if not status:
        print(f"fuzz: the corpus has {guest.replace_corpus()} programs now")
    return status


def _minimise(name):
    path = pathlib.Path(name)
    candidate = guest.WORK / "candidate.calls"
    guest.WORK.mkdir(parents=True, exist_ok=True)

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
    return subprocess.run([guest.PROGRAM, "--corpus", guest.CORPUS, "--log", log,
                           "--seed", guest.default_seed(), "generate", worker, number],
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
