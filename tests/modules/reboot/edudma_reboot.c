// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells one device what the kernel tells them all before it reboots or hands
 * over to another kernel (device_shutdown()), and lets the machine run on, so
 * that what came of it can be seen.
 *
 * Done when it is loaded.  Nothing stays: loading ends with -ECANCELED then.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>

static char *slot;
module_param(slot, charp, 0);
MODULE_PARM_DESC(slot, "PCI address of the device, as sysfs writes it");

static int __init edudma_reboot_init(void)
{
	struct device *dev;

	if (!slot)
		return -EINVAL;
	dev = bus_find_device_by_name(&pci_bus_type, NULL, slot);
	if (!dev)
		return -ENODEV;

	device_lock(dev);
	pm_runtime_get_noresume(dev);
	pm_runtime_barrier(dev);
	if (dev->driver)
		dev->bus->shutdown(dev);
	pm_runtime_put_noidle(dev);
	device_unlock(dev);
	put_device(dev);

	return -ECANCELED;
}
module_init(edudma_reboot_init);

MODULE_DESCRIPTION("A reboot, as one PCI device sees it");
MODULE_LICENSE("GPL");
