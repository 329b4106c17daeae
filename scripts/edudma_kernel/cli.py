# SPDX-License-Identifier: GPL-2.0-only
"""The command line of scripts/kernel, but for the distribution's kernel."""

import argparse
import sys

from edudma_guest import Trouble

from . import build, name, source

EPILOG = """\
VERSION is a number of two parts, of which there is a package linux-source-VERSION
in Debian's suites; newest, the newest stable one; or candidate, the newest of
all.  Configurations are the files in scripts/kconfig/, and several can be put
together by '+'.  VERSION+CONFIG is what lanes call such a kernel.

The last line printed is the tree in the cache: boot/vmlinuz-RELEASE and
lib/modules/RELEASE, whose link `build` is what modules are built against.

environment:
  EDUDMA_CACHE=DIR      where sources and results are kept
"""


def _parser():
    parse = argparse.ArgumentParser(
        prog="kernel", usage="%(prog)s VERSION [--config CONFIG] | release | tree",
        description="Build a minimal kernel from the packaged source.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("version", metavar="VERSION")
    parse.add_argument("--config", default="", help="the configuration: "
                       f"{', '.join((name.BASE, *name.configs()))}")
    parse.add_argument("--jobs", "-j", type=int, help="compilers at a time")
    parse.add_argument("--update", action="store_true",
                       help="ask the archive whether it has a newer package")
    parse.add_argument("--release", action="store_true",
                       help="print the release instead of the tree")
    parse.add_argument("--find", action="store_true",
                       help="build nothing; fail if it is not there")
    return parse


def find(text):
    """The kernel of a name if it has been built, else None."""
    wanted = name.parse(text)
    found = source.known(wanted.version)
    kernel = found and build.describe(wanted, found)
    return kernel if kernel and kernel.release else None


def main(argv):
    """Do what was asked; the exit status."""
    options = _parser().parse_args(argv)
    text = "+".join(part for part in (options.version, options.config) if part)
    try:
        if options.find:
            kernel = find(text)
            if not kernel:
                raise Trouble(f"no kernel {text}: 'scripts/kernel {text}' builds it")
        else:
            wanted = name.parse(text)
            kernel = build.describe(wanted, source.prepare(wanted.version, options.update))
            build.build(kernel, options.jobs)
        print(kernel.release if options.release else kernel.tree)
    except Trouble as trouble:
        print(f"kernel: {trouble}", file=sys.stderr)
        return 1
    return 0
