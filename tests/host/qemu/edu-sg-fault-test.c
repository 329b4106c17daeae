/*
 * QTest of edu-sg: interrupts, faults, properties
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "edu-sg-util.h"

static void test_msix(void)
{
    Test *t = start("channels=8,latency=1000");

    use_msix(t, 9);
    for (unsigned ch = 0; ch < 8; ch++) {
        enable_ring(t, ch, RING);
    }
    for (unsigned ch = 0; ch < 8; ch++) {
        submit(t, ch, 1);
        step(t, 2000);
        for (unsigned v = 0; v < 9; v++) {
            g_assert_cmpint(message(t, v), ==, v == 1 + ch);
        }
        expect(t, ch, 0, 0, EDU_SG_DONE, 16);
    }
    /* the registers of plain edu have the first */
    wr(t, EDU_SG_IRQ_RAISE, 2);
    g_assert_true(message(t, 0));
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 2);

    /* no interrupt without an event */
    put(t, 3, DATA, 0, 16, 0);
    ring(t, 3);
    step(t, 2000);
    expect(t, 3, 1, 1, EDU_SG_DONE, 16);
    g_assert_false(message(t, 4));
    stop(t);
}

static void test_msi(void)
{
    Test *t = start("channels=2");
    uint8_t cap = qpci_find_capability(t->dev, 5, 0);

    g_assert_cmphex(cap, !=, 0);
    qpci_config_writel(t->dev, cap + 4, MESSAGES);
    qpci_config_writel(t->dev, cap + 8, 0);
    qpci_config_writew(t->dev, cap + 12, 0x1000);
    qpci_config_writew(t->dev, cap + 2, 1);

    enable_ring(t, 1, RING);
    submit(t, 1, 1);
    step(t, 10);
    g_assert_true(message(t, 0));
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(1));
    wr(t, EDU_SG_IRQ_ACK, EDU_SG_IRQ_CHANNEL(1));
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    stop(t);
}

static void test_intx(void)
{
    Test *t = start("");

    enable_ring(t, 0, RING);
    g_assert_false(line(t));
    submit(t, 0, 1);
    step(t, 10);
    g_assert_true(line(t));
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(0));
    wr(t, EDU_SG_IRQ_RAISE, 1);
    wr(t, EDU_SG_IRQ_ACK, EDU_SG_IRQ_CHANNEL(0));
    g_assert_true(line(t));
    wr(t, EDU_SG_IRQ_ACK, 1);
    g_assert_false(line(t));
    g_assert_cmpuint(counter(t, "counter-interrupts"), ==, 1);
    stop(t);
}

static void test_coalesce(void)
{
    Test *t = start("latency=100000");

    use_msix(t, 2);
    enable_ring(t, 0, RING);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_COUNT), 3);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 1000);
    submit(t, 0, 5);
    step(t, 250 * 1000);
    g_assert_false(message(t, 1));
    step(t, 60 * 1000);
    g_assert_true(message(t, 1));
    /* two are left, which wait for a millisecond from the first */
    step(t, 990 * 1000);
    expect(t, 0, 4, 4, EDU_SG_DONE, 16);
    g_assert_false(message(t, 1));
    step(t, 110 * 1000);
    g_assert_true(message(t, 1));

    /* an error does not wait */
    put(t, 0, HOLE, 0, 16, 0);
    ring(t, 0);
    step(t, 110 * 1000);
    g_assert_true(message(t, 1));

    /* without a time, the end of work is the bound */
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 0);
    submit(t, 0, 2);
    step(t, 110 * 1000);
    g_assert_false(message(t, 1));
    step(t, 110 * 1000);
    g_assert_true(message(t, 1));

    /* switched off, it is remembered */
    wr(t, ch_reg(0, EDU_SG_CH_IRQ_ENABLE), 0);
    submit(t, 0, 1);
    step(t, 110 * 1000);
    g_assert_false(message(t, 1));
    wr(t, ch_reg(0, EDU_SG_CH_IRQ_ENABLE), 1);
    g_assert_true(message(t, 1));
    stop(t);
}

