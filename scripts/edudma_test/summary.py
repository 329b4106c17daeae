# SPDX-License-Identifier: GPL-2.0-only
"""The table at the end, and the numbers."""

import json

from edudma_guest import paths

from . import tap

RESULTS = paths.BUILD / "results"


class Result:
    """What one of prove's tests left in results/NAME/."""

    def __init__(self, name):
        self.name = name
        self.logs = RESULTS / name
        text = self._text("tap")
        self.stream = tap.Stream.of(text)
        self.ended = json.loads(self._text("ended.json") or "{}")
        self.run = json.loads(self._text("result.json") or "{}")

    def _text(self, name):
        try:
            return (self.logs / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def verdict(self):
        """In a word."""
        if not self.ended:
            return "not ended"
        broken = self.stream.broken()
        if self.run:
            return self.run["verdict"]
        return "fail" if broken or self.ended["status"] or self.count()[1] else "pass"

    def count(self):
        """(passed, failed, skipped); what did not end, failed."""
        passed, failed, skipped = self.stream.count()
        wrong = (not self.ended or self.ended["status"] or self.stream.broken())
        if wrong and not failed:
            failed = 1
        return passed, failed, skipped


def table(results):
    """Lines for people."""
    width = max(len(result.name) for result in results)
    yield (f"{'test':{width}}  {'verdict':9}  passed  failed  skipped  seconds  logs")
    for result in results:
        passed, failed, skipped = result.count()
        seconds = result.ended.get("seconds", 0)
        yield (f"{result.name:{width}}  {result.verdict():9}  {passed:6}  {failed:6}"
               f"  {skipped:7}  {seconds:7.1f}  {paths.shown(result.logs)}")


def totals(results):
    """(passed, failed, skipped) of all."""
    counts = [result.count() for result in results]
    return tuple(sum(column) for column in zip(*counts)) if counts else (0, 0, 0)
