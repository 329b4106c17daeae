# SPDX-License-Identifier: GPL-2.0-only
"""Labs: a learner is given a driver with a bug, and finds it by what it does.

A lab is a page, docs/labs/NN-NAME.md, a mutant, which is the bug, and what the runner
has to know, tests/labs/NN-NAME.conf with one section [lab]:

  mutant    the bug: tests/mutants/MUTANT.patch, whose reverse is the solution
  minutes   how long a learner takes, roughly
  shows     a regular expression: with the bug, the commands of the page print it, or
            the guest's kernel or the runner does; without the bug nobody does
  lane      where, if not in the mutant's lane
  guest     more options of scripts/guest for these commands
  tests     patterns of tests that the learner's driver must pass, beside the mutant's
  says      lines PATTERN: TEXT: what it means that such a test fails

The commands are the first block below "## See it" in the page.  They run in the guest.
"""

import asyncio
import configparser
import dataclasses
import fcntl
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys

from . import Trouble, lanes, mutants, paths, plan

PAGES = paths.TOP / "docs/labs"
CONFIGURATIONS = paths.TOP / "tests/labs"
WORK = paths.BUILD / "labs"
KEYS = {"mutant", "minutes", "shows", "lane", "guest", "tests", "says"}
# One that hangs its guest is found out in this time.
SECONDS = 300

# What a verdict on the guest means to who wrote the driver.
MEANINGS = {
    "pinned": "User pages are still pinned at the end: somebody has not unpinned them.",
    "leak": "Memory or a DMA mapping is left at the end: somebody has not released it.",
    "residue": "The module cannot be unloaded: somebody still holds a reference.",
    "splat": "The kernel, or QEMU, has complained.",
    "lost": "The guest died.",
    "timeout": "The guest did not come to an end: somebody waits forever.",
    "trouble": "The run could not be made.",
}


@dataclasses.dataclass
class Lab:
    """One of them."""

    name: str                   # NN-NAME
    mutant: mutants.Mutant
    minutes: int
    shows: str
    lane: str
    guest: list
    tests: str
    says: list                  # (pattern, text)

    @property
    def number(self):
        """NN as it is typed."""
        return int(self.name.partition("-")[0])

    @property
    def page(self):
        """What the learner reads."""
        return PAGES / f"{self.name}.md"

    @functools.cached_property
    def title(self):
        """The page's heading without the number."""
        return re.match(r"# \d+\. (.*)", self.page.read_text())[1]

    @property
    def commands(self):
        """What shows the bug."""
        found = re.search(r"^## See it$.*?^```sh$\n(.*?)^```$", self.page.read_text(),
                          re.M | re.S)
        if not found:
            raise Trouble(f"{paths.shown(self.page)}: no commands below '## See it'")
        return found[1]

    @property
    def files(self):
        """The files that the bug is in."""
        return sorted(set(re.findall(r"^\+\+\+ b/driver/(\S+)", self.mutant.patch, re.M)))

    @property
    def directory(self):
        """The learner's own."""
        return WORK / self.name

    @property
    def source(self):
        """The driver that the learner edits."""
        return self.directory / "driver"

    @property
    def module(self):
        """What that was built to."""
        return self.directory / "edudma.ko"

    @property
    def solved(self):
        """Is there if the tests have passed."""
        return self.directory / "solved"

    @property
    def state(self):
        """How far the learner is."""
        return ("solved" if self.solved.exists()
                else "begun" if self.source.exists() else "")


