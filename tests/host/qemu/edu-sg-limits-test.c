/*
 * QTest of edu-sg: what the specification says of limits, order and time
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include <glib/gstdio.h>
#include "edu-sg-util.h"

#define SECOND  (1000 * (int64_t)MS)

static uint8_t out[64 * KiB], in[64 * KiB];

/* An idle channel saves up no time. */
static void test_pace_idle(void)
{
    Test *t = start("bandwidth=64K");

    enable_ring(t, 0, RING);
    for (int i = 0; i < 3; i++) {
        step(t, 100 * SECOND);
        put(t, 0, DATA, 0, 64 * KiB, 0);
        ring(t, 0);
        step(t, SECOND - 1);
        g_assert_true(missing(t, 0, i));
        step(t, 1);
        expect(t, 0, i, i, EDU_SG_DONE, 64 * KiB);
    }
    stop(t);
}

/* A channel that is late catches up, but not more than 100 ms. */
static void test_pace_credit(void)
{
    Test *t = start("latency=60000000000");

    enable_ring(t, 0, RING);
    for (int i = 0; i < 4; i++) {
        put(t, 0, DATA, 0, 16, 0);
    }
    ring(t, 0);
    step(t, 50 * SECOND);
    /* the first one is due at once, and 45 seconds late */
    g_assert_true(set_pace(t, "latency", 5 * SECOND));
    step(t, 1);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    g_assert_true(missing(t, 0, 1));
    step(t, 4900 * (int64_t)MS - 2);
    g_assert_true(missing(t, 0, 1));
    step(t, 2);
    expect(t, 0, 1, 1, EDU_SG_DONE, 16);
    /* what follows is not late */
    step(t, 5 * SECOND - 10);
    g_assert_true(missing(t, 0, 2));
    step(t, 10);
    expect(t, 0, 2, 2, EDU_SG_DONE, 16);
    stop(t);
}

/* However the clock is stepped, descriptors take what they take. */
static void test_pace_exact(void)
{
    Test *t = start("latency=1000000");
    uint32_t done = 0;

    enable_ring(t, 0, 64);
    for (int i = 0; i < 50; i++) {
        put(t, 0, DATA, 0, 16, 0);
    }
    ring(t, 0);
    for (int64_t now = 0; now <= 50 * MS; now += 700 * 1000) {
        done = now / MS;
        g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_HEAD)), ==, done);
        step(t, 700 * 1000);
    }
    g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_HEAD)), ==, 50);
    stop(t);
}

/* What moves nothing takes no time but the latency. */
static void test_pace_nothing_moved(void)
{
    Test *t = start("latency=1000,bandwidth=1K");

    enable_ring(t, 0, RING);
    put(t, 0, DATA, 2 * MiB, 64 * KiB, EDU_SG_DESC_LINK);
    put(t, 0, DATA, 0, 64 * KiB, 0);
    put(t, 0, DATA, 0, 64 * KiB, 0x80000000);
    ring(t, 0);
    step(t, 2999);
    g_assert_true(missing(t, 0, 2));
    step(t, 1);
    expect(t, 0, 0, 0, EDU_SG_RANGE_ERROR, 0);
    expect(t, 0, 1, 1, EDU_SG_ABORTED, 0);
    expect(t, 0, 2, 2, EDU_SG_INVALID, 0);
    stop(t);
}

/* The device has no address lines beyond its mask: it begins at 0 again. */
static void test_mask_end(void)
{
    const uint64_t end = 16 * MiB;
    Test *t = start("dma_mask=0xffffff,legacy-latency=0");

    fill(out, 16, 5);
    qtest_memwrite(t->q, end - 8, out, 8);
    qtest_memset(t->q, end, 0xee, 8);
    qtest_memwrite(t->q, 0, out + 8, 8);
    legacy(t, end - 8, EDU_SG_BUF_BASE, 16, EDU_SG_CMD_RUN);
    step(t, 1);
    g_assert_false(legacy_runs(t));
    qpci_memread(t->dev, t->mem, 0, in, 16);
    g_assert_cmpmem(in, 16, out, 16);

    fill(out, 16, 77);
    qpci_memwrite(t->dev, t->mem, 0, out, 16);
    legacy(t, EDU_SG_BUF_BASE, end - 8, 16,
           EDU_SG_CMD_RUN | EDU_SG_CMD_FROM_DEVICE);
    step(t, 1);
    qtest_memread(t->q, end - 8, in, 16);
    g_assert_cmpmem(in, 8, out, 8);
    for (int i = 8; i < 16; i++) {
        g_assert_cmphex(in[i], ==, 0xee);
    }
    qtest_memread(t->q, 0, in, 8);
    g_assert_cmpmem(in, 8, out + 8, 8);

    /* a descriptor is checked instead */
    enable_ring(t, 0, RING);
    put(t, 0, end - 8, 0, 16, 0);
    put(t, 0, end - 8, 0, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 0, 0, EDU_SG_RANGE_ERROR, 0);
    expect(t, 0, 1, 1, EDU_SG_DONE, 8);
    stop(t);
}

