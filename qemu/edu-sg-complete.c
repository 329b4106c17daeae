/*
 * EDU with scatter/gather rings: completions, events and failures of a channel
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "edu-sg.h"
#include "trace.h"

void edu_sg_set_state(EduSgChannel *ch, uint32_t state)
{
    trace_edu_sg_state(ch->n, ch->state, state, ch->error);
    ch->state = state;
}

void edu_sg_irq_reset(EduSgChannel *ch)
{
    ch->events = 0;
    ch->irq_due = false;
    timer_del(&ch->irq_timer);
}

static void deliver(EduSgChannel *ch)
{
    if (!ch->irq_due || !ch->irq_enable) {
        return;
    }
    edu_sg_irq_reset(ch);
    edu_sg_notify(ch->s, ch->n);
}

void edu_sg_irq_flush(EduSgChannel *ch)
{
    if (ch->events) {
        ch->irq_due = true;
        deliver(ch);
    }
}

static void start_timer(EduSgChannel *ch)
{
    timer_mod(&ch->irq_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              ch->coal_usecs * INT64_C(1000));
}

/* Count an event; an urgent one is signalled at once. */
static void event(EduSgChannel *ch, bool urgent)
{
    ch->events++;
    if (urgent || ch->events >= MAX(ch->coal_count, 1)) {
        edu_sg_irq_flush(ch);
    } else if (ch->coal_usecs && !timer_pending(&ch->irq_timer)) {
        start_timer(ch);
    }
}

/* The channel has no more work: without a time, signal the last events. */
void edu_sg_idle(EduSgChannel *ch)
{
    if (!ch->coal_usecs) {
        edu_sg_irq_flush(ch);
    }
}

/*
 * New rules also apply to the events that have gathered.  Otherwise these
 * could wait for a timer or for an end of work that never comes.
 */
void edu_sg_coalesce(EduSgChannel *ch, uint32_t count, uint32_t usecs,
                     bool idle)
{
    bool new_time = usecs != ch->coal_usecs;

    ch->coal_count = count;
    ch->coal_usecs = usecs;
    if (!ch->events) {
        return;
    }
    if (ch->events >= MAX(count, 1) || (!usecs && idle)) {
        edu_sg_irq_flush(ch);
    } else if (!usecs) {
        timer_del(&ch->irq_timer);
    } else if (new_time) {
        start_timer(ch);
    }
}

void edu_sg_irq_timer(void *opaque)
{
    edu_sg_irq_flush(opaque);
}

void edu_sg_irq_enable(EduSgChannel *ch, uint32_t val)
{
    ch->irq_enable = val & 1;
    deliver(ch);
}

/* What it reports is in no completion then. */
static void drop_held(EduSgChannel *ch)
{
    if (ch->swap_held) {
        ch->stream.delivered -= ch->swapped.moved;
        ch->swap_held = false;
    }
}

void edu_sg_channel_fail(EduSgChannel *ch, uint32_t error)
{
    qemu_log_mask(LOG_GUEST_ERROR, "edu-sg: channel %u fails, error %u\n",
                  ch->n, error);
    ch->error = error;
    ch->busy = false;
    drop_held(ch);
    edu_sg_frames_stop(ch);
    timer_del(&ch->timer);
    edu_sg_set_state(ch, EDU_SG_FAILED);
    event(ch, true);
}

uint32_t edu_sg_entry_size(const EduSgChannel *ch)
{
    return edu_sg_kind(ch) == EDU_SG_RING ? sizeof(EduSgCompletion) :
                                            sizeof(EduSgStreamCompletion);
}

/*
 * Put an entry into its layout in memory.  Both layouts end with the word that
 * has the phase.
 */
static void encode(EduSgChannel *ch, const EduSgEntry *e, uint32_t status,
                   uint8_t *buf)
{
    EduSgStreamCompletion frame = {
        .position = cpu_to_le64(e->position),
        .time = cpu_to_le64(e->time),
        .index = cpu_to_le32(e->index),
        .bytes = cpu_to_le32(e->bytes),
        .sequence = cpu_to_le32(e->sequence),
        .status = cpu_to_le32(status),
    };
    EduSgCompletion plain = {
        .index = frame.index,
        .bytes = frame.bytes,
        .status = frame.status,
    };

    QEMU_BUILD_BUG_ON(sizeof(plain) != 16);
    QEMU_BUILD_BUG_ON(offsetof(EduSgCompletion, status) != 12);
    QEMU_BUILD_BUG_ON(sizeof(frame) != 32);
    QEMU_BUILD_BUG_ON(offsetof(EduSgStreamCompletion, status) != 28);

    if (edu_sg_kind(ch) == EDU_SG_RING) {
        memcpy(buf, &plain, sizeof(plain));
    } else {
        memcpy(buf, &frame, sizeof(frame));
    }
}

/*
 * Write the next entry of the completion ring.  The word with the phase goes
 * last: a guest that sees it sees the rest.  False if the channel is not what
 * it was any more: it failed, or the write reset it.
 */
