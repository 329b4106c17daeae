/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers that a seed determines, on every machine the same.
 */
#ifndef EDUDMA_FUZZ_RANDOM_H
#define EDUDMA_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/** fuzz_random() - the next 64 bits (splitmix64) */
static inline uint64_t fuzz_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/** fuzz_below() - a number from 0 to @limit - 1 */
static inline unsigned int fuzz_below(uint64_t *state, unsigned int limit)
{
	return fuzz_random(state) % limit;
}

/** fuzz_once_in() - true in one of so many cases */
static inline bool fuzz_once_in(uint64_t *state, unsigned int cases)
{
	return !fuzz_below(state, cases);
}

/** fuzz_seed_of() - the state for program @number of worker @worker */
static inline uint64_t fuzz_seed_of(uint64_t seed, unsigned int worker, uint64_t number)
{
	uint64_t state = seed;

	state = fuzz_random(&state) ^ worker;
	state = fuzz_random(&state) ^ number;
	return fuzz_random(&state);
}

#endif /* EDUDMA_FUZZ_RANDOM_H */
