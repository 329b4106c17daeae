# SPDX-License-Identifier: GPL-2.0-only
"""The command line of scripts/guest."""

import argparse
import os
import sys

from . import Trouble, lanes, runs, verdict
from .run import run

EPILOG = """\
The command sees the host's files; what it writes stays in the guest's memory,
except below a --share.  Its stdin is empty, its stdout and stderr arrive here
as they are.  When it has ended, the module must unload and no page may be
pinned.

exit status:
  the command's own (128 + N if signal N ended it), or
  119  pinned: pages are still pinned
  120  leak: kmemleak or dma-debug found something left
  121  residue: the module cannot be unloaded
  122  splat: the kernel or QEMU complained, whatever the command said
  123  lost: the guest ended without a verdict (a panic, QEMU died)
  124  timeout
  125  trouble: the run could not be made
The last line on stderr names the verdict and the directory with all that was
said.  A command may end with such a status too: result.json there is sure.

environment:
  EDUDMA_ACCEL=tcg|kvm  overrides the trial boot that decides about KVM
  EDUDMA_BUILD=DIR      what is built, and the runs' logs (default: build/)
  EDUDMA_CACHE=DIR      guest kernels and what else is slow to make
  EDUDMA_MODULE=KO      the module to load, without --module
  KVER=RELEASE          another kernel than the newest headers' own
"""


def parser():
    """All options."""
    parse = argparse.ArgumentParser(
        prog="guest", usage="%(prog)s [options] -- COMMAND [ARG...]",
        description="Run a command in a virtual machine that has edu devices.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parse.add_argument
    add("--lane", default="stock", help="configuration (default: %(default)s)")
    add("--list-lanes", action="store_true", help="print the lanes and exit")
    add("--timeout", type=float, metavar="S",
        help="seconds from start to end (default: the lane's)")
    add("--env", action="append", default=[], metavar="NAME[=V]",
        help="pass a variable to the command")
    add("--share", action="append", default=[], metavar="DIR",
        help="a directory that the guest may write, at the same path")
    add("--module", metavar="KO", help="module to load (default: the driver's build)")
    add("--no-module", action="store_true", help="load no module")
    add("--module-param", action="append", default=[], metavar="NAME=V",
        help="parameter of the module, after the lane's")
    add("--append", action="append", default=[], metavar="WORDS",
        help="more for the kernel's command line")
    add("--kernel", metavar="VERSION+CONFIG",
        help="one that scripts/kernel has built (default: the lane's)")
    add("--qemu", metavar="PROGRAM", help="QEMU (default: the lane's)")
    add("--qemu-arg", action="append", default=[], metavar="ARG",
        help="one more argument for QEMU; --qemu-arg=-foo if it begins with a dash")
    add("--memory", metavar="SIZE", help="RAM (default: the lane's)")
    add("--smp", type=int, metavar="N", help="processors (default: the lane's)")
    add("--log-dir", metavar="DIR",
        help="keep the logs there (default: build/runs/..., the newest "
             f"{runs.KEPT} are kept)")
    add("--qmp", action="store_true",
        help="let the command speak to QEMU's monitor, through "
             "/dev/virtio-ports/edudma.qmp: it is then no more confined than QEMU is")
    add("--terminal", action="store_true",
        help="run the command on this terminal, without a time limit")
    add("--gdb", action="store_true",
        help="wait for gdb before the first instruction; no time limit")
    add("command", nargs=argparse.REMAINDER, metavar="COMMAND",
        help=argparse.SUPPRESS)
    return parse


def parse_arguments(argv):
    """Options and command; the command keeps all of its own arguments."""
    parse = parser()
    # Python's versions differ in what they make of "--": it never sees one.
    split = argv.index("--") if "--" in argv else len(argv)
    options = parse.parse_args(argv[:split])
    # Without a leading one, the first that we met is the command's.
    options.command += argv[split + bool(not options.command):]
    if not options.command and not options.list_lanes:
        parse.error("no COMMAND")
    if options.terminal and not os.isatty(0):
        parse.error("--terminal needs a terminal")
    return options


def list_lanes():
    """Print what lanes there are."""
    for name in lanes.names():
        print(f"{name:10} {lanes.load(name).about}")


def main(argv):
    """The program."""
    options = parse_arguments(argv)
    try:
        if options.list_lanes:
            list_lanes()
            return 0
        return run(options)
    except Trouble as trouble:
        print(f"guest: {trouble}", file=sys.stderr)
        return verdict.STATUS["trouble"]
