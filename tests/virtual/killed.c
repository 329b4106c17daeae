// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGKILL at each stage of a request, and how long everything then takes.
 *
 * Times are the guest's, which are exact where time is counted in instructions:
 * no load of the host makes a process here late.
 */
#include "edudma_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define NR		4	/* segments of the request that is killed */
#define PART		100	/* bytes of each */
#define GONE_NS		50000000ULL

FIXTURE(killed)
{
	struct bed bed;
	uint8_t *pages;		/* shared with the child; a part in each */
	uint64_t descriptor_ns;	/* what a request of one descriptor takes */
	struct edudma_segment segs[NR];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

FIXTURE_SETUP(killed)
{
	int i;

	BED_SETUP(&self->bed);
	self->pages = shared_pages(NR);
	for (i = 0; i < NR; i++) {
		fill(self->pages + i * page_size(), PART, 100 + i);
		self->segs[i] = seg_to(self->pages + i * page_size(), PART,
				       i * PART);
	}
	self->descriptor_ns = now_ns();
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.info.window_bytes, 1));
	self->descriptor_ns = now_ns() - self->descriptor_ns;
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(killed)
{
	BED_TEARDOWN(&self->bed);
}

/* Kill and reap; how long it was until the process was gone. */
static uint64_t time_to_go(struct job *job)
{
	uint64_t then = now_ns();
	int status;

	if (kill(job->pid, SIGKILL) || waitpid(job->pid, &status, 0) != job->pid ||
	    !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return UINT64_MAX;
	return now_ns() - then;
}

FIXTURE(descriptor)
{
	FIXTURE_DATA(killed) k;
};

FIXTURE_VARIANT(descriptor)
{
	int nth;
};

FIXTURE_VARIANT_ADD(descriptor, first) { .nth = 1 };
FIXTURE_VARIANT_ADD(descriptor, middle) { .nth = NR / 2 };
FIXTURE_VARIANT_ADD(descriptor, last) { .nth = NR };

FIXTURE_SETUP(descriptor)
{
	killed_setup(_metadata, &self->k, NULL);
}

FIXTURE_TEARDOWN(descriptor)
{
	killed_teardown(_metadata, &self->k, NULL);
}

TEST_F(descriptor, under_way_keeps_no_dead_process)
{
	struct bed *bed = &self->k.bed;
	struct job job;
	uint64_t then;

	job_transfer(&job, bed->fd, self->k.segs, NR, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&bed->dev, "descriptors") ==
			     bed->before.descriptors + variant->nth));
	then = now_ns();
	EXPECT_GE(GONE_NS, time_to_go(&job));
	sleep_until(then + self->k.descriptor_ns);
	EXPECT_EQ(bed->pins, pins_outstanding());
	EXPECT_EQ(variant->nth, stat_get(&bed->dev, "descriptors") -
		  bed->before.descriptors);
}

TEST_HARNESS_MAIN
