// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many at once, disturbed at arbitrary moments: whatever state a request is in,
 * a kill, a signal or an unbind must leave exact counts and nothing behind.
 *
 * The moments come from a fixed seed; which state they hit differs from run to
 * run, what must hold does not.
 */
#include "edudma_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define WORKERS	5
#define SEGS	3
#define PART	50
#define MOST	100	/* tries to meet a transfer */

/**
 * struct worker - what a child is told
 * @slot:	PCI address of the device to use, whatever its node is called
 * @nr:		its number; worker n owns the nth piece of the window
 * @stop:	in shared memory: to end
 */
struct worker {
	const char *slot;
	int nr;
	const int *stop;
};

FIXTURE(storm)
{
	struct bed bed;
	int *stop;
	struct job jobs[WORKERS];
	unsigned int seed;
};

FIXTURE_SETUP(storm)
{
	BED_SETUP(&self->bed);
	/* So that most moments are within a transfer. */
	BED_PACE(&self->bed, 5000000);
	self->stop = shared_pages(1);
	self->seed = 20;
}

FIXTURE_TEARDOWN(storm)
{
	if (self->bed.paced) {
		EXPECT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	}
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
}

static bool stopped(const struct worker *worker)
{
	return __atomic_load_n(worker->stop, __ATOMIC_SEQ_CST);
}

/* Open the worker's device, waiting while it is unbound. */
static int open_node(const struct worker *worker)
{
	struct test_dev dev;
	int fd = -1;

	while (fd < 0 && !stopped(worker)) {
		if (dev_of_slot(worker->slot, &dev))
			fd = open(dev.node, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			usleep(1000);
	}
	return fd;
}

static void ignore_signal(int sig)
{
	(void)sig;
}

/*
 * Send SEGS parts of pattern @seed, and read back what was reported as sent.
 * Returns 0, ENODEV, or EPROTO if what was reported is not so.  @cut_short becomes
 * 1 if the device went after it had sent a part.
 */
static int send_and_check(int fd, int nr, uint8_t *buf, uint32_t seed,
			  int *cut_short)
{
	const uint64_t area = (uint64_t)nr * SEGS * PART;
	uint8_t *parts = buf + page_size() / 2, *back = buf + page_size();
	struct edudma_segment segs[SEGS];
	struct edudma_transfer out;
	int err, i;

	/* Apart from each other: a descriptor for each. */
	fill(parts, SEGS * PART, seed);
	for (i = 0; i < SEGS; i++) {
		memcpy(buf + 2 * i * PART, parts + i * PART, PART);
		segs[i] = seg_to(buf + 2 * i * PART, PART, area + i * PART);
	}
	err = transfer(fd, segs, SEGS, 0, &out);
	if (err == ENODEV) {
		/* The fields are not written for a file whose device is gone. */
		*cut_short |= out.error == ENODEV && out.bytes_done;
		return err;
	}
	if (err && err != EINTR)
		return EPROTO;
	if (out.error != (uint32_t)err ||
	    out.segments_done != out.bytes_done / PART ||
	    out.bytes_done % PART || (!err && out.segments_done != SEGS))
		return EPROTO;
	if (!out.bytes_done)
		return 0;
	do
		err = transfer1(fd, seg_from(back, out.bytes_done, area));
	while (err == EINTR);
	if (err)
		return err == ENODEV ? err : EPROTO;
	return differs_at(back, out.bytes_done, seed) == out.bytes_done ?
		0 : EPROTO;
}

/*
 * Transfers until told to stop; @report->value counts those that were right, and
 * @report->handled says whether an unbind has cut one short.
 */
static void work(struct job_report *report, void *arg)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct worker *worker = arg;
	uint8_t *buf = private_pages(2);
	int fd = open_node(worker);

	sigaction(SIGUSR1, &action, NULL);
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	while (!stopped(worker) && fd >= 0) {
		report->err = send_and_check(fd, worker->nr, buf,
					     worker->nr * 1000 + report->value,
					     &report->handled);
		if (report->err == EPROTO)
			return;
		report->value++;
		if (report->err == ENODEV) {
			close(fd);
			fd = open_node(worker);
		}
	}
	report->err = 0;
}

