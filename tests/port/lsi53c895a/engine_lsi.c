// SPDX-License-Identifier: GPL-2.0-only
/*
 * An engine for a device that was not made for this: the LSI 53C895A, a SCSI
 * controller, as QEMU has it (-device lsi53c895a).
 *
 * Its SCRIPTS processor executes a program that it fetches from memory.  Memory Move
 * instructions copy bytes between any two bus addresses, of which one may be in the
 * controller's own 8 KiB of SCRIPTS RAM, BAR 2.  So the RAM is the window, a
 * descriptor is a Memory Move, and a batch of them is a program that an Interrupt
 * instruction ends.  The SCSI bus is not used.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "descriptor.h"
#include "engine.h"
#include "stats.h"

#define LSI_REGS_BAR		1
#define LSI_RAM_BAR		2
#define LSI_RAM_BYTES		8192U

/* Registers: of 8 bits, unless their comment says 32. */
#define LSI_DSTAT		0x0c	/* why a program has ended; cleared by reading */
#define LSI_ISTAT0		0x14
#define LSI_ISTAT1		0x15
#define LSI_DSP			0x2c	/* 32: next instruction; writing starts */
#define LSI_SCRATCHA		0x34	/* 32: holds what was written */
#define LSI_DMODE		0x38
#define LSI_DIEN		0x39	/* which bits of DSTAT interrupt */
#define LSI_DCNTL		0x3b

#define LSI_DSTAT_SIR		0x04	/* an Interrupt instruction was executed */
#define LSI_DIEN_ALL		0x7d
#define LSI_ISTAT0_DIP		0x01	/* DSTAT has something to say */
#define LSI_ISTAT0_SRST		0x40	/* resets the chip */
#define LSI_ISTAT1_SRUN		0x02	/* a program is being executed */

/* Instructions. */
#define LSI_MOVE		0xc0000000U	/* | bytes; from; to */
#define LSI_INTERRUPT		0x98080000U	/* ; a number, for whoever reads DSPS */

/*
 * After 100 instructions QEMU lets the processor run for half a millisecond; a program
 * that is shorter needs no such pause.
 */
#define LSI_MAX_MOVES		99U

/**
 * struct lsi_move - a Memory Move instruction
 * @insn:	LSI_MOVE and the number of bytes
 * @from:	bus address
 * @to:		bus address
 */
struct lsi_move {
	__le32 insn;
	__le32 from;
	__le32 to;
};

/**
 * struct lsi_engine - what the engine keeps
 * @irq:	interrupt number
 * @selftest:	@irq_seen waits for an interrupt, which is nobody else's
 * @irq_seen:	it has arrived
 * @program:	room for LSI_MAX_MOVES instructions, and the Interrupt instruction
 * @program_dma: its bus address
 * @window_dma:	bus address of the window
 * @issued:	moves in the program; serialised by the caller, as what follows
 * @reaped:	of these, taken back
 * @running:	the program was started
 * @quiet:	the chip does not access memory
 */
struct lsi_engine {
	unsigned int irq;
	bool selftest;
	struct completion irq_seen;
	struct lsi_move *program;
	dma_addr_t program_dma;
	dma_addr_t window_dma;
	unsigned int issued;
	unsigned int reaped;
	bool running;
	bool quiet;
};

#define LSI_PROGRAM_BYTES	((LSI_MAX_MOVES + 1) * sizeof(struct lsi_move))

const int edudma_bar = LSI_REGS_BAR;

const struct pci_device_id edudma_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_LSI_LOGIC, PCI_DEVICE_ID_LSI_53C895A) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edudma_ids);

/*
 * A reset stops the program at once; reading DSTAT then takes the interrupt line
 * back, which the reset leaves as it is.  A chip that is gone reads as all ones and
 * does no more DMA either.
 */
static int lsi_reset(struct edudma_engine *engine)
{
	u8 istat;

	writeb(LSI_ISTAT0_SRST, engine->regs + LSI_ISTAT0);
	readb(engine->regs + LSI_ISTAT0);
	writeb(0, engine->regs + LSI_ISTAT0);
	readb(engine->regs + LSI_DSTAT);
	istat = readb(engine->regs + LSI_ISTAT1);
	if (istat == 0xff && !pci_device_is_present(engine->pdev))
		return 0;

	return istat & LSI_ISTAT1_SRUN ? -EIO : 0;
}

