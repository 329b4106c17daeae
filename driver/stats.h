/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters.  All layers count into the same structure.
 */
#ifndef EDUDMA_STATS_H
#define EDUDMA_STATS_H

#include <linux/atomic.h>
#include <linux/types.h>

/**
 * struct edudma_stats - what the device has done since it was bound
 * @requests:		requests that were accepted and begun
 * @bytes_to_device:	bytes the device has read from user memory
 * @bytes_from_device:	bytes the device has written to user memory
 * @bytes_zero_copy:	of both, those moved by DMA to or from the user's pages
 * @bytes_bounced:	of both, those copied through the bounce pool
 * @descriptors:	hardware transfers started
 * @interrupts:		interrupts that the device had raised
 * @pages_pinned:	user pages pinned now
 * @pages_pinned_max:	the highest value that @pages_pinned ever had
 * @pages_async:	pages that asynchronous requests hold now
 * @pages_registered:	pages of registered buffers
 * @frames:		frames that streams have delivered
 * @bytes_lost:		bytes that streams have lost
 * @timeouts:		hardware transfers and grants that took too long
 * @cancelled:		requests stopped by a signal
 * @errors:		requests that ended in an error other than a signal
 * @spurious_interrupts: completion interrupts while no transfer was complete
 * @interrupts_lost:	times that completions were found without their interrupt
 * @completions_deferred: jobs whose pages were released by a workqueue, as they
 *			had to be copied to or dirtied
 * @pages_redirtied:	pages cleaned under DMA and dirtied again after it
 * @pages_leaked:	pages kept because the device could not be stopped
 * @engine_busy_ns:	time from each start of an idle channel to the interrupt
 *			that finds it idle again
 *
 * Each is a file of the same name in the device's statistics/ directory.
 * Updated from any context.
 */
struct edudma_stats {
	atomic64_t requests;
	atomic64_t bytes_to_device;
	atomic64_t bytes_from_device;
	atomic64_t bytes_zero_copy;
	atomic64_t bytes_bounced;
	atomic64_t descriptors;
	atomic64_t interrupts;
	atomic64_t pages_pinned;
	atomic64_t pages_pinned_max;
	atomic64_t pages_async;
	atomic64_t pages_registered;
	atomic64_t frames;
	atomic64_t bytes_lost;
	atomic64_t timeouts;
	atomic64_t cancelled;
	atomic64_t errors;
	atomic64_t spurious_interrupts;
	atomic64_t interrupts_lost;
	atomic64_t completions_deferred;
	atomic64_t pages_redirtied;
	atomic64_t pages_leaked;
	atomic64_t engine_busy_ns;
};

static inline void edudma_count(atomic64_t *counter, u64 n)
{
	atomic64_add(n, counter);
}

#endif /* EDUDMA_STATS_H */
