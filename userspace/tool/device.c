// SPDX-License-Identifier: GPL-2.0-only
/* From what the user calls a device to the device. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

/* The path that @which stands for, as a user would write it. */
static int resolve(const char *which, char *path, size_t size)
{
	struct edudma_list *list;
	int len, ret;

	if (which && strspn(which, "0123456789") != strlen(which))
		len = snprintf(path, size, "%s", which);
	else
		len = snprintf(path, size, "/dev/edudma%s",
			       which ? which : "0");
	if (len < 0 || (size_t)len >= size)
		return fail("%s: %s", which, strerror(ENAMETOOLONG));
	if (which)
		return STATUS_OK;

	ret = edudma_list_new(&list);
	if (ret)
		return fail("list of devices: %s", strerror(-ret));
	if (edudma_list_count(list))
		snprintf(path, size, "%s", edudma_list_path(list, 0));
	edudma_list_free(list);
	return STATUS_OK;
}

/* A node that is not there means to the user that the device is not there. */
static int fail_node(const char *which, const char *path, int err)
{
	bool chosen_path = which && strchr(which, '/');

	return fail_device(path, err == -ENOENT && !chosen_path ? -ENODEV : err,
			   "%s", "");
}

int device_open(const char *which, int flags, struct edudma **dev)
{
	char path[PATH_MAX];
	int ret;

	if (which && !*which)
		return usage_error("--device needs a number or a path");

	ret = resolve(which, path, sizeof(path));
	if (ret)
		return ret;

	ret = edudma_open(path, flags, dev);
	return ret ? fail_node(which, path, ret) : STATUS_OK;
}

int device_find(const char *which, unsigned int *index)
{
	char path[PATH_MAX];
	int ret;

	if (which && !*which)
		return usage_error("--device needs a number or a path");

	ret = resolve(which, path, sizeof(path));
	if (ret)
		return ret;

	ret = edudma_find_index(path, index);
	return ret ? fail_node(which, path, ret) : STATUS_OK;
}
