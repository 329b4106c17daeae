// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's streams on a device: frames, whose they are, what is lost, and the end.
 */
#include "edudma_fixture.h"

#include <edudma_stream.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define FRAME		5000	/* bytes, no multiple of anything */
#define NR		20
#define BUFFERS		4
/* A frame takes so long that none comes while a test does something. */
#define SLOW		(FRAME / 100)
#define SOON		20000	/* ms: for what is sure to come */

FIXTURE(frames)
{
	struct bed bed;
	struct edudma *dev;
	struct edudma_stream_options options;
	struct edudma_stream *stream;
	const struct edudma_frame *frame;
	struct edudma_stream_status status;
};

FIXTURE_SETUP(frames)
{
	BED_SETUP(&self->bed);
	ASSERT_EQ(0, edudma_open(self->bed.dev.node, O_RDWR, &self->dev));
	self->options = (struct edudma_stream_options) {
		.size = sizeof(self->options),
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = FRAME,
		.buffers = BUFFERS,
	};
}

FIXTURE_TEARDOWN(frames)
{
	edudma_stream_close(self->stream);
	edudma_close(self->dev);
	BED_TEARDOWN(&self->bed);
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_registered")));
}

static int open_stream(FIXTURE_DATA(frames) *self)
{
	return edudma_stream_open(self->dev, &self->options, &self->stream);
}

#define NEED_STREAMS() do {						\
	if (!(self->bed.info.capabilities & EDUDMA_CAP_STREAMS))	\
		SKIP(return, "the device has no streams");		\
} while (0)

#define OPEN() ASSERT_EQ(0, open_stream(self))

#define START() do {							\
	OPEN();								\
	ASSERT_EQ(0, edudma_stream_start(self->stream));		\
} while (0)

#define NEXT() ASSERT_EQ(0, edudma_stream_next(self->stream, SOON, &self->frame))
#define RELEASE() EXPECT_EQ(0, edudma_stream_release(self->stream, self->frame))
#define STATUS() EXPECT_EQ(0, edudma_stream_get_status(self->stream, &self->status, \
						       sizeof(self->status)))


static void see_frames(struct __test_metadata *_metadata, FIXTURE_DATA(frames) *self)
{
	uint64_t i, first;

	for (i = 0; i < NR; i++) {
		NEXT();
		EXPECT_EQ(FRAME, self->frame->bytes);
		EXPECT_EQ(i, self->frame->sequence);
		EXPECT_EQ(i * FRAME, self->frame->position);
		EXPECT_EQ(0, self->frame->lost);
		EXPECT_EQ(0, self->frame->error);
		EXPECT_EQ(EDUDMA_FRAME_WHOLE, self->frame->flags);
		EXPECT_EQ(0, edudma_stream_verify(self->stream, self->frame, &first));
		EXPECT_EQ(UINT64_MAX, first);
		((uint8_t *)self->frame->data)[i] ^= 4;
		EXPECT_EQ(1, edudma_stream_verify(self->stream, self->frame, &first));
		EXPECT_EQ(i, first);
		RELEASE();
	}
}

TEST_F(frames, are_those_of_each_pattern)
{
	uint32_t pattern;

	NEED_STREAMS();
	for (pattern = 0; edudma_pattern_name(pattern); pattern++) {
		self->options.pattern = pattern;
		START();
		see_frames(_metadata, self);
		edudma_stream_close(self->stream);
	}
	self->options.flags = EDUDMA_STREAM_HEADER;
	START();
	see_frames(_metadata, self);
}

/* NR frames, of which the one in the middle has a wrong byte. */
static void give_frames(struct __test_metadata *_metadata, FIXTURE_DATA(frames) *self)
{
	uint64_t i;

	for (i = 0; i < NR; i++) {
		if (edudma_stream_get(self->stream, &self->frame))
			NEXT();
		ASSERT_EQ(FRAME, self->frame->capacity);
		edudma_pattern_fill(self->options.pattern, self->frame->data, FRAME,
				    i * FRAME, i, 0);
		if (i == NR / 2)
			((uint8_t *)self->frame->data)[7] ^= 1;
		EXPECT_EQ(0, edudma_stream_submit(self->stream, self->frame, FRAME));
	}
	for (i = 0; i < BUFFERS; i++) {
		NEXT();
		EXPECT_EQ(FRAME, self->frame->bytes);
	}
}

