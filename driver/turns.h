/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose turn is it: one queue per open file, served round robin, one request
 * at a time.  Plain lists; the caller's lock protects them.
 */
#ifndef EDUDMA_TURNS_H
#define EDUDMA_TURNS_H

#include <linux/list.h>

/**
 * struct edudma_turns - the queues that have requests, next to be served first
 * @queues:	of struct edudma_queue.node
 */
struct edudma_turns {
	struct list_head queues;
};

/**
 * struct edudma_queue - waiting requests of one file, oldest first
 * @waiting:	of struct edudma_turn.node
 * @node:	in edudma_turns.queues while @waiting is not empty
 * @taken:	turns that were taken from here and have not ended
 */
struct edudma_queue {
	struct list_head waiting;
	struct list_head node;
	unsigned int taken;
};

/**
 * struct edudma_turn - a request's place in its queue
 * @node:	in edudma_queue.waiting until it is taken
 * @queue:	the queue it waits in or was taken from; NULL once it is over or
 *		the queue is no more
 */
struct edudma_turn {
	struct list_head node;
	struct edudma_queue *queue;
};

void edudma_turns_init(struct edudma_turns *turns);
void edudma_queue_init(struct edudma_queue *queue);
void edudma_turns_add(struct edudma_turns *turns, struct edudma_queue *queue,
		      struct edudma_turn *turn);
void edudma_turns_remove(struct edudma_turn *turn);
bool edudma_turns_empty(const struct edudma_turns *turns);
struct edudma_turn *edudma_turns_take(struct edudma_turns *turns);
void edudma_turns_end(struct edudma_turns *turns, struct edudma_turn *turn);

#endif /* EDUDMA_TURNS_H */
