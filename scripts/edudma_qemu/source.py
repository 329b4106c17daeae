# SPDX-License-Identifier: GPL-2.0-only
"""An unpacked QEMU, and the tools that build it."""

import functools
import os
import pathlib
import re
import shutil
import tempfile

from edudma_source import apt

from . import Trouble, alone, cache, run, say

# The oldest whose interfaces edu-sg knows.
OLDEST = (7, 2)
# Suites that may have a newer one than the machine's own release.
NEWER = {"debian": ("trixie", "sid"), "ubuntu": ("devel",)}


@functools.cache
def archive():
    """Where packages come from."""
    name = apt.distribution()
    if name not in NEWER:
        raise Trouble("needs Debian or Ubuntu: QEMU comes from their source"
                      " packages. EDUDMA_QEMU_SOURCE=DIR names an unpacked one.")
    return apt.Archive(name, (apt.release(), *NEWER[name]))


def upstream(version):
    """7.2.22 of 1:7.2.22+dfsg-1."""
    return re.match(r"(?:\d+:)?([\d.]+)", version).group(1)


def as_tuple(version):
    """To compare upstream versions."""
    return tuple(int(number) for number in upstream(version).split("."))


def choose(which):
    """The versions to try, the best first: `which` is own, newest or a version."""
    every = [v for v in archive().source_versions("qemu") if as_tuple(v) >= OLDEST]
    if which == "newest":
        return every
    if which == "own":
        own = archive().own_version("qemu")
        every = [v for v in every if v == own]
    else:
        every = [v for v in every if upstream(v) == which or v == which]
    if not every:
        raise Trouble(f"no source package of QEMU for '{which}', {'.'.join(map(str, OLDEST))}"
                      " or newer: EDUDMA_QEMU=newest takes that of a newer release")
    return every


def _unpack(version, where):
    """Fetch and unpack into `where`/src.  False if the archive lacks it."""
    say(f"fetching the source of QEMU {version}")
    if not archive().fetch_source("qemu", version, where):
        return False
    say("unpacking it")
    # With the distribution's patches: they bring a release's later fixes.  Apt
    # has checked the signatures.
    run(["dpkg-source", "--no-check", "-x", next(where.glob("*.dsc")), where / "src"])
    for path in where.glob("*.tar.*"):
        path.unlink()
    return True


def _given(path):
    """A tree that somebody else unpacked: copied, since it will be changed."""
    path = pathlib.Path(path).absolute()
    if not (path / "VERSION").is_file():
        raise Trouble(f"EDUDMA_QEMU_SOURCE={path}: no VERSION there, not QEMU's source")
    home = cache() / f"{(path / 'VERSION').read_text().strip()}-given"
    if not (home / "src").is_dir():
        with tempfile.TemporaryDirectory(dir=cache()) as new:
            shutil.copytree(path, f"{new}/src", symlinks=True)
            home.mkdir(exist_ok=True)
            pathlib.Path(new, "src").rename(home / "src")
    return home


def prepare(which):
    """The directory of a version in the cache, its src/ unpacked."""
    with alone(cache()):
        given = os.environ.get("EDUDMA_QEMU_SOURCE")
        return _given(given) if given else _packaged(which)


def _packaged(which):
    if not shutil.which("dpkg-source"):
        raise Trouble("needs dpkg-source: apt-get install dpkg-dev")
    # What `own` and `newest` came to the last time saves asking the network.
    chosen = cache() / "chosen" / f"{apt.release()}-{which}"
    if chosen.is_symlink() and (chosen / "src/VERSION").is_file():
        return chosen.resolve()
    missing = []
    for version in choose(which):
        # Without the epoch: a colon does not go into a path.
        home = cache() / version.split(":")[-1]
        if not (home / "src/VERSION").is_file():
            with tempfile.TemporaryDirectory(dir=cache()) as new:
                new = pathlib.Path(new)
                if not _unpack(version, new):
                    missing.append(version)
                    say(f"the archive does not have {version}: trying an older one")
                    continue
                home.mkdir(exist_ok=True)
                (new / "src").rename(home / "src")
        chosen.parent.mkdir(exist_ok=True)
        chosen.unlink(missing_ok=True)
        chosen.symlink_to(os.path.relpath(home, chosen.parent))
        return home
    raise Trouble(f"the archive has none of {', '.join(missing)}: try again later,"
                  " or EDUDMA_QEMU=VERSION with another one")


def _wrapper(tools):
    """Old ones want a program, new ones a module of Python's; both as one."""
    modules = tools / "usr/lib/python3/dist-packages"
    program = tools / "meson"
    program.write_text("#!/usr/bin/python3\nimport sys\n"
                       f"sys.path.insert(0, {str(modules)!r})\n"
                       "from mesonbuild import mesonmain\n"
                       "sys.exit(mesonmain.main())\n")
    program.chmod(0o755)


def tools(home):
    """The directory with Meson in a version that this QEMU takes."""
    own = home / "tools"
    if own.is_dir():
        return own
    text = (home / "src/meson.build").read_text()
    least = re.search(r"meson_version: '>=([\d.]+)'", text).group(1)
    fits = [v for v in archive().binary_versions("meson") if as_tuple(v) >= as_tuple(least)]
    if not fits:
        raise Trouble(f"no package of Meson {least} or newer")
    say(f"fetching Meson {fits[-1]}")
    with tempfile.TemporaryDirectory(dir=home) as new:
        new = pathlib.Path(new)
        new.chmod(0o755)
        wanted = [("meson", fits[-1])]
        if "pycotap" in _text(home / "src/pythondeps.toml"):
            wanted.append(("python3-pycotap",
                           archive().binary_versions("python3-pycotap")[-1]))
        for package, version in wanted:
            if not archive().unpack_binary(package, version, new):
                raise Trouble(f"the archive does not have {package} {version}")
        new.rename(own)
        new.mkdir()
    _wrapper(own)
    return own


def _text(path):
    return path.read_text() if path.is_file() else ""
