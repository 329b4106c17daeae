// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that the device can and cannot address: which bytes go zero-copy,
 * which are bounced, and what EDUDMA_TRANSFER_NO_BOUNCE refuses.
 *
 * /proc/self/pagemap tells where a page lies, so every expectation is exact,
 * whatever the device's reach and whether there is an IOMMU.
 */
#include "edudma_fixture.h"
#include "edudma_pci.h"

#include <pthread.h>
#include <sys/mman.h>

static uint8_t *low_page, *high_page;

/* Once for all tests, which inherit the pages. */
static void __attribute__((constructor)) find_both_pages(void)
{
	struct edudma_info info;
	struct test_dev dev;
	int fd;

	if (!dev_get(0, &dev))
		return;
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && !dev_info(fd, &info)) {
		low_page = find_page(&info, true);
		high_page = find_page(&info, false);
	}
	close(fd);
}

FIXTURE(reach)
{
	struct bed bed;
	int fd;
	uint8_t *low;	/* a page that the device can address */
	uint8_t *high;	/* one that it cannot, NULL if there is none */
};

FIXTURE_SETUP(reach)
{
	BED_SETUP(&self->bed);
	self->fd = self->bed.fd;
	ASSERT_EQ(0, window_fill(self->fd, self->bed.area, 1));
	self->low = low_page;
	self->high = high_page;
	if (self->low)
		memset(self->low, 0xee, page_size());
	if (self->high)
		memset(self->high, 0xee, page_size());
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(reach)
{
	BED_TEARDOWN(&self->bed);
}

#define NEED_LOW(self) do {						\
	if (!(self)->low)						\
		SKIP(return, "no free page within the device's reach");	\
} while (0)

#define NEED_HIGH(self) do {						\
	if (!(self)->high)						\
		SKIP(return, "the device reaches all memory here");	\
} while (0)

#define EXPECT_WAYS(self, zero_copy, bounced) do {			\
	struct stats delta_;						\
									\
	BED_STATS(&(self)->bed, &delta_);				\
	EXPECT_EQ(zero_copy, delta_.bytes_zero_copy);			\
	EXPECT_EQ(bounced, delta_.bytes_bounced);			\
} while (0)

TEST_F(reach, of_the_page_means_zero_copy)
{
	NEED_LOW(self);
	fill(self->low, 300, 2);
	ASSERT_EQ(0, transfer1(self->fd, seg_to(self->low, 300, 0)));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(self->low + 1000, 300, 0)));
	EXPECT_EQ(300, differs_at(self->low + 1000, 300, 2));
	EXPECT_WAYS(self, 600, 0);
}

TEST_F(reach, of_the_page_lets_it_be_registered_unless_the_kernel_copies)
{
	int buffer;

	NEED_LOW(self);
	buffer = buffer_register(self->fd, self->low, page_size());
	if (kernel_copies()) {
		EXPECT_FALSE(self->bed.info.capabilities & EDUDMA_CAP_BUFFERS);
		EXPECT_EQ(-EADDRNOTAVAIL, buffer);
	} else {
		EXPECT_TRUE(self->bed.info.capabilities & EDUDMA_CAP_BUFFERS);
		EXPECT_LT(0, buffer);
	}
}

TEST_F(reach, of_nothing_is_promised_without_bouncing)
{
	uint8_t *buf = private_pages(2);
	struct edudma_segment segs[] = {
		seg_to(buf, 100, 0), seg_from(buf + page_size(), 100, 0),
	};
	uint64_t bounced;

	/* Wherever these pages lie: each byte went the way that it had to. */
	fill(buf, 100, 3);
	ASSERT_EQ(0, transfer(self->fd, segs, 2, 0, NULL));
	EXPECT_EQ(100, differs_at(buf + page_size(), 100, 3));
	bounced = unreachable_bytes(&self->bed.info, buf, 100) +
		  unreachable_bytes(&self->bed.info, buf + page_size(), 100);
	EXPECT_WAYS(self, 200 - bounced, bounced);
}

