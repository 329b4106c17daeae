// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file on the scratch disk; see edudma_disk.h.
 */
#include "edudma_test.h"
#include "edudma_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* Its serial number, which the guest runner tells. */
#define DISK_VARIABLE	"EDUDMA_DISK"

/* Run a program quietly; true if it succeeded. */
static bool run(const char *const argv[])
{
	posix_spawn_file_actions_t quiet;
	int status;
	pid_t pid;
	bool good;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&quiet, STDOUT_FILENO, STDERR_FILENO);
	good = !posix_spawnp(&pid, argv[0], &quiet, NULL, (char *const *)argv, environ) &&
	       waitpid(pid, &status, 0) == pid && !status;
	posix_spawn_file_actions_destroy(&quiet);
	return good;
}

/* What is built in need not be loaded, and a guest may have no modprobe. */
static void load(const char *name)
{
	const char *const modprobe[] = { "modprobe", name, NULL };
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (access(path, F_OK))
		run(modprobe);
}

bool disk_there(void)
{
	return getenv(DISK_VARIABLE);
}

/* Does the block device have the serial number that we look for? */
static bool disk_matches(const char *name)
{
	const char *wanted = getenv(DISK_VARIABLE);
	char path[300], serial[64] = "";
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/serial", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, serial, sizeof(serial) - 1);
	close(fd);
	return wanted && got > 0 && !strcmp(serial, wanted);
}

static bool disk_find(char *node, size_t size)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir("/sys/block");
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		found = disk_matches(entry->d_name);
		if (found)
			snprintf(node, size, "/dev/%s", entry->d_name);
	}
	closedir(dir);
	return found;
}

/* The disk is empty when the guest boots, and formatted by who comes first. */
static const char *disk_mount(const char *dir)
{
	char node[300];
	const char *const mkfs[] = {
		"mkfs.ext4", "-q", "-F", "-b", "4096", "-E",
		"nodiscard,lazy_itable_init=1,lazy_journal_init=1", node, NULL
	};

	load("virtio_blk");
	load("ext4");
	if (!disk_find(node, sizeof(node)))
		return "no block device has the scratch disk's serial number";
	if (!mount(node, dir, "ext4", 0, NULL))
		return NULL;
	if (!run(mkfs))
		return "mkfs.ext4 fails";
	return mount(node, dir, "ext4", 0, NULL) ? "mount of ext4 fails" : NULL;
}

static bool write_pattern(int fd, size_t bytes, uint32_t seed)
{
	uint8_t *copy = private_pages((bytes + page_size() - 1) / page_size());
	bool good;

	fill(copy, bytes, seed);
	good = write(fd, copy, bytes) == (ssize_t)bytes && !fsync(fd);
	munmap(copy, bytes);
	return good;
}

bool disk_file_make(struct disk_file *file, size_t bytes, uint32_t seed)
{
	*file = (struct disk_file) { .dir = "/tmp/edudma-XXXXXX", .bytes = bytes };
	file->wrong = mkdtemp(file->dir) ? disk_mount(file->dir) :
					   "no directory in /tmp";
	if (file->wrong) {
		rmdir(file->dir);
		file->dir[0] = '\0';
		return false;
	}
	snprintf(file->path, sizeof(file->path), "%s/file", file->dir);
	file->fd = open(file->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file->fd < 0 || !write_pattern(file->fd, bytes, seed)) {
		disk_file_remove(file);
		file->wrong = "the file cannot be written";
		return false;
	}
	return true;
}

uint8_t *disk_file_map(const struct disk_file *file, int flags)
{
	void *p;

	p = mmap(NULL, file->bytes, PROT_READ | PROT_WRITE, flags, file->fd, 0);
	if (p == MAP_FAILED)
		die("mmap of a file");
	return p;
}

bool disk_file_read(const struct disk_file *file, uint8_t *to)
{
	ssize_t got;
	int fd;

	fd = open(file->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = pread(fd, to, file->bytes, 0);
	close(fd);
	return got == (ssize_t)file->bytes;
}

int disk_file_remove(struct disk_file *file)
{
	int err;

	if (file->fd >= 0)
		close(file->fd);
	unlink(file->path);
	err = umount(file->dir) ? errno : 0;
	rmdir(file->dir);
	file->dir[0] = '\0';
	return err;
}
