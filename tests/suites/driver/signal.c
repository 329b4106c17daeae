// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that meet a request while it runs or waits: who returns when, with
 * which count, and what the device has then done.
 */
#include "edudma_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define NR	30	/* segments of the long request; few are ever run */
#define PART	100	/* bytes of each */

FIXTURE(signal)
{
	struct bed bed;
	uint8_t *pages;		/* shared with children; a part in each */
	uint8_t *back;
	struct edudma_segment segs[NR];
	struct iovec iov[NR];
};

FIXTURE_SETUP(signal)
{
	int i;

	BED_SETUP(&self->bed);
	self->pages = shared_pages(NR);
	self->back = private_pages(1);
	for (i = 0; i < NR; i++) {
		uint8_t *part = self->pages + i * page_size();

		fill(part, PART, 100 + i);
		self->segs[i] = seg_to(part, PART, i * PART);
		self->iov[i] = (struct iovec) { part, PART };
	}
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 1));
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(signal)
{
	BED_TEARDOWN(&self->bed);
}

/* How many of the long request's parts have arrived in the window, in order. */
static int parts_in_window(FIXTURE_DATA(signal) *self)
{
	int i;

	if (transfer1(self->bed.fd, seg_from(self->back, NR * PART, 0)))
		return -1;
	for (i = 0; i < NR; i++)
		if (differs_at(self->back + i * PART, PART, 100 + i) != PART)
			break;
	return i;
}

/* Are the parts from @first on what the window held before the test? */
static bool rest_is_old(FIXTURE_DATA(signal) *self, int first)
{
	uint8_t *old = private_pages(1);

	fill(old, NR * PART, 1);
	return !memcmp(self->back + first * PART, old + first * PART,
		       (NR - first) * PART);
}

static bool settled(FIXTURE_DATA(signal) *self)
{
	return WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned"));
}

/*
 * The long request was cut short, and nothing was moved but what was counted,
 * whole parts from the first on.  What the device has begun is waited for; of a
 * process that is killed, a ring drops it.
 */
#define EXPECT_CUT_SHORT(s) do {					\
	struct stats cut_;						\
	uint64_t moved_;						\
									\
	BED_STATS(&(s)->bed, &cut_);					\
	moved_ = cut_.bytes_to_device;					\
	EXPECT_EQ(0, moved_ % PART);					\
	EXPECT_LT(moved_, NR * PART);					\
	if ((s)->bed.info.engine == EDUDMA_ENGINE_EDU) {		\
		EXPECT_EQ(cut_.descriptors * PART, moved_);		\
	}								\
	EXPECT_EQ(1, cut_.cancelled);					\
	EXPECT_EQ(0, cut_.errors);					\
	EXPECT_EQ(moved_ / PART, parts_in_window(s));			\
	EXPECT_TRUE(rest_is_old(s, moved_ / PART));			\
} while (0)

/* A child whose handler counts SIGINT while it makes its call. */

enum call { CALL_IOCTL, CALL_PWRITEV, CALL_PREADV };

struct call_job {
	int fd;
	enum call call;
	int sa_flags;
	void (*handler)(int sig);
	const struct edudma_segment *segs;
	const struct iovec *iov;
	int nr;
};

static struct job_report *my_report;

static void count_signal(int sig)
{
	(void)sig;
	my_report->handled++;
}

static void run_call_job(struct job_report *report, void *arg)
{
	struct call_job *job = arg;
	struct sigaction action = {
		.sa_handler = job->handler, .sa_flags = job->sa_flags,
	};

	my_report = report;
	sigaction(SIGINT, &action, NULL);
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	errno = 0;
	if (job->call == CALL_IOCTL)
		report->err = transfer(job->fd, job->segs, job->nr, 0,
				       &report->out);
	else if (job->call == CALL_PWRITEV)
		report->value = pwritev(job->fd, job->iov, job->nr, 0);
	else
		report->value = preadv(job->fd, job->iov, job->nr, 0);
	if (job->call != CALL_IOCTL)
		report->err = report->value < 0 ? errno : 0;
}

static void start_call(struct job *job, FIXTURE_DATA(signal) *self, int nr,
		       enum call call, int sa_flags)
{
	struct call_job arg = {
		.fd = self->bed.fd, .call = call, .sa_flags = sa_flags,
		.handler = count_signal, .segs = self->segs, .iov = self->iov,
		.nr = nr,
	};