TEST_F(reach, missed_means_bounced)
{
	NEED_HIGH(self);
	fill(self->high, 300, 4);
	ASSERT_EQ(0, transfer1(self->fd, seg_to(self->high, 300, 0)));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(self->high + 1000, 300, 0)));
	EXPECT_EQ(300, differs_at(self->high + 1000, 300, 4));
	EXPECT_EQ(300, differs_at(self->high, 300, 4));
	EXPECT_TRUE(all_bytes_are(self->high + 1300, 500, 0xee));
	EXPECT_WAYS(self, 0, 600);
}

TEST_F(reach, missed_is_left_to_a_workqueue_when_read)
{
	struct stats delta;

	NEED_HIGH(self);
	ASSERT_NE(UINT64_MAX, self->bed.before.completions_deferred)
		TH_LOG("there is no completions_deferred");
	ASSERT_EQ(0, transfer1(self->fd, seg_to(self->high, 300, 0)));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.completions_deferred);
	ASSERT_EQ(0, transfer1(self->fd, seg_from(self->high, 300, 0)));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.completions_deferred);
}

/* Shared memory is dirty from the start: a page of private memory out of reach. */
static uint8_t *private_high_page(const struct edudma_info *info)
{
	const size_t step = 4 << 20;
	uint8_t *page;
	size_t bytes;

	for (bytes = 0; bytes <= 1ull << info->address_bits; bytes += step) {
		page = private_pages(step / page_size());
		if (!page_reachable(info, page))
			return page;
	}
	return NULL;
}

TEST_F(reach, missed_leaves_the_page_dirty)
{
	uint8_t *page;

	NEED_HIGH(self);
	page = private_high_page(&self->bed.info);
	ASSERT_NE(NULL, page);
	ASSERT_FALSE(page_is_dirty(page));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(page, 64, 0)));
	EXPECT_TRUE(page_is_dirty(page));
}

TEST_F(reach, missed_by_a_whole_page)
{
	size_t len = self->bed.area;

	NEED_HIGH(self);
	fill(self->high, len, 5);
	ASSERT_EQ(len, pwrite(self->fd, self->high, len, 0));
	memset(self->high, 0, page_size());
	ASSERT_EQ(len, pread(self->fd, self->high, len, 0));
	EXPECT_EQ(len, differs_at(self->high, len, 5));
	EXPECT_WAYS(self, 0, 2 * len);
}

FIXTURE(boundary)
{
	FIXTURE_DATA(reach) r;
	uint8_t *edge;	/* 100 bytes before the boundary of the two pages */
};

FIXTURE_VARIANT(boundary)
{
	bool low_first;
};

FIXTURE_VARIANT_ADD(boundary, from_reachable_to_not) { .low_first = true };
FIXTURE_VARIANT_ADD(boundary, from_not_reachable) { .low_first = false };

FIXTURE_SETUP(boundary)
{
	FIXTURE_DATA(reach) *r = &self->r;
	uint8_t *pair;

	reach_setup(_metadata, r, NULL);
	if (!r->low || !r->high)
		return;
	pair = side_by_side(variant->low_first ? r->low : r->high,
			    variant->low_first ? r->high : r->low);
	ASSERT_NE(NULL, pair);
	self->edge = pair + page_size() - 100;
}

FIXTURE_TEARDOWN(boundary)
{
	reach_teardown(_metadata, &self->r, NULL);
}

TEST_F(boundary, is_crossed_in_one_segment)
{
	struct edudma_segment segs[] = {
		seg_to(self->edge, 250, 7), seg_from(self->edge, 250, 7),
	};

	if (!self->edge)
		SKIP(return, "the device reaches all memory here, or none");
	fill(self->edge, 250, 6);
	ASSERT_EQ(0, transfer(self->r.fd, segs, 1, 0, NULL));
	memset(self->edge, 0, 250);
	ASSERT_EQ(0, transfer(self->r.fd, segs + 1, 1, 0, NULL));
	EXPECT_EQ(250, differs_at(self->edge, 250, 6));
	EXPECT_TRUE(all_bytes_are(self->edge + 250, 100, 0xee));
	EXPECT_WAYS(&self->r, variant->low_first ? 200 : 300,
		    variant->low_first ? 300 : 200);
}

