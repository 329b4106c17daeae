// SPDX-License-Identifier: GPL-2.0-only
/*
 * How streams end: stopped, closed, killed, with a device that fails, is reset or goes.
 * All slots come back, and what was produced is accounted for.
 */
#include "edudma_fixture.h"
#include "edudma_kmsg.h"
#include "edudma_machine.h"
#include "edudma_plug.h"
#include "edudma_stream.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define FRAME		5000
#define SLOTS		4
#define SLOW		(FRAME / 10)	/* bytes per second: no frame in a test's time */
#define SHORT_MS	300

FIXTURE(ended)
{
	struct bed bed;
	struct stream s;
	struct edudma_stream_create arg;
	uint64_t timeout_ms;
	bool plugged;
};

FIXTURE_SETUP(ended)
{
	self->s.fd = -1;
	BED_SETUP(&self->bed);
	self->timeout_ms = param_get("timeout_ms");
	self->arg = (struct edudma_stream_create) {
		.nr_slots = SLOTS,
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = FRAME,
	};
}

FIXTURE_TEARDOWN(ended)
{
	stream_close(&self->s);
	param_set("timeout_ms", self->timeout_ms);
	machine_set(&self->bed.dev, "fault-stall", 0);
	machine_set(&self->bed.dev, "fault-drop-irq", 0);
	if (self->plugged) {
		close(self->bed.fd);
		self->bed.fd = -1;
		EXPECT_EQ(0, plug_out());
	}
	BED_TEARDOWN(&self->bed);
	if (!access(self->bed.dev.sysfs, F_OK)) {
		EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_registered")));
	}
}

#define NEED_STREAMS(bed) do {						\
	if (!((bed)->info.capabilities & EDUDMA_CAP_STREAMS))		\
		SKIP(return, "the device has no streams");		\
} while (0)

#define BEGIN() do {							\
	ASSERT_EQ(0, stream_open(&self->s, self->bed.fd, self->arg));	\
	ASSERT_EQ(0, stream_start(&self->s));				\
	stream_give_all(&self->s);					\
} while (0)

/* How many slots come back with this error; -1 if one comes back otherwise or twice. */
static int slots_back(struct stream *s, unsigned int error)
{
	struct edudma_stream_frame frame;
	unsigned int seen = 0;

	while (stream_take(s, &frame)) {
		if (frame.error != error || seen & 1U << frame.slot)
			return -1;
		seen |= 1U << frame.slot;
	}
	return __builtin_popcount(seen);
}

#define EXPECT_ENDED(why) do {						\
	struct edudma_stream_status status_;				\
									\
	EXPECT_TRUE(WAIT_FOR(self->s.rings->flags == EDUDMA_RINGS_ENDED));	\
	status_ = stream_status(&self->s);				\
	EXPECT_EQ(EDUDMA_STREAM_ENDED, status_.state);			\
	EXPECT_EQ((why), status_.error);				\
	EXPECT_EQ(status_.produced, status_.delivered + status_.lost);	\
} while (0)

/* It can be started again, and begins at 0. */
#define EXPECT_STARTS_AGAIN() do {					\
	struct edudma_stream_frame frame_;				\
									\
	ASSERT_EQ(0, stream_start(&self->s));				\
	stream_give(&self->s, 1, 0);					\
	ASSERT_TRUE(stream_wait(&self->s, &frame_));			\
	EXPECT_EQ(0, frame_.error);					\
	EXPECT_EQ(0, frame_.position);					\
	EXPECT_EQ(FRAME, stream_differs(&self->s, &frame_, self->arg.pattern));	\
} while (0)

TEST_F(ended, stop_gives_all_slots_back)
{
	NEED_STREAMS(&self->bed);
	self->arg.rate = SLOW;
	BEGIN();
	ASSERT_EQ(0, stream_stop(&self->s));
	EXPECT_EQ(SLOTS, slots_back(&self->s, ECANCELED));
	EXPECT_ENDED(ECANCELED);
	EXPECT_EQ(0, stream_stop(&self->s));
}

TEST_F(ended, a_frame_that_stop_cuts_short_is_told_and_counted)
{
	struct edudma_stream_status status;
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	self->arg.nr_slots = 1;
	self->arg.frame_bytes = 1 << 20;
	/* Half a second for a frame, in slices of 64 KiB. */
	ASSERT_EQ(0, machine_set(&self->bed.dev, "bandwidth", 2 << 20));
	ASSERT_EQ(0, stream_open(&self->s, self->bed.fd, self->arg));
	memset(self->s.memory, 0, self->arg.frame_bytes);
	ASSERT_EQ(0, stream_start(&self->s));
	stream_give(&self->s, 0, 0);
	while (((volatile uint8_t *)self->s.memory)[65536 + 8] == 0)
		usleep(1000);
	ASSERT_EQ(0, stream_stop(&self->s));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "bandwidth", 0));
	ASSERT_TRUE(stream_take(&self->s, &frame));
	EXPECT_EQ(ECANCELED, frame.error);
	EXPECT_EQ(0, frame.flags);
	EXPECT_LT(65536, frame.bytes);
	EXPECT_GT(1 << 20, frame.bytes);
	EXPECT_EQ(frame.bytes, stream_differs(&self->s, &frame, self->arg.pattern));
	status = stream_status(&self->s);
	EXPECT_EQ(1 << 20, status.produced);
	EXPECT_EQ(frame.bytes, status.delivered);
	EXPECT_EQ((1 << 20) - frame.bytes, status.lost);
}

