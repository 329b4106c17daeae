// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core of the kernel's KUnit, as a module for a kernel that was configured
 * without.  Such a kernel's loader of modules does not look for suites: modules
 * register theirs themselves.
 */
#include "kunit_prelude.h"

#include <linux/panic.h>

#include <kunit/resource.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>

/* What a task has in place of its test has no type. */
#undef kunit_err
#define kunit_err(test, fmt, ...) \
	kunit_printk(KERN_ERR, (struct kunit *)(test), fmt, ##__VA_ARGS__)

#undef CONFIG_MODULES

/* From 6.3 on there is this, built in even if the rest is a module. */
#if __has_include("hooks.c")
#include "hooks.c"
#endif
#include "test.c"
