// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core of the kernel's KUnit, as a module for a kernel that was configured
 * without.  In such a kernel a task has no room for its test, and the loader
 * of modules does not look for suites: so the pointer is kept in a field that
 * only file systems use, and modules register their suites themselves.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/panic.h>
#include <linux/sched/debug.h>
#include <linux/sched.h>

#define kunit_test journal_info
#undef CONFIG_MODULES
#define CONFIG_KUNIT_DEFAULT_ENABLED 1

#include "test.c"
