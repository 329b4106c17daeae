/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that the device can reach, lent page by page to buffers whose user
 * pages it cannot.  swiotlb is no substitute: it lies below 4 GiB, not below
 * the 256 MiB that edu can address.
 */
#ifndef EDUDMA_BOUNCE_H
#define EDUDMA_BOUNCE_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct device;

/**
 * struct edudma_bounce_slot - one page of bounce memory
 * @cpu:	where the kernel sees it
 * @dma:	where the device sees it
 */
struct edudma_bounce_slot {
	void *cpu;
	dma_addr_t dma;
};

/**
 * struct edudma_bounce - a device's pool
 * @slots:	all pages, @count of them; NULL once the device is gone
 * @count:	pages in the pool; 0 where the device reaches all memory
 * @lock:	protects @used and @free; irq-safe
 * @used:	bitmap of slots that are lent
 * @free:	slots that are not
 * @wait:	woken when slots come back
 */
struct edudma_bounce {
	struct edudma_bounce_slot *slots;
	unsigned int count;
	spinlock_t lock; /* see above */
	unsigned long *used;
	unsigned int free;
	wait_queue_head_t wait;
};

int edudma_bounce_init(struct edudma_bounce *pool, struct device *dev,
		       unsigned int count);
void edudma_bounce_free_slots(struct edudma_bounce *pool, struct device *dev);
void edudma_bounce_exit(struct edudma_bounce *pool);
int edudma_bounce_get(struct edudma_bounce *pool, unsigned int *slots,
		      unsigned int count);
void edudma_bounce_put(struct edudma_bounce *pool, const unsigned int *slots,
		       unsigned int count);

#endif /* EDUDMA_BOUNCE_H */
