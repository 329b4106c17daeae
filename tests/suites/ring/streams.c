// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams: what the device produces is what was delivered and what was lost, to the byte;
 * whose a slot is; and what a program that does not keep to the rules does to itself.
 */
#include "edudma_fixture.h"
#include "edudma_machine.h"
#include "edudma_stream.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define FRAME	5000		/* bytes, no multiple of anything */
#define SLOTS	4
#define FRAMES	50
#define SLOW	100000		/* bytes per second: 20 frames */

FIXTURE(stream)
{
	struct bed bed;
	struct stream s;
	struct edudma_stream_create arg;
};

#define NEED_STREAMS(bed) do {						\
	if (!((bed)->info.capabilities & EDUDMA_CAP_STREAMS))		\
		SKIP(return, "the device has no streams");		\
} while (0)

FIXTURE_SETUP(stream)
{
	self->s.fd = -1;
	BED_SETUP(&self->bed);
	self->arg = (struct edudma_stream_create) {
		.nr_slots = SLOTS,
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = FRAME,
	};
}

FIXTURE_TEARDOWN(stream)
{
	stream_close(&self->s);
	BED_TEARDOWN(&self->bed);
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_registered")));
}

/* With the settings in self->arg. */
#define OPEN() ASSERT_EQ(0, stream_open(&self->s, self->bed.fd, self->arg))

/* A whole frame that follows the one before. */
#define EXPECT_NEXT(frame, before) do {					\
	EXPECT_EQ(0, (frame).error);					\
	EXPECT_EQ(FRAME, (frame).bytes);				\
	EXPECT_EQ(EDUDMA_FRAME_WHOLE, (frame).flags);			\
	EXPECT_EQ((before) * FRAME, (frame).position);			\
	EXPECT_EQ((before), (frame).sequence);				\
	EXPECT_EQ(0, (frame).lost);					\
	EXPECT_EQ(FRAME, stream_differs(&self->s, &(frame), self->arg.pattern)); \
} while (0)

/* What has come adds up to what the stream has produced. */
#define EXPECT_ADDS_UP(status) do {					\
	EXPECT_EQ(0, (status).flags);					\
	EXPECT_EQ((status).produced, (status).delivered + (status).lost);	\
	EXPECT_EQ(self->s.delivered, (status).delivered);		\
	EXPECT_EQ((status).produced - self->s.end + self->s.lost, (status).lost); \
} while (0)

TEST_F(stream, frames_follow_each_other)
{
	struct edudma_stream_frame frame;
	struct edudma_stream_status status;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	OPEN();
	stream_give_all(&self->s);
	ASSERT_EQ(0, stream_start(&self->s));
	for (i = 0; i < FRAMES; i++) {
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		EXPECT_EQ(i % SLOTS, frame.slot);
		EXPECT_NEXT(frame, i);
		stream_give(&self->s, frame.slot, 0);
	}
	ASSERT_EQ(0, stream_stop(&self->s));
	while (stream_take(&self->s, &frame))
		;
	status = stream_status(&self->s);
	EXPECT_EQ(EDUDMA_STREAM_ENDED, status.state);
	EXPECT_EQ(ECANCELED, status.error);
	EXPECT_EQ(0, status.lost);
	EXPECT_LE(FRAMES, status.frames);
	EXPECT_ADDS_UP(status);
}

TEST_F(stream, the_ramp_moves_with_each_frame)
{
	struct edudma_stream_frame frame;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	self->arg.pattern = EDUDMA_PATTERN_RAMP;
	OPEN();
	stream_give_all(&self->s);
	ASSERT_EQ(0, stream_start(&self->s));
	for (i = 0; i < SLOTS; i++) {
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		EXPECT_NEXT(frame, i);
	}
}

TEST_F(stream, a_header_says_what_the_frame_is)
{
	struct edudma_frame_header header;
	struct edudma_stream_frame frame;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	self->arg.flags = EDUDMA_STREAM_HEADER;
	OPEN();
	stream_give_all(&self->s);
	ASSERT_EQ(0, stream_start(&self->s));
	for (i = 0; i < SLOTS; i++) {
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		memcpy(&header, stream_slot(&self->s, frame.slot), sizeof(header));
		EXPECT_EQ(EDUDMA_FRAME_MAGIC, header.magic);
		EXPECT_EQ(frame.bytes, header.bytes);
		EXPECT_EQ(frame.sequence, header.sequence);
		EXPECT_EQ(frame.position, header.position);
		EXPECT_EQ(frame.timestamp, header.timestamp);
	}
}

