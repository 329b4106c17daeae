// SPDX-License-Identifier: GPL-2.0-only
/* Who has a node of the driver open? */
#include <ctype.h>
#include <dirent.h>
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

static void print_holder(const char *pid)
{
	char path[64], name[64] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.32s/comm", pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	message("in use by process %s (%s)", pid, name);
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
