// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ring engine asks of the device, counted by the device; and rings that
 * are full, or go round.
 */
#include "edudma_fixture.h"
#include "edudma_machine.h"

#include <glob.h>
#include <signal.h>
#include <sys/mman.h>

#define PAGES	64
#define BATCH	128U	/* descriptors that are issued at a time */

FIXTURE(ring)
{
	struct bed bed;
	uint8_t *buf;
	size_t len;
};

FIXTURE_SETUP(ring)
{
	BED_SETUP(&self->bed);
	ASSERT_EQ(EDUDMA_ENGINE_RING, self->bed.info.engine);
	self->buf = private_pages(PAGES);
	self->len = PAGES * page_size();
	fill(self->buf, self->len, 1);
}

FIXTURE_TEARDOWN(ring)
{
	BED_TEARDOWN(&self->bed);
}

/* What the device counted of its registers and interrupts. */
struct device_counts {
	uint64_t doorbells;
	uint64_t reads;
	uint64_t writes;
	uint64_t interrupts;
};

static struct device_counts device_counts(const struct test_dev *dev)
{
	return (struct device_counts) {
		.doorbells = machine_get(dev, "counter-doorbells"),
		.reads = machine_get(dev, "counter-reads"),
		.writes = machine_get(dev, "counter-writes"),
		.interrupts = machine_get(dev, "counter-interrupts"),
	};
}

TEST_F(ring, is_told_of_a_request_by_one_doorbell_and_nothing_else)
{
	struct device_counts before, after;

	before = device_counts(&self->bed.dev);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, self->len, 0)));
	after = device_counts(&self->bed.dev);
	EXPECT_EQ(1, after.doorbells - before.doorbells);
	EXPECT_EQ(0, after.reads - before.reads);
	EXPECT_EQ(0, after.writes - before.writes);
	EXPECT_EQ(1, after.interrupts - before.interrupts);
}

TEST_F(ring, is_told_of_each_chunk_by_one_doorbell)
{
	uint64_t chunk_bytes = param_get("chunk_bytes");
	struct device_counts before, after;

	ASSERT_EQ(0, param_set("chunk_bytes", 4 * page_size()));
	before = device_counts(&self->bed.dev);
	EXPECT_EQ(0, transfer1(self->bed.fd, seg_from(self->buf, self->len, 0)));
	after = device_counts(&self->bed.dev);
	ASSERT_EQ(0, param_set("chunk_bytes", chunk_bytes));
	EXPECT_EQ(PAGES / 4, after.doorbells - before.doorbells);
	EXPECT_EQ(0, after.reads - before.reads);
	EXPECT_EQ(0, after.writes - before.writes);
	EXPECT_GE(PAGES / 4, after.interrupts - before.interrupts);
}

/* One page of user memory a descriptor, backwards in the window so that nothing merges. */
static void make_vector(struct edudma_segment *segs, uint8_t *pages, unsigned int nr,
			size_t part)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		segs[i] = seg_to(pages + i * page_size(), part, (nr - i) * part);
}

/* The thread goes on with a batch; still there is one interrupt. */
TEST_F(ring, is_told_of_many_descriptors_in_batches)
{
	struct edudma_segment segs[2 * BATCH];
	struct device_counts before, after;
	uint8_t *pages = private_pages(2 * BATCH);

	make_vector(segs, pages, 2 * BATCH, 100);
	before = device_counts(&self->bed.dev);
	ASSERT_EQ(0, transfer(self->bed.fd, segs, 2 * BATCH, 0, NULL));
	after = device_counts(&self->bed.dev);
	EXPECT_EQ(2, after.doorbells - before.doorbells);
	EXPECT_EQ(0, after.reads - before.reads);
	EXPECT_EQ(0, after.writes - before.writes);
	EXPECT_EQ(1, after.interrupts - before.interrupts);
}

/* The DMA API wants a page that the device writes to be mapped once at a time. */
TEST_F(ring, is_given_a_page_to_write_once_at_a_time)
{
	enum { TIMES = 16, PART = 100 };
	struct edudma_segment segs[TIMES];
	struct device_counts before, after;
	uint8_t *back = private_pages(1);
	unsigned int i;

	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, TIMES * PART, 0)));
	for (i = 0; i < TIMES; i++)
		segs[i] = seg_from(back + i * PART, PART, (TIMES - 1 - i) * PART);
	before = device_counts(&self->bed.dev);
	ASSERT_EQ(0, transfer(self->bed.fd, segs, TIMES, 0, NULL));
	after = device_counts(&self->bed.dev);
	EXPECT_EQ(TIMES, after.doorbells - before.doorbells);
	for (i = 0; i < TIMES; i++)
		EXPECT_EQ(0, memcmp(back + i * PART,
				    self->buf + (TIMES - 1 - i) * PART, PART));
}

