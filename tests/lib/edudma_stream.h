/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Streams, by the raw interface: a test can write to the rings whatever it likes.
 */
#ifndef EDUDMA_STREAM_TEST_H
#define EDUDMA_STREAM_TEST_H

#include "edudma_test.h"

/**
 * struct stream - a stream, and what this side knows of it
 * @fd:		the stream, or -1
 * @arg:	what it was made with, and what that returned
 * @rings:	the shared memory
 * @fill:	in it
 * @frames:	in it
 * @memory:	slots, one behind the other
 * @slot_bytes:	of each
 * @buffer:	number of the registered buffer that @memory is
 * @given:	fill entries written
 * @taken:	frames taken
 * @end:	position behind the last frame
 * @lost:	sum over the frames
 * @delivered:	the same
 */
struct stream {
	int fd;
	struct edudma_stream_create arg;
	struct edudma_stream_rings *rings;
	struct edudma_stream_fill *fill;
	struct edudma_stream_frame *frames;
	uint8_t *memory;
	size_t slot_bytes;
	int buffer;
	uint32_t given;
	uint32_t taken;
	uint64_t end;
	uint64_t lost;
	uint64_t delivered;
};

/** stream_create() - EDUDMA_IOC_STREAM_CREATE; 0 or an errno */
int stream_create(int node, struct edudma_stream_create *arg);

/**
 * stream_open() - a stream with @arg->nr_slots slots for a frame each, in memory of its own
 * @arg:	all but the slots
 *
 * 0 or an errno, with nothing left behind.
 */
int stream_open(struct stream *s, int node, struct edudma_stream_create arg);

/** stream_close() - and its memory, which stays registered with the node */
void stream_close(struct stream *s);

/** stream_unregister() - give the number of its memory back, if the node has it */
void stream_unregister(const struct stream *s, int node);

/** stream_start(), stream_stop(), stream_kick() - the call; 0 or an errno */
int stream_start(const struct stream *s);
int stream_stop(const struct stream *s);
int stream_kick(const struct stream *s);

/** stream_status() - it does not fail */
struct edudma_stream_status stream_status(const struct stream *s);

static inline uint8_t *stream_slot(const struct stream *s, unsigned int slot)
{
	return s->memory + slot * s->slot_bytes;
}

/** stream_put() - write a fill entry, and tell nobody */
void stream_put(struct stream *s, uint32_t slot, uint32_t bytes);

/** stream_give() - the same, and kick if that is needed */
void stream_give(struct stream *s, uint32_t slot, uint32_t bytes);

/** stream_give_all() - all slots of a source */
void stream_give_all(struct stream *s);

/** stream_take() - the next frame, if there is one, and what it adds up to */
bool stream_take(struct stream *s, struct edudma_stream_frame *frame);

/** stream_wait() - the next frame; false after some 20 seconds, or if the stream has ended */
bool stream_wait(struct stream *s, struct edudma_stream_frame *frame);

/**
 * stream_differs() - where a frame's bytes stop being those of the pattern
 * @pattern:	EDUDMA_PATTERN_COUNTER or _RAMP
 *
 * The number of bytes if nowhere.
 */
size_t stream_differs(const struct stream *s, const struct edudma_stream_frame *frame,
		      uint32_t pattern);

/** counter_fill() - @len bytes of the counter pattern from @position on */
void counter_fill(uint8_t *to, size_t len, uint64_t position);

#endif /* EDUDMA_STREAM_TEST_H */
