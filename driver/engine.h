/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the driver and whatever executes descriptors.  Above
 * this line nothing knows which engine runs; below it nothing knows of users,
 * pages or turns.
 */
#ifndef EDUDMA_ENGINE_H
#define EDUDMA_ENGINE_H

#include <linux/types.h>

#include <linux/edudma.h>

struct edudma_channel;
struct edudma_descriptor;
struct edudma_device;
struct list_head;

/* The most channels of any engine. */
#define EDUDMA_MAX_CHANNELS	8U

/**
 * struct edudma_engine_ops - what an engine can do
 *
 * @name:	for the log
 * @kind:	for EDUDMA_IOC_INFO
 * @init:	Learn from the mapped registers what the device can do, and fill
 *		in the limits of struct edudma_engine.  Bus mastering is off.
 *		May sleep.  Return: 0 or -errno, with the reason logged.
 * @exit:	Undo @init.  May sleep.
 * @start:	Install interrupt handlers on the first @vectors vectors of the
 *		device, with @flags for request_irq(), make every channel usable
 *		and prove with the device that its interrupts arrive.  @vectors
 *		is 1 or edudma_engine.vectors.  The DMA mask is set, bus
 *		mastering is on.  May sleep.  Return: 0, or -errno with nothing
 *		installed and no DMA.
 * @stop:	Undo @start, after @quiesce of every channel.  May sleep.
 * @issue:	Start or queue up to @count descriptors of @descs, in order.
 *		Called with the channel's lock held, hard irq or not.  Never
 *		fails.  Return: how many were taken, 0 if the engine is full.
 *		When the DMA of some is over, the engine calls
 *		edudma_channel_retire() for them in order, then
 *		edudma_channel_retired().  It may call edudma_channel_fault()
 *		instead and leave the rest to @quiesce.
 * @abort:	Have everything that was issued end now, and retire it.  Called
 *		with the channel's lock held.  Return: 0, with nothing posted
 *		and the channel usable; or -EIO, which calls for the fence.
 *		NULL if the hardware cannot.
 * @progress:	Say how many of the posted descriptors the device has finished
 *		while no interrupt told so.  Called with the channel's lock
 *		held.  NULL if there can be none.
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
	void (*exit)(struct edudma_device *edev);
	int (*start)(struct edudma_device *edev, unsigned int vectors,
		     unsigned long flags);
	void (*stop)(struct edudma_device *edev);
	unsigned int (*issue)(struct edudma_channel *ch,
			      const struct edudma_descriptor *descs,
			      unsigned int count);
	int (*abort)(struct edudma_channel *ch, struct list_head *done);
	unsigned int (*progress)(struct edudma_channel *ch);
	int (*quiesce)(struct edudma_channel *ch);
	void (*restart)(struct edudma_channel *ch);
};

/**
 * struct edudma_engine - an engine bound to a device
 * @ops:		what it can do
 * @regs:		the device's registers
 * @priv:		the engine's own, from init to exit
 * @vectors:		interrupt vectors that it would like; it works with one
 * @channels:		independent queues, 1 to EDUDMA_MAX_CHANNELS
 * @window_bytes:	size of the window that may be used
 * @memory_bar:		BAR through which the processor sees the window, or -1
 * @max_descriptor_bytes: largest length of one descriptor
 * @address_bits:	width of the bus addresses that the device can issue
 */
struct edudma_engine {
	const struct edudma_engine_ops *ops;
	void __iomem *regs;
	void *priv;
	unsigned int vectors;
	unsigned int channels;
	u64 window_bytes;
	int memory_bar;
	u32 max_descriptor_bytes;
	unsigned int address_bits;
};

/* engine.c: identifies the device and initialises the engine for it. */
int edudma_engine_init(struct edudma_device *edev);

extern const struct edudma_engine_ops edudma_engine_edu;
extern const struct edudma_engine_ops edudma_engine_ring;

/* Whether this revision of the device has what the ring engine needs. */
bool edudma_ring_present(struct edudma_device *edev);
/* Has such a device forget whatever somebody else may have left running. */
void edudma_ring_reset(struct edudma_device *edev);

#endif /* EDUDMA_ENGINE_H */