TEST_F(stream, a_frame_has_one_interrupt_one_doorbell_and_no_register_is_read)
{
	uint64_t interrupts, doorbells, reads, pinned;
	struct edudma_stream_frame frame;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	pinned = pins_outstanding();
	interrupts = machine_get(&self->bed.dev, "counter-interrupts");
	doorbells = machine_get(&self->bed.dev, "counter-doorbells");
	reads = machine_get(&self->bed.dev, "counter-reads");
	for (i = 0; i < FRAMES; i++) {
		stream_give(&self->s, i % SLOTS, 0);
		ASSERT_TRUE(stream_wait(&self->s, &frame));
	}
	EXPECT_EQ(FRAMES, machine_get(&self->bed.dev, "counter-interrupts") - interrupts);
	EXPECT_EQ(FRAMES, machine_get(&self->bed.dev, "counter-doorbells") - doorbells);
	EXPECT_EQ(reads, machine_get(&self->bed.dev, "counter-reads"));
	EXPECT_EQ(pinned, pins_outstanding());
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_pinned"));
}

TEST_F(stream, a_frame_is_followed_by_the_next_without_a_call)
{
	struct edudma_stream_frame frame;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	self->arg.rate = SLOW;
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	/* The first one is the device's, the others wait in the ring. */
	stream_give_all(&self->s);
	for (i = 0; i < SLOTS; i++)
		ASSERT_TRUE(WAIT_FOR(stream_take(&self->s, &frame)));
	EXPECT_EQ(SLOTS - 1, frame.slot);
}

/* What one interrupt does is bounded, whatever the user gives. */
TEST_F(stream, slots_are_taken_a_few_at_a_time)
{
	enum { MANY = 200, FEW = 16 };
	struct edudma_stream_frame frame;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	self->arg.nr_slots = MANY;
	self->arg.rate = FRAME;
	OPEN();
	stream_give_all(&self->s);
	ASSERT_EQ(0, stream_start(&self->s));
	EXPECT_EQ(FEW, self->s.rings->fill_head);
	ASSERT_TRUE(WAIT_FOR(stream_take(&self->s, &frame)));
	/* The frame shows before the next ones are taken. */
	WAIT_FOR(__atomic_load_n(&self->s.rings->fill_head, __ATOMIC_ACQUIRE) >= 2 * FEW);
	EXPECT_EQ(2 * FEW, self->s.rings->fill_head);
	ASSERT_EQ(0, stream_stop(&self->s));
	while (stream_take(&self->s, &frame))
		;
	EXPECT_EQ(MANY, self->s.taken);

	/* All of them come, though nobody calls again. */
	stream_close(&self->s);
	self->arg.rate = 0;
	OPEN();
	stream_give_all(&self->s);
	ASSERT_EQ(0, stream_start(&self->s));
	for (i = 0; i < MANY; i++) {
		ASSERT_TRUE(WAIT_FOR(stream_take(&self->s, &frame)));
		EXPECT_NEXT(frame, i);
	}
}

TEST_F(stream, each_frame_is_told_when_it_comes)
{
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	/* Seconds pass between the first one and the last. */
	self->arg.rate = FRAME;
	OPEN();
	stream_give_all(&self->s);
	ASSERT_EQ(0, stream_start(&self->s));
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_GT(SLOTS, self->s.rings->frame_tail);
}

TEST_F(stream, does_not_wait_for_an_exclusive_vector)
{
	enum { DESCRIPTORS = 40 };
	struct edudma_segment segs[DESCRIPTORS];
	struct edudma_stream_frame frame;
	uint8_t *pages = shared_pages(DESCRIPTORS);
	struct job job;

	NEED_STREAMS(&self->bed);
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	BED_SLOW(&self->bed);
	parts_to_fetch(segs, pages, DESCRIPTORS, 10);
	job_transfer(&job, self->bed.fd, segs, DESCRIPTORS, EDUDMA_TRANSFER_EXCLUSIVE);
	ASSERT_TRUE(bed_under_way(&self->bed));
	stream_give(&self->s, 0, 0);
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_FALSE(job.report->done);
	EXPECT_NEXT(frame, 0);
	kill(job.pid, SIGKILL);
	job_wait(&job);
	munmap(pages, DESCRIPTORS * page_size());
}

