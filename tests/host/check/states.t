#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The pictures of the driver's states in the documents are those of its tables.

Called with an argument it prints the pictures, for docs/architecture.md.
"""

import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import unit

KINDS = ("job", "grant", "queue")


def picture(kind):
    """The state diagram of one table, in Mermaid's words."""
    source = (TOP / "driver/states.c").read_text()
    table = re.search(rf"edudma_{kind}_changes\[\] = {{(.*?)}};", source, re.S)[1]
    name = rf"EDUDMA_{kind.upper()}_(\w+)"
    lines = ["```mermaid", "stateDiagram-v2"]
    for row in re.finditer(rf"\[{name}\] = (.*?)(?=\n\t\[|\Z)", table, re.S):
        lines += [f"    {row[1].lower()} --> {to.lower()}"
                  for to in re.findall(rf"BIT\({name}\)", row[2])]
    return "\n".join(lines + ["```"])


def pictures():
    """All of them, as they stand between the markers."""
    return "\n\n".join(f"A {kind}:\n\n{picture(kind)}" for kind in KINDS) + "\n"


class States(unittest.TestCase):
    """Of jobs, grants and queues."""

    def test_are_drawn_as_they_are(self):
        text = (TOP / "docs/architecture.md").read_text()
        drawn = re.search(r"<!-- states -->\n(.*?)<!-- /states -->", text, re.S)
        self.assertIsNotNone(drawn, "docs/architecture.md has no <!-- states -->")
        self.assertEqual(pictures(), drawn[1])

    def test_have_a_row_for_each(self):
        source = (TOP / "driver/states.c").read_text()
        header = (TOP / "driver/queue.h").read_text()
        for kind in KINDS:
            states = re.search(rf"enum edudma_{kind}_state {{(.*?)}};", header, re.S)[1]
            for state in re.findall(r"EDUDMA_\w+", states):
                self.assertIn(f"[{state}] =", source)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(pictures(), end="")
    else:
        unit.main()
