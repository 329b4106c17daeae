// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that fails, lies, stalls or goes silent: what its driver then does.
 * The faults are made by QEMU (docs/edu-sg.md, "Faults").
 */
#include "edudma_aio.h"
#include "edudma_fixture.h"
#include "edudma_kmsg.h"
#include "edudma_machine.h"
#include "edudma_pci.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define NR		8	/* segments, each a descriptor */
#define PART		100	/* bytes of each */

/*
 * The timeout is short only where one is to come.  Everything else has one that a
 * host which is busy does not reach.
 */
#define SHORT_MS	300
#define LONG_MS		600000
#define PROGRESS_MS	1000	/* where each descriptor takes a part of it */
#define OLD		50	/* the window's pattern before the test */
#define NEW		60	/* that of the first segment's source */

FIXTURE(device)
{
	struct bed bed;
	uint64_t timeout_ms;
	uint8_t *buf;		/* shared with children */
	struct edudma_segment segs[NR];
	bool died;
};

/* Two segments never continue each other: the later one lies before. */
static uint64_t offset_of(unsigned int i)
{
	return (NR - 1 - i) * PART;
}

FIXTURE_SETUP(device)
{
	unsigned int i;

	BED_SETUP(&self->bed);
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	self->timeout_ms = param_get("timeout_ms");
	ASSERT_EQ(0, param_set("timeout_ms", LONG_MS));
	self->buf = shared_pages(1);
	for (i = 0; i < NR; i++) {
		fill(self->buf, PART, OLD + i);
		ASSERT_EQ(0, transfer1(self->bed.fd,
				       seg_to(self->buf, PART, offset_of(i))));
	}
	for (i = 0; i < NR; i++) {
		fill(self->buf + i * PART, PART, NEW + i);
		self->segs[i] = seg_to(self->buf + i * PART, PART, offset_of(i));
	}
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(device)
{
	param_set("timeout_ms", self->timeout_ms);
	machine_set(&self->bed.dev, "fault-stall", 0);
	if (self->died) {
		/* It has forgotten all channels: begin anew. */
		machine_set_bool(&self->bed.dev, "fault-dead", false);
		close(self->bed.fd);
		self->bed.fd = -1;
		EXPECT_EQ(0, dev_unbind(&self->bed.dev));
		EXPECT_EQ(0, dev_restore(&self->bed.dev));
	}
	machine_set(&self->bed.dev, "fault-drop-irq", 0);
	machine_set(&self->bed.dev, "latency", 0);
	munmap(self->buf, page_size());
	BED_TEARDOWN(&self->bed);
}

/* Which pattern a part of the window has, behind the driver's back. */
static bool part_is(FIXTURE_DATA(device) *self, unsigned int i, uint32_t seed)
{
	uint8_t *window = mmap(NULL, page_size(), PROT_READ, MAP_SHARED,
			       self->bed.fd, 0);
	bool same = window != MAP_FAILED &&
		    differs_at(window + offset_of(i), PART, seed) == PART;

	munmap(window, page_size());
	return same;
}

/* The whole request, which the device does not do in time; 0 or an errno. */
static int transfer_late(FIXTURE_DATA(device) *self, struct edudma_transfer *out)
{
	int err;

	param_set("timeout_ms", SHORT_MS);
	err = transfer(self->bed.fd, self->segs, NR, 0, out);
	param_set("timeout_ms", LONG_MS);
	return err;
}

/* The whole request, which must work. */
#define EXPECT_WORKS() do {						\
	struct edudma_transfer again_;					\
									\
	EXPECT_EQ(0, transfer(self->bed.fd, self->segs, NR, 0, &again_));	\
	EXPECT_EQ(NR * PART, again_.bytes_done);			\
	for (unsigned int i_ = 0; i_ < NR; i_++)			\
		EXPECT_TRUE(part_is(self, i_, NEW + i_));		\
} while (0)

