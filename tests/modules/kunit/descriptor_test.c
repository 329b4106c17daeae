// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs to descriptors.  The model takes them byte by byte.
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include "descriptor.h"
#include "edudma_kunit.h"

#define CASES	4000
#define ROOM	288

/**
 * struct bench - a list and what it should be
 * @random:	where cases come from
 * @list:	the list, in @array
 * @model:	the same by the model, in @expected
 * @array:	one more than the list may use
 * @expected:	of the model
 */
struct bench {
	struct rnd_state random;
	struct edudma_descriptor_list list;
	struct edudma_descriptor_list model;
	struct edudma_descriptor array[ROOM + 1];
	struct edudma_descriptor expected[ROOM + 1];
};

static void bench_clear(struct bench *bench, unsigned int capacity, u32 max_len)
{
	bench->list = (struct edudma_descriptor_list) {
		.array = bench->array,
		.capacity = capacity,
		.max_len = max_len,
	};
	bench->model = bench->list;
	bench->model.array = bench->expected;
	memset(bench->array, 0x5a, (capacity + 1) * sizeof(bench->array[0]));
	memset(bench->expected, 0x5a, (capacity + 1) * sizeof(bench->array[0]));
}

static int bench_init(struct kunit *test)
{
	struct bench *bench = kunit_kzalloc(test, sizeof(*bench), GFP_KERNEL);

	if (!bench)
		return -ENOMEM;
	test->priv = bench;

	return 0;
}

/* Does a byte continue a descriptor? */
static bool continues(const struct edudma_descriptor *desc, dma_addr_t dma_addr,
		      u64 offset, bool from_device)
{
	return desc->dma_addr + desc->len == dma_addr &&
	       desc->offset + desc->len == offset &&
	       desc->from_device == from_device;
}

static int model_add(struct edudma_descriptor_list *model, dma_addr_t dma_addr,
		     u64 len, u64 offset, bool from_device)
{
	struct edudma_descriptor *last;
	u64 i;

	for (i = 0; i < len; i++) {
		last = model->count ? &model->array[model->count - 1] : NULL;
		if (last && last->len < model->max_len &&
		    continues(last, dma_addr + i, offset + i, from_device)) {
			last->len++;
			continue;
		}
		if (model->count == model->capacity)
			return -ENOSPC;
		last = &model->array[model->count++];
		last->dma_addr = dma_addr + i;
		last->offset = offset + i;
		last->len = 1;
		last->from_device = from_device;
	}

	return 0;
}

static bool same(const struct edudma_descriptor *a,
		 const struct edudma_descriptor *b)
{
	return a->dma_addr == b->dma_addr && a->offset == b->offset &&
	       a->len == b->len && a->from_device == b->from_device;
}

/* The list is the model's, and nothing behind it was touched. */
static void expect_as_model(struct kunit *test, unsigned int number)
{
	struct bench *bench = test->priv;
	unsigned int end = bench->list.capacity + 1;
	unsigned int i = 0;

	KUNIT_ASSERT_EQ_MSG(test, bench->list.count, bench->model.count,
			    "case %u", number);
	while (i < end && same(&bench->array[i], &bench->expected[i]))
		i++;
	KUNIT_ASSERT_EQ_MSG(test, i, end, "case %u differs in this descriptor",
			    number);
}

/* Adds a run to both; they must say the same. */
static int add_to_both(struct kunit *test, dma_addr_t dma_addr, u64 len,
		       u64 offset, bool from_device, unsigned int number)
{
	struct bench *bench = test->priv;
	int ret = model_add(&bench->model, dma_addr, len, offset, from_device);

	KUNIT_ASSERT_EQ_MSG(test, ret,
			    edudma_descriptor_add(&bench->list, dma_addr, len,
						  offset, from_device),
			    "case %u", number);

	return ret;
}

