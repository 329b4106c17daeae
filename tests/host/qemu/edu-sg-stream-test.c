/*
 * QTest of edu-sg: streams, their bytes and their time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "edu-sg-stream-util.h"

static uint8_t out[256 * KiB], in[256 * KiB];

static void test_source(const void *data)
{
    const unsigned pattern = GPOINTER_TO_UINT(data);
    const uint32_t len = 150001;
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SOURCE | PATTERN(pattern), len, 0);
    give_buffers(t, 0, 5, len, FROM);
    step(t, 1000);
    for (unsigned i = 0; i < 5; i++) {
        expect_frame(t, 0, i, i * len, i, len);
        make_pattern(out, pattern, i * len, i, len);
        qtest_memread(t->q, BUF(i), in, len);
        g_assert_cmpmem(in, len, out, len);
    }
    expect_counts(t, 0, 5, 5 * len, 5 * len, 0);
    stop(t);
}

static void test_sink(const void *data)
{
    const unsigned pattern = GPOINTER_TO_UINT(data);
    const uint32_t len = 150001;
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SINK | PATTERN(pattern), len, 0);
    for (unsigned i = 0; i < 5; i++) {
        make_pattern(out, pattern, i * len, i, len);
        qtest_memwrite(t->q, BUF(i), out, len);
    }
    give_buffers(t, 0, 5, len, 0);
    step(t, 1000);
    for (unsigned i = 0; i < 5; i++) {
        expect_frame(t, 0, i, i * len, i, len);
    }
    expect_counts(t, 0, 5, 5 * len, 5 * len, 0);
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_MISMATCHES), ==, 0);
    g_assert_cmphex(stream_reg(t, 0, EDU_SG_CH_MISMATCH), ==, UINT64_MAX);
    stop(t);
}

/* A frame is there when its last byte is, to the nanosecond. */
static void test_rate(void)
{
    /* 33333.33 ns each */
    const int64_t due[] = { 33334, 66667, 100000, 133334 };
    Test *t = start("");
    EduSgStreamCompletion c;
    int64_t now, begin;

    enable_stream(t, 0, EDU_SG_SOURCE, 100, 3 * 1000 * 1000);
    give_buffers(t, 0, ARRAY_SIZE(due), 100, FROM);
    begin = now = qtest_clock_step(t->q, MS);
    g_assert_true(no_frame(t, 0, 0));
    command(t, 0, EDU_SG_START);
    for (size_t i = 0; i < ARRAY_SIZE(due); i++) {
        now = qtest_clock_step(t->q, begin + due[i] - now - 1);
        g_assert_true(no_frame(t, 0, i));
        expect_counts(t, 0, i, i * 100, i * 100, 0);
        now = qtest_clock_step(t->q, 1);
        c = expect_frame(t, 0, i, i * 100, i, 100);
        g_assert_cmpuint(c.time, ==, now);
    }
    stop(t);
}

static void test_registers(void)
{
    Test *t = start("fifo=3M");

    g_assert_cmphex(rd(t, EDU_SG_CAP_VERSION), ==, 0x00500001);
    g_assert_cmphex(rd(t, EDU_SG_CAP_FEATURES) & 0x20, ==, 0x20);
    g_assert_cmphex(rd64(t, EDU_SG_CAP_FIFO), ==, 3 * MiB);
    g_assert_cmphex(rd64(t, EDU_SG_CAP_MAX_FRAME), ==, EDU_SG_FRAME_MAX);
    for (unsigned reg = EDU_SG_CH_MODE; reg < EDU_SG_CH_MISMATCH; reg += 8) {
        g_assert_cmphex(stream_reg(t, 0, reg), ==, 0);
        /* counters cannot be written */
        if (reg >= EDU_SG_CH_PRODUCED) {
            wr64(t, ch_reg(0, reg), 0x123456789abcdef0);
            g_assert_cmphex(stream_reg(t, 0, reg), ==, 0);
        }
    }
    g_assert_cmphex(stream_reg(t, 0, EDU_SG_CH_MISMATCH), ==, UINT64_MAX);

    enable_stream(t, 0, EDU_SG_SOURCE, 100, 0x500000007);
    for (unsigned state = EDU_SG_RUNNING; state <= EDU_SG_FAILED; state++) {
        const uint32_t leads[] = {
            0, 0, EDU_SG_PAUSE, EDU_SG_ABORT, EDU_SG_ENABLE };

        if (leads[state]) {
            command(t, 0, leads[state]);
        }
        if (state == EDU_SG_FAILED) {
            wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 65);
        }
        g_assert_cmpuint(state_of(t, 0), ==, state);
        set_stream(t, 0, EDU_SG_SINK, 200, 9);
        g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_MODE)), ==, EDU_SG_SOURCE);
        g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_FRAME_BYTES)), ==, 100);
        g_assert_cmphex(stream_reg(t, 0, EDU_SG_CH_RATE), ==, 0x500000007);
    }
    command(t, 0, EDU_SG_RESET);
    g_assert_cmphex(stream_reg(t, 0, EDU_SG_CH_MODE), ==, 0);
    g_assert_cmphex(stream_reg(t, 0, EDU_SG_CH_RATE), ==, 0);
    stop(t);
}

