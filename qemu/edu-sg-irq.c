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

/*
 * A message is a write to wherever the guest says, the device's own registers
 * included.
 */
static void send_message(EduSgState *s, unsigned vector)
{
    bool engaged;

    if (dropped(s, vector)) {
        return;
    }
    trace_edu_sg_irq(vector);
    s->counters.interrupts++;
    engaged = edu_sg_guard(s);
    if (msix_enabled(&s->pdev)) {
        msix_notify(&s->pdev, vector);
    } else {
        msi_notify(&s->pdev, 0);
    }
    edu_sg_unguard(s, engaged);
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

static void start_timer(EduSgChannel *ch)
{
    timer_mod(&ch->irq_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              ch->coal_usecs * INT64_C(1000));
}

/*
 * Something happened that the driver wants to be told of, and soon if it is
 * urgent.
 */
void edu_sg_event(EduSgChannel *ch, bool urgent)
{
    ch->events++;
    if (urgent || ch->events >= MAX(ch->coal_count, 1)) {
        edu_sg_irq_flush(ch);
    } else if (ch->coal_usecs && !timer_pending(&ch->irq_timer)) {
        start_timer(ch);
    }
}

/* Without a time, nothing else would ever tell of the last events. */
void edu_sg_idle(EduSgChannel *ch)
{
    if (!ch->coal_usecs) {
        edu_sg_irq_flush(ch);
    }
}

/*
 * Apply new rules to the events that have gathered: the old ones may have left
 * it to something that will not happen any more.
 */
void edu_sg_coalesce(EduSgChannel *ch, uint32_t count, uint32_t usecs,
                     bool idle)
{
    bool new_time = usecs != ch->coal_usecs;

    ch->coal_count = count;
    ch->coal_usecs = usecs;
    if (!ch->events) {
        return;
    }
    if (ch->events >= MAX(count, 1) || (!usecs && idle)) {
        edu_sg_irq_flush(ch);
    } else if (!usecs) {
        timer_del(&ch->irq_timer);
    } else if (new_time) {
        start_timer(ch);
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
