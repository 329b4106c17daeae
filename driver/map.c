// SPDX-License-Identifier: GPL-2.0-only
/*
 * From pinned pages to descriptors: scatterlists, bounce slots, the DMA API.
 */
#include <linux/dma-mapping.h>
#include <linux/error-injection.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#include "buffer.h"
#include "compat.h"
#include "pin.h"
#include "registered.h"
#include "trace.h"

static enum dma_data_direction edudma_extent_dir(const struct edudma_extent *ext)
{
	return ext->from_device ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

static bool edudma_pages_contiguous(struct page **pages, unsigned int count)
{
	unsigned long pfn = page_to_pfn(pages[0]);
	unsigned int i;

	for (i = 1; i < count; i++)
		if (page_to_pfn(pages[i]) != pfn + i)
			return false;

	return true;
}

static int edudma_extent_alloc_table(struct edudma_buffer *buf, struct edudma_extent *ext)
{
	struct page **pages = buf->pages + ext->first_page;

	/* The common case needs no table. */
	ext->single = ext->page_offset + ext->len <= buf->dma->max_mapping &&
		      edudma_pages_contiguous(pages, ext->nr_pages);
	if (ext->single)
		return 0;

	return sg_alloc_table_from_pages_segment(&ext->sgt, pages, ext->nr_pages,
						 ext->page_offset, ext->len,
						 buf->dma->max_mapping, GFP_KERNEL);
}

/* Of the first extents.  Any context. */
static void edudma_buffer_free_tables(struct edudma_buffer *buf, unsigned int count)
{
	while (count--) {
		struct edudma_extent *ext = &buf->extents[count];

		if (!ext->bounced && !ext->single && !ext->registered)
			sg_free_table(&ext->sgt);
	}
}

/**
 * edudma_buffer_prepare() - all that can sleep for long, or fail, before mapping
 * @buf:	a buffer with pages
 *
 * Dirtying waits for page locks, like direct I/O does, even for a file system that
 * is slow to give them: before anything is held that others wait for.
 *
 * Context: Process, may sleep; no locks.
 * Return: 0; -ENOMEM, or -ERESTARTSYS if the process is being killed.
 */
int edudma_buffer_prepare(struct edudma_buffer *buf)
{
	unsigned int i;
	int ret;

	for (i = 0; i < buf->nr_extents; i++) {
		struct edudma_extent *ext = &buf->extents[i];

		if (ext->from_device && !buf->kernel)
			edudma_pages_dirty(buf->pages + ext->first_page, ext->nr_pages);
		if (ext->bounced || ext->registered)
			continue;
		ret = edudma_extent_alloc_table(buf, ext);
		if (ret)
			goto err_free_tables;
	}

	if (buf->nr_slots) {
		ret = edudma_bounce_get(&buf->dma->bounce, buf->slots, buf->nr_slots);
		if (ret)
			goto err_free_tables;
	}

	return 0;

err_free_tables:
	edudma_buffer_free_tables(buf, i);
	return ret;
}

/** edudma_buffer_return_slots() - give the bounce slots back.  Any context. */
void edudma_buffer_return_slots(struct edudma_buffer *buf)
{
	edudma_bounce_put(&buf->dma->bounce, buf->slots, buf->nr_slots);
	buf->nr_slots = 0;
}

/** edudma_buffer_unprepare() - undo edudma_buffer_prepare().  Any context. */
void edudma_buffer_unprepare(struct edudma_buffer *buf)
{
	edudma_buffer_return_slots(buf);
	edudma_buffer_free_tables(buf, buf->nr_extents);
}

/* Adds a piece to the descriptors, never beyond what the device may address. */
static int edudma_buffer_describe(struct edudma_buffer *buf, dma_addr_t dma_addr,
				  size_t len, u64 offset, bool from_device)
{
	const struct edudma_dma *dma = buf->dma;

	if (dma_addr + (len - 1) > dma->address_mask ||
	    offset + len > dma->window_bytes ||
	    edudma_descriptor_add(&buf->descs, dma_addr, len, offset, from_device)) {
		dev_err_once(dma->log, "refused DMA at %pad, %zu bytes, window offset %llu\n",
			     &dma_addr, len, offset);
		return -EIO;
	}

	return 0;
}

/**
 * edudma_extent_piece() - the part of a bounced extent that lies in one page
 * @ext:	the extent
 * @i:		which page
 * @pos:	bytes of the extent before it
 * @off:	set to where it begins in the page, and in the slot
 *
 * Context: Any.
 * Return: its length.
 */
size_t edudma_extent_piece(const struct edudma_extent *ext, unsigned int i,
			   size_t pos, unsigned int *off)
{
	*off = i ? 0 : ext->page_offset;

	return min_t(size_t, PAGE_SIZE - *off, ext->len - pos);
}

/*
 * Slots that the device is to fill are cleared first: if it wrote less than it
 * reports, the user must not see what somebody else bounced there before.
 */
static int edudma_extent_map_bounced(struct edudma_buffer *buf,
				     struct edudma_extent *ext)
{
	struct edudma_bounce *pool = &buf->dma->bounce;
	unsigned int i, off;
	size_t pos, n;
	int ret;

	for (i = 0, pos = 0; pos < ext->len; i++, pos += n) {
		struct edudma_bounce_slot *slot =
			&pool->slots[buf->slots[ext->first_slot + i]];

		n = edudma_extent_piece(ext, i, pos, &off);
		if (ext->from_device)
			memset(slot->cpu + off, 0, n);
		else
			memcpy_from_page(slot->cpu + off,
					 buf->pages[ext->first_page + i], off, n);
		ret = edudma_buffer_describe(buf, slot->dma + off, n,
					     ext->offset + pos, ext->from_device);
		if (ret)
			return ret;
	}

