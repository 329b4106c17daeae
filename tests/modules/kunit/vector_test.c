// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vector must keep to.  The model asks one segment and one question at
 * a time.
 */
#include <linux/fs.h>
#include <linux/sizes.h>

#include <linux/edudma.h>

#include "edudma_kunit.h"
#include "vector.h"

#define CASES	10000
#define MOST	8
#define WINDOW	((u64)SZ_4K)
#define USER	((u64)SZ_64K)		/* an address that a process may have */
#define BOTH	(FMODE_READ | FMODE_WRITE)

static int check(const struct edudma_segment *segments, unsigned int count,
		 u64 window)
{
	u64 len;

	return edudma_vector_check(segments, count, BOTH, window, &len);
}

static struct edudma_segment segment(u64 offset, u64 len)
{
	return (struct edudma_segment) {
		.addr = USER,
		.offset = offset,
		.len = len,
		.direction = EDUDMA_TO_DEVICE,
	};
}

#define DEFECTS	4

/* Spoils a segment in one of these ways, or in none. */
static int spoil(struct edudma_segment *seg, unsigned int defect)
{
	switch (defect) {
	case 0:
		seg->direction = EDUDMA_FROM_DEVICE + EDUDMA_TO_DEVICE + 1;
		return -EINVAL;
	case 1:
		seg->offset = SZ_2G;
		return -ERANGE;
	case 2:
		seg->addr = U64_MAX - SZ_4K;
		return -EFAULT;
	case 3:
		seg->offset = 0;
		seg->len = EDUDMA_MAX_TRANSFER + 1;
		return -EMSGSIZE;
	default:
		return 0;
	}
}

/*
 * Whether no process has this memory.  Between user memory's end and the upper
 * half kernels differ: nothing there is asked for.
 */
static bool out_of_reach(const struct edudma_segment *seg)
{
	return seg->addr >= (u64)LONG_MAX || seg->len > U64_MAX - seg->addr ||
	       seg->addr + seg->len >= (u64)LONG_MAX;
}

static int model_one(const struct edudma_segment *seg, fmode_t mode, u64 window)
{
	bool to = seg->direction == EDUDMA_TO_DEVICE;
	bool from = seg->direction == EDUDMA_FROM_DEVICE;

	if (!to && !from)
		return -EINVAL;
	if (to && !(mode & FMODE_WRITE))
		return -EBADF;
	if (from && !(mode & FMODE_READ))
		return -EBADF;
	if (seg->offset > window || seg->len > window - seg->offset)
		return -ERANGE;
	/* What a position in a registered buffer is worth shows when it is reached. */
	if (!seg->buffer && out_of_reach(seg))
		return -EFAULT;

	return 0;
}

static int model(const struct edudma_segment *segments, unsigned int count,
		 fmode_t mode, u64 window, u64 *len)
{
	u64 left = EDUDMA_MAX_TRANSFER;
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = model_one(&segments[i], mode, window);
		if (ret)
			return ret;
		if (segments[i].len > left)
			return -EMSGSIZE;
		left -= segments[i].len;
	}
	*len = EDUDMA_MAX_TRANSFER - left;

	return 0;
}

static u64 random_u64(struct rnd_state *random)
{
	u64 high = prandom_u32_state(random);

	return high << 32 | prandom_u32_state(random);
}

/* Mostly well, and where it is not, mostly by little. */
static void random_segment(struct rnd_state *random, struct edudma_segment *seg,
			   u64 window)
{
	*seg = (struct edudma_segment) {
		.addr = edudma_kunit_below(random, SZ_1M),
		.direction = edudma_kunit_once_in(random, 2) ? EDUDMA_TO_DEVICE :
							       EDUDMA_FROM_DEVICE,
	};
	seg->len = random_u64(random) % (window / 2 + 1);
	seg->offset = random_u64(random) % (window - seg->len + 1);
	if (edudma_kunit_once_in(random, 3))
		seg->offset = window - seg->len + edudma_kunit_below(random, 3) - 1;
	if (edudma_kunit_once_in(random, 20))
		seg->offset = U64_MAX - edudma_kunit_below(random, SZ_8K);
	if (edudma_kunit_once_in(random, 20))
		seg->len = U64_MAX - edudma_kunit_below(random, SZ_8K);
	if (edudma_kunit_once_in(random, 20))
		seg->addr = U64_MAX - edudma_kunit_below(random, SZ_8K);
	if (edudma_kunit_once_in(random, 20))
		seg->buffer = BIT(edudma_kunit_below(random, 32));
	if (edudma_kunit_once_in(random, 20))
		seg->direction = edudma_kunit_below(random, 4);
}

