# SPDX-License-Identifier: GPL-2.0-only
"""Connect gdb to a guest, with the symbols that there are.  Read by gdb itself.

`edudma` is the dictionary that debugger.py has written into the file of commands.
A kernel with scripts for gdb has the symbols of each module loaded by them, before
its first instruction.  Else the driver's are loaded when its loading has ended.
"""

import os
import time

import gdb

# The runner needs a moment to write down what the guest has said.
SECTIONS_SECONDS = 20
# Where a processor begins.
RESET = 0xfff0


def quoted(path):
    """A file's name as an argument of a command."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Symbols(gdb.Command):
    """Load the driver's symbols, where the guest has said that they are.

It says so once, when it has loaded the module before its command runs."""

    def __init__(self):
        super().__init__("edudma-symbols", gdb.COMMAND_FILES)
        self.at = None

    def load(self):
        """Load them; False if the guest has not said yet where they are."""
        try:
            with open(edudma["sections"], encoding="ascii") as file:
                words = file.read().split()
        except FileNotFoundError:
            return False
        sections = dict(word.split("=") for word in words)
        if self.at != sections:
            text = sections[".text"]
            others = " ".join(f"-s {name} {address}" for name, address
                              in sorted(sections.items()) if name != ".text")
            if self.at:
                gdb.execute(f"remove-symbol-file -a {self.at['.text']}", to_string=True)
            gdb.execute(f"add-symbol-file {quoted(edudma['module'])} {text} {others}",
                        to_string=True)
            self.at = sections
            gdb.write(f"edudma: symbols at {text}\n")
        return True

    def invoke(self, _arguments, _from_tty):
        """The command."""
        if not self.load():
            raise gdb.GdbError("the guest has not loaded the module yet")


class Loaded(gdb.Breakpoint):
    """The place in init to which it comes when it has loaded the module."""

    def __init__(self, symbols):
        # At this address nothing is mapped yet that could be written to.
        super().__init__(f"*{edudma['loaded']:#x}", type=gdb.BP_HARDWARE_BREAKPOINT,
                         internal=True)
        self.silent = True
        self.symbols = symbols

    def stop(self):
        """Load the symbols and go on."""
        limit = time.monotonic() + SECTIONS_SECONDS
        while not self.symbols.load():
            if time.monotonic() > limit:
                gdb.write("edudma: no word of the module's place: 'edudma-symbols' later\n")
                break
            time.sleep(0.05)
        self.enabled = False
        return False


def use_scripts_of_kernel():
    """Have the kernel's scripts load each module's symbols as it comes."""
    # Their list of modules is none before the kernel has set itself up.
    if int(gdb.parse_and_eval("(unsigned long)$pc")) == RESET:
        gdb.execute("thbreak start_kernel", to_string=True)
        gdb.execute("continue", to_string=True)
    # They look for modules where gdb is, and in words of their argument.
    before = os.getcwd()
    gdb.execute(f"cd {os.path.dirname(edudma['module']) or before}", to_string=True)
    gdb.execute("lx-symbols")
    gdb.execute(f"cd {before}", to_string=True)


def connect():
    """All of it."""
    gdb.execute("set breakpoint pending on")
    if not edudma["vmlinux"]:
        gdb.execute("set architecture i386:x86-64", to_string=True)
    symbols = Symbols()
    gdb.execute(f"target remote {edudma['socket']}")
    if edudma["scripts"]:
        use_scripts_of_kernel()
    elif edudma["module"] and not symbols.load():
        Loaded(symbols)


connect()
