/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library's files share, and what its own tests may look into. */
#ifndef _EDUDMA_INTERNAL_H
#define _EDUDMA_INTERNAL_H

#include <edudma.h>

/* Everything else is hidden: the library is built with -fvisibility=hidden. */
#define EDUDMA_API	__attribute__((visibility("default")))

#define EDUDMA_CLASS_DIR	"/sys/class/edudma"
#define EDUDMA_NAME		"edudma"

#define ARRAY_SIZE(arr)	(sizeof(arr) / sizeof((arr)[0]))

/**
 * struct edudma - see edudma.h; constant after edudma_open()
 * @fd:		the open node, owned
 * @path:	what it was opened by, owned
 * @info:	the driver's answer at the time of opening
 */
struct edudma {
	int fd;
	char *path;
	struct edudma_info info;
};

/**
 * edudma_parse_name() - index of a device name
 * @name:	such as "edudma3"
 * @index:	where the index goes
 *
 * Return: true if @name is exactly that, false for anything else.
 */
bool edudma_parse_name(const char *name, unsigned int *index);

/**
 * edudma_list_scan() - edudma_list_new() on any directory
 * @class_dir:	directory with an entry per device
 * @list:	see edudma_list_new()
 *
 * Return: see edudma_list_new().
 */
int edudma_list_scan(const char *class_dir, struct edudma_list **list);

/**
 * edudma_stats_scan() - edudma_stats_read() on any directory
 * @dir:	directory with a file per value
 * @stats:	see edudma_stats_read()
 *
 * Return: see edudma_stats_read(); -ENODEV if there is no such directory.
 */
int edudma_stats_scan(const char *dir, struct edudma_stats **stats);

/**
 * struct edudma_plan - how a copy is split
 * @piece:	bytes that go through the window at a time
 * @max_pieces:	pieces, each two segments, that fit into one request
 */
struct edudma_plan {
	uint64_t piece;
	uint32_t max_pieces;
};

/**
 * edudma_plan_copy() - split a copy by the driver's limits
 * @info:	the limits
 * @plan:	where the result goes
 *
 * Return: 0, or -EOPNOTSUPP if no round trip fits.
 */
int edudma_plan_copy(const struct edudma_info *info, struct edudma_plan *plan);

/**
 * edudma_count_differences() - compare bytes
 * @buf:	bytes
 * @expected:	what they should be
 * @len:	how many
 * @first:	where the index of the first one that differs goes, if there is one
 *
 * Return: how many differ.
 */
uint64_t edudma_count_differences(const unsigned char *buf, const unsigned char *expected,
				  size_t len, size_t *first);

#endif /* _EDUDMA_INTERNAL_H */
