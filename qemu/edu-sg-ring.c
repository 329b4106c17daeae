/*
 * EDU with scatter/gather rings: a channel's life, and the work in it
 *
 * All work is done by timers on the virtual clock, also where it takes no
 * virtual time: so nothing happens while the machine is stopped, and a machine
 * that counts instructions runs the same way each time.
 *
 * Any DMA may reach, by way of another device, something that resets this one.
 * What calls edu_sg_dma() or edu_sg_move() compares the channel's epoch
 * afterwards.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "edu-sg.h"
#include "trace.h"

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static bool can_run(EduSgChannel *ch)
{
    return ch->state == EDU_SG_RUNNING && !edu_sg_stalled(ch) && !ch->s->gone;
}

static bool is_stream(EduSgChannel *ch)
{
    return edu_sg_kind(ch) != EDU_SG_RING;
}

static bool has_work(EduSgChannel *ch)
{
    return ch->head != ch->tail;
}

static void wait_until(EduSgChannel *ch, int64_t time)
{
    if (time < INT64_MAX) {
        timer_mod(&ch->timer, time);
    }
}

/* Read the next descriptors, as far as they are in one piece. */
static bool fetch(EduSgChannel *ch)
{
    EduSgDescriptor batch[EDU_SG_BATCH];
    uint32_t slot = ch->head & (ch->size - 1);
    uint32_t count = MIN(ch->tail - ch->head, ch->size - slot);
    uint32_t epoch = ch->epoch;
    MemTxResult res;

    QEMU_BUILD_BUG_ON(sizeof(EduSgDescriptor) != 32);

    count = MIN(count, EDU_SG_BATCH);
    trace_edu_sg_fetch(ch->n, ch->head, count);
    ch->s->counters.fetches++;
    res = edu_sg_dma(ch->s, ch->sq_base + slot * sizeof(batch[0]), batch,
                     count * sizeof(batch[0]), false);
    if (ch->epoch != epoch) {
        return false;
    }
    if (res != MEMTX_OK) {
        edu_sg_channel_fail(ch, EDU_SG_ERR_FETCH);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        ch->ahead[i] = (EduSgDescriptor) {
            .addr = le64_to_cpu(batch[i].addr),
            .offset = le64_to_cpu(batch[i].offset),
            .len = le32_to_cpu(batch[i].len),
            .flags = le32_to_cpu(batch[i].flags),
            .reserved = le64_to_cpu(batch[i].reserved),
        };
    }
    ch->ahead_pos = 0;
    ch->ahead_count = count;
    return true;
}

/*
 * Start the next descriptor.  One of a stream may have to wait for its frame:
 * the timer is set if it is known how long.
 */
static bool next_descriptor(EduSgChannel *ch, int64_t now)
{
    int64_t start = ch->free_at;

    if (!has_work(ch)) {
        return false;
    }
    if (is_stream(ch)) {
        start = edu_sg_frames_next(ch, now);
        if (start > now) {
            wait_until(ch, start);
            return false;
        }
    }
    if (ch->ahead_pos == ch->ahead_count && !fetch(ch)) {
        return false;
    }
    ch->cur = ch->ahead[ch->ahead_pos++];
    ch->busy = true;
    ch->moved = 0;
    ch->start = start;
    if (is_stream(ch)) {
        edu_sg_stream_begin(ch, now);
    }
    return true;
}

/* The status of the current descriptor, if it is known before the first byte */
static uint32_t judge(EduSgChannel *ch)
{
    const EduSgDescriptor *d = &ch->cur;
    EduSgState *s = ch->s;

    if (is_stream(ch)) {
        return edu_sg_stream_judge(ch);
    }
    if (ch->link_failed) {
        return EDU_SG_ABORTED;
    }
    if ((d->flags & ~EDU_SG_DESC_FLAGS) || d->reserved) {
        return EDU_SG_INVALID;
    }
    if (!d->len) {
        return EDU_SG_DONE;
    }
    if (!edu_sg_fits(d->offset, d->len, s->memory - 1) ||
        !edu_sg_fits(d->addr, d->len, s->dma_mask)) {
        return EDU_SG_RANGE_ERROR;
    }
    return EDU_SG_MOVE;
}

