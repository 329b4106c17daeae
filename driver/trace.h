/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events: the life of each request, in the order of the layers.
 *
 * All events of a request have its @id, which no other request has; so have those of a
 * stream.  A request that began while edudma_request_start was off has the id 0.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM edudma

#if !defined(EDUDMA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define EDUDMA_TRACE_H

#include <linux/tracepoint.h>

#include "queue.h"

TRACE_DEFINE_ENUM(EDUDMA_GRANT_WAITING);
TRACE_DEFINE_ENUM(EDUDMA_GRANT_STAGED);
TRACE_DEFINE_ENUM(EDUDMA_GRANT_RUNNING);
TRACE_DEFINE_ENUM(EDUDMA_GRANT_YIELDING);
TRACE_DEFINE_ENUM(EDUDMA_GRANT_ENDED);

#ifndef EDUDMA_TRACE_ONCE
#define EDUDMA_TRACE_ONCE
u64 edudma_trace_id(void);
#endif

/* A request was accepted, and its process waits for it or not. */
TRACE_EVENT(edudma_request_start,
	TP_PROTO(u64 id, int dev, unsigned int segments, u64 bytes, bool async),
	TP_ARGS(id, dev, segments, bytes, async),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, bytes)
		__field(int, dev)
		__field(unsigned int, segments)
		__field(bool, async)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->bytes = bytes;
		__entry->dev = dev;
		__entry->segments = segments;
		__entry->async = async;
	),
	TP_printk("id=%llu dev=%d segments=%u bytes=%llu async=%d", __entry->id,
		  __entry->dev, __entry->segments, __entry->bytes, __entry->async)
);

/* It is over: this many bytes were moved, and why not all, as a negative errno. */
TRACE_EVENT(edudma_request_end,
	TP_PROTO(u64 id, u64 bytes, int error),
	TP_ARGS(id, bytes, error),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, bytes)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->bytes = bytes;
		__entry->error = error;
	),
	TP_printk("id=%llu bytes=%llu error=%d", __entry->id, __entry->bytes,
		  __entry->error)
);

/* Where it stands in the queue of a channel; @id is 0 for asynchronous ones of a file. */
TRACE_EVENT(edudma_grant,
	TP_PROTO(u64 id, const struct edudma_queue *queue, unsigned int state),
	TP_ARGS(id, queue, state),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, dev)
		__field(unsigned int, channel)
		__field(unsigned int, state)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->dev = queue->engine->id;
		__entry->channel = queue->index;
		__entry->state = state;
	),
	TP_printk("id=%llu dev=%d channel=%u state=%s", __entry->id, __entry->dev,
		  __entry->channel,
		  __print_symbolic(__entry->state,
				   { EDUDMA_GRANT_WAITING, "waiting" },
				   { EDUDMA_GRANT_STAGED, "staged" },
				   { EDUDMA_GRANT_RUNNING, "running" },
				   { EDUDMA_GRANT_YIELDING, "yielding" },
				   { EDUDMA_GRANT_ENDED, "ended" }))
);

/* Something was done with this many pages of it. */
DECLARE_EVENT_CLASS(edudma_pages,
	TP_PROTO(u64 id, unsigned int pages, u64 bytes),
	TP_ARGS(id, pages, bytes),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, bytes)
		__field(unsigned int, pages)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->bytes = bytes;
		__entry->pages = pages;
	),
	TP_printk("id=%llu pages=%u bytes=%llu", __entry->id, __entry->pages,
		  __entry->bytes)
);

/* Pinned, or referenced where they are the kernel's. */
DEFINE_EVENT(edudma_pages, edudma_pin,
	TP_PROTO(u64 id, unsigned int pages, u64 bytes), TP_ARGS(id, pages, bytes));
/* Let go again; of the bytes, those that were moved. */
DEFINE_EVENT(edudma_pages, edudma_unpin,
	TP_PROTO(u64 id, unsigned int pages, u64 bytes), TP_ARGS(id, pages, bytes));
/* The device has written, and a workqueue copies it to these pages. */
DEFINE_EVENT(edudma_pages, edudma_copy_back,
	TP_PROTO(u64 id, unsigned int pages, u64 bytes), TP_ARGS(id, pages, bytes));
