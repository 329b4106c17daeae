#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The commands that examine and reset a device: doctor, selftest, why, reset.  Runs in the
# guest, as root.

# shellcheck source=tests/lib/tap.bash
. "$(dirname "$(readlink -f "$0")")/../../lib/tap.bash"
# shellcheck source=tests/suites/tool/device.sh
. "$(dirname "$(readlink -f "$0")")/device.sh"

driver=/sys/bus/pci/drivers/edudma
as_other=(setpriv --reuid=65534 --regid=65534 --clear-groups)

stat() {
	echo "$(<"$stats/$1")"
}

# fill_window: with random bytes, which are in the file window; of a large one the beginning
fill_window() {
	local size
	size=$(window)
	random $((size < 3000000 ? size : 3000000)) >window
	"$tool" write --input window
}

window_is_as_it_was() {
	"$tool" read --length "$(command stat -c %s window)" | cmp - window
}

# found STATUS CHECK: what the doctor has just told in JSON of a check
found() {
	json ".checks[] | select(.check == \"$2\") | .status == \"$1\""
}

# set_timeout MILLISECONDS: for a hardware transfer, until the test ends
set_timeout() {
	local parameter=/sys/module/edudma/parameters/timeout_ms
	at_end "echo $(<$parameter) >$parameter"
	echo "$1" >$parameter
}

# map_window: have a process map it until the test ends, if it can be mapped
map_window() {
	"$tool" info --json | gojq -e '.capabilities | index("mmap")' >/dev/null ||
		skip 'the window of this device cannot be mapped'
	python3 -c '
import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
window = mmap.mmap(fd, 4096)
os.close(fd)
print("mapped", flush=True)
time.sleep(1000)' "$node" >mapped &
	mapper=$!
	at_end "kill $mapper"
	wait_until 'the window is mapped' grep -q mapped mapped
}

test_doctor_finds_a_device_that_works() {
	local name
	run 0 "$tool" doctor
	silent err
	for name in module loaded signature device node window interrupt iommu reach memlock \
			history transfer streams; do
		grep -qE "^(ok|warn)  *$name " out
	done
	grep -q "^ok    device     edudma0 at $slot" out
	run 0 "$tool" doctor --json "$slot"
	json '.failed == 0 and (.checks | length) == 13'
	json '.checks | all((.status == "ok" or .status == "warn") and .found != "")'
	json '.warned == ([.checks[] | select(.status == "warn")] | length)'
}

test_doctor_moves_bytes_and_leaves_the_window_alone() {
	local to from size
	fill_window
	to=$(stat bytes_to_device)
	from=$(stat bytes_from_device)
	run 0 "$tool" doctor --json
	found ok transfer
	size=$(window)
	# There and back, and what was in the window out of it and back.
	to=$(($(stat bytes_to_device) - to))
	[[ $to == $((2 * (size < 4096 ? size : 4096))) ]]
	# A stream has come as well, where there are streams.
	[[ $(($(stat bytes_from_device) - from)) -ge $to ]]
	window_is_as_it_was
}

test_doctor_says_what_the_device_can() {
	run 0 "$tool" info --json
	cp out info
	run 0 "$tool" doctor
	if gojq -e '.capabilities | index("iommu")' info >/dev/null; then
		printed 'an IOMMU translates'
	else
		printed 'none: the device uses addresses of the machine'
	fi
	if gojq -e '.capabilities | index("msi")' info >/dev/null; then
		grep -q '^ok    interrupt  MSI' out
	else
		grep -q '^warn  interrupt  INTx' out
	fi
}

test_doctor_finds_that_the_module_is_missing() {
	need_module
	at_end load_as_before
	"$tool" unload
	run 1 "$tool" doctor --json
	found fail loaded
	json '.checks[] | select(.check == "loaded") | .way_out | contains("edudma load")'
	# It is there, and not to blame.
	found ok device
	json '.checks | map(.check) | index("transfer") | not'
}

