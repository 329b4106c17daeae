# SPDX-License-Identifier: GPL-2.0-only
"""An unpacked kernel source."""

import dataclasses
import os
import pathlib
import re
import tempfile

from edudma_guest import Trouble
from edudma_source import alone, apt, run, say

from . import cache

# From the oldest kernel that is supported to the newest that is packaged.
SUITES = ("bullseye", "bookworm", "trixie", "sid", "experimental")
ARCHIVE = apt.Archive("debian", SUITES, kinds=("deb",))
INSTALLED = pathlib.Path("/usr/src")


@dataclasses.dataclass(frozen=True)
class Source:
    """A kernel source and the package version that it is."""

    version: str
    tree: pathlib.Path

    @property
    def number(self):
        """(major, minor), as its own Makefile says."""
        text = (self.tree / "Makefile").read_text()
        return tuple(int(re.search(rf"^{key} = (\d+)$", text, re.M)[1])
                     for key in ("VERSION", "PATCHLEVEL"))


def _is_candidate(version):
    return "~rc" in version


def _wanted(version):
    """(package, its versions in the order in which they are to be tried)."""
    if version not in ("newest", "candidate"):
        package = f"linux-source-{version}"
        return package, ARCHIVE.binary_versions(package)
    # The package of this name depends on the one with the source.
    every = ARCHIVE.binary_versions("linux-source")
    if version == "newest":
        every = [found for found in every if not _is_candidate(found)]
    number = ".".join(re.split(r"[.~+-]", every[0])[:2])
    return _wanted(number)


def _unpack(tarball, home):
    """Unpack into home/src, which appears as a whole.  The home is locked."""
    say(f"unpacking {tarball}")
    with tempfile.TemporaryDirectory(dir=home) as new:
        run(["tar", "-x", "-C", new, "--strip-components=1", "-f", tarball])
        os.chmod(new, 0o755)
        os.rename(new, home / "src")
        os.mkdir(new)


def _home(version):
    """Its directory; without the epoch, since a colon does not go into a path."""
    return cache() / version.split(":")[-1]


def _is_there(home):
    return (home / "src/Makefile").exists()


def _fetch(package, version, home):
    """Bring the source of a package in the archive.  False if it is not there."""
    say(f"fetching {package} {version}")
    with tempfile.TemporaryDirectory(dir=home) as new:
        os.chmod(new, 0o755)
        if not ARCHIVE.unpack_binary(package, version, new):
            return False
        _unpack(next(pathlib.Path(new).glob("usr/src/*.tar.*")), home)
    return True


def _packaged(version):
    """The home of a source in the archive."""
    package, versions = _wanted(version)
    for found in versions:
        home = _home(found)
        with alone(home):
            if _is_there(home) or _fetch(package, found, home):
                return home
    raise Trouble(f"no kernel '{version}': the archive's suites {', '.join(SUITES)} "
                  f"have {'lost' if versions else 'no'} {package}")


def _installed(version):
    """The home of an installed package's source, unpacked or not; or None."""
    package = f"linux-source-{version}"
    if not (INSTALLED / f"{package}.tar.xz").exists():
        return None
    return _home(run(["dpkg-query", "-W", "-f", "${Version}", package]))


def known(version):
    """The source of a version as it was prepared the last time, or None."""
    home = _installed(version) or (cache() / "chosen" / version / "home").resolve()
    return Source(home.name, home / "src") if _is_there(home) else None


def prepare(version, update=False):
    """The source of a version: a number, newest or candidate.

    What that came to the last time is believed, unless an update is wanted: so
    that a test run does not ask the network.
    """
    home = _installed(version)
    if home:
        with alone(home):
            if not _is_there(home):
                _unpack(INSTALLED / f"linux-source-{version}.tar.xz", home)
    else:
        with alone(cache() / "chosen" / version) as chosen:
            if update or not known(version):
                home = os.path.relpath(_packaged(version), chosen)
                (chosen / "home").unlink(missing_ok=True)
                (chosen / "home").symlink_to(home)
    return known(version)
