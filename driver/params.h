/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EDUDMA_PARAMS_H
#define EDUDMA_PARAMS_H

#include <linux/types.h>

/*
 * Module parameters, each held to its range when it is set.  Those marked
 * "runtime" may change at any time: read them once per use.
 */

/* Width of the bus addresses that edu was given by its dma_mask property. */
extern unsigned int edudma_dma_bits;
/* Bytes of user memory that a request pins at a time; runtime. */
extern unsigned int edudma_chunk_bytes;
/* Size of each device's bounce pool, in pages. */
extern unsigned int edudma_bounce_pages;
/* Time that one descriptor may take, in milliseconds; runtime. */
extern unsigned int edudma_timeout_ms;
/* Usable window in bytes, 0 to find out. */
extern unsigned int edudma_window_bytes;
/* Whether to try message signalled interrupts before INTx. */
extern bool edudma_msi;

#endif /* EDUDMA_PARAMS_H */
