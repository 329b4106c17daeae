/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comes before all of the kernel's KUnit, where it is compiled for a kernel that
 * was configured without.  What such a kernel's structures look like is settled
 * before anything says that KUnit is there.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>

#define CONFIG_KUNIT_MODULE 1
#define CONFIG_KUNIT_DEFAULT_ENABLED 1

/* A task has no room for its test there: this field only file systems use. */
#define kunit_test journal_info
