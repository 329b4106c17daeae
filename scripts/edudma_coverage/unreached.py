# SPDX-License-Identifier: GPL-2.0-only
"""The lines that nothing reaches, each with its reason.

The file has groups, REASON lines that begin at the margin and below them the
lines in question, indented, as FILE FUNCTION: TEXT.  A reason that begins with
`sometimes:` is for what is reached in some runs and not in others.  What stands
below any other must not be reached.
"""

from .lines import Line

SOMETIMES = "sometimes:"


def parse(text):
    """Line -> may it be reached?"""
    listed = {}
    sometimes = False
    for row in text.splitlines():
        if not row.strip() or row[0] == "#":
            continue
        if not row[0].isspace():
            sometimes = row.startswith(SOMETIMES)
            continue
        place, _, code = row.strip().partition(": ")
        file, _, function = place.partition(" ")
        listed[Line(file, function, code)] = sometimes
    return listed


def wrong(listed, counts):
    """What is wrong, a text each: with the list, or with what was reached."""
    for line, sometimes in listed.items():
        if line not in counts:
            yield f"is listed, and is no line of the driver: {line}"
        elif counts[line] and not sometimes:
            yield f"is listed, and was reached: {line}"
    for line, count in counts.items():
        if not count and line not in listed:
            yield f"was not reached, and is not listed: {line}"
