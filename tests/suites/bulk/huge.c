// SPDX-License-Identifier: GPL-2.0-only
/*
 * A huge page is contiguous memory, and takes no more descriptors than the
 * engine's limits demand.
 */
#include "edudma_fixture.h"

#include <sys/mman.h>

#define HUGE_BYTES	(2UL << 20)
#define MOST_PAGES	256	/* of which one is in the device's reach */
#define COPIED_BYTES	(256UL << 10)	/* of memory, at a time, by a kernel that copies */
#define SEED		3
#define SECONDS		300	/* of a guest whose device is edu */

enum kind { HUGETLB, TRANSPARENT };

FIXTURE(huge)
{
	struct bed bed;
	uint64_t chunk_bytes;		/* the parameter, as it was */
	uint8_t *page;
	struct edudma_segment *segs;
	uint32_t nr;
};

FIXTURE_VARIANT(huge)
{
	enum kind kind;
	uint64_t chunk_bytes;		/* the parameter; 0: as it is */
};

FIXTURE_VARIANT_ADD(huge, hugetlb_page) { .kind = HUGETLB };
FIXTURE_VARIANT_ADD(huge, transparent_page) { .kind = TRANSPARENT };
FIXTURE_VARIANT_ADD(huge, page_in_large_chunks) {
	.kind = HUGETLB, .chunk_bytes = 8 << 20 };
FIXTURE_VARIANT_ADD(huge, page_in_small_chunks) {
	.kind = HUGETLB, .chunk_bytes = 5 * 4096 };

