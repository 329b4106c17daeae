#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# edudma trace: what is recorded, what is told of it, and what is drawn.  Runs in the guest,
# as root.

# shellcheck source=tests/lib/tap.bash
. "$(dirname "$(readlink -f "$0")")/../../lib/tap.bash"
# shellcheck source=tests/suites/tool/device.sh
. "$(dirname "$(readlink -f "$0")")/device.sh"

tracing=/sys/kernel/tracing
# A plain edu takes 100 ms for each.
[[ $engine == ring ]] && many=500 || many=20

# events NAME: of those in all.json
events() {
	gojq "[.traceEvents[] | select(.ph == \"i\" and .name == \"edudma_$1\")] | length" all.json
}

test_status_is_that_of_the_command() {
	run 0 "$tool" trace true
	run 3 "$tool" trace -- sh -c 'exit 3'
	# The shell that is run expands it.
	# shellcheck disable=SC2016
	run 143 "$tool" trace -- sh -c 'kill $$'
	run 127 "$tool" trace ./no-such-program
	said './no-such-program: No such file or directory'
	touch not-executable
	run 126 "$tool" trace ./not-executable
	said './not-executable: Permission denied'
}

test_options_of_the_command_are_its_own() {
	run 0 "$tool" trace --quiet echo --quiet -o x.svg
	printed '--quiet -o x.svg'
	silent err
	[[ ! -e x.svg ]]
}

# None is lost, and each request was in each phase.
test_each_of_many_requests_is_seen() {
	local phase
	run 0 "$tool" trace dd if=/dev/zero of=$node bs=$((many > 40 ? 512 : 100)) count="$many" \
		status=none
	said "edudma: trace: $many requests"
	said ", $((many * 12)) events"
	for phase in wait pin map queue device release return 'in all'; do
		grep -qE "^  $phase  *$many " err || { echo "$phase:"; cat err; return 1; }
	done
	if grep lost err; then
		return 1
	fi
}

test_lost_events_are_counted() {
	[[ $engine == ring ]] || skip 'this device is too slow to lose any'
	run 0 "$tool" trace --buffer 8K --output all.json -- \
		dd if=$node of=/dev/null bs=512 count=1000 status=none
	grep -qE 'trace: [1-9][0-9]* events were lost.*use a larger --buffer' err
	sed -n '1s/.*"otherData":\({[^}]*}\).*/\1/p' all.json >out
	json '.lost > 0 and .lost + .events == 12000'
}

instance_is_there() {
	[[ -d /sys/kernel/tracing/instances/edudma-$1 ]]
}

test_trace_that_was_killed_leaves_nothing_behind_the_next() {
	local child
	# The shell that is run expands it.
	# shellcheck disable=SC2016
	start "$tool" trace -- sh -c 'echo $$ >child; exec sleep 1000'
	wait_until 'the command runs' test -s child
	child=$(<child)
	at_end "kill $child"
	kill -KILL "$job"
	wait "$job" || [[ $? == 137 ]]
	instance_is_there "$job"
	run 0 "$tool" trace true
	! instance_is_there "$job"
}

test_json_has_every_event_in_order() {
	local kind
	run 0 "$tool" trace --quiet --output all.json -- \
		dd if=$node of=/dev/null bs=100 count=10 status=none
	silent err
	gojq -e '.otherData.events == 120 and .otherData.lost == 0' all.json
	for kind in request_start pin map post interrupt reap unmap unpin request_end; do
		[[ $(events $kind) == 10 ]]
	done
	gojq -e '[.traceEvents[] | select(.ph == "i") | .ts] | . == sort' all.json
	# What begins ends, and not before.
	gojq -e '[.traceEvents[] | select(.ph == "b" or .ph == "e")] | group_by([.cat, .id, .name]) |
		all(length == 2 and .[0].ph == "b" and .[1].ph == "e" and .[0].ts <= .[1].ts)' all.json
	gojq -e '[.traceEvents[] | select(.ph == "C") | .args.pages] |
		length == 20 and .[-1] == 0 and max == 1' all.json
}

test_picture_is_one_whole_file() {
	local file
	for file in a.svg a.html; do
		run 0 "$tool" trace --output $file -- sh -c \
			"dd if=$node of=/dev/null bs=100 count=2 status=none # <&\">"
		said $file
		python3 -c 'import sys, xml.dom.minidom as xml
text = open(sys.argv[1]).read()
xml.parseString(text[text.index("<svg"):text.index("</svg>") + 6])' $file
		for word in engine interrupt 'pages pinned' '#1' '#2' '&lt;&amp;' prefers-color-scheme; do
			grep -qF -- "$word" $file || { echo "$file lacks $word"; return 1; }
		done
		# Nothing else is needed to show it.
		if grep -E '<script|<link|<image|href|url\(' $file; then
			return 1
		fi
	done
}

# Of many requests a few are drawn.
test_picture_of_many_requests_is_small() {
	run 0 "$tool" trace --output a.svg -- dd if=$node of=/dev/null bs=100 count=20 status=none
	grep -qF '4 of 20 requests' a.svg
	grep -qF '99 %' a.svg
	[[ $(stat -c %s a.svg) -lt 30000 ]]
}

test_request_that_fails_stands_out() {
	run 0 "$tool" trace --output a.svg -- python3 -c "
import ctypes, os
node = os.open('$node', os.O_RDONLY)
ctypes.CDLL(None).pread(node, ctypes.c_void_p(8), ctypes.c_size_t(100), ctypes.c_long(0))"
	grep -q 'class="failed"><title>.*EFAULT after 0 B' a.svg
}

# Others' tracing is as it was, and nothing is left behind.
test_tracing_of_others_is_not_disturbed() {
	run 0 "$tool" trace --quiet -- sh -c "ls $tracing/instances; cat $tracing/events/edudma/enable
		dd if=$node of=/dev/null bs=100 count=1 status=none"
	grep -qx 'edudma-[0-9]*' out
	grep -qx 0 out
	[[ -z $(ls $tracing/instances) ]]
	if grep -q edudma_ $tracing/trace; then
		return 1
	fi
}

test_what_cannot_be_written_is_told() {
	run 1 "$tool" trace --output no/such.svg -- dd if=$node of=/dev/null bs=100 count=1
	said 'no/such.svg: No such file or directory'
	run 1 "$tool" trace --output a.svg true
	said 'no request was seen: nothing to draw'
	[[ ! -e a.svg ]]
}

test_log_of_another_machine_is_refused() {
	run 1 "$tool" trace --qemu ./no-such.log -- dd if=$node of=/dev/null bs=100 count=1
	said './no-such.log: No such file or directory'
	echo '1@2.000003:edu_sg_doorbell channel 0: head 0, tail 0 to 7' >log
	run 1 "$tool" trace --qemu log -- dd if=$node of=/dev/null bs=100 count=1
	said 'log: its doorbells are not those of this trace'
	echo nothing >log
	run 1 "$tool" trace --qemu log -- dd if=$node of=/dev/null bs=100 count=1
	said "no trace events of the device in it"
}

test_what_is_missing_is_told() {
	need_module
	# The shell that is run expands it.
	# shellcheck disable=SC2016
	run 1 unshare -m sh -c 'mount -t tmpfs none /sys/kernel && exec "$0" trace true' "$tool"
	said 'no tracefs'
	run 0 "$tool" unload
	at_end load_as_before
	run 1 "$tool" trace true
	said "is the module loaded? try 'edudma load'"
}

run_tests "$@"
