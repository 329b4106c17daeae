/*
 * QTest of edu-sg
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "edu-sg-util.h"

static uint8_t out[2 * MiB], in[2 * MiB];

static void test_identity(void)
{
    Test *t = start("channels=3,memory=64K,dma_mask=0xffffffffff");

    g_assert_cmphex(rd(t, EDU_SG_ID), ==, 0x020000ed);
    g_assert_cmphex(rd(t, EDU_SG_CAP_MAGIC), ==, EDU_SG_MAGIC);
    g_assert_cmphex(rd(t, EDU_SG_CAP_VERSION), ==, EDU_SG_LAYOUT);
    g_assert_cmpuint(rd(t, EDU_SG_CAP_CHANNELS), ==, 3);
    g_assert_cmphex(rd64(t, EDU_SG_CAP_ADDR_MASK), ==, 0xffffffffff);
    g_assert_cmphex(rd(t, EDU_SG_CAP_ADDR_MASK + 4), ==, 0xff);
    g_assert_cmphex(rd64(t, EDU_SG_CAP_MEMORY), ==, 64 * KiB);
    g_assert_cmphex(rd(t, EDU_SG_CAP_MAX_LEN), ==, 64 * KiB);
    g_assert_cmphex(rd(t, EDU_SG_CAP_CH_OFFSET), ==, EDU_SG_CH_OFFSET);
    g_assert_cmphex(rd(t, EDU_SG_CAP_CH_STRIDE), ==, EDU_SG_CH_STRIDE);
    g_assert_cmpuint(qpci_msix_table_size(t->dev), ==, 4);
    /* what does not exist */
    g_assert_cmphex(rd(t, 0xa0), ==, 0xffffffff);
    g_assert_cmphex(rd(t, ch_reg(3, EDU_SG_CH_STATUS)), ==, 0xffffffff);
    g_assert_cmphex(rd(t, ch_reg(0, 0x30)), ==, 0xffffffff);
    stop(t);
}

static void test_legacy_transfer(void)
{
    Test *t = start("");

    fill(out, 4096, 1);
    qtest_memwrite(t->q, DATA, out, 4096);
    legacy(t, DATA, EDU_SG_BUF_BASE, 4096, EDU_SG_CMD_RUN | EDU_SG_CMD_IRQ);
    step(t, 100 * MS - 1);
    g_assert_cmphex(rd(t, EDU_SG_DMA_CMD), ==, EDU_SG_CMD_RUN | EDU_SG_CMD_IRQ);
    /* dropped while it runs */
    wr64(t, EDU_SG_DMA_COUNT, 1);
    step(t, 1);
    g_assert_cmphex(rd(t, EDU_SG_DMA_CMD), ==, EDU_SG_CMD_IRQ);
    g_assert_cmphex(rd64(t, EDU_SG_DMA_COUNT), ==, 4096);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_DMA);
    wr(t, EDU_SG_IRQ_ACK, EDU_SG_IRQ_DMA);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);

    /* the buffer is the start of the memory */
    qpci_memread(t->dev, t->mem, 0, in, 4096);
    g_assert_cmpmem(in, 4096, out, 4096);

    legacy(t, EDU_SG_BUF_BASE + 96, DATA + 0x10001, 4000,
           EDU_SG_CMD_RUN | EDU_SG_CMD_FROM_DEVICE);
    step(t, 101 * MS);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    qtest_memread(t->q, DATA + 0x10001, in, 4000);
    g_assert_cmpmem(in, 4000, out + 96, 4000);
    stop(t);
}

