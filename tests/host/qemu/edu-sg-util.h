/*
 * QTest of edu-sg: a driver of a few lines
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef EDU_SG_UTIL_H
#define EDU_SG_UTIL_H

#include "qemu/bswap.h"
#include "libqtest.h"
#include "libqos/pci.h"
#include "libqos/pci-pc.h"
#if __has_include("qobject/qdict.h")
#include "qobject/qdict.h"
#else
#include "qapi/qmp/qdict.h"
#endif
#include "hw/pci/pci_regs.h"
#include "hw/misc/edu-sg-regs.h"

#define SQ(ch)      (0x100000 + (ch) * 0x20000)
#define CQ(ch)      (0x200000 + (ch) * 0x10000)
#define DATA        0x300000
#define MESSAGES    0x500000
/* Within 28 bits, and beyond the RAM */
#define HOLE        0x0e000000
#define RING        8
#define MS          (1000 * 1000)
#define PATH        "/machine/peripheral/sg"

typedef struct Test {
    QTestState *q;
    QPCIBus *bus;
    QPCIDevice *dev;
    QPCIBar regs;
    QPCIBar mem;
    uint32_t size[EDU_SG_CHANNELS_MAX];
    uint32_t tail[EDU_SG_CHANNELS_MAX];
} Test;

static inline void connect_device(Test *t)
{
    t->bus = qpci_new_pc(t->q, NULL);
    t->dev = qpci_device_find(t->bus, QPCI_DEVFN(4, 0));
    g_assert_nonnull(t->dev);
    qpci_device_enable(t->dev);
    t->regs = qpci_iomap(t->dev, 0, NULL);
    t->mem = qpci_iomap(t->dev, 2, NULL);
}

static inline Test *start(const char *options)
{
    Test *t = g_new0(Test, 1);

    t->q = qtest_initf("-machine pc -m 128M -nodefaults "
                       "-device edu-sg,id=sg,addr=04.0%s%s",
                       *options ? "," : "", options);
    connect_device(t);
    return t;
}

static inline void stop(Test *t)
{
    g_free(t->dev);
    qpci_free_pc(t->bus);
    qtest_quit(t->q);
    g_free(t);
}

static inline uint32_t rd(Test *t, uint64_t reg)
{
    return qpci_io_readl(t->dev, t->regs, reg);
}

static inline void wr(Test *t, uint64_t reg, uint32_t val)
{
    qpci_io_writel(t->dev, t->regs, reg, val);
}

static inline uint64_t rd64(Test *t, uint64_t reg)
{
    return qpci_io_readq(t->dev, t->regs, reg);
}

static inline void wr64(Test *t, uint64_t reg, uint64_t val)
{
    qpci_io_writeq(t->dev, t->regs, reg, val);
}

static inline uint64_t ch_reg(unsigned ch, unsigned reg)
{
    return EDU_SG_CH_OFFSET + ch * EDU_SG_CH_STRIDE + reg;
}

static inline uint32_t state_of(Test *t, unsigned ch)
{
    return rd(t, ch_reg(ch, EDU_SG_CH_STATUS)) & 0xf;
}

static inline uint32_t error_of(Test *t, unsigned ch)
{
    return rd(t, ch_reg(ch, EDU_SG_CH_STATUS)) >> EDU_SG_STATUS_ERR_SHIFT;
}

static inline void command(Test *t, unsigned ch, uint32_t val)
{
    wr(t, ch_reg(ch, EDU_SG_CH_COMMAND), val);
}

static inline void enable_ring(Test *t, unsigned ch, uint32_t size)
{
    qtest_memset(t->q, CQ(ch), 0, size * sizeof(EduSgCompletion));
    wr64(t, ch_reg(ch, EDU_SG_CH_SQ_BASE), SQ(ch));
    wr64(t, ch_reg(ch, EDU_SG_CH_CQ_BASE), CQ(ch));
    wr(t, ch_reg(ch, EDU_SG_CH_SIZE), size);
    wr(t, ch_reg(ch, EDU_SG_CH_IRQ_ENABLE), 1);
    command(t, ch, EDU_SG_ENABLE);
    g_assert_cmpuint(state_of(t, ch), ==, EDU_SG_RUNNING);
    t->size[ch] = size;
    t->tail[ch] = 0;
}

/* Put a descriptor into the ring, without telling. */
static inline void put(Test *t, unsigned ch, uint64_t addr, uint64_t offset,
                       uint32_t len, uint32_t flags)
{
    EduSgDescriptor d = {
        .addr = cpu_to_le64(addr),
        .offset = cpu_to_le64(offset),
        .len = cpu_to_le32(len),
        .flags = cpu_to_le32(flags),
    };
    uint32_t slot = t->tail[ch]++ & (t->size[ch] - 1);

    qtest_memwrite(t->q, SQ(ch) + slot * sizeof(d), &d, sizeof(d));
}

static inline void ring(Test *t, unsigned ch)
{
    wr(t, ch_reg(ch, EDU_SG_CH_DOORBELL), t->tail[ch]);
}

