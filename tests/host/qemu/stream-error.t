#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Needs: qemu
#
# edu-sg by qtest, without a guest: streams that something is wrong with, and their ends.
exec "$(dirname "$0")/../../../scripts/qemu" suite edu-sg-stream-error-test
