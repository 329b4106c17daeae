# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# The packages are built in a Debian of their own, and installed in another one that has
# nothing else.  Sourced by each test, from the top of the checkout, with $suite set.
#
# debootstrap makes a root once; it and the packages from the archive are kept in the cache.
# EDUDMA_MIRROR is where they come from.
#
# Scripts for the inside are expanded there.
# shellcheck disable=SC2016
. tests/host/check/check.sh
top=$PWD
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
mirror=${EDUDMA_MIRROR:-http://deb.debian.org/debian}

# The test has set it.
# shellcheck disable=SC2154
place=${EDUDMA_BUILD:-$PWD/build}/packages/$suite
cache=$(cache_dir)/debian/$suite
version=$(version)
build=$place/build
clean=$place/clean

[ "$(id -u)" = 0 ] || { echo "Bail out! chroot needs root"; exit 1; }
for program in debootstrap unshare; do
	have $program || { echo "Bail out! run 'apt-get install debootstrap util-linux'"; exit 1; }
done

# new_root DIRECTORY: with the package lists as they are now
new_root() {
	mkdir -p "$cache/archives/partial"
	if [ ! -e "$cache/root.tar" ]; then
		rm -rf "$cache/new"
		debootstrap --variant=minbase "$suite" "$cache/new" "$mirror" || return
		rm -f "$cache"/new/var/cache/apt/archives/*.deb
		tar -C "$cache/new" -c -f "$cache/root.tar.new" . || return
		rm -rf "$cache/new"
		mv "$cache/root.tar.new" "$cache/root.tar" || return
	fi
	rm -rf "$1"
	mkdir -p "$1"
	tar -C "$1" -x -f "$cache/root.tar" && cp /etc/resolv.conf "$1/etc/" || return
	# What is thrown away need not reach the disk.
	echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe"
	inside "$1" 'apt-get -q update'
}

# inside ROOT SCRIPT [ARG...]: what it mounts and leaves running ends with it
inside() {
	root=$1 script=$2
	shift 2
	unshare --mount --pid --fork --kill-child sh -euc '
		mount --bind "$1" "$2/var/cache/apt/archives"
		mount -t proc proc "$2/proc"
		mount -t devpts devpts "$2/dev/pts"
		root=$2 script=$3
		shift 3
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive \
			chroot "$root" sh -euc "$script" sh "$@"' \
		sh "$cache/archives" "$root" "$script" "$@"
}

# install ROOT PACKAGE...
install() {
	root=$1
	shift
	inside "$root" 'apt-get -q -y --no-install-recommends install "$@"' "$@"
}

are_built() {
	new_root "$build" || return
	install "$build" dpkg-dev lintian xz-utils || return
	tarball=$(scripts/dist "$place") && tar -C "$build/root" -x -f "$tarball" || return
	inside "$build" '
		cd /root/edudma-*/
		apt-get -q -y --no-install-recommends build-dep ./
		dpkg-buildpackage -us -uc'
}

please_lintian() {
	inside "$build" 'lintian --allow-root --fail-on error,warning /root/*.changes' >"$place/lintian" 2>&1
	status=$?
	cat "$place/lintian"
	[ $status = 0 ] && ! grep '^[EW]:' "$place/lintian"
}

# With the headers of a kernel, and those of one that is too old.
are_installed() {
	new_root "$clean" || return
	install "$clean" gcc libc6-dev linux-headers-amd64 man-db pkgconf || return
	old=$clean/lib/modules/4.19.0-0-amd64/build
	mkdir -p "$old/include" "$clean/debs"
	printf 'all:\n\tfalse\n' >"$old/Makefile"
	for deb in "$build"/root/*.deb; do
		case $deb in
		*-dbgsym_*) ;;
		*) cp "$deb" "$clean/debs/" || return ;;
		esac
	done
	are_older && inside "$clean" '
		apt-get -q -y --no-install-recommends install /old/*.deb
		rm -r /old'
}

# What a release before this one would be: the same, of a lower version.
are_older() {
	inside "$clean" '
		mkdir /old
		for deb in /debs/*.deb; do
			rm -rf /deb
			dpkg-deb -R "$deb" /deb
			sed -i "/^\\(Version\\|Depends\\):/s/$1/$1~previous/g" /deb/DEBIAN/control
			dpkg-deb -b /deb "/old/${deb##*/}"
		done
		rm -r /deb' "$version"
}

