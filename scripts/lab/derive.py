# SPDX-License-Identifier: GPL-2.0-only
"""Which tests a lane adds to the lanes that run everything, the references.

For each other lane there are these groups, which may overlap:

  code      a smallest choice, by cost, of tests that together reach all lines which
            are reached in the lane and in no reference
  paths     the same for paths: the set of lines of one function that a test
            reaches, where no test reaches just that set in a reference
  mutants   tests that a mutant names which has this lane
  only      tests that are run here, and in no reference, or are skipped there
  differs   tests that do not reach the same lines here as in the lane's reference
  changes   a smallest choice of these, in which each such line differs once
  kept      `mutants`, `only`, and a smallest choice for the added lines that these
            do not reach
  least     the same for all of these lanes together, a line that is reached in one of
            them being left out in the others; without tests of mutants that can be
            tried in a reference, because the tests that they name reach there what
            they change

A path depends on how threads meet and on what the kernel does in the meantime, so
`paths`, `differs` and `changes` are there to choose from; the others are derived.
"""

import dataclasses
import functools
import json
import re

from . import Trouble, by_test, coverage, lanes, mutants, plan
from .coverage import Line

REFERENCES = ("stock", "ring")
# What a test costs at least: it is started, and its device is opened.
LEAST_SECONDS = 0.02
# How many tests a reference's list of the slowest has.
SLOWEST = 20
_HUNK = re.compile(r"@@ -(\d+)")


def reference_of(lane):
    """The reference that is most like a lane: the one with the same engine."""
    settings = lanes.load(lane)
    ring = settings.edu.startswith("edu-sg") and "ring=0" not in settings.params
    return "ring" if ring else "stock"


def greedy(reached, costs):
    """Few and cheap of the keys whose sets together are all of the sets' members.

    Each time the one that brings the most for its cost, then without those that
    the others make superfluous.
    """
    left = frozenset().union(*reached.values())
    chosen = []
    while left:
        best = max(sorted(reached), key=lambda key: len(reached[key] & left) / costs[key])
        chosen.append(best)
        left -= reached[best]
    for key in sorted(chosen, key=lambda key: -costs[key]):
        others = [reached[other] for other in chosen if other != key]
        if reached[key] <= set().union(*others):
            chosen.remove(key)
    return chosen


@dataclasses.dataclass
class Lane:
    """A lane's tests, as they were run one by one."""

    name: str
    tests: dict                 # of RESULT

    @functools.cached_property
    def ran(self):
        """test -> lines, of those that were not skipped."""
        return {name: frozenset(test["lines"]) for name, test in self.tests.items()
                if test["result"] != "skip"}

    @functools.cached_property
    def reached(self):
        """All lines."""
        return frozenset().union(*self.ran.values())

    def reached_by(self, patterns):
        """The lines that tests of these names reach."""
        return frozenset().union(*(lines for name, lines in self.ran.items()
                                   if plan.matches(name, patterns)))

    def seconds(self, names=None):
        """What these tests take, or all."""
        return sum(self.tests[name]["host_seconds"]
                   for name in (self.tests if names is None else names))

    @functools.cached_property
    def costs(self):
        """test -> what it takes, for a choice."""
        return {name: max(test["host_seconds"], LEAST_SECONDS)
                for name, test in self.tests.items()}


class Measured:
    """Everything that was measured."""

    def __init__(self):
        if not by_test.RESULT.exists():
            raise Trouble("nothing was measured: scripts/coverage --by-test")
        found = json.loads(by_test.RESULT.read_text())
        if found["driver"] != by_test.digest():
            raise Trouble("the driver has changed since: scripts/coverage --by-test")
        self.lines = [tuple(line) for line in found["lines"]]
        self.lanes = {name: Lane(name, tests) for name, tests in found["lanes"].items()}
        missing = [name for name in REFERENCES if name not in self.lanes]
        if missing:
            raise Trouble(f"not measured: {' '.join(missing)}")

    def others(self):
        """Those that are no references."""
        return [name for name in self.lanes if name not in REFERENCES]

    @functools.cached_property
    def referred(self):
        """All lines that a reference reaches."""
        return frozenset().union(*(self.lanes[name].reached for name in REFERENCES))

    @functools.cached_property
    def chance(self):
        """Lines that are reached in some runs and not in others, by the list."""
        listed = coverage.load_unreached()
        return {at for at, (file, _, function, text) in enumerate(self.lines)
                if listed.get(Line(file, function, text))}

    def paths(self, reached):
        """(file, function) and those of its lines that were reached."""
        found = {}
        for at in reached:
            file, _, function, _ = self.lines[at]
            found.setdefault((file, function), []).append(at)
        return {(*key, frozenset(of)) for key, of in found.items()}

    @functools.cached_property
    def referred_paths(self):
        """All paths that are taken in a reference."""
        return set().union(*(self.paths(reached) for name in REFERENCES
                             for reached in self.lanes[name].ran.values()))

    def changed(self, mutant):
        """The lines that a mutant changes, or that stand beside what it puts in."""
        wanted = set()
        file, number = "", 0
        for row in mutant.patch.splitlines():
            if row.startswith("--- a/"):
                file = row.rpartition("/")[2]
            elif row.startswith("@@"):
                number = int(_HUNK.match(row)[1])
            elif row.startswith(("-", "+")) and not row.startswith(("---", "+++")):
                wanted |= {(file, number), (file, number - 1)}
                number += row[0] == "-"
            elif row.startswith(" ") or not row:
                number += 1
        return frozenset(at for at, line in enumerate(self.lines) if line[:2] in wanted)

    def shown(self, at):
        """A line, for people."""
        file, number, function, text = self.lines[at]
        return f"{file}:{number} {function}: {text}"


