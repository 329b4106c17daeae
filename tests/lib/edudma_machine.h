/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's side of a device under test: properties of QEMU's object for it,
 * which a test reads and sets while the device runs.  Needs QMP (edudma_qmp.h).
 */
#ifndef EDUDMA_MACHINE_H
#define EDUDMA_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edudma_info;
struct test_dev;

/** machine_set() - set a property; 0 or an errno */
int machine_set(const struct test_dev *dev, const char *property, uint64_t value);

/** machine_set_bool() - set a property that is true or false; 0 or an errno */
int machine_set_bool(const struct test_dev *dev, const char *property, int value);

/** machine_get() - read a property; UINT64_MAX if it cannot be read */
uint64_t machine_get(const struct test_dev *dev, const char *property);

/**
 * machine_pace() - the property with the nanoseconds that each hardware transfer
 * takes; NULL if the device has none, as a plain edu
 */
const char *machine_pace(const struct test_dev *dev, const struct edudma_info *info);

/**
 * machine_pcie_error() - have a PCI Express endpoint report an error
 * @error:	a name of QEMU's command pcie_aer_inject_error
 *
 * 0 or an errno.
 */
int machine_pcie_error(const struct test_dev *dev, const char *error);

/** machine_slot() - the PCI address of the device with an id; 0 or an errno */
int machine_slot(const char *id, char *slot, size_t size);

/** machine_version() - QEMU's major version; 0 if it does not answer */
int machine_version(void);

/**
 * machine_stands_removals() - can a device be taken away while others are busy?
 *
 * When one processor moves a device's memory while another one's thread is about to use
 * device memory, QEMU before 8.2 may die.
 */
bool machine_stands_removals(void);

#endif /* EDUDMA_MACHINE_H */
