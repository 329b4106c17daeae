// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine of edu-sg: channels with descriptor rings in memory, specified in
 * docs/edu-sg.md.  In operation it writes one register for each batch of
 * descriptors and reads none.
 *
 * The device is not trusted: a completion that does not fit what was posted
 * fails the channel.
 */
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/pci.h>

#include "compat.h"
#include "descriptor.h"
#include "edu_regs.h"
#include "sg_regs.h"
#include "stats.h"

static struct sg_channel *sg_channel(struct edudma_engine *engine, unsigned int channel)
{
	struct sg_engine *sg = engine->priv;

	return &sg->channel[channel];
}

static unsigned int sg_issue(struct edudma_engine *engine, unsigned int channel,
			     const struct edudma_descriptor *descs,
			     unsigned int count, bool last)
{
	struct sg_channel *sgc = sg_channel(engine, channel);

	if (sgc->stream)
		return edudma_ring_post_slot(&sgc->ring, descs);

	return edudma_ring_post(&sgc->ring, descs, count, last);
}

static void sg_kick(struct edudma_engine *engine, unsigned int channel)
{
	struct sg_channel *sgc = sg_channel(engine, channel);

	if (sgc->halted)
		writel(SG_COMMAND_ENABLE, sgc->regs + SG_COMMAND);
	sgc->halted = false;
	sgc->cut = false;
	writel(sgc->ring.tail, sgc->regs + SG_DOORBELL);
}

/*
 * Checks a completion against the descriptor that it must be for.  Returns whether
 * all of it was moved, or -EIO if it is none that the device may write.
 */
static int sg_check_completion(struct sg_channel *sgc,
			       const struct edudma_completion *comp, u32 len)
{
	u32 index = sgc->ring.head;

	if (likely(comp->index == index && comp->status == EDUDMA_RING_DONE &&
		   comp->bytes == len))
		return true;
	if (comp->index == index && comp->status <= EDUDMA_RING_INVALID &&
	    comp->status != EDUDMA_RING_DONE && comp->bytes <= len)
		return false;

	dev_err_ratelimited(sgc->engine->dev, "channel %u: completion of descriptor %u with status %u and %u bytes instead of descriptor %u with %u bytes\n",
			    sgc->index, comp->index, comp->status, comp->bytes,
			    index, len);
	return -EIO;
}

static int sg_reap(struct edudma_engine *engine, unsigned int channel,
		   struct edudma_descriptor *descs, unsigned int count,
		   unsigned int *moved)
{
	struct sg_channel *sgc = sg_channel(engine, channel);
	struct edudma_ring *ring = &sgc->ring;
	struct edudma_completion comp;
	unsigned int n;
	int whole;

	if (sgc->stream)
		return sg_stream_reap(sgc, descs, count, moved);

	*moved = 0;
	for (n = 0; n < count && edudma_ring_peek(ring, ring->head, &comp); n++) {
		whole = sg_check_completion(sgc, &comp, descs[n].len);
		if (whole < 0)
			return n ?: -EIO;
		if (!whole && !sgc->halted) {
			if (n)
				return n;
			dev_err_ratelimited(engine->dev, "channel %u: descriptor %u failed with status %u after %u bytes\n",
					    channel, comp.index, comp.status, comp.bytes);
			return -EIO;
		}
		sgc->cut |= !whole;
		*moved += !sgc->cut;
		ring->head++;
	}

	if (!edudma_ring_posted(ring) && edudma_ring_peek(ring, ring->head, &comp)) {
		dev_err_ratelimited(engine->dev, "channel %u: unexpected completion of descriptor %u\n",
				    channel, comp.index);
		return n ?: -EIO;
	}

	return n;
}

static int sg_check(struct edudma_engine *engine, unsigned int channel)
{
	struct sg_channel *sgc = sg_channel(engine, channel);
	u32 status = readl(sgc->regs + SG_STATUS);

	if (SG_STATE(status) == SG_STATE_RUNNING)
		return 0;

	dev_err_ratelimited(engine->dev, "channel %u stopped with status %#x\n",
			    channel, status);
	return -EIO;
}

static int sg_abort(struct edudma_engine *engine, unsigned int channel)
{
	struct sg_channel *sgc = sg_channel(engine, channel);
	u32 status;

	writel(SG_COMMAND_ABORT, sgc->regs + SG_COMMAND);
	status = readl(sgc->regs + SG_STATUS);
	if (SG_STATE(status) != SG_STATE_HALTED) {
		dev_err_ratelimited(engine->dev, "channel %u: abort failed, status %#x\n",
				    channel, status);
		return -EIO;
	}
	sgc->halted = true;
	if (sgc->stream)
		sg_stream_count(sgc);

	return 0;
}

