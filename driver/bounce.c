// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bounce pool.  Its memory lives from probe to remove; its bookkeeping
 * lives as long as the device structure, since a request may hold slots while
 * the device is being unbound.
 */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "bounce.h"

static int edudma_bounce_compare(const void *a, const void *b)
{
	const struct edudma_bounce_slot *x = a, *y = b;

	return x->dma < y->dma ? -1 : x->dma > y->dma;
}

/**
 * edudma_bounce_init() - allocate a pool
 * @pool:	to initialise; count 0 makes an empty one
 * @dev:	the device whose DMA mask the memory must satisfy
 * @count:	pages
 *
 * Page by page, as low memory is scarce and may be fragmented, then sorted, so
 * that slots that follow each other mostly do so for the device, too.
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM with nothing allocated.
 */
int edudma_bounce_init(struct edudma_bounce *pool, struct device *dev,
		       unsigned int count)
{
	spin_lock_init(&pool->lock);
	init_waitqueue_head(&pool->wait);
	if (!count)
		return 0;

	pool->slots = kcalloc(count, sizeof(*pool->slots), GFP_KERNEL);
	pool->used = bitmap_zalloc(count, GFP_KERNEL);
	if (!pool->slots || !pool->used)
		goto err_free;

	for (; pool->count < count; pool->count++) {
		struct edudma_bounce_slot *slot = &pool->slots[pool->count];

		slot->cpu = dma_alloc_coherent(dev, PAGE_SIZE, &slot->dma,
					       GFP_KERNEL | __GFP_NOWARN);
		if (!slot->cpu)
			goto err_free;
	}
	pool->free = count;
	sort(pool->slots, count, sizeof(*pool->slots), edudma_bounce_compare, NULL);

	return 0;

err_free:
	edudma_bounce_free_slots(pool, dev);
	edudma_bounce_exit(pool);
	return -ENOMEM;
}

/**
 * edudma_bounce_free_slots() - give the memory back
 * @pool:	the pool; no DMA and no copy may be under way
 * @dev:	the device it was allocated for
 *
 * Context: May sleep.
 */
void edudma_bounce_free_slots(struct edudma_bounce *pool, struct device *dev)
{
	unsigned int i;

	for (i = 0; i < pool->count; i++)
		dma_free_coherent(dev, PAGE_SIZE, pool->slots[i].cpu,
				  pool->slots[i].dma);
	kfree(pool->slots);
	pool->slots = NULL;
}

/** edudma_bounce_exit() - free the bookkeeping; no slot may be lent any more */
void edudma_bounce_exit(struct edudma_bounce *pool)
{
	bitmap_free(pool->used);
	pool->used = NULL;
	pool->count = 0;
}

/*
 * All or nothing: a buffer that held some and waited for more could deadlock.
 * In a row if there is one, which saves descriptors.
 */
static bool edudma_bounce_try_get(struct edudma_bounce *pool,
				  unsigned int *slots, unsigned int count)
{
	unsigned long slot, flags;
	unsigned int i;
	bool enough;

	spin_lock_irqsave(&pool->lock, flags);
	enough = pool->free >= count;
	if (enough) {
		slot = bitmap_find_next_zero_area(pool->used, pool->count, 0,
						  count, 0);
		if (slot >= pool->count)
			slot = 0;
		for (i = 0; i < count; i++) {
			slot = find_next_zero_bit(pool->used, pool->count, slot);
			__set_bit(slot, pool->used);
			slots[i] = slot;
		}
		pool->free -= count;
	}
	spin_unlock_irqrestore(&pool->lock, flags);

	return enough;
}

/**
 * edudma_bounce_get() - borrow slots
 * @pool:	the pool
 * @slots:	where to put @count slot numbers
 * @count:	how many, at most a job's share of the pool
 *
 * Waits for other buffers to return theirs.  That ends: who holds slots are, on each
 * channel, the running request (two buffers) and the staged one (one buffer), for
 * which together there is room, and buffers that are being released, which wait for
 * nobody.
 *
 * Context: May sleep; killable.
 * Return: 0, -ERESTARTSYS if the process is being killed, or -EIO if the pool
 * could never lend so many.
 */
int edudma_bounce_get(struct edudma_bounce *pool, unsigned int *slots,
		      unsigned int count)
{
	if (WARN_ON_ONCE(count > pool->count))
		return -EIO;

	return wait_event_killable(pool->wait,
				   edudma_bounce_try_get(pool, slots, count));
}

/**
 * edudma_bounce_put() - return slots
 * @pool:	the pool
 * @slots:	the slot numbers
 * @count:	how many
 *
 * Context: Any.
 */
void edudma_bounce_put(struct edudma_bounce *pool, const unsigned int *slots,
		       unsigned int count)
{
	unsigned long flags;
	unsigned int i;

	if (!count)
		return;

	spin_lock_irqsave(&pool->lock, flags);
	for (i = 0; i < count; i++)
		__clear_bit(slots[i], pool->used);
	pool->free += count;
	spin_unlock_irqrestore(&pool->lock, flags);

	wake_up(&pool->wait);
}
