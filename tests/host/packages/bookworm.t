#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Set: by name
#
# The packages, built and installed in Debian 12.
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck disable=SC2034
suite=bookworm
. tests/host/packages/packages.sh
