// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine sleeps: the devices' part of it alone, and all of it until the
 * monitor presses a key.  Needs a root that lives through it, and virtual time,
 * so that the key always comes after the machine has fallen asleep.
 */
#include "edudma_fixture.h"
#include "edudma_pci.h"
#include "edudma_qmp.h"
#include "edudma_stream.h"

#include <signal.h>
#include <sys/mman.h>

#define NR		8
#define PART		100
#define KEYBOARD	"/sys/devices/platform/i8042/serio0/power/wakeup"
#define KEYBOARD_IRQ	1
#define TRACING		"/sys/kernel/tracing/"

FIXTURE(suspend)
{
	struct bed bed;
	uint8_t *pages;
	struct edudma_segment segs[NR];
};

FIXTURE_VARIANT(suspend)
{
	const char *pm_test;
};

FIXTURE_VARIANT_ADD(suspend, of_devices) { .pm_test = "devices" };
FIXTURE_VARIANT_ADD(suspend, until_a_key) { .pm_test = "none" };

static bool is_real(const FIXTURE_VARIANT(suspend) *variant)
{
	return !strcmp(variant->pm_test, "none");
}

FIXTURE_SETUP(suspend)
{
	BED_SETUP(&self->bed);
	ASSERT_EQ(0, file_write("/sys/power/pm_test", variant->pm_test));
	ASSERT_EQ(0, file_write("/sys/module/suspend/parameters/pm_test_delay", "0"));
	ASSERT_EQ(0, file_write(KEYBOARD, "enabled"));
	self->pages = shared_pages(NR);
	parts_to_fetch(self->segs, self->pages, NR, PART);
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(suspend)
{
	EXPECT_EQ(0, file_write("/sys/power/pm_test", "none"));
	EXPECT_EQ(0, file_write(TRACING "events/enable", "0"));
	BED_TEARDOWN(&self->bed);
}

/*
 * The key goes down now.  It comes up when the machine sleeps, long after the
 * test has done what it wants to be under way then: that wakes it.
 */
static int press_key(const FIXTURE_VARIANT(suspend) *variant)
{
	struct qmp *qmp;
	int err;

	if (!is_real(variant))
		return 0;
	qmp = malloc(sizeof(*qmp));
	err = qmp_open(qmp);
	if (!err) {
		err = qmp_execute(qmp, "send-key",
				  "{'keys': [{'type': 'qcode', 'data': 'shift'}], 'hold-time': 10000}");
		qmp_close(qmp);
	}
	free(qmp);
	return err;
}

/* After press_key(); 0 or an errno. */
static int sleep_and_wake(const FIXTURE_VARIANT(suspend) *variant)
{
	uint64_t slept = file_read_u64("/sys/power/suspend_stats/success");
	int err;

	err = file_write("/sys/power/state", "freeze");
	if (err || !is_real(variant))
		return err;
	if (file_read_u64("/sys/power/suspend_stats/success") != slept + 1)
		return EAGAIN;
	return file_read_u64("/sys/power/pm_wakeup_irq") == KEYBOARD_IRQ ? 0 : EINTR;
}

static bool under_way(FIXTURE_DATA(suspend) *self)
{
	return WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >=
			self->bed.before.descriptors + 2);
}

/* Files, window and interrupt are what they were. */
static bool works(FIXTURE_DATA(suspend) *self)
{
	memset(self->pages, 0, NR * page_size());
	return !transfer(self->bed.fd, self->segs, NR, 0, NULL) &&
	       parts_received(self->pages, NR, PART, 1) == NR;
}

TEST_F(suspend, leaves_an_idle_device_as_it_was)
{
	ASSERT_EQ(0, press_key(variant));
	ASSERT_EQ(0, sleep_and_wake(variant));
	EXPECT_TRUE(works(self));
	ASSERT_EQ(0, press_key(variant));
	ASSERT_EQ(0, sleep_and_wake(variant));
	EXPECT_TRUE(works(self));
	EXPECT_EQ(self->bed.before.timeouts, stat_get(&self->bed.dev, "timeouts"));
}

TEST_F(suspend, interrupts_a_transfer_and_counts_what_was_done)
{
	struct edudma_transfer *out;
	struct job job;

	ASSERT_EQ(0, press_key(variant));
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(under_way(self));
	ASSERT_EQ(0, sleep_and_wake(variant));
	ASSERT_EQ(0, job_wait(&job));
	out = &job.report->out;
	EXPECT_EQ(EINTR, job.report->err);
	EXPECT_LE(1, out->segments_done);
	EXPECT_GT(NR, out->segments_done);
	EXPECT_EQ(out->segments_done * PART, out->bytes_done);
	EXPECT_EQ(out->segments_done, parts_received(self->pages, NR, PART, 1));
	EXPECT_TRUE(works(self));
}

