// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters: what is refused and how that is said, and that each does
 * what it is for.  Every test ends with the module loaded as the lane has it.
 */
#include "edudma_fixture.h"
#include "edudma_kmsg.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define NEED_MODULE_PATH() do {						\
	if (!module_path())						\
		SKIP(return, "EDUDMA_MODULE does not name an edudma.ko");	\
} while (0)

/* Values that the module refuses to be loaded with. */

FIXTURE(bad_parameter)
{
	int kmsg;
};

FIXTURE_VARIANT(bad_parameter)
{
	const char *name;
	const char *value;
	const char *range;	/* what the log line must show besides; NULL: a page's size */
};

FIXTURE_VARIANT_ADD(bad_parameter, dma_bits_too_few) {
	"dma_bits", "23", "24" };
FIXTURE_VARIANT_ADD(bad_parameter, dma_bits_too_many) {
	"dma_bits", "65", "64" };
FIXTURE_VARIANT_ADD(bad_parameter, dma_bits_not_a_number) {
	"dma_bits", "many", "64" };
FIXTURE_VARIANT_ADD(bad_parameter, dma_bits_negative) {
	"dma_bits", "-28", "64" };
FIXTURE_VARIANT_ADD(bad_parameter, dma_bits_beyond_32_bits) {
	"dma_bits", "4294967324", "64" };
FIXTURE_VARIANT_ADD(bad_parameter, chunk_bytes_zero) {
	"chunk_bytes", "0", NULL };
FIXTURE_VARIANT_ADD(bad_parameter, chunk_bytes_no_multiple_of_a_page) {
	"chunk_bytes", "70000", NULL };
FIXTURE_VARIANT_ADD(bad_parameter, chunk_bytes_too_many) {
	"chunk_bytes", "16781312", "16777216" };
FIXTURE_VARIANT_ADD(bad_parameter, bounce_pages_too_few) {
	"bounce_pages", "2", "4096" };
FIXTURE_VARIANT_ADD(bad_parameter, bounce_pages_too_many) {
	"bounce_pages", "4097", "4096" };
FIXTURE_VARIANT_ADD(bad_parameter, timeout_ms_too_short) {
	"timeout_ms", "199", "200" };
FIXTURE_VARIANT_ADD(bad_parameter, timeout_ms_too_long) {
	"timeout_ms", "600001", "600000" };
FIXTURE_VARIANT_ADD(bad_parameter, window_bytes_too_many) {
	"window_bytes", "4097", "4096" };
FIXTURE_VARIANT_ADD(bad_parameter, ring_entries_too_few) {
	"ring_entries", "1", "4096" };
FIXTURE_VARIANT_ADD(bad_parameter, ring_entries_too_many) {
	"ring_entries", "8192", "4096" };
FIXTURE_VARIANT_ADD(bad_parameter, ring_entries_no_power_of_two) {
	"ring_entries", "1000", "power of two" };
FIXTURE_VARIANT_ADD(bad_parameter, ring_not_a_boolean) {
	"ring", "round", "round" };
FIXTURE_VARIANT_ADD(bad_parameter, msi_not_a_boolean) {
	"msi", "maybe", "maybe" };

FIXTURE_SETUP(bad_parameter)
{
	self->kmsg = kmsg_open();
	ASSERT_LE(0, self->kmsg);
	if (module_path()) {
		ASSERT_EQ(0, module_unload());
	}
}

FIXTURE_TEARDOWN(bad_parameter)
{
	if (access("/sys/module/edudma", F_OK)) {
		EXPECT_EQ(0, module_load(""));
	}
}

TEST_F(bad_parameter, refuses_the_load_and_says_why)
{
	char params[64], page[32];

	NEED_MODULE_PATH();
	snprintf(page, sizeof(page), "%zu", page_size());
	snprintf(params, sizeof(params), "%s=%s", variant->name, variant->value);
	EXPECT_EQ(EINVAL, module_load(params));
	EXPECT_EQ(-1, access("/sys/module/edudma", F_OK));
	EXPECT_TRUE(kmsg_says(self->kmsg, variant->name, variant->range ?: page));
}

/* Parameters that may change while the module is loaded. */