/* Tells the client, unless it is the interrupt of the self-test. */
static bool sg_interrupt(struct sg_channel *sgc)
{
	if (unlikely(READ_ONCE(sgc->selftest))) {
		complete(&sgc->irq_seen);
		return false;
	}

	return sgc->engine->client->interrupt(sgc->engine, sgc->index);
}

/* The vector is the channel's own. */
static irqreturn_t sg_channel_irq(int irq, void *data)
{
	struct sg_channel *sgc = data;

	edudma_count(&sgc->engine->stats->interrupts, 1);

	return sg_interrupt(sgc) ? IRQ_WAKE_THREAD : IRQ_HANDLED;
}

static irqreturn_t sg_channel_thread(int irq, void *data)
{
	struct sg_channel *sgc = data;

	sgc->engine->client->thread(sgc->engine, sgc->index);

	return IRQ_HANDLED;
}

/* All channels share one interrupt, and other devices may share it as well. */
static irqreturn_t sg_shared_irq(int irq, void *data)
{
	struct edudma_engine *engine = data;
	void __iomem *regs = engine->regs;
	bool thread = false;
	unsigned int i;
	u32 status;

	status = readl(regs + EDU_IRQ_STATUS);
	if (!status || status == ~0U)
		return IRQ_NONE;

	edudma_count(&engine->stats->interrupts, 1);
	writel(status, regs + EDU_IRQ_ACK);
	/* The write arrives before the rings are read: what comes later raises anew. */
	readl(regs + EDU_IRQ_STATUS);
	for (i = 0; i < engine->channels; i++)
		if (status & SG_IRQ_CHANNEL(i))
			thread |= sg_interrupt(sg_channel(engine, i));

	return thread ? IRQ_WAKE_THREAD : IRQ_HANDLED;
}

static irqreturn_t sg_shared_thread(int irq, void *data)
{
	struct edudma_engine *engine = data;
	unsigned int i;

	for (i = 0; i < engine->channels; i++)
		engine->client->thread(engine, i);

	return IRQ_HANDLED;
}

/*
 * A reset is complete when the write is, which the read ensures.  A device that
 * is gone reads as all ones and does no more DMA either.
 */
static int sg_quiesce(struct edudma_engine *engine, unsigned int channel)
{
	struct sg_channel *sgc = sg_channel(engine, channel);
	u32 status;

	if (sgc->stream) {
		writel(SG_COMMAND_ABORT, sgc->regs + SG_COMMAND);
		sg_stream_count(sgc);
	}
	writel(SG_COMMAND_RESET, sgc->regs + SG_COMMAND);
	status = readl(sgc->regs + SG_STATUS);
	if (status == ~0U && !pci_device_is_present(engine->pdev)) {
		dev_warn_ratelimited(engine->dev, "channel %u: the device does not respond\n",
				     channel);
		status = SG_STATE_DISABLED;
	}
	sgc->quiet = SG_STATE(status) == SG_STATE_DISABLED;
	if (!sgc->quiet)
		return -EIO;
	sgc->stream = false;
	synchronize_irq(sgc->irq);

	return 0;
}

static void sg_restart(struct edudma_engine *engine, unsigned int channel)
{
	sg_enable(sg_channel(engine, channel));
}

/* A descriptor that moves nothing shows that rings and interrupt work. */
static int sg_selftest(struct sg_channel *sgc)
{
	static const struct edudma_descriptor nothing;
	struct edudma_engine *engine = sgc->engine;
	struct edudma_completion comp;
	unsigned long left;

	init_completion(&sgc->irq_seen);
	WRITE_ONCE(sgc->selftest, true);
	edudma_ring_post(&sgc->ring, &nothing, 1, true);
	writel(sgc->ring.tail, sgc->regs + SG_DOORBELL);
	left = wait_for_completion_timeout(&sgc->irq_seen,
					   msecs_to_jiffies(EDU_IRQ_TEST_MS));
	WRITE_ONCE(sgc->selftest, false);
	if (!left)
		return -EIO;

	if (!edudma_ring_peek(&sgc->ring, sgc->ring.head, &comp) ||
	    comp.index || comp.bytes || comp.status != EDUDMA_RING_DONE) {
		dev_err(&engine->pdev->dev, "channel %u does not complete a descriptor, status %#x\n",
			sgc->index, readl(sgc->regs + SG_STATUS));
		return -EIO;
	}
	sgc->ring.head++;

	return 0;
}

