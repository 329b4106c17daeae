// SPDX-License-Identifier: GPL-2.0-only
/*
 * One device for many: processes, threads and files that use it at once, and
 * two devices that know nothing of each other.
 */
#include "edudma_fixture.h"

#include "edudma_hold.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

/* Segments of a request that is killed before it ends, however slow we are. */
#define LONG	200

/* Two devices */

FIXTURE(two_devices)
{
	struct bed bed;
	struct test_dev dev;
	int fd;
};

FIXTURE_SETUP(two_devices)
{
	BED_SETUP(&self->bed);
	self->fd = -1;
	if (dev_get(1, &self->dev))
		self->fd = open(self->dev.node, O_RDWR | O_CLOEXEC);
}

FIXTURE_TEARDOWN(two_devices)
{
	if (self->fd >= 0)
		close(self->fd);
	BED_TEARDOWN(&self->bed);
}

#define NEED_TWO_DEVICES(self) do {					\
	if ((self)->fd < 0)						\
		SKIP(return, "this machine has only one device");	\
} while (0)

TEST_F(two_devices, hold_different_data)
{
	uint8_t *buf = private_pages(1);

	NEED_TWO_DEVICES(self);
	ASSERT_EQ(0, window_fill(self->bed.fd, 500, 1));
	ASSERT_EQ(0, window_fill(self->fd, 500, 2));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(buf, 500, 0)));
	EXPECT_EQ(500, differs_at(buf, 500, 1));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(buf, 500, 0)));
	EXPECT_EQ(500, differs_at(buf, 500, 2));
}

TEST_F(two_devices, count_for_themselves)
{
	struct stats before, delta;

	NEED_TWO_DEVICES(self);
	stats_get(&self->dev, &before);
	ASSERT_EQ(0, window_fill(self->bed.fd, 500, 1));
	stats_since(&self->dev, &before, &delta);
	EXPECT_EQ(0, delta.requests);
	EXPECT_EQ(0, delta.bytes_to_device);
	EXPECT_EQ(0, delta.interrupts);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.requests);
}

TEST_F(two_devices, work_at_the_same_time)
{
	uint8_t *shared = shared_pages(1), *buf = private_pages(1);
	struct edudma_segment segs[LONG];
	struct job job;
	int i;

	NEED_TWO_DEVICES(self);
	for (i = 0; i < LONG; i++)
		segs[i] = seg_to(shared, 10, 10 * i);
	BED_SLOW(&self->bed);
	job_transfer(&job, self->bed.fd, segs, LONG, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&job)));
	ASSERT_EQ(0, window_fill(self->fd, 500, 3));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(buf, 500, 0)));
	EXPECT_FALSE(job.report->done);
	EXPECT_EQ(500, differs_at(buf, 500, 3));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
}

TEST_F(two_devices, use_one_page_at_the_same_time)
{
	uint8_t *page = shared_pages(1);
	struct edudma_segment segs[] = {
		seg_from(page, 100, 0), seg_from(page + 100, 100, 100),
		seg_from(page + 200, 100, 200),
	};
	struct edudma_segment others[] = {
		seg_to(page + 1000, 100, 0), seg_from(page + 300, 100, 0),
		seg_to(page + 300, 100, 100), seg_from(page + 400, 200, 0),
	};
	struct job job;

	NEED_TWO_DEVICES(self);
	ASSERT_EQ(0, window_fill(self->bed.fd, 300, 4));
	fill(page + 1000, 100, 5);
	job_transfer(&job, self->fd, others, ARRAY_LEN(others), 0);
	ASSERT_EQ(0, transfer(self->bed.fd, segs, ARRAY_LEN(segs), 0, NULL));
	ASSERT_EQ(0, job_wait(&job));
	ASSERT_EQ(0, job.report->err);
	EXPECT_EQ(300, differs_at(page, 300, 4));
	EXPECT_EQ(100, differs_at(page + 300, 100, 5));
	EXPECT_EQ(100, differs_at(page + 400, 100, 5));
	EXPECT_EQ(100, differs_at(page + 500, 100, 5));
	EXPECT_TRUE(all_bytes_are(page + 600, 400, 0));
}

/* One device: vectors that write the window and read it back, exclusively. */

#define ROUNDS	2
#define PART	300

struct round_trips {
	const char *node;
	int fd;		/* -1: open the node */
	uint32_t seed;
	uint64_t offset;
};