static void test_legacy_range(void)
{
    static const struct {
        uint64_t addr, count;
    } bad[] = {
        { EDU_SG_BUF_BASE, 4097 }, { EDU_SG_BUF_BASE + 1, 4096 },
        { EDU_SG_BUF_BASE - 1, 4 }, { 0, 4096 },
        { EDU_SG_BUF_BASE + 4096, 1 }, { EDU_SG_BUF_BASE, UINT64_MAX },
        { UINT64_MAX - 8, 16 }, { EDU_SG_BUF_BASE + 8, UINT64_MAX - 4 },
    };
    Test *t = start("memory=4K");

    fill(out, 4096, 9);
    qpci_memwrite(t->dev, t->mem, 0, out, 4096);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        legacy(t, DATA, bad[i].addr, bad[i].count,
               EDU_SG_CMD_RUN | EDU_SG_CMD_IRQ);
        step(t, 101 * MS);
        g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_DMA);
        wr(t, EDU_SG_IRQ_ACK, ~0u);
        legacy(t, bad[i].addr, DATA, bad[i].count,
               EDU_SG_CMD_RUN | EDU_SG_CMD_FROM_DEVICE);
        step(t, 101 * MS);
    }
    qpci_memread(t->dev, t->mem, 0, in, 4096);
    g_assert_cmpmem(in, 4096, out, 4096);
    qtest_memread(t->q, DATA, in, 4096);
    for (int i = 0; i < 4096; i++) {
        g_assert_cmphex(in[i], ==, 0);
    }
    stop(t);
}

static void test_legacy_rest(void)
{
    Test *t = start("");

    wr(t, EDU_SG_LIVENESS, 0x12345678);
    g_assert_cmphex(rd(t, EDU_SG_LIVENESS), ==, ~0x12345678u);
    g_assert_cmphex(rd64(t, EDU_SG_LIVENESS + 4), ==, UINT64_MAX);

    wr(t, EDU_SG_FACT_STATUS, EDU_SG_FACT_IRQ_ON);
    wr(t, EDU_SG_FACTORIAL, 10);
    g_assert_cmphex(rd(t, EDU_SG_FACT_STATUS), ==,
                    EDU_SG_FACT_IRQ_ON | EDU_SG_FACT_COMPUTING);
    step(t, MS);
    g_assert_cmpuint(rd(t, EDU_SG_FACTORIAL), ==, 3628800);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_FACT);

    wr(t, EDU_SG_IRQ_RAISE, 0x80000000);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0x80000001);
    wr(t, EDU_SG_IRQ_ACK, 0x80000000);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 1);

    /* a write of 4 bytes clears the upper half, as with edu */
    wr64(t, EDU_SG_DMA_SRC, UINT64_MAX);
    wr(t, EDU_SG_DMA_SRC, 5);
    g_assert_cmphex(rd64(t, EDU_SG_DMA_SRC), ==, 5);
    stop(t);
}

/* Starts a transfer at a time that is no whole millisecond. */
static void start_odd(Test *t)
{
    step(t, 123457);
    legacy(t, DATA, EDU_SG_BUF_BASE, 16, EDU_SG_CMD_RUN);
}

static void test_legacy_latency(void)
{
    Test *t = start("legacy-latency=3000,latency=1000,bandwidth=1");

    start_odd(t);
    step(t, 2999);
    g_assert_true(legacy_runs(t));
    step(t, 1);
    g_assert_false(legacy_runs(t));

    /* as if it had begun so: later */
    start_odd(t);
    step(t, 2999);
    g_assert_true(set_pace(t, "legacy-latency", 60 * (uint64_t)1000 * MS));
    step(t, 59 * (uint64_t)1000 * MS);
    g_assert_true(legacy_runs(t));
    /* sooner */
    g_assert_true(set_pace(t, "legacy-latency",
                           59 * (uint64_t)1000 * MS + 3000));
    g_assert_true(legacy_runs(t));
    step(t, 1);
    g_assert_false(legacy_runs(t));
    /* at once, as that time has passed */
    start_odd(t);
    step(t, 5000);
    g_assert_true(set_pace(t, "legacy-latency", 5000));
    step(t, 1);
    g_assert_false(legacy_runs(t));

    /* none runs, none starts */
    wr64(t, EDU_SG_DMA_COUNT, 0);
    g_assert_true(set_pace(t, "legacy-latency", 0));
    step(t, MS);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    start_odd(t);
    step(t, 1);
    g_assert_false(legacy_runs(t));

    g_assert_false(set_pace(t, "legacy-latency", 60001 * (uint64_t)MS));
    g_assert_cmpuint(counter(t, "legacy-latency"), ==, 0);
    stop(t);
}

