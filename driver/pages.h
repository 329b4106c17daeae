/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinning of user pages, and what must be done to them around DMA.
 */
#ifndef EDUDMA_PAGES_H
#define EDUDMA_PAGES_H

#include <linux/types.h>

struct edudma_device;
struct page;

bool edudma_page_reachable(const struct edudma_device *edev, struct page *page);
int edudma_pages_pin(struct edudma_device *edev, unsigned long addr,
		     unsigned int count, bool device_writes, struct page **pages);
void edudma_pages_unpin(struct edudma_device *edev, struct page **pages,
			unsigned int count);
unsigned int edudma_pages_dirty(struct page **pages, unsigned int count);
bool edudma_pages_all_dirty(struct page **pages, unsigned int count);

#endif /* EDUDMA_PAGES_H */
