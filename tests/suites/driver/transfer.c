// SPDX-License-Identifier: GPL-2.0-only
/*
 * EDUDMA_IOC_TRANSFER moving data: order, mixed directions, alignment, and
 * segments that overlap or share pages.
 */
#include "edudma_fixture.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

FIXTURE(transfer)
{
	struct bed bed;
	uint64_t area;
	int fd;
};

FIXTURE_SETUP(transfer)
{
	BED_SETUP(&self->bed);
	self->area = self->bed.area;
	self->fd = self->bed.fd;
}

FIXTURE_TEARDOWN(transfer)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(transfer, empty_vector_succeeds)
{
	struct edudma_transfer out;

	ASSERT_EQ(0, transfer(self->fd, NULL, 0, 0, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	EXPECT_EQ(0, out.error);
}

TEST_F(transfer, empty_segments_touch_no_hardware)
{
	struct edudma_segment segs[] = {
		seg_to(NULL, 0, 0), seg_from(NULL, 0, self->bed.info.window_bytes),
	};
	struct edudma_transfer out;
	struct stats delta;

	ASSERT_EQ(0, transfer(self->fd, segs, 2, 0, &out));
	EXPECT_EQ(2, out.segments_done);
	EXPECT_EQ(0, out.bytes_done);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
}

TEST_F(transfer, empty_segments_between_others_are_counted)
{
	uint8_t *buf = private_pages(1);
	struct edudma_segment segs[] = {
		seg_to(NULL, 0, 0), seg_to(buf, 5, 0), seg_to(NULL, 0, 7),
		seg_from(buf + 100, 5, 0), seg_from(NULL, 0, 0),
	};
	struct edudma_transfer out;

	fill(buf, 5, 1);
	ASSERT_EQ(0, transfer(self->fd, segs, 5, 0, &out));
	EXPECT_EQ(5, out.segments_done);
	EXPECT_EQ(10, out.bytes_done);
	EXPECT_EQ(5, differs_at(buf + 100, 5, 1));
}

TEST_F(transfer, reports_bytes_and_segments)
{
	uint8_t *buf = private_pages(1);
	struct edudma_segment segs[] = {
		seg_to(buf, 11, 0), seg_to(buf, 22, 50), seg_from(buf, 33, 100),
	};
	struct edudma_transfer out;

	ASSERT_EQ(0, transfer(self->fd, segs, 3, 0, &out));
	EXPECT_EQ(66, out.bytes_done);
	EXPECT_EQ(3, out.segments_done);
	EXPECT_EQ(0, out.error);
}

TEST_F(transfer, leaves_the_in_fields_alone)
{
	uint8_t *buf = private_pages(1);
	struct edudma_segment seg = seg_to(buf, 3, 0);
	struct edudma_transfer out;

	ASSERT_EQ(0, transfer(self->fd, &seg, 1, 0, &out));
	EXPECT_EQ(ptr64(&seg), out.segments);
	EXPECT_EQ(1, out.nr_segments);
	EXPECT_EQ(0, out.flags);
}

TEST_F(transfer, moves_only_the_bytes_of_its_segment)
{
	uint8_t *back = private_pages(1), *buf = private_pages(1);

	ASSERT_EQ(0, window_fill(self->fd, self->area, 7));
	memset(buf, 0x11, 50);
	ASSERT_EQ(0, transfer1(self->fd, seg_to(buf, 50, 200)));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(back, self->area, 0)));
	EXPECT_TRUE(all_bytes_are(back + 200, 50, 0x11));
	fill(buf, self->area, 7);
	EXPECT_EQ(0, memcmp(back, buf, 200));
	EXPECT_EQ(0, memcmp(back + 250, buf + 250, self->area - 250));
}

TEST_F(transfer, copies_ram_to_window_to_ram_beyond_the_window_size)
{
	const size_t window = self->bed.info.window_bytes;
	/* At most three windows, however large a page is. */
	const size_t more = 2 * page_size() < 2 * window ? 2 * page_size() : 2 * window;
	const size_t total = window + more;
	uint8_t *src = private_pages(total / page_size() + 1);
	uint8_t *dst = private_pages(total / page_size() + 1);
	struct edudma_segment segs[6];
	struct edudma_transfer out;
	size_t at, part;
	int n = 0;

	fill(src, total, 9);
	for (at = 0; at < total; at += part) {
		part = total - at < window ? total - at : window;
		segs[n++] = seg_to(src + at, part, 0);
		segs[n++] = seg_from(dst + at, part, 0);
	}
	ASSERT_EQ(0, transfer(self->fd, segs, n, 0, &out));
	EXPECT_EQ(2 * total, out.bytes_done);
	EXPECT_EQ(total, differs_at(dst, total, 9));
}

