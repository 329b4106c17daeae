// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings that driver and device share in memory.
 */
#include <linux/build_bug.h>
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "descriptor.h"
#include "ring.h"

static_assert(sizeof(struct edudma_ring_desc) == 32);
static_assert(sizeof(struct edudma_ring_comp) == 16);

/**
 * edudma_ring_alloc() - make the memory of both rings
 * @ring:	the ring
 * @dev:	whose DMA it is for
 * @entries:	a power of two
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int edudma_ring_alloc(struct edudma_ring *ring, struct device *dev, u32 entries)
{
	ring->entries = entries;
	ring->descs = dma_alloc_coherent(dev, entries * sizeof(*ring->descs),
					 &ring->descs_dma, GFP_KERNEL);
	if (!ring->descs)
		return -ENOMEM;

	ring->comps = dma_alloc_coherent(dev, entries * sizeof(*ring->comps),
					 &ring->comps_dma, GFP_KERNEL);
	if (!ring->comps) {
		edudma_ring_free(ring, dev);
		return -ENOMEM;
	}

	return 0;
}

/**
 * edudma_ring_free() - free what edudma_ring_alloc() made, or a part of it
 * @ring:	the ring, which the device has let go of
 * @dev:	as in edudma_ring_alloc()
 *
 * Context: May sleep.
 */
void edudma_ring_free(struct edudma_ring *ring, struct device *dev)
{
	if (ring->comps)
		dma_free_coherent(dev, ring->entries * sizeof(*ring->comps),
				  ring->comps, ring->comps_dma);
	if (ring->descs)
		dma_free_coherent(dev, ring->entries * sizeof(*ring->descs),
				  ring->descs, ring->descs_dma);
	ring->comps = NULL;
	ring->descs = NULL;
}

/**
 * edudma_ring_clear() - begin from index 0
 * @ring:	the ring of a channel that is disabled
 *
 * Context: Any.
 */
void edudma_ring_clear(struct edudma_ring *ring)
{
	ring->head = 0;
	ring->tail = 0;
	memset(ring->comps, 0, ring->entries * sizeof(*ring->comps));
}

/**
 * edudma_ring_post() - write descriptors for the device
 * @ring:	the ring
 * @descs:	the descriptors
 * @count:	how many
 * @last:	an interrupt is needed when they are complete
 *
 * One interrupt is requested at most, when the last one is complete; also if the
 * ring is full then.  Each is linked to the next: when one fails, the device
 * executes nothing more until the channel is reset.
 *
 * Context: Any, serialised by the caller, who then tells the device the tail.
 * Return: how many there was room for.
 */
unsigned int edudma_ring_post(struct edudma_ring *ring,
			      const struct edudma_descriptor *descs,
			      unsigned int count, bool last)
{
	u32 room = ring->entries - edudma_ring_posted(ring);
	unsigned int i;

	if (count >= room) {
		count = room;
		last = true;
	}
	for (i = 0; i < count; i++) {
		u32 entry = (ring->tail + i) & (ring->entries - 1);
		u32 flags = EDUDMA_DESC_LINK;

		if (descs[i].from_device)
			flags |= EDUDMA_DESC_FROM_DEVICE;
		if (i == count - 1 && last)
			flags |= EDUDMA_DESC_EVENT;

		ring->descs[entry] = (struct edudma_ring_desc) {
			.addr = cpu_to_le64(descs[i].dma_addr),
			.offset = cpu_to_le64(descs[i].offset),
			.len = cpu_to_le32(descs[i].len),
			.flags = cpu_to_le32(flags),
		};
	}
	ring->tail += count;

	return count;
}
