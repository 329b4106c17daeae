/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What user space may ask for in a vector of segments.  Nothing here touches
 * hardware, sleeps, takes a lock or reads user memory.
 */
#ifndef EDUDMA_VECTOR_H
#define EDUDMA_VECTOR_H

#include <linux/sizes.h>
#include <linux/types.h>

/* Limits of one EDUDMA_IOC_TRANSFER, reported by EDUDMA_IOC_INFO. */
#define EDUDMA_MAX_SEGMENTS	1024U
#define EDUDMA_MAX_TRANSFER	((u64)SZ_1G)

struct edudma_segment;

int edudma_vector_check(const struct edudma_segment *segments,
			unsigned int count, fmode_t mode, u64 window_bytes,
			u64 *len);
unsigned int edudma_vector_pages(const struct edudma_segment *segments,
				 unsigned int count, unsigned int limit);
unsigned int edudma_vector_done(const struct edudma_segment *segments,
				unsigned int count, u64 bytes);

#endif /* EDUDMA_VECTOR_H */