TEST_F(device, that_fails_a_descriptor_fails_the_request)
{
	struct edudma_transfer out;
	struct stats delta;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-fail", 1));
	EXPECT_EQ(EIO, transfer(self->bed.fd, self->segs, NR, 0, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.errors);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(0, delta.bytes_to_device);
	EXPECT_EQ(0, delta.pages_leaked);
	EXPECT_WORKS();
}

TEST_F(device, that_fails_a_descriptor_executes_none_behind_it)
{
	unsigned int i;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-fail", 1));
	ASSERT_EQ(EIO, transfer(self->bed.fd, self->segs, NR, 0, NULL));
	for (i = 0; i < NR; i++)
		EXPECT_TRUE(part_is(self, i, OLD + i));
}

TEST_F(device, that_fails_a_read_makes_it_eio)
{
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-fail", 1));
	EXPECT_EQ(-1, pread(self->bed.fd, self->buf, PART, 0));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(PART, pread(self->bed.fd, self->buf, PART, 0));
}

TEST_F(device, that_completes_another_descriptor_is_not_believed)
{
	struct edudma_transfer out;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-wrong", 1));
	EXPECT_EQ(EIO, transfer(self->bed.fd, self->segs, NR, 0, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_WORKS();
}

TEST_F(device, that_completes_a_descriptor_twice_is_not_believed)
{
	struct edudma_transfer out;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-repeat", 1));
	EXPECT_EQ(EIO, transfer(self->bed.fd, self->segs, NR, 0, &out));
	EXPECT_EQ(PART, out.bytes_done);
	EXPECT_EQ(1, out.segments_done);
	EXPECT_WORKS();
}

/* All that was asked was done: only what comes next must not be confused. */
TEST_F(device, that_completes_the_last_descriptor_twice_disturbs_nobody)
{
	struct edudma_transfer out;
	int i;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-repeat", 1));
	EXPECT_EQ(0, transfer(self->bed.fd, self->segs, 1, 0, &out));
	EXPECT_EQ(PART, out.bytes_done);
	for (i = 0; i < 3; i++)
		EXPECT_WORKS();
}

TEST_F(device, that_completes_out_of_order_is_not_believed)
{
	struct edudma_transfer out;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-swap", 1));
	EXPECT_EQ(EIO, transfer(self->bed.fd, self->segs, NR, 0, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_WORKS();
}

TEST_F(device, that_claims_more_than_it_was_asked_is_not_believed)
{
	struct edudma_transfer out;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-excess", 1));
	EXPECT_EQ(EIO, transfer(self->bed.fd, self->segs, NR, 0, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_WORKS();
}

/* The count wraps to less than was asked: no less a lie. */
TEST_F(device, that_claims_less_than_all_is_not_believed)
{
	struct edudma_transfer out;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-excess", UINT32_MAX));
	EXPECT_EQ(EIO, transfer(self->bed.fd, self->segs, NR, 0, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_WORKS();
}

TEST_F(device, that_stalls_is_timed_out)
{
	struct edudma_transfer out;
	struct stats delta;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	EXPECT_EQ(ETIMEDOUT, transfer_late(self, &out));
	EXPECT_EQ(0, out.bytes_done);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.timeouts);
	EXPECT_EQ(1, delta.errors);
	EXPECT_EQ(0, delta.pages_pinned);
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	/* What it was given then is forgotten. */
	EXPECT_TRUE(part_is(self, 0, OLD));
	EXPECT_WORKS();
}

/* Nobody waits for them, so nobody but the driver sees to their end. */
TEST_F(device, that_stalls_ends_each_asynchronous_request_once)
{
	aio_context_t context = aio_begin();
	uint8_t *pages = private_pages(NR);
	struct stats delta;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	ASSERT_EQ(0, param_set("timeout_ms", SHORT_MS));
	aio_submit(context, self->bed.fd, IOCB_CMD_PWRITE, pages, PART, NR - 1);
	EXPECT_EQ(NR - 1, aio_results(context, NR - 1, -ETIMEDOUT));
	ASSERT_EQ(0, param_set("timeout_ms", LONG_MS));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(NR - 1, delta.errors);
	EXPECT_EQ(0, delta.bytes_to_device);
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_async"));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_TRUE(part_is(self, NR - 1, OLD + NR - 1));
	EXPECT_WORKS();
	aio_end(context);
	munmap(pages, NR * page_size());
}

/* Those behind the one that failed are linked to it, and end with it. */
TEST_F(device, that_fails_ends_each_asynchronous_request_once)
{
	aio_context_t context = aio_begin();
	uint8_t *pages = private_pages(NR);
	struct stats delta;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-fail", 1));
	aio_submit(context, self->bed.fd, IOCB_CMD_PWRITE, pages, PART, NR - 1);
	EXPECT_EQ(NR - 1, aio_results(context, NR - 1, -EIO));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(NR - 1, delta.errors);
	EXPECT_TRUE(part_is(self, NR - 1, OLD + NR - 1));
	EXPECT_WORKS();
	aio_end(context);
	munmap(pages, NR * page_size());
}

/* What is submitted at once is one list to the device: one doorbell, one interrupt. */
TEST_F(device, that_is_given_many_requests_at_once_interrupts_once)
{
	aio_context_t context = aio_begin();
	uint8_t *pages = private_pages(NR);
	struct stats delta;

	aio_submit(context, self->bed.fd, IOCB_CMD_PWRITE, pages, PART, NR - 1);
	EXPECT_EQ(NR - 1, aio_results(context, NR - 1, PART));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(NR - 1, delta.requests);
	EXPECT_EQ(NR - 1, delta.descriptors);
	EXPECT_EQ(1, delta.interrupts);
	aio_end(context);
	munmap(pages, NR * page_size());
}

static bool has_returned(const struct job *job)
{
	return __atomic_load_n(&job->report->done, __ATOMIC_SEQ_CST);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/*
 * Watch the device at work on @nr segments, which the window does not hold yet,
 * and which it was given at @since at the earliest.  Was it slower than it was told
 * to be: did it take most of a timeout for one of them, or to say that all were
 * done?  Then the host was busy.
 */
static bool device_was_late(FIXTURE_DATA(device) *self, const struct job *job,
			    unsigned int nr, uint64_t since)
{
	/* The last progress came after @since, which is when it was not there yet. */
	uint64_t looked = since, now, longest = 0;
	unsigned int seen = 0;
	bool returned;

	do {
		returned = has_returned(job);
		now = now_ms();
		if (now - since > longest)
			longest = now - since;
		while (seen < nr && part_is(self, seen, NEW + seen)) {
			seen++;
			since = looked;
		}
		looked = now;
		usleep(1000);
	} while (!returned);
	return longest > PROGRESS_MS * 3 / 4 ||
	       (seen == nr && job->report->err == ETIMEDOUT);
}

/* The window as it was before the test. */
static bool make_old(FIXTURE_DATA(device) *self)
{
	uint8_t *old = private_pages(1);
	bool good = true;
	unsigned int i;

	for (i = 0; i < NR; i++) {
		fill(old, PART, OLD + i);
		good &= !transfer1(self->bed.fd, seg_to(old, PART, offset_of(i)));
	}
	munmap(old, page_size());
	return good;
}

/*
 * A request of @nr segments of which each takes @ms; 0 or an errno.  If it times
 * out and the device was late, that says nothing.
 */
static int transfer_slowly(FIXTURE_DATA(device) *self, unsigned int nr,
			   unsigned int ms, bool *late)
{
	struct job job;
	uint64_t start;

	param_set("timeout_ms", PROGRESS_MS);
	machine_set(&self->bed.dev, "latency", ms * 1000000ULL);
	start = now_ms();
	job_transfer(&job, self->bed.fd, self->segs, nr, 0);
	*late = device_was_late(self, &job, nr, start);
	machine_set(&self->bed.dev, "latency", 0);
	param_set("timeout_ms", LONG_MS);
	return job_wait(&job) ? -1 : job.report->err;
}

/* Each descriptor takes less than the timeout, all of them take longer. */
TEST_F_TIMEOUT(device, that_is_slow_but_works_is_not_timed_out, 120)
{
	struct stats delta;
	bool late;
	int err;

	do {
		ASSERT_TRUE(make_old(self));
		stats_get(&self->bed.dev, &self->bed.before);
		err = transfer_slowly(self, NR, PROGRESS_MS / 4, &late);
	} while (err == ETIMEDOUT && late);
	EXPECT_EQ(0, err);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(NR * PART, delta.bytes_to_device);
}

TEST_F(device, that_loses_an_interrupt_has_done_the_request)
{
	struct edudma_transfer out;
	struct stats delta;
	int kmsg = kmsg_open();
	unsigned int i;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-drop-irq", 1));
	EXPECT_EQ(0, transfer_late(self, &out));
	EXPECT_EQ(NR * PART, out.bytes_done);
	for (i = 0; i < NR; i++)
		EXPECT_TRUE(part_is(self, i, NEW + i));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.interrupts_lost);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(0, delta.errors);
	EXPECT_EQ(0, delta.spurious_interrupts);
	EXPECT_TRUE(kmsg_says(kmsg, "interrupt", "lost"));
	EXPECT_FALSE(kmsg_says(kmsg, "interrupt", "lost"));
	EXPECT_WORKS();
	close(kmsg);
}

TEST_F(device, that_reads_as_ones_times_out_and_works_when_it_is_back)
{
	struct stats delta;

	self->died = true;
	ASSERT_EQ(0, machine_set_bool(&self->bed.dev, "fault-dead", true));
	EXPECT_EQ(ETIMEDOUT, transfer_late(self, NULL));
	EXPECT_EQ(ETIMEDOUT, transfer_late(self, NULL));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.pages_pinned);
	EXPECT_EQ(0, delta.pages_leaked);
	ASSERT_EQ(0, machine_set_bool(&self->bed.dev, "fault-dead", false));
	/* Its channels are disabled; the first to notice sets them up again. */
	WAIT_FOR(!transfer_late(self, NULL));
	EXPECT_WORKS();
}

/* Kill the device under a request; true if that was before the request's timeout. */
static bool dies_under_a_request(FIXTURE_DATA(device) *self, struct job *job)
{
	bool in_time;

	bed_mark(&self->bed);
	machine_set(&self->bed.dev, "fault-stall", 0xff);
	param_set("timeout_ms", SHORT_MS);
	job_transfer(job, self->bed.fd, self->segs, NR, 0);
	in_time = WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			   self->bed.before.descriptors + NR) &&
		  !machine_set_bool(&self->bed.dev, "fault-dead", true) &&
		  stat_get(&self->bed.dev, "timeouts") == self->bed.before.timeouts;
	param_set("timeout_ms", LONG_MS);
	return in_time;
}

TEST_F(device, that_dies_under_a_request_lets_it_go)
{
	struct job job;

	self->died = true;
	/* The request may be over first; the limit of the test ends this. */
	while (!dies_under_a_request(self, &job)) {
		ASSERT_EQ(0, job_wait(&job));
		ASSERT_EQ(0, machine_set_bool(&self->bed.dev, "fault-dead", false));
	}
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(ETIMEDOUT, job.report->err);
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_pinned"));
}

static unsigned int returned(const struct job *jobs, unsigned int nr)
{
	unsigned int i, count = 0;

	for (i = 0; i < nr; i++)
		count += has_returned(&jobs[i]);
	return count;
}

TEST_F(device, that_stalls_on_one_channel_works_on_the_others)
{
	unsigned int i, channels = self->bed.info.channels;
	struct edudma_segment seg = seg_to(self->buf, PART, 0);
	struct job jobs[channels];
	int fds[channels];

	ASSERT_LT(1, channels);
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 1));
	for (i = 0; i < channels; i++) {
		fds[i] = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
		job_transfer(&jobs[i], fds[i], &seg, 1, 0);
	}
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + channels));
	EXPECT_TRUE(WAIT_FOR(returned(jobs, channels) == channels - 1));
	/* One more: that of the channel which stalls, and must not come before. */
	EXPECT_EQ(1, stat_get(&self->bed.dev, "pages_pinned"));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	for (i = 0; i < channels; i++) {
		ASSERT_EQ(0, job_wait(&jobs[i]));
		EXPECT_EQ(0, jobs[i].report->err);
		close(fds[i]);
	}
}

TEST_F(device, that_stalls_is_taken_a_killed_request_at_once)
{
	struct stats delta;
	struct job job;

	/* With a timeout that does not come only the abort can end it. */
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + NR));
	EXPECT_EQ(NR, stat_get(&self->bed.dev, "pages_pinned"));
	kill(job.pid, SIGKILL);
	job_wait(&job);
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.cancelled);
	EXPECT_EQ(0, delta.timeouts);
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_TRUE(part_is(self, 0, OLD));
	EXPECT_WORKS();
}