/* Submit @count small descriptors, each of them an event. */
static inline void submit(Test *t, unsigned ch, unsigned count)
{
    while (count--) {
        put(t, ch, DATA, 0, 16, EDU_SG_DESC_EVENT);
    }
    ring(t, ch);
}

static inline void step(Test *t, int64_t ns)
{
    qtest_clock_step(t->q, ns);
}

/* Entry k, counted from 0 over all laps.  False if it is not there yet. */
static inline bool got(Test *t, unsigned ch, uint32_t k, EduSgCompletion *c)
{
    qtest_memread(t->q, CQ(ch) + (k & (t->size[ch] - 1)) * sizeof(*c), c,
                  sizeof(*c));
    c->index = le32_to_cpu(c->index);
    c->bytes = le32_to_cpu(c->bytes);
    c->status = le32_to_cpu(c->status);
    return (c->status & EDU_SG_PHASE) == !(k & t->size[ch]);
}

static inline void expect(Test *t, unsigned ch, uint32_t k, uint32_t index,
                          uint32_t status, uint32_t bytes)
{
    EduSgCompletion c;

    g_assert_true(got(t, ch, k, &c));
    g_assert_cmpuint(c.index, ==, index);
    g_assert_cmpuint(c.status >> EDU_SG_STATUS_SHIFT, ==, status);
    g_assert_cmpuint(c.bytes, ==, bytes);
    g_assert_cmpuint(c.reserved, ==, 0);
}

static inline bool missing(Test *t, unsigned ch, uint32_t k)
{
    EduSgCompletion c;

    return !got(t, ch, k, &c);
}

static inline void set_fault(Test *t, const char *name, uint32_t val)
{
    QDict *answer = qtest_qmp(t->q, "{'execute': 'qom-set', 'arguments': "
                              "{'path': '" PATH "', 'property': %s, "
                              "'value': %u}}", name, val);

    g_assert_true(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

static inline void set_dead(Test *t, bool dead)
{
    QDict *answer = qtest_qmp(t->q, "{'execute': 'qom-set', 'arguments': "
                              "{'path': '" PATH "', 'property': 'fault-dead', "
                              "'value': %i}}", dead);

    g_assert_true(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

static inline uint64_t counter(Test *t, const char *name)
{
    QDict *answer = qtest_qmp(t->q, "{'execute': 'qom-get', 'arguments': "
                              "{'path': '" PATH "', 'property': %s}}", name);
    uint64_t val = qdict_get_int(answer, "return");

    qobject_unref(answer);
    return val;
}

/* False if the device does not take the value. */
static inline bool set_pace(Test *t, const char *name, uint64_t val)
{
    QDict *answer = qtest_qmp(t->q, "{'execute': 'qom-set', 'arguments': "
                              "{'path': '" PATH "', 'property': %s, "
                              "'value': %" PRIu64 "}}", name, val);
    bool done = qdict_haskey(answer, "return");

    qobject_unref(answer);
    return done;
}

/* The registers of plain edu, one transfer. */
static inline void legacy(Test *t, uint64_t src, uint64_t dst, uint64_t count,
                          uint32_t cmd)
{
    wr64(t, EDU_SG_DMA_SRC, src);
    wr64(t, EDU_SG_DMA_DST, dst);
    wr64(t, EDU_SG_DMA_COUNT, count);
    wr(t, EDU_SG_DMA_CMD, cmd);
}

static inline bool legacy_runs(Test *t)
{
    return rd(t, EDU_SG_DMA_CMD) & EDU_SG_CMD_RUN;
}

static inline void fill(uint8_t *buf, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        buf[i] = i * 7 + (i >> 8) + seed;
    }
}

/* The level of INTx, by the status bit of PCI configuration. */
static inline bool line(Test *t)
{
    return qpci_config_readw(t->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

/* All interrupts by MSI-X, each vector a word in memory from MESSAGES on. */
static inline void use_msix(Test *t, unsigned vectors)
{
    qpci_msix_enable(t->dev);
    for (unsigned v = 0; v < vectors; v++) {
        uint64_t entry = t->dev->msix_table_off + v * 16;

        qpci_io_writel(t->dev, t->dev->msix_table_bar, entry, MESSAGES + v * 4);
        qpci_io_writel(t->dev, t->dev->msix_table_bar, entry + 4, 0);
        qpci_io_writel(t->dev, t->dev->msix_table_bar, entry + 8, 0x1000 + v);
        qpci_io_writel(t->dev, t->dev->msix_table_bar, entry + 12, 0);
        qtest_writel(t->q, MESSAGES + v * 4, 0);
    }
}

/* True if the vector's message has come since the last time. */
static inline bool message(Test *t, unsigned vector)
{
    uint32_t val = qtest_readl(t->q, MESSAGES + vector * 4);

    g_assert_true(!val || val == 0x1000 + vector);
    qtest_writel(t->q, MESSAGES + vector * 4, 0);
    return val;
}

#endif
