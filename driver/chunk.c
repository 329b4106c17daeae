// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a chunk holds: user pages, pinned, and what is to be done with them.
 */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "edudma_device.h"
#include "pages.h"
#include "request.h"

/**
 * edudma_chunk_alloc() - make an empty chunk
 * @req:	the request it is for
 * @capacity:	user pages that it can hold
 *
 * Context: May sleep.  The memory is charged to the caller's memory cgroup.
 * Return: the chunk, or NULL if memory is short.
 */
struct edudma_chunk *edudma_chunk_alloc(struct edudma_request *req,
					unsigned int capacity)
{
	struct edudma_device *edev = req->channel->edev;
	u32 max_len = edev->engine.max_descriptor_bytes;
	struct edudma_chunk *chunk;
	u64 bytes;

	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return NULL;

	chunk->req = req;
	chunk->capacity = capacity;
	INIT_LIST_HEAD(&chunk->node);
	INIT_WORK(&chunk->dirtying, edudma_chunk_dirty);

	/* Each run of pages rounds up at most once, each page may be a run. */
	bytes = min_t(u64, req->len, (u64)capacity << PAGE_SHIFT);
	chunk->descs.max_len = max_len;
	chunk->descs.capacity = capacity + div_u64(bytes, max_len);

	chunk->pages = kvmalloc_array(capacity, sizeof(*chunk->pages),
				      EDUDMA_GFP_ARRAY);
	/* A segment is one extent, unless some of its pages are out of reach. */
	chunk->max_extents = edev->reaches_all ? min(capacity, req->nr_segments) :
						 capacity;
	chunk->extents = kvmalloc_array(chunk->max_extents, sizeof(*chunk->extents),
					EDUDMA_GFP_ARRAY);
	chunk->descs.array = kvmalloc_array(chunk->descs.capacity,
					    sizeof(*chunk->descs.array),
					    EDUDMA_GFP_ARRAY);
	if (!chunk->pages || !chunk->extents || !chunk->descs.array)
		goto err_free;

	if (edev->bounce.count) {
		chunk->slots = kvmalloc_array(capacity, sizeof(*chunk->slots),
					      EDUDMA_GFP_ARRAY);
		if (!chunk->slots)
			goto err_free;
	}

	return chunk;

err_free:
	edudma_chunk_free(chunk);
	return NULL;
}

/**
 * edudma_chunk_free() - free a chunk that holds no pages
 * @chunk:	the chunk, or NULL
 *
 * Context: Any but NMI.
 */
void edudma_chunk_free(struct edudma_chunk *chunk)
{
	if (!chunk)
		return;

	kvfree(chunk->slots);
	kvfree(chunk->descs.array);
	kvfree(chunk->extents);
	kvfree(chunk->pages);
	kfree(chunk);
}

/* How many of the pages, from the first on, are alike for the device. */
static unsigned int edudma_pages_run(struct edudma_device *edev,
				     struct page **pages, unsigned int count,
				     bool *reachable)
{
	unsigned int n = 1;

	*reachable = edudma_page_reachable(edev, pages[0]);
	if (edev->reaches_all)
		return count;
	while (n < count && edudma_page_reachable(edev, pages[n]) == *reachable)
		n++;

	return n;
}

/* Whether the device is going to write to a page for this chunk already. */
static bool edudma_chunk_writes(const struct edudma_chunk *chunk,
				const struct page *page)
{
	unsigned int i, j;

	for (i = 0; i < chunk->nr_extents; i++) {
		const struct edudma_extent *ext = &chunk->extents[i];

		if (!ext->from_device || ext->bounced)
			continue;
		for (j = 0; j < ext->nr_pages; j++)
			if (chunk->pages[ext->first_page + j] == page)
				return true;
	}

	return false;
}

/*
 * How many of an extent's pages may stand in this chunk, behind what is there.
 *
 * What is copied towards the device is copied when the chunk is mapped, so it
 * must not stand behind something that is copied to memory and may be what it
 * reads: it would be copied from before that arrived.  Such an extent waits for
 * the next chunk, which is mapped when this one is done (see
 * edudma_request_settle()).
 *
 * And the DMA API wants memory that a device writes to be mapped once at a
 * time.
 */
static unsigned int edudma_chunk_fits(const struct edudma_chunk *chunk,
				      struct page **pages, unsigned int count,
				      bool from_device, bool copied)
{
	unsigned int n = 0;

	if (!from_device)
		return copied && chunk->copies_in ? 0 : count;
	if (!chunk->nr_extents)
		return count;

	while (n < count && !edudma_chunk_writes(chunk, pages[n]))
		n++;

	return n;
}

/*
 * Describes freshly pinned pages as extents.  They lie at the end of
 * chunk->pages, not counted in nr_pages yet.  Returns how many bytes were
 * taken; fewer than len if the rest belongs in a later chunk; -EADDRNOTAVAIL
 * if nothing was, as it may not or cannot be bounced.
 */
