/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinning of user pages, references to kernel pages, and what must be done to them
 * around DMA.
 */
#ifndef EDUDMA_PIN_H
#define EDUDMA_PIN_H

#include <linux/types.h>

struct edudma_stats;
struct file;
struct iov_iter;
struct page;
struct workqueue_struct;

/*
 * Dirties pages, which waits for their locks, which may take as long as a user's
 * file system likes: of all devices, as a device may go before that ends.
 */
extern struct workqueue_struct *edudma_dirty_wq;

bool edudma_file_is_memory(const struct file *file);
int edudma_pages_init(void);
void edudma_pages_exit(void);
int edudma_pages_pin(struct edudma_stats *stats, unsigned long addr,
		     unsigned int count, bool device_writes, struct page **pages);
int edudma_pages_pin_longterm(unsigned long addr, unsigned int count, struct page **pages);
int edudma_pages_borrow(const struct iov_iter *iter, unsigned int count,
			struct page **pages, unsigned int *page_offset, size_t *len);
void edudma_pages_return(struct page **pages, unsigned int count);
void edudma_pages_unpin(struct edudma_stats *stats, struct page **pages,
			unsigned int count);
unsigned int edudma_pages_dirty(struct page **pages, unsigned int count);
bool edudma_pages_all_dirty(struct page **pages, unsigned int count);

#endif /* EDUDMA_PIN_H */