/* START is for a stream that runs and is not started. */
static void test_start(void)
{
    Test *t = start("");

    set_stream(t, 0, EDU_SG_SOURCE, 100, 1000);
    command(t, 0, EDU_SG_START);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==, EDU_SG_DISABLED);
    enable_stream(t, 0, EDU_SG_SOURCE, 100, 1000);
    command(t, 0, EDU_SG_PAUSE);
    command(t, 0, EDU_SG_START);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==, EDU_SG_PAUSED);
    command(t, 0, EDU_SG_RESUME);
    step(t, SECOND);
    expect_counts(t, 0, 0, 0, 0, 0);
    command(t, 0, EDU_SG_START);
    step(t, 90 * MS);
    /* again, it does not start anew */
    command(t, 0, EDU_SG_START);
    step(t, 10 * MS);
    expect_counts(t, 0, 1, 100, 0, 0);
    stop(t);

    t = start("");
    enable_stream(t, 0, EDU_SG_RING, 100, 1000);
    command(t, 0, EDU_SG_START);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==, EDU_SG_RUNNING);
    stop(t);
}

/* PRBS31 from far on, which is not made from the first bit on. */
static void test_far(void)
{
    const uint32_t len = 1000;
    const uint64_t frames = 12347;
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SOURCE | PATTERN(EDU_SG_PRBS31) |
                 FULL(EDU_SG_DROP_OLDEST), len, 1000 * 1000 * 1000);
    step(t, frames * 1000);
    give_buffers(t, 0, 1, len, FROM);
    step(t, 1);
    expect_frame(t, 0, 0, (frames - 64) * len, frames - 64, len);
    make_prbs31(out, (frames - 64) * len, len);
    qtest_memread(t->q, BUF(0), in, len);
    g_assert_cmpmem(in, len, out, len);
    stop(t);
}

/* A sequence of 2^31 - 1 bits repeats, and so do that many bytes. */
static void test_period(void)
{
    const uint32_t len = 64;
    const uint64_t lap = 0x7fffffff;
    Test *t = start("");
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SOURCE | PATTERN(EDU_SG_PRBS31) |
                 FULL(EDU_SG_DROP_OLDEST), len, 64 * (uint64_t)SECOND);
    step(t, 5 * lap / 64 + 100);
    give_buffers(t, 0, 1, len, FROM);
    step(t, 1);
    g_assert_true(got_frame(t, 0, 0, &c));
    g_assert_cmpuint(c.position / lap, ==, 5);
    make_prbs31(out, c.position % lap, len);
    qtest_memread(t->q, BUF(0), in, len);
    g_assert_cmpmem(in, len, out, len);
    stop(t);
}

static void test_header(void)
{
    const uint32_t len = 200;
    Test *t = start("");
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SOURCE | EDU_SG_MODE_HEADER, len, 1000 * 1000);
    step(t, MS);
    /* pieces of 7 bytes: a header in five of them */
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned p = 0; p < 29; p++) {
            write_piece(t, LIST(i), p, BUF(i) + p * 7, 7);
        }
        put(t, 0, LIST(i), 0, len, FROM);
    }
    ring(t, 0);
    step(t, MS);
    for (unsigned i = 0; i < 3; i++) {
        c = expect_frame(t, 0, i, i * len, i, len);
        qtest_memread(t->q, BUF(i), in, len);
        g_assert_cmphex(ldl_le_p(in), ==, 0x46534445);
        g_assert_cmpuint(ldl_le_p(in + 4), ==, len);
        g_assert_cmpuint(ldq_le_p(in + 8), ==, i);
        g_assert_cmpuint(ldq_le_p(in + 16), ==, i * len);
        g_assert_cmpuint(ldq_le_p(in + 24), ==, c.time);
        make_pattern(out, EDU_SG_COUNTER, i * len, i, len);
        g_assert_cmpmem(in + 32, len - 32, out + 32, len - 32);
    }
    stop(t);
}

