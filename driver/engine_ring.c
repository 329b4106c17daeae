// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine of edu-sg: channels with descriptor rings in memory, specified in
 * docs/edu-sg.md.  In operation it writes one register for each batch of
 * descriptors and reads none.
 *
 * The device is not believed: a completion that does not fit what was posted
 * has its channel reset, and fails the request.
 */
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "compat.h"
#include "descriptor.h"
#include "edu_regs.h"
#include "edudma_device.h"
#include "params.h"
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

#define SG_MAGIC_VALUE		0x47534445
#define SG_LAYOUT_VERSION(l)	((l) & 0xffff)
#define SG_FEATURE_ABORT	BIT(2)
#define SG_FEATURE_LINK		BIT(4)
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

#define SG_COMMAND_ENABLE	1
#define SG_COMMAND_ABORT	4
#define SG_COMMAND_RESET	5

#define SG_STATE(status)	((status) & 0xf)
#define SG_STATE_DISABLED	0
#define SG_STATE_RUNNING	1
#define SG_STATE_HALTED		3

/* A channel's bit in edu's interrupt status, without MSI-X. */
#define SG_IRQ_CHANNEL(n)	BIT(16 + (n))

#define SG_MIN_ENTRIES		2

/**
 * struct sg_channel - what the engine keeps of a channel
 * @regs:	its registers
 * @ring:	its rings; channel lock
 * @started:	when it had nothing to do last; channel lock
 * @idle_irq:	an interrupt may come that has nothing to tell: an earlier one
 *		found what it is for, or an abort; channel lock
 * @proving:	the interrupt is being proven; channel lock
 * @irq_seen:	the interrupt that proves it
 * @irq:	interrupt number, that of channel 0 where all share one
 * @name:	of the interrupt
 */
struct sg_channel {
	void __iomem *regs;
	struct edudma_ring ring;
	ktime_t started;
	bool idle_irq;
	bool proving;
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

static struct sg_engine *sg_engine(struct edudma_device *edev)
{
	return edev->engine.priv;
}

static struct sg_channel *sg_channel(struct edudma_channel *ch)
{
	return &sg_engine(ch->edev)->channel[ch->index];
}

bool edudma_ring_present(struct edudma_device *edev)
{
	void __iomem *regs = edev->engine.regs;
	struct device *dev = &edev->pdev->dev;
	u32 magic, layout, features;

	if (pci_resource_len(edev->pdev, 0) < SG_CAPABILITY_END)
		return false;

	magic = readl(regs + SG_MAGIC);
	layout = readl(regs + SG_LAYOUT);
	features = readl(regs + SG_FEATURES);
	if (magic == SG_MAGIC_VALUE && SG_LAYOUT_VERSION(layout) == 1 &&
	    (features & SG_FEATURES_NEEDED) == SG_FEATURES_NEEDED)
		return true;

	dev_info(dev, "no rings that this driver knows (magic %#x, layout %#x, features %#x), using the device as plain edu\n",
		 magic, layout, features);
	return false;
}

void edudma_ring_reset(struct edudma_device *edev)
{
	writel(SG_DEVICE_RESET, edev->engine.regs + SG_DEVICE_COMMAND);
}

static int sg_init_channels(struct edudma_device *edev, struct sg_engine *sg)
{
	struct edudma_engine *engine = &edev->engine;
	u32 channels = readl(engine->regs + SG_CHANNELS);
	u32 offset = readl(engine->regs + SG_CHANNEL_OFFSET);
	u32 stride = readl(engine->regs + SG_CHANNEL_STRIDE);
	unsigned int i;

	engine->channels = min(channels, EDUDMA_MAX_CHANNELS);
	if (!channels || stride < SG_CHANNEL_BYTES || (offset | stride) & 7 ||
	    offset + (u64)stride * engine->channels > pci_resource_len(edev->pdev, 0)) {
		dev_err(&edev->pdev->dev, "%u channels at %#x, every %#x: that cannot be\n",
			channels, offset, stride);
		return -EIO;
	}

	for (i = 0; i < engine->channels; i++)
		sg->channel[i].regs = engine->regs + offset + i * stride;

	/* Vector 0 is that of plain edu's events, which there are none of. */
	sg->first_vector = readl(engine->regs + SG_CHANNEL_VECTOR);
	engine->vectors = sg->first_vector + engine->channels;
	if (!sg->first_vector || sg->first_vector > PCI_MSIX_FLAGS_QSIZE) {
		dev_err(&edev->pdev->dev, "vector %u for the first channel: that cannot be\n",
			sg->first_vector);
		return -EIO;
	}

	return 0;
}

/*
 * Whether users may see the memory of a BAR that the device names.  Who writes
 * the MSI-X table has the device write what and where he likes.
 */
static bool sg_memory_bar_usable(struct pci_dev *pdev, u32 bar, u64 bytes)
{
	u32 table;

	if (bar >= PCI_STD_NUM_BARS || pci_resource_len(pdev, bar) < bytes ||
	    !(pci_resource_flags(pdev, bar) & IORESOURCE_MEM))
		return false;
	if (!pdev->msix_cap)
		return true;

	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);

