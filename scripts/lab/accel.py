# SPDX-License-Identifier: GPL-2.0-only
"""May KVM be used?

A machine may have /dev/kvm, create virtual machines, and still hang every
guest in its boot loader.  So KVM is believed only after a trial boot with a
time limit; what came out is remembered for this host's kernel, this QEMU and
this /dev/kvm.
"""

import fcntl
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
import types

from . import Trouble, image, machine, paths, session

KVM = pathlib.Path("/dev/kvm")
TRIAL_SECONDS = 20


def version(emulator):
    """What QEMU says it is."""
    try:
        done = subprocess.run([emulator, "--version"], text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    except OSError as error:
        make = "make qemu" if emulator.startswith(str(paths.BUILD)) else "make deps"
        raise Trouble(f"{emulator}: {error.strerror}: run '{make}', or set the "
                      "lane's 'emulator'") from error
    if done.returncode or not done.stdout.startswith("QEMU"):
        raise Trouble(f"{emulator} --version: status {done.returncode}: "
                      f"{done.stdout.strip() or 'no output'}")
    return done.stdout.splitlines()[0]


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":")[1].strip() for line in lines
                 if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _identity(emulator):
    device = os.stat(KVM).st_rdev
    return (f"{platform.release()} {platform.version()}; {_processor()}; "
            f"/dev/kvm {os.major(device)}:{os.minor(device)}; {version(emulator)}")


def _trial(lane, kernel):
    """Does a guest under KVM come as far as init?"""
    with tempfile.TemporaryDirectory(prefix="edudma-kvm-") as name:
        directory = pathlib.Path(name)
        nonce = os.urandom(8).hex()
        archive = image.build(lane.built_for, kernel, [("nonce", nonce), ("cwd", "/")])
        (directory / "initramfs").write_bytes(archive)
        files = types.SimpleNamespace(initramfs=directory / "initramfs",
                                      console=directory / "console", append=[])
        with open(directory / "log", "wb") as log:
            guest = session.Session(machine.command(lane, kernel, "kvm", files), nonce, log)
            guest.run(time.monotonic() + TRIAL_SECONDS)
        return guest.records.complete and not guest.timed_out


def _remembered(lane, kernel, trial):
    """The trial's outcome, from the cache or by making it."""
    identity = _identity(lane.emulator)
    memory = paths.cache() / "kvm.json"
    memory.parent.mkdir(parents=True, exist_ok=True)
    # Of two runs that start together, one makes the trial.
    with open(memory, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        try:
            outcomes = json.load(file)
        except ValueError:
            outcomes = {}
        if identity not in outcomes:
            print(f"guest: trying KVM, for at most {TRIAL_SECONDS} s, once",
                  file=sys.stderr, flush=True)
            outcomes[identity] = trial(lane, kernel)
            print("guest: KVM " + ("works" if outcomes[identity] else
                                   "does not work here: TCG from now on"),
                  file=sys.stderr, flush=True)
            file.seek(0)
            file.truncate()
            json.dump(outcomes, file, indent=2)
        return outcomes[identity]


def choose(lane, kernel, trial=_trial):
    """tcg or kvm, for this lane on this host."""
    wanted = os.environ.get("EDUDMA_ACCEL", "")
    if wanted not in ("", "tcg", "kvm"):
        raise Trouble(f"EDUDMA_ACCEL={wanted}: is neither tcg nor kvm")
    if lane.accel or wanted:
        return lane.accel or wanted
    # What is compiled for another machine runs on another processor.
    if lane.built_for.triplet or not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg"
    return "kvm" if _remembered(lane, kernel, trial) else "tcg"
