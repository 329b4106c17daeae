# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the shell scripts share: where things are, and how to fail.  Sourced,
# after the caller has set $top to the checkout.

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Run the EXIT trap, which removes what is half made, on a signal too.
trap_signals() {
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# The directory for what is expensive to make and does not depend on the
# checkout: guest kernels, the selftest headers, the outcome of the KVM trial.
cache_dir() {
	printf '%s\n' "${EDUDMA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/edudma}"
}

# The kernel release to build for and to boot: KVER if set, else the newest of
# the distribution's own headers that are installed.
kernel_release() {
	if [ -n "${KVER:-}" ]; then
		printf '%s\n' "$KVER"
		return
	fi
	for dir in /usr/src/linux-headers-*-amd64 /usr/src/linux-headers-*-generic; do
		case $dir in
		# Their kernels lack what the guest needs, or are another matter.
		*-cloud-* | *-rt-*) continue ;;
		esac
		[ ! -e "$dir/Makefile" ] ||
			printf '%s\n' "${dir#/usr/src/linux-headers-}"
	done | sort -V | tail -n 1
}

# The version of an installed package, empty if it is not installed.
package_version() {
	# The caller has set it.
	# shellcheck disable=SC2154
	# The dollar belongs to dpkg-query.
	# shellcheck disable=SC2016
	dpkg-query -W -f '${db:Status-Abbrev}${Version}\n' "$1" 2>/dev/null |
		sed -n 's/^ii *//p'
}

# Where the guest kernel for release $1 is kept: boot/vmlinuz-$1 and
# lib/modules/$1.  A release keeps its name over several package versions, and
# only the one that matches the headers will load the module: so both are in
# the path.
kernel_tree() {
	version=$(package_version "linux-headers-$1")
	printf '%s/kernel/%s_%s\n' "$(cache_dir)" "$1" "${version:-local}"
}

# What the kernel's headers lack, and its source package has: the harness of the
# selftests, and what the kernel checks its own code with.
source_patterns() {
	cat <<-EOF
		tools/testing/selftests/kselftest*.h
		scripts/checkpatch.pl
		scripts/spelling.txt
		scripts/const_structs.checkpatch
		scripts/kernel-doc
		scripts/coccinelle/*
		lib/kunit/*
	EOF
}

# Print the directory of the cache with those files of the distribution's kernel
# source.  They are unpacked once for each version of the package.
source_files() {
	# Debian has the tarball in /usr/src, Ubuntu one directory below.
	tarball=$(find -L /usr/src -maxdepth 2 -name 'linux-source-*.tar.*' 2>/dev/null |
		sort -V | tail -n 1)
	[ -n "$tarball" ] || die "no linux-source-*.tar.* in /usr/src: run 'make deps'"

	name=$(basename "${tarball%.tar.*}")
	dir=$(cache_dir)/source/${name}_$(package_version "$name")
	dir=$dir-$(source_patterns | cksum | tr -d ' ')
	mkdir -p "${dir%/*}"
	# One unpacks, others wait.
	exec 9> "$dir.lock"
	flock 9
	if [ ! -d "$dir" ]; then
		new=$(mktemp -d "$dir.XXXXXX")
		trap 'rm -rf "$new"' EXIT
		trap_signals
		echo "${0##*/}: unpacking some files of $tarball" >&2
		source_patterns | sed "s|^|$name/|" > "$new/patterns"
		tar -x -C "$new" --strip-components=1 -f "$tarball" --wildcards \
			-T "$new/patterns" || die "$tarball: it lacks some of them"
		rm "$new/patterns"
		chmod 755 "$new"
		# It appears as a whole.
		mv -T "$new" "$dir" || die "$dir: cannot be created"
	fi
	exec 9>&-
	printf '%s\n' "$dir"
}

# The version of the project.
version() {
	# The caller has set it.
	# shellcheck disable=SC2154
	sed -n 's/^#define EDUDMA_VERSION[^"]*"\(.*\)"$/\1/p' "$top/driver/version.h"
}