TEST_F(suspend, has_a_waiting_request_begin_again)
{
	uint8_t *expected = private_pages(1);
	struct job running, waiting;
	int fd;

	fill(expected, NR * PART, 1);
	fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, press_key(variant));
	job_transfer(&running, self->bed.fd, self->segs, NR - 1, 0);
	ASSERT_TRUE(under_way(self));
	job_transfer(&waiting, fd, self->segs + NR - 1, 1, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&waiting)));
	ASSERT_EQ(0, sleep_and_wake(variant));
	ASSERT_EQ(0, job_wait(&running));
	ASSERT_EQ(0, job_wait(&waiting));
	EXPECT_EQ(0, waiting.report->err);
	EXPECT_EQ(1, waiting.report->out.segments_done);
	EXPECT_EQ(0, memcmp(self->pages + (NR - 1) * page_size(),
			    expected + (NR - 1) * PART, PART));
	EXPECT_TRUE(works(self));
	close(fd);
}

TEST_F(suspend, lets_go_of_what_a_killed_process_had_pinned)
{
	struct job job;

	ASSERT_EQ(0, press_key(variant));
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(under_way(self));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_LT(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, sleep_and_wake(variant));
	EXPECT_TRUE(WAIT_FOR(pins_outstanding() == self->bed.pins));
	EXPECT_TRUE(works(self));
}

static void check_for_ever(struct job_report *report, void *arg)
{
	FIXTURE_DATA(suspend) *self = arg;
	struct edudma_segment segs[2];
	uint8_t *buf = private_pages(2), *back = buf + page_size();
	uint32_t seed;
	int err;

	segs[0] = seg_to(buf, PART, NR * PART);
	segs[1] = seg_from(back, PART, NR * PART);
	report->begun = 1;
	for (seed = 10; !report->err; seed++) {
		fill(buf, PART, seed);
		err = transfer(self->bed.fd, segs, 2, 0, NULL);
		if (err == EINTR)
			report->handled++;
		else if (err || differs_at(back, PART, seed) != PART)
			report->err = err ?: EBADMSG;
		else
			__atomic_fetch_add(&report->value, 1, __ATOMIC_SEQ_CST);
	}
}

TEST_F_TIMEOUT(suspend, again_and_again_under_load, 120)
{
	ssize_t count;
	struct job job;
	int i;

	job_start(&job, check_for_ever, self);
	for (i = 0; i < 4; i++) {
		count = job.report->value;
		ASSERT_EQ(0, press_key(variant));
		ASSERT_TRUE(WAIT_FOR(__atomic_load_n(&job.report->value,
						     __ATOMIC_SEQ_CST) > count + 1 ||
				     job.report->err));
		EXPECT_EQ(0, job.report->err);
		ASSERT_EQ(0, sleep_and_wake(variant));
	}
	count = job.report->value;
	EXPECT_TRUE(WAIT_FOR(__atomic_load_n(&job.report->value, __ATOMIC_SEQ_CST) >
			     count + 1));
	EXPECT_EQ(0, job.report->err);
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
}

TEST_F(suspend, wakes_a_device_that_slept_by_itself)
{
	char control[96], delay[96], status[96], now[32];

	snprintf(control, sizeof(control), "/sys/bus/pci/devices/%s/power/control",
		 self->bed.dev.slot);
	snprintf(delay, sizeof(delay), "/sys/bus/pci/devices/%s/power/autosuspend_delay_ms",
		 self->bed.dev.slot);
	snprintf(status, sizeof(status), "/sys/bus/pci/devices/%s/power/runtime_status",
		 self->bed.dev.slot);
	ASSERT_EQ(0, file_write(delay, "0"));
	ASSERT_EQ(0, file_write(control, "auto"));
	EXPECT_TRUE(WAIT_FOR((file_read(status, now, sizeof(now)),
			      !strcmp(now, "suspended"))));
	EXPECT_EQ(0, press_key(variant));
	EXPECT_EQ(0, sleep_and_wake(variant));
	EXPECT_TRUE(works(self));
	EXPECT_EQ(0, file_write(control, "on"));
	EXPECT_EQ(0, file_write(delay, "1000"));
}

