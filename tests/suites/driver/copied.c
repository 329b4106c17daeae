// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the DMA API copies what it maps, what a stopped request has mapped and the
 * device has not written must not be copied back over newer bytes.
 */
#include "edudma_fixture.h"
#include "edudma_hold.h"

#include <signal.h>
#include <sys/mman.h>

#define SEED	7	/* what the window holds */
#define OURS	0x5a	/* what the program writes */

FIXTURE(copied)
{
	struct bed bed;
};

FIXTURE_SETUP(copied)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(copied)
{
	BED_TEARDOWN(&self->bed);
}

/* Mapped and staged, the program writes to the memory, and the request is stopped. */
TEST_F(copied, memory_that_was_never_issued_keeps_what_the_program_wrote)
{
	uint8_t *page = shared_pages(1);
	struct edudma_segment seg = seg_from(page, page_size() - 1, 0);
	struct hold hold;
	struct job job;

	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, SEED));
	ASSERT_TRUE(hold_begin(&hold, self->bed.fd));
	job_transfer(&job, self->bed.fd, &seg, 1, 0);
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") == HOLD_PAGES + 1));
	EXPECT_TRUE(WAIT_FOR(job_asleep(&job)));
	memset(page, OURS, page_size());
	EXPECT_EQ(0, kill(job.pid, SIGKILL));
	EXPECT_EQ(SIGKILL, job_wait(&job));
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") <= HOLD_PAGES));
	EXPECT_EQ(0, hold_end(&hold));
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	EXPECT_TRUE(all_bytes_are(page, page_size(), OURS))
		TH_LOG("byte 0 is %#x", page[0]);
}

#define AT	100	/* where a request begins in its page */

/* A page of a memory file, twice: neighbours in memory that are the same. */
static uint8_t *page_twice(void)
{
	const size_t bytes = page_size();
	int fd = memfd_create("edudma", MFD_CLOEXEC);
	uint8_t *twice;

	twice = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ftruncate(fd, bytes) || twice == MAP_FAILED ||
	    mmap(twice, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 0) == MAP_FAILED ||
	    mmap(twice + bytes, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 fd, 0) == MAP_FAILED)
		die("memory file");
	close(fd);
	return twice;
}

/*
 * Stop a request to the page's both places when the first of its two descriptors
 * is done; true if that was so.
 */
static bool stopped_between(FIXTURE_DATA(copied) *self, uint8_t *twice)
{
	struct edudma_segment seg = seg_from(twice + AT, 2 * page_size() - AT, 0);
	uint64_t before = machine_get(&self->bed.dev, "counter-descriptors");
	struct job job;
	bool between;

	memset(twice, OURS, page_size());
	job_transfer(&job, self->bed.fd, &seg, 1, 0);
	between = WAIT_FOR(machine_get(&self->bed.dev, "counter-descriptors") > before) &&
		  !machine_set(&self->bed.dev, "fault-stall", 0xff) &&
		  machine_get(&self->bed.dev, "counter-descriptors") == before + 1;
	kill(job.pid, SIGKILL);
	job_wait(&job);
	machine_set(&self->bed.dev, "fault-stall", 0);
	return WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")) && between;
}

TEST_F(copied, page_that_is_mapped_twice_keeps_what_the_device_wrote_first)
{
	uint8_t *twice, *window = private_pages(2);
	struct stats delta;
	int tries = 0;

	if (self->bed.info.engine != EDUDMA_ENGINE_RING)
		SKIP(return, "a plain edu is not stopped while it has a descriptor");
	twice = page_twice();
	ASSERT_EQ(0, window_fill(self->bed.fd, 2 * page_size(), SEED));
	fill(window, 2 * page_size(), SEED);
	BED_SLOW(&self->bed);
	do {
		bed_mark(&self->bed);
		ASSERT_GT(20, tries++);
	} while (!stopped_between(self, twice));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(page_size() - AT, delta.bytes_from_device);
	EXPECT_EQ(0, memcmp(twice + AT, window, page_size() - AT))
		TH_LOG("byte %d is %#x, not %#x", AT, twice[AT], window[0]);
	EXPECT_TRUE(all_bytes_are(twice, AT, OURS));
}

/* With the device standing still, all of a request of two chunks; or just begun. */
static bool begin_two(FIXTURE_DATA(copied) *self, struct job *job,
		      const struct edudma_segment *segs)
{
	const bool ring = self->bed.info.engine == EDUDMA_ENGINE_RING;

	if (ring && machine_set(&self->bed.dev, "fault-stall", 0xff))
		return false;
	job_transfer(job, self->bed.fd, segs, 2, 0);
	if (!ring)
		return true;
	/* Both end before the driver hears of it. */
	return WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			self->bed.before.descriptors + 2) &&
	       !machine_set(&self->bed.dev, "fault-drop-irq", 1) &&
	       !machine_set(&self->bed.dev, "fault-stall", 0);
}

TEST_F(copied, memory_that_two_chunks_are_fetched_to_holds_the_later_one)
{
	uint64_t chunk_bytes = param_get("chunk_bytes");
	size_t half = self->bed.area / 2;
	uint8_t *page = shared_pages(1);
	struct edudma_segment segs[] = {
		seg_from(page, half, 0), seg_from(page, half, half),
	};
	struct job job;

	memset(page, SEED, half);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(page, half, 0)));
	memset(page, OURS, half);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(page, half, half)));
	memset(page, 0, half);
	bed_mark(&self->bed);
	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	EXPECT_TRUE(begin_two(self, &job, segs));
	EXPECT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, param_set("chunk_bytes", chunk_bytes));
	EXPECT_EQ(0, job.report->err);
	EXPECT_TRUE(all_bytes_are(page, half, OURS))
		TH_LOG("byte 0 is %#x", page[0]);
}

TEST_HARNESS_MAIN
