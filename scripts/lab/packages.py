# SPDX-License-Identifier: GPL-2.0-only
"""Others' packages: their files, in the cache, beside what is installed.

A private configuration of apt reads the suites of an archive that are wanted.  Nothing
is installed: what comes is unpacked into the cache.
"""

import contextlib
import fcntl
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from . import Trouble, paths

@contextlib.contextmanager
def alone(directory):
    """One process at a time in a directory of the cache."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory


def say(text):
    """Progress."""
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr, flush=True)


def run(command, log=None, **more):
    """Run a command; its output goes to the file `log`, or is returned."""
    command = [str(word) for word in command]
    more.setdefault("stdin", subprocess.DEVNULL)
    if log is None:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              **more)
        tail = done.stderr or done.stdout
    else:
        with open(log, "w", encoding="utf-8") as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT,
                                  check=False, **more)
        tail = "".join(pathlib.Path(log).read_text(errors="replace")
                       .splitlines(keepends=True)[-20:])
    if done.returncode:
        where = f"; all of it is in {log}" if log else ""
        raise Trouble(f"'{' '.join(command)}' failed{where}:\n{tail.rstrip()}")
    return done.stdout


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

    def unpack_with_all(self, names, where):
        """Unpack binary packages, and all that they depend on, as if nothing was there."""
        (cache := pathlib.Path(where) / "debs").mkdir()
        (cache / "partial").mkdir()
        status = cache / "status"
        status.touch()
        run(["apt-get", *self.options, "-o", f"Dir::State::status={status}",
             "-o", f"Dir::Cache::archives={cache}", "-q", "-y", "--no-install-recommends",
             "--download-only", "install", *names])
        # As all releases have it; what is unpacked to /lib then goes to /usr/lib.
        for name in ("bin", "lib", "sbin"):
            (where / "usr" / name).mkdir(parents=True)
            (where / name).symlink_to(f"usr/{name}")
        for deb in sorted(cache.glob("*.deb")):
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                                  stdout=subprocess.PIPE) as files:
                run(["tar", "-x", "-C", where, "--keep-directory-symlink"],
                    stdin=files.stdout)
            if files.returncode:
                raise Trouble(f"{deb.name} cannot be unpacked")
        shutil.rmtree(cache)


# What 32-bit tests are linked with: package -> what is wanted of it.  The C library is
# the compiler's own (libc6-dev-i386).
LIBRARIES = {"libjson-c-dev": "libjson-c.a", "liburing-dev": "liburing.a"}


def _fetch_libraries(home):
    """Make home/include and home/lib, both as a whole."""
    archive = Archive(distribution(), (release(),), kinds=("deb",), architecture="i386")
    with tempfile.TemporaryDirectory(dir=home) as new:
        os.chmod(new, 0o755)
        new = pathlib.Path(new)
        for package in LIBRARIES:
            version, *_ = archive.binary_versions(package) or [None]
            if not version or not archive.unpack_binary(package, version, new):
                raise Trouble(f"the archive has no {package} for i386")
        for directory in ("include", "lib"):
            shutil.rmtree(home / directory, ignore_errors=True)
        (new / "usr/include").rename(home / "include")
        # Last: it says that all is there.
        next(new.glob("usr/lib/*-linux-gnu")).rename(home / "lib")


def main():
    """Print the directory of the libraries that 32-bit tests need: include/ and lib/.

    They come from the distribution's packages for i386, into the cache: nothing is
    installed, and the host need not know of a second architecture.
    """
    try:
        with alone(paths.cache() / "lib32" / release()) as home:
            if not all((home / "lib" / library).exists()
                       for library in LIBRARIES.values()):
                _fetch_libraries(home)
        print(home)
    except Trouble as trouble:
        say(trouble)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
