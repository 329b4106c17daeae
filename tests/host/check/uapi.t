#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The uapi header alone, as programs include it: in each language, with all
# warnings, for 64 and for 32 bits.  The layout that tests/lib/layout.h asserts
# is the same in all.  Nothing is linked: so the 32-bit compiler needs no
# library, only the kernel's headers, which the 64-bit one has.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
require gcc g++ clang

includes="-Iuapi -isystem /usr/include/$(gcc -print-multiarch)"

# compile COMPILER LANGUAGE STANDARD BITS
compile() {
	# One word for each option.
	# shellcheck disable=SC2086
	"$1" -x "$2" -std="$3" -m"$4" -Wall -Wextra -Wpedantic -Wpadded -Werror \
		-fsyntax-only $includes tests/lib/layout.h
}

for bits in 64 32; do
	for compiler in gcc clang; do
		for standard in c99 c11 gnu17; do
			check "$compiler $standard, $bits bits" \
				compile $compiler c $standard $bits
		done
		for standard in c++11 c++20; do
			check "$compiler $standard, $bits bits" \
				compile $compiler c++ $standard $bits
		done
	done
done
checked
