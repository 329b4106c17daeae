// SPDX-License-Identifier: GPL-2.0-only
/* Who has a node of the driver open? */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tool.h"

/*
 * The driver's major number.  Not from the nodes: an unplugged device that is
 * still open has none.
 */
static bool find_major(unsigned int *number)
{
	char line[128], name[64];
	bool found = false;
	FILE *file;

	file = fopen("/proc/devices", "re");
	if (!file)
		return false;

	while (!found && fgets(line, sizeof(line), file)) {
		/* Character devices come first. */
		if (!strncmp(line, "Block", 5))
			break;
		found = sscanf(line, "%u %63s", number, name) == 2 &&
			!strcmp(name, "edudma");
	}
	fclose(file);
	return found;
}

static bool holds(const char *pid, unsigned int number)
{
	char path[64 + sizeof(((struct dirent *)0)->d_name)];
	struct dirent *dirent;
	bool found = false;
	struct stat st;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.32s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;

	fd = dirfd(dir);
	while (!found && fd >= 0 && (dirent = readdir(dir)))
		found = !fstatat(fd, dirent->d_name, &st, 0) &&
			S_ISCHR(st.st_mode) && major(st.st_rdev) == number;
	closedir(dir);
	return found;
}

/* "process 123 (name)" */
static void describe(const char *pid, char *text, size_t size)
{
	char name[64];

	if (!read_line(name, sizeof(name), "/proc/%.32s/comm", pid))
		strcpy(name, "?");
	snprintf(text, size, "process %.32s (%s)", pid, name);
}

static void print_holder(const char *pid)
{
	char text[128];

	describe(pid, text, sizeof(text));
	message("in use by %s", text);
}

unsigned int print_holders(void)
{
	unsigned int number, found = 0;
	struct dirent *dirent;
	DIR *proc;

	if (!find_major(&number))
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return 0;

	while ((dirent = readdir(proc))) {
		if (!isdigit((unsigned char)dirent->d_name[0]) ||
		    !holds(dirent->d_name, number))
			continue;
		print_holder(dirent->d_name);
		found++;
	}
	closedir(proc);
	return found;
}

/* Does a process map this character device? */
static bool maps(const char *pid, dev_t node)
{
	char path[64], line[PATH_MAX + 128];
	bool found = false;
	struct stat st;
	char *name;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.32s/%s", pid, "maps");
	file = fopen(path, "re");
	if (!file)
		return false;

	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		name = strstr(line, " /dev/");
		found = name && !stat(name + 1, &st) && S_ISCHR(st.st_mode) &&
			st.st_rdev == node;
	}
	fclose(file);
	return found;
}

bool find_mapper(const char *path, char *who, size_t size)
{
	struct dirent *dirent;
	bool found = false;
	struct stat st;
	DIR *proc;

	if (stat(path, &st))
		return false;
	proc = opendir("/proc");
	if (!proc)
		return false;

	while (!found && (dirent = readdir(proc))) {
		found = isdigit((unsigned char)dirent->d_name[0]) &&
			maps(dirent->d_name, st.st_rdev);
		if (found)
			describe(dirent->d_name, who, size);
	}
	closedir(proc);
	return found;
}
