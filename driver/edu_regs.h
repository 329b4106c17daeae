/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers that every edu has, as in docs/specs/edu of QEMU.
 */
#ifndef EDUDMA_EDU_REGS_H
#define EDUDMA_EDU_REGS_H

#define EDU_VENDOR_ID		0x1234
#define EDU_DEVICE_ID		0x11e8
#define EDU_BAR			0

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
#define EDU_ID_MAJOR(id)	((id) >> 24)
#define EDU_ID_MINOR(id)	(((id) >> 16) & 0xff)

/* From this major version on the device is an edu-sg: docs/edu-sg.md. */
#define EDU_ID_MAJOR_SG		2

#define EDU_IRQ_DMA		0x00000100	/* a transfer is complete */
#define EDU_IRQ_TEST		0x80000000	/* no event of edu's own */

#define EDU_CMD_RUN		0x1		/* start; reads 1 until complete */
#define EDU_CMD_FROM_DEVICE	0x2		/* window to RAM, else RAM to window */
#define EDU_CMD_IRQ		0x4		/* interrupt when complete */

/* How long the interrupt that proves an interrupt line may take. */
#define EDU_IRQ_TEST_MS		1000

#endif /* EDUDMA_EDU_REGS_H */
