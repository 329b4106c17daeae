#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the documents name exists, and what exists they name.
cd "$(dirname "$0")/../../.." || exit 1
number=0

# report NAME MISSING: one test; fails if anything is missing, and says what
report() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "$2" | sed 's/^/# missing: /'
	fi
}

documents="README.md docs/*.md"

# Sources of the suites.
suites() {
	grep -l '^TEST_HARNESS_MAIN' tests/suites/*/*.c
}

# `suite.fixture.test` with or without a variant is not told apart: the fixture
# and the test must be in the suite's source.
named_tests() {
	# The backquotes are the documents'.
	# shellcheck disable=SC2016,SC2086
	grep -oh '`[a-z_]*\.[a-z_0-9]*\.[a-z_0-9]*`' $documents | tr -d '`' | sort -u |
	while IFS=. read -r suite fixture name; do
		source=$(suites | grep "/$suite.c\$") || continue
		grep -q "^TEST_F[A-Z_]*(${fixture}, ${name}[,)]" "$source" ||
			echo "test $suite.$fixture.$name"
	done
}

links() {
	for document in $documents; do
		grep -oh '](\([^)#:]*\))' "$document" | sed 's/^](//; s/)$//' | sort -u |
		while read -r target; do
			[ -e "${document%"${document##*/}"}$target" ] ||
				echo "$document links to $target"
		done
	done
}

# undocumented DOCUMENT: of the words on standard input, those that it leaves out
undocumented() {
	while read -r word; do
		grep -qF "\`$word\`" "$1" || echo "$word in $1"
	done
}

report "tests that are named exist" "$(named_tests)"
report "links lead somewhere" "$(links)"
report "every statistic is described" \
	"$(sed -n 's/^EDUDMA_STAT(\(.*\));/\1/p' driver/sysfs.c | undocumented docs/uapi.md)"
report "every module parameter is described" \
	"$(sed -n 's/^EDUDMA_PARAM(\([a-z_]*\),.*/\1/p; s/^module_param_named(\([a-z_]*\),.*/\1/p' \
		driver/params.c | undocumented docs/uapi.md)"
report "every source file of the driver is described" \
	"$(find driver -name '*.c' -printf '%f\n' | undocumented docs/architecture.md)"
report "every lane is described" \
	"$(find tests/lanes -name '*.conf' -printf '%f\n' | sed 's/\.conf$//' |
		undocumented docs/testing.md)"
report "every suite is described" \
	"$(suites | sed 's,.*/,,; s/\.c$//' | undocumented docs/testing.md)"
# ERESTARTSYS is what the kernel makes EINTR or a restart of; EBUSY is probe's.
report "every errno of the driver is described" \
	"$(grep -oh '\-E[A-Z0-9]*\b' driver/*.c | tr -d - | sort -u |
		grep -v -e ERESTARTSYS -e EBUSY | undocumented docs/uapi.md)"
echo "1..$number"
