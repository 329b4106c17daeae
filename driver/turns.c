// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round robin over files, first come first served within a file.
 */
#include "turns.h"

/** edudma_turns_init() - nobody waits */
void edudma_turns_init(struct edudma_turns *turns)
{
	INIT_LIST_HEAD(&turns->queues);
}

/** edudma_queue_init() - an empty queue */
void edudma_queue_init(struct edudma_queue *queue)
{
	INIT_LIST_HEAD(&queue->waiting);
	INIT_LIST_HEAD(&queue->node);
	queue->taken = 0;
}

/**
 * edudma_turns_add() - wait at the end of a queue
 * @turns:	the turns to take part in
 * @queue:	the file's queue
 * @turn:	the request's place, unused so far
 *
 * A queue that was empty goes behind all others, so a file that always comes
 * back with its next request cannot overtake one that waits.
 */
void edudma_turns_add(struct edudma_turns *turns, struct edudma_queue *queue,
		      struct edudma_turn *turn)
{
	turn->queue = queue;
	if (list_empty(&queue->waiting))
		list_add_tail(&queue->node, &turns->queues);
	list_add_tail(&turn->node, &queue->waiting);
}

/** edudma_turns_remove() - give up waiting */
void edudma_turns_remove(struct edudma_turn *turn)
{
	list_del_init(&turn->node);
	if (list_empty(&turn->queue->waiting))
		list_del_init(&turn->queue->node);
}

/** edudma_turns_empty() - does nobody wait for a turn */
bool edudma_turns_empty(const struct edudma_turns *turns)
{
	return list_empty(&turns->queues);
}

/* Whose turn is next: that of the queue at the front of those without one. */
static struct edudma_queue *edudma_turns_next(struct edudma_turns *turns)
{
	struct edudma_queue *queue;

	list_for_each_entry(queue, &turns->queues, node)
		if (!queue->taken)
			return queue;

	return list_first_entry_or_null(&turns->queues, struct edudma_queue, node);
}

/**
 * edudma_turns_take() - whose turn it is
 * @turns:	the turns
 *
 * A queue that has a turn gets another one only if nobody else waits.  So who
 * comes waits for one turn of each other queue at most, also if some have many
 * requests waiting and turns are taken ahead.
 *
 * Return: the oldest request of the queue that has waited longest, removed
 * from it, for edudma_turns_end(); NULL if nobody waits.
 */
struct edudma_turn *edudma_turns_take(struct edudma_turns *turns)
{
	struct edudma_queue *queue = edudma_turns_next(turns);
	struct edudma_turn *turn;

	if (!queue)
		return NULL;

	turn = list_first_entry(&queue->waiting, struct edudma_turn, node);
	edudma_turns_remove(turn);
	queue->taken++;

	return turn;
}

/**
 * edudma_turns_end() - a turn is over
 * @turns:	the turns
 * @turn:	one that was taken
 *
 * What its queue has waiting goes behind all others.
 */
void edudma_turns_end(struct edudma_turns *turns, struct edudma_turn *turn)
{
	struct edudma_queue *queue = turn->queue;

	if (!queue)
		return;

	turn->queue = NULL;
	queue->taken--;
	if (!list_empty(&queue->waiting))
		list_move_tail(&queue->node, &turns->queues);
}