	return (table & PCI_MSIX_TABLE_BIR) != bar;
}

static int sg_init_memory(struct edudma_device *edev)
{
	struct edudma_engine *engine = &edev->engine;
	u32 bar = readl(engine->regs + SG_MEMORY_BAR);
	u32 max_len = readl(engine->regs + SG_MAX_DESCRIPTOR);
	u64 mask = readq(engine->regs + SG_ADDRESS_MASK);
	u64 bytes = readq(engine->regs + SG_MEMORY_BYTES);

	if (!bytes || !max_len || mask < DMA_BIT_MASK(12) || mask & (mask + 1)) {
		dev_err(&edev->pdev->dev, "%llu bytes of memory, %u in a descriptor, address mask %#llx: that cannot be\n",
			bytes, max_len, mask);
		return -EIO;
	}

	engine->window_bytes = bytes;
	engine->max_descriptor_bytes = max_len;
	engine->address_bits = fls64(mask);
	if (sg_memory_bar_usable(edev->pdev, bar, bytes))
		engine->memory_bar = bar;

	return 0;
}

static int sg_init(struct edudma_device *edev)
{
	struct edudma_engine *engine = &edev->engine;
	u32 max_entries = readl(engine->regs + SG_MAX_ENTRIES);
	struct sg_engine *sg;
	int ret;

	if (max_entries < SG_MIN_ENTRIES) {
		dev_err(&edev->pdev->dev, "rings of %u entries: that cannot be\n",
			max_entries);
		return -EIO;
	}

	sg = kzalloc(sizeof(*sg), GFP_KERNEL);
	if (!sg)
		return -ENOMEM;
	sg->entries = min_t(u32, edudma_ring_entries, rounddown_pow_of_two(max_entries));

	ret = sg_init_channels(edev, sg);
	if (!ret)
		ret = sg_init_memory(edev);
	if (ret) {
		kfree(sg);
		return ret;
	}
	engine->priv = sg;

	return 0;
}

static void sg_exit(struct edudma_device *edev)
{
	kfree(edev->engine.priv);
}

static unsigned int sg_issue(struct edudma_channel *ch,
			     const struct edudma_descriptor *descs,
			     unsigned int count)
{
	struct sg_channel *sgc = sg_channel(ch);
	bool idle = !edudma_ring_posted(&sgc->ring);

	count = edudma_ring_post(&sgc->ring, descs, count);
	if (count) {
		writel(sgc->ring.tail, sgc->regs + SG_DOORBELL);
		if (idle)
			sgc->started = ktime_get();
	}

	return count;
}

/*
 * A completion against the descriptor that it must be for.  Returns whether all
 * of it was moved, or -EIO for a device that lies.
 */
static int sg_check(struct edudma_channel *ch, const struct edudma_completion *comp,
		    u32 index, u32 len)
{
	if (likely(comp->index == index && comp->status == EDUDMA_RING_DONE &&
		   comp->bytes == len))
		return true;
	if (comp->index == index && comp->status <= EDUDMA_RING_INVALID &&
	    comp->status != EDUDMA_RING_DONE && comp->bytes <= len)
		return false;

	dev_err_ratelimited(&ch->edev->dev, "channel %u: completion of descriptor %u with status %u and %u bytes instead of descriptor %u with %u bytes\n",
			    ch->index, comp->index, comp->status, comp->bytes,
			    index, len);
	return -EIO;
}

/*
 * Takes back what is complete of the descriptors that follow each other.
 * Returns how many there are behind, or -EIO if the first of those is not well.
 */
