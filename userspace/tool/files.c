// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files in and out.
 *
 * Output to a regular file goes to a file without a name (O_TMPFILE) that gets
 * its name when it is complete, so that even SIGKILL leaves nothing half done.
 * Where the file system has no such files, a hidden one beside the target is
 * renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

#define PROC_FD_SIZE	32

static void proc_fd(int fd, char path[static PROC_FD_SIZE])
{
	snprintf(path, PROC_FD_SIZE, "/proc/self/fd/%d", fd);
}

/* A name beside the target. */
static char *sibling(const char *target, const char *suffix)
{
	char *copy, *path = NULL;

	copy = strdup(target);
	if (!copy || asprintf(&path, "%s/%s", dirname(copy), suffix) < 0)
		path = NULL;
	free(copy);
	return path;
}

static mode_t get_umask(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return mask;
}

static int open_unnamed(const char *target)
{
	char *dir;
	int fd;

	/* Without /proc it could not be given a name. */
	if (access("/proc/self/fd", F_OK))
		return -EOPNOTSUPP;

	dir = sibling(target, ".");
	if (!dir)
		return -ENOMEM;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (fd < 0)
		fd = -errno;
	free(dir);
	return fd;
}

static int open_temp(struct output *out)
{
	int fd;

	fd = open_unnamed(out->target);
	/* EISDIR: kernels without O_TMPFILE; EOPNOTSUPP: file systems without. */
	if (fd >= 0 || (fd != -EOPNOTSUPP && fd != -EISDIR && fd != -EINVAL))
		return fd;

	out->temp = sibling(out->target, ".edudma.XXXXXX");
	if (!out->temp)
		return -ENOMEM;

	fd = mkostemp(out->temp, O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		free(out->temp);
		out->temp = NULL;
		return fd;
	}

	fchmod(fd, 0666 & ~get_umask());
	return fd;
}

/* Replace a file: its link, owner and mode stay, as if it had been rewritten. */
static int open_replacement(struct output *out, const char *path,
			    const struct stat *st)
{
	int fd;

	if (access(path, W_OK))
		return -errno;

	out->target = realpath(path, NULL);
	if (!out->target)
		return -errno;

	fd = open_temp(out);
	if (fd >= 0) {
		/* Only root may give files away; others own it already. */
		if (fchown(fd, st->st_uid, st->st_gid))
			errno = 0;
		fchmod(fd, st->st_mode & 0777);
	}
	return fd;
}

int output_open(struct output *out, const char *path)
{
	struct stat st;

	*out = (struct output) { .name = path };

	if (!strcmp(path, "-")) {
		out->name = "standard output";
		out->fd = STDOUT_FILENO;
		return 0;
	}

	if (stat(path, &st)) {
		if (errno != ENOENT || !*path)
			return -errno;
		/* Not to be found out when all the work is done. */
		if (path[strlen(path) - 1] == '/')
			return -EISDIR;
		out->target = strdup(path);
		out->fd = out->target ? open_temp(out) : -ENOMEM;
	} else if (S_ISREG(st.st_mode)) {
		out->fd = open_replacement(out, path, &st);
	} else {
		out->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (out->fd < 0)
			out->fd = -errno;
	}

	if (out->fd < 0) {
		free(out->target);
		return out->fd;
	}
	return 0;
}

/* Give the unnamed file its name. */
static int link_unnamed(struct output *out)
{
	char from[PROC_FD_SIZE], suffix[64];

	proc_fd(out->fd, from);
	if (!linkat(AT_FDCWD, from, AT_FDCWD, out->target, AT_SYMLINK_FOLLOW))
		return 0;
	if (errno != EEXIST)
		return -errno;

	/* linkat() does not replace; rename() does. */
	snprintf(suffix, sizeof(suffix), ".edudma.%ld", (long)getpid());
	out->temp = sibling(out->target, suffix);
	if (!out->temp)
		return -ENOMEM;
	if (!linkat(AT_FDCWD, from, AT_FDCWD, out->temp, AT_SYMLINK_FOLLOW))
		return 0;

	/* Not made here, so output_abort() must not remove it. */
	free(out->temp);
	out->temp = NULL;
	return -errno;
}

static int put_in_place(struct output *out)
{
	int ret;

	if (fsync(out->fd))
		return -errno;

	if (!out->temp) {
		ret = link_unnamed(out);
		if (ret || !out->temp)
			return ret;
	}
	if (rename(out->temp, out->target))
		return -errno;

	free(out->temp);
	out->temp = NULL;
	return 0;
}

int output_commit(struct output *out)
{
	int ret;

	if (!out->target) {
		if (out->fd != STDOUT_FILENO && close(out->fd))
			return -errno;
		return 0;
	}

	ret = put_in_place(out);
	output_abort(out);
	return ret;
}

void output_abort(struct output *out)
{
	if (out->temp)
		unlink(out->temp);
	if (out->fd != STDOUT_FILENO)
		close(out->fd);
	free(out->temp);
	free(out->target);
}

int output_fail(const struct output *out, int err)
{
	if (err != -EPIPE || out->target)
		return fail("%s: %s", out->name, strerror(-err));

	signal_note(SIGPIPE);
	return STATUS_FAILURE;
}

int input_open(const char *path, const char **name)
{
	int fd;

	if (!strcmp(path, "-")) {
		*name = "standard input";
		return STDIN_FILENO;
	}

	*name = path;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

ssize_t read_full(int fd, void *buf, size_t len)
{
	size_t pos = 0;
	ssize_t n;

	while (pos < len) {
		if (signal_caught())
			return -EINTR;
		n = read(fd, (char *)buf + pos, len - pos);
		if (!n)
			break;
		if (n > 0)
			pos += n;
		else if (errno != EINTR)
			return -errno;
	}
	return pos;
}

int write_full(int fd, const void *buf, size_t len)
{
	size_t pos = 0;
	ssize_t n;

	while (pos < len) {
		if (signal_caught())
			return -EINTR;
		n = write(fd, (const char *)buf + pos, len - pos);
		if (n >= 0)
			pos += n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}
