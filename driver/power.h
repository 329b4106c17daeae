/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeping the device awake.
 */
#ifndef EDUDMA_POWER_H
#define EDUDMA_POWER_H

#include <linux/atomic.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>

#include "edudma_device.h"

/**
 * edudma_pm_get() - keep the device awake until edudma_pm_put()
 * @edev:	the device
 *
 * The first of all users wakes it.
 *
 * Context: Process, under edudma_device.unplug_rwsem while not unplugged.  May sleep.
 * Return: 0, or -EIO if it does not wake.
 */
static inline int edudma_pm_get(struct edudma_device *edev)
{
	struct device *dev = &edev->pdev->dev;

	if (atomic_inc_not_zero(&edev->awake))
		return 0;
	if (pm_runtime_resume_and_get(dev) < 0)
		return -EIO;
	/* All users have one reference in common. */
	if (atomic_inc_return(&edev->awake) > 1)
		pm_runtime_put_noidle(dev);

	return 0;
}

/**
 * edudma_pm_put() - undo edudma_pm_get()
 * @edev:	the device, which edudma_remove() has not released yet
 *
 * Context: Any.
 */
static inline void edudma_pm_put(struct edudma_device *edev)
{
	struct device *dev = &edev->pdev->dev;

	if (!atomic_dec_and_test(&edev->awake))
		return;
	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

#endif /* EDUDMA_POWER_H */