TEST_F(frames, of_a_sink_are_compared_with_each_pattern)
{
	uint32_t pattern;

	NEED_STREAMS();
	self->options.direction = EDUDMA_TO_DEVICE;
	for (pattern = 0; edudma_pattern_name(pattern); pattern++) {
		self->options.pattern = pattern;
		START();
		give_frames(_metadata, self);
		EXPECT_EQ(0, edudma_stream_stop(self->stream));
		STATUS();
		EXPECT_EQ(NR * FRAME, self->status.delivered);
		EXPECT_EQ(1, self->status.mismatches);
		EXPECT_EQ(NR / 2 * FRAME + 7, self->status.first_mismatch);
		edudma_stream_close(self->stream);
	}
	self->stream = NULL;
}

TEST_F(frames, may_be_shorter_than_others)
{
	uint64_t i, end = 0;

	NEED_STREAMS();
	self->options.flags = EDUDMA_STREAM_HEADER;
	ASSERT_EQ(0, machine_set(&self->bed.dev, "short-frames", 3));
	START();
	for (i = 0; i < NR; i++) {
		NEXT();
		EXPECT_EQ(i % 3 == 2 ? FRAME / 2 : FRAME, self->frame->bytes);
		EXPECT_EQ(end, self->frame->position);
		EXPECT_EQ(EDUDMA_FRAME_WHOLE, self->frame->flags);
		EXPECT_EQ(0, edudma_stream_verify(self->stream, self->frame, NULL));
		end += self->frame->bytes;
		RELEASE();
	}
	EXPECT_EQ(0, machine_set(&self->bed.dev, "short-frames", 0));
}

TEST_F(frames, can_be_given_back_once)
{
	const struct edudma_frame *first, other = {};
	unsigned int i;

	NEED_STREAMS();
	START();
	NEXT();
	first = self->frame;
	RELEASE();
	EXPECT_EQ(-EALREADY, edudma_stream_release(self->stream, first));
	EXPECT_EQ(-EINVAL, edudma_stream_release(self->stream, &other));
	EXPECT_EQ(-EINVAL, edudma_stream_release(self->stream, (void *)((char *)first + 1)));
	EXPECT_EQ(-EINVAL, edudma_stream_release(self->stream, first + 1000));
	EXPECT_EQ(-EALREADY, edudma_stream_submit(self->stream, first, 1));
	/* None of these has ended it. */
	for (i = 1; i < NR; i++) {
		NEXT();
		EXPECT_EQ(i, self->frame->sequence);
		RELEASE();
	}
}

TEST_F(frames, can_be_held_and_given_back_in_any_order)
{
	const struct edudma_frame *held[BUFFERS];
	unsigned int i, round;

	NEED_STREAMS();
	START();
	for (round = 0; round < 5; round++) {
		for (i = 0; i < BUFFERS; i++) {
			NEXT();
			EXPECT_EQ(round * BUFFERS + i, self->frame->sequence);
			held[i] = self->frame;
		}
		/* All buffers are here. */
		EXPECT_EQ(-EAGAIN, edudma_stream_next(self->stream, 0, &self->frame));
		for (i = BUFFERS; i--;) {
			EXPECT_EQ(0, edudma_stream_verify(self->stream, held[i], NULL));
			EXPECT_EQ(0, edudma_stream_release(self->stream, held[i]));
		}
	}
}

TEST_F(frames, that_are_lost_are_counted_to_the_byte)
{
	uint64_t bytes = 0, lost = 0, sequence = 0, gaps = 0;

	NEED_STREAMS();
	/* So slow that nothing else is lost. */
	self->options.rate = 50 * FRAME;
	self->options.buffers = 100;
	START();
	NEXT();
	bytes += self->frame->bytes;
	RELEASE();
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-overrun", 3));
	while (!gaps) {
		NEXT();
		bytes += self->frame->bytes;
		EXPECT_EQ(bytes + lost + self->frame->lost,
			  self->frame->position + self->frame->bytes);
		EXPECT_EQ(0, edudma_stream_verify(self->stream, self->frame, NULL));
		gaps = self->frame->sequence - sequence - 1;
		sequence = self->frame->sequence;
		lost += self->frame->lost;
		RELEASE();
	}
	EXPECT_EQ(3, gaps);
	EXPECT_EQ(3 * FRAME, lost);
	EXPECT_EQ(0, edudma_stream_stop(self->stream));
	while (!edudma_stream_next(self->stream, 0, &self->frame)) {
		bytes += self->frame->bytes;
		lost += self->frame->lost;
		RELEASE();
	}
	STATUS();
	EXPECT_EQ(bytes, self->status.delivered);
	EXPECT_LE(lost, self->status.lost);
	EXPECT_EQ(self->status.produced, self->status.delivered + self->status.lost);
}

