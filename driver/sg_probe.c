// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an edu-sg says about itself, its capability block, checked; and what a channel is
 * told.
 */
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "params.h"
#include "sg_regs.h"

bool edudma_ring_present(struct edudma_engine *engine)
{
	void __iomem *regs = engine->regs;
	struct device *dev = &engine->pdev->dev;
	u32 magic, layout, features;

	if (pci_resource_len(engine->pdev, 0) < SG_CAPABILITY_END)
		return false;

	magic = readl(regs + SG_MAGIC);
	layout = readl(regs + SG_LAYOUT);
	features = readl(regs + SG_FEATURES);
	if (magic == SG_MAGIC_VALUE && SG_LAYOUT_VERSION(layout) == 1 &&
	    (features & SG_FEATURES_NEEDED) == SG_FEATURES_NEEDED)
		return true;

	dev_info(dev, "unknown ring interface (magic %#x, layout %#x, features %#x), using the device as plain edu\n",
		 magic, layout, features);
	return false;
}

void edudma_ring_reset(struct edudma_engine *engine)
{
	writel(SG_DEVICE_RESET, engine->regs + SG_DEVICE_COMMAND);
}

/**
 * sg_enable() - give a channel its rings, and have it run
 * @sgc:	a channel that is quiet
 *
 * Context: Any.
 */
void sg_enable(struct sg_channel *sgc)
{
	edudma_ring_clear(&sgc->ring);
	sgc->halted = false;
	sgc->cut = false;
	sgc->quiet = false;
	writeq(sgc->ring.descs_dma, sgc->regs + SG_SQ_BASE);
	writeq(sgc->ring.comps_dma, sgc->regs + SG_CQ_BASE);
	writel(sgc->ring.entries, sgc->regs + SG_SIZE);
	writel(1, sgc->regs + SG_IRQ_ENABLE);
	writel(SG_COMMAND_ENABLE, sgc->regs + SG_COMMAND);
}

/* The last channels are for streams, if the device has them. */
static void sg_init_streams(struct edudma_engine *engine)
{
	u32 features = readl(engine->regs + SG_FEATURES);
	u32 stride = readl(engine->regs + SG_CHANNEL_STRIDE);

	if (!(features & SG_FEATURE_STREAMS) || stride < SG_STREAM_BYTES)
		return;
	engine->max_frame_bytes = readl(engine->regs + SG_MAX_FRAME);
	engine->streams = min(edudma_stream_channels, engine->channels - 1);
}

static int sg_init_channels(struct edudma_engine *engine, struct sg_engine *sg)
{
	u32 channels = readl(engine->regs + SG_CHANNELS);
	u32 offset = readl(engine->regs + SG_CHANNEL_OFFSET);
	u32 stride = readl(engine->regs + SG_CHANNEL_STRIDE);
	unsigned int i;

	engine->channels = min(channels, EDUDMA_MAX_CHANNELS);
	if (!channels || stride < SG_CHANNEL_BYTES || (offset | stride) & 7 ||
	    offset + (u64)stride * engine->channels > pci_resource_len(engine->pdev, 0)) {
		dev_err(&engine->pdev->dev, "invalid channel layout: %u channels, offset %#x, stride %#x\n",
			channels, offset, stride);
		return -EIO;
	}

	for (i = 0; i < engine->channels; i++) {
		sg->channel[i].engine = engine;
		sg->channel[i].index = i;
		sg->channel[i].regs = engine->regs + offset + i * stride;
	}
	sg_init_streams(engine);

	/* Vector 0 is that of plain edu's events, which do not occur. */
	sg->first_vector = readl(engine->regs + SG_CHANNEL_VECTOR);
	engine->vectors = sg->first_vector + engine->channels;
	if (!sg->first_vector || sg->first_vector > PCI_MSIX_FLAGS_QSIZE) {
		dev_err(&engine->pdev->dev, "invalid MSI-X vector %u of channel 0\n",
			sg->first_vector);
		return -EIO;
	}

	return 0;
}

/*
 * Whether user space may map the BAR that the device names.  A program that could
 * write the MSI-X table could have the device write anywhere.
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

static int sg_init_memory(struct edudma_engine *engine)
{
	u32 bar = readl(engine->regs + SG_MEMORY_BAR);
	u32 max_len = readl(engine->regs + SG_MAX_DESCRIPTOR);
	u64 mask = readq(engine->regs + SG_ADDRESS_MASK);
	u64 bytes = readq(engine->regs + SG_MEMORY_BYTES);

	if (!bytes || !max_len || mask < DMA_BIT_MASK(12) || mask & (mask + 1)) {
		dev_err(&engine->pdev->dev, "invalid capabilities: %llu bytes of memory, %u bytes in a descriptor, address mask %#llx\n",
			bytes, max_len, mask);
		return -EIO;
	}

	engine->window_bytes = bytes;
	engine->max_descriptor_bytes = max_len;
	engine->address_bits = fls64(mask);
	if (sg_memory_bar_usable(engine->pdev, bar, bytes))
		engine->memory_bar = bar;

	return 0;
}

int sg_init(struct edudma_engine *engine)
{
	u32 max_entries = readl(engine->regs + SG_MAX_ENTRIES);
	struct sg_engine *sg;
	int ret;

	if (max_entries < SG_MIN_ENTRIES) {
		dev_err(&engine->pdev->dev, "invalid ring size: %u entries at most\n",
			max_entries);
		return -EIO;
	}

	sg = kzalloc(sizeof(*sg), GFP_KERNEL);
	if (!sg)
		return -ENOMEM;
	sg->entries = min_t(u32, edudma_ring_entries, rounddown_pow_of_two(max_entries));

	ret = sg_init_channels(engine, sg);
	if (!ret)
		ret = sg_init_memory(engine);
	if (ret) {
		kfree(sg);
		return ret;
	}
	engine->priv = sg;

	return 0;
}

void sg_exit(struct edudma_engine *engine)
{
	kfree(engine->priv);
}
