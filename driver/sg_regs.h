/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers of edu-sg, as in docs/edu-sg.md, and what its engine keeps.
 */
#ifndef EDUDMA_SG_REGS_H
#define EDUDMA_SG_REGS_H

#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/types.h>

#include "engine.h"
#include "ring.h"

/* Capability block */
#define SG_MAGIC		0x100
#define SG_LAYOUT		0x104	/* version, bytes of the block */
#define SG_FEATURES		0x108
#define SG_CHANNELS		0x10c
#define SG_ADDRESS_MASK		0x110
#define SG_MEMORY_BYTES		0x118
#define SG_MAX_DESCRIPTOR	0x120
#define SG_MAX_ENTRIES		0x124
#define SG_CHANNEL_OFFSET	0x128	/* registers of channel 0 */
#define SG_CHANNEL_STRIDE	0x12c	/* from a channel's to the next one's */
#define SG_MEMORY_BAR		0x134
#define SG_CHANNEL_VECTOR	0x138	/* MSI-X vector of channel 0 */
#define SG_CAPABILITY_END	0x140
#define SG_MAX_FRAME		0x148	/* if there are streams */

#define SG_MAGIC_VALUE		0x47534445
#define SG_LAYOUT_VERSION(l)	((l) & 0xffff)
#define SG_FEATURE_ABORT	BIT(2)
#define SG_FEATURE_LINK		BIT(4)
#define SG_FEATURE_STREAMS	BIT(5)
#define SG_FEATURES_NEEDED	(SG_FEATURE_ABORT | SG_FEATURE_LINK)

#define SG_DEVICE_COMMAND	0x180
#define SG_DEVICE_RESET		0x1

/* Channel registers */
#define SG_COMMAND		0x00
#define SG_STATUS		0x04
#define SG_SQ_BASE		0x08
#define SG_CQ_BASE		0x10
#define SG_SIZE			0x18
#define SG_DOORBELL		0x20
#define SG_IRQ_ENABLE		0x24
#define SG_CHANNEL_BYTES	0x30
#define SG_MODE			0x40	/* from here on: if there are streams */
#define SG_FRAME_BYTES		0x44
#define SG_RATE			0x48
#define SG_PRODUCED		0x50
#define SG_MISMATCHES		0x70
#define SG_FIRST_MISMATCH	0x78
#define SG_STREAM_BYTES		0x80

#define SG_COMMAND_ENABLE	1
#define SG_COMMAND_ABORT	4
#define SG_COMMAND_RESET	5
#define SG_COMMAND_START	6

#define SG_MODE_SOURCE		0x1
#define SG_MODE_SINK		0x2
#define SG_MODE_PATTERN(p)	((p) << 4)
#define SG_MODE_HEADER		BIT(8)
#define SG_MODE_POLICY(p)	((p) << 12)

#define SG_STATE(status)	((status) & 0xf)
#define SG_STATE_DISABLED	0
#define SG_STATE_RUNNING	1
#define SG_STATE_HALTED		3
#define SG_STATUS_STARTED	BIT(9)

/* A channel's bit in edu's interrupt status, without MSI-X. */
#define SG_IRQ_CHANNEL(n)	BIT(16 + (n))

#define SG_MIN_ENTRIES		2

/**
 * struct sg_channel - what the engine keeps of a channel
 * @engine:	its engine
 * @index:	its number
 * @regs:	its registers
 * @ring:	its rings; serialised by the caller of the engine
 * @halted:	an abort has halted it: the next issue has it run again
 * @cut:	a descriptor was reaped that did not move all its bytes
 * @quiet:	no DMA can happen; from @quiesce to @restart or @stream
 * @stream:	it is a stream
 * @selftest:	the interrupt self-test is under way
 * @irq_seen:	its interrupt has arrived
 * @irq:	interrupt number, that of channel 0 where all share one
 * @name:	of the interrupt
 */
struct sg_channel {
	struct edudma_engine *engine;
	unsigned int index;
	void __iomem *regs;
	struct edudma_ring ring;
	bool halted;
	bool cut;
	bool quiet;
	bool stream;
	bool selftest;
	struct completion irq_seen;
	unsigned int irq;
	char name[24];
};

/**
 * struct sg_engine - what the engine keeps
 * @channel:	of each channel
 * @first_vector: MSI-X vector of channel 0
 * @vectors:	in use: one, or one for each channel behind @first_vector
 * @entries:	of each ring
 */
struct sg_engine {
	struct sg_channel channel[EDUDMA_MAX_CHANNELS];
	unsigned int first_vector;
	unsigned int vectors;
	u32 entries;
};

/* sg_stream.c */
int sg_stream(struct edudma_engine *engine, unsigned int channel,
	      const struct edudma_stream_setup *setup);
void sg_stream_count(struct sg_channel *sgc);
int sg_stream_reap(struct sg_channel *sgc, struct edudma_descriptor *desc,
		   unsigned int count, unsigned int *moved);

/* sg_probe.c */
void sg_enable(struct sg_channel *sgc);
int sg_init(struct edudma_engine *engine);
void sg_exit(struct edudma_engine *engine);

#endif /* EDUDMA_SG_REGS_H */
