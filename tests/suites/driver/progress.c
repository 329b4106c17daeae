// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that come more often than a descriptor takes: calls make progress all the
 * same, and who waits for a grant keeps its place in the queue.
 */
#include "edudma_fixture.h"

#include "edudma_hold.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#define NR		4	/* segments of a request */
#define PART		100	/* bytes of each */
#define TIMER_US	5000	/* of 100 ms for each descriptor */
#define SEED		20

FIXTURE(progress)
{
	struct bed bed;
	uint64_t chunk_bytes;
	uint8_t *pages;		/* shared with children; a part in each */
	struct edudma_segment segs[NR];
};

FIXTURE_SETUP(progress)
{
	int i;

	BED_SETUP(&self->bed);
	self->chunk_bytes = param_get("chunk_bytes");
	self->pages = shared_pages(NR);
	for (i = 0; i < NR; i++) {
		uint8_t *part = self->pages + i * page_size();

		fill(part, PART, SEED + i);
		self->segs[i] = seg_to(part, PART, i * PART);
	}
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 1));
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(progress)
{
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

static struct job_report *my_report;

static void count_signal(int sig)
{
	(void)sig;
	my_report->handled++;
}

static void handle(int sig, struct job_report *report)
{
	struct sigaction action = {
		.sa_handler = count_signal, .sa_flags = SA_RESTART,
	};

	my_report = report;
	sigaction(sig, &action, NULL);
}

/* The timer goes on until the process ends. */
static void start_timer(struct job_report *report)
{
	const struct itimerval often = {
		.it_value.tv_usec = TIMER_US, .it_interval.tv_usec = TIMER_US,
	};

	handle(SIGALRM, report);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void run_transfer(struct job_report *report, void *arg)
{
	FIXTURE_DATA(progress) *self = arg;

	start_timer(report);
	report->begun = 1;
	report->err = transfer(self->bed.fd, self->segs, 1, 0, &report->out);
}

static void run_pwrite(struct job_report *report, void *arg)
{
	FIXTURE_DATA(progress) *self = arg;

	start_timer(report);
	report->begun = 1;
	report->value = pwrite(self->bed.fd, self->pages, PART, 0);
	report->err = report->value < 0 ? errno : 0;
}

/* Goes on from where the last call ended, which is further each time. */
static void run_all(struct job_report *report, void *arg)
{
	FIXTURE_DATA(progress) *self = arg;
	uint32_t done = 0;

	start_timer(report);
	report->begun = 1;
	do {
		report->err = transfer(self->bed.fd, self->segs + done, NR - done,
				       0, &report->out);
		if (report->err && !report->out.segments_done)
			break;
		done += report->out.segments_done;
	} while (report->err == EINTR && done < NR);
	report->value = done;
}

static bool part_arrived(FIXTURE_DATA(progress) *self, int i)
{
	uint8_t *back = private_pages(1);
	bool same;

	same = !transfer1(self->bed.fd, seg_from(back, PART, i * PART)) &&
	       differs_at(back, PART, SEED + i) == PART;
	munmap(back, page_size());
	return same;
}

/* End a job that does not end by itself. */
#define ASSERT_ENDS(job) do {						\
	int status_ = job_wait(job);					\
									\
	if (status_) {							\
		kill((job)->pid, SIGKILL);				\
		job_wait(job);						\
	}								\
	ASSERT_EQ(0, status_) TH_LOG("it does not end");		\
} while (0)

TEST_F(progress, is_made_by_a_transfer_that_is_restarted)
{
	struct stats delta;
	struct job job;

	job_start(&job, run_transfer, self);
	ASSERT_ENDS(&job);
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(PART, job.report->out.bytes_done);
	EXPECT_EQ(1, job.report->out.segments_done);
	EXPECT_LT(0, job.report->handled);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(PART, delta.bytes_to_device);
	/* What was begun was not begun again. */
	EXPECT_EQ(1, delta.descriptors);
	EXPECT_TRUE(part_arrived(self, 0));
}

TEST_F(progress, is_made_by_a_write_that_is_restarted)
{
	struct stats delta;
	struct job job;

	job_start(&job, run_pwrite, self);
	ASSERT_ENDS(&job);
	EXPECT_EQ(PART, job.report->value);
	EXPECT_LT(0, job.report->handled);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.descriptors);
	EXPECT_TRUE(part_arrived(self, 0));
}

