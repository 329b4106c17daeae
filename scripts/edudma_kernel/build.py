# SPDX-License-Identifier: GPL-2.0-only
"""The kernel, and the tree in the cache that it makes.

A tree is kernel/NAME-DIGEST in the cache, as that of a distribution's kernel:
boot/vmlinuz-RELEASE, lib/modules/RELEASE; and build/, what modules are built
against.  The digest is that of the source's version, the configuration and the
compiler; it is part of the release too, so that nothing that was built for
another kernel is taken for this one's.
"""

import dataclasses
import hashlib
import os
import pathlib
import shutil

from edudma_guest import Trouble, kernels, paths
from edudma_source import alone, run, say

from . import config

COMPILER = "gcc"
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


def describe(name, source):
    """The Kernel of a name and a source."""
    options = config.merge(name.fragments(), source.number)
    words = config.make_words(name.fragments())
    compiler = run([COMPILER, "--version"]).splitlines()[0]
    digest = hashlib.sha256("\0".join(
        (source.version, config.text(options), *words, compiler)).encode()).hexdigest()[:8]
    return Kernel(name, source, options, words, digest)


def _check_packages():
    missing = [package for program, package in PROGRAMS.items()
               if not shutil.which(program)]
    missing += [package for header, package in HEADERS.items()
                if not os.path.exists(header)]
    if missing:
        raise Trouble("building a kernel needs packages that are not installed: "
                      f"apt-get install {' '.join(missing)}")


def _environment():
    # What a make above was told is not meant for this one.
    return {**{name: value for name, value in os.environ.items()
               if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "KBUILD_OUTPUT",
                               "ARCH", "M", "O", "W", "C")}, **IDENTITY, "LC_ALL": "C"}


def _make(kernel, *words, log=None):
    return run(["nice", "make", "-s", "-C", kernel.source.tree, f"O={kernel.built}",
                f"CC={COMPILER}", *words],
               log=log, env=kernels.tool_environment() | _environment())


def _configure(kernel):
    """The .config, which must be as it was wanted."""
    wanted = kernel.options | {
        "CONFIG_LOCALVERSION": f'"-{"-".join((*kernel.name.configs, kernel.digest))}"'}
    fragment = kernel.built / "wanted.config"
    fragment.write_text(config.text(wanted))
    _make(kernel, "allnoconfig", f"KCONFIG_ALLCONFIG={fragment}")
    lost = config.lost(wanted, (kernel.built / ".config").read_text())
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
    shutil.copy(kernel.built / "arch/x86/boot/bzImage", boot / "new")
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
              "bzImage", "modules",
              log=kernel.tree / "build.log")
        _install(kernel)
        _remove_objects(kernel.built)
