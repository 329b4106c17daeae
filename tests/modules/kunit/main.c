// SPDX-License-Identifier: GPL-2.0-only
/*
 * The suites, run when the module is loaded.
 */
#include <linux/module.h>

#include "edudma_kunit.h"

#if IS_ENABLED(CONFIG_KUNIT)

kunit_test_suites(&edudma_descriptor_suite, &edudma_vector_suite,
		  &edudma_share_suite);

#else /* kunit_core.c */

static struct kunit_suite *suites[] = {
	&edudma_descriptor_suite,
	&edudma_vector_suite,
	&edudma_share_suite,
};

static int __init edudma_kunit_init(void)
{
	return __kunit_test_suites_init(suites, ARRAY_SIZE(suites));
}
module_init(edudma_kunit_init);

static void __exit edudma_kunit_exit(void)
{
	__kunit_test_suites_exit(suites, ARRAY_SIZE(suites));
}
module_exit(edudma_kunit_exit);

#endif

static unsigned int seed = 1998;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "Seed of the random cases");

/**
 * edudma_kunit_random() - numbers for one test, the same for the same seed
 * @test:	the test
 * @state:	to draw them from
 *
 * What it was is printed, for the next run.
 */
void edudma_kunit_random(struct kunit *test, struct rnd_state *state)
{
	kunit_info(test, "seed %u\n", seed);
	prandom_seed_state(state, seed);
}

MODULE_DESCRIPTION("Tests of the pure parts of edudma");
MODULE_LICENSE("GPL");
