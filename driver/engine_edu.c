// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine of QEMU's plain "edu" device: one transfer at a time, described in
 * four registers.  Its specification is docs/specs/edu in QEMU.
 *
 * A transfer cannot be aborted and survives a reset of the function.  While one
 * runs, writes to the transfer registers are dropped without a sign.
 */
#include <linux/completion.h>
#include <linux/dmi.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "descriptor.h"
#include "edu_regs.h"
#include "engine.h"
#include "params.h"
#include "stats.h"

#define EDU_WINDOW_BASE		0x40000ULL	/* device address of the window */
#define EDU_WINDOW_BYTES	4096U

/* A transfer takes 100 ms; what runs for this long never ends. */
#define EDU_FENCE_US		(2 * USEC_PER_SEC)
#define EDU_FENCE_POLL_US	1000

/* Each descriptor takes 100 ms, so a job of this many pages some seconds. */
#define EDU_MAX_JOB_PAGES	32

/**
 * struct edu_engine - what the engine keeps
 * @irq:	interrupt number
 * @irq_seen:	the interrupt of the self-test has arrived
 * @busy:	a transfer was started and not reaped; serialised by the caller
 */
struct edu_engine {
	unsigned int irq;
	struct completion irq_seen;
	bool busy;
};

/*
 * QEMU before 8.0 takes a transfer that reaches the window's last byte for one
 * that leaves the window, and ends the whole virtual machine.  The machine type
 * tells the version, if it is a versioned one of QEMU's own; what cannot be
 * told is not risked.
 */
static u64 edu_window_bytes(struct edudma_engine *engine)
{
	const char *machine = dmi_get_system_info(DMI_PRODUCT_VERSION) ?: "unknown";
	u32 id = readl(engine->regs + EDU_ID);
	struct device *dev = &engine->pdev->dev;
	unsigned int major, minor;

	if (edudma_window_bytes)
		return edudma_window_bytes;
	if (EDU_ID_MAJOR(id) >= EDU_ID_MAJOR_SG)
		return EDU_WINDOW_BYTES;

	if ((sscanf(machine, "pc-q35-%u.%u", &major, &minor) == 2 ||
	     sscanf(machine, "pc-i440fx-%u.%u", &major, &minor) == 2) && major >= 8)
		return EDU_WINDOW_BYTES;

	dev_info(dev, "using %u of %u window bytes: QEMU before 8.0 aborts at the last one, and this machine (%s) is not known to be newer; window_bytes=%u overrides\n",
		 EDU_WINDOW_BYTES - 1, EDU_WINDOW_BYTES, machine, EDU_WINDOW_BYTES);
	return EDU_WINDOW_BYTES - 1;
}

/*
 * Waits for the transfer in flight, if there is one, to end.  A device that is
 * gone reads as all ones and does no more DMA either.
 */
static int edu_wait_idle(struct edudma_engine *engine)
{
	int ret;
	u32 cmd;

	/*
	 * The answer to the read also pushes the device's own writes ahead of
	 * it, so that they have arrived in memory.
	 */
	ret = readl_poll_timeout(engine->regs + EDU_DMA_CMD, cmd,
				 !(cmd & EDU_CMD_RUN) || cmd == ~0U,
				 EDU_FENCE_POLL_US, EDU_FENCE_US);
	if (!ret && cmd == ~0U && pci_device_is_present(engine->pdev))
		ret = -EIO;

	return ret;
}

static int edu_init(struct edudma_engine *engine)
{
	struct device *dev = &engine->pdev->dev;
	struct edu_engine *edu;

	if (edu_wait_idle(engine)) {
		dev_err(dev, "a transfer left by a previous owner does not end\n");
		return -EBUSY;
	}
	writel(~0, engine->regs + EDU_IRQ_ACK);

	edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;

	engine->priv = edu;
	engine->vectors = 1;
	engine->channels = 1;
	engine->window_bytes = edu_window_bytes(engine);
	engine->max_descriptor_bytes = engine->window_bytes;
	engine->max_job_pages = EDU_MAX_JOB_PAGES;
	/* Without 64-bit stores edu clears the upper half of an address. */
	engine->address_bits = min(edudma_dma_bits,
				   IS_ENABLED(CONFIG_64BIT) ? 64U : 32U);

	return 0;
}

static void edu_exit(struct edudma_engine *engine)
{
	kfree(engine->priv);
}

