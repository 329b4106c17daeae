// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times in buckets: one for each nanosecond up to 128, from there on 64 for each power
 * of two.
 */
#include "bench.h"

#define SUB	64

static unsigned int bucket(uint64_t ns)
{
	unsigned int shift = 0;

	while (ns >> shift >= 2 * SUB)
		shift++;
	return shift * SUB + (ns >> shift);
}

/* The longest time that goes into a bucket. */
static uint64_t longest(unsigned int index)
{
	unsigned int shift = index < 2 * SUB ? 0 : index / SUB - 1;
	uint64_t top = index - shift * SUB;

	return ((top + 1) << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t ns)
{
	if (!latency->count || ns < latency->min)
		latency->min = ns;
	if (ns > latency->max)
		latency->max = ns;
	latency->count++;
	latency->sum += ns;
	latency->buckets[bucket(ns)]++;
}

uint64_t latency_percentile(const struct latency *latency, double percent)
{
	const double rank = latency->count * percent / 100;
	uint64_t seen = 0, ns;
	unsigned int i;

	for (i = 0; i < LATENCY_BUCKETS && latency->count; i++) {
		seen += latency->buckets[i];
		if (seen && seen >= rank) {
			ns = longest(i);
			return ns < latency->max ? ns : latency->max;
		}
	}
	return latency->max;
}
