// SPDX-License-Identifier: GPL-2.0-only
/*
 * EDUDMA_IOC_TRANSFER, and the structures that it and others read; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define I386_NR_IOCTL	54

void fuzz_structure_call(const struct fuzz_call *call)
{
	const uint64_t *arg = call->arg;
	struct {
		struct edudma_transfer known;
		uint64_t more;
	} transfer = {
		.known = {
			.segments = arg[1], .nr_segments = arg[2], .flags = arg[3],
			.bytes_done = arg[4], .segments_done = arg[4], .error = arg[4],
		},
		.more = arg[5],
	};
	struct edudma_segment segment = {
		.addr = arg[1], .len = arg[2], .offset = arg[3], .direction = arg[4],
		.buffer = arg[5],
	};
	struct iovec iov = { .iov_base = (void *)(uintptr_t)arg[1], .iov_len = arg[2] };

	if (call->nr == FUZZ_segment)
		fuzz_put(arg[0], &segment, sizeof(segment));
	else if (call->nr == FUZZ_iovec)
		fuzz_put(arg[0], &iov, sizeof(iov));
	else if (!fuzz_put(arg[0], &transfer, sizeof(transfer)))
		fuzz_put(arg[0], &transfer.known, sizeof(transfer.known));
}

/* What the segments add up to, if all of them can be read; else more than any. */
static uint64_t sum_of(const struct edudma_transfer *transfer)
{
	struct edudma_segment segment;
	uint64_t sum = 0;
	uint32_t i;

	if (transfer->nr_segments > 4096)
		return UINT64_MAX;
	for (i = 0; i < transfer->nr_segments; i++) {
		if (!fuzz_get(&segment, transfer->segments + i * sizeof(segment),
			      sizeof(segment)))
			return UINT64_MAX;
		if (__builtin_add_overflow(sum, segment.len, &sum))
			return UINT64_MAX;
	}
	return sum;
}

/*
 * Nobody else writes to the memory: neither a thread nor a device, through the window or
 * by a stream.
 */
static bool is_alone(const struct fuzz_run *run)
{
	unsigned int i;

	for (i = 0; i < run->program->nr; i++)
		if (run->program->calls[i].thread)
			return false;
	return !run->maps && !run->creates;
}

/*
 * A transfer into the memory of its own structures may have overwritten them,
 * but its out fields are written last.
 */
static void check(struct fuzz_run *run, const struct edudma_transfer *before,
		  uint64_t sum, uint64_t at, const struct fuzz_result *result)
{
	struct edudma_transfer after;

	if (!fuzz_get(&after, at, sizeof(after)))
		return;
	if (result->err && after.error != (uint32_t)result->err)
		return;		/* refused, or overwritten by other means */
	if (!result->err && (after.error || after.bytes_done != sum ||
			     after.segments_done != before->nr_segments))
		fuzz_fail(run->fuzz, "transfer: succeeded with error %u, %llu of %llu bytes, %u of %u segments",
			  after.error, (unsigned long long)after.bytes_done,
			  (unsigned long long)sum, after.segments_done,
			  before->nr_segments);
	/* Of nothing, nothing is all: a device that is gone says ENODEV to that, too. */
	if (result->err && before->error != after.error &&
	    (sum || result->err != ENODEV) &&
	    (after.bytes_done >= sum || after.segments_done >= before->nr_segments))
		fuzz_fail(run->fuzz, "transfer: failed by error %u with %llu of %llu bytes, %u of %u segments",
			  after.error, (unsigned long long)after.bytes_done,
			  (unsigned long long)sum, after.segments_done,
			  before->nr_segments);
}

#ifdef __x86_64__
static int ioctl_32(int fd, unsigned int cmd, unsigned int arg)
{
	int ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (I386_NR_IOCTL), "b" (fd), "c" (cmd), "d" (arg)
		     : "memory", "cc", "r8", "r9", "r10", "r11");
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}
#else
/* Other machines have no gate for such a call in a 64-bit program. */
static int ioctl_32(int fd, unsigned int cmd, unsigned int arg)
{
	return ioctl(fd, cmd, (unsigned long)arg);
}
#endif

void fuzz_transfer(struct fuzz_run *run, const struct fuzz_call *call,
		   struct fuzz_result *result)
{
	int fd = fuzz_file(run, call->arg[0]);
	uint64_t at = call->arg[1], sum = 0;
	struct edudma_transfer before;
	unsigned int cmd = _IOC(_IOC_READ | _IOC_WRITE, EDUDMA_IOC_MAGIC, 1,
				call->arg[2] & _IOC_SIZEMASK);
	bool known;

	if (fd < 0)
		return;
	known = is_alone(run) && (call->arg[2] & _IOC_SIZEMASK) >= sizeof(before) &&
		fuzz_get(&before, at, sizeof(before));
	if (known)
		sum = sum_of(&before);
	result->made = true;
	result->ret = call->nr == FUZZ_transfer ?
		ioctl(fd, cmd, at) : ioctl_32(fd, cmd, at);
	result->err = result->ret < 0 ? errno : 0;
	if (known && sum != UINT64_MAX)
		check(run, &before, sum, at, result);
}