	job_start(job, run_call_job, &arg);
}

/* Killed */

TEST_F(signal, kill_lets_the_process_go_before_its_transfer_ends)
{
	bool outlived = false;
	struct job job;
	int attempt;

	/* One look may come just as the hardware transfer ends; not all do. */
	for (attempt = 0; attempt < 20 && !outlived; attempt++) {
		bed_mark(&self->bed);
		job_transfer(&job, self->bed.fd, self->segs, NR, 0);
		ASSERT_TRUE(bed_under_way(&self->bed));
		ASSERT_EQ(0, kill(job.pid, SIGKILL));
		ASSERT_EQ(SIGKILL, job_wait(&job));
		outlived = stat_get(&self->bed.dev, "pages_pinned") > 0;
		/* A ring's transfer ends where the process does. */
		if (self->bed.info.engine == EDUDMA_ENGINE_RING) {
			EXPECT_FALSE(outlived);
			return;
		}
		ASSERT_TRUE(settled(self));
	}
	EXPECT_TRUE(outlived);
}

TEST_F(signal, kill_stops_the_request_after_what_was_started)
{
	struct stats then, delta;
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	BED_STATS(&self->bed, &then);
	ASSERT_TRUE(settled(self));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(then.descriptors, delta.descriptors);
	EXPECT_CUT_SHORT(self);
}

TEST_F(signal, kill_while_waiting_for_a_turn_moves_nothing)
{
	int other = bed_open_beside(&self->bed);
	uint8_t *mine = shared_pages(1), *expected = private_pages(1);
	struct edudma_segment seg = seg_to(mine, 50, 3500);
	struct job running, waiting;

	ASSERT_LE(0, other);
	job_transfer(&running, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	job_transfer(&waiting, other, &seg, 1, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&waiting)));
	ASSERT_EQ(0, kill(waiting.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&waiting));
	EXPECT_FALSE(running.report->done);
	ASSERT_EQ(0, kill(running.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&running));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->back, 50, 3500)));
	fill(expected, 3550, 1);
	EXPECT_EQ(0, memcmp(self->back, expected + 3500, 50));
	close(other);
}

TEST_F(signal, next_request_after_a_kill_works)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	/* No waiting: the killed request may still be with the device. */
	ASSERT_EQ(0, transfer(self->bed.fd, self->segs, 3, 0, NULL));
	EXPECT_LE(3, parts_in_window(self));
	ASSERT_EQ(SIGKILL, job_wait(&job));
}

TEST_F(signal, interrupt_from_the_keyboard_ends_the_process)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGINT));
	ASSERT_EQ(SIGINT, job_wait(&job));
	ASSERT_TRUE(settled(self));
	EXPECT_CUT_SHORT(self);
}

static void *transfer_thread(void *arg)
{
	FIXTURE_DATA(signal) *self = arg;

	transfer(self->bed.fd, self->segs, NR, 0, NULL);
	return NULL;
}

static void exit_during_transfer(struct job_report *report, void *arg)
{
	FIXTURE_DATA(signal) *self = arg;
	pthread_t thread;

	(void)report;
	if (!pthread_create(&thread, NULL, transfer_thread, arg) &&
	    bed_under_way(&self->bed))
		_exit(7);
}

TEST_F(signal, exit_of_the_process_ends_its_threads_transfer)
{
	struct job job;
	int status;

	job_start(&job, exit_during_transfer, self);
	status = job_wait(&job);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(7, WEXITSTATUS(status));
	ASSERT_TRUE(settled(self));
	EXPECT_CUT_SHORT(self);
}

/* Interrupted while running: what was done is reported. */

/* Two segments go to the same bytes: the last one that was done is there. */
TEST_F(signal, leaves_what_was_done_last)
{
	uint64_t chunk_bytes = param_get("chunk_bytes");
	struct edudma_transfer *out;
	uint8_t expected[2 * PART];
	struct job job;

	self->segs[0] = seg_from(self->pages, PART, 0);
	self->segs[1] = seg_from(self->pages, PART, PART);
	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	start_call(&job, self, 2, CALL_IOCTL, 0);
	EXPECT_TRUE(bed_under_way(&self->bed));
	EXPECT_EQ(0, kill(job.pid, SIGINT));
	EXPECT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, param_set("chunk_bytes", chunk_bytes));
	out = &job.report->out;
	ASSERT_LT(0, out->segments_done);
	fill(expected, sizeof(expected), 1);
	EXPECT_EQ(0, memcmp(self->pages, expected + (out->segments_done - 1) * PART,
			    PART));
}

