# SPDX-License-Identifier: GPL-2.0-only
"""Fewer calls that still go wrong."""


def calls_of(text):
    """The calls of a program: its lines but for remarks."""
    return [line for line in text.splitlines() if line.strip() and line[0] != "#"]


def minimise(calls, goes_wrong):
    """The calls, without those that it goes wrong without.

    goes_wrong(calls) is asked for ever smaller pieces: halves, quarters, at last
    single calls; what it goes wrong without is left out at once.  In the end no
    call can be left out alone.
    """
    size = max(1, len(calls) // 2)
    while True:
        at, before = 0, len(calls)
        while at < len(calls):
            fewer = calls[:at] + calls[at + size:]
            if fewer and goes_wrong(fewer):
                calls = fewer
            else:
                at += size
        if size > 1:
            size //= 2
        elif len(calls) == before:
            return calls