TEST_F(ended, it_can_be_started_again)
{
	NEED_STREAMS(&self->bed);
	BEGIN();
	EXPECT_EQ(EALREADY, stream_start(&self->s));
	EXPECT_TRUE(WAIT_FOR(self->s.rings->frame_tail == SLOTS));
	ASSERT_EQ(0, stream_stop(&self->s));
	EXPECT_EQ(SLOTS, slots_back(&self->s, 0));
	EXPECT_EQ(ECANCELED, stream_status(&self->s).error);
	EXPECT_STARTS_AGAIN();
	EXPECT_EQ(EDUDMA_STREAM_RUNNING, stream_status(&self->s).state);
	EXPECT_EQ(0, stream_status(&self->s).error);
}

TEST_F(ended, its_channel_is_given_back)
{
	struct stream other;

	NEED_STREAMS(&self->bed);
	self->arg.rate = SLOW;
	BEGIN();
	ASSERT_EQ(0, stream_open(&other, self->bed.fd, self->arg));
	if (self->bed.info.streams == 1)
		EXPECT_EQ(EBUSY, stream_start(&other));
	ASSERT_EQ(0, stream_stop(&self->s));
	EXPECT_EQ(0, stream_start(&other));
	EXPECT_EQ(EBUSY, stream_start(&self->s));
	stream_close(&other);
	EXPECT_EQ(0, stream_start(&self->s));
}

TEST_F(ended, closing_it_ends_it)
{
	NEED_STREAMS(&self->bed);
	self->arg.rate = SLOW;
	BEGIN();
	stream_close(&self->s);
	BEGIN();
}

TEST_F(ended, it_outlives_the_nodes_file_and_the_buffers_number)
{
	struct edudma_buffer_unregister arg = { };
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	BEGIN();
	arg.buffer = self->s.buffer;
	EXPECT_EQ(0, ioctl(self->bed.fd, EDUDMA_IOC_BUFFER_UNREGISTER, &arg));
	close(self->bed.fd);
	self->bed.fd = -1;
	do {
		ASSERT_TRUE(stream_wait(&self->s, &frame));
		EXPECT_EQ(FRAME, stream_differs(&self->s, &frame, self->arg.pattern));
		stream_give(&self->s, frame.slot, 0);
	} while (frame.sequence < 3 * SLOTS);
	EXPECT_LT(0, stat_get(&self->bed.dev, "pages_registered"));
}

static void stream_in_child(struct job_report *report, void *arg)
{
	FIXTURE_DATA(ended) *self = arg;

	report->begun = 1;
	report->err = stream_open(&self->s, self->bed.fd, self->arg);
	if (!report->err)
		report->err = stream_start(&self->s);
	stream_give_all(&self->s);
	report->done = 1;
	pause();
}

TEST_F(ended, killing_its_process_ends_it)
{
	struct job job;

	NEED_STREAMS(&self->bed);
	self->arg.rate = 1000 * FRAME;
	job_start(&job, stream_in_child, self);
	ASSERT_TRUE(WAIT_FOR(job.report->done));
	ASSERT_EQ(0, job.report->err);
	kill(job.pid, SIGKILL);
	job_wait(&job);
	BEGIN();
}

TEST_F(ended, a_stall_is_a_timeout)
{
	NEED_STREAMS(&self->bed);
	ASSERT_EQ(0, param_set("timeout_ms", SHORT_MS));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall",
				 1 << self->bed.info.channels));
	self->arg.rate = 1000 * FRAME;
	BEGIN();
	EXPECT_ENDED(ETIMEDOUT);
	EXPECT_EQ(SLOTS, slots_back(&self->s, ETIMEDOUT));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	ASSERT_EQ(0, param_set("timeout_ms", self->timeout_ms));
	EXPECT_STARTS_AGAIN();
}

TEST_F(ended, a_slow_rate_is_no_timeout)
{
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	ASSERT_EQ(0, param_set("timeout_ms", SHORT_MS));
	/* A frame takes twice as long. */
	self->arg.rate = FRAME * 1000 / SHORT_MS / 2;
	BEGIN();
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_EQ(0, frame.error);
	EXPECT_EQ(FRAME, frame.bytes);
}

TEST_F(ended, a_lost_interrupt_loses_nothing)
{
	struct edudma_stream_frame frame;
	uint64_t lost = stat_get(&self->bed.dev, "interrupts_lost");

	NEED_STREAMS(&self->bed);
	ASSERT_EQ(0, param_set("timeout_ms", SHORT_MS));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-drop-irq", SLOTS));
	BEGIN();
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	EXPECT_EQ(0, frame.error);
	EXPECT_EQ(lost + 1, stat_get(&self->bed.dev, "interrupts_lost"));
}