TEST_F(frames, that_are_lost_can_end_it)
{
	uint64_t next = 0;
	int ret;

	NEED_STREAMS();
	self->options.rate = 1000 * FRAME;
	self->options.policy = EDUDMA_STREAM_END;
	START();
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-overrun", 1));
	while (!(ret = edudma_stream_next(self->stream, SOON, &self->frame))) {
		EXPECT_EQ(next++, self->frame->sequence);
		EXPECT_EQ(0, self->frame->lost);
		RELEASE();
	}
	EXPECT_EQ(-EOVERFLOW, ret);
	EXPECT_EQ(-EOVERFLOW, edudma_stream_next(self->stream, -1, &self->frame));
	STATUS();
	EXPECT_EQ(EOVERFLOW, self->status.error);
	EXPECT_EQ(next * FRAME, self->status.delivered);
	EXPECT_EQ(FRAME, self->status.lost);
}

TEST_F(frames, that_a_sink_is_short_of_are_counted)
{
	unsigned int i;
	uint64_t lost = 0;

	NEED_STREAMS();
	self->options.direction = EDUDMA_TO_DEVICE;
	self->options.frame_bytes = 64;
	/* Faster than any program. */
	self->options.rate = 10000000000ULL;
	self->options.buffers = 1;
	START();
	for (i = 0; i < NR; i++) {
		if (edudma_stream_get(self->stream, &self->frame))
			NEXT();
		lost += self->frame->lost;
		edudma_pattern_fill(EDUDMA_PATTERN_COUNTER, self->frame->data, 64, i * 64, 0, 0);
		EXPECT_EQ(0, edudma_stream_submit(self->stream, self->frame, 64));
	}
	NEXT();
	EXPECT_EQ(self->frame->position, (NR - 1) * 64 + lost + self->frame->lost);
	EXPECT_EQ(self->frame->sequence * 64, self->frame->position);
	EXPECT_LT(0, lost);
	EXPECT_EQ(0, edudma_stream_stop(self->stream));
	STATUS();
	EXPECT_EQ(NR * 64, self->status.delivered);
	EXPECT_EQ(0, self->status.mismatches);
	EXPECT_EQ(self->status.produced, self->status.delivered + self->status.lost);
}

TEST_F(frames, of_a_sink_come_back_from_a_stop)
{
	unsigned int i;

	NEED_STREAMS();
	self->options.direction = EDUDMA_TO_DEVICE;
	self->options.rate = SLOW;
	OPEN();
	for (i = 0; i < BUFFERS; i++) {
		ASSERT_EQ(0, edudma_stream_get(self->stream, &self->frame));
		EXPECT_EQ(-EINVAL, edudma_stream_submit(self->stream, self->frame, 0));
		EXPECT_EQ(-EINVAL, edudma_stream_submit(self->stream, self->frame, FRAME + 1));
		EXPECT_EQ(0, edudma_stream_submit(self->stream, self->frame, FRAME));
	}
	EXPECT_EQ(-EAGAIN, edudma_stream_get(self->stream, &self->frame));
	ASSERT_EQ(0, edudma_stream_start(self->stream));
	EXPECT_EQ(0, edudma_stream_stop(self->stream));
	for (i = 0; i < BUFFERS; i++) {
		NEXT();
		EXPECT_EQ(0, self->frame->bytes);
		EXPECT_EQ(ECANCELED, self->frame->error);
		RELEASE();
	}
	EXPECT_EQ(-ECANCELED, edudma_stream_next(self->stream, -1, &self->frame));
	EXPECT_EQ(0, edudma_stream_get(self->stream, &self->frame));
}

TEST_F(frames, are_there_after_a_stop_and_anew_after_a_start)
{
	unsigned int i, round, got;

	NEED_STREAMS();
	START();
	for (round = 0; round < 3; round++) {
		/* All buffers have a frame. */
		NEXT();
		EXPECT_EQ(0, self->frame->sequence);
		EXPECT_EQ(-EALREADY, edudma_stream_start(self->stream));
		EXPECT_TRUE(WAIT_FOR(({ STATUS(); self->status.frames == BUFFERS; })));
		EXPECT_EQ(0, edudma_stream_stop(self->stream));
		EXPECT_EQ(0, edudma_stream_stop(self->stream));
		RELEASE();
		/* In the last round they are left there. */
		got = round < 2 ? BUFFERS - 1 : 0;
		for (i = 1; i <= got; i++) {
			NEXT();
			EXPECT_EQ(i, self->frame->sequence);
			EXPECT_EQ(0, edudma_stream_verify(self->stream, self->frame, NULL));
			RELEASE();
		}
		if (got)
			EXPECT_EQ(-ECANCELED, edudma_stream_next(self->stream, -1, &self->frame));
		ASSERT_EQ(0, edudma_stream_start(self->stream));
	}
	for (i = 0; i < NR; i++) {
		NEXT();
		EXPECT_EQ(i, self->frame->sequence);
		EXPECT_EQ(i * FRAME, self->frame->position);
		RELEASE();
	}
}