TEST_F(transfer, runs_segments_in_order)
{
	uint8_t *buf = private_pages(1);
	struct edudma_segment segs[] = {
		seg_to(buf, 8, 0),		/* ABCDEFGH */
		seg_from(buf + 100, 8, 0),
		seg_to(buf + 8, 4, 2),		/* ABwxyzGH */
		seg_from(buf + 200, 8, 0),
		seg_to(buf + 200, 8, 1),	/* AABwxyzGH */
		seg_from(buf + 300, 9, 0),
	};

	memcpy(buf, "ABCDEFGHwxyz", 12);
	ASSERT_EQ(0, transfer(self->fd, segs, 6, 0, NULL));
	EXPECT_EQ(0, memcmp(buf + 100, "ABCDEFGH", 8));
	EXPECT_EQ(0, memcmp(buf + 200, "ABwxyzGH", 8));
	EXPECT_EQ(0, memcmp(buf + 300, "AABwxyzGH", 9));
}

TEST_F(transfer, segments_sharing_a_page_do_not_hang)
{
	uint8_t *buf = private_pages(1);
	struct edudma_segment segs[8];
	int i;

	fill(buf, 400, 10);
	for (i = 0; i < 4; i++) {
		segs[i] = seg_to(buf + 100 * i, 100, 100 * i);
		segs[4 + i] = seg_from(buf + 1000 + 100 * i, 100, 100 * i);
	}
	ASSERT_EQ(0, transfer(self->fd, segs, 8, 0, NULL));
	EXPECT_EQ(400, differs_at(buf + 1000, 400, 10));
	EXPECT_EQ(400, differs_at(buf, 400, 10));
	EXPECT_TRUE(all_bytes_are(buf + 1400, 100, 0xee));
}

TEST_F(transfer, same_memory_sent_twice_arrives_twice)
{
	uint8_t *src = private_pages(1), *dst = private_pages(1);
	struct edudma_segment segs[] = {
		seg_to(src, 64, 0), seg_to(src, 64, 64), seg_from(dst, 128, 0),
	};

	fill(src, 64, 11);
	ASSERT_EQ(0, transfer(self->fd, segs, 3, 0, NULL));
	EXPECT_EQ(64, differs_at(dst, 64, 11));
	EXPECT_EQ(64, differs_at(dst + 64, 64, 11));
}

TEST_F(transfer, overlapping_destinations_hold_the_later_segment)
{
	uint8_t *buf = private_pages(1), *expected = private_pages(1);
	struct edudma_segment segs[] = {
		seg_from(buf + 10, 60, 0), seg_from(buf + 40, 60, 100),
	};

	ASSERT_EQ(0, window_fill(self->fd, self->area, 12));
	fill(expected, self->area, 12);
	ASSERT_EQ(0, transfer(self->fd, segs, 2, 0, NULL));
	EXPECT_EQ(0, memcmp(buf + 10, expected, 30));
	EXPECT_EQ(0, memcmp(buf + 40, expected + 100, 60));
}

TEST_F(transfer, later_writes_to_the_same_window_bytes_win)
{
	uint8_t *buf = private_pages(1);
	struct edudma_segment segs[] = {
		seg_to(buf, 16, 0), seg_to(buf + 16, 8, 4),
		seg_from(buf + 100, 16, 0),
	};

	memset(buf, 'a', 16);
	memset(buf + 16, 'b', 8);
	ASSERT_EQ(0, transfer(self->fd, segs, 3, 0, NULL));
	EXPECT_EQ(0, memcmp(buf + 100, "aaaabbbbbbbbaaaa", 16));
}

TEST_F(transfer, turns_round_in_the_middle_of_memory_and_window)
{
	uint8_t *buf = private_pages(1), *expected = private_pages(1);
	struct edudma_segment segs[] = {
		seg_to(buf, 100, 0), seg_from(buf + 100, 100, 100),
	};

	ASSERT_EQ(0, window_fill(self->fd, self->area, 13));
	fill(expected, self->area, 13);
	ASSERT_EQ(0, transfer(self->fd, segs, 2, 0, NULL));
	EXPECT_EQ(0, memcmp(buf + 100, expected + 100, 100));
}

TEST_F(transfer, a_segment_across_pages_moves_whole)
{
	uint8_t *src = private_pages(2), *dst = private_pages(2);
	uint8_t *from = src + page_size() - 33, *to = dst + page_size() - 1;
	struct edudma_segment segs[] = {
		seg_to(from, 100, 3), seg_from(to, 100, 3),
	};

	fill(from, 100, 13);
	ASSERT_EQ(0, transfer(self->fd, segs, 2, 0, NULL));
	EXPECT_EQ(100, differs_at(to, 100, 13));
	EXPECT_TRUE(all_bytes_are(to + 100, 50, 0xee));
	EXPECT_TRUE(all_bytes_are(dst, page_size() - 1, 0xee));
}

