#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Set: debug
# Needs: port-skeleton port-lsi53c895a
"""The tests of the engines' contract fail where they must, and say what is broken.

An engine that does nothing fails all of them; one that works, and is broken at one place,
those that are about it.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import kernels, paths
from lab import unit

PORTS = TOP / "tests/port"
WORK = paths.BUILD / "contract"
KERNEL = kernels.find("")
HEADERS = pathlib.Path("/usr/src") / f"linux-headers-{KERNEL.release}"

# What an engine does wrong: the tests that must fail; [(text of engine_lsi.c, another text)].
BROKEN = {
    "forgets_nothing_that_it_quiesced": (
        {"quiesce_ends_dma", "restart_makes_a_channel_usable"},
        [("\tlsi->issued = 0;\n\tlsi->reaped = 0;\n\tlsi->running = false;\n\n\treturn 0;",
          "\n\treturn 0;")]),
    "takes_back_more_than_is_asked_for": (
        {"reap_takes_each_back_once"},
        [("*moved = min(count, lsi->issued - lsi->reaped);",
          "*moved = lsi->issued - lsi->reaped;")]),
    "takes_back_again": (
        {"issue_takes_descriptors_in_order", "full_channel_interrupts_when_it_is_not"},
        [("lsi->running = false;\n\t}\n", "}\n")]),
    "keeps_interrupts_to_itself": (
        {"interrupts_are_of_their_channel", "full_channel_interrupts_when_it_is_not"},
        [("return engine->client->interrupt(engine, 0) ? IRQ_WAKE_THREAD : IRQ_HANDLED;",
          "return IRQ_HANDLED;")]),
    "moves_a_byte_too_many": (
        {"descriptors_are_of_any_size_and_place"},
        [("LSI_MOVE | descs[i].len)", "LSI_MOVE | (descs[i].len + 1))")]),
    "restarts_without_interrupts": (
        {"restart_makes_a_channel_usable", "channel_recovers_from_what_the_bus_refused"},
        [("\twriteb(LSI_DIEN_ALL, engine->regs + LSI_DIEN);\n", ""),
         ("\tlsi_restart(engine, 0);\n",
          "\tlsi_restart(engine, 0);\n\twriteb(LSI_DIEN_ALL, engine->regs + LSI_DIEN);\n")]),
    "takes_what_is_started_for_ended": (
        {"reap_needs_no_interrupt"},
        [("readb(engine->regs + LSI_ISTAT1) & LSI_ISTAT1_SRUN)\n\t\treturn 0;",
          "false)\n\t\treturn 0;"),
         ("if (dsp != end) {", "if (dsp == 1) {"),
         ("LSI_MAX_MOVES\t\t99U", "LSI_MAX_MOVES\t\t300U")]),
    "does_not_try_its_interrupt": (
        {"start_has_each_channel_interrupt"},
        [("ret = lsi_selftest(engine);", "ret = 0;")]),
}


def results(name, lane, module):
    """{test: what it said, or None if it passed} of a guest that runs the contract's tests."""
    logs = WORK / "logs" / name
    subprocess.run([paths.SCRIPTS / "guest", "--lane", lane, "--timeout", "300", "--log-dir",
                    logs, "--module", module, "--", paths.BUILD / "tests/contract"],
                   check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL,
                   # All of them, whichever of these tests is asked for.
                   env={name: value for name, value in os.environ.items()
                        if name != "EDUDMA_TEST"})
    verdict = json.loads((logs / "result.json").read_text())
    if verdict["verdict"] not in ("pass", "fail"):
        raise AssertionError(f"{verdict['verdict']}: {verdict['reason']}")
    found, said = {}, []
    for line in (logs / "stdout").read_text().splitlines():
        ended = re.match(r"(not )?ok \d+ - engine\.(\w+)", line)
        if ended:
            found[ended[2]] = "\n".join(said) if ended[1] else None
        said = [] if ended else [*said, line]
    return found


def failed(name, lane, module):
    """The names of those that fail; each must say which rule is broken, and how."""
    found = results(name, lane, module)
    for test, said in found.items():
        if said is not None and not re.search(r"^# rule: .+\n# seen: .+", said, re.M):
            raise AssertionError(f"{test} does not say what is broken:\n{said}")
    return set(found), {test for test, said in found.items() if said is not None}


def broken(name, changes):
    """The module of an engine that is broken."""
    port, out = WORK / "port", WORK / "out"
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(PORTS / "lsi53c895a", port, dirs_exist_ok=True)
    shutil.copy(KERNEL.default_module("lsi53c895a"), out)
    text = (port / "engine_lsi.c").read_text()
    for old, new in changes:
        if text.count(old) < 1:
            raise AssertionError(f"{name}: engine_lsi.c has no longer: {old}")
        text = text.replace(old, new)
    (port / "engine_lsi.c").write_text(text)
    done = subprocess.run(
        ["make", "-s", "-C", port, "-f", PORTS / "port.mk", "ENGINE=engine_lsi.o",
         f"OUT={out}", f"KDIR={HEADERS}", "CONFIG_DEBUG_INFO_BTF_MODULES=",
         f"KUNIT={paths.BUILD}/kunit/{KERNEL.release}/Module.symvers", "contract"],
        check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise AssertionError(f"{name}: {done.stdout}")
    return out / "edudma.ko"


class Contract(unittest.TestCase):
    """One test for each broken engine."""

    maxDiff = None

    def test_fails_as_a_whole_for_an_engine_that_does_nothing(self):
        ran, fails = failed("skeleton", "stock", KERNEL.default_module("skeleton"))
        self.assertGreater(len(ran), 10)
        self.assertEqual(ran, fails)


def add(name, expected, changes):
    """The test of a broken engine."""
    def test(self):
        self.assertLessEqual(expected, failed(name, "lsi", broken(name, changes))[1])
    setattr(Contract, f"test_fails_for_an_engine_that_{name}", test)


for each, (tests, texts) in BROKEN.items():
    add(each, tests, texts)
unit.main()