# What the administrator has changed stays.
are_upgraded() {
	inside "$clean" '
		[ "$(dpkg-query -W -f "\${Version}" edudma)" = "$1~previous" ]
		id=$(getent group edudma)
		apt-get -q -y --no-install-recommends install /debs/*.deb
		[ "$(dpkg-query -W -f "\${Version}" edudma)" = "$1" ]
		[ "$(getent group edudma)" = "$id" ]' "$version"
}

# Each is configured, no file of theirs differs, and they have these.
have_their_files() {
	inside "$clean" '
		for package in edudma edudma-dkms libedudma0 libedudma-uring0 libedudma-dev \
			python3-edudma edudma-doc; do
			dpkg-query -W -f "\${Package} \${Version} \${db:Status-Status}\n" $package
			dpkg -V $package
		done' >"$place/packages" || return
	cat "$place/packages"
	[ "$(grep -c " $version installed\$" "$place/packages")" = 7 ] &&
		[ "$(wc -l <"$place/packages")" = 7 ] || return
	inside "$clean" '
		ls -d /usr/bin/edudma /usr/lib/udev/rules.d/60-edudma.rules \
			/usr/share/bash-completion/completions/edudma \
			/usr/share/zsh/vendor-completions/_edudma \
			/usr/share/fish/vendor_completions.d/edudma.fish \
			/usr/share/doc/edudma/examples/edudma.conf \
			/usr/share/doc/libedudma-dev/examples/rw.c \
			/usr/share/doc/python3-edudma/examples/frames.py \
			/usr/share/doc/edudma-doc/html/index.html \
			/usr/share/doc/edudma-doc/html/docs/labs/README.html \
			/usr/include/edudma.h /usr/include/edudma_stream.h \
			/usr/include/edudma_uring.h \
			/usr/include/linux/edudma.h /usr/lib/*/libedudma.a
		getent group edudma
		man -w 1 edudma
		man -w 1 edudma-doctor edudma-capture
		man -w 4 edudma
		man -w 3 libedudma libedudma-uring edudma_transfer edudma_queue_new \
			edudma_stream_open
		man -w 7 edudma_streams'
}

skip_an_old_kernel() {
	inside "$clean" '
		dkms status edudma
		[ -z "$(dkms status edudma -k 4.19.0-0-amd64 | grep -E "built|installed")" ]'
}

# pass TEST: one of debian/tests, as autopkgtest would run it
pass() {
	grep -q "^Tests: $1\$" debian/tests/control || return
	mkdir -p "$clean/tests"
	cp "debian/tests/$1" "$clean/tests/" || return
	inside "$clean" 'mkdir -p /tests/tmp; AUTOPKGTEST_TMP=/tests/tmp "/tests/$1"' "$1"
}

# All tests of the control file are run here.
are_tested() {
	[ "$(sed -n 's/^Tests: //p' debian/tests/control | sort | tr '\n' ' ')" = \
		"libraries module python tool " ]
}

# The group stays, as Debian's groups do: files may belong to it.
are_purged() {
	inside "$clean" '
		rm -r /debs /tests
		apt-get -q -y purge edudma edudma-dkms libedudma0 libedudma-uring0 libedudma-dev \
			python3-edudma edudma-doc
		! dpkg-query -W "*edudma*"
		find / -xdev -path /proc -prune -o -name "*edudma*" -print >/left
		cat /left
		[ ! -s /left ]
		! grep -r edudma /lib/modules/*/modules.dep'
}

check "packages of $suite are built" are_built
check "packages of $suite please lintian" please_lintian
check "packages of $suite are installed" are_installed
check "packages of $suite are upgraded" are_upgraded
check "packages of $suite have their files" have_their_files
check "packages of $suite build the module" pass module
check "packages of $suite skip an old kernel" skip_an_old_kernel
check "packages of $suite have a tool that starts" pass tool
check "packages of $suite have libraries to link to" pass libraries
check "packages of $suite have a package for Python" pass python
check "packages of $suite have no other tests" are_tested
check "packages of $suite leave nothing when purged" are_purged
checked
# What failed is left to be looked at.
[ "$failed" ] || rm -rf "$build" "$clean"