/* Runs that often continue the one before, on one side, on both, or nearly. */
static void add_random_runs(struct kunit *test, unsigned int capacity,
			    unsigned int number)
{
	struct bench *bench = test->priv;
	struct rnd_state *random = &bench->random;
	unsigned int runs = edudma_kunit_below(random, 12);
	dma_addr_t dma_addr = edudma_kunit_below(random, 64);
	u64 offset = edudma_kunit_below(random, 64);
	bool from_device = false;
	u64 len;

	bench_clear(bench, capacity, 1 + edudma_kunit_below(random, 24));
	while (runs--) {
		if (edudma_kunit_once_in(random, 5))
			dma_addr += edudma_kunit_below(random, 3) - 1;
		if (edudma_kunit_once_in(random, 5))
			offset += edudma_kunit_below(random, 3) - 1;
		if (edudma_kunit_once_in(random, 5))
			from_device = !from_device;
		len = edudma_kunit_below(random, 24);
		if (add_to_both(test, dma_addr, len, offset, from_device, number))
			break;
		dma_addr += len;
		offset += len;
	}
	expect_as_model(test, number);
}

static void random_runs_are_as_byte_by_byte(struct kunit *test)
{
	struct bench *bench = test->priv;
	unsigned int i;

	edudma_kunit_random(test, &bench->random);
	for (i = 0; i < CASES; i++)
		add_random_runs(test, ROOM, i);
}

static void full_list_keeps_what_fitted(struct kunit *test)
{
	struct bench *bench = test->priv;
	unsigned int i;

	edudma_kunit_random(test, &bench->random);
	for (i = 0; i < CASES; i++)
		add_random_runs(test, edudma_kunit_below(&bench->random, 8), i);
}

/* One run, cut anywhere, with nothing in between at times. */
static void cuts_leave_no_trace(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct rnd_state *random = &bench->random;
	u64 len, part, done;
	dma_addr_t dma_addr;
	unsigned int i;
	u64 offset;

	edudma_kunit_random(test, random);
	for (i = 0; i < CASES; i++) {
		bench_clear(bench, ROOM, 1 + edudma_kunit_below(random, 80));
		dma_addr = prandom_u32_state(random);
		offset = prandom_u32_state(random);
		len = edudma_kunit_below(random, ROOM);
		for (done = 0; done < len; done += part) {
			part = min_t(u64, edudma_kunit_below(random, 50), len - done);
			KUNIT_ASSERT_EQ(test, 0,
					edudma_descriptor_add(&bench->list,
							      dma_addr + done, part,
							      offset + done, true));
		}
		KUNIT_ASSERT_EQ(test, 0,
				edudma_descriptor_add(&bench->model, dma_addr, len,
						      offset, true));
		expect_as_model(test, i);
	}
}

#define MOST_PARTS	140

/*
 * One run of @len, of which the first @head bytes come by themselves: all
 * descriptors but the last are full, each goes on where one ended.
 */
static void expect_full_parts(struct kunit *test, dma_addr_t dma_addr, u64 len,
			      u64 offset, u32 max_len, u32 head)
{
	struct bench *bench = test->priv;
	const struct edudma_descriptor *desc = bench->array;

	bench_clear(bench, MOST_PARTS, max_len);
	head = min_t(u64, head, len);
	KUNIT_ASSERT_EQ(test, 0, edudma_descriptor_add(&bench->list, dma_addr, head,
						       offset, true));
	KUNIT_ASSERT_EQ(test, 0,
			edudma_descriptor_add(&bench->list, dma_addr + head,
					      len - head, offset + head, true));
	for (; desc < bench->array + bench->list.count; desc++) {
		KUNIT_ASSERT_EQ(test, dma_addr, desc->dma_addr);
		KUNIT_ASSERT_EQ(test, offset, desc->offset);
		KUNIT_ASSERT_EQ(test, min_t(u64, len, max_len), (u64)desc->len);
		KUNIT_ASSERT_TRUE(test, desc->from_device);
		dma_addr += desc->len;
		offset += desc->len;
		len -= desc->len;
	}
	KUNIT_ASSERT_EQ(test, 0ULL, len);
}

