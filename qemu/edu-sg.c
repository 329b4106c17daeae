/*
 * EDU with scatter/gather rings
 *
 * A device to write drivers for: compatible with hw/misc/edu.c, and with what
 * it lacks: descriptor rings, completions by phase, MSI-X, coalescing, abort,
 * and faults on demand.  The specification is docs/specs/edu-sg.
 *
 * This file is the device as PCI and QEMU see it.  Registers are in
 * edu-sg-mmio.c and edu-sg-legacy.c, channels in edu-sg-ring.c and
 * edu-sg-complete.c, what streams have beyond that in edu-sg-stream.c,
 * edu-sg-frames.c and edu-sg-pattern.c, properties for tests in edu-sg-props.c,
 * what migrates in edu-sg-migrate.c, and the bus in edu-sg-core.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/host-utils.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "edu-sg.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"

#define MEMORY_MIN      (4 * KiB)
#define MEMORY_MAX      (1 * GiB)
#define FIFO_MAX        (1 * GiB)
#define MASK_BITS_MIN   12

static void edu_sg_reset(DeviceState *dev)
{
    PCIDevice *pdev = PCI_DEVICE(dev);

    edu_sg_device_reset(EDU_SG(dev));
    if (pci_is_express(pdev)) {
        pcie_cap_deverr_reset(pdev);
        pcie_cap_lnkctl_reset(pdev);
    }
}

static uint32_t edu_sg_config_read(PCIDevice *pdev, uint32_t addr, int len)
{
    if (EDU_SG(pdev)->faults.dead) {
        return ~0u >> (32 - 8 * len);
    }
    return pci_default_read_config(pdev, addr, len);
}

static void edu_sg_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val,
                                int len)
{
    EduSgState *s = EDU_SG(pdev);

    if (s->faults.dead) {
        return;
    }
    pci_default_write_config(pdev, addr, val, len);
    if (pci_is_express(pdev)) {
        pcie_cap_flr_write_config(pdev, addr, val, len);
        pcie_aer_write_config(pdev, addr, val, len);
    }
    /* Messages may have been switched on or off. */
    edu_sg_update_line(s);
}

static bool check_properties(EduSgState *s, Error **errp)
{
    if (!is_power_of_2(s->memory) || s->memory < MEMORY_MIN ||
        s->memory > MEMORY_MAX) {
        error_setg(errp, "property 'memory' is 0x%" PRIx64 " bytes, not a power"
                   " of two from 4K to 1G", s->memory);
        return false;
    }
    if (!s->channels || s->channels > EDU_SG_CHANNELS_MAX) {
        error_setg(errp, "property 'channels' is %u, not 1 to %d", s->channels,
                   EDU_SG_CHANNELS_MAX);
        return false;
    }
    if ((s->dma_mask & (s->dma_mask + 1)) ||
        s->dma_mask < (1 << MASK_BITS_MIN) - 1) {
        error_setg(errp, "property 'dma_mask' is 0x%" PRIx64 ", not 2^n - 1"
                   " with n from %d to 64", s->dma_mask, MASK_BITS_MIN);
        return false;
    }
    if (s->fifo > FIFO_MAX) {
        error_setg(errp, "property 'fifo' is 0x%" PRIx64 " bytes, more than 1G",
                   s->fifo);
        return false;
    }
    return true;
}

static bool realize_bars(EduSgState *s, Error **errp)
{
    PCIDevice *pdev = &s->pdev;
    ERRP_GUARD();

    memory_region_init_ram(&s->mem, OBJECT(s), "edu-sg-ram", s->memory, errp);
    if (*errp) {
        return false;
    }
    s->mem_ptr = memory_region_get_ram_ptr(&s->mem);
    memory_region_init(&s->mem_bar, OBJECT(s), "edu-sg-memory", s->memory);
    memory_region_add_subregion(&s->mem_bar, 0, &s->mem);
    pci_register_bar(pdev, 2, PCI_BASE_ADDRESS_SPACE_MEMORY |
                     PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &s->mem_bar);

    memory_region_init_io(&s->mmio, OBJECT(s), &edu_sg_mmio_ops, s,
                          "edu-sg-mmio", 1 * MiB);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);
    return true;
}

static bool realize_interrupts(EduSgState *s, Error **errp)
{
    PCIDevice *pdev = &s->pdev;

    pci_config_set_interrupt_pin(pdev->config, 1);
    if (msi_init(pdev, 0, 1, true, false, errp) < 0) {
        return false;
    }
    if (msix_init_exclusive_bar(pdev, 1 + s->channels, 4, errp) < 0) {
        msi_uninit(pdev);
        return false;
    }
    for (uint32_t n = 0; n <= s->channels; n++) {
        msix_vector_use(pdev, n);
    }
    return true;
}

