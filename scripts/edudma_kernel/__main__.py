# SPDX-License-Identifier: GPL-2.0-only
"""What scripts/kernel runs."""

import sys

from .cli import main

sys.argv[0] = "kernel"
sys.exit(main(sys.argv[1:]))