static void splits_at_every_limit(struct kunit *test)
{
	static const u32 limits[] = {
		4095, 4096, 4097, SZ_64K, SZ_1M, SZ_2G - 1, SZ_2G, U32_MAX - 1, U32_MAX,
	};
	unsigned int i, parts;
	u64 len;
	u32 max;

	for (i = 0; i < 300 + ARRAY_SIZE(limits); i++) {
		max = i < 300 ? i + 1 : limits[i - 300];
		for (parts = 1; parts <= 3; parts++)
			for (len = (u64)max * parts - 1; len <= (u64)max * parts + 1; len++)
				expect_full_parts(test, SZ_4K, len, 0, max, 0);
	}
}

static void alignment_does_not_matter(struct kunit *test)
{
	unsigned int memory, window;

	for (memory = 0; memory < 20; memory++)
		for (window = 0; window < 20; window++) {
			expect_full_parts(test, SZ_1M + memory, 200, SZ_4K + window, 64, 0);
			expect_full_parts(test, SZ_1M - memory, 200, SZ_4K - window, 63, 0);
		}
}

static void lengths_have_64_bits(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		expect_full_parts(test, 1, SZ_4G * i + i, 3, U32_MAX, i);
		expect_full_parts(test, 1, SZ_4G * i, 3, SZ_2G, i);
		expect_full_parts(test, 1, SZ_4G * i - i, 3, SZ_2G + 1U, 2 * i);
	}
}

static void reaches_the_last_byte_of_both_sides(struct kunit *test)
{
	dma_addr_t top = ~(dma_addr_t)0;
	unsigned int len;

	for (len = 1; len < 200; len++) {
		expect_full_parts(test, top - len + 1, len, U64_MAX - len + 1, 7, 0);
		expect_full_parts(test, top - len + 1, len, U64_MAX - len + 1, U32_MAX, len / 2);
	}
}

/* A descriptor that is nearly as long as a length can be takes what it can. */
static void full_descriptors_do_not_overflow(struct kunit *test)
{
	struct bench *bench = test->priv;
	unsigned int room;

	for (room = 0; room < 10; room++) {
		bench_clear(bench, ROOM, U32_MAX);
		KUNIT_ASSERT_EQ(test, 0,
				edudma_descriptor_add(&bench->list, 0,
						      U32_MAX - room, 0, false));
		KUNIT_ASSERT_EQ(test, 0,
				edudma_descriptor_add(&bench->list, U32_MAX - room,
						      20, U32_MAX - room, false));
		KUNIT_ASSERT_EQ(test, 2U, bench->list.count);
		KUNIT_ASSERT_EQ(test, U32_MAX, bench->array[0].len);
		KUNIT_ASSERT_EQ(test, 20 - room, bench->array[1].len);
	}
}

static void nothing_adds_nothing(struct kunit *test)
{
	struct bench *bench = test->priv;

	bench_clear(bench, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, edudma_descriptor_add(&bench->list, 0, 0, 0, true));
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			edudma_descriptor_add(&bench->list, 0, 1, 0, true));

	/* Nor does it come between two that continue each other. */
	bench_clear(bench, 1, 10);
	KUNIT_EXPECT_EQ(test, 0, edudma_descriptor_add(&bench->list, 8, 3, 0, true));
	KUNIT_EXPECT_EQ(test, 0, edudma_descriptor_add(&bench->list, 99, 0, 9, false));
	KUNIT_EXPECT_EQ(test, 0, edudma_descriptor_add(&bench->list, 11, 4, 3, true));
	KUNIT_EXPECT_EQ(test, 1U, bench->list.count);
	KUNIT_EXPECT_EQ(test, 7U, bench->array[0].len);
}

static struct kunit_case descriptor_cases[] = {
	KUNIT_CASE(random_runs_are_as_byte_by_byte),
	KUNIT_CASE(full_list_keeps_what_fitted),
	KUNIT_CASE(cuts_leave_no_trace),
	KUNIT_CASE(splits_at_every_limit),
	KUNIT_CASE(alignment_does_not_matter),
	KUNIT_CASE(lengths_have_64_bits),
	KUNIT_CASE(reaches_the_last_byte_of_both_sides),
	KUNIT_CASE(full_descriptors_do_not_overflow),
	KUNIT_CASE(nothing_adds_nothing),
	{ }
};

struct kunit_suite edudma_descriptor_suite = {
	.name = "descriptor",
	.init = bench_init,
	.test_cases = descriptor_cases,
};
