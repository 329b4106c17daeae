// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine of QEMU's plain "edu" device: one transfer at a time, described in
 * four registers.  Its specification is docs/specs/edu in QEMU.
 *
 * A transfer cannot be aborted and survives a reset of the function.  While one
 * runs, writes to the transfer registers are dropped without a sign.
 */
#include <linux/dmi.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/pci.h>

#include "descriptor.h"
#include "edudma_device.h"
#include "params.h"

#define EDU_ID			0x00	/* RRrr00edh: version, signature */
#define EDU_LIVENESS		0x04	/* reads as the inverse of what was written */
#define EDU_IRQ_STATUS		0x24	/* what the device interrupts for */
#define EDU_IRQ_RAISE		0x60	/* sets bits of the status */
#define EDU_IRQ_ACK		0x64	/* clears bits of the status */
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_REGS_BYTES		0xa0

#define EDU_ID_SIGNATURE	0x00ed
#define EDU_ID_SIGNATURE_MASK	0xffff

#define EDU_IRQ_DMA		0x00000100	/* a transfer is complete */
#define EDU_IRQ_TEST		0x80000000	/* no event of edu's own */

#define EDU_CMD_RUN		0x1		/* start; reads 1 until complete */
#define EDU_CMD_FROM_DEVICE	0x2		/* window to RAM, else RAM to window */
#define EDU_CMD_IRQ		0x4		/* interrupt when complete */

#define EDU_WINDOW_BASE		0x40000ULL	/* device address of the window */
#define EDU_WINDOW_BYTES	4096U

/* A transfer takes 100 ms; what runs for this long never ends. */
#define EDU_FENCE_US		(2 * USEC_PER_SEC)
#define EDU_FENCE_POLL_US	1000
#define EDU_IRQ_TEST_MS		1000

/*
 * QEMU before 8.0 takes a transfer that reaches the window's last byte for one
 * that leaves the window, and ends the whole virtual machine.  The machine type
 * tells the version, if it is a versioned one of QEMU's own; what cannot be
 * told is not risked.
 */
static u64 edu_window_bytes(struct device *dev)
{
	const char *machine = dmi_get_system_info(DMI_PRODUCT_VERSION) ?: "unknown";
	unsigned int major, minor;

	if (edudma_window_bytes)
		return edudma_window_bytes;

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
	u32 id, echo;

	if (pci_resource_len(edev->pdev, 0) < EDU_REGS_BYTES) {
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

	if (edu_wait_idle(edev)) {
		dev_err(dev, "a transfer started by somebody else does not end\n");
		return -EBUSY;
	}
	writel(~0, engine->regs + EDU_IRQ_ACK);

	engine->window_bytes = edu_window_bytes(dev);
	engine->max_descriptor_bytes = engine->window_bytes;
	/* Without 64-bit stores edu clears the upper half of an address. */
	engine->max_address_bits = IS_ENABLED(CONFIG_64BIT) ? 64 : 32;
	dev_info(dev, "edu %u.%u, window of %llu bytes\n", id >> 24,
		 (id >> 16) & 0xff, engine->window_bytes);

	return 0;
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
	engine->started = ktime_get();

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
		ktime_t busy = ktime_sub(now, engine->started);

		edudma_channel_retire(ch, 1, &done);
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
		complete(&engine->irq_seen);
	if (status & EDU_IRQ_DMA)
		edu_transfer_done(&edev->channel, now);

	return IRQ_HANDLED;
}

static int edu_request_irq(struct edudma_device *edev, unsigned int irq,
			   unsigned long flags)
{
	struct edudma_engine *engine = &edev->engine;
	int ret;

	init_completion(&engine->irq_seen);
	ret = request_irq(irq, edu_irq, flags, "edudma", edev);
	if (ret)
		return ret;
	engine->irq = irq;

	writel(EDU_IRQ_TEST, engine->regs + EDU_IRQ_RAISE);
	if (!wait_for_completion_timeout(&engine->irq_seen,
					 msecs_to_jiffies(EDU_IRQ_TEST_MS))) {
		writel(EDU_IRQ_TEST, engine->regs + EDU_IRQ_ACK);
		free_irq(irq, edev);
		return -EIO;
	}

	return 0;
}

static void edu_free_irq(struct edudma_device *edev)
{
	free_irq(edev->engine.irq, edev);
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
	synchronize_irq(edev->engine.irq);

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
	.request_irq = edu_request_irq,
	.free_irq = edu_free_irq,
	.issue = edu_issue,
	.quiesce = edu_quiesce,
	.restart = edu_restart,
};
