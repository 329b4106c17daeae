/*
 * EDU with scatter/gather rings: what the parts of the device share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_MISC_EDU_SG_H
#define HW_MISC_EDU_SG_H

#include "edu-sg-compat.h"
#include "hw/misc/edu-sg-regs.h"
#include "qemu/timer.h"
#include "qom/object.h"

#define TYPE_EDU_SG "edu-sg"
OBJECT_DECLARE_SIMPLE_TYPE(EduSgState, EDU_SG)

/* Descriptors are read in batches of at most this many. */
#define EDU_SG_BATCH            32
/* The most that is moved between two looks at the channel's state. */
#define EDU_SG_SLICE            (64 * KiB)
/* The most that a channel does in one pass of the main loop. */
#define EDU_SG_PASS_DESCRIPTORS 64
#define EDU_SG_PASS_BYTES       (256 * KiB)
/* Nanoseconds that a channel which is late can catch up. */
#define EDU_SG_CREDIT           (100 * SCALE_MS)

/* Nanoseconds that edu takes for a transfer. */
#define EDU_SG_LEGACY_LATENCY   (100 * SCALE_MS)

/* Not a status of a completion: go on. */
#define EDU_SG_MOVE             UINT32_MAX

/* A frame that a source has produced, or a sink has asked for */
typedef struct EduSgFrame {
    uint64_t position;
    uint64_t sequence;
    int64_t time;
    uint32_t bytes;
} EduSgFrame;

/* What a completion says, of either layout */
typedef struct EduSgEntry {
    uint32_t index;
    uint32_t bytes;
    uint32_t status;
    uint32_t sequence;
    uint64_t position;
    uint64_t time;
    /* bytes of a frame that it reports, whatever it says */
    uint32_t moved;
} EduSgEntry;

typedef struct EduSgStream {
    /* registers */
    uint32_t mode;
    uint32_t frame_bytes;
    uint64_t rate;
    uint64_t produced;
    uint64_t delivered;
    uint64_t lost;
    uint64_t frames;
    uint64_t mismatches;
    uint64_t first_mismatch;
    bool started;
    bool ended;

    /* virtual time, and bytes produced, when the clock was started */
    int64_t origin;
    uint64_t base;

    /*
     * Frames that no descriptor has taken, the oldest at fifo_pos.  One that
     * is put back may find the FIFO full.
     */
    EduSgFrame fifo[EDU_SG_FIFO_FRAMES + 1];
    uint32_t fifo_pos;
    uint32_t fifo_count;

    /* the frame of the current descriptor, which has none if this is empty */
    EduSgFrame frame;
    /* pieces read of its list, and what is left of the last of them */
    uint32_t pieces;
    uint64_t piece_addr;
    uint32_t piece_left;
} EduSgStream;

typedef struct EduSgChannel {
    EduSgState *s;
    uint32_t n;

    /* registers */
    uint32_t state;
    uint32_t error;
    uint64_t sq_base;
    uint64_t cq_base;
    uint32_t size;
    uint32_t head;
    uint32_t tail;
    uint32_t irq_enable;
    uint32_t coal_count;
    uint32_t coal_usecs;

    /* entries of the completion ring written since it was enabled */
    uint32_t completions;

    /* the descriptor being executed, if busy */
    bool busy;
    EduSgDescriptor cur;
    uint32_t moved;
    bool link_failed;

    /*
     * Virtual time: when the current descriptor started, when the channel
     * was through with the one before, and since when it is held up by a pause
     * or a stall, -1 if it is not.
     */
    int64_t start;
    int64_t free_at;
    int64_t held_at;
    QEMUTimer timer;

    /* events that no interrupt was sent for */
    uint32_t events;
    bool irq_due;
    QEMUTimer irq_timer;

    /* descriptors read ahead, starting with index head + busy */
    EduSgDescriptor ahead[EDU_SG_BATCH];
    uint32_t ahead_pos;
    uint32_t ahead_count;

    /* the completion that fault-swap holds back */
    bool swap_held;
    bool swap_event;
    EduSgEntry swapped;

    EduSgStream stream;

    /* changes with each reset: DMA may cause one behind its caller's back */
    uint32_t epoch;
} EduSgChannel;

