/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeping the device awake.
 */
#ifndef EDUDMA_POWER_H
#define EDUDMA_POWER_H

#include <linux/pm_runtime.h>

/**
 * edudma_pm_get() - keep the device awake until edudma_pm_put()
 * @dev:	the PCI device
 *
 * Context: Process, under edudma_device.unplug_rwsem while not unplugged.  May sleep.
 * Return: 0, or -EIO if it does not wake.
 */
static inline int edudma_pm_get(struct device *dev)
{
	return pm_runtime_resume_and_get(dev) < 0 ? -EIO : 0;
}

/**
 * edudma_pm_put() - undo edudma_pm_get()
 * @dev:	the PCI device, which edudma_remove() has not released yet
 *
 * Context: Any.
 */
static inline void edudma_pm_put(struct device *dev)
{
	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

#endif /* EDUDMA_POWER_H */
