# SPDX-License-Identifier: GPL-2.0-only
"""The guest's kernel, and the module directory that the guest sees."""

import dataclasses
import fcntl
import hashlib
import os
import pathlib
import subprocess

from . import Trouble, own_kernel, paths, vmlinux


@dataclasses.dataclass
class Kernel:
    """An unpacked kernel: nothing of it is installed on the host."""

    release: str
    image: pathlib.Path
    modules: pathlib.Path       # lib/modules/RELEASE, with depmod's files
    build: pathlib.Path = None  # its build directory, if it has one
    make: str = "make module"   # what builds the driver for it

    def default_module(self, port=""):
        """Where the top Makefile puts the driver for this kernel, or a port of it."""
        place = paths.BUILD / (f"port/{port}" if port else "driver")
        return place / self.release / "edudma.ko"

    @property
    def bits(self):
        """Of its addresses.  One of 32 runs no program of a 64-bit host."""
        config = self.image.with_name(f"config-{self.release}")
        return 64 if not config.exists() or \
            "\nCONFIG_64BIT=y\n" in config.read_text() else 32


def _ask(*words):
    done = subprocess.run([paths.SCRIPTS / "kernel", *words], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise Trouble(done.stderr.strip())
    return done.stdout.strip()


def find(name):
    """The kernel of a lane.

    No name is the kernel of the host's headers, that of a directory in the cache
    the kernel there, and any other is VERSION+CONFIG as scripts/kernel builds it.
    One that begins with a slash is the build directory of somebody's own.
    """
    if name.startswith("/"):
        return own_kernel.find(name)
    tree = paths.cache() / "kernel" / name
    if not name:
        tree = pathlib.Path(_ask("tree"))
    elif not tree.is_dir():
        tree = pathlib.Path(_ask(name, "--find"))
    images = sorted(tree.glob("boot/vmlinuz-*"))
    if len(images) != 1:
        raise Trouble(f"{tree}: no guest kernel there: run 'make deps'")
    release = images[0].name.removeprefix("vmlinuz-")
    kernel = Kernel(release, vmlinux.quickest(images[0]), tree / "lib/modules" / release)
    if (tree / "build").is_dir():
        kernel.build = tree / "build"
        kernel.make = f"make kernel-{name}"
    return kernel


def named(text):
    """The name of a kernel as it was given: a directory's is its whole path."""
    if os.sep in text or text in (os.curdir, os.pardir):
        return os.path.abspath(os.path.expanduser(text))
    return text


def _fill(root, kernel, module):
    """Make a module directory of the kernel's modules and the one under test.

    The big part is a link to the cache.  depmod reads all of it all the same:
    so that modprobe in the guest works as on a machine where both are
    installed.
    """
    directory = root / "lib/modules" / kernel.release
    (directory / "updates").mkdir(parents=True, exist_ok=True)
    links = {"kernel": kernel.modules / "kernel", "updates/edudma.ko": module}
    links |= {name: kernel.modules / name
              for name in ("modules.order", "modules.builtin",
                           "modules.builtin.modinfo")}
    for name, target in links.items():
        link = directory / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    done = subprocess.run(["depmod", "-b", root, kernel.release], check=False,
                          env=tool_environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Trouble(f"depmod for {module}: {done.stdout.strip()}")


def module_directory(kernel, module):
    """A lib/modules/RELEASE that holds the module under test."""
    module = pathlib.Path(module).absolute()
    if not module.is_file():
        raise Trouble(f"no {paths.shown(module)}: run '{kernel.make}' first, "
                      "or say --no-module")
    status = module.stat()
    installed = (kernel.modules / "modules.dep").stat().st_mtime_ns
    state = f"{module} {status.st_size} {status.st_mtime_ns} {kernel.modules} {installed}"
    key = hashlib.sha256(str(module).encode()).hexdigest()[:8]
    root = paths.BUILD / "guest" / f"{kernel.release}-{key}"
    root.mkdir(parents=True, exist_ok=True)
    stamp = root / "state"
    # Two runs may start at the same time.
    with open(root / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != state:
            _fill(root, kernel, module)
            stamp.write_text(state)
    return root / "lib/modules" / kernel.release


def tool_environment():
    """An environment in which kmod is found: not all users have sbin in PATH."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**os.environ, "PATH": f"{path}:/usr/sbin:/sbin", "LC_ALL": "C"}


def make_environment(**more):
    """An environment for the make of a kernel.

    What a make above was told is not meant for that one.
    """
    kept = {name: value for name, value in tool_environment().items()
            if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "KBUILD_OUTPUT",
                            "ARCH", "M", "O", "W", "C", "KVER", "KDIR")}
    return kept | more


def resolve(kernel, wanted):
    """The files of these modules and of all they need, in order of loading.

    The order is libkmod's; what is built into the kernel is left out.
    """
    root = kernel.modules.parents[2]
    order = []
    for name in wanted:
        done = subprocess.run(
            ["modprobe", "-d", root, "-S", kernel.release, "--show-depends", name],
            env=tool_environment(), check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise Trouble(f"the guest needs the module {name}: {done.stderr.strip()}")
        for line in done.stdout.splitlines():
            word, _, path = line.strip().partition(" ")
            if word == "insmod" and path.split()[0] not in order:
                order.append(path.split()[0])
    return [pathlib.Path(path) for path in order]
