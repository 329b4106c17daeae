# SPDX-License-Identifier: GPL-2.0-only
"""The directory that a run leaves."""

import datetime
import json
import os
import pathlib
import shutil

from . import paths

KEPT = 40


def create(lane, where=None):
    """A new directory for a run of this lane."""
    if where:
        path = pathlib.Path(where).absolute()
        path.mkdir(parents=True, exist_ok=True)
        # An earlier run's must not pass for this one's.
        for name in ("result.json", "console"):
            (path / name).unlink(missing_ok=True)
        return path
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    paths.RUNS.mkdir(parents=True, exist_ok=True)
    prune()
    path = paths.RUNS / f"{now}-{os.getpid()}-{lane}"
    path.mkdir()
    return path


def mark_latest(path, lane):
    """Point latest-LANE at a run."""
    if path.parent != paths.RUNS:
        return
    new = paths.RUNS / f".latest-{os.getpid()}"
    new.symlink_to(path.name)
    os.replace(new, paths.RUNS / f"latest-{lane}")


def _under_way(path):
    """Has this run not ended yet?  Its name holds its runner's process id."""
    return (not (path / "result.json").exists()
            and pathlib.Path("/proc", path.name.split("-")[2]).exists())


def prune():
    """Remove the oldest runs."""
    runs = sorted(path for path in paths.RUNS.glob("*-*-*-*")
                  if not path.is_symlink() and not _under_way(path))
    latest = {link.resolve() for link in paths.RUNS.glob("latest-*")}
    for path in runs[:-KEPT]:
        if path.resolve() not in latest:
            shutil.rmtree(path, ignore_errors=True)


def write_result(path, result):
    """Write result.json, whole or not at all."""
    new = path / "result.json.new"
    new.write_text(json.dumps(result, indent=2) + "\n")
    os.replace(new, path / "result.json")