/* The device reports nonsense, or fails: the stream ends with EIO. */
#define EXPECT_FAILS(property) do {					\
	BEGIN();							\
	EXPECT_TRUE(WAIT_FOR(self->s.rings->frame_tail == SLOTS));	\
	while (stream_take(&self->s, &(struct edudma_stream_frame) { }))	\
		;							\
	ASSERT_EQ(0, machine_set(&self->bed.dev, property, 1));	\
	stream_give(&self->s, 0, 0);					\
	EXPECT_ENDED(EIO);						\
	EXPECT_EQ(1, slots_back(&self->s, EIO));			\
	EXPECT_STARTS_AGAIN();						\
} while (0)

TEST_F(ended, a_bus_error_ends_it)
{
	NEED_STREAMS(&self->bed);
	EXPECT_FAILS("fault-fail");
}

TEST_F(ended, a_wrong_index_ends_it)
{
	NEED_STREAMS(&self->bed);
	EXPECT_FAILS("fault-wrong");
}

TEST_F(ended, more_bytes_than_the_slot_has_end_it)
{
	NEED_STREAMS(&self->bed);
	EXPECT_FAILS("fault-excess");
}

TEST_F(ended, a_position_that_goes_back_ends_it)
{
	NEED_STREAMS(&self->bed);
	EXPECT_FAILS("fault-position");
}

TEST_F(ended, what_an_overrun_loses_is_counted)
{
	struct edudma_stream_frame frame;

	NEED_STREAMS(&self->bed);
	self->arg.rate = 20 * FRAME;
	BEGIN();
	ASSERT_TRUE(stream_wait(&self->s, &frame));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-overrun", 2));
	do {
		stream_give(&self->s, frame.slot, 0);
		ASSERT_TRUE(stream_wait(&self->s, &frame));
	} while (!frame.lost);
	EXPECT_EQ(2 * FRAME, frame.lost);
	EXPECT_EQ(frame.sequence * FRAME, frame.position);
	EXPECT_EQ(FRAME, stream_differs(&self->s, &frame, self->arg.pattern));
}

TEST_F(ended, unbinding_ends_it)
{
	struct pollfd pfd = { .events = POLLIN };

	NEED_STREAMS(&self->bed);
	self->arg.rate = SLOW;
	BEGIN();
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_ENDED(ENODEV);
	EXPECT_EQ(0, stream_status(&self->s).flags);
	EXPECT_EQ(SLOTS, slots_back(&self->s, ENODEV));
	pfd.fd = self->s.fd;
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP, pfd.revents);
	EXPECT_EQ(ENODEV, stream_start(&self->s));
	stream_close(&self->s);
	close(self->bed.fd);
	self->bed.fd = -1;
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
}

TEST_F(ended, a_reset_ends_it)
{
	NEED_STREAMS(&self->bed);
	close(self->bed.fd);
	ASSERT_EQ(0, plug_in(&self->bed.dev));
	self->plugged = true;
	BED_OPEN(&self->bed);
	self->arg.rate = SLOW;
	BEGIN();
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	EXPECT_ENDED(ESHUTDOWN);
	EXPECT_EQ(0, stream_status(&self->s).flags);
	EXPECT_EQ(SLOTS, slots_back(&self->s, ESHUTDOWN));
	self->arg.rate = 0;
	stream_close(&self->s);
	BEGIN();
	EXPECT_TRUE(WAIT_FOR(self->s.rings->frame_tail == SLOTS));
	stream_close(&self->s);
}

TEST_F(ended, unplugging_ends_it)
{
	NEED_STREAMS(&self->bed);
	close(self->bed.fd);
	ASSERT_EQ(0, plug_in(&self->bed.dev));
	self->plugged = true;
	BED_OPEN(&self->bed);
	self->arg.rate = SLOW;
	BEGIN();
	ASSERT_EQ(0, plug_out());
	self->plugged = false;
	EXPECT_ENDED(ENODEV);
	EXPECT_EQ(SLOTS, slots_back(&self->s, ENODEV));
	stream_close(&self->s);
	close(self->bed.fd);
	self->bed.fd = -1;
}

TEST_F(ended, the_device_stays_awake_while_it_runs)
{
	char path[96], text[16];

	NEED_STREAMS(&self->bed);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control",
		 self->bed.dev.slot);
	ASSERT_EQ(0, file_write(path, "auto"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status",
		 self->bed.dev.slot);
	self->arg.rate = SLOW;
	BEGIN();
	sleep(2);
	file_read(path, text, sizeof(text));
	EXPECT_STREQ("active", text);
	ASSERT_EQ(0, stream_stop(&self->s));
	EXPECT_TRUE(WAIT_FOR(({ file_read(path, text, sizeof(text));
				!strcmp(text, "suspended"); })));
	self->arg.rate = 0;
	EXPECT_EQ(SLOTS, slots_back(&self->s, ECANCELED));
	ASSERT_EQ(0, stream_start(&self->s));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control",
		 self->bed.dev.slot);
	ASSERT_EQ(0, file_write(path, "on"));
}

TEST_HARNESS_MAIN