TEST_F(transfer, takes_as_many_segments_as_info_promises)
{
	uint32_t most = self->bed.info.max_segments;
	struct edudma_segment *segs = calloc(most, sizeof(*segs));
	uint8_t *buf = private_pages(1);
	struct edudma_transfer out;

	ASSERT_NE(NULL, segs);
	fill(buf, 10, 14);
	segs[0] = seg_to(buf, 10, 0);
	segs[most - 1] = seg_from(buf + 50, 10, 0);
	ASSERT_EQ(0, transfer(self->fd, segs, most, 0, &out));
	EXPECT_EQ(most, out.segments_done);
	EXPECT_EQ(20, out.bytes_done);
	EXPECT_EQ(10, differs_at(buf + 50, 10, 14));
	free(segs);
}

TEST_F(transfer, a_file_opened_for_reading_may_read)
{
	int fd = open(self->bed.dev.node, O_RDONLY | O_CLOEXEC);
	uint8_t *buf = private_pages(1);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, window_fill(self->fd, self->area, 15));
	EXPECT_EQ(0, transfer1(fd, seg_from(buf, 10, 0)));
	EXPECT_EQ(10, differs_at(buf, 10, 15));
	close(fd);
}

TEST_F(transfer, a_file_opened_for_writing_may_write)
{
	int fd = open(self->bed.dev.node, O_WRONLY | O_CLOEXEC);
	uint8_t *buf = private_pages(1);

	ASSERT_LE(0, fd);
	fill(buf, 10, 16);
	EXPECT_EQ(0, transfer1(fd, seg_to(buf, 10, 0)));
	ASSERT_EQ(0, transfer1(self->fd, seg_from(buf + 100, 10, 0)));
	EXPECT_EQ(10, differs_at(buf + 100, 10, 16));
	close(fd);
}

TEST_F(transfer, does_not_move_the_file_position)
{
	uint8_t *buf = private_pages(1);

	ASSERT_EQ(4, lseek(self->fd, 4, SEEK_SET));
	ASSERT_EQ(0, transfer1(self->fd, seg_to(buf, 10, 0)));
	EXPECT_EQ(4, lseek(self->fd, 0, SEEK_CUR));
}

/*
 * Alignment: each residue modulo 4 of the user address meets each of the window
 * offset, at a page's start, at its end and across it.  One vector a direction,
 * because every segment costs a hardware transfer.
 */

FIXTURE(alignment)
{
	struct bed bed;
	uint8_t *image;	/* what the window's area must hold */
	uint8_t *buf;
	size_t user[18];
	uint64_t device[18];
	size_t len[18];
	size_t nr;
};

static void add_class(FIXTURE_DATA(alignment) *self, size_t user,
		      uint64_t device, size_t len)
{
	self->user[self->nr] = user;
	self->device[self->nr] = device;
	self->len[self->nr++] = len;
}

FIXTURE_SETUP(alignment)
{
	size_t page = page_size(), i;

	BED_SETUP(&self->bed);
	self->image = private_pages(1);
	self->buf = private_pages(2);
	for (i = 0; i < 16; i++)
		add_class(self, 64 * i + i % 4, 64 * i + i / 4, 17 + i);
	/* ends with its page, and with a page of the window */
	add_class(self, page - 29, self->bed.area - 29, 29);
	/* begins with a page */
	add_class(self, page, 2049, 31);
}

FIXTURE_TEARDOWN(alignment)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(alignment, of_a_source_is_arbitrary)
{
	uint64_t area = self->bed.area;
	struct edudma_segment segs[18];
	uint8_t *back = private_pages(1);
	size_t i;

	ASSERT_EQ(0, window_fill(self->bed.fd, area, 20));
	fill(self->image, area, 20);
	fill(self->buf, 2 * page_size(), 21);
	for (i = 0; i < self->nr; i++) {
		segs[i] = seg_to(self->buf + self->user[i], self->len[i],
				 self->device[i]);
		memcpy(self->image + self->device[i],
		       self->buf + self->user[i], self->len[i]);
	}
	ASSERT_EQ(0, transfer(self->bed.fd, segs, self->nr, 0, NULL));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, area, 0)));
	for (i = 0; i < area; i++)
		ASSERT_EQ(self->image[i], back[i])
			TH_LOG("window byte %zu", i);
}

TEST_F(alignment, of_a_destination_is_arbitrary)
{
	uint64_t area = self->bed.area;
	uint8_t *expected = private_pages(2);
	struct edudma_segment segs[18];
	size_t i;

	ASSERT_EQ(0, window_fill(self->bed.fd, area, 22));
	fill(self->image, area, 22);
	for (i = 0; i < self->nr; i++) {
		segs[i] = seg_from(self->buf + self->user[i], self->len[i],
				   self->device[i]);
		memcpy(expected + self->user[i], self->image + self->device[i],
		       self->len[i]);
	}
	ASSERT_EQ(0, transfer(self->bed.fd, segs, self->nr, 0, NULL));
	for (i = 0; i < 2 * page_size(); i++)
		ASSERT_EQ(expected[i], self->buf[i])
			TH_LOG("user byte %zu", i);
}

TEST_HARNESS_MAIN