static void start_worker(FIXTURE_DATA(storm) *self, int nr)
{
	struct worker worker = {
		.slot = self->bed.dev.slot, .nr = nr, .stop = self->stop,
	};

	job_start(&self->jobs[nr], work, &worker);
}

static bool begun(const struct job *job)
{
	return __atomic_load_n(&job->report->begun, __ATOMIC_SEQ_CST);
}

static bool all_begun(FIXTURE_DATA(storm) *self)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		if (!WAIT_FOR(begun(&self->jobs[i])))
			return false;
	return true;
}

static bool any_cut_short(FIXTURE_DATA(storm) *self)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		if (__atomic_load_n(&self->jobs[i].report->handled, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static void let_pass(FIXTURE_DATA(storm) *self)
{
	usleep(rand_r(&self->seed) % 60000);
}

static uint64_t cancelled(FIXTURE_DATA(storm) *self)
{
	return stat_get(&self->bed.dev, "cancelled") - self->bed.before.cancelled;
}

TEST_F_TIMEOUT(storm, of_kills_leaves_the_device_usable, 60)
{
	int i, nr;

	for (i = 0; i < WORKERS; i++)
		start_worker(self, i);
	for (i = 0; i < 30 || (!cancelled(self) && i < MOST); i++) {
		nr = rand_r(&self->seed) % WORKERS;
		ASSERT_TRUE(WAIT_FOR(begun(&self->jobs[nr])));
		let_pass(self);
		ASSERT_EQ(0, kill(self->jobs[nr].pid, SIGKILL));
		ASSERT_EQ(SIGKILL, job_wait(&self->jobs[nr]));
		start_worker(self, nr);
	}
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, kill(self->jobs[i].pid, SIGKILL));
		ASSERT_EQ(SIGKILL, job_wait(&self->jobs[i]));
	}
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 1));
	EXPECT_AREA(&self->bed, 1);
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_leaked"));
	EXPECT_LT(0, cancelled(self));
}

TEST_F_TIMEOUT(storm, of_signals_keeps_every_count_exact, 60)
{
	int i, nr;

	for (i = 0; i < WORKERS; i++)
		start_worker(self, i);
	ASSERT_TRUE(all_begun(self));
	for (i = 0; i < 60 || (!cancelled(self) && i < MOST); i++) {
		nr = rand_r(&self->seed) % WORKERS;
		let_pass(self);
		ASSERT_EQ(0, kill(self->jobs[nr].pid, SIGUSR1));
	}
	__atomic_store_n(self->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, job_wait(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err)
			TH_LOG("worker %d, round %zd", i,
			       self->jobs[i].report->value);
	}
	EXPECT_LT(0, cancelled(self));
}

TEST_F_TIMEOUT(storm, of_unbinds_loses_nothing_that_was_reported, 60)
{
	const bool edu = self->bed.info.engine == EDUDMA_ENGINE_EDU;
	struct test_dev dev = self->bed.dev;
	int i;

	for (i = 0; i < WORKERS; i++)
		start_worker(self, i);
	ASSERT_TRUE(all_begun(self));
	for (i = 0; i < 5 || (edu && !any_cut_short(self) && i < MOST); i++) {
		usleep(100000);
		let_pass(self);
		ASSERT_EQ(0, dev_unbind(&dev));
		ASSERT_EQ(0, dev_bind(&dev));
	}
	/* Some have met transfers.  A ring does not tell; this one is sure to. */
	if (!edu) {
		ASSERT_EQ(0, machine_set(&dev, "fault-stall", 0xff));
		ASSERT_TRUE(WAIT_FOR(stat_get(&dev, "pages_pinned")));
		ASSERT_EQ(0, dev_unbind(&dev));
		ASSERT_EQ(0, machine_set(&dev, "fault-stall", 0));
		ASSERT_EQ(0, dev_bind(&dev));
	}
	__atomic_store_n(self->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, job_wait(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err)
			TH_LOG("worker %d, round %zd", i,
			       self->jobs[i].report->value);
	}
	if (edu) {
		EXPECT_TRUE(any_cut_short(self));
	}
}

TEST_HARNESS_MAIN
