// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chunk's way through the hardware: prepare, map, submit; and back from the
 * completion interrupt: unmap, copy or dirty where needed, unpin, account.
 */
#include <linux/dma-mapping.h>
#include <linux/error-injection.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include "compat.h"
#include "edudma_device.h"
#include "pages.h"
#include "request.h"

static enum dma_data_direction edudma_extent_dir(const struct edudma_extent *ext)
{
	return ext->from_device ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

/*
 * What can sleep for long, or fail, before anything is mapped.  Dirtying waits
 * for page locks, like direct I/O does, even for a file system that is slow to
 * give them: before anything is held that others wait for.
 */
static int edudma_chunk_prepare(struct edudma_chunk *chunk)
{
	struct edudma_device *edev = edudma_chunk_device(chunk);
	unsigned int i;
	int ret;

	for (i = 0; i < chunk->nr_extents; i++) {
		struct edudma_extent *ext = &chunk->extents[i];
		struct page **pages = chunk->pages + ext->first_page;

		if (ext->from_device)
			edudma_pages_dirty(pages, ext->nr_pages);
		if (ext->bounced)
			continue;
		ret = sg_alloc_table_from_pages_segment(&ext->sgt, pages,
							ext->nr_pages,
							ext->page_offset,
							ext->len,
							edev->max_mapping,
							GFP_KERNEL);
		if (ret)
			goto err_free_tables;
	}

	if (chunk->nr_slots) {
		ret = edudma_bounce_get(&edev->bounce, chunk->slots,
					chunk->nr_slots);
		if (ret)
			goto err_free_tables;
	}

	return 0;

err_free_tables:
	while (i--)
		if (!chunk->extents[i].bounced)
			sg_free_table(&chunk->extents[i].sgt);
	return ret;
}

static void edudma_chunk_return_slots(struct edudma_chunk *chunk)
{
	edudma_bounce_put(&edudma_chunk_device(chunk)->bounce, chunk->slots,
			  chunk->nr_slots);
	chunk->nr_slots = 0;
}

/* Undoes edudma_chunk_prepare().  Any context. */
static void edudma_chunk_unprepare(struct edudma_chunk *chunk)
{
	unsigned int i;

	edudma_chunk_return_slots(chunk);
	for (i = 0; i < chunk->nr_extents; i++)
		if (!chunk->extents[i].bounced)
			sg_free_table(&chunk->extents[i].sgt);
}

/* Adds a piece to the descriptors, never beyond what the device may address. */
static int edudma_chunk_describe(struct edudma_chunk *chunk, dma_addr_t dma_addr,
				 size_t len, u64 offset, bool from_device)
{
	struct edudma_device *edev = edudma_chunk_device(chunk);

	if (dma_addr + (len - 1) > edev->address_mask ||
	    offset + len > edev->engine.window_bytes ||
	    edudma_descriptor_add(&chunk->descs, dma_addr, len, offset, from_device)) {
		dev_err_once(&edev->dev, "refused DMA at %pad, %zu bytes, window offset %llu\n",
			     &dma_addr, len, offset);
		return -EIO;
	}

	return 0;
}

/* Slot i of a bounced extent, pos bytes into it: where in the page, how much. */
static size_t edudma_extent_piece(const struct edudma_extent *ext,
				  unsigned int i, size_t pos, unsigned int *off)
{
	*off = i ? 0 : ext->page_offset;

	return min_t(size_t, PAGE_SIZE - *off, ext->len - pos);
}

/*
 * Slots that the device is to fill are cleared first: if it wrote less than it
 * claims, the user must not see what somebody else bounced there before.
 */
static int edudma_extent_map_bounced(struct edudma_chunk *chunk,
				     struct edudma_extent *ext)
{
	struct edudma_bounce *pool = &edudma_chunk_device(chunk)->bounce;
	unsigned int i, off;
	size_t pos, n;
	int ret;

	for (i = 0, pos = 0; pos < ext->len; i++, pos += n) {
		struct edudma_bounce_slot *slot =
			&pool->slots[chunk->slots[ext->first_slot + i]];

		n = edudma_extent_piece(ext, i, pos, &off);
		if (ext->from_device)
			memset(slot->cpu + off, 0, n);
		else
			memcpy_from_page(slot->cpu + off,
					 chunk->pages[ext->first_page + i], off, n);
		ret = edudma_chunk_describe(chunk, slot->dma + off, n,
					    ext->offset + pos, ext->from_device);
		if (ret)
			return ret;
	}

