#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""C is written as the kernel's checkpatch wants it, and in QEMU's parts QEMU's.

What is found nevertheless and is right stands in checkpatch.allow, with the reason.
"""

import collections
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))

from edudma_test import tap

ALLOWED = TOP / "tests/check/checkpatch.allow"

# What either says in its terse form: the kernel's names the kind of finding.
FINDING = re.compile(r"^(?P<path>[^:]+):\d+: (?:ERROR|WARNING|CHECK):"
                     r"(?:(?P<kind>[A-Z0-9_]+):)? ?(?P<text>.*)$")


class Allowed:
    """A line of checkpatch.allow."""

    def __init__(self, line):
        self.line = line
        self.path, self.kind, self.reason = line.split(": ", 2)
        self.used = False

    def covers(self, finding):
        """Is this it?  QEMU's have no kind, but a text to begin with."""
        if not fnmatch.fnmatchcase(finding["path"], self.path):
            return False
        if finding["kind"] != self.kind and not (
                finding["kind"] is None and finding["text"].startswith(self.kind)):
            return False
        self.used = True
        return True


def output(*command):
    """What a program of ours prints."""
    return subprocess.run(command, check=True, text=True, cwd=TOP,
                          stdout=subprocess.PIPE).stdout.strip()


def findings(script, options, paths):
    """path -> lines, of what a checkpatch finds."""
    with tempfile.TemporaryDirectory() as root:
        # It looks here for names in mixed case, and leaves notes here.
        pathlib.Path(root, "include").mkdir()
        for name in {path.split("/")[0] for path in paths}:
            pathlib.Path(root, name).symlink_to(TOP / name)
        done = subprocess.run(
            ["perl", script, "--no-tree", "--root=.", "--terse", "--no-summary",
             "--strict", *options, "-f", *paths], check=False, text=True, cwd=root,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "GIT_DIR": "/nonexistent"})
    found = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        match = FINDING.match(line)
        if match:
            found[match["path"]].append(match)
        else:
            found[None].append(line)
    if done.returncode and not found:
        found[None].append(f"{script}: exit status {done.returncode}")
    return found


def sources(*directories):
    """All C files in these directories and two below."""
    return sorted(str(path.relative_to(TOP)) for directory in directories
                  for pattern in ("*.[ch]", "*/*.[ch]", "*/*/*.[ch]")
                  for path in (TOP / directory).glob(pattern))


def main():
    """The program."""
    allowed = [Allowed(line) for line in ALLOWED.read_text().splitlines()
               if line and not line.startswith("#")]
    qemu = sources("qemu", "tests/qemu")
    kernel = [path for path in sources("driver", "uapi", "userspace", "scripts", "tests")
              if path not in qemu]
    started = time.monotonic()
    found = findings(output("scripts/kernel-tools") + "/checkpatch.pl",
                     ["--show-types"], kernel)
    found_qemu = findings(output("scripts/qemu", "source") + "/scripts/checkpatch.pl",
                          [], qemu)
    failures = {path: [match[0] for match in found[path] + found_qemu[path]
                       if not any([one.covers(match) for one in allowed])]
                for path in kernel + qemu}
    failures["nothing else is said"] = found[None] + found_qemu[None]
    failures["what is allowed occurs"] = [one.line for one in allowed if not one.used]
    for number, (name, lines) in enumerate(failures.items(), 1):
        print(tap.Test(not lines, name=name).line(number))
        for line in lines:
            print(f"# {line}")
    print(f"1..{len(failures)}")
    print(f"# {(time.monotonic() - started) * 1000:.0f} ms")
    return 1 if any(failures.values()) else 0


sys.exit(main())
