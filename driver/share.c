// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round robin over users, over the files of a user, and first come first served
 * within a file.
 */
#include "share.h"

/**
 * edudma_share_init() - a share that waits for nothing
 * @share:	the share
 * @parent:	what it is a part of, or NULL
 */
void edudma_share_init(struct edudma_share *share, struct edudma_share *parent)
{
	*share = (struct edudma_share) { .parent = parent };
	INIT_LIST_HEAD(&share->node);
	INIT_LIST_HEAD(&share->waiting);
}

/* One child less waits.  If none does, the share does not either. */
static void edudma_share_drop(struct edudma_share *share, bool reserve)
{
	if (!share || --share->children)
		return;
	if (!share->parent)
		return;
	if (reserve)
		share->reserved = true;
	else
		list_del_init(&share->node);
	edudma_share_drop(share->parent, reserve);
}

/*
 * Has a share wait below its parent, and so on up to the root.  One that does not
 * wait yet goes behind all others, so one that always comes back with its next
 * request cannot overtake who waits.
 */
static void edudma_share_add(struct edudma_share *share, bool first)
{
	struct edudma_share *parent = share->parent;

	if (!parent)
		return;
	if (list_empty(&share->node)) {
		if (first)
			list_add(&share->node, &parent->waiting);
		else
			list_add_tail(&share->node, &parent->waiting);
	}
	share->reserved = false;
	if (!parent->children++)
		edudma_share_add(parent, false);
}

/**
 * edudma_share_wait() - wait behind what waits for the same parent
 * @leaf:	a share without children, which does not wait
 */
void edudma_share_wait(struct edudma_share *leaf)
{
	bool owed = leaf->parent->owed;

	leaf->parent->owed -= owed;
	edudma_share_add(leaf, owed);
}

/**
 * edudma_share_wait_first() - wait before what waits for the same parent
 * @leaf:	a share without children, which does not wait
 *
 * For one that was served in part.  The parent goes behind its like all the same.
 */
void edudma_share_wait_first(struct edudma_share *leaf)
{
	edudma_share_add(leaf, true);
}

/**
 * edudma_share_withdraw() - do not wait any more
 * @leaf:	a share that waits
 * @reserve:	who withdraws comes back: its parent keeps its place until then, and
 *		has it come before its others
 */
void edudma_share_withdraw(struct edudma_share *leaf, bool reserve)
{
	leaf->parent->owed += reserve;
	list_del_init(&leaf->node);
	edudma_share_drop(leaf->parent, reserve);
}

/* The first child that waits and has nothing granted, or else that waits. */
static struct edudma_share *edudma_share_next(const struct edudma_share *parent)
{
	struct edudma_share *share, *any = NULL;

	list_for_each_entry(share, &parent->waiting, node) {
		/* A leaf has no children, and never waits without reason. */
		if (share->reserved && !share->children)
			continue;
		if (!share->granted)
			return share;
		any = any ?: share;
	}

	return any;
}

/**
 * edudma_share_take() - who is served next
 * @root:	the root of the tree
 *
 * A share that has something granted gets more only if no other waits.  So
 * whoever comes waits for one grant of each other share at most, also if some have
 * many requests waiting and grants are given ahead.
 *
 * Return: the leaf, withdrawn, for edudma_share_end(); NULL if nobody waits.
 */
struct edudma_share *edudma_share_take(struct edudma_share *root)
{
	struct edudma_share *share = root, *leaf;

	if (edudma_share_idle(root))
		return NULL;

	while (share->children)
		share = edudma_share_next(share);

	leaf = share;
	edudma_share_withdraw(leaf, false);
	for (share = leaf->parent; share; share = share->parent)
		share->granted++;

	return leaf;
}

/**
 * edudma_share_end() - what was granted is over
 * @leaf:	one that was taken
 *
 * What waits below its ancestors goes behind their like.
 */
void edudma_share_end(struct edudma_share *leaf)
{
	struct edudma_share *share;

	for (share = leaf->parent; share; share = share->parent) {
		share->granted--;
		if (share->parent && !list_empty(&share->node))
			list_move_tail(&share->node, &share->parent->waiting);
	}
}

/**
 * edudma_share_return() - what was granted was not used, and is wanted later
 * @leaf:	one that was taken
 *
 * As if it had not been taken, and withdrawn with its place reserved.
 */
void edudma_share_return(struct edudma_share *leaf)
{
	struct edudma_share *share;

	leaf->parent->owed++;
	for (share = leaf->parent; share; share = share->parent) {
		share->granted--;
		if (!share->parent)
			break;
		share->reserved |= list_empty(&share->node);
		list_move(&share->node, &share->parent->waiting);
	}
}

/**
 * edudma_share_detach() - a share is no more
 * @share:	one below which nothing waits
 *
 * The caller keeps it until nothing below it is granted.
 */
void edudma_share_detach(struct edudma_share *share)
{
	list_del_init(&share->node);
	share->reserved = false;
}
