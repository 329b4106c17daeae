// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams at full speed that are ended at arbitrary moments, by readers that stall: not a
 * byte is delivered that is not accounted for, nor the other way round.
 *
 * Moments come from a seed.  EDUDMA_ROUNDS has each test do so many.
 */
#include "edudma_fixture.h"
#include "edudma_plug.h"
#include "edudma_stream.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define FRAME	(64 * 1024)
#define SLOTS	8
#define RATE	200000000

FIXTURE(storm)
{
	struct bed bed;
	struct stream s;
	struct edudma_stream_create arg;
	unsigned int seed;
	unsigned int rounds;
};

FIXTURE_SETUP(storm)
{
	const char *seed = getenv("EDUDMA_SEED"), *rounds = getenv("EDUDMA_ROUNDS");

	self->s.fd = -1;
	self->bed.fd = -1;
	ASSERT_EQ(0, plug_in(&self->bed.dev));
	BED_OPEN(&self->bed);
	self->seed = seed ? atoi(seed) : 20;
	self->rounds = rounds ? atoi(rounds) : 10;
	TH_LOG("EDUDMA_SEED=%u EDUDMA_ROUNDS=%u", self->seed, self->rounds);
	self->arg = (struct edudma_stream_create) {
		.nr_slots = SLOTS,
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = FRAME,
		.rate = RATE,
	};
}

FIXTURE_TEARDOWN(storm)
{
	stream_close(&self->s);
	close(self->bed.fd);
	self->bed.fd = -1;
	EXPECT_EQ(0, plug_out());
	BED_TEARDOWN(&self->bed);
}

#define NEED_STREAMS(bed) do {						\
	if (!((bed)->info.capabilities & EDUDMA_CAP_STREAMS))		\
		SKIP(return, "the device has no streams");		\
} while (0)

static unsigned int below(FIXTURE_DATA(storm) *self, unsigned int limit)
{
	return rand_r(&self->seed) % limit;
}

/* Takes a frame: what is wrong with it, or 0. */
static int check_frame(struct stream *s, const struct edudma_stream_frame *frame,
		       uint64_t end)
{
	if (!frame->bytes)
		return frame->position || frame->lost;
	if (frame->position != end + frame->lost || frame->bytes > FRAME)
		return 2;
	if (!frame->error && (frame->flags != EDUDMA_FRAME_WHOLE || frame->bytes != FRAME))
		return 3;
	return stream_differs(s, frame, EDUDMA_PATTERN_COUNTER) == frame->bytes ? 0 : 4;
}

/* Reads for a while, with stalls.  What is wrong, or 0. */
static int read_on(FIXTURE_DATA(storm) *self, bool again)
{
	unsigned int left = below(self, 60);
	struct edudma_stream_frame frame;
	struct stream *s = &self->s;
	uint64_t end = s->end;
	int wrong;

	while (again ? left-- && stream_wait(s, &frame) : stream_take(s, &frame)) {
		wrong = check_frame(s, &frame, end);
		if (wrong)
			return wrong;
		end = s->end;
		if (again && !below(self, 8))
			usleep(below(self, 20000));
		if (again)
			stream_give(s, frame.slot, 0);
	}
	return 0;
}

/* A round: how it ends is @how's. */
#define ROUND(how) do {							\
	struct edudma_stream_status status_;				\
									\
	ASSERT_EQ(0, stream_open(&self->s, self->bed.fd, self->arg));	\
	stream_give_all(&self->s);					\
	ASSERT_EQ(0, stream_start(&self->s));				\
	ASSERT_EQ(0, read_on(self, true));				\
	how;								\
	status_ = stream_status(&self->s);				\
	ASSERT_EQ(0, read_on(self, false));				\
	ASSERT_EQ(EDUDMA_STREAM_ENDED, status_.state);			\
	ASSERT_EQ(self->s.delivered, status_.delivered);		\
	ASSERT_EQ(status_.produced, status_.delivered + status_.lost);	\
	ASSERT_EQ(status_.produced - self->s.end, status_.lost - self->s.lost);	\
	ASSERT_EQ(self->s.given, self->s.taken);			\
	stream_unregister(&self->s, self->bed.fd);			\
	stream_close(&self->s);						\
} while (0)

TEST_F_TIMEOUT(storm, of_stops, 600)
{
	unsigned int i;

	NEED_STREAMS(&self->bed);
	for (i = 0; i < self->rounds; i++)
		ROUND(ASSERT_EQ(0, stream_stop(&self->s)));
}

TEST_F_TIMEOUT(storm, of_resets, 600)
{
	unsigned int i;

	NEED_STREAMS(&self->bed);
	for (i = 0; i < self->rounds; i++)
		ROUND(ASSERT_EQ(0, plug_reset(&self->bed.dev)));
}

TEST_F_TIMEOUT(storm, of_unbinds, 600)
{
	unsigned int i;

	NEED_STREAMS(&self->bed);
	for (i = 0; i < self->rounds; i++) {
		ROUND(ASSERT_EQ(0, dev_unbind(&self->bed.dev)));
		close(self->bed.fd);
		ASSERT_EQ(0, dev_bind(&self->bed.dev));
		self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->bed.fd);
	}
}

static void stream_on(struct job_report *report, void *arg)
{
	FIXTURE_DATA(storm) *self = arg;

	report->begun = 1;
	report->err = stream_open(&self->s, self->bed.fd, self->arg);
	stream_give_all(&self->s);
	if (!report->err)
		report->err = stream_start(&self->s);
	report->done = 1;
	while (!report->err && !read_on(self, true))
		;
	report->err = report->err ?: EPROTO;
}

TEST_F_TIMEOUT(storm, of_kills, 1200)
{
	unsigned int i;
	struct job job;

	NEED_STREAMS(&self->bed);
	for (i = 0; i < self->rounds; i++) {
		/* Its file and buffers go with it. */
		close(self->bed.fd);
		self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->bed.fd);
		job_start(&job, stream_on, self);
		ASSERT_TRUE(WAIT_FOR(job.report->begun));
		usleep(below(self, 30000));
		ASSERT_EQ(0, job.report->err);
		kill(job.pid, SIGKILL);
		job_wait(&job);
		self->seed += i;
	}
	/* Nothing of it runs on, and the channel is free. */
	ROUND(ASSERT_EQ(0, stream_stop(&self->s)));
	close(self->bed.fd);
	self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_registered")));
}

TEST_HARNESS_MAIN