static unsigned int edu_issue(struct edudma_engine *engine, unsigned int channel,
			      const struct edudma_descriptor *descs,
			      unsigned int count, bool last)
{
	struct edu_engine *edu = engine->priv;
	u64 window = EDU_WINDOW_BASE + descs->offset;
	u32 cmd = EDU_CMD_RUN | EDU_CMD_IRQ;

	if (edu->busy)
		return 0;

	if (descs->from_device) {
		cmd |= EDU_CMD_FROM_DEVICE;
		writeq(window, engine->regs + EDU_DMA_SRC);
		writeq(descs->dma_addr, engine->regs + EDU_DMA_DST);
	} else {
		writeq(descs->dma_addr, engine->regs + EDU_DMA_SRC);
		writeq(window, engine->regs + EDU_DMA_DST);
	}
	writeq(descs->len, engine->regs + EDU_DMA_COUNT);
	writel(cmd, engine->regs + EDU_DMA_CMD);
	edu->busy = true;

	return 1;
}

/*
 * Only the command register tells whether the transfer is over: an interrupt may
 * be late, or not edu's, and to trust it would release pages under DMA.  A device
 * that is gone reads as all ones, which is a transfer that runs.
 */
static int edu_reap(struct edudma_engine *engine, unsigned int channel,
		    struct edudma_descriptor *descs, unsigned int count,
		    unsigned int *moved)
{
	struct edu_engine *edu = engine->priv;

	*moved = 0;
	if (!edu->busy || readl(engine->regs + EDU_DMA_CMD) & EDU_CMD_RUN)
		return 0;

	edu->busy = false;
	*moved = 1;

	return 1;
}

static irqreturn_t edu_irq(int irq, void *data)
{
	struct edudma_engine *engine = data;
	struct edu_engine *edu = engine->priv;
	bool thread = false;
	u32 status;

	/* The line may be shared, and an unplugged device reads as all ones. */
	status = readl(engine->regs + EDU_IRQ_STATUS);
	if (!status || status == ~0U)
		return IRQ_NONE;

	writel(status, engine->regs + EDU_IRQ_ACK);
	edudma_count(&engine->stats->interrupts, 1);

	if (status & EDU_IRQ_TEST)
		complete(&edu->irq_seen);
	if (status & EDU_IRQ_DMA)
		thread = engine->client->interrupt(engine, 0);

	return thread ? IRQ_WAKE_THREAD : IRQ_HANDLED;
}

static irqreturn_t edu_irq_thread(int irq, void *data)
{
	struct edudma_engine *engine = data;

	engine->client->thread(engine, 0);

	return IRQ_HANDLED;
}

static int edu_start(struct edudma_engine *engine, unsigned int vectors,
		     unsigned long flags)
{
	struct edu_engine *edu = engine->priv;
	int ret;

	init_completion(&edu->irq_seen);
	edu->irq = pci_irq_vector(engine->pdev, 0);
	ret = request_threaded_irq(edu->irq, edu_irq, edu_irq_thread, flags, "edudma",
				   engine);
	if (ret)
		return ret;

	writel(EDU_IRQ_TEST, engine->regs + EDU_IRQ_RAISE);
	if (!wait_for_completion_timeout(&edu->irq_seen,
					 msecs_to_jiffies(EDU_IRQ_TEST_MS))) {
		writel(EDU_IRQ_TEST, engine->regs + EDU_IRQ_ACK);
		free_irq(edu->irq, engine);
		return -EIO;
	}

	return 0;
}

static void edu_stop(struct edudma_engine *engine)
{
	struct edu_engine *edu = engine->priv;

	free_irq(edu->irq, engine);
}

/*
 * With bus mastering off the transfer still runs to its end, but touches
 * nothing.  Its interrupt, if message signalled, is lost on the way, like one
 * that was on its way before: synchronize_irq() is the end of that.
 */
static int edu_quiesce(struct edudma_engine *engine, unsigned int channel)
{
	struct edu_engine *edu = engine->priv;

	pci_clear_master(engine->pdev);
	if (edu_wait_idle(engine))
		return -EIO;
	synchronize_irq(edu->irq);
	edu->busy = false;

	return 0;
}

static void edu_restart(struct edudma_engine *engine, unsigned int channel)
{
	writel(~0, engine->regs + EDU_IRQ_ACK);
	pci_set_master(engine->pdev);
}

const struct edudma_engine_ops edudma_engine_edu = {
	.name = "edu",
	.kind = EDUDMA_ENGINE_EDU,
	.init = edu_init,
	.exit = edu_exit,
	.start = edu_start,
	.stop = edu_stop,
	.issue = edu_issue,
	.reap = edu_reap,
	.quiesce = edu_quiesce,
	.restart = edu_restart,
};