static size_t round_trips(int fd, uint32_t seed, uint64_t offset)
{
	uint8_t *buf = private_pages(2);
	struct edudma_segment segs[] = {
		seg_to(buf, PART, offset),
		seg_from(buf + page_size(), PART, offset),
	};
	size_t good = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		fill(buf, PART, seed + i);
		if (transfer(fd, segs, 2, EDUDMA_TRANSFER_EXCLUSIVE, NULL))
			break;
		good += differs_at(buf + page_size(), PART, seed + i);
	}
	munmap(buf, 2 * page_size());
	return good;
}

static void run_round_trips(struct job_report *report, void *arg)
{
	struct round_trips *trips = arg;
	int fd = trips->fd;

	report->begun = 1;
	if (fd < 0)
		fd = open(trips->node, O_RDWR | O_CLOEXEC);
	report->value = round_trips(fd, trips->seed, trips->offset);
}

static void *round_trip_thread(void *arg)
{
	struct round_trips *trips = arg;

	return (void *)round_trips(trips->fd, trips->seed, trips->offset);
}

FIXTURE(one_device)
{
	struct bed bed;
};

FIXTURE_SETUP(one_device)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(one_device)
{
	BED_TEARDOWN(&self->bed);
}

/* On several channels two files' vectors run at a time: each has its own bytes. */
TEST_F(one_device, serves_processes_that_open_it_themselves)
{
	struct round_trips trips = { .node = self->bed.dev.node, .fd = -1 };
	struct job jobs[3];
	int i;

	for (i = 0; i < 3; i++) {
		trips.seed = 1000 * i;
		trips.offset = PART * i;
		job_start(&jobs[i], run_round_trips, &trips);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, job_wait(&jobs[i]));
		EXPECT_EQ(ROUNDS * PART, jobs[i].report->value);
	}
}

/* From here on each round writes and reads the same bytes as everybody else's. */

TEST_F(one_device, serves_processes_with_files_of_their_own)
{
	struct round_trips trips = { };
	struct job jobs[3];
	int fds[3], i;

	for (i = 0; i < 3; i++) {
		fds[i] = bed_open_beside(&self->bed);
		trips.fd = fds[i];
		ASSERT_LE(0, trips.fd);
		trips.seed = 1000 * i;
		job_start(&jobs[i], run_round_trips, &trips);
	}
	for (i = 0; i < 3; i++)
		close(fds[i]);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, job_wait(&jobs[i]));
		EXPECT_EQ(ROUNDS * PART, jobs[i].report->value);
	}
}

TEST_F(one_device, serves_processes_that_share_a_file)
{
	struct round_trips trips = { .fd = self->bed.fd };
	struct job jobs[3];
	int i;

	for (i = 0; i < 3; i++) {
		trips.seed = 1000 * i;
		job_start(&jobs[i], run_round_trips, &trips);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, job_wait(&jobs[i]));
		EXPECT_EQ(ROUNDS * PART, jobs[i].report->value);
	}
}

TEST_F(one_device, serves_threads_that_share_a_file)
{
	struct round_trips trips[3];
	pthread_t threads[3];
	void *good;
	int i;

	for (i = 0; i < 3; i++) {
		trips[i] = (struct round_trips) {
			.fd = self->bed.fd, .seed = 1000 * i,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    round_trip_thread, &trips[i]));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &good));
		EXPECT_EQ(ROUNDS * PART, (size_t)good);
	}
}

TEST_F(one_device, finishes_a_transfer_whose_file_was_closed_meanwhile)
{
	uint8_t *shared = shared_pages(1);
	struct edudma_segment segs[] = {
		seg_to(shared, 10, 0), seg_to(shared, 10, 10), seg_to(shared, 10, 20),
	};
	struct job job;

	BED_SLOW(&self->bed);
	job_transfer(&job, self->bed.fd, segs, 3, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&job)));
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(30, job.report->out.bytes_done);
}

/*
 * One page of two processes: one request has it pinned and is held, the other
 * pins it as well, in both directions, and both move their bytes, in turn.
 */
