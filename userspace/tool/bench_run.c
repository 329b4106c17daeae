// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests of edudma bench.
 *
 * A slot has memory for one request.  While there is time, each slot whose request has
 * ended begins the next one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <edudma_uring.h>

#include "bench.h"

#define HUGE_PAGE	((size_t)2 << 20)

/**
 * struct slot - a request
 * @buf:	its memory
 * @direction:	enum edudma_direction
 * @segment:	what it does if it is a vector
 * @start_ns:	when it began
 */
struct slot {
	unsigned char *buf;
	unsigned int direction;
	struct edudma_segment segment;
	int64_t start_ns;
};

/**
 * struct run - a measurement under way
 * @bench:	what to measure
 * @memory:	that of all slots
 * @size:	its bytes
 * @slots:	all
 * @idle:	those that have no request
 * @nr_idle:	how many that are
 * @ring:	io_uring, but for BENCH_SYNC
 * @buffer:	number of the memory if it is registered with the device
 * @next:	where in the region the next request is
 * @end_ns:	when to stop
 * @status:	STATUS_FAILURE once a request has failed
 */
struct run {
	struct bench *bench;
	unsigned char *memory;
	size_t size;
	struct slot *slots;
	struct slot **idle;
	unsigned int nr_idle;
	struct io_uring ring;
	uint32_t buffer;
	uint64_t next;
	int64_t end_ns;
	int status;
};

static bool over(const struct run *run)
{
	const struct bench *bench = run->bench;

	return run->status || signal_caught() ||
		(bench->count && bench->begun >= bench->count) ||
		(bench->seconds && now_ns() >= run->end_ns);
}

/* What the next request does; returns where in the window. */
static uint64_t choose(struct run *run, struct slot *slot)
{
	struct bench *bench = run->bench;
	uint64_t offset;

	if (run->next + bench->block > bench->length)
		run->next = 0;
	offset = bench->offset + run->next;
	run->next += bench->block;

	slot->direction = bench->directions == 3 ? bench->begun % 2 :
						   bench->directions - 1;
	slot->start_ns = now_ns();
	bench->begun++;
	return offset;
}

/* A request has ended: @result is the bytes that it moved or a negative errno. */
static void account(struct run *run, struct slot *slot, int64_t result)
{
	const bool writes = slot->direction == EDUDMA_TO_DEVICE;
	struct bench *bench = run->bench;
	const char *path = edudma_path(bench->dev);

	run->idle[run->nr_idle++] = slot;
	if (result == (int64_t)bench->block) {
		latency_add(&bench->latency[slot->direction],
			    now_ns() - slot->start_ns);
		return;
	}
	/* One message is enough; those of a signal are none. */
	if (run->status || (signal_caught() && result == -EINTR))
		return;
	if (result < 0)
		run->status = fail_device(path, result, "%s of %" PRIu64 " bytes",
					  writes ? "write" : "read", bench->block);
	else
		run->status = fail("%s: %s stopped after %" PRId64 " of %" PRIu64 " bytes",
				   path, writes ? "write" : "read", result,
				   bench->block);
}

static void run_sync(struct run *run)
{
	struct edudma *dev = run->bench->dev;
	const size_t block = run->bench->block;
	struct slot *slot = run->slots;
	uint64_t offset;
	int ret;

	while (!over(run)) {
		run->nr_idle = 0;
		offset = choose(run, slot);
		if (slot->direction == EDUDMA_TO_DEVICE)
			ret = edudma_write_at(dev, slot->buf, block, offset, NULL);
		else
			ret = edudma_read_at(dev, slot->buf, block, offset, NULL);
		account(run, slot, ret ? ret : (int64_t)block);
	}
}

static void prepare(struct run *run, struct slot *slot, struct io_uring_sqe *sqe)
{
	const struct bench *bench = run->bench;
	const uint64_t offset = choose(run, slot);
	const bool write = slot->direction == EDUDMA_TO_DEVICE;
	const int fd = edudma_fd(bench->dev);

	switch (bench->mode) {
	case BENCH_FIXED:
		if (write)
			io_uring_prep_write_fixed(sqe, fd, slot->buf, bench->block,
						  offset, 0);
		else
			io_uring_prep_read_fixed(sqe, fd, slot->buf, bench->block,
						 offset, 0);
		break;
	case BENCH_REGISTERED:
		slot->segment = write ?
			edudma_buffer_to_device(run->buffer, slot->buf - run->memory,
						bench->block, offset) :
			edudma_buffer_from_device(run->buffer, slot->buf - run->memory,
						  bench->block, offset);
		edudma_prep_transfer(sqe, bench->dev, &slot->segment, 1, 0);
		break;
	default:
		if (write)
			io_uring_prep_write(sqe, fd, slot->buf, bench->block, offset);
		else
			io_uring_prep_read(sqe, fd, slot->buf, bench->block, offset);
	}
	io_uring_sqe_set_data(sqe, slot);
}

