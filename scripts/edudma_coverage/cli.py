# SPDX-License-Identifier: GPL-2.0-only
"""The command line of scripts/coverage."""

import argparse
import os
import sys

from edudma_guest import Trouble, paths, session

from . import collect, lines, unreached

LIST = paths.TOP / "tests/fuzz/unreached"


def _parser():
    parse = argparse.ArgumentParser(
        prog="coverage", description=sys.modules[__name__].__doc__,
        epilog="LANES names what is run, JOBS at a time: lanes, and fuzz, which is CALLS "
               f"calls by the fuzzer; default: {' '.join(collect.RUNS)}.")
    parse.add_argument("--report", action="store_true",
                       help="run nothing; what the last runs have counted")
    parse.add_argument("--kernel", action="store_true",
                       help="print the kernel that is needed")
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


def _run(names):
    """Run them; the worst status."""
    worst = 0
    for name, status in collect.run(names, int(os.environ.get("JOBS") or 2)):
        print(f"{name}: status {status}, {collect.WORK / 'logs' / name}", flush=True)
        worst = worst or status
    return worst


def main(argv):
    """The program."""
    options = _parser().parse_args(argv)
    if options.kernel:
        print(collect.KERNEL)
        return 0
    names = (os.environ.get("LANES") or " ".join(collect.RUNS)).split()
    session.raise_on_signals()
    try:
        worst = 0 if options.report else _run(names)
        return worst or int(bool(_report(names)))
    except Trouble as trouble:
        print(f"coverage: {trouble}", file=sys.stderr)
        return 1
    except session.Interrupted as interrupted:
        return 128 + interrupted.signum
