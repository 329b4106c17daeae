// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a buffer holds: user pages, pinned, and what is to be done with them.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "buffer.h"
#include "pin.h"
#include "registered.h"
#include "trace.h"

/**
 * edudma_buffer_alloc() - make room for pages
 * @buf:	the buffer, with its first seven members filled in
 * @capacity:	user pages that it can hold
 * @segments:	of the vector it is for
 * @len:	bytes of that vector
 *
 * Context: May sleep.  The memory is charged to the caller's memory cgroup.
 * Return: 0 or -ENOMEM.
 */
int edudma_buffer_alloc(struct edudma_buffer *buf, unsigned int capacity,
			unsigned int segments, u64 len)
{
	const struct edudma_dma *dma = buf->dma;
	u32 max_len = dma->max_descriptor_bytes;
	unsigned int max_extents, descs;
	size_t size;
	void *array;
	u64 bytes;

	/* Each run of pages rounds up at most once, each page may be a run. */
	bytes = min_t(u64, len, (u64)capacity << PAGE_SHIFT);
	descs = capacity + (bytes < max_len ? 0 : div_u64(bytes, max_len));
	/* A segment is one extent, unless some of its pages are not addressable. */
	max_extents = dma->all_addressable ? min(capacity, segments) : capacity;

	buf->capacity = capacity;
	buf->max_extents = max_extents;
	buf->descs.capacity = descs;
	buf->descs.max_len = max_len;
	buf->bucket_bits = max(order_base_2(capacity), 1);
	if (buf->small && capacity <= EDUDMA_BUFFER_SMALL &&
	    descs <= ARRAY_SIZE(buf->small->descs)) {
		buf->extents = buf->small->extents;
		buf->descs.array = buf->small->descs;
		buf->pages = buf->small->pages;
		buf->slots = buf->small->slots;
		buf->chain = buf->small->chain;
		buf->buckets = buf->small->buckets;
		return 0;
	}

	/* All arrays in one piece, those with the strictest alignment first. */
	size = array_size(max_extents, sizeof(*buf->extents)) +
	       array_size(descs, sizeof(*buf->descs.array)) +
	       array_size(capacity, sizeof(*buf->pages)) +
	       array_size(capacity, sizeof(*buf->slots) + sizeof(*buf->chain)) +
	       array_size(1UL << buf->bucket_bits, sizeof(*buf->buckets));
	array = kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!array)
		return -ENOMEM;

	buf->extents = array;
	buf->descs.array = (void *)(buf->extents + max_extents);
	buf->pages = (void *)(buf->descs.array + descs);
	buf->slots = (void *)(buf->pages + capacity);
	buf->chain = buf->slots + capacity;
	buf->buckets = buf->chain + capacity;

	return 0;
}

/**
 * edudma_buffer_free() - undo edudma_buffer_alloc()
 * @buf:	a buffer that holds no pages
 *
 * Context: Any but NMI.
 */
void edudma_buffer_free(struct edudma_buffer *buf)
{
	if (!buf->small || buf->extents != buf->small->extents)
		kvfree(buf->extents);
}

/**
 * edudma_buffer_clear() - begin to fill it
 * @buf:	a buffer that holds no pages
 *
 * Context: Any.
 */
void edudma_buffer_clear(struct edudma_buffer *buf)
{
	buf->used = 0;
	buf->nr_pages = 0;
	buf->nr_extents = 0;
	buf->nr_slots = 0;
	buf->indexed = 0;
	buf->descs.count = 0;
	buf->len = 0;
	buf->bytes_done = 0;
	buf->written = false;
	buf->copies_in = false;
	buf->copies_out = false;
}

/* How many of the pages, from the first on, are alike for the device. */
static unsigned int edudma_pages_run(const struct edudma_dma *dma, struct page **pages,
				     unsigned int count, bool *addressable)
{
	unsigned int n = 1;

	*addressable = edudma_dma_addresses(dma, pages[0]);
	if (dma->all_addressable)
		return count;
	while (n < count && edudma_dma_addresses(dma, pages[n]) == *addressable)
		n++;

	return n;
}

static void edudma_buffer_index(struct edudma_buffer *buf, const struct edudma_extent *ext)
{
	unsigned int i, *bucket;

	if (!ext->from_device || ext->bounced)
		return;
	for (i = ext->first_page; i < ext->first_page + ext->nr_pages; i++) {
		bucket = &buf->buckets[hash_ptr(buf->pages[i], buf->bucket_bits)];
		buf->chain[i] = *bucket;
		*bucket = i + 1;
	}
}

