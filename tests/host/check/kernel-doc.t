#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Comments in the form of kernel-doc are complete.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
tools=$(scripts/kernel source)/scripts || exit 1

# It says what it scans, too.
complete() {
	! perl "$tools/kernel-doc" -v -none "$1" 2>&1 | grep -v -e ': info: '
}

for file in driver/*.[ch] uapi/linux/*.h; do
	check "$file" complete "$file"
done
checked