/* System calls that the thread below is caught at. */
static volatile sig_atomic_t caught;

static void on_sigsys(int number)
{
	caught++;
}

/* Where the kernel has no such call, the C library makes poll() of this one. */
#ifndef __NR_poll
#define __NR_poll	__NR_ppoll
#endif

static int trap_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_poll, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog filter = { ARRAY_SIZE(code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* Takes and gives back frames that there are.  Returns how many, or NULL. */
static void *take_what_is_there(void *arg)
{
	struct edudma_stream *stream = arg;
	const struct edudma_frame *frame;
	uintptr_t frames;

	if (trap_calls())
		return NULL;
	for (frames = 0; frames < NR; frames++)
		if (edudma_stream_next(stream, -1, &frame) ||
		    edudma_stream_release(stream, frame))
			break;
	return (void *)frames;
}

TEST_F(frames, that_are_there_need_no_system_call)
{
	pthread_t thread;
	void *frames = NULL;

	NEED_STREAMS();
	self->options.buffers = 10 * NR;
	START();
	EXPECT_TRUE(WAIT_FOR(({ STATUS(); self->status.frames == 10 * NR; })));
	EXPECT_EQ(0, edudma_stream_stop(self->stream));
	signal(SIGSYS, on_sigsys);
	/* A stream that has ended wants no kick, so none of this may call anything. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_what_is_there, self->stream));
	pthread_join(thread, &frames);
	EXPECT_EQ(NR, (uintptr_t)frames);
	EXPECT_EQ(0, caught);
}

TEST_F(frames, that_do_not_come_are_not_waited_for)
{
	NEED_STREAMS();
	self->options.rate = SLOW;
	OPEN();
	EXPECT_EQ(-EPIPE, edudma_stream_next(self->stream, -1, &self->frame));
	ASSERT_EQ(0, edudma_stream_start(self->stream));
	EXPECT_EQ(-EAGAIN, edudma_stream_next(self->stream, 0, &self->frame));
	EXPECT_EQ(-EAGAIN, edudma_stream_next(self->stream, 20, &self->frame));
	EXPECT_EQ(-EINVAL, edudma_stream_get(self->stream, &self->frame));
}

TEST_F(frames, can_be_polled_for)
{
	struct pollfd pollfd;

	NEED_STREAMS();
	OPEN();
	pollfd = (struct pollfd) { .fd = edudma_stream_fd(self->stream), .events = POLLIN };
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	ASSERT_EQ(0, edudma_stream_start(self->stream));
	EXPECT_EQ(1, poll(&pollfd, 1, SOON));
	EXPECT_EQ(POLLIN, pollfd.revents);
	EXPECT_EQ(0, edudma_stream_stop(self->stream));
	while (!edudma_stream_next(self->stream, 0, &self->frame))
		RELEASE();
	EXPECT_EQ(1, poll(&pollfd, 1, SOON));
	EXPECT_EQ(POLLHUP, pollfd.revents);
}

TEST_F(frames, can_be_polled_for_by_io_uring)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	NEED_STREAMS();
	/* Two frames a second: the poll is there before the first one. */
	self->options.rate = 2 * FRAME;
	OPEN();
	ASSERT_EQ(0, io_uring_queue_init(1, &ring, 0));
	io_uring_prep_poll_add(io_uring_get_sqe(&ring), edudma_stream_fd(self->stream), POLLIN);
	/* Who polls a stream that does not run is not woken by that. */
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(0, edudma_stream_start(self->stream));
	ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
	EXPECT_EQ(POLLIN, cqe->res);
	EXPECT_EQ(0, edudma_stream_next(self->stream, 0, &self->frame));
	io_uring_queue_exit(&ring);
}

static void *stop_it(void *arg)
{
	edudma_stream_stop(arg);
	return NULL;
}

TEST_F(frames, are_not_waited_for_after_another_thread_stops_it)
{
	pthread_t thread;

	NEED_STREAMS();
	self->options.rate = SLOW;
	START();
	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_it, self->stream));
	EXPECT_EQ(-ECANCELED, edudma_stream_next(self->stream, -1, &self->frame));
	pthread_join(thread, NULL);
}