TEST_F(stream, slots_may_be_anywhere_in_scattered_buffers)
{
	const size_t len = 6 * page_size();
	struct edudma_stream_frame frame;
	struct edudma_stream_slot slots[3];
	struct stream *s = &self->s;
	uint8_t *memory[2];
	int buffer[2], i;

	NEED_STREAMS(&self->bed);
	for (i = 0; i < 2; i++) {
		memory[i] = private_pages(6);
		buffer[i] = buffer_register(self->bed.fd, memory[i], len);
		ASSERT_LT(0, buffer[i]);
		memset(memory[i], 0xee, len);
	}
	slots[0] = (struct edudma_stream_slot) { .offset = 1, .len = FRAME, .buffer = buffer[0] };
	slots[1] = (struct edudma_stream_slot) { .offset = page_size() + 4093,
						 .len = FRAME + 3, .buffer = buffer[1] };
	slots[2] = (struct edudma_stream_slot) { .offset = len - FRAME - 9,
						 .len = FRAME + 9, .buffer = buffer[0] };
	self->arg.nr_slots = 3;
	self->arg.slots = ptr64(slots);
	*s = (struct stream) { .arg = self->arg };
	ASSERT_EQ(0, stream_create(self->bed.fd, &s->arg));
	s->fd = s->arg.fd;
	s->rings = mmap(NULL, s->arg.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)s->rings);
	s->fill = (void *)((char *)s->rings + s->arg.fill_offset);
	s->frames = (void *)((char *)s->rings + s->arg.frame_offset);

	stream_give_all(s);
	ASSERT_EQ(0, stream_start(s));
	for (i = 0; i < 3; i++) {
		uint8_t *base = memory[slots[i].buffer == (uint32_t)buffer[1]];

		ASSERT_TRUE(stream_wait(s, &frame));
		ASSERT_EQ(i, frame.slot);
		s->memory = base + slots[i].offset;
		s->slot_bytes = 0;
		EXPECT_NEXT(frame, i);
		EXPECT_EQ(0xee, base[slots[i].offset - 1]);
		if (slots[i].offset + FRAME < len) {
			EXPECT_EQ(0xee, base[slots[i].offset + FRAME]);
		}
	}
	s->memory = NULL;
	for (i = 0; i < 2; i++)
		munmap(memory[i], len);
}

TEST_F(stream, what_nobody_has_room_for_is_lost_and_counted)
{
	struct edudma_stream_status status;
	struct edudma_stream_frame frame;
	bool seen = false;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	self->arg.rate = 200000000;
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	stream_give_all(&self->s);
	/* The FIFO has 64 frames at most. */
	for (i = 0; i < 10000 && !seen; i++) {
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		ASSERT_EQ(0, frame.error);
		EXPECT_EQ(FRAME, stream_differs(&self->s, &frame, self->arg.pattern));
		EXPECT_EQ(self->s.end, frame.position + FRAME);
		EXPECT_EQ(frame.sequence * FRAME, frame.position);
		seen = frame.lost;
		EXPECT_EQ(0, frame.lost % FRAME);
		if (i % 16 == 15)
			usleep(20000);
		stream_give(&self->s, frame.slot, 0);
	}
	EXPECT_TRUE(seen);
	ASSERT_EQ(0, stream_stop(&self->s));
	while (stream_take(&self->s, &frame))
		EXPECT_EQ(frame.bytes, stream_differs(&self->s, &frame, self->arg.pattern));
	status = stream_status(&self->s);
	EXPECT_ADDS_UP(status);
	EXPECT_LE(FRAME, status.lost);
}

/* Starts with nothing to fill until more frames were produced than the FIFO holds. */
#define OVERRUN(s) do {							\
	ASSERT_EQ(0, stream_start(s));					\
	usleep(100000);							\
	stream_give_all(s);						\
} while (0)

TEST_F(stream, drop_new_keeps_the_oldest_frames)
{
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	self->arg.rate = 20000000;
	OPEN();
	OVERRUN(&self->s);
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_NEXT(frame, 0);
}

TEST_F(stream, drop_old_keeps_the_newest_frames)
{
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	self->arg.rate = 20000000;
	self->arg.policy = EDUDMA_STREAM_DROP_OLD;
	OPEN();
	OVERRUN(&self->s);
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_LT(0, frame.position);
	EXPECT_EQ(frame.position, frame.lost);
	EXPECT_EQ(FRAME, stream_differs(&self->s, &frame, self->arg.pattern));
}

