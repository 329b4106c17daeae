/*
 * EDU with scatter/gather rings: the registers of plain edu
 *
 * They behave like those of hw/misc/edu.c, but for the differences that
 * docs/specs/edu-sg lists.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "edu-sg.h"
#include "trace.h"

#define FACT_TIME_NS    1000

static bool in_buffer(uint64_t addr, uint64_t len)
{
    return addr >= EDU_SG_BUF_BASE && len <= EDU_SG_BUF_SIZE &&
           addr - EDU_SG_BUF_BASE <= EDU_SG_BUF_SIZE - len;
}

static uint64_t clamp(EduSgState *s, uint64_t addr)
{
    uint64_t res = addr & s->dma_mask;

    if (addr != res) {
        qemu_log_mask(LOG_GUEST_ERROR, "EDU: clamping DMA 0x%016" PRIx64
                      " to 0x%016" PRIx64 "!\n", addr, res);
    }
    return res;
}

/* As all of it is over at once, an error shows nowhere but in the data. */
static void transfer(EduSgState *s)
{
    bool from_device = s->dma_cmd & EDU_SG_CMD_FROM_DEVICE;
    uint64_t buf = from_device ? s->dma_src : s->dma_dst;
    uint64_t bus = from_device ? s->dma_dst : s->dma_src;
    uint64_t first;

    if (!s->dma_count) {
        return;
    }
    if (!in_buffer(buf, s->dma_count)) {
        qemu_log_mask(LOG_GUEST_ERROR, "EDU: DMA of 0x%" PRIx64
                      " bytes at 0x%" PRIx64 " leaves the buffer\n",
                      s->dma_count, buf);
        return;
    }
    buf -= EDU_SG_BUF_BASE;
    bus = clamp(s, bus);
    first = MIN(s->dma_count - 1, s->dma_mask - bus) + 1;
    edu_sg_move(s, bus, buf, first, from_device);
    /* A reset that the DMA caused has cleared the count. */
    if (first < s->dma_count) {
        edu_sg_move(s, clamp(s, bus + first), buf + first,
                    s->dma_count - first, from_device);
    }
}

static void dma_timer(void *opaque)
{
    EduSgState *s = opaque;

    if (!(s->dma_cmd & EDU_SG_CMD_RUN)) {
        return;
    }

    object_ref(OBJECT(s));
    trace_edu_sg_legacy_dma(s->dma_src, s->dma_dst, s->dma_count, s->dma_cmd);
    transfer(s);
    /* The DMA may have reset the device. */
    if (s->dma_cmd & EDU_SG_CMD_RUN) {
        s->dma_cmd &= ~EDU_SG_CMD_RUN;
        if (s->dma_cmd & EDU_SG_CMD_IRQ) {
            edu_sg_raise(s, EDU_SG_IRQ_DMA);
        }
    }
    object_unref(OBJECT(s));
}

static void fact_timer(void *opaque)
{
    EduSgState *s = opaque;
    uint32_t val = s->fact, ret = 1;

    /* From 34! on, the lower 32 bits of a factorial are 0. */
    if (val >= 34) {
        ret = 0;
    } else {
        while (val > 0) {
            ret *= val--;
        }
    }
    s->fact = ret;
    s->fact_status &= ~EDU_SG_FACT_COMPUTING;
    if (s->fact_status & EDU_SG_FACT_IRQ_ON) {
        edu_sg_raise(s, EDU_SG_IRQ_FACT);
    }
}

static void start_factorial(EduSgState *s, uint32_t val)
{
    if (s->fact_status & EDU_SG_FACT_COMPUTING) {
        return;
    }
    s->fact = val;
    s->fact_status |= EDU_SG_FACT_COMPUTING;
    timer_mod(&s->fact_timer,
              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + FACT_TIME_NS);
}

bool edu_sg_legacy_read(EduSgState *s, hwaddr addr, unsigned size,
                        uint64_t *val)
{
    if (addr < 0x80 && size != 4) {
        return false;
    }

    switch (addr) {
    case EDU_SG_ID:
        *val = EDU_SG_ID_VALUE;
        return true;
    case EDU_SG_LIVENESS:
        *val = s->liveness;
        return true;
    case EDU_SG_FACTORIAL:
        *val = s->fact;
        return true;
    case EDU_SG_FACT_STATUS:
        *val = s->fact_status;
        return true;
    case EDU_SG_IRQ_STATUS:
        *val = s->irq_status;
        return true;
    case EDU_SG_DMA_SRC:
        *val = s->dma_src;
        return true;
    case EDU_SG_DMA_DST:
        *val = s->dma_dst;
        return true;
    case EDU_SG_DMA_COUNT:
        *val = s->dma_count;
        return true;
    case EDU_SG_DMA_CMD:
        *val = s->dma_cmd;
        return true;
    default:
        return false;
    }
}

/* A transfer that runs is due by today's latency, as if it had begun so. */
void edu_sg_legacy_update(EduSgState *s)
{
    if (s->dma_cmd & EDU_SG_CMD_RUN) {
        timer_mod(&s->dma_timer, s->dma_start + s->legacy_latency);
    }
}

/* While a transfer runs, its registers do not change. */
static bool dma_write(EduSgState *s, hwaddr addr, uint64_t val)
{
    bool idle = !(s->dma_cmd & EDU_SG_CMD_RUN);

    switch (addr) {
    case EDU_SG_DMA_SRC:
        s->dma_src = idle ? val : s->dma_src;
        return true;
    case EDU_SG_DMA_DST:
        s->dma_dst = idle ? val : s->dma_dst;
        return true;
    case EDU_SG_DMA_COUNT:
        s->dma_count = idle ? val : s->dma_count;
        return true;
    case EDU_SG_DMA_CMD:
        if (idle && (val & EDU_SG_CMD_RUN)) {
            s->dma_cmd = val;
            s->dma_start = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
            edu_sg_legacy_update(s);
        }
        return true;
    default:
        return false;
    }
}

bool edu_sg_legacy_write(EduSgState *s, hwaddr addr, uint64_t val,
                         unsigned size)
{
    if (addr >= 0x80) {
        return dma_write(s, addr, val);
    }
    if (size != 4) {
        return false;
    }

    switch (addr) {
    case EDU_SG_LIVENESS:
        s->liveness = ~val;
        return true;
    case EDU_SG_FACTORIAL:
        start_factorial(s, val);
        return true;
    case EDU_SG_FACT_STATUS:
        s->fact_status &= ~EDU_SG_FACT_IRQ_ON;
        s->fact_status |= val & EDU_SG_FACT_IRQ_ON;
        return true;
    case EDU_SG_IRQ_RAISE:
        edu_sg_raise(s, val);
        return true;
    case EDU_SG_IRQ_ACK:
        edu_sg_ack(s, val);
        return true;
    default:
        return false;
    }
}

void edu_sg_legacy_init(EduSgState *s)
{
    timer_init_ns(&s->dma_timer, QEMU_CLOCK_VIRTUAL, dma_timer, s);
    timer_init_ns(&s->fact_timer, QEMU_CLOCK_VIRTUAL, fact_timer, s);
}

void edu_sg_legacy_reset(EduSgState *s)
{
    timer_del(&s->dma_timer);
    timer_del(&s->fact_timer);
    s->liveness = 0;
    s->fact = 0;
    s->fact_status = 0;
    s->dma_src = 0;
    s->dma_dst = 0;
    s->dma_count = 0;
    s->dma_cmd = 0;
    s->dma_start = 0;
    edu_sg_ack(s, ~0u);
}
