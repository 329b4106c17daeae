// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that are interrupted again and again, by alarms, stops and debuggers,
 * and go on from where each call says that it got: each byte is moved once.
 *
 * Somebody else uses the device as well, so what is interrupted runs, waits or is
 * on deck.
 */
#include "edudma_fixture.h"
#include "virtual.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PARTS	20
#define PART	100
#define TOTAL	(PARTS * PART)
/* No errno that user space knows is above; ERESTARTSYS and its like are. */
#define LAST_ERRNO	EHWPOISON

enum call { CALL_IOCTL, CALL_PWRITEV, CALL_PREADV };

FIXTURE(disturbed)
{
	struct bed bed;
	uint8_t *pages;		/* shared with children; a part in each */
	int rival_fd;
	int *stop;		/* shared too: the rival is to end */
	struct job job;
	struct job rival;
	unsigned int seed;
};

FIXTURE_VARIANT(disturbed)
{
	enum call call;
};

FIXTURE_VARIANT_ADD(disturbed, ioctl) { .call = CALL_IOCTL };
FIXTURE_VARIANT_ADD(disturbed, pwritev) { .call = CALL_PWRITEV };
FIXTURE_VARIANT_ADD(disturbed, preadv) { .call = CALL_PREADV };

FIXTURE_SETUP(disturbed)
{
	BED_SETUP(&self->bed);
	self->pages = shared_pages(PARTS);
	self->stop = shared_pages(1);
	self->seed = 1998;
	self->rival_fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->rival_fd);
	ASSERT_EQ(0, window_fill(self->bed.fd, TOTAL, 1));
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(disturbed)
{
	close(self->rival_fd);
	BED_TEARDOWN(&self->bed);
}

/* One request of one descriptor after the other; report->value counts them. */
static void run_rival(struct job_report *report, void *arg)
{
	FIXTURE_DATA(disturbed) *self = arg;
	uint8_t byte = 0;

	report->begun = 1;
	while (!report->err && !__atomic_load_n(self->stop, __ATOMIC_SEQ_CST)) {
		report->err = transfer1(self->rival_fd,
					seg_to(&byte, 1, self->bed.info.window_bytes - 1));
		report->value++;
	}
}

/* Who is disturbed */

struct mover {
	FIXTURE_DATA(disturbed) *self;
	enum call call;
	int sa_flags;
	long interval_us;	/* of alarms, 0: none */
};

static struct job_report *my_report;

static void count_signal(int sig)
{
	(void)sig;
	my_report->handled++;
}

