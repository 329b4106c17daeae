# SPDX-License-Identifier: GPL-2.0-only
"""One run of a command in a guest, from the options to the verdict.

Each run leaves a directory: what was said, and result.json.
"""

import argparse
import datetime
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
import types

from . import (Trouble, accel, attach, debugger, image, kernels, lanes, machine,
               own_kernel, paths, session, splats, sysroot, verdict)

KEPT = 40


def create_directory(lane, where=None):
    """A new directory for a run of this lane."""
    if where:
        path = pathlib.Path(where).absolute()
        path.mkdir(parents=True, exist_ok=True)
        # An earlier run's must not pass for this one's.
        for name in ("result.json", "console"):
            (path / name).unlink(missing_ok=True)
        return path
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    paths.RUNS.mkdir(parents=True, exist_ok=True)
    prune_runs()
    path = paths.RUNS / f"{now}-{os.getpid()}-{lane}"
    path.mkdir()
    return path


def mark_latest(path, lane):
    """Point latest-LANE at a run."""
    if path.parent != paths.RUNS:
        return
    new = paths.RUNS / f".latest-{os.getpid()}"
    new.symlink_to(path.name)
    os.replace(new, paths.RUNS / f"latest-{lane}")


def _under_way(path):
    """Has this run not ended yet?  Its name holds its runner's process id."""
    return (not (path / "result.json").exists()
            and pathlib.Path("/proc", path.name.split("-")[2]).exists())


def running():
    """The runs under way, the newest first."""
    return sorted((path for path in paths.RUNS.glob("*-*-*-*")
                   if not path.is_symlink() and _under_way(path)), reverse=True)


def prune_runs():
    """Remove the oldest runs."""
    runs = sorted(path for path in paths.RUNS.glob("*-*-*-*")
                  if not path.is_symlink() and not _under_way(path))
    latest = {link.resolve() for link in paths.RUNS.glob("latest-*")}
    for path in runs[:-KEPT]:
        if path.resolve() not in latest:
            shutil.rmtree(path, ignore_errors=True)


def write_result(path, result):
    """Write result.json, whole or not at all."""
    new = path / "result.json.new"
    new.write_text(json.dumps(result, indent=2) + "\n")
    os.replace(new, path / "result.json")


# How often a kernel may try to come to init.
BOOTS = 3

# What a command can expect to find as it is on the host.
ENVIRONMENT = ("PATH", "HOME", "TERM", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME",
               "SHELL")
ENVIRONMENT_PREFIXES = ("LC_", "EDUDMA_", "CK_")


def lane_of(options):
    """The lane, with what the options change of it."""
    lane = lanes.load(options.lane)
    if options.kernel:
        lane.kernel = kernels.named(options.kernel)
    for name in ("memory", "smp"):
        if getattr(options, name):
            setattr(lane, name, getattr(options, name))
    if options.qemu:
        lane.emulator = options.qemu
    lane.params += options.module_param
    lane.qemu = lane.qemu + options.qemu_arg
    lane.append = lane.append + [word for words in options.append
                                 for word in words.split()]
    if options.gdb:
        # Breakpoints need the addresses that the symbols say.
        lane.append.append("nokaslr")
    return lane


def environment(options, module, lane):
    """The command's variables, as (name, value)."""
    chosen = {name: value for name, value in os.environ.items()
              if name in ENVIRONMENT or name.startswith(ENVIRONMENT_PREFIXES)}
    path = chosen.get("PATH", "/usr/bin:/bin")
    # The command is root; its programs are often in sbin.
    chosen["PATH"] = f"{path}:/usr/sbin:/sbin"
    chosen["EDUDMA_LANE"] = lane.name
    chosen["EDUDMA_EDU"] = lane.edu
    chosen["EDUDMA_PATIENCE"] = str(lane.test_patience)
    if module:
        chosen["EDUDMA_MODULE"] = str(module)
        chosen["EDUDMA_MODULE_PARAMS"] = " ".join(lane.params)
    if lane.disk:
        chosen["EDUDMA_DISK"] = machine.DISK_SERIAL
    for word in options.env:
        name, equals, value = word.partition("=")
        chosen[name] = value if equals else os.environ.get(name, "")
    return chosen