FIXTURE(interrupted)
{
	FIXTURE_DATA(signal) s;
	uint64_t chunk_bytes;
};

FIXTURE_VARIANT(interrupted)
{
	enum call call;
	int sa_flags;
	unsigned int chunk_pages;	/* 0: as it is */
};

FIXTURE_VARIANT_ADD(interrupted, ioctl) {
	.call = CALL_IOCTL,
};

FIXTURE_VARIANT_ADD(interrupted, ioctl_with_sa_restart) {
	.call = CALL_IOCTL, .sa_flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(interrupted, pwritev) {
	.call = CALL_PWRITEV,
};

FIXTURE_VARIANT_ADD(interrupted, pwritev_with_sa_restart) {
	.call = CALL_PWRITEV, .sa_flags = SA_RESTART,
};

/* Each segment is a chunk of its own: the next is pinned, not started. */
FIXTURE_VARIANT_ADD(interrupted, ioctl_in_small_chunks) {
	.call = CALL_IOCTL, .chunk_pages = 1,
};

FIXTURE_VARIANT_ADD(interrupted, pwritev_in_small_chunks) {
	.call = CALL_PWRITEV, .chunk_pages = 1,
};

FIXTURE_SETUP(interrupted)
{
	self->chunk_bytes = param_get("chunk_bytes");
	signal_setup(_metadata, &self->s, NULL);
	if (variant->chunk_pages) {
		ASSERT_EQ(0, param_set("chunk_bytes", variant->chunk_pages * page_size()));
	}
}

FIXTURE_TEARDOWN(interrupted)
{
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	signal_teardown(_metadata, &self->s, NULL);
}

TEST_F(interrupted, by_a_kill_stops_after_what_was_started)
{
	struct job job;

	start_call(&job, &self->s, NR, variant->call, 0);
	ASSERT_TRUE(bed_under_way(&self->s.bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_TRUE(settled(&self->s));
	EXPECT_CUT_SHORT(&self->s);
}

TEST_F(interrupted, reports_exactly_what_was_moved)
{
	struct job_report *report;
	struct stats delta;
	uint64_t moved;
	struct job job;

	start_call(&job, &self->s, NR, variant->call,
		   variant->sa_flags);
	ASSERT_TRUE(bed_under_way(&self->s.bed));
	ASSERT_EQ(0, kill(job.pid, SIGINT));
	ASSERT_EQ(0, job_wait(&job));
	report = job.report;
	BED_STATS(&self->s.bed, &delta);
	EXPECT_EQ(1, report->handled);
	if (variant->call == CALL_IOCTL) {
		EXPECT_EQ(EINTR, report->err);
		EXPECT_EQ(EINTR, report->out.error);
		moved = report->out.bytes_done;
		EXPECT_EQ(moved / PART, report->out.segments_done);
	} else {
		EXPECT_EQ(0, report->err);
		moved = report->value;
	}
	EXPECT_LE(PART, moved);
	EXPECT_EQ(moved, delta.bytes_to_device);
	EXPECT_CUT_SHORT(&self->s);
}

/*
 * Interrupted while another file's request runs, which takes long and leaves the
 * window alone: nothing was moved.
 */

FIXTURE(waiting)
{
	FIXTURE_DATA(signal) s;
	int other;
	struct job running;
	struct job next;
	struct job job;
};

FIXTURE_VARIANT(waiting)
{
	enum call call;
	bool queued;	/* with another on deck */
};

FIXTURE_VARIANT_ADD(waiting, queued_ioctl) { .call = CALL_IOCTL, .queued = true };
FIXTURE_VARIANT_ADD(waiting, ioctl) { .call = CALL_IOCTL };
FIXTURE_VARIANT_ADD(waiting, pwritev) { .call = CALL_PWRITEV };
FIXTURE_VARIANT_ADD(waiting, preadv) { .call = CALL_PREADV };

FIXTURE_SETUP(waiting)
{
	struct edudma_segment segs[NR];
	uint8_t *scratch = shared_pages(NR);
	int i;

	signal_setup(_metadata, &self->s, NULL);
	self->other = bed_open_beside(&self->s.bed);
	ASSERT_LE(0, self->other);
	/* One job, behind which another request is on deck: each page once. */
	for (i = 0; i < NR; i++)
		segs[i] = seg_from(scratch + i * page_size(), 1, 0);
	job_transfer(&self->running, self->other, segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->s.bed));
	if (variant->queued) {
		job_transfer(&self->next, self->other, segs, 1, 0);
		ASSERT_TRUE(WAIT_FOR(job_asleep(&self->next)));
	}
}

/* The one that runs ends now, the one on deck by itself. */
static bool end_others(FIXTURE_DATA(waiting) *self, bool queued)
{
	return !kill(self->running.pid, SIGKILL) &&
	       job_wait(&self->running) == SIGKILL &&
	       (!queued || !job_wait(&self->next));
}

FIXTURE_TEARDOWN(waiting)
{
	close(self->other);
	signal_teardown(_metadata, &self->s, NULL);
}

static bool handled(const struct job *job)
{
	return __atomic_load_n(&job->report->handled, __ATOMIC_SEQ_CST);
}

TEST_F(waiting, fails_with_eintr_at_once)
{
	start_call(&self->job, &self->s, NR, variant->call, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&self->job)));
	ASSERT_EQ(0, kill(self->job.pid, SIGINT));
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_FALSE(self->running.report->done);
	EXPECT_EQ(EINTR, self->job.report->err);
	EXPECT_EQ(1, self->job.report->handled);
	if (variant->call == CALL_IOCTL) {
		EXPECT_EQ(0, self->job.report->out.bytes_done);
		EXPECT_EQ(0, self->job.report->out.segments_done);
	}
	ASSERT_TRUE(end_others(self, variant->queued));
	EXPECT_AREA(&self->s.bed, 1);
}