/* Its channel forgets what it was told to be. */
TEST_F(suspend, ends_a_stream)
{
	struct edudma_stream_create arg = {
		.nr_slots = 2, .direction = EDUDMA_FROM_DEVICE, .frame_bytes = page_size(),
		.rate = 1000 * page_size(),
	};
	struct edudma_stream_status status;
	struct edudma_stream_frame frame;
	unsigned int back = 0;
	struct stream s;

	if (!(self->bed.info.capabilities & EDUDMA_CAP_STREAMS))
		SKIP(return, "the device has no streams");
	ASSERT_EQ(0, stream_open(&s, self->bed.fd, arg));
	ASSERT_EQ(0, stream_start(&s));
	stream_give_all(&s);
	ASSERT_EQ(0, press_key(variant));
	ASSERT_TRUE(stream_wait(&s, &frame));
	EXPECT_EQ(frame.bytes, stream_differs(&s, &frame, EDUDMA_PATTERN_COUNTER));
	stream_give(&s, frame.slot, 0);
	ASSERT_EQ(0, sleep_and_wake(variant));
	status = stream_status(&s);
	EXPECT_EQ(EDUDMA_STREAM_ENDED, status.state);
	EXPECT_EQ(ESHUTDOWN, status.error);
	EXPECT_EQ(0, status.flags);
	while (stream_take(&s, &frame))
		back++;
	EXPECT_EQ(2, back);
	EXPECT_EQ(s.delivered, status.delivered);
	EXPECT_EQ(status.produced, status.delivered + status.lost);
	EXPECT_EQ(status.produced - s.end, status.lost - s.lost);
	EXPECT_EQ(0, stream_start(&s));
	stream_give(&s, 0, 0);
	EXPECT_TRUE(stream_wait(&s, &frame));
	EXPECT_EQ(0, frame.position);
	stream_close(&s);
	EXPECT_TRUE(works(self));
}

/* The line in which all three stand, or NULL. */
static const char *trace_find(const char *from, const char *what, const char *who,
			      const char *how)
{
	const char *line, *end;
	char text[512];

	for (line = from; *line; line = end + !!*end) {
		end = strchrnul(line, '\n');
		snprintf(text, sizeof(text), "%.*s", (int)(end - line), line);
		if (strstr(text, what) && strstr(text, who) && strstr(text, how))
			return line;
	}
	return NULL;
}

static void trace_clear(void)
{
	int fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		die(TRACING "trace");
	close(fd);
}

static char *trace_read(void)
{
	size_t size = 1 << 20, n = 0;
	char *trace = calloc(1, size);
	ssize_t got;
	int fd;

	fd = open(TRACING "trace", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(TRACING "trace");
	while ((got = read(fd, trace + n, size - 1 - n)) > 0)
		n += got;
	close(fd);
	return trace;
}

/*
 * The transfer of the killed process is under way when the device is told to
 * sleep.  The driver must not say that it does before that has ended.
 */
TEST_F(suspend, waits_for_the_descriptor_that_is_under_way)
{
	const char *told, *asleep, *woken, *interrupt;
	char device[64], *trace;
	struct job job;

	snprintf(device, sizeof(device), "edudma %s", self->bed.dev.slot);
	ASSERT_EQ(0, file_write(TRACING "events/irq/irq_handler_entry/enable", "1"));
	ASSERT_EQ(0, file_write(TRACING "events/power/device_pm_callback_start/enable",
				"1"));
	ASSERT_EQ(0, file_write(TRACING "events/power/device_pm_callback_end/enable",
				"1"));
	ASSERT_EQ(0, press_key(variant));
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(under_way(self));
	trace_clear();
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_EQ(0, sleep_and_wake(variant));

	trace = trace_read();
	told = trace_find(trace, "device_pm_callback_start", device, "bus [suspend]");
	ASSERT_NE(NULL, told);
	asleep = trace_find(told, "device_pm_callback_end", device, "err=0");
	woken = trace_find(told, "device_pm_callback_start", device, "bus [resume]");
	ASSERT_NE(NULL, asleep);
	ASSERT_NE(NULL, woken);
	EXPECT_LT((uintptr_t)asleep, (uintptr_t)woken);
	interrupt = trace_find(told, "irq_handler_entry", "name=edudma", "");
	ASSERT_NE(NULL, interrupt);
	EXPECT_LT((uintptr_t)interrupt, (uintptr_t)asleep)
		TH_LOG("a transfer ended after the device had gone to sleep");
	EXPECT_EQ(NULL, trace_find(asleep, "irq_handler_entry", "name=edudma",
				   ""));
	free(trace);
}

TEST_HARNESS_MAIN
