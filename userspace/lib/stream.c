// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Streams: the two rings that are shared with the driver.
 *
 * Each buffer of the stream is in one place at a time.  That is kept here and not read
 * back from the rings, so no mistake of the program gives the driver a bad entry.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "stream.h"

static uint32_t load_acquire(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store_release(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* A buffer goes to the device; says so if nobody looks. */
static void give(struct edudma_stream *stream, uint32_t number, uint32_t bytes)
{
	struct edudma_stream_fill *entry = &stream->fill[stream->fill_tail & stream->mask];

	stream->slots[number].owner = OWNER_DEVICE;
	entry->slot = number;
	entry->bytes = bytes;
	store_release(&stream->rings->fill_tail, ++stream->fill_tail);

	/* The driver sets the flag, and looks at the ring once more; so one of both sees. */
	atomic_thread_fence(memory_order_seq_cst);
	if (__atomic_load_n(&stream->rings->flags, __ATOMIC_RELAXED) &
	    EDUDMA_RINGS_NEED_KICK)
		ioctl(stream->fd, EDUDMA_IOC_STREAM_KICK);
}

static void set_free(struct edudma_stream *stream, uint32_t number)
{
	stream->slots[number].owner = OWNER_NONE;
	stream->free[stream->nr_free++] = number;
}

void edudma_stream_give_up(struct edudma_stream *stream, uint32_t number)
{
	if (is_source(stream))
		give(stream, number, 0);
	else
		set_free(stream, number);
}

EDUDMA_API int edudma_stream_fd(const struct edudma_stream *stream)
{
	return stream->fd;
}

/* The number of the next frame's buffer, or -1 if the ring is empty. */
static int64_t take(struct edudma_stream *stream)
{
	const struct edudma_stream_frame *entry;
	struct edudma_frame *frame;
	uint32_t number;

	if (load_acquire(&stream->rings->frame_tail) == stream->frame_head)
		return -1;

	entry = &stream->frames[stream->frame_head & stream->mask];
	number = entry->slot;
	frame = &stream->slots[number].frame;
	frame->bytes = entry->bytes;
	frame->position = entry->position;
	frame->lost = entry->lost;
	frame->sequence = entry->sequence;
	frame->timestamp = entry->timestamp;
	frame->flags = entry->flags;
	frame->error = entry->error;
	store_release(&stream->rings->frame_head, ++stream->frame_head);
	return number;
}

EDUDMA_API int edudma_stream_start(struct edudma_stream *stream)
{
	struct edudma_stream_status status;
	int64_t number;

	if (!stream)
		return -EINVAL;

	if (stream->started) {
		if (ioctl(stream->fd, EDUDMA_IOC_STREAM_STATUS, &status))
			return -errno;
		if (status.state == EDUDMA_STREAM_RUNNING)
			return -EALREADY;
		while ((number = take(stream)) >= 0)
			edudma_stream_give_up(stream, number);
	}
	if (ioctl(stream->fd, EDUDMA_IOC_STREAM_START))
		return -errno;

	stream->started = true;
	stream->ended = false;
	return 0;
}

EDUDMA_API int edudma_stream_stop(struct edudma_stream *stream)
{
	if (!stream)
		return -EINVAL;
	return ioctl(stream->fd, EDUDMA_IOC_STREAM_STOP) ? -errno : 0;
}

/*
 * Did this buffer of a source come back only because the stream has ended?  The first one
 * may be there before the flag is.
 */
static bool is_left_over(const struct edudma_stream *stream,
			 const struct edudma_frame *frame)
{
	if (!is_source(stream) || frame->bytes)
		return false;
	if (__atomic_load_n(&stream->rings->flags, __ATOMIC_RELAXED) & EDUDMA_RINGS_ENDED)
		return true;

	switch (frame->error) {
	case ECANCELED:
	case ENODEV:
	case EOVERFLOW:
	case ESHUTDOWN:
		return true;
	default:
		return false;
	}
}

/*
 * If the driver says that the stream has ended, waits until the last frame is in the ring.
 * The flag alone does not tell that.
 */
static int look_for_end(struct edudma_stream *stream)
{
	struct edudma_stream_status status;

	if (stream->ended ||
	    !(load_acquire(&stream->rings->flags) & EDUDMA_RINGS_ENDED))
		return 0;
	if (ioctl(stream->fd, EDUDMA_IOC_STREAM_STATUS, &status))
		return -errno;

	stream->error = status.error ? -(int)status.error : -EIO;
	stream->ended = true;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int wait_for_frame(const struct edudma_stream *stream, int timeout_ms,
			  int64_t end_ms)
{
	struct pollfd pollfd = { .fd = stream->fd, .events = POLLIN };
	int64_t left = timeout_ms;

	if (timeout_ms > 0) {
		left = end_ms - now_ms();
		if (left < 0)
			left = 0;
	}
	switch (poll(&pollfd, 1, left)) {
	case -1:
		return -errno;
	case 0:
		return -EAGAIN;
	default:
		return 0;
	}
}

EDUDMA_API int edudma_stream_next(struct edudma_stream *stream, int timeout_ms,
				  const struct edudma_frame **result)
{
	int64_t number, end_ms = 0;
	bool ended;
	int ret;

	if (!stream || !result)
		return -EINVAL;

	for (;;) {
		ended = stream->ended;
		while ((number = take(stream)) >= 0) {
			if (is_left_over(stream, &stream->slots[number].frame)) {
				give(stream, number, 0);
				continue;
			}
			stream->slots[number].owner = OWNER_USER;
			*result = &stream->slots[number].frame;
			return 0;
		}
		/* Nothing has come since the end was seen. */
		if (ended)
			return stream->error;
		if (!stream->started)
			return -EPIPE;
		ret = look_for_end(stream);
		if (ret)
			return ret;
		if (stream->ended)
			continue;

		if (!timeout_ms)
			return -EAGAIN;
		if (timeout_ms > 0 && !end_ms)
			end_ms = now_ms() + timeout_ms;
		ret = wait_for_frame(stream, timeout_ms, end_ms);
		if (ret)
			return ret;
	}
}

/* The number of a buffer that is the caller's, or a negative errno. */
static int64_t number_of(const struct edudma_stream *stream,
			 const struct edudma_frame *frame)
{
	uintptr_t distance;
	uint32_t number;

	if (!stream || !frame)
		return -EINVAL;
	distance = (uintptr_t)frame - (uintptr_t)stream->slots;
	number = distance / sizeof(struct slot);
	if (distance / sizeof(struct slot) >= stream->options.buffers ||
	    distance % sizeof(struct slot))
		return -EINVAL;
	if (stream->slots[number].owner != OWNER_USER)
		return -EALREADY;
	return number;
}

EDUDMA_API int edudma_stream_release(struct edudma_stream *stream,
				     const struct edudma_frame *frame)
{
	int64_t number = number_of(stream, frame);

	if (number < 0)
		return number;
	edudma_stream_give_up(stream, number);
	return 0;
}

EDUDMA_API int edudma_stream_get(struct edudma_stream *stream,
				 const struct edudma_frame **result)
{
	struct slot *slot;

	if (!stream || !result || is_source(stream))
		return -EINVAL;
	if (!stream->nr_free)
		return -EAGAIN;

	slot = &stream->slots[stream->free[--stream->nr_free]];
	slot->owner = OWNER_USER;
	*result = &slot->frame;
	return 0;
}

EDUDMA_API int edudma_stream_submit(struct edudma_stream *stream,
				    const struct edudma_frame *frame, uint32_t bytes)
{
	int64_t number = number_of(stream, frame);

	if (number < 0)
		return number;
	if (is_source(stream) || !bytes || bytes > frame->capacity)
		return -EINVAL;
	give(stream, number, bytes);
	return 0;
}

EDUDMA_API int edudma_stream_get_status(const struct edudma_stream *stream,
					struct edudma_stream_status *result, size_t size)
{
	struct edudma_stream_status status = {};

	if (!stream || !result)
		return -EINVAL;
	if (ioctl(stream->fd, EDUDMA_IOC_STREAM_STATUS, &status))
		return -errno;

	if (size > sizeof(status)) {
		memset((char *)result + sizeof(status), 0, size - sizeof(status));
		size = sizeof(status);
	}
	memcpy(result, &status, size);
	return 0;
}

/* Its length is the frame's own if all of it came, else what the frame can be. */
static struct edudma_frame_header expected_header(const struct edudma_frame *frame)
{
	const struct edudma_frame_header *found = frame->data;
	uint32_t bytes = frame->bytes;

	if (!(frame->flags & EDUDMA_FRAME_WHOLE) &&
	    le32toh(found->bytes) >= bytes && le32toh(found->bytes) <= frame->capacity)
		bytes = le32toh(found->bytes);

	return (struct edudma_frame_header) {
		.magic = htole32(EDUDMA_FRAME_MAGIC),
		.bytes = htole32(bytes),
		.sequence = htole64(frame->sequence),
		.position = htole64(frame->position),
		.timestamp = htole64(frame->timestamp),
	};
}

EDUDMA_API uint64_t edudma_stream_verify(const struct edudma_stream *stream,
					 const struct edudma_frame *frame, uint64_t *first)
{
	struct edudma_frame_header header;
	uint64_t wrong = 0, more, more_at;
	size_t at = SIZE_MAX, skip = 0;

	if (stream->options.flags & EDUDMA_STREAM_HEADER && frame->bytes) {
		skip = frame->bytes < sizeof(header) ? frame->bytes : sizeof(header);
		header = expected_header(frame);
		wrong = edudma_count_differences(frame->data, (unsigned char *)&header, skip,
						 &at);
	}
	more = edudma_pattern_check(stream->options.pattern, (char *)frame->data + skip,
				    frame->bytes - skip, frame->position + skip,
				    frame->sequence, skip, &more_at);
	if (first)
		*first = wrong ? at : more ? skip + more_at : UINT64_MAX;
	return wrong + more;
}
