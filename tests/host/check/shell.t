#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Shell scripts are clean, as shellcheck sees it.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
require shellcheck

for file in .ci/* scripts/* scripts/lab/inside/* tests/*/* tests/*/*/* userspace/*/*; do
	[ -f "$file" ] || continue
	case $file in
	*.sh | *.bash) ;;
	*) case $(head -n 1 "$file" | tr -d '\0') in
		'#!'*sh) ;;
		*) continue ;;
	esac ;;
	esac
	check "$file" shellcheck -x -P . "$file"
done
checked
