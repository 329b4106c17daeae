# SPDX-License-Identifier: GPL-2.0-only
"""The table at the end, and the numbers."""

import json

from edudma_guest import paths

from . import tap


class Result:
    """What one of prove's tests left in its directory."""

    def __init__(self, logs):
        self.name = logs.name
        self.logs = logs
        self.text = self._text("tap")
        self.stream = tap.Stream.of(self.text)
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
        word = self.run.get("verdict", "pass")
        return "fail" if word == "pass" and self.count()[1] else word

    def count(self):
        """(passed, failed, skipped); what did not end, failed."""
        passed, failed, skipped = self.stream.count()
        wrong = (not self.ended or self.ended["status"] or self.stream.broken())
        if wrong and not failed:
            failed = 1
        return passed, failed, skipped


# Of what a test said before it failed, and of what follows it.
EXCERPT = 30


def failures(result):
    """Lines that tell the failed tests of a result, with what they said.

    A harness prints a test's messages before its line, unittest after it.
    """
    said = []
    after = False
    for line in result.text.splitlines():
        test = tap.parse_test(line)
        if not test:
            said.append(line)
            if after and line.startswith("#"):
                yield f"    {line}"
            continue
        after = not test.ok
        if after:
            yield f"FAILED {result.name}: {line}"
            yield from (f"    {words}" for words in said[-EXCERPT:])
        said = []
    broken = result.stream.broken()
    if broken:
        yield f"FAILED {result.name}: {broken}"


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
