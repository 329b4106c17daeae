/*
 * EDU with scatter/gather rings: the clock of a stream and what it produces
 *
 * The clock needs no timer.  What it has produced is worked out when somebody
 * looks, and in the order of virtual time: up to when the next descriptor can
 * take a frame, or up to now if none will.  So what a stream loses does not
 * depend on how fast the host is.
 *
 * A frame is known by where it is and when it was produced.  Its bytes are made
 * when they are moved.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/host-utils.h"
#include "edu-sg.h"
#include "trace.h"

#define SLOTS   ARRAY_SIZE(((EduSgStream *)0)->fifo)

uint32_t edu_sg_kind(const EduSgChannel *ch)
{
    return ch->stream.mode & EDU_SG_MODE_KIND;
}

bool edu_sg_is_source(const EduSgChannel *ch)
{
    return edu_sg_kind(ch) == EDU_SG_SOURCE;
}

/* A stream whose frames come by the clock, not when there are descriptors. */
bool edu_sg_keeps_time(const EduSgChannel *ch)
{
    return edu_sg_kind(ch) != EDU_SG_RING && ch->stream.rate;
}

/* What becomes of a frame that finds no room; a sink goes without it. */
static uint32_t when_full(const EduSgChannel *ch)
{
    return edu_sg_is_source(ch) ?
           (ch->stream.mode & EDU_SG_MODE_FULL) >> EDU_SG_FULL_SHIFT :
           EDU_SG_DROP_NEW;
}

/* A source's frames wait for buffers, those of a sink have one each. */
static uint32_t capacity(const EduSgChannel *ch)
{
    uint64_t frames = edu_sg_is_source(ch) ?
                      MAX(ch->s->fifo / ch->stream.frame_bytes, 1) :
                      ch->tail - ch->head - ch->busy;

    return MIN(frames, EDU_SG_FIFO_FRAMES);
}

static uint32_t short_bytes(const EduSgStream *st)
{
    return MAX(st->frame_bytes / 2, EDU_SG_FRAME_MIN);
}

/* Bytes of @count frames from @sequence on */
static uint64_t frames_bytes(const EduSgChannel *ch, uint64_t sequence,
                             uint64_t count)
{
    const EduSgStream *st = &ch->stream;
    uint32_t every = edu_sg_is_source(ch) ? ch->s->short_frames : 0;
    uint64_t shorter = every ? (sequence % every + count) / every : 0;

    return count * st->frame_bytes -
           shorter * (st->frame_bytes - short_bytes(st));
}

/* Bytes that the clock has come to since it was started; it stops at the end */
static uint64_t bytes_at(const EduSgStream *st, int64_t time)
{
    uint64_t low, high;

    if (time <= st->origin) {
        return 0;
    }
    mulu64(&low, &high, (uint64_t)time - st->origin, st->rate);
    divu128(&low, &high, NANOSECONDS_PER_SECOND);
    return high ? UINT64_MAX : low;
}

/* The first nanosecond at which it has come to a position */
static int64_t time_at(const EduSgStream *st, uint64_t position)
{
    uint64_t low, high;

    mulu64(&low, &high, position - st->base, NANOSECONDS_PER_SECOND);
    /* rounded up */
    if (divu128(&low, &high, st->rate) && !++low) {
        high++;
    }
    if (high || low > INT64_MAX - st->origin) {
        return INT64_MAX;
    }
    return st->origin + low;
}

/* When the next frame is complete */
static int64_t next_time(const EduSgChannel *ch)
{
    const EduSgStream *st = &ch->stream;

    return time_at(st, st->produced + frames_bytes(ch, st->frames, 1));
}

/*
 * How many frames are complete at a time, beyond those that are counted.  With
 * short ones this is a guess that leaves less than half each time.
 */
static uint64_t frames_due(const EduSgChannel *ch, int64_t time)
{
    const EduSgStream *st = &ch->stream;
    uint64_t until = bytes_at(st, time), from = st->produced - st->base;
    uint64_t left = until > from ? until - from : 0;
    uint64_t count = 0;

    for (;;) {
        uint64_t next = st->frames + count, more = left / st->frame_bytes;

        if (!more && frames_bytes(ch, next, 1) > left) {
            return count;
        }
        more = MAX(more, 1);
        left -= frames_bytes(ch, next, more);
        count += more;
    }
}

static EduSgFrame next_frame(EduSgChannel *ch, int64_t time, uint32_t bytes)
{
    EduSgStream *st = &ch->stream;
    EduSgFrame frame = {
        .position = st->produced,
        .sequence = st->frames,
        .time = time,
        .bytes = bytes,
    };

    st->produced += bytes;
    st->frames++;
    return frame;
}

/* Count the next frames as lost. */
static void lose(EduSgChannel *ch, uint64_t count)
{
    EduSgStream *st = &ch->stream;
    uint64_t bytes = frames_bytes(ch, st->frames, count);

    trace_edu_sg_lost(ch->n, count, bytes);
    st->produced += bytes;
    st->lost += bytes;
    st->frames += count;
}

static EduSgFrame pop(EduSgStream *st)
{
    EduSgFrame frame = st->fifo[st->fifo_pos];

    st->fifo_pos = (st->fifo_pos + 1) % SLOTS;
    st->fifo_count--;
    return frame;
}

static void push(EduSgStream *st, EduSgFrame frame)
{
    st->fifo[(st->fifo_pos + st->fifo_count++) % SLOTS] = frame;
}

static void drop_oldest(EduSgChannel *ch)
{
    EduSgFrame frame = pop(&ch->stream);

    trace_edu_sg_lost(ch->n, 1, frame.bytes);
    ch->stream.lost += frame.bytes;
}

