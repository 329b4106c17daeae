# SPDX-License-Identifier: GPL-2.0-only
"""Configure and compile."""

import importlib.util
import os
import shutil

from . import BUILD, Trouble, alone, overlay, run, say, source

CONFIGURE = (
    "--target-list=x86_64-softmmu", "--without-default-features", "--enable-tcg",
    "--enable-attr", "--enable-cap-ng", "--enable-virtfs", "--enable-fdt=system",
    "--disable-install-blobs", "--disable-werror",
    # Where the packaged firmware lies.
    "--firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu",
)
TARGETS = ("qemu-system-x86_64",
           *(f"tests/qtest/{path.stem}" for path in sorted(overlay.TESTS.glob("*-test.c"))))
KEEP = 4
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


def packages():
    """The packages that have to be installed and are not."""
    places = ("/usr/include", "/usr/include/x86_64-linux-gnu")
    missing = [package for header, package in HEADERS.values()
               if not any(os.path.exists(f"{place}/{header}") for place in places)]
    missing += [package for program, package in PROGRAMS.items()
                if not shutil.which(program)]
    return missing + [package for module, package in MODULES.items()
                      if not importlib.util.find_spec(module)]


def _check_packages():
    missing = packages()
    if missing:
        raise Trouble("building QEMU needs packages that are not installed:"
                      f" apt-get install {' '.join(missing)}")


def _sanitizers(version):
    return ("--enable-sanitizers",) if version < (9, 1) else \
        ("--enable-asan", "--enable-ubsan")


def _configure(home, tools, directory, options):
    """Meson's part, where the options are new."""
    stamp = directory / "configured"
    if stamp.is_file() and stamp.read_text() == "\n".join(options):
        return
    say("configuring, about a minute")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    run([home / "src/configure", *options], cwd=directory,
        log=home / f"{directory.name}-configure.log", env=_environment(tools))
    stamp.write_text("\n".join(options))


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


def _options(home, tools, sanitize):
    version = source.as_tuple((home / "src/VERSION").read_text().strip())
    options = list(CONFIGURE)
    if version < (8, 1):
        options.append(f"--meson={tools / 'meson'}")
    if sanitize:
        options += _sanitizers(version)
    return options


def _compile(home, sanitize, jobs, result, options, tools):
    directory = home / ("build-sanitize" if sanitize else "build")
    _without_blobs(home)
    _configure(home, tools, directory, options)
    say("compiling: minutes the first time, seconds after a change of the device")
    run(["nice", "ninja", f"-j{jobs}", *TARGETS], cwd=directory,
        log=home / f"{directory.name}.log", env=_environment(tools))
    new = result.with_name(result.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for target in TARGETS:
        shutil.copy2(directory / target, new)
        if not sanitize:
            run(["strip", new / os.path.basename(target)])
    new.rename(result)
    # Of what other states of the device came to, a few are enough.
    earlier = sorted(result.parent.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in earlier[:-KEEP]:
        shutil.rmtree(path)


def build(which, sanitize=False, jobs=None, place=None):
    """Bring build/qemu, or another place, up to date; returns it."""
    home = source.prepare(which)
    with alone(home):
        digest = overlay.apply(home)
        tools = home / "tools"
        digest.update("\0".join(_options(home, tools, sanitize)).encode())
        result = home / "done" / digest.hexdigest()[:16]
        if not result.is_dir():
            _check_packages()
            tools = source.tools(home)
            _compile(home, sanitize, jobs or os.cpu_count() or 1, result,
                     _options(home, tools, sanitize), tools)
        # What somebody uses is not among those that go first.
        os.utime(result)
    place = BUILD / (place or ("qemu-sanitize" if sanitize else "qemu"))
    place.mkdir(parents=True, exist_ok=True)
    for target in TARGETS:
        # At once: somebody may be using it.
        link = place / os.path.basename(target)
        new = place / f".{link.name}.{os.getpid()}"
        new.symlink_to(result / link.name)
        new.replace(link)
    say(f"QEMU {(home / 'src/VERSION').read_text().strip()} with edu-sg:"
        f" {os.path.relpath(place / 'qemu-system-x86_64')}")
    return place