/* How much a channel does at a time; the next time is a nanosecond later. */
static void test_bound_descriptors(void)
{
    Test *t = start("channels=2");
    uint64_t before;

    for (unsigned ch = 0; ch < 2; ch++) {
        enable_ring(t, ch, 1024);
        for (int i = 0; i < 1024; i++) {
            put(t, ch, DATA, 0, i % 3 ? 16 : 0, 0);
        }
        ring(t, ch);
    }
    step(t, 1);
    before = counter(t, "counter-descriptors");
    /* the first time was at that of the doorbell */
    g_assert_cmpuint(before, ==, 2 * 2 * 64);
    for (int i = 0; i < 4; i++) {
        step(t, 1);
        g_assert_cmpuint(counter(t, "counter-descriptors"), ==,
                         before += 2 * 64);
    }
    step(t, 1000);
    g_assert_cmpuint(counter(t, "counter-descriptors"), ==, 2 * 1024);
    stop(t);
}

static void test_bound_bytes(void)
{
    Test *t = start("");
    uint64_t before, moved;

    enable_ring(t, 0, 64);
    for (int i = 0; i < 60; i++) {
        put(t, 0, DATA, 0, 100 * KiB, 0);
    }
    ring(t, 0);
    step(t, 1);
    before = counter(t, "counter-bytes-to-device");
    for (int i = 0; i < 10; i++) {
        step(t, 1);
        moved = counter(t, "counter-bytes-to-device") - before;
        before += moved;
        g_assert_cmpuint(moved, >, 0);
        g_assert_cmpuint(moved, <=, 256 * KiB);
    }
    step(t, 1000);
    g_assert_cmpuint(counter(t, "counter-bytes-to-device"), ==,
                     60 * 100 * KiB);
    stop(t);
}

/* A length of 0 moves nothing, wherever; flags are checked all the same. */
static void test_length_0(void)
{
    g_autofree char *log = g_strdup_printf("%s/edu-sg-log-%d",
                                           g_get_tmp_dir(), getpid());
    g_autofree char *options = g_strdup_printf(
        "legacy-latency=0 -d guest_errors -D %s", log);
    g_autofree char *said = NULL;
    Test *t = start(options);

    enable_ring(t, 0, RING);
    put(t, 0, UINT64_MAX, UINT64_MAX, 0, 0);
    put(t, 0, HOLE, 0, 0, EDU_SG_DESC_FROM_DEVICE);
    put(t, 0, DATA, 0, 0, 0x80000000);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 0, 0, EDU_SG_DONE, 0);
    expect(t, 0, 1, 1, EDU_SG_DONE, 0);
    expect(t, 0, 2, 2, EDU_SG_INVALID, 0);
    /* a failure is left for the next one that would have moved something */
    set_fault(t, "fault-fail", 1);
    put(t, 0, DATA, 0, 0, 0);
    put(t, 0, DATA, 0, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 3, 3, EDU_SG_DONE, 0);
    expect(t, 0, 4, 4, EDU_SG_BUS_ERROR, 0);

    legacy(t, UINT64_MAX, 0, 0, EDU_SG_CMD_RUN | EDU_SG_CMD_IRQ);
    step(t, 1);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS) & EDU_SG_IRQ_DMA, ==,
                    EDU_SG_IRQ_DMA);
    stop(t);
    g_assert_true(g_file_get_contents(log, &said, NULL, NULL));
    g_assert_cmpstr(said, ==, "");
    g_unlink(log);
}