/* fault-overrun, for some of the next @count frames.  Returns how many. */
static uint32_t overrun(EduSgChannel *ch, uint64_t count)
{
    bool end = when_full(ch) == EDU_SG_END;
    uint32_t hit = 0;

    if (edu_sg_is_source(ch)) {
        hit = edu_sg_faults(ch, &ch->s->faults.overrun,
                            end ? MIN(count, 1) : count);
    }
    if (hit) {
        lose(ch, hit);
        ch->stream.ended = end;
    }
    return hit;
}

/* The FIFO is full, and @count frames come.  Returns how many are over. */
static uint64_t make_room(EduSgChannel *ch, uint64_t count)
{
    EduSgStream *st = &ch->stream;
    uint32_t frames = capacity(ch);
    uint64_t over = count;

    switch (when_full(ch)) {
    case EDU_SG_DROP_OLDEST:
        over -= MIN(count, frames);
        for (count -= over; count && st->fifo_count; count--) {
            drop_oldest(ch);
        }
        break;
    case EDU_SG_END:
        st->ended = true;
        over = 1;
        break;
    }
    if (over) {
        lose(ch, over);
    }
    return over;
}

/* Produce what is complete at a time, but at @most so many. */
static void produce(EduSgChannel *ch, int64_t until, uint64_t most)
{
    EduSgStream *st = &ch->stream;
    uint64_t count;

    if (!st->started || st->ended || !st->rate) {
        return;
    }
    count = frames_due(ch, until);
    count -= overrun(ch, count);
    count = MIN(count, most);
    while (count && !st->ended) {
        if (st->fifo_count < capacity(ch)) {
            push(st, next_frame(ch, next_time(ch),
                                frames_bytes(ch, st->frames, 1)));
            count--;
        } else {
            count -= make_room(ch, count);
        }
    }
}

/* No descriptor takes any of what is complete until then. */
void edu_sg_frames_produce(EduSgChannel *ch, int64_t until)
{
    produce(ch, until, UINT64_MAX);
}

/*
 * When the next descriptor can start, which has been submitted.  It cannot yet
 * if this is later than @now.
 */
int64_t edu_sg_frames_next(EduSgChannel *ch, int64_t now)
{
    EduSgStream *st = &ch->stream;

    if (!st->started) {
        return INT64_MAX;
    }
    if (!st->fifo_count) {
        produce(ch, now, 1);
    }
    if (!st->rate || (st->ended && !st->fifo_count)) {
        return ch->free_at;
    }
    if (!st->fifo_count) {
        return next_time(ch);
    }
    if (st->fifo[st->fifo_pos].time < ch->free_at) {
        produce(ch, MIN(now, ch->free_at - 1), UINT64_MAX);
    }
    return MAX(ch->free_at, st->fifo[st->fifo_pos].time);
}

/* Take a frame for the current descriptor, or make one if there is no clock. */
void edu_sg_frames_take(EduSgChannel *ch, int64_t now)
{
    EduSgStream *st = &ch->stream;

    if (st->fifo_count) {
        st->frame = pop(st);
    } else if (!st->rate && !st->ended) {
        overrun(ch, UINT64_MAX);
        if (!st->ended) {
            st->frame = next_frame(ch, now, edu_sg_is_source(ch) ?
                                   frames_bytes(ch, st->frames, 1) :
                                   ch->cur.len);
        }
    }
    trace_edu_sg_take(ch->n, st->frame.sequence, st->frame.position,
                      st->frame.bytes, st->frame.time);
}

/* The next descriptor takes it.  What a sink asks for depends on that one. */
void edu_sg_frames_put_back(EduSgChannel *ch)
{
    EduSgStream *st = &ch->stream;

    if (!edu_sg_is_source(ch) && !st->rate) {
        st->produced = st->frame.position;
        st->frames = st->frame.sequence;
    } else {
        st->fifo_pos = (st->fifo_pos + SLOTS - 1) % SLOTS;
        st->fifo[st->fifo_pos] = st->frame;
        st->fifo_count++;
    }
}

void edu_sg_frames_start(EduSgChannel *ch, int64_t now)
{
    EduSgStream *st = &ch->stream;

    trace_edu_sg_start(ch->n, now, st->produced);
    st->started = true;
    st->origin = now;
    st->base = st->produced;
}

/* A completion reports so many bytes, which had been given up for lost. */
void edu_sg_frames_report(EduSgChannel *ch, uint32_t bytes)
{
    ch->stream.lost -= bytes;
    ch->stream.delivered += bytes;
}

/* What no completion has reported is lost. */
void edu_sg_frames_stop(EduSgChannel *ch)
{
    EduSgStream *st = &ch->stream;

    st->started = false;
    st->ended = false;
    st->fifo_count = 0;
    st->frame.bytes = 0;
    st->lost = st->produced - st->delivered;
}

/* What a migration stream brought */
bool edu_sg_frames_valid(const EduSgChannel *ch)
{
    const EduSgStream *st = &ch->stream;

    if (st->origin < 0 || st->fifo_pos >= SLOTS || st->fifo_count > SLOTS ||
        st->frame.bytes > st->frame_bytes) {
        return false;
    }
    for (uint32_t i = 0; i < st->fifo_count; i++) {
        uint32_t bytes = st->fifo[(st->fifo_pos + i) % SLOTS].bytes;

        if (!bytes || bytes > st->frame_bytes) {
            return false;
        }
    }
    if (!st->started) {
        return !st->ended && !st->fifo_count && !st->frame.bytes;
    }
    return edu_sg_kind(ch) != EDU_SG_RING &&
           (ch->state == EDU_SG_RUNNING || ch->state == EDU_SG_PAUSED);
}
