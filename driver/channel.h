/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: the engine's queue and the requests that share it.
 */
#ifndef EDUDMA_CHANNEL_H
#define EDUDMA_CHANNEL_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "turns.h"

struct edudma_chunk;
struct edudma_descriptor;
struct edudma_device;
struct edudma_request;

/**
 * enum edudma_channel_state - whether descriptors may be issued
 * @EDUDMA_CHANNEL_OPEN:	yes
 * @EDUDMA_CHANNEL_FAULTED: no, the engine has failed and waits for the fence
 * @EDUDMA_CHANNEL_FENCING:	no, the watchdog is stopping the engine
 * @EDUDMA_CHANNEL_DEAD:	no, the engine could not be stopped: never again
 * @EDUDMA_CHANNEL_CLOSED:	no, the device is being removed
 */
enum edudma_channel_state {
	EDUDMA_CHANNEL_OPEN,
	EDUDMA_CHANNEL_FAULTED,
	EDUDMA_CHANNEL_FENCING,
	EDUDMA_CHANNEL_DEAD,
	EDUDMA_CHANNEL_CLOSED,
};

/* Chunks of a channel that hold pages at a time, see below. */
#define EDUDMA_CHANNEL_CHUNKS	3U

/**
 * struct edudma_channel - a queue of the engine
 * @lock:	protects everything here, the turn and the progress of every
 *		request, and the engine's issuing; irq-safe, innermost but for
 *		the wait queues' and the workqueue's own
 * @edev:	the device
 * @index:	its number, from 0
 * @state:	see enum edudma_channel_state
 * @paused:	nothing is issued and nobody is late until it is resumed
 * @runaway:	the engine could not be stopped and may do DMA for ever
 * @turns:	requests that wait
 * @running:	the request whose turn it is, or NULL
 * @on_deck:	the request whose turn is next, or NULL
 * @posted:	descriptors issued and not retired, all of @running
 * @in_flight:	chunks submitted and not released, of all requests
 * @arriving:	of these, those whose bytes may not have arrived
 * @completed:	chunks that @copying is to copy, in the order of completion
 * @copying:	copies to user memory, in process context
 * @drained:	woken when @in_flight, @arriving or @posted becomes 0
 * @finished:	of @posted, those that the watchdog saw finished already
 * @deadline:	in jiffies, when @running must have made progress
 * @watchdog:	looks at @deadline
 * @watchdog_at: in jiffies, when it looks next, if it is pending
 *
 * One request runs; the next is on deck, so that its first chunk is pinned and
 * mapped when its turn comes and the engine need not wait for a process to
 * wake.  All others wait without holding any page.  That bounds what is pinned
 * on a channel to three chunks, however many processes use it; but for one
 * that lost its turn because a page fault of its own did not end, which keeps
 * the part of a chunk that it had until the fault ends or the process does.
 */
struct edudma_channel {
	spinlock_t lock; /* see above */
	struct edudma_device *edev;
	unsigned int index;
	enum edudma_channel_state state;
	bool paused;
	bool runaway;
	struct edudma_turns turns;
	struct edudma_request *running;
	struct edudma_request *on_deck;
	unsigned int posted;
	unsigned int in_flight;
	unsigned int arriving;
	struct list_head completed;
	struct work_struct copying;
	wait_queue_head_t drained;
	unsigned int finished;
	unsigned long deadline;
	struct delayed_work watchdog;
	unsigned long watchdog_at;
};

void edudma_channel_init(struct edudma_channel *ch, struct edudma_device *edev,
			 unsigned int index);
void edudma_channel_shutdown(struct edudma_channel *ch);
void edudma_channel_wait_empty(struct edudma_channel *ch);
void edudma_channel_hold(struct edudma_channel *ch);
void edudma_channel_pause(struct edudma_channel *ch);
void edudma_channel_resume(struct edudma_channel *ch);

int edudma_channel_enter(struct edudma_request *req, struct edudma_queue *queue);
void edudma_channel_forget(struct edudma_channel *ch, struct edudma_queue *queue);
int edudma_channel_submit(struct edudma_chunk *chunk, bool last);
void edudma_channel_finish(struct edudma_request *req);
void edudma_channel_cancel(struct edudma_request *req, int error);

void edudma_channel_release(struct edudma_chunk *chunk);
void edudma_channel_defer_copying(struct edudma_chunk *chunk);
void edudma_channel_arrived(struct edudma_chunk *chunk);
void edudma_channel_defer_dirtying(struct edudma_chunk *chunk);
struct edudma_chunk *edudma_channel_next_completed(struct edudma_channel *ch);

const struct edudma_descriptor *
edudma_channel_posted(const struct edudma_channel *ch, unsigned int *count);
void edudma_channel_retire(struct edudma_channel *ch, unsigned int count,
			   unsigned int moved, struct list_head *done);
void edudma_channel_retired(struct edudma_channel *ch);
void edudma_channel_fault(struct edudma_channel *ch);

/* chunk_dma.c */
void edudma_chunks_complete(struct list_head *done);
void edudma_chunks_copy(struct work_struct *work);

#endif /* EDUDMA_CHANNEL_H */