TEST_F(progress, is_made_by_calls_that_go_on_where_the_last_one_ended)
{
	struct stats delta;
	struct job job;
	int i;

	/* The device has a segment or two of it at a time. */
	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	job_start(&job, run_all, self);
	ASSERT_ENDS(&job);
	EXPECT_EQ(NR, job.report->value);
	EXPECT_LT(0, job.report->handled);
	BED_STATS(&self->bed, &delta);
	/* What was aborted had moved nothing. */
	EXPECT_EQ(NR * PART, delta.bytes_to_device);
	for (i = 0; i < NR; i++)
		EXPECT_TRUE(part_arrived(self, i));
}

/* Waiters keep their places */

#define WAITERS	3

FIXTURE(place)
{
	struct bed bed;
	struct hold hold;
	bool held;
	uint64_t mark;
	struct job jobs[WAITERS];	/* staged, waiting, waiting behind it */
};

FIXTURE_SETUP(place)
{
	BED_SETUP(&self->bed);
	self->mark = self->bed.area - JOB_MARKS_BYTES;
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(shared_pages(1), JOB_MARKS_BYTES,
						    self->mark)));
	self->held = hold_begin(&self->hold, self->bed.fd);
	ASSERT_TRUE(self->held);
}

FIXTURE_TEARDOWN(place)
{
	if (self->held)
		hold_end(&self->hold);
	BED_TEARDOWN(&self->bed);
}

struct marked {
	int fd;
	uint64_t at;
};

/* As job_transfer_marked() has it, by a process that is interrupted. */
static void run_marked(struct job_report *report, void *arg)
{
	const struct marked *marked = arg;
	struct edudma_segment segs[2];

	handle(SIGUSR1, report);
	job_mark(report, marked->at, segs);
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = transfer_marked(marked->fd, segs, &report->out);
}

static int handled(const struct job *job)
{
	return __atomic_load_n(&job->report->handled, __ATOMIC_SEQ_CST);
}

/* The call is restarted, again and again. */
static bool interrupt(const struct job *job, int times)
{
	int before = handled(job), i;

	for (i = 1; i <= times; i++)
		if (kill(job->pid, SIGUSR1) ||
		    !WAIT_FOR(handled(job) == before + i) ||
		    !WAIT_FOR(job_asleep(job)))
			return false;
	return true;
}

TEST_F(place, in_the_queue_is_kept_by_a_call_that_is_restarted)
{
	struct marked marked = { .fd = self->bed.fd, .at = self->mark };
	int i;

	for (i = 0; i < WAITERS; i++) {
		job_start(&self->jobs[i], run_marked, &marked);
		ASSERT_TRUE(WAIT_FOR(job_asleep(&self->jobs[i])));
	}
	ASSERT_TRUE(interrupt(&self->jobs[1], 3));
	self->held = false;
	ASSERT_EQ(0, hold_end(&self->hold));
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, job_wait(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err);
	}
	for (i = 0; i < WAITERS; i++)
		EXPECT_EQ(i, job_order(&self->jobs[i], self->jobs, WAITERS));
}

/* Of two files: who is served first is known by the files' places, too. */
TEST_F(place, of_a_file_is_kept_by_a_call_that_is_restarted)
{
	int fds[WAITERS], i;

	for (i = 0; i < WAITERS; i++) {
		struct marked marked = { .at = self->mark };

		fds[i] = bed_open_beside(&self->bed);
		ASSERT_LE(0, fds[i]);
		marked.fd = fds[i];
		job_start(&self->jobs[i], run_marked, &marked);
		ASSERT_TRUE(WAIT_FOR(job_asleep(&self->jobs[i])));
	}
	ASSERT_TRUE(interrupt(&self->jobs[1], 3));
	self->held = false;
	ASSERT_EQ(0, hold_end(&self->hold));
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, job_wait(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err);
		close(fds[i]);
	}
	for (i = 0; i < WAITERS; i++)
		EXPECT_EQ(i, job_order(&self->jobs[i], self->jobs, WAITERS));
}

TEST_HARNESS_MAIN
