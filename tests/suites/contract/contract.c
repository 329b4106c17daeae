// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of driver/engine.h, by tests in the kernel, on the engine of the module that
 * is loaded: on the driver's own, or on that of a port.  The driver makes room meanwhile.
 */
#define _GNU_SOURCE
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edudma_kunit.h"
#include "edudma_test.h"

int main(void)
{
	const char *driver = getenv("EDUDMA_MODULE"), *params = getenv("EDUDMA_MODULE_PARAMS");
	char module[1024];
	int status, err;

	if (!driver || !params)
		die("EDUDMA_MODULE");
	snprintf(module, sizeof(module), "%s/contract/edudma_contract.ko",
		 dirname(strdupa(driver)));
	err = module_unload();
	if (err)
		die("the driver cannot be unloaded");
	status = kunit_run(module, params);
	if (module_load(""))
		die("the driver cannot be loaded again");
	return status;
}
