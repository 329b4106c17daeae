/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI function seen from user space: configuration space, and the registers
 * behind its first BAR.  To do what the driver does not expect, or to look
 * whether it did what it must.
 */
#ifndef EDUDMA_PCI_H
#define EDUDMA_PCI_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/pci_regs.h>

/* Registers of edu, by index into pci_registers()' array. */
#define EDU_IRQ_RAISE	(0x60 / 4)
#define EDU_DMA_SRC	(0x80 / 4)
#define EDU_DMA_DST	(0x88 / 4)
#define EDU_DMA_COUNT	(0x90 / 4)
#define EDU_DMA_CMD	(0x98 / 4)

#define EDU_IRQ_DMA	0x100
#define EDU_CMD_RUN	0x1
#define EDU_WINDOW	0x40000

/* Channels of an edu-sg, and registers of each by index (docs/edu-sg.md). */
#define SG_CHANNELS	0x10000
#define SG_CHANNEL_BYTES	0x1000
#define SG_STATUS	(0x04 / 4)
#define SG_HEAD		(0x1c / 4)
#define SG_DOORBELL	(0x20 / 4)

#define SG_STATE	0xf	/* of SG_STATUS */
#define SG_STATE_RUNNING	1
#define SG_EXECUTING	0x100

/** pci_config_open() - the configuration space of a function; -1 and errno */
int pci_config_open(const char *slot);

/** pci_config_read() - 16 bits of it */
uint16_t pci_config_read(int config, int at);

/** pci_config_write() - 16 bits of it */
void pci_config_write(int config, int at, uint16_t value);

/** pci_capability() - where a capability is, or 0 */
int pci_capability(int config, uint8_t id);

/**
 * pci_interrupts() - let a function interrupt or not, behind its driver's back
 * @slot: PCI address, as sysfs writes it
 * @msi: it sends messages by MSI; else it has a line
 *
 * False if that fails.  A message that was not sent is not sent later.
 */
bool pci_interrupts(const char *slot, bool msi, bool on);

/**
 * pci_registers() - map a page of registers
 * @slot: PCI address, as sysfs writes it
 * @at: byte of the BAR that it begins with
 *
 * NULL and errno where that fails: the kernel wants iomem=relaxed for it while a
 * driver is bound.
 */
volatile uint32_t *pci_registers(const char *slot, off_t at);

/**
 * pci_dma_over() - has the device done all that it was given, or been stopped?
 * @slot: PCI address
 * @channels: of an edu-sg that is used as one; 0 for one that is not
 *
 * The answer comes from its registers: once it is yes, what the device has written
 * is in memory.  False, too, if they cannot be read.
 */
bool pci_dma_over(const char *slot, unsigned int channels);

#endif /* EDUDMA_PCI_H */
