// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a buffer: unmapped and unpinned by whoever completes it, in the
 * interrupt where that is possible; copied to or dirtied by a workqueue where it
 * must be.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "buffer.h"
#include "pin.h"
#include "stats.h"
#include "trace.h"

static void edudma_buffer_account(struct edudma_buffer *buf)
{
	struct edudma_stats *stats = buf->dma->stats;
	u64 left = buf->bytes_done;
	unsigned int i;

	for (i = 0; i < buf->nr_extents && left; i++) {
		struct edudma_extent *ext = &buf->extents[i];
		u64 n = min_t(u64, left, ext->len);

		edudma_count(ext->from_device ? &stats->bytes_from_device :
						&stats->bytes_to_device, n);
		edudma_count(ext->bounced ? &stats->bytes_bounced :
					    &stats->bytes_zero_copy, n);
		left -= n;
	}
}

/* Lets go of all that an unmapped buffer has, and counts.  Any context. */
static void edudma_buffer_release(struct edudma_buffer *buf)
{
	edudma_buffer_unprepare(buf);
	edudma_buffer_account(buf);
	edudma_buffer_discard(buf);
}

/* Copies what the device has written, and no byte more, to the user's pages. */
static void edudma_extent_copy_in(struct edudma_buffer *buf, struct edudma_extent *ext,
				  u64 done)
{
	struct edudma_bounce *pool = &buf->dma->bounce;
	struct page **pages = buf->pages + ext->first_page;
	unsigned int i, off;
	size_t pos, n;

	for (i = 0, pos = 0; pos < done; i++, pos += n) {
		struct edudma_bounce_slot *slot =
			&pool->slots[buf->slots[ext->first_slot + i]];

		n = edudma_extent_piece(ext, i, pos, &off);
		memcpy_to_page(pages[i], off, slot->cpu + off,
			       min_t(u64, n, done - pos));
		flush_dcache_page(pages[i]);
	}
}

/* Copies what was bounced and was moved. */
static void edudma_buffer_copy_in(struct edudma_buffer *buf)
{
	u64 left = buf->bytes_done;
	unsigned int i;

	for (i = 0; i < buf->nr_extents; i++) {
		struct edudma_extent *ext = &buf->extents[i];
		u64 done = min_t(u64, left, ext->len);

		left -= done;
		if (ext->from_device && ext->bounced)
			edudma_extent_copy_in(buf, ext, done);
	}

	/* Whoever finds a page clean after this writes what was copied to it. */
	smp_mb();
}

/*
 * How many of an extent's pages, from the first on, may have been written to: by
 * the device, which may have moved more than it has reported, or by copying.
 * @left is what the device has reported, less what was in earlier extents.
 */
static unsigned int edudma_extent_written(const struct edudma_buffer *buf,
					  const struct edudma_extent *ext, u64 *left)
{
	u64 done = min_t(u64, *left, ext->len);

	*left -= done;
	/* Kernel pages are their owner's to dirty. */
	if (!ext->from_device || buf->kernel)
		return 0;
	if (!ext->bounced)
		return buf->written ? ext->nr_pages : 0;

	return done ? DIV_ROUND_UP(ext->page_offset + done, PAGE_SIZE) : 0;
}

/* Whether all pages that may have been written to are still dirty. */
static bool edudma_buffer_all_dirty(const struct edudma_buffer *buf)
{
	u64 left = buf->bytes_done;
	unsigned int i, written;

	for (i = 0; i < buf->nr_extents; i++) {
		const struct edudma_extent *ext = &buf->extents[i];

		written = edudma_extent_written(buf, ext, &left);
		if (!edudma_pages_all_dirty(buf->pages + ext->first_page, written))
			return false;
	}

	return true;
}

/*
 * Dirties a buffer's pages again, and releases them.  Each buffer is a work by
 * itself: no other waits for the locks of its pages.
 */
