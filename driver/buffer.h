/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A buffer: memory that the device may access, from its pin to its release.
 */
#ifndef EDUDMA_BUFFER_H
#define EDUDMA_BUFFER_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <linux/edudma.h>

#include "bounce.h"
#include "descriptor.h"

struct device;
struct edudma_stats;
struct edudma_registered;
struct iov_iter;
struct page;
struct xarray;

/**
 * struct edudma_dma - how a device accesses memory
 * @dev:	the device, for the DMA API
 * @log:	the class device, for the log
 * @stats:	where to count
 * @window_bytes: size of the window
 * @max_descriptor_bytes: largest length of one descriptor
 * @iommu:	an IOMMU translates: all memory is addressable
 * @bounce_all:	physical addresses do not tell what is addressable
 * @all_addressable: no page has to bounce
 * @needs_sync:	the DMA API copies, or cleans caches, between user memory and what
 *		the device accesses: memory must not be mapped before it is what it
 *		is to be
 * @max_mapping: bytes that follow each other and can be mapped as one piece,
 *		whole pages: less than all where the DMA API copies
 * @address_mask: highest bus address that the device can issue
 * @bounce:	memory for pages that are not addressable
 * @registered_lock: protects @registered and @revoked, and the mappings of those
 * @registered:	of struct edudma_registered.node
 * @revoked:	the device is going, nothing is mapped any more
 */
struct edudma_dma {
	struct device *dev;
	struct device *log;
	struct edudma_stats *stats;
	u64 window_bytes;
	u32 max_descriptor_bytes;
	bool iommu;
	bool bounce_all;
	bool all_addressable;
	bool needs_sync;
	unsigned int max_mapping;
	u64 address_mask;
	struct edudma_bounce bounce;
	struct mutex registered_lock; /* see above */
	struct list_head registered;
	bool revoked;
};

/**
 * struct edudma_copyback - buffers to be copied to user memory
 * @lock:	protects @buffers; irq-safe
 * @buffers:	of struct edudma_buffer.node, in the order of completion
 * @work:	copies them
 * @wq:		runs @work
 *
 * One for each channel.  Two buffers may be copied to the same memory: the one that
 * was complete later wins, as it does where the device writes there by itself.
 */
struct edudma_copyback {
	spinlock_t lock; /* see above */
	struct list_head buffers;
	struct work_struct work;
	struct workqueue_struct *wq;
};

/**
 * struct edudma_extent - a run of user pages, or a part of a registered buffer
 * @offset:	window offset of the first byte
 * @len:	bytes
 * @first_page:	index of the first page in edudma_buffer.pages
 * @nr_pages:	pages
 * @page_offset: of the first byte within the first page
 * @first_slot:	index of the first bounce slot in edudma_buffer.slots; slot n
 *		stands for page n, with the bytes at the same place
 * @from_device: direction
 * @bounced:	goes through the bounce pool
 * @single:	if not: the pages are physically contiguous, mapped as one
 * @dma_addr:	where, if @single
 * @sgt:	the mapped pages if neither
 * @registered:	not pages but this buffer, a reference; else NULL
 * @pos:	of the first byte in it
 *
 * Contiguous in user memory and in the window, of one direction, and either
 * addressable by the device as a whole or bounced as a whole.
 */
struct edudma_extent {
	u64 offset;
	size_t len;
	unsigned int first_page;
	unsigned int nr_pages;
	unsigned int page_offset;
	unsigned int first_slot;
	bool from_device;
	bool bounced;
	bool single;
	dma_addr_t dma_addr;
	struct sg_table sgt;
	struct edudma_registered *registered;
	u64 pos;
};

/* Pages of a buffer that needs no memory for its arrays. */
#define EDUDMA_BUFFER_SMALL	2

/**
 * struct edudma_buffer_arrays - the arrays of such a buffer
 * @extents:	see struct edudma_buffer
 * @descs:	likewise
 * @pages:	likewise
 * @slots:	likewise
 * @chain:	likewise
 * @buckets:	likewise
 */
struct edudma_buffer_arrays {
	struct edudma_extent extents[EDUDMA_BUFFER_SMALL];
	struct edudma_descriptor descs[EDUDMA_BUFFER_SMALL + 1];
	struct page *pages[EDUDMA_BUFFER_SMALL];
	unsigned int slots[EDUDMA_BUFFER_SMALL];
	unsigned int chain[EDUDMA_BUFFER_SMALL];
	unsigned int buckets[EDUDMA_BUFFER_SMALL];
};