TEST_F(one_device, moves_one_page_of_two_processes)
{
	uint8_t *page = shared_pages(1), *back = private_pages(1);
	uint8_t *window = private_pages(1);
	struct edudma_segment segs[] = {
		seg_to(page + 400, 100, 600), seg_from(page + 100, 200, 300),
	};
	struct hold hold;
	struct job job;

	fill(window, 500, 6);
	ASSERT_EQ(0, window_fill(self->bed.fd, 500, 6));
	memset(page + 400, 0x42, 100);
	ASSERT_TRUE(hold_begin_with(&hold, self->bed.fd, seg_from(page, 200, 0)));
	job_transfer(&job, self->bed.fd, segs, ARRAY_LEN(segs), 0);
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") == HOLD_PAGES + 3));
	ASSERT_EQ(0, hold_end(&hold));
	ASSERT_EQ(0, job_wait(&job));
	ASSERT_EQ(0, job.report->err);
	/* Where both wrote, the later has the word. */
	EXPECT_EQ(0, memcmp(page, window, 100));
	EXPECT_EQ(0, memcmp(page + 100, window + 300, 200));
	EXPECT_TRUE(all_bytes_are(page + 400, 100, 0x42));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, 100, 600)));
	EXPECT_TRUE(all_bytes_are(back, 100, 0x42));
}

TEST_F(one_device, keeps_the_request_that_is_next_to_one_chunk)
{
	uint64_t chunk_bytes = param_get("chunk_bytes");
	struct edudma_segment segs[3];
	uint8_t *buf = private_pages(ARRAY_LEN(segs));
	struct background bg;
	struct hold hold;
	size_t i;

	for (i = 0; i < ARRAY_LEN(segs); i++)
		segs[i] = seg_to(buf + i * page_size(), 10, 0);
	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	ASSERT_TRUE(hold_begin(&hold, self->bed.fd));
	background_start(&bg, self->bed.fd, segs, ARRAY_LEN(segs));
	EXPECT_TRUE(background_submitted(&bg, &self->bed.dev, HOLD_PAGES + 1));
	EXPECT_EQ(HOLD_PAGES + 1, stat_get(&self->bed.dev, "pages_pinned"));
	EXPECT_EQ(0, hold_end(&hold));
	EXPECT_EQ(0, background_wait(&bg));
	EXPECT_EQ(0, param_set("chunk_bytes", chunk_bytes));
}

TEST_F(one_device, has_no_pages_of_those_who_wait_for_a_turn)
{
	struct edudma_segment seg = seg_to(shared_pages(1), 10, 0);
	struct job jobs[3];
	struct hold hold;
	size_t i;

	ASSERT_TRUE(hold_begin(&hold, self->bed.fd));
	for (i = 0; i < ARRAY_LEN(jobs); i++) {
		job_transfer(&jobs[i], self->bed.fd, &seg, 1, 0);
		EXPECT_TRUE(WAIT_FOR(job_asleep(&jobs[i])));
	}
	/* That of the one that is staged. */
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") > HOLD_PAGES));
	EXPECT_EQ(HOLD_PAGES + 1, stat_get(&self->bed.dev, "pages_pinned"));
	EXPECT_EQ(0, hold_end(&hold));
	for (i = 0; i < ARRAY_LEN(jobs); i++)
		EXPECT_EQ(0, job_wait(&jobs[i]));
}

/* Turns: the order in which the device had the jobs' requests. */

#define PER_FILE	4

FIXTURE(turn)
{
	struct bed bed;
	int other;
	uint8_t *shared;
	struct edudma_segment segs[LONG];
	struct job running, jobs[2 * PER_FILE], *mine, *others;
	uint64_t mark;
};

/* A long request of the first file holds the device until all others queue. */
FIXTURE_SETUP(turn)
{
	int i;

	BED_SETUP(&self->bed);
	self->other = bed_open_beside(&self->bed);
	ASSERT_LE(0, self->other);
	BED_SLOW(&self->bed);
	self->shared = shared_pages(1);
	self->mine = self->jobs;
	self->others = self->jobs + PER_FILE;
	self->mark = self->bed.area - JOB_MARKS_BYTES;
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->shared, JOB_MARKS_BYTES,
						    self->mark)));
	for (i = 0; i < LONG; i++)
		self->segs[i] = seg_to(self->shared, 10, 10 * i);
	job_transfer(&self->running, self->bed.fd, self->segs, LONG, 0);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&self->running)));
}

FIXTURE_TEARDOWN(turn)
{
	close(self->other);
	BED_TEARDOWN(&self->bed);
}

static bool queue_up(FIXTURE_DATA(turn) *self, struct job *jobs, int nr, int fd)
{
	int i;

	for (i = 0; i < nr; i++) {
		job_transfer_marked(&jobs[i], fd, self->mark);
		if (!WAIT_FOR(job_asleep(&jobs[i])))
			return false;
	}
	return !self->running.report->done;
}