TEST_F(frames, can_be_in_memory_of_the_callers)
{
	const size_t stride = 2 * 4096, bytes = BUFFERS * stride;
	uint8_t *memory;
	uint32_t buffer;
	unsigned int i;

	NEED_STREAMS();
	memory = reachable_pages(&self->bed.info, bytes / page_size());
	ASSERT_NE(NULL, memory);
	self->options.memory = memory;
	self->options.memory_bytes = bytes - 1;
	EXPECT_EQ(-EINVAL, open_stream(self));
	self->options.memory_bytes = bytes;
	START();
	for (i = 0; i < NR; i++) {
		NEXT();
		EXPECT_EQ(0, ((uint8_t *)self->frame->data - memory) % stride);
		EXPECT_GT(BUFFERS, ((uint8_t *)self->frame->data - memory) / stride);
		EXPECT_EQ(0, edudma_stream_verify(self->stream, self->frame, NULL));
		RELEASE();
	}
	edudma_stream_close(self->stream);
	self->stream = NULL;

	/* Registered by the library, it is not any more; by the caller, it stays. */
	self->options.buffer = 1;
	EXPECT_EQ(-ENOENT, open_stream(self));
	ASSERT_EQ(0, edudma_buffer_register(self->dev, memory, bytes - stride, &buffer));
	self->options.buffer = buffer;
	EXPECT_EQ(-EFAULT, open_stream(self));
	EXPECT_EQ(0, edudma_buffer_unregister(self->dev, buffer));
	ASSERT_EQ(0, edudma_buffer_register(self->dev, memory, bytes, &buffer));
	self->options.buffer = buffer;
	START();
	NEXT();
	EXPECT_EQ(0, edudma_stream_verify(self->stream, self->frame, NULL));
	edudma_stream_close(self->stream);
	self->stream = NULL;
	EXPECT_EQ(0, edudma_buffer_unregister(self->dev, buffer));
	munmap(memory, bytes);
}

TEST_F(frames, need_options_that_are_known)
{
	struct {
		struct edudma_stream_options known;
		uint64_t unknown;
	} newer = {};

	NEED_STREAMS();
	newer.known = self->options;
	newer.known.size = sizeof(newer);
	newer.unknown = 1;
	EXPECT_EQ(-E2BIG, edudma_stream_open(self->dev, &newer.known, &self->stream));
	newer.unknown = 0;
	ASSERT_EQ(0, edudma_stream_open(self->dev, &newer.known, &self->stream));
	edudma_stream_close(self->stream);
	self->stream = NULL;

	self->options.size--;
	EXPECT_EQ(-EINVAL, open_stream(self));
	self->options.size++;
	self->options.pattern = 3;
	EXPECT_EQ(-EINVAL, open_stream(self));
	self->options.pattern = 0;
	self->options.buffers = EDUDMA_STREAM_MAX_SLOTS + 1;
	EXPECT_EQ(-EINVAL, open_stream(self));
	self->options.buffers = 1;
	self->options.buffer = 1;
	EXPECT_EQ(-EINVAL, open_stream(self));
	EXPECT_EQ(NULL, self->stream);
}

TEST_F(frames, need_a_device_that_is_open_for_them)
{
	struct edudma *dev;

	NEED_STREAMS();
	ASSERT_EQ(0, edudma_open(self->bed.dev.node, O_WRONLY, &dev));
	EXPECT_EQ(-EBADF, edudma_stream_open(dev, &self->options, &self->stream));
	self->options.direction = EDUDMA_TO_DEVICE;
	EXPECT_EQ(0, edudma_stream_open(dev, &self->options, &self->stream));
	edudma_stream_close(self->stream);
	self->stream = NULL;
	edudma_close(dev);
}

TEST_F(frames, need_a_channel)
{
	struct edudma_stream *others[8] = {};
	unsigned int i;

	NEED_STREAMS();
	self->options.rate = SLOW;
	OPEN();
	ASSERT_GE(ARRAY_SIZE(others), self->bed.info.streams);
	for (i = 0; i < self->bed.info.streams; i++) {
		ASSERT_EQ(0, edudma_stream_open(self->dev, &self->options, &others[i]));
		ASSERT_EQ(0, edudma_stream_start(others[i]));
	}
	EXPECT_EQ(-EBUSY, edudma_stream_start(self->stream));
	EXPECT_EQ(0, edudma_stream_stop(others[0]));
	EXPECT_EQ(0, edudma_stream_start(self->stream));
	for (i = 0; i < self->bed.info.streams; i++)
		edudma_stream_close(others[i]);
}

TEST_HARNESS_MAIN
