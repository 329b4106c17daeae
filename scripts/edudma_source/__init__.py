# SPDX-License-Identifier: GPL-2.0-only
"""Building others' programs from the distribution's source packages.

apt         source packages and build tools, beside the machine's own lists
"""

import contextlib
import fcntl
import os
import pathlib
import subprocess
import sys

from edudma_guest import Trouble


@contextlib.contextmanager
def alone(directory):
    """One process at a time in a directory of the cache."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory


def say(text):
    """Progress."""
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr, flush=True)


def run(command, log=None, **more):
    """Run a command; its output goes to the file `log`, or is returned."""
    command = [str(word) for word in command]
    more.setdefault("stdin", subprocess.DEVNULL)
    if log is None:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              **more)
        tail = done.stderr or done.stdout
    else:
        with open(log, "w", encoding="utf-8") as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT,
                                  check=False, **more)
        tail = "".join(pathlib.Path(log).read_text(errors="replace")
                       .splitlines(keepends=True)[-20:])
    if done.returncode:
        where = f"; all of it is in {log}" if log else ""
        raise Trouble(f"'{' '.join(command)}' failed{where}:\n{tail.rstrip()}")
    return done.stdout
