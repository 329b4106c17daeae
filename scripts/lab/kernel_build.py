# SPDX-License-Identifier: GPL-2.0-only
"""Kernels from the distribution's source packages, with chosen configurations.

A kernel is called VERSION+CONFIG, as in 6.1+debug or newest+rt: the source, and the
fragments of tests/kconfig/ that its configuration is made of.

A tree is kernel/NAME-DIGEST in the cache, as that of a distribution's kernel:
boot/vmlinuz-RELEASE, lib/modules/RELEASE; and build/, what modules are built
against.  The digest is that of the source's version, the configuration and the
compiler; it is part of the release too, so that nothing that was built for
another kernel is taken for this one's.
"""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import sys
import tempfile

from . import Trouble, arch, kernels, packages, paths
from .packages import alone, run, say

FRAGMENTS = paths.TOP / "tests/kconfig"
# The part that each configuration has, and the machine's: the first unless
# another one is named.
BASE = "base"
MACHINES = ("x86_64", "i386", *(name for name, machine in arch.ALL.items()
                                if machine.triplet))


@dataclasses.dataclass(frozen=True)
class Name:
    """A version as it was asked for, and the fragments beside the base."""

    version: str
    configs: tuple

    def __str__(self):
        return "+".join((self.version, *self.configs))

    @property
    def arch(self):
        """The machine that it is for."""
        return next((arch.ALL[name] for name in self.configs if name in arch.ALL), arch.X86)

    def fragments(self):
        """The files of its configuration, later ones over earlier ones."""
        machines = [name for name in self.configs if name in MACHINES] or MACHINES[:1]
        others = [name for name in self.configs if name not in MACHINES]
        return [FRAGMENTS / f"{name}.config" for name in (BASE, *machines, *others)]


def configs():
    """The configurations that there are."""
    return sorted(path.stem for path in FRAGMENTS.glob("*.config")
                  if path.stem not in (BASE, MACHINES[0]))


def parse_name(text):
    """A Name; a name without configuration has the base alone."""
    version, *names = text.split("+")
    names = [name for name in names if name and name != BASE]
    for name in names:
        if name not in configs():
            raise Trouble(f"kernel '{text}': no configuration '{name}': there are "
                          f"{', '.join((BASE, *configs()))}")
    return Name(version, tuple(names))


# From the oldest kernel that is supported to the newest that is packaged.
SUITES = ("bullseye", "bookworm", "trixie", "sid", "experimental")
ARCHIVE = packages.Archive("debian", SUITES, kinds=("deb",))
INSTALLED = pathlib.Path("/usr/src")


def _sources():
    """The directory for sources and logs."""
    return paths.cache() / "linux"


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
    return _sources() / version.split(":")[-1]


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


def known_source(version):
    """The source of a version as it was prepared the last time, or None."""
    home = _installed(version) or (_sources() / "chosen" / version / "home").resolve()
    return Source(home.name, home / "src") if _is_there(home) else None


def prepare_source(version, update=False):
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
        with alone(_sources() / "chosen" / version) as chosen:
            if update or not known_source(version):
                home = os.path.relpath(_packaged(version), chosen)
                (chosen / "home").unlink(missing_ok=True)
                (chosen / "home").symlink_to(home)
    return known_source(version)


_LINE = re.compile(r"^(?P<name>CONFIG_\w+)=(?P<value>\S+|\"[^\"]*\")\s*(?P<when>#.*)?$")
_WHEN = re.compile(r"(since|before) (\d+)\.(\d+)")


def _applies(when, number, machine):
    """Is a line with this remark meant for this kernel?"""
    if any(word != machine for word in re.findall(r"\bon (\w+)", when or "")):
        return False
    for word, major, minor in _WHEN.findall(when or ""):
        if (number >= (int(major), int(minor))) != (word == "since"):
            return False
    return True


def read_fragment(path, number, machine="x86"):
    """The options of a fragment: name -> value."""
    options = {}
    for place, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if not found:
            raise Trouble(f"{path}:{place}: not CONFIG_NAME=VALUE: {line}")
        if _applies(found["when"], number, machine):
            options[found["name"]] = found["value"]
    return options


