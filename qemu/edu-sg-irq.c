/*
 * EDU with scatter/gather rings: interrupts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "edu-sg.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "trace.h"

static bool dropped(EduSgState *s)
{
    if (!s->faults.drop_irq) {
        return false;
    }
    s->faults.drop_irq--;
    s->counters.dropped++;
    return true;
}

/*
 * A message is a write to wherever the guest says, the device's own registers
 * included.
 */
static void send_message(EduSgState *s, unsigned vector)
{
    if (dropped(s)) {
        trace_edu_sg_irq_dropped(vector);
        return;
    }
    trace_edu_sg_irq(vector);
    s->counters.interrupts++;
    s->in_dma++;
    if (msix_enabled(&s->pdev)) {
        msix_notify(&s->pdev, vector);
    } else {
        msi_notify(&s->pdev, 0);
    }
    s->in_dma--;
}

static bool by_message(EduSgState *s)
{
    return msix_enabled(&s->pdev) || msi_enabled(&s->pdev);
}

void edu_sg_update_line(EduSgState *s)
{
    bool level = s->irq_status && !by_message(s);

    if (level == s->line) {
        return;
    }
    if (level) {
        if (dropped(s)) {
            trace_edu_sg_irq_dropped(0);
            return;
        }
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
    } else {
        edu_sg_update_line(s);
    }
}

void edu_sg_ack(EduSgState *s, uint32_t bits)
{
    s->irq_status &= ~bits;
    if (!s->gone) {
        edu_sg_update_line(s);
    }
}

static void deliver(EduSgChannel *ch)
{
    EduSgState *s = ch->s;

    if (!ch->irq_due || !ch->irq_enable) {
        return;
    }
    edu_sg_irq_reset(ch);
    if (msix_enabled(&s->pdev)) {
        send_message(s, 1 + ch->n);
    } else {
        edu_sg_raise(s, EDU_SG_IRQ_CHANNEL(ch->n));
    }
}

/*
 * Something happened that the driver wants to be told of, and soon if it is
 * urgent.
 */
void edu_sg_event(EduSgChannel *ch, bool urgent)
{
    ch->events++;
    if (urgent || ch->events >= MAX(ch->coal_count, 1)) {
        ch->irq_due = true;
        deliver(ch);
    } else if (ch->coal_usecs && !timer_pending(&ch->irq_timer)) {
        timer_mod(&ch->irq_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                  ch->coal_usecs * INT64_C(1000));
    }
}

/* Without a time, nothing else would ever tell of the last events. */
void edu_sg_idle(EduSgChannel *ch)
{
    if (ch->events && !ch->coal_usecs) {
        ch->irq_due = true;
        deliver(ch);
    }
}

void edu_sg_irq_flush(EduSgChannel *ch)
{
    if (ch->events) {
        ch->irq_due = true;
        deliver(ch);
    }
}

void edu_sg_irq_timer(void *opaque)
{
    edu_sg_irq_flush(opaque);
}

void edu_sg_irq_enable(EduSgChannel *ch, uint32_t val)
{
    ch->irq_enable = val & 1;
    deliver(ch);
}

void edu_sg_irq_reset(EduSgChannel *ch)
{
    ch->events = 0;
    ch->irq_due = false;
    timer_del(&ch->irq_timer);
}
