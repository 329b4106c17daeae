#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What .ci/run says in the end is what the tests said, and nothing that failed or never
# came to its tests is overlooked.
set -u
cd "$(dirname "$0")/../../.." || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/.ci"
cp .ci/run "$scratch/.ci/"
number=0

# make_says TARGET COMMAND: what its Makefile does
make_says() {
	printf '%s:\n\t@%s\n' "$1" "$2" >>"$scratch/Makefile"
}

# ends NAME STATUS LINE: the status of .ci/run and its last line, with that Makefile
ends() {
	local status=0

	"$scratch/.ci/run" >"$scratch/said" 2>&1 || status=$?
	number=$((number + 1))
	if [ "$status" = "$2" ] && [ "$(tail -n 1 "$scratch/said")" = "$3" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "# status $status"
		sed 's/^/# /' "$scratch/said"
	fi
	rm "$scratch/Makefile"
}

good='echo "3 passed, 0 failed, 1 skipped"'

make_says deps true
make_says test "$good"
ends 'the last line counts the tests' 0 '3 passed, 0 failed, 1 skipped'

make_says deps true
make_says test "test '\$(SETS)' = 'gate debug faults' && $good"
ends 'the sets are chosen' 0 '3 passed, 0 failed, 1 skipped'

make_says deps true
make_says test 'echo "2 passed, 1 failed, 0 skipped"; exit 1'
ends 'a failed test fails it' 1 '2 passed, 1 failed, 0 skipped'

make_says deps true
make_says test 'echo "it does not build"; exit 1'
ends 'tests that nobody came to have failed' 1 '0 passed, 1 failed, 0 skipped'

make_says deps true
make_says test "$good; exit 1"
ends 'what fails beside the tests has failed' 1 '3 passed, 1 failed, 1 skipped'

make_says deps true
make_says test 'echo "0 passed, 0 failed, 4 skipped"'
ends 'a run in which nothing ran has failed' 1 '0 passed, 1 failed, 0 skipped'

make_says deps false
ends 'without what is needed nothing runs' 1 '0 passed, 1 failed, 0 skipped'
echo "1..$number"
