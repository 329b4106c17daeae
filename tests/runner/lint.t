#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The scripts are clean: shell by shellcheck, Python by its compiler.
cd "$(dirname "$0")/../.." || exit 1
number=0

# check NAME COMMAND...: one test, with what the command said if it failed
check() {
	name=$1
	shift
	number=$((number + 1))
	if said=$("$@" 2>&1); then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		echo "$said" | sed 's/^/# /'
	fi
}

compiles() {
	python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$1"
}

for file in .ci/* scripts/* scripts/*/*.py tests/*/*.t userspace/*/*.sh; do
	[ -f "$file" ] || continue
	case $(head -n 1 "$file") in
	*python*) check "$file compiles" compiles "$file" ;;
	'#!'*sh* | *'shellcheck shell'*) check "$file is clean" shellcheck -x -P . "$file" ;;
	*) case $file in *.py) check "$file compiles" compiles "$file" ;; *.sh)
		check "$file is clean" shellcheck -x -P . "$file" ;;
	esac ;;
	esac
done
echo "1..$number"