static void edudma_buffer_dirty(struct work_struct *work)
{
	struct edudma_buffer *buf = container_of(work, struct edudma_buffer, dirtying);
	struct edudma_stats *stats = buf->dma->stats;
	u64 left = buf->bytes_done;
	unsigned int i, written, cleaned;

	for (i = 0; i < buf->nr_extents; i++) {
		const struct edudma_extent *ext = &buf->extents[i];

		written = edudma_extent_written(buf, ext, &left);
		cleaned = edudma_pages_dirty(buf->pages + ext->first_page, written);
		edudma_count(&stats->pages_redirtied, cleaned);
	}

	edudma_buffer_release(buf);
	buf->released(buf);
	/* The last of it; edudma_pages_exit() waits for what is left of this. */
	module_put(THIS_MODULE);
}

/*
 * The end of a buffer that has been unmapped and copied.  One that has to wait for a
 * page lock keeps nothing that others wait for.
 */
static void edudma_buffer_finish(struct edudma_buffer *buf)
{
	edudma_buffer_return_slots(buf);
	if (edudma_buffer_all_dirty(buf)) {
		edudma_buffer_release(buf);
		buf->delivered(buf);
		buf->released(buf);
		return;
	}

	if (!buf->copies_in)
		edudma_count(&buf->dma->stats->completions_deferred, 1);
	trace_edudma_redirty(buf->id, buf->nr_pages, buf->bytes_done);
	INIT_WORK(&buf->dirtying, edudma_buffer_dirty);
	__module_get(THIS_MODULE);
	buf->delivered(buf);
	queue_work(edudma_dirty_wq, &buf->dirtying);
}

static struct edudma_buffer *edudma_copyback_next(struct edudma_copyback *copyback)
{
	struct edudma_buffer *buf;
	unsigned long flags;

	spin_lock_irqsave(&copyback->lock, flags);
	buf = list_first_entry_or_null(&copyback->buffers, struct edudma_buffer, node);
	if (buf)
		list_del(&buf->node);
	spin_unlock_irqrestore(&copyback->lock, flags);

	return buf;
}

/* Copies complete buffers to user memory, in order.  It waits for nobody. */
static void edudma_copyback_work(struct work_struct *work)
{
	struct edudma_copyback *copyback = container_of(work, struct edudma_copyback, work);
	struct edudma_buffer *buf;

	while ((buf = edudma_copyback_next(copyback))) {
		edudma_buffer_unmap(buf);
		trace_edudma_copy_back(buf->id, buf->nr_pages, buf->bytes_done);
		edudma_buffer_copy_in(buf);
		edudma_buffer_finish(buf);
	}
}

/** edudma_copyback_init() - nothing to copy; @wq is to run it */
void edudma_copyback_init(struct edudma_copyback *copyback, struct workqueue_struct *wq)
{
	copyback->wq = wq;
	spin_lock_init(&copyback->lock);
	INIT_LIST_HEAD(&copyback->buffers);
	INIT_WORK(&copyback->work, edudma_copyback_work);
}

/**
 * edudma_buffer_complete() - the engine is done with a buffer
 * @buf:	the buffer, mapped
 * @moved:	descriptors, from the first on, that have moved all their bytes
 * @issued:	the engine was given some of them, so the device may have written
 *
 * Unmaps and unpins right here, unless pages must be copied to first or dirtied
 * again.  The buffer may be gone on return.
 *
 * Context: Any, hard irq included; no locks.  Buffers that have the same copyback
 * come one at a time, in the order in which they were complete.
 */
void edudma_buffer_complete(struct edudma_buffer *buf, unsigned int moved, bool issued)
{
	struct edudma_copyback *copyback = buf->copyback;
	unsigned long flags;
	unsigned int i;

	if (moved == buf->descs.count)
		buf->bytes_done = buf->len;
	else
		for (i = 0; i < moved; i++)
			buf->bytes_done += buf->descs.array[i].len;
	buf->written = issued;

	if (!buf->copies_in || !buf->bytes_done) {
		edudma_buffer_unmap(buf);
		edudma_buffer_finish(buf);
		return;
	}

	edudma_count(&buf->dma->stats->completions_deferred, 1);
	spin_lock_irqsave(&copyback->lock, flags);
	list_add_tail(&buf->node, &copyback->buffers);
	queue_work(copyback->wq, &copyback->work);
	spin_unlock_irqrestore(&copyback->lock, flags);
}