TEST_F(stream, end_ends_it_when_the_fifo_is_delivered)
{
	struct edudma_stream_status status;
	struct edudma_stream_frame frame;
	unsigned int whole = 0;

	NEED_STREAMS(&self->bed);
	self->arg.rate = 20000000;
	self->arg.policy = EDUDMA_STREAM_END;
	OPEN();
	OVERRUN(&self->s);
	while (stream_wait(&self->s, &frame) && !frame.error) {
		EXPECT_NEXT(frame, whole);
		whole++;
		stream_give(&self->s, frame.slot, 0);
	}
	EXPECT_EQ(EOVERFLOW, frame.error);
	EXPECT_LE(2, whole);
	EXPECT_TRUE(WAIT_FOR(stream_status(&self->s).state == EDUDMA_STREAM_ENDED));
	status = stream_status(&self->s);
	EXPECT_EQ(EOVERFLOW, status.error);
	EXPECT_EQ(FRAME, status.lost);
	EXPECT_EQ((whole + 1) * FRAME, status.produced);
}

TEST_F(stream, a_starved_stream_asks_to_be_kicked)
{
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	EXPECT_EQ(EDUDMA_RINGS_NEED_KICK, self->s.rings->flags);
	stream_put(&self->s, 0, 0);
	usleep(20000);
	EXPECT_FALSE(stream_take(&self->s, &frame));
	ASSERT_EQ(0, stream_kick(&self->s));
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_NEXT(frame, 0);
	EXPECT_TRUE(WAIT_FOR(self->s.rings->flags == EDUDMA_RINGS_NEED_KICK));
}

TEST_F(stream, poll_takes_what_was_given)
{
	struct edudma_stream_frame frame;
	struct pollfd pfd = { .events = POLLIN };

	NEED_STREAMS(&self->bed);
	OPEN();
	pfd.fd = self->s.fd;
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	ASSERT_EQ(0, stream_start(&self->s));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	stream_put(&self->s, 0, 0);
	EXPECT_EQ(1, poll(&pfd, 1, 20000));
	EXPECT_EQ(POLLIN, pfd.revents);
	EXPECT_TRUE(stream_take(&self->s, &frame));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	ASSERT_EQ(0, stream_stop(&self->s));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP, pfd.revents);
}

TEST_F(stream, a_sink_gets_what_it_expects)
{
	struct edudma_stream_status status;
	struct edudma_stream_frame frame;
	uint64_t position = 0;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	self->arg.direction = EDUDMA_TO_DEVICE;
	OPEN();
	for (i = 0; i < SLOTS; i++, position += FRAME) {
		counter_fill(stream_slot(&self->s, i), FRAME, position);
		stream_give(&self->s, i, FRAME);
	}
	ASSERT_EQ(0, stream_start(&self->s));
	for (i = 0; i < FRAMES; i++, position += FRAME) {
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		EXPECT_EQ(0, frame.error);
		EXPECT_EQ(FRAME, frame.bytes);
		EXPECT_EQ(i, frame.sequence);
		counter_fill(stream_slot(&self->s, frame.slot), FRAME, position);
		stream_give(&self->s, frame.slot, FRAME);
	}
	while (self->s.taken < FRAMES + SLOTS)
		ASSERT_TRUE(stream_wait(&self->s, &frame));
	ASSERT_EQ(0, stream_stop(&self->s));
	status = stream_status(&self->s);
	EXPECT_EQ(position, status.delivered);
	EXPECT_EQ(0, status.lost);
	EXPECT_EQ(0, status.mismatches);
	EXPECT_EQ(UINT64_MAX, status.first_mismatch);
}

TEST_F(stream, a_sink_tells_which_byte_was_wrong)
{
	struct edudma_stream_status status;
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	self->arg.direction = EDUDMA_TO_DEVICE;
	OPEN();
	counter_fill(stream_slot(&self->s, 0), 1000, 0);
	counter_fill(stream_slot(&self->s, 1), 200, 1000);
	stream_slot(&self->s, 1)[7] ^= 1;
	stream_slot(&self->s, 1)[199] ^= 0x80;
	stream_give(&self->s, 0, 1000);
	stream_give(&self->s, 1, 200);
	ASSERT_EQ(0, stream_start(&self->s));
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_EQ(200, frame.bytes);
	ASSERT_EQ(0, stream_stop(&self->s));
	status = stream_status(&self->s);
	EXPECT_EQ(1200, status.delivered);
	EXPECT_EQ(2, status.mismatches);
	EXPECT_EQ(1007, status.first_mismatch);
}

