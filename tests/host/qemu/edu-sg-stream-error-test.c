/*
 * QTest of edu-sg: streams that something is wrong with, and their ends
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "edu-sg-stream-util.h"

#define FRAME   10000

static uint8_t out[256 * KiB], in[256 * KiB];

/* What ENABLE refuses */
static void test_config(void)
{
    const struct {
        uint32_t mode;
        uint32_t frame_bytes;
        bool good;
    } modes[] = {
        { EDU_SG_SOURCE, 63, false },
        { EDU_SG_SOURCE, 64, true },
        { EDU_SG_SINK, 0, false },
        { EDU_SG_SINK, 0x1000000, true },
        { EDU_SG_SINK, 0x1000001, false },
        { EDU_SG_RING, 0, true },
        { 3, 64, false },
        { EDU_SG_SOURCE | PATTERN(2), 64, true },
        { EDU_SG_SOURCE | PATTERN(3), 64, false },
        { EDU_SG_SOURCE | EDU_SG_MODE_HEADER, 64, true },
        { EDU_SG_SINK | EDU_SG_MODE_HEADER, 64, false },
        { EDU_SG_SOURCE | FULL(2), 64, true },
        { EDU_SG_SOURCE | FULL(3), 64, false },
        { EDU_SG_SOURCE | 0x200, 64, false },
        { EDU_SG_SOURCE | 0x800, 64, false },
        { EDU_SG_SOURCE | 0x4000, 64, false },
        { EDU_SG_SOURCE | 0x80000000, 64, false },
    };
    Test *t = start("dma_mask=0xffffff");

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        command(t, 0, EDU_SG_RESET);
        set_stream(t, 0, modes[i].mode, modes[i].frame_bytes, 0);
        wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), SQ(0));
        wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), CQ(0));
        wr(t, ch_reg(0, EDU_SG_CH_SIZE), RING);
        command(t, 0, EDU_SG_ENABLE);
        g_test_message("mode 0x%x, frames of %u", modes[i].mode,
                       modes[i].frame_bytes);
        g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==,
                        modes[i].good ? EDU_SG_RUNNING : EDU_SG_FAILED |
                        EDU_SG_ERR_CONFIG << EDU_SG_STATUS_ERR_SHIFT);
    }

    /* A completion has 32 bytes: these are beyond the mask. */
    for (unsigned kind = EDU_SG_RING; kind <= EDU_SG_SOURCE; kind++) {
        command(t, 0, EDU_SG_RESET);
        set_stream(t, 0, kind, 64, 0);
        wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), SQ(0));
        wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), 16 * MiB - 128);
        wr(t, ch_reg(0, EDU_SG_CH_SIZE), RING);
        command(t, 0, EDU_SG_ENABLE);
        g_assert_cmpuint(state_of(t, 0), ==,
                         kind == EDU_SG_RING ? EDU_SG_RUNNING : EDU_SG_FAILED);
    }
    stop(t);
}

/* The next descriptor gets the frame that the one before could not have. */
static void expect_untouched(Test *t, unsigned ch, uint32_t k, uint32_t len,
                             uint32_t flags)
{
    EduSgStreamCompletion c;

    give_buffers(t, ch, 1, len, flags);
    step(t, 1000);
    g_assert_true(got_frame(t, ch, k, &c));
    g_assert_cmphex(c.status & ~EDU_SG_PHASE, ==, EDU_SG_WHOLE);
    g_assert_cmpuint(c.position, ==, 0);
    g_assert_cmpuint(c.sequence, ==, 0);
    expect_counts(t, ch, 1, len, len, 0);
}