/* All of it byte by byte, so that no helper turns anything round. */
static void test_byte_order(void)
{
    static const uint8_t desc[32] = {
        0, 0, 0x30, 0, 0, 0, 0, 0,      /* DATA */
        0x34, 0x12, 0, 0, 0, 0, 0, 0,
        3, 0, 0, 0,
        2, 0, 0, 0,
    };
    static const uint8_t completion[16] = {
        0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
    };
    static const uint8_t data[3] = { 0xa1, 0xb2, 0xc3 };
    static const uint8_t size[4] = { RING, 0, 0, 0 };
    static const uint8_t base[8] = { 0, 0, 0x10, 0, 0x12, 0, 0, 0 };
    Test *t = start("dma_mask=0xffffffffffffffff");

    qpci_memread(t->dev, t->regs, EDU_SG_CAP_MAGIC, in, 4);
    g_assert_cmpmem(in, 4, "EDSG" + 0, 4);
    qpci_memwrite(t->dev, t->regs, ch_reg(0, EDU_SG_CH_SIZE), size, 4);
    g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_SIZE)), ==, RING);
    /* the halves of a register of 64 bits */
    qpci_memwrite(t->dev, t->regs, ch_reg(0, EDU_SG_CH_SQ_BASE), base, 8);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_SQ_BASE)), ==, 0x100000);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_SQ_BASE + 4)), ==, 0x12);

    enable_ring(t, 0, RING);
    qtest_memwrite(t->q, DATA, data, 3);
    qtest_memwrite(t->q, SQ(0), desc, 32);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 1);
    step(t, 10);
    qtest_memread(t->q, CQ(0), in, 16);
    g_assert_cmpmem(in, 16, completion, 16);
    qpci_memread(t->dev, t->mem, 0x1234, in, 3);
    g_assert_cmpmem(in, 3, data, 3);
    stop(t);
}

/* Accesses of sizes that a register does not have. */
static void test_access_size(void)
{
    Test *t = start("");

    g_assert_cmphex(qpci_io_readb(t->dev, t->regs, EDU_SG_ID), ==, 0xff);
    g_assert_cmphex(qpci_io_readw(t->dev, t->regs, EDU_SG_ID), ==, 0xffff);
    g_assert_cmphex(rd64(t, EDU_SG_ID), ==, UINT64_MAX);
    g_assert_cmphex(qpci_io_readw(t->dev, t->regs, EDU_SG_DMA_SRC), ==,
                    0xffff);
    g_assert_cmphex(qpci_io_readb(t->dev, t->regs, EDU_SG_CAP_CHANNELS), ==,
                    0xff);
    qpci_io_writeb(t->dev, t->regs, ch_reg(0, EDU_SG_CH_SIZE), 8);
    qpci_io_writew(t->dev, t->regs, ch_reg(0, EDU_SG_CH_SIZE), 8);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_SIZE)), ==, 0);
    qpci_io_writeb(t->dev, t->regs, EDU_SG_IRQ_RAISE, 1);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    /* any size reaches the memory */
    qpci_io_writeb(t->dev, t->mem, 5, 0x5a);
    g_assert_cmphex(qpci_io_readb(t->dev, t->mem, 5), ==, 0x5a);
    stop(t);
}

/* A doorbell of a channel that takes none changes nothing. */
static void test_doorbell_ignored(void)
{
    Test *t = start("");

    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 3);
    g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_DOORBELL)), ==, 0);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_DISABLED);

    enable_ring(t, 0, RING);
    step(t, 10);
    g_assert_true(missing(t, 0, 0));
    submit(t, 0, 1);
    command(t, 0, EDU_SG_ABORT);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 3);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_HALTED);
    g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_DOORBELL)), ==, 1);
    command(t, 0, EDU_SG_ENABLE);
    step(t, 10);
    g_assert_true(missing(t, 0, 1));

    /* a paused one takes it */
    command(t, 0, EDU_SG_PAUSE);
    submit(t, 0, 1);
    step(t, 10);
    g_assert_true(missing(t, 0, 1));
    command(t, 0, EDU_SG_RESUME);
    step(t, 10);
    expect(t, 0, 1, 1, EDU_SG_DONE, 16);

    /* a failed one does not */
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 100);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_FAILED);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 3);
    g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_DOORBELL)), ==, 2);
    stop(t);
}

