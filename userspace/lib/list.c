// SPDX-License-Identifier: LGPL-2.1-or-later
/* The devices that are present, from sysfs. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"

/* Twice a PCI address with a 32-bit domain ("00000000:00:00.0"). */
#define ADDRESS_SIZE	32

struct list_entry {
	unsigned int index;
	char path[32];
	char address[ADDRESS_SIZE];
};

struct edudma_list {
	size_t count;
	struct list_entry *entries;
};

bool edudma_parse_name(const char *name, unsigned int *index)
{
	const size_t prefix = strlen(EDUDMA_NAME);
	unsigned long value = 0;
	const char *p;

	if (strncmp(name, EDUDMA_NAME, prefix))
		return false;

	p = name + prefix;
	if (!*p || (*p == '0' && p[1]))
		return false;

	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		value = value * 10 + (*p - '0');
		if (value > INT_MAX)
			return false;
	}

	*index = value;
	return true;
}

/* The last component of where a link leads, or false. */
static bool read_link_name(const char *link, char *name, size_t size)
{
	char target[PATH_MAX];
	const char *last;
	ssize_t len;

	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';

	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	return (size_t)snprintf(name, size, "%s", last) < size;
}

static int append(struct edudma_list *list, const char *class_dir,
		  unsigned int index)
{
	struct list_entry *entries, *entry;
	char link[PATH_MAX];

	entries = reallocarray(list->entries, list->count + 1,
			       sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	list->entries = entries;

	entry = &entries[list->count++];
	entry->index = index;
	snprintf(entry->path, sizeof(entry->path), "/dev/" EDUDMA_NAME "%u",
		 index);

	snprintf(link, sizeof(link), "%s/" EDUDMA_NAME "%u/device", class_dir,
		 index);
	if (!read_link_name(link, entry->address, sizeof(entry->address)))
		entry->address[0] = '\0';

	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct list_entry *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static int scan(DIR *dir, const char *class_dir, struct edudma_list *list)
{
	struct dirent *dirent;
	unsigned int index;
	int ret;

	for (;;) {
		errno = 0;
		dirent = readdir(dir);
		if (!dirent)
			return -errno;
		if (!edudma_parse_name(dirent->d_name, &index))
			continue;
		ret = append(list, class_dir, index);
		if (ret)
			return ret;
	}
}

int edudma_list_scan(const char *class_dir, struct edudma_list **result)
{
	struct edudma_list *list;
	DIR *dir;
	int ret = 0;

	list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;

	dir = opendir(class_dir);
	if (dir) {
		ret = scan(dir, class_dir, list);
		closedir(dir);
	} else if (errno != ENOENT) {
		ret = -errno;
	}
	if (ret) {
		edudma_list_free(list);
		return ret;
	}

	if (list->count)
		qsort(list->entries, list->count, sizeof(*list->entries),
		      compare);
	*result = list;
	return 0;
}

EDUDMA_API int edudma_list_new(struct edudma_list **list)
{
	if (!list)
		return -EINVAL;

	return edudma_list_scan(EDUDMA_CLASS_DIR, list);
}

EDUDMA_API void edudma_list_free(struct edudma_list *list)
{
	if (!list)
		return;

	free(list->entries);
	free(list);
}

EDUDMA_API size_t edudma_list_count(const struct edudma_list *list)
{
	return list->count;
}

EDUDMA_API unsigned int edudma_list_index(const struct edudma_list *list,
					  size_t i)
{
	return list->entries[i].index;
}

EDUDMA_API const char *edudma_list_path(const struct edudma_list *list,
					size_t i)
{
	return list->entries[i].path;
}

EDUDMA_API const char *edudma_list_address(const struct edudma_list *list,
					   size_t i)
{
	return list->entries[i].address;
}

EDUDMA_API int edudma_find_index(const char *path, unsigned int *index)
{
	char link[64], name[NAME_MAX + 1];
	struct stat st;

	if (!path || !index)
		return -EINVAL;
	if (stat(path, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENOTTY;

	/* By number, not by name: the node may have been renamed or linked. */
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!read_link_name(link, name, sizeof(name)) ||
	    !edudma_parse_name(name, index))
		return -ENOTTY;

	return 0;
}
