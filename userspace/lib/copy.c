// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Memory to memory through the window.
 *
 * A piece goes to the window and comes back by two neighbouring segments of the
 * same request, which is exclusive.  If a request stops between the two, the piece
 * has to start again: the window is anybody's between requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

/* A request that takes less than this may grow, one that takes more shrinks. */
#define GROW_BELOW_NS	(250 * 1000 * 1000LL)
#define SHRINK_ABOVE_NS	(1000 * 1000 * 1000LL)

/**
 * struct copy - a copy under way
 * @dev:	device
 * @dst:	destination
 * @src:	source
 * @len:	bytes in all
 * @done:	bytes that have arrived
 * @options:	the caller's, or defaults
 * @plan:	how it is split
 * @pieces:	pieces that the next request takes
 * @segments:	room for the longest vector
 */
struct copy {
	struct edudma *dev;
	char *dst;
	const char *src;
	size_t len;
	size_t done;
	struct edudma_copy_options options;
	struct edudma_plan plan;
	uint32_t pieces;
	struct edudma_segment *segments;
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int edudma_plan_copy(const struct edudma_info *info, struct edudma_plan *plan)
{
	plan->piece = min_u64(info->window_bytes, info->max_transfer_bytes / 2);
	if (!plan->piece || info->max_segments < 2)
		return -EOPNOTSUPP;

	plan->max_pieces = min_u64(info->max_segments / 2,
				   info->max_transfer_bytes /
				   (2 * plan->piece));
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void adapt(struct copy *copy, int64_t took_ns)
{
	if (copy->options.request_bytes)
		return;

	if (took_ns < GROW_BELOW_NS)
		copy->pieces = min_u64(copy->pieces * 2ULL,
				       copy->plan.max_pieces);
	else if (took_ns > SHRINK_ABOVE_NS && copy->pieces > 1)
		copy->pieces /= 2;
}

/* Lay out the next request; returns the number of segments. */
static uint32_t build(struct copy *copy)
{
	size_t pos = copy->done, len;
	uint32_t n = 0;

	while (pos < copy->len && n < 2 * copy->pieces) {
		len = min_u64(copy->plan.piece, copy->len - pos);
		copy->segments[n++] = edudma_to_device(copy->src + pos, len, 0);
		copy->segments[n++] = edudma_from_device(copy->dst + pos, len,
							 0);
		pos += len;
	}
	return n;
}

static int run(struct copy *copy)
{
	const struct edudma_copy_options *options = &copy->options;
	struct edudma_result result = { .size = sizeof(result) };
	int64_t start;
	uint32_t i, n;
	int ret;

	n = build(copy);
	start = now_ns();
	ret = edudma_transfer(copy->dev, copy->segments, n,
			      options->flags | EDUDMA_TRANSFER_EXCLUSIVE, &result);
	adapt(copy, now_ns() - start);

	/* Only what has come back counts, that is every second segment. */
	for (i = 1; i < result.segments_done; i += 2)
		copy->done += copy->segments[i].len;

	if (ret && ret != -EINTR)
		return ret;
	if (!options->progress)
		return ret;
	if (options->progress(copy->done, copy->len, options->context))
		return -ECANCELED;
	return 0;
}

static int copy_all(struct copy *copy)
{
	uint64_t pieces;
	int ret;

	ret = edudma_plan_copy(&copy->dev->info, &copy->plan);
	if (ret)
		return ret;

	pieces = copy->options.request_bytes / copy->plan.piece;
	copy->pieces = pieces ? min_u64(pieces, copy->plan.max_pieces) : 1;

	copy->segments = calloc(copy->plan.max_pieces,
				2 * sizeof(*copy->segments));
	if (!copy->segments)
		return -ENOMEM;

	while (!ret && copy->done < copy->len)
		ret = run(copy);

	free(copy->segments);
	return ret;
}

/* The first version ended here. */
#define OPTIONS_SIZE_MIN \
	(offsetof(struct edudma_copy_options, reserved) + sizeof(uint32_t))

/* What the caller has not is zero, what it has more must be. */
static int take_options(const struct edudma_copy_options *from,
			struct edudma_copy_options *to)
{
	const char *bytes = (const char *)from;
	size_t i;

	if (from->size < OPTIONS_SIZE_MIN)
		return -EINVAL;
	for (i = sizeof(*to); i < from->size; i++)
		if (bytes[i])
			return -E2BIG;

	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	return to->reserved ? -EINVAL : 0;
}

static bool overlaps(const void *a, const void *b, size_t len)
{
	const uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return x < y ? y - x < len : x - y < len;
}

EDUDMA_API int edudma_copy(struct edudma *dev, void *dst, const void *src,
			   size_t len,
			   const struct edudma_copy_options *options,
			   size_t *done)
{
	struct copy copy = {
		.dev = dev,
		.dst = dst,
		.src = src,
		.len = len,
	};
	int ret = 0;

	if (options)
		ret = take_options(options, &copy.options);
	if (!ret && overlaps(dst, src, len))
		ret = -EINVAL;
	if (!ret)
		ret = copy_all(&copy);

	if (done)
		*done = copy.done;
	return ret;
}
