#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""C is written as the kernel's checkpatch wants it, and in QEMU's parts QEMU's.

What is found nevertheless and is right stands in checkpatch.allow, with the reason.
"""

import collections
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import paths as places
from lab import tap

ALLOWED = TOP / "tests/host/check/checkpatch.allow"

# What either says in its terse form: the kernel's names the kind of finding.
FINDING = re.compile(r"^(?P<path>[^:]+):\d+: (?:ERROR|WARNING|CHECK):"
                     r"(?:(?P<kind>[A-Z0-9_]+):)? ?(?P<text>.*)$")


class Allowed:
    """A line of checkpatch.allow."""

    def __init__(self, line):
        self.line = line
        self.path, self.kind, self.reason = line.split(": ", 2)
        # Some versions find it, others do not.
        self.used = self.reason.startswith("sometimes: ")

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


def says(script, options, paths):
    """The lines that a checkpatch prints."""
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
    if done.returncode and not done.stdout:
        return [f"{script}: exit status {done.returncode}"]
    return done.stdout.splitlines()


class Known:
    """What it said of files as they are: it looks at each by itself."""

    def __init__(self, script, options):
        self.about = repr((script, options)).encode()
        directory = places.BUILD / "check/checkpatch"
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / hashlib.sha256(self.about).hexdigest()
        self.lines = json.loads(self.file.read_text()) if self.file.exists() else {}

    def key(self, path):
        """What its answer depends on."""
        return hashlib.sha256(path.encode() + (TOP / path).read_bytes()).hexdigest()

    def keep(self, paths, found):
        """These, and no others any more."""
        self.lines = {self.key(path): [match[0] for match in found[path]]
                      for path in paths}
        new = self.file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(self.lines))
        new.rename(self.file)


def findings(script, options, paths):
    """path -> matches of FINDING, of what a checkpatch finds; None -> other lines."""
    known = Known(script, options)
    lines = [line for path in paths for line in known.lines.get(known.key(path), [])]
    changed = [path for path in paths if known.key(path) not in known.lines]
    if changed:
        lines += says(script, options, changed)
    found = collections.defaultdict(list)
    for line in lines:
        match = FINDING.match(line)
        if match:
            found[match["path"]].append(match)
        else:
            found[None].append(line)
    if not found[None]:
        known.keep(paths, found)
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
    qemu = sources("qemu", "tests/host/qemu")
    kernel = [path for path in sources("driver", "uapi", "userspace", "scripts", "tests")
              if path not in qemu]
    started = time.monotonic()
    found = findings(output("scripts/kernel", "source") + "/scripts/checkpatch.pl",
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
