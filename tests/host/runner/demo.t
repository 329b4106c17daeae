#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make demo: files that cannot be copied are refused before anything boots, and
# one with an unusual name arrives.
set -u
cd "$(dirname "$0")/../../.." || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=${EDUDMA_BUILD:-$PWD/build}/demo
number=0

# result STATUS NAME: one test's line, with what was said if it failed
result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$scratch/said"
	fi
}

# refuses NAME FILE WORDS [COMMAND...]: fails, says this, and does not get to booting;
# run by the command
refuses() {
	! "${@:4}" scripts/demo "$2" >"$scratch/said" 2>&1 &&
		grep -qF -- "$3" "$scratch/said" &&
		! grep -q '^guest:' "$scratch/said"
	result $? "$1"
}

refuses 'a missing file' "$scratch/missing" "$scratch/missing: no such file"
refuses 'a directory' "$scratch" 'not a regular file'
refuses 'no name' '' 'usage'
refuses 'a file that the guest has another of' /proc/cpuinfo 'the guest has its own /proc'
touch "$scratch/secret" && chmod 0 "$scratch/secret"
# Root reads any file, unless it gives that up.
as_user=()
[ "$(id -u)" != 0 ] || as_user=(setpriv '--bounding-set=-dac_override,-dac_read_search')
refuses 'an unreadable file' "$scratch/secret" 'cannot be read' "${as_user[@]}"

# A machine that has no kernel headers yet has them after deps, not before.
make --no-print-directory -n deps demo FILE=x 2>&1 | head -n 2 >"$scratch/said"
printf '%s\n' scripts/deps 'make --no-print-directory demo' |
	cmp -s - "$scratch/said"
result $? 'demo is made by a make that begins after deps'

# The name is relative, and not one for a careless script.
name="a b'c \"d.txt"
head -c 5000 LICENSES/GPL-2.0 >"$scratch/$name"
(top=$PWD && cd "$scratch" && "$top/scripts/demo" "$name") >"$scratch/said" 2>&1
result $? 'a file with an unusual name is copied'
cmp -s "$scratch/$name" "$out/$name"
result $? 'the copy by the ioctl is the same'
cmp -s "$scratch/$name" "$out/$name.pread"
result $? 'the copy by preadv is the same'
grep -q '^ *[1-9][0-9]*  interrupts taken$' "$scratch/said"
result $? 'the work is shown'
grep -qF "its timeline, for a browser: $out/$name.svg" "$scratch/said" &&
	grep -q '</svg>' "$out/$name.svg"
result $? 'the timeline of the copy is drawn'
rm -f "$out/$name" "$out/$name.pread" "$out/$name.svg"
echo "1..$number"
