/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lowest layer: what executes descriptors.  Above this line nothing knows
 * which engine runs; below it nothing knows of users, pages or whose job is next.
 */
#ifndef EDUDMA_ENGINE_H
#define EDUDMA_ENGINE_H

#include <linux/mod_devicetable.h>
#include <linux/types.h>

#include <linux/edudma.h>

#include "descriptor.h"

struct device;
struct edudma_engine;
struct edudma_stats;
struct pci_dev;

/* The most channels of any engine. */
#define EDUDMA_MAX_CHANNELS	8U

/**
 * struct edudma_stream_setup - how a channel works as a stream
 * @source:	the device produces frames, else it asks for them
 * @header:	each frame of a source begins with a header
 * @pattern:	enum edudma_stream_pattern
 * @policy:	enum edudma_stream_policy
 * @frame_bytes: of a frame
 * @rate:	bytes per second, or 0
 */
struct edudma_stream_setup {
	bool source;
	bool header;
	u32 pattern;
	u32 policy;
	u32 frame_bytes;
	u64 rate;
};

/**
 * struct edudma_stream_count - what the device has counted when a stream was stopped
 * @known:	it could be asked
 * @produced:	bytes produced, or asked for
 * @mismatches:	bytes that a sink did not expect
 * @first_mismatch: where the first of them was, all ones if there is none
 */
struct edudma_stream_count {
	bool known;
	u64 produced;
	u64 mismatches;
	u64 first_mismatch;
};

/**
 * struct edudma_frame - what the device says of a frame
 * @position:	bytes produced, or asked for, before its first one
 * @timestamp:	in nanoseconds
 * @sequence:	modulo 2^32
 * @bytes:	moved, at most those of the descriptor
 * @whole:	all of the frame was moved
 * @over:	there is none, and none will come
 */
struct edudma_frame {
	u64 position;
	u64 timestamp;
	u32 sequence;
	u32 bytes;
	bool whole;
	bool over;
};

/**
 * struct edudma_stream_descriptor - a descriptor of a stream: a place for a frame
 * @desc:	@dma_addr is that of an element in a list of struct edudma_ring_piece,
 *		@offset the distance from the beginning of that piece
 * @frame:	what became of it, filled in when it is reaped
 */
struct edudma_stream_descriptor {
	struct edudma_descriptor desc;
	struct edudma_frame frame;
};

/**
 * struct edudma_engine_client - who is told of interrupts
 * @interrupt:	A channel has interrupted: it may have completed descriptors.
 *		Hard irq context.  Return: whether @thread is to be called.
 * @thread:	What @interrupt left to be done.  Context: the interrupt's thread,
 *		may sleep.
 */
struct edudma_engine_client {
	bool (*interrupt)(struct edudma_engine *engine, unsigned int channel);
	void (*thread)(struct edudma_engine *engine, unsigned int channel);
};

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
 *		device, with @flags for request_threaded_irq(), make every channel
 *		usable and have each deliver an interrupt.  @vectors is 1 or
 *		edudma_engine.vectors.  The DMA mask is set, bus mastering is on.
 *		May sleep.  Return: 0, or -errno with nothing installed and no DMA.
 * @stop:	Undo @start, after @quiesce of every channel.  Memory that the
 *		device may still access is kept.  May sleep.
 * @issue:	Start or queue up to @count descriptors of @descs, in order.  They
 *		need not start before @kick.
 *		@last: they are the last that come before an interrupt is needed.
 *		Never fails.  Return: how many were taken, 0 if the engine is full.
 *		An engine that is full interrupts when it is not any more.
 * @kick:	Start what was issued.  NULL if @issue does.
 * @reap:	Take back descriptors that have ended, oldest first.  @descs are
 *		the oldest @count of those issued.  @moved: how many of them, from
 *		the first on, have moved all of their bytes; less than are returned
 *		only after @abort, and then nothing that is reaped before the next
 *		@issue has moved anything.  Return: how many ended, or -EIO if the
 *		oldest has failed or the device reports what cannot be.
 * @check:	An interrupt came and nothing has ended: is the channel still at
 *		work?  Return: 0, or -EIO if it is not.  NULL if it always is.
 * @abort:	Have everything that was issued end now; @reap takes it back.
 *		Return: 0, or -EIO if the channel did not obey.  NULL if the
 *		hardware cannot.
 * @quiesce:	Stop all DMA of the channel and return when no more can happen.
 *		Descriptors under way are forgotten.  Bus mastering is off
 *		afterwards where the hardware has no finer way.  May sleep, no
 *		locks held; nothing is issued meanwhile.  Return: 0, or -EIO if
 *		DMA may still happen.
 * @restart:	Make the channel usable again after a successful @quiesce.
 *		May sleep.
 * @stream:	The same, as a stream that starts now, until the next @quiesce.  Its
 *		descriptors are members of struct edudma_stream_descriptor and reaped
 *		one at a time.  @abort and @quiesce fill in edudma_engine.counted.  NULL
 *		if edudma_engine.streams is 0.  May sleep.  Return: 0, or -EIO if the
 *		device refuses.
 *
 * @issue, @kick, @reap, @check and @abort of a channel are serialised by the caller, who
 * calls them with interrupts off; hard irq context is possible.
 */