static void test_ring(void)
{
    Test *t = start("");
    uint32_t done = 0;

    enable_ring(t, 0, RING);
    for (int lap = 0; lap < 10; lap++) {
        uint32_t len = 4093 + lap * 1000, off = 13 * lap;

        fill(out, len, lap);
        qtest_memwrite(t->q, DATA + lap, out, len);
        qtest_memset(t->q, DATA + 0x80000, 0, len + 1);
        put(t, 0, DATA + lap, off, len, 0);
        put(t, 0, DATA, 0, 0, 0);
        put(t, 0, DATA + 0x80000, off, len, EDU_SG_DESC_FROM_DEVICE);
        g_assert_true(missing(t, 0, done));
        ring(t, 0);
        step(t, 10);
        expect(t, 0, done, done, EDU_SG_DONE, len);
        expect(t, 0, done + 1, done + 1, EDU_SG_DONE, 0);
        expect(t, 0, done + 2, done + 2, EDU_SG_DONE, len);
        g_assert_true(missing(t, 0, done + 3));
        done += 3;
        g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_HEAD)), ==, done);
        qtest_memread(t->q, DATA + 0x80000, in, len + 1);
        g_assert_cmpmem(in, len, out, len);
        g_assert_cmphex(in[len], ==, 0);
    }
    stop(t);
}

/* The promise to a driver: one doorbell a request, and no register read. */
static void test_fast_path(void)
{
    Test *t = start("");
    uint64_t reads, writes;

    enable_ring(t, 0, RING);
    use_msix(t, 2);
    reads = counter(t, "counter-reads");
    writes = counter(t, "counter-writes");
    for (uint32_t i = 0; i < 20; i++) {
        put(t, 0, DATA, 0, 512, 0);
        put(t, 0, DATA, 512, 512, EDU_SG_DESC_EVENT);
        ring(t, 0);
        step(t, 10);
        g_assert_true(message(t, 1));
        expect(t, 0, 2 * i + 1, 2 * i + 1, EDU_SG_DONE, 512);
    }
    g_assert_cmpuint(counter(t, "counter-reads"), ==, reads);
    g_assert_cmpuint(counter(t, "counter-writes"), ==, writes);
    g_assert_cmpuint(counter(t, "counter-doorbells"), ==, 20);
    g_assert_cmpuint(counter(t, "counter-interrupts"), ==, 20);
    g_assert_cmpuint(counter(t, "counter-descriptors"), ==, 40);
    g_assert_cmpuint(counter(t, "counter-bytes-to-device"), ==, 40 * 512);
    g_assert_cmpuint(counter(t, "counter-fetches"), ==, 20);
    /* the same as registers, which do not count themselves */
    g_assert_cmpuint(rd64(t, EDU_SG_COUNTERS), ==, 20);
    g_assert_cmpuint(rd64(t, EDU_SG_COUNTERS + 8), ==, reads);
    wr(t, EDU_SG_DEV_COMMAND, EDU_SG_DEV_COUNTERS);
    g_assert_cmpuint(counter(t, "counter-doorbells"), ==, 0);
    stop(t);
}

