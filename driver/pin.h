/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinning of user pages, references to kernel pages, and what must be done to them around DMA.
 */
#ifndef EDUDMA_PIN_H
#define EDUDMA_PIN_H

#include <linux/types.h>

struct edudma_stats;
struct iov_iter;
struct page;

int edudma_pages_pin(struct edudma_stats *stats, unsigned long addr,
		     unsigned int count, bool device_writes, struct page **pages);
int edudma_pages_borrow(const struct iov_iter *iter, unsigned int count,
			struct page **pages, unsigned int *page_offset, size_t *len);
void edudma_pages_return(struct page **pages, unsigned int count);
void edudma_pages_unpin(struct edudma_stats *stats, struct page **pages,
			unsigned int count);
unsigned int edudma_pages_dirty(struct page **pages, unsigned int count);
bool edudma_pages_all_dirty(struct page **pages, unsigned int count);

#endif /* EDUDMA_PIN_H */