def merge_options(paths, number, machine="x86"):
    """The options of several fragments, later ones over earlier ones."""
    options = {}
    for path in paths:
        options |= read_fragment(path, number, machine)
    return options


def make_words(paths):
    """What the fragments give to make."""
    return [word for path in paths
            for word in re.findall(r"^#make (\S+)$", path.read_text(), re.M)]


def options_text(options):
    """The options as Kconfig reads them."""
    return "".join(f"{name}={value}\n" for name, value in options.items())


def lost_options(options, result):
    """Those of the options that a .config does not have as they were wanted."""
    found = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", result, re.M))
    return [f"{name}={value} (is {found.get(name, 'not set')})"
            for name, value in options.items() if found.get(name, "n") != value]


# The same kernel from the same sources.
IDENTITY = {"KBUILD_BUILD_USER": "edudma", "KBUILD_BUILD_HOST": "edudma",
            "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970"}
PROGRAMS = {"flex": "flex", "bison": "bison", "bc": "bc", "gcc": "gcc",
            "make": "make", "xz": "xz-utils"}
HEADERS = {"/usr/include/gelf.h": "libelf-dev"}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel: what it is called, its source, its options."""

    name: object                # name.Name
    source: object              # source.Source
    options: dict
    words: list                 # for make, when the kernel is compiled
    digest: str

    @property
    def tree(self):
        """Its directory in the cache."""
        return paths.cache() / "kernel" / f"{self.name}-{self.digest}"

    @property
    def built(self):
        """Where the objects are, which modules need."""
        return self.tree / "build"

    @property
    def release(self):
        """What uname -r will say; once it is built."""
        images = sorted(self.tree.glob("boot/vmlinuz-*"))
        return images[0].name.removeprefix("vmlinuz-") if images else None


def _check_compiler(machine):
    if not shutil.which(machine.compiler):
        package = f"gcc-{machine.triplet}" if machine.triplet else "gcc"
        raise Trouble(f"no {machine.compiler}: apt-get install {package}")


def describe(name, source):
    """The Kernel of a name and a source."""
    options = merge_options(name.fragments(), source.number, name.arch.name)
    words = make_words(name.fragments())
    _check_compiler(name.arch)
    compiler = run([name.arch.compiler, "--version"]).splitlines()[0]
    digest = hashlib.sha256("\0".join(
        (source.version, options_text(options), *words, compiler)).encode()).hexdigest()[:8]
    return Kernel(name, source, options, words, digest)


def _check_packages():
    missing = [package for program, package in PROGRAMS.items()
               if not shutil.which(program)]
    missing += [package for header, package in HEADERS.items()
                if not os.path.exists(header)]
    if missing:
        raise Trouble("building a kernel needs packages that are not installed: "
                      f"apt-get install {' '.join(missing)}")


def _make(kernel, *words, log=None):
    return run(["nice", "make", "-s", "-C", kernel.source.tree, f"O={kernel.built}",
                f"ARCH={kernel.name.arch.name}",
                f"CROSS_COMPILE={kernel.name.arch.cross_compile}", *words],
               log=log, env=kernels.make_environment(**IDENTITY))


def _configure(kernel):
    """The .config, which must be as it was wanted."""
    wanted = kernel.options | {
        "CONFIG_LOCALVERSION": f'"-{"-".join((*kernel.name.configs, kernel.digest))}"'}
    fragment = kernel.built / "wanted.config"
    fragment.write_text(options_text(wanted))
    _make(kernel, "allnoconfig", f"KCONFIG_ALLCONFIG={fragment}")
    lost = lost_options(wanted, (kernel.built / ".config").read_text())
    if lost:
        raise Trouble(f"kernel {kernel.name} ({kernel.source.version}): the "
                      "configuration lost\n  " + "\n  ".join(lost))


def _install(kernel):
    """Make a tree of what was compiled; the image comes last."""
    release = (kernel.built / "include/config/kernel.release").read_text().strip()
    _make(kernel, "modules_install", f"INSTALL_MOD_PATH={kernel.tree}")
    modules = kernel.tree / "lib/modules" / release
    # A kernel that has everything built in has none; depmod looks there.
    (modules / "kernel").mkdir(exist_ok=True)
    for name, target in (("build", kernel.built), ("source", kernel.source.tree)):
        link = modules / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    boot = kernel.tree / "boot"
    boot.mkdir(exist_ok=True)
    shutil.copy(kernel.built / ".config", boot / f"config-{release}")
    # Not by a name that is one of an image, until it is whole.
    shutil.copy(kernel.built / "arch" / kernel.name.arch.image, boot / "new")
    os.rename(boot / "new", boot / f"vmlinuz-{release}")


def _remove_objects(directory):
    """What only a change of the kernel itself would need: most of the size."""
    kept = {directory / "scripts", directory / "tools"}
    for where, names, files in os.walk(directory):
        where = pathlib.Path(where)
        names[:] = [name for name in names if where / name not in kept]
        for name in files:
            if name.endswith((".o", ".a", ".cmd", ".order", ".bin", ".gz")):
                (where / name).unlink()


def build(kernel, jobs=None):
    """Bring a kernel's tree up to date."""
    with alone(kernel.tree):
        if kernel.release:
            return
        _check_packages()
        kernel.built.mkdir(exist_ok=True)
        say(f"configuring {kernel.name} from {kernel.source.version}")
        _configure(kernel)
        say(f"compiling {kernel.name}: minutes")
        _make(kernel, f"-j{jobs or os.cpu_count() or 1}", *kernel.words,
              kernel.name.arch.target, "modules",
              log=kernel.tree / "build.log")
        _install(kernel)
        _remove_objects(kernel.built)