test_doctor_finds_that_no_device_is_bound() {
	local one slots=()
	for one in /sys/class/edudma/edudma*; do
		slots+=("$(basename "$(readlink "$one/device")")")
	done
	for one in "${slots[@]}"; do
		echo "$one" >"$driver/unbind"
	done
	at_end "for one in ${slots[*]}; do echo \$one >$driver/bind; done"
	run 1 "$tool" doctor
	grep -qE '^fail  device     .* is not bound to the driver' out
}

test_doctor_finds_that_the_user_may_not() {
	chmod 600 "$node"
	run 1 "${as_other[@]}" "$tool" doctor --json
	found fail node
	json '.failed == 1'
	run 0 "$tool" doctor --json
	found warn node
}

test_doctor_finds_a_low_limit() {
	at_end "chmod 600 $node"
	chmod 666 "$node"
	run 0 "${as_other[@]}" prlimit --memlock=65536 "$tool" doctor --json
	found warn memlock
	run 0 "$tool" doctor --json
	found ok memlock
}

# What stands still for longer than timeout_ms.
test_doctor_finds_a_device_that_does_nothing() {
	[[ $engine == ring ]] || skip 'this device cannot stand still'
	set_timeout 200
	fill_window
	stand_still
	run 1 "$tool" doctor --json
	found fail transfer
	let_go
	run 0 "$tool" doctor --json
	found ok transfer
	found warn history
	window_is_as_it_was
}

test_doctor_finds_a_device_that_fails() {
	[[ $engine == ring ]] || skip 'this device cannot fail'
	fill_window
	# The first moves the bytes of the window to memory.
	machine fault-fail 1
	run 1 "$tool" doctor
	grep -q '^fail  transfer   Input/output error' out
	window_is_as_it_was
	run 0 "$tool" doctor
}

test_doctor_moves_nothing_if_the_window_is_mapped() {
	local before
	map_window
	before=$(stat requests)
	run 0 "$tool" doctor --json
	found warn transfer
	json ".checks[] | select(.check == \"transfer\") | .found | contains(\"process $mapper\")"
	[[ $(stat requests) == "$before" ]]
}

need_streams() {
	"$tool" info --json | gojq -e '.capabilities | index("streams")' >/dev/null ||
		skip 'the device has no streams'
}

test_doctor_takes_frames() {
	local frames
	need_streams
	frames=$(stat frames)
	run 0 "$tool" doctor
	grep -q '^ok    streams    1 at a time; 32768 bytes came' out
	[[ $(stat frames) -ge $((frames + 8)) ]]
}

test_doctor_finds_that_all_streams_are_taken() {
	local frames
	need_streams
	frames=$(stat frames)
	start "$tool" capture --rate 4M --quiet
	at_end "kill $job; wait $job || :"
	wait_until 'the stream runs' more_frames_than "$frames"
	run 0 "$tool" doctor --json
	found warn streams
	found ok transfer
}

more_frames_than() {
	[[ $(stat frames) -gt $1 ]]
}

test_selftest_moves_all_sizes_each_way() {
	local to
	fill_window
	slow_down 2000
	to=$(stat bytes_to_device)
	run 0 "$tool" selftest
	silent err
	grep -q '^ok    to-device          1 bytes' out
	grep -q '^ok    from-device     4095 bytes' out
	printed 'verified; the window is as it was'
	window_is_as_it_was
	run 0 "$tool" selftest --json
	json '.failed == 0 and .restored and (.cases | length) == .transfers'
	json '.cases | all(.ok)'
	json '[.cases[] | .direction] | unique | length == 2'
	json '[.cases[] | .alignment] | unique == [0, 1, 63, 4095]'
	# Each there, and what was in the window back.
	[[ $(($(stat bytes_to_device) - to)) == $(gojq '[.cases[].bytes] | add * 4' out) ]]
	window_is_as_it_was
}

test_selftest_finds_what_fails() {
	[[ $engine == ring ]] || skip 'this device cannot fail'
	fill_window
	machine fault-fail 1
	run 1 "$tool" selftest --quiet
	silent out
	said 'Input/output error'
	grep -q ' 1 of [0-9]* transfers failed$' err
	window_is_as_it_was
}