/* Whether the device is going to write to a page for this buffer already. */
static bool edudma_buffer_writes(struct edudma_buffer *buf, struct page *page)
{
	unsigned int i;

	/* Most buffers have one extent, and never come here. */
	if (!buf->indexed)
		memset(buf->buckets, 0, sizeof(*buf->buckets) << buf->bucket_bits);
	for (; buf->indexed < buf->nr_extents; buf->indexed++)
		edudma_buffer_index(buf, &buf->extents[buf->indexed]);

	for (i = buf->buckets[hash_ptr(page, buf->bucket_bits)]; i; i = buf->chain[i - 1])
		if (buf->pages[i - 1] == page)
			return true;

	return false;
}

/*
 * How many pages, from the first on, may be mapped here for the device to write.  The
 * DMA API wants such memory to be mapped once at a time, or a few times: a page that
 * is mapped already waits for the next buffer.
 */
static unsigned int edudma_buffer_fits(struct edudma_buffer *buf, struct page **pages,
				       unsigned int count)
{
	unsigned int n = 0;

	if (!buf->nr_extents)
		return count;
	while (n < count && !edudma_buffer_writes(buf, pages[n]))
		n++;

	return n;
}

/*
 * Describes freshly pinned pages as extents.  They lie at the end of buf->pages, not
 * counted in nr_pages yet.  Returns how many bytes were taken; fewer than len if the
 * rest belongs in a later buffer; -EADDRNOTAVAIL if nothing was, as it may not or
 * cannot be bounced.
 *
 * What is copied towards the device is copied when the buffer is mapped, so it must
 * not stand behind something that is copied to memory and may be what it reads: it
 * would be copied from before that arrived.  Such an extent waits for the next
 * buffer, which is mapped when this one was delivered.
 */
static ssize_t edudma_buffer_add_extents(struct edudma_buffer *buf,
					 const struct edudma_segment *seg,
					 u64 offset, unsigned int page_offset,
					 unsigned int count, size_t len)
{
	const struct edudma_dma *dma = buf->dma;
	bool may_bounce = !buf->no_bounce && dma->bounce.count;
	bool from_device = seg->direction == EDUDMA_FROM_DEVICE;
	size_t taken = 0;

	while (taken < len) {
		struct edudma_extent *ext = &buf->extents[buf->nr_extents];
		struct page **pages = buf->pages + buf->nr_pages;
		bool addressable, copied;
		unsigned int run;

		run = edudma_pages_run(dma, pages, count, &addressable);
		if (!addressable && !may_bounce)
			return taken ?: -EADDRNOTAVAIL;
		copied = !addressable || dma->needs_sync;
		if (copied && !from_device && buf->copies_in)
			break;
		if (from_device && addressable)
			run = edudma_buffer_fits(buf, pages, run);
		if (!run)
			break;

		ext->offset = offset + taken;
		ext->len = min_t(size_t, len - taken,
				 ((size_t)run << PAGE_SHIFT) - page_offset);
		ext->first_page = buf->nr_pages;
		ext->nr_pages = run;
		ext->page_offset = page_offset;
		ext->first_slot = buf->nr_slots;
		ext->from_device = from_device;
		ext->bounced = !addressable;
		ext->single = false;
		ext->registered = NULL;
		buf->nr_slots += addressable ? 0 : run;
		buf->copies_in |= copied && from_device;
		buf->copies_out |= copied && !from_device;
		buf->nr_extents++;
		buf->nr_pages += run;
		buf->used += run;
		count -= run;
		taken += ext->len;
		page_offset = 0;
	}

	return taken;
}

/* Holds pages of a segment.  Returns how many, and how many bytes are in them. */
static int edudma_buffer_hold(struct edudma_buffer *buf, const struct edudma_segment *seg,
			      u64 done, unsigned int wanted, unsigned int *page_offset,
			      size_t *len)
{
	struct page **pages = buf->pages + buf->nr_pages;
	u64 left = seg->len - done;
	int held;

	if (buf->kernel) {
		held = edudma_pages_borrow(buf->kernel, wanted, pages, page_offset, len);
		if (held < 0)
			return held;
	} else {
		held = edudma_pages_pin(buf->dma->stats, seg->addr + done, wanted,
					seg->direction == EDUDMA_FROM_DEVICE, pages);
		if (held < 0)
			return held;
		*page_offset = offset_in_page(seg->addr + done);
		*len = ((size_t)held << PAGE_SHIFT) - *page_offset;
	}
	*len = min_t(u64, *len, left);

	return held;
}

/* Lets go of pages, from one on. */
static void edudma_buffer_let_go(struct edudma_buffer *buf, unsigned int first,
				 unsigned int count)
{
	if (buf->kernel)
		edudma_pages_return(buf->pages + first, count);
	else
		edudma_pages_unpin(buf->dma->stats, buf->pages + first, count);
}