	return 0;
}

/*
 * Two buffers, or two extents of one, may have the device write to the same memory.
 * The DMA API accepts that only from those who sync by themselves.  What is synced
 * is what was moved: where the DMA API copies, more would put what was there before
 * over what another has delivered.
 */
static void edudma_extent_unmap(struct edudma_buffer *buf, struct edudma_extent *ext,
				size_t moved)
{
	enum dma_data_direction dir = edudma_extent_dir(ext);
	bool sync = buf->dma->needs_sync && ext->from_device && moved;
	struct device *dev = buf->dma->dev;
	struct scatterlist *sg;
	unsigned int i;
	size_t n;

	if (ext->bounced || ext->registered)
		return;
	if (ext->single) {
		if (sync)
			dma_sync_single_for_cpu(dev, ext->dma_addr, moved, dir);
		dma_unmap_page_attrs(dev, ext->dma_addr, ext->len, dir,
				     DMA_ATTR_SKIP_CPU_SYNC);
		return;
	}

	if (sync) {
		for_each_sgtable_dma_sg(&ext->sgt, sg, i) {
			n = min_t(size_t, sg_dma_len(sg), moved);
			if (!n)
				break;
			dma_sync_single_for_cpu(dev, sg_dma_address(sg), n, dir);
			moved -= n;
		}
	}
	dma_unmap_sgtable(dev, &ext->sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
}

/* It is mapped: it only has to be described. */
static int edudma_extent_map_registered(struct edudma_buffer *buf,
					struct edudma_extent *ext)
{
	dma_addr_t addr;
	size_t done, n;
	int ret;

	for (done = 0; done < ext->len; done += n) {
		n = min_t(u64, ext->len - done,
			  edudma_registered_piece(ext->registered, ext->pos + done, &addr));
		ret = edudma_buffer_describe(buf, addr, n, ext->offset + done,
					     ext->from_device);
		if (ret)
			return ret;
	}

	return 0;
}

static int edudma_extent_map_single(struct edudma_buffer *buf, struct edudma_extent *ext)
{
	enum dma_data_direction dir = edudma_extent_dir(ext);
	struct device *dev = buf->dma->dev;
	int ret;

	ext->dma_addr = dma_map_page_attrs(dev, buf->pages[ext->first_page],
					   ext->page_offset, ext->len, dir,
					   DMA_ATTR_SKIP_CPU_SYNC);
	if (dma_mapping_error(dev, ext->dma_addr))
		return -EIO;
	if (buf->dma->needs_sync)
		dma_sync_single_for_device(dev, ext->dma_addr, ext->len, dir);

	ret = edudma_buffer_describe(buf, ext->dma_addr, ext->len, ext->offset,
				     ext->from_device);
	if (ret)
		edudma_extent_unmap(buf, ext, 0);

	return ret;
}

/* Not inlined: so that tests can make it fail. */
static noinline int edudma_extent_map_direct(struct edudma_buffer *buf,
					     struct edudma_extent *ext)
{
	enum dma_data_direction dir = edudma_extent_dir(ext);
	struct device *dev = buf->dma->dev;
	u64 offset = ext->offset;
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	if (ext->single)
		return edudma_extent_map_single(buf, ext);

	ret = dma_map_sgtable(dev, &ext->sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		return ret == -ENOMEM ? -ENOMEM : -EIO;
	if (buf->dma->needs_sync)
		dma_sync_sgtable_for_device(dev, &ext->sgt, dir);

	for_each_sgtable_dma_sg(&ext->sgt, sg, i) {
		ret = edudma_buffer_describe(buf, sg_dma_address(sg), sg_dma_len(sg),
					     offset, ext->from_device);
		if (ret) {
			edudma_extent_unmap(buf, ext, 0);
			return ret;
		}
		offset += sg_dma_len(sg);
	}

	return 0;
}
ALLOW_ERROR_INJECTION(edudma_extent_map_direct, ERRNO);

/**
 * edudma_buffer_unmap() - take it from the device, and sync what was moved
 * @buf:	a mapped buffer, with @bytes_done set
 *
 * Context: Any, hard irq included.
 */
void edudma_buffer_unmap(struct edudma_buffer *buf)
{
	u64 left = buf->bytes_done;
	unsigned int i;

	trace_edudma_unmap(buf->id, buf->descs.count);
	for (i = 0; i < buf->nr_extents; i++) {
		struct edudma_extent *ext = &buf->extents[i];
		size_t moved = min_t(u64, left, ext->len);

		left -= moved;
		edudma_extent_unmap(buf, ext, moved);
	}
}

/**
 * edudma_buffer_map() - let the device access it, and build the descriptors
 * @buf:	a prepared buffer of a device that is not being unplugged
 *
 * Context: Process, may sleep.
 * Return: 0; -ENOMEM, or -EIO if it cannot be mapped.
 */
int edudma_buffer_map(struct edudma_buffer *buf)
{
	unsigned int i;
	int ret;

	for (i = 0; i < buf->nr_extents; i++) {
		struct edudma_extent *ext = &buf->extents[i];

		if (ext->registered)
			ret = edudma_extent_map_registered(buf, ext);
		else if (ext->bounced)
			ret = edudma_extent_map_bounced(buf, ext);
		else
			ret = edudma_extent_map_direct(buf, ext);
		if (ret)
			goto err_unmap;
	}
	trace_edudma_map(buf->id, buf->descs.count);

	return 0;

err_unmap:
	while (i--)
		edudma_extent_unmap(buf, &buf->extents[i], 0);
	return ret;
}
