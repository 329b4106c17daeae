// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cutting DMA-contiguous runs into descriptors that the engine can execute.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include "descriptor.h"

/* How many bytes the last descriptor can take if they simply continue it. */
static u32 edudma_descriptor_room(const struct edudma_descriptor_list *list,
				  u64 offset, bool from_device)
{
	const struct edudma_descriptor *last;

	if (!list->count)
		return 0;

	last = &list->array[list->count - 1];
	if (last->from_device != from_device || last->offset + last->len != offset)
		return 0;

	return list->max_len - last->len;
}

/**
 * edudma_descriptor_add() - append a DMA-contiguous run
 * @list:	the list to append to
 * @dma_addr:	bus address of the run
 * @len:	bytes, may be 0 and may exceed the engine's limit
 * @offset:	window offset that the run starts at
 * @from_device: direction, see struct edudma_descriptor
 *
 * The run is merged with the last descriptor where both sides continue it,
 * and split where the engine's limit demands it, so a list built of many small
 * calls is the same as that of one big one.
 *
 * Context: Any.
 * Return: 0, or -ENOSPC if @list->capacity is too small; the list then holds
 * the part that fitted.
 */
int edudma_descriptor_add(struct edudma_descriptor_list *list,
			  dma_addr_t dma_addr, u64 len, u64 offset,
			  bool from_device)
{
	while (len) {
		u32 part, room = 0;

		/* Most runs do not: the cheapest question comes first. */
		if (dma_addr == list->end)
			room = edudma_descriptor_room(list, offset, from_device);

		if (room) {
			part = min_t(u64, len, room);
			list->array[list->count - 1].len += part;
		} else {
			if (list->count == list->capacity)
				return -ENOSPC;
			part = min_t(u64, len, list->max_len);
			list->array[list->count++] = (struct edudma_descriptor) {
				.dma_addr = dma_addr,
				.offset = offset,
				.len = part,
				.from_device = from_device,
			};
		}
		dma_addr += part;
		offset += part;
		len -= part;
		list->end = dma_addr;
	}

	return 0;
}