/* Adds a part of a registered buffer, as far as there is room. */
static ssize_t edudma_buffer_add_registered(struct edudma_buffer *buf,
					    const struct edudma_segment *seg, u64 done,
					    unsigned int room, bool *full)
{
	struct edudma_extent *ext = &buf->extents[buf->nr_extents];
	u64 end, pos = seg->addr + done, left = seg->len - done;
	struct edudma_registered *reg;
	unsigned int off;

	reg = edudma_registered_get(buf->table, seg->buffer);
	if (!reg)
		return -ENOENT;
	if (check_add_overflow(seg->addr, seg->len, &end) || end > reg->len) {
		edudma_registered_put(reg);
		return -EFAULT;
	}

	off = offset_in_page(reg->page_offset + pos);
	ext->offset = seg->offset + done;
	ext->len = min_t(u64, left, ((u64)room << PAGE_SHIFT) - off);
	ext->first_page = buf->nr_pages;
	ext->nr_pages = 0;
	ext->from_device = seg->direction == EDUDMA_FROM_DEVICE;
	ext->bounced = false;
	ext->single = false;
	ext->registered = reg;
	ext->pos = pos;
	buf->nr_extents++;
	buf->used += (off + ext->len + PAGE_SIZE - 1) >> PAGE_SHIFT;
	buf->len += ext->len;
	*full = ext->len < left;

	return ext->len;
}

/**
 * edudma_buffer_add() - pin a part of a segment
 * @buf:	a buffer that was cleared, with its arrays allocated
 * @seg:	the segment
 * @done:	bytes of it, from the first on, that earlier calls have taken
 * @full:	set if what follows does not fit, or does not belong here
 *
 * Context: Process that the memory belongs to, may sleep and fault; no locks.
 * Return: the bytes taken, or -errno if none could be had: -EFAULT, -ENOMEM,
 * -EADDRNOTAVAIL, -ENOENT if no such buffer is registered, or what pinning said.
 */
ssize_t edudma_buffer_add(struct edudma_buffer *buf, const struct edudma_segment *seg,
			  u64 done, bool *full)
{
	unsigned int room = buf->capacity - buf->used;
	unsigned int page_offset = offset_in_page(seg->addr + done);
	u64 left = seg->len - done;
	u64 whole = (page_offset + left + PAGE_SIZE - 1) >> PAGE_SHIFT;
	unsigned int first = buf->nr_pages;
	unsigned int wanted = min_t(u64, room, whole);
	ssize_t taken;
	size_t len;
	int held;

	/* A cut costs a descriptor: not where the next buffer holds it whole. */
	*full = !wanted || buf->nr_extents == buf->max_extents ||
		(wanted < whole && whole <= buf->capacity);
	if (*full)
		return 0;
	if (seg->buffer)
		return edudma_buffer_add_registered(buf, seg, done, room, full);

	held = edudma_buffer_hold(buf, seg, done, wanted, &page_offset, &len);
	if (held < 0)
		return held;

	taken = edudma_buffer_add_extents(buf, seg, seg->offset + done, page_offset,
					  held, len);
	edudma_buffer_let_go(buf, buf->nr_pages, first + held - buf->nr_pages);
	*full = taken < (ssize_t)len;
	if (taken > 0) {
		buf->len += taken;
		if (buf->kernel)
			iov_iter_advance(buf->kernel, taken);
	}

	return taken;
}

/**
 * edudma_buffer_discard() - let go of all that it holds
 * @buf:	the buffer, may be empty
 *
 * Context: Any.
 */
void edudma_buffer_discard(struct edudma_buffer *buf)
{
	unsigned int i;

	trace_edudma_unpin(buf->id, buf->nr_pages, buf->bytes_done);
	for (i = 0; i < buf->nr_extents; i++)
		if (buf->extents[i].registered)
			edudma_registered_put(buf->extents[i].registered);
	buf->nr_extents = 0;
	edudma_buffer_let_go(buf, 0, buf->nr_pages);
	buf->nr_pages = 0;
}

/**
 * edudma_buffer_keep() - the device may access it, though it was told to stop
 * @buf:	the buffer, mapped
 * @kept:	or it does not any more
 *
 * Context: Any.
 */
void edudma_buffer_keep(struct edudma_buffer *buf, bool kept)
{
	unsigned int i;

	for (i = 0; i < buf->nr_extents; i++)
		if (buf->extents[i].registered)
			atomic_add(kept ? 1 : -1, &buf->extents[i].registered->kept);
}