test_selftest_refuses_a_window_that_is_mapped() {
	local before
	map_window
	before=$(stat descriptors)
	run 1 "$tool" selftest
	said "process $mapper (python3) has mapped the window"
	[[ $(stat descriptors) == "$before" ]]
	run 0 "$tool" selftest --force --quiet
}

# What others write meanwhile is there afterwards.
test_selftest_loses_nothing_of_others() {
	local i
	[[ $engine == ring ]] || skip 'this takes minutes on this device'
	start "$tool" selftest --quiet
	for ((i = 0; i < 300; i++)); do
		printf '%08d' "$i" | dd of="$node" bs=8 status=none conv=notrunc
		kill -0 "$job" 2>/dev/null || break
	done
	wait "$job"
	printf '%08d' "$((i < 300 ? i : 299))" >last
	run 0 "$tool" read --length 8
	cmp last out
}

test_selftest_that_is_interrupted_restores_the_window() {
	fill_window
	# Only so long is the device slow.
	(
		slow_down 20000000
		before=$(stat descriptors)
		start "$tool" selftest
		wait_for_transfer $((before + 20))
		kill -INT "$job"
		wait "$job" || [[ $? == 130 ]]
	)
	said 'interrupted after'
	window_is_as_it_was
}

# moves_from FILE: write a mapping of the file to the node; prints the bytes that went
# without a copy, and those that bounced
moves_from() {
	local zero bounced
	zero=$(stat bytes_zero_copy)
	bounced=$(stat bytes_bounced)
	python3 -c '
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
with open(sys.argv[2], "rb") as file:
    memory = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    for at in range(0, len(memory), 4096):
        os.pwrite(fd, memory[at:at + 4096], 0)' "$node" "$1"
	echo $(($(stat bytes_zero_copy) - zero)) $(($(stat bytes_bounced) - bounced))
}

# Of all its pages what is foretold is what the driver counts.
test_why_is_what_a_transfer_does() {
	local zero bounced
	mount_tmpfs shared 8M
	random 81920 >shared/file
	run 0 "$tool" why --json shared/file
	silent err
	read -r zero bounced < <(moves_from shared/file)
	json ".pages == 20 and .zero_copy * 4096 == $zero and .copied * 4096 == $bounced"
	json '.absent == 0 and .unknown == 0 and .to_device and .from_device'
	run 0 "$tool" why shared/file
	grep -qE '^(zero-copy|copied) ' out
}

test_why_a_file_can_be_registered() {
	mount_tmpfs shared 8M
	random 5000 >shared/file
	random 5000 >file
	run 0 "$tool" why --json shared/file
	json '.can_be_registered or .copied > 0'
	[[ $(command stat -f -c %T .) != tmpfs ]] || skip 'no file system but tmpfs here'
	run 0 "$tool" why --json file
	json '.can_be_registered == false'
	json '.not_registered | contains("use a memfd")'
}

test_why_there_is_no_answer() {
	: >empty
	run 1 "$tool" why empty
	said 'empty: empty, there is nothing to move'
	run 1 "$tool" why .
	said '.: not a regular file'
	run 1 "$tool" why missing
	said 'missing: No such file or directory'
	run 1 "$tool" why --pid 4194304 0x1000
	said '/proc/4194304/smaps: No such file or directory'
}