	return 0;
}

/*
 * Two requests, or two chunks of one, may have the device write to the same
 * memory.  The DMA API accepts that only from those who say that they sync by
 * themselves, which costs nothing where nothing needs it.
 */
static void edudma_extent_unmap(struct edudma_chunk *chunk,
				struct edudma_extent *ext)
{
	struct device *dev = &edudma_chunk_device(chunk)->pdev->dev;
	enum dma_data_direction dir = edudma_extent_dir(ext);

	if (edudma_chunk_device(chunk)->mapping_copies)
		dma_sync_sgtable_for_cpu(dev, &ext->sgt, dir);
	dma_unmap_sgtable(dev, &ext->sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
}

/* Not inlined: so that tests can make it fail. */
static noinline int edudma_extent_map_direct(struct edudma_chunk *chunk,
					     struct edudma_extent *ext)
{
	struct device *dev = &edudma_chunk_device(chunk)->pdev->dev;
	enum dma_data_direction dir = edudma_extent_dir(ext);
	u64 offset = ext->offset;
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	ret = dma_map_sgtable(dev, &ext->sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		return ret == -ENOMEM ? -ENOMEM : -EIO;
	if (edudma_chunk_device(chunk)->mapping_copies)
		dma_sync_sgtable_for_device(dev, &ext->sgt, dir);

	for_each_sgtable_dma_sg(&ext->sgt, sg, i) {
		ret = edudma_chunk_describe(chunk, sg_dma_address(sg),
					    sg_dma_len(sg), offset,
					    ext->from_device);
		if (ret) {
			edudma_extent_unmap(chunk, ext);
			return ret;
		}
		offset += sg_dma_len(sg);
	}

	return 0;
}
ALLOW_ERROR_INJECTION(edudma_extent_map_direct, ERRNO);

/* Unmaps the first extents.  Any context. */
static void edudma_chunk_unmap(struct edudma_chunk *chunk, unsigned int count)
{
	while (count--)
		if (!chunk->extents[count].bounced)
			edudma_extent_unmap(chunk, &chunk->extents[count]);
}

/* Maps every extent and builds the descriptors.  edev->gate is held. */
static int edudma_chunk_map(struct edudma_chunk *chunk)
{
	unsigned int i;
	int ret;

	for (i = 0; i < chunk->nr_extents; i++) {
		struct edudma_extent *ext = &chunk->extents[i];

		if (ext->bounced)
			ret = edudma_extent_map_bounced(chunk, ext);
		else
			ret = edudma_extent_map_direct(chunk, ext);
		if (ret) {
			edudma_chunk_unmap(chunk, i);
			return ret;
		}
	}

	return 0;
}

/**
 * edudma_chunk_submit() - hand a filled chunk to the channel
 * @chunk:	the chunk, filled and not empty
 * @last:	no further chunk of the request will follow
 *
 * On success the chunk belongs to the channel until it is not busy any more.
 * On failure it is still filled and the caller's: edudma_chunk_discard() it.
 *
 * Context: Process, may sleep; no locks.
 * Return: 0; -ENODEV if the device is gone, -ENOMEM, -EIO if it could not be
 * woken or mapped, -ERESTARTSYS if the process is being killed, or why the request was
 * stopped.
 */
int edudma_chunk_submit(struct edudma_chunk *chunk, bool last)
{
	struct edudma_device *edev = edudma_chunk_device(chunk);
	int ret;

	ret = edudma_chunk_prepare(chunk);
	if (ret)
		return ret;

	down_read(&edev->gate);
	if (edev->gone) {
		ret = -ENODEV;
		goto err_unlock;
	}
	ret = edudma_device_wake(edev);
	if (ret)
		goto err_unlock;
	ret = edudma_chunk_map(chunk);
	if (ret)
		goto err_let_sleep;
	ret = edudma_channel_submit(chunk, last);
	if (ret)
		goto err_unmap;
	up_read(&edev->gate);

	return 0;

err_unmap:
	edudma_chunk_unmap(chunk, chunk->nr_extents);
err_let_sleep:
	edudma_device_let_sleep(edev);
err_unlock:
	up_read(&edev->gate);
	edudma_chunk_unprepare(chunk);
	return ret;
}

static void edudma_chunk_account(struct edudma_chunk *chunk)
{
	struct edudma_stats *stats = &edudma_chunk_device(chunk)->stats;
	u64 left = chunk->bytes_done;
	unsigned int i;

	for (i = 0; i < chunk->nr_extents && left; i++) {
		struct edudma_extent *ext = &chunk->extents[i];
		u64 n = min_t(u64, left, ext->len);

		edudma_count(ext->from_device ? &stats->bytes_from_device :
						&stats->bytes_to_device, n);
		edudma_count(ext->bounced ? &stats->bytes_bounced :
					    &stats->bytes_zero_copy, n);
		left -= n;
	}
}

/* Lets go of all that a submitted chunk has, and counts.  Any context. */
static void edudma_chunk_release(struct edudma_chunk *chunk)
{
	edudma_chunk_unprepare(chunk);
	edudma_chunk_discard(chunk);
	edudma_chunk_account(chunk);
}

/* Copies what the device has written, and no byte more, to the user's pages. */
static void edudma_extent_copy_in(struct edudma_chunk *chunk,
				  struct edudma_extent *ext, u64 done)
{
	struct edudma_bounce *pool = &edudma_chunk_device(chunk)->bounce;
	struct page **pages = chunk->pages + ext->first_page;
	unsigned int i, off;
	size_t pos, n;

