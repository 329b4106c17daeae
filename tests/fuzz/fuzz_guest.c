// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the guest: starts workers, looks on, and judges; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"
#include "fuzz_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* A program takes less than this, whatever is broken. */
#define HANGS_SECONDS	120
#define SAY_SECONDS	10

/**
 * struct watch - what is looked at
 * @kmsg:	the kernel's log
 * @calls:	of each worker, when it was last looked at
 * @since:	when they were less
 * @said:	when progress was last printed
 */
struct watch {
	int kmsg;
	uint64_t calls[FUZZ_WORKERS];
	time_t since[FUZZ_WORKERS];
	time_t said;
};

void fuzz_fail(struct fuzz *fuzz, const char *format, ...)
{
	va_list arguments;

	if (!__atomic_exchange_n(&fuzz->wrong, 1, __ATOMIC_SEQ_CST)) {
		va_start(arguments, format);
		vsnprintf(fuzz->what, sizeof(fuzz->what), format, arguments);
		va_end(arguments);
	}
	__atomic_store_n(&fuzz->stop, 1, __ATOMIC_SEQ_CST);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void start(struct fuzz *fuzz, unsigned int nr)
{
	pid_t pid = fork_dependent();

	if (!pid)
		fuzz_work(fuzz, nr);
	fuzz->workers[nr].pid = pid;
}

/* Reap a worker that has ended; go on behind a program that was killed. */
static void replace(struct fuzz *fuzz, unsigned int nr)
{
	struct fuzz_worker *worker = &fuzz->workers[nr];
	int status;

	if (!worker->pid || waitpid(worker->pid, &status, WNOHANG) <= 0)
		return;
	worker->pid = 0;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
		fuzz_fail(fuzz, "worker %u ended with status %#x", nr, status);
		return;
	}
	worker->done[FUZZ_kill]++;
	worker->calls++;
	if (fuzz->faulty)
		fuzz_mend(fuzz);
	worker->number++;
	start(fuzz, nr);
}

static void hear_kernel(struct fuzz *fuzz, struct watch *watch)
{
	static const char *const words[] = { "BUG: ", "WARNING: ", "KASAN", "DMA-API: " };
	char text[1024];
	unsigned int i;
	ssize_t got;

	while ((got = read(watch->kmsg, text, sizeof(text) - 1)) > 0 || errno == EPIPE) {
		text[got > 0 ? got : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		for (i = 0; i < ARRAY_LEN(words); i++)
			if (strstr(text, words[i]))
				fuzz_fail(fuzz, "the kernel says: %s", text);
	}
}

static void look(struct fuzz *fuzz, struct watch *watch, unsigned int nr)
{
	struct fuzz_worker *worker = &fuzz->workers[nr];

	replace(fuzz, nr);
	if (worker->calls != watch->calls[nr]) {
		watch->calls[nr] = worker->calls;
		watch->since[nr] = now();
	} else if (worker->pid && now() - watch->since[nr] > HANGS_SECONDS) {
		fuzz_fail(fuzz, "worker %u hangs", nr);
	}
}

static uint64_t calls_of(const struct fuzz *fuzz)
{
	uint64_t calls = 0;
	unsigned int i;

	for (i = 0; i < FUZZ_WORKERS; i++)
		calls += fuzz->workers[i].calls;
	return calls;
}

static void say(const struct fuzz *fuzz, struct watch *watch)
{
	unsigned int i;

	if (now() - watch->said < SAY_SECONDS)
		return;
	watch->said = now();
	printf("# %llu calls; programs", (unsigned long long)calls_of(fuzz));
	for (i = 0; i < FUZZ_WORKERS; i++)
		printf(" %llu (%u kept)", (unsigned long long)fuzz->workers[i].number,
		       fuzz->workers[i].nr_kept);
	printf("\n");
	fflush(stdout);
}

static bool is_over(const struct fuzz *fuzz, uint64_t calls)
{
	unsigned int i;
	bool all = true;

	for (i = 0; i < FUZZ_WORKERS; i++)
		all &= !fuzz->workers[i].pid;
	return all || fuzz->wrong || (calls && calls_of(fuzz) >= calls);
}

static void finish_workers(struct fuzz *fuzz, struct watch *watch)
{
	unsigned int nr;

	__atomic_store_n(&fuzz->stop, 1, __ATOMIC_SEQ_CST);
	for (nr = 0; nr < FUZZ_WORKERS; nr++)
		while (fuzz->workers[nr].pid) {
			look(fuzz, watch, nr);
			if (fuzz->wrong && now() - watch->since[nr] > HANGS_SECONDS)
				break;
			usleep(10000);
		}
}

/* A file of a task, each line behind its name. */
static void tell_file(const char *path)
{
	char line[256];
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		printf("# %s: %s", path, line);
	if (file)
		fclose(file);
}

/* What the threads of a worker wait for, and those that the kernel has for it. */
static void tell_tasks(pid_t worker)
{
	static const char *const names[] = { "comm", "syscall", "stack" };
	char path[96];
	glob_t tasks;
	unsigned int i;
	size_t task;

	snprintf(path, sizeof(path), "/proc/%d/task/*", worker);
	if (glob(path, 0, NULL, &tasks))
		return;
	for (task = 0; task < tasks.gl_pathc; task++)
		for (i = 0; i < ARRAY_LEN(names); i++) {
			snprintf(path, sizeof(path), "%s/%s", tasks.gl_pathv[task],
				 names[i]);
			tell_file(path);
		}
	globfree(&tasks);
}

/* What ran when it went wrong, for who wants to run it again. */
static void tell(const struct fuzz *fuzz, const char *dir)
{
	char path[256];
	unsigned int i;
	FILE *file;

	printf("# wrong: %s\n", fuzz->what);
	for (i = 0; i < FUZZ_WORKERS; i++) {
		printf("# program %llu of worker %u:\n",
		       (unsigned long long)fuzz->workers[i].number, i);
		fuzz_print(stdout, &fuzz->workers[i].running);
		tell_tasks(fuzz->workers[i].pid);
		if (!dir)
			continue;
		snprintf(path, sizeof(path), "%s/wrong-%u.calls", dir, i);
		file = fopen(path, "we");
		if (!file)
			continue;
		fuzz_print(file, &fuzz->workers[i].running);
		fclose(file);
	}
	fflush(stdout);
}

int fuzz_guest(struct fuzz *fuzz, unsigned int workers, uint64_t calls, const char *dir)
{
	struct watch watch = { .said = now() };
	unsigned int nr;

	fuzz_trouble_init(fuzz);
	watch.kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(watch.kmsg, 0, SEEK_END);
	for (nr = 0; nr < workers; nr++) {
		watch.since[nr] = now();
		start(fuzz, nr);
	}
	while (!is_over(fuzz, calls)) {
		usleep(20000);
		for (nr = 0; nr < workers; nr++)
			look(fuzz, &watch, nr);
		hear_kernel(fuzz, &watch);
		say(fuzz, &watch);
	}
	if (!fuzz->wrong)
		finish_workers(fuzz, &watch);
	if (!fuzz->wrong)
		fuzz_restore(fuzz);
	if (!fuzz->wrong)
		fuzz_check(fuzz);
	hear_kernel(fuzz, &watch);
	fuzz_report(fuzz);
	if (fuzz->wrong)
		tell(fuzz, dir);
	return fuzz->wrong;
}
