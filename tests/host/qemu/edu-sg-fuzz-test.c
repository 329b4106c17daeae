/*
 * QTest of edu-sg: whatever a guest may do
 *
 * A corpus of operations is replayed, then some are made up from a few fixed
 * seeds; EDU_SG_FUZZ_SEEDS tells how many.  What a run does is a text, which
 * EDU_SG_FUZZ_LOG names a file for: a run that goes wrong is kept by
 * putting that file into the corpus.  One operation a line, numbers in hex:
 *
 *   w4 OFFSET VALUE, w8 OFFSET VALUE     write a register
 *   r4 OFFSET, r8 OFFSET                 read one
 *   ram ADDRESS VALUE                    write 8 bytes of guest memory
 *   mem OFFSET VALUE                     write 8 bytes of device memory
 *   cfg OFFSET VALUE                     write 4 bytes of PCI configuration
 *   msix OFFSET VALUE                    write 4 bytes of the MSI-X table
 *   step NS                              let time pass
 *   fault NUMBER VALUE                   set one of the fault properties
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "edu-sg-stream-util.h"

#define OPTIONS         "channels=3,memory=64K,dma_mask=0xffffffffffffffff"
#define CHANNELS        3
#define OPS             1500
#define SEEDS           12

static const char *const faults[] = {
    "fault-fail", "fault-wrong", "fault-repeat", "fault-swap", "fault-excess",
    "fault-drop-irq", "fault-stall", "fault-channels",
    "fault-overrun", "fault-sequence", "fault-position", "short-frames",
};

static bool is_mask(size_t fault)
{
    return g_str_equal(faults[fault], "fault-stall") ||
           g_str_equal(faults[fault], "fault-channels");
}

static FILE *log_file;

static void do_op(Test *t, const char *op, uint64_t a, uint64_t b)
{
    if (log_file) {
        fprintf(log_file, "%s %" PRIx64 " %" PRIx64 "\n", op, a, b);
        fflush(log_file);
    }
    if (g_str_equal(op, "w4")) {
        wr(t, a & 0xffffc, b);
    } else if (g_str_equal(op, "w8")) {
        wr64(t, a & 0xffff8, b);
    } else if (g_str_equal(op, "r4")) {
        rd(t, a & 0xffffc);
    } else if (g_str_equal(op, "r8")) {
        rd64(t, a & 0xffff8);
    } else if (g_str_equal(op, "ram")) {
        qtest_writeq(t->q, a & 0x7fffff8, b);
    } else if (g_str_equal(op, "mem")) {
        qpci_io_writeq(t->dev, t->mem, a & 0xfff8, b);
    } else if (g_str_equal(op, "cfg")) {
        qpci_config_writel(t->dev, a & 0xfc, b);
    } else if (g_str_equal(op, "msix")) {
        qpci_io_writel(t->dev, t->dev->msix_table_bar, a & 0xffc, b);
    } else if (g_str_equal(op, "step")) {
        step(t, MIN(a, INT64_C(100000000000)));
    } else if (g_str_equal(op, "fault")) {
        size_t fault = a % ARRAY_SIZE(faults);

        /* masks have a bit for each channel */
        set_fault(t, faults[fault], is_mask(fault) ? b & 0xff : b);
    } else {
        g_test_message("unknown operation '%s'", op);
        g_test_fail();
    }
}

/* Whatever came before, a driver can start afresh. */
static void expect_alive(Test *t)
{
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        set_fault(t, faults[i],
                  g_str_equal(faults[i], "fault-channels") ? 0xff : 0);
    }
    qpci_config_writel(t->dev, 0x10, t->regs.addr);
    qpci_config_writel(t->dev, 0x18, t->mem.addr);
    qpci_config_writel(t->dev, 0x1c, 0);
    qpci_config_writew(t->dev, 4, 7);
    g_assert_cmphex(rd(t, EDU_SG_ID), ==, EDU_SG_ID_VALUE);
    wr(t, EDU_SG_DEV_COMMAND, EDU_SG_DEV_RESET);
    for (unsigned ch = 0; ch < CHANNELS; ch++) {
        enable_ring(t, ch, RING);
        put(t, ch, DATA, 0, 4096, 0);
        ring(t, ch);
        step(t, 10);
        expect(t, ch, 0, 0, EDU_SG_DONE, 4096);
    }
}

static Test *begin(void)
{
    Test *t = start(OPTIONS);

    qpci_msix_enable(t->dev);
    for (unsigned ch = 0; ch < CHANNELS; ch++) {
        enable_ring(t, ch, RING);
    }
    return t;
}

