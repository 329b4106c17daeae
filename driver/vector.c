// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of a user's vector.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/uaccess.h>

#include <linux/edudma.h>

#include "vector.h"

/* Checks a segment against the file's mode and the window. */
static int edudma_segment_check(const struct edudma_segment *seg, fmode_t mode,
				u64 window_bytes)
{
	u64 end;

	switch (seg->direction) {
	case EDUDMA_TO_DEVICE:
		if (!(mode & FMODE_WRITE))
			return -EBADF;
		break;
	case EDUDMA_FROM_DEVICE:
		if (!(mode & FMODE_READ))
			return -EBADF;
		break;
	default:
		return -EINVAL;
	}

	if (check_add_overflow(seg->offset, seg->len, &end) || end > window_bytes)
		return -ERANGE;
	/* What is registered when it is reached decides. */
	if (seg->buffer)
		return 0;
	if (seg->addr != (unsigned long)seg->addr ||
	    !access_ok((void __user *)(unsigned long)seg->addr, seg->len))
		return -EFAULT;

	return 0;
}

/**
 * edudma_vector_check() - check a vector before any of it is begun
 * @segments:	a copy of the user's
 * @count:	of them
 * @mode:	of the file they come through
 * @window_bytes: size of the device's window
 * @len:	what it adds up to, on success
 *
 * Context: Of the process whose memory the segments name.
 * Return: 0; or of the first segment that is not well -EINVAL, -EBADF, -ERANGE
 * or -EFAULT, or -EMSGSIZE if it is too much with those before it.
 */
int edudma_vector_check(const struct edudma_segment *segments,
			unsigned int count, fmode_t mode, u64 window_bytes,
			u64 *len)
{
	unsigned int i;
	u64 sum = 0;
	int ret;

	for (i = 0; i < count; i++) {
		ret = edudma_segment_check(&segments[i], mode, window_bytes);
		if (ret)
			return ret;
		if (check_add_overflow(sum, segments[i].len, &sum) ||
		    sum > EDUDMA_MAX_TRANSFER)
			return -EMSGSIZE;
	}
	*len = sum;

	return 0;
}

/* Where it begins in a page; of a registered buffer it may be anywhere. */
static unsigned int edudma_segment_offset(const struct edudma_segment *seg)
{
	return seg->buffer ? PAGE_SIZE - 1 : offset_in_page(seg->addr);
}

/**
 * edudma_vector_pages() - pages that a vector touches at most
 * @segments:	a checked vector
 * @count:	of them
 * @limit:	where to stop counting
 *
 * Context: Any.
 * Return: how many pages, @limit + 1 if there are more than @limit.
 */
unsigned int edudma_vector_pages(const struct edudma_segment *segments,
				 unsigned int count, unsigned int limit)
{
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < count && pages <= limit; i++)
		pages += (edudma_segment_offset(&segments[i]) + segments[i].len +
			  PAGE_SIZE - 1) >> PAGE_SHIFT;

	return min_t(u64, pages, limit + 1ULL);
}

/**
 * edudma_vector_done() - leading segments that are complete
 * @segments:	a checked vector
 * @count:	of them
 * @bytes:	moved, from the first byte on
 *
 * Context: Any.
 * Return: how many.
 */
unsigned int edudma_vector_done(const struct edudma_segment *segments,
				unsigned int count, u64 bytes)
{
	unsigned int i;

	for (i = 0; i < count && bytes >= segments[i].len; i++)
		bytes -= segments[i].len;

	return i;
}
