#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Set: by name
#
# The source tarball: it is the same whenever and from wherever it is made, and builds
# without git.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
place=$(check_build dist)
# git looks above for what it does not find here.
export GIT_DIR=/nonexistent

is_reproducible() {
	(unset GIT_DIR && scripts/dist "$place/one") || return
	rm -rf "$place/tree"
	mkdir "$place/tree"
	tar -C "$place/tree" -x -f "$place"/one/edudma-*.tar.xz || return
	(cd "$place"/tree/edudma-*/ && umask 077 && TZ=Asia/Tokyo scripts/dist "$place/two") ||
		return
	cmp "$place"/one/*.tar.xz "$place"/two/*.tar.xz
}

# builds MAKE-ARGUMENT...
builds() {
	cd "$place"/tree/edudma-*/ && make EDUDMA_BUILD="$PWD/build" "$@"
}

installs() {
	builds install DESTDIR="$place/root" PREFIX=/usr || return
	[ -e "$place/root/usr/bin/edudma" ] &&
		[ -e "$(find "$place/root/lib/modules" -name edudma.ko)" ] || return
	builds uninstall DESTDIR="$place/root" PREFIX=/usr || return
	# depmod may have left its own.
	[ -z "$(find "$place/root" ! -type d ! -name 'modules.*')" ]
}

rm -rf "$place/root" "$place/userspace"
check "tarball is reproducible" is_reproducible
check "tarball builds" builds
check "tarball builds the module in driver/" builds -C driver \
	KDIR="/lib/modules/$(scripts/kernel release)/build"
check "tarball builds userspace/" builds -C userspace BUILD="$place/userspace"
check "tarball is installed and uninstalled" installs
checked
