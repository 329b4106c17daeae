// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a queue learns that something is complete: an interrupt says so, or somebody who
 * polls asks.
 */
#include "queue.h"
#include "stats.h"
#include "trace.h"

/* Pages of complete jobs that are released in hard irq context. */
#define EDUDMA_HARDIRQ_PAGES	64U

static struct edudma_queue *edudma_engine_queue(struct edudma_engine *engine,
						unsigned int channel)
{
	struct edudma_queue *queues = engine->client_data;

	return &queues[channel];
}

/*
 * The completion interrupt.  What comes next is issued first; then what is complete
 * is released, as far as it is little, so that the time in hard irq context is
 * bounded.
 */
static bool edudma_queue_interrupt(struct edudma_engine *engine, unsigned int channel)
{
	struct edudma_queue *queue = edudma_engine_queue(engine, channel);
	bool more, reported = false;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	trace_edudma_interrupt(queue);
	if (queue->posted && (queue->state == EDUDMA_QUEUE_READY ||
			      queue->state == EDUDMA_QUEUE_PAUSED)) {
		reported = edudma_queue_reap(queue, EDUDMA_BATCH) ||
			   queue->state == EDUDMA_QUEUE_FAULTED;
		if (!reported && engine->ops->check && engine->ops->check(engine, channel)) {
			edudma_queue_fault(queue);
			reported = true;
		}
		edudma_queue_advance(queue);
	}
	if (!reported) {
		if (!queue->stray)
			edudma_count(&queue->stats->spurious_interrupts, 1);
		queue->stray = false;
	}
	edudma_queue_complete(queue, &flags, EDUDMA_HARDIRQ_PAGES);
	more = queue->more || (!queue->completing && !list_empty(&queue->ended));
	spin_unlock_irqrestore(&queue->lock, flags);

	return more;
}

static void edudma_queue_thread(struct edudma_engine *engine, unsigned int channel)
{
	struct edudma_queue *queue = edudma_engine_queue(engine, channel);
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	edudma_queue_unlock(queue, flags);
}

const struct edudma_engine_client edudma_queue_client = {
	.interrupt = edudma_queue_interrupt,
	.thread = edudma_queue_thread,
};

/**
 * edudma_queue_poll() - take back what is complete, without an interrupt
 * @queue:	the queue
 *
 * Context: Process; no locks.
 * Return: how many descriptors had ended.
 */
int edudma_queue_poll(struct edudma_queue *queue)
{
	unsigned long flags;
	int ended = 0;

	if (!READ_ONCE(queue->posted))
		return 0;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->posted && queue->state == EDUDMA_QUEUE_READY) {
		ended = edudma_queue_reap(queue, EDUDMA_BATCH);
		/* Some of it may have an interrupt, too. */
		queue->stray |= ended;
		edudma_queue_advance(queue);
	}
	edudma_queue_unlock(queue, flags);

	return ended;
}