static void test_errors(void)
{
    Test *t = start("memory=64K");
    EduSgDescriptor d = { .reserved = cpu_to_le64(1) };

    enable_ring(t, 0, RING);
    put(t, 0, DATA, 64 * KiB - 1, 2, 0);
    put(t, 0, DATA, UINT64_MAX, 2, 0);
    put(t, 0, DATA, 0, UINT32_MAX, 0);
    put(t, 0, 0xffffffc, 0, 5, 0);
    put(t, 0, UINT64_MAX - 2, 0, 8, 0);
    put(t, 0, DATA, 0, 16, 0x80000000);
    qtest_memwrite(t->q, SQ(0) + 6 * sizeof(d), &d, sizeof(d));
    t->tail[0]++;
    put(t, 0, HOLE, 0, 64, 0);
    ring(t, 0);
    step(t, 10);
    for (uint32_t i = 0; i < 5; i++) {
        expect(t, 0, i, i, EDU_SG_RANGE_ERROR, 0);
    }
    expect(t, 0, 5, 5, EDU_SG_INVALID, 0);
    expect(t, 0, 6, 6, EDU_SG_INVALID, 0);
    expect(t, 0, 7, 7, EDU_SG_BUS_ERROR, 0);
    /* the channel goes on, and errors are events */
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(0));
    put(t, 0, DATA, 64 * KiB - 8, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 8, 8, EDU_SG_DONE, 8);
    stop(t);
}

static void test_link(void)
{
    Test *t = start("");

    enable_ring(t, 0, RING);
    put(t, 0, DATA, 0, 8, EDU_SG_DESC_LINK);
    put(t, 0, HOLE, 0, 8, EDU_SG_DESC_LINK);
    put(t, 0, DATA, 0, 8, EDU_SG_DESC_LINK);
    put(t, 0, DATA, 0, 8, 0);
    put(t, 0, DATA, 0, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 0, 0, EDU_SG_DONE, 8);
    expect(t, 0, 1, 1, EDU_SG_BUS_ERROR, 0);
    expect(t, 0, 2, 2, EDU_SG_ABORTED, 0);
    expect(t, 0, 3, 3, EDU_SG_ABORTED, 0);
    expect(t, 0, 4, 4, EDU_SG_DONE, 8);
    stop(t);
}

static void expect_failed(Test *t, uint32_t error)
{
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_FAILED);
    g_assert_cmpuint(error_of(t, 0), ==, error);
    command(t, 0, EDU_SG_ENABLE);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_FAILED);
    command(t, 0, EDU_SG_RESET);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_DISABLED);
    g_assert_cmpuint(error_of(t, 0), ==, 0);
}

static void try_config(Test *t, uint64_t sq, uint64_t cq, uint32_t size)
{
    wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), sq);
    wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), cq);
    wr(t, ch_reg(0, EDU_SG_CH_SIZE), size);
    command(t, 0, EDU_SG_ENABLE);
    expect_failed(t, EDU_SG_ERR_CONFIG);
}

static void test_channel_errors(void)
{
    Test *t = start("");

    try_config(t, SQ(0), CQ(0), 0);
    try_config(t, SQ(0), CQ(0), 1);
    try_config(t, SQ(0), CQ(0), 6);
    try_config(t, SQ(0), CQ(0), 8192);
    try_config(t, SQ(0), CQ(0), 0x80000000);
    try_config(t, SQ(0) + 32, CQ(0), 8);
    try_config(t, SQ(0), CQ(0) + 4, 8);
    try_config(t, 0x10000000 - 64, CQ(0), 8);
    try_config(t, UINT64_MAX - 63, CQ(0), 8);

    enable_ring(t, 0, RING);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), RING + 1);
    expect_failed(t, EDU_SG_ERR_DOORBELL);

    enable_ring(t, 0, RING);
    command(t, 0, EDU_SG_PAUSE);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 4);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 3);
    expect_failed(t, EDU_SG_ERR_DOORBELL);

    wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), HOLE);
    wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), CQ(0));
    wr(t, ch_reg(0, EDU_SG_CH_SIZE), 8);
    command(t, 0, EDU_SG_ENABLE);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 1);
    step(t, 10);
    expect_failed(t, EDU_SG_ERR_FETCH);

    wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), SQ(0));
    wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), HOLE);
    wr(t, ch_reg(0, EDU_SG_CH_SIZE), 8);
    command(t, 0, EDU_SG_ENABLE);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 1);
    step(t, 10);
    expect_failed(t, EDU_SG_ERR_COMPLETION);

    /* not a bus master: it fails like a bus that refuses */
    enable_ring(t, 0, RING);
    qpci_config_writew(t->dev, 4, 2);
    put(t, 0, DATA, 0, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect_failed(t, EDU_SG_ERR_FETCH);
    stop(t);
}