/**
 * struct edudma_buffer - memory of a request that is pinned at one time
 * @dma:	how its device accesses memory
 * @copyback:	where it is copied
 * @no_bounce:	refuse what is not addressable
 * @kernel:	what the segments are parts of, if it is not user memory: an
 *		ITER_BVEC, whose pages are kept by references, or NULL
 * @table:	what the numbers of registered buffers mean, while it is filled
 * @small:	arrays to use if they are large enough, or NULL
 * @delivered:	Its bytes are where they belong, and the device is not needed any
 *		more.  Context: any; no locks.
 * @released:	Its pages are unpinned: the last that happens to it.  Context: any;
 *		no locks.
 * @node:	in edudma_copyback.buffers
 * @dirtying:	dirties pages that were cleaned while the device wrote to them
 * @capacity:	elements of @pages and @slots
 * @used:	pages in it, those of registered buffers included
 * @pages:	pinned user pages
 * @nr_pages:	of them
 * @extents:	what the pages are to be used for, in order
 * @max_extents: elements of @extents
 * @nr_extents:	of them
 * @slots:	bounce slots
 * @nr_slots:	of them, needed and, once prepared, held until copied
 * @chain:	of each page, 1 + the index of the next one in its bucket, or 0
 * @buckets:	of pages that the device writes, by their hash; likewise
 * @bucket_bits: their number is 2 to the power of this, at least @capacity
 * @indexed:	extents, from the first on, whose pages are in @buckets
 * @descs:	what the engine executes
 * @id:		of the request, for trace events, or 0
 * @len:	bytes in all extents
 * @bytes_done:	bytes that were moved
 * @written:	the device may have written to it
 * @copies_out:	some extent is copied on its way to the device, when mapped
 * @copies_in:	some extent is copied on its way to user memory, when complete
 *
 * Life: edudma_buffer_clear(), edudma_buffer_add() until it is full,
 * edudma_buffer_prepare(), edudma_buffer_map(), DMA, edudma_buffer_complete(); or
 * the undoing of each.
 */
struct edudma_buffer {
	struct edudma_dma *dma;
	struct edudma_copyback *copyback;
	bool no_bounce;
	struct iov_iter *kernel;
	struct xarray *table;
	struct edudma_buffer_arrays *small;
	void (*delivered)(struct edudma_buffer *buf);
	void (*released)(struct edudma_buffer *buf);

	struct list_head node;
	struct work_struct dirtying;
	unsigned int capacity;
	unsigned int used;
	struct page **pages;
	unsigned int nr_pages;
	struct edudma_extent *extents;
	unsigned int max_extents;
	unsigned int nr_extents;
	unsigned int *slots;
	unsigned int nr_slots;
	unsigned int *chain;
	unsigned int *buckets;
	unsigned int bucket_bits;
	unsigned int indexed;
	struct edudma_descriptor_list descs;
	u64 id;
	u64 len;
	u64 bytes_done;
	bool written;
	bool copies_out;
	bool copies_in;
};

/* dma.c */
int edudma_dma_init(struct edudma_dma *dma, unsigned int address_bits,
		    unsigned int pages);
bool edudma_dma_addresses(const struct edudma_dma *dma, struct page *page);

/* buffer.c */
int edudma_buffer_alloc(struct edudma_buffer *buf, unsigned int capacity,
			unsigned int segments, u64 len);
void edudma_buffer_free(struct edudma_buffer *buf);
void edudma_buffer_clear(struct edudma_buffer *buf);
ssize_t edudma_buffer_add(struct edudma_buffer *buf, const struct edudma_segment *seg,
			  u64 done, bool *full);
void edudma_buffer_discard(struct edudma_buffer *buf);
void edudma_buffer_keep(struct edudma_buffer *buf, bool kept);

/* map.c */
int edudma_buffer_prepare(struct edudma_buffer *buf);
void edudma_buffer_unprepare(struct edudma_buffer *buf);
int edudma_buffer_map(struct edudma_buffer *buf);
void edudma_buffer_unmap(struct edudma_buffer *buf);
void edudma_buffer_return_slots(struct edudma_buffer *buf);
size_t edudma_extent_piece(const struct edudma_extent *ext, unsigned int i,
			   size_t pos, unsigned int *off);

/* release.c */
void edudma_copyback_init(struct edudma_copyback *copyback, struct workqueue_struct *wq);
void edudma_buffer_complete(struct edudma_buffer *buf, unsigned int moved, bool issued);

#endif /* EDUDMA_BUFFER_H */