/* Pieces of odd lengths at odd addresses, and nothing beside them. */
static void test_pieces(void)
{
    const uint32_t lens[] = { 10, 1, 4097, 3, 70001, 1, 5, 80000 };
    const uint32_t len = 140001;
    Test *t = start("");
    uint32_t skip = 7, done = 0;

    make_pattern(out, EDU_SG_COUNTER, 0, 0, len);
    qtest_memset(t->q, DATA, 0xee, 2 * MiB);
    for (unsigned p = 0; p < ARRAY_SIZE(lens); p++) {
        write_piece(t, LIST(0), p, DATA + p * 0x20001, lens[p]);
    }
    start_stream(t, 0, EDU_SG_SOURCE, len, 0);
    put(t, 0, LIST(0), skip, len, FROM);
    ring(t, 0);
    step(t, 1000);
    expect_frame(t, 0, 0, 0, 0, len);
    for (unsigned p = 0; p < ARRAY_SIZE(lens); p++) {
        uint32_t some = MIN(lens[p] - skip, len - done);
        g_autofree uint8_t *got = g_malloc(0x20001);
        g_autofree uint8_t *want = g_malloc(0x20001);

        memset(want, 0xee, 0x20001);
        memcpy(want + skip, out + done, some);
        qtest_memread(t->q, DATA + p * 0x20001, got, 0x20001);
        g_assert_cmpmem(got, 0x20001, want, 0x20001);
        done += some;
        skip = 0;
    }
    g_assert_cmpuint(done, ==, len);
    stop(t);
}

/* A list is read as far as the frame needs: behind it is no memory. */
static void test_list_end(void)
{
    const uint64_t end = 128 * MiB;
    Test *t = start("");

    start_stream(t, 0, EDU_SG_SOURCE, 100, 0);
    write_piece(t, end - 32, 0, DATA, 60);
    write_piece(t, end - 32, 1, DATA + 60, 40);
    put(t, 0, end - 32, 0, 100, FROM);
    /* the buffer is longer than the frame */
    put(t, 0, end - 32, 0, 5000, FROM);
    ring(t, 0);
    step(t, 10);
    expect_frame(t, 0, 0, 0, 0, 100);
    expect_frame(t, 0, 1, 100, 1, 100);
    stop(t);
}

/* PRODUCED = DELIVERED + LOST + what is in the FIFO, whatever is dropped. */
static void test_drop_new(void)
{
    Test *t = start("fifo=1000");

    start_stream(t, 0, EDU_SG_SOURCE, 300, 300 * 1000);
    step(t, 10 * MS);
    /* three fit */
    expect_counts(t, 0, 10, 3000, 0, 2100);
    give_buffers(t, 0, 4, 300, FROM);
    step(t, 5 * MS);
    for (unsigned i = 0; i < 3; i++) {
        expect_frame(t, 0, i, i * 300, i, 300);
    }
    expect_frame(t, 0, 3, 3000, 10, 300);
    expect_counts(t, 0, 15, 4500, 1200, 2400);
    stop(t);
}

static void test_drop_oldest(void)
{
    Test *t = start("fifo=1000");

    start_stream(t, 0, EDU_SG_SOURCE | FULL(EDU_SG_DROP_OLDEST), 300,
                 300 * 1000);
    step(t, 4 * MS);
    expect_counts(t, 0, 4, 1200, 0, 300);
    /* and many at a time */
    step(t, 6 * MS);
    expect_counts(t, 0, 10, 3000, 0, 2100);
    give_buffers(t, 0, 4, 300, FROM);
    step(t, 5 * MS);
    for (unsigned i = 0; i < 4; i++) {
        expect_frame(t, 0, i, 2100 + i * 300, 7 + i, 300);
    }
    expect_counts(t, 0, 15, 4500, 1200, 2400);
    stop(t);
}

static void test_end(void)
{
    Test *t = start("fifo=1000");

    start_stream(t, 0, EDU_SG_SOURCE | FULL(EDU_SG_END), 300, 300 * 1000);
    step(t, 4 * MS - 1);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==,
                    EDU_SG_RUNNING | EDU_SG_STATUS_STARTED);
    step(t, 1);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==,
                    EDU_SG_RUNNING | EDU_SG_STATUS_STARTED |
                    EDU_SG_STATUS_ENDED);
    step(t, SECOND);
    expect_counts(t, 0, 4, 1200, 0, 300);
    give_buffers(t, 0, 5, 300, FROM);
    step(t, MS);
    for (unsigned i = 0; i < 3; i++) {
        expect_frame(t, 0, i, i * 300, i, 300);
    }
    expect_nothing(t, 0, 3, EDU_SG_ENDED);
    expect_nothing(t, 0, 4, EDU_SG_ENDED);
    expect_counts(t, 0, 4, 1200, 900, 300);
    /* an event, without its flag */
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(0));

    /* ABORT clears the end */
    command(t, 0, EDU_SG_ABORT);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==, EDU_SG_HALTED);
    stop(t);
}