/* Each thing that can be wrong with a descriptor, of a source or of a sink */
static void test_invalid_descriptor(void)
{
    const struct {
        const char *what;
        bool sink;
        EduSgDescriptor d;
        uint32_t status;
    } bad[] = {
        { "to a source", false, { LIST(0), 0, 100, 0 }, EDU_SG_INVALID },
        { "from a sink", true, { LIST(0), 0, 100, FROM }, EDU_SG_INVALID },
        { "link", false, { LIST(0), 0, 100, FROM | EDU_SG_DESC_LINK },
          EDU_SG_INVALID },
        { "flag", false, { LIST(0), 0, 100, FROM | 8 }, EDU_SG_INVALID },
        { "reserved", false, { LIST(0), 0, 100, FROM, 1 }, EDU_SG_INVALID },
        { "align", false, { LIST(0) + 8, 0, 100, FROM }, EDU_SG_INVALID },
        { "small", false, { LIST(0), 0, 99, FROM }, EDU_SG_INVALID },
        { "empty", false, { LIST(0), 0, 0, FROM }, EDU_SG_INVALID },
        { "empty sink", true, { LIST(0), 0, 0, 0 }, EDU_SG_INVALID },
        { "large sink", true, { LIST(0), 0, 101, 0 }, EDU_SG_INVALID },
        { "offset", false, { LIST(0), 200, 100, FROM }, EDU_SG_INVALID },
        { "far offset", false, { LIST(0), 1ull << 32, 100, FROM },
          EDU_SG_INVALID },
        { "mask", false, { 0x10000000, 0, 100, FROM }, EDU_SG_RANGE_ERROR },
        { "hole", false, { HOLE, 0, 100, FROM }, EDU_SG_BUS_ERROR },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint32_t mode = bad[i].sink ? EDU_SG_SINK : EDU_SG_SOURCE;
        EduSgDescriptor d = bad[i].d;
        Test *t = start("");

        g_test_message("%s", bad[i].what);
        start_stream(t, 0, mode, 100, 0);
        write_piece(t, LIST(0), 0, BUF(0), 200);
        put(t, 0, d.addr, d.offset, d.len, d.flags);
        qtest_writeq(t->q, SQ(0) + 24, d.reserved);
        ring(t, 0);
        step(t, 1000);
        expect_nothing(t, 0, 0, bad[i].status);
        /* an event, without its flag */
        g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(0));
        expect_untouched(t, 0, 1, 100, bad[i].sink ? 0 : FROM);
        stop(t);
    }
}

/* The first piece is bad, or the second one: then the first one counts. */
static void test_invalid_piece(void)
{
    const struct {
        const char *what;
        EduSgPiece p;
        uint32_t status;
    } bad[] = {
        { "empty", { DATA, 0 }, EDU_SG_INVALID },
        { "reserved", { DATA, 100, 1 }, EDU_SG_INVALID },
        { "beyond", { 0x10000000, 100 }, EDU_SG_RANGE_ERROR },
        { "leaves", { 0x0fffffff, 100 }, EDU_SG_RANGE_ERROR },
        { "around", { UINT64_MAX - 9, 100 }, EDU_SG_RANGE_ERROR },
        { "hole", { HOLE, 100 }, EDU_SG_BUS_ERROR },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad) * 2; i++) {
        const EduSgPiece *p = &bad[i / 2].p;
        EduSgStreamCompletion c;
        unsigned at = i % 2;
        Test *t = start("");

        g_test_message("%s, piece %u", bad[i / 2].what, at);
        start_stream(t, 0, EDU_SG_SOURCE, 100, 0);
        write_piece(t, LIST(0), 0, DATA, 60);
        write_piece(t, LIST(0), at, le64_to_cpu(p->addr), p->len);
        qtest_writel(t->q, LIST(0) + at * 16 + 12, p->reserved);
        put(t, 0, LIST(0), 0, 100, FROM);
        ring(t, 0);
        step(t, 1000);
        if (!at) {
            expect_nothing(t, 0, 0, bad[i / 2].status);
            expect_untouched(t, 0, 1, 100, FROM);
        } else {
            g_assert_true(got_frame(t, 0, 0, &c));
            g_assert_cmphex(c.status & ~EDU_SG_PHASE, ==,
                            bad[i / 2].status << EDU_SG_STATUS_SHIFT);
            g_assert_cmpuint(c.bytes, ==, 60);
            expect_counts(t, 0, 1, 100, 60, 40);
        }
        stop(t);
    }
}

/* The list goes on beyond the address mask, where there is RAM. */
static void test_list_leaves(void)
{
    Test *t = start("dma_mask=0xffffff");
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SOURCE, 100, 0);
    write_piece(t, 0xfffff0, 0, DATA, 60);
    write_piece(t, 0xfffff0, 1, DATA + 60, 40);
    put(t, 0, 0xfffff0, 0, 100, FROM);
    ring(t, 0);
    step(t, 10);
    g_assert_true(got_frame(t, 0, 0, &c));
    g_assert_cmphex(c.status & ~EDU_SG_PHASE, ==,
                    EDU_SG_RANGE_ERROR << EDU_SG_STATUS_SHIFT);
    g_assert_cmpuint(c.bytes, ==, 60);
    stop(t);
}

