# SPDX-License-Identifier: GPL-2.0-only
"""Source packages and build tools by apt, beside the machine's own lists.

A private configuration reads the suites of an archive that are wanted.  Nothing
is installed: what comes is unpacked into the cache.
"""

import functools
import os
import pathlib
import re
import shutil

from edudma_guest import Trouble, paths

from . import alone, run, say

KEYS = "/usr/share/keyrings/{name}-archive-keyring.gpg"
ARCHIVES = {
    "debian": ("http://deb.debian.org/debian", "main"),
    "ubuntu": ("http://archive.ubuntu.com/ubuntu", "main universe"),
}


@functools.cache
def _os_release():
    with open("/etc/os-release", encoding="utf-8") as text:
        pairs = [line.rstrip().split("=", 1) for line in text if "=" in line]
    return {key: value.strip('"') for key, value in pairs}


def distribution():
    """The machine's: debian, ubuntu, ..."""
    return _os_release().get("ID", "")


def release():
    """The name of the machine's release."""
    return _os_release().get("VERSION_CODENAME", "sid")


def _newest_first(versions):
    def newer(one, other):
        done = run(["sh", "-c", 'dpkg --compare-versions "$1" gt "$2" && echo yes || :',
                    "sh", one, other])
        return -1 if done.strip() else 1
    return sorted(set(versions), key=functools.cmp_to_key(newer))


class Archive:
    """Some suites of a distribution's archive; asks the network when first used."""

    def __init__(self, name, suites, kinds=("deb", "deb-src"), architecture=None):
        self.name = name
        self.architecture = architecture    # the machine's own if None
        self.suites = tuple(dict.fromkeys(suites))
        self.kinds = kinds

    @functools.cached_property
    def options(self):
        """apt's options for the private configuration, its lists up to date."""
        if self.name not in ARCHIVES or not shutil.which("apt-get"):
            raise Trouble("needs apt and the source packages of Debian or Ubuntu")
        key = KEYS.format(name=self.name)
        if not os.path.exists(key):
            raise Trouble(f"no {key}: install {self.name}-archive-keyring")
        archive, parts = ARCHIVES[self.name]
        foreign = (self.architecture,) if self.architecture else ()
        base = paths.cache() / "apt" / "-".join((self.name, *self.suites, *foreign))
        for name in ("lists/partial", "cache/archives/partial"):
            (base / name).mkdir(parents=True, exist_ok=True)
        sources = base / "sources.list"
        options = ["-o", f"Dir::Etc::sourcelist={sources}",
                   "-o", "Dir::Etc::sourceparts=-",
                   "-o", f"Dir::State::lists={base}/lists",
                   "-o", f"Dir::Cache={base}/cache"]
        for one in foreign:
            options += ["-o", f"APT::Architecture={one}", "-o", f"APT::Architectures={one}"]
        if os.geteuid() == 0:
            # As root, apt would drop to a user who cannot write here.
            options += ["-o", "APT::Sandbox::User=root"]
        with alone(base):
            sources.write_text("".join(
                f"{kind} [signed-by={key}] {archive} {suite} {parts}\n"
                for suite in self.suites for kind in self.kinds))
            say(f"reading the package lists of {', '.join(self.suites)}")
            try:
                run(["apt-get", *options, "-q", "update"])
            except Trouble as trouble:
                # A suite that has left the archive takes only its own packages along.
                say(f"{trouble}\ngoing on with the lists that there are")
        return tuple(options)

    def source_versions(self, package):
        """All versions that there are of a source package, newest first."""
        text = run(["apt-cache", *self.options, "showsrc", package])
        return _newest_first(re.findall(r"^Version: (\S+)$", text, re.M))

    def binary_versions(self, package):
        """The same, of a binary package; none if there is no such package."""
        text = run(["apt-cache", *self.options, "madison", package])
        fields = [[field.strip() for field in line.split("|")]
                  for line in text.splitlines()]
        return _newest_first(version for name, version, where in fields
                             if name == package and where.endswith("Packages"))

    def own_version(self, package):
        """The source version in the machine's own release, or None."""
        text = run(["apt-cache", *self.options, "madison", package])
        for line in text.splitlines():
            words = [word.strip() for word in line.split("|")]
            if len(words) == 3 and words[2].endswith("Sources") and \
                    f" {release()}/" in f" {words[2]}":
                return words[1]
        return None

    def _fetch(self, *arguments, where):
        """False if the archive lacks what its lists have."""
        try:
            run(["apt-get", *self.options, "-q", *arguments], cwd=where)
        except Trouble as trouble:
            # Lists run ahead of what a mirror has, and behind what it has deleted.
            if "404" in str(trouble) or "Failed to fetch" in str(trouble):
                return False
            raise
        return True

    def fetch_source(self, package, version, where):
        """Download a source package's files.  False if the archive lacks them."""
        return self._fetch("--download-only", "source", f"{package}={version}",
                           where=where)

    def unpack_binary(self, package, version, where):
        """Unpack a binary package.  False if the archive lacks it."""
        if not self._fetch("download", f"{package}={version}", where=where):
            return False
        for deb in pathlib.Path(where).glob("*.deb"):
            run(["dpkg", "-x", deb, where])
            deb.unlink()
        return True