EPILOG = """\
VERSION is a number of two parts, of which there is a package linux-source-VERSION
in Debian's suites; newest, the newest stable one; or candidate, the newest of
all.  Configurations are the files in tests/kconfig/, and several can be put
together by '+'.  VERSION+CONFIG is what lanes call such a kernel.

The last line printed is the tree in the cache: boot/vmlinuz-RELEASE and
lib/modules/RELEASE, whose link `build` is what modules are built against.

environment:
  EDUDMA_CACHE=DIR      where sources and results are kept
"""


def _parser():
    parse = argparse.ArgumentParser(
        prog="kernel", usage="%(prog)s VERSION [--config CONFIG] | release | tree",
        description="Build a minimal kernel from the packaged source.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("version", metavar="VERSION")
    parse.add_argument("--config", default="", help="the configuration: "
                       f"{', '.join((BASE, *configs()))}")
    parse.add_argument("--jobs", "-j", type=int, help="compilers at a time")
    parse.add_argument("--update", action="store_true",
                       help="ask the archive whether it has a newer package")
    parse.add_argument("--release", action="store_true",
                       help="print the release instead of the tree")
    parse.add_argument("--make-words", action="store_true",
                       help="only print ARCH= and CROSS_COMPILE=, for what is built for it")
    parse.add_argument("--find", action="store_true",
                       help="build nothing; fail if it is not there")
    return parse


def find(text):
    """The kernel of a name if it has been built, else None."""
    wanted = parse_name(text)
    found = known_source(wanted.version)
    kernel = found and describe(wanted, found)
    return kernel if kernel and kernel.release else None


def main(argv):
    """Do what was asked; the exit status."""
    options = _parser().parse_args(argv)
    text = "+".join(part for part in (options.version, options.config) if part)
    try:
        if options.make_words:
            print(*parse_name(text).arch.make_words)
            return 0
        if options.find:
            kernel = find(text)
            if not kernel:
                raise Trouble(f"no kernel {text}: 'scripts/kernel {text}' builds it")
        else:
            wanted = parse_name(text)
            kernel = describe(wanted, prepare_source(wanted.version, options.update))
            build(kernel, options.jobs)
        print(kernel.release if options.release else kernel.tree)
    except Trouble as trouble:
        print(f"kernel: {trouble}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.argv[0] = "kernel"
    sys.exit(main(sys.argv[1:]))
