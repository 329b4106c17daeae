# SPDX-License-Identifier: GPL-2.0-only
"""The device's files, and the few lines of QEMU's own that know of them."""

import hashlib
import re

from . import TOP, Trouble, rst

DEVICE = TOP / "qemu"
TESTS = TOP / "tests/qemu"
CORPUS = TESTS / "corpus"


def _after(text, anchor, line, where):
    """Insert behind the first line that matches."""
    found = re.search(rf"^.*{anchor}.*\n", text, re.M)
    if not found:
        raise Trouble(f"{where}: no line like '{anchor}': this QEMU is unknown to"
                      " scripts/edudma_qemu/overlay.py")
    return text[:found.end()] + line(found.group(0)) + text[found.end():]


def _sources():
    return sorted(path.name for path in DEVICE.glob("*.c"))


def _meson(text):
    files = ",\n  ".join(f"'{name}'" for name in _sources())

    def line(anchor):
        variable = anchor.split(".")[0]
        return (f"{variable}.add(when: 'CONFIG_EDU_SG', if_true: files(\n"
                f"  {files}))\n")
    return _after(text, "'CONFIG_EDU'", line, "hw/misc/meson.build")


def _kconfig(text):
    block = ("config EDU_SG\n    bool\n    default y if TEST_DEVICES\n"
             "    depends on PCI && MSI_NONBROKEN\n\n")
    if "\nconfig EDU\n" not in text:
        raise Trouble("hw/misc/Kconfig: no 'config EDU'")
    head, tail = text.split("\nconfig EDU\n", 1)
    body, rest = tail.split("\n\n", 1)
    return f"{head}\nconfig EDU\n{body}\n\n{block}{rest}"


def _trace(text):
    return text + (DEVICE / "trace-events").read_text()


def _qtest(text):
    def line(_):
        tests = ", ".join(f"'{path.stem}'" for path in sorted(TESTS.glob("*-test.c")))
        name = f"(config_all_devices.has_key('CONFIG_EDU_SG') ? [{tests}] : []) +"
        return f"  {name:<89} \\\n"
    return _after(text, r"has_key\('CONFIG_PVPANIC_PCI'\)", line, "tests/qtest/meson.build")


def _index(text):
    if "\n   edu\n" not in text:
        return text
    return text.replace("\n   edu\n", "\n   edu\n   edu-sg\n", 1)


def _maintainers(author):
    def change(text):
        section = (f"EDU-SG\nM: {author}\nS: Maintained\nF: docs/specs/edu-sg.rst\n"
                   "F: hw/misc/edu-sg*\nF: include/hw/misc/edu-sg-regs.h\n"
                   "F: tests/qtest/edu-sg*\n\n")
        head, rest = text.split("\nEDU\n", 1)
        body, rest = rest.split("\n\n", 1)
        return f"{head}\nEDU\n{body}\n\n{section}{rest}"
    return change


def hooks(author=None):
    """What is changed in QEMU's own files: path to function."""
    found = {
        "hw/misc/Kconfig": _kconfig,
        "hw/misc/meson.build": _meson,
        "hw/misc/trace-events": _trace,
        "tests/qtest/meson.build": _qtest,
    }
    if author:
        found["docs/specs/index.rst"] = _index
        found["MAINTAINERS"] = _maintainers(author)
    return found


def files():
    """What is added: path to content."""
    found = {}
    for path in sorted(DEVICE.glob("*.[ch]")):
        place = "include/hw/misc" if path.name.endswith("-regs.h") else "hw/misc"
        found[f"{place}/{path.name}"] = path.read_text()
    for path in sorted(TESTS.glob("*.[ch]")):
        found[f"tests/qtest/{path.name}"] = path.read_text()
    return found


def corpus():
    """The fuzzer's findings: path to content, for upstream."""
    return {f"tests/qtest/edu-sg-corpus/{path.name}": path.read_text()
            for path in sorted(CORPUS.glob("*.ops"))}


def document():
    """The specification in QEMU's format."""
    text = (TOP / "docs/edu-sg.md").read_text()
    return {"docs/specs/edu-sg.rst": rst.convert(text)}


def apply(home):
    """Bring a source tree in the cache up to date.  Returns a digest of the inputs."""
    digest = hashlib.sha256()
    wanted = files()
    for path, change in hooks().items():
        keep = home / "pristine" / path
        if not keep.exists():
            keep.parent.mkdir(parents=True, exist_ok=True)
            keep.write_text((home / "src" / path).read_text())
        wanted[path] = change(keep.read_text())
    for stale in (home / "src/hw/misc").glob("edu-sg*"):
        if f"hw/misc/{stale.name}" not in wanted:
            stale.unlink()
    for path, text in wanted.items():
        digest.update(f"{path}\0{text}\0".encode())
        target = home / "src" / path
        # A file that stays as it was is not compiled again.
        if not target.is_file() or target.read_text() != text:
            target.write_text(text)
    return digest