/* What has gathered is not lost when the rules change. */
static void test_coalesce_change(void)
{
    Test *t = start("latency=100000");

    use_msix(t, 2);
    enable_ring(t, 0, RING);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_COUNT), 9);

    /* while the channel works: from the end of work to a time */
    submit(t, 0, 2);
    step(t, 150 * 1000);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 1000);
    step(t, 999 * 1000);
    g_assert_false(message(t, 1));
    step(t, 1000);
    g_assert_true(message(t, 1));

    /* from a time to the end of work, which is over */
    submit(t, 0, 1);
    step(t, 150 * 1000);
    expect(t, 0, 2, 2, EDU_SG_DONE, 16);
    g_assert_false(message(t, 1));
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 0);
    g_assert_true(message(t, 1));

    /* from a time to the end of work, which is still to come */
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 10);
    submit(t, 0, 2);
    step(t, 105 * 1000);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 0);
    step(t, 50 * 1000);
    g_assert_false(message(t, 1));
    step(t, 50 * 1000);
    expect(t, 0, 4, 4, EDU_SG_DONE, 16);
    g_assert_true(message(t, 1));

    /* a smaller count that is reached already */
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 1000000);
    submit(t, 0, 2);
    step(t, 250 * 1000);
    g_assert_false(message(t, 1));
    wr(t, ch_reg(0, EDU_SG_CH_COAL_COUNT), 2);
    g_assert_true(message(t, 1));
    step(t, 2000 * MS);
    g_assert_false(message(t, 1));
    stop(t);
}

/* Without a time a paused channel sends what has gathered. */
static void test_pause_interrupts(void)
{
    Test *t = start("latency=100000");

    use_msix(t, 2);
    enable_ring(t, 0, RING);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_COUNT), 9);
    submit(t, 0, 2);
    step(t, 150 * 1000);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    g_assert_false(message(t, 1));
    command(t, 0, EDU_SG_PAUSE);
    g_assert_true(message(t, 1));
    command(t, 0, EDU_SG_RESUME);
    step(t, 150 * 1000);
    expect(t, 0, 1, 1, EDU_SG_DONE, 16);
    g_assert_true(message(t, 1));

    /* with a time it is the time that counts */
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 1000);
    submit(t, 0, 2);
    step(t, 150 * 1000);
    command(t, 0, EDU_SG_PAUSE);
    g_assert_false(message(t, 1));
    step(t, 1000 * 1000);
    g_assert_true(message(t, 1));
    stop(t);
}

/* A reset takes back the channel's interrupt, and no other. */
static void test_reset_withdraws(void)
{
    Test *t = start("channels=2");

    enable_ring(t, 0, RING);
    enable_ring(t, 1, RING);
    submit(t, 0, 1);
    submit(t, 1, 1);
    step(t, 10);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==,
                    EDU_SG_IRQ_CHANNEL(0) | EDU_SG_IRQ_CHANNEL(1));
    command(t, 0, EDU_SG_RESET);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(1));
    g_assert_true(line(t));
    command(t, 1, EDU_SG_RESET);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    g_assert_false(line(t));
    stop(t);
}

static void test_completion_faults(void)
{
    Test *t = start("channels=2");

    enable_ring(t, 0, RING);
    enable_ring(t, 1, RING);
    set_fault(t, "fault-channels", 1);
    set_fault(t, "fault-fail", 1);
    submit(t, 1, 1);
    step(t, 10);
    expect(t, 1, 0, 0, EDU_SG_DONE, 16);
    submit(t, 0, 2);
    step(t, 10);
    expect(t, 0, 0, 0, EDU_SG_BUS_ERROR, 0);
    expect(t, 0, 1, 1, EDU_SG_DONE, 16);

    set_fault(t, "fault-wrong", 1);
    submit(t, 0, 1);
    step(t, 10);
    expect(t, 0, 2, 2 + RING / 2, EDU_SG_DONE, 16);

    set_fault(t, "fault-excess", 1000);
    submit(t, 0, 1);
    step(t, 10);
    expect(t, 0, 3, 3, EDU_SG_DONE, 1016);

    set_fault(t, "fault-swap", 1);
    submit(t, 0, 2);
    step(t, 10);
    expect(t, 0, 4, 5, EDU_SG_DONE, 16);
    expect(t, 0, 5, 4, EDU_SG_DONE, 16);

    set_fault(t, "fault-repeat", 1);
    submit(t, 0, 2);
    step(t, 10);
    expect(t, 0, 6, 6, EDU_SG_DONE, 16);
    expect(t, 0, 7, 6, EDU_SG_DONE, 16);
    expect(t, 0, 8, 7, EDU_SG_DONE, 16);
    g_assert_true(missing(t, 0, 9));
    stop(t);
}

