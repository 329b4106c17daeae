# SPDX-License-Identifier: GPL-2.0-only
"""Run the tests and say what came out.

tap       reading the lines that tests print
suites    in the guest: run the suites, make one stream of theirs
lane      on the host: one lane as a test that prove can run
plan      which tests there are, and which of them are wanted
summary   the table at the end, and the numbers
mutants   the driver with something taken away: what there is, and what to think of it
mutation  on the host: trying them
"""