static uint32_t slice_len(EduSgChannel *ch)
{
    return is_stream(ch) ? edu_sg_stream_slice(ch) :
                           MIN(ch->cur.len - ch->moved, EDU_SG_SLICE);
}

/*
 * When the next slice is complete.  This counts from the start of the
 * descriptor, which is the end of the one before, so that late timers do not
 * add up.
 */
static int64_t slice_due(EduSgChannel *ch)
{
    EduSgState *s = ch->s;
    int64_t due = ch->start + s->latency;

    if (s->bandwidth && (ch->moved || judge(ch) == EDU_SG_MOVE)) {
        due += ((uint64_t)ch->moved + slice_len(ch)) * NANOSECONDS_PER_SECOND /
               s->bandwidth;
    }
    return due;
}

/* Do the next slice of the current descriptor.  Returns the bytes moved. */
static uint32_t ring_step(EduSgChannel *ch)
{
    EduSgState *s = ch->s;
    bool from_device = ch->cur.flags & EDU_SG_DESC_FROM_DEVICE;
    uint32_t len = slice_len(ch), epoch = ch->epoch;

    if (!ch->moved) {
        uint32_t status = judge(ch);

        if (status == EDU_SG_MOVE && edu_sg_fault(ch, &s->faults.fail)) {
            status = EDU_SG_BUS_ERROR;
        }
        if (status != EDU_SG_MOVE) {
            edu_sg_complete(ch, status, 0);
            return 0;
        }
    }

    trace_edu_sg_slice(ch->n, ch->head, ch->cur.addr + ch->moved,
                       ch->cur.offset + ch->moved, len, from_device);
    if (edu_sg_move(s, ch->cur.addr + ch->moved, ch->cur.offset + ch->moved,
                    len, from_device) != MEMTX_OK) {
        if (ch->epoch == epoch) {
            edu_sg_complete(ch, EDU_SG_BUS_ERROR, ch->moved);
        }
        return len;
    }
    if (ch->epoch != epoch) {
        return len;
    }
    *(from_device ? &s->counters.from_device : &s->counters.to_device) += len;
    ch->moved += len;
    if (ch->moved == ch->cur.len) {
        edu_sg_complete(ch, EDU_SG_DONE, ch->moved);
    }
    return len;
}

static uint32_t step(EduSgChannel *ch)
{
    return is_stream(ch) ? edu_sg_stream_step(ch) : ring_step(ch);
}

/*
 * Account for what a stream produces until its next slice is due, or until now:
 * the descriptors that are there take what they can take.
 */
void edu_sg_channel_sync(EduSgChannel *ch)
{
    int64_t now;

    if (!is_stream(ch)) {
        return;
    }
    now = now_ns();
    if (can_run(ch) && ch->busy) {
        edu_sg_frames_produce(ch, MIN(now, slice_due(ch) - 1));
    } else if (can_run(ch) && has_work(ch)) {
        edu_sg_frames_next(ch, now);
    } else {
        edu_sg_frames_produce(ch, now);
    }
}

/*
 * When the channel is through with a descriptor that was due.  The frames of a
 * stream that keeps time are as late as the host is.
 */
static int64_t end_time(EduSgChannel *ch, int64_t due, int64_t now)
{
    return edu_sg_keeps_time(ch) ? due : MAX(due, now - EDU_SG_CREDIT);
}