/* At least one frame, and at most 64, however large the FIFO is. */
static void test_fifo(void)
{
    Test *t = start("fifo=0,channels=2");

    start_stream(t, 0, EDU_SG_SOURCE, 300, 300 * 1000);
    step(t, 3 * MS);
    expect_counts(t, 0, 3, 900, 0, 600);
    stop(t);
    t = start("fifo=1G");
    start_stream(t, 0, EDU_SG_SOURCE, 300, 300 * 1000);
    step(t, 100 * MS);
    expect_counts(t, 0, 100, 30000, 0, 36 * 300);
    stop(t);
}

/* The fastest rate that there is: a lot is lost, and counted at once. */
static void test_fastest(void)
{
    Test *t = start("");
    uint64_t produced;

    start_stream(t, 0, EDU_SG_SOURCE, 64, UINT64_MAX);
    step(t, 1);
    /* 2^64 - 1 bytes per second are 18446744073.7 in a nanosecond */
    produced = QEMU_ALIGN_DOWN(18446744073, 64);
    expect_counts(t, 0, produced / 64, produced, 0, produced - 64 * 64);
    step(t, 1000 * SECOND);
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_PRODUCED), ==,
                     QEMU_ALIGN_DOWN(UINT64_MAX, 64));
    stop(t);
}

/* Every third frame is half as long, in time as well. */
static void test_short(void)
{
    const uint64_t at[] = { 0, 301, 602, 752, 1053, 1354, 1504 };
    Test *t = start("fifo=301,short-frames=3");
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SOURCE, 301, 1000 * 1000);
    give_buffers(t, 0, 6, 301, FROM);
    step(t, 1504 * 1000 - 1);
    g_assert_true(no_frame(t, 0, 5));
    step(t, 1);
    for (unsigned i = 0; i < 6; i++) {
        c = expect_frame(t, 0, i, at[i], i, at[i + 1] - at[i]);
    }
    g_assert_cmpuint(c.time, ==, qtest_clock_step(t->q, 0));
    /* 3 of them lost, the last of which is short, and one there */
    step(t, (301 + 301 + 150 + 301) * 1000);
    expect_counts(t, 0, 10, 1504 + 1053, 1504, 752);
    /* from now on none, but never less than 64 */
    set_fault(t, "short-frames", 0);
    step(t, 301 * 1000 * 2);
    expect_counts(t, 0, 12, 1504 + 1053 + 602, 1504, 752 + 602);
    stop(t);

    t = start("short-frames=1");
    start_stream(t, 0, EDU_SG_SOURCE, 100, 0);
    give_buffers(t, 0, 1, 64, FROM);
    step(t, 10);
    expect_frame(t, 0, 0, 0, 0, 64);
    stop(t);
}

/* Buffers that come late get the frames that waited, with their own time. */
static void test_late(void)
{
    Test *t = start("latency=1000");
    EduSgStreamCompletion c;
    uint64_t now = qtest_clock_step(t->q, MS);

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    step(t, 3 * MS + 500 * 1000);
    give_buffers(t, 0, 3, 100, FROM);
    step(t, 2999);
    g_assert_true(no_frame(t, 0, 2));
    step(t, 1);
    for (unsigned i = 0; i < 3; i++) {
        c = expect_frame(t, 0, i, i * 100, i, 100);
        g_assert_cmpuint(c.time, ==, now + (i + 1) * MS);
    }
    stop(t);
}

/* A channel that is slower than its source loses by that, and no more. */
static void test_slow(void)
{
    Test *t = start("fifo=200,bandwidth=500000");
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SOURCE, 100, 1000 * 1000);
    give_buffers(t, 0, 40, 100, FROM);
    /*
     * Frame n is there at (n + 1) * 100 us, descriptor n is through at
     * 100 + (n + 1) * 200 us.
     */
    step(t, 2 * MS + 50 * 1000);
    expect_counts(t, 0, 20, 2000, 900, 800);
    for (unsigned i = 0; i < 4; i++) {
        expect_frame(t, 0, i, i * 100, i, 100);
    }
    /* from then on, every second one finds no room */
    for (unsigned i = 4; i < 9; i++) {
        g_assert_true(got_frame(t, 0, i, &c));
        g_assert_cmpuint(c.sequence, ==, 2 * i - 4);
    }
    stop(t);
}

