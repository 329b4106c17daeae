// SPDX-License-Identifier: GPL-2.0-only
/*
 * statistics/: what each counter gains by a known request.
 */
#include "edudma_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* Segments of a request that is killed before it ends, however slow we are. */
#define LONG	30

FIXTURE(statistics)
{
	struct bed bed;
	uint8_t *page;
	struct stats delta;
};

FIXTURE_SETUP(statistics)
{
	BED_SETUP(&self->bed);
	self->page = private_pages(1);
}

FIXTURE_TEARDOWN(statistics)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(statistics, are_numbers_that_everybody_may_read)
{
	char path[128];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_LEN(stats_names); i++) {
		EXPECT_NE(UINT64_MAX, stat_get(&self->bed.dev, stats_names[i]))
			TH_LOG("%s", stats_names[i]);
		snprintf(path, sizeof(path), "%s/statistics/%s",
			 self->bed.dev.sysfs, stats_names[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0444, st.st_mode & 0777) TH_LOG("%s", stats_names[i]);
	}
}

TEST_F(statistics, of_a_vector_are_exact)
{
	struct edudma_segment segs[] = {
		seg_to(self->page, 10, 0), seg_to(self->page + 50, 20, 10),
		seg_from(self->page + 100, 300, 0),
	};
	uint64_t bounced = unreachable_bytes(&self->bed.info, self->page, 330);
	struct stats *delta = &self->delta;

	ASSERT_EQ(0, transfer(self->bed.fd, segs, 3, 0, NULL));
	BED_STATS(&self->bed, delta);
	EXPECT_EQ(1, delta->requests);
	EXPECT_EQ(30, delta->bytes_to_device);
	EXPECT_EQ(300, delta->bytes_from_device);
	EXPECT_EQ(330 - bounced, delta->bytes_zero_copy);
	EXPECT_EQ(bounced, delta->bytes_bounced);
	EXPECT_EQ(3, delta->descriptors);
	/* A plain edu interrupts for each; others for all that they were given together. */
	EXPECT_EQ(self->bed.info.engine == EDUDMA_ENGINE_EDU ? 3 : 1,
		  delta->interrupts);
	EXPECT_EQ(0, delta->pages_pinned);
	EXPECT_LT(0, delta->pages_pinned_max);
	EXPECT_EQ(0, delta->timeouts);
	EXPECT_EQ(0, delta->cancelled);
	EXPECT_EQ(0, delta->errors);
	EXPECT_EQ(0, delta->spurious_interrupts);
	EXPECT_EQ(0, delta->pages_leaked);
}

/* Whatever the kernel thinks of the IOMMU: nothing is copied, nothing waits. */
TEST_F(statistics, show_that_zero_copy_is_released_in_the_interrupt)
{
	uint8_t *buf = private_pages(3);
	const size_t len = self->bed.area;
	uint64_t bounced = unreachable_bytes(&self->bed.info, buf + 100, len);
	uint64_t before;

	if (kernel_copies())
		SKIP(return, "the kernel copies what it maps");
	before = stat_get(&self->bed.dev, "completions_deferred");
	ASSERT_NE(UINT64_MAX, before) TH_LOG("there is no completions_deferred");
	ASSERT_EQ(len, pwrite(self->bed.fd, buf + 100, len, 0));
	EXPECT_EQ(before, stat_get(&self->bed.dev, "completions_deferred"));
	ASSERT_EQ(len, pread(self->bed.fd, buf + 100, len, 0));
	if (!bounced) {
		EXPECT_EQ(before, stat_get(&self->bed.dev, "completions_deferred"));
	}
	BED_STATS(&self->bed, &self->delta);
	EXPECT_EQ(2 * (len - bounced), self->delta.bytes_zero_copy);
}

TEST_F(statistics, of_a_write_are_exact)
{
	struct stats *delta = &self->delta;

	ASSERT_EQ(77, pwrite(self->bed.fd, self->page, 77, 0));
	BED_STATS(&self->bed, delta);
	EXPECT_EQ(1, delta->requests);
	EXPECT_EQ(77, delta->bytes_to_device);
	EXPECT_EQ(0, delta->bytes_from_device);
	EXPECT_EQ(1, delta->descriptors);
	EXPECT_EQ(1, delta->interrupts);
}

TEST_F(statistics, of_a_read_are_exact)
{
	struct stats *delta = &self->delta;

	ASSERT_EQ(78, pread(self->bed.fd, self->page, 78, 0));
	BED_STATS(&self->bed, delta);
	EXPECT_EQ(1, delta->requests);
	EXPECT_EQ(0, delta->bytes_to_device);
	EXPECT_EQ(78, delta->bytes_from_device);
	EXPECT_EQ(0, delta->pages_redirtied);
	EXPECT_EQ(1, delta->descriptors);
	EXPECT_EQ(1, delta->interrupts);
}

TEST_F(statistics, of_a_refused_call_stay)
{
	struct edudma_segment seg = seg_to(self->page, 10, UINT64_MAX);
	struct stats *delta = &self->delta;

	ASSERT_EQ(ERANGE, transfer(self->bed.fd, &seg, 1, 0, NULL));
	BED_STATS(&self->bed, delta);
	EXPECT_EQ(0, delta->requests);
	EXPECT_EQ(0, delta->descriptors);
	EXPECT_EQ(0, delta->errors);
}