/* A link holds for what is submitted later, but not across an abort. */
static void test_link_ends(void)
{
    Test *t = start("");

    enable_ring(t, 0, RING);
    put(t, 0, HOLE, 0, 8, EDU_SG_DESC_LINK);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 0, 0, EDU_SG_BUS_ERROR, 0);
    put(t, 0, DATA, 0, 8, EDU_SG_DESC_LINK);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 1, 1, EDU_SG_ABORTED, 0);

    /* the last one above would take the next one with it */
    command(t, 0, EDU_SG_ABORT);
    command(t, 0, EDU_SG_ENABLE);
    put(t, 0, DATA, 0, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 2, 2, EDU_SG_DONE, 8);

    /* nor does one that was aborted itself */
    command(t, 0, EDU_SG_PAUSE);
    put(t, 0, DATA, 0, 8, EDU_SG_DESC_LINK);
    ring(t, 0);
    command(t, 0, EDU_SG_ABORT);
    expect(t, 0, 3, 3, EDU_SG_ABORTED, 0);
    command(t, 0, EDU_SG_ENABLE);
    put(t, 0, DATA, 0, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 4, 4, EDU_SG_DONE, 8);
    stop(t);
}

/* A fetch is one access: if it fails, none of its descriptors is executed. */
static void test_fetch_error(void)
{
    /* The ring ends beyond the RAM. */
    const uint64_t sq = 128 * MiB - 40 * sizeof(EduSgDescriptor);
    EduSgDescriptor d = { .addr = cpu_to_le64(DATA), .len = cpu_to_le32(16) };
    Test *t = start("");
    uint32_t status;

    for (int i = 0; i < 40; i++) {
        qtest_memwrite(t->q, (sq & ~63ull) + i * sizeof(d), &d, sizeof(d));
    }
    qtest_memset(t->q, CQ(0), 0, 64 * sizeof(EduSgCompletion));
    wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), sq & ~63ull);
    wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), CQ(0));
    wr(t, ch_reg(0, EDU_SG_CH_SIZE), 64);
    command(t, 0, EDU_SG_ENABLE);
    t->size[0] = 64;
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 50);
    step(t, 10);

    status = rd(t, ch_reg(0, EDU_SG_CH_STATUS));
    g_assert_cmphex(status, ==, EDU_SG_FAILED |
                    EDU_SG_ERR_FETCH << EDU_SG_STATUS_ERR_SHIFT);
    g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_HEAD)), ==, 32);
    g_assert_cmpuint(rd(t, ch_reg(0, EDU_SG_CH_DOORBELL)), ==, 50);
    expect(t, 0, 31, 31, EDU_SG_DONE, 16);
    /* what was outstanding has no completion, not even by an abort */
    command(t, 0, EDU_SG_ABORT);
    g_assert_true(missing(t, 0, 32));
    stop(t);
}

/* The processor's writes to the memory come before a later doorbell. */
static void test_order(void)
{
    Test *t = start("");

    enable_ring(t, 0, RING);
    for (uint32_t i = 0; i < 20; i++) {
        fill(out, 4096, i);
        qpci_memwrite(t->dev, t->mem, 0, out, 4096);
        put(t, 0, DATA, 0, 4096, EDU_SG_DESC_FROM_DEVICE);
        put(t, 0, DATA, 8192, 4096, 0);
        ring(t, 0);
        step(t, 10);
        expect(t, 0, 2 * i + 1, 2 * i + 1, EDU_SG_DONE, 4096);
        qtest_memread(t->q, DATA, in, 4096);
        g_assert_cmpmem(in, 4096, out, 4096);
        /* and what a completion tells of is in the memory */
        qpci_memread(t->dev, t->mem, 8192, in, 4096);
        g_assert_cmpmem(in, 4096, out, 4096);
    }
    stop(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/edu-sg/pace/idle", test_pace_idle);
    qtest_add_func("/edu-sg/pace/credit", test_pace_credit);
    qtest_add_func("/edu-sg/pace/exact", test_pace_exact);
    qtest_add_func("/edu-sg/pace/nothing-moved", test_pace_nothing_moved);
    qtest_add_func("/edu-sg/mask-end", test_mask_end);
    qtest_add_func("/edu-sg/bound/descriptors", test_bound_descriptors);
    qtest_add_func("/edu-sg/bound/bytes", test_bound_bytes);
    qtest_add_func("/edu-sg/length-0", test_length_0);
    qtest_add_func("/edu-sg/byte-order", test_byte_order);
    qtest_add_func("/edu-sg/access-size", test_access_size);
    qtest_add_func("/edu-sg/doorbell-ignored", test_doorbell_ignored);
    qtest_add_func("/edu-sg/link-ends", test_link_ends);
    qtest_add_func("/edu-sg/fetch-error", test_fetch_error);
    qtest_add_func("/edu-sg/order", test_order);
    return g_test_run();
}