/* A frame that waits in a full FIFO is put back into it. */
static void test_put_back(void)
{
    Test *t = start("fifo=200,latency=1000000");

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    step(t, 2 * MS + 500 * 1000);
    put(t, 0, LIST(0), 0, 99, FROM);
    ring(t, 0);
    /* Frame 2 takes the place of frame 0, which comes back. */
    step(t, MS);
    expect_nothing(t, 0, 0, EDU_SG_INVALID);
    expect_counts(t, 0, 3, 300, 0, 0);
    step(t, 500 * 1000);
    expect_counts(t, 0, 4, 400, 0, 100);
    give_buffers(t, 0, 3, 100, FROM);
    step(t, 3 * MS);
    for (unsigned i = 1; i < 4; i++) {
        expect_frame(t, 0, i, (i - 1) * 100, i - 1, 100);
    }
    stop(t);
}

/* Where a sink found another byte, and how often */
static void test_mismatch(void)
{
    const uint32_t at[] = { 70000, 70001, 99999, 149999 };
    const uint32_t len = 150000;
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SINK | PATTERN(EDU_SG_PRBS31), len, 0);
    for (unsigned i = 0; i < 2; i++) {
        make_prbs31(out, i * len, len);
        for (unsigned n = 0; i && n < ARRAY_SIZE(at); n++) {
            out[at[n]] ^= 1 << n;
        }
        qtest_memwrite(t->q, BUF(i), out, len);
    }
    give_buffers(t, 0, 2, len, 0);
    step(t, 1000);
    expect_frame(t, 0, 1, len, 1, len);
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_MISMATCHES), ==,
                     ARRAY_SIZE(at));
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_MISMATCH), ==, len + at[0]);
    stop(t);
}

/*
 * Two frames of three find no buffer.  The pattern is in what the sink gets,
 * not in what it asks for.
 */
static void test_underrun(void)
{
    const uint32_t len = 100;
    Test *t = start("");
    EduSgStreamCompletion c;
    uint64_t begin = qtest_clock_step(t->q, 1);

    start_stream(t, 0, EDU_SG_SINK | PATTERN(EDU_SG_RAMP), len, 100 * 1000);
    for (unsigned i = 0; i < 4; i++) {
        make_pattern(out, EDU_SG_RAMP, i * len, i, len);
        qtest_memwrite(t->q, BUF(i), out, len);
        step(t, 2 * MS + 500 * 1000);
        g_assert_true(no_frame(t, 0, i));
        give_buffers(t, 0, 1, len, 0);
        step(t, 500 * 1000 - 1);
        g_assert_true(no_frame(t, 0, i));
        step(t, 1);
        c = expect_frame(t, 0, i, (3 * i + 2) * len, 3 * i + 2, len);
        g_assert_cmpuint(c.time, ==, begin + 3 * (i + 1) * MS);
        expect_counts(t, 0, 3 * (i + 1), 3 * (i + 1) * len, (i + 1) * len,
                      2 * (i + 1) * len);
    }
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_MISMATCHES), ==, 0);
    stop(t);
}

/* A buffer may be short: without a rate, that is what the sink asks for. */
static void test_short_sink(const void *data)
{
    const uint64_t rate = GPOINTER_TO_UINT(data);
    const uint64_t lens[] = { 64, 1, 100 };
    Test *t = start("");
    uint32_t done = 0;

    start_stream(t, 0, EDU_SG_SINK | PATTERN(EDU_SG_RAMP), 100, rate);
    for (unsigned i = 0; i < 3; i++) {
        make_pattern(out, EDU_SG_RAMP, 0, 0, 100);
        make_pattern(out + 100, EDU_SG_RAMP, 100, 1, 100);
        qtest_memwrite(t->q, BUF(i), out + done, lens[i]);
        put_buffers(t, 0, 1, lens[i], 0);
        done += lens[i];
    }
    ring(t, 0);
    step(t, 3 * MS);
    done = 0;
    for (unsigned i = 0; i < 3; i++) {
        expect_frame(t, 0, i, rate ? i * 100 : done, i, lens[i]);
        done += lens[i];
    }
    expect_counts(t, 0, 3, rate ? 300 : done, done, rate ? 300 - done : 0);
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_MISMATCHES), ==, 0);
    stop(t);
}