TEST_F(stream, a_sink_that_gets_nothing_counts_that)
{
	struct edudma_stream_status status;
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	self->arg.direction = EDUDMA_TO_DEVICE;
	self->arg.rate = 1000 * FRAME;
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	usleep(50000);
	counter_fill(stream_slot(&self->s, 0), FRAME, 0);
	stream_give(&self->s, 0, FRAME);
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_LE(FRAME, frame.lost);
	EXPECT_EQ(frame.position, frame.lost);
	ASSERT_EQ(0, stream_stop(&self->s));
	status = stream_status(&self->s);
	EXPECT_EQ(0, status.mismatches);
	EXPECT_ADDS_UP(status);
	EXPECT_EQ(FRAME, status.delivered);
}

/* The stream ends with EPROTO, the slots come back, and requests are not concerned. */
#define EXPECT_PROTO() do {						\
	struct edudma_stream_frame frame_;				\
	unsigned int back_ = 0;						\
									\
	EXPECT_TRUE(WAIT_FOR(self->s.rings->flags == EDUDMA_RINGS_ENDED));	\
	EXPECT_EQ(EPROTO, stream_status(&self->s).error);		\
	while (stream_take(&self->s, &frame_))				\
		back_ += frame_.error == EPROTO;			\
	EXPECT_EQ(1, back_);						\
	EXPECT_EQ(0, window_fill(self->bed.fd, FRAME, 1));		\
} while (0)

/* A slot is the device's, which is slow to fill it. */
#define BEGIN_SLOWLY() do {						\
	self->arg.rate = FRAME / 10;					\
	OPEN();								\
	ASSERT_EQ(0, stream_start(&self->s));				\
	stream_give(&self->s, 0, 0);					\
} while (0)

TEST_F(stream, a_slot_that_does_not_exist_ends_it)
{
	NEED_STREAMS(&self->bed);
	BEGIN_SLOWLY();
	stream_put(&self->s, SLOTS + 1, 0);
	ASSERT_EQ(0, stream_kick(&self->s));
	EXPECT_PROTO();
}

TEST_F(stream, a_slot_of_the_device_ends_it)
{
	NEED_STREAMS(&self->bed);
	BEGIN_SLOWLY();
	stream_put(&self->s, 0, 0);
	ASSERT_EQ(0, stream_kick(&self->s));
	EXPECT_PROTO();
}

TEST_F(stream, bytes_for_a_source_end_it)
{
	NEED_STREAMS(&self->bed);
	BEGIN_SLOWLY();
	stream_put(&self->s, 1, FRAME);
	ASSERT_EQ(0, stream_kick(&self->s));
	EXPECT_PROTO();
}

TEST_F(stream, more_entries_than_the_ring_has_end_it)
{
	NEED_STREAMS(&self->bed);
	BEGIN_SLOWLY();
	self->s.rings->fill_tail += self->s.arg.ring_entries + 1;
	ASSERT_EQ(0, stream_kick(&self->s));
	EXPECT_PROTO();
}

TEST_F(stream, more_bytes_than_a_frame_end_a_sink)
{
	NEED_STREAMS(&self->bed);
	self->arg.direction = EDUDMA_TO_DEVICE;
	BEGIN_SLOWLY();
	EXPECT_EQ(EPROTO, stream_status(&self->s).error);
	stream_close(&self->s);
	/* The slot has a byte more. */
	self->arg.frame_bytes = FRAME - 1;
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	stream_give(&self->s, 0, FRAME);
	EXPECT_EQ(EPROTO, stream_status(&self->s).error);
}

TEST_F(stream, what_is_written_to_the_drivers_part_of_the_rings_is_not_read)
{
	struct edudma_stream_frame frame;
	unsigned int i;

	NEED_STREAMS(&self->bed);
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	for (i = 0; i < 2 * SLOTS; i++) {
		self->s.rings->fill_head = 77 * i;
		self->s.rings->frame_tail = self->s.taken;
		stream_put(&self->s, i % SLOTS, 0);
		ASSERT_EQ(0, stream_kick(&self->s));
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		EXPECT_NEXT(frame, i);
		EXPECT_EQ(i + 1, self->s.rings->fill_head);
	}
}

