#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: migration, also from a stream that somebody made up.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-migrate-test
