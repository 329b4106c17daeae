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
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "descriptor.h"
#include "edu_regs.h"
#include "edudma_device.h"
#include "params.h"

#define EDU_WINDOW_BASE		0x40000ULL	/* device address of the window */
#define EDU_WINDOW_BYTES	4096U

/* A transfer takes 100 ms; what runs for this long never ends. */
#define EDU_FENCE_US		(2 * USEC_PER_SEC)
#define EDU_FENCE_POLL_US	1000

/**
 * struct edu_engine - what the engine keeps
 * @irq:	interrupt number
 * @irq_seen:	the interrupt that proves the line has arrived
 * @started:	when the transfer in flight was started; channel lock
 */
struct edu_engine {
	unsigned int irq;
	struct completion irq_seen;
	ktime_t started;
};

static struct edu_engine *edu_engine(struct edudma_device *edev)
{
	return edev->engine.priv;
}

/*
 * QEMU before 8.0 takes a transfer that reaches the window's last byte for one
 * that leaves the window, and ends the whole virtual machine.  The machine type
 * tells the version, if it is a versioned one of QEMU's own; what cannot be
 * told is not risked.
 */
static u64 edu_window_bytes(struct edudma_device *edev)
{
	const char *machine = dmi_get_system_info(DMI_PRODUCT_VERSION) ?: "unknown";
	u32 id = readl(edev->engine.regs + EDU_ID);
	struct device *dev = &edev->pdev->dev;
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
static int edu_wait_idle(struct edudma_device *edev)
{
	int ret;
	u32 cmd;

	/*
	 * The answer to the read also pushes the device's own writes ahead of
	 * it, so that they have arrived in memory.
	 */
	ret = readl_poll_timeout(edev->engine.regs + EDU_DMA_CMD, cmd,
				 !(cmd & EDU_CMD_RUN) || cmd == ~0U,
				 EDU_FENCE_POLL_US, EDU_FENCE_US);
	if (!ret && cmd == ~0U && pci_device_is_present(edev->pdev))
		ret = -EIO;

	return ret;
}

static int edu_init(struct edudma_device *edev)
{
	struct edudma_engine *engine = &edev->engine;
	struct device *dev = &edev->pdev->dev;
	struct edu_engine *edu;

	if (edu_wait_idle(edev)) {
		dev_err(dev, "a transfer started by somebody else does not end\n");
		return -EBUSY;
	}
	writel(~0, engine->regs + EDU_IRQ_ACK);

	edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;

	engine->priv = edu;
	engine->vectors = 1;
	engine->channels = 1;
	engine->window_bytes = edu_window_bytes(edev);
	engine->max_descriptor_bytes = engine->window_bytes;
	/* Without 64-bit stores edu clears the upper half of an address. */
	engine->address_bits = min(edudma_dma_bits,
				   IS_ENABLED(CONFIG_64BIT) ? 64U : 32U);

	return 0;
}

static void edu_exit(struct edudma_device *edev)
{
	kfree(edev->engine.priv);
}

static unsigned int edu_issue(struct edudma_channel *ch,
			      const struct edudma_descriptor *descs,
			      unsigned int count)
{
	struct edudma_engine *engine = &ch->edev->engine;
	u64 window = EDU_WINDOW_BASE + descs->offset;
	u32 cmd = EDU_CMD_RUN | EDU_CMD_IRQ;

	if (ch->posted)
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
	edu_engine(ch->edev)->started = ktime_get();

	return 1;
}

/*
 * The command register has the last word on whether the transfer is over: an
 * interrupt may be late, or not edu's doing, and to believe it would release
 * pages under DMA.
 */
static void edu_transfer_done(struct edudma_channel *ch, ktime_t now)
{
	struct edudma_device *edev = ch->edev;
	struct edudma_engine *engine = &edev->engine;
	unsigned long flags;
	LIST_HEAD(done);

	spin_lock_irqsave(&ch->lock, flags);
	if (ch->state == EDUDMA_CHANNEL_OPEN && ch->posted &&
	    !(readl(engine->regs + EDU_DMA_CMD) & EDU_CMD_RUN)) {
		ktime_t busy = ktime_sub(now, edu_engine(edev)->started);

		edudma_channel_retire(ch, 1, 1, &done);
		edudma_channel_retired(ch);
		edudma_count(&edev->stats.engine_busy_ns, ktime_to_ns(busy));
	} else {
		edudma_count(&edev->stats.spurious_interrupts, 1);
	}
	spin_unlock_irqrestore(&ch->lock, flags);

	edudma_chunks_complete(&done);
}

static irqreturn_t edu_irq(int irq, void *data)
{
	struct edudma_device *edev = data;
	struct edudma_engine *engine = &edev->engine;
	ktime_t now = ktime_get();
	u32 status;

	/* The line may be shared, and an unplugged device reads as all ones. */
	status = readl(engine->regs + EDU_IRQ_STATUS);
	if (!status || status == ~0U)
		return IRQ_NONE;

	writel(status, engine->regs + EDU_IRQ_ACK);
	edudma_count(&edev->stats.interrupts, 1);

	if (status & EDU_IRQ_TEST)
		complete(&edu_engine(edev)->irq_seen);
	if (status & EDU_IRQ_DMA)
		edu_transfer_done(&edev->channels[0], now);

	return IRQ_HANDLED;
}

static int edu_start(struct edudma_device *edev, unsigned int vectors,
		     unsigned long flags)
{
	struct edu_engine *edu = edu_engine(edev);
	int ret;

	init_completion(&edu->irq_seen);
	edu->irq = pci_irq_vector(edev->pdev, 0);
	ret = request_irq(edu->irq, edu_irq, flags, "edudma", edev);
	if (ret)
		return ret;

	writel(EDU_IRQ_TEST, edev->engine.regs + EDU_IRQ_RAISE);
	if (!wait_for_completion_timeout(&edu->irq_seen,
					 msecs_to_jiffies(EDU_IRQ_TEST_MS))) {
		writel(EDU_IRQ_TEST, edev->engine.regs + EDU_IRQ_ACK);
		free_irq(edu->irq, edev);
		return -EIO;
	}

	return 0;
}

static void edu_stop(struct edudma_device *edev)
{
	free_irq(edu_engine(edev)->irq, edev);
}

/*
 * With bus mastering off the transfer still runs to its end, but touches
 * nothing.  Its interrupt, if message signalled, is lost on the way, like one
 * that was on its way before: synchronize_irq() is the end of that.
 */
static int edu_quiesce(struct edudma_channel *ch)
{
	struct edudma_device *edev = ch->edev;

	pci_clear_master(edev->pdev);
	if (edu_wait_idle(edev))
		return -EIO;
	synchronize_irq(edu_engine(edev)->irq);

	return 0;
}

static void edu_restart(struct edudma_channel *ch)
{
	struct edudma_device *edev = ch->edev;

	writel(~0, edev->engine.regs + EDU_IRQ_ACK);
	pci_set_master(edev->pdev);
}

const struct edudma_engine_ops edudma_engine_edu = {
	.name = "edu",
	.kind = EDUDMA_ENGINE_EDU,
	.init = edu_init,
	.exit = edu_exit,
	.start = edu_start,
	.stop = edu_stop,
	.issue = edu_issue,
	.quiesce = edu_quiesce,
	.restart = edu_restart,
};