class Derivation:
    """What one lane adds."""

    def __init__(self, measured, lane):
        self.measured = measured
        self.lane = measured.lanes[lane]
        self.reference = measured.lanes[reference_of(lane)]
        self.adds = self.lane.reached - measured.referred

    @functools.cached_property
    def alone(self):
        """Added lines that no other lane reaches."""
        return self.adds.difference(*(self.measured.lanes[name].reached
                                      for name in self.measured.lanes
                                      if name != self.lane.name))

    @functools.cached_property
    def code(self):
        """The group `code`."""
        return greedy({name: reached & self.adds
                       for name, reached in self.lane.ran.items()}, self.lane.costs)

    @functools.cached_property
    def new_paths(self):
        """test -> paths that no reference takes."""
        found = {name: self.measured.paths(reached) - self.measured.referred_paths
                 for name, reached in self.lane.ran.items()}
        return {name: paths for name, paths in found.items() if paths}

    @functools.cached_property
    def paths(self):
        """The group `paths`."""
        return greedy(self.new_paths, self.lane.costs) if self.new_paths else []

    @functools.cached_property
    def _mutants(self):
        """The lane's mutants."""
        return [mutant for mutant in mutants.wanted("") if mutant.lane == self.lane.name]

    @functools.cached_property
    def mutants(self):
        """The group `mutants`: test -> names of the mutants."""
        found = {}
        for mutant in self._mutants:
            for name in self.lane.tests:
                if plan.matches(name, mutant.tests):
                    found.setdefault(name, []).append(mutant.name)
        return found

    @functools.cached_property
    def movable(self):
        """mutant -> the reference that it can be tried in as well."""
        found = {}
        for mutant in self._mutants:
            changed = self.measured.changed(mutant)
            here = self.lane.reached_by(mutant.tests) & changed
            for reference in REFERENCES:
                there = self.measured.lanes[reference].reached_by(mutant.tests)
                if here and here <= there:
                    found.setdefault(mutant.name, reference)
        return found

    @functools.cached_property
    def bound(self):
        """Tests of mutants that can be tried in no reference."""
        return [name for name, of in self.mutants.items()
                if not set(of) <= set(self.movable)]

    @functools.cached_property
    def only(self):
        """The group `only`."""
        return [name for name in self.lane.ran
                if not any(name in self.measured.lanes[reference].ran
                           for reference in REFERENCES)]

    @functools.cached_property
    def differs(self):
        """The group `differs`: test -> (lines only here, lines only there)."""
        return {name: (reached - self.reference.ran[name],
                       self.reference.ran[name] - reached)
                for name, reached in self.lane.ran.items()
                if reached != self.reference.ran.get(name, reached)}

    @functools.cached_property
    def changes(self):
        """The group `changes`."""
        return greedy({name: {*((at, True) for at in here), *((at, False) for at in there)}
                       for name, (here, there) in self.differs.items()}, self.lane.costs)

    def left(self, reached):
        """test -> lines that it adds, but for those that others reach."""
        return {name: (lines & self.adds) - reached
                for name, lines in self.lane.ran.items()}

    def kept_with(self, needed, chosen):
        """The tests that are needed and those chosen, in order."""
        wanted = {*needed, *chosen}
        return [name for name in self.lane.tests if name in wanted]

    @functools.cached_property
    def kept(self):
        """The group `kept`."""
        needed = {*self.mutants, *self.only}
        reached = frozenset().union(*(self.lane.ran.get(name, ()) for name in needed))
        return self.kept_with(needed, greedy(self.left(reached), self.lane.costs))

    def row(self, smallest):
        """The lane in a table."""
        lane = self.lane
        groups = (self.code, self.mutants, self.only, self.kept, smallest, self.paths,
                  self.differs, self.changes)
        return (f"{lane.name:10} {len(lane.ran):5} {lane.seconds():6.0f}"
                f" {len(self.adds):6} {len(self.alone):6} "
                + " ".join(f"{len(names):5} {lane.seconds(names):6.1f}" for names in groups))

    def _named(self, title, names, remark):
        yield f"  {title}: {len(names)} tests, {self.lane.seconds(names):.1f} s"
        for name in names:
            seconds = self.lane.tests[name]["host_seconds"]
            yield f"    {seconds:6.2f} s  {name}  {remark(name)}".rstrip()

    def report(self, smallest):
        """All about the lane, line by line."""
        yield f"{self.lane.name}, reference {self.reference.name}"
        yield f"  lines that no reference reaches: {len(self.adds)}"
        for at in sorted(self.adds, key=lambda at: self.measured.lines[at]):
            reaching = sum(at in reached for reached in self.lane.ran.values())
            words = "".join((", here alone" if at in self.alone else "",
                             ", by chance" if at in self.measured.chance else ""))
            yield f"    {self.measured.shown(at)}  ({reaching} tests{words})"
        yield from self._named(
            "code", self.code, lambda name: f"{len(self.lane.ran[name] & self.adds)} lines")
        yield from self._named("mutants", list(self.mutants),
                               lambda name: " ".join(self.mutants[name]))
        for name, reference in self.movable.items():
            yield f"    mutant {name} can be tried in {reference}"
        yield from self._named("only", self.only, lambda name: "")
        yield from self._named("kept", self.kept, lambda name: "")
        yield from self._named("least", smallest, lambda name: "")
        yield from self._named("paths", self.paths, lambda name: " ".join(
            sorted(function for _, function, _ in self.new_paths[name])))
        for title, names in (("changes", self.changes), ("differs", list(self.differs))):
            yield from self._named(title, names, lambda name: "+{} -{}".format(
                *map(len, self.differs[name])))
        yield ""