TEST_F(waiting, restarts_with_sa_restart)
{
	start_call(&self->job, &self->s, 2, variant->call, SA_RESTART);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&self->job)));
	ASSERT_EQ(0, kill(self->job.pid, SIGINT));
	ASSERT_TRUE(WAIT_FOR(handled(&self->job)));
	EXPECT_FALSE(self->running.report->done);
	ASSERT_TRUE(end_others(self, variant->queued));
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(1, self->job.report->handled);
	EXPECT_EQ(0, self->job.report->err);
	if (variant->call == CALL_IOCTL) {
		EXPECT_EQ(2 * PART, self->job.report->out.bytes_done);
	} else {
		EXPECT_EQ(2 * PART, self->job.report->value);
	}
}

/* Signals that nobody hears */

TEST_F(signal, ignored_does_not_disturb)
{
	struct call_job arg = {
		.fd = self->bed.fd, .call = CALL_IOCTL, .handler = SIG_IGN,
		.segs = self->segs, .nr = 3,
	};
	struct job job;
	bool met;

	/* Until one has met a transfer; the limit of the test ends this. */
	do {
		bed_mark(&self->bed);
		job_start(&job, run_call_job, &arg);
		ASSERT_TRUE(bed_under_way(&self->bed));
		ASSERT_EQ(0, kill(job.pid, SIGINT));
		met = !__atomic_load_n(&job.report->done, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, job_wait(&job));
		EXPECT_EQ(0, job.report->err);
		EXPECT_EQ(3, job.report->out.segments_done);
	} while (!met);
}

TEST_F(signal, alarm_interrupts_its_own_process)
{
	/* The test's own call this time; the harness's alarm is its parent's. */
	struct sigaction action = { .sa_handler = count_signal };
	/* Again and again: the first may come before the call. */
	const struct itimerval often = {
		.it_value.tv_usec = 50000, .it_interval.tv_usec = 50000,
	};
	const struct itimerval never = {};
	struct edudma_transfer out;
	struct job_report report = { 0 };

	my_report = &report;
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	ASSERT_EQ(EINTR, transfer(self->bed.fd, self->segs, NR, 0, &out));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	EXPECT_LE(1, report.handled);
	EXPECT_EQ(out.bytes_done / PART, out.segments_done);
	EXPECT_CUT_SHORT(self);
}

TEST_HARNESS_MAIN
