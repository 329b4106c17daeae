// SPDX-License-Identifier: GPL-2.0-only
#include "edudma_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

int stream_create(int node, struct edudma_stream_create *arg)
{
	return ioctl(node, EDUDMA_IOC_STREAM_CREATE, arg) ? errno : 0;
}

static int stream_register(struct stream *s, int node)
{
	size_t bytes = s->arg.nr_slots * s->slot_bytes;

	s->memory = private_pages((bytes + page_size() - 1) / page_size());
	s->buffer = buffer_register(node, s->memory, bytes);
	return s->buffer < 0 ? -s->buffer : 0;
}

static int stream_map(struct stream *s)
{
	void *map = mmap(NULL, s->arg.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			 s->fd, 0);

	if (map == MAP_FAILED)
		return errno;
	s->rings = map;
	s->fill = (void *)((char *)map + s->arg.fill_offset);
	s->frames = (void *)((char *)map + s->arg.frame_offset);
	return 0;
}

int stream_open(struct stream *s, int node, struct edudma_stream_create arg)
{
	struct edudma_stream_slot *slots = calloc(arg.nr_slots, sizeof(*slots));
	unsigned int i;
	int err;

	if (!slots)
		die("calloc");
	*s = (struct stream) { .fd = -1, .arg = arg };
	s->slot_bytes = (arg.frame_bytes + 7) & ~7;
	err = stream_register(s, node);
	for (i = 0; i < arg.nr_slots; i++)
		slots[i] = (struct edudma_stream_slot) {
			.offset = i * s->slot_bytes,
			.len = s->slot_bytes,
			.buffer = s->buffer,
		};
	s->arg.slots = ptr64(slots);
	if (!err)
		err = stream_create(node, &s->arg);
	if (!err) {
		s->fd = s->arg.fd;
		err = stream_map(s);
	}
	free(slots);
	if (err)
		stream_close(s);
	return err;
}

void stream_unregister(const struct stream *s, int node)
{
	struct edudma_buffer_unregister arg = { .buffer = s->buffer };

	ioctl(node, EDUDMA_IOC_BUFFER_UNREGISTER, &arg);
}

void stream_close(struct stream *s)
{
	if (s->rings)
		munmap(s->rings, s->arg.map_bytes);
	if (s->fd >= 0)
		close(s->fd);
	if (s->memory)
		munmap(s->memory, s->arg.nr_slots * s->slot_bytes);
	*s = (struct stream) { .fd = -1 };
}

int stream_start(const struct stream *s)
{
	return ioctl(s->fd, EDUDMA_IOC_STREAM_START) ? errno : 0;
}

int stream_stop(const struct stream *s)
{
	return ioctl(s->fd, EDUDMA_IOC_STREAM_STOP) ? errno : 0;
}

int stream_kick(const struct stream *s)
{
	return ioctl(s->fd, EDUDMA_IOC_STREAM_KICK) ? errno : 0;
}

struct edudma_stream_status stream_status(const struct stream *s)
{
	struct edudma_stream_status status;

	if (ioctl(s->fd, EDUDMA_IOC_STREAM_STATUS, &status))
		die("EDUDMA_IOC_STREAM_STATUS");
	return status;
}

void stream_put(struct stream *s, uint32_t slot, uint32_t bytes)
{
	s->fill[s->given % s->arg.ring_entries] = (struct edudma_stream_fill) {
		.slot = slot, .bytes = bytes,
	};
	__atomic_store_n(&s->rings->fill_tail, ++s->given, __ATOMIC_RELEASE);
}

void stream_give(struct stream *s, uint32_t slot, uint32_t bytes)
{
	stream_put(s, slot, bytes);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&s->rings->flags, __ATOMIC_RELAXED) & EDUDMA_RINGS_NEED_KICK &&
	    stream_kick(s))
		die("EDUDMA_IOC_STREAM_KICK");
}

void stream_give_all(struct stream *s)
{
	unsigned int i;

	for (i = 0; i < s->arg.nr_slots; i++)
		stream_give(s, i, 0);
}

bool stream_take(struct stream *s, struct edudma_stream_frame *frame)
{
	if (__atomic_load_n(&s->rings->frame_tail, __ATOMIC_ACQUIRE) == s->taken)
		return false;

	*frame = s->frames[s->taken % s->arg.ring_entries];
	__atomic_store_n(&s->rings->frame_head, ++s->taken, __ATOMIC_RELEASE);
	if (frame->bytes)
		s->end = frame->position + frame->bytes;
	s->lost += frame->lost;
	s->delivered += frame->bytes;
	return true;
}

bool stream_wait(struct stream *s, struct edudma_stream_frame *frame)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };

	while (!stream_take(s, frame)) {
		if (poll(&pfd, 1, 20000) != 1 || pfd.revents == POLLHUP)
			return false;
	}
	return true;
}

static uint8_t counter_at(uint64_t position)
{
	return (position / 8) >> (position % 8 * 8);
}

static uint8_t ramp_at(const struct edudma_stream_frame *frame, size_t at)
{
	return at % 256 + at / 256 + 8 * frame->sequence;
}

size_t stream_differs(const struct stream *s, const struct edudma_stream_frame *frame,
		      uint32_t pattern)
{
	const uint8_t *bytes = stream_slot(s, frame->slot);
	size_t i;

	for (i = 0; i < frame->bytes; i++)
		if (bytes[i] != (pattern == EDUDMA_PATTERN_RAMP ? ramp_at(frame, i) :
				 counter_at(frame->position + i)))
			break;
	return i;
}

void counter_fill(uint8_t *to, size_t len, uint64_t position)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = counter_at(position + i);
}