TEST_F(stream, requests_go_on_beside_it)
{
	struct edudma_stream_frame frame;
	uint8_t *page = shared_pages(1);
	struct edudma_segment segs[2];
	unsigned int i;

	NEED_STREAMS(&self->bed);
	self->arg.rate = SLOW;
	OPEN();
	ASSERT_EQ(0, stream_start(&self->s));
	stream_give_all(&self->s);
	for (i = 0; i < 5; i++) {
		fill(page, 2000, i);
		segs[0] = seg_to(page, 2000, 0);
		segs[1] = seg_from(page + 2000, 2000, 0);
		EXPECT_EQ(0, transfer(self->bed.fd, segs, 2, EDUDMA_TRANSFER_EXCLUSIVE, NULL));
		EXPECT_EQ(2000, differs_at(page + 2000, 2000, i));
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		EXPECT_EQ(FRAME, stream_differs(&self->s, &frame, self->arg.pattern));
		stream_give(&self->s, frame.slot, 0);
	}
	munmap(page, page_size());
}

/* What EDUDMA_IOC_STREAM_CREATE says to the settings in @arg. */
static int create(FIXTURE_DATA(stream) *self, struct edudma_stream_create arg)
{
	int err = stream_open(&self->s, self->bed.fd, arg);

	stream_close(&self->s);
	return err;
}

#define EXPECT_CREATE(err, member, value) do {				\
	struct edudma_stream_create arg_ = self->arg;			\
									\
	arg_.member = value;						\
	EXPECT_EQ(err, create(self, arg_)) TH_LOG(#member " = " #value);	\
} while (0)

TEST_F(stream, settings_out_of_range_are_refused)
{
	NEED_STREAMS(&self->bed);
	EXPECT_EQ(0, create(self, self->arg));
	EXPECT_CREATE(EINVAL, direction, 2);
	EXPECT_CREATE(EINVAL, pattern, 3);
	EXPECT_CREATE(EINVAL, policy, 3);
	EXPECT_CREATE(EINVAL, flags, 2);
	EXPECT_CREATE(EINVAL, frame_bytes, 63);
	EXPECT_CREATE(0, frame_bytes, 64);
	EXPECT_CREATE(0, nr_slots, EDUDMA_STREAM_MAX_SLOTS);
	EXPECT_CREATE(EINVAL, nr_slots, EDUDMA_STREAM_MAX_SLOTS + 1);
	EXPECT_CREATE(EINVAL, rate, 1);
	EXPECT_CREATE(0, rate, 2);
	self->arg.direction = EDUDMA_TO_DEVICE;
	EXPECT_CREATE(EINVAL, policy, 1);
	EXPECT_CREATE(EINVAL, flags, EDUDMA_STREAM_HEADER);
	self->arg.nr_slots = 1;
	EXPECT_CREATE(EINVAL, frame_bytes, (16 << 20) + 1);
}

TEST_F(stream, slots_out_of_range_are_refused)
{
	uint8_t *memory = private_pages(2);
	struct edudma_stream_slot slot;
	const struct edudma_stream_slot good = { .len = 2 * page_size() };
	int buffer;

	NEED_STREAMS(&self->bed);
	buffer = buffer_register(self->bed.fd, memory, 2 * page_size());
	ASSERT_LT(0, buffer);
	self->arg.nr_slots = 1;
	self->arg.slots = ptr64(&slot);
#define EXPECT_SLOT(err, ...) do {					\
	struct edudma_stream_create arg_ = self->arg;			\
									\
	slot = good;							\
	slot.buffer = buffer;						\
	slot = (struct edudma_stream_slot) { slot.offset, slot.len, slot.buffer, 0 }; \
	__VA_ARGS__;							\
	EXPECT_EQ(err, stream_create(self->bed.fd, &arg_)) TH_LOG(#__VA_ARGS__); \
	if (!(err))							\
		close(arg_.fd);						\
} while (0)
	EXPECT_SLOT(0, (void)0);
	EXPECT_SLOT(ENOENT, slot.buffer = buffer + 1);
	EXPECT_SLOT(ENOENT, slot.buffer = 0);
	EXPECT_SLOT(EINVAL, slot.reserved = 1);
	EXPECT_SLOT(EINVAL, slot.len = FRAME - 1);
	EXPECT_SLOT(0, slot.len = FRAME);
	EXPECT_SLOT(EFAULT, slot.offset = 1);
	EXPECT_SLOT(EFAULT, slot.offset = UINT64_MAX);
	EXPECT_SLOT(EFAULT, arg_.slots = NON_CANONICAL_ADDRESS);
	munmap(memory, 2 * page_size());
}

