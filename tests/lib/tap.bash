# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the shell tests share.  A test is a function test_NAME; it passes if it
# returns 0, and runs in a subshell under "set -e" in a directory of its own.
# Sourced by each script; run_tests "$@" is then its last line.
#
# shellcheck disable=SC2034
#
#   -l          list the tests
#   -t PATTERN  run those that match, with or without the SCRIPT. in front;
#               EDUDMA_TEST=PATTERN does the same; there may be several

set -u
failed=0

top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
build=${EDUDMA_BUILD:-$top/build}
tool=$build/userspace/edudma
examples=$build/userspace/examples

# run STATUS COMMAND...: its output goes to the files out and err
run() {
	local want=$1 status=0
	shift
	"$@" >out 2>err || status=$?
	if [[ $status != "$want" ]]; then
		echo "status $status, not $want: $*"
		sed 's/^/  stderr: /' err
		return 1
	fi
}

# printed TEXT, said TEXT: was it in what the last command put to stdout, stderr?
printed() {
	contains out "$1" || { echo "stdout lacks: $1"; sed 's/^/  /' out; return 1; }
}

said() {
	contains err "$1" || { echo "stderr lacks: $1"; sed 's/^/  /' err; return 1; }
}

# contains FILE TEXT: without a process, as starting one takes an emulated machine long
contains() {
	local text
	IFS= read -rd '' text <"$1" || :
	[[ $text == *"$2"* ]]
}

silent() {
	[[ ! -s $1 ]] || { echo "std$1 is not empty:"; sed 's/^/  /' "$1"; return 1; }
}

# json FILTER: is it true, by jq's rules, of what the last command printed?
json() {
	gojq -e "$1" out >/dev/null || { echo "not so: $1"; sed 's/^/  /' out; return 1; }
}

skip() {
	echo "$*" >skipped
	exit 4
}

# One test, in its own directory; prints the line of its result.  Never called in
# a condition or a list: there bash would ignore "set -e" in the test, too.
run_one() {
	local number=$1 name=$2 dir status
	dir=$(mktemp -d "${TMPDIR:-/tmp}/edudma-test.XXXXXX") || exit 1
	(
		set -eE -o pipefail
		trap 'echo "failed: $BASH_COMMAND"' ERR
		cd "$dir"
		"test_$name"
	) >"$dir.log" 2>&1
	status=$?

	if [[ $status == 4 && -e $dir/skipped ]]; then
		echo "ok $number $name # SKIP $(cat "$dir/skipped")"
	elif [[ $status == 0 ]]; then
		echo "ok $number $name"
	else
		sed 's/^/# /' "$dir.log"
		echo "not ok $number $name"
		failed=$((failed + 1))
	fi
	rm -rf "$dir" "$dir.log"
}

run_tests() {
	local patterns=${EDUDMA_TEST:-*} pattern names=() name option list='' i=0
	local script=${0##*/}

	while getopts lt: option; do
		case $option in
		l) list=1 ;;
		t) patterns=$OPTARG ;;
		*) exit 2 ;;
		esac
	done

	# In the order in which they are written.
	read -ra patterns <<<"$patterns"
	while read -r name; do
		for pattern in "${patterns[@]}"; do
			# A pattern is meant.
			# shellcheck disable=SC2053
			[[ $name == $pattern || ${script%.t}.$name == $pattern ]] || continue
			names+=("$name")
			break
		done
	done < <(sed -n 's/^test_\([a-z0-9_]*\)() {$/\1/p' "$0")

	if [[ $list ]]; then
		printf '%s\n' "${names[@]}"
		exit 0
	fi

	echo 'TAP version 13'
	echo "1..${#names[@]}"
	for name in "${names[@]}"; do
		run_one $((++i)) "$name"
	done
	echo "# $((i - failed)) of $i passed"
	[[ $failed == 0 ]]
}
