# SPDX-License-Identifier: GPL-2.0-only
"""What a program needs to run in a guest that sees nothing of the host."""

import os
import shutil
import subprocess

from . import Trouble


def _libraries(path):
    """The libraries and the loader of an ELF program, by their full names."""
    # It ends with an error for a program that needs none.
    done = subprocess.run(["ldd", path], check=False, text=True,
                          env={**os.environ, "LC_ALL": "C"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in done.stdout.splitlines():
        if "not found" in line:
            raise Trouble(f"{path} cannot run: {line.strip()}")
        # "libc.so.6 => /lib/.../libc.so.6 (0x...)", or the loader alone.
        name = line.rpartition("=>")[2].split("(")[0].strip()
        if name.startswith("/"):
            yield name


def of(program):
    """The files of a program, itself the first, by their full names."""
    path = shutil.which(program)
    if not path:
        raise Trouble(f"no program '{program}' to take into the guest")
    path = os.path.abspath(path)
    with open(path, "rb") as file:
        start = file.readline(256)
    if start.startswith(b"#!"):
        return [path, *of(os.fsdecode(start[2:].split()[0]))]
    return [path, *_libraries(path)]
