#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: a PCI Express endpoint, its resets and its errors.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-express-test