TEST_F(statistics, count_a_failed_request_as_error)
{
	struct edudma_segment segs[] = {
		seg_to(self->page, 10, 0), seg_to(NULL, 10, 10),
	};
	struct stats *delta = &self->delta;

	ASSERT_EQ(EFAULT, transfer(self->bed.fd, segs, 2, 0, NULL));
	BED_STATS(&self->bed, delta);
	EXPECT_EQ(1, delta->requests);
	EXPECT_EQ(1, delta->errors);
	EXPECT_EQ(0, delta->cancelled);
	EXPECT_EQ(10, delta->bytes_to_device);
}

TEST_F(statistics, count_a_cancelled_request_but_no_error)
{
	uint8_t *shared = shared_pages(1);
	struct edudma_segment segs[LONG];
	struct job job;
	int i;

	for (i = 0; i < LONG; i++)
		segs[i] = seg_to(shared, 10, 0);
	BED_SLOW(&self->bed);
	job_transfer(&job, self->bed.fd, segs, LONG, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	BED_STATS(&self->bed, &self->delta);
	EXPECT_EQ(1, self->delta.cancelled);
	EXPECT_EQ(0, self->delta.errors);
}

TEST_F(statistics, show_what_is_pinned_now)
{
	uint8_t *shared = shared_pages(LONG);
	struct edudma_segment segs[LONG];
	struct job job;
	int i;

	for (i = 0; i < LONG; i++)
		segs[i] = seg_to(shared + i * page_size(), 10, 0);
	BED_SLOW(&self->bed);
	job_transfer(&job, self->bed.fd, segs, LONG, 0);
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") == LONG));
	EXPECT_EQ(self->bed.pins + LONG, pins_outstanding());
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	EXPECT_LE(LONG, stat_get(&self->bed.dev, "pages_pinned_max"));
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

TEST_F(statistics, count_the_engine_busy_no_longer_than_the_call_took)
{
	struct edudma_segment segs[] = {
		seg_to(self->page, 10, 0), seg_to(self->page, 10, 0),
	};
	uint64_t elapsed = now_ns();

	ASSERT_EQ(0, transfer(self->bed.fd, segs, 2, 0, NULL));
	elapsed = now_ns() - elapsed;
	BED_STATS(&self->bed, &self->delta);
	EXPECT_LT(0, self->delta.engine_busy_ns);
	EXPECT_LE(self->delta.engine_busy_ns, elapsed);
}

/* Descriptors: pages that are neighbours on the bus are moved as one. */

TEST_F(statistics, show_one_descriptor_for_neighbouring_pages)
{
	const size_t huge = 2 << 20;
	struct edudma_info *info = &self->bed.info;
	uint8_t *p, *edge;

	if (find_page(info, false))
		SKIP(return, "the device does not reach all memory here");
	p = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	p = (uint8_t *)(((uintptr_t)p + huge - 1) & ~(huge - 1));
	madvise(p, huge, MADV_HUGEPAGE);
	memset(p, 0x11, huge);
	edge = p + 5 * page_size() - 100;
	if (!(info->capabilities & EDUDMA_CAP_IOMMU) &&
	    page_pfn(edge) + 1 != page_pfn(edge + 100))
		SKIP(return, "this kernel gave no huge page");
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(edge, 300, 0)));
	BED_STATS(&self->bed, &self->delta);
	EXPECT_EQ(1, self->delta.descriptors);
}

TEST_F(statistics, show_one_descriptor_for_segments_that_continue)
{
	struct edudma_info *info = &self->bed.info;
	uint8_t *page = find_page(info, true);
	struct edudma_segment segs[] = {
		seg_to(page, 100, 0), seg_to(page + 100, 50, 100),
	};

	if (!page)
		SKIP(return, "no page within the device's reach");
	if (info->capabilities & EDUDMA_CAP_IOMMU)
		SKIP(return, "the IOMMU gives each segment an address of its own");
	if (kernel_copies())
		SKIP(return, "the kernel copies each segment to a place of its own");
	ASSERT_EQ(0, transfer(self->bed.fd, segs, ARRAY_LEN(segs), 0, NULL));
	BED_STATS(&self->bed, &self->delta);
	EXPECT_EQ(1, self->delta.descriptors);
}

TEST_F(statistics, show_a_descriptor_for_each_scattered_page)
{
	struct edudma_info *info = &self->bed.info;
	void *pages[2];
	uint8_t *pair;

	if (info->capabilities & EDUDMA_CAP_IOMMU)
		SKIP(return, "the IOMMU makes neighbours of all pages");
	if (!find_pages(info, true, pages, 2))
		SKIP(return, "no two pages within the device's reach");
	/* In at least one order they are no neighbours. */
	if (page_pfn(pages[0]) + 1 == page_pfn(pages[1]))
		pair = side_by_side(pages[1], pages[0]);
	else
		pair = side_by_side(pages[0], pages[1]);
	ASSERT_NE(NULL, pair);
	ASSERT_EQ(0, transfer1(self->bed.fd,
			       seg_to(pair + page_size() - 10, 20, 0)));
	BED_STATS(&self->bed, &self->delta);
	EXPECT_EQ(2, self->delta.descriptors);
}

TEST_HARNESS_MAIN
