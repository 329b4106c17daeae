/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registered buffers: memory that stays pinned and mapped until it is unregistered.
 */
#ifndef EDUDMA_REGISTERED_H
#define EDUDMA_REGISTERED_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/edudma.h>

/* That one file may register. */
#define EDUDMA_MAX_BUFFERS	1024U

struct cred;
struct edudma_dma;
struct edudma_ring_piece;
struct page;

/**
 * struct edudma_piece - a part of a registered buffer that is contiguous on the bus
 * @addr:	bus address
 * @pos:	of its first byte in the buffer
 */
struct edudma_piece {
	dma_addr_t addr;
	u64 pos;
};

/**
 * struct edudma_registered - a registered buffer
 * @ref:	the file that it is registered with holds one, each extent that uses it
 *		another
 * @dma:	how its device accesses memory; a reference to the class device
 * @charged:	of the user whose limit it counts to, a reference; or NULL
 * @pages:	pinned
 * @nr_pages:	of them
 * @page_offset: of the first byte in the first page
 * @len:	bytes
 * @sgt:	the pages, mapped
 * @pieces:	the same as the device sees it, and one more behind the last byte
 * @nr_pieces:	of them, without that
 * @list:	the pieces as a stream's channel reads them, or NULL; edudma_dma.registered_lock
 * @list_dma:	where the device sees it
 * @mapped:	@sgt is; edudma_dma.registered_lock
 * @kept:	extents of jobs that the device may access memory for, though it has not
 *		obeyed
 * @node:	in edudma_dma.registered
 * @release:	ends it, if its last user may not sleep
 * @rcu:	who looks it up by number holds no lock
 */
struct edudma_registered {
	struct kref ref;
	struct edudma_dma *dma;
	const struct cred *charged;
	struct page **pages;
	unsigned int nr_pages;
	unsigned int page_offset;
	u64 len;
	struct sg_table sgt;
	struct edudma_piece *pieces;
	unsigned int nr_pieces;
	struct edudma_ring_piece *list;
	dma_addr_t list_dma;
	bool mapped;
	atomic_t kept;
	struct list_head node;
	struct work_struct release;
	struct rcu_head rcu;
};

int edudma_registered_add(struct xarray *table, struct edudma_dma *dma,
			  const struct edudma_buffer_register *arg, u32 *number);
int edudma_registered_remove(struct xarray *table, u32 number);
void edudma_registered_remove_all(struct xarray *table);
struct edudma_registered *edudma_registered_get(struct xarray *table, u32 number);
void edudma_registered_put(struct edudma_registered *reg);
u64 edudma_registered_piece(const struct edudma_registered *reg, u64 pos,
			    dma_addr_t *addr);
int edudma_registered_list(struct edudma_registered *reg);
dma_addr_t edudma_registered_list_at(const struct edudma_registered *reg, u64 pos,
				     u64 *skip);
void edudma_registered_revoke(struct edudma_dma *dma);

#endif /* EDUDMA_REGISTERED_H */