# A process says where it has memory of each kind.
test_why_of_a_process() {
	local used untouched constant device
	python3 -c '
import ctypes, mmap, os, sys, time
def address(memory):
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
keep = [mmap.mmap(-1, 8 * 4096) for _ in range(2)]
for at in range(0, 8 * 4096, 4096):
    keep[0][at] = 1
libc = ctypes.CDLL(None)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
keep.append(mmap.mmap(-1, 4096))
keep[2][0] = 1
where = [address(memory) for memory in keep]
libc.mprotect(where[2], 4096, mmap.PROT_READ)
try:
    fd = os.open(sys.argv[1], os.O_RDWR)
    keep.append(mmap.mmap(fd, 4096))
    where.append(address(keep[3]))
except OSError:
    where.append(0)
print(*map(hex, where), flush=True)
time.sleep(1000)' "$node" >where &
	job=$!
	at_end "kill $job"
	wait_until 'it says where' test -s where
	read -r used untouched constant device <where

	run 0 "$tool" why --json --pid "$job" "$used" 8K
	json '.pages == 2 and .zero_copy + .copied == 2 and .to_device and .from_device'
	run 0 "$tool" why --json --pid "$job" "$untouched"
	json '.pages == 1 and .absent == 1'
	run 0 "$tool" why --json --pid "$job" "$constant"
	json '.to_device and (.from_device | not) and (.can_be_registered | not)'
	run 0 "$tool" why --json --pid "$job" 0x10
	json '.refused | contains("EFAULT")'
	[[ $device != 0x0 ]] || return 0
	run 0 "$tool" why --json --pid "$job" "$device"
	json '.refused | contains("memory of a device")'
}

# plug_in: a device that can be reset, at a port of its own, until the test ends; node, slot
# and stats are its own then
plug_in() {
	local known
	known=$(ls /sys/class/edudma)
	"$qmp" human-monitor-command \
		"{'command-line': 'device_add $EDUDMA_EDU,id=edu15,bus=rootport'}" >/dev/null
	at_end "'$qmp' device_del \"{'id': 'edu15'}\" DEVICE_DELETED device edu15 >/dev/null"
	wait_until 'it is bound' has_come "$known"
	name=$(comm -13 <(echo "$known") <(ls /sys/class/edudma))
	node=/dev/$name
	stats=/sys/class/edudma/$name/statistics
	slot=$(basename "$(readlink "/sys/class/edudma/$name/device")")
	wait_until 'it has a node' test -c "$node"
}

# has_come LIST: is there another device than these?
has_come() {
	[[ $(ls /sys/class/edudma) != "$1" ]]
}

# register: one of the device's that a reset changes, behind the driver's back
register() {
	python3 -c '
import mmap, os, sys
fd = os.open(f"/sys/bus/pci/devices/{sys.argv[1]}/resource0", os.O_RDWR | os.O_SYNC)
words = memoryview(mmap.mmap(fd, 4096)).cast("I")
if len(sys.argv) > 2:
    words[1] = int(sys.argv[2])
print(words[1])' "$slot" "$@"
}

test_reset_resets_the_device() {
	local initial name
	plug_in
	run 0 "$tool" reset "$slot"
	initial=$(register)
	[[ $(register 12345) != "$initial" ]]
	random 3000 >window
	"$tool" write --device "$name" --input window
	run 0 "$tool" reset --device "$name"
	silent out
	silent err
	[[ $(register) == "$initial" ]]
	"$tool" read --device "$name" --length 3000 | cmp - window
	run 0 "$tool" doctor "$name"
}

test_reset_needs_a_device_that_can_be_reset() {
	[[ ! -e /sys/class/edudma/edudma0/device/reset ]] || skip 'the device can be reset'
	run 1 "$tool" reset
	said 'edudma0: the device cannot be reset by itself'
}

test_reset_is_not_for_all() {
	local name
	plug_in
	run 1 "${as_other[@]}" "$tool" reset "$name"
	said "$name: Permission denied (only root can reset a device)"
}

# Who uses the device notices a delay only.  The reset waits for the descriptor that is under way.
test_reset_lets_a_write_go_on() {
	local before name
	[[ $engine == ring ]] || skip 'this takes minutes on this device'
	plug_in
	random 300000 >in
	"$qmp" qom-set "{'path': '/machine/peripheral/edu15', 'property': 'latency', 'value': 50000000}" >/dev/null
	before=$(stat descriptors)
	start "$tool" write --device "$name" --input in
	wait_for_transfer "$before"
	"$tool" reset "$name"
	wait "$job"
	"$tool" read --device "$name" --length 300000 | cmp - in
}

run_tests "$@"
