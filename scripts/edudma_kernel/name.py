# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel is called: VERSION+CONFIG, as in 6.1+debug or newest+rt."""

import dataclasses

from edudma_guest import Trouble, paths

FRAGMENTS = paths.SCRIPTS / "kconfig"
# The parts that each configuration has.
BASE = "base"
MACHINE = "x86_64"


@dataclasses.dataclass(frozen=True)
class Name:
    """A version as it was asked for, and the fragments beside the base."""

    version: str
    configs: tuple

    def __str__(self):
        return "+".join((self.version, *self.configs))

    def fragments(self):
        """The files of its configuration, later ones over earlier ones."""
        return [FRAGMENTS / f"{name}.config" for name in (BASE, MACHINE, *self.configs)]


def configs():
    """The configurations that there are."""
    return sorted(path.stem for path in FRAGMENTS.glob("*.config")
                  if path.stem not in (BASE, MACHINE))


def parse(text):
    """A Name; a name without configuration has the base alone."""
    version, *names = text.split("+")
    names = [name for name in names if name and name != BASE]
    for name in names:
        if name not in configs():
            raise Trouble(f"kernel '{text}': no configuration '{name}': there are "
                          f"{', '.join((BASE, *configs()))}")
    return Name(version, tuple(names))
