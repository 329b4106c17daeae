#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What of the library and the tool can be tested without a device: unit.c.

top=$(readlink -f "$(dirname "$0")/../../..")
exec "${EDUDMA_BUILD:-$top/build}/tests-host/userspace_unit"