static void let_it_ring(const struct mover *mover)
{
	struct sigaction action = {
		.sa_handler = count_signal, .sa_flags = mover->sa_flags,
	};
	struct itimerval often = {
		.it_interval.tv_usec = mover->interval_us,
		.it_value.tv_usec = mover->interval_us,
	};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* Move the parts from @first on: bytes done, and an errno or 0. */
static uint64_t move(const struct mover *mover, int first, int *err)
{
	const int fd = mover->self->bed.fd, nr = PARTS - first;
	uint8_t *page = mover->self->pages + first * page_size();
	struct edudma_segment segs[PARTS];
	struct iovec iov[PARTS];
	struct edudma_transfer out;
	ssize_t got;
	int i;

	for (i = 0; i < nr; i++, page += page_size()) {
		iov[i] = (struct iovec) { page, PART };
		segs[i] = seg_from(page, PART, (first + i) * PART);
	}
	if (mover->call == CALL_IOCTL) {
		*err = transfer(fd, segs, nr, 0, &out);
		return out.bytes_done;
	}
	if (mover->call == CALL_PWRITEV)
		got = pwritev(fd, iov, nr, first * PART);
	else
		got = preadv(fd, iov, nr, first * PART);
	*err = got < 0 ? errno : 0;
	return got < 0 ? 0 : got;
}

/* What was received has arrived, and behind it nothing. */
static bool received_up_to(const struct mover *mover, const uint8_t *pattern,
			   int parts)
{
	const uint8_t *page = mover->self->pages;
	int i;

	for (i = 0; i < PARTS; i++, page += page_size())
		if (i < parts ? memcmp(page, pattern + i * PART, PART) :
				!all_bytes_are(page, PART, 0))
			return false;
	return true;
}

/* Moves all parts, whatever comes; report->value counts the calls it took. */
static void run_mover(struct job_report *report, void *arg)
{
	const struct mover *mover = arg;
	uint8_t pattern[TOTAL];
	uint64_t got, done = 0;
	int err;

	my_report = report;
	fill(pattern, TOTAL, 1);
	if (mover->interval_us)
		let_it_ring(mover);
	report->begun = 1;
	while (done < TOTAL && !report->err) {
		got = move(mover, done / PART, &err);
		done += got;
		report->value++;
		if (err > LAST_ERRNO || (err && err != EINTR))
			report->err = err;
		else if (got % PART || done > TOTAL || (!got && !err))
			report->err = EPROTO;
		else if (mover->call != CALL_PWRITEV &&
			 !received_up_to(mover, pattern, done / PART))
			report->err = EPROTO;
	}
}

static void start_mover(FIXTURE_DATA(disturbed) *self, enum call call,
			int sa_flags, long interval_us)
{
	struct mover mover = {
		.self = self, .call = call, .sa_flags = sa_flags,
		.interval_us = interval_us,
	};
	int i;

	for (i = 0; call == CALL_PWRITEV && i < PARTS; i++)
		fill(self->pages + i * page_size(), PART, 100 + i);
	job_start(&self->job, run_mover, &mover);
}

static void start_both(FIXTURE_DATA(disturbed) *self, enum call call,
		       int sa_flags, long interval_us)
{
	job_start(&self->rival, run_rival, self);
	start_mover(self, call, sa_flags, interval_us);
}

static bool over(FIXTURE_DATA(disturbed) *self)
{
	return __atomic_load_n(&self->job.report->done, __ATOMIC_SEQ_CST);
}

static bool sent_all(FIXTURE_DATA(disturbed) *self)
{
	uint8_t *back = private_pages(1);
	int i;

	if (transfer1(self->bed.fd, seg_from(back, TOTAL, 0)))
		return false;
	for (i = 0; i < PARTS; i++)
		if (differs_at(back + i * PART, PART, 100 + i) != PART)
			return false;
	return true;
}

/*
 * All was moved, in more calls than one, and by no more hardware transfers than
 * there are parts.
 */
#define EXPECT_ONCE() do {						\
	struct stats delta_;						\
									\
	ASSERT_EQ(0, job_wait(&self->job));				\
	EXPECT_EQ(0, self->job.report->err);				\
	EXPECT_LT(1, self->job.report->value);				\
	__atomic_store_n(self->stop, 1, __ATOMIC_SEQ_CST);		\
	ASSERT_EQ(0, job_wait(&self->rival));				\
	EXPECT_EQ(0, self->rival.report->err);				\
	BED_STATS(&self->bed, &delta_);					\
	EXPECT_EQ(PARTS + self->rival.report->value, delta_.descriptors); \
	EXPECT_EQ(TOTAL + self->rival.report->value,			\
		  delta_.bytes_to_device + delta_.bytes_from_device);	\
	if (variant->call == CALL_PWRITEV) {				\
		EXPECT_TRUE(sent_all(self));				\
	}								\
} while (0)

TEST_F_TIMEOUT(disturbed, by_alarms_moves_each_byte_once, 60)
{
	NEED_SLOW_DEVICE(&self->bed);
	start_both(self, variant->call, 0, 3000);
	EXPECT_ONCE();
	EXPECT_LT(PARTS, self->job.report->handled);
}