/* Has the process a signal that it has not handled yet, SIGUSR1? */
static bool signal_is_pending(pid_t pid)
{
	unsigned long long pending = 0;
	char path[32], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "ShdPnd: %llx", &pending) == 1)
			break;
	if (file)
		fclose(file);
	return pending & 1ULL << (SIGUSR1 - 1);
}

static void on_signal(int sig)
{
}

/* The request of a fixture, in a child that survives SIGUSR1. */
static void interruptible(struct job_report *report, void *arg)
{
	struct sigaction action = { .sa_handler = on_signal };
	FIXTURE_DATA(device) *self = arg;

	sigaction(SIGUSR1, &action, NULL);
	report->begun = 1;
	report->err = transfer(self->bed.fd, self->segs, NR, 0, &report->out);
}

/* All of it is with the device when the signal comes. */
TEST_F(device, that_has_begun_a_request_moves_some_although_a_signal_comes)
{
	struct edudma_transfer *out;
	struct stats delta;
	struct job job;
	unsigned int i;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	job_start(&job, interruptible, self);
	out = &job.report->out;
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + NR));
	ASSERT_TRUE(WAIT_FOR(job_asleep(&job)));
	kill(job.pid, SIGUSR1);
	/* The handler runs when the call is over. */
	EXPECT_TRUE(WAIT_FOR(signal_is_pending(job.pid)));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	ASSERT_EQ(0, job_wait(&job));
	/* As far as it came until that was noticed, and not a byte further. */
	EXPECT_LE(1, out->segments_done);
	EXPECT_EQ(out->segments_done < NR ? EINTR : 0, job.report->err);
	EXPECT_EQ(out->segments_done * PART, out->bytes_done);
	for (i = 0; i < NR; i++)
		EXPECT_TRUE(part_is(self, i, i < out->segments_done ? NEW + i : OLD));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(out->bytes_done, delta.bytes_to_device);
	EXPECT_EQ(out->segments_done < NR, delta.cancelled);
}

