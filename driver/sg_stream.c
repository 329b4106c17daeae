// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel of edu-sg that is a stream: the device moves frames at its own rate.
 */
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/pci.h>

#include "sg_regs.h"

/**
 * sg_stream() - have a channel be a stream, and start it
 * @engine:	the engine
 * @channel:	a channel that is quiet
 * @setup:	how it works
 *
 * Context: May sleep.
 * Return: 0, or -EIO if the device refuses; then the channel is not quiet.
 */
int sg_stream(struct edudma_engine *engine, unsigned int channel,
	      const struct edudma_stream_setup *setup)
{
	struct sg_engine *sg = engine->priv;
	struct sg_channel *sgc = &sg->channel[channel];
	u32 status, mode = setup->source ? SG_MODE_SOURCE : SG_MODE_SINK;

	mode |= SG_MODE_PATTERN(setup->pattern) | SG_MODE_POLICY(setup->policy);
	if (setup->header)
		mode |= SG_MODE_HEADER;

	engine->counted[channel] = (struct edudma_stream_count) { };
	sgc->stream = true;
	writel(mode, sgc->regs + SG_MODE);
	writel(setup->frame_bytes, sgc->regs + SG_FRAME_BYTES);
	writeq(setup->rate, sgc->regs + SG_RATE);
	sg_enable(sgc);
	writel(SG_COMMAND_START, sgc->regs + SG_COMMAND);
	status = readl(sgc->regs + SG_STATUS);
	if (status & SG_STATUS_STARTED && status != ~0U)
		return 0;

	dev_err_ratelimited(engine->dev, "channel %u: the stream does not start, status %#x\n",
			    channel, status);
	return -EIO;
}

/**
 * sg_stream_count() - ask what a stream has counted
 * @sgc:	a channel that was aborted, before it is reset
 *
 * Context: Any, under the queue's lock or with nothing posted.
 */
void sg_stream_count(struct sg_channel *sgc)
{
	struct edudma_stream_count *counted = &sgc->engine->counted[sgc->index];
	struct edudma_stream_count now = { .known = true };

	now.produced = readq(sgc->regs + SG_PRODUCED);
	now.mismatches = readq(sgc->regs + SG_MISMATCHES);
	now.first_mismatch = readq(sgc->regs + SG_FIRST_MISMATCH);
	/*
	 * Counters of a channel that was reset say nothing, nor those of no device, which
	 * may go at any time: so it is asked last.
	 */
	if (SG_STATE(readl(sgc->regs + SG_STATUS)) == SG_STATE_HALTED)
		*counted = now;
}

/* Whether the device may say so of a descriptor of @len bytes. */
static bool sg_stream_plausible(const struct sg_channel *sgc,
				const struct edudma_completion *comp, u32 len)
{
	if (comp->index != sgc->ring.head || comp->bytes > len)
		return false;
	if (comp->status == EDUDMA_RING_DONE)
		return comp->bytes;
	if (comp->status == EDUDMA_RING_OVER)
		return !comp->bytes;

	return comp->status <= EDUDMA_RING_INVALID;
}

/**
 * sg_stream_reap() - take back the oldest descriptor, if it has ended
 * @sgc:	the channel
 * @desc:	the descriptor, of a struct edudma_stream_descriptor
 * @count:	0 if nothing is posted: then nothing may have ended
 * @moved:	set to 1 if it has a frame, else to 0
 *
 * Context: Any, under the queue's lock.
 * Return: how many ended, or -EIO if it has failed or the device reports what cannot be.
 */
int sg_stream_reap(struct sg_channel *sgc, struct edudma_descriptor *desc,
		   unsigned int count, unsigned int *moved)
{
	struct edudma_stream_descriptor *place;
	struct edudma_completion comp;
	struct edudma_frame frame;

	*moved = 0;
	if (!edudma_ring_peek_frame(&sgc->ring, &comp, &frame))
		return 0;
	if (!count || !sg_stream_plausible(sgc, &comp, desc->len)) {
		dev_err_ratelimited(sgc->engine->dev, "channel %u: frame of descriptor %u with status %u and %u bytes, unexpected at descriptor %u\n",
				    sgc->index, comp.index, comp.status, comp.bytes,
				    sgc->ring.head);
		return -EIO;
	}
	if (comp.status != EDUDMA_RING_DONE && comp.status != EDUDMA_RING_OVER &&
	    !sgc->halted) {
		dev_err_ratelimited(sgc->engine->dev, "channel %u: frame of descriptor %u failed with status %u after %u bytes\n",
				    sgc->index, comp.index, comp.status, comp.bytes);
		return -EIO;
	}

	place = container_of(desc, struct edudma_stream_descriptor, desc);
	place->frame = frame;
	*moved = comp.status == EDUDMA_RING_DONE;
	sgc->ring.head++;

	return 1;
}
