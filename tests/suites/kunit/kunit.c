// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's pure functions, by tests in the kernel.  EDUDMA_SEED sets the seed of
 * random cases.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "edudma_kunit.h"

int main(void)
{
	const char *seed = getenv("EDUDMA_SEED");
	char module[1024], params[64] = "";
	struct utsname kernel;

	uname(&kernel);
	snprintf(module, sizeof(module), "%s/%s/edudma_kunit.ko", KUNIT_DIR, kernel.release);
	if (seed)
		snprintf(params, sizeof(params), "seed=%s", seed);
	return kunit_run(module, params);
}
