// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that a 32-bit kernel does not keep mapped, and those above 4 GiB, which
 * an address of 32 bits cannot name.  Pagemap tells where a page lies.
 */
#include "edudma_fixture.h"

#include <sys/mman.h>

#define FOUR_GIB	(1ULL << 32)
#define STEP		((size_t)4 << 20)
#define MOST		((size_t)1 << 30)
#define MANY		64

FIXTURE(highmem)
{
	struct bed bed;
	uint64_t start;		/* of the zone HighMem */
	uint64_t end;
	size_t most;		/* bytes that the window takes at a time */
};

/* Where highmem starts and ends; 0 if all memory is mapped. */
static void find_highmem(uint64_t *start, uint64_t *end)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	unsigned long pfn = 0, pages = 0;
	bool high = false;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, ", zone "))
			high = strstr(line, "HighMem");
		if (high && sscanf(line, " spanned %lu", &pages) != 1 &&
		    sscanf(line, " start_pfn: %lu", &pfn) == 1)
			break;
	}
	if (file)
		fclose(file);
	*start = pfn * (uint64_t)page_size();
	*end = *start + pages * (uint64_t)page_size();
}

FIXTURE_SETUP(highmem)
{
	BED_SETUP(&self->bed);
	find_highmem(&self->start, &self->end);
	ASSERT_NE(0, self->start) TH_LOG("this kernel has no highmem");
	self->most = self->bed.info.window_bytes < MANY * page_size() ?
		self->bed.info.window_bytes : MANY * page_size();
}

FIXTURE_TEARDOWN(highmem)
{
	BED_TEARDOWN(&self->bed);
}

static uint64_t address_of(const uint8_t *page)
{
	return page_pfn(page) * page_size();
}

/* A private page that lies in the range; NULL if a lot of memory has none. */
static uint8_t *page_within(uint64_t from, uint64_t to)
{
	size_t taken, at;
	uint8_t *pages;

	for (taken = 0; taken < MOST; taken += STEP) {
		pages = private_pages(STEP / page_size());
		for (at = 0; at < STEP; at += page_size())
			if (address_of(pages + at) >= from &&
			    address_of(pages + at) < to)
				return pages + at;
	}
	return NULL;
}

/* Both ways, at an odd place; each byte went the way that the page makes it go. */
#define EXPECT_MOVED(self, page) do {					\
	struct edudma_segment segs_[] = {				\
		seg_to((page) + 1, 999, 3), seg_from((page) + 2001, 999, 3), \
	};								\
	uint64_t bounced_ = page_reachable(&(self)->bed.info, page) ? 0 : 1998; \
	uint64_t place_ = address_of(page);				\
	struct stats delta_;						\
									\
	memset(page, 0xee, page_size());				\
	fill((page) + 1, 999, 7);					\
	ASSERT_EQ(0, transfer((self)->bed.fd, segs_, 2, 0, NULL));	\
	EXPECT_EQ(999, differs_at((page) + 2001, 999, 7));		\
	EXPECT_EQ(999, differs_at((page) + 1, 999, 7));			\
	EXPECT_TRUE(all_bytes_are((page) + 1000, 1001, 0xee));		\
	EXPECT_TRUE(all_bytes_are((page) + 3000, page_size() - 3000, 0xee)); \
	BED_STATS(&(self)->bed, &delta_);				\
	EXPECT_EQ(1998 - bounced_, delta_.bytes_zero_copy);		\
	EXPECT_EQ(bounced_, delta_.bytes_bounced);			\
	EXPECT_EQ(place_, address_of(page));				\
} while (0)

TEST_F(highmem, page_is_moved_to_the_byte)
{
	uint8_t *page = page_within(self->start, UINT64_MAX);

	ASSERT_NE(NULL, page) TH_LOG("no page in highmem");
	EXPECT_MOVED(self, page);
}

TEST_F(highmem, page_above_4_gib_is_moved_to_the_byte)
{
	uint8_t *page;

	if (self->end <= FOUR_GIB)
		SKIP(return, "this machine has no memory above 4 GiB");
	page = page_within(FOUR_GIB, UINT64_MAX);
	ASSERT_NE(NULL, page) TH_LOG("no page above 4 GiB");
	EXPECT_MOVED(self, page);
}

TEST_F(highmem, page_that_is_dirtied_by_the_device_alone_is_dirty)
{
	uint8_t *page = page_within(self->start, UINT64_MAX);

	ASSERT_NE(NULL, page) TH_LOG("no page in highmem");
	ASSERT_FALSE(page_is_dirty(page));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(page, 64, 0)));
	EXPECT_TRUE(page_is_dirty(page));
}

TEST_F(highmem, of_many_pages_comes_back_as_it_went)
{
	uint8_t *src = private_pages(MANY), *dst = private_pages(MANY);
	size_t high = 0, at;

	for (at = 0; at < self->most; at += page_size())
		high += address_of(src + at) >= self->start &&
			address_of(dst + at) >= self->start;
	ASSERT_LT(0, high);
	fill(src, self->most, 8);
	ASSERT_EQ(self->most, pwrite(self->bed.fd, src, self->most, 0));
	ASSERT_EQ(self->most, pread(self->bed.fd, dst, self->most, 0));
	EXPECT_EQ(self->most, differs_at(dst, self->most, 8));
}

TEST_HARNESS_MAIN