static int lsi_init(struct edudma_engine *engine)
{
	struct lsi_engine *lsi;

	lsi = kzalloc(sizeof(*lsi), GFP_KERNEL);
	if (!lsi)
		return -ENOMEM;

	engine->priv = lsi;
	engine->vectors = 1;
	engine->channels = 1;
	engine->window_bytes = LSI_RAM_BYTES;
	engine->memory_bar = LSI_RAM_BAR;
	/* A move could be of 16 MiB - 1, if the window were. */
	engine->max_descriptor_bytes = LSI_RAM_BYTES;
	engine->address_bits = 32;

	return 0;
}

static void lsi_exit(struct edudma_engine *engine)
{
	kfree(engine->priv);
}

static unsigned int lsi_issue(struct edudma_engine *engine, unsigned int channel,
			      const struct edudma_descriptor *descs,
			      unsigned int count, bool last)
{
	struct lsi_engine *lsi = engine->priv;
	unsigned int i;

	if (lsi->running)
		return 0;

	count = min(count, LSI_MAX_MOVES - lsi->issued);
	for (i = 0; i < count; i++) {
		u32 memory = descs[i].dma_addr, window = lsi->window_dma + descs[i].offset;
		bool from_device = descs[i].from_device;

		lsi->program[lsi->issued++] = (struct lsi_move) {
			.insn = cpu_to_le32(LSI_MOVE | descs[i].len),
			.from = cpu_to_le32(from_device ? window : memory),
			.to = cpu_to_le32(from_device ? memory : window),
		};
	}

	return count;
}

static void lsi_kick(struct edudma_engine *engine, unsigned int channel)
{
	struct lsi_engine *lsi = engine->priv;

	lsi->program[lsi->issued] = (struct lsi_move) { .insn = cpu_to_le32(LSI_INTERRUPT) };
	lsi->running = true;
	/* writel() comes after all writes to memory. */
	writel(lsi->program_dma, engine->regs + LSI_DSP);
}

/*
 * The registers tell whether the program has ended and where, not the interrupt: that
 * may be late, or lost.  To read them also pushes the chip's writes to memory ahead.
 */
static int lsi_reap(struct edudma_engine *engine, unsigned int channel,
		    struct edudma_descriptor *descs, unsigned int count,
		    unsigned int *moved)
{
	struct lsi_engine *lsi = engine->priv;
	u32 end = lsi->program_dma + lsi->issued * sizeof(struct lsi_move) + 2 * sizeof(__le32);
	u32 dsp;

	*moved = 0;
	if (!lsi->running || readb(engine->regs + LSI_ISTAT1) & LSI_ISTAT1_SRUN)
		return 0;

	dsp = readl(engine->regs + LSI_DSP);
	if (dsp != end) {
		dev_err_ratelimited(engine->dev, "the program ended at %#x instead of %#x\n",
				    dsp, end);
		return -EIO;
	}

	*moved = min(count, lsi->issued - lsi->reaped);
	lsi->reaped += *moved;
	if (lsi->reaped == lsi->issued) {
		lsi->issued = 0;
		lsi->reaped = 0;
		lsi->running = false;
	}

	return *moved;
}

/* The line may be shared, and a chip that is gone reads as all ones. */
static irqreturn_t lsi_irq(int irq, void *data)
{
	struct edudma_engine *engine = data;
	struct lsi_engine *lsi = engine->priv;
	u8 istat = readb(engine->regs + LSI_ISTAT0);

	if (istat == 0xff || !(istat & LSI_ISTAT0_DIP))
		return IRQ_NONE;

	/* Which acknowledges it. */
	readb(engine->regs + LSI_DSTAT);
	edudma_count(&engine->stats->interrupts, 1);
	if (READ_ONCE(lsi->selftest)) {
		complete(&lsi->irq_seen);
		return IRQ_HANDLED;
	}

	return engine->client->interrupt(engine, 0) ? IRQ_WAKE_THREAD : IRQ_HANDLED;
}

static irqreturn_t lsi_irq_thread(int irq, void *data)
{
	struct edudma_engine *engine = data;

	engine->client->thread(engine, 0);

	return IRQ_HANDLED;
}

static int lsi_quiesce(struct edudma_engine *engine, unsigned int channel)
{
	struct lsi_engine *lsi = engine->priv;

	lsi->quiet = !lsi_reset(engine);
	if (!lsi->quiet)
		return -EIO;
	synchronize_irq(lsi->irq);
	lsi->issued = 0;
	lsi->reaped = 0;
	lsi->running = false;

	return 0;
}

