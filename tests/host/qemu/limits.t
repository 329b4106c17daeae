#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: limits, order and time, as specified.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-limits-test
