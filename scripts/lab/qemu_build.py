# SPDX-License-Identifier: GPL-2.0-only
"""QEMU from the distribution's source package, with edu-sg in it.
"""

import argparse
import functools
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from . import Trouble, arch, packages, paths
from .packages import alone, run, say

# The oldest whose interfaces edu-sg knows.
OLDEST = (7, 2)
# Suites that may have a newer one than the machine's own release.
NEWER = {"debian": ("trixie", "sid"), "ubuntu": ("devel",)}


def _cache():
    """The directory for all of this."""
    return paths.cache() / "qemu"


@functools.cache
def archive():
    """Where packages come from."""
    name = packages.distribution()
    if name not in NEWER:
        raise Trouble("needs Debian or Ubuntu: QEMU comes from their source"
                      " packages. EDUDMA_QEMU_SOURCE=DIR names an unpacked one.")
    return packages.Archive(name, (packages.release(), *NEWER[name]))


def upstream(version):
    """7.2.22 of 1:7.2.22+dfsg-1."""
    return re.match(r"(?:\d+:)?([\d.]+)", version).group(1)


def as_tuple(version):
    """To compare upstream versions."""
    return tuple(int(number) for number in upstream(version).split("."))


def choose(which):
    """The versions to try, the best first: `which` is own, newest or a version."""
    every = [v for v in archive().source_versions("qemu") if as_tuple(v) >= OLDEST]
    if which == "newest":
        return every
    if which == "own":
        own = archive().own_version("qemu")
        every = [v for v in every if v == own]
    else:
        every = [v for v in every if upstream(v) == which or v == which]
    if not every:
        raise Trouble(f"no source package of QEMU for '{which}', {'.'.join(map(str, OLDEST))}"
                      " or newer: EDUDMA_QEMU=newest takes that of a newer release")
    return every


def _unpack(version, where):
    """Fetch and unpack into `where`/src.  False if the archive lacks it."""
    say(f"fetching the source of QEMU {version}")
    if not archive().fetch_source("qemu", version, where):
        return False
    say("unpacking it")
    # With the distribution's patches: they bring a release's later fixes.  Apt
    # has checked the signatures.
    run(["dpkg-source", "--no-check", "-x", next(where.glob("*.dsc")), where / "src"])
    for path in where.glob("*.tar.*"):
        path.unlink()
    return True


def _given(path):
    """A tree that somebody else unpacked: copied, since it will be changed."""
    path = pathlib.Path(path).absolute()
    if not (path / "VERSION").is_file():
        raise Trouble(f"EDUDMA_QEMU_SOURCE={path}: no VERSION there, not QEMU's source")
    home = _cache() / f"{(path / 'VERSION').read_text().strip()}-given"
    if not (home / "src").is_dir():
        with tempfile.TemporaryDirectory(dir=_cache()) as new:
            shutil.copytree(path, f"{new}/src", symlinks=True)
            home.mkdir(exist_ok=True)
            pathlib.Path(new, "src").rename(home / "src")
    return home


def prepare_source(which):
    """The directory of a version in the cache, its src/ unpacked."""
    with alone(_cache()):
        given = os.environ.get("EDUDMA_QEMU_SOURCE")
        return _given(given) if given else _packaged(which)


def _packaged(which):
    if not shutil.which("dpkg-source"):
        raise Trouble("needs dpkg-source: apt-get install dpkg-dev")
    # What `own` and `newest` came to the last time saves asking the network.
    chosen = _cache() / "chosen" / f"{packages.release()}-{which}"
    if chosen.is_symlink() and (chosen / "src/VERSION").is_file():
        return chosen.resolve()
    missing = []
    for version in choose(which):
        # Without the epoch: a colon does not go into a path.
        home = _cache() / version.split(":")[-1]
        if not (home / "src/VERSION").is_file():
            with tempfile.TemporaryDirectory(dir=_cache()) as new:
                new = pathlib.Path(new)
                if not _unpack(version, new):
                    missing.append(version)
                    say(f"the archive does not have {version}: trying an older one")
                    continue
                home.mkdir(exist_ok=True)
                (new / "src").rename(home / "src")
        chosen.parent.mkdir(exist_ok=True)
        chosen.unlink(missing_ok=True)
        chosen.symlink_to(os.path.relpath(home, chosen.parent))
        return home
    raise Trouble(f"the archive has none of {', '.join(missing)}: try again later,"
                  " or EDUDMA_QEMU=VERSION with another one")


def _wrapper(tools):
    """Old ones want a program, new ones a module of Python's; both as one."""
    modules = tools / "usr/lib/python3/dist-packages"
    program = tools / "meson"
    program.write_text("#!/usr/bin/python3\nimport sys\n"
                       f"sys.path.insert(0, {str(modules)!r})\n"
                       "from mesonbuild import mesonmain\n"
                       "sys.exit(mesonmain.main())\n")
    program.chmod(0o755)


