/*
 * EDU with scatter/gather rings: descriptors of streams
 *
 * A descriptor stands for a buffer that is a list of pieces.  The list is read
 * as the frame is moved, an entry at a time: only an entry tells whether there
 * is another one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "edu-sg.h"
#include "trace.h"

static uint32_t pattern_of(const EduSgStream *st)
{
    return (st->mode & EDU_SG_MODE_PATTERN) >> EDU_SG_PATTERN_SHIFT;
}

/* Of any channel: one that is no stream has the mode 0, or a pattern. */
bool edu_sg_stream_config_ok(const EduSgChannel *ch)
{
    const EduSgStream *st = &ch->stream;
    uint32_t kind = edu_sg_kind(ch);

    if ((st->mode & ~(EDU_SG_MODE_KIND | EDU_SG_MODE_PATTERN |
                      EDU_SG_MODE_HEADER | EDU_SG_MODE_FULL)) ||
        kind > EDU_SG_SINK || pattern_of(st) > EDU_SG_RAMP ||
        (st->mode & EDU_SG_MODE_FULL) >> EDU_SG_FULL_SHIFT > EDU_SG_END ||
        ((st->mode & EDU_SG_MODE_HEADER) && kind != EDU_SG_SOURCE)) {
        return false;
    }
    return kind == EDU_SG_RING || (st->frame_bytes >= EDU_SG_FRAME_MIN &&
                                   st->frame_bytes <= EDU_SG_FRAME_MAX);
}

/*
 * The status of the current descriptor, if it is known without its list.  Once
 * a source has ended and its FIFO is empty, that holds for all that follow.
 */
uint32_t edu_sg_stream_judge(const EduSgChannel *ch)
{
    const EduSgStream *st = &ch->stream;
    const EduSgDescriptor *d = &ch->cur;
    uint32_t direction = edu_sg_is_source(ch) ? EDU_SG_DESC_FROM_DEVICE : 0;

    if (st->ended && !st->fifo_count && !st->frame.bytes) {
        return EDU_SG_ENDED;
    }
    if ((d->flags & ~EDU_SG_DESC_EVENT) != direction || d->reserved ||
        !QEMU_IS_ALIGNED(d->addr, EDU_SG_LIST_ALIGN) || !d->len) {
        return EDU_SG_INVALID;
    }
    if (edu_sg_is_source(ch) ? d->len < st->frame.bytes
                             : d->len > st->frame_bytes) {
        return EDU_SG_INVALID;
    }
    if (d->addr > ch->s->dma_mask) {
        return EDU_SG_RANGE_ERROR;
    }
    return EDU_SG_MOVE;
}

/* The current descriptor starts.  It takes no frame if it cannot have one. */
void edu_sg_stream_begin(EduSgChannel *ch, int64_t now)
{
    EduSgStream *st = &ch->stream;

    st->frame.bytes = 0;
    st->pieces = 0;
    st->piece_left = 0;
    if (edu_sg_stream_judge(ch) == EDU_SG_MOVE) {
        edu_sg_frames_take(ch, now);
    }
}

/* Bytes that the descriptor moves, if nothing goes wrong */
static uint32_t goal(const EduSgChannel *ch)
{
    return edu_sg_is_source(ch) ? ch->stream.frame.bytes : ch->cur.len;
}

/* Bytes that can be moved next: none if a piece is to be read first */
uint32_t edu_sg_stream_slice(const EduSgChannel *ch)
{
    uint32_t left = MIN(goal(ch) - ch->moved, ch->stream.piece_left);

    return MIN(left, EDU_SG_SLICE);
}

/*
 * The current descriptor is over, and so is its frame, unless nothing of it was
 * moved.  It counts as lost until it has been reported, which may fail.
 */
static void finish(EduSgChannel *ch, uint32_t status)
{
    EduSgStream *st = &ch->stream;
    uint32_t moved = ch->moved, epoch = ch->epoch;

    if (moved) {
        st->lost += st->frame.bytes;
    } else if (st->frame.bytes) {
        edu_sg_frames_put_back(ch);
    }
    st->frame.bytes = 0;
    if (edu_sg_complete(ch, status, moved) && ch->epoch == epoch) {
        edu_sg_frames_report(ch, moved);
    }
}

/* Read the next entry of the list.  The caller compares the epoch. */
static uint32_t read_piece(EduSgChannel *ch)
{
    EduSgStream *st = &ch->stream;
    EduSgState *s = ch->s;
    uint64_t at = (uint64_t)st->pieces * sizeof(EduSgPiece);
    uint64_t skip = st->pieces ? 0 : ch->cur.offset;
    uint32_t epoch = ch->epoch;
    EduSgPiece piece;

    QEMU_BUILD_BUG_ON(sizeof(piece) != EDU_SG_LIST_ALIGN);

    if (at > s->dma_mask - ch->cur.addr) {
        return EDU_SG_RANGE_ERROR;
    }
    if (edu_sg_dma(s, ch->cur.addr + at, &piece, sizeof(piece),
                   false) != MEMTX_OK || ch->epoch != epoch) {
        return EDU_SG_BUS_ERROR;
    }
    piece.addr = le64_to_cpu(piece.addr);
    piece.len = le32_to_cpu(piece.len);
    trace_edu_sg_piece(ch->n, ch->head, st->pieces, piece.addr, piece.len);
    if (piece.reserved || piece.len <= skip) {
        return EDU_SG_INVALID;
    }
    if (!edu_sg_fits(piece.addr, piece.len, s->dma_mask)) {
        return EDU_SG_RANGE_ERROR;
    }
    st->pieces++;
    st->piece_addr = piece.addr + skip;
    st->piece_left = piece.len - skip;
    return EDU_SG_MOVE;
}