/* An event comes with its completion, in whatever order these are written. */
static void test_swap_events(void)
{
    Test *t = start("");

    use_msix(t, 2);
    enable_ring(t, 0, RING);

    /* only the one that is held back is an event */
    set_fault(t, "fault-swap", 1);
    submit(t, 0, 1);
    step(t, 10);
    g_assert_true(missing(t, 0, 0));
    g_assert_false(message(t, 1));
    put(t, 0, DATA, 0, 8, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 0, 1, EDU_SG_DONE, 8);
    expect(t, 0, 1, 0, EDU_SG_DONE, 16);
    g_assert_true(message(t, 1));

    /* only the one that follows is */
    set_fault(t, "fault-swap", 1);
    put(t, 0, DATA, 0, 8, 0);
    submit(t, 0, 1);
    step(t, 10);
    expect(t, 0, 2, 3, EDU_SG_DONE, 16);
    expect(t, 0, 3, 2, EDU_SG_DONE, 8);
    g_assert_true(message(t, 1));

    /* neither is */
    set_fault(t, "fault-swap", 1);
    put(t, 0, DATA, 0, 8, 0);
    put(t, 0, DATA, 0, 16, 0);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 4, 5, EDU_SG_DONE, 16);
    expect(t, 0, 5, 4, EDU_SG_DONE, 8);
    g_assert_false(message(t, 1));
    stop(t);
}

static void test_stall(void)
{
    Test *t = start("channels=2");

    enable_ring(t, 0, RING);
    enable_ring(t, 1, RING);
    set_fault(t, "fault-stall", 1);
    submit(t, 0, 3);
    submit(t, 1, 1);
    step(t, 1000 * MS);
    g_assert_true(missing(t, 0, 0));
    expect(t, 1, 0, 0, EDU_SG_DONE, 16);
    set_fault(t, "fault-stall", 0);
    step(t, 10);
    expect(t, 0, 2, 2, EDU_SG_DONE, 16);

    /* the fence holds for a stalled channel, and after it */
    set_fault(t, "fault-stall", 3);
    submit(t, 0, 2);
    command(t, 0, EDU_SG_ABORT);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_HALTED);
    expect(t, 0, 3, 3, EDU_SG_ABORTED, 0);
    expect(t, 0, 4, 4, EDU_SG_ABORTED, 0);
    set_fault(t, "fault-stall", 0);
    step(t, 10);
    g_assert_true(missing(t, 0, 5));
    stop(t);
}

static void test_stuck(void)
{
    Test *t = start("channels=2");

    enable_ring(t, 0, RING);
    enable_ring(t, 1, RING);
    set_fault(t, "fault-stall", 1);
    set_fault(t, "fault-stuck", 1);
    submit(t, 0, 1);
    submit(t, 1, 1);
    command(t, 0, EDU_SG_ABORT);
    command(t, 0, EDU_SG_RESET);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_RUNNING);
    command(t, 1, EDU_SG_ABORT);
    g_assert_cmpuint(state_of(t, 1), ==, EDU_SG_HALTED);

    /* it does what nobody waits for any more */
    set_fault(t, "fault-stall", 0);
    step(t, 10);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    set_fault(t, "fault-stuck", 0);
    command(t, 0, EDU_SG_RESET);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_DISABLED);
    stop(t);
}

static void test_drop_irq(void)
{
    Test *t = start("");

    use_msix(t, 2);
    enable_ring(t, 0, RING);
    set_fault(t, "fault-drop-irq", 1);
    submit(t, 0, 1);
    step(t, 10);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    g_assert_false(message(t, 1));
    g_assert_cmpuint(counter(t, "counter-dropped-interrupts"), ==, 1);
    submit(t, 0, 1);
    step(t, 10);
    g_assert_true(message(t, 1));
    stop(t);
}