def build_tools(home):
    """The directory with Meson in a version that this QEMU takes."""
    own = home / "tools"
    if own.is_dir():
        return own
    text = (home / "src/meson.build").read_text()
    least = re.search(r"meson_version: '>=([\d.]+)'", text).group(1)
    fits = [v for v in archive().binary_versions("meson") if as_tuple(v) >= as_tuple(least)]
    if not fits:
        raise Trouble(f"no package of Meson {least} or newer")
    say(f"fetching Meson {fits[-1]}")
    with tempfile.TemporaryDirectory(dir=home) as new:
        new = pathlib.Path(new)
        new.chmod(0o755)
        wanted = [("meson", fits[-1])]
        if "pycotap" in _text(home / "src/pythondeps.toml"):
            wanted.append(("python3-pycotap",
                           archive().binary_versions("python3-pycotap")[-1]))
        for package, version in wanted:
            if not archive().unpack_binary(package, version, new):
                raise Trouble(f"the archive does not have {package} {version}")
        new.rename(own)
        new.mkdir()
    _wrapper(own)
    return own


def _text(path):
    return path.read_text() if path.is_file() else ""


DEVICE = paths.TOP / "qemu"
TESTS = paths.TOP / "tests/host/qemu"
CORPUS = TESTS / "corpus"


def _after(text, anchor, line, where):
    """Insert behind the first line that matches."""
    found = re.search(rf"^.*{anchor}.*\n", text, re.M)
    if not found:
        raise Trouble(f"{where}: no line like '{anchor}': this QEMU is unknown to"
                      " scripts/lab/qemu_build.py")
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


def apply_overlay(home):
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


# What NVMe and ACPI refer to from a version on, without asking for it.
NEWER_DEVICES = {(10, 2): ("SPDM_SOCKET", "PXB", "CXL", "CXL_MEM_DEVICE")}
CONFIGURE = (
    "--target-list={target}-softmmu", "--without-default-features", "--enable-tcg",
    "--without-default-devices", "--with-devices-{target}=edudma",
    "--enable-attr", "--enable-cap-ng", "--enable-virtfs", "--enable-fdt=system",
    "--disable-install-blobs", "--disable-werror",
    # Where the packaged firmware lies.
    "--firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu",
)
# They run on the host, whatever machine they are of: built once.
SUITES = tuple(f"tests/qtest/{path.stem}" for path in sorted(TESTS.glob("*-test.c")))
KEEP = 4
# Every source file begins with it. Compiled once for each set of macros that files are
# compiled with, here those of three of them, it saves a quarter of the compiler's time.
HEADER = "qemu/osdep.h"
SAMPLES = ("util/cutils.c", "hw/misc/edu.c")
# What the headers above come in, for those who lack one.
HEADERS = {
    "glib.h": ("glib-2.0/glib.h", "libglib2.0-dev"),
    "attr": ("attr/attributes.h", "libattr1-dev"),
    "cap-ng": ("cap-ng.h", "libcap-ng-dev"),
    "fdt": ("libfdt.h", "libfdt-dev"),
    "pixman": ("pixman-1/pixman.h", "libpixman-1-dev"),
    "zlib": ("zlib.h", "zlib1g-dev"),
}
PROGRAMS = {"ninja": "ninja-build", "gcc": "gcc", "pkg-config": "pkg-config",
            "dpkg-source": "dpkg-dev", "bzip2": "bzip2", "xz": "xz-utils"}
# From QEMU 8.1 on, configure makes an environment of Python's.
MODULES = {"ensurepip": "python3-venv"}


def missing_packages():
    """The packages that have to be installed and are not."""
    places = ("/usr/include", "/usr/include/x86_64-linux-gnu")
    missing = [package for header, package in HEADERS.values()
               if not any(os.path.exists(f"{place}/{header}") for place in places)]
    missing += [package for program, package in PROGRAMS.items()
                if not shutil.which(program)]
    return missing + [package for module, package in MODULES.items()
                      if not importlib.util.find_spec(module)]


def _check_packages():
    missing = missing_packages()
    if missing:
        raise Trouble("building QEMU needs packages that are not installed:"
                      f" apt-get install {' '.join(missing)}")


def _sanitizers(version):
    return ("--enable-sanitizers",) if version < (9, 1) else \
        ("--enable-asan", "--enable-ubsan")


def _devices(home, machine):
    version = as_tuple((home / "src/VERSION").read_text().strip())
    return machine.devices + tuple(name for since, names in NEWER_DEVICES.items()
                           if version >= since for name in names)


