/*
 * EDU with scatter/gather rings: completions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "edu-sg.h"
#include "trace.h"

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
static bool post(EduSgChannel *ch, const EduSgCompletion *c, bool event)
{
    if (!write_entry(ch, c)) {
        return false;
    }
    if (edu_sg_fault(ch, &ch->s->faults.repeat) && !write_entry(ch, c)) {
        return false;
    }
    if (event) {
        edu_sg_event(ch, c->status >> EDU_SG_STATUS_SHIFT != EDU_SG_DONE);
    }
    return true;
}

static bool post_with_faults(EduSgChannel *ch, EduSgCompletion *c, bool event)
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
        ch->swap_event = event;
        ch->swap_held = true;
        return true;
    }
    if (!post(ch, c, event)) {
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
    bool event = (ch->cur.flags & EDU_SG_DESC_EVENT) || status != EDU_SG_DONE;

    ch->link_failed = (ch->cur.flags & EDU_SG_DESC_LINK) &&
                      status != EDU_SG_DONE;
    ch->busy = false;
    ch->head++;
    ch->s->counters.descriptors++;

    return post_with_faults(ch, &c, event);
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
