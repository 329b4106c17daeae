# SPDX-License-Identifier: GPL-2.0-only
"""What a guest starts from: the kernel's archive, with init, its modules and the job.
"""

import gzip
import lzma
import os
import shutil
import stat
import subprocess

from . import Trouble, kernels, paths

def _libraries(path):
    """The libraries and the loader of an ELF program, by their full names."""
    # It ends with an error for a program that needs none.
    done = subprocess.run(["ldd", path], check=False, text=True,
                          env={**os.environ, "LC_ALL": "C"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in done.stdout.splitlines():
        if "not found" in line:
            raise Trouble(f"{path} cannot run: {line.strip()}")
        # "libc.so.6 => /lib/.../libc.so.6 (0x...)", or the loader alone.
        name = line.rpartition("=>")[2].split("(")[0].strip()
        if name.startswith("/"):
            yield name


def needs_of(program):
    """The files of a program, itself the first, by their full names."""
    path = shutil.which(program)
    if not path:
        raise Trouble(f"no program '{program}' to take into the guest")
    path = os.path.abspath(path)
    with open(path, "rb") as file:
        start = file.readline(256)
    if start.startswith(b"#!"):
        return [path, *needs_of(os.fsdecode(start[2:].split()[0]))]
    return [path, *_libraries(path)]


# What it takes to report, and to reach the host's files.
REPORT = ("virtio_pci", "virtio_console")
HOST_FILES = ("9pnet_virtio", "9p", "overlay")

INIT_SOURCES = paths.SCRIPTS / "lab/init"


def make_init(machine, bits=64):
    """Compile a machine's init, if it is older than its sources."""
    init = paths.BUILD / "guest" / f"init{bits}{machine.suffix}"
    sources = sorted(INIT_SOURCES.glob("*.c"))
    newest = max(path.stat().st_mtime for path in INIT_SOURCES.iterdir())
    if init.exists() and init.stat().st_mtime >= newest:
        return init
    init.parent.mkdir(parents=True, exist_ok=True)
    new = init.with_name(f"{init.name}.{os.getpid()}")
    compiler = [machine.compiler] if machine.triplet else [
        os.environ.get("CC", "gcc"), f"-m{bits}"]
    command = [*compiler, "-std=gnu11", "-D_GNU_SOURCE",
               "-D_FILE_OFFSET_BITS=64", "-O2", "-Wall", "-Wextra", "-static",
               # Where a compiler for both has the kernel's headers.
               *(["-isystem", f"/usr/include/{os.uname().machine}-linux-gnu"]
                 if bits == 32 else []), "-o", new, *sources]
    try:
        done = subprocess.run(command, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError as error:
        raise Trouble(f"no C compiler ({error.filename}): run 'make deps'") from error
    if done.returncode:
        raise Trouble("the guest's init cannot be compiled: run 'make deps'?\n"
                      + done.stdout)
    # At once, for whoever else starts a guest now.
    os.replace(new, init)
    return init


def unpacked(path):
    """A module's bytes as finit_module takes them: not compressed."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq"], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    return data


class _Archive:
    """A cpio archive in the kernel's "newc" format."""

    def __init__(self):
        self.parts = []
        self.inodes = 0
        self.directories = {"", "."}

    def add(self, name, mode, data=b"", device=(0, 0)):
        """Add a file."""
        self.inodes += 1
        name = name.encode() + b"\0"
        fields = (self.inodes, mode, 0, 0, 1, 0, len(data), 0, 0, *device,
                  len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + name, data):
            self.parts += (part, b"\0" * (-len(part) % 4))

    def add_directory(self, name):
        """Add a directory and those that it is in, unless they are there."""
        if name not in self.directories:
            self.directories.add(name)
            self.add_directory(os.path.dirname(name))
            self.add(name, stat.S_IFDIR | 0o755)

    def add_file(self, name, mode, data):
        """Add a file and the directories that it is in."""
        self.add_directory(os.path.dirname(name))
        self.add(name, stat.S_IFREG | mode, data)

    def finish(self):
        """The archive's bytes."""
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def job_bytes(fields):
    """The job as init reads it: (key, value) pairs, values str or bytes."""
    out = b""
    for key, value in fields:
        value = os.fsencode(value)
        if b"\0" in value:
            raise Trouble(f"a NUL cannot be passed to a program ({key})")
        out += key.encode() + b"=" + value + b"\0"
    return out


def build(machine, kernel, fields, root="host", files=(), directory="/"):
    """The whole archive for a machine, a kernel and a job.

    With root = "ram" it is the guest's root, too: then it holds these files of
    the host, at their places, and the directory that the command starts in.
    """
    archive = _Archive()
    for name in ("dev", "proc", "sys", "host", "scratch", "root", "modules", "tmp",
                 "run"):
        archive.add_directory(name)
    # Init's own console until it has mounted /dev.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add_file("init", 0o755, make_init(machine, kernel.bits).read_bytes())
    fields = list(fields)
    for path in kernels.resolve(kernel, REPORT + (HOST_FILES if root == "host" else ())):
        name = f"modules/{path.name.split('.')[0]}.ko"
        archive.add_file(name, 0o644, unpacked(path))
        fields.append(("insmod", f"/{name}"))
    if root == "ram":
        fields.append(("root", "ram"))
        archive.add_directory(directory.strip("/"))
        for name in sorted(set(files)):
            with open(name, "rb") as file:
                archive.add_file(name.lstrip("/"), 0o755, file.read())
    archive.add_file("job", 0o600, job_bytes(fields))
    return archive.finish()
