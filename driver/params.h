/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EDUDMA_PARAMS_H
#define EDUDMA_PARAMS_H

#include <linux/types.h>

/*
 * Module parameters, each held to its range when it is set.  Those marked
 * "runtime" may change at any time: read them once per use.
 */

/* Width of the bus addresses that a plain edu was given by its dma_mask. */
extern unsigned int edudma_dma_bits;
/* Bytes of user memory that a request pins at a time; runtime. */
extern unsigned int edudma_chunk_bytes;
/* Pages that the asynchronous requests of a device hold at a time; runtime. */
extern unsigned int edudma_async_pages;
/* Size of each device's bounce pool, in pages. */
extern unsigned int edudma_bounce_pages;
/* Time that one descriptor may take, in milliseconds; runtime. */
extern unsigned int edudma_timeout_ms;
/* Usable window of a plain edu in bytes, 0 to find out. */
extern unsigned int edudma_window_bytes;
/* Entries of the rings of each channel of an edu-sg, a power of two. */
extern unsigned int edudma_ring_entries;
/* Channels of an edu-sg for streams, at most all but one. */
extern unsigned int edudma_stream_channels;
/* Whether to use the rings of an edu-sg. */
extern bool edudma_ring;
/* Whether to try message signalled interrupts before INTx. */
extern bool edudma_msi;

#endif /* EDUDMA_PARAMS_H */
