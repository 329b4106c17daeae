#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The commands of docs/tracing.md for other tools, as they stand there.  Runs in the guest,
# as root.

# shellcheck source=tests/lib/tap.bash
. "$(dirname "$(readlink -f "$0")")/../../lib/tap.bash"

# recipe PROGRAM: the commands of the example that begin with it, up to an empty line
recipe() {
	sed -n '/^## With other tools/,$p' "$top/docs/tracing.md" |
		sed -n "/^$1 /,/^\(\`\`\`\)\{0,1\}$/p" | sed '/^\(```\)\{0,1\}$/d' >recipe
	grep -q "^$1 " recipe
}

test_trace_cmd_shows_a_request() {
	local event
	recipe trace-cmd
	run 0 bash -e recipe
	for event in request_start pin map post interrupt reap unmap unpin request_end; do
		printed "edudma_$event: "
	done
	printed 'bytes=1048576 error=0'
}

test_perf_counts_and_shows_events() {
	recipe perf
	run 0 bash -e recipe
	grep -qE '^ *1 +edudma:edudma_request_start' err
	printed 'edudma:edudma_post: id='
	printed 'edudma:edudma_reap: id='
}

test_bpftrace_measures_the_device() {
	recipe bpftrace
	run 0 bash -e recipe
	printed '@us:'
	grep -q '|@*' out
}

# The tool's own: none of their events is lost, and each request was in each phase.
test_edudma_trace_sees_ten_thousand_requests() {
	local phase
	run 0 "$tool" trace dd if=/dev/zero of=/dev/edudma0 bs=512 count=10000 status=none
	said 'edudma: trace: 10000 requests'
	said ', 120000 events'
	for phase in wait pin map queue device release return 'in all'; do
		grep -qE "^  $phase  *10000 " err || { echo "$phase:"; cat err; return 1; }
	done
	if grep lost err; then
		return 1
	fi
}

run_tests "$@"