static void test_time(void)
{
    Test *t = start("latency=1000000,bandwidth=1M");

    enable_ring(t, 0, RING);
    put(t, 0, DATA, 0, 0, 0);
    put(t, 0, DATA, 0, 0, 0);
    ring(t, 0);
    step(t, MS - 1000);
    g_assert_true(missing(t, 0, 0));
    step(t, 1000);
    expect(t, 0, 0, 0, EDU_SG_DONE, 0);
    g_assert_true(missing(t, 0, 1));
    step(t, MS);
    expect(t, 0, 1, 1, EDU_SG_DONE, 0);

    /* 1 ms and half a second */
    put(t, 0, DATA, 0, 512 * KiB, 0);
    ring(t, 0);
    step(t, 500 * MS);
    g_assert_true(missing(t, 0, 2));
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==,
                    EDU_SG_RUNNING | EDU_SG_STATUS_BUSY);
    step(t, MS);
    expect(t, 0, 2, 2, EDU_SG_DONE, 512 * KiB);
    stop(t);
}

/* The device becomes slower and faster while it works. */
static void test_pace(void)
{
    Test *t = start("");

    enable_ring(t, 0, RING);
    g_assert_true(set_pace(t, "latency", 100 * MS));
    put(t, 0, DATA, 0, 16, 0);
    put(t, 0, DATA, 0, 16, 0);
    ring(t, 0);
    step(t, 99 * MS);
    g_assert_true(missing(t, 0, 0));
    g_assert_true(set_pace(t, "latency", 150 * MS));
    step(t, 50 * MS);
    g_assert_true(missing(t, 0, 0));
    step(t, 1 * MS);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    g_assert_true(missing(t, 0, 1));
    g_assert_true(set_pace(t, "latency", 0));
    step(t, 1);
    expect(t, 0, 1, 1, EDU_SG_DONE, 16);

    g_assert_true(set_pace(t, "bandwidth", 64 * KiB));
    put(t, 0, DATA, 0, 64 * KiB, 0);
    ring(t, 0);
    step(t, 999 * MS);
    g_assert_true(missing(t, 0, 2));
    step(t, 1 * MS);
    expect(t, 0, 2, 2, EDU_SG_DONE, 64 * KiB);

    g_assert_false(set_pace(t, "latency", 60001 * (uint64_t)MS));
    g_assert_cmpuint(counter(t, "latency"), ==, 0);
    g_assert_cmpuint(counter(t, "bandwidth"), ==, 64 * KiB);
    stop(t);
}

/* How many bytes of the device's memory are no longer 0. */
static uint32_t arrived(Test *t, uint32_t len)
{
    uint32_t n = 0;

    qpci_memread(t->dev, t->mem, 0, in, len);
    while (n < len && in[n]) {
        n++;
    }
    return n;
}

static void half_way(Test *t)
{
    memset(out, 0xa5, 1 * MiB);
    qtest_memwrite(t->q, DATA, out, 1 * MiB);
    enable_ring(t, 0, RING);
    put(t, 0, DATA, 0, 1 * MiB, EDU_SG_DESC_EVENT);
    put(t, 0, DATA, 0, 16, 0);
    ring(t, 0);
    step(t, 500 * MS);
    g_assert_cmpuint(arrived(t, 1 * MiB), ==, 512 * KiB);
}

