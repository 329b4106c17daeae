/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of streams share. */
#ifndef _EDUDMA_LIB_STREAM_H
#define _EDUDMA_LIB_STREAM_H

#include <edudma_stream.h>

#include "internal.h"

/* Where a buffer is. */
enum owner {
	OWNER_NONE,	/* of a sink: free */
	OWNER_USER,
	OWNER_DEVICE,	/* or in one of the rings */
};

struct slot {
	struct edudma_frame frame;
	enum owner owner;
};

/**
 * struct edudma_stream - see edudma_stream.h
 * @dev:	the caller's
 * @options:	what it was made with, defaults filled in
 * @fd:		the stream
 * @rings:	shared memory
 * @map_bytes:	its length
 * @fill:	ring in it
 * @frames:	ring in it
 * @mask:	entries of each ring, less one
 * @fill_tail:	entries given so far
 * @frame_head:	entries taken so far
 * @started:	it was started
 * @ended:	it has ended, and all its frames are in the ring
 * @error:	why, a negative errno
 * @memory:	of all buffers, or NULL if it is the caller's
 * @memory_bytes: its length
 * @buffer:	number of the registered buffer, or 0 if it is the caller's
 * @nr_free:	how many elements of @free there are
 * @free:	of a sink: numbers of the buffers that are free
 * @slots:	all buffers
 */
struct edudma_stream {
	struct edudma *dev;
	struct edudma_stream_options options;
	int fd;
	struct edudma_stream_rings *rings;
	size_t map_bytes;
	struct edudma_stream_fill *fill;
	const struct edudma_stream_frame *frames;
	uint32_t mask;
	uint32_t fill_tail;
	uint32_t frame_head;
	bool started;
	bool ended;
	int error;
	void *memory;
	size_t memory_bytes;
	uint32_t buffer;
	uint32_t nr_free;
	uint32_t *free;
	struct slot slots[];
};

static inline bool is_source(const struct edudma_stream *stream)
{
	return stream->options.direction == EDUDMA_FROM_DEVICE;
}

/**
 * edudma_stream_give_up() - the program does not have a buffer any more
 * @stream:	stream
 * @number:	of the buffer; it goes to the device, or of a sink is free
 */
void edudma_stream_give_up(struct edudma_stream *stream, uint32_t number);

#endif /* _EDUDMA_LIB_STREAM_H */