/*
 * A request of which the watchdog sees several descriptors finished, then a kill;
 * false if it ended before.
 */
static bool transfer_killed(FIXTURE_DATA(device) *self)
{
	struct job job;

	param_set("timeout_ms", PROGRESS_MS);
	machine_set(&self->bed.dev, "latency", PROGRESS_MS / 4 * 1000000ULL);
	job_start(&job, interruptible, self);
	/* The watchdog has looked when three of them were done. */
	WAIT_FOR(part_is(self, 5, NEW + 5) || has_returned(&job));
	kill(job.pid, SIGKILL);
	if (job_wait(&job) != SIGKILL)
		return false;
	machine_set(&self->bed.dev, "latency", 0);
	param_set("timeout_ms", LONG_MS);
	return true;
}

/* What the watchdog saw of a request that is over says nothing of the next. */
TEST_F_TIMEOUT(device, that_was_taken_a_request_has_its_time_again, 120)
{
	struct stats delta;
	bool late;
	int err;

	do {
		do {
			ASSERT_TRUE(make_old(self));
		} while (!transfer_killed(self));
		ASSERT_TRUE(make_old(self));
		stats_get(&self->bed.dev, &self->bed.before);
		/* Now less is done from one look to the next than was before. */
		err = transfer_slowly(self, NR / 2, PROGRESS_MS / 2, &late);
	} while (err == ETIMEDOUT && late);
	EXPECT_EQ(0, err);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.timeouts);
}

