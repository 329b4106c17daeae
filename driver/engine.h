/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the driver and whatever executes descriptors.  Above
 * this line nothing knows which engine runs; below it nothing knows of users,
 * pages or turns.
 */
#ifndef EDUDMA_ENGINE_H
#define EDUDMA_ENGINE_H

#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/types.h>

#include <linux/edudma.h>

struct edudma_channel;
struct edudma_descriptor;
struct edudma_device;

/**
 * struct edudma_engine_ops - what an engine can do
 *
 * @name:	for the log
 * @kind:	for EDUDMA_IOC_INFO
 * @init:	Identify the device behind the mapped registers, prove that it
 *		is alive and quiet, and fill in the limits of struct
 *		edudma_engine.  Bus mastering is off.  May sleep.  Return: 0 or
 *		-errno, with the reason logged.
 * @request_irq: Install the interrupt handler on @irq and prove with the device
 *		that it is called.  May sleep.  Return: 0, or -errno with
 *		nothing installed.
 * @free_irq:	Undo @request_irq.  May sleep.
 * @issue:	Start or queue up to @count descriptors of @descs, in order.
 *		Called with the channel's lock held, hard irq or not.  Never
 *		fails.  Return: how many were taken, 0 if the engine is full.
 *		The engine calls edudma_channel_retire() for each once, in
 *		order, when its DMA is over.
 * @quiesce:	The fence: stop all DMA of the channel and return when no more
 *		can happen.  Descriptors in flight are not retired.  Bus
 *		mastering is off afterwards where the hardware has no finer
 *		way.  May sleep, no locks held; nothing is issued meanwhile.
 *		Return: 0, or -EIO if DMA may still happen.
 * @restart:	Make the channel usable again after a successful @quiesce.
 *		May sleep.
 */
struct edudma_engine_ops {
	const char *name;
	enum edudma_engine_kind kind;
	int (*init)(struct edudma_device *edev);
	int (*request_irq)(struct edudma_device *edev, unsigned int irq,
			   unsigned long flags);
	void (*free_irq)(struct edudma_device *edev);
	unsigned int (*issue)(struct edudma_channel *ch,
			      const struct edudma_descriptor *descs,
			      unsigned int count);
	int (*quiesce)(struct edudma_channel *ch);
	void (*restart)(struct edudma_channel *ch);
};

/**
 * struct edudma_engine - an engine bound to a device
 * @ops:		what it can do
 * @regs:		the device's registers
 * @irq:		interrupt number, valid between request_irq and free_irq
 * @window_bytes:	size of the window that may be used
 * @max_descriptor_bytes: largest length of one descriptor
 * @max_address_bits:	widest bus address that its registers can hold
 * @irq_seen:		the interrupt that proves the line has arrived
 * @started:		when the transfer in flight was started; channel lock
 */
struct edudma_engine {
	const struct edudma_engine_ops *ops;
	void __iomem *regs;
	unsigned int irq;
	u64 window_bytes;
	u32 max_descriptor_bytes;
	unsigned int max_address_bits;
	struct completion irq_seen;
	ktime_t started;
};

extern const struct edudma_engine_ops edudma_engine_edu;

#endif /* EDUDMA_ENGINE_H */
