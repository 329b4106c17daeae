# SPDX-License-Identifier: GPL-2.0-only
"""The series for QEMU's mailing list: today's interfaces only, no compat header.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import Trouble, paths, qemu_build
from .packages import run, say

SERIES = (
    ("docs/specs: Describe edu-sg, EDU with scatter/gather rings", """\
EDU shows how a driver finds its registers, takes an interrupt and starts a
DMA transfer.  Drivers of today's hardware do more: rings of descriptors in
memory, completions found by a phase bit, MSI-X, coalescing, abort, and errors
of all kinds.  There is no device that one can learn this with, or test it
against, without the burden of a real standard.

Specify one.  It is compatible with EDU.""", ("docs/specs/", "MAINTAINERS")),
    ("hw/misc: Add edu-sg, EDU with scatter/gather rings", """\
All work is done on the virtual clock, so that it stops with the machine and
repeats under icount.  What the device reads and writes goes by way of a buffer,
and does not reach its own registers.  Faults that drivers have to survive can
be raised by QOM properties.""", ("hw/misc/", "include/")),
    ("tests/qtest: Test edu-sg", """\
Registers, rings, interrupts, faults and migration, and operations at random
with a corpus of those that are worth repeating.""", ("tests/qtest/",)),
)
# What the compat header stands for in the newest QEMU that has been packaged.
CONSTANTS = {"EDU_SG_VMSTATE_CONST ": "const ", "EDU_SG_CLASS_CONST ": "const ",
             "EDU_SG_PROP_CONST ": "const ", "    EDU_SG_PROP_END\n": ""}
INCLUDE = '#include "edu-sg-compat.h"\n'
CHOICE = re.compile(r'#if __has_include\("([^"]*)"\)\n#include "\1"\n#else\n.*\n#endif\n')
COVER = ("hw/misc: edu-sg, EDU with scatter/gather rings", """edu-sg is EDU plus what drivers of today's hardware have to deal with:
descriptor rings in guest memory, completions found by a phase bit, MSI-X with
coalescing, several channels, pause, abort and reset that stop all DMA, device
memory of any size, time on the virtual clock, and faults on demand by QOM
properties.  A driver of EDU runs on it unchanged.

It is there to learn with, and to test against: drivers, and the parts of
kernels and of QEMU that carry DMA.

The series was made from files that are kept for several versions of QEMU; it
has the interfaces of this one only.""")


def _without_compat(text, src):
    core = "core/" if (src / "include/hw/core/qdev-properties.h").exists() else ""
    text = text.replace(INCLUDE, '#include "hw/pci/pci_device.h"\n'
                        f'#include "hw/{core}qdev-properties.h"\n')
    for name, meaning in CONSTANTS.items():
        text = text.replace(name, meaning)
    return CHOICE.sub(r'#include "\1"\n', text)


def _document():
    """The specification in QEMU's format."""
    text = (paths.TOP / "docs/edu-sg.md").read_text()
    return {"docs/specs/edu-sg.rst": convert(text)}


def _files(src, pristine, author):
    found = {path: _without_compat(text, src) for path, text in qemu_build.files().items()
             if not path.endswith("-compat.h")}
    found.update(_document())
    found.update(qemu_build.corpus())
    for path, change in qemu_build.hooks(author).items():
        found[path] = change(pristine(path))
    return found


def _author():
    words = []
    for key, default in (("name", "edudma"), ("email", "edudma@localhost")):
        done = subprocess.run(["git", "-C", paths.TOP, "config", f"user.{key}"],
                              capture_output=True, text=True, check=False)
        words.append(done.stdout.strip() or default)
    return words


def _commit(tree, message, author):
    name, email = author
    run(["git", "-c", f"user.name={name}", "-c", f"user.email={email}", "-C", tree,
         "commit", "-q", "-s", "-m", message])


def _series(tree, found, author):
    """A commit for each part, over the files as they come."""
    for title, text, places in SERIES:
        mine = [path for path in found if path.startswith(places)]
        for path in mine:
            target = tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(found[path])
        run(["git", "-C", tree, "add", *mine])
        _commit(tree, f"{title}\n\n{text}", author)


def write():
    """Write build/qemu-patches."""
    if not shutil.which("git"):
        raise Trouble("needs git: apt-get install git")
    home = qemu_build.prepare_source(os.environ.get("EDUDMA_QEMU") or "newest")
    author = _author()

    def pristine(path):
        kept = home / "pristine" / path
        return (kept if kept.exists() else home / "src" / path).read_text()

    found = _files(home / "src", pristine, "{} <{}>".format(*author))
    out = paths.BUILD / "qemu-patches"
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as tree:
        tree = pathlib.Path(tree)
        run(["git", "init", "-q", tree])
        for path in qemu_build.hooks("x"):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(pristine(path))
        run(["git", "-C", tree, "add", "."])
        _commit(tree, "base", author)
        _series(tree, found, author)
        run(["git", "-C", tree, "format-patch", "-q", "--cover-letter", "-o", out,
             f"-{len(SERIES)}"])
    letter = out / "0000-cover-letter.patch"
    text = letter.read_text()
    for blank, filled in zip(("*** SUBJECT HERE ***", "*** BLURB HERE ***"), COVER):
        text = text.replace(blank, filled)
    letter.write_text(text)
    say(f"series against QEMU {(home / 'src/VERSION').read_text().strip()}:"
        f" {os.path.relpath(out)}")


def _inline(text):
    return re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text)


def _cells(line):
    return [_inline(cell.strip()) for cell in line.strip().strip("|").split("|")]


def _table(lines):
    rows = [_cells(line) for i, line in enumerate(lines) if i != 1]
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    for row in rows:
        for i, cell in enumerate(row):
            yield f"{'   * -' if i == 0 else '     -'} {cell}".rstrip()
    yield ""


def convert(text):
    """All of a document."""
    out, table = [".. SPDX-License-Identifier: GPL-2.0-or-later", ""], []
    for line in text.splitlines():
        if line.startswith("|"):
            table.append(line)
            continue
        if table:
            out += _table(table)
            table = []
            if not line:
                continue
        heading = re.match(r"(#+) (.*)", line)
        if heading:
            title = _inline(heading.group(2))
            out += [title, "=-~"[len(heading.group(1)) - 1] * len(title)]
        else:
            out.append(_inline(line))
    if table:
        out += _table(table)
    return "\n".join(out).rstrip() + "\n"