static void test_pause(void)
{
    Test *t = start("bandwidth=1M");

    half_way(t);
    command(t, 0, EDU_SG_PAUSE);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_PAUSED);
    step(t, 10000 * (int64_t)MS);
    g_assert_cmpuint(arrived(t, 1 * MiB), ==, 512 * KiB);
    g_assert_true(missing(t, 0, 0));
    put(t, 0, DATA, 0, 16, 0);
    ring(t, 0);
    command(t, 0, EDU_SG_RESUME);
    step(t, 400 * MS);
    g_assert_true(missing(t, 0, 0));
    step(t, 101 * MS);
    expect(t, 0, 0, 0, EDU_SG_DONE, 1 * MiB);
    expect(t, 0, 2, 2, EDU_SG_DONE, 16);
    g_assert_cmpuint(arrived(t, 1 * MiB), ==, 1 * MiB);
    stop(t);
}

static void test_abort(void)
{
    Test *t = start("bandwidth=1M");

    half_way(t);
    use_msix(t, 2);
    command(t, 0, EDU_SG_ABORT);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_HALTED);
    expect(t, 0, 0, 0, EDU_SG_ABORTED, 512 * KiB);
    expect(t, 0, 1, 1, EDU_SG_ABORTED, 0);
    g_assert_true(missing(t, 0, 2));
    g_assert_true(message(t, 1));
    step(t, 10000 * (int64_t)MS);
    g_assert_cmpuint(arrived(t, 1 * MiB), ==, 512 * KiB);
    g_assert_true(missing(t, 0, 2));
    g_assert_false(message(t, 1));

    /* a doorbell is refused, and then all goes on where it was */
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 3);
    command(t, 0, EDU_SG_ENABLE);
    put(t, 0, DATA, 0, 1024, 0);
    ring(t, 0);
    step(t, 10 * MS);
    expect(t, 0, 2, 2, EDU_SG_DONE, 1024);
    stop(t);
}

static void expect_quiet(Test *t)
{
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_DISABLED);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    step(t, 10000 * (int64_t)MS);
    g_assert_cmpuint(arrived(t, 1 * MiB), ==, 512 * KiB);
    g_assert_true(missing(t, 0, 0));
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    qpci_memwrite(t->dev, t->mem, 0, memset(in, 0, 1 * MiB), 1 * MiB);
}

static void test_reset(void)
{
    Test *t = start("bandwidth=1M");

    half_way(t);
    command(t, 0, EDU_SG_RESET);
    expect_quiet(t);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_SIZE)), ==, 0);

    half_way(t);
    wr(t, EDU_SG_IRQ_RAISE, 4);
    legacy(t, DATA, EDU_SG_BUF_BASE, 4096, EDU_SG_CMD_RUN | EDU_SG_CMD_IRQ);
    wr(t, EDU_SG_DEV_COMMAND, EDU_SG_DEV_RESET);
    g_assert_cmphex(rd(t, EDU_SG_DMA_CMD), ==, 0);
    expect_quiet(t);

    half_way(t);
    qtest_qmp_assert_success(t->q, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(t->q, "RESET");
    qpci_device_enable(t->dev);
    t->regs = qpci_iomap(t->dev, 0, NULL);
    t->mem = qpci_iomap(t->dev, 2, NULL);
    expect_quiet(t);
    stop(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/edu-sg/identity", test_identity);
    qtest_add_func("/edu-sg/legacy/transfer", test_legacy_transfer);
    qtest_add_func("/edu-sg/legacy/latency", test_legacy_latency);
    qtest_add_func("/edu-sg/legacy/range", test_legacy_range);
    qtest_add_func("/edu-sg/legacy/rest", test_legacy_rest);
    qtest_add_func("/edu-sg/ring", test_ring);
    qtest_add_func("/edu-sg/fast-path", test_fast_path);
    qtest_add_func("/edu-sg/errors", test_errors);
    qtest_add_func("/edu-sg/link", test_link);
    qtest_add_func("/edu-sg/channel-errors", test_channel_errors);
    qtest_add_func("/edu-sg/time", test_time);
    qtest_add_func("/edu-sg/pace", test_pace);
    qtest_add_func("/edu-sg/pause", test_pause);
    qtest_add_func("/edu-sg/abort", test_abort);
    qtest_add_func("/edu-sg/reset", test_reset);
    return g_test_run();
}