/* The clock goes on in a channel that is held up. */
static void test_held(const void *data)
{
    const bool stall = data;
    Test *t = start("fifo=500");

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    give_buffers(t, 0, 10, 100, FROM);
    step(t, 2 * MS);
    expect_frame(t, 0, 1, 100, 1, 100);
    if (stall) {
        set_fault(t, "fault-stall", 1);
    } else {
        command(t, 0, EDU_SG_PAUSE);
    }
    step(t, 10 * MS);
    g_assert_true(no_frame(t, 0, 2));
    expect_counts(t, 0, 12, 1200, 200, 500);
    if (stall) {
        set_fault(t, "fault-stall", 0);
    } else {
        command(t, 0, EDU_SG_RESUME);
    }
    step(t, MS);
    for (unsigned i = 2; i < 7; i++) {
        expect_frame(t, 0, i, i * 100, i, 100);
    }
    expect_frame(t, 0, 7, 1200, 12, 100);
    expect_counts(t, 0, 13, 1300, 800, 500);
    stop(t);
}

/* What has waited in a pause is taken when it is over, and not before. */
static void test_resumed(void)
{
    Test *t = start("latency=1000000");

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    command(t, 0, EDU_SG_PAUSE);
    give_buffers(t, 0, 1, 100, FROM);
    step(t, 5 * MS + 1000);
    command(t, 0, EDU_SG_RESUME);
    step(t, MS - 1);
    g_assert_true(no_frame(t, 0, 0));
    step(t, 1);
    expect_frame(t, 0, 0, 0, 0, 100);
    stop(t);
}

/* A stream that is late loses no more than one that is not. */
static void test_catch_up(void)
{
    Test *t = start("fifo=100,latency=1000000000");

    start_stream(t, 0, EDU_SG_SOURCE, 100, 100 * 1000);
    give_buffers(t, 0, 8, 100, FROM);
    step(t, 5 * MS + 1000);
    g_assert_true(set_pace(t, "latency", 0));
    step(t, 1);
    for (unsigned i = 0; i < 5; i++) {
        expect_frame(t, 0, i, i * 100, i, 100);
    }
    expect_counts(t, 0, 5, 500, 500, 0);
    stop(t);
}

int main(int argc, char **argv)
{
    const struct {
        const char *name;
        unsigned pattern;
    } patterns[] = {
        { "counter", EDU_SG_COUNTER },
        { "prbs31", EDU_SG_PRBS31 },
        { "ramp", EDU_SG_RAMP },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        g_autofree char *source = g_strdup_printf("/edu-sg/stream/source/%s",
                                                  patterns[i].name);
        g_autofree char *sink = g_strdup_printf("/edu-sg/stream/sink/%s",
                                                patterns[i].name);

        qtest_add_data_func(source, GUINT_TO_POINTER(patterns[i].pattern),
                            test_source);
        qtest_add_data_func(sink, GUINT_TO_POINTER(patterns[i].pattern),
                            test_sink);
    }
    qtest_add_func("/edu-sg/stream/rate", test_rate);
    qtest_add_func("/edu-sg/stream/registers", test_registers);
    qtest_add_func("/edu-sg/stream/start", test_start);
    qtest_add_func("/edu-sg/stream/far", test_far);
    qtest_add_func("/edu-sg/stream/period", test_period);
    qtest_add_func("/edu-sg/stream/header", test_header);
    qtest_add_func("/edu-sg/stream/pieces", test_pieces);
    qtest_add_func("/edu-sg/stream/list-end", test_list_end);
    qtest_add_func("/edu-sg/stream/drop-new", test_drop_new);
    qtest_add_func("/edu-sg/stream/drop-oldest", test_drop_oldest);
    qtest_add_func("/edu-sg/stream/end", test_end);
    qtest_add_func("/edu-sg/stream/fifo", test_fifo);
    qtest_add_func("/edu-sg/stream/fastest", test_fastest);
    qtest_add_func("/edu-sg/stream/short", test_short);
    qtest_add_func("/edu-sg/stream/late", test_late);
    qtest_add_func("/edu-sg/stream/slow", test_slow);
    qtest_add_func("/edu-sg/stream/resumed", test_resumed);
    qtest_add_func("/edu-sg/stream/catch-up", test_catch_up);
    qtest_add_data_func("/edu-sg/stream/paused", NULL, test_held);
    qtest_add_data_func("/edu-sg/stream/stalled", GUINT_TO_POINTER(true),
                        test_held);
    return g_test_run();
}
