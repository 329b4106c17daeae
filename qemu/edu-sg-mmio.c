/*
 * EDU with scatter/gather rings: what is behind BAR 0
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "edu-sg.h"
#include "trace.h"

#define COUNTERS_END    (EDU_SG_COUNTERS + sizeof(EduSgCounters))

static uint32_t half(uint64_t val, hwaddr addr)
{
    return extract64(val, addr & 4 ? 32 : 0, 32);
}

static void set_half(uint64_t *reg, hwaddr addr, uint32_t val)
{
    *reg = deposit64(*reg, addr & 4 ? 32 : 0, 32, val);
}

static bool is_counter(hwaddr addr)
{
    return addr >= EDU_SG_COUNTERS && addr < COUNTERS_END;
}

static uint32_t counter_read(EduSgState *s, hwaddr addr)
{
    const uint64_t *counter = (const uint64_t *)&s->counters;

    return half(counter[(addr - EDU_SG_COUNTERS) / sizeof(*counter)], addr);
}

/* NULL if there is no such channel. */
static EduSgChannel *channel_at(EduSgState *s, hwaddr addr, hwaddr *reg)
{
    hwaddr n;

    if (addr < EDU_SG_CH_OFFSET) {
        return NULL;
    }
    n = (addr - EDU_SG_CH_OFFSET) / EDU_SG_CH_STRIDE;
    *reg = (addr - EDU_SG_CH_OFFSET) % EDU_SG_CH_STRIDE;
    return n < s->channels ? &s->ch[n] : NULL;
}

static uint32_t stream_read(const EduSgStream *st, hwaddr reg)
{
    switch (reg) {
    case EDU_SG_CH_MODE:
        return st->mode;
    case EDU_SG_CH_FRAME_BYTES:
        return st->frame_bytes;
    case EDU_SG_CH_RATE:
    case EDU_SG_CH_RATE + 4:
        return half(st->rate, reg);
    case EDU_SG_CH_PRODUCED:
    case EDU_SG_CH_PRODUCED + 4:
        return half(st->produced, reg);
    case EDU_SG_CH_DELIVERED:
    case EDU_SG_CH_DELIVERED + 4:
        return half(st->delivered, reg);
    case EDU_SG_CH_LOST:
    case EDU_SG_CH_LOST + 4:
        return half(st->lost, reg);
    case EDU_SG_CH_FRAMES:
    case EDU_SG_CH_FRAMES + 4:
        return half(st->frames, reg);
    case EDU_SG_CH_MISMATCHES:
    case EDU_SG_CH_MISMATCHES + 4:
        return half(st->mismatches, reg);
    case EDU_SG_CH_MISMATCH:
    case EDU_SG_CH_MISMATCH + 4:
        return st->mismatches ? half(st->first_mismatch, reg) : ~0u;
    default:
        return ~0u;
    }
}

static uint32_t channel_read(EduSgChannel *ch, hwaddr reg)
{
    switch (reg) {
    case EDU_SG_CH_COMMAND:
        return 0;
    case EDU_SG_CH_STATUS:
        return ch->state | (ch->busy ? EDU_SG_STATUS_BUSY : 0) |
               (ch->stream.started ? EDU_SG_STATUS_STARTED : 0) |
               (ch->stream.ended ? EDU_SG_STATUS_ENDED : 0) |
               ch->error << EDU_SG_STATUS_ERR_SHIFT;
    case EDU_SG_CH_SQ_BASE:
    case EDU_SG_CH_SQ_BASE + 4:
        return half(ch->sq_base, reg);
    case EDU_SG_CH_CQ_BASE:
    case EDU_SG_CH_CQ_BASE + 4:
        return half(ch->cq_base, reg);
    case EDU_SG_CH_SIZE:
        return ch->size;
    case EDU_SG_CH_HEAD:
        return ch->head;
    case EDU_SG_CH_DOORBELL:
        return ch->tail;
    case EDU_SG_CH_IRQ_ENABLE:
        return ch->irq_enable;
    case EDU_SG_CH_COAL_COUNT:
        return ch->coal_count;
    case EDU_SG_CH_COAL_TIME:
        return ch->coal_usecs;
    default:
        return stream_read(&ch->stream, reg);
    }
}

static uint32_t new_read(EduSgState *s, hwaddr addr)
{
    hwaddr reg;
    EduSgChannel *ch = channel_at(s, addr, &reg);

    if (ch) {
        return channel_read(ch, reg);
    }
    if (is_counter(addr)) {
        return counter_read(s, addr);
    }

    switch (addr) {
    case EDU_SG_CAP_MAGIC:
        return EDU_SG_MAGIC;
    case EDU_SG_CAP_VERSION:
        return EDU_SG_LAYOUT;
    case EDU_SG_CAP_FEATURES:
        return EDU_SG_FEATURES;
    case EDU_SG_CAP_CHANNELS:
        return s->channels;
    case EDU_SG_CAP_ADDR_MASK:
    case EDU_SG_CAP_ADDR_MASK + 4:
        return half(s->dma_mask, addr);
    case EDU_SG_CAP_MEMORY:
    case EDU_SG_CAP_MEMORY + 4:
        return half(s->memory, addr);
    case EDU_SG_CAP_MAX_LEN:
        return s->memory;
    case EDU_SG_CAP_MAX_RING:
        return EDU_SG_RING_MAX;
    case EDU_SG_CAP_CH_OFFSET:
        return EDU_SG_CH_OFFSET;
    case EDU_SG_CAP_CH_STRIDE:
        return EDU_SG_CH_STRIDE;
    case EDU_SG_CAP_COUNTERS:
        return EDU_SG_COUNTERS;
    case EDU_SG_CAP_MEMORY_BAR:
        return 2;
    case EDU_SG_CAP_CH_VECTOR:
        return 1;
    case EDU_SG_CAP_FIFO:
    case EDU_SG_CAP_FIFO + 4:
        return half(s->fifo, addr);
    case EDU_SG_CAP_MAX_FRAME:
        return EDU_SG_FRAME_MAX;
    case EDU_SG_CAP_CH_VECTOR + 4:
    case EDU_SG_CAP_MAX_FRAME + 4:
    case EDU_SG_DEV_COMMAND:
        return 0;
    default:
        return ~0u;
    }
}