static int sg_reap_some(struct edudma_channel *ch, struct list_head *done)
{
	struct edudma_ring *ring = &sg_channel(ch)->ring;
	const struct edudma_descriptor *descs;
	struct edudma_completion comp;
	unsigned int posted, n;
	int moved = true;

	descs = edudma_channel_posted(ch, &posted);
	for (n = 0; n < posted && edudma_ring_peek(ring, ring->head, &comp); n++) {
		moved = sg_check(ch, &comp, ring->head, descs[n].len);
		if (moved <= 0)
			break;
		ring->head++;
	}
	if (n)
		edudma_channel_retire(ch, n, n, done);
	if (!moved)
		dev_err_ratelimited(&ch->edev->dev, "channel %u: descriptor %u failed with status %u after %u bytes\n",
				    ch->index, comp.index, comp.status, comp.bytes);

	return moved > 0 ? posted - n : -EIO;
}

/*
 * Takes back all that is complete.  Returns of how many chunks there was
 * something, or -EIO if not all is well.
 */
static int sg_reap(struct edudma_channel *ch, struct list_head *done)
{
	struct edudma_ring *ring = &sg_channel(ch)->ring;
	unsigned int before, chunks = 0;
	struct edudma_completion comp;
	int ret;

	do {
		before = ch->posted;
		ret = sg_reap_some(ch, done);
		chunks += ch->posted < before;
	} while (!ret && ch->posted);

	if (!ret && edudma_ring_peek(ring, ring->head, &comp)) {
		dev_err_ratelimited(&ch->edev->dev, "channel %u: completion of descriptor %u, which nobody posted\n",
				    ch->index, comp.index);
		ret = -EIO;
	}

	return ret < 0 ? ret : chunks;
}

/* An interrupt without a completion, of a channel at work: has it failed? */
static int sg_look(struct edudma_channel *ch)
{
	struct sg_channel *sgc = sg_channel(ch);
	u32 status = readl(sgc->regs + SG_STATUS);

	if (SG_STATE(status) != SG_STATE_RUNNING) {
		dev_err_ratelimited(&ch->edev->dev, "channel %u has stopped with status %#x\n",
				    ch->index, status);
		return -EIO;
	}

	return 0;
}

/* Under the channel's lock: what an interrupt of the channel may have to tell. */
static void sg_service_locked(struct edudma_channel *ch, struct list_head *done)
{
	struct sg_channel *sgc = sg_channel(ch);
	unsigned int posted;
	int ret;

	if (sgc->proving) {
		complete(&sgc->irq_seen);
		return;
	}
	if (ch->state != EDUDMA_CHANNEL_OPEN || !ch->posted) {
		if (!sgc->idle_irq)
			edudma_count(&ch->edev->stats.spurious_interrupts, 1);
		sgc->idle_irq = false;
		return;
	}

	posted = ch->posted;
	ret = sg_reap(ch, done);
	if (!ret) {
		ret = sg_look(ch);
		if (!ret && !sgc->idle_irq)
			edudma_count(&ch->edev->stats.spurious_interrupts, 1);
		sgc->idle_irq = false;
	} else if (ret > 1) {
		sgc->idle_irq = true;
	}
	if (ret < 0)
		edudma_channel_fault(ch);
	/* Not when the interrupt came: who waited for the lock may reap later work. */
	if (!ch->posted)
		edudma_count(&ch->edev->stats.engine_busy_ns,
			     ktime_to_ns(ktime_sub(ktime_get(), sgc->started)));
	if (ch->posted < posted)
		edudma_channel_retired(ch);
}

static void sg_service(struct edudma_channel *ch)
{
	unsigned long flags;
	LIST_HEAD(done);

	spin_lock_irqsave(&ch->lock, flags);
	sg_service_locked(ch, &done);
	spin_unlock_irqrestore(&ch->lock, flags);

	edudma_chunks_complete(&done);
}

/* The vector is the channel's own. */
static irqreturn_t sg_channel_irq(int irq, void *data)
{
	struct edudma_channel *ch = data;

	edudma_count(&ch->edev->stats.interrupts, 1);
	sg_service(ch);

	return IRQ_HANDLED;
}

/* All channels share one interrupt, and maybe other devices share it as well. */
static irqreturn_t sg_shared_irq(int irq, void *data)
{
	struct edudma_device *edev = data;
	void __iomem *regs = edev->engine.regs;
	unsigned int i;
	u32 status;

	status = readl(regs + EDU_IRQ_STATUS);
	if (!status || status == ~0U)
		return IRQ_NONE;

	edudma_count(&edev->stats.interrupts, 1);
	writel(status, regs + EDU_IRQ_ACK);
	/* It arrives before the rings are looked at: what comes later raises anew. */
	readl(regs + EDU_IRQ_STATUS);
	for (i = 0; i < edev->engine.channels; i++)
		if (status & SG_IRQ_CHANNEL(i))
			sg_service(&edev->channels[i]);

	return IRQ_HANDLED;
}