/* What was dropped does not come back when something else is looked at. */
static void test_drop_line(void)
{
    Test *t = start("channels=2");

    enable_ring(t, 0, RING);
    set_fault(t, "fault-drop-irq", 1);
    submit(t, 0, 1);
    step(t, 10);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(0));
    g_assert_false(line(t));
    g_assert_cmpuint(counter(t, "counter-dropped-interrupts"), ==, 1);
    /* a write that changes nothing */
    qpci_config_writew(t->dev, PCI_COMMAND,
                       qpci_config_readw(t->dev, PCI_COMMAND));
    wr(t, EDU_SG_IRQ_ACK, EDU_SG_IRQ_CHANNEL(1));
    g_assert_false(line(t));
    g_assert_cmpuint(counter(t, "counter-interrupts"), ==, 0);

    /* the next interrupt is one */
    submit(t, 0, 1);
    step(t, 10);
    g_assert_true(line(t));
    g_assert_cmpuint(counter(t, "counter-interrupts"), ==, 1);
    wr(t, EDU_SG_IRQ_ACK, EDU_SG_IRQ_CHANNEL(0));
    g_assert_false(line(t));
    stop(t);
}

static void test_dead(void)
{
    Test *t = start("bandwidth=1M");

    enable_ring(t, 0, RING);
    qtest_memset(t->q, DATA, 0x5a, 64 * KiB);
    put(t, 0, DATA, 0, 128 * KiB, EDU_SG_DESC_EVENT);
    ring(t, 0);
    step(t, 65 * MS);
    set_dead(t, true);
    g_assert_cmphex(rd(t, EDU_SG_ID), ==, 0xffffffff);
    g_assert_cmphex(rd64(t, EDU_SG_CAP_MEMORY), ==, UINT64_MAX);
    g_assert_cmphex(qpci_config_readl(t->dev, 0), ==, 0xffffffff);
    g_assert_cmphex(qpci_config_readw(t->dev, 4), ==, 0xffff);
    g_assert_cmphex(qpci_io_readl(t->dev, t->mem, 0), ==, 0xffffffff);
    qpci_io_writel(t->dev, t->mem, 0, 0);
    qpci_config_writew(t->dev, 4, 0);
    wr(t, EDU_SG_IRQ_RAISE, 1);
    step(t, 1000 * MS);
    g_assert_true(missing(t, 0, 0));

    set_dead(t, false);
    g_assert_cmphex(rd(t, EDU_SG_ID), ==, EDU_SG_ID_VALUE);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_DISABLED);
    g_assert_cmphex(qpci_io_readl(t->dev, t->mem, 0), ==, 0x5a5a5a5a);
    enable_ring(t, 0, RING);
    submit(t, 0, 1);
    step(t, MS);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    stop(t);
}

/* The device's own DMA and messages do not reach its registers. */
static void test_own_registers(void)
{
    /* 28 bits would not reach the BAR */
    Test *t = start("dma_mask=0xffffffffffffffff");
    uint64_t bar = t->regs.addr, table;
    uint32_t reset = cpu_to_le32(EDU_SG_DEV_RESET);

    enable_ring(t, 0, RING);
    qpci_memwrite(t->dev, t->mem, 0, &reset, 4);
    put(t, 0, bar + EDU_SG_DEV_COMMAND, 0, 4, EDU_SG_DESC_FROM_DEVICE);
    put(t, 0, bar + EDU_SG_ID, 64, 4, 0);
    put(t, 0, t->mem.addr, 128, 128, 0);
    ring(t, 0);
    step(t, 10);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_RUNNING);
    expect(t, 0, 0, 0, EDU_SG_BUS_ERROR, 0);
    expect(t, 0, 1, 1, EDU_SG_BUS_ERROR, 0);
    expect(t, 0, 2, 2, EDU_SG_DONE, 128);
    g_assert_cmphex(qpci_io_readl(t->dev, t->mem, 128), ==, EDU_SG_DEV_RESET);

    /* the MSI-X table is no memory either */
    use_msix(t, 2);
    table = t->dev->msix_table_bar.addr + t->dev->msix_table_off;
    put(t, 0, table, 0, 4, EDU_SG_DESC_FROM_DEVICE);
    ring(t, 0);
    step(t, 10);
    expect(t, 0, 3, 3, EDU_SG_BUS_ERROR, 0);
    g_assert_cmphex(qpci_io_readl(t->dev, t->dev->msix_table_bar,
                                  t->dev->msix_table_off), ==, MESSAGES);

    /* nor are registers a place for completions */
    command(t, 0, EDU_SG_RESET);
    wr64(t, ch_reg(0, EDU_SG_CH_SQ_BASE), SQ(0));
    wr64(t, ch_reg(0, EDU_SG_CH_CQ_BASE), bar + EDU_SG_CH_OFFSET);
    wr(t, ch_reg(0, EDU_SG_CH_SIZE), RING);
    command(t, 0, EDU_SG_ENABLE);
    wr(t, ch_reg(0, EDU_SG_CH_DOORBELL), 1);
    step(t, 10);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_FAILED);
    g_assert_cmpuint(error_of(t, 0), ==, EDU_SG_ERR_COMPLETION);

    /* a message that would raise itself again and again */
    qpci_io_writel(t->dev, t->dev->msix_table_bar, t->dev->msix_table_off,
                   bar + EDU_SG_IRQ_RAISE);
    wr(t, EDU_SG_IRQ_RAISE, 1);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 1);
    stop(t);
}