/* Do what is due, but not more than the main loop can wait for. */
static void run(EduSgChannel *ch)
{
    uint32_t steps = 0, bytes = 0;
    int64_t now = now_ns();

    while (can_run(ch) && (ch->busy || next_descriptor(ch, now))) {
        int64_t due = slice_due(ch);

        if (due > now) {
            timer_mod(&ch->timer, due);
            return;
        }
        if (steps == EDU_SG_PASS_DESCRIPTORS ||
            bytes + slice_len(ch) > EDU_SG_PASS_BYTES) {
            timer_mod(&ch->timer, now + 1);
            return;
        }
        edu_sg_channel_sync(ch);
        bytes += step(ch);
        steps++;
        if (!ch->busy) {
            ch->free_at = end_time(ch, due, now);
        }
    }
    if (can_run(ch) && !has_work(ch)) {
        edu_sg_idle(ch);
    }
}

static void channel_timer(void *opaque)
{
    EduSgChannel *ch = opaque;
    Object *obj = OBJECT(ch->s);

    /* The DMA may even unplug the device. */
    object_ref(obj);
    run(ch);
    object_unref(obj);
}

/*
 * Start or stop the work as the channel's state and the faults say.  The time
 * for which it was held up does not count as time that DMA takes.
 */
static void channel_update(EduSgChannel *ch)
{
    int64_t now = now_ns();

    if (!can_run(ch)) {
        timer_del(&ch->timer);
        if (ch->held_at < 0) {
            ch->held_at = now;
        }
        return;
    }
    if (ch->held_at >= 0) {
        ch->start += now - ch->held_at;
        /* What a stream has produced in the meantime is taken from now on. */
        ch->free_at = is_stream(ch) ? now : ch->free_at + now - ch->held_at;
        ch->held_at = -1;
    }
    if (has_work(ch)) {
        timer_mod(&ch->timer, now);
    }
}

/* Something will change from outside, which is not for frames of before. */
void edu_sg_sync_channels(EduSgState *s)
{
    for (uint32_t n = 0; DEVICE(s)->realized && n < s->channels; n++) {
        edu_sg_channel_sync(&s->ch[n]);
    }
}

/* What is due when, or whether at all, has changed from outside. */
void edu_sg_update_channels(EduSgState *s)
{
    for (uint32_t n = 0; DEVICE(s)->realized && n < s->channels; n++) {
        channel_update(&s->ch[n]);
    }
}

void edu_sg_channel_doorbell(EduSgChannel *ch, uint32_t tail)
{
    bool idle = !has_work(ch);
    uint32_t before = ch->tail - ch->head, after = tail - ch->head;

    edu_sg_channel_sync(ch);
    trace_edu_sg_doorbell(ch->n, ch->head, ch->tail, tail);
    if (ch->state != EDU_SG_RUNNING && ch->state != EDU_SG_PAUSED) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "edu-sg: doorbell of channel %u, which is not enabled\n",
                      ch->n);
        return;
    }
    if (after > ch->size || after < before) {
        edu_sg_channel_fail(ch, EDU_SG_ERR_DOORBELL);
        return;
    }
    ch->tail = tail;
    if (idle) {
        int64_t now = now_ns();

        ch->free_at = now;
        if (ch->held_at >= 0) {
            ch->held_at = now;
        }
        channel_update(ch);
    }
}

bool edu_sg_channel_config_ok(EduSgChannel *ch)
{
    uint64_t mask = ch->s->dma_mask;

    return ch->size >= EDU_SG_RING_MIN && ch->size <= EDU_SG_RING_MAX &&
           is_power_of_2(ch->size) &&
           QEMU_IS_ALIGNED(ch->sq_base | ch->cq_base, EDU_SG_RING_ALIGN) &&
           edu_sg_fits(ch->sq_base, ch->size * sizeof(EduSgDescriptor), mask) &&
           edu_sg_fits(ch->cq_base, ch->size * edu_sg_entry_size(ch), mask) &&
           edu_sg_stream_config_ok(ch);
}

static void enable(EduSgChannel *ch)
{
    if (ch->state == EDU_SG_DISABLED) {
        if (!edu_sg_channel_config_ok(ch)) {
            edu_sg_channel_fail(ch, EDU_SG_ERR_CONFIG);
            return;
        }
        ch->head = 0;
        ch->tail = 0;
        ch->completions = 0;
    }
    ch->held_at = -1;
    edu_sg_set_state(ch, EDU_SG_RUNNING);
    channel_update(ch);
}