static int sg_abort(struct edudma_channel *ch, struct list_head *done)
{
	struct sg_channel *sgc = sg_channel(ch);
	struct edudma_ring *ring = &sgc->ring;
	const struct edudma_descriptor *descs;
	unsigned int posted, n, moved;
	struct edudma_completion comp;
	int ret, all = true;
	u32 status;

	writel(SG_COMMAND_ABORT, sgc->regs + SG_COMMAND);
	status = readl(sgc->regs + SG_STATUS);
	if (SG_STATE(status) != SG_STATE_HALTED) {
		dev_err_ratelimited(&ch->edev->dev, "channel %u does not abort, status %#x\n",
				    ch->index, status);
		return -EIO;
	}

	while (ch->posted) {
		descs = edudma_channel_posted(ch, &posted);
		for (n = 0, moved = 0; n < posted; n++) {
			ret = edudma_ring_peek(ring, ring->head, &comp) ?
				sg_check(ch, &comp, ring->head, descs[n].len) : -EIO;
			if (ret < 0)
				return ret;
			all &= ret;
			moved += all;
			ring->head++;
		}
		edudma_channel_retire(ch, n, moved, done);
	}

	writel(SG_COMMAND_ENABLE, sgc->regs + SG_COMMAND);
	sgc->idle_irq = true;

	return 0;
}

static unsigned int sg_progress(struct edudma_channel *ch)
{
	const struct edudma_ring *ring = &sg_channel(ch)->ring;
	struct edudma_completion comp;
	u32 index = ring->head;

	while (index != ring->tail && edudma_ring_peek(ring, index, &comp))
		index++;

	return index - ring->head;
}

/*
 * A reset is complete when the write is, which the read ensures.  A device that
 * is gone reads as all ones and does no more DMA either.
 */
static int sg_quiesce(struct edudma_channel *ch)
{
	struct sg_channel *sgc = sg_channel(ch);
	u32 status;

	writel(SG_COMMAND_RESET, sgc->regs + SG_COMMAND);
	status = readl(sgc->regs + SG_STATUS);
	if (status == ~0U && !pci_device_is_present(ch->edev->pdev)) {
		dev_warn_ratelimited(&ch->edev->dev, "channel %u: the device does not answer any more\n",
				     ch->index);
		status = SG_STATE_DISABLED;
	}
	if (SG_STATE(status) != SG_STATE_DISABLED)
		return -EIO;
	synchronize_irq(sgc->irq);

	return 0;
}

static void sg_restart(struct edudma_channel *ch)
{
	struct sg_channel *sgc = sg_channel(ch);

	edudma_ring_clear(&sgc->ring);
	sgc->idle_irq = false;
	writeq(sgc->ring.descs_dma, sgc->regs + SG_SQ_BASE);
	writeq(sgc->ring.comps_dma, sgc->regs + SG_CQ_BASE);
	writel(sgc->ring.entries, sgc->regs + SG_SIZE);
	writel(1, sgc->regs + SG_IRQ_ENABLE);
	writel(SG_COMMAND_ENABLE, sgc->regs + SG_COMMAND);
}

/* A descriptor that moves nothing shows that rings and interrupt work. */
static int sg_prove(struct edudma_channel *ch)
{
	static const struct edudma_descriptor nothing;
	struct sg_channel *sgc = sg_channel(ch);
	struct edudma_completion comp;
	unsigned long left;

	init_completion(&sgc->irq_seen);
	sgc->proving = true;
	edudma_ring_post(&sgc->ring, &nothing, 1);
	writel(sgc->ring.tail, sgc->regs + SG_DOORBELL);
	left = wait_for_completion_timeout(&sgc->irq_seen,
					   msecs_to_jiffies(EDU_IRQ_TEST_MS));

	spin_lock_irq(&ch->lock);
	sgc->proving = false;
	spin_unlock_irq(&ch->lock);
	if (!left)
		return -EIO;

	if (!edudma_ring_peek(&sgc->ring, sgc->ring.head, &comp) ||
	    comp.index || comp.bytes || comp.status != EDUDMA_RING_DONE) {
		dev_err(&ch->edev->pdev->dev, "channel %u does not complete a descriptor, status %#x\n",
			ch->index, readl(sgc->regs + SG_STATUS));
		return -EIO;
	}
	sgc->ring.head++;

	return 0;
}

