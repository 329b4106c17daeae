// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which devices there are, and which engine runs: what sits behind the registers, is it
 * alive, what can it do.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "edu_regs.h"
#include "engine.h"
#include "params.h"

const int edudma_bar = EDU_BAR;

const struct pci_device_id edudma_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR_ID, EDU_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edudma_ids);

/**
 * edudma_engine_init() - identify the device and choose its engine
 * @engine:	to fill in, with its registers mapped; bus mastering is off
 *
 * Context: May sleep.
 * Return: 0, or -errno with the reason logged.
 */
int edudma_engine_init(struct edudma_engine *engine)
{
	struct device *dev = &engine->pdev->dev;
	u32 id, echo;
	int ret;

	if (pci_resource_len(engine->pdev, 0) < EDU_REGS_BYTES) {
		dev_err(dev, "BAR 0 is too small for edu's registers\n");
		return -ENODEV;
	}

	id = readl(engine->regs + EDU_ID);
	if ((id & EDU_ID_SIGNATURE_MASK) != EDU_ID_SIGNATURE) {
		dev_err(dev, "identification register reads %#010x, not an edu\n", id);
		return -ENODEV;
	}

	writel(id, engine->regs + EDU_LIVENESS);
	echo = readl(engine->regs + EDU_LIVENESS);
	if (echo != ~id) {
		dev_err(dev, "liveness register reads %#010x instead of %#010x\n",
			echo, ~id);
		return -EIO;
	}

	engine->ops = &edudma_engine_edu;
	if (EDU_ID_MAJOR(id) >= EDU_ID_MAJOR_SG && edudma_ring_present(engine)) {
		edudma_ring_reset(engine);
		if (edudma_ring)
			engine->ops = &edudma_engine_ring;
	}

	ret = engine->ops->init(engine);
	if (ret)
		return ret;

	dev_info(dev, "edu %u.%u, %s engine, %u channel%s, window of %llu bytes\n",
		 EDU_ID_MAJOR(id), EDU_ID_MINOR(id), engine->ops->name,
		 engine->channels, engine->channels == 1 ? "" : "s",
		 engine->window_bytes);

	return 0;
}
