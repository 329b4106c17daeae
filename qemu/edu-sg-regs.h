/*
 * EDU with scatter/gather rings: registers, descriptors and completions
 *
 * The specification is docs/specs/edu-sg.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_MISC_EDU_SG_REGS_H
#define HW_MISC_EDU_SG_REGS_H

/* The registers of plain edu */
#define EDU_SG_ID               0x00
#define EDU_SG_LIVENESS         0x04
#define EDU_SG_FACTORIAL        0x08
#define EDU_SG_FACT_STATUS      0x20
#define EDU_SG_IRQ_STATUS       0x24
#define EDU_SG_IRQ_RAISE        0x60
#define EDU_SG_IRQ_ACK          0x64
#define EDU_SG_DMA_SRC          0x80
#define EDU_SG_DMA_DST          0x88
#define EDU_SG_DMA_COUNT        0x90
#define EDU_SG_DMA_CMD          0x98

#define EDU_SG_ID_VALUE         0x020000edu

#define EDU_SG_FACT_COMPUTING   0x01
#define EDU_SG_FACT_IRQ_ON      0x80
#define EDU_SG_CMD_RUN          0x1
#define EDU_SG_CMD_FROM_DEVICE  0x2
#define EDU_SG_CMD_IRQ          0x4
#define EDU_SG_IRQ_FACT         0x00000001
#define EDU_SG_IRQ_DMA          0x00000100
#define EDU_SG_IRQ_CHANNEL(n)   (0x00010000u << (n))

#define EDU_SG_BUF_BASE         0x40000
#define EDU_SG_BUF_SIZE         4096

/* The capability block */
#define EDU_SG_NEW_REGS         0x100
#define EDU_SG_CAP_MAGIC        0x100
#define EDU_SG_CAP_VERSION      0x104
#define EDU_SG_CAP_FEATURES     0x108
#define EDU_SG_CAP_CHANNELS     0x10c
#define EDU_SG_CAP_ADDR_MASK    0x110
#define EDU_SG_CAP_MEMORY       0x118
#define EDU_SG_CAP_MAX_LEN      0x120
#define EDU_SG_CAP_MAX_RING     0x124
#define EDU_SG_CAP_CH_OFFSET    0x128
#define EDU_SG_CAP_CH_STRIDE    0x12c
#define EDU_SG_CAP_COUNTERS     0x130
#define EDU_SG_CAP_MEMORY_BAR   0x134
#define EDU_SG_CAP_CH_VECTOR    0x138
#define EDU_SG_CAP_FIFO         0x140
#define EDU_SG_CAP_MAX_FRAME    0x148

#define EDU_SG_MAGIC            0x47534445u
#define EDU_SG_LAYOUT           0x00500001u
#define EDU_SG_FEATURES         0x3fu

/* Of the whole device */
#define EDU_SG_DEV_COMMAND      0x180
#define EDU_SG_DEV_RESET        0x1
#define EDU_SG_DEV_COUNTERS     0x2
#define EDU_SG_COUNTERS         0x200

/* Of a channel */
#define EDU_SG_CH_OFFSET        0x10000
#define EDU_SG_CH_STRIDE        0x1000
#define EDU_SG_CH_COMMAND       0x00
#define EDU_SG_CH_STATUS        0x04
#define EDU_SG_CH_SQ_BASE       0x08
#define EDU_SG_CH_CQ_BASE       0x10
#define EDU_SG_CH_SIZE          0x18
#define EDU_SG_CH_HEAD          0x1c
#define EDU_SG_CH_DOORBELL      0x20
#define EDU_SG_CH_IRQ_ENABLE    0x24
#define EDU_SG_CH_COAL_COUNT    0x28
#define EDU_SG_CH_COAL_TIME     0x2c
#define EDU_SG_CH_MODE          0x40
#define EDU_SG_CH_FRAME_BYTES   0x44
#define EDU_SG_CH_RATE          0x48
#define EDU_SG_CH_PRODUCED      0x50
#define EDU_SG_CH_DELIVERED     0x58
#define EDU_SG_CH_LOST          0x60
#define EDU_SG_CH_FRAMES        0x68
#define EDU_SG_CH_MISMATCHES    0x70
#define EDU_SG_CH_MISMATCH      0x78

