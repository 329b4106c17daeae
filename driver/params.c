// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module parameters.  A value out of range refuses the load (or the write to
 * /sys/module/edudma/parameters) and says which range it missed.
 */
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "params.h"

#define EDU_WINDOW_BYTES	4096U

#define EDUDMA_POWER_OF_TWO	0

/**
 * struct edudma_param - an unsigned parameter and what it may be
 * @value:	where the value lives
 * @min:	smallest value
 * @max:	largest value
 * @multiple:	the value is a multiple of this, or EDUDMA_POWER_OF_TWO
 */
struct edudma_param {
	unsigned int *value;
	unsigned int min;
	unsigned int max;
	unsigned int multiple;
};

static bool edudma_param_valid(const struct edudma_param *param, unsigned int value)
{
	if (value < param->min || value > param->max)
		return false;
	if (param->multiple == EDUDMA_POWER_OF_TWO)
		return is_power_of_2(value);

	return value % param->multiple == 0;
}

static void edudma_param_refuse(const char *val, const struct kernel_param *kp)
{
	const struct edudma_param *param = kp->arg;

	if (param->multiple == EDUDMA_POWER_OF_TWO)
		pr_err("edudma: parameter %s=%.32s refused: give a power of two from %u to %u\n",
		       kp->name, val, param->min, param->max);
	else
		pr_err("edudma: parameter %s=%.32s refused: give a multiple of %u from %u to %u\n",
		       kp->name, val, param->multiple, param->min, param->max);
}

static int edudma_param_set(const char *val, const struct kernel_param *kp)
{
	const struct edudma_param *param = kp->arg;
	unsigned int value;
	int ret;

	ret = kstrtouint(val, 0, &value);
	if (ret || !edudma_param_valid(param, value)) {
		edudma_param_refuse(val, kp);
		return -EINVAL;
	}

	WRITE_ONCE(*param->value, value);
	return 0;
}

static int edudma_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct edudma_param *param = kp->arg;

	return sysfs_emit(buffer, "%u\n", READ_ONCE(*param->value));
}

static const struct kernel_param_ops edudma_param_ops = {
	.set = edudma_param_set,
	.get = edudma_param_get,
};

#define EDUDMA_PARAM(name, initial, min_, max_, multiple_, mode, description)	\
	unsigned int edudma_##name = (initial);					\
	static const struct edudma_param edudma_param_##name = {		\
		.value = &edudma_##name,					\
		.min = (min_), .max = (max_), .multiple = (multiple_),		\
	};									\
	module_param_cb(name, &edudma_param_ops, (void *)&edudma_param_##name,	\
			mode);							\
	__MODULE_PARM_TYPE(name, "uint");					\
	MODULE_PARM_DESC(name, description)

EDUDMA_PARAM(dma_bits, 28, 24, 64, 1, 0444,
	     "address bits of a plain edu, as set by QEMU's dma_mask; an edu-sg tells by itself (24..64, default 28)");
EDUDMA_PARAM(chunk_bytes, 1024 * 1024, PAGE_SIZE, 16 * 1024 * 1024, PAGE_SIZE, 0644,
	     "user memory of a request pinned at a time (a page..16 MiB, default 1 MiB)");
EDUDMA_PARAM(async_pages, 8192, 0, 1024 * 1024, 1, 0644,
	     "user pages of each device that asynchronous requests hold at a time (0..1048576, default 8192)");
EDUDMA_PARAM(bounce_pages, 96, 3, 4096, 1, 0444,
	     "bounce pool of each device that cannot address all memory, in pages (3..4096, default 96)");
EDUDMA_PARAM(timeout_ms, 5000, 200, 600000, 1, 0644,
	     "time that one descriptor may take, in ms (200..600000, default 5000)");
EDUDMA_PARAM(window_bytes, 0, 0, EDU_WINDOW_BYTES, 1, 0444,
	     "usable window of a plain edu in bytes (0..4096, default 0: 4096, or 4095 where QEMU is older than 8.0)");
EDUDMA_PARAM(ring_entries, 1024, 2, 4096, EDUDMA_POWER_OF_TWO, 0444,
	     "descriptors that a channel of an edu-sg holds at a time (2..4096, a power of two, default 1024)");

EDUDMA_PARAM(stream_channels, 1, 0, 7, 1, 0444,
	     "channels of an edu-sg that streams have for themselves, if as many and one more are there (0..7, default 1)");

bool edudma_ring = true;
module_param_named(ring, edudma_ring, bool, 0444);
MODULE_PARM_DESC(ring, "use the descriptor rings of an edu-sg, else treat it as a plain edu (default Y)");

bool edudma_msi = true;
module_param_named(msi, edudma_msi, bool, 0444);
MODULE_PARM_DESC(msi, "use a message signalled interrupt where it works (default Y)");
