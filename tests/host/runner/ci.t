#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What .ci/run says in the end is the sum of its parts, and no part that failed or
# never came to its tests is overlooked.
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

# tells NAME LINE...: these lines came when they were printed, and again in the end
tells() {
	local name=$1 line status=ok

	shift
	for line; do
		[ "$(grep -cxF -- "$line" "$scratch/said")" = 2 ] || status='not ok'
	done
	number=$((number + 1))
	echo "$status $number - $name"
}

good='echo "3 passed, 0 failed, 1 skipped"'

make_says deps true
make_says test "$good"
make_says test-debug "$good"
make_says test-faults 'echo "4 passed, 0 failed"'
ends 'the parts are added up' 0 '10 passed, 0 failed, 2 skipped'

make_says deps true
make_says test "$good"
make_says test-debug 'printf "FAILED one: not ok 2\\n    because\\n2 passed, 1 failed, 0 skipped\\n"; exit 1'
make_says test-faults "$good"
ends 'a failed test counts once, and the next part runs' 1 '8 passed, 1 failed, 2 skipped'
tells 'what failed is told again in the end' 'FAILED one: not ok 2' '    because'

make_says deps true
make_says test "$good"
make_says test-debug "$good"
make_says test-faults 'echo "it does not build"; exit 1'
ends 'a part without tests has failed' 1 '6 passed, 1 failed, 2 skipped'
tells 'how a part without tests ended is told again' 'it does not build'

make_says deps true
make_says test "$good; exit 1"
make_says test-debug "$good"
make_says test-faults "$good"
ends 'a part that fails beside its tests has failed' 1 '9 passed, 1 failed, 3 skipped'

make_says deps true
make_says test "$good"
make_says test-debug 'echo "0 passed, 0 failed, 4 skipped"'
make_says test-faults "$good"
ends 'a part in which nothing ran has failed' 1 '6 passed, 1 failed, 2 skipped'

make_says deps false
ends 'without what is needed nothing runs' 1 '0 passed, 1 failed, 0 skipped'
echo "1..$number"
