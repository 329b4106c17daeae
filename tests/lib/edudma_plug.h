/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that come and go, below a port that can be plugged while the machine
 * runs: one more like the lane's others, or any other.  Needs QMP (edudma_qmp.h).
 */
#ifndef EDUDMA_PLUG_H
#define EDUDMA_PLUG_H

#include <stddef.h>

struct test_dev;

/** plug_in() - add a device like the others and wait for its node; 0 or an errno */
int plug_in(struct test_dev *dev);

/**
 * plug_in_other() - add a device and wait for its function
 * @device: as for QEMU's -device
 * @slot: PCI address, as sysfs writes it
 *
 * 0 or an errno.
 */
int plug_in_other(const char *device, char *slot, size_t size);

/**
 * plug_out() - take the device away, as from a machine that runs on
 *
 * 0 or an errno.  On return the driver has let go of it and it is gone.
 */
int plug_out(void);

/**
 * plug_reset() - have the kernel reset a device that was plugged in
 *
 * By the port: an edu cannot be reset by itself.  0 or an errno.
 */
int plug_reset(const struct test_dev *dev);

#endif /* EDUDMA_PLUG_H */