/* Frames that are due in a paused sink are those of buffers it has. */
static void test_paused_sink(void)
{
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SINK, 100, 100 * 1000);
    give_buffers(t, 0, 2, 100, 0);
    command(t, 0, EDU_SG_PAUSE);
    step(t, 5 * MS);
    expect_counts(t, 0, 5, 500, 0, 300);
    give_buffers(t, 0, 1, 100, 0);
    command(t, 0, EDU_SG_RESUME);
    step(t, MS);
    expect_frame(t, 0, 0, 0, 0, 100);
    expect_frame(t, 0, 1, 100, 1, 100);
    expect_frame(t, 0, 2, 500, 5, 100);
    expect_counts(t, 0, 6, 600, 300, 300);
    stop(t);

    /* but 64 at most */
    t = start("");
    set_stream(t, 0, EDU_SG_SINK, 100, 100 * 1000);
    qtest_memset(t->q, CQ(0), 0, 128 * sizeof(EduSgStreamCompletion));
    enable_ring(t, 0, 128);
    command(t, 0, EDU_SG_START);
    give_buffers(t, 0, 100, 100, 0);
    command(t, 0, EDU_SG_PAUSE);
    step(t, 200 * MS);
    expect_counts(t, 0, 200, 20000, 0, 13600);
    command(t, 0, EDU_SG_RESUME);
    step(t, 10);
    expect_frame(t, 0, 63, 6300, 63, 100);
    g_assert_true(no_frame(t, 0, 64));
    stop(t);
}

/* ABORT counts how far the frame came; the stream goes on behind it. */
static void test_abort(void)
{
    const uint32_t len = 200000;
    Test *t = start("fifo=1M,bandwidth=65536000");
    EduSgStreamCompletion c;

    /* 2 ms a frame, of which one slice takes 1 ms */
    start_stream(t, 0, EDU_SG_SOURCE, len, 100 * 1000 * 1000);
    step(t, 6 * MS);
    give_buffers(t, 0, 3, len, FROM);
    step(t, 2500 * 1000);
    expect_counts(t, 0, 4, 4 * len, 0, 0);
    command(t, 0, EDU_SG_ABORT);
    g_assert_true(got_frame(t, 0, 0, &c));
    g_assert_cmphex(c.status & ~EDU_SG_PHASE, ==,
                    EDU_SG_ABORTED << EDU_SG_STATUS_SHIFT);
    g_assert_cmpuint(c.bytes, ==, 128 * KiB);
    g_assert_cmpuint(c.position, ==, 0);
    g_assert_cmpuint(c.time, !=, 0);
    expect_nothing(t, 0, 1, EDU_SG_ABORTED);
    expect_nothing(t, 0, 2, EDU_SG_ABORTED);
    expect_counts(t, 0, 4, 4 * len, 128 * KiB, 4 * len - 128 * KiB);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==, EDU_SG_HALTED);

    /* the clock stands */
    step(t, SECOND);
    command(t, 0, EDU_SG_ENABLE);
    give_buffers(t, 0, 1, len, FROM);
    step(t, SECOND);
    g_assert_true(no_frame(t, 0, 3));
    command(t, 0, EDU_SG_START);
    step(t, 2 * MS - 1);
    expect_counts(t, 0, 4, 4 * len, 128 * KiB, 4 * len - 128 * KiB);
    step(t, 4 * MS);
    expect_frame(t, 0, 3, 4 * len, 4, len);
    make_pattern(out, EDU_SG_COUNTER, 4 * len, 4, len);
    qtest_memread(t->q, BUF(3), in, len);
    g_assert_cmpmem(in, len, out, len);

    /* what was produced until then, though nobody had looked */
    step(t, 10 * MS - (6 * MS - 1));
    command(t, 0, EDU_SG_ABORT);
    expect_counts(t, 0, 9, 9 * len, 128 * KiB + len, 8 * len - 128 * KiB);
    stop(t);
}