static void sg_free_irqs(struct edudma_device *edev)
{
	struct sg_engine *sg = sg_engine(edev);
	unsigned int i;

	if (sg->vectors == 1) {
		free_irq(sg->channel[0].irq, edev);
		return;
	}
	for (i = 0; i < edev->engine.channels; i++) {
		irq_update_affinity_hint(sg->channel[i].irq, NULL);
		free_irq(sg->channel[i].irq, &edev->channels[i]);
	}
}

static int sg_request_shared_irq(struct edudma_device *edev, unsigned long flags)
{
	struct sg_engine *sg = sg_engine(edev);
	unsigned int i, irq = pci_irq_vector(edev->pdev, 0);

	for (i = 0; i < edev->engine.channels; i++)
		sg->channel[i].irq = irq;

	return request_irq(irq, sg_shared_irq, flags, "edudma", edev);
}

/* A vector for each channel, each on a processor of its own if there are enough. */
static int sg_request_channel_irqs(struct edudma_device *edev, unsigned long flags)
{
	struct sg_engine *sg = sg_engine(edev);
	int node = dev_to_node(&edev->pdev->dev);
	unsigned int i;
	int ret;

	for (i = 0; i < edev->engine.channels; i++) {
		struct sg_channel *sgc = &sg->channel[i];

		snprintf(sgc->name, sizeof(sgc->name), "edudma%d-%u", edev->id, i);
		sgc->irq = pci_irq_vector(edev->pdev, sg->first_vector + i);
		ret = request_irq(sgc->irq, sg_channel_irq, flags, sgc->name,
				  &edev->channels[i]);
		if (ret)
			goto err_free;
		irq_set_affinity_and_hint(sgc->irq,
					  cpumask_of(cpumask_local_spread(i, node)));
	}

	return 0;

err_free:
	while (i--) {
		irq_update_affinity_hint(sg->channel[i].irq, NULL);
		free_irq(sg->channel[i].irq, &edev->channels[i]);
	}
	return ret;
}

/*
 * Rings that the device may still write to are kept for good, like pages, and
 * with them the structure of the device that they are mapped for.
 */
static void sg_free_rings(struct edudma_device *edev)
{
	unsigned int i;

	for (i = 0; i < edev->engine.channels; i++) {
		if (edev->channels[i].runaway)
			get_device(&edev->pdev->dev);
		else
			edudma_ring_free(&sg_engine(edev)->channel[i].ring,
					 &edev->pdev->dev);
	}
}

static int sg_alloc_rings(struct edudma_device *edev)
{
	struct sg_engine *sg = sg_engine(edev);
	unsigned int i;
	int ret;

	for (i = 0; i < edev->engine.channels; i++) {
		edev->channels[i].runaway = false;
		ret = edudma_ring_alloc(&sg->channel[i].ring, &edev->pdev->dev,
					sg->entries);
		if (ret) {
			sg_free_rings(edev);
			return ret;
		}
	}

	return 0;
}

static int sg_start(struct edudma_device *edev, unsigned int vectors,
		    unsigned long flags)
{
	struct sg_engine *sg = sg_engine(edev);
	unsigned int i;
	int ret;

	ret = sg_alloc_rings(edev);
	if (ret)
		return ret;

	sg->vectors = vectors;
	if (vectors == 1)
		ret = sg_request_shared_irq(edev, flags);
	else
		ret = sg_request_channel_irqs(edev, flags);
	if (ret)
		goto err_free_rings;

	for (i = 0; i < edev->engine.channels && !ret; i++) {
		sg_restart(&edev->channels[i]);
		ret = sg_prove(&edev->channels[i]);
	}
	if (ret)
		goto err_reset;

	return 0;

err_reset:
	for (i = 0; i < edev->engine.channels; i++)
		edev->channels[i].runaway = sg_quiesce(&edev->channels[i]);
	sg_free_irqs(edev);
err_free_rings:
	sg_free_rings(edev);
	return ret;
}

static void sg_stop(struct edudma_device *edev)
{
	sg_free_irqs(edev);
	sg_free_rings(edev);
}

const struct edudma_engine_ops edudma_engine_ring = {
	.name = "ring",
	.kind = EDUDMA_ENGINE_RING,
	.init = sg_init,
	.exit = sg_exit,
	.start = sg_start,
	.stop = sg_stop,
	.issue = sg_issue,
	.abort = sg_abort,
	.progress = sg_progress,
	.quiesce = sg_quiesce,
	.restart = sg_restart,
};
