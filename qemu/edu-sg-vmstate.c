/*
 * EDU with scatter/gather rings: migration
 *
 * Neither the descriptors that were read ahead nor the channels' timers
 * migrate.  The destination reads the descriptors again, and starts a timer
 * for each channel that its own faults let run.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "edu-sg.h"
#include "hw/pci/msix.h"
#include "migration/vmstate.h"

static int post_load(void *opaque, int version_id)
{
    EduSgState *s = opaque;

    for (uint32_t n = 0; n < EDU_SG_CHANNELS_MAX; n++) {
        EduSgChannel *ch = &s->ch[n];

        ch->ahead_pos = 0;
        ch->ahead_count = 0;
        if (!edu_sg_channel_valid(ch)) {
            error_report("edu-sg: invalid state of channel %u", n);
            return -EINVAL;
        }
    }
    if (s->faults.dead) {
        edu_sg_device_reset(s);
    }
    edu_sg_update_channels(s);
    return 0;
}

static EDU_SG_VMSTATE_CONST VMStateField channel_fields[] = {
    VMSTATE_UINT32(state, EduSgChannel),
    VMSTATE_UINT32(error, EduSgChannel),
    VMSTATE_UINT64(sq_base, EduSgChannel),
    VMSTATE_UINT64(cq_base, EduSgChannel),
    VMSTATE_UINT32(size, EduSgChannel),
    VMSTATE_UINT32(head, EduSgChannel),
    VMSTATE_UINT32(tail, EduSgChannel),
    VMSTATE_UINT32(irq_enable, EduSgChannel),
    VMSTATE_UINT32(coal_count, EduSgChannel),
    VMSTATE_UINT32(coal_usecs, EduSgChannel),
    VMSTATE_UINT32(completions, EduSgChannel),
    VMSTATE_BOOL(busy, EduSgChannel),
    VMSTATE_UINT64(cur.addr, EduSgChannel),
    VMSTATE_UINT64(cur.offset, EduSgChannel),
    VMSTATE_UINT32(cur.len, EduSgChannel),
    VMSTATE_UINT32(cur.flags, EduSgChannel),
    VMSTATE_UINT64(cur.reserved, EduSgChannel),
    VMSTATE_UINT32(moved, EduSgChannel),
    VMSTATE_BOOL(link_failed, EduSgChannel),
    VMSTATE_INT64(start, EduSgChannel),
    VMSTATE_INT64(free_at, EduSgChannel),
    VMSTATE_INT64(held_at, EduSgChannel),
    VMSTATE_UINT32(events, EduSgChannel),
    VMSTATE_BOOL(irq_due, EduSgChannel),
    VMSTATE_TIMER(irq_timer, EduSgChannel),
    VMSTATE_BOOL(swap_held, EduSgChannel),
    VMSTATE_BOOL(swap_event, EduSgChannel),
    VMSTATE_UINT32(swapped.index, EduSgChannel),
    VMSTATE_UINT32(swapped.bytes, EduSgChannel),
    VMSTATE_UINT32(swapped.status, EduSgChannel),
    VMSTATE_END_OF_LIST()
};

static const VMStateDescription channel_vmstate = {
    .name = "edu-sg/channel",
    .version_id = 2,
    .minimum_version_id = 2,
    .fields = channel_fields,
};

static EDU_SG_VMSTATE_CONST VMStateField device_fields[] = {
    VMSTATE_PCI_DEVICE(pdev, EduSgState),
    VMSTATE_MSIX(pdev, EduSgState),
    VMSTATE_UINT64_EQUAL(memory, EduSgState, "property 'memory'"),
    VMSTATE_UINT32_EQUAL(channels, EduSgState, "property 'channels'"),
    VMSTATE_UINT64_EQUAL(dma_mask, EduSgState, "property 'dma_mask'"),
    VMSTATE_UINT32(liveness, EduSgState),
    VMSTATE_UINT32(fact, EduSgState),
    VMSTATE_UINT32(fact_status, EduSgState),
    VMSTATE_UINT32(irq_status, EduSgState),
    VMSTATE_BOOL(line, EduSgState),
    VMSTATE_BOOL(line_dropped, EduSgState),
    VMSTATE_UINT64(dma_src, EduSgState),
    VMSTATE_UINT64(dma_dst, EduSgState),
    VMSTATE_UINT64(dma_count, EduSgState),
    VMSTATE_UINT64(dma_cmd, EduSgState),
    VMSTATE_TIMER(dma_timer, EduSgState),
    VMSTATE_INT64(dma_start, EduSgState),
    VMSTATE_TIMER(fact_timer, EduSgState),
    VMSTATE_UINT64(counters.doorbells, EduSgState),
    VMSTATE_UINT64(counters.reads, EduSgState),
    VMSTATE_UINT64(counters.writes, EduSgState),
    VMSTATE_UINT64(counters.interrupts, EduSgState),
    VMSTATE_UINT64(counters.descriptors, EduSgState),
    VMSTATE_UINT64(counters.to_device, EduSgState),
    VMSTATE_UINT64(counters.from_device, EduSgState),
    VMSTATE_UINT64(counters.fetches, EduSgState),
    VMSTATE_UINT64(counters.dropped, EduSgState),
    VMSTATE_STRUCT_ARRAY(ch, EduSgState, EDU_SG_CHANNELS_MAX, 1,
                         channel_vmstate, EduSgChannel),
    VMSTATE_END_OF_LIST()
};

const VMStateDescription edu_sg_vmstate = {
    .name = "edu-sg",
    .version_id = 3,
    .minimum_version_id = 3,
    .post_load = post_load,
    .fields = device_fields,
};
