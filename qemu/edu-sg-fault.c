/*
 * EDU with scatter/gather rings: faults on demand
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "edu-sg.h"
#include "trace.h"

typedef struct FaultProperty {
    const char *name;
    size_t offset;
    /* a bit for each channel, rather than a number */
    bool mask;
    const char *description;
} FaultProperty;

#define FAULT(_name, _field, _mask, _description) \
    { _name, offsetof(EduSgFaults, _field), _mask, _description }

static const FaultProperty fault_properties[] = {
    FAULT("fault-channels", channels, true,
          "channels that the other faults apply to"),
    FAULT("fault-fail", fail, false,
          "number of descriptors to end with a bus error"),
    FAULT("fault-wrong", wrong, false,
          "number of completions to carry a wrong index"),
    FAULT("fault-repeat", repeat, false,
          "number of completions to write twice"),
    FAULT("fault-swap", swap, false,
          "number of completions to write after the following one"),
    FAULT("fault-excess", excess, false,
          "bytes that the next completion claims too many"),
    FAULT("fault-stall", stall, true,
          "channels that execute nothing"),
    FAULT("fault-stuck", stuck, true,
          "channels that ignore commands"),
    FAULT("fault-drop-irq", drop_irq, false,
          "number of interrupts to drop"),
};

/* True if the fault happens now; then it happens once less from now on. */
bool edu_sg_fault(EduSgChannel *ch, uint32_t *fault)
{
    if (!*fault || !(ch->s->faults.channels & (1u << ch->n))) {
        return false;
    }
    (*fault)--;
    trace_edu_sg_fault(ch->n, (uint8_t *)fault - (uint8_t *)&ch->s->faults);
    return true;
}

bool edu_sg_stalled(const EduSgChannel *ch)
{
    return ch->s->faults.stall & (1u << ch->n);
}

bool edu_sg_stuck(const EduSgChannel *ch)
{
    return ch->s->faults.stuck & (1u << ch->n);
}

static uint32_t *fault_field(Object *obj, const FaultProperty *prop)
{
    return (uint32_t *)((uint8_t *)&EDU_SG(obj)->faults + prop->offset);
}

static void fault_get(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    uint32_t val = *fault_field(obj, opaque);

    visit_type_uint32(v, name, &val, errp);
}

static void fault_set(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    const FaultProperty *prop = opaque;
    uint32_t val;

    if (!visit_type_uint32(v, name, &val, errp)) {
        return;
    }
    if (prop->mask && val >= (1u << EDU_SG_CHANNELS_MAX)) {
        error_setg(errp, "%s is a mask of channels: 0 to 0x%x, not 0x%x",
                   name, (1u << EDU_SG_CHANNELS_MAX) - 1, val);
        return;
    }
    *fault_field(obj, prop) = val;
    edu_sg_update_channels(EDU_SG(obj));
}

static void set_covers(EduSgState *s)
{
    memory_region_set_enabled(&s->dead_mem, s->faults.dead);
    memory_region_set_enabled(&s->dead_msix, s->faults.dead);
}

static bool dead_get(Object *obj, Error **errp)
{
    return EDU_SG(obj)->faults.dead;
}

static void dead_set(Object *obj, bool dead, Error **errp)
{
    EduSgState *s = EDU_SG(obj);

    if (dead == s->faults.dead) {
        return;
    }
    if (DEVICE(obj)->realized) {
        edu_sg_device_reset(s);
    }
    s->faults.dead = dead;
    if (DEVICE(obj)->realized) {
        set_covers(s);
    }
}

static uint64_t dead_read(void *opaque, hwaddr addr, unsigned size)
{
    return ~0ull;
}

static void dead_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
}

static const MemoryRegionOps dead_ops = {
    .read = dead_read,
    .write = dead_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

/* What a dead device has in place of its memory and its MSI-X table. */
void edu_sg_fault_realize(EduSgState *s)
{
    MemoryRegion *msix = &s->pdev.msix_exclusive_bar;

    memory_region_init_io(&s->dead_mem, OBJECT(s), &dead_ops, s,
                          "edu-sg-dead-memory", s->memory);
    memory_region_add_subregion_overlap(&s->mem_bar, 0, &s->dead_mem, 1);
    memory_region_init_io(&s->dead_msix, OBJECT(s), &dead_ops, s,
                          "edu-sg-dead-msix", memory_region_size(msix));
    memory_region_add_subregion_overlap(msix, 0, &s->dead_msix, 1);
    set_covers(s);
}

void edu_sg_fault_exit(EduSgState *s)
{
    memory_region_del_subregion(&s->mem_bar, &s->dead_mem);
    memory_region_del_subregion(&s->pdev.msix_exclusive_bar, &s->dead_msix);
}

void edu_sg_fault_init(EduSgState *s)
{
    s->faults.channels = (1u << EDU_SG_CHANNELS_MAX) - 1;
}

void edu_sg_fault_class_init(ObjectClass *oc)
{
    for (size_t i = 0; i < ARRAY_SIZE(fault_properties); i++) {
        const FaultProperty *prop = &fault_properties[i];

        object_class_property_add(oc, prop->name, "uint32", fault_get,
                                  fault_set, NULL, (void *)prop);
        object_class_property_set_description(oc, prop->name,
                                              prop->description);
    }
    object_class_property_add_bool(oc, "fault-dead", dead_get, dead_set);
    object_class_property_set_description(oc, "fault-dead",
                                          "all of the device reads as ones");
}