/* The state changes first: what the writes below set off finds it halted. */
static void channel_abort(EduSgChannel *ch)
{
    edu_sg_channel_sync(ch);
    timer_del(&ch->timer);
    ch->ahead_pos = 0;
    ch->ahead_count = 0;
    edu_sg_set_state(ch, EDU_SG_HALTED);
    if (edu_sg_complete_aborted(ch)) {
        edu_sg_irq_flush(ch);
    }
}

static void start_stream(EduSgChannel *ch)
{
    ch->free_at = now_ns();
    edu_sg_frames_start(ch, ch->free_at);
    channel_update(ch);
}

void edu_sg_channel_command(EduSgChannel *ch, uint32_t command)
{
    bool enabled = ch->state == EDU_SG_RUNNING || ch->state == EDU_SG_PAUSED;

    trace_edu_sg_command(ch->n, ch->state, command);
    if (edu_sg_stuck(ch)) {
        return;
    }
    if (command == EDU_SG_RESET) {
        edu_sg_channel_reset(ch);
    } else if (command == EDU_SG_ABORT && enabled) {
        channel_abort(ch);
    } else if (command == EDU_SG_PAUSE && ch->state == EDU_SG_RUNNING) {
        edu_sg_set_state(ch, EDU_SG_PAUSED);
        channel_update(ch);
        edu_sg_idle(ch);
    } else if (command == EDU_SG_RESUME && ch->state == EDU_SG_PAUSED) {
        edu_sg_set_state(ch, EDU_SG_RUNNING);
        channel_update(ch);
    } else if (command == EDU_SG_ENABLE && (ch->state == EDU_SG_DISABLED ||
                                            ch->state == EDU_SG_HALTED)) {
        enable(ch);
    } else if (command == EDU_SG_START && ch->state == EDU_SG_RUNNING &&
               is_stream(ch) && !ch->stream.started) {
        start_stream(ch);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "edu-sg: command %u to channel %u in state %u\n",
                      command, ch->n, ch->state);
    }
}

/* A channel that does not run is idle: its work does not end. */
void edu_sg_channel_coalesce(EduSgChannel *ch, uint32_t count, uint32_t usecs)
{
    edu_sg_coalesce(ch, count, usecs,
                    ch->state != EDU_SG_RUNNING || !has_work(ch));
}

void edu_sg_channel_reset(EduSgChannel *ch)
{
    timer_del(&ch->timer);
    edu_sg_irq_reset(ch);
    edu_sg_ack(ch->s, EDU_SG_IRQ_CHANNEL(ch->n));
    edu_sg_set_state(ch, EDU_SG_DISABLED);
    ch->epoch++;
    ch->error = EDU_SG_ERR_NONE;
    ch->sq_base = 0;
    ch->cq_base = 0;
    ch->size = 0;
    ch->head = 0;
    ch->tail = 0;
    ch->irq_enable = 0;
    ch->coal_count = 0;
    ch->coal_usecs = 0;
    ch->completions = 0;
    ch->busy = false;
    ch->moved = 0;
    ch->link_failed = false;
    ch->held_at = -1;
    ch->ahead_pos = 0;
    ch->ahead_count = 0;
    ch->swap_held = false;
    memset(&ch->stream, 0, sizeof(ch->stream));
}

void edu_sg_channel_init(EduSgState *s, uint32_t n)
{
    EduSgChannel *ch = &s->ch[n];

    ch->s = s;
    ch->n = n;
    ch->held_at = -1;
    timer_init_ns(&ch->timer, QEMU_CLOCK_VIRTUAL, channel_timer, ch);
    timer_init_ns(&ch->irq_timer, QEMU_CLOCK_VIRTUAL, edu_sg_irq_timer, ch);
}
