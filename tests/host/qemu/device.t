#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: registers, rings, saving and loading.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-test