static bool write_entry(EduSgChannel *ch, const EduSgEntry *e)
{
    EduSgState *s = ch->s;
    uint32_t slot = ch->completions & (ch->size - 1);
    uint32_t phase = !(ch->completions & ch->size);
    uint32_t size = edu_sg_entry_size(ch), rest = size - sizeof(phase);
    uint64_t addr = ch->cq_base + slot * size;
    uint32_t epoch = ch->epoch;
    uint8_t buf[sizeof(EduSgStreamCompletion)];
    MemTxResult res;

    encode(ch, e, e->status | phase, buf);
    trace_edu_sg_complete(ch->n, e->index, e->bytes, e->status | phase);
    ch->completions++;
    res = edu_sg_dma(s, addr, buf, rest, true);
    if (ch->epoch != epoch) {
        return false;
    }
    /* The guest's CPUs look for the phase while this goes on. */
    smp_wmb();
    res |= edu_sg_dma(s, addr + rest, buf + rest, sizeof(phase), true);
    if (ch->epoch != epoch) {
        return false;
    }
    if (res != MEMTX_OK) {
        edu_sg_channel_fail(ch, EDU_SG_ERR_COMPLETION);
        return false;
    }
    return true;
}

/* Write a completion, then signal it. */
static bool post(EduSgChannel *ch, const EduSgEntry *e, bool signal)
{
    if (!write_entry(ch, e)) {
        return false;
    }
    if (edu_sg_fault(ch, &ch->s->faults.repeat) && !write_entry(ch, e)) {
        return false;
    }
    if (signal) {
        event(ch, extract32(e->status, EDU_SG_STATUS_SHIFT,
                            EDU_SG_STATUS_BITS) != EDU_SG_DONE);
    }
    return true;
}

static bool post_with_faults(EduSgChannel *ch, EduSgEntry *e, bool signal)
{
    EduSgFaults *f = &ch->s->faults;
    bool has_frame = edu_sg_kind(ch) != EDU_SG_RING && e->bytes;

    if (edu_sg_fault(ch, &f->wrong)) {
        e->index += ch->size / 2;
    }
    if (f->excess && (f->channels & (1u << ch->n))) {
        e->bytes += f->excess;
        f->excess = 0;
    }
    if (has_frame && edu_sg_fault(ch, &f->sequence)) {
        e->sequence++;
    }
    if (has_frame && edu_sg_fault(ch, &f->position)) {
        e->position -= ch->stream.frame_bytes;
    }
    if (!ch->swap_held && edu_sg_fault(ch, &f->swap)) {
        ch->swapped = *e;
        ch->swap_event = signal;
        ch->swap_held = true;
        return true;
    }
    if (!post(ch, e, signal)) {
        return false;
    }
    if (!ch->swap_held) {
        return true;
    }
    ch->swap_held = false;
    return post(ch, &ch->swapped, ch->swap_event);
}

/*
 * The completion of the next descriptor, which is the current one if it has
 * moved something.
 */
static EduSgEntry make_entry(EduSgChannel *ch, uint32_t status, uint32_t bytes)
{
    const EduSgFrame *frame = &ch->stream.frame;
    EduSgEntry e = {
        .index = ch->head,
        .bytes = bytes,
        .status = status << EDU_SG_STATUS_SHIFT,
    };

    if (edu_sg_kind(ch) != EDU_SG_RING && bytes) {
        e.position = frame->position;
        e.time = frame->time;
        e.sequence = frame->sequence;
        e.moved = bytes;
        e.status |= status == EDU_SG_DONE ? EDU_SG_WHOLE : 0;
    }
    return e;
}

/*
 * The current descriptor is over.  The state is brought up to date before
 * anything is written, as the write may come back as a reset.
 */
bool edu_sg_complete(EduSgChannel *ch, uint32_t status, uint32_t bytes)
{
    EduSgEntry e = make_entry(ch, status, bytes);
    bool signal = (ch->cur.flags & EDU_SG_DESC_EVENT) || status != EDU_SG_DONE;

    ch->link_failed = (ch->cur.flags & EDU_SG_DESC_LINK) &&
                      status != EDU_SG_DONE;
    ch->busy = false;
    ch->head++;
    ch->s->counters.descriptors++;

    return post_with_faults(ch, &e, signal);
}

/* Complete all that was submitted, without executing any of it. */
bool edu_sg_complete_aborted(EduSgChannel *ch)
{
    uint32_t moved = ch->busy ? ch->moved : 0;
    EduSgEntry e = make_entry(ch, EDU_SG_ABORTED, moved);

    ch->busy = false;
    ch->link_failed = false;
    drop_held(ch);
    edu_sg_frames_stop(ch);
    while (ch->head != ch->tail) {
        ch->head++;
        ch->events++;
        ch->s->counters.descriptors++;
        if (!write_entry(ch, &e)) {
            return false;
        }
        edu_sg_frames_report(ch, moved);
        moved = 0;
        e = make_entry(ch, EDU_SG_ABORTED, 0);
    }
    return true;
}