FIXTURE(runtime_parameter)
{
	struct bed bed;
	uint64_t before;
};

FIXTURE_VARIANT(runtime_parameter)
{
	const char *name;
	uint64_t good;		/* 0: two pages */
	uint64_t bad;
};

FIXTURE_VARIANT_ADD(runtime_parameter, chunk_bytes) {
	.name = "chunk_bytes", .bad = 8191,
};

FIXTURE_VARIANT_ADD(runtime_parameter, timeout_ms) {
	.name = "timeout_ms", .good = 7000, .bad = 0,
};

FIXTURE_SETUP(runtime_parameter)
{
	BED_SETUP(&self->bed);
	self->before = param_get(variant->name);
}

FIXTURE_TEARDOWN(runtime_parameter)
{
	EXPECT_EQ(0, param_set(variant->name, self->before));
	BED_TEARDOWN(&self->bed);
}

TEST_F(runtime_parameter, takes_a_good_value)
{
	uint64_t good = variant->good ?: 2 * page_size();
	struct edudma_info info;

	EXPECT_EQ(0, param_set(variant->name, good));
	EXPECT_EQ(good, param_get(variant->name));
	ASSERT_EQ(0, dev_info(self->bed.fd, &info));
	EXPECT_EQ(good, !strcmp(variant->name, "chunk_bytes") ?
		  info.chunk_bytes : info.timeout_ms);
}

TEST_F(runtime_parameter, keeps_its_value_when_a_bad_one_is_refused)
{
	EXPECT_EQ(EINVAL, param_set(variant->name, variant->bad));
	EXPECT_EQ(self->before, param_get(variant->name));
}

/* The module loaded with another value, and what becomes of a transfer. */

#define NR	4	/* segments each way, a page each */
#define PART	200

FIXTURE(loaded)
{
	struct bed bed;
};

FIXTURE_VARIANT(loaded)
{
	const char *params;
	unsigned int chunk_pages;	/* 0: as by default */
	bool narrow;		/* the device reaches little */
};

FIXTURE_VARIANT_ADD(loaded, with_chunks_of_a_page) {
	.params = "", .chunk_pages = 1,
};

FIXTURE_VARIANT_ADD(loaded, with_chunks_of_two_pages) {
	.params = "", .chunk_pages = 2,
};

FIXTURE_VARIANT_ADD(loaded, with_the_smallest_bounce_pool) {
	.params = "bounce_pages=3",
};

FIXTURE_VARIANT_ADD(loaded, with_a_device_of_24_bits) {
	.params = "ring=0 dma_bits=24",
	.narrow = true,
};

FIXTURE_VARIANT_ADD(loaded, without_rings) {
	.params = "ring=0",
};

FIXTURE_VARIANT_ADD(loaded, with_the_smallest_rings) {
	.params = "ring_entries=2",
};

FIXTURE_VARIANT_ADD(loaded, without_msi) {
	.params = "msi=0",
};

FIXTURE_SETUP(loaded)
{
	if (module_path() && !(variant->narrow && no_narrow_device())) {
		char chunk[64] = "";

		if (variant->chunk_pages)
			snprintf(chunk, sizeof(chunk), "chunk_bytes=%zu",
				 variant->chunk_pages * page_size());
		ASSERT_EQ(0, module_unload());
		ASSERT_EQ(0, module_load(variant->chunk_pages ? chunk : variant->params));
	}
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(loaded)
{
	BED_TEARDOWN(&self->bed);
	if (module_path()) {
		EXPECT_EQ(0, module_unload());
		EXPECT_EQ(0, module_load(""));
	}
}

#define NEED_LOADED() do {						\
	NEED_MODULE_PATH();						\
	if (variant->narrow && no_narrow_device())			\
		SKIP(return, "%s", no_narrow_device());			\
} while (0)

