#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tool on a device.  Runs in the guest, as root.
#
# A hardware transfer takes 100 ms on a stock edu, so files are a few of its
# windows long and no longer.  An edu-sg is slowed down, or stands still, where a
# test acts while a copy is under way.

# shellcheck source=tests/lib/tap.bash
. "$(dirname "$(readlink -f "$0")")/../../lib/tap.bash"

# shellcheck source=tests/suites/tool/device.sh
. "$(dirname "$(readlink -f "$0")")/device.sh"

copy_bytes=9000

test_list_shows_the_device() {
	run 0 "$tool" list
	silent err
	grep -qE "^edudma0  [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]  $node\$" out
	run 0 "$tool" list --json
	json ".[0].index == 0 and .[0].path == \"$node\""
	json 'length == (map(.address) | unique | length)'
}

test_info_by_any_name() {
	run 0 "$tool" info
	silent err
	printed "$node"
	printed 'window'
	cp out first
	local way
	ln -s "$node" link
	for way in 0 "$node" '--device=0' "-d$node" edudma0 -dedudma0 "$slot" "-d$slot" \
			"${slot#0000:}"; do
		run 0 "$tool" info "$way"
		cmp out first
	done
	run 0 "$tool" info ./link
	printed './link'
}

test_info_json_is_what_sysfs_says() {
	run 0 "$tool" info --json
	silent err
	json '(.engine == "edu" or .engine == "ring") and .abi_version == 1'
	json '.window_bytes > 0 and .max_segments == 1024'
	json ".timeout_ms == $(</sys/module/edudma/parameters/timeout_ms)"
	json '.capabilities - ["buffers", "iommu", "iopoll", "mmap", "msi", "streams", "uring-cmd"] == []'
}

test_no_such_device_is_told() {
	run 1 "$tool" info 4000
	said "/dev/edudma4000: No such device ('edudma list' shows the devices present)"
	run 1 "$tool" stats --device 4000
	said '/dev/edudma4000: No such device'
	run 1 "$tool" read --device edudma4000
	said '/dev/edudma4000: No such device'
	run 1 "$tool" read --device 0000:00:1f.7
	said "0000:00:1f.7: No such device ('edudma list' shows the devices present)"
	run 1 "$tool" read --device edudma0x
	said 'edudma0x: No such file or directory'
}

