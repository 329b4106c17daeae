/*
 * EDU with scatter/gather rings: what migrates
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "edu-sg.h"
#include "hw/pci/msix.h"
#include "migration/vmstate.h"

/*
 * True if the device can work with the state that a migration stream brought.
 * The stream may be malicious.
 */
static bool channel_valid(EduSgChannel *ch)
{
    if (ch->n >= ch->s->channels &&
        (ch->state != EDU_SG_DISABLED || ch->irq_due || ch->events ||
         timer_pending(&ch->irq_timer))) {
        return false;
    }
    if (ch->state == EDU_SG_DISABLED || ch->state == EDU_SG_FAILED) {
        return !ch->busy;
    }
    if (ch->state > EDU_SG_FAILED || !edu_sg_channel_config_ok(ch) ||
        ch->tail - ch->head > ch->size) {
        return false;
    }
    if (edu_sg_kind(ch) != EDU_SG_RING) {
        return edu_sg_stream_valid(ch);
    }
    if (!ch->busy) {
        return true;
    }
    /* Within a descriptor, nothing is judged again. */
    return ch->head != ch->tail && ch->moved <= ch->cur.len &&
           (!ch->moved || (ch->moved < ch->cur.len &&
                           edu_sg_fits(ch->cur.offset, ch->cur.len,
                                       ch->s->memory - 1) &&
                           edu_sg_fits(ch->cur.addr, ch->cur.len,
                                       ch->s->dma_mask)));
}

/*
 * Neither the descriptors that were read ahead nor the channels' timers
 * migrate.  The destination reads the descriptors again, and starts a timer
 * for each channel that its own faults let run.
 */
static int post_load(void *opaque, int version_id)
{
    EduSgState *s = opaque;

    for (uint32_t n = 0; n < EDU_SG_CHANNELS_MAX; n++) {
        EduSgChannel *ch = &s->ch[n];

        ch->ahead_pos = 0;
        ch->ahead_count = 0;
        if (!channel_valid(ch)) {
            error_report("edu-sg: invalid state of channel %u", n);
            edu_sg_device_reset(s);
            return -EINVAL;
        }
    }
    if (s->faults.dead) {
        edu_sg_device_reset(s);
    }
    edu_sg_update_channels(s);
    return 0;
}

static EDU_SG_VMSTATE_CONST VMStateField frame_fields[] = {
    VMSTATE_UINT64(position, EduSgFrame),
    VMSTATE_UINT64(sequence, EduSgFrame),
    VMSTATE_INT64(time, EduSgFrame),
    VMSTATE_UINT32(bytes, EduSgFrame),
    VMSTATE_END_OF_LIST()
};

static const VMStateDescription frame_vmstate = {
    .name = "edu-sg/frame",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = frame_fields,
};

/* At once: if what follows cannot be read, nobody looks at this any more. */
static int stream_post_load(void *opaque, int version_id)
{
    EduSgChannel *ch = opaque;

    if (!edu_sg_frames_valid(ch) ||
        (ch->stream.started && !edu_sg_stream_config_ok(ch))) {
        error_report("edu-sg: invalid stream of channel %u", ch->n);
        edu_sg_channel_reset(ch);
        return -EINVAL;
    }
    return 0;
}

static bool stream_needed(void *opaque)
{
    const EduSgStream *st = &((EduSgChannel *)opaque)->stream;

    return st->mode || st->frame_bytes || st->rate;
}

static EDU_SG_VMSTATE_CONST VMStateField stream_fields[] = {
    VMSTATE_UINT32(stream.mode, EduSgChannel),
    VMSTATE_UINT32(stream.frame_bytes, EduSgChannel),
    VMSTATE_UINT64(stream.rate, EduSgChannel),
    VMSTATE_UINT64(stream.produced, EduSgChannel),
    VMSTATE_UINT64(stream.delivered, EduSgChannel),
    VMSTATE_UINT64(stream.lost, EduSgChannel),
    VMSTATE_UINT64(stream.frames, EduSgChannel),
    VMSTATE_UINT64(stream.mismatches, EduSgChannel),
    VMSTATE_UINT64(stream.first_mismatch, EduSgChannel),
    VMSTATE_BOOL(stream.started, EduSgChannel),
    VMSTATE_BOOL(stream.ended, EduSgChannel),
    VMSTATE_INT64(stream.origin, EduSgChannel),
    VMSTATE_UINT64(stream.base, EduSgChannel),
    VMSTATE_UINT32(stream.fifo_pos, EduSgChannel),
    VMSTATE_UINT32(stream.fifo_count, EduSgChannel),
    VMSTATE_STRUCT_ARRAY(stream.fifo, EduSgChannel, EDU_SG_FIFO_FRAMES + 1, 1,
                         frame_vmstate, EduSgFrame),
    VMSTATE_STRUCT(stream.frame, EduSgChannel, 1, frame_vmstate, EduSgFrame),
    VMSTATE_UINT32(stream.pieces, EduSgChannel),
    VMSTATE_UINT64(stream.piece_addr, EduSgChannel),
    VMSTATE_UINT32(stream.piece_left, EduSgChannel),
    VMSTATE_UINT32(swapped.sequence, EduSgChannel),
    VMSTATE_UINT64(swapped.position, EduSgChannel),
    VMSTATE_UINT64(swapped.time, EduSgChannel),
    VMSTATE_UINT32(swapped.moved, EduSgChannel),
    VMSTATE_END_OF_LIST()
};

static const VMStateDescription stream_vmstate = {
    .name = "edu-sg/channel/stream",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = stream_needed,
    .post_load = stream_post_load,
    .fields = stream_fields,
};

/* A channel without the subsection is no stream. */
static int channel_pre_load(void *opaque)
{
    EduSgChannel *ch = opaque;

    memset(&ch->stream, 0, sizeof(ch->stream));
    return 0;
}

static const VMStateDescription *EDU_SG_VMSTATE_CONST channel_subsections[] = {
    &stream_vmstate,
    NULL
};

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
    .pre_load = channel_pre_load,
    .fields = channel_fields,
    .subsections = channel_subsections,
};

static EDU_SG_VMSTATE_CONST VMStateField device_fields[] = {
    VMSTATE_PCI_DEVICE(pdev, EduSgState),
    VMSTATE_MSIX(pdev, EduSgState),
    VMSTATE_UINT64_EQUAL(memory, EduSgState, "property 'memory'"),
    VMSTATE_UINT32_EQUAL(channels, EduSgState, "property 'channels'"),
    VMSTATE_UINT64_EQUAL(dma_mask, EduSgState, "property 'dma_mask'"),
    VMSTATE_UINT64_EQUAL(fifo, EduSgState, "property 'fifo'"),
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
    .version_id = 4,
    .minimum_version_id = 4,
    .post_load = post_load,
    .fields = device_fields,
};
