# SPDX-License-Identifier: GPL-2.0-only
"""Which tests there are, and which of them are wanted.

Tests are named GROUP.….  A lane's are those of the suites, SUITE.FIXTURE.TEST.
The others are programs that print TAP, tests/GROUP/NAME.t, which run on the
host and are named GROUP.NAME.
"""

import fnmatch
import os
import subprocess

from edudma_guest import lanes, paths

# Lanes that run when none are named, in the order in which they start: the
# slowest first, so that the last ones end together.
LANES = ("stock", "intx", "iommu", "wide")


def suites():
    """The suites' programs."""
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", "-C", paths.TOP / "tests", "list",
         f"BUILD={paths.BUILD}", "KSELFTEST_DIR=/"], check=True, text=True,
        stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items()
             if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    return [str(paths.BUILD / "tests" / name) for name in done.stdout.split()]


def name_of(path):
    """What the test in this file is called: LANE or GROUP.NAME."""
    return path.stem if path.suffix == ".conf" else f"{path.parent.name}.{path.stem}"


def host_tests():
    """name -> file of the tests that run on the host."""
    files = sorted((paths.TOP / "tests").glob("*/*.t"))
    return {name_of(path): path for path in files}


def wanted_files(names, pattern):
    """What prove is to run: lanes' files and host tests.

    names are lanes: then only they are wanted; none are all of them.  A pattern
    that begins with a group of host tests leaves the lanes out.
    """
    tests = host_tests()
    chosen = [path for name, path in tests.items()
              if fnmatch.fnmatch(name, pattern or "*")]
    if pattern.split(".")[0] in {path.parent.name for path in tests.values()}:
        return chosen
    # Read each, to refuse a wrong name before anything runs.
    files = [paths.LANES / f"{lanes.load(name).name}.conf" for name in names or LANES]
    return files + ([] if names else chosen)
