/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A submission ring and a completion ring of edu-sg in memory.  Layouts and
 * rules are those of docs/edu-sg.md.  No registers here.
 */
#ifndef EDUDMA_RING_H
#define EDUDMA_RING_H

#include <linux/types.h>

#include <asm/barrier.h>
#include <asm/byteorder.h>

struct device;
struct edudma_descriptor;
struct edudma_frame;

/**
 * struct edudma_ring_desc - a descriptor as the device reads it
 * @addr:	bus address
 * @offset:	into device memory
 * @len:	bytes
 * @flags:	EDUDMA_DESC_*
 * @reserved:	0
 */
struct edudma_ring_desc {
	__le64 addr;
	__le64 offset;
	__le32 len;
	__le32 flags;
	__le64 reserved;
};

#define EDUDMA_DESC_FROM_DEVICE	0x1	/* device memory to bus address */
#define EDUDMA_DESC_EVENT	0x2	/* interrupt when complete */
#define EDUDMA_DESC_LINK	0x4	/* if it fails, so does the next */

/**
 * struct edudma_ring_comp - a completion as the device writes it
 * @index:	which descriptor
 * @bytes:	moved
 * @reserved:	0
 * @status:	phase and enum edudma_ring_status; written last
 */
struct edudma_ring_comp {
	__le32 index;
	__le32 bytes;
	__le32 reserved;
	__le32 status;
};

/**
 * struct edudma_ring_frame - a completion of a stream as the device writes it
 * @position:	bytes produced, or asked for, before the frame
 * @timestamp:	in nanoseconds
 * @index:	which descriptor
 * @bytes:	moved
 * @sequence:	which frame
 * @status:	as in struct edudma_ring_comp, and EDUDMA_COMP_WHOLE; written last
 */
struct edudma_ring_frame {
	__le64 position;
	__le64 timestamp;
	__le32 index;
	__le32 bytes;
	__le32 sequence;
	__le32 status;
};

/**
 * struct edudma_ring_piece - a part of a stream's buffer as the device reads it
 * @addr:	bus address
 * @len:	bytes
 * @reserved:	0
 */
struct edudma_ring_piece {
	__le64 addr;
	__le32 len;
	__le32 reserved;
};

#define EDUDMA_COMP_PHASE	0x1
#define EDUDMA_COMP_WHOLE	0x100
#define EDUDMA_COMP_STATUS(s)	(((s) >> 4) & 0xf)

/**
 * enum edudma_ring_status - how a descriptor ended
 * @EDUDMA_RING_DONE:		all bytes were moved
 * @EDUDMA_RING_BUS_ERROR:	the bus refused
 * @EDUDMA_RING_RANGE_ERROR:	beyond device memory or address mask
 * @EDUDMA_RING_ABORTED:	by a command, or as the one before it failed
 * @EDUDMA_RING_INVALID:	the descriptor makes no sense
 * @EDUDMA_RING_OVER:		the stream has ended
 */
enum edudma_ring_status {
	EDUDMA_RING_DONE,
	EDUDMA_RING_BUS_ERROR,
	EDUDMA_RING_RANGE_ERROR,
	EDUDMA_RING_ABORTED,
	EDUDMA_RING_INVALID,
	EDUDMA_RING_OVER,
};

/**
 * struct edudma_ring - the two rings of a channel
 * @entries:	of each ring, a power of two
 * @head:	index of the next descriptor to complete; does not wrap
 * @tail:	index of the next descriptor to post; does not wrap
 * @descs:	submission ring
 * @descs_dma:	where the device sees it
 * @comps:	completion ring
 * @frames:	the same memory, while the channel is a stream
 * @comps_dma:	where the device sees it
 *
 * The device can write to both: nothing that is read from here is believed
 * before it is checked.
 */
struct edudma_ring {
	u32 entries;
	u32 head;
	u32 tail;
	struct edudma_ring_desc *descs;
	dma_addr_t descs_dma;
	union {
		struct edudma_ring_comp *comps;
		struct edudma_ring_frame *frames;
	};
	dma_addr_t comps_dma;
};

/**
 * struct edudma_completion - a completion that was read once and for all
 * @index:	which descriptor it claims to be for
 * @bytes:	moved, as it claims
 * @status:	enum edudma_ring_status, or beyond
 */
struct edudma_completion {
	u32 index;
	u32 bytes;
	u32 status;
};

int edudma_ring_alloc(struct edudma_ring *ring, struct device *dev, u32 entries);
void edudma_ring_free(struct edudma_ring *ring, struct device *dev);
void edudma_ring_clear(struct edudma_ring *ring);
unsigned int edudma_ring_post(struct edudma_ring *ring,
			      const struct edudma_descriptor *descs,
			      unsigned int count, bool last);
unsigned int edudma_ring_post_slot(struct edudma_ring *ring,
				   const struct edudma_descriptor *desc);
bool edudma_ring_peek_frame(const struct edudma_ring *ring,
			    struct edudma_completion *comp, struct edudma_frame *frame);

/* Descriptors posted and not taken back. */
static inline u32 edudma_ring_posted(const struct edudma_ring *ring)
{
	return ring->tail - ring->head;
}

/* What the phase of a completion is that is new. */
static inline u32 edudma_ring_phase(const struct edudma_ring *ring, u32 index)
{
	return index & ring->entries ? 0 : EDUDMA_COMP_PHASE;
}

/**
 * edudma_ring_peek() - look for a completion
 * @ring:	the ring
 * @index:	which since the ring was cleared
 * @comp:	where to put it
 *
 * Each word is read once: what the device writes there later changes nothing.
 *
 * Context: Any.
 * Return: whether it has come.
 */
static inline bool edudma_ring_peek(const struct edudma_ring *ring, u32 index,
				    struct edudma_completion *comp)
{
	const struct edudma_ring_comp *entry =
		&ring->comps[index & (ring->entries - 1)];
	u32 status = le32_to_cpu(READ_ONCE(entry->status));

	if ((status & EDUDMA_COMP_PHASE) != edudma_ring_phase(ring, index))
		return false;

	/* The phase is written last; the data it speaks of is there as well. */
	dma_rmb();
	comp->index = le32_to_cpu(READ_ONCE(entry->index));
	comp->bytes = le32_to_cpu(READ_ONCE(entry->bytes));
	comp->status = EDUDMA_COMP_STATUS(status);

	return true;
}

#endif /* EDUDMA_RING_H */
