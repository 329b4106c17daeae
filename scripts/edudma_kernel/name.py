# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel is called: VERSION+CONFIG, as in 6.1+debug or newest+rt."""

import dataclasses

from edudma_guest import Trouble, paths

FRAGMENTS = paths.SCRIPTS / "kconfig"
# The part that each configuration has, and the machine's: the first unless
# another one is named.
BASE = "base"
MACHINES = ("x86_64", "i386")


@dataclasses.dataclass(frozen=True)
class Name:
    """A version as it was asked for, and the fragments beside the base."""

    version: str
    configs: tuple

    def __str__(self):
        return "+".join((self.version, *self.configs))

    def fragments(self):
        """The files of its configuration, later ones over earlier ones."""
        machines = [name for name in self.configs if name in MACHINES] or MACHINES[:1]
        others = [name for name in self.configs if name not in MACHINES]
        return [FRAGMENTS / f"{name}.config" for name in (BASE, *machines, *others)]


def configs():
    """The configurations that there are."""
    return sorted(path.stem for path in FRAGMENTS.glob("*.config")
                  if path.stem not in (BASE, MACHINES[0]))


def parse(text):
    """A Name; a name without configuration has the base alone."""
    version, *names = text.split("+")
    names = [name for name in names if name and name != BASE]
    for name in names:
        if name not in configs():
            raise Trouble(f"kernel '{text}': no configuration '{name}': there are "
                          f"{', '.join((BASE, *configs()))}")
    return Name(version, tuple(names))
