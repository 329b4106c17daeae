// SPDX-License-Identifier: LGPL-2.1-or-later
/* A device's statistics, from the files of its sysfs group. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct stats_entry {
	char name[NAME_MAX + 1];
	uint64_t value;
};

struct edudma_stats {
	size_t count;
	struct stats_entry *entries;
};

/* The order to show them in, and which are levels. */
static const struct known {
	const char *name;
	bool level;
} known[] = {
	{ "requests", false },
	{ "bytes_to_device", false },
	{ "bytes_from_device", false },
	{ "bytes_zero_copy", false },
	{ "bytes_bounced", false },
	{ "descriptors", false },
	{ "interrupts", false },
	{ "engine_busy_ns", false },
	{ "pages_pinned", true },
	{ "pages_pinned_max", true },
	{ "pages_async", true },
	{ "pages_registered", true },
	{ "pages_redirtied", false },
	{ "pages_leaked", false },
	{ "timeouts", false },
	{ "cancelled", false },
	{ "errors", false },
	{ "spurious_interrupts", false },
};

static size_t rank(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			break;
	return i;
}

static int compare(const void *a, const void *b)
{
	const struct stats_entry *x = a, *y = b;
	size_t rx = rank(x->name), ry = rank(y->name);

	if (rx != ry)
		return rx < ry ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int parse_value(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EPROTO;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || strcmp(end, *end ? "\n" : ""))
		return -EPROTO;
	return 0;
}

static int read_value(int dir, const char *name, uint64_t *value)
{
	char text[32];
	ssize_t n;
	int fd, ret;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	n = read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		ret = -errno;
	} else {
		text[n] = '\0';
		ret = parse_value(text, value);
	}

	close(fd);
	return ret;
}

static int append(struct edudma_stats *stats, int dir, const char *name)
{
	struct stats_entry *entries;
	uint64_t value = 0;
	int ret;

	if (dir < 0)
		return -errno;
	ret = read_value(dir, name, &value);
	if (ret)
		return ret;

	entries = reallocarray(stats->entries, stats->count + 1,
			       sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	stats->entries = entries;

	snprintf(entries[stats->count].name, sizeof(entries->name), "%s", name);
	entries[stats->count++].value = value;
	return 0;
}

static int scan(DIR *dir, struct edudma_stats *stats)
{
	struct dirent *dirent;
	int ret;

	for (;;) {
		errno = 0;
		dirent = readdir(dir);
		if (!dirent)
			return -errno;
		if (dirent->d_name[0] == '.')
			continue;
		ret = append(stats, dirfd(dir), dirent->d_name);
		if (ret)
			return ret;
	}
}

int edudma_stats_scan(const char *path, struct edudma_stats **result)
{
	struct edudma_stats *stats;
	DIR *dir;
	int ret;

	stats = calloc(1, sizeof(*stats));
	if (!stats)
		return -ENOMEM;

	dir = opendir(path);
	if (dir) {
		ret = scan(dir, stats);
		closedir(dir);
	} else {
		ret = -errno;
	}
	if (ret) {
		edudma_stats_free(stats);
		/* Files also go one by one while a device is unplugged. */
		return ret == -ENOENT ? -ENODEV : ret;
	}

	if (stats->count)
		qsort(stats->entries, stats->count, sizeof(*stats->entries),
		      compare);
	*result = stats;
	return 0;
}

EDUDMA_API int edudma_stats_read(unsigned int index,
				 struct edudma_stats **stats)
{
	char path[sizeof(EDUDMA_CLASS_DIR) + 64];

	if (!stats)
		return -EINVAL;

	snprintf(path, sizeof(path),
		 EDUDMA_CLASS_DIR "/" EDUDMA_NAME "%u/statistics", index);
	return edudma_stats_scan(path, stats);
}

EDUDMA_API void edudma_stats_free(struct edudma_stats *stats)
{
	if (!stats)
		return;

	free(stats->entries);
	free(stats);
}

EDUDMA_API size_t edudma_stats_count(const struct edudma_stats *stats)
{
	return stats->count;
}

EDUDMA_API const char *edudma_stats_name(const struct edudma_stats *stats,
					 size_t i)
{
	return stats->entries[i].name;
}

EDUDMA_API uint64_t edudma_stats_value(const struct edudma_stats *stats,
				       size_t i)
{
	return stats->entries[i].value;
}

EDUDMA_API int edudma_stats_get(const struct edudma_stats *stats,
				const char *name, uint64_t *value)
{
	size_t i;

	if (!stats || !name || !value)
		return -EINVAL;

	for (i = 0; i < stats->count; i++) {
		if (!strcmp(stats->entries[i].name, name)) {
			*value = stats->entries[i].value;
			return 0;
		}
	}
	return -ENOENT;
}

EDUDMA_API bool edudma_stats_is_level(const char *name)
{
	size_t i = rank(name);

	return i < ARRAY_SIZE(known) && known[i].level;
}

EDUDMA_API int edudma_stats_diff(const struct edudma_stats *newer,
				 const struct edudma_stats *older,
				 struct edudma_stats **result)
{
	struct edudma_stats *diff;
	struct stats_entry *entry;
	uint64_t before;
	size_t i;

	if (!newer || !older || !result)
		return -EINVAL;

	diff = calloc(1, sizeof(*diff));
	if (!diff)
		return -ENOMEM;

	/* One too many, so that an empty snapshot is not taken for a failure. */
	diff->entries = calloc(newer->count + 1, sizeof(*diff->entries));
	if (!diff->entries) {
		free(diff);
		return -ENOMEM;
	}

	for (i = 0; i < newer->count; i++) {
		entry = &diff->entries[diff->count++];
		*entry = newer->entries[i];
		if (edudma_stats_is_level(entry->name) ||
		    edudma_stats_get(older, entry->name, &before) ||
		    before > entry->value)
			continue;
		entry->value -= before;
	}

	*result = diff;
	return 0;
}
