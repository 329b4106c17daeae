/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI function seen from user space: configuration space, and the registers
 * behind its first BAR.  To do what the driver does not expect, or to look
 * whether it did what it must.
 */
#ifndef EDUDMA_PCI_H
#define EDUDMA_PCI_H

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

/** pci_config_open() - the configuration space of a function; -1 and errno */
int pci_config_open(const char *slot);

/** pci_config_read() - 16 bits of it */
uint16_t pci_config_read(int config, int at);

/** pci_config_write() - 16 bits of it */
void pci_config_write(int config, int at, uint16_t value);

/** pci_capability() - where a capability is, or 0 */
int pci_capability(int config, uint8_t id);

/**
 * pci_registers() - map a page of registers
 * @slot: PCI address, as sysfs writes it
 * @at: byte of the BAR that it begins with
 *
 * NULL and errno where that fails: the kernel wants iomem=relaxed for it while a
 * driver is bound.
 */
volatile uint32_t *pci_registers(const char *slot, off_t at);

#endif /* EDUDMA_PCI_H */
