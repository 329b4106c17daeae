// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tests of the engines' contract, run when the module is loaded, on the first device
 * of edudma_ids[] that no driver has.
 */
#include <linux/module.h>

#include "contract.h"

static struct kunit_suite *suites[] = { &edudma_contract_suite };

/* Registered by hand: kernels run the suites that they find before the device is bound. */
static int __init edudma_contract_init(void)
{
	int ret = contract_bind();

	if (ret)
		return ret;
	ret = __kunit_test_suites_init(suites, ARRAY_SIZE(suites));
	if (ret)
		contract_unbind();

	return ret;
}
module_init(edudma_contract_init);

static void __exit edudma_contract_exit(void)
{
	__kunit_test_suites_exit(suites, ARRAY_SIZE(suites));
	contract_unbind();
}
module_exit(edudma_contract_exit);

MODULE_DESCRIPTION("Tests of the contract of edudma's engines");
MODULE_LICENSE("GPL");
