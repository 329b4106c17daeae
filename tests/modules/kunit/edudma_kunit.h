/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the suites share: numbers at random, that can be had again.
 */
#ifndef EDUDMA_KUNIT_H
#define EDUDMA_KUNIT_H

#include <kunit/test.h>
#include <linux/prandom.h>

extern struct kunit_suite edudma_descriptor_suite;
extern struct kunit_suite edudma_vector_suite;
extern struct kunit_suite edudma_share_suite;

void edudma_kunit_random(struct kunit *test, struct rnd_state *state);

/* Less than @bound. */
static inline u32 edudma_kunit_below(struct rnd_state *state, u32 bound)
{
	return prandom_u32_state(state) % bound;
}

/* One time in @times. */
static inline bool edudma_kunit_once_in(struct rnd_state *state, u32 times)
{
	return !edudma_kunit_below(state, times);
}

#endif /* EDUDMA_KUNIT_H */