/* The next interrupt of the device's channels, or 0 when all were read. */
static unsigned int next_vector(FILE *list, const struct test_dev *dev)
{
	const char *name = strrchr(dev->node, '/') + 1;
	char line[512], word[64];
	unsigned int irq;

	snprintf(word, sizeof(word), " %s-", name);
	while (fgets(line, sizeof(line), list))
		if (strstr(line, word) && sscanf(line, " %u:", &irq) == 1)
			return irq;
	return 0;
}

static FILE *open_interrupts(void)
{
	FILE *list = fopen("/proc/interrupts", "r");

	if (!list)
		die("/proc/interrupts");
	return list;
}

/* Vectors of one device that belong to channels, and what they should be at. */
static unsigned int vectors_on_different_processors(const struct test_dev *dev)
{
	char path[64], processors[64];
	unsigned int irq, count = 0;
	FILE *list = open_interrupts();
	uint64_t seen = 0;

	while ((irq = next_vector(list, dev))) {
		snprintf(path, sizeof(path), "/proc/irq/%u/affinity_hint", irq);
		file_read(path, processors, sizeof(processors));
		if (!(seen & strtoull(processors, NULL, 16)))
			count++;
		seen |= strtoull(processors, NULL, 16);
	}
	fclose(list);
	return count;
}

TEST_F(ring, vectors_are_spread_over_the_processors)
{
	unsigned int processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int channels = self->bed.info.channels;

	EXPECT_EQ(channels < processors ? channels : processors,
		  vectors_on_different_processors(&self->bed.dev));
}

/* How often the thread of an interrupt has gone to sleep again. */
static uint64_t thread_sleeps(unsigned int irq)
{
	unsigned long long sleeps = 0;
	char pattern[32], line[128];
	glob_t found;
	FILE *file;
	size_t i;

	snprintf(pattern, sizeof(pattern), "irq/%u-", irq);
	if (glob("/proc/[0-9]*/status", 0, NULL, &found))
		die("/proc");
	for (i = 0; i < found.gl_pathc; i++) {
		file = fopen(found.gl_pathv[i], "re");
		if (!file)
			continue;
		if (fgets(line, sizeof(line), file) && strstr(line, pattern))
			while (fgets(line, sizeof(line), file))
				sscanf(line, "voluntary_ctxt_switches: %llu", &sleeps);
		fclose(file);
	}
	globfree(&found);
	return sleeps;
}

static uint64_t threads_sleeps(const struct test_dev *dev)
{
	FILE *list = open_interrupts();
	uint64_t sleeps = 0;
	unsigned int irq;

	while ((irq = next_vector(list, dev)))
		sleeps += thread_sleeps(irq);
	fclose(list);
	return sleeps;
}

/* A hard interrupt takes no longer for a large request than for 64 pages. */
TEST_F(ring, has_many_pages_released_by_the_interrupts_thread)
{
	uint8_t *pages = private_pages(PAGES + 1);
	uint64_t before;

	if (!access("/sys/kernel/realtime", F_OK))
		SKIP(return, "handlers are threads here");
	before = threads_sleeps(&self->bed.dev);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(pages, PAGES * page_size(), 0)));
	EXPECT_EQ(before, threads_sleeps(&self->bed.dev));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(pages, (PAGES + 1) * page_size(), 0)));
	EXPECT_TRUE(WAIT_FOR(threads_sleeps(&self->bed.dev) > before));
}

TEST_F(ring, of_each_channel_moves_what_its_files_want)
{
	unsigned int i, channels = self->bed.info.channels;
	uint8_t *back = private_pages(1);
	int fd;

	for (i = 0; i < channels; i++) {
		fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		fill(self->buf, page_size(), 10 + i);
		ASSERT_EQ(0, transfer1(fd, seg_to(self->buf, page_size(), 0)));
		ASSERT_EQ(0, transfer1(fd, seg_from(back, page_size(), 0)));
		EXPECT_EQ(page_size(), differs_at(back, page_size(), 10 + i));
		close(fd);
	}
}

