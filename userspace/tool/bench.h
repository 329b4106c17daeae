/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of edudma bench share. */
#ifndef _BENCH_H
#define _BENCH_H

#include "tool.h"

/* latency.c: how long requests took, in buckets that are 1/64 wide at most */

#define LATENCY_BUCKETS	3776

/**
 * struct latency - times of many requests
 * @count:	how many
 * @sum:	of all, in nanoseconds
 * @min:	shortest; 0 if there is none
 * @max:	longest
 * @buckets:	how many took about so long
 */
struct latency {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t buckets[LATENCY_BUCKETS];
};

/**
 * latency_add() - add a request
 * @latency:	all zero before the first one
 * @ns:		what it took
 */
void latency_add(struct latency *latency, uint64_t ns);

/**
 * latency_percentile() - time that a part of the requests did not exceed
 * @latency:	times
 * @percent:	the part, up to 100
 *
 * Return: nanoseconds, up to 1/64 too many, but no more than the longest; 0 if there
 * was no request.
 */
uint64_t latency_percentile(const struct latency *latency, double percent);

enum bench_mode {
	BENCH_SYNC,		/* read(2) and write(2) */
	BENCH_URING,		/* the same by io_uring */
	BENCH_FIXED,		/* with buffers registered with io_uring */
	BENCH_REGISTERED,	/* vectors of buffers registered with the device */
};

/**
 * struct bench - what to measure, and what was measured
 * @dev:	open device
 * @mode:	how requests are submitted
 * @directions:	a bit for each enum edudma_direction to use; both take turns
 * @depth:	requests under way at a time
 * @block:	bytes of a request
 * @offset:	where in the window the region starts
 * @length:	bytes of the region; it is used from the start to the end, again and
 *		again
 * @seconds:	when to stop, 0 for never
 * @count:	after how many requests to stop, 0 for never
 * @begun:	requests begun
 * @latency:	of requests that ended, by direction
 * @elapsed:	seconds from the first request to the last
 * @user:	seconds of processor time of these in the tool
 * @system:	the same in the kernel on its behalf
 * @stats:	what the device has counted meanwhile
 */
struct bench {
	struct edudma *dev;
	enum bench_mode mode;
	unsigned int directions;
	uint32_t depth;
	uint64_t block;
	uint64_t offset;
	uint64_t length;
	double seconds;
	uint64_t count;

	uint64_t begun;
	struct latency latency[2];
	double elapsed;
	double user;
	double system;
	struct edudma_stats *stats;
};

/* bench_run.c */

/**
 * bench_run() - measure
 * @bench:	filled in; the results go there, of which the caller frees @stats
 *
 * A signal that was caught ends it early.
 *
 * Return: a status; other than STATUS_OK it has been reported.
 */
int bench_run(struct bench *bench);

#endif /* _BENCH_H */
