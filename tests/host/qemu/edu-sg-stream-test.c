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
    return g_test_run();
}
