# SPDX-License-Identifier: GPL-2.0-only
"""What was counted, line by line."""

import collections
import dataclasses
import json
import pathlib
import subprocess

from edudma_guest import Trouble, paths

DRIVER = paths.TOP / "driver"


@dataclasses.dataclass(frozen=True)
class Line:
    """A line with code, as it is found again after others have changed."""

    file: str
    function: str
    text: str

    def __str__(self):
        return f"{self.file} {self.function}: {self.text}"


def _gcov(counts):
    """gcov's own words on each object."""
    objects = sorted(path.name for path in counts.glob("*.gcda"))
    if not objects:
        raise Trouble(f"{counts}: nothing was counted")
    done = subprocess.run(["gcov", "--json-format", "--stdout", *objects], cwd=counts,
                          check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    if done.returncode:
        raise Trouble(f"gcov: {done.stderr.strip()}")
    # A document a line, one for each object.
    return [json.loads(line) for line in done.stdout.splitlines() if line]


class Counts:
    """(file, number) -> how often, and the function that it is in."""

    def __init__(self):
        self.counts = collections.Counter()
        self.functions = {}

    def add(self, counts):
        """Take what one run has counted."""
        for document in _gcov(counts):
            for file in document["files"]:
                name = pathlib.Path(file["file"]).name
                if not (DRIVER / name).exists():
                    continue
                for line in file["lines"]:
                    key = (name, line["line_number"])
                    self.counts[key] += line["count"]
                    self.functions.setdefault(key, line.get("function_name", ""))

    def lines(self):
        """Line -> how often; of equal ones in a function the one least often."""
        texts = {}
        found = {}
        for (name, number), count in sorted(self.counts.items()):
            if name not in texts:
                texts[name] = (DRIVER / name).read_text().splitlines()
            line = Line(name, self.functions[name, number],
                        " ".join(texts[name][number - 1].split()))
            found[line] = min(count, found.get(line, count))
        return found

    def files(self):
        """file -> (lines reached, lines with code)."""
        reached, every = collections.Counter(), collections.Counter()
        for (name, _), count in self.counts.items():
            every[name] += 1
            reached[name] += count > 0
        return {name: (reached[name], every[name]) for name in sorted(every)}
