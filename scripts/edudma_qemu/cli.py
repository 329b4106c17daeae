# SPDX-License-Identifier: GPL-2.0-only
"""The command line of scripts/qemu."""

import argparse
import os
import shutil
import subprocess
import sys

from . import Trouble, build, overlay, patch, source

EPILOG = """\
environment:
  EDUDMA_QEMU=own|newest|VERSION  which source package: that of this release
                                  (default), the newest that can be had, or one
  EDUDMA_QEMU_SOURCE=DIR          an unpacked source instead
  EDUDMA_QEMU_SANITIZE=1          with address and undefined behaviour sanitizers
  EDUDMA_CACHE=DIR                where sources and results are kept
"""


def _parser():
    parse = argparse.ArgumentParser(
        prog="qemu", description="QEMU with the device edu-sg.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--jobs", "-j", type=int, help="compilers at a time")
    parse.add_argument("--place", metavar="NAME",
                       help="directory of build/ for the programs (default: qemu)")
    parse.add_argument("action", choices=("build", "test", "suite", "patch", "deps",
                                          "source"),
                       help="build it; run the qtest suites, or one of them, as TAP;"
                       " write the series for upstream; name the packages that are"
                       " missing; say where the source is")
    parse.add_argument("rest", nargs="*", help="for suite: its name; for test:"
                       " arguments of the suites")
    return parse


def _environment(place):
    """What the suites run in."""
    return {
        **os.environ,
        "QTEST_QEMU_BINARY": str(place / "qemu-system-x86_64"),
        "EDU_SG_CORPUS": str(overlay.CORPUS),
        # Everything that is kept for good counts as a leak, and QEMU keeps a lot.
        "ASAN_OPTIONS": "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", ""),
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


def _suites(place):
    """name -> program."""
    names = (os.path.basename(target) for target in build.TARGETS)
    return {name: place / name for name in names if name.endswith("-test")}


def _suite(place, rest):
    """Become one of the suites."""
    suites = _suites(place)
    if len(rest) != 1 or rest[0] not in suites:
        raise Trouble(f"suite: give one of {', '.join(suites)}")
    program = suites[rest[0]]
    os.execve(program, [str(program), "--tap", "-k"], _environment(place))


def _test(place, rest):
    """Run the suites as QEMU's own make check would, and count what came out."""
    if not shutil.which("prove"):
        raise Trouble("needs prove: apt-get install perl")
    command = ["prove", "--exec", "", *_suites(place).values(), "::", "--tap", "-k", *rest]
    return subprocess.run(command, env=_environment(place), check=False).returncode


def main(argv):
    """Do what was asked; the exit status."""
    options = _parser().parse_args(argv)
    which = os.environ.get("EDUDMA_QEMU") or "own"
    sanitize = os.environ.get("EDUDMA_QEMU_SANITIZE", "0") not in ("", "0")
    try:
        if options.action == "deps":
            print(" ".join(build.packages()))
        elif options.action == "patch":
            patch.write()
        elif options.action == "source":
            print(source.prepare(which) / "src")
        else:
            place = build.build(which, sanitize, options.jobs, options.place)
            if options.action == "test":
                return _test(place, options.rest)
            if options.action == "suite":
                _suite(place, options.rest)
    except Trouble as trouble:
        print(f"qemu: {trouble}", file=sys.stderr)
        return 1
    return 0