static void random_vectors_are_as_one_by_one(struct kunit *test)
{
	static const fmode_t modes[] = { 0, FMODE_READ, FMODE_WRITE, BOTH, BOTH, BOTH };
	static const u64 windows[] = { 1, SZ_4K, SZ_64M, SZ_512M, SZ_2G };
	struct edudma_segment segments[MOST];
	unsigned int i, j, count, passed = 0;
	u64 window, len, expected;
	struct rnd_state random;
	fmode_t mode;
	int ret;

	edudma_kunit_random(test, &random);
	for (i = 0; i < CASES; i++) {
		mode = modes[edudma_kunit_below(&random, ARRAY_SIZE(modes))];
		window = windows[edudma_kunit_below(&random, ARRAY_SIZE(windows))];
		count = edudma_kunit_below(&random, MOST + 1);
		for (j = 0; j < count; j++)
			random_segment(&random, &segments[j], window);

		ret = model(segments, count, mode, window, &expected);
		KUNIT_ASSERT_EQ_MSG(test, ret,
				    edudma_vector_check(segments, count, mode,
							window, &len),
				    "case %u", i);
		if (!ret)
			KUNIT_ASSERT_EQ_MSG(test, expected, len, "case %u", i);
		passed += !ret;
	}
	/* Enough of either. */
	KUNIT_EXPECT_GT(test, passed, CASES / 10U);
	KUNIT_EXPECT_LT(test, passed, CASES / 2U);
}

static void none_is_well(struct kunit *test)
{
	u64 len = 1;

	KUNIT_EXPECT_EQ(test, 0, edudma_vector_check(NULL, 0, 0, WINDOW, &len));
	KUNIT_EXPECT_EQ(test, 0ULL, len);
}

static void segments_end_with_the_window(struct kunit *test)
{
	static const struct {
		u64 offset, len;
		int ret;
	} cases[] = {
		{ 0, 0, 0 },
		{ 0, WINDOW, 0 },
		{ 0, WINDOW + 1, -ERANGE },
		{ 1, WINDOW, -ERANGE },
		{ WINDOW - 1, 1, 0 },
		{ WINDOW - 1, 2, -ERANGE },
		{ WINDOW, 0, 0 },
		{ WINDOW, 1, -ERANGE },
		{ WINDOW + 1, 0, -ERANGE },
		/* These wrap. */
		{ WINDOW, U64_MAX, -ERANGE },
		{ U64_MAX, WINDOW, -ERANGE },
		{ U64_MAX, 1, -ERANGE },
		{ 1, U64_MAX, -ERANGE },
		{ BIT_ULL(63), BIT_ULL(63), -ERANGE },
	};
	struct edudma_segment seg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		seg = segment(cases[i].offset, cases[i].len);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].ret, check(&seg, 1, WINDOW),
				    "offset %llu, length %llu", cases[i].offset,
				    cases[i].len);
	}
}

/* The sum of all that is sent at once has an end, however it is cut. */
static void sum_ends_at_the_limit(struct kunit *test)
{
	struct edudma_segment *segments;
	unsigned int i, count;
	u64 len;

	segments = kunit_kcalloc(test, EDUDMA_MAX_SEGMENTS, sizeof(*segments),
				 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, segments);
	for (count = 1; count <= EDUDMA_MAX_SEGMENTS; count *= 2) {
		for (i = 0; i < count; i++)
			segments[i] = segment(i, EDUDMA_MAX_TRANSFER / count);
		KUNIT_EXPECT_EQ(test, 0,
				edudma_vector_check(segments, count, FMODE_WRITE,
						    SZ_2G, &len));
		KUNIT_EXPECT_EQ(test, EDUDMA_MAX_TRANSFER, len);
		segments[count / 2].len++;
		KUNIT_EXPECT_EQ(test, -EMSGSIZE, check(segments, count, SZ_2G));
	}
}

static void first_defect_decides(struct kunit *test)
{
	struct edudma_segment segments[3];
	unsigned int first, second;
	int expected, later;

	for (first = 0; first <= DEFECTS; first++)
		for (second = 0; second <= DEFECTS; second++) {
			segments[0] = segment(0, 1);
			segments[1] = segment(0, 1);
			segments[2] = segment(0, 1);
			expected = spoil(&segments[1], first);
			later = spoil(&segments[2], second);
			KUNIT_EXPECT_EQ_MSG(test, expected ?: later,
					    check(segments, 3, SZ_2G),
					    "defects %u, %u", first, second);
		}
}

static void each_direction_needs_its_mode(struct kunit *test)
{
	static const struct {
		u32 direction;
		fmode_t mode;
		int ret;
	} cases[] = {
		{ EDUDMA_TO_DEVICE, FMODE_READ, -EBADF },
		{ EDUDMA_TO_DEVICE, FMODE_WRITE, 0 },
		{ EDUDMA_FROM_DEVICE, FMODE_READ, 0 },
		{ EDUDMA_FROM_DEVICE, FMODE_WRITE, -EBADF },
	};
	struct edudma_segment seg = segment(0, 1);
	unsigned int i;
	u64 len;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		seg.direction = cases[i].direction;
		KUNIT_EXPECT_EQ(test, cases[i].ret,
				edudma_vector_check(&seg, 1, cases[i].mode, WINDOW,
						    &len));
	}
	for (i = 0; i < 32; i++) {
		seg.direction = BIT(i) + 2;
		KUNIT_EXPECT_EQ(test, -EINVAL, check(&seg, 1, WINDOW));
	}
}

static struct kunit_case vector_cases[] = {
	KUNIT_CASE(random_vectors_are_as_one_by_one),
	KUNIT_CASE(none_is_well),
	KUNIT_CASE(segments_end_with_the_window),
	KUNIT_CASE(sum_ends_at_the_limit),
	KUNIT_CASE(first_defect_decides),
	KUNIT_CASE(each_direction_needs_its_mode),
	{ }
};

struct kunit_suite edudma_vector_suite = {
	.name = "vector",
	.test_cases = vector_cases,
};
