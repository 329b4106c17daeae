# SPDX-License-Identifier: GPL-2.0-only
"""What gdb is told of a guest: a file of commands in the run's directory.

gdb's own side of it is gdb_commands.py.
"""

import subprocess

from . import Trouble, paths

COMMANDS = "gdbinit"
SOCKET = "gdb"
SECTIONS = "sections"
# The function of init that runs when the module has been loaded.
LOADED = "module_is_loaded"


def _address(program, function):
    """Where a function of a program is that is not relocated."""
    done = subprocess.run(["nm", program], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in done.stdout.splitlines():
        if line.split()[1:] == ["T", function]:
            return int(line.split()[0], 16)
    raise Trouble(f"nm {program}: no {function}: {done.stdout[-200:]}")


def write_commands(directory, kernel, module, init):
    """Write the file for a run; its name."""
    symbols = kernel.build and kernel.build / "vmlinux"
    scripts = kernel.build and kernel.build / "vmlinux-gdb.py"
    settings = {
        "socket": str(directory / SOCKET),
        "sections": str(directory / SECTIONS),
        "module": str(module or ""),
        "vmlinux": str(symbols) if symbols and symbols.exists() else "",
        "scripts": str(scripts) if scripts and scripts.exists() else "",
        "loaded": _address(init, LOADED),
    }
    path = directory / COMMANDS
    lines = [f"# gdb -x {path}"]
    if settings["vmlinux"]:
        # gdb would read the scripts by itself only where it has been told to.
        lines += ["set auto-load python-scripts off", f'file "{settings["vmlinux"]}"']
    if settings["scripts"]:
        # Not from Python: a script in a script does not find what lies beside it.
        lines.append(f"source {settings['scripts']}")
    lines += [f"python edudma = {settings!r}",
              f"source {paths.SCRIPTS / 'lab/gdb_commands.py'}"]
    path.write_text("\n".join(lines) + "\n")
    (directory / SECTIONS).unlink(missing_ok=True)
    return path


def write_sections(directory, record):
    """Keep what the guest has said about where the module is, for gdb."""
    new = directory / f"{SECTIONS}.new"
    new.write_text(record + "\n")
    new.rename(directory / SECTIONS)