static void run_ring(struct run *run)
{
	const unsigned int depth = run->bench->depth;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int ret;

	for (;;) {
		/* There is an entry for each slot. */
		while (run->nr_idle && !over(run) &&
		       (sqe = io_uring_get_sqe(&run->ring)))
			prepare(run, run->idle[--run->nr_idle], sqe);
		if (run->nr_idle == depth)
			return;

		ret = io_uring_submit_and_wait(&run->ring, 1);
		if (ret < 0 && ret != -EINTR) {
			run->status = fail("io_uring: %s", strerror(-ret));
			return;
		}
		while (!io_uring_peek_cqe(&run->ring, &cqe)) {
			account(run, io_uring_cqe_get_data(cqe), cqe->res);
			io_uring_cqe_seen(&run->ring, cqe);
		}
	}
}

static int alloc_slots(struct run *run)
{
	const struct bench *bench = run->bench;
	const size_t page = sysconf(_SC_PAGESIZE);
	const size_t stride = (bench->block + page - 1) / page * page;
	unsigned int i;

	/* What is contiguous in memory needs one descriptor. */
	run->size = (bench->depth * stride + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	run->slots = calloc(bench->depth, sizeof(*run->slots));
	run->idle = calloc(bench->depth, sizeof(struct slot *));
	run->memory = aligned_alloc(HUGE_PAGE, run->size);
	if (!run->slots || !run->idle || !run->memory)
		return fail("%s for %u requests of %" PRIu64 " bytes",
			    strerror(ENOMEM), bench->depth, bench->block);

	madvise(run->memory, run->size, MADV_HUGEPAGE);
	memset(run->memory, 0x5a, run->size);
	for (i = 0; i < bench->depth; i++) {
		run->slots[i].buf = run->memory + i * stride;
		run->idle[run->nr_idle++] = &run->slots[i];
	}
	return STATUS_OK;
}

static int register_memory(struct run *run)
{
	const struct bench *bench = run->bench;
	const char *path = edudma_path(bench->dev);
	struct iovec memory = { run->memory, run->size };
	struct edudma_info info;
	int ret = 0;

	if (bench->mode == BENCH_FIXED) {
		ret = io_uring_register_buffers(&run->ring, &memory, 1);
		if (ret == -ENOMEM)
			return fail("io_uring registers no %zu bytes (see 'ulimit -l')",
				    run->size);
		if (ret)
			return fail("io_uring: %s", strerror(-ret));
	} else if (bench->mode == BENCH_REGISTERED) {
		ret = edudma_get_info(bench->dev, &info, sizeof(info));
		if (!ret && !(info.capabilities & EDUDMA_CAP_URING_CMD))
			return fail("%s: --mode registered needs Linux 6.1", path);
		if (!ret)
			ret = edudma_buffer_register(bench->dev, run->memory,
						     run->size, &run->buffer);
		if (ret == -EDQUOT)
			return fail("%s registers no %zu bytes (see 'ulimit -l')",
				    path, run->size);
		if (ret == -EADDRNOTAVAIL)
			return fail("%s: --mode registered: the device does not reach the memory",
				    path);
		if (ret)
			return fail_device(path, ret, "registering %zu bytes", run->size);
	}
	return STATUS_OK;
}

static double seconds_of(const struct timeval *time)
{
	return time->tv_sec + time->tv_usec / 1e6;
}

static int take_stats(const struct bench *bench, struct edudma_stats **stats)
{
	const char *path = edudma_path(bench->dev);
	unsigned int index;
	int ret;

	ret = edudma_find_index(path, &index);
	if (!ret)
		ret = edudma_stats_read(index, stats);
	return ret ? fail_device(path, ret, "%s", "") : STATUS_OK;
}

/* Everything is there: measure. */
static int measure(struct run *run)
{
	struct bench *bench = run->bench;
	struct edudma_stats *before = NULL, *after = NULL;
	struct rusage start, end;
	int64_t start_ns;
	int ret;

	ret = take_stats(bench, &before);
	if (ret)
		return ret;

	getrusage(RUSAGE_SELF, &start);
	start_ns = now_ns();
	run->end_ns = start_ns + bench->seconds * NS_PER_S;
	if (bench->mode == BENCH_SYNC)
		run_sync(run);
	else
		run_ring(run);
	bench->elapsed = (double)(now_ns() - start_ns) / NS_PER_S;
	getrusage(RUSAGE_SELF, &end);
	bench->user = seconds_of(&end.ru_utime) - seconds_of(&start.ru_utime);
	bench->system = seconds_of(&end.ru_stime) - seconds_of(&start.ru_stime);

	ret = run->status;
	if (!ret)
		ret = take_stats(bench, &after);
	if (!ret && edudma_stats_diff(after, before, &bench->stats))
		ret = fail("%s", strerror(ENOMEM));
	edudma_stats_free(after);
	edudma_stats_free(before);
	return ret;
}

int bench_run(struct bench *bench)
{
	struct run run = { .bench = bench };
	const bool ring = bench->mode != BENCH_SYNC;
	int ret;

	ret = alloc_slots(&run);
	if (ret)
		goto out_free;
	if (ring) {
		ret = io_uring_queue_init(bench->depth, &run.ring, 0);
		if (ret) {
			ret = fail("io_uring: %s (--mode sync does without)",
				   strerror(-ret));
			goto out_free;
		}
	}

	ret = register_memory(&run);
	if (!ret)
		ret = measure(&run);
	if (run.buffer)
		edudma_buffer_unregister(bench->dev, run.buffer);
	if (ring)
		io_uring_queue_exit(&run.ring);
out_free:
	free(run.memory);
	free(run.idle);
	free(run.slots);
	return ret;
}
