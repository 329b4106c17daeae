#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that were linked to the last release of a library work with this one: what
# abidiff knows of its functions and structures is as in userspace/abi, or was added.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
require abidiff
build=${EDUDMA_BUILD:-$PWD/build}/userspace

agrees() {
	said=$(abidiff --no-added-syms "userspace/abi/$1.xml" "$build/$1.so") && return
	echo "$said"
	echo "a program that is linked to $1 may fail: see CONTRIBUTING.md, Versions"
	return 1
}

make --silent userspace >/dev/null || exit 1
for library in libedudma libedudma-uring; do
	check "$library" agrees $library
done
checked
