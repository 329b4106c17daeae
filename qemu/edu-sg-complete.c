/*
 * EDU with scatter/gather rings: completions, events and failures of a channel
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
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

void edu_sg_channel_fail(EduSgChannel *ch, uint32_t error)
{
    qemu_log_mask(LOG_GUEST_ERROR, "edu-sg: channel %u fails, error %u\n",
                  ch->n, error);
    ch->error = error;
    ch->busy = false;
    ch->swap_held = false;
    timer_del(&ch->timer);
    edu_sg_set_state(ch, EDU_SG_FAILED);
    event(ch, true);
}

/*
 * Write the next entry of the completion ring.  The word with the phase goes
 * last: a guest that sees it sees the rest.  False if the channel is not what
 * it was any more: it failed, or the write reset it.
 */
static bool write_entry(EduSgChannel *ch, const EduSgCompletion *c)
{
    EduSgState *s = ch->s;
    uint32_t slot = ch->completions & (ch->size - 1);
    uint32_t phase = !(ch->completions & ch->size);
    uint64_t addr = ch->cq_base + slot * sizeof(*c);
    uint32_t epoch = ch->epoch;
    uint32_t status = cpu_to_le32(c->status | phase);
    uint32_t rest[3] = { cpu_to_le32(c->index), cpu_to_le32(c->bytes), 0 };
    MemTxResult res;

    QEMU_BUILD_BUG_ON(sizeof(*c) != 16);
    QEMU_BUILD_BUG_ON(offsetof(EduSgCompletion, status) != sizeof(rest));

    trace_edu_sg_complete(ch->n, c->index, c->bytes, c->status | phase);
    ch->completions++;
    res = edu_sg_dma(s, addr, rest, sizeof(rest), true);
    if (ch->epoch != epoch) {
        return false;
    }
    /* The guest's CPUs look for the phase while this goes on. */
    smp_wmb();
    res |= edu_sg_dma(s, addr + sizeof(rest), &status, sizeof(status), true);
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
static bool post(EduSgChannel *ch, const EduSgCompletion *c, bool signal)
{
    if (!write_entry(ch, c)) {
        return false;
    }
    if (edu_sg_fault(ch, &ch->s->faults.repeat) && !write_entry(ch, c)) {
        return false;
    }
    if (signal) {
        event(ch, c->status >> EDU_SG_STATUS_SHIFT != EDU_SG_DONE);
    }
    return true;
}

static bool post_with_faults(EduSgChannel *ch, EduSgCompletion *c, bool signal)
{
    EduSgFaults *f = &ch->s->faults;

    if (edu_sg_fault(ch, &f->wrong)) {
        c->index += ch->size / 2;
    }
    if (f->excess && (f->channels & (1u << ch->n))) {
        c->bytes += f->excess;
        f->excess = 0;
    }
    if (!ch->swap_held && edu_sg_fault(ch, &f->swap)) {
        ch->swapped = *c;
        ch->swap_event = signal;
        ch->swap_held = true;
        return true;
    }
    if (!post(ch, c, signal)) {
        return false;
    }
    if (!ch->swap_held) {
        return true;
    }
    ch->swap_held = false;
    return post(ch, &ch->swapped, ch->swap_event);
}

/*
 * The current descriptor is over.  The state is brought up to date before
 * anything is written, as the write may come back as a reset.
 */
bool edu_sg_complete(EduSgChannel *ch, uint32_t status, uint32_t bytes)
{
    EduSgCompletion c = {
        .index = ch->head,
        .bytes = bytes,
        .status = status << EDU_SG_STATUS_SHIFT,
    };
    bool signal = (ch->cur.flags & EDU_SG_DESC_EVENT) || status != EDU_SG_DONE;

    ch->link_failed = (ch->cur.flags & EDU_SG_DESC_LINK) &&
                      status != EDU_SG_DONE;
    ch->busy = false;
    ch->head++;
    ch->s->counters.descriptors++;

    return post_with_faults(ch, &c, signal);
}

/* Complete all that was submitted, without executing any of it. */
bool edu_sg_complete_aborted(EduSgChannel *ch)
{
    uint32_t moved = ch->busy ? ch->moved : 0;

    ch->busy = false;
    ch->link_failed = false;
    ch->swap_held = false;
    while (ch->head != ch->tail) {
        EduSgCompletion c = {
            .index = ch->head++,
            .bytes = moved,
            .status = EDU_SG_ABORTED << EDU_SG_STATUS_SHIFT,
        };

        moved = 0;
        ch->events++;
        ch->s->counters.descriptors++;
        if (!write_entry(ch, &c)) {
            return false;
        }
    }
    return true;
}
