// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings that driver and device share in memory.
 */
#include <linux/build_bug.h>
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "engine.h"
#include "ring.h"

static_assert(sizeof(struct edudma_ring_desc) == 32);
static_assert(sizeof(struct edudma_ring_comp) == 16);
static_assert(sizeof(struct edudma_ring_frame) == 32);
static_assert(sizeof(struct edudma_ring_piece) == 16);

/* The completion ring has room for the larger ones, those of a stream. */
static size_t edudma_ring_comps_bytes(const struct edudma_ring *ring)
{
	return ring->entries * sizeof(*ring->frames);
}

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

	ring->comps = dma_alloc_coherent(dev, edudma_ring_comps_bytes(ring),
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
		dma_free_coherent(dev, edudma_ring_comps_bytes(ring), ring->comps,
				  ring->comps_dma);
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
	memset(ring->comps, 0, edudma_ring_comps_bytes(ring));
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

/**
 * edudma_ring_post_slot() - write the descriptor of a stream
 * @ring:	the ring
 * @desc:	the descriptor, see struct edudma_stream_descriptor
 *
 * Context: Any, serialised by the caller, who then tells the device the tail.
 * Return: 1, or 0 if there is no room.
 */
unsigned int edudma_ring_post_slot(struct edudma_ring *ring,
				   const struct edudma_descriptor *desc)
{
	u32 flags = EDUDMA_DESC_EVENT;

	if (edudma_ring_posted(ring) == ring->entries)
		return 0;
	if (desc->from_device)
		flags |= EDUDMA_DESC_FROM_DEVICE;
	ring->descs[ring->tail++ & (ring->entries - 1)] = (struct edudma_ring_desc) {
		.addr = cpu_to_le64(desc->dma_addr),
		.offset = cpu_to_le64(desc->offset),
		.len = cpu_to_le32(desc->len),
		.flags = cpu_to_le32(flags),
	};

	return 1;
}

/**
 * edudma_ring_peek_frame() - look for the next completion of a stream
 * @ring:	the ring
 * @comp:	where to put it
 * @frame:	the same
 *
 * Each word is read once.
 *
 * Context: Any.
 * Return: whether it has come.
 */
bool edudma_ring_peek_frame(const struct edudma_ring *ring,
			    struct edudma_completion *comp, struct edudma_frame *frame)
{
	const struct edudma_ring_frame *entry =
		&ring->frames[ring->head & (ring->entries - 1)];
	u32 status = le32_to_cpu(READ_ONCE(entry->status));

	if ((status & EDUDMA_COMP_PHASE) != edudma_ring_phase(ring, ring->head))
		return false;

	/* The phase is written last; the frame it speaks of is there as well. */
	dma_rmb();
	comp->index = le32_to_cpu(READ_ONCE(entry->index));
	comp->bytes = le32_to_cpu(READ_ONCE(entry->bytes));
	comp->status = EDUDMA_COMP_STATUS(status);
	*frame = (struct edudma_frame) {
		.position = le64_to_cpu(READ_ONCE(entry->position)),
		.timestamp = le64_to_cpu(READ_ONCE(entry->timestamp)),
		.sequence = le32_to_cpu(READ_ONCE(entry->sequence)),
		.bytes = comp->bytes,
		.whole = status & EDUDMA_COMP_WHOLE,
		.over = comp->status == EDUDMA_RING_OVER,
	};

	return true;
}
