#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Python's own compiler takes all of it, without a warning."""

import pathlib
import sys
import warnings

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import tap


def is_python(path):
    """By its name or its first line."""
    if path.suffix == ".py":
        return True
    with open(path, "rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and b"python" in first


def complaint(path):
    """What the compiler says, or ''."""
    try:
        compile(path.read_bytes(), str(path), "exec")
    except SyntaxError as error:
        return f"{error}, {error.filename}:{error.lineno}"
    return ""


def main():
    """The program."""
    warnings.simplefilter("error")
    number = 0
    for pattern in ("scripts/*", "scripts/*/*", "scripts/*/*/*", "tests/*/*", "tests/*/*/*"):
        for path in sorted(TOP.glob(pattern)):
            if not path.is_file() or not is_python(path):
                continue
            number += 1
            said = complaint(path)
            print(tap.Test(not said, name=path.relative_to(TOP)).line(number))
            if said:
                print(f"# {said}")
    print(f"1..{number}")


main()