# What "edudma list" prints names the device to each command.
test_what_list_prints_names_the_device() {
	local name names
	random 100 >in
	run 0 "$tool" list
	read -ra names <out
	[[ ${#names[@]} == 3 ]]
	for name in "${names[@]}"; do
		run 0 "$tool" write --device "$name" --input in
		run 0 "$tool" read --device "$name" --length 100
		cmp in out
		run 0 "$tool" copy --device "$name" --quiet in back
		run 0 "$tool" stats --device "$name" --json
		json '.index == 0'
		run 0 "$tool" bench --device "$name" --count 1 --block 1
		printed "$node: read"
	done
}

test_write_then_read() {
	random 300 >in
	run 0 "$tool" write --offset 0x101 --input in
	silent out
	silent err
	run 0 "$tool" read --offset 257 --length 300 --output back
	silent out
	cmp in back
	run 0 "$tool" read --offset 258 --length 2
	tail -c +2 in | head -c 2 | cmp - out
	printf abc >short
	run 0 "$tool" write -o 257 <short
	run 0 "$tool" read -o 257 -n 4
	{ printf abc; tail -c +4 in | head -c 1; } | cmp - out
}

test_read_takes_the_rest_of_the_window() {
	local size
	size=$(window)
	run 0 "$tool" read --offset $((size - 7))
	[[ $(stat -c %s out) == 7 ]]
	run 0 "$tool" read --offset "$size"
	silent out
}

test_outside_the_window_is_refused() {
	local size before
	size=$(window)
	before=$(<"$stats/descriptors")
	run 1 "$tool" read --offset $((size - 1)) --length 2 --output x
	said "not in the window of $size"
	run 1 "$tool" read --offset $((size + 1))
	truncate -s $((size + 1)) in
	run 1 "$tool" write --input in
	said "in: more than the $size bytes from 0 to the end; not written"
	run 1 "$tool" write --offset $((size - 1)) <in
	said "standard input: more than the 1 bytes from $((size - 1)) to the end; not written"
	run 1 "$tool" write --offset 1G <in
	[[ ! -e x && $(<"$stats/descriptors") == "$before" ]]
}

test_empty_input_touches_no_hardware() {
	local before
	before=$(<"$stats/descriptors")
	: >in
	run 0 "$tool" write --input in
	run 0 "$tool" copy in back
	said '0 bytes'
	[[ -e back && ! -s back && $(<"$stats/descriptors") == "$before" ]]
}

test_copy_is_exact() {
	local to from
	random "$copy_bytes" >in
	to=$(<"$stats/bytes_to_device")
	from=$(<"$stats/bytes_from_device")
	run 0 "$tool" copy in back
	silent out
	said "copy: $copy_bytes bytes"
	said 'verified'
	cmp in back
	[[ $(<"$stats/bytes_to_device") == $((to + copy_bytes)) ]]
	[[ $(<"$stats/bytes_from_device") == $((from + copy_bytes)) ]]
	[[ $(<"$stats/pages_pinned") == 0 ]]
}

test_copy_tells_in_json() {
	random 100 >in
	run 0 "$tool" copy --json in back
	silent err
	json '.bytes == 100 and .verified == true and .seconds > 0'
	json ".device == \"$node\""
	cmp in back
}

test_copy_tells_nothing_but_json() {
	random 100 >in
	run 0 "$tool" copy -jq in back
	silent err
	json '.bytes == 100 and .verified == true'
	run 0 script -qec "'$tool' copy -jq in back" /dev/null
	json '.bytes == 100'
}

test_copy_between_pipes() {
	random 5000 >in
	head -c 5000 in | run 0 "$tool" copy --quiet - -
	silent err
	cmp in out
	"$tool" copy -q - - <in >back
	cmp in back
}

# workers: how many threads of io_uring the job has
workers() {
	cat "/proc/$job/task"/*/comm 2>/dev/null | grep -c '^iou-wrk' || :
}

has_workers() {
	[[ $(workers) -ge $1 ]]
}

# Each waits for the window in a thread of its own.
test_copy_keeps_requests_under_way() {
	run 0 "$tool" info --json
	gojq -e '.capabilities | index("uring-cmd")' out >/dev/null ||
		skip 'this kernel has no commands of io_uring'
	random 2000000 >in
	stand_still
	start "$tool" copy --depth 3 in back
	wait_until 'three requests are under way' has_workers 3
	[[ $(workers) == 3 ]]
	kill "$job"
	wait "$job" || [[ $? == 143 ]]
	said 'interrupted after'
}

test_copy_in_blocks_of_any_number() {
	local depth
	random "$copy_bytes" >in
	for depth in 1 64; do
		run 0 "$tool" copy --depth "$depth" in back
		cmp in back
	done
	[[ $(<"$stats/pages_pinned") == 0 ]]
}

# There is no descriptor left for a ring.
test_copy_without_io_uring() {
	local before
	random 5000 >in
	before=$(<"$stats/bytes_from_device")
	run 0 prlimit --nofile=4 "$tool" copy --device 0 --quiet - - <in
	silent err
	cmp in out
	[[ $(<"$stats/bytes_from_device") == $((before + 5000)) ]]
}

# has_device: the job has opened it
has_device() {
	readlink "/proc/$job/fd"/* 2>/dev/null | grep -qxF "$node"
}

# Has the command that was started come to the device, or even to its end?
has_had_device() {
	has_device || ! kill -0 "$job" 2>/dev/null
}

# Both begin before the device does, so that they meet in many small blocks.  A plain edu
# cannot be told to wait: there the first may be over before the second begins.
test_copies_at_the_same_time() {
	local first
	[[ $engine != ring ]] || copy_bytes=1000000
	random "$copy_bytes" >in
	random "$copy_bytes" >in2
	slow_down 2000000
	stand_still
	start "$tool" copy --depth 64 in back
	first=$job
	wait_until 'the first copy can begin' has_had_device
	start "$tool" copy --depth 64 in2 back2
	wait_until 'the second copy can begin' has_had_device
	let_go
	wait "$first"
	wait "$job"
	cmp in back
	cmp in2 back2
}

# Who may only read the node cannot stop copies.
test_copy_is_not_held_up_by_a_lock() {
	random 100 >in
	exec 3<"$node"
	flock 3
	run 0 timeout 20 "$tool" copy in back
	flock -u 3
	cmp in back
}

test_copy_onto_itself() {
	random 50 >file
	cp file in
	run 0 "$tool" copy file file
	cmp file in
}

test_copy_replaces_a_file() {
	mkdir dir
	echo old >dir/real
	chmod 600 dir/real
	ln -s dir/real link
	random 60 >in
	run 0 "$tool" copy in link
	cmp in dir/real
	[[ -L link && $(stat -c %a dir/real) == 600 ]]
	only dir real
	(umask 027; "$tool" copy -q in dir/new)
	[[ $(stat -c %a dir/new) == 640 ]]
}

test_copy_to_what_is_no_file() {
	random 60 >in
	run 1 "$tool" copy in /dev/full
	said '/dev/full: No space left on device'
	run 0 "$tool" copy in /dev/null
	[[ -c /dev/null && -c /dev/full ]]
	run 1 "$tool" copy in missing/file
	said 'missing/file: No such file or directory'
	run 1 "$tool" copy in .
	run 1 "$tool" copy in missing/
	run 1 "$tool" copy nothing back
	said 'nothing: No such file or directory'
	run 1 "$tool" copy . back
	said '.: Is a directory'
	[[ ! -e back ]]
}

test_copy_where_the_disk_is_full() {
	mount_tmpfs small 4096
	echo old >small/file
	random 9000 >in
	run 1 "$tool" copy in small/file
	said 'small/file: No space left on device'
	[[ $(<small/file) == old ]]
	only small file
}

test_copy_shows_progress_on_terminals_only() {
	random 5000 >in
	run 0 "$tool" copy in back
	[[ $(wc -l <err) == 1 ]]
	run 0 script -qec "'$tool' copy in back2" /dev/null
	printed '% ['
	printed 'KiB/s'
	cmp in back2
}

test_copy_ends_by_the_signal() {
	local before status=0 signal
	random 200000 >in
	mkdir dir
	echo old >dir/back
	stand_still
	for signal in INT TERM; do
		before=$(<"$stats/descriptors")
		start "$tool" copy in dir/back
		wait_for_transfer "$before"
		kill -"$signal" "$job"
		status=0
		wait "$job" || status=$?
		[[ $status == $((128 + $(kill -l "$signal"))) ]]
		grep -qE 'interrupted after [0-9]+ bytes; dir/back was not written' err
		[[ $(<dir/back) == old ]]
		only dir back
	done
}

test_killed_copy_leaves_nothing() {
	local before
	random 200000 >in
	# The guest's own root may lack files without a name.
	mount_tmpfs dir 1M
	stand_still
	before=$(<"$stats/descriptors")
	start "$tool" copy in dir/back
	wait_for_transfer "$before"
	kill -KILL "$job"
	wait "$job" || [[ $? == 137 ]]
	only dir ''
}

test_reader_that_goes_ends_a_copy_quietly() {
	random 5000 >in
	local status=0
	# pipefail tells of the first command.
	"$tool" copy -q in - 2>err | true || status=$?
	[[ $status == 141 ]]
	silent err
}

# Either the device reaches the memory, and nothing bounces, or it is told.
test_copy_without_bouncing() {
	local bounced status=0
	random 100 >in
	bounced=$(<"$stats/bytes_bounced")
	"$tool" copy --no-bounce in back 2>err || status=$?
	if [[ $status == 0 ]]; then
		cmp in back
	else
		said 'Cannot assign requested address'
		said 'leave out --no-bounce'
		[[ $status == 1 && ! -e back ]]
		"$tool" info --json >out
		json '(.capabilities | index("iommu") | not) and .address_bits < 64'
	fi
	[[ $(<"$stats/bytes_bounced") == "$bounced" ]]
}

# bench_counts: bytes that the device has moved each way, and requests
bench_counts() {
	cat "$stats/bytes_to_device" "$stats/bytes_from_device" "$stats/requests"
}

# expect_counts TO FROM REQUESTS: so much more than in the file before
expect_counts() {
	local now
	mapfile -t now < <(bench_counts)
	paste -d' ' before <(printf '%s\n' "${now[@]}") <(printf '%s\n' "$@") |
		awk '$2 - $1 != $3 { print "line", NR, "grew by", $2 - $1, "not", $3; bad = 1 }
			END { exit bad }'
}

test_bench_moves_what_it_tells() {
	local mode
	for mode in sync io_uring fixed; do
		bench_counts >before
		run 0 "$tool" bench --json --mode "$mode" --block 300 --count 5
		silent err
		expect_counts 0 1500 5
		json ".mode == \"$mode\" and .direction == \"read\" and .block_bytes == 300"
		json '.read.requests == 5 and .read.bytes == 1500 and .write == null'
		json '.statistics.bytes_from_device == 1500 and .seconds > 0'
		json '.read.latency_ns | .min > 0 and .min <= .p50 and .p50 <= .p90 and
			.p90 <= .p99 and .p99 <= .max and .mean <= .max'
	done
	json '.depth == 8'
}

test_bench_uses_registered_buffers() {
	local status=0 max
	"$tool" info --json >out
	gojq -e '.capabilities | index("buffers") and index("uring-cmd")' out >/dev/null || {
		run 1 "$tool" bench --mode registered --count 1
		return
	}
	max=$(<"$stats/pages_pinned_max")
	bench_counts >before
	"$tool" bench --json --mode registered --block 300 --count 5 >out 2>err || status=$?
	if [[ $status == 0 ]]; then
		expect_counts 0 1500 5
		json '.read.requests == 5'
		# Pinned once, and not for each request.
		json '.statistics.pages_registered > 0'
		[[ $(<"$stats/pages_pinned_max") == "$max" ]]
	else
		said 'the device does not reach the memory'
		"$tool" info --json >out
		json '(.capabilities | index("iommu") | not) and .address_bits < 64'
	fi
	[[ $(<"$stats/pages_registered") == 0 ]]
}

test_bench_leaves_the_window_alone() {
	random 1000 >in
	run 0 "$tool" write --input in
	bench_counts >before
	run 0 "$tool" bench --count 4 --block 200 --length 1000
	printed 'read'
	run 2 "$tool" bench --count 1 --direction write
	said '--direction write overwrites the window, and needs --overwrite'
	run 2 "$tool" bench --count 1 --direction mixed
	expect_counts 0 800 4
	run 0 "$tool" read --length 1000
	cmp in out
}

test_bench_writes_to_its_region_only() {
	random 1000 >in
	run 0 "$tool" write --input in
	bench_counts >before
	run 0 "$tool" bench --json --count 6 --direction mixed --overwrite \
		--offset 100 --length 250 --block 100
	expect_counts 300 300 6
	json '.read.requests == 3 and .write.requests == 3 and .write.bytes == 300'
	run 0 "$tool" read --length 1000
	cmp -n 100 in out
	cmp -i 300 in out
	cmp -l in out >differ || [[ $? == 1 ]]
	[[ $(wc -l <differ) -gt 50 ]]
	run 0 "$tool" bench --count 1 --direction write -W --offset 999 --length 1
	printed 'blocks of 1, window 999 to 1000'
}

# under_way: requests of the job, each of one page; what is copied has a thread
under_way() {
	echo $(($(<"$stats/pages_async") + $(workers)))
}

has_under_way() {
	[[ $(under_way) -ge $1 ]]
}

test_bench_keeps_requests_under_way() {
	stand_still
	start "$tool" bench --depth 5 --block 100
	wait_until 'five requests are under way' has_under_way 5
	[[ $(under_way) == 5 ]]
	kill "$job"
	let_go
	wait "$job" || [[ $? == 143 ]]
	[[ $(<"$stats/pages_async") == 0 ]]
	# What was measured so far.
	printed 'IOPS'
}

test_bench_outside_the_window() {
	local size
	size=$(window)
	run 1 "$tool" bench --offset "$size"
	said 'nothing to measure'
	run 1 "$tool" bench --offset 1 --length "$size"
	said "$size bytes from 1: not in the window of $size"
	run 1 "$tool" bench --length 10 --block 11
	said '--block: 11 is more than the 10 bytes of the region'
}

test_bench_of_a_device_that_goes() {
	local status=0 before
	stand_still
	before=$(<"$stats/descriptors")
	start "$tool" bench
	wait_for_transfer "$before"
	echo "$slot" >/sys/bus/pci/drivers/edudma/unbind
	wait "$job" || status=$?
	let_go
	echo "$slot" >/sys/bus/pci/drivers/edudma/bind
	[[ $status == 1 ]]
	said 'No such device, read of '
	[[ $(wc -l <err) == 1 ]]
}

test_stats_are_what_sysfs_says() {
	run 0 "$tool" stats
	tr -s ' ' : <out | sort >told
	(cd "$stats" && grep -H . -- *) | sort | diff told -
	run 0 "$tool" stats --json
	json ".index == 0 and .statistics.requests == $(<"$stats/requests")"
}

test_stats_watch_shows_the_change() {
	random 10 >in
	"$tool" stats --watch 0.1 --count 10000 --json >watched &
	job=$!
	# Only what comes after its first line is sure to be seen as a change.
	wait_until 'it prints' test -s watched
	run 0 "$tool" write --input in
	# On a slow machine it may take many lines; all changes together are it.
	wait_until 'it prints the change' \
		gojq -se 'map(.change.bytes_to_device) | add == 10' watched
	kill "$job"
	wait "$job" || [[ $? == 143 ]]
	tail -n 1 watched >out
	json '.statistics.bytes_to_device >= 10'
	run 0 "$tool" stats --watch 0.05 --count 3 --json
	[[ $(wc -l <out) == 3 ]]
	run 0 "$tool" stats --watch 0.05 --count 1
	printed 'requests'
}

test_others_need_permission() {
	local as_other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	chmod 600 "$node"
	run 0 "${as_other[@]}" "$tool" list
	run 0 "${as_other[@]}" "$tool" stats
	run 1 "${as_other[@]}" "$tool" info
	said "$node: Permission denied (run as root"
	run 1 "${as_other[@]}" "$tool" unload
	said 'only root'
	[[ -d /sys/module/edudma ]]
}

test_examples_work() {
	run 0 "$examples/rw" "$node"
	printed 'Hello, device memory!'
	run 0 "$examples/iovec" "$node"
	printed 'gatherscatter'
	run 0 "$examples/uring" "$node"
	printed '4 requests at a time, there and back'
	run 0 "$examples/aio" "$node"
	printed '4 requests by one call, there and back'
	local status=0
	"$examples/buffers" "$node" >out 2>err || status=$?
	if [[ $status == 0 ]]; then
		printed '16 rounds through one registered buffer'
	else
		said 'the device does not reach this memory'
	fi
	if "$tool" info --json | gojq -e '.capabilities | index("mmap")' >/dev/null; then
		run 0 "$examples/mmap" "$node"
		printed 'the same'
	else
		run 1 "$examples/mmap" "$node"
		said 'cannot see'
	fi
	local way
	if streams; then
		run 0 "$examples/grabber" "$node" 1
		printed ' frames/s, brightness'
		run 0 "$examples/recorder" "$node" recorded 20
		printed '20 frames recorded'
		[[ $(stat -c %s recorded) == $((20 * 65536)) ]]
		run 0 "$examples/board" "$node"
		printed '50 of 50 round trips, 50 of 50 frames, at the same time'
	else
		for way in grabber recorder board; do
			run 1 "$examples/$way" "$node"
		done
	fi
}

streams() {
	"$tool" info --json | gojq -e '.capabilities | index("streams")' >/dev/null
}

need_streams() {
	streams || skip 'the device has no streams'
}

test_capture_takes_frames_and_loses_none() {
	local pattern
	need_streams
	run 0 "$tool" capture --verify -n 200
	silent out
	said '200 frames, 13107200 bytes (12.5 MiB) in '
	said ', verified'
	said 'nothing was lost'
	for pattern in counter prbs31 ramp; do
		run 0 "$tool" capture --strict -n 20 --pattern "$pattern" --header --json
		silent err
		json ".pattern == \"$pattern\" and .frames == 20 and .bytes == 20 * 65536 and
			.verified and .wrong_bytes == 0 and .lost == 0 and .gaps == 0 and
			.produced == .delivered + .lost and .delivered == .bytes + .bytes_after"
	done
	run 0 "$tool" capture -n 3 --frame 1000 --rate 100K --quiet
	silent err
	silent out
}

test_capture_writes_what_a_sink_expects() {
	need_streams
	run 0 "$tool" capture -n 10 --pattern prbs31 --frame 5000 --output frames
	[[ $(stat -c %s frames) == 50000 ]]
	"$tool" capture -n 10 --pattern prbs31 --frame 5000 --quiet --output - |
		cmp - frames
	run 0 "$tool" play --strict --pattern prbs31 frames
	said '1 frames, 50000 bytes'
	said 'underruns: 0 frames'
	said 'mismatches: none'
	run 0 "$tool" play --pattern prbs31 --frame 7000 --json - <frames
	json '.frames == 8 and .bytes == 50000 and .mismatches == 0'
	# Of another pattern, or with a wrong byte.
	run 0 "$tool" play frames
	said 'mismatches: '
	printf X | dd of=frames bs=1 seek=12345 conv=notrunc status=none
	run 1 "$tool" play --strict --pattern prbs31 frames
	said 'mismatches: 1 bytes, the first at 12345'
	said 'the device got 1 bytes that are not of the pattern'
	: >empty
	run 1 "$tool" play empty
	said 'empty: there is nothing to play'
}

# The FIFO holds a MiB, so a reader that sleeps for as long as two take loses some.
test_capture_with_a_slow_reader_tells_the_exact_loss() {
	local slow=(--rate 16M --count 60 --buffers 4 --stall 125:20 --policy drop-old)
	need_streams
	run 0 "$tool" capture "${slow[@]}" --json
	cp out result
	# What the device lost before the last frame is what the gaps say.
	json '.frames == 60 and .lost_frames > 0 and .gaps > 0 and
		.lost_bytes == .lost_frames * .frame_bytes and .lost >= .lost_bytes and
		.produced == .delivered + .lost and .delivered == .bytes + .bytes_after'
	said 'capture: lost before frame '
	sed -n 's/.*lost before frame [0-9]*: \([0-9]*\) frames.*/\1/p' err >lost
	[[ $(paste -sd+ lost | bc) == $(gojq .lost_frames result) ]]
	run 1 "$tool" capture "${slow[@]}" --strict
	said ', verified'
	said ' bytes were lost'
	run 1 "$tool" capture "${slow[@]}" --policy end
	said 'frames came faster than they were taken'
	said 'nothing was lost'
}

test_capture_draws_a_picture() {
	need_streams
	run 0 "$tool" capture -n 2 --frame 4096 --picture picture.pgm
	[[ $(head -n 2 picture.pgm | tail -n 1) == '256 32' ]]
	[[ $(stat -c %s picture.pgm) == $((14 + 2 * 4096)) ]]
	# Byte o of frame n is o % 256 + o / 256 + 8 n: here the second line of frame 1.
	[[ $(od -An -tu1 -j $((14 + 4096 + 256)) -N 4 picture.pgm) == *'9  10  11  12' ]]
	run 0 "$tool" capture -n 60 --rate 16M --buffers 4 --stall 125:20 --picture gaps.pgm \
		--policy drop-old
	[[ $(head -n 2 gaps.pgm | tail -n 1) == '256 4096' ]]
}

test_capture_is_ended_by_a_signal() {
	local before status=0
	need_streams
	before=$(frames_so_far)
	start "$tool" capture --rate 4M --output frames --json --verify
	wait_until 'there are frames' more_frames_than $((before + 20))
	kill -INT "$job"
	wait "$job" || status=$?
	[[ $status == 130 ]]
	json '.frames > 0 and .verified and .produced == .delivered + .lost'
	[[ $(stat -c %s frames) == $(gojq .bytes out) ]]
	# The channel is free again.
	run 0 "$tool" capture -n 1
	before=$(frames_so_far)
	start "$tool" play --rate 4M --json
	wait_until 'there are frames' more_frames_than $((before + 20))
	kill -INT "$job"
	status=0
	wait "$job" || status=$?
	[[ $status == 130 ]]
	json '.frames > 0 and .mismatches == 0'
}

frames_so_far() {
	cat "$stats/frames"
}

more_frames_than() {
	[[ $(frames_so_far) -gt $1 ]]
}

test_play_counts_underruns() {
	local pattern
	need_streams
	for pattern in counter prbs31 ramp; do
		run 0 "$tool" play --strict -n 40 --pattern "$pattern" --json
		json '.frames == 40 and .bytes == 40 * 65536 and .underruns == 0 and
			.mismatches == 0'
	done
	# A frame takes a millisecond, and there is one each 20.
	run 0 "$tool" play -n 20 --rate 64M --buffers 2 --stall 20 --json
	json '.frames == 20 and .underruns > 17 and .gaps > 0 and .mismatches == 0 and
		.lost_bytes == .underruns * .frame_bytes and
		.produced == .delivered + .lost and .delivered == .bytes'
	run 1 "$tool" play -n 20 --rate 64M --buffers 2 --stall 20 --strict
	said ' bytes were not there in time'
}

test_streams_of_a_device_that_goes() {
	local driver=/sys/bus/pci/drivers/edudma status=0 before
	need_streams
	before=$(frames_so_far)
	start "$tool" capture --rate 4M
	wait_until 'there are frames' more_frames_than $((before + 10))
	echo "$slot" >"$driver/unbind"
	wait "$job" || status=$?
	echo "$slot" >"$driver/bind"
	[[ $status == 1 ]]
	said 'the stream has ended after '
	said ': No such device'
}

test_streams_need_memory_that_may_be_locked() {
	need_streams
	chmod 666 "$node"
	at_end "chmod 600 $node"
	run 1 setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		prlimit --memlock=65536 "$tool" capture -n 1
	said "$node registers no 1048576 bytes (fewer --buffers, or 'ulimit -l')"
}

# The device goes while it works: the copy says so and leaves nothing.
test_copy_from_a_device_that_goes() {
	local driver=/sys/bus/pci/drivers/edudma status=0 before
	random 200000 >in
	mkdir dir
	stand_still
	before=$(<"$stats/descriptors")
	start "$tool" copy in dir/back
	wait_for_transfer "$before"
	echo "$slot" >"$driver/unbind"
	wait "$job" || status=$?
	let_go
	echo "$slot" >"$driver/bind"
	[[ $status == 1 ]]
	said 'No such device, after '
	only dir ''
	[[ -e $node ]]
}

test_module_in_use_names_the_user() {
	need_module
	tail -f /dev/null 3<"$node" &
	local holder=$!
	# shellcheck disable=SC2064
	trap "kill $holder; wait $holder || true" EXIT
	wait_until 'it is no longer bash' grep -qx tail "/proc/$holder/comm"
	run 1 "$tool" unload
	said "in use by process $holder (tail)"
	said 'end these processes first'
	[[ -e $node ]]
}

test_module_goes_and_comes() {
	need_module
	run 1 "$tool" load --module "$EDUDMA_MODULE"
	said 'already loaded'

	run 0 "$tool" unload
	silent err
	[[ ! -e /sys/module/edudma ]]
	run 1 "$tool" unload
	said 'the module is not loaded'
	run 1 "$tool" info
	said "try 'edudma load'"

	# The lane's parameters are words.
	# shellcheck disable=SC2086
	run 0 "$tool" load --module "$EDUDMA_MODULE" ${EDUDMA_MODULE_PARAMS:-}
	silent err
	grep -q "^edudma0 .* $node\$" out
	[[ -e $node ]]
}

test_module_is_found_by_name() {
	local tree
	tree=/lib/modules/$(uname -r)
	need_module
	run 0 "$tool" unload
	# Hides the distribution's modules, which depmod would read for minutes.
	mkdir -p /lib/modules
	mount -t tmpfs none /lib/modules
	trap 'umount /lib/modules; load_as_before' EXIT
	mkdir -p "$tree/extra"
	cp "$EDUDMA_MODULE" "$tree/extra/"
	depmod
	run 0 "$tool" load chunk_bytes=16384
	grep -q '^edudma0 ' out
	[[ $(</sys/module/edudma/parameters/chunk_bytes) == 16384 ]]
	run 1 "$tool" load
	said 'already loaded'
	run 0 "$tool" unload
	rm "$tree/extra/${EDUDMA_MODULE##*/}"
	depmod
	run 1 "$tool" load
	said "no module edudma in $tree (name its file: --module PATH)"
}

test_bad_parameters_are_named() {
	need_module
	trap 'load_as_before' EXIT
	run 0 "$tool" unload
	run 1 "$tool" load --module "$EDUDMA_MODULE" no_such=1
	said 'no_such=1: the module has no such parameter'
	said 'chunk_bytes'
	run 1 "$tool" load --module "$EDUDMA_MODULE" no_such=1 nor_this ring=0
	[[ $(grep -c 'the module has no such parameter' err) == 2 ]]
	said 'nor_this: the module has no such parameter'
	[[ ! -e /sys/module/edudma ]]

	run 1 "$tool" load --module "$EDUDMA_MODULE" timeout_ms=6000 chunk_bytes=5
	printf '%s\n' 'edudma: load: chunk_bytes=5 refused: give a multiple of 4096 from 4096 to 16777216' |
		diff - err
	run 1 "$tool" load --module "$EDUDMA_MODULE" msi=perhaps
	printf '%s\n' "edudma: load: \`perhaps' invalid for parameter \`msi'" | diff - err
	[[ ! -e /sys/module/edudma ]]

	run 0 "$tool" load --module "$EDUDMA_MODULE" chunk-bytes=8192
	[[ $(</sys/module/edudma/parameters/chunk_bytes) == 8192 ]]
	run 0 "$tool" unload
}

test_what_is_no_module_is_refused() {
	need_module
	trap 'load_as_before' EXIT
	run 0 "$tool" unload
	echo 'not a module' >junk.ko
	run 1 "$tool" load --module ./junk.ko
	said './junk.ko: '
	# One that can be read: others may have no access to the checkout.
	chmod 755 .
	install -m 644 "$EDUDMA_MODULE" edudma.ko
	run 1 setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$tool" load --module "$PWD/edudma.ko"
	said 'only root can load modules'
	[[ ! -e /sys/module/edudma ]]
}

run_tests "$@"
