# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the checks share.  Sourced, from the top of the checkout.
number=0
failed=

# Those of the make that runs the tests are for it alone.
unset MAKEFLAGS MFLAGS MAKELEVEL

# check NAME COMMAND...: one test, with how long it took, and what the command
# said if it failed
check() {
	name=$1
	shift
	number=$((number + 1))
	started=$(date +%s%N)
	if said=$("$@" 2>&1); then
		echo "ok $number - $name"
	else
		# For those that source this.
		# shellcheck disable=SC2034
		failed=yes
		echo "not ok $number - $name"
		echo "$said" | sed 's/^/# /'
	fi
	echo "# $name: $((($(date +%s%N) - started) / 1000000)) ms"
}

# Where a check may write.
check_build() {
	dir=${EDUDMA_BUILD:-$PWD/build}/check/$1
	mkdir -p "$dir"
	printf '%s\n' "$dir"
}

# After the last check: the plan.
checked() {
	echo "1..$number"
}

# What the distribution lacks cannot be checked with; that is no pass.
require() {
	for program in "$@"; do
		command -v "$program" >/dev/null || {
			echo "Bail out! $program is missing: run 'make deps'"
			exit 1
		}
	done
}