def least(derived):
    """lane -> the group `least`."""
    needed = {one.lane.name: {*one.bound, *one.only} for one in derived}
    reached = frozenset().union(*(one.lane.ran.get(name, ()) for one in derived
                                  for name in needed[one.lane.name]))
    sets, costs = {}, {}
    for one in derived:
        for name, left in one.left(reached).items():
            sets[one.lane.name, name] = left
            costs[one.lane.name, name] = one.lane.costs[name]
    chosen = greedy(sets, costs)
    return {one.lane.name: one.kept_with(needed[one.lane.name],
                                         [name for lane, name in chosen
                                          if lane == one.lane.name])
            for one in derived}


def _slowest(lane):
    """The slowest tests of a lane, line by line."""
    yield f"{lane.name}, the slowest of all"
    names = sorted(lane.tests, key=lambda name: -lane.tests[name]["host_seconds"])
    for name in names[:SLOWEST]:
        yield f"    {lane.tests[name]['host_seconds']:6.2f} s  {name}"
    yield ""


GROUPS = ("code", "mutants", "only", "kept", "least", "paths", "differs", "changes")
HEADING = (f"{'':23} {'lines added':13} {' '.join(f'{group:12}' for group in GROUPS)}\n"
           f"{'lane':10} {'tests':5} {'s':>6} {'all':>6} {'alone':>6} "
           + " ".join(f"{'tests':>5} {'s':>6}" for _ in GROUPS))


def report(chosen):
    """The derivation for lanes that were measured, or for all, line by line."""
    measured = Measured()
    unknown = [name for name in chosen if name not in measured.lanes]
    if unknown:
        raise Trouble(f"not measured: {' '.join(unknown)}")
    derived = [Derivation(measured, name) for name in chosen or measured.others()
               if name not in REFERENCES]
    smallest = least(derived)
    for one in derived:
        yield from one.report(smallest[one.lane.name])
    for name in REFERENCES:
        yield from _slowest(measured.lanes[name])
    yield HEADING
    for name in REFERENCES:
        lane = measured.lanes[name]
        yield f"{name:10} {len(lane.ran):5} {lane.seconds():6.0f}   all are kept"
    for one in derived:
        yield one.row(smallest[one.lane.name])