	for (i = 0, pos = 0; pos < done; i++, pos += n) {
		struct edudma_bounce_slot *slot =
			&pool->slots[chunk->slots[ext->first_slot + i]];

		n = edudma_extent_piece(ext, i, pos, &off);
		memcpy_to_page(pages[i], off, slot->cpu + off,
			       min_t(u64, n, done - pos));
		flush_dcache_page(pages[i]);
	}
}

/* Copies what was bounced and has arrived. */
static void edudma_chunk_copy_in(struct edudma_chunk *chunk)
{
	u64 left = chunk->bytes_done;
	unsigned int i;

	for (i = 0; i < chunk->nr_extents; i++) {
		struct edudma_extent *ext = &chunk->extents[i];
		u64 done = min_t(u64, left, ext->len);

		left -= done;
		if (ext->from_device && ext->bounced)
			edudma_extent_copy_in(chunk, ext, done);
	}

	/* Whoever finds a page clean after this writes what was copied to it. */
	smp_mb();
}

/*
 * How many of an extent's pages, from the first on, may have been written to: by
 * the device, which may have moved more than it has reported, or by copying.
 * @left is what the device has reported, less what was in earlier extents.
 */
static unsigned int edudma_extent_written(const struct edudma_chunk *chunk,
					  const struct edudma_extent *ext, u64 *left)
{
	u64 done = min_t(u64, *left, ext->len);

	*left -= done;
	if (!ext->from_device)
		return 0;
	if (!ext->bounced)
		return chunk->issued ? ext->nr_pages : 0;

	return done ? DIV_ROUND_UP(ext->page_offset + done, PAGE_SIZE) : 0;
}

/* Whether all pages that may have been written to are still dirty. */
static bool edudma_chunk_all_dirty(const struct edudma_chunk *chunk)
{
	u64 left = chunk->bytes_done;
	unsigned int i, written;

	for (i = 0; i < chunk->nr_extents; i++) {
		const struct edudma_extent *ext = &chunk->extents[i];

		written = edudma_extent_written(chunk, ext, &left);
		if (!edudma_pages_all_dirty(chunk->pages + ext->first_page, written))
			return false;
	}

	return true;
}

/*
 * The end of a chunk that has been unmapped and copied.  A page lock may take as
 * long as the file system behind it likes, which may be a user's: a chunk that
 * has to wait for one keeps nothing that others wait for.
 */
static void edudma_chunk_finish(struct edudma_chunk *chunk)
{
	edudma_chunk_return_slots(chunk);
	if (edudma_chunk_all_dirty(chunk)) {
		edudma_chunk_release(chunk);
		edudma_channel_arrived(chunk);
		edudma_channel_release(chunk);
	} else {
		edudma_channel_arrived(chunk);
		edudma_channel_defer_dirtying(chunk);
	}
}

/**
 * edudma_chunk_dirty() - dirty a chunk's pages again, and release them
 * @work:	edudma_chunk.dirtying
 *
 * Each chunk by itself, as many at a time as a workqueue runs works: no other
 * waits for the locks of its pages.
 *
 * Context: Process, may sleep.
 */
void edudma_chunk_dirty(struct work_struct *work)
{
	struct edudma_chunk *chunk = container_of(work, struct edudma_chunk, dirtying);
	struct edudma_stats *stats = &edudma_chunk_device(chunk)->stats;
	u64 left = chunk->bytes_done;
	unsigned int i, written, cleaned;

	for (i = 0; i < chunk->nr_extents; i++) {
		const struct edudma_extent *ext = &chunk->extents[i];

		written = edudma_extent_written(chunk, ext, &left);
		cleaned = edudma_pages_dirty(chunk->pages + ext->first_page, written);
		edudma_count(&stats->pages_redirtied, cleaned);
	}

	edudma_chunk_release(chunk);
	edudma_channel_release(chunk);
}

/**
 * edudma_chunks_copy() - copy a channel's complete chunks to user memory
 * @work:	edudma_channel.copying
 *
 * One after the other, as they were completed: two chunks, of one request or of
 * two, may copy to the same bytes, and the later one has the word, as it has where
 * the device writes to the user's pages itself.
 *
 * Context: Process, waits for nobody.
 */
void edudma_chunks_copy(struct work_struct *work)
{
	struct edudma_channel *ch = container_of(work, struct edudma_channel, copying);
	struct edudma_chunk *chunk;

	while ((chunk = edudma_channel_next_completed(ch))) {
		edudma_chunk_unmap(chunk, chunk->nr_extents);
		edudma_chunk_copy_in(chunk);
		edudma_chunk_finish(chunk);
	}
}

/**
 * edudma_chunk_complete() - the engine is done with a chunk
 * @chunk:	the chunk, not in its request's list any more
 *
 * Unmaps right here, in the completion interrupt, and unpins, unless pages must be
 * copied to first or dirtied again, which is left to the device's workqueues.
 * The chunk may be gone on return.
 *
 * Context: Any, hard irq included; no locks.
 */
void edudma_chunk_complete(struct edudma_chunk *chunk)
{
	if (edudma_chunk_brings_copies(chunk)) {
		edudma_channel_defer_copying(chunk);
	} else {
		edudma_chunk_unmap(chunk, chunk->nr_extents);
		edudma_chunk_finish(chunk);
	}
}

/**
 * edudma_chunks_complete() - the engine is done with some chunks
 * @done:	list of edudma_chunk.node, empty afterwards
 *
 * Context: Any, hard irq included; no locks.
 */
void edudma_chunks_complete(struct list_head *done)
{
	struct edudma_chunk *chunk, *next;

	list_for_each_entry_safe(chunk, next, done, node) {
		list_del_init(&chunk->node);
		edudma_chunk_complete(chunk);
	}
}

/**
 * edudma_chunk_leak() - keep a chunk for good
 * @chunk:	the chunk, not in its request's list any more
 *
 * For a device that may still write to the pages and cannot be stopped: they
 * stay pinned and mapped, and the chunk and the device's structure stay
 * allocated, since lost memory is better than corrupted memory.  Its request
 * goes on without it.
 *
 * Context: Any; no locks.
 */
void edudma_chunk_leak(struct edudma_chunk *chunk)
{
	struct edudma_device *edev = edudma_chunk_device(chunk);

	edudma_count(&edev->stats.pages_leaked, chunk->nr_pages);
	dev_crit(&edev->dev, "%u pages stay pinned: the device may still write to them\n",
		 chunk->nr_pages);
	kref_get(&chunk->req->ref);
	/* The mappings are the device's, for whoever looks at them. */
	get_device(&edev->pdev->dev);
	edudma_channel_arrived(chunk);
	edudma_channel_release(chunk);
}