typedef struct EduSgCounters {
    uint64_t doorbells;
    uint64_t reads;
    uint64_t writes;
    uint64_t interrupts;
    uint64_t descriptors;
    uint64_t to_device;
    uint64_t from_device;
    uint64_t fetches;
    uint64_t dropped;
} EduSgCounters;

typedef struct EduSgFaults {
    uint32_t channels;
    uint32_t fail;
    uint32_t wrong;
    uint32_t repeat;
    uint32_t swap;
    uint32_t excess;
    uint32_t stall;
    uint32_t stuck;
    uint32_t drop_irq;
    uint32_t overrun;
    uint32_t sequence;
    uint32_t position;
    bool dead;
} EduSgFaults;

struct EduSgState {
    PCIDevice pdev;

    /* properties */
    uint64_t memory;
    uint32_t channels;
    uint64_t dma_mask;
    uint64_t latency;
    uint64_t bandwidth;
    uint64_t legacy_latency;
    uint64_t fifo;
    uint32_t short_frames;

    MemoryRegion mmio;
    MemoryRegion mem_bar;
    MemoryRegion mem;
    MemoryRegion dead_mem;
    MemoryRegion dead_msix;
    uint8_t *mem_ptr;
    uint8_t *slice;
    uint8_t *expected;

    /* registers of plain edu */
    uint32_t liveness;
    uint32_t fact;
    uint32_t fact_status;
    uint32_t irq_status;
    /* the level of INTx, and that a fault keeps it low */
    bool line;
    bool line_dropped;
    uint64_t dma_src;
    uint64_t dma_dst;
    uint64_t dma_count;
    uint64_t dma_cmd;
    int64_t dma_start;
    QEMUTimer dma_timer;
    QEMUTimer fact_timer;

    EduSgChannel ch[EDU_SG_CHANNELS_MAX];
    EduSgCounters counters;
    EduSgFaults faults;

    /* on its way out: nothing starts any more */
    bool gone;
};

/* True if @len bytes from @start on are within 0 to @limit. */
static inline bool edu_sg_fits(uint64_t start, uint64_t len, uint64_t limit)
{
    return start <= limit && len - 1 <= limit - start;
}

/*
 * The layers of the device, the lowest first.  Each calls only those below.
 * edu-sg-legacy.c is beside the two of the channels.
 */

/* edu-sg-core.c */
MemTxResult edu_sg_dma(EduSgState *s, dma_addr_t addr, void *buf,
                       dma_addr_t len, bool write);
MemTxResult edu_sg_move(EduSgState *s, uint64_t addr, uint64_t offset,
                        uint32_t len, bool from_device);
void edu_sg_raise(EduSgState *s, uint32_t bits);
void edu_sg_ack(EduSgState *s, uint32_t bits);
void edu_sg_notify(EduSgState *s, uint32_t n);
void edu_sg_update_line(EduSgState *s);
bool edu_sg_fault(EduSgChannel *ch, uint32_t *fault);
uint32_t edu_sg_faults(EduSgChannel *ch, uint32_t *fault, uint64_t most);
bool edu_sg_stalled(const EduSgChannel *ch);
bool edu_sg_stuck(const EduSgChannel *ch);

/* edu-sg-pattern.c */
void edu_sg_pattern_counter(uint8_t *buf, uint64_t pos, uint32_t len);
void edu_sg_pattern_prbs31(uint8_t *buf, uint64_t pos, uint32_t len);
void edu_sg_pattern_ramp(uint8_t *buf, uint64_t sequence, uint32_t offset,
                         uint32_t len);

