#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: each fault on demand.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-fault-test
