#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: streams, their bytes, their time and what they lose.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-stream-test
