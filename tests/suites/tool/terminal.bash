#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tool shows on a terminal.  Runs in the guest, as root.

# shellcheck source=tests/lib/tap.bash
. "$(dirname "$(readlink -f "$0")")/../../lib/tap.bash"
# shellcheck source=tests/suites/tool/device.sh
. "$(dirname "$(readlink -f "$0")")/device.sh"

# on_terminal STATUS COLUMNS COMMAND: by a shell, on a terminal of so many columns
on_terminal() {
	run "$1" script -qec "stty cols $2; $3" /dev/null
}

# lines: what the terminal was sent, a line for each time that a line was begun or cleared
lines() {
	tr '\r' '\n' <out | sed 's/\x1b\[K//g'
}

test_bar_shows_the_progress() {
	random 5000 >in
	on_terminal 0 100 "'$tool' copy in back"
	printed '% ['
	printed 'KiB/s'
	cmp in back
}

# An error begins on a line of its own, with nothing before it.
test_bar_is_cleared_before_an_error() {
	random 5000 >in
	on_terminal 1 100 "'$tool' copy in /dev/full"
	lines | grep -q 'B of 4.9 KiB'
	grep -qP '\r\x1b\[Kedudma: copy: /dev/full: No space left on device\r$' out
	lines | grep -qx 'edudma: copy: /dev/full: No space left on device'
}

# A line that is longer than the terminal would leave its beginning behind.
test_bar_fits_the_terminal() {
	local columns
	slow_down 2000000
	random 20000 >in
	for columns in 10 30 60 75 200; do
		on_terminal 0 "$columns" "'$tool' copy in back"
		lines | sed '/^edudma: /d' >drawn
		grep -q '[0-9]' drawn
		awk -v columns="$columns" 'length >= columns { print; bad = 1 } END { exit bad }' drawn
		cmp in back
	done
}

test_read_is_a_hex_dump() {
	printf 'abc\0\377 DMA 0123456789' | "$tool" write --offset 16
	on_terminal 0 80 "'$tool' read --offset 16 --length 20"
	lines | sed '/^$/d' >dump
	diff - dump <<-END
		00000010  61 62 63 00 ff 20 44 4d  41 20 30 31 32 33 34 35  |abc.. DMA 012345|
		00000020  36 37 38 39                                       |6789|
		00000024
	END
	on_terminal 0 80 "'$tool' read --raw --offset 19 --length 10"
	printf '\0\377 DMA 012' | cmp - out
}

test_read_to_a_file_is_not_dumped_unless_asked() {
	printf 'abc' | "$tool" write
	on_terminal 0 80 "'$tool' read --length 3 --output file"
	printf 'abc' | cmp - file
	run 0 "$tool" read --length 3
	printf 'abc' | cmp - out
	run 0 "$tool" read --length 3 --hex
	grep -qx '00000000  61 62 63  *|abc|' out
}

test_lines_that_repeat_are_dumped_once() {
	head -c 100 /dev/zero | "$tool" write --offset 5
	printf 'x' | "$tool" write --offset 85
	run 0 "$tool" read --hex --offset 5 --length 100
	diff - out <<-END
		00000005  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
		*
		00000055  78 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |x...............|
		00000065  00 00 00 00                                       |....|
		00000069
	END
}

# has_printed TEXT: has what start() runs printed it?
has_printed() {
	grep -qF -- "$1" out
}

# A plain edu cannot be told to wait.
test_waiting_is_told() {
	local command text
	[[ $engine == ring ]] || skip 'this device cannot stand still'
	printf 'abc' >in
	random 100 >big
	for command in "read --raw --length 3" "write --input in" "copy big back"; do
		stand_still
		start script -qec "'$tool' $command" /dev/null
		wait_until 'it tells that it waits' has_printed "waiting for $node"
		let_go
		wait "$job"
		# What was told is cleared.
		text=$(<out)
		[[ ${text##*"waiting for $node"} == $'\r\e[K'* ]]
	done
	cmp big back
}

run_tests "$@"
