#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The first hour of somebody new, by the commands that the documents name: clone, demo, its
# timeline, three labs solved.  Prints the minutes that each took; `make first-hour` is this.
#
# Set: labs
set -u
top=$(cd "$(dirname "$0")/../../.." && pwd) || exit 1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# All that is built is the clone's own.
unset EDUDMA_BUILD MAKEFLAGS MFLAGS MAKELEVEL
number=0

# step NAME COMMAND...: one test
step() {
	local name=$1 status=ok from=$SECONDS
	shift
	number=$((number + 1))
	"$@" >"$place/said" 2>&1 || {
		status='not ok'
		sed 's/^/# /' "$place/said"
	}
	echo "$status $number - $name"
	echo "# $(((SECONDS - from) / 60)) min $(((SECONDS - from) % 60)) s: $*"
}

# lab NUMBER: begin it, be told that it is not solved, solve it, be told that it is
lab() {
	local mutant directory
	make lab "$1" || return
	! make lab "$1" CHECK=1 || return
	mutant=$(sed -n 's/^mutant = //p' "tests/labs/$(printf %02d "$1")"-*.conf)
	directory=$(echo build/labs/"$(printf %02d "$1")"-*)
	patch -R -p1 -d "$directory" <"tests/mutants/$mutant.patch" || return
	make lab "$1" CHECK=1
}

# The picture is whole, and shows the requests of the demo.
timeline() {
	tail -c 10 build/demo/GPL-2.0.svg | grep -q '</svg>' &&
		grep -q 'edudma copy' build/demo/GPL-2.0.svg
}

step 'the project is cloned' git clone -q "$top" "$place/edudma"
cd "$place/edudma" || exit 1
step 'the demo runs' make deps demo
step 'the demo leaves its timeline' timeline
for which in 1 5 12; do
	step "lab $which is begun, graded and solved" lab "$which"
done
echo "1..$number"
echo "# in all: $((SECONDS / 60)) min $((SECONDS % 60)) s"
