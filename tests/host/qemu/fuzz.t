#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: the corpus of inputs that a guest could make up.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-fuzz-test