/* The @nth of its kind. */
static uint8_t *huge_page(enum kind kind, int nth)
{
	char text[16];
	uint8_t *p;

	if (kind == HUGETLB) {
		snprintf(text, sizeof(text), "%d", nth);
		file_write("/proc/sys/vm/nr_hugepages", text);
		p = mmap(NULL, HUGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	}
	p = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	p = (uint8_t *)(((uintptr_t)p + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	return madvise(p, HUGE_BYTES, MADV_HUGEPAGE) ? NULL : p;
}

static bool is_contiguous(const uint8_t *p)
{
	uint64_t pfn = page_pfn(p);

	return pfn && page_pfn(p + HUGE_BYTES - 1) ==
		      pfn + HUGE_BYTES / page_size() - 1;
}

/* The first of some that the device reaches; the others go with the process. */
static uint8_t *reachable_page(const struct edudma_info *info, enum kind kind)
{
	uint8_t *p = NULL;
	int i;

	for (i = 1; i <= MOST_PAGES; i++) {
		p = huge_page(kind, i);
		if (!p)
			break;
		*p = 1;
		if (is_contiguous(p) && !unreachable_bytes(info, p, 1) &&
		    !unreachable_bytes(info, p + HUGE_BYTES - 1, 1))
			return p;
	}
	return NULL;
}

/* The page in as few segments as window and vector permit. */
static bool describe(FIXTURE_DATA(huge) *self, enum edudma_direction direction)
{
	const struct edudma_info *info = &self->bed.info;
	uint64_t part = info->window_bytes, at;

	if (part > HUGE_BYTES)
		part = HUGE_BYTES;
	self->nr = (HUGE_BYTES + part - 1) / part;
	self->segs = calloc(self->nr, sizeof(*self->segs));
	if (!self->segs || self->nr > info->max_segments)
		return false;
	for (at = 0; at < HUGE_BYTES; at += part)
		self->segs[at / part] = (struct edudma_segment) {
			.addr = ptr64(self->page + at),
			.len = at + part > HUGE_BYTES ? HUGE_BYTES - at : part,
			.direction = direction,
		};
	return true;
}

/*
 * If only @most cuts a segment, and the end of a chunk if no chunk can hold the
 * segment.  The page begins with a chunk.
 */
static uint64_t descriptors_of(const FIXTURE_DATA(huge) *self, uint64_t most)
{
	uint64_t chunk = self->bed.info.chunk_bytes, left, part, pages;
	uint64_t count = 0;
	uint32_t i;

	for (i = 0; i < self->nr; i++) {
		left = self->segs[i].len;
		pages = (self->segs[i].addr % page_size() + left +
			 page_size() - 1) / page_size();
		for (; left; left -= part) {
			part = pages * page_size() > chunk && left > chunk ?
			       chunk : left;
			count += (part + most - 1) / most;
		}
	}
	return count;
}

/*
 * Only the engine's limit cuts what is contiguous.  Of memory that the kernel
 * copies only its parts are, for sure; they may lie side by side.
 */
#define EXPECT_THE_FEWEST(descriptors) do {				\
	uint64_t most_ = self->bed.info.max_descriptor_bytes;		\
	bool parts_ = kernel_copies() && most_ > COPIED_BYTES;		\
									\
	EXPECT_LE(descriptors_of(self, most_), descriptors);		\
	EXPECT_GE(descriptors_of(self, parts_ ? COPIED_BYTES : most_),	\
		  descriptors);						\
} while (0)

FIXTURE_SETUP(huge)
{
	self->chunk_bytes = param_get("chunk_bytes");
	BED_SETUP(&self->bed);
	if (variant->chunk_bytes) {
		ASSERT_EQ(0, param_set("chunk_bytes", variant->chunk_bytes));
		ASSERT_EQ(0, dev_info(self->bed.fd, &self->bed.info));
	}
	self->page = reachable_page(&self->bed.info, variant->kind);
}

FIXTURE_TEARDOWN(huge)
{
	file_write("/proc/sys/vm/nr_hugepages", "0");
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

TEST_F_TIMEOUT(huge, is_sent_in_the_fewest_descriptors, SECONDS)
{
	struct stats delta;
	uint8_t *last;

	if (!self->page)
		SKIP(return, "no huge page in the device's reach");
	fill(self->page, HUGE_BYTES, SEED);
	ASSERT_TRUE(describe(self, EDUDMA_TO_DEVICE));
	ASSERT_EQ(0, transfer(self->bed.fd, self->segs, self->nr, 0, NULL));
	BED_STATS(&self->bed, &delta);
	EXPECT_THE_FEWEST(delta.descriptors);
	EXPECT_EQ(HUGE_BYTES, delta.bytes_zero_copy);
	/* The window holds what was sent last. */
	last = malloc(HUGE_BYTES);
	ASSERT_NE(NULL, last);
	ASSERT_EQ(0, transfer1(self->bed.fd,
			       seg_from(last, self->segs[self->nr - 1].len, 0)));
	EXPECT_EQ(0, memcmp(last, (void *)(uintptr_t)self->segs[self->nr - 1].addr,
			    self->segs[self->nr - 1].len));
}

TEST_F_TIMEOUT(huge, is_received_in_the_fewest_descriptors, SECONDS)
{
	struct stats delta;
	uint8_t *sent;
	uint32_t i;

	if (!self->page)
		SKIP(return, "no huge page in the device's reach");
	ASSERT_TRUE(describe(self, EDUDMA_FROM_DEVICE));
	sent = malloc(self->segs[0].len);
	ASSERT_NE(NULL, sent);
	fill(sent, self->segs[0].len, SEED);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(sent, self->segs[0].len, 0)));
	stats_get(&self->bed.dev, &self->bed.before);
	ASSERT_EQ(0, transfer(self->bed.fd, self->segs, self->nr, 0, NULL));
	BED_STATS(&self->bed, &delta);
	EXPECT_THE_FEWEST(delta.descriptors);
	EXPECT_EQ(HUGE_BYTES, delta.bytes_zero_copy);
	for (i = 0; i < self->nr; i++)
		ASSERT_EQ(0, memcmp(sent, (void *)(uintptr_t)self->segs[i].addr,
				    self->segs[i].len));
}

/* A part of it is given back, another changes: what is registered stays what it was. */
TEST_F_TIMEOUT(huge, stays_whole_for_the_device_when_it_is_split, SECONDS)
{
	const size_t at = 5 * page_size() + 100, len = 1000;
	struct edudma_segment segs[2];
	int buffer;

	if (!self->page)
		SKIP(return, "no huge page in the device's reach");
	if (!(self->bed.info.capabilities & EDUDMA_CAP_BUFFERS))
		SKIP(return, "the kernel copies what it maps: nothing can be registered");
	buffer = buffer_register(self->bed.fd, self->page, HUGE_BYTES);
	ASSERT_LT(0, buffer);
	if (variant->kind == TRANSPARENT) {
		ASSERT_EQ(0, mprotect(self->page, page_size(), PROT_READ));
		ASSERT_EQ(0, munmap(self->page + HUGE_BYTES / 2, HUGE_BYTES / 2));
	}
	fill(self->page + at, len, SEED);
	segs[0] = seg_to(NULL, len, 0);
	segs[0].addr = at;
	segs[1] = seg_from(NULL, len, 0);
	segs[1].addr = 7 * page_size();
	segs[0].buffer = buffer;
	segs[1].buffer = buffer;
	ASSERT_EQ(0, transfer(self->bed.fd, segs, 2, 0, NULL));
	EXPECT_EQ(len, differs_at(self->page + 7 * page_size(), len, SEED));
	segs[1].addr = HUGE_BYTES - len;
	EXPECT_EQ(0, transfer(self->bed.fd, segs, 2, 0, NULL));
}

TEST_HARNESS_MAIN