static void test_reset(void)
{
    Test *t = start("bandwidth=100000");

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    give_buffers(t, 0, 3, 100, FROM);
    step(t, 5 * MS + 500 * 1000);
    expect_frame(t, 0, 2, 200, 2, 100);
    command(t, 0, EDU_SG_RESET);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==, EDU_SG_DISABLED);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_MODE)), ==, 0);
    step(t, SECOND);
    expect_counts(t, 0, 0, 0, 0, 0);

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    expect_counts(t, 0, 0, 0, 0, 0);
    give_buffers(t, 0, 1, 100, FROM);
    step(t, 2 * MS);
    expect_frame(t, 0, 0, 0, 0, 100);
    stop(t);
}

/* A channel that fails stops its clock, and loses its FIFO. */
static void test_fail(void)
{
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    step(t, 3 * MS);
    expect_counts(t, 0, 3, 300, 0, 0);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 65);
    g_assert_cmpuint(error_of(t, 0), ==, EDU_SG_ERR_DOORBELL);
    step(t, SECOND);
    expect_counts(t, 0, 3, 300, 0, 300);
    stop(t);

    /* What is in no completion, since it cannot be written, is lost, too. */
    t = start("");
    set_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), SQ(0));
    wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), HOLE);
    wr(t, ch_reg(0, EDU_SG_CH_SIZE), 64);
    command(t, 0, EDU_SG_ENABLE);
    t->size[0] = 64;
    command(t, 0, EDU_SG_START);
    give_buffers(t, 0, 2, 100, FROM);
    step(t, 3 * MS);
    g_assert_cmpuint(error_of(t, 0), ==, EDU_SG_ERR_COMPLETION);
    expect_counts(t, 0, 1, 100, 0, 100);
    stop(t);
}

/* In a bus error within a frame, what came before is delivered. */
static void test_cut(void)
{
    Test *t = start("");
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SINK, 200000, 0);
    make_pattern(out, EDU_SG_COUNTER, 0, 0, 100000);
    qtest_memwrite(t->q, DATA, out, 100000);
    write_piece(t, LIST(0), 0, DATA, 100000);
    write_piece(t, LIST(0), 1, HOLE, 100000);
    put(t, 0, LIST(0), 0, 200000, 0);
    ring(t, 0);
    step(t, 10);
    g_assert_true(got_frame(t, 0, 0, &c));
    g_assert_cmphex(c.status & ~EDU_SG_PHASE, ==,
                    EDU_SG_BUS_ERROR << EDU_SG_STATUS_SHIFT);
    g_assert_cmpuint(c.bytes, ==, 100000);
    expect_counts(t, 0, 1, 200000, 100000, 100000);

    /* the pattern goes on there */
    make_pattern(out, EDU_SG_COUNTER, 100000, 0, 100);
    qtest_memwrite(t->q, BUF(1), out, 100);
    give_buffers(t, 0, 1, 100, 0);
    step(t, 10);
    expect_frame(t, 0, 1, 200000, 1, 100);
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_MISMATCHES), ==, 0);
    stop(t);
}

static void test_fault_overrun(const void *data)
{
    const uint64_t rate = GPOINTER_TO_UINT(data);
    Test *t = start("channels=2");

    start_stream(t, 0, EDU_SG_SOURCE, 100, rate);
    start_stream(t, 1, EDU_SG_SOURCE, 100, rate);
    step(t, 2 * MS);
    /* not those of before */
    set_fault(t, "fault-overrun", 3);
    set_fault(t, "fault-channels", 1);
    give_buffers(t, 0, 3, 100, FROM);
    give_buffers(t, 1, 3, 100, FROM);
    step(t, 4 * MS);
    for (unsigned i = 0; i < 3; i++) {
        unsigned n = rate && i < 2 ? i : i + 3;

        expect_frame(t, 1, i, i * 100, i, 100);
        expect_frame(t, 0, i, n * 100, n, 100);
    }
    g_assert_cmpuint(counter(t, "fault-overrun"), ==, 0);
    expect_counts(t, 0, 6, 600, 300, 300);
    stop(t);
}