/* With all kinds of work going on, twice in the same place. */
static void test_unplug(void)
{
    Test *t = start("bandwidth=1M");

    for (int i = 0; i < 2; i++) {
        enable_ring(t, 0, RING);
        wr(t, ch_reg(0, EDU_SG_CH_COAL_COUNT), 9);
        wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 1000000);
        put(t, 0, DATA, 0, 16, EDU_SG_DESC_EVENT);
        put(t, 0, DATA, 0, 256 * KiB, EDU_SG_DESC_EVENT);
        ring(t, 0);
        wr(t, EDU_SG_FACTORIAL, 5);
        wr(t, EDU_SG_DMA_CMD, EDU_SG_CMD_RUN | EDU_SG_CMD_IRQ);
        step(t, 70 * MS);
        expect(t, 0, 0, 0, EDU_SG_DONE, 16);
        qpci_unplug_acpi_device_test(t->q, "sg", 4);
        step(t, 2000 * MS);
        g_assert_true(missing(t, 0, 1));

        qtest_qmp_device_add(t->q, "edu-sg", "sg",
                             "{'addr': '04.0', 'bandwidth': 1048576}");
        g_free(t->dev);
        qpci_free_pc(t->bus);
        connect_device(t);
    }
    stop(t);
}

static void test_properties(void)
{
    static const struct {
        const char *name;
        int64_t val;
    } bad[] = {
        { "memory", 2048 }, { "memory", 5000 }, { "memory", 2 * GiB },
        { "channels", 0 }, { "channels", 9 }, { "dma_mask", 0xfff0 },
        { "dma_mask", 255 }, { "latency", 60000000001 },
        { "legacy-latency", 60000000001 },
        { "fault-stall", 256 }, { "fault-stuck", 256 },
    };
    QTestState *q = qtest_init("-machine pc -m 128M -nodefaults");

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        QDict *args = qdict_new(), *answer;
        const char *text;

        qdict_put_str(args, "driver", "edu-sg");
        qdict_put_int(args, bad[i].name, bad[i].val);
        answer = qtest_qmp(q, "{'execute': 'device_add', 'arguments': %p}",
                           args);
        g_assert_true(qdict_haskey(answer, "error"));
        text = qdict_get_str(qdict_get_qdict(answer, "error"), "desc");
        g_assert_nonnull(strstr(text, bad[i].name));
        qobject_unref(answer);
    }
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/edu-sg/irq/msix", test_msix);
    qtest_add_func("/edu-sg/irq/msi", test_msi);
    qtest_add_func("/edu-sg/irq/intx", test_intx);
    qtest_add_func("/edu-sg/irq/coalesce", test_coalesce);
    qtest_add_func("/edu-sg/irq/coalesce-change", test_coalesce_change);
    qtest_add_func("/edu-sg/irq/pause", test_pause_interrupts);
    qtest_add_func("/edu-sg/irq/reset", test_reset_withdraws);
    qtest_add_func("/edu-sg/fault/completion", test_completion_faults);
    qtest_add_func("/edu-sg/fault/swap-events", test_swap_events);
    qtest_add_func("/edu-sg/fault/stall", test_stall);
    qtest_add_func("/edu-sg/fault/stuck", test_stuck);
    qtest_add_func("/edu-sg/fault/drop-irq", test_drop_irq);
    qtest_add_func("/edu-sg/fault/drop-line", test_drop_line);
    qtest_add_func("/edu-sg/fault/dead", test_dead);
    qtest_add_func("/edu-sg/own-registers", test_own_registers);
    qtest_add_func("/edu-sg/unplug", test_unplug);
    qtest_add_func("/edu-sg/properties", test_properties);
    return g_test_run();
}
