// SPDX-License-Identifier: GPL-2.0-only
/*
 * The root of the guest: the host's, or one of the guest's own machine, read-only, under
 * an overlay in memory, so that a command finds all of its programs and may write anywhere
 * without the host noticing.  /tmp is part of it, because checkouts and
 * working directories do lie there.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The host's files are taken not to change during a run, which is what loose
 * caching asks for; a shared directory is for writing what the host reads.
 */
#define P9_OPTIONS	"trans=virtio,version=9p2000.L,access=any,msize=512000"
#define P9_ROOT		P9_OPTIONS ",cache=loose"
#define P9_SHARE	P9_OPTIONS ",cache=mmap"

/* Mount what each Linux has; what only some kernels have may be missing. */
static void try_mount(const char *type, const char *where, unsigned long flags,
		      const char *options)
{
	mkdir(where, 0755);
	if (mount(type, where, type, flags, options) && errno != EBUSY)
		note("no %s at %s: %m", type, where);
}

static void must_mount(const char *source, const char *where, const char *type,
		       unsigned long flags, const char *options)
{
	if (mkdir(where, 0755) && errno != EEXIST)
		fail("mkdir %s: %m", where);
	if (mount(source, where, type, flags, options))
		fail("mount %s at %s: %m", type ? type : source, where);
}

void mount_early(void)
{
	int fd;

	must_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
	must_mount("proc", "/proc", "proc", 0, NULL);
	must_mount("sysfs", "/sys", "sysfs", 0, NULL);

	/* Nobody reads a terminal here; what a library prints goes nowhere. */
	fd = open("/dev/null", O_RDWR);
	if (fd < 0)
		fail("/dev/null: %m");
	for (int i = 0; i < 3; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* What udev or systemd would set up. */
static void mount_kernel_files(void)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};

	try_mount("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755");
	try_mount("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
	try_mount("devpts", "/dev/pts", MS_NOSUID, "mode=600,ptmxmode=666");
	try_mount("debugfs", "/sys/kernel/debug", 0, NULL);
	try_mount("tracefs", "/sys/kernel/tracing", 0, NULL);
	try_mount("cgroup2", "/sys/fs/cgroup", 0, NULL);
	try_mount("hugetlbfs", "/dev/hugepages", 0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			note("%s: %m", links[i][1]);
}

/* Make all directories of @path, as mkdir -p. */
static void make_directories(const char *path)
{
	const char *slash = path;
	char part[4096];

	do {
		slash = strchr(slash + 1, '/');
		snprintf(part, sizeof(part), "%.*s",
			 slash ? (int)(slash - path) : (int)strlen(path), path);
		if (mkdir(part, 0755) && errno != EEXIST)
			fail("mkdir %s: %m", part);
	} while (slash);
}

static void mount_share(char *share, unsigned long flags, const char *options)
{
	char *directory = strchr(share, '=');

	if (!directory)
		fail("share '%s' names no directory", share);
	*directory++ = '\0';
	make_directories(directory);
	must_mount(share, directory, "9p", flags, options);
}

/* In prompts and logs, to tell it from the host. */
static void name_host(void)
{
	if (sethostname("guest", 5))
		note("sethostname: %m");
}

void mount_ram_root(void)
{
	mount_kernel_files();
	name_host();
}

void mount_root(const struct job *job)
{
	must_mount("root", "/host", "9p", MS_RDONLY, P9_ROOT);
	must_mount("scratch", "/scratch", "tmpfs", 0, "mode=755");
	if (mkdir("/scratch/upper", 0755) || mkdir("/scratch/work", 0755))
		fail("mkdir in /scratch: %m");
	must_mount("overlay", "/root", "overlay", 0,
		   "lowerdir=/host,upperdir=/scratch/upper,workdir=/scratch/work");

	must_mount("/dev", "/root/dev", NULL, MS_MOVE, NULL);
	must_mount("/proc", "/root/proc", NULL, MS_MOVE, NULL);
	must_mount("/sys", "/root/sys", NULL, MS_MOVE, NULL);
	/* The initramfs cannot be pivoted away from; this is how it is left. */
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		fail("entering the root: %m");
	mount_kernel_files();
	name_host();
	for (size_t i = 0; job->files[i]; i++)
		mount_share(job->files[i], MS_RDONLY, P9_ROOT);
	for (size_t i = 0; job->shares[i]; i++)
		mount_share(job->shares[i], 0, P9_SHARE);
}
