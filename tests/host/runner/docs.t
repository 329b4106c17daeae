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

documents="*.md docs/*.md docs/labs/*.md"

# Sources of the suites.
suites=$(grep -l '^TEST_HARNESS_MAIN' tests/suites/*/*.c)

# quoted PATTERN: what matches it between backquotes in the documents
quoted() {
	# The backquotes are the documents'.
	# shellcheck disable=SC2016,SC2086
	grep -ohE "\`$1\`" $documents | tr -d '`' | sort -u
}

# `suite.fixture.test` with or without a variant is not told apart: the fixture
# and the test must be in the suite's source.  The test may be a `*`.
named_tests() {
	quoted '[a-z_]+\.[a-z_0-9]+\.([a-z_0-9]+|\*)' |
	while IFS=. read -r suite fixture name; do
		source=$(echo "$suites" | grep "/$suite.c\$") || continue
		[ "$name" = '*' ] && pattern='[a-z_0-9]*' || pattern=$name
		grep -q "^TEST_F[A-Z_]*(${fixture}, ${pattern}[,)]" "$source" ||
			echo "test $suite.$fixture.$name"
	done
}

# A word in capitals stands for any.
named_files() {
	# shellcheck disable=SC2016
	quoted '(docs|driver|qemu|scripts|tests|uapi|userspace)/[^` ]*( [^`]*)?' |
	sed 's/ .*//; s/[A-Z][A-Z][A-Z]*/*/g' | sort -u |
	while read -r pattern; do
		# As the shell expands it.
		# shellcheck disable=SC2086
		ls -d $pattern >/dev/null 2>&1 || echo "file $pattern"
	done
}

# Targets of make in this directory, in backquotes and in examples.
named_targets() {
	targets=" $(sed -n 's/^\([a-z0-9% -]*\):\( .*\)\{0,1\}$/\1/p' Makefile scripts/*.mk |
		tr '\n' ' ') "
	# shellcheck disable=SC2016,SC2086
	{ quoted 'make [^`]*'; sed -n '/^```/,/^```/s/^make /make /p' $documents; } |
	grep -v 'make -C' |
	sed "s/#.*//; s/'[^']*'//g; s/\"[^\"]*\"//g; s/\(kernel\|qemu\|tests\)-\(arm64\|[0-9][^ ]*\)/\1-%/; s/port-[^ ]*/port-%/g" | tr ' ' '\n' |
	grep -xE '[a-z][a-z0-9-]*%?' | grep -vx make | sort -u |
	while read -r target; do
		case $targets in
		*" $target "*) ;;
		*) echo "target $target" ;;
		esac
	done
}

# What a link to a heading calls it.
anchors() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9_\n-'
}

links() {
	for document in $documents; do
		grep -oh '](\([^):]*\))' "$document" | sed 's/^](//; s/)$//' | sort -u |
		while read -r target; do
			file=${document%"${document##*/}"}${target%%#*}
			[ "${target%%#*}" ] || file=$document
			[ -e "$file" ] || { echo "$document links to $target"; continue; }
			case $target in
			*.md#* | \#*) anchors "$file" | grep -qx -e "${target#*#}" ||
				echo "$document links to $target" ;;
			esac
		done
	done
}

# undocumented DOCUMENT: of the words on standard input, those that it leaves out
undocumented() {
	while read -r word; do
		grep -qF "\`$word\`" "$1" || echo "$word in $1"
	done
}

# differs NAME DOCUMENT COMMAND: a table that a command prints stands between the lines
# <!-- NAME --> and <!-- /NAME -->; else rows that are missing, and how to renew it.
differs() {
	documented=$(sed -n "/^<!-- $1 -->$/,/^<!-- \/$1 -->$/{//!p}" "$2")
	generated=$($3)
	[ "$documented" != "$generated" ] || return
	echo "$generated" | grep -vxF -e "$documented"
	echo "the table in $2 as it is printed by this:"
	echo "$3 | sed -i -e '/^<!-- $1 -->$/,/^<!-- \/$1 -->$/{//!d}'" \
		"-e '/^<!-- $1 -->$/r /dev/stdin' $2"
}

# Rows of the table of verdicts, as far as the code has them.
verdicts() {
	PYTHONPATH=scripts python3 -B -c 'from lab.verdict import STATUS
for word, status in STATUS.items():
    print(f"| {word} | {status} |")' |
	while read -r row; do
		grep -qF "$row" docs/testing.md || echo "$row in docs/testing.md"
	done
}

report "tests that are named exist" "$(named_tests)"
report "files that are named exist" "$(named_files)"
report "targets of make that are named exist" "$(named_targets)"
report "links lead somewhere" "$(links)"
report "every statistic is described" \
	"$(sed -n 's/^EDUDMA_STAT(\(.*\));/\1/p' driver/sysfs.c | undocumented docs/uapi.md)"
report "every module parameter is described" \
	"$(sed -n 's/^EDUDMA_PARAM(\([a-z_]*\),.*/\1/p; s/^module_param_named(\([a-z_]*\),.*/\1/p' \
		driver/params.c | undocumented docs/uapi.md)"
report "every trace event is described" \
	"$(sed -n 's/^TRACE_EVENT(\(.*\),$/\1/p; s/^DEFINE_EVENT([a-z_]*, \(.*\),$/\1/p' \
		driver/trace.h | undocumented docs/uapi.md)"
report "every source file of the driver is described" \
	"$(find driver -name '*.c' -printf '%f\n' | undocumented docs/architecture.md)"
report "the table of lanes is that of the lanes' files" \
	"$(differs lanes docs/testing.md 'scripts/test --lanes')"
report "the table of what only one lane kills is that of the mutants" \
	"$(differs alone docs/writing-tests.md 'scripts/mutants --list')"
report "the table of labs is that of the labs' files" \
	"$(differs labs docs/labs/README.md 'scripts/labs --table')"
report "every key of a lab is described" \
	"$(sed -n 's/^KEYS = {\(.*\)}$/\1/p' scripts/lab/labs.py | tr -d '",' | tr ' ' '\n' |
		undocumented docs/writing-tests.md)"
report "every key of a lane is described" \
	"$(sed -n '/^class Lane:/,/^    @property/s/^    \([a-z]*\): .*/\1/p' scripts/lab/lanes.py |
		grep -vx name | undocumented docs/writing-tests.md)"
report "every verdict is described" "$(verdicts)"
report "every suite is described" \
	"$(echo "$suites" | sed 's,.*/,,; s/\.c$//' | undocumented docs/writing-tests.md)"
report "every directory of suites is described" \
	"$(find tests/suites -mindepth 1 -maxdepth 1 -printf '%f\n' |
		undocumented docs/writing-tests.md)"
report "every fragment of a kernel's configuration is described" \
	"$(find tests/kconfig -name '*.config' -printf '%f\n' | sed 's/\.config$//' |
		undocumented docs/writing-tests.md)"
# ERESTARTSYS is what the kernel makes EINTR or a restart of; EIOCBQUEUED is its own;
# EBUSY is probe's.
report "every errno of the driver is described" \
	"$(grep -oh '\-E[A-Z0-9]*\b' driver/*.c | tr -d - | sort -u |
		grep -v -e ERESTARTSYS -e EIOCBQUEUED -e EBUSY | undocumented docs/uapi.md)"
echo "1..$number"
