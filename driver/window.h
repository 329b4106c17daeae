/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may move data to and from the window: all channels at a time, or one that
 * asked to be alone.
 */
#ifndef EDUDMA_WINDOW_H
#define EDUDMA_WINDOW_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/**
 * struct edudma_window - the use that the channels of a device make of its window
 * @lock:	protects everything here; irq-safe, inside a queue's lock
 * @busy:	channels with descriptors under way that may share the window
 * @blocked:	channels that have descriptors to issue and must not yet
 * @wanted:	of these, those that want the window for themselves
 * @passing:	of these, those that come before the next of @wanted
 * @owner:	bit of the channel that has the window for itself, or 0
 * @retry:	has the blocked channels try again
 * @wq:		runs @retry
 *
 * Sets of channels are bit masks.
 */
struct edudma_window {
	spinlock_t lock; /* see above */
	unsigned long busy;
	unsigned long blocked;
	unsigned long wanted;
	unsigned long passing;
	unsigned long owner;
	struct work_struct retry;
	struct workqueue_struct *wq;
};

void edudma_window_init(struct edudma_window *window, work_func_t retry,
			struct workqueue_struct *wq);
bool edudma_window_enter(struct edudma_window *window, unsigned int channel,
			 bool exclusive);
void edudma_window_leave(struct edudma_window *window, unsigned int channel);
void edudma_window_release(struct edudma_window *window, unsigned int channel);

#endif /* EDUDMA_WINDOW_H */
