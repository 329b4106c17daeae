/*
 * What differs between the versions of QEMU that edu-sg is built with, 7.2 to
 * today's.  The series for upstream has today's names in its place.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_MISC_EDU_SG_COMPAT_H
#define HW_MISC_EDU_SG_COMPAT_H

/* 8.0 split PCIDevice from pci.h */
#if __has_include("hw/pci/pci_device.h")
#include "hw/pci/pci_device.h"
#else
#include "hw/pci/pci.h"
#endif

/* 11.0 moved it */
#if __has_include("hw/core/qdev-properties.h")
#include "hw/core/qdev-properties.h"
#else
#include "hw/qdev-properties.h"
#endif

/* 9.0 made the fields of a VMStateDescription constant */
#if QEMU_VERSION_MAJOR >= 9
#define EDU_SG_VMSTATE_CONST const
#else
#define EDU_SG_VMSTATE_CONST
#endif

/* 10.1 made class data and interfaces constant */
#if QEMU_VERSION_MAJOR > 10 || \
    (QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR >= 1)
#define EDU_SG_CLASS_CONST const
#else
#define EDU_SG_CLASS_CONST
#endif

/* 10.0 knows the length of a list of properties */
#if QEMU_VERSION_MAJOR >= 10
#define EDU_SG_PROP_CONST const
#define EDU_SG_PROP_END
#else
#define EDU_SG_PROP_CONST
#define EDU_SG_PROP_END DEFINE_PROP_END_OF_LIST(),
#endif

/* 9.2 gave it a name */
#if QEMU_VERSION_MAJOR < 9 || \
    (QEMU_VERSION_MAJOR == 9 && QEMU_VERSION_MINOR < 2)
static inline void device_class_set_legacy_reset(DeviceClass *dc,
                                                 void (*reset)(DeviceState *))
{
    dc->reset = reset;
}
#endif

#endif
