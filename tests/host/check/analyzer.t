#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What runs in user space, as two analyzers see it: gcc's and clang's.  Compiled
# with the flags that it is built with, and warnings are errors.
#
# What has a warning makes no object file, so what is up to date has none.  That holds for
# clang as it does for gcc.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
require gcc clang pkg-config
harness=$(scripts/kernel source)/tools/testing/selftests || exit 1

compiler() {
	case $1 in
	gcc) echo gcc -fanalyzer -Werror ;;
	clang) echo "$PWD/tests/host/check/clang-analyze" ;;
	esac
}

# analyze ANALYZER DIRECTORY TARGET...
analyze() {
	analyzer=$1 directory=$2
	shift 2
	make --silent --keep-going -C "$directory" "$@" CC="$(compiler "$analyzer")" \
		BUILD="$(check_build "$analyzer/$directory")" KSELFTEST_DIR="$harness"
}

# The guest's init is built by scripts/guest, all at once.
analyze_init() {
	out=$(check_build "$1/scripts/lab/init")
	good=yes
	for source in scripts/lab/init/*.c; do
		# One word for each option.
		# shellcheck disable=SC2046
		$(compiler "$1") -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -c \
			-o "$out/${source##*/}.o" "$source" || good=no
	done
	[ $good = yes ]
}

for analyzer in gcc clang; do
	check "userspace/ by $analyzer" analyze $analyzer userspace objects
	check "helpers of the tests by $analyzer" analyze $analyzer tests helpers
	check "scripts/lab/init/ by $analyzer" analyze_init $analyzer
done
checked
