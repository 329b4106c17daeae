# SPDX-License-Identifier: GPL-2.0-only
"""Kernels from the distribution's source packages, with chosen configurations.

cli         the command line
name        what a kernel is called: VERSION+CONFIG
source      an unpacked kernel source
config      a configuration out of fragments, and whether it held
build       the kernel, and the tree in the cache that it makes
"""

from edudma_guest import paths


def cache():
    """The directory for sources and logs."""
    return paths.cache() / "linux"