static void test_fault_overrun_end(void)
{
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SOURCE | FULL(EDU_SG_END), 100, 100 * 1000);
    give_buffers(t, 0, 2, 100, FROM);
    step(t, MS);
    set_fault(t, "fault-overrun", 3);
    step(t, MS);
    expect_frame(t, 0, 0, 0, 0, 100);
    expect_nothing(t, 0, 1, EDU_SG_ENDED);
    expect_counts(t, 0, 2, 200, 100, 100);
    g_assert_cmpuint(counter(t, "fault-overrun"), ==, 2);
    stop(t);
}

/* Faults of the completion, in which the stream itself is as it was */
static void test_fault_completion(void)
{
    Test *t = start("");
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SOURCE, 100, 0);
    set_fault(t, "fault-sequence", 1);
    set_fault(t, "fault-fail", 1);
    give_buffers(t, 0, 3, 100, FROM);
    step(t, 10);
    expect_nothing(t, 0, 0, EDU_SG_BUS_ERROR);
    expect_frame(t, 0, 1, 0, 1, 100);
    expect_frame(t, 0, 2, 100, 1, 100);

    set_fault(t, "fault-position", 1);
    give_buffers(t, 0, 2, 100, FROM);
    step(t, 10);
    expect_frame(t, 0, 3, 100, 2, 100);
    expect_frame(t, 0, 4, 300, 3, 100);

    /* held back, and all of it is there in the end */
    set_fault(t, "fault-swap", 1);
    give_buffers(t, 0, 2, 100, FROM);
    step(t, 10);
    g_assert_true(got_frame(t, 0, 6, &c));
    g_assert_cmpuint(c.index, ==, 5);
    g_assert_cmpuint(c.position, ==, 400);
    g_assert_cmpuint(c.sequence, ==, 4);
    g_assert_true(got_frame(t, 0, 5, &c));
    g_assert_cmpuint(c.index, ==, 6);
    g_assert_cmpuint(c.position, ==, 500);
    expect_counts(t, 0, 6, 600, 600, 0);

    /* held back, and dropped: in no completion */
    set_fault(t, "fault-swap", 1);
    give_buffers(t, 0, 1, 100, FROM);
    step(t, 10);
    command(t, 0, EDU_SG_ABORT);
    g_assert_true(no_frame(t, 0, 7));
    expect_counts(t, 0, 7, 700, 600, 100);
    stop(t);
}

/* Pieces of a byte each do not hold up the main loop. */
static void test_bound(void)
{
    Test *t = start("channels=2");

    start_stream(t, 0, EDU_SG_SOURCE, 250, 0);
    for (unsigned p = 0; p < 250; p++) {
        write_piece(t, LIST(0), p, DATA + p, 1);
    }
    put(t, 0, LIST(0), 0, 250, FROM);
    ring(t, 0);
    /* a pass each nanosecond, of 64 steps */
    step(t, 6);
    g_assert_true(no_frame(t, 0, 0));
    step(t, 3);
    expect_frame(t, 0, 0, 0, 0, 250);
    stop(t);
}

int main(int argc, char **argv)
{
    void *const rate = GUINT_TO_POINTER(100 * 1000);

    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) qtest_add_func("/edu-sg/stream-error/" name, test)
    ADD("config", test_config);
    ADD("invalid-descriptor", test_invalid_descriptor);
    ADD("invalid-piece", test_invalid_piece);
    ADD("list-leaves", test_list_leaves);
    ADD("put-back", test_put_back);
    ADD("mismatch", test_mismatch);
    ADD("underrun", test_underrun);
    ADD("paused-sink", test_paused_sink);
    ADD("abort", test_abort);
    ADD("reset", test_reset);
    ADD("fail", test_fail);
    ADD("cut", test_cut);
    ADD("fault/overrun-end", test_fault_overrun_end);
    ADD("fault/completion", test_fault_completion);
    ADD("bound", test_bound);
#undef ADD
    qtest_add_data_func("/edu-sg/stream-error/short-sink/rate", rate,
                        test_short_sink);
    qtest_add_data_func("/edu-sg/stream-error/short-sink/free", NULL,
                        test_short_sink);
    qtest_add_data_func("/edu-sg/stream-error/fault/overrun/rate", rate,
                        test_fault_overrun);
    qtest_add_data_func("/edu-sg/stream-error/fault/overrun/free", NULL,
                        test_fault_overrun);
    return g_test_run();
}
