#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The version in driver/version.h is that of all parts.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
require modinfo
build=${EDUDMA_BUILD:-$PWD/build}
version=$(sed -n 's/^#define EDUDMA_VERSION\s*"\(.*\)"$/\1/p' driver/version.h)

# is WHAT: the version is what the file or command on standard input says
is() {
	read -r said
	[ "$said" = "$1" ] || { echo "$said, not $1"; return 1; }
}

well_formed() {
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
}

module() {
	make --silent module >/dev/null || return
	modinfo -F version "$build/driver/${KVER:-$(scripts/kernel release)}/edudma.ko" |
		is "$version"
}

tool() {
	"$build/userspace/edudma" --version | is "edudma $version"
}

# Those of the source that pkg-config and programs that are linked see.
libraries() {
	local name
	for name in libedudma libedudma-uring; do
		readlink -f "$build/userspace/$name.so" | is "$build/userspace/$name.so.$version" ||
			return
	done
}

packages() {
	sed -n '1s/^edudma (\(.*\)) .*/\1/p' debian/changelog | is "$version"
}

news() {
	sed -n 's/^## \([0-9.]*\).*/\1/p' NEWS.md | is "$version"
}

check "well formed" well_formed
check "of the module" module
check "of the tool" tool
check "of the libraries" libraries
check "of the packages" packages
check "of the news" news
checked