/* An endpoint below a port; conventional on any other bus. */
static bool realize_express(PCIDevice *pdev, Error **errp)
{
    PCIBus *bus = pci_get_bus(pdev);

    if (!pci_bus_is_express(bus) || pci_bus_is_root(bus)) {
        pdev->cap_present &= ~QEMU_PCI_CAP_EXPRESS;
        return true;
    }
    if (pcie_endpoint_cap_init(pdev, 0) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        return false;
    }
    pcie_cap_deverr_init(pdev);
    pcie_cap_lnkctl_init(pdev);
    pcie_cap_flr_init(pdev);
    if (pcie_aer_init(pdev, PCI_ERR_VER, PCI_CONFIG_SPACE_SIZE, PCI_ERR_SIZEOF,
                      errp) < 0) {
        pcie_cap_exit(pdev);
        return false;
    }
    return true;
}

static void exit_express(PCIDevice *pdev)
{
    if (pci_is_express(pdev)) {
        pcie_aer_exit(pdev);
        pcie_cap_exit(pdev);
    }
}

static void edu_sg_realize(PCIDevice *pdev, Error **errp)
{
    EduSgState *s = EDU_SG(pdev);

    if (!check_properties(s, errp) || !realize_express(pdev, errp)) {
        return;
    }
    if (!realize_bars(s, errp)) {
        goto err_express;
    }
    if (!realize_interrupts(s, errp)) {
        goto err_bars;
    }
    edu_sg_dead_realize(s);
    s->gone = false;
    return;

err_bars:
    memory_region_del_subregion(&s->mem_bar, &s->mem);
err_express:
    exit_express(pdev);
}

static void edu_sg_exit(PCIDevice *pdev)
{
    EduSgState *s = EDU_SG(pdev);

    edu_sg_device_reset(s);
    s->gone = true;
    /* Each subregion holds a reference to the device. */
    edu_sg_dead_exit(s);
    memory_region_del_subregion(&s->mem_bar, &s->mem);
    msix_uninit_exclusive_bar(pdev);
    msi_uninit(pdev);
    exit_express(pdev);
}

static void edu_sg_instance_init(Object *obj)
{
    EduSgState *s = EDU_SG(obj);

    /* The size of configuration space depends on it, before realize. */
    PCI_DEVICE(obj)->cap_present |= QEMU_PCI_CAP_EXPRESS;
    s->slice = g_malloc(EDU_SG_SLICE);
    s->expected = g_malloc(EDU_SG_SLICE);
    s->gone = true;
    edu_sg_legacy_init(s);
    for (uint32_t n = 0; n < EDU_SG_CHANNELS_MAX; n++) {
        edu_sg_channel_init(s, n);
    }
    edu_sg_props_init(s);
}

static void edu_sg_instance_finalize(Object *obj)
{
    g_free(EDU_SG(obj)->slice);
    g_free(EDU_SG(obj)->expected);
}

static EDU_SG_PROP_CONST Property edu_sg_properties[] = {
    DEFINE_PROP_SIZE("memory", EduSgState, memory, 1 * MiB),
    DEFINE_PROP_UINT32("channels", EduSgState, channels, 1),
    DEFINE_PROP_UINT64("dma_mask", EduSgState, dma_mask, (1 << 28) - 1),
    DEFINE_PROP_SIZE("fifo", EduSgState, fifo, 1 * MiB),
    EDU_SG_PROP_END
};

static void edu_sg_class_init(ObjectClass *oc, EDU_SG_CLASS_CONST void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);

    k->realize = edu_sg_realize;
    k->exit = edu_sg_exit;
    k->config_read = edu_sg_config_read;
    k->config_write = edu_sg_config_write;
    k->vendor_id = PCI_VENDOR_ID_QEMU;
    k->device_id = 0x11e8;
    k->revision = 0x10;
    k->class_id = PCI_CLASS_OTHERS;

    dc->desc = "EDU with scatter/gather rings";
    dc->vmsd = &edu_sg_vmstate;
    device_class_set_legacy_reset(dc, edu_sg_reset);
    device_class_set_props(dc, edu_sg_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    edu_sg_props_class_init(oc);
}

static const TypeInfo edu_sg_types[] = {
    {
        .name = TYPE_EDU_SG,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(EduSgState),
        .instance_init = edu_sg_instance_init,
        .instance_finalize = edu_sg_instance_finalize,
        .class_init = edu_sg_class_init,
        .interfaces = (EDU_SG_CLASS_CONST InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};

DEFINE_TYPES(edu_sg_types)