TEST_F(device, that_interrupts_nobody_is_not_bound)
{
	int kmsg = kmsg_open();

	ASSERT_LE(0, kmsg);
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-drop-irq", 1000));
	EXPECT_NE(0, file_write("/sys/bus/pci/drivers/edudma/bind",
				self->bed.dev.slot));
	EXPECT_NE(0, access(self->bed.dev.node, F_OK));
	EXPECT_TRUE(kmsg_says(kmsg, "interrupt", "no working"));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-drop-irq", 0));
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
	close(kmsg);
}

/* Ring the bell of a channel that is at work for more than its ring has. */
static bool break_busy_channel(const struct bed *bed)
{
	volatile uint32_t *regs;
	bool found = false;
	unsigned int i;

	for (i = 0; i < bed->info.channels && !found; i++) {
		regs = pci_registers(bed->dev.slot, SG_CHANNELS + i * SG_CHANNEL_BYTES);
		if (!regs)
			return false;
		found = regs[SG_HEAD] != regs[SG_DOORBELL];
		if (found)
			regs[SG_DOORBELL] = regs[SG_HEAD] + (1 << 20);
		munmap((void *)regs, page_size());
	}
	return found;
}

TEST_F(device, whose_channel_fails_fails_the_request)
{
	struct stats delta;
	struct job job;
	int kmsg;

	/* With a timeout that does not come only the interrupt can end it. */
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	kmsg = kmsg_open();
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + NR));
	ASSERT_TRUE(break_busy_channel(&self->bed));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(EIO, job.report->err);
	EXPECT_EQ(0, job.report->out.bytes_done);
	EXPECT_TRUE(kmsg_says(kmsg, "channel", "stopped with"));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.errors);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(0, delta.pages_pinned);
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_WORKS();
	close(kmsg);
}

TEST_F(device, that_stalls_is_unbound_at_once)
{
	struct job job;

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + NR));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(ENODEV, job.report->err);
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
}

TEST_HARNESS_MAIN