def load(path):
    """Read a lab."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(), source=str(path))
        section = dict(parser["lab"])
        unknown = set(section) - KEYS
        if unknown:
            raise Trouble(f"{paths.shown(path)}: unknown keys: {' '.join(sorted(unknown))}")
        mutant = mutants.load(mutants.DIRECTORY / f"{section['mutant']}.patch")
        said = (line.partition(": ") for line in section.get("says", "").splitlines() if line)
        return Lab(path.stem, mutant, int(section["minutes"]), section["shows"],
                   section.get("lane", mutant.lane), shlex.split(section.get("guest", "")),
                   " ".join([mutant.tests, *section.get("tests", "").split()]),
                   [(pattern.strip(), text) for pattern, _, text in said])
    except (configparser.Error, KeyError, OSError, ValueError) as error:
        raise Trouble(f"{paths.shown(path)}: {error}") from error


def every():
    """All labs in their order."""
    return [load(path) for path in sorted(CONFIGURATIONS.glob("*.conf"))]


def find(number):
    """The lab of this number."""
    for path in CONFIGURATIONS.glob("*.conf"):
        if number.isdigit() and int(path.stem.partition("-")[0]) == int(number):
            return load(path)
    raise Trouble(f"no lab {number}: 'make lab' lists them")


def _make(*targets):
    """Have make build what a lab needs, if it is not there."""
    done = subprocess.run(["make", "-s", "--no-print-directory", "-C", paths.TOP, *targets],
                          check=False, stdout=subprocess.DEVNULL,
                          env={name: value for name, value in os.environ.items()
                               if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    if done.returncode:
        raise Trouble(f"'make {' '.join(targets)}' failed")


def build(lab):
    """The learner's module; Trouble if it does not compile."""
    kernel = mutants.module_target(lab.lane)
    _make("userspace", "tests", *(need for need in plan.needs_of(lanes.load(lab.lane))
                                  if need != kernel))
    # All labs share the objects: only what differs from the last one is compiled.
    objects = WORK / "objects" / kernel
    objects.mkdir(parents=True, exist_ok=True)
    with open(objects / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mutants.sync(lab.source, objects / "driver")
        module = asyncio.run(mutants.build(objects / "driver", objects / "module",
                                           lab.lane))
        shutil.copy(module, lab.module)
    return lab.module


def begin(lab):
    """Make the copy with the bug in it."""
    mutants.make_source(lab.mutant, lab.source)


def reset(lab):
    """Throw the learner's work away."""
    shutil.rmtree(lab.directory, ignore_errors=True)


def show(lab, module):
    """Run the page's commands on the learner's driver; all that was said."""
    logs = lab.directory / "show"
    path = f"{paths.BUILD}/userspace:{paths.SCRIPTS}/lab/inside:{os.environ['PATH']}"
    command = [paths.SCRIPTS / "guest", "--lane", lab.lane, "--module", module,
               "--log-dir", logs, "--env",
               f"PYTHONPATH={paths.BUILD}/userspace/python:{CONFIGURATIONS}",
               *lab.guest, "--", "bash", "-c", f"{lab.commands}exit 0\n"]
    said = []
    with subprocess.Popen([str(word) for word in command], text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=paths.TOP,
                          env={**os.environ, "PATH": path}) as guest:
        for line in guest.stdout:
            print(f"    {line}", end="", flush=True)
            said.append(line)
    said += [(logs / "console").read_text(errors="replace")]
    return "".join(said)


def _texts(lab, outcome):
    """What is wrong with a driver, in words; nothing if all is well."""
    failed = {}
    for name in outcome.failed():
        text = next((text for pattern, text in lab.says if plan.matches(name, pattern)),
                    "A test fails that the driver must pass.")
        failed.setdefault(text, []).append(name)
    for text, names in failed.items():
        more = f" and {len(names) - 1} more" if names[1:] else ""
        yield f"{text} (test {names[0]}{more})"
    if outcome.word in MEANINGS:
        yield f"{MEANINGS[outcome.word]} ({outcome.reason})"
    elif not outcome.failed() and not outcome.passed(lab.tests):
        yield f"No test has run. ({outcome.reason})"


def check(lab, module):
    """Run the tests on the learner's driver; what is wrong, in words."""
    outcome = asyncio.run(mutants.run(lab.lane, lab.tests, lab.directory / "check", module,
                                      SECONDS * lanes.load(lab.lane).patience))
    return list(_texts(lab, outcome))


def _rows():
    """The labs as a table in Markdown."""
    yield "| lab | about | minutes | lane |"
    yield "| --- | --- | --- | --- |"
    for lab in every():
        yield f"| {lab.number} | [{lab.title}]({lab.name}.md) | {lab.minutes} | `{lab.lane}` |"


def _list():
    """The labs, and how far the learner is."""
    for lab in every():
        print(f"{lab.number:3}  {lab.title:50}  {lab.minutes:3} min  {lab.state}".rstrip())
    print("\n'make lab N' begins one; docs/labs/README.md tells how they go.")


def _introduce(lab, new):
    """Where everything is."""
    files = " ".join(paths.shown(lab.source / name) for name in lab.files)
    print(f"Lab {lab.number}: {lab.title}\n\n"
          f"  read   {paths.shown(lab.page)}\n"
          f"  edit   {files}\n"
          f"  then   make lab {lab.number}           shows what your driver does\n"
          f"         make lab {lab.number} CHECK=1   grades it\n"
          f"  or     export EDUDMA_MODULE={lab.module}\n"
          f"         make shell LANE={lab.lane}    a shell, with your driver loaded\n")
    if not new:
        print(f"This is your work as it is; 'make lab {lab.number} RESET=1' begins anew.\n")


def _begin(lab):
    """Begin or go on, and show what the driver does."""
    new = not lab.source.exists()
    if new:
        begin(lab)
    _introduce(lab, new)
    module = build(lab)
    print(f"In the guest (lane {lab.lane}):\n", flush=True)
    show(lab, module)
    print(f"\nThe question, and what to look at: {paths.shown(lab.page)}")
    return 0


def _check(lab):
    """Grade."""
    if not lab.source.exists():
        raise Trouble(f"lab {lab.number} is not begun: 'make lab {lab.number}' begins it")
    lab.solved.unlink(missing_ok=True)
    wrong = check(lab, build(lab))
    if not wrong:
        lab.solved.touch()
        print(f"Lab {lab.number} is solved.")
        return 0
    print(f"Lab {lab.number}: not yet.")
    for text in wrong:
        print(f"  - {text}")
    print(f"The tests' output is in {paths.shown(lab.directory / 'check')}/; "
          f"hints are in {paths.shown(lab.page)}")
    return 1


def main(arguments, usage):
    """The program; of a check, the status is 0 only if the lab is solved."""
    numbers = [word for word in arguments if not word.startswith("-")]
    options = set(arguments) - set(numbers)
    if len(numbers) > 1 or options - {"--check", "--reset", "--table"}:
        print(usage.strip())
        return 0 if options == {"--help"} else 2
    try:
        if "--table" in options:
            print("\n".join(_rows()))
            return 0
        if not numbers:
            if options:
                raise Trouble("which lab? 'make lab' lists them")
            _list()
            return 0
        lab = find(numbers[0])
        if "--reset" in options:
            reset(lab)
        return _check(lab) if "--check" in options else _begin(lab)
    except Trouble as trouble:
        print(f"lab: {trouble}", file=sys.stderr)
        return 1
