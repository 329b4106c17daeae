/*
 * QTest of edu-sg: streams, and their bytes made in another way
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EDU_SG_STREAM_UTIL_H
#define EDU_SG_STREAM_UTIL_H

#include "edu-sg-util.h"

/* The list of the piece that descriptor i has, counted over all laps */
#define LIST(i)     (0x600000 + ((i) % 64) * 0x1000)
/* Its buffer */
#define BUF(i)      (0x1000000 + ((i) % 64) * 0x40000)
#define FROM        EDU_SG_DESC_FROM_DEVICE
#define EVENT       EDU_SG_DESC_EVENT
#define PATTERN(p)  ((p) << EDU_SG_PATTERN_SHIFT)
#define FULL(p)     ((p) << EDU_SG_FULL_SHIFT)
#define SECOND      (1000 * (int64_t)MS)

static inline void set_stream(Test *t, unsigned ch, uint32_t mode,
                              uint32_t frame_bytes, uint64_t rate)
{
    wr(t, ch_reg(ch, EDU_SG_CH_MODE), mode);
    wr(t, ch_reg(ch, EDU_SG_CH_FRAME_BYTES), frame_bytes);
    wr64(t, ch_reg(ch, EDU_SG_CH_RATE), rate);
}

/* Enabled, and not started */
static inline void enable_stream(Test *t, unsigned ch, uint32_t mode,
                                 uint32_t frame_bytes, uint64_t rate)
{
    set_stream(t, ch, mode, frame_bytes, rate);
    qtest_memset(t->q, CQ(ch), 0, 64 * sizeof(EduSgStreamCompletion));
    enable_ring(t, ch, 64);
}

static inline void start_stream(Test *t, unsigned ch, uint32_t mode,
                                uint32_t frame_bytes, uint64_t rate)
{
    enable_stream(t, ch, mode, frame_bytes, rate);
    command(t, ch, EDU_SG_START);
    g_assert_cmphex(rd(t, ch_reg(ch, EDU_SG_CH_STATUS)), ==,
                    EDU_SG_RUNNING | EDU_SG_STATUS_STARTED);
}

static inline void write_piece(Test *t, uint64_t list, unsigned i,
                               uint64_t addr, uint32_t len)
{
    EduSgPiece p = { .addr = cpu_to_le64(addr), .len = cpu_to_le32(len) };

    qtest_memwrite(t->q, list + i * sizeof(p), &p, sizeof(p));
}

/* @count descriptors, with a buffer of one piece each, without telling */
static inline void put_buffers(Test *t, unsigned ch, unsigned count,
                               uint32_t len, uint32_t flags)
{
    while (count--) {
        uint32_t i = t->tail[ch];

        write_piece(t, LIST(i), 0, BUF(i), len);
        put(t, ch, LIST(i), 0, len, flags);
    }
}

static inline void give_buffers(Test *t, unsigned ch, unsigned count,
                                uint32_t len, uint32_t flags)
{
    put_buffers(t, ch, count, len, flags);
    ring(t, ch);
}

static inline bool got_frame(Test *t, unsigned ch, uint32_t k,
                             EduSgStreamCompletion *c)
{
    qtest_memread(t->q, CQ(ch) + (k & (t->size[ch] - 1)) * sizeof(*c), c,
                  sizeof(*c));
    c->position = le64_to_cpu(c->position);
    c->time = le64_to_cpu(c->time);
    c->index = le32_to_cpu(c->index);
    c->bytes = le32_to_cpu(c->bytes);
    c->sequence = le32_to_cpu(c->sequence);
    c->status = le32_to_cpu(c->status);
    return (c->status & EDU_SG_PHASE) == !(k & t->size[ch]);
}

static inline bool no_frame(Test *t, unsigned ch, uint32_t k)
{
    EduSgStreamCompletion c;

    return !got_frame(t, ch, k, &c);
}

/* Descriptor k got that frame, all of it. */
static inline EduSgStreamCompletion
expect_frame(Test *t, unsigned ch, uint32_t k, uint64_t position,
             uint32_t sequence, uint32_t bytes)
{
    EduSgStreamCompletion c;

    g_assert_true(got_frame(t, ch, k, &c));
    g_assert_cmphex(c.status & ~EDU_SG_PHASE, ==, EDU_SG_WHOLE);
    g_assert_cmpuint(c.index, ==, k);
    g_assert_cmpuint(c.bytes, ==, bytes);
    g_assert_cmpuint(c.position, ==, position);
    g_assert_cmpuint(c.sequence, ==, sequence);
    return c;
}

/* Descriptor k ended with a status, and moved nothing. */
static inline void expect_nothing(Test *t, unsigned ch, uint32_t k,
                                  uint32_t status)
{
    EduSgStreamCompletion c;

    g_assert_true(got_frame(t, ch, k, &c));
    g_assert_cmphex(c.status & ~EDU_SG_PHASE, ==,
                    status << EDU_SG_STATUS_SHIFT);
    g_assert_cmpuint(c.index, ==, k);
    g_assert_cmpuint(c.bytes, ==, 0);
    g_assert_cmpuint(c.position, ==, 0);
    g_assert_cmpuint(c.time, ==, 0);
    g_assert_cmpuint(c.sequence, ==, 0);
}

static inline uint64_t stream_reg(Test *t, unsigned ch, unsigned reg)
{
    return rd64(t, ch_reg(ch, reg));
}

static inline void expect_counts(Test *t, unsigned ch, uint64_t frames,
                                 uint64_t produced, uint64_t delivered,
                                 uint64_t lost)
{
    g_assert_cmpuint(stream_reg(t, ch, EDU_SG_CH_FRAMES), ==, frames);
    g_assert_cmpuint(stream_reg(t, ch, EDU_SG_CH_PRODUCED), ==, produced);
    g_assert_cmpuint(stream_reg(t, ch, EDU_SG_CH_DELIVERED), ==, delivered);
    g_assert_cmpuint(stream_reg(t, ch, EDU_SG_CH_LOST), ==, lost);
}

/* Bit by bit from the first one on, as the specification has it */
static inline void make_prbs31(uint8_t *buf, uint64_t pos, uint32_t len)
{
    uint32_t last = 0x7fffffff;

    for (uint64_t p = 0; p < pos + len; p++) {
        uint8_t byte = 0;

        for (uint64_t i = p * 8; i < p * 8 + 8; i++) {
            uint32_t bit = 1;

            /* bit n of last is b(i - 1 - n) */
            if (i >= 31) {
                bit = (last >> 27 ^ last >> 30) & 1;
                last = last << 1 | bit;
            }
            byte = byte << 1 | bit;
        }
        if (p >= pos) {
            buf[p - pos] = byte;
        }
    }
}

/* Bytes of a frame, which is at @pos and has the number @n. */
static inline void make_pattern(uint8_t *buf, unsigned pattern, uint64_t pos,
                                uint64_t n, uint32_t len)
{
    if (pattern == EDU_SG_PRBS31) {
        make_prbs31(buf, pos, len);
        return;
    }
    for (uint64_t o = 0; o < len; o++) {
        uint64_t p = pos + o;

        buf[o] = pattern == EDU_SG_RAMP ? (o % 256 + o / 256 + 8 * n) % 256
                                        : (p / 8) >> (p % 8 * 8);
    }
}

#endif
