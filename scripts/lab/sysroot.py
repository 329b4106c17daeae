# SPDX-License-Identifier: GPL-2.0-only
"""What programs for another machine are linked with, and run on: its root.

It is a directory of the cache, with Debian's packages of that architecture unpacked.
Nothing of it runs on the host.  It is the compiler's --sysroot, and the root of guests.
"""

import argparse
import hashlib
import os
import pathlib
import sys
import tempfile

from . import Trouble, arch, packages, paths
from .packages import alone, say

# What programs are linked with; what the tests call; what a shell is for.
NAMES = ("libc6-dev", "libjson-c-dev", "liburing-dev", "libkmod-dev",
         "kmod", "mount", "util-linux", "e2fsprogs", "python3",
         "bash", "coreutils", "dash", "findutils", "grep", "sed", "procps")


def _place(machine):
    """Where a machine's root is."""
    key = hashlib.sha256(" ".join(NAMES).encode()).hexdigest()[:8]
    return paths.cache() / "root" / f"{machine.debian}-{machine.suite}-{key}"


def _build(machine, root):
    say(f"unpacking Debian's packages for {machine.debian}")
    archive = packages.Archive("debian", (machine.suite,), kinds=("deb",),
                               architecture=machine.debian)
    with tempfile.TemporaryDirectory(dir=root.parent) as new:
        os.chmod(new, 0o755)
        archive.unpack_with_all(NAMES, pathlib.Path(new))
        # What the packages' scripts would make.
        for name, target in (("sh", "dash"), ("awk", "mawk")):
            link = pathlib.Path(new, "usr/bin", name)
            if not link.is_symlink() and not link.exists():
                link.symlink_to(target)
        pathlib.Path(new, "etc").mkdir(exist_ok=True)
        pathlib.Path(new, "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n"
                                                   "nobody:x:65534:65534::/:/bin/sh\n")
        pathlib.Path(new, "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
        for name in ("proc", "sys", "dev", "tmp", "run", "root", "lib/modules"):
            pathlib.Path(new, name).mkdir(exist_ok=True)
        os.rename(new, root)
        os.mkdir(new)


def find(machine):
    """The root of a machine, or None if it has not been made."""
    place = _place(machine)
    return place if place.is_dir() else None


def prepare(machine):
    """The root of a machine, made if it is not there."""
    root = _place(machine)
    with alone(root.parent):
        if not root.is_dir():
            _build(machine, root)
    return root


def main(argv):
    """Print what make is to be told to compile for a machine: NAME=VALUE words."""
    parse = argparse.ArgumentParser(
        prog="sysroot", description="What programs for another machine are linked with.")
    parse.add_argument("arch", choices=[arch.name for arch in arch.ALL.values()
                                        if arch.triplet])
    options = parse.parse_args(argv)
    try:
        print(prepare(arch.named(options.arch)))
    except Trouble as trouble:
        print(f"sysroot: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.argv[0] = "sysroot"
    sys.exit(main(sys.argv[1:]))
