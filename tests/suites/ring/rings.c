// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ring engine asks of the device, counted by the device; and rings that
 * are full, or go round.
 */
#include "edudma_fixture.h"
#include "edudma_machine.h"

#include <sys/mman.h>

#define PAGES	64

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

/* Vectors of one device that belong to channels, and what they should be at. */
static unsigned int vectors_on_different_processors(const struct test_dev *dev)
{
	const char *name = strrchr(dev->node, '/') + 1;
	char line[512], path[64], processors[64], word[64];
	unsigned int irq, count = 0;
	uint64_t seen = 0;
	FILE *list = fopen("/proc/interrupts", "r");

	if (!list)
		die("/proc/interrupts");
	snprintf(word, sizeof(word), " %s-", name);
	while (fgets(line, sizeof(line), list)) {
		if (!strstr(line, word) || sscanf(line, " %u:", &irq) != 1)
			continue;
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

TEST_HARNESS_MAIN