static void replay(const void *data)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    Test *t = begin();

    g_assert_true(g_file_get_contents(data, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        char op[16];
        uint64_t a = 0, b = 0;

        if (**line && **line != '#') {
            g_assert_cmpint(sscanf(*line, "%15s %" SCNx64 " %" SCNx64, op, &a,
                                   &b), >=, 2);
            do_op(t, op, a, b);
        }
    }
    expect_alive(t);
    stop(t);
}

/* A number of the kind that limits are made of. */
static uint64_t odd_value(GRand *r)
{
    static const uint64_t base[] = {
        0, 1, 2, 8, 64, 4096, 0x10000, 0x40000, 0x80000000, 0x100000000,
        INT64_MAX, UINT64_MAX, SQ(0), CQ(0), DATA, HOLE,
    };
    uint64_t val = base[g_rand_int_range(r, 0, ARRAY_SIZE(base))];

    switch (g_rand_int_range(r, 0, 4)) {
    case 0:
        return val + g_rand_int_range(r, -9, 10);
    case 1:
        return g_rand_int(r);
    default:
        return val;
    }
}

static uint64_t channel_of(GRand *r, unsigned reg)
{
    return ch_reg(g_rand_int_range(r, 0, CHANNELS), reg);
}

/* A descriptor that often makes sense, in any slot. */
static void random_descriptor(Test *t, GRand *r)
{
    uint64_t at = SQ(g_rand_int_range(r, 0, CHANNELS)) +
                  32 * g_rand_int_range(r, 0, RING);
    uint64_t bars[] = { t->regs.addr, t->mem.addr, DATA, odd_value(r) };
    bool sane = g_rand_boolean(r);

    do_op(t, "ram", at, bars[g_rand_int_range(r, 0, 4)] +
          g_rand_int_range(r, 0, 0x20000));
    do_op(t, "ram", at + 8, sane ? g_rand_int_range(r, 0, 0x8000)
                                 : odd_value(r));
    do_op(t, "ram", at + 16,
          (sane ? (uint64_t)g_rand_int_range(r, 0, 0x8000)
                : (uint32_t)odd_value(r)) |
          (uint64_t)g_rand_int_range(r, 0, sane ? 8 : 16) << 32);
    do_op(t, "ram", at + 24, g_rand_int_range(r, 0, 16) ? 0 : odd_value(r));
}

/* A list of pieces that often makes sense, and a descriptor with it */
static void random_list(Test *t, GRand *r)
{
    uint64_t list = LIST(g_rand_int_range(r, 0, 4));
    uint64_t at = SQ(g_rand_int_range(r, 0, CHANNELS)) +
                  32 * g_rand_int_range(r, 0, RING);

    for (int i = 0; i < 4; i++) {
        do_op(t, "ram", list + 16 * i, g_rand_int_range(r, 0, 16) ?
              DATA + g_rand_int_range(r, 0, 0x20000) : odd_value(r));
        do_op(t, "ram", list + 16 * i + 8, g_rand_int_range(r, 0, 16) ?
              g_rand_int_range(r, 0, 0x8000) : odd_value(r));
    }
    do_op(t, "ram", at, list);
    do_op(t, "ram", at + 8, g_rand_int_range(r, 0, 64));
    do_op(t, "ram", at + 16, (uint64_t)g_rand_int_range(r, 0, 4) << 32 |
          g_rand_int_range(r, 0, 0x10000));
    do_op(t, "ram", at + 24, 0);
}

static void random_stream(Test *t, GRand *r, unsigned ch)
{
    do_op(t, "w4", ch_reg(ch, EDU_SG_CH_MODE), g_rand_int_range(r, 0, 8) ?
          g_rand_int_range(r, 0, 3) | g_rand_int_range(r, 0, 3) << 4 |
          g_rand_int_range(r, 0, 3) << 12 : odd_value(r));
    do_op(t, "w4", ch_reg(ch, EDU_SG_CH_FRAME_BYTES),
          g_rand_int_range(r, 0, 8) ? g_rand_int_range(r, 64, 0x10000)
                                    : odd_value(r));
    do_op(t, "w8", ch_reg(ch, EDU_SG_CH_RATE), g_rand_boolean(r) ?
          g_rand_int_range(r, 0, 1000 * MS) : odd_value(r));
}

