# SPDX-License-Identifier: GPL-2.0-only
"""The command line of scripts/coverage."""

import argparse
import os
import sys

from edudma_guest import Trouble, paths, session

from . import collect, lines, unreached

LIST = paths.TOP / "tests/fuzz/unreached"
RUNS = f"{collect.FUZZ} debug-ring"


def _parser():
    parse = argparse.ArgumentParser(
        prog="coverage", description=sys.modules[__name__].__doc__,
        epilog="LANES names what is run: lanes, and fuzz, which is CALLS calls by "
               f"the fuzzer; default: {RUNS}.")
    parse.add_argument("--report", action="store_true",
                       help="run nothing; what the last runs have counted")
    parse.add_argument("--lanes", action="store_true",
                       help="print the lanes whose kernels are needed")
    return parse


def _report(names):
    """Print it; the number of what is wrong."""
    counts = lines.Counts()
    for name in names:
        counts.add(collect.WORK / "counts" / name)
    total = [0, 0]
    for name, (reached, every) in counts.files().items():
        print(f"{name:20} {reached:5} of {every:5}  {100 * reached / every:5.1f} %")
        total = [total[0] + reached, total[1] + every]
    print(f"{'all':20} {total[0]:5} of {total[1]:5}  {100 * total[0] / total[1]:5.1f} %")
    listed = unreached.parse(LIST.read_text()) if LIST.exists() else {}
    found = sorted(unreached.wrong(listed, counts.lines()))
    for text in found:
        print(text)
    print(f"{len(found)} lines without a reason, or with one and without need")
    return len(found)


def main(argv):
    """The program."""
    options = _parser().parse_args(argv)
    names = (os.environ.get("LANES") or RUNS).split()
    if options.lanes:
        print(*sorted({collect.lane_of(name) for name in names}))
        return 0
    session.raise_on_signals()
    worst = 0
    try:
        for name in [] if options.report else names:
            status, _ = collect.run(name)
            worst = worst or status
        return worst or int(bool(_report(names)))
    except Trouble as trouble:
        print(f"coverage: {trouble}", file=sys.stderr)
        return 1
    except session.Interrupted as interrupted:
        return 128 + interrupted.signum