static ssize_t edudma_chunk_add_extents(struct edudma_chunk *chunk,
					const struct edudma_segment *seg,
					u64 offset, unsigned int page_offset,
					unsigned int count, size_t len)
{
	struct edudma_device *edev = edudma_chunk_device(chunk);
	bool may_bounce = !chunk->req->no_bounce && edev->bounce.count;
	bool from_device = seg->direction == EDUDMA_FROM_DEVICE;
	size_t taken = 0;

	while (taken < len) {
		struct edudma_extent *ext = &chunk->extents[chunk->nr_extents];
		struct page **pages = chunk->pages + chunk->nr_pages;
		bool reachable, copied;
		unsigned int run;

		run = edudma_pages_run(edev, pages, count, &reachable);
		if (!reachable && !may_bounce)
			return taken ?: -EADDRNOTAVAIL;
		copied = !reachable || edev->mapping_copies;
		run = edudma_chunk_fits(chunk, pages, run, from_device, copied);
		if (!run)
			break;

		*ext = (struct edudma_extent) {
			.offset = offset + taken,
			.len = min_t(size_t, len - taken,
				     ((size_t)run << PAGE_SHIFT) - page_offset),
			.first_page = chunk->nr_pages,
			.nr_pages = run,
			.page_offset = page_offset,
			.first_slot = chunk->nr_slots,
			.from_device = from_device,
			.bounced = !reachable,
		};
		chunk->nr_slots += reachable ? 0 : run;
		chunk->copies_in |= copied && from_device;
		chunk->copies_out |= copied && !from_device;
		chunk->nr_extents++;
		chunk->nr_pages += run;
		count -= run;
		taken += ext->len;
		page_offset = 0;
	}

	return taken;
}

/*
 * Pins the next part of a segment.  Returns the bytes taken into the chunk, or
 * -errno if none could be had.  Sets *full if what follows does not fit.
 */
static ssize_t edudma_chunk_add(struct edudma_chunk *chunk,
				const struct edudma_segment *seg, u64 seg_done,
				bool *full)
{
	struct edudma_device *edev = edudma_chunk_device(chunk);
	unsigned int room = chunk->capacity - chunk->nr_pages;
	unsigned long addr = seg->addr + seg_done;
	unsigned int page_offset = offset_in_page(addr);
	u64 left = seg->len - seg_done;
	u64 whole = (page_offset + left + PAGE_SIZE - 1) >> PAGE_SHIFT;
	unsigned int first = chunk->nr_pages;
	unsigned int wanted = min_t(u64, room, whole);
	ssize_t taken;
	int pinned;

	/* A cut costs a descriptor: not where the next chunk holds it whole. */
	*full = !wanted || chunk->nr_extents == chunk->max_extents ||
		(wanted < whole && whole <= chunk->capacity);
	if (*full)
		return 0;

	pinned = edudma_pages_pin(edev, addr, wanted,
				  seg->direction == EDUDMA_FROM_DEVICE,
				  chunk->pages + first);
	if (pinned < 0)
		return pinned;

	left = min_t(u64, left, ((u64)pinned << PAGE_SHIFT) - page_offset);
	taken = edudma_chunk_add_extents(chunk, seg, seg->offset + seg_done,
					 page_offset, pinned, left);
	edudma_pages_unpin(edev, chunk->pages + chunk->nr_pages,
			   first + pinned - chunk->nr_pages);
	*full = taken < (ssize_t)left;

	return taken;
}

/**
 * edudma_chunk_fill() - pin the next part of the request
 * @chunk:	an idle chunk of the request
 *
 * Takes up where the last fill ended, and goes on until the chunk is full, the
 * request is exhausted, or memory cannot be had.
 *
 * Context: Process of the submitter, may sleep and fault; no locks.
 * Return: 0, or -errno if the request cannot go on behind what the chunk now
 * holds, which may be nothing.
 */
int edudma_chunk_fill(struct edudma_chunk *chunk)
{
	struct edudma_request *req = chunk->req;
	bool full = false;
	ssize_t taken;

	chunk->nr_pages = 0;
	chunk->nr_extents = 0;
	chunk->nr_slots = 0;
	chunk->descs.count = 0;
	chunk->issued = 0;
	chunk->retired = 0;
	chunk->len = 0;
	chunk->bytes_done = 0;
	chunk->copies_in = false;
	chunk->copies_out = false;

	while (req->filled < req->len && !full) {
		const struct edudma_segment *seg = &req->segments[req->segment];

		if (req->segment_done == seg->len) {
			req->segment++;
			req->segment_done = 0;
			continue;
		}
		taken = edudma_chunk_add(chunk, seg, req->segment_done, &full);
		if (taken < 0)
			return taken;
		req->segment_done += taken;
		req->filled += taken;
		chunk->len += taken;
	}

	return 0;
}

/**
 * edudma_chunk_discard() - release the pages of a chunk that was not submitted
 * @chunk:	the chunk, may be empty
 *
 * Context: Any.
 */
void edudma_chunk_discard(struct edudma_chunk *chunk)
{
	edudma_pages_unpin(edudma_chunk_device(chunk), chunk->pages,
			   chunk->nr_pages);
	chunk->nr_pages = 0;
}