static void random_ring(Test *t, GRand *r)
{
    unsigned ch = g_rand_int_range(r, 0, CHANNELS);

    do_op(t, "w4", ch_reg(ch, EDU_SG_CH_COMMAND), EDU_SG_RESET);
    if (g_rand_boolean(r)) {
        random_stream(t, r, ch);
    }
    do_op(t, "w8", ch_reg(ch, EDU_SG_CH_SQ_BASE),
          g_rand_int_range(r, 0, 4) ? SQ(ch) : odd_value(r) & ~63ull);
    do_op(t, "w8", ch_reg(ch, EDU_SG_CH_CQ_BASE),
          g_rand_int_range(r, 0, 4) ? CQ(ch) : odd_value(r) & ~63ull);
    do_op(t, "w4", ch_reg(ch, EDU_SG_CH_SIZE),
          2u << g_rand_int_range(r, 0, 13));
    do_op(t, "w4", ch_reg(ch, EDU_SG_CH_IRQ_ENABLE), g_rand_boolean(r));
    do_op(t, "w4", ch_reg(ch, EDU_SG_CH_COMMAND), EDU_SG_ENABLE);
    do_op(t, "w4", ch_reg(ch, EDU_SG_CH_COMMAND), EDU_SG_START);
}

static void random_op(Test *t, GRand *r)
{
    uint64_t reg = channel_of(r, g_rand_int_range(r, 0, 0x20) * 4);

    switch (g_rand_int_range(r, 0, 19)) {
    case 0 ... 3:
        random_descriptor(t, r);
        break;
    case 4 ... 6:
        reg = channel_of(r, EDU_SG_CH_DOORBELL);
        do_op(t, "w4", reg, g_rand_int_range(r, 0, 16) ?
              rd(t, reg) + g_rand_int_range(r, 0, 5) : odd_value(r));
        break;
    case 7:
        random_ring(t, r);
        break;
    case 8:
        do_op(t, "w4", channel_of(r, EDU_SG_CH_COMMAND),
              g_rand_int_range(r, 0, 8));
        break;
    case 9:
        do_op(t, g_rand_boolean(r) ? "w4" : "w8", reg, odd_value(r));
        break;
    case 10:
        do_op(t, g_rand_boolean(r) ? "w4" : "w8",
              g_rand_int_range(r, 0, 0x280), odd_value(r));
        break;
    case 11:
        do_op(t, g_rand_boolean(r) ? "r4" : "r8",
              g_rand_boolean(r) ? reg : g_rand_int_range(r, 0, 0x280), 0);
        break;
    case 12:
        do_op(t, "msix", g_rand_int_range(r, 0, 16) * 4,
              g_rand_boolean(r) ? t->regs.addr + g_rand_int_range(r, 0, 0x280)
                                : odd_value(r));
        break;
    case 13:
        do_op(t, "fault", g_rand_int_range(r, 0, ARRAY_SIZE(faults)),
              g_rand_int_range(r, 0, 4));
        break;
    case 14:
        do_op(t, "cfg", 4, g_rand_int_range(r, 0, 4) ? 6 : g_rand_int(r) & 7);
        break;
    case 15 ... 17:
        random_list(t, r);
        break;
    default:
        do_op(t, "step", g_rand_int_range(r, 0, 200 * MS), 0);
        break;
    }
}

static void random_run(const void *data)
{
    const char *name = g_getenv("EDU_SG_FUZZ_LOG");
    g_autoptr(GRand) r = g_rand_new_with_seed(GPOINTER_TO_UINT(data));
    Test *t = begin();

    log_file = name ? fopen(name, "w") : NULL;
    for (int i = 0; i < OPS; i++) {
        random_op(t, r);
    }
    expect_alive(t);
    stop(t);
    g_clear_pointer(&log_file, fclose);
}

static void add_corpus(void)
{
    const char *named = g_getenv("EDU_SG_CORPUS");
    g_autofree char *path = named ? g_strdup(named) :
        g_test_build_filename(G_TEST_DIST, "edu-sg-corpus", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *test = g_strdup_printf("/edu-sg/corpus/%s", name);

        if (g_str_has_suffix(name, ".ops")) {
            qtest_add_data_func_full(test, g_build_filename(path, name, NULL),
                                     replay, g_free);
        }
    }
}

int main(int argc, char **argv)
{
    const char *seeds = g_getenv("EDU_SG_FUZZ_SEEDS");
    unsigned count = seeds ? atoi(seeds) : SEEDS;

    g_test_init(&argc, &argv, NULL);
    add_corpus();
    for (unsigned seed = 1; seed <= count; seed++) {
        g_autofree char *test = g_strdup_printf("/edu-sg/random/%u", seed);

        qtest_add_data_func(test, GUINT_TO_POINTER(seed), random_run);
    }
    return g_test_run();
}
