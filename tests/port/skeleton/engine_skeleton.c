// SPDX-License-Identifier: GPL-2.0-only
/*
 * An engine that does nothing yet: docs/porting.md tells, step by step, what to put where
 * it says STEP.  It compiles and loads as it is, and fails each test of the contract.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "descriptor.h"
#include "engine.h"
#include "stats.h"

/* STEP 1: the device, and the BAR with its registers.  This is QEMU's edu. */
#define SKELETON_VENDOR_ID	0x1234
#define SKELETON_DEVICE_ID	0x11e8

const int edudma_bar;

const struct pci_device_id edudma_ids[] = {
	{ PCI_DEVICE(SKELETON_VENDOR_ID, SKELETON_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edudma_ids);

/**
 * struct skeleton - what the engine keeps
 * @irq:	interrupt number
 *
 * STEP 3: what the interrupt of @start waits for.  STEP 4: which descriptors the device has.
 */
struct skeleton {
	unsigned int irq;
};

/*
 * STEP 2: have a previous owner's DMA end, allocate @priv, fill in the limits.  What stays
 * as it is: one interrupt, one channel, no streams, no mmap() of the window.
 */
static int skeleton_init(struct edudma_engine *engine)
{
	struct skeleton *skeleton = kzalloc(sizeof(*skeleton), GFP_KERNEL);

	if (!skeleton)
		return -ENOMEM;

	engine->priv = skeleton;
	engine->vectors = 1;
	engine->channels = 1;
	engine->window_bytes = 0;
	engine->max_descriptor_bytes = 0;
	engine->address_bits = 32;

	return 0;
}

static void skeleton_exit(struct edudma_engine *engine)
{
	kfree(engine->priv);
}

/*
 * STEP 3: is it the device's interrupt?  Acknowledge it, so that it is not raised for ever.
 * STEP 5: tell the client which channel it is of.
 */
static irqreturn_t skeleton_irq(int irq, void *data)
{
	return IRQ_NONE;
}

static irqreturn_t skeleton_irq_thread(int irq, void *data)
{
	struct edudma_engine *engine = data;

	engine->client->thread(engine, 0);

	return IRQ_HANDLED;
}

/* STEP 3: enable the interrupt, have the device raise it, and wait until it has come. */
static int skeleton_start(struct edudma_engine *engine, unsigned int vectors,
			  unsigned long flags)
{
	struct skeleton *skeleton = engine->priv;

	skeleton->irq = pci_irq_vector(engine->pdev, 0);

	return request_threaded_irq(skeleton->irq, skeleton_irq, skeleton_irq_thread, flags,
				    "edudma", engine);
}

/* STEP 7: what else @start has done. */
static void skeleton_stop(struct edudma_engine *engine)
{
	struct skeleton *skeleton = engine->priv;

	free_irq(skeleton->irq, engine);
}

/* STEP 4: write descriptors to the device or to memory that it reads. */
static unsigned int skeleton_issue(struct edudma_engine *engine, unsigned int channel,
				   const struct edudma_descriptor *descs,
				   unsigned int count, bool last)
{
	return 0;
}

/* STEP 4: have the device begin.  Leave it out if the last register that @issue writes does. */
static void skeleton_kick(struct edudma_engine *engine, unsigned int channel)
{
}

/* STEP 5: which descriptors have ended?  Ask the device, not the interrupt. */
static int skeleton_reap(struct edudma_engine *engine, unsigned int channel,
			 struct edudma_descriptor *descs, unsigned int count,
			 unsigned int *moved)
{
	*moved = 0;
	return 0;
}

/* STEP 6: stop all DMA, wait until it has stopped, forget what the device had. */
static int skeleton_quiesce(struct edudma_engine *engine, unsigned int channel)
{
	return -EIO;
}

/* STEP 6: have the device take descriptors again. */
static void skeleton_restart(struct edudma_engine *engine, unsigned int channel)
{
}

/* STEP 6: @check and @abort, if the device can. */
static const struct edudma_engine_ops skeleton_ops = {
	.name = "skeleton",
	.kind = EDUDMA_ENGINE_OTHER,
	.init = skeleton_init,
	.exit = skeleton_exit,
	.start = skeleton_start,
	.stop = skeleton_stop,
	.issue = skeleton_issue,
	.kick = skeleton_kick,
	.reap = skeleton_reap,
	.quiesce = skeleton_quiesce,
	.restart = skeleton_restart,
};

/* STEP 2: is it the device, and is it alive?  Refuse it with a message if not. */
int edudma_engine_init(struct edudma_engine *engine)
{
	engine->ops = &skeleton_ops;

	return skeleton_init(engine);
}