/* Bytes of a pattern from @pos on, within a frame from @offset on */
static void pattern(const EduSgStream *st, uint8_t *buf, uint64_t pos,
                    uint64_t sequence, uint32_t offset, uint32_t len)
{
    switch (pattern_of(st)) {
    case EDU_SG_COUNTER:
        edu_sg_pattern_counter(buf, pos, len);
        break;
    case EDU_SG_PRBS31:
        edu_sg_pattern_prbs31(buf, pos, len);
        break;
    default:
        edu_sg_pattern_ramp(buf, sequence, offset, len);
        break;
    }
}

/* The next bytes of the current frame of a source */
static void generate(EduSgChannel *ch, uint8_t *buf, uint32_t len)
{
    const EduSgStream *st = &ch->stream;
    const EduSgFrame *frame = &st->frame;
    EduSgFrameHeader header = {
        .magic = cpu_to_le32(EDU_SG_FRAME_MAGIC),
        .bytes = cpu_to_le32(frame->bytes),
        .sequence = cpu_to_le64(frame->sequence),
        .position = cpu_to_le64(frame->position),
        .time = cpu_to_le64(frame->time),
    };

    QEMU_BUILD_BUG_ON(sizeof(header) != 32);

    pattern(st, buf, frame->position + ch->moved, frame->sequence, ch->moved,
            len);
    if ((st->mode & EDU_SG_MODE_HEADER) && ch->moved < sizeof(header)) {
        memcpy(buf, (uint8_t *)&header + ch->moved,
               MIN(len, sizeof(header) - ch->moved));
    }
}

/* Count what a sink got that is not the pattern. */
static void compare(EduSgChannel *ch, const uint8_t *got, uint32_t len)
{
    EduSgStream *st = &ch->stream;
    uint8_t *expected = ch->s->expected;
    uint64_t pos = st->delivered + ch->moved;

    for (uint32_t done = 0, some; done < len; done += some) {
        uint32_t offset = (pos + done) % st->frame_bytes;

        some = MIN(len - done, st->frame_bytes - offset);
        pattern(st, expected + done, pos + done, (pos + done) / st->frame_bytes,
                offset, some);
    }
    if (!memcmp(got, expected, len)) {
        return;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (got[i] != expected[i] && !st->mismatches++) {
            st->first_mismatch = pos + i;
        }
    }
}

/* Move @len bytes of the current piece; the caller compares the epoch. */
static MemTxResult move(EduSgChannel *ch, uint32_t len)
{
    EduSgState *s = ch->s;
    uint64_t addr = ch->stream.piece_addr;
    uint32_t epoch = ch->epoch;
    MemTxResult res;

    trace_edu_sg_slice(ch->n, ch->head, addr, ch->moved, len,
                       edu_sg_is_source(ch));
    if (edu_sg_is_source(ch)) {
        generate(ch, s->slice, len);
        return edu_sg_dma(s, addr, s->slice, len, true);
    }
    res = edu_sg_dma(s, addr, s->slice, len, false);
    if (res == MEMTX_OK && ch->epoch == epoch) {
        compare(ch, s->slice, len);
    }
    return res;
}

/*
 * Read the next piece of the current descriptor's list, or do the next slice.
 * Returns the bytes moved.
 */
uint32_t edu_sg_stream_step(EduSgChannel *ch)
{
    EduSgStream *st = &ch->stream;
    EduSgState *s = ch->s;
    uint32_t status = EDU_SG_MOVE, epoch = ch->epoch;
    uint32_t len = edu_sg_stream_slice(ch);

    if (!st->pieces) {
        status = edu_sg_stream_judge(ch);
        if (status == EDU_SG_MOVE && edu_sg_fault(ch, &s->faults.fail)) {
            status = EDU_SG_BUS_ERROR;
        }
    }
    if (status == EDU_SG_MOVE && !len) {
        status = read_piece(ch);
    } else if (status == EDU_SG_MOVE && move(ch, len) != MEMTX_OK) {
        status = EDU_SG_BUS_ERROR;
    }
    if (ch->epoch != epoch) {
        return len;
    }
    if (status != EDU_SG_MOVE) {
        finish(ch, status);
        return len;
    }
    if (edu_sg_is_source(ch)) {
        s->counters.from_device += len;
    } else {
        s->counters.to_device += len;
    }
    ch->moved += len;
    st->piece_addr += len;
    st->piece_left -= len;
    if (ch->moved == goal(ch)) {
        finish(ch, EDU_SG_DONE);
    }
    return len;
}

/*
 * What a migration stream brought.  Within a descriptor, nothing is judged
 * again.
 */
bool edu_sg_stream_valid(const EduSgChannel *ch)
{
    const EduSgStream *st = &ch->stream;

    if (!ch->busy) {
        return !st->frame.bytes;
    }
    if (!st->started || ch->head == ch->tail) {
        return false;
    }
    if (edu_sg_stream_judge(ch) != EDU_SG_MOVE) {
        return !st->pieces && !ch->moved;
    }
    return st->frame.bytes && ch->moved < goal(ch) &&
           (st->pieces || !ch->moved) &&
           (st->pieces || !st->piece_left) &&
           (!st->piece_left ||
            edu_sg_fits(st->piece_addr, st->piece_left, ch->s->dma_mask));
}
