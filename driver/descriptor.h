/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors: what a mapped scatter/gather list becomes for the engine.
 * Nothing here touches hardware, sleeps or takes a lock.
 */
#ifndef EDUDMA_DESCRIPTOR_H
#define EDUDMA_DESCRIPTOR_H

#include <linux/types.h>

/**
 * struct edudma_descriptor - one hardware transfer
 * @dma_addr:	bus address of the memory side
 * @offset:	window offset of the device side, in bytes
 * @len:	bytes, never 0
 * @from_device: the device writes memory (else it reads memory)
 */
struct edudma_descriptor {
	dma_addr_t dma_addr;
	u64 offset;
	u32 len;
	bool from_device;
};

/**
 * struct edudma_descriptor_list - descriptors under construction
 * @array:	storage, owned by the caller
 * @capacity:	elements in @array
 * @count:	descriptors built so far
 * @end:	bus address behind the last descriptor
 * @max_len:	the engine's limit for one descriptor, in bytes, never 0
 */
struct edudma_descriptor_list {
	struct edudma_descriptor *array;
	unsigned int capacity;
	unsigned int count;
	dma_addr_t end;
	u32 max_len;
};

int edudma_descriptor_add(struct edudma_descriptor_list *list,
			  dma_addr_t dma_addr, u64 len, u64 offset,
			  bool from_device);

#endif /* EDUDMA_DESCRIPTOR_H */