enum {
    EDU_SG_ENABLE = 1,
    EDU_SG_PAUSE = 2,
    EDU_SG_RESUME = 3,
    EDU_SG_ABORT = 4,
    EDU_SG_RESET = 5,
    EDU_SG_START = 6,
};

enum {
    EDU_SG_DISABLED = 0,
    EDU_SG_RUNNING = 1,
    EDU_SG_PAUSED = 2,
    EDU_SG_HALTED = 3,
    EDU_SG_FAILED = 4,
};

enum {
    EDU_SG_ERR_NONE = 0,
    EDU_SG_ERR_CONFIG = 1,
    EDU_SG_ERR_DOORBELL = 2,
    EDU_SG_ERR_FETCH = 3,
    EDU_SG_ERR_COMPLETION = 4,
};

#define EDU_SG_STATUS_BUSY      0x100
#define EDU_SG_STATUS_STARTED   0x200
#define EDU_SG_STATUS_ENDED     0x400
#define EDU_SG_STATUS_ERR_SHIFT 16

#define EDU_SG_CHANNELS_MAX     8
#define EDU_SG_RING_MIN         2
#define EDU_SG_RING_MAX         4096
#define EDU_SG_RING_ALIGN       64

/* What a channel is */
#define EDU_SG_MODE_KIND        0x000f
#define EDU_SG_MODE_PATTERN     0x00f0
#define EDU_SG_MODE_HEADER      0x0100
#define EDU_SG_MODE_FULL        0x3000
#define EDU_SG_PATTERN_SHIFT    4
#define EDU_SG_FULL_SHIFT       12

enum {
    EDU_SG_RING = 0,
    EDU_SG_SOURCE = 1,
    EDU_SG_SINK = 2,
};

enum {
    EDU_SG_COUNTER = 0,
    EDU_SG_PRBS31 = 1,
    EDU_SG_RAMP = 2,
};

enum {
    EDU_SG_DROP_NEW = 0,
    EDU_SG_DROP_OLDEST = 1,
    EDU_SG_END = 2,
};

#define EDU_SG_FRAME_MIN        64
#define EDU_SG_FRAME_MAX        0x1000000
#define EDU_SG_FIFO_FRAMES      64

/* Little endian in guest memory */
typedef struct EduSgDescriptor {
    uint64_t addr;
    uint64_t offset;
    uint32_t len;
    uint32_t flags;
    uint64_t reserved;
} EduSgDescriptor;

#define EDU_SG_DESC_FROM_DEVICE 0x1
#define EDU_SG_DESC_EVENT       0x2
#define EDU_SG_DESC_LINK        0x4
#define EDU_SG_DESC_FLAGS       0x7

typedef struct EduSgCompletion {
    uint32_t index;
    uint32_t bytes;
    uint32_t reserved;
    uint32_t status;
} EduSgCompletion;

typedef struct EduSgStreamCompletion {
    uint64_t position;
    uint64_t time;
    uint32_t index;
    uint32_t bytes;
    uint32_t sequence;
    uint32_t status;
} EduSgStreamCompletion;

/* Of the list that a stream's descriptor has the address of */
typedef struct EduSgPiece {
    uint64_t addr;
    uint32_t len;
    uint32_t reserved;
} EduSgPiece;

#define EDU_SG_LIST_ALIGN       16

typedef struct EduSgFrameHeader {
    uint32_t magic;
    uint32_t bytes;
    uint64_t sequence;
    uint64_t position;
    uint64_t time;
} EduSgFrameHeader;

#define EDU_SG_FRAME_MAGIC      0x46534445u

#define EDU_SG_PHASE            0x1
#define EDU_SG_WHOLE            0x100
#define EDU_SG_STATUS_SHIFT     4
#define EDU_SG_STATUS_BITS      4

enum {
    EDU_SG_DONE = 0,
    EDU_SG_BUS_ERROR = 1,
    EDU_SG_RANGE_ERROR = 2,
    EDU_SG_ABORTED = 3,
    EDU_SG_INVALID = 4,
    EDU_SG_ENDED = 5,
};

#endif