/* Tests that load the module with parameters of their own. */
FIXTURE(loaded)
{
	struct bed bed;
	uint8_t *buf;
	uint8_t *back;
};

FIXTURE_VARIANT(loaded)
{
	const char *parameters;
	unsigned int entries;	/* of each ring */
};

FIXTURE_VARIANT_ADD(loaded, with_two_entries) { "ring_entries=2", 2 };
FIXTURE_VARIANT_ADD(loaded, with_sixteen_entries) { "ring_entries=16", 16 };
FIXTURE_VARIANT_ADD(loaded, with_the_most_entries) { "ring_entries=4096", 4096 };
FIXTURE_VARIANT_ADD(loaded, without_msi) { "msi=0", 1024 };

FIXTURE_SETUP(loaded)
{
	ASSERT_NE(NULL, module_path());
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(variant->parameters));
	BED_SETUP(&self->bed);
	self->buf = private_pages(PAGES);
	self->back = private_pages(PAGES);
}

FIXTURE_TEARDOWN(loaded)
{
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load(""));
}

TEST_F(loaded, moves_more_descriptors_than_the_ring_holds)
{
	struct edudma_segment to[PAGES], from[PAGES];
	size_t part = page_size() / 2;
	struct device_counts before, after;
	unsigned int i;

	/* Backwards in the window, so that nothing merges. */
	for (i = 0; i < PAGES; i++) {
		fill(self->buf + i * page_size(), part, 100 + i);
		to[i] = seg_to(self->buf + i * page_size(), part,
			       (PAGES - i) * page_size());
		from[i] = seg_from(self->back + i * page_size(), part,
				   (PAGES - i) * page_size());
	}
	before = device_counts(&self->bed.dev);
	ASSERT_EQ(0, transfer(self->bed.fd, to, PAGES, 0, NULL));
	after = device_counts(&self->bed.dev);
	EXPECT_EQ((PAGES + variant->entries - 1) / variant->entries,
		  after.doorbells - before.doorbells);
	ASSERT_EQ(0, transfer(self->bed.fd, from, PAGES, 0, NULL));
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(part, differs_at(self->back + i * page_size(), part, 100 + i));
}

TEST_F(loaded, goes_round)
{
	struct device_counts before, after;
	unsigned int i;
	size_t len;

	before = device_counts(&self->bed.dev);
	for (i = 0; i < 100; i++) {
		len = 1 + i * 7;
		fill(self->buf, len, i);
		ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, len, i)));
		ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->back, len, i)));
		ASSERT_EQ(len, differs_at(self->back, len, i));
	}
	after = device_counts(&self->bed.dev);
	/* Nor was it reset, which would have it begin anew. */
	if (self->bed.info.capabilities & EDUDMA_CAP_MSI) {
		EXPECT_EQ(0, after.writes - before.writes);
	}
}

/* A ring that a batch fills. */
FIXTURE(full)
{
	struct bed bed;
};

FIXTURE_SETUP(full)
{
	char parameters[32];

	snprintf(parameters, sizeof(parameters), "ring_entries=%u", BATCH);
	ASSERT_NE(NULL, module_path());
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(parameters));
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(full)
{
	machine_set(&self->bed.dev, "fault-stall", 0);
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load(""));
}

#define OLD	0x11
#define NEW	0x22
#define PART	100

/* What of a request is behind the batch is not issued when that is aborted. */
TEST_F(full, ring_that_is_aborted_is_the_end_of_its_request)
{
	uint8_t *pages = shared_pages(2 * BATCH), *back = private_pages(PAGES);
	struct edudma_segment segs[2 * BATCH];
	struct job job;

	memset(pages, OLD, 2 * BATCH * page_size());
	make_vector(segs, pages, 2 * BATCH, PART);
	ASSERT_EQ(0, transfer(self->bed.fd, segs, 2 * BATCH, 0, NULL));
	memset(pages, NEW, 2 * BATCH * page_size());
	bed_mark(&self->bed);
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	job_transfer(&job, self->bed.fd, segs, 2 * BATCH, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + BATCH));
	kill(job.pid, SIGKILL);
	EXPECT_EQ(SIGKILL, job_wait(&job));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	EXPECT_EQ(self->bed.before.descriptors + BATCH,
		  stat_get(&self->bed.dev, "descriptors"));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, 2 * BATCH * PART, PART)));
	EXPECT_TRUE(all_bytes_are(back, 2 * BATCH * PART, OLD));
}

TEST_HARNESS_MAIN
