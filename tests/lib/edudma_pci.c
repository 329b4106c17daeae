// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space and registers; see edudma_pci.h.
 */
#include "edudma_pci.h"
#include "edudma_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

int pci_config_open(const char *slot)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", slot);
	return open(path, O_RDWR | O_CLOEXEC);
}

uint16_t pci_config_read(int config, int at)
{
	uint16_t value;

	if (pread(config, &value, sizeof(value), at) != sizeof(value))
		die("configuration space");
	return value;
}

void pci_config_write(int config, int at, uint16_t value)
{
	if (pwrite(config, &value, sizeof(value), at) != sizeof(value))
		die("configuration space");
}

int pci_capability(int config, uint8_t id)
{
	int at = pci_config_read(config, PCI_CAPABILITY_LIST) & 0xfc;

	while (at) {
		uint16_t head = pci_config_read(config, at);

		if ((head & 0xff) == id)
			return at;
		at = (head >> 8) & 0xfc;
	}
	return 0;
}

bool pci_interrupts(const char *slot, bool msi, bool on)
{
	const int config = pci_config_open(slot);
	const uint16_t flag = msi ? PCI_MSI_FLAGS_ENABLE : PCI_COMMAND_INTX_DISABLE;
	int at = PCI_COMMAND;
	uint16_t value;

	if (config < 0)
		return false;
	if (msi)
		at = pci_capability(config, PCI_CAP_ID_MSI) + PCI_MSI_FLAGS;
	if (msi && at == PCI_MSI_FLAGS) {
		close(config);
		return false;
	}
	value = pci_config_read(config, at);
	value = on == msi ? value | flag : value & ~flag;
	pci_config_write(config, at, value);
	close(config);
	return true;
}

volatile uint32_t *pci_registers(const char *slot, off_t at)
{
	char path[96];
	void *regs;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", slot);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	regs = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
	close(fd);
	return regs == MAP_FAILED ? NULL : regs;
}

static bool channel_over(const char *slot, unsigned int channel)
{
	volatile uint32_t *regs;
	uint32_t status;
	bool over;

	regs = pci_registers(slot, SG_CHANNELS + channel * SG_CHANNEL_BYTES);
	if (!regs)
		return false;
	status = regs[SG_STATUS];
	over = !(status & SG_EXECUTING) &&
	       ((status & SG_STATE) != SG_STATE_RUNNING ||
		regs[SG_HEAD] == regs[SG_DOORBELL]);
	munmap((void *)regs, page_size());
	return over;
}

bool pci_dma_over(const char *slot, unsigned int channels)
{
	volatile uint32_t *regs = pci_registers(slot, 0);
	unsigned int i;
	bool over;

	if (!regs)
		return false;
	over = !(regs[EDU_DMA_CMD] & EDU_CMD_RUN);
	munmap((void *)regs, page_size());
	for (i = 0; i < channels && over; i++)
		over = channel_over(slot, i);
	return over;
}