/* Registered memory never bounces. */
TEST_F(boundary, is_where_registering_ends)
{
	size_t low = variant->low_first ? 0 : page_size();
	uint8_t *pair;

	if (!self->edge)
		SKIP(return, "the device reaches all memory here, or none");
	pair = self->edge + 100 - page_size();
	EXPECT_EQ(-EADDRNOTAVAIL, buffer_register(self->r.fd, pair, 2 * page_size()));
	EXPECT_EQ(-EADDRNOTAVAIL, buffer_register(self->r.fd, pair + page_size() - low,
						  page_size()));
	EXPECT_LT(0, buffer_register(self->r.fd, pair + low, page_size()));
}

TEST_F(boundary, ends_what_is_done_without_bouncing)
{
	struct edudma_segment seg = seg_from(self->edge, 250, 0);
	struct edudma_transfer out;
	uint64_t done = variant->low_first ? 100 : 0;

	if (!self->edge)
		SKIP(return, "the device reaches all memory here, or none");
	ASSERT_EQ(EADDRNOTAVAIL, transfer(self->r.fd, &seg, 1,
					  EDUDMA_TRANSFER_NO_BOUNCE, &out));
	EXPECT_EQ(EADDRNOTAVAIL, out.error);
	EXPECT_EQ(done, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	EXPECT_EQ(done, differs_at(self->edge, done, 1));
	EXPECT_TRUE(all_bytes_are(self->edge + done, 250 - done, 0xee));
	EXPECT_WAYS(&self->r, done, 0);
}

/* The flag */

TEST_F(reach, missed_is_an_error_if_bouncing_is_refused)
{
	struct edudma_segment seg = seg_from(self->high, 10, 0);
	struct edudma_transfer out;
	struct stats delta;

	NEED_HIGH(self);
	ASSERT_EQ(EADDRNOTAVAIL, transfer(self->fd, &seg, 1,
					  EDUDMA_TRANSFER_NO_BOUNCE, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	EXPECT_EQ(EADDRNOTAVAIL, out.error);
	EXPECT_TRUE(all_bytes_are(self->high, page_size(), 0xee));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
}

TEST_F(reach, missed_by_a_source_is_an_error_if_bouncing_is_refused)
{
	struct edudma_segment seg = seg_to(self->high, 10, 0);
	uint8_t *back = private_pages(1);

	NEED_HIGH(self);
	ASSERT_EQ(EADDRNOTAVAIL, transfer(self->fd, &seg, 1,
					  EDUDMA_TRANSFER_NO_BOUNCE, NULL));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(back, 10, 0)));
	EXPECT_EQ(10, differs_at(back, 10, 1));
}

TEST_F(reach, missed_by_a_later_segment_keeps_the_earlier)
{
	struct edudma_segment segs[] = {
		seg_from(self->low, 10, 0), seg_from(self->high, 10, 10),
		seg_from(self->low + 10, 10, 10),
	};
	struct edudma_transfer out;

	NEED_LOW(self);
	NEED_HIGH(self);
	ASSERT_EQ(EADDRNOTAVAIL, transfer(self->fd, segs, 3,
					  EDUDMA_TRANSFER_NO_BOUNCE, &out));
	EXPECT_EQ(10, out.bytes_done);
	EXPECT_EQ(1, out.segments_done);
	EXPECT_EQ(10, differs_at(self->low, 10, 1));
	EXPECT_TRUE(all_bytes_are(self->low + 10, 10, 0xee));
	EXPECT_TRUE(all_bytes_are(self->high, 10, 0xee));
}

TEST_F(reach, of_the_page_needs_no_bouncing)
{
	struct edudma_segment seg = seg_from(self->low, 10, 0);

	NEED_LOW(self);
	EXPECT_EQ(0, transfer(self->fd, &seg, 1, EDUDMA_TRANSFER_NO_BOUNCE, NULL));
	EXPECT_EQ(10, differs_at(self->low, 10, 1));
	EXPECT_WAYS(self, 10, 0);
}

TEST_F(reach, of_all_memory_makes_the_flag_harmless)
{
	uint8_t *buf = private_pages(3);
	struct edudma_segment seg = seg_from(buf + page_size() - 50, 500, 0);

	if (self->high)
		SKIP(return, "the device does not reach all memory here");
	EXPECT_EQ(0, transfer(self->fd, &seg, 1, EDUDMA_TRANSFER_NO_BOUNCE, NULL));
	EXPECT_EQ(500, differs_at(buf + page_size() - 50, 500, 1));
	EXPECT_WAYS(self, 500, 0);
}

/* What is copied is copied in its turn. */
static bool sends_what_was_fetched(int fd, uint8_t *page)
{
	struct edudma_segment segs[] = {
		seg_to(page, 8, 0),			/* ABCDEFGH */
		seg_from(page + 100, 8, 0),
		seg_to(page + 100, 8, 1),		/* AABCDEFGH */
		seg_from(page + 200, 9, 0),
	};

	memcpy(page, "ABCDEFGH", 8);
	return !transfer(fd, segs, 4, 0, NULL) &&
	       !memcmp(page + 100, "ABCDEFGH", 8) &&
	       !memcmp(page + 200, "AABCDEFGH", 9);
}

TEST_F(reach, missed_sends_what_an_earlier_segment_has_fetched)
{
	NEED_HIGH(self);
	EXPECT_TRUE(sends_what_was_fetched(self->fd, self->high));
	EXPECT_WAYS(self, 0, 33);
}

TEST_F(reach, missed_sends_what_an_earlier_chunk_has_fetched)
{
	uint64_t chunk_bytes = param_get("chunk_bytes");

	NEED_HIGH(self);
	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	EXPECT_TRUE(sends_what_was_fetched(self->fd, self->high));
	EXPECT_EQ(0, param_set("chunk_bytes", chunk_bytes));
	EXPECT_WAYS(self, 0, 33);
}

TEST_F(reach, missed_shows_nothing_of_others_if_the_device_writes_nothing)
{
	uint16_t command;
	int config;

	NEED_HIGH(self);
	if (self->bed.info.capabilities & EDUDMA_CAP_MSI)
		SKIP(return, "a device without access to memory sends no message");
	/* Bounce memory has this now. */
	fill(self->high, 300, 2);
	ASSERT_EQ(0, transfer1(self->fd, seg_to(self->high, 300, 0)));
	config = pci_config_open(self->bed.dev.slot);
	ASSERT_LE(0, config);
	command = pci_config_read(config, PCI_COMMAND);
	pci_config_write(config, PCI_COMMAND, command & ~PCI_COMMAND_MASTER);
	/* It says that it has written, on its line, and nobody can tell. */
	EXPECT_EQ(0, transfer1(self->fd, seg_from(self->high, 300, 0)));
	pci_config_write(config, PCI_COMMAND, command);
	close(config);
	EXPECT_TRUE(all_bytes_are(self->high, 300, 0));
}

/*
 * Only the segment's bytes come back from a bounce buffer: what the process
 * writes beside them while the device works stays.
 */
struct reading {
	int fd;
	struct edudma_segment segs[3];
	int err;
};

static void *run_reading(void *arg)
{
	struct reading *reading = arg;

	reading->err = transfer(reading->fd, reading->segs, 3, 0, NULL);
	return NULL;
}

TEST_F(reach, missed_leaves_the_neighbours_alone)
{
	struct reading reading = { .fd = self->fd };
	uint8_t *page = self->high;
	pthread_t thread;
	int i;

	NEED_HIGH(self);
	for (i = 0; i < 3; i++)
		reading.segs[i] = seg_from(page + 100 * (i + 1), 50, 50 * i);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_reading, &reading));
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			     self->bed.before.descriptors));
	page[99] = 0x42;
	page[150] = 0x43;
	page[page_size() - 1] = 0x44;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, reading.err);
	EXPECT_EQ(0x42, page[99]);
	EXPECT_EQ(0x43, page[150]);
	EXPECT_EQ(0x44, page[page_size() - 1]);
	EXPECT_EQ(50, differs_at(page + 100, 50, 1));
	EXPECT_WAYS(self, 0, 150);
}

TEST_HARNESS_MAIN