static void lsi_restart(struct edudma_engine *engine, unsigned int channel)
{
	writeb(0, engine->regs + LSI_DMODE);
	writeb(0, engine->regs + LSI_DCNTL);
	writeb(LSI_DIEN_ALL, engine->regs + LSI_DIEN);
}

/* A program that moves nothing shows that programs run and that they interrupt. */
static int lsi_selftest(struct edudma_engine *engine)
{
	struct lsi_engine *lsi = engine->priv;
	unsigned long left;
	unsigned int moved;

	init_completion(&lsi->irq_seen);
	WRITE_ONCE(lsi->selftest, true);
	lsi_kick(engine, 0);
	left = wait_for_completion_timeout(&lsi->irq_seen, HZ);
	WRITE_ONCE(lsi->selftest, false);

	return left && !lsi_reap(engine, 0, NULL, 0, &moved) ? 0 : -EIO;
}

static int lsi_start(struct edudma_engine *engine, unsigned int vectors,
		     unsigned long flags)
{
	struct lsi_engine *lsi = engine->priv;
	struct device *dev = &engine->pdev->dev;
	int ret;

	lsi->program = dma_alloc_coherent(dev, LSI_PROGRAM_BYTES, &lsi->program_dma,
					  GFP_KERNEL);
	if (!lsi->program)
		return -ENOMEM;

	/* The chip reaches its own RAM by the bus, and by an IOMMU if there is one. */
	lsi->window_dma = dma_map_resource(dev, pci_resource_start(engine->pdev, LSI_RAM_BAR),
					   LSI_RAM_BYTES, DMA_BIDIRECTIONAL, 0);
	ret = dma_mapping_error(dev, lsi->window_dma);
	if (ret)
		goto err_free;

	lsi->irq = pci_irq_vector(engine->pdev, 0);
	ret = request_threaded_irq(lsi->irq, lsi_irq, lsi_irq_thread, flags, "edudma",
				   engine);
	if (ret)
		goto err_unmap;

	lsi_restart(engine, 0);
	ret = lsi_selftest(engine);
	if (ret)
		goto err_reset;

	return 0;

err_reset:
	lsi_quiesce(engine, 0);
	free_irq(lsi->irq, engine);
err_unmap:
	dma_unmap_resource(dev, lsi->window_dma, LSI_RAM_BYTES, DMA_BIDIRECTIONAL, 0);
err_free:
	dma_free_coherent(dev, LSI_PROGRAM_BYTES, lsi->program, lsi->program_dma);
	return ret;
}

/* A program that the chip may still fetch is kept for good. */
static void lsi_stop(struct edudma_engine *engine)
{
	struct lsi_engine *lsi = engine->priv;
	struct device *dev = &engine->pdev->dev;

	free_irq(lsi->irq, engine);
	if (!lsi->quiet) {
		get_device(dev);
		return;
	}
	dma_unmap_resource(dev, lsi->window_dma, LSI_RAM_BYTES, DMA_BIDIRECTIONAL, 0);
	dma_free_coherent(dev, LSI_PROGRAM_BYTES, lsi->program, lsi->program_dma);
}

static const struct edudma_engine_ops lsi_ops = {
	.name = "lsi",
	.kind = EDUDMA_ENGINE_OTHER,
	.init = lsi_init,
	.exit = lsi_exit,
	.start = lsi_start,
	.stop = lsi_stop,
	.issue = lsi_issue,
	.kick = lsi_kick,
	.reap = lsi_reap,
	.quiesce = lsi_quiesce,
	.restart = lsi_restart,
};

int edudma_engine_init(struct edudma_engine *engine)
{
	struct device *dev = &engine->pdev->dev;
	u32 value = 0x53c895a0;
	int ret;

	if (pci_resource_len(engine->pdev, LSI_RAM_BAR) < LSI_RAM_BYTES) {
		dev_err(dev, "BAR %d is too small for SCRIPTS RAM\n", LSI_RAM_BAR);
		return -ENODEV;
	}
	/* Whoever used it before may have left a program running. */
	if (lsi_reset(engine)) {
		dev_err(dev, "the chip cannot be reset\n");
		return -EIO;
	}
	writel(value, engine->regs + LSI_SCRATCHA);
	if (readl(engine->regs + LSI_SCRATCHA) != value) {
		dev_err(dev, "SCRATCHA does not hold what was written\n");
		return -EIO;
	}

	engine->ops = &lsi_ops;
	ret = lsi_init(engine);
	if (!ret)
		dev_info(dev, "53C895A, window of %llu bytes\n", engine->window_bytes);

	return ret;
}
