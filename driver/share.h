/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fair shares: who is served next.  A tree: users below a queue, files below a
 * user, requests below a file.  Each level is served round robin.  Plain lists;
 * the caller's lock protects them.
 */
#ifndef EDUDMA_SHARE_H
#define EDUDMA_SHARE_H

#include <linux/list.h>
#include <linux/types.h>

/**
 * struct edudma_share - a node of the tree
 * @parent:	the node it is below, or NULL: of the root, and of one that was
 *		detached
 * @node:	in edudma_share.waiting of @parent, while it waits or is reserved
 * @waiting:	children that wait, the next to be served first
 * @children:	of them, those that are not just reserved
 * @granted:	leaves below that were taken and have not ended
 * @owed:	leaves that withdrew and come back: to the front, not behind others
 * @reserved:	keeps its place though nothing below it waits
 */
struct edudma_share {
	struct edudma_share *parent;
	struct list_head node;
	struct list_head waiting;
	unsigned int children;
	unsigned int granted;
	unsigned int owed;
	bool reserved;
};

void edudma_share_init(struct edudma_share *share, struct edudma_share *parent);
void edudma_share_detach(struct edudma_share *share);

void edudma_share_wait(struct edudma_share *leaf);
void edudma_share_wait_first(struct edudma_share *leaf);
void edudma_share_withdraw(struct edudma_share *leaf, bool reserve);
struct edudma_share *edudma_share_take(struct edudma_share *root);
void edudma_share_end(struct edudma_share *leaf);
void edudma_share_return(struct edudma_share *leaf);

/* Whether nobody waits below @share. */
static inline bool edudma_share_idle(const struct edudma_share *share)
{
	return !share->children;
}

#endif /* EDUDMA_SHARE_H */
