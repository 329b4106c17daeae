// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exclusive use of the device's window, across channels.
 *
 * A channel enters before it issues to an idle engine and leaves when nothing is
 * under way.  A request that wants to be alone keeps the others out between its
 * jobs as well, until it ends.  Channels that it kept out come before the next
 * such request, so neither kind starves the other.
 */
#include <linux/bits.h>

#include "window.h"

/**
 * edudma_window_init() - a window that nobody uses
 * @window:	to initialise
 * @retry:	work that has every channel of @window try again to enter
 * @wq:		where it runs
 */
void edudma_window_init(struct edudma_window *window, work_func_t retry,
			struct workqueue_struct *wq)
{
	spin_lock_init(&window->lock);
	window->wq = wq;
	INIT_WORK(&window->retry, retry);
}

static void edudma_window_wake(struct edudma_window *window)
{
	if (window->blocked)
		queue_work(window->wq, &window->retry);
}

/**
 * edudma_window_enter() - may a channel issue descriptors
 * @window:	the window
 * @channel:	its number
 * @exclusive:	it wants to be alone
 *
 * Context: Any, under the queue's lock.
 * Return: whether it may.  If not, @retry runs when it is worth another try.
 */
bool edudma_window_enter(struct edudma_window *window, unsigned int channel,
			 bool exclusive)
{
	unsigned long flags, self = BIT(channel);
	bool enter;

	spin_lock_irqsave(&window->lock, flags);
	if (window->owner)
		enter = window->owner == self;
	else if (exclusive)
		enter = !((window->busy | window->passing) & ~self);
	else
		enter = !(window->wanted & ~self) || window->passing & self;

	if (!enter) {
		window->blocked |= self;
		if (exclusive)
			window->wanted |= self;
	} else {
		window->blocked &= ~self;
		window->wanted &= ~self;
		window->passing &= ~self;
		if (exclusive)
			window->owner = self;
		else
			window->busy |= self;
	}
	spin_unlock_irqrestore(&window->lock, flags);

	return enter;
}

/**
 * edudma_window_leave() - a channel has nothing under way
 * @window:	the window
 * @channel:	its number
 *
 * Context: Any, under the queue's lock.
 */
void edudma_window_leave(struct edudma_window *window, unsigned int channel)
{
	unsigned long flags;

	spin_lock_irqsave(&window->lock, flags);
	window->busy &= ~BIT(channel);
	if (!window->busy && !window->owner)
		edudma_window_wake(window);
	spin_unlock_irqrestore(&window->lock, flags);
}

/**
 * edudma_window_release() - a channel wants nothing of the window any more
 * @window:	the window
 * @channel:	its number
 *
 * Ends exclusive use, and what the channel was waiting for.
 *
 * Context: Any, under the queue's lock.
 */
void edudma_window_release(struct edudma_window *window, unsigned int channel)
{
	unsigned long flags, self = BIT(channel);

	spin_lock_irqsave(&window->lock, flags);
	window->blocked &= ~self;
	window->wanted &= ~self;
	window->passing &= ~self;
	if (window->owner == self) {
		window->owner = 0;
		window->passing = window->blocked & ~window->wanted;
	}
	if (!window->owner)
		edudma_window_wake(window);
	spin_unlock_irqrestore(&window->lock, flags);
}
