#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The driver's layers: an object uses its own layer and lower ones, and none that uses it.

The layers are in driver/Kbuild, a line each, from the highest to the lowest.  What an
object uses is told by its symbols.
"""

import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import unit

DRIVER = TOP / "driver"
LAYERS = ("entry", "request", "buffer", "queue", "engine")
MOST_LINES = 600        # of a file
MOST_LINES_IN_ALL = 11800

Symbols = collections.namedtuple("Symbols", "defined undefined")


def kbuild():
    """[(name, objects)] from the highest layer to the lowest."""
    layers, name = {}, ""
    for line in (DRIVER / "Kbuild").read_text().replace("\\\n", " ").splitlines():
        comment = re.match(r"# *(.*?)(?::|$)", line)
        # A port replaces those of edudma-engine.
        objects = re.match(r"edudma-(?:y|engine) *[:+?]?= *(.*)", line)
        if comment:
            name = comment[1]
        elif objects:
            layers.setdefault(name, []).extend(
                pathlib.Path(file).stem for file in objects[1].split() if file[0] != "$")
    return list(layers.items())


def symbols(path):
    """The global symbols of an object file."""
    found = Symbols(set(), set())
    said = subprocess.run(["nm", "--extern-only", "--format=posix", path], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    for line in said.splitlines():
        name, kind = line.split()[:2]
        (found.undefined if kind in "Uvw" else found.defined).add(name)
    return found


def uses(objects):
    """{object: {object that it uses: a symbol}}."""
    owner = {symbol: name for name, found in objects.items() for symbol in found.defined}
    return {name: {owner[symbol]: symbol for symbol in sorted(found.undefined)
                   if owner.get(symbol, name) != name}
            for name, found in objects.items()}


def upward(layers, objects):
    """What uses a higher layer, in words."""
    height = {name: i for i, (_, names) in enumerate(layers) for name in names}
    return [f"{name}.o uses {other}.o of a higher layer: {symbol}"
            for name, others in uses(objects).items()
            for other, symbol in others.items() if height[other] < height[name]]


def circles(objects):
    """Objects that use each other, by way of others or not, in words."""
    graph = uses(objects)

    def reached(start):
        seen, todo = set(), [start]
        while todo:
            for other in graph[todo.pop()]:
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen

    ways = {name: reached(name) for name in graph}
    found = {tuple(sorted({name} | {other for other in ways[name] if name in ways[other]}))
             for name in graph if name in ways[name]}
    return ["a circle: " + " ".join(f"{name}.o" for name in names) for names in sorted(found)]


class Layers(unittest.TestCase):
    """driver/"""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.layers = kbuild()
        cls.names = [name for _, names in cls.layers for name in names]
        build = pathlib.Path(os.environ.get("EDUDMA_BUILD") or TOP / "build") / "driver"
        release = os.environ.get("KVER") or subprocess.run(
            [TOP / "scripts/kernel", "release"], check=True, stdout=subprocess.PIPE,
            text=True).stdout.strip()
        cls.build = build / release
        subprocess.run(["make", "-C", TOP, "--silent", "module"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                       env={name: value for name, value in os.environ.items()
                            if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
        cls.objects = {name: symbols(cls.build / f"{name}.o") for name in cls.names}

    def test_have_every_file_once(self):
        self.assertEqual(sorted(path.stem for path in DRIVER.glob("*.c")), sorted(self.names))

    def test_have_their_names_in_order(self):
        names = [name for name, _ in self.layers]
        self.assertEqual(list(LAYERS), [name for name in names if name in LAYERS])

    def test_use_no_higher_one(self):
        self.assertEqual([], upward(self.layers, self.objects))

    def test_have_no_circle(self):
        self.assertEqual([], circles(self.objects))

    def test_are_of_small_files(self):
        lines = {path.name: len(path.read_text().splitlines())
                 for path in DRIVER.glob("*.[ch]")}
        self.assertEqual({}, {name: n for name, n in lines.items() if n > MOST_LINES})
        self.assertLessEqual(sum(lines.values()), MOST_LINES_IN_ALL)

    def mutated(self, user, used):
        """The objects, one of which calls a function of another one in addition."""
        symbol = sorted(self.objects[used].defined)[0]
        with tempfile.TemporaryDirectory() as name:
            source = pathlib.Path(name) / "mutant.c"
            source.write_text(f"void {symbol}(void);\nvoid mutant(void);\n"
                              f"void mutant(void) {{ {symbol}(); }}\n")
            subprocess.run(["gcc", "-c", "-w", "mutant.c"], check=True, cwd=name)
            extra = symbols(source.with_suffix(".o"))
        own = self.objects[user]
        return {**self.objects, user: Symbols(own.defined | extra.defined,
                                              own.undefined | extra.undefined)}

    def objects_of(self, layer):
        """The names of a layer's objects that define something."""
        return [name for name in dict(self.layers)[layer] if self.objects[name].defined]

    def test_are_known_from_a_mutant_that_calls_upward(self):
        low, high = self.objects_of("engine")[-1], self.objects_of("entry")[0]
        mutated = self.mutated(low, high)
        self.assertRegex("\n".join(upward(self.layers, mutated)),
                         f"{low}.o uses {high}.o of a higher layer")

    def test_are_known_from_a_mutant_that_calls_in_a_circle(self):
        names = self.objects_of("queue")
        user, used = next((a, b) for a in names for b in uses(self.objects)[a] if b in names)
        self.assertEqual([], upward(self.layers, self.mutated(used, user)))
        self.assertRegex("\n".join(circles(self.mutated(used, user))), f"{user}.o")


if __name__ == "__main__":
    unit.main()
