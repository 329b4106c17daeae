#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Set: debug
# Needs: qemu
# Two of the labs, as labs.solutions tests all of them.
directory=$(dirname "$0")
EDUDMA_LABS=labs.sample EDUDMA_TEST=${EDUDMA_TEST:-'*01* *05*'} exec "$directory/solutions.t"
