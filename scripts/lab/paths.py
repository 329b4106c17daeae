# SPDX-License-Identifier: GPL-2.0-only
"""Where things are."""

import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = TOP / "scripts"
LANES = TOP / "tests/lanes"
BUILD = pathlib.Path(os.environ.get("EDUDMA_BUILD") or TOP / "build").absolute()
RUNS = BUILD / "runs"


def cache():
    """The same as cache_dir in scripts/lib.sh."""
    named = os.environ.get("EDUDMA_CACHE")
    if named:
        return pathlib.Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "edudma"


def shown(path):
    """A path as short as it can be said from where the caller stands."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("../..") else relative
