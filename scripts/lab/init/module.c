// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading modules, and seeing that the one under test goes without a trace.
 */
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE		"edudma"
#define SECTIONS	"/sys/module/" MODULE "/sections"
#define GRACE_US	2000000
#define STEP_US		20000

/* 0 or an errno. */
static int insmod(const char *path, const char *params)
{
	int err, fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	err = syscall(SYS_finit_module, fd, params, 0) ? errno : 0;
	close(fd);
	return err;
}

/* The runner had libkmod sort them by what depends on what. */
void load_initramfs_modules(const struct job *job)
{
	for (size_t i = 0; job->insmods[i]; i++) {
		errno = insmod(job->insmods[i], "");
		if (errno && errno != EEXIST)
			note("%s: %m", job->insmods[i]);
	}
}

/* Run a program of the host and return its wait status and what it printed. */
static int run_quietly(char **argv, char *said, size_t size)
{
	int status, ends[2];
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		fail("pipe: %m");
	pid = fork();
	if (!pid) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		execvp(argv[0], argv);
		dprintf(2, "%s: %m", argv[0]);
		_exit(127);
	}
	close(ends[1]);
	while (n < size - 1 && (got = read(ends[0], said + n, size - 1 - n)) > 0)
		n += got;
	said[n] = '\0';
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("%s: %m", argv[0]);
	return status;
}

static void mount_modules(const char *directory)
{
	struct utsname name;
	char where[256];

	uname(&name);
	/* /lib is a link to usr/lib, or on an old system a directory. */
	mkdir("/lib/modules", 0755);
	snprintf(where, sizeof(where), "/lib/modules/%s", name.release);
	mkdir(where, 0755);
	if (mount(directory, where, NULL, MS_BIND, NULL))
		fail("bind %s to %s: %m", directory, where);
}

/* Where there is no modprobe. */
static void load_file(const struct job *job)
{
	char params[4096] = "";
	size_t n = 0;

	for (size_t i = 0; job->params[i] && n < sizeof(params); i++)
		n += snprintf(params + n, sizeof(params) - n, "%s ", job->params[i]);
	if (n >= sizeof(params))
		fail("the module has too many parameters");
	errno = insmod(job->module, params);
	if (errno)
		fail("the module cannot be loaded: %m");
}

void load_module(const struct job *job)
{
	char *argv[MAX_ITEMS + 4] = { "/sbin/modprobe", NULL };
	char said[1024];
	size_t n = 1;

	if (job->modules)
		mount_modules(job->modules);
	if (!job->module)
		return;
	if (job->module[0] == '/') {
		load_file(job);
		return;
	}
	argv[n++] = (char *)job->module;
	for (size_t i = 0; job->params[i]; i++)
		argv[n++] = job->params[i];
	argv[n] = NULL;
	if (run_quietly(argv, said, sizeof(said)))
		fail("the module cannot be loaded: %s", said);
}

/* Those that gdb wants to know of; others go after loading, or hold no symbols. */
static bool is_for_gdb(const char *section)
{
	static const char *const starts[] = {
		".text", ".data", ".rodata", ".bss", ".exit.text",
	};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (!strncmp(section, starts[i], strlen(starts[i])) &&
		    !strstr(section, ".str"))
			return true;
	return false;
}

/* Tell where the module's sections are: NAME=ADDRESS, separated by blanks. */
void report_sections(void)
{
	char path[300], address[32], said[2000] = "";
	struct dirent *entry;
	size_t n = 0;
	FILE *file;
	DIR *dir;

	dir = opendir(SECTIONS);
	if (!dir)
		return;
	while ((entry = readdir(dir)) && n < sizeof(said)) {
		if (!is_for_gdb(entry->d_name))
			continue;
		snprintf(path, sizeof(path), SECTIONS "/%s", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%31s", address) == 1)
			n += snprintf(said + n, sizeof(said) - n, "%s%s=%s", n ? " " : "",
				      entry->d_name, address);
		fclose(file);
	}
	closedir(dir);
	if (n && n < sizeof(said))
		record("sections", "%s", said);
}

/*
 * Where gdb, if it is there, stops and takes the module's symbols: the runner has
 * written them down, as records are taken at once.
 */
noinline __noclone
void module_is_loaded(void)
{
	__asm__ volatile("");
}

static bool try_unload(void)
{
	return !syscall(SYS_delete_module, MODULE, O_NONBLOCK);
}

/*
 * The command may have left processes that are just dying, so a module in use
 * gets a moment.  The command may also have unloaded it: then there is nothing
 * to do.
 */
void unload_module(const struct job *job)
{
	if (!job->module)
		return;
	for (int waited = 0; !try_unload(); waited += STEP_US) {
		if (errno == ENOENT) {
			record("unload", "absent");
			return;
		}
		if (errno != EAGAIN || waited >= GRACE_US) {
			record("unload", "failed %s", errno == EAGAIN ?
			       "the module is in use" : strerror(errno));
			return;
		}
		usleep(STEP_US);
	}
	record("unload", "done");
}

static bool read_pins(uint64_t *acquired, uint64_t *released)
{
	char line[128];
	FILE *file;
	int found = 0;

	/* Reading this folds the counts that the processors keep apart. */
	file = fopen("/proc/sys/vm/stat_refresh", "re");
	if (file) {
		(void)!fgets(line, sizeof(line), file);
		fclose(file);
	}
	file = fopen("/proc/vmstat", "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		found += sscanf(line, "nr_foll_pin_acquired %" SCNu64, acquired);
		found += sscanf(line, "nr_foll_pin_released %" SCNu64, released);
	}
	fclose(file);
	return found == 2;
}

void report_pins(void)
{
	uint64_t acquired = 0, released = 0;

	for (int waited = 0; waited < GRACE_US; waited += STEP_US) {
		if (!read_pins(&acquired, &released))
			return;
		if (acquired == released)
			break;
		usleep(STEP_US);
	}
	record("pins", "%" PRIu64 " %" PRIu64, acquired, released);
}