struct edudma_engine_ops {
	const char *name;
	enum edudma_engine_kind kind;
	int (*init)(struct edudma_engine *engine);
	void (*exit)(struct edudma_engine *engine);
	int (*start)(struct edudma_engine *engine, unsigned int vectors,
		     unsigned long flags);
	void (*stop)(struct edudma_engine *engine);
	unsigned int (*issue)(struct edudma_engine *engine, unsigned int channel,
			      const struct edudma_descriptor *descs,
			      unsigned int count, bool last);
	void (*kick)(struct edudma_engine *engine, unsigned int channel);
	int (*reap)(struct edudma_engine *engine, unsigned int channel,
		    struct edudma_descriptor *descs, unsigned int count,
		    unsigned int *moved);
	int (*check)(struct edudma_engine *engine, unsigned int channel);
	int (*abort)(struct edudma_engine *engine, unsigned int channel);
	int (*quiesce)(struct edudma_engine *engine, unsigned int channel);
	void (*restart)(struct edudma_engine *engine, unsigned int channel);
	int (*stream)(struct edudma_engine *engine, unsigned int channel,
		      const struct edudma_stream_setup *setup);
};

/**
 * struct edudma_engine - an engine bound to a device
 * @ops:		what it can do
 * @client:		who is told of interrupts
 * @client_data:	the client's own
 * @pdev:		the PCI device, valid from init to exit
 * @dev:		the class device, for the log
 * @id:			its number, for names
 * @stats:		where to count interrupts
 * @regs:		the device's registers
 * @priv:		the engine's own, from init to exit
 * @vectors:		interrupt vectors that it would like; it works with one
 * @channels:		independent queues, 1 to EDUDMA_MAX_CHANNELS
 * @streams:		of these, the last so many are for streams; fewer than @channels
 * @max_frame_bytes:	largest frame of a stream
 * @counted:		of each channel, when it was a stream and stopped last
 * @window_bytes:	size of the window that may be used
 * @memory_bar:		BAR through which the processor sees the window, or -1
 * @max_descriptor_bytes: largest length of one descriptor
 * @max_job_pages:	pages that one job should move at most, so that it does not
 *			take too long
 * @address_bits:	width of the bus addresses that the device can issue
 */
struct edudma_engine {
	const struct edudma_engine_ops *ops;
	const struct edudma_engine_client *client;
	void *client_data;
	struct pci_dev *pdev;
	struct device *dev;
	int id;
	struct edudma_stats *stats;
	void __iomem *regs;
	void *priv;
	unsigned int vectors;
	unsigned int channels;
	unsigned int streams;
	u32 max_frame_bytes;
	struct edudma_stream_count counted[EDUDMA_MAX_CHANNELS];
	u64 window_bytes;
	int memory_bar;
	u32 max_descriptor_bytes;
	unsigned int max_job_pages;
	unsigned int address_bits;
};

/* The channels that requests are divided among: the first ones. */
static inline unsigned int edudma_request_channels(const struct edudma_engine *engine)
{
	return engine->channels - engine->streams;
}

/* engine.c, or that of a port (docs/porting.md): the devices, and where their registers are. */
extern const struct pci_device_id edudma_ids[];
extern const int edudma_bar;
/* Identifies the device and initialises the engine for it. */
int edudma_engine_init(struct edudma_engine *engine);

extern const struct edudma_engine_ops edudma_engine_edu;
extern const struct edudma_engine_ops edudma_engine_ring;

/* engine_ring.c: whether this revision of the device has the rings. */
bool edudma_ring_present(struct edudma_engine *engine);
/* Has such a device drop whatever a previous owner left running. */
void edudma_ring_reset(struct edudma_engine *engine);

#endif /* EDUDMA_ENGINE_H */
