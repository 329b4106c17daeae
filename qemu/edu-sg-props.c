/*
 * EDU with scatter/gather rings: what a test can set and read at any time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "edu-sg.h"

#define LATENCY_MAX     (60 * NANOSECONDS_PER_SECOND)

static void add_counters(Object *obj, EduSgCounters *c)
{
    const struct {
        const char *name;
        uint64_t *counter;
    } counters[] = {
        { "counter-doorbells", &c->doorbells },
        { "counter-reads", &c->reads },
        { "counter-writes", &c->writes },
        { "counter-interrupts", &c->interrupts },
        { "counter-descriptors", &c->descriptors },
        { "counter-bytes-to-device", &c->to_device },
        { "counter-bytes-from-device", &c->from_device },
        { "counter-fetches", &c->fetches },
        { "counter-dropped-interrupts", &c->dropped },
    };

    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        object_property_add_uint64_ptr(obj, counters[i].name,
                                       counters[i].counter, OBJ_PROP_FLAG_READ);
    }
}

static void latency_get(Object *obj, Visitor *v, const char *name,
                        void *opaque, Error **errp)
{
    visit_type_uint64(v, name, &EDU_SG(obj)->latency, errp);
}

static bool visit_latency(Visitor *v, const char *name, uint64_t *latency,
                          Error **errp)
{
    uint64_t val;

    if (!visit_type_uint64(v, name, &val, errp)) {
        return false;
    }
    if (val > LATENCY_MAX) {
        error_setg(errp, "property '%s' is %" PRIu64 " ns, more than 60 s",
                   name, val);
        return false;
    }
    *latency = val;
    return true;
}

static void latency_set(Object *obj, Visitor *v, const char *name,
                        void *opaque, Error **errp)
{
    EduSgState *s = EDU_SG(obj);

    if (visit_latency(v, name, &s->latency, errp)) {
        edu_sg_update_channels(s);
    }
}

static void legacy_latency_get(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    visit_type_uint64(v, name, &EDU_SG(obj)->legacy_latency, errp);
}

static void legacy_latency_set(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    EduSgState *s = EDU_SG(obj);

    if (visit_latency(v, name, &s->legacy_latency, errp)) {
        edu_sg_legacy_update(s);
    }
}

static void bandwidth_get(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    visit_type_size(v, name, &EDU_SG(obj)->bandwidth, errp);
}

static void bandwidth_set(Object *obj, Visitor *v, const char *name,
                          void *opaque, Error **errp)
{
    uint64_t val;

    if (visit_type_size(v, name, &val, errp)) {
        EDU_SG(obj)->bandwidth = val;
        edu_sg_update_channels(EDU_SG(obj));
    }
}

static void short_frames_get(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    visit_type_uint32(v, name, &EDU_SG(obj)->short_frames, errp);
}

static void short_frames_set(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    EduSgState *s = EDU_SG(obj);
    uint32_t val;

    if (visit_type_uint32(v, name, &val, errp)) {
        edu_sg_sync_channels(s);
        s->short_frames = val;
        edu_sg_update_channels(s);
    }
}

/* How fast the device is: unlike what is wired, it may change at any time. */
static void add_pace(ObjectClass *oc)
{
    object_class_property_add(oc, "latency", "uint64", latency_get, latency_set,
                              NULL, NULL);
    object_class_property_set_description(oc, "latency",
                                          "nanoseconds before the first byte of"
                                          " each descriptor");
    object_class_property_add(oc, "legacy-latency", "uint64",
                              legacy_latency_get, legacy_latency_set, NULL,
                              NULL);
    object_class_property_set_description(oc, "legacy-latency",
                                          "nanoseconds that a transfer by"
                                          " edu's registers takes");
    object_class_property_add(oc, "bandwidth", "size", bandwidth_get,
                              bandwidth_set, NULL, NULL);
    object_class_property_set_description(oc, "bandwidth",
                                          "bytes per second of each channel, 0"
                                          " for no limit");
    object_class_property_add(oc, "short-frames", "uint32", short_frames_get,
                              short_frames_set, NULL, NULL);
    object_class_property_set_description(oc, "short-frames",
                                          "of so many frames of a source, the"
                                          " last is half as long, 0 for none");
}

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
    FAULT("fault-overrun", overrun, false,
          "number of frames of a source to lose"),
    FAULT("fault-sequence", sequence, false,
          "number of completions to carry a sequence that is too high"),
    FAULT("fault-position", position, false,
          "number of completions to carry a position that is too low"),
};

static uint32_t *fault_field(Object *obj, const FaultProperty *prop)
{
    return (uint32_t *)((uint8_t *)&EDU_SG(obj)->faults + prop->offset);
}

static void fault_get(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    uint32_t val;

    edu_sg_sync_channels(EDU_SG(obj));
    val = *fault_field(obj, opaque);
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
    edu_sg_sync_channels(EDU_SG(obj));
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
void edu_sg_dead_realize(EduSgState *s)
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

void edu_sg_dead_exit(EduSgState *s)
{
    memory_region_del_subregion(&s->mem_bar, &s->dead_mem);
    memory_region_del_subregion(&s->pdev.msix_exclusive_bar, &s->dead_msix);
}

void edu_sg_props_init(EduSgState *s)
{
    s->legacy_latency = EDU_SG_LEGACY_LATENCY;
    s->faults.channels = (1u << EDU_SG_CHANNELS_MAX) - 1;
    add_counters(OBJECT(s), &s->counters);
}

void edu_sg_props_class_init(ObjectClass *oc)
{
    add_pace(oc);
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