def _configure(home, machine, tools, directory, options):
    """Meson's part, where the options are new."""
    stamp = directory / "configured"
    devices = _devices(home, machine)
    inputs = "\n".join((*options, *devices))
    if stamp.is_file() and stamp.read_text() == inputs:
        return
    say("configuring, about a minute")
    (home / f"src/configs/devices/{machine.qemu}-softmmu/edudma.mak").write_text(
        "".join(f"CONFIG_{name}=y\n" for name in devices))
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    run([home / "src/configure", *options], cwd=directory,
        log=home / f"{directory.name}-configure.log", env=_environment(tools))
    stamp.write_text(inputs)


def _environment(tools):
    modules = str(tools / "usr/lib/python3/dist-packages")
    path = f"{tools}:/usr/bin:/bin:/usr/sbin:/sbin"
    return {**os.environ, "PYTHONPATH": modules, "PATH": path}


def _without_blobs(home):
    """The packaged sources lack firmware, which QEMU would unpack or install."""
    path = home / "src/meson.build"
    text = path.read_text()
    changed = text.replace("unpack_edk2_blobs = bzip2.found()", "unpack_edk2_blobs = false")
    if changed != text:
        path.write_text(changed)
    for tree in (home / "src/pc-bios/dtb").glob("*.dts"):
        tree.with_suffix(".dtb").touch()


def _options(home, machine, tools, sanitize):
    version = as_tuple((home / "src/VERSION").read_text().strip())
    options = [option.format(target=machine.qemu) for option in CONFIGURE]
    if version < (8, 1):
        options.append(f"--meson={tools / 'meson'}")
    # Reports of a sanitizer name lines; nothing else needs what -g costs.
    options += _sanitizers(version) if sanitize else ("--disable-debug-info",)
    return options


def _flags(command):
    """A compiler's command without its input, its output and dependencies."""
    words = iter(shlex.split(command))
    kept = []
    for word in words:
        if word in ("-o", "-c", "-MF", "-MQ"):
            next(words)
        elif word != "-MD":
            kept.append(word)
    return kept


def _header_commands(home, machine, directory):
    """How HEADER is compiled for each of the SAMPLES and the machine's that differ."""
    commands = {}
    for entry in json.loads((directory / "compile_commands.json").read_text()):
        name = os.path.relpath(directory / entry["file"], home / "src")
        if name in (*SAMPLES, machine.sample):
            flags = _flags(entry["command"])
            macros = tuple(sorted(word for word in flags if word.startswith("-D")))
            commands.setdefault(macros, flags)
    return commands.values()


def _is_current(compiled, depends):
    """Is all that the header includes as it was?  Ninja does not know of it."""
    try:
        made = compiled.stat().st_mtime
        words = [word for path in depends.iterdir() for word in path.read_text().split()]
        # Relative to where the compiler ran; beside them: targets, escaped line ends.
        return all((depends.parents[1] / word).stat().st_mtime <= made
                   for word in words if word != "\\" and not word.endswith(":"))
    except FileNotFoundError:
        return False


def _precompile(home, machine, directory, tools):
    """Compile HEADER where the compiler looks for it first.

    What does not fit a file's options, the compiler does not take.
    """
    header = directory / HEADER
    compiled = header.with_name(header.name + ".gch")
    depends = header.with_name(header.name + ".d")
    if _is_current(compiled, depends):
        return
    log = home / f"{directory.name}-header.log"
    # The header includes it.
    run(["ninja", "config-poison.h"], cwd=directory, log=log, env=_environment(tools))
    original = home / "src/include" / HEADER
    for path in (compiled, depends):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    for number, flags in enumerate(_header_commands(home, machine, directory)):
        run([*flags, "-MD", "-MF", depends / str(number), "-x", "c-header",
             "-c", original, "-o", compiled / str(number)], cwd=directory, log=log)
    if not header.is_symlink():
        header.symlink_to(original)
    os.utime(compiled)


def _programs(machine):
    """What ninja makes: the emulator, and the suites, which one of them brings."""
    return (machine.emulator, *(SUITES if machine is arch.X86 else ()))


