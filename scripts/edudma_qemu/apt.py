# SPDX-License-Identifier: GPL-2.0-only
"""Source packages and build tools by apt, beside the machine's own lists.

A private configuration reads the sources of this release and of newer ones.
Nothing is installed: what comes is unpacked into the cache.
"""

import functools
import os
import re
import shutil

from . import Trouble, cache, run, say

KEYS = "/usr/share/keyrings/{id}-archive-keyring.gpg"
ARCHIVES = {
    "debian": ("http://deb.debian.org/debian", "main", ("trixie", "sid")),
    "ubuntu": ("http://archive.ubuntu.com/ubuntu", "main universe", ("devel",)),
}


def _os_release():
    with open("/etc/os-release", encoding="utf-8") as text:
        pairs = [line.rstrip().split("=", 1) for line in text if "=" in line]
    return {key: value.strip('"') for key, value in pairs}


@functools.cache
def _options():
    """apt's options for the private configuration, its lists up to date."""
    release = _os_release()
    if release.get("ID") not in ARCHIVES or not shutil.which("apt-get"):
        raise Trouble("needs Debian or Ubuntu: QEMU comes from their source"
                      " packages. EDUDMA_QEMU_SOURCE=DIR names an unpacked one.")
    archive, parts, newer = ARCHIVES[release["ID"]]
    suites = dict.fromkeys((release.get("VERSION_CODENAME", "sid"), *newer))
    base = cache() / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (base / name).mkdir(parents=True, exist_ok=True)
    key = KEYS.format(id=release["ID"])
    wanted = "".join(f"{kind} [signed-by={key}] {archive} {suite} {parts}\n"
                     for suite in suites for kind in ("deb", "deb-src"))
    sources = base / "sources.list"
    options = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-",
               "-o", f"Dir::State::lists={base}/lists", "-o", f"Dir::Cache={base}/cache"]
    if os.geteuid() == 0:
        # As root, apt would drop to a user who cannot write here.
        options += ["-o", "APT::Sandbox::User=root"]
    sources.write_text(wanted)
    say(f"reading the package lists of {', '.join(suites)}")
    run(["apt-get", *options, "-q", "update"])
    return tuple(options)


def release():
    """The name of the machine's release."""
    return _os_release().get("VERSION_CODENAME", "sid")


def _versions(fields):
    """Versions in apt's output, newest first."""
    found = set(re.findall(fields[0], fields[1], re.M))

    def newer(one, other):
        done = run(["sh", "-c", 'dpkg --compare-versions "$1" gt "$2" && echo yes || :',
                    "sh", one, other])
        return -1 if done.strip() else 1
    return sorted(found, key=functools.cmp_to_key(newer))


def source_versions(package):
    """All versions that there are of a source package, newest first."""
    text = run(["apt-cache", *_options(), "showsrc", package])
    return _versions((r"^Version: (\S+)$", text))


def binary_versions(package):
    """The same, of a binary package."""
    text = run(["apt-cache", *_options(), "show", package])
    return _versions((r"^Version: (\S+)$", text))


def own_version(package):
    """The source version in the machine's own release, or None."""
    text = run(["apt-cache", *_options(), "madison", package])
    for line in text.splitlines():
        words = [word.strip() for word in line.split("|")]
        if len(words) == 3 and words[2].endswith("Sources") and \
                f" {release()}/" in f" {words[2]}":
            return words[1]
    return None


def fetch_source(package, version, where):
    """Download a source package's files.  False if the archive lacks them."""
    try:
        run(["apt-get", *_options(), "-q", "--download-only", "source",
             f"{package}={version}"], cwd=where)
    except Trouble as trouble:
        # Lists run ahead of what a mirror has, and behind what it has deleted.
        if "404" in str(trouble) or "Failed to fetch" in str(trouble):
            return False
        raise
    return True


def unpack_binary(package, version, where):
    """Unpack a binary package into a directory."""
    run(["apt-get", *_options(), "-q", "download", f"{package}={version}"], cwd=where)
    for deb in where.glob("*.deb"):
        run(["dpkg", "-x", deb, where])
        deb.unlink()