TEST_F(loaded, moves_a_vector_of_many_pages)
{
	uint8_t *src = private_pages(NR), *dst = private_pages(NR);
	size_t page = page_size(), i;
	struct edudma_segment segs[2 * NR];
	struct edudma_transfer out;
	struct stats delta;

	NEED_LOADED();
	for (i = 0; i < NR; i++) {
		fill(src + i * page, PART, i);
		segs[i] = seg_to(src + i * page, PART, i * PART);
		segs[NR + i] = seg_from(dst + i * page, PART, i * PART);
	}
	ASSERT_EQ(0, transfer(self->bed.fd, segs, 2 * NR, 0, &out));
	EXPECT_EQ(2 * NR * PART, out.bytes_done);
	EXPECT_EQ(2 * NR, out.segments_done);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(PART, differs_at(dst + i * page, PART, i));
	BED_STATS(&self->bed, &delta);
	EXPECT_LE(delta.pages_pinned_max,
		  2 * self->bed.info.chunk_bytes / page);
	EXPECT_EQ(2 * NR, delta.descriptors);
}

TEST_F(loaded, moves_pages_that_follow_each_other)
{
	uint8_t *buf = private_pages(2);
	uint8_t *edge = buf + page_size() - 70;
	struct edudma_segment segs[] = {
		seg_to(edge, PART, 0), seg_from(edge, PART, 0),
	};

	NEED_LOADED();
	fill(edge, PART, 9);
	ASSERT_EQ(0, transfer(self->bed.fd, segs, 1, 0, NULL));
	memset(edge, 0, PART);
	ASSERT_EQ(0, transfer(self->bed.fd, segs + 1, 1, 0, NULL));
	EXPECT_EQ(PART, differs_at(edge, PART, 9));
}

TEST_F(loaded, sends_what_an_earlier_segment_has_fetched)
{
	uint8_t *buf = private_pages(3), *third = buf + 2 * page_size();
	struct edudma_segment segs[] = {
		seg_to(buf, 8, 0),			/* ABCDEFGH */
		seg_from(buf + page_size(), 8, 0),
		seg_to(buf + page_size(), 8, 1),	/* AABCDEFGH */
		seg_from(third, 9, 0),
		seg_to(third, 9, 1),			/* AAABCDEFGH */
		seg_from(buf, 10, 0),
	};

	NEED_LOADED();
	memcpy(buf, "ABCDEFGH", 8);
	ASSERT_EQ(0, transfer(self->bed.fd, segs, 6, 0, NULL));
	EXPECT_EQ(0, memcmp(buf + page_size(), "ABCDEFGH", 8));
	EXPECT_EQ(0, memcmp(third, "AABCDEFGH", 9));
	EXPECT_EQ(0, memcmp(buf, "AAABCDEFGH", 10));
}

/* What single parameters are for */

FIXTURE(reload)
{
	struct bed bed;
};

FIXTURE_SETUP(reload)
{
	self->bed.fd = -1;
	if (module_path()) {
		ASSERT_EQ(0, module_unload());
	}
}

FIXTURE_TEARDOWN(reload)
{
	if (self->bed.fd >= 0) {
		BED_TEARDOWN(&self->bed);
	}
	if (module_path()) {
		EXPECT_EQ(0, module_unload());
		EXPECT_EQ(0, module_load(""));
	}
}

TEST_F(reload, with_a_smaller_window_shortens_the_node)
{
	uint8_t *buf = private_pages(1);

	NEED_MODULE_PATH();
	ASSERT_EQ(0, module_load("ring=0 window_bytes=100"));
	BED_SETUP(&self->bed);
	EXPECT_EQ(100, self->bed.info.window_bytes);
	EXPECT_EQ(100, lseek(self->bed.fd, 0, SEEK_END));
	EXPECT_EQ(100, pwrite(self->bed.fd, buf, 200, 0));
	EXPECT_EQ(ERANGE, transfer1(self->bed.fd, seg_to(buf, 1, 100)));
}

TEST_F(reload, without_rings_is_a_plain_edu)
{
	NEED_MODULE_PATH();
	ASSERT_EQ(0, module_load("ring=0"));
	BED_SETUP(&self->bed);
	EXPECT_EQ(EDUDMA_ENGINE_EDU, self->bed.info.engine);
	EXPECT_EQ(1, self->bed.info.channels);
	EXPECT_LE(self->bed.info.window_bytes, 4096);
}