TEST_F(stream, direction_needs_a_file_opened_for_it)
{
	int fd = open(self->bed.dev.node, O_WRONLY | O_CLOEXEC);

	NEED_STREAMS(&self->bed);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EBADF, stream_open(&self->s, fd, self->arg));
	self->arg.direction = EDUDMA_TO_DEVICE;
	EXPECT_EQ(0, stream_open(&self->s, fd, self->arg));
	stream_close(&self->s);
	close(fd);
	fd = open(self->bed.dev.node, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(EBADF, stream_open(&self->s, fd, self->arg));
	close(fd);
}

TEST_F(stream, the_shared_memory_is_shared_and_has_an_end)
{
	void *map;

	NEED_STREAMS(&self->bed);
	OPEN();
	map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE, self->s.fd, 0);
	EXPECT_EQ(MAP_FAILED, map);
	EXPECT_EQ(EINVAL, errno);
	map = mmap(NULL, self->s.arg.map_bytes + page_size(), PROT_READ, MAP_SHARED,
		   self->s.fd, 0);
	EXPECT_EQ(MAP_FAILED, map);
	map = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, self->s.fd,
		   self->s.arg.map_bytes);
	EXPECT_EQ(MAP_FAILED, map);
}

/* Modules with other parameters. */
FIXTURE(loaded)
{
	struct bed bed;
	uint64_t channels;
	struct stream s[8];
};

FIXTURE_VARIANT(loaded)
{
	const char *parameters;
	unsigned int streams;
};

FIXTURE_VARIANT_ADD(loaded, with_no_channel_for_them) { "stream_channels=0", 0 };
FIXTURE_VARIANT_ADD(loaded, with_all_channels_but_one) { "stream_channels=7", 7 };
FIXTURE_VARIANT_ADD(loaded, with_two_entries) { "ring_entries=2", 1 };
FIXTURE_VARIANT_ADD(loaded, without_msi) { "msi=0 stream_channels=2", 2 };

FIXTURE_SETUP(loaded)
{
	ASSERT_NE(NULL, module_path());
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(variant->parameters));
	BED_SETUP(&self->bed);
	self->channels = machine_get(&self->bed.dev, "channels");
}

FIXTURE_TEARDOWN(loaded)
{
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load(""));
}

TEST_F(loaded, as_many_streams_run_as_there_are_channels_for_them)
{
	struct edudma_stream_create arg = {
		.nr_slots = SLOTS, .direction = EDUDMA_FROM_DEVICE, .frame_bytes = FRAME,
	};
	unsigned int streams = variant->streams < self->channels ? variant->streams :
			       self->channels - 1;
	bool reads = self->bed.info.capabilities & EDUDMA_CAP_BUFFERS;
	struct edudma_stream_frame frame;
	unsigned int i, n;

	if (!reads)
		streams = 0;
	EXPECT_EQ(streams, self->bed.info.streams);
	if (!streams) {
		EXPECT_EQ(EOPNOTSUPP, stream_create(self->bed.fd, &arg));
		EXPECT_FALSE(self->bed.info.capabilities & EDUDMA_CAP_STREAMS);
	}
	for (i = 0; i < streams; i++) {
		ASSERT_EQ(0, stream_open(&self->s[i], self->bed.fd, arg));
		ASSERT_EQ(0, stream_start(&self->s[i]));
		stream_give_all(&self->s[i]);
	}
	for (n = 0; n < FRAMES; n++) {
		for (i = 0; i < streams; i++) {
			ASSERT_TRUE(stream_wait(&self->s[i], &frame));
			EXPECT_EQ(n, frame.sequence);
			EXPECT_EQ(FRAME, stream_differs(&self->s[i], &frame,
							EDUDMA_PATTERN_COUNTER));
			stream_give(&self->s[i], frame.slot, 0);
		}
		EXPECT_EQ(0, window_fill(self->bed.fd, FRAME, n));
	}
	for (i = 0; i < streams; i++) {
		ASSERT_EQ(0, stream_stop(&self->s[i]));
		EXPECT_EQ(0, stream_status(&self->s[i]).lost);
		stream_close(&self->s[i]);
	}
}

TEST_HARNESS_MAIN
