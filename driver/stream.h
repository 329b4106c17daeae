/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Streams: the device moves frames at its own rate, to or from memory that the user
 * hands over and gets back through two rings in shared memory.
 */
#ifndef EDUDMA_STREAM_H
#define EDUDMA_STREAM_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include <linux/edudma.h>

#include "queue.h"

struct edudma_device;
struct edudma_registered;
struct edudma_stream;
struct xarray;

/**
 * struct edudma_slot - a place for a frame
 * @job:	hands it to the device
 * @place:	the one descriptor of @job
 * @stream:	whose slot it is
 * @registered:	the buffer that it is part of, a reference
 * @len:	bytes
 * @posted:	it is the device's, else the user's; under the stream's lock
 * @kept:	it is the device's for good, or until a reset helps: that has not obeyed
 */
struct edudma_slot {
	struct edudma_job job;
	struct edudma_stream_descriptor place;
	struct edudma_stream *stream;
	struct edudma_registered *registered;
	u32 len;
	bool posted;
	bool kept;
};

/**
 * struct edudma_stream - a stream
 * @ref:	the stream's file holds one, each slot that is kept another
 * @edev:	its device; a reference to the class device
 * @id:		for trace events, or 0
 * @setup:	how the channel works
 * @slots:	places for frames
 * @nr_slots:	of them
 * @entries:	of each ring, a power of two
 * @rings:	the shared memory: the user writes there what it likes, at any time
 * @fill:	the fill ring in it
 * @frames:	the frame ring in it
 * @map_bytes:	of the shared memory
 * @mutex:	serialises starting and stopping; protects @queue, @share and @counted
 * @queue:	of the channel that it has taken, or NULL
 * @share:	its part in @queue
 * @counted:	what the device had counted when it was stopped last
 * @grant:	its right to the channel
 * @wait:	its lock protects all below, inside the lock of @queue; woken when there
 *		is a frame and when a stream has ended or is idle
 * @state:	see enum edudma_stream_state
 * @error:	why it has ended, 0 or -errno
 * @awake:	it keeps the device awake
 * @feeding:	somebody takes entries from the fill ring
 * @again:	somebody else wanted to meanwhile
 * @flags:	what was written to the rings
 * @inside:	callbacks and callers that use @grant
 * @posted:	slots that the queue has
 * @fill_head:	fill entries taken
 * @frame_tail:	frames given
 * @end:	position behind the last frame
 * @delivered:	bytes of all frames
 * @nr_frames:	frames with bytes
 * @sequence:	of the last frame
 */
struct edudma_stream {
	struct kref ref;
	struct edudma_device *edev;
	u64 id;
	struct edudma_stream_setup setup;
	struct edudma_slot *slots;
	unsigned int nr_slots;
	u32 entries;
	struct edudma_stream_rings *rings;
	struct edudma_stream_fill *fill;
	struct edudma_stream_frame *frames;
	size_t map_bytes;

	struct mutex mutex; /* see above */
	struct edudma_queue *queue;
	struct edudma_share share;
	struct edudma_stream_count counted;
	struct edudma_grant grant;

	wait_queue_head_t wait;
	enum edudma_stream_state state;
	int error;
	bool awake;
	bool feeding;
	bool again;
	u32 flags;
	unsigned int inside;
	unsigned int posted;
	u32 fill_head;
	u32 frame_tail;
	u64 end;
	u64 delivered;
	u64 nr_frames;
	u64 sequence;
};

/* stream_ring.c */
void edudma_stream_set_flags(struct edudma_stream *stream, u32 flags);
struct edudma_slot *edudma_stream_take(struct edudma_stream *stream);
int edudma_stream_report(struct edudma_stream *stream, struct edudma_slot *slot,
			 int error);
bool edudma_stream_has_frames(const struct edudma_stream *stream);

/* stream.c */
struct edudma_stream *edudma_stream_alloc(struct edudma_device *edev,
					  const struct edudma_stream_setup *setup,
					  unsigned int nr_slots);
int edudma_stream_add_slots(struct edudma_stream *stream, struct xarray *buffers,
			    const struct edudma_stream_slot *slots);
void edudma_stream_put(struct edudma_stream *stream);
int edudma_stream_start(struct edudma_stream *stream);
void edudma_stream_stop(struct edudma_stream *stream);
void edudma_stream_kick(struct edudma_stream *stream);
void edudma_stream_status(struct edudma_stream *stream,
			  struct edudma_stream_status *status);

#endif /* EDUDMA_STREAM_H */