TEST_F(reload, without_msi_says_so)
{
	NEED_MODULE_PATH();
	ASSERT_EQ(0, module_load("msi=0"));
	BED_SETUP(&self->bed);
	EXPECT_EQ(0, self->bed.info.capabilities & EDUDMA_CAP_MSI);
}

#define MANY	96	/* pages, more than an interrupt releases by itself */

/* Each byte of a page is a segment, and pins it; together they are a descriptor. */
static bool moves_many(const struct bed *bed)
{
	uint8_t *buf = private_pages(1), *back = private_pages(1);
	struct edudma_segment segs[MANY];
	unsigned int i;

	fill(buf, MANY, 9);
	for (i = 0; i < MANY; i++)
		segs[i] = seg_to(buf + i, 1, i);
	return !transfer(bed->fd, segs, MANY, 0, NULL) &&
	       !transfer1(bed->fd, seg_from(back, MANY, 0)) &&
	       !memcmp(buf, back, MANY) && !stat_get(&bed->dev, "pages_pinned");
}

TEST_F(reload, without_msi_moves_many_pages)
{
	NEED_MODULE_PATH();
	ASSERT_EQ(0, module_load("msi=0 bounce_pages=384"));
	BED_SETUP(&self->bed);
	EXPECT_TRUE(moves_many(&self->bed));
}

TEST_F(reload, with_a_bounce_pool_says_its_size)
{
	NEED_MODULE_PATH();
	if (no_narrow_device()) {
		ASSERT_EQ(0, module_load(""));
		SKIP(return, "%s", no_narrow_device());
	}
	ASSERT_EQ(0, module_load("ring=0 dma_bits=24 bounce_pages=5"));
	BED_SETUP(&self->bed);
	if (self->bed.info.capabilities & EDUDMA_CAP_IOMMU)
		SKIP(return, "behind an IOMMU nothing bounces");
	EXPECT_EQ(5 * page_size(), self->bed.info.bounce_bytes);
}

TEST_F(reload, with_the_smallest_bounce_pool_bounces_more_than_it_holds)
{
	struct edudma_segment segs[2 * NR];
	struct stats delta;
	uint8_t *page;
	int i;

	NEED_MODULE_PATH();
	ASSERT_EQ(0, module_load("bounce_pages=3"));
	BED_SETUP(&self->bed);
	page = find_page(&self->bed.info, false);
	if (!page)
		SKIP(return, "the device reaches all memory here");
	fill(page, NR * PART, 3);
	for (i = 0; i < NR; i++) {
		segs[i] = seg_to(page + i * PART, PART, i * PART);
		segs[NR + i] = seg_from(page + (NR + i) * PART, PART, i * PART);
	}
	ASSERT_EQ(0, transfer(self->bed.fd, segs, 2 * NR, 0, NULL));
	EXPECT_EQ(NR * PART, differs_at(page + NR * PART, NR * PART, 3));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(2 * NR * PART, delta.bytes_bounced);
}

/* The driver says so itself; the DMA API has only an errno. */
TEST_F(reload, for_24_address_bits_fails_where_all_memory_lies_beyond)
{
	bool possible = !no_narrow_device();
	int kmsg = kmsg_open();

	NEED_MODULE_PATH();
	if (possible || kernel_copies()) {
		ASSERT_EQ(0, module_load(possible ? "ring=0 dma_bits=24" : ""));
	} else {
		ASSERT_EQ(0, module_insert("ring=0 dma_bits=24"));
		EXPECT_TRUE(kmsg_says(kmsg, "no memory for 24 address bits", "an IOMMU"));
		EXPECT_FALSE(dev_get(0, &self->bed.dev));
		ASSERT_EQ(0, module_unload());
		ASSERT_EQ(0, module_load(""));
	}
	close(kmsg);
	BED_SETUP(&self->bed);
}

TEST_F(reload, starts_the_statistics_anew)
{
	struct stats now;

	NEED_MODULE_PATH();
	ASSERT_EQ(0, module_load(""));
	BED_SETUP(&self->bed);
	stats_get(&self->bed.dev, &now);
	EXPECT_EQ(0, now.requests);
	EXPECT_EQ(0, now.bytes_to_device + now.bytes_from_device);
	EXPECT_EQ(0, now.pages_pinned_max);
}

TEST_HARNESS_MAIN
