# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that somebody has built: what a guest needs, out of the build directory.

Nothing is written there.  The image and the modules are copied to
build/guest/kernels, when those in the build directory are newer.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from . import Trouble, kernels, paths, vmlinux

RELEASE = "include/config/kernel.release"
IMAGE = "arch/x86/boot/bzImage"

BUILT_IN = ("BLK_DEV_INITRD", "BINFMT_ELF", "BINFMT_SCRIPT", "TTY", "UNIX98_PTYS",
            "SERIAL_8250_CONSOLE", "PCI", "PROC_FS", "SYSFS", "TMPFS", "DEVTMPFS",
            "EPOLL", "SIGNALFD")
# Init loads these, if they are modules.
LOADED = ("VIRTIO_PCI", "VIRTIO_CONSOLE", "NET_9P_VIRTIO", "9P_FS", "OVERLAY_FS")
FOR_A_MODULE = ("MODULES", "MODULE_UNLOAD")


def _lacking(config, module):
    """What a configuration does not have as the guest needs it."""
    found = dict(re.findall(r"^CONFIG_(\w+)=([ym])$", config, re.M))
    wanted = BUILT_IN + (FOR_A_MODULE if module else ())
    return ([f"CONFIG_{name}=y" for name in wanted if found.get(name) != "y"]
            + [f"CONFIG_{name}=y (or m)" for name in LOADED if name not in found])


def check(kernel, module):
    """Complain if it lacks what the guest needs, or to load a module if one is."""
    lacking = _lacking((kernel.build / ".config").read_text(), module)
    if lacking:
        raise Trouble(f"{paths.shown(kernel.build)}: the guest needs of a kernel what "
                      f"this one's configuration lacks: {', '.join(lacking)}: set it and "
                      "build the kernel again"
                      + (", or say --no-module" if lacking == [
                          f"CONFIG_{name}=y" for name in FOR_A_MODULE] else ""))


def _modules_of(build):
    """The files of its modules."""
    try:
        lines = (build / "modules.order").read_text().split()
    except FileNotFoundError:
        return []
    # Up to 5.2 they begin with kernel/; since 6.2 they end with .o.
    return [build / (re.sub(r"^kernel/|\.k?o$", "", line) + ".ko") for line in lines]


def _state(build):
    """Changes with all that is copied."""
    files = [build / IMAGE, build / ".config", build / "modules.builtin",
             *_modules_of(build)]
    said = []
    for path in files:
        try:
            status = path.stat()
            said.append(f"{path} {status.st_size} {status.st_mtime_ns}")
        except FileNotFoundError:
            said.append(f"{path} -")
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _run(command, what):
    done = subprocess.run(command, check=False, text=True,
                          env=kernels.make_environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Trouble(f"{what}\n" + "\n".join(done.stdout.splitlines()[-5:]))


def _install_modules(build, root, modules):
    """Make lib/modules/RELEASE as `make modules_install` does."""
    if _modules_of(build):
        # The symbols are those of the build directory's own.
        _run(["make", "-s", "-C", build, "modules_install", f"INSTALL_MOD_PATH={root}",
              "INSTALL_MOD_STRIP=1"],
             f"{paths.shown(build)}: its modules cannot be installed: has "
             f"'make -C {build} modules' succeeded?")
    elif "=m\n" in (build / ".config").read_text():
        raise Trouble(f"{paths.shown(build)}: no modules there: 'make -C {build} modules' "
                      "builds them")
    # depmod takes what is built in from these, with no modules too.
    (modules / "kernel").mkdir(parents=True, exist_ok=True)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        if not (modules / name).exists():
            if (build / name).exists():
                shutil.copy(build / name, modules / name)
            else:
                (modules / name).touch()
    _run(["depmod", "-b", root, modules.name], f"depmod for {paths.shown(build)}:")


def _copy_image(build, image):
    """Also what its configuration was; and forget what was unpacked of an older one."""
    image.parent.mkdir(exist_ok=True)
    shutil.copy(build / ".config", image.with_name(f"config-{image.name[8:]}"))
    new = image.with_name(f".{image.name}.{os.getpid()}")
    shutil.copy(build / IMAGE, new)
    image.with_name(image.name.replace("vmlinuz", "vmlinux", 1)).unlink(missing_ok=True)
    os.replace(new, image)


def find(build):
    """The kernel of a build directory, which O= of the kernel's make names."""
    build = pathlib.Path(os.path.abspath(build))
    if not build.is_dir():
        raise Trouble(f"--kernel {build}: no such directory")
    for name in (".config", RELEASE, IMAGE):
        if not (build / name).is_file():
            raise Trouble(f"{paths.shown(build)}: no {name} there: 'make -C {build} "
                          "bzImage modules' builds the kernel, if that is a kernel's "
                          "build directory")
    release = (build / RELEASE).read_text().strip()
    key = hashlib.sha256(str(build).encode()).hexdigest()[:8]
    root = paths.BUILD / "guest/kernels" / f"{release}-{key}"
    root.mkdir(parents=True, exist_ok=True)
    image = root / "boot" / f"vmlinuz-{release}"
    modules = root / "lib/modules" / release
    stamp = root / "state"
    with open(root / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = _state(build)
        if not stamp.exists() or stamp.read_text() != state:
            stamp.unlink(missing_ok=True)
            _install_modules(build, root, modules)
            _copy_image(build, image)
            stamp.write_text(state)
        started = vmlinux.quickest(image)
    return kernels.Kernel(release, started, modules, build,
                          f"make module KVER={release} KDIR={build}")
