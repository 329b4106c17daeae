# SPDX-License-Identifier: GPL-2.0-only
"""One run in a guest, and what came of it."""

import json
import os
import re
import shutil
import subprocess

from edudma_guest import paths

PROGRAM = paths.BUILD / "tests/fuzz"
CORPUS = paths.TOP / "tests/fuzz/corpus"
WORK = paths.BUILD / "fuzz"
LICENSE = "# SPDX-License-Identifier: GPL-2.0-only"
# What differs from one run to the next.
NUMBERS = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\b\d+\b")


def outcome(result, said):
    """What went wrong, in words that are the same when it goes wrong again; or ''.

    result is what scripts/guest wrote, said what the fuzzer printed.
    """
    wrong = re.search(r"^# wrong: (.*)$", said, re.M)
    if result["verdict"] == "pass":
        return ""
    reason = result["reason"]
    # The kernel's first words, and not what the fuzzer saw of them.
    if result["verdict"] == "fail" and wrong:
        reason = wrong[1]
    return NUMBERS.sub("N", f"{result['verdict']}: {reason}")


def run(lane, arguments, kernel=None, module=None, quiet=False, timeout=1200):
    """Run the fuzzer; (exit status, outcome)."""
    logs = WORK / "logs"
    share = WORK / "share"
    for directory in (logs, share):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    command = [paths.SCRIPTS / "guest", "--lane", lane, "--timeout", str(timeout),
               "--qmp", "--log-dir", logs, "--share", share,
               *(["--kernel", kernel] if kernel else []),
               *(["--module", module] if module else []),
               "--", PROGRAM, "--wrong", share, *arguments]
    sink = subprocess.DEVNULL if quiet else None
    status = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=sink,
                            stderr=sink).returncode
    result = json.loads((logs / "result.json").read_text())
    said = (logs / "stdout").read_text(errors="replace")
    return status, outcome(result, said)


def new_corpus():
    """The directory in which the guest leaves a corpus."""
    return WORK / "share"


def replace_corpus():
    """Put what the guest left in the place of the corpus."""
    new = sorted(new_corpus().glob("[0-9]*.calls"))
    CORPUS.mkdir(exist_ok=True)
    for old in CORPUS.glob("*.calls"):
        old.unlink()
    for path in new:
        (CORPUS / path.name).write_text(f"{LICENSE}\n{path.read_text()}")
    return len(new)


def default_seed():
    """SEED, or a new one."""
    return os.environ.get("SEED") or str(int.from_bytes(os.urandom(4), "little"))