class Run:
    """One run, from the options to the verdict."""

    def __init__(self, options):
        self.options = options
        self.lane = lane_of(options)
        self.started = time.monotonic()
        self.directory = create_directory(self.lane.name, options.log_dir)
        self.disk = self.directory / "disk"
        self.nonce = os.urandom(16).hex()
        self.facts = {"lane": self.lane.name, "command": shlex.join(options.command),
                      "cwd": os.getcwd()}

    def prepare(self):
        """Everything that can go wrong before QEMU."""
        options, lane = self.options, self.lane
        self.shares = [os.path.abspath(share) for share in options.share]
        for share in self.shares:
            if not os.path.isdir(share):
                raise Trouble(f"--share {share}: no such directory")
            if lane.root == "ram":
                raise Trouble(f"--share {share}: nothing of the host can be reached "
                              f"in lane '{lane.name}'")
        if options.trace and lane.virtual_time:
            raise Trouble(f"--trace: QEMU's events have the host's time, and lane "
                          f"'{lane.name}' one of its own")
        if options.trace and lane.edu.split(",")[0] == "edu":
            raise Trouble("--trace: QEMU's edu tells nothing; lane 'ring-off' has an edu-sg "
                          "that the driver takes for one")
        if options.trace and lane.root == "ram":
            raise Trouble(f"--trace: the log cannot be reached in lane '{lane.name}'")
        if options.trace:
            self.shares.append(str(self.share_log()))
        version = accel.version(lane.emulator)
        kernel = kernels.find(lane.kernel)
        self.bits = kernel.bits
        if lane.port:
            kernel.make = f"make port-{lane.port}"
        if kernel.build and lane.kernel.startswith("/"):
            own_kernel.check(kernel, not options.no_module)
        self.module = None
        modules = kernel.modules
        if not options.no_module:
            self.module = os.path.abspath(
                options.module or os.environ.get("EDUDMA_MODULE")
                or kernel.default_module(lane.port))
            modules = kernels.module_directory(kernel, self.module)
        if options.gdb:
            self.commands = debugger.write_commands(
                self.directory, kernel, self.module,
                image.make_init(lane.built_for, kernel.bits))
        files = []
        if lane.root == "ram":
            files = [name for program in [options.command[0], *lane.programs]
                     for name in image.needs_of(program)]
            files += [self.module] if self.module else []
        chosen = accel.choose(lane, kernel)
        self.facts |= {"kernel": kernel.release, "qemu": version, "accel": chosen}
        archive = self.directory / "initramfs"
        self.find_files(kernel)
        archive.write_bytes(image.build(lane.built_for, kernel, self.job(modules),
                                        lane.root, files, os.getcwd()))
        logs = types.SimpleNamespace(initramfs=archive, append=[],
                                     console=self.directory / "console")
        return machine.command(lane, kernel, chosen, logs) + self.extra_arguments()

    def share_log(self):
        """A directory with QEMU's log, which the guest reads while it grows.

        What the guest has read of the host's root, it does not look at again.
        """
        place = self.directory / "trace"
        place.mkdir(exist_ok=True)
        log = self.directory / "qemu.log"
        log.touch()
        (place / log.name).unlink(missing_ok=True)
        os.link(log, place / log.name)
        return place

    def find_files(self, kernel):
        """The guest's root, and what else of the host it sees."""
        self.root, self.files = "/", []
        if self.lane.built_for.triplet:
            self.root = sysroot.find(self.lane.built_for)
            if not self.root:
                raise Trouble(f"lane '{self.lane.name}' needs programs of its machine: "
                              f"run 'make tests{self.lane.built_for.suffix}'")
            self.files = [paths.TOP, paths.BUILD, kernel.modules.parents[2]]

    def job(self, modules):
        """What init is asked to do."""
        options = self.options
        job = [("nonce", self.nonce), ("cwd", os.getcwd()),
               ("attach", machine.ATTACH_PORT)]
        if self.lane.root == "ram":
            job += [("module", self.module)] if self.module else []
        else:
            job.append(("modules", str(modules)))
            # Where the host's modprobe cannot run, init loads the file.
            name = "edudma" if self.bits == 64 else self.module
            job += [("module", name)] if self.module else []
        if options.terminal:
            rows, columns = session.window_size()
            job += [("rows", str(rows)), ("columns", str(columns))]
        if options.qmp:
            job.append(("port", "edudma.qmp"))
        job += [("param", param) for param in self.lane.params]
        job += [("files", f"files{number}={place}")
                for number, place in enumerate(self.files)]
        job += [("share", f"share{number}={share}")
                for number, share in enumerate(self.shares)]
        job += [("arg", word) for word in options.command]
        variables = environment(options, self.module, self.lane)
        if options.trace:
            variables["EDUDMA_QEMU_TRACE"] = str(self.directory / "trace" / "qemu.log")
        return job + [("env", f"{name}={value}") for name, value in variables.items()]

    def extra_arguments(self):
        """The host's files, a scratch disk, and a terminal or gdb if wanted."""
        arguments = []
        if self.lane.root == "host":
            arguments += machine.filesystem("root", self.root, readonly=True)
        for number, place in enumerate(self.files):
            arguments += machine.filesystem(f"files{number}", place, readonly=True)
        for number, share in enumerate(self.shares):
            arguments += machine.filesystem(f"share{number}", share, readonly=False)
        if self.lane.disk:
            self.disk.touch()
            os.truncate(self.disk, self.lane.disk << 20)
            if self.bits == 32:
                make_ext4(self.disk)
            arguments += machine.disk(self.disk)
        if self.options.terminal:
            arguments += ["-chardev", "stdio,id=terminal,signal=off",
                          "-device", "virtconsole,chardev=terminal"]
        if self.options.gdb:
            socket = self.directory / debugger.SOCKET
            arguments += ["-S", "-gdb", f"unix:path={socket},server=on,wait=off"]
        if self.options.trace:
            arguments += machine.trace()
        return arguments

    def execute(self, command):
        """Run QEMU to its end and judge."""
        options = self.options
        timeout = options.timeout or self.lane.timeout
        if options.terminal or options.gdb:
            timeout = options.timeout
        deadline = None if timeout is None else time.monotonic() + timeout
        with open(self.directory / "qemu.log", "wb") as log, \
             open(self.directory / "stdout", "wb") as out, \
             open(self.directory / "stderr", "wb") as err:
            sinks = {} if options.terminal else {
                "stdout": tee(out, sys.stdout.buffer),
                "stderr": tee(err, sys.stderr.buffer)}
            for boot in range(1, BOOTS + 1):
                guest = session.Session(command, self.nonce, log, sinks,
                                        options.terminal, options.qmp,
                                        attach.listen(self.directory), self.take_record)
                self.facts |= {"qemu_command": shlex.join(guest.command), "boots": boot}
                if options.terminal:
                    signal.signal(signal.SIGWINCH, guest.send_window_size)
                guest.run(deadline, None if options.gdb else self.stalled)
                signal.signal(signal.SIGWINCH, signal.SIG_IGN)
                if not guest.stalled or boot == BOOTS:
                    break
                self.say_stalled(boot)
        return verdict.judge(verdict.Transcript(
            records=guest.records, console=self.text("console"),
            qemu=self.text("qemu.log"), qemu_status=guest.status,
            timed_out=guest.timed_out, module=bool(self.module),
            received=(guest.received.get("stdout", 0), guest.received.get("stderr", 0))))

    def take_record(self, key, value):
        """What is of use before the end."""
        if key == "sections" and self.options.gdb:
            debugger.write_sections(self.directory, value)

    def stalled(self):
        """Has the kernel stalled before anything of ours ran?"""
        return splats.stalled_before_init(self.text("console"))

    def say_stalled(self, boot):
        """Tell that there is another try, and keep what the kernel said."""
        (self.directory / "console").rename(self.directory / f"console.stalled{boot}")
        print(f"guest: {self.lane.name}: a processor got no interrupts before init, "
              "which the emulator must have lost: booting again", file=sys.stderr,
              flush=True)

    def text(self, name):
        """One of the logs."""
        try:
            return (self.directory / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def finish(self, outcome):
        """Write down what came out and say it."""
        seconds = time.monotonic() - self.started
        self.disk.unlink(missing_ok=True)
        (self.directory / attach.SOCKET).unlink(missing_ok=True)
        # It is part of QEMU's command line, for who wants to see it again.
        if outcome.word == "pass":
            (self.directory / "initramfs").unlink(missing_ok=True)
        write_result(self.directory, {
            "verdict": outcome.word, "reason": outcome.reason,
            "status": outcome.status, "seconds": round(seconds, 1), **self.facts})
        mark_latest(self.directory, self.lane.name)
        where = self.facts.get("accel", "no QEMU")
        reason = f": {outcome.reason}" if outcome.reason else ""
        print(f"guest: {self.lane.name}: {outcome.word}{reason} ({seconds:.1f} s, "
              f"{where}); logs in {paths.shown(self.directory)}",
              file=sys.stderr, flush=True)
        return outcome.status


def make_ext4(path):
    """A file system, where the host's mkfs.ext4 cannot run in the guest."""
    done = subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", path], check=False,
                          env=kernels.tool_environment(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Trouble(f"mkfs.ext4: {done.stdout.strip()}")


def tee(*files):
    """A sink that writes to several files at once."""
    def write(data):
        for file in files:
            file.write(data)
            file.flush()
    return write


def say_how_to_debug(run):
    """What to type into another terminal."""
    print(f"guest: waiting for gdb; in another terminal:\n"
          f"  gdb -x {shlex.quote(str(run.commands))}\n"
          "then 'break FUNCTION', also of the driver, and 'continue'",
          file=sys.stderr, flush=True)


def run(options):
    """Make the run and return the status to exit with."""
    session.raise_on_signals()
    one = Run(options)
    try:
        command = one.prepare()
        if options.gdb:
            say_how_to_debug(one)
        outcome = one.execute(command)
    except Trouble as trouble:
        outcome = verdict.Verdict("trouble", str(trouble), verdict.STATUS["trouble"])
    except session.Interrupted as interrupted:
        outcome = verdict.Verdict("interrupted", str(interrupted),
                                  128 + interrupted.signum)
    except BrokenPipeError:
        # Whoever read our output has gone: nobody to tell.
        shutil.rmtree(one.directory, ignore_errors=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    return one.finish(outcome)


EPILOG = """\
The command sees the host's files; what it writes stays in the guest's memory,
except below a --share.  Its stdin is empty, its stdout and stderr arrive here
as they are.  When it has ended, the module must unload and no page may be
pinned.

--kernel takes a build directory, too: that of a kernel that you have built
yourself, with arch/x86/boot/bzImage in it.  A slash tells it from a name (./linux).
Its modules are copied to build/guest/kernels, when they are newer, and
  make module KVER=RELEASE KDIR=DIRECTORY
builds the driver for it.

--attach gives another shell in a guest that is running, however that was
started: `exit` or Ctrl-] leaves it.  All that the shell has started ends with it,
and at the latest with the guest's command.

--gdb leaves a file of commands for gdb, which is named at the start:
  gdb -x RUN/gdbinit
connects to the guest, also later.  The driver's symbols are loaded when the guest
has loaded it; so 'break edudma_read_iter' can be said before.  What runs while it
is loaded can be stopped in on a kernel with scripts for gdb, as VERSION+gdb is one.
'edudma-symbols' loads them again.

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
        prog="guest", usage="%(prog)s [options] -- COMMAND [ARG...]\n"
                           "       %(prog)s --attach [RUN]",
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
    add("--kernel", metavar="VERSION+CONFIG|DIR/",
        help="one that scripts/kernel has built, or the build directory of your own "
             "(default: the lane's)")
    add("--qemu", metavar="PROGRAM", help="QEMU (default: the lane's)")
    add("--qemu-arg", action="append", default=[], metavar="ARG",
        help="one more argument for QEMU; --qemu-arg=-foo if it begins with a dash")
    add("--memory", metavar="SIZE", help="RAM (default: the lane's)")
    add("--smp", type=int, metavar="N", help="processors (default: the lane's)")
    add("--log-dir", metavar="DIR",
        help="keep the logs there (default: build/runs/..., the newest "
             f"{KEPT} are kept)")
    add("--qmp", action="store_true",
        help="let the command speak to QEMU's monitor, through "
             "/dev/virtio-ports/edudma.qmp: it is then no more confined than QEMU is")
    add("--trace", action="store_true",
        help="have QEMU log what the device does: 'edudma trace' in the guest draws it, too")
    add("--terminal", action="store_true",
        help="run the command on this terminal, without a time limit")
    add("--gdb", action="store_true",
        help="wait for gdb before the first instruction; no time limit")
    add("--attach", nargs="?", const="", metavar="RUN",
        help="another shell in the guest of this run's directory (default: the newest "
             "that is running)")
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
    if not options.command and not options.list_lanes and options.attach is None:
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
        if options.attach is not None:
            return attach.attach([pathlib.Path(options.attach).absolute()]
                                 if options.attach else running())
        return run(options)
    except Trouble as trouble:
        print(f"guest: {trouble}", file=sys.stderr)
        return verdict.STATUS["trouble"]