static void channel_write(EduSgChannel *ch, hwaddr reg, uint32_t val)
{
    bool disabled = ch->state == EDU_SG_DISABLED;

    switch (reg) {
    case EDU_SG_CH_COMMAND:
        edu_sg_channel_command(ch, val);
        break;
    case EDU_SG_CH_SQ_BASE:
    case EDU_SG_CH_SQ_BASE + 4:
        if (disabled) {
            set_half(&ch->sq_base, reg, val);
        }
        break;
    case EDU_SG_CH_CQ_BASE:
    case EDU_SG_CH_CQ_BASE + 4:
        if (disabled) {
            set_half(&ch->cq_base, reg, val);
        }
        break;
    case EDU_SG_CH_SIZE:
        if (disabled) {
            ch->size = val;
        }
        break;
    case EDU_SG_CH_DOORBELL:
        edu_sg_channel_doorbell(ch, val);
        break;
    case EDU_SG_CH_IRQ_ENABLE:
        edu_sg_irq_enable(ch, val);
        break;
    case EDU_SG_CH_COAL_COUNT:
        edu_sg_channel_coalesce(ch, extract32(val, 0, 16), ch->coal_usecs);
        break;
    case EDU_SG_CH_COAL_TIME:
        edu_sg_channel_coalesce(ch, ch->coal_count, val);
        break;
    case EDU_SG_CH_MODE:
        if (disabled) {
            ch->stream.mode = val;
        }
        break;
    case EDU_SG_CH_FRAME_BYTES:
        if (disabled) {
            ch->stream.frame_bytes = val;
        }
        break;
    case EDU_SG_CH_RATE:
    case EDU_SG_CH_RATE + 4:
        if (disabled) {
            set_half(&ch->stream.rate, reg, val);
        }
        break;
    }
}

void edu_sg_device_reset(EduSgState *s)
{
    for (uint32_t n = 0; n < EDU_SG_CHANNELS_MAX; n++) {
        edu_sg_channel_reset(&s->ch[n]);
    }
    edu_sg_legacy_reset(s);
}

static void new_write(EduSgState *s, hwaddr addr, uint32_t val)
{
    hwaddr reg;
    EduSgChannel *ch = channel_at(s, addr, &reg);

    if (ch) {
        channel_write(ch, reg, val);
    } else if (addr == EDU_SG_DEV_COMMAND) {
        if (val & EDU_SG_DEV_RESET) {
            edu_sg_device_reset(s);
        }
        if (val & EDU_SG_DEV_COUNTERS) {
            memset(&s->counters, 0, sizeof(s->counters));
        }
    }
}

static uint64_t mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    EduSgState *s = opaque;
    EduSgChannel *ch;
    uint64_t val = ~0ull;
    hwaddr reg;

    if (s->faults.dead || size < 4) {
        return val;
    }
    if (!is_counter(addr)) {
        s->counters.reads++;
    }
    if (addr < EDU_SG_NEW_REGS) {
        edu_sg_legacy_read(s, addr, size, &val);
    } else {
        /* Once, for both halves are of the same time. */
        ch = channel_at(s, addr, &reg);
        if (ch) {
            edu_sg_channel_sync(ch);
        }
        val = new_read(s, addr);
        if (size == 8) {
            val |= (uint64_t)new_read(s, addr + 4) << 32;
        }
    }
    trace_edu_sg_read(addr, size, val);
    return val;
}

static void count_write(EduSgState *s, hwaddr addr)
{
    hwaddr reg;

    if (is_counter(addr)) {
        return;
    }
    if (channel_at(s, addr, &reg) && reg == EDU_SG_CH_DOORBELL) {
        s->counters.doorbells++;
    } else {
        s->counters.writes++;
    }
}

static void mmio_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    EduSgState *s = opaque;

    if (s->faults.dead || size < 4) {
        return;
    }
    trace_edu_sg_write(addr, size, val);
    count_write(s, addr);
    if (addr < EDU_SG_NEW_REGS) {
        edu_sg_legacy_write(s, addr, val, size);
        return;
    }
    new_write(s, addr, val);
    if (size == 8) {
        new_write(s, addr + 4, val >> 32);
    }
}

const MemoryRegionOps edu_sg_mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
    },
};
