# SPDX-License-Identifier: GPL-2.0-only
"""The host's side of the fuzzer of the uapi, tests/fuzz/.

cli         the command line
guest       one run in a guest, and what came of it
minimise    fewer calls that still go wrong
"""
