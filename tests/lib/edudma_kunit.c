// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests in the kernel: loads their module, and KUnit where the kernel has none, and
 * passes on what they say.
 *
 * KUnit prints to the kernel's log: a suite's tests with four blanks before
 * each line, behind "# Subtest: SUITE" and a plan; then a line on the suite.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "edudma_kunit.h"
#include "edudma_test.h"

#define INDENT	"    "

/**
 * struct run - what was read from the log
 * @suite:	that is being read, or empty
 * @planned:	tests that it announced
 * @seen:	of them
 * @suites:	that have ended well
 * @number:	of tests printed
 * @failed:	of those
 */
struct run {
	char suite[64];
	int planned;
	int seen;
	int suites;
	int number;
	int failed;
};

/* Loads a module of ours; 0 or an errno. */
static int load(const char *path, const char *params)
{
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (syscall(SYS_finit_module, fd, params, 0))
		err = errno;
	close(fd);
	return err;
}

static int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

/* What is not a result is a remark; the log shows the ends of its lines so. */
static void remark(const char *text)
{
	const char *end;

	while ((end = strstr(text, "\\x0a"))) {
		printf("# %.*s\n", (int)(end - text), text);
		text = end + strlen("\\x0a");
	}
	printf("# %s\n", text);
}

/* Is the test asked for? */
static bool wanted(const char *suite, const char *name)
{
	const char *patterns = getenv("EDUDMA_TEST");
	char full[256], copy[1024], *pattern;

	if (!patterns)
		return true;
	snprintf(full, sizeof(full), "%s.%s.%.*s", program_invocation_short_name, suite,
		 (int)strcspn(name, " "), name);
	snprintf(copy, sizeof(copy), "%s", patterns);
	for (pattern = strtok(copy, " "); pattern; pattern = strtok(NULL, " "))
		if (!fnmatch(pattern, full, 0))
			return true;
	return false;
}

static void say(struct run *run, bool ok, const char *suite, const char *name)
{
	run->number++;
	run->failed += !ok;
	printf("%sok %d - %s%s%s\n", ok ? "" : "not ", run->number, suite,
	       *suite ? "." : "", name);
}

/* "ok 1 name", "not ok 1 - name": where the name is, or NULL. */
static const char *result(const char *line, bool *ok)
{
	*ok = !strncmp(line, "ok ", 3);
	if (!*ok && strncmp(line, "not ok ", 7))
		return NULL;
	line += *ok ? 3 : 7;
	return line + strspn(line, " 0123456789-");
}

static void take_line_of_suite(struct run *run, const char *line)
{
	bool ok;
	const char *name = result(line, &ok);

	if (sscanf(line, "# Subtest: %63s", run->suite) == 1) {
		run->planned = -1;
		run->seen = 0;
	} else if (sscanf(line, "1..%d", &run->planned) == 1) {
		return;
	} else if (name) {
		run->seen++;
		if (wanted(run->suite, name))
			say(run, ok, run->suite, name);
	} else {
		remark(line);
	}
}

static void take_line(struct run *run, const char *line)
{
	const char *name;
	bool ok;

	if (!strncmp(line, INDENT, strlen(INDENT))) {
		take_line_of_suite(run, line + strlen(INDENT));
		return;
	}
	name = result(line, &ok);
	if (!name || !*run->suite || strcmp(name, run->suite))
		return;
	if (run->seen == run->planned && run->seen)
		run->suites++;
	else
		say(run, false, run->suite, "has not run all of its tests");
	*run->suite = '\0';
}

/* Each record is "priority,number,time,flags;text", a line, then more of it. */
static bool take_log(struct run *run, int log)
{
	char record[8192], *text, *end;
	ssize_t got;

	while ((got = read(log, record, sizeof(record) - 1)) > 0) {
		record[got] = '\0';
		text = strchr(record, ';');
		end = text ? strchr(text, '\n') : NULL;
		if (!end)
			return false;
		*end = '\0';
		take_line(run, text + 1);
	}
	return errno == EAGAIN;
}

/* Loads, and says so if that fails. */
static bool loaded(struct run *run, const char *path, const char *params)
{
	int err = load(path, params);

	if (!err)
		return true;
	printf("# %s: %s\n", path, strerror(err));
	say(run, false, "", "the tests are loaded");
	return false;
}

static void run_tests(struct run *run, int log, const char *module, const char *params)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(basename(module), "."),
		 basename(module));
	if (!loaded(run, module, params))
		return;
	if (!take_log(run, log) || *run->suite || !run->suites)
		say(run, false, "", "the log is complete");
	if (unload(name))
		say(run, false, "", "the tests are unloaded");
}

int kunit_run(const char *module, const char *params)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct run run = { .number = 0 };
	struct utsname kernel;
	char core[1024];

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		die("/dev/kmsg");
	uname(&kernel);
	snprintf(core, sizeof(core), "%s/%s/kunit.ko", KUNIT_DIR, kernel.release);

	if (!access("/sys/module/kunit", F_OK)) {
		run_tests(&run, log, module, params);
	} else if (loaded(&run, core, "")) {
		run_tests(&run, log, module, params);
		if (unload("kunit"))
			say(&run, false, "", "KUnit is unloaded");
	}
	close(log);
	printf("1..%d\n", run.number);
	return run.failed ? 1 : 0;
}
