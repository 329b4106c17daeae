#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's semantic patches for coccinelle find nothing in the driver.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
require spatch
tools=$(scripts/kernel source)/scripts || exit 1
# It asks for one many times, and what is in PATH may be a script that looks for
# another.
python=$(python3 -c 'import sys; print(sys.executable)')

# Those that are left out, and why.
left_out() {
	case $1 in
	# For one driver's own structures; needs a compiler of OCaml.
	api/check_bq27xxx_data) ;;
	# Needs one as well; 0 for a pointer is what sparse looks for, too.
	null/badzero) ;;
	# Wants functions that are younger than the oldest kernel.
	api/string_choices) ;;
	*) return 1 ;;
	esac
}

# What was clean and has not changed since still is.  The directory is younger
# than what was added to it.
is_known() {
	[ -e "$2" ] && [ -z "$(find "$1" driver tests/host/check -newer "$2")" ]
}

# Each says itself which options it needs.
finds_nothing() {
	clean=$build/$(echo "$1" | tr / _)
	is_known "$1" "$clean" && return
	touch "$build/started"
	options=$(sed -n 's|^//.*[Oo]ptions:||p' "$1")
	# One word for each option.
	# shellcheck disable=SC2086
	said=$(spatch -D report --very-quiet --no-show-diff --python "$python" $options \
		--cocci-file "$1" --dir driver 2>"$build/log") || {
		cat "$build/log"
		return 1
	}
	[ -z "$said" ] || { echo "$said"; return 1; }
	mv "$build/started" "$clean"
}

build=$(check_build coccinelle)
# No name in there has a space.
for file in $(cd "$tools/coccinelle" && find . -name '*.cocci' | sort); do
	name=${file#./}
	name=${name%.cocci}
	left_out "$name" || check "$name" finds_nothing "$tools/coccinelle/$file"
done
checked
