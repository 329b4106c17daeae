// SPDX-License-Identifier: GPL-2.0-only
/* From what the user calls a device to the device. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static bool is_number(const char *which)
{
	return strspn(which, "0123456789") == strlen(which);
}

/* "edudma3" */
static bool is_name(const char *which)
{
	const size_t prefix = strlen("edudma");

	return !strncmp(which, "edudma", prefix) && which[prefix] &&
	       is_number(which + prefix);
}

/* "0000:00:04.0", or without the domain "00:04.0" */
static bool is_address(const char *which)
{
	return strspn(which, "0123456789abcdefABCDEF:.") == strlen(which) &&
	       strchr(which, ':') && strchr(which, '.');
}

static bool has_address(const char *address, const char *which)
{
	if (!strcasecmp(address, which))
		return true;
	return !strncmp(address, "0000:", 5) && !strcasecmp(address + 5, which);
}

/* The path of the device at an address, or with NULL of the first device. */
static int look_up(const char *address, char *path, size_t size)
{
	struct edudma_list *list;
	bool found = false;
	size_t i;
	int ret;

	ret = edudma_list_new(&list);
	if (ret)
		return fail("list of devices: %s", strerror(-ret));

	for (i = 0; !found && i < edudma_list_count(list); i++) {
		found = !address ||
			has_address(edudma_list_address(list, i), address);
		if (found)
			snprintf(path, size, "%s", edudma_list_path(list, i));
	}
	edudma_list_free(list);

	if (address && !found)
		return fail_device(address, -ENODEV, "%s", "");
	return STATUS_OK;
}

/* The path that @which stands for, as a user would write it. */
static int resolve(const char *which, char *path, size_t size)
{
	int len;

	if (which && !*which)
		return usage_error("--device needs a number, a name, an address or a path");
	if (!which) {
		snprintf(path, size, "/dev/edudma0");
		return look_up(NULL, path, size);
	}
	if (is_address(which))
		return look_up(which, path, size);

	len = snprintf(path, size, "%s%s", is_number(which) ? "/dev/edudma" :
		       is_name(which) ? "/dev/" : "", which);
	if (len < 0 || (size_t)len >= size)
		return fail("%s: %s", which, strerror(ENAMETOOLONG));
	return STATUS_OK;
}

/* A node that is not there means to the user that the device is not there. */
static int fail_node(const char *which, const char *path, int err)
{
	bool by_name = !which || is_number(which) || is_name(which) ||
		       is_address(which);

	return fail_device(path, err == -ENOENT && by_name ? -ENODEV : err,
			   "%s", "");
}

int device_open(const char *which, int flags, struct edudma **dev)
{
	char path[PATH_MAX];
	int ret;

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

	ret = resolve(which, path, sizeof(path));
	if (ret)
		return ret;

	ret = edudma_find_index(path, index);
	return ret ? fail_node(which, path, ret) : STATUS_OK;
}