TEST_F_TIMEOUT(disturbed, by_alarms_that_restart_calls_moves_each_byte_once, 60)
{
	NEED_SLOW_DEVICE(&self->bed);
	start_both(self, variant->call, SA_RESTART, 3000);
	EXPECT_ONCE();
	EXPECT_LT(PARTS, self->job.report->handled);
	/* Only who had moved something was told. */
	EXPECT_GE(PARTS, self->job.report->value);
}

/* Wait until the child has been stopped; false if it has ended. */
static bool stopped(const struct job *job)
{
	siginfo_t what;

	if (waitid(P_PID, job->pid, &what, WSTOPPED | WEXITED | WNOWAIT) ||
	    (what.si_code != CLD_STOPPED && what.si_code != CLD_TRAPPED))
		return false;
	return !waitid(P_PID, job->pid, &what, WSTOPPED);
}

TEST_F_TIMEOUT(disturbed, by_stops_moves_each_byte_once, 60)
{
	NEED_SLOW_DEVICE(&self->bed);
	start_both(self, variant->call, 0, 0);
	while (usleep(rand_r(&self->seed) % 150000), !over(self)) {
		ASSERT_EQ(0, kill(self->job.pid, SIGSTOP));
		if (!stopped(&self->job))
			break;
		ASSERT_EQ(0, kill(self->job.pid, SIGCONT));
	}
	EXPECT_ONCE();
}

/* As gdb does it, or as strace does; false if there is nobody any more. */
static bool attach(const struct job *job, bool seize)
{
	return !ptrace(seize ? PTRACE_SEIZE : PTRACE_ATTACH, job->pid, NULL, NULL) &&
	       (!seize || !ptrace(PTRACE_INTERRUPT, job->pid, NULL, NULL)) &&
	       stopped(job);
}

TEST_F_TIMEOUT(disturbed, by_debuggers_moves_each_byte_once, 60)
{
	NEED_SLOW_DEVICE(&self->bed);
	start_both(self, variant->call, 0, 0);
	while (usleep(rand_r(&self->seed) % 150000), !over(self)) {
		if (!attach(&self->job, rand_r(&self->seed) % 2))
			break;
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->job.pid, NULL, NULL));
	}
	EXPECT_ONCE();
}

TEST_F(disturbed, by_a_stop_keeps_neither_pages_nor_turn)
{
	uint64_t started;

	NEED_SLOW_DEVICE(&self->bed);
	start_mover(self, variant->call, 0, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + 2));
	ASSERT_LT(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, kill(self->job.pid, SIGSTOP));
	ASSERT_TRUE(stopped(&self->job));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, transfer1(self->rival_fd, seg_to("x", 1, TOTAL)));
	started = stat_get(&self->bed.dev, "descriptors");
	EXPECT_EQ(2 + 1, started - self->bed.before.descriptors);
	ASSERT_EQ(0, kill(self->job.pid, SIGCONT));
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(0, self->job.report->err);
	EXPECT_EQ(2, self->job.report->value);
}

TEST_F(disturbed, by_a_stop_before_anything_was_moved_is_not_told)
{
	struct edudma_segment segs[PARTS];
	uint8_t *page = shared_pages(1);
	int i;

	NEED_SLOW_DEVICE(&self->bed);
	for (i = 0; i < PARTS; i++)
		segs[i] = seg_to(page, 1, TOTAL);
	job_transfer(&self->rival, self->rival_fd, segs, PARTS, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&self->rival)));
	start_mover(self, variant->call, 0, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&self->job)));
	ASSERT_EQ(0, kill(self->job.pid, SIGSTOP));
	ASSERT_TRUE(stopped(&self->job));
	EXPECT_FALSE(self->rival.report->done);
	ASSERT_EQ(0, kill(self->job.pid, SIGCONT));
	ASSERT_EQ(0, job_wait(&self->rival));
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(0, self->job.report->err);
	EXPECT_EQ(1, self->job.report->value);
}

TEST_HARNESS_MAIN