/* edu-sg-frames.c */
uint32_t edu_sg_kind(const EduSgChannel *ch);
bool edu_sg_is_source(const EduSgChannel *ch);
bool edu_sg_keeps_time(const EduSgChannel *ch);
void edu_sg_frames_start(EduSgChannel *ch, int64_t now);
void edu_sg_frames_stop(EduSgChannel *ch);
void edu_sg_frames_produce(EduSgChannel *ch, int64_t until);
int64_t edu_sg_frames_next(EduSgChannel *ch, int64_t now);
void edu_sg_frames_take(EduSgChannel *ch, int64_t now);
void edu_sg_frames_put_back(EduSgChannel *ch);
void edu_sg_frames_report(EduSgChannel *ch, uint32_t bytes);
bool edu_sg_frames_valid(const EduSgChannel *ch);

/* edu-sg-complete.c */
uint32_t edu_sg_entry_size(const EduSgChannel *ch);
void edu_sg_set_state(EduSgChannel *ch, uint32_t state);
void edu_sg_channel_fail(EduSgChannel *ch, uint32_t error);
bool edu_sg_complete(EduSgChannel *ch, uint32_t status, uint32_t bytes);
bool edu_sg_complete_aborted(EduSgChannel *ch);
void edu_sg_idle(EduSgChannel *ch);
void edu_sg_coalesce(EduSgChannel *ch, uint32_t count, uint32_t usecs,
                     bool idle);
void edu_sg_irq_enable(EduSgChannel *ch, uint32_t val);
void edu_sg_irq_flush(EduSgChannel *ch);
void edu_sg_irq_reset(EduSgChannel *ch);
void edu_sg_irq_timer(void *opaque);

/* edu-sg-stream.c */
bool edu_sg_stream_config_ok(const EduSgChannel *ch);
void edu_sg_stream_begin(EduSgChannel *ch, int64_t now);
uint32_t edu_sg_stream_judge(const EduSgChannel *ch);
uint32_t edu_sg_stream_slice(const EduSgChannel *ch);
uint32_t edu_sg_stream_step(EduSgChannel *ch);
bool edu_sg_stream_valid(const EduSgChannel *ch);

/* edu-sg-ring.c */
void edu_sg_channel_init(EduSgState *s, uint32_t n);
void edu_sg_channel_command(EduSgChannel *ch, uint32_t command);
void edu_sg_channel_doorbell(EduSgChannel *ch, uint32_t tail);
void edu_sg_channel_coalesce(EduSgChannel *ch, uint32_t count, uint32_t usecs);
void edu_sg_channel_reset(EduSgChannel *ch);
void edu_sg_channel_sync(EduSgChannel *ch);
void edu_sg_sync_channels(EduSgState *s);
void edu_sg_update_channels(EduSgState *s);
bool edu_sg_channel_config_ok(EduSgChannel *ch);

/* edu-sg-legacy.c: true if the register is one of plain edu's */
bool edu_sg_legacy_read(EduSgState *s, hwaddr addr, unsigned size,
                        uint64_t *val);
bool edu_sg_legacy_write(EduSgState *s, hwaddr addr, uint64_t val,
                         unsigned size);
void edu_sg_legacy_update(EduSgState *s);
void edu_sg_legacy_init(EduSgState *s);
void edu_sg_legacy_reset(EduSgState *s);

/* edu-sg-mmio.c */
extern const MemoryRegionOps edu_sg_mmio_ops;
void edu_sg_device_reset(EduSgState *s);

/* edu-sg-migrate.c */
extern const VMStateDescription edu_sg_vmstate;

/* edu-sg-props.c */
void edu_sg_dead_realize(EduSgState *s);
void edu_sg_dead_exit(EduSgState *s);
void edu_sg_props_init(EduSgState *s);
void edu_sg_props_class_init(ObjectClass *oc);

#endif
