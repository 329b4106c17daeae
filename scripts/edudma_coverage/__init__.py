# SPDX-License-Identifier: GPL-2.0-only
"""Coverage of the driver by line.

cli         the command line
collect     a module that counts, and runs that it counts in
lines       what was counted, line by line
unreached   the lines that nothing reaches, each with its reason
"""
