// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a request has of the device while others wait: users have equal shares, and
 * none is kept waiting for longer than a grant, nor for somebody's page fault.
 */
#include "edudma_fixture.h"
#include "edudma_hold.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MANY	1024	/* segments, the most of a vector */
#define FEW	30	/* of one that is waited for */
#define FILES	8
#define LARGE	2	/* chunks of a request, each a page */
#define USER	1234	/* any but root */

FIXTURE(share)
{
	struct bed bed;
	uint64_t chunk_bytes;
	uint64_t mark;		/* a place in the window */
	uint32_t *values;	/* shared with children */
	struct edudma_segment segs[MANY];
	struct job jobs[FILES + 1];
	int fds[FILES];
	int other;		/* a file that another user has opened */
	mode_t mode;
};

static int open_as_user(struct bed *bed)
{
	int fd;

	if (seteuid(USER))
		return -1;
	fd = bed_open_beside(bed);
	if (seteuid(0))
		die("seteuid");
	return fd;
}

FIXTURE_SETUP(share)
{
	struct stat node;
	uint32_t i;

	BED_SETUP(&self->bed);
	self->chunk_bytes = param_get("chunk_bytes");
	self->mark = self->bed.area - JOB_MARKS_BYTES;
	self->values = shared_pages(2);
	for (i = 0; i < MANY; i++) {
		self->values[i] = i + 1;
		self->segs[i] = seg_to(&self->values[i], sizeof(uint32_t), self->mark);
	}
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(&self->values[MANY], JOB_MARKS_BYTES,
						    self->mark)));
	ASSERT_EQ(0, stat(self->bed.dev.node, &node));
	self->mode = node.st_mode & 0777;
	ASSERT_EQ(0, chmod(self->bed.dev.node, 0666));
	self->other = open_as_user(&self->bed);
	ASSERT_LE(0, self->other);
	bed_mark(&self->bed);
}

