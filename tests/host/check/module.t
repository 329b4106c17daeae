#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The driver, and the module that it is measured against, compile without a
# warning: all of the kernel's W=1, by gcc and by clang; and sparse has nothing
# to say.
#
# What has a warning is no object file, so what is up to date has none.
cd "$(dirname "$0")/../../.." || exit 1
. tests/host/check/check.sh
require gcc clang sparse

# build COMPILER FLAGS VARIABLE=VALUE...
build() {
	dir=$(check_build "module-$1")
	flags=$2
	shift 2
	# Type information is made of what -g0 leaves out.
	EDUDMA_BUILD=$dir make --silent --keep-going module floor W=1 \
		CONFIG_DEBUG_INFO_BTF_MODULES= KCFLAGS="-Werror -g0 $flags" "$@"
}

# The headers are configured for gcc, so clang is told what it is.
by_clang() {
	version=$(clang -dM -E -x c /dev/null | awk '
		$2 ~ /^__clang_(major|minor|patchlevel)__$/ { v[$2] = $3 }
		END { printf "%d%02d%02d", v["__clang_major__"],
			v["__clang_minor__"], v["__clang_patchlevel__"] }')

	# What gcc's configuration asks for, and clang does not have or calls
	# otherwise; none of it makes a warning.
	set -- CONFIG_RETHUNK= CONFIG_FTRACE_MCOUNT_USE_CC= \
		CONFIG_INIT_STACK_ALL_ZERO= CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT= \
		CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough
	# Nobody runs it: objtool would miss what was switched off.
	set -- "$@" CONFIG_OBJTOOL=
	# The kernel's own headers take such addresses; kbuild tries whether clang
	# knows the option, which fails with flags of gcc's.  And they name address
	# spaces as gcc wants it.
	build clang '-Wno-address-of-packed-member -Wno-duplicate-decl-specifier' CC=clang CONFIG_CC_IS_GCC= \
		CONFIG_GCC_VERSION=0 CONFIG_CC_IS_CLANG=y \
		CONFIG_CLANG_VERSION="$version" "$@"
}

check "W=1 by gcc, sparse" build gcc '' C=1 CF=-Wsparse-error
check "W=1 by clang" by_clang
checked
