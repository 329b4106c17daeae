# SPDX-License-Identifier: GPL-2.0-only
"""QEMU from the distribution's source package, with edu-sg in it."""

from edudma_guest import Trouble, paths
from edudma_source import alone, run, say

TOP = paths.TOP
BUILD = paths.BUILD


def cache():
    """The directory for all of this."""
    return paths.cache() / "qemu"
