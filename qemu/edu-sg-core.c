/*
 * EDU with scatter/gather rings: accesses to the bus, interrupts, faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "edu-sg.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "trace.h"

/*
 * While the device accesses the bus, its registers and its MSI-X table refuse
 * all accesses.  Work is done in timers, not in guarded bottom halves: these
 * would run in a stopped machine, too.
 */
static bool guard(EduSgState *s)
{
    bool engaged = DEVICE(s)->mem_reentrancy_guard.engaged_in_io;

    DEVICE(s)->mem_reentrancy_guard.engaged_in_io = true;
    return engaged;
}

static void unguard(EduSgState *s, bool engaged)
{
    DEVICE(s)->mem_reentrancy_guard.engaged_in_io = engaged;
}

/* All accesses of the device to the bus, except its messages. */
MemTxResult edu_sg_dma(EduSgState *s, dma_addr_t addr, void *buf,
                       dma_addr_t len, bool write)
{
    MemTxResult res;
    bool engaged;

    if (s->gone) {
        return MEMTX_ERROR;
    }
    engaged = guard(s);
    res = write ? pci_dma_write(&s->pdev, addr, buf, len)
                : pci_dma_read(&s->pdev, addr, buf, len);
    unguard(s, engaged);
    return res;
}

/*
 * Move at most EDU_SG_SLICE bytes.  A buffer is between, because @addr may be
 * in the device's own memory.
 */
MemTxResult edu_sg_move(EduSgState *s, uint64_t addr, uint64_t offset,
                        uint32_t len, bool from_device)
{
    MemTxResult res;

    assert(len <= EDU_SG_SLICE && offset <= s->memory - len);
    if (from_device) {
        memcpy(s->slice, s->mem_ptr + offset, len);
        return edu_sg_dma(s, addr, s->slice, len, true);
    }
    res = edu_sg_dma(s, addr, s->slice, len, false);
    if (res == MEMTX_OK) {
        memcpy(s->mem_ptr + offset, s->slice, len);
        memory_region_set_dirty(&s->mem, offset, len);
    }
    return res;
}

static bool dropped(EduSgState *s, unsigned vector)
{
    if (!s->faults.drop_irq) {
        return false;
    }
    trace_edu_sg_irq_dropped(vector);
    s->faults.drop_irq--;
    s->counters.dropped++;
    return true;
}

/* The guest chooses the address, which may be one of the device's own. */
static void send_message(EduSgState *s, unsigned vector)
{
    bool engaged;

    if (dropped(s, vector)) {
        return;
    }
    trace_edu_sg_irq(vector);
    s->counters.interrupts++;
    engaged = guard(s);
    if (msix_enabled(&s->pdev)) {
        msix_notify(&s->pdev, vector);
    } else {
        msi_notify(&s->pdev, 0);
    }
    unguard(s, engaged);
}

static bool by_message(EduSgState *s)
{
    return msix_enabled(&s->pdev) || msi_enabled(&s->pdev);
}

void edu_sg_update_line(EduSgState *s)
{
    bool level = s->irq_status && !by_message(s) && !s->line_dropped;

    if (level == s->line) {
        return;
    }
    if (level) {
        trace_edu_sg_irq(0);
        s->counters.interrupts++;
    }
    s->line = level;
    pci_set_irq(&s->pdev, level);
}

void edu_sg_raise(EduSgState *s, uint32_t bits)
{
    if (s->gone || s->faults.dead) {
        return;
    }
    s->irq_status |= bits;
    if (!s->irq_status) {
        return;
    }
    if (by_message(s)) {
        send_message(s, 0);
        return;
    }
    /* A dropped interrupt leaves the line low until the next one. */
    if (!s->line) {
        s->line_dropped = dropped(s, 0);
    }
    edu_sg_update_line(s);
}

void edu_sg_ack(EduSgState *s, uint32_t bits)
{
    s->irq_status &= ~bits;
    if (!s->irq_status) {
        s->line_dropped = false;
    }
    if (!s->gone) {
        edu_sg_update_line(s);
    }
}

/* The channel's own vector, or its bit in the status register. */
void edu_sg_notify(EduSgState *s, uint32_t n)
{
    if (msix_enabled(&s->pdev)) {
        send_message(s, 1 + n);
    } else {
        edu_sg_raise(s, EDU_SG_IRQ_CHANNEL(n));
    }
}

/* How often the fault happens now, at @most; this counts it down. */
uint32_t edu_sg_faults(EduSgChannel *ch, uint32_t *fault, uint64_t most)
{
    uint32_t count = MIN(*fault, most);

    if (!count || !(ch->s->faults.channels & (1u << ch->n))) {
        return 0;
    }
    *fault -= count;
    trace_edu_sg_fault(ch->n, (uint8_t *)fault - (uint8_t *)&ch->s->faults,
                       count);
    return count;
}

/* True if the fault happens now; this counts it down. */
bool edu_sg_fault(EduSgChannel *ch, uint32_t *fault)
{
    return edu_sg_faults(ch, fault, 1);
}

bool edu_sg_stalled(const EduSgChannel *ch)
{
    return ch->s->faults.stall & (1u << ch->n);
}

bool edu_sg_stuck(const EduSgChannel *ch)
{
    return ch->s->faults.stuck & (1u << ch->n);
}