def _compile(home, machine, sanitize, jobs, result, options, tools):
    name = f"build{machine.suffix}"
    directory = home / (f"{name}-sanitize" if sanitize else name)
    _without_blobs(home)
    _configure(home, machine, tools, directory, options)
    _precompile(home, machine, directory, tools)
    say("compiling: minutes the first time, seconds after a change of the device")
    programs = _programs(machine)
    run(["nice", "ninja", f"-j{jobs}", *programs], cwd=directory,
        log=home / f"{directory.name}.log", env=_environment(tools))
    new = result.with_name(result.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for program in programs:
        shutil.copy2(directory / program, new)
        if not sanitize:
            run(["strip", new / os.path.basename(program)])
    new.rename(result)
    # Of what other states of the device came to, a few are enough.
    earlier = sorted(result.parent.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in earlier[:-KEEP]:
        shutil.rmtree(path)


def build(which, machine=arch.X86, sanitize=False, jobs=None, place=None):
    """Bring build/qemu, or another place, up to date; returns it."""
    home = prepare_source(which)
    with alone(home):
        digest = apply_overlay(home)
        tools = home / "tools"
        digest.update("\0".join((*_options(home, machine, tools, sanitize),
                                 *_devices(home, machine))).encode())
        result = home / f"done{machine.suffix}" / digest.hexdigest()[:16]
        if not result.is_dir():
            _check_packages()
            tools = build_tools(home)
            _compile(home, machine, sanitize, jobs or os.cpu_count() or 1, result,
                     _options(home, machine, tools, sanitize), tools)
        # What somebody uses is not among those that go first.
        os.utime(result)
    place = paths.BUILD / (place or f"qemu{machine.suffix}" + "-sanitize" * sanitize)
    place.mkdir(parents=True, exist_ok=True)
    for program in _programs(machine):
        # At once: somebody may be using it.
        link = place / os.path.basename(program)
        new = place / f".{link.name}.{os.getpid()}"
        new.symlink_to(result / link.name)
        new.replace(link)
    say(f"QEMU {(home / 'src/VERSION').read_text().strip()} with edu-sg:"
        f" {os.path.relpath(place / machine.emulator)}")
    return place


EPILOG = """\
environment:
  EDUDMA_QEMU=own|newest|VERSION  which source package: that of this release
                                  (default), the newest that can be had, or one
  EDUDMA_QEMU_SOURCE=DIR          an unpacked source instead
  EDUDMA_QEMU_SANITIZE=1          with address and undefined behaviour sanitizers
  EDUDMA_CACHE=DIR                where sources and results are kept
"""


def _parser():
    parse = argparse.ArgumentParser(
        prog="qemu", description="QEMU with the device edu-sg.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--jobs", "-j", type=int, help="compilers at a time")
    parse.add_argument("--arch", default="x86", choices=tuple(arch.ALL),
                       help="the machine that is emulated (default: %(default)s)")
    parse.add_argument("--place", metavar="NAME",
                       help="directory of build/ for the programs (default: qemu)")
    parse.add_argument("action", choices=("build", "test", "suite", "patch", "deps",
                                          "source"),
                       help="build it; run the qtest suites, or one of them, as TAP;"
                       " write the series for upstream; name the packages that are"
                       " missing; say where the source is")
    parse.add_argument("rest", nargs="*", help="for suite: its name; for test:"
                       " arguments of the suites")
    return parse


def _suite_environment(machine, place):
    """What the suites run in."""
    return {
        **os.environ,
        "QTEST_QEMU_BINARY": str(place / machine.emulator),
        "EDU_SG_CORPUS": str(CORPUS),
        # Everything that is kept for good counts as a leak, and QEMU keeps a lot.
        "ASAN_OPTIONS": "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", ""),
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


def _suites(place):
    """name -> program."""
    return {path.stem: place / path.name
            for path in map(pathlib.Path, SUITES)}


def _suite(programs, environment, rest):
    """Become one of the suites."""
    if len(rest) != 1 or rest[0] not in programs:
        raise Trouble(f"suite: give one of {', '.join(programs)}")
    program = programs[rest[0]]
    os.execve(program, [str(program), "--tap", "-k"], environment)


def _test(programs, environment, rest):
    """Run the suites as QEMU's own make check would, and count what came out."""
    if not shutil.which("prove"):
        raise Trouble("needs prove: apt-get install perl")
    command = ["prove", "--exec", "", *programs.values(), "::", "--tap", "-k", *rest]
    return subprocess.run(command, env=environment, check=False).returncode


def main(argv, write_patches):
    """Do what was asked; the exit status."""
    options = _parser().parse_args(argv)
    which = os.environ.get("EDUDMA_QEMU") or "own"
    sanitize = os.environ.get("EDUDMA_QEMU_SANITIZE", "0") not in ("", "0")
    machine = arch.named(options.arch)
    try:
        if options.action == "deps":
            print(" ".join(missing_packages()))
        elif options.action == "patch":
            write_patches()
        elif options.action == "source":
            print(prepare_source(which) / "src")
        else:
            place = build(which, machine, sanitize, options.jobs, options.place)
            if options.action != "build":
                # Those of x86 serve all.
                programs = _suites(place if machine is arch.X86 else
                                   build(which, sanitize=sanitize, jobs=options.jobs))
                environment = _suite_environment(machine, place)
                if options.action == "test":
                    return _test(programs, environment, options.rest)
                _suite(programs, environment, options.rest)
    except Trouble as trouble:
        print(f"qemu: {trouble}", file=sys.stderr)
        return 1
    return 0
