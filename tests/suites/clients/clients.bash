#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that nobody here wrote, unmodified, on the node.  What they write they verify
# themselves.  Runs in the guest, as root.

# shellcheck source=tests/lib/tap.bash
. "$(dirname "$(readlink -f "$0")")/../../lib/tap.bash"

node=/dev/edudma0
stats=/sys/class/edudma/edudma0/statistics

# fio OPTION...: a job of fio's on the first MiB of the node, which must succeed
fio() {
	run 0 command fio --name=job --filename=$node --size=1M --minimal "$@"
}

# fio_both OPTION...: through the page cache, if the node had one, and without
fio_both() {
	fio --direct=0 "$@"
	fio --direct=1 "$@"
}

# stat NAME: of the device
stat() {
	cat "$stats/$1"
}

verified=(--rw=randwrite --bsrange=4k-64k --verify=crc32c)

test_fio_one_call_at_a_time() {
	for engine in sync psync vsync pvsync pvsync2; do
		fio_both --ioengine=$engine "${verified[@]}"
	done
}

test_fio_maps_the_window() {
	fio --ioengine=mmap --rw=randwrite --bs=4k --verify=crc32c
}

test_fio_aio() {
	for depth in 1 8 64; do
		fio_both --ioengine=libaio --iodepth=$depth "${verified[@]}"
	done
}

test_fio_posix_aio() {
	fio_both --ioengine=posixaio --iodepth=8 "${verified[@]}"
}

test_fio_io_uring() {
	for depth in 1 8 64; do
		fio_both --ioengine=io_uring --iodepth=$depth "${verified[@]}"
	done
}

test_fio_io_uring_of_large_blocks() {
	fio_both --ioengine=io_uring --iodepth=8 --size=16M --rw=randwrite --bs=1M \
		--verify=crc32c
}

test_fio_io_uring_with_registered_buffers() {
	fio --ioengine=io_uring --direct=1 --fixedbufs=1 --registerfiles=1 --iodepth=32 \
		"${verified[@]}"
}

test_fio_io_uring_with_a_thread_that_submits() {
	fio --ioengine=io_uring --direct=1 --sqthread_poll=1 --registerfiles=1 --iodepth=8 \
		--rw=randwrite --bs=4k --verify=crc32c
}

test_fio_io_uring_that_polls() {
	local before
	before=$(stat interrupts)
	fio --ioengine=io_uring --direct=1 --hipri=1 --fixedbufs=1 --iodepth=32 \
		"${verified[@]}"
	[[ $(stat interrupts) == "$before" ]]
}

test_fio_that_flushes() {
	fio --ioengine=io_uring --direct=1 --iodepth=16 --fsync=8 "${verified[@]}"
	fio --ioengine=psync --fdatasync=8 "${verified[@]}"
}

test_fio_four_at_a_time() {
	fio --ioengine=io_uring --direct=1 --iodepth=16 --numjobs=4 --offset_increment=1M \
		"${verified[@]}"
}

test_fio_splices_to_the_node() {
	fio --ioengine=splice --rw=write --bs=4k
}

# Before 6.5 the kernel does not hand over pages when it splices from a file.
test_fio_splices_from_the_node() {
	local release
	IFS=. read -ra release < <(uname -r)
	if ((release[0] * 100 + release[1] < 605)); then
		run 1 command fio --name=job --filename=$node --size=1M --ioengine=splice \
			--rw=read --bs=4k
		grep -q 'func=splice-from-fd, error=Invalid argument' out err
	else
		fio --ioengine=splice --rw=read --bs=4k
	fi
}

test_dd_and_cmp() {
	head -c 1000000 /dev/urandom >data
	run 0 dd if=data of=$node bs=64k oflag=direct conv=fsync
	run 0 cmp -n 1000000 data $node
	run 0 dd if=$node of=back bs=10000 count=100 iflag=fullblock
	cmp data back
}

test_python() {
	run 0 python3 - <<-'EOF'
		import mmap, os
		fd = os.open("/dev/edudma0", os.O_RDWR)
		sent = os.urandom(100000)
		assert os.pwrite(fd, sent, 5) == len(sent)
		with mmap.mmap(-1, len(sent)) as back:
		    assert os.preadv(fd, [memoryview(back)[:7], memoryview(back)[7:]], 5) == len(sent)
		    assert back[:] == sent
	EOF
}

run_tests "$@"
