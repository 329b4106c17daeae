#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Set: debug
# Needs: kernel-6.1+debug kernel-6.1+kcsan
"""The debug kernels' detectors work: each catches a driver that is broken so.

A broken driver is a patch, tests/detectors/NAME.patch, below a header like a
letter's:

  SPDX-License-Identifier: GPL-2.0-only
  Broken: what it does wrong
  Lane: whose kernel and machine it runs on
  Caught: a regular expression; the guest's verdict must say so

The driver as it is must pass where the broken ones are caught.
"""

import email
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts"))

from lab import kernels, lanes, paths
from lab import unit

FIELDS = {"SPDX-License-Identifier", "Broken", "Lane", "Caught"}
WORK = paths.BUILD / "detectors"


def run(*command, text=None):
    """Run a command that must not fail; otherwise say what it said."""
    done = subprocess.run([str(word) for word in command], input=text, text=True,
                          check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise AssertionError(f"{command[0]} failed:\n{done.stdout}")


def build(name, lane, patch=""):
    """The module of a patched driver for a lane's kernel."""
    kernel = kernels.find(lanes.load(lane).kernel)
    work = WORK / f"{kernel.release}-{name}"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(paths.TOP / "driver", work / "driver")
    if patch:
        run("patch", "--batch", "--fuzz=0", "--strip=1", f"--directory={work}",
            text=patch)
    run("make", "-C", kernel.modules / "build", f"M={work}/driver",
        f"KCFLAGS=-I{paths.TOP}/uapi", "modules")
    return work / "driver/edudma.ko"


def verdict(name, lane, module):
    """What the runner says of a guest that uses the device once."""
    logs = WORK / "logs" / f"{lane}-{name}"
    subprocess.run([paths.SCRIPTS / "guest", "--lane", lane, "--timeout", "600",
                    "--log-dir", logs, "--module", module, "--",
                    HERE / "use-the-device"], check=False,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    result = json.loads((logs / "result.json").read_text())
    return f"{result['verdict']}: {result['reason']}".removesuffix(": ")


class Detectors(unittest.TestCase):
    """One test for each broken driver, and one for the driver as it is."""


def add_broken(path):
    """The test of a broken driver."""
    letter = email.message_from_string(path.read_text())

    def test(self):
        self.assertEqual(FIELDS, set(letter.keys()))
        module = build(path.stem, letter["Lane"], letter.get_payload())
        self.assertRegex(verdict(path.stem, letter["Lane"], module), letter["Caught"])
    setattr(Detectors, f"test_{path.stem}", test)
    return letter["Lane"]


def add_sound(lane):
    """The test of the driver as it is."""
    def test(self):
        self.assertEqual("pass", verdict("sound", lane, build("sound", lane)))
    setattr(Detectors, f"test_sound_in_{lane}", test)


for used in sorted({add_broken(path) for path in sorted((paths.TOP / "tests/detectors").glob("*.patch"))}):
    add_sound(used)
unit.main()
