# SPDX-License-Identifier: GPL-2.0-only
"""QEMU from the distribution's source package, with edu-sg in it."""

import contextlib
import fcntl
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EDUDMA_BUILD") or TOP / "build").absolute()


class Trouble(Exception):
    """What the user has to be told, and what to do about it."""


def cache():
    """The directory for all of this: as cache_dir in scripts/lib.sh."""
    named = os.environ.get("EDUDMA_CACHE")
    if named:
        return pathlib.Path(named).absolute() / "qemu"
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "edudma" / "qemu"


@contextlib.contextmanager
def alone(directory):
    """One process at a time in a directory of the cache."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say(text):
    """Progress."""
    print(f"qemu: {text}", flush=True)


def run(command, log=None, **more):
    """Run a command; its output goes to the file `log`, or to nowhere."""
    command = [str(word) for word in command]
    more.setdefault("stdin", subprocess.DEVNULL)
    if log is None:
        done = subprocess.run(command, capture_output=True, text=True, **more)
        tail = done.stderr or done.stdout
    else:
        with open(log, "w", encoding="utf-8") as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT,
                                  **more)
        tail = "".join(pathlib.Path(log).read_text(errors="replace")
                       .splitlines(keepends=True)[-20:])
    if done.returncode:
        where = f"; all of it is in {log}" if log else ""
        raise Trouble(f"'{' '.join(command)}' failed{where}:\n{tail.rstrip()}")
    return done.stdout
