// SPDX-License-Identifier: LGPL-2.1-or-later
/* Streams: how they are made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream.h"

#define DEFAULT_FRAME	(64U << 10)
#define MAX_FRAME	(16U << 20)
#define DEFAULT_BUFFERS	16
#define SMALL_ALIGN	64
#define LARGE_ALIGN	4096
#define HUGE_PAGE	((size_t)2 << 20)

static size_t stride_of(uint32_t frame_bytes)
{
	const size_t align = frame_bytes > LARGE_ALIGN ? LARGE_ALIGN : SMALL_ALIGN;

	return (frame_bytes + align - 1) / align * align;
}

/* What the caller has not is zero, what it has more must be. */
static int copy_options(struct edudma_stream_options *to,
			const struct edudma_stream_options *from)
{
	const unsigned char *bytes = (const unsigned char *)from;
	size_t size = from->size, i;

	/* What the first release had. */
	if (size < offsetof(struct edudma_stream_options, reserved) + sizeof(to->reserved))
		return -EINVAL;
	for (i = sizeof(*to); i < size; i++)
		if (bytes[i])
			return -E2BIG;

	memset(to, 0, sizeof(*to));
	memcpy(to, from, size < sizeof(*to) ? size : sizeof(*to));
	to->size = sizeof(*to);
	if (!to->frame_bytes)
		to->frame_bytes = DEFAULT_FRAME;
	if (!to->buffers)
		to->buffers = DEFAULT_BUFFERS;

	if (to->frame_bytes > MAX_FRAME || to->buffers > EDUDMA_STREAM_MAX_SLOTS ||
	    to->reserved || (to->buffer && !to->memory))
		return -EINVAL;
	if (to->memory && to->memory_bytes / to->buffers < stride_of(to->frame_bytes))
		return -EINVAL;
	return 0;
}

/* Whole huge pages where there is enough: the device's lists are short then. */
static int alloc_memory(struct edudma_stream *stream)
{
	struct edudma_stream_options *options = &stream->options;
	const size_t bytes = options->buffers * stride_of(options->frame_bytes);
	void *memory;

	if (options->memory)
		return 0;

	memory = aligned_alloc(bytes >= HUGE_PAGE ? HUGE_PAGE : LARGE_ALIGN,
			       bytes >= HUGE_PAGE ?
			       (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE :
			       (bytes + LARGE_ALIGN - 1) / LARGE_ALIGN * LARGE_ALIGN);
	if (!memory)
		return -ENOMEM;
	if (bytes >= HUGE_PAGE)
		madvise(memory, bytes, MADV_HUGEPAGE);
	/* A frame of which not all was moved shows no former contents of the heap. */
	memset(memory, 0, bytes);

	stream->memory = memory;
	options->memory = memory;
	options->memory_bytes = bytes;
	return 0;
}

/* The driver has no other use for ENOTTY here: it does not know the call. */
static int create(struct edudma_stream *stream)
{
	const struct edudma_stream_options *options = &stream->options;
	struct edudma_stream_slot slots[EDUDMA_STREAM_MAX_SLOTS] = {};
	struct edudma_stream_create arg = {
		.slots = (uintptr_t)slots,
		.rate = options->rate,
		.nr_slots = options->buffers,
		.direction = options->direction,
		.frame_bytes = options->frame_bytes,
		.pattern = options->pattern,
		.policy = options->policy,
		.flags = options->flags,
	};
	uint32_t i;

	for (i = 0; i < options->buffers; i++) {
		slots[i].offset = i * stride_of(options->frame_bytes);
		slots[i].len = options->frame_bytes;
		slots[i].buffer = options->buffer;
	}
	if (ioctl(stream->dev->fd, EDUDMA_IOC_STREAM_CREATE, &arg))
		return errno == ENOTTY ? -EOPNOTSUPP : -errno;

	stream->fd = arg.fd;
	stream->rings = mmap(NULL, arg.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			     arg.fd, 0);
	if (stream->rings == MAP_FAILED) {
		close(arg.fd);
		return -ENOMEM;
	}
	stream->map_bytes = arg.map_bytes;
	stream->fill = (void *)((char *)stream->rings + arg.fill_offset);
	stream->frames = (void *)((char *)stream->rings + arg.frame_offset);
	stream->mask = arg.ring_entries - 1;
	return 0;
}

static void set_up_slots(struct edudma_stream *stream)
{
	const struct edudma_stream_options *options = &stream->options;
	uint32_t i;

	for (i = options->buffers; i--;) {
		stream->slots[i].frame.data = (char *)options->memory +
					      i * stride_of(options->frame_bytes);
		stream->slots[i].frame.capacity = options->frame_bytes;
	}
	for (i = 0; i < options->buffers; i++)
		edudma_stream_give_up(stream, is_source(stream) ? i : options->buffers - 1 - i);
}

EDUDMA_API int edudma_stream_open(struct edudma *dev,
				  const struct edudma_stream_options *options,
				  struct edudma_stream **result)
{
	struct edudma_stream_options own;
	struct edudma_stream *stream;
	int ret;

	if (!dev || !options || !result)
		return -EINVAL;
	ret = copy_options(&own, options);
	if (ret)
		return ret;

	stream = calloc(1, sizeof(*stream) + own.buffers * sizeof(stream->slots[0]));
	if (!stream)
		return -ENOMEM;
	stream->dev = dev;
	stream->options = own;
	ret = -ENOMEM;
	stream->free = calloc(own.buffers, sizeof(*stream->free));
	if (!stream->free)
		goto err_free;
	ret = alloc_memory(stream);
	if (ret)
		goto err_free;
	if (!own.buffer) {
		ret = edudma_buffer_register(dev, stream->options.memory,
					     own.buffers * stride_of(own.frame_bytes),
					     &stream->buffer);
		if (ret)
			goto err_free_memory;
		stream->options.buffer = stream->buffer;
	}
	ret = create(stream);
	if (ret)
		goto err_unregister;

	set_up_slots(stream);
	*result = stream;
	return 0;

err_unregister:
	if (stream->buffer)
		edudma_buffer_unregister(dev, stream->buffer);
err_free_memory:
	free(stream->memory);
err_free:
	free(stream->free);
	free(stream);
	return ret;
}

EDUDMA_API void edudma_stream_close(struct edudma_stream *stream)
{
	if (!stream)
		return;

	/* A child process may have the file, too. */
	ioctl(stream->fd, EDUDMA_IOC_STREAM_STOP);
	munmap(stream->rings, stream->map_bytes);
	close(stream->fd);
	if (stream->buffer)
		edudma_buffer_unregister(stream->dev, stream->buffer);
	free(stream->memory);
	free(stream->free);
	free(stream);
}