/* Frees the interrupts of the first @count channels. */
static void sg_free_channel_irqs(struct edudma_engine *engine, unsigned int count)
{
	while (count--) {
		struct sg_channel *sgc = sg_channel(engine, count);

		irq_update_affinity_hint(sgc->irq, NULL);
		free_irq(sgc->irq, sgc);
	}
}

static void sg_free_irqs(struct edudma_engine *engine)
{
	struct sg_engine *sg = engine->priv;

	if (sg->vectors == 1)
		free_irq(sg->channel[0].irq, engine);
	else
		sg_free_channel_irqs(engine, engine->channels);
}

static int sg_request_shared_irq(struct edudma_engine *engine, unsigned long flags)
{
	unsigned int i, irq = pci_irq_vector(engine->pdev, 0);

	for (i = 0; i < engine->channels; i++)
		sg_channel(engine, i)->irq = irq;

	return request_threaded_irq(irq, sg_shared_irq, sg_shared_thread, flags,
				    "edudma", engine);
}

/* A vector for each channel, each on a processor of its own if there are enough. */
static int sg_request_channel_irqs(struct edudma_engine *engine, unsigned long flags)
{
	struct sg_engine *sg = engine->priv;
	int node = dev_to_node(&engine->pdev->dev);
	unsigned int i;
	int ret;

	for (i = 0; i < engine->channels; i++) {
		struct sg_channel *sgc = &sg->channel[i];

		snprintf(sgc->name, sizeof(sgc->name), "edudma%d-%u", engine->id, i);
		sgc->irq = pci_irq_vector(engine->pdev, sg->first_vector + i);
		ret = request_threaded_irq(sgc->irq, sg_channel_irq, sg_channel_thread,
					   flags, sgc->name, sgc);
		if (ret) {
			sg_free_channel_irqs(engine, i);
			return ret;
		}
		irq_set_affinity_and_hint(sgc->irq,
					  cpumask_of(cpumask_local_spread(i, node)));
	}

	return 0;
}

/*
 * Rings that the device may still access are kept for good, like pages, and with
 * them the device structure that they are mapped for.
 */
static void sg_free_rings(struct edudma_engine *engine)
{
	unsigned int i;

	for (i = 0; i < engine->channels; i++) {
		struct sg_channel *sgc = sg_channel(engine, i);

		if (sgc->quiet)
			edudma_ring_free(&sgc->ring, &engine->pdev->dev);
		else
			get_device(&engine->pdev->dev);
	}
}

static int sg_alloc_rings(struct edudma_engine *engine)
{
	struct sg_engine *sg = engine->priv;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < engine->channels; i++)
		sg->channel[i].quiet = true;
	for (i = 0; i < engine->channels && !ret; i++)
		ret = edudma_ring_alloc(&sg->channel[i].ring, &engine->pdev->dev,
					sg->entries);
	if (ret)
		sg_free_rings(engine);

	return ret;
}

static int sg_start(struct edudma_engine *engine, unsigned int vectors,
		    unsigned long flags)
{
	struct sg_engine *sg = engine->priv;
	unsigned int i;
	int ret;

	ret = sg_alloc_rings(engine);
	if (ret)
		return ret;

	sg->vectors = vectors;
	if (vectors == 1)
		ret = sg_request_shared_irq(engine, flags);
	else
		ret = sg_request_channel_irqs(engine, flags);
	if (ret)
		goto err_free_rings;

	for (i = 0; i < engine->channels && !ret; i++) {
		sg_restart(engine, i);
		ret = sg_selftest(sg_channel(engine, i));
	}
	if (ret)
		goto err_reset;

	return 0;

err_reset:
	for (i = 0; i < engine->channels; i++)
		sg_quiesce(engine, i);
	sg_free_irqs(engine);
err_free_rings:
	sg_free_rings(engine);
	return ret;
}

static void sg_stop(struct edudma_engine *engine)
{
	sg_free_irqs(engine);
	sg_free_rings(engine);
}

const struct edudma_engine_ops edudma_engine_ring = {
	.name = "ring",
	.kind = EDUDMA_ENGINE_RING,
	.init = sg_init,
	.exit = sg_exit,
	.start = sg_start,
	.stop = sg_stop,
	.issue = sg_issue,
	.kick = sg_kick,
	.reap = sg_reap,
	.check = sg_check,
	.abort = sg_abort,
	.quiesce = sg_quiesce,
	.restart = sg_restart,
	.stream = sg_stream,
};