FIXTURE_TEARDOWN(share)
{
	close(self->other);
	EXPECT_EQ(0, chmod(self->bed.dev.node, self->mode));
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

/* A job that must end, of which nobody knows whether it does. */
static int job_ends(struct job *job)
{
	int status = job_wait(job);

	if (status == -1) {
		kill(job->pid, SIGKILL);
		job_wait(job);
	}
	return status;
}

static bool has_returned(const struct job *job)
{
	return __atomic_load_n(&job->report->done, __ATOMIC_SEQ_CST);
}

/* Users */

TEST_F(share, of_a_user_with_one_file_is_that_of_one_with_many)
{
	struct hold hold;
	int i, at;

	for (i = 0; i < FILES; i++) {
		self->fds[i] = bed_open_beside(&self->bed);
		ASSERT_LE(0, self->fds[i]);
	}
	ASSERT_TRUE(hold_begin(&hold, self->bed.fd));
	for (i = 0; i <= FILES; i++) {
		job_transfer_marked(&self->jobs[i],
				    i < FILES ? self->fds[i] : self->other, self->mark);
		EXPECT_TRUE(WAIT_FOR(job_queued(&self->jobs[i])));
	}
	EXPECT_EQ(0, hold_end(&hold));
	for (i = 0; i <= FILES; i++) {
		ASSERT_EQ(0, job_wait(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err);
	}
	at = job_order(&self->jobs[FILES], self->jobs, FILES + 1);
	EXPECT_LE(0, at);
	/* Behind the one that was staged. */
	EXPECT_GE(1, at);
	for (i = 0; i < FILES; i++)
		close(self->fds[i]);
}

/* The same user by another process: what counts is who has opened the file. */
TEST_F(share, is_that_of_the_user_who_opened_the_file)
{
	struct hold hold;
	int i, at;

	for (i = 0; i < 3; i++)
		self->fds[i] = open_as_user(&self->bed);
	ASSERT_TRUE(hold_begin(&hold, self->other));
	for (i = 0; i < 3; i++) {
		job_transfer_marked(&self->jobs[i], self->fds[i], self->mark);
		EXPECT_TRUE(WAIT_FOR(job_queued(&self->jobs[i])));
	}
	job_transfer_marked(&self->jobs[3], self->bed.fd, self->mark);
	EXPECT_TRUE(WAIT_FOR(job_queued(&self->jobs[3])));
	EXPECT_EQ(0, hold_end(&hold));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, job_wait(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err);
	}
	at = job_order(&self->jobs[3], self->jobs, 4);
	EXPECT_LE(0, at);
	EXPECT_GE(1, at);
	for (i = 0; i < 3; i++)
		close(self->fds[i]);
}

/* Long vectors: what a small request of somebody else's finds in the window. */

/* Have the device at work on a vector of @nr segments, which are as many jobs. */
static bool start_vector(FIXTURE_DATA(share) *self, uint32_t nr, uint32_t flags)
{
	/* A ring has all of a chunk, and a segment has at least a page of it. */
	if (self->bed.info.engine == EDUDMA_ENGINE_RING &&
	    param_set("chunk_bytes", page_size()))
		return false;
	job_transfer(&self->jobs[0], self->bed.fd, self->segs, nr, flags);
	return WAIT_FOR(bed_descriptors(&self->bed) > self->bed.mark ||
			has_returned(&self->jobs[0])) &&
	       !has_returned(&self->jobs[0]);
}

static uint32_t *start_look(FIXTURE_DATA(share) *self)
{
	uint32_t *found = &self->values[MANY + 1];
	struct edudma_segment seg = seg_from(found, sizeof(*found), self->mark);

	job_transfer(&self->jobs[1], self->other, &seg, 1, 0);
	return found;
}

TEST_F_TIMEOUT(share, of_a_long_vector_ends_while_others_wait, 90)
{
	uint32_t *found;

	BED_SLOW(&self->bed);
	ASSERT_TRUE(start_vector(self, MANY, 0));
	found = start_look(self);
	EXPECT_EQ(0, job_ends(&self->jobs[1])) TH_LOG("it waits for the end");
	EXPECT_EQ(0, self->jobs[1].report->err);
	EXPECT_FALSE(has_returned(&self->jobs[0]));
	EXPECT_LT(0, *found);
	EXPECT_GT(MANY, *found);
	kill(self->jobs[0].pid, SIGKILL);
	EXPECT_EQ(SIGKILL, job_wait(&self->jobs[0]));
}

TEST_F(share, of_an_exclusive_vector_is_all_of_it)
{
	uint32_t *found;

	BED_SLOW(&self->bed);
	ASSERT_TRUE(start_vector(self, FEW, EDUDMA_TRANSFER_EXCLUSIVE))
		TH_LOG("%s", strerror(self->jobs[0].report->err));
	found = start_look(self);
	EXPECT_EQ(0, job_wait(&self->jobs[1]));
	EXPECT_EQ(0, self->jobs[1].report->err);
	EXPECT_EQ(FEW, *found);
	EXPECT_EQ(0, job_wait(&self->jobs[0]));
	EXPECT_EQ(0, self->jobs[0].report->err);
	EXPECT_EQ(FEW, self->jobs[0].report->out.segments_done);
}

/* Page faults */

TEST_F_TIMEOUT(share, of_a_process_that_waits_in_a_page_fault_is_free, 90)
{
	struct edudma_segment seg = seg_to(self->values, sizeof(uint32_t), self->mark);
	struct stats delta;
	struct hold hold;

	ASSERT_TRUE(hold_begin_fault(&hold, self->bed.fd, seg_from(NULL, 0, 0), 0));
	job_transfer(&self->jobs[0], self->other, &seg, 1, 0);
	EXPECT_EQ(0, job_ends(&self->jobs[0])) TH_LOG("it waits for the fault");
	EXPECT_EQ(0, self->jobs[0].report->err);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(sizeof(uint32_t), delta.bytes_to_device);
	EXPECT_EQ(0, delta.timeouts);
	/* And the one that was stuck has lost nothing. */
	EXPECT_EQ(0, hold_end(&hold));
}

/* Pins */

/*
 * The device stands still with the first of many chunks, so there is a job that was
 * not posted for as long as the test likes.
 */
TEST_F_TIMEOUT(share, of_one_who_waits_holds_no_page_before_the_last_job_is_posted, 90)
{
	struct edudma_segment seg = seg_to(self->values, sizeof(uint32_t), self->mark);
	uint8_t *large = private_pages(LARGE);
	uint64_t pinned;
	struct hold hold;

	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	ASSERT_TRUE(hold_begin_with(&hold, self->bed.fd,
				    seg_from(large + 1000, self->bed.area, 0)));
	/* One that is posted, one behind it, and no more. */
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") >= 2));
	pinned = stat_get(&self->bed.dev, "pages_pinned");
	job_transfer(&self->jobs[0], self->other, &seg, 1, 0);
	EXPECT_TRUE(WAIT_FOR(job_asleep(&self->jobs[0])));
	EXPECT_EQ(pinned, stat_get(&self->bed.dev, "pages_pinned"));
	EXPECT_EQ(self->bed.pins + pinned, pins_outstanding());
	EXPECT_EQ(0, hold_end(&hold));
	EXPECT_EQ(0, job_wait(&self->jobs[0]));
	EXPECT_EQ(0, self->jobs[0].report->err);
}

TEST_HARNESS_MAIN