/* Some of them were cleaned under DMA: a workqueue dirties them again. */
DEFINE_EVENT(edudma_pages, edudma_redirty,
	TP_PROTO(u64 id, unsigned int pages, u64 bytes), TP_ARGS(id, pages, bytes));

/* Mapped for the device, or not any more: as this many descriptors. */
DECLARE_EVENT_CLASS(edudma_mapping,
	TP_PROTO(u64 id, unsigned int descriptors),
	TP_ARGS(id, descriptors),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(unsigned int, descriptors)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->descriptors = descriptors;
	),
	TP_printk("id=%llu descriptors=%u", __entry->id, __entry->descriptors)
);
DEFINE_EVENT(edudma_mapping, edudma_map,
	TP_PROTO(u64 id, unsigned int descriptors), TP_ARGS(id, descriptors));
DEFINE_EVENT(edudma_mapping, edudma_unmap,
	TP_PROTO(u64 id, unsigned int descriptors), TP_ARGS(id, descriptors));

/* What of a job the engine was given, or has ended. */
DECLARE_EVENT_CLASS(edudma_job,
	TP_PROTO(u64 id, const struct edudma_queue *queue, unsigned int descriptors,
		 unsigned int first),
	TP_ARGS(id, queue, descriptors, first),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, dev)
		__field(unsigned int, channel)
		__field(unsigned int, descriptors)
		__field(unsigned int, first)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->dev = queue->engine->id;
		__entry->channel = queue->index;
		__entry->descriptors = descriptors;
		__entry->first = first;
	),
	TP_printk("id=%llu dev=%d channel=%u descriptors=%u first=%u", __entry->id,
		  __entry->dev, __entry->channel, __entry->descriptors, __entry->first)
);
DEFINE_EVENT(edudma_job, edudma_post,
	TP_PROTO(u64 id, const struct edudma_queue *queue, unsigned int descriptors,
		 unsigned int first),
	TP_ARGS(id, queue, descriptors, first));
DEFINE_EVENT(edudma_job, edudma_reap,
	TP_PROTO(u64 id, const struct edudma_queue *queue, unsigned int descriptors,
		 unsigned int first),
	TP_ARGS(id, queue, descriptors, first));

/* The completion interrupt, with so many descriptors at the device. */
TRACE_EVENT(edudma_interrupt,
	TP_PROTO(const struct edudma_queue *queue),
	TP_ARGS(queue),
	TP_STRUCT__entry(
		__field(int, dev)
		__field(unsigned int, channel)
		__field(unsigned int, posted)
	),
	TP_fast_assign(
		__entry->dev = queue->engine->id;
		__entry->channel = queue->index;
		__entry->posted = queue->posted;
	),
	TP_printk("dev=%d channel=%u posted=%u", __entry->dev, __entry->channel,
		  __entry->posted)
);

/* The channel is stopped; its running request ends with this error. */
TRACE_EVENT(edudma_recovery,
	TP_PROTO(const struct edudma_queue *queue, int error),
	TP_ARGS(queue, error),
	TP_STRUCT__entry(
		__field(int, dev)
		__field(unsigned int, channel)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->dev = queue->engine->id;
		__entry->channel = queue->index;
		__entry->error = error;
	),
	TP_printk("dev=%d channel=%u error=%d", __entry->dev, __entry->channel,
		  __entry->error)
);

/* A slot of a stream comes back to the user. */
TRACE_EVENT(edudma_frame,
	TP_PROTO(u64 id, unsigned int slot, u64 sequence, unsigned int bytes, u64 lost,
		 int error),
	TP_ARGS(id, slot, sequence, bytes, lost, error),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, sequence)
		__field(u64, lost)
		__field(unsigned int, slot)
		__field(unsigned int, bytes)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->sequence = sequence;
		__entry->lost = lost;
		__entry->slot = slot;
		__entry->bytes = bytes;
		__entry->error = error;
	),
	TP_printk("id=%llu slot=%u sequence=%llu bytes=%u lost=%llu error=%d",
		  __entry->id, __entry->slot, __entry->sequence, __entry->bytes,
		  __entry->lost, __entry->error)
);

#endif /* EDUDMA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
