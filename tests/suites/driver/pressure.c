// SPDX-License-Identifier: GPL-2.0-only
/*
 * Little memory to be had: a limit that is reached in the middle of a request, or
 * before it, and no right to lock any.  A call works or fails with ENOMEM, what
 * it reports done was done, and nobody waits for ever.
 */
#include "edudma_fixture.h"

#include "edudma_cgroup.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define LIMIT		(4 << 20)	/* bytes that a child may have */
#define NR		64		/* pages that it wants the device to write */
#define ROOM		12		/* pages that it gets, more or less */
#define PART		4000		/* bytes of a plain read and write */
#define SEED		7

/**
 * struct plan - what a child is to do in the end
 * @left:	bytes of its limit that it has left then
 * @killable:	see cgroup_enter()
 * @touched:	the destination has its pages already
 * @nr:		segments of one byte, each in a page of its own where there are
 */
struct plan {
	const struct cgroup *group;
	int fd;
	uint64_t left;
	bool killable;
	bool touched;
	uint32_t nr;
};

FIXTURE(limit)
{
	struct bed bed;
	struct cgroup group;
	bool made;
	struct plan plan;
	struct job job;
};

FIXTURE_SETUP(limit)
{
	BED_SETUP(&self->bed);
	self->made = cgroup_make(&self->group, LIMIT);
	self->plan = (struct plan) {
		.group = &self->group, .fd = self->bed.fd, .nr = NR,
	};
	ASSERT_EQ(0, window_fill(self->bed.fd, NR, SEED));
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(limit)
{
	EXPECT_TRUE(cgroup_remove(&self->group));
	BED_TEARDOWN(&self->bed);
}

#define NEED_LIMIT(self) do {						\
	if (!(self)->made)						\
		SKIP(return, "no memory control group to be had");	\
} while (0)

/*
 * report->value: bytes of the destination that are the device's, from the first
 * on; -1 if one behind them is not what it was, or the child could not prepare.
 */
static void run_short_of_memory(struct job_report *report, void *arg)
{
	const struct plan *plan = arg;
	struct edudma_segment *segs = shared_pages(plan->nr * sizeof(*segs) /
						   page_size() + 1);
	uint8_t *expected = private_pages(1), *dst;
	uint32_t i, good = 0;

	dst = mmap(NULL, NR * page_size(), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(dst, NR * page_size(), MADV_NOHUGEPAGE);
	if (plan->touched)
		memset(dst, 0, NR * page_size());
	for (i = 0; i < plan->nr; i++)
		segs[i] = seg_from(dst + i % NR * page_size(), 1, i % NR);
	fill(expected, NR, SEED);
	report->value = -1;
	if (!cgroup_enter(plan->group, plan->killable) ||
	    !cgroup_use_up(plan->group, plan->left))
		return;
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = transfer(plan->fd, segs, plan->nr, 0, &report->out);
	/* Reading what was never written takes no memory. */
	while (good < NR && dst[good * page_size()] == expected[good])
		good++;
	for (i = good; i < NR; i++)
		if (dst[i * page_size()])
			return;
	report->value = good;
}

TEST_F(limit, reached_in_a_request_ends_it_with_enomem)
{
	struct job_report *report;
	struct stats delta;

	NEED_LIMIT(self);
	self->plan.left = ROOM * page_size();
	job_start(&self->job, run_short_of_memory, &self->plan);
	ASSERT_EQ(0, job_wait(&self->job));
	report = self->job.report;
	ASSERT_TRUE(report->begun);
	EXPECT_EQ(ENOMEM, report->err);
	EXPECT_EQ(ENOMEM, report->out.error);
	EXPECT_EQ(report->value, report->out.bytes_done);
	EXPECT_EQ(report->value, report->out.segments_done);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(report->value, delta.bytes_from_device);
	EXPECT_EQ(1, delta.errors);
	EXPECT_LT(0, report->value);
}

TEST_F(limit, reached_before_a_request_fails_it_with_enomem)
{
	struct job_report *report;
	struct stats delta;

	NEED_LIMIT(self);
	self->plan.nr = self->bed.info.max_segments;
	self->plan.touched = true;
	job_start(&self->job, run_short_of_memory, &self->plan);
	ASSERT_EQ(0, job_wait(&self->job));
	report = self->job.report;
	ASSERT_TRUE(report->begun);
	EXPECT_EQ(ENOMEM, report->err);
	EXPECT_EQ(0, report->value);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
}

/* What fits the memory that there is: report->value bytes there and back. */
static void run_plain_calls(struct job_report *report, void *arg)
{
	const struct plan *plan = arg;
	uint8_t *buf = private_pages(2);

	fill(buf, PART, SEED);
	if (!cgroup_enter(plan->group, plan->killable) ||
	    !cgroup_use_up(plan->group, plan->left))
		return;
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	if (pwrite(plan->fd, buf, PART, 0) != PART ||
	    pread(plan->fd, buf + page_size(), PART, 0) != PART)
		report->err = errno;
	report->value = differs_at(buf + page_size(), PART, SEED);
}

TEST_F(limit, that_is_near_leaves_room_for_plain_calls)
{
	NEED_LIMIT(self);
	self->plan.left = ROOM * page_size();
	job_start(&self->job, run_plain_calls, &self->plan);
	ASSERT_EQ(0, job_wait(&self->job));
	ASSERT_TRUE(self->job.report->begun);
	EXPECT_EQ(0, self->job.report->err);
	EXPECT_EQ(PART, self->job.report->value);
}

TEST_F(limit, that_ends_the_process_leaves_nothing_behind)
{
	NEED_LIMIT(self);
	self->plan.left = ROOM * page_size();
	self->plan.killable = true;
	job_start(&self->job, run_short_of_memory, &self->plan);
	ASSERT_EQ(SIGKILL, job_wait(&self->job));
	EXPECT_TRUE(self->job.report->begun);
	EXPECT_EQ(1, cgroup_event(&self->group, "oom_kill"));
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	EXPECT_EQ(0, window_fill(self->bed.fd, NR, SEED));
}

/* No right to lock memory is needed, as none is locked. */

FIXTURE(memlock)
{
	struct bed bed;
	struct job job;
};

FIXTURE_SETUP(memlock)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(memlock)
{
	BED_TEARDOWN(&self->bed);
}

static void run_without_rights(struct job_report *report, void *arg)
{
	const struct rlimit none = { 0, 0 };
	uint8_t *buf = private_pages(2);
	struct edudma_segment segs[] = {
		seg_to(buf, 300, 0), seg_from(buf + page_size(), 300, 0),
	};

	fill(buf, 300, SEED);
	if (setrlimit(RLIMIT_MEMLOCK, &none) || setgid(65534) || setuid(65534)) {
		report->err = errno;
		return;
	}
	/* The limit holds: this is what it is about. */
	if (!mlock(buf, 1) || errno != EPERM) {
		report->err = EINVAL;
		return;
	}
	report->err = transfer(*(int *)arg, segs, 2, 0, &report->out);
	report->value = differs_at(buf + page_size(), 300, SEED);
}

TEST_F(memlock, of_zero_is_enough)
{
	job_start(&self->job, run_without_rights, &self->bed.fd);
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(0, self->job.report->err);
	EXPECT_EQ(300, self->job.report->value);
}

TEST_HARNESS_MAIN
