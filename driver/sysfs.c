// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/edudma/edudmaN/statistics/: one counter a file, see struct
 * edudma_stats for their meaning.
 */
#include <linux/device.h>
#include <linux/stddef.h>
#include <linux/sysfs.h>

#include "edudma_device.h"

/**
 * struct edudma_stat_attribute - a counter's file
 * @attr:	the file
 * @offset:	of the counter in struct edudma_stats
 */
struct edudma_stat_attribute {
	struct device_attribute attr;
	size_t offset;
};

static ssize_t edudma_stat_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	struct edudma_device *edev = container_of(dev, struct edudma_device, dev);
	struct edudma_stat_attribute *stat =
		container_of(attr, struct edudma_stat_attribute, attr);
	atomic64_t *counter = (void *)&edev->stats + stat->offset;

	return sysfs_emit(buf, "%lld\n", (long long)atomic64_read(counter));
}

#define EDUDMA_STAT(name)							\
	static struct edudma_stat_attribute edudma_stat_##name = {		\
		.attr = __ATTR(name, 0444, edudma_stat_show, NULL),		\
		.offset = offsetof(struct edudma_stats, name),			\
	}

EDUDMA_STAT(requests);
EDUDMA_STAT(bytes_to_device);
EDUDMA_STAT(bytes_from_device);
EDUDMA_STAT(bytes_zero_copy);
EDUDMA_STAT(bytes_bounced);
EDUDMA_STAT(descriptors);
EDUDMA_STAT(interrupts);
EDUDMA_STAT(pages_pinned);
EDUDMA_STAT(pages_pinned_max);
EDUDMA_STAT(pages_async);
EDUDMA_STAT(pages_registered);
EDUDMA_STAT(frames);
EDUDMA_STAT(bytes_lost);
EDUDMA_STAT(timeouts);
EDUDMA_STAT(cancelled);
EDUDMA_STAT(errors);
EDUDMA_STAT(spurious_interrupts);
EDUDMA_STAT(interrupts_lost);
EDUDMA_STAT(completions_deferred);
EDUDMA_STAT(pages_redirtied);
EDUDMA_STAT(pages_leaked);
EDUDMA_STAT(engine_busy_ns);

static struct attribute *edudma_stat_attrs[] = {
	&edudma_stat_requests.attr.attr,
	&edudma_stat_bytes_to_device.attr.attr,
	&edudma_stat_bytes_from_device.attr.attr,
	&edudma_stat_bytes_zero_copy.attr.attr,
	&edudma_stat_bytes_bounced.attr.attr,
	&edudma_stat_descriptors.attr.attr,
	&edudma_stat_interrupts.attr.attr,
	&edudma_stat_pages_pinned.attr.attr,
	&edudma_stat_pages_pinned_max.attr.attr,
	&edudma_stat_pages_async.attr.attr,
	&edudma_stat_pages_registered.attr.attr,
	&edudma_stat_frames.attr.attr,
	&edudma_stat_bytes_lost.attr.attr,
	&edudma_stat_timeouts.attr.attr,
	&edudma_stat_cancelled.attr.attr,
	&edudma_stat_errors.attr.attr,
	&edudma_stat_spurious_interrupts.attr.attr,
	&edudma_stat_interrupts_lost.attr.attr,
	&edudma_stat_completions_deferred.attr.attr,
	&edudma_stat_pages_redirtied.attr.attr,
	&edudma_stat_pages_leaked.attr.attr,
	&edudma_stat_engine_busy_ns.attr.attr,
	NULL
};

static const struct attribute_group edudma_stat_group = {
	.name = "statistics",
	.attrs = edudma_stat_attrs,
};

const struct attribute_group *edudma_groups[] = {
	&edudma_stat_group,
	NULL
};