/* Let those who queue have their turns; false if the device was not held. */
static bool let_go(FIXTURE_DATA(turn) *self)
{
	return !kill(self->running.pid, SIGKILL) &&
	       job_wait(&self->running) == SIGKILL;
}

static int reap(struct job *jobs, int nr)
{
	int i, failed = 0;

	for (i = 0; i < nr; i++)
		failed += job_wait(&jobs[i]) != 0 || jobs[i].report->err != 0;
	return failed;
}

static int order(const FIXTURE_DATA(turn) *self, const struct job *job)
{
	return job_order(job, self->jobs, 2 * PER_FILE);
}

TEST_F(turn, comes_soon_to_a_file_that_came_late)
{
	ASSERT_TRUE(queue_up(self, self->mine, PER_FILE, self->bed.fd));
	ASSERT_TRUE(queue_up(self, self->others, 1, self->other));
	ASSERT_TRUE(let_go(self));
	ASSERT_EQ(0, reap(self->mine, PER_FILE));
	ASSERT_EQ(0, reap(self->others, 1));
	/* Behind one that was staged before it came, at most. */
	EXPECT_GE(1, order(self, &self->others[0]));
}

/*
 * How many others had the device between one request of a file and its next, at
 * most; INT_MAX if they did not come one after the other.
 */
static int longest_pause(const FIXTURE_DATA(turn) *self, const struct job *jobs)
{
	int i, at, last = order(self, &jobs[0]), longest = 0;

	for (i = 1; last >= 0 && i < PER_FILE; i++) {
		at = order(self, &jobs[i]);
		if (at <= last)
			return INT_MAX;
		if (at - last - 1 > longest)
			longest = at - last - 1;
		last = at;
	}
	return last < 0 ? INT_MAX : longest;
}

TEST_F(turn, goes_from_file_to_file)
{
	ASSERT_TRUE(queue_up(self, self->mine, PER_FILE, self->bed.fd));
	ASSERT_TRUE(queue_up(self, self->others, PER_FILE, self->other));
	ASSERT_TRUE(let_go(self));
	ASSERT_EQ(0, reap(self->mine, PER_FILE));
	ASSERT_EQ(0, reap(self->others, PER_FILE));
	EXPECT_GE(1, order(self, &self->others[0]));
	EXPECT_LE(longest_pause(self, self->mine), 1);
	EXPECT_LE(longest_pause(self, self->others), 1);
}

TEST_F(turn, within_a_file_is_first_come_first_served)
{
	int i;

	ASSERT_TRUE(queue_up(self, self->mine, PER_FILE, self->bed.fd));
	ASSERT_TRUE(let_go(self));
	ASSERT_EQ(0, reap(self->mine, PER_FILE));
	for (i = 0; i < PER_FILE; i++)
		EXPECT_EQ(i, order(self, &self->mine[i]));
}

/*
 * On one processor, where memory that is freed is what is allocated next: the last
 * request is where the killed one was, and would stand in the queue twice.
 */
TEST_F(turn, of_a_killed_waiter_passes_to_the_next)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(first), &first));
	ASSERT_TRUE(queue_up(self, self->mine, 3, self->bed.fd));
	ASSERT_EQ(0, kill(self->mine[1].pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&self->mine[1]));
	ASSERT_TRUE(queue_up(self, &self->mine[3], 1, self->bed.fd));
	EXPECT_FALSE(self->running.report->done);
	ASSERT_TRUE(let_go(self));
	ASSERT_EQ(0, reap(&self->mine[0], 1));
	ASSERT_EQ(0, reap(&self->mine[2], 2));
	EXPECT_EQ(0, order(self, &self->mine[0]));
	EXPECT_EQ(1, order(self, &self->mine[2]));
	EXPECT_EQ(2, order(self, &self->mine[3]));
}

TEST_F(turn, is_not_waited_for_on_another_channel)
{
	int next;

	if (self->bed.info.channels == 1) {
		/* Nobody needs to wait for it. */
		kill(self->running.pid, SIGKILL);
		job_wait(&self->running);
		SKIP(return, "this device has one channel");
	}
	next = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, next);
	EXPECT_EQ(0, transfer(next, self->segs, 1, 0, NULL));
	EXPECT_FALSE(self->running.report->done);
	close(next);
	ASSERT_TRUE(let_go(self));
}

TEST_HARNESS_MAIN
