/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transfers that stand still where a test wants them to, so that what it does
 * to their memory meanwhile does not depend on how fast anybody is.
 */
#ifndef EDUDMA_HOLD_H
#define EDUDMA_HOLD_H

#include "edudma_test.h"

#include <pthread.h>

/**
 * struct hold - a request that does not go on
 *
 * It is the device that stands still: the request's descriptor is with it, and is
 * neither executed nor reported.  The next request is staged meanwhile: its pages
 * are pinned, mapped for DMA and handed over, and its DMA begins when the hold
 * ends.  An edu-sg is stalled or slowed down, all of its channels; a plain edu
 * must not interrupt.
 *
 * If the test is killed, the device goes on.
 *
 * Or the request waits in a page fault that the test answers (userfaultfd), and
 * the device has nothing of it.
 */
struct hold {
	int fd;
	int uffd;
	uint8_t *page;
	struct edudma_segment first;
	bool late_vector;
	uint64_t timeout_ms;
	struct test_dev dev;
	struct edudma_info info;
	const char *property;
	uint64_t value;
	pid_t guard;
	int guard_pipe;
	pthread_t thread;
	int err;
};

/* Bytes that it moves, beside those of a segment it was given. */
#define HOLD_BYTES	1

/* Pages of its own that are pinned while the device stands still. */
#define HOLD_PAGES	1

/**
 * hold_begin() - have an idle channel stand still; false if that fails
 * @fd:		of the node; a file stays with one channel, so this is what tells
 *		which, and what is staged must come through the same
 */
bool hold_begin(struct hold *hold, int fd);

/** hold_begin_with() - the same, with a segment behind that which is held */
bool hold_begin_with(struct hold *hold, int fd, struct edudma_segment behind);

/**
 * hold_begin_fault() - have the grant of an idle channel and wait in a page fault
 * @first:	a segment that was pinned before, may be empty
 * @timeout_ms:	of what comes from now on; 0: longer than any test
 */
bool hold_begin_fault(struct hold *hold, int fd, struct edudma_segment first,
		      uint64_t timeout_ms);

/**
 * hold_begin_before() - hold a request before it has a place in the queue
 *
 * A part of its vector is in the page.
 */
bool hold_begin_before(struct hold *hold, int fd, struct edudma_segment first);

/** hold_end() - let it go on; 0 or the errno of the request */
int hold_end(struct hold *hold);

/* Segments of a background transfer, at most. */
#define BACKGROUND_SEGS	16

/**
 * struct background - a transfer in a thread of the test's own process
 * @tid:	the thread, set when it runs
 * @out:	as EDUDMA_IOC_TRANSFER left it
 */
struct background {
	pthread_t thread;
	pid_t tid;
	int fd;
	struct edudma_segment segs[BACKGROUND_SEGS];
	uint32_t nr;
	struct edudma_transfer out;
	int err;
};

/** background_start() - begin a transfer of some segments */
void background_start(struct background *bg, int fd,
		      const struct edudma_segment *segs, uint32_t nr);

/**
 * background_submitted() - wait until its pages are with the driver
 * @pages:	that the device has pinned then, in all
 *
 * Pinned, mapped and submitted, for a transfer that one chunk can hold: the
 * thread has nothing left to do but to wait.
 */
bool background_submitted(const struct background *bg,
			  const struct test_dev *dev, uint64_t pages);

/** background_wait() - join the thread; 0 or the errno of the transfer */
int background_wait(struct background *bg);

#endif /* EDUDMA_HOLD_H */
