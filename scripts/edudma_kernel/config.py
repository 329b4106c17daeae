# SPDX-License-Identifier: GPL-2.0-only
"""A configuration out of fragments, and whether it held.

A fragment is a piece of a kernel's .config.  What some kernels do not have
says for which it is meant, behind the option:

    CONFIG_SLUB=y				# before 6.8
    CONFIG_MITIGATION_RETPOLINE=n		# since 6.9

A line of another kind is given to make when the kernel is compiled, and not
when modules are:

    #make KCOV_INSTRUMENT=n

All that no fragment names is off: the base is allnoconfig.  Kconfig drops in
silence what it does not know or whose dependencies are off, and switches on
what others select; so what came out is compared, option by option.
"""

import re

from edudma_guest import Trouble

_LINE = re.compile(r"^(?P<name>CONFIG_\w+)=(?P<value>\S+|\"[^\"]*\")\s*(?P<when>#.*)?$")
_WHEN = re.compile(r"(since|before) (\d+)\.(\d+)")


def _applies(when, number):
    """Is a line with this remark meant for this kernel?"""
    for word, major, minor in _WHEN.findall(when or ""):
        if (number >= (int(major), int(minor))) != (word == "since"):
            return False
    return True


def read(path, number):
    """The options of a fragment: name -> value."""
    options = {}
    for place, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        if not found:
            raise Trouble(f"{path}:{place}: not CONFIG_NAME=VALUE: {line}")
        if _applies(found["when"], number):
            options[found["name"]] = found["value"]
    return options


def merge(paths, number):
    """The options of several fragments, later ones over earlier ones."""
    options = {}
    for path in paths:
        options |= read(path, number)
    return options


def make_words(paths):
    """What the fragments give to make."""
    return [word for path in paths
            for word in re.findall(r"^#make (\S+)$", path.read_text(), re.M)]


def text(options):
    """The options as Kconfig reads them."""
    return "".join(f"{name}={value}\n" for name, value in options.items())


def lost(options, result):
    """Those of the options that a .config does not have as they were wanted."""
    found = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", result, re.M))
    return [f"{name}={value} (is {found.get(name, 'not set')})"
            for name, value in options.items() if found.get(name, "n") != value]
