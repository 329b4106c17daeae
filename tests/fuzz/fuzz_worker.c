// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker's process: runs one program after the other, by several threads; see
 * fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

/**
 * struct helper - one thread
 * @run:	what it works on
 * @nr:		its number in programs
 * @thread:	the thread
 * @go, @done:	it has something to do; it has done it
 * @trace:	what it reaches
 * @calls, @good, @bad: system calls made, and by kind
 * @spent:	nanoseconds by kind
 */
struct helper {
	struct fuzz_run *run;
	unsigned int nr;
	pthread_t thread;
	sem_t go, done;
	struct fuzz_trace trace;
	uint64_t calls;
	uint32_t good[FUZZ_NRS];
	uint32_t bad[FUZZ_NRS];
	uint64_t spent[FUZZ_NRS];
};

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

/* Where the calls begin that threads make at the same time. */
static unsigned int end_of_prologue(const struct fuzz_program *program)
{
	unsigned int i;

	for (i = 0; i < program->nr && !program->calls[i].thread; i++)
		;
	return i;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void run_calls(struct helper *helper, unsigned int from, unsigned int to)
{
	struct fuzz_run *run = helper->run;
	struct fuzz_result result;
	uint64_t began;
	unsigned int i;

	for (i = from; i < to && !run->fuzz->wrong; i++) {
		const struct fuzz_call *call = &run->program->calls[i];

		if (call->thread != helper->nr)
			continue;
		began = now();
		fuzz_execute(run, call, &result);
		helper->spent[call->nr] += now() - began;
		fuzz_judge(run, call, &result);
		helper->calls += result.made;
		helper->good[call->nr] += result.made && !result.err;
		helper->bad[call->nr] += result.made && result.err;
	}
}

static void *help(void *arg)
{
	struct helper *helper = arg;
	struct fuzz_run *run = helper->run;

	run->threads[helper->nr] = syscall(SYS_gettid);
	fuzz_trace_open(&helper->trace);
	sem_post(&helper->done);
	for (;;) {
		wait_for(&helper->go);
		run_calls(helper, end_of_prologue(run->program), run->program->nr);
		sem_post(&helper->done);
	}
	return NULL;
}

static void start_helpers(struct fuzz_run *run, struct helper *helpers)
{
	unsigned int i;

	for (i = 0; i < FUZZ_THREADS; i++) {
		helpers[i].run = run;
		helpers[i].nr = i;
		sem_init(&helpers[i].go, 0, 0);
		sem_init(&helpers[i].done, 0, 0);
		if (!i) {
			run->threads[0] = getpid();
			fuzz_trace_open(&helpers[0].trace);
			continue;
		}
		errno = pthread_create(&helpers[i].thread, NULL, help, &helpers[i]);
		if (errno)
			die("pthread_create");
		wait_for(&helpers[i].done);
	}
}

static unsigned int threads_of(const struct fuzz_program *program)
{
	unsigned int i, threads = 0;

	for (i = 0; i < program->nr; i++)
		threads |= 1u << program->calls[i].thread;
	return threads;
}

static bool has(const struct fuzz_program *program, enum fuzz_nr nr)
{
	unsigned int i;

	for (i = 0; i < program->nr; i++)
		if (program->calls[i].nr == nr)
			return true;
	return false;
}

static void hear(int sig)
{
	(void)sig;
}

static void begin(struct fuzz_run *run, struct helper *helpers)
{
	unsigned int i;

	signal(SIGALRM, hear);
	signal(SIGUSR1, hear);
	run->signals = has(run->program, FUZZ_alarm) || has(run->program, FUZZ_signal);
	run->creates = has(run->program, FUZZ_create);
	run->captures = has(run->program, FUZZ_capture);
	run->maps = has(run->program, FUZZ_mapdev);
	run->starts = 0;
	fuzz_memory_reset(run->program);
	for (i = 0; i < FUZZ_THREADS; i++)
		fuzz_trace_reset(&helpers[i].trace);
}

/* Files are closed, children are gone, broken devices work. */
static void end(struct fuzz_run *run)
{
	struct itimerval none = { 0 };
	unsigned int i;
	int fd;

	setitimer(ITIMER_REAL, &none, NULL);
	fuzz_finish_streams(run);
	for (i = 0; i < FUZZ_FILES; i++) {
		fd = fuzz_set_file(run, i, -1, NULL);
		if (fd >= 0)
			close(fd);
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	if (run->fuzz->faulty)
		fuzz_mend(run->fuzz);
}

static void run_program(struct fuzz_run *run, struct helper *helpers)
{
	unsigned int prologue = end_of_prologue(run->program);
	unsigned int i, threads = threads_of(run->program);

	begin(run, helpers);
	run_calls(&helpers[0], 0, prologue);
	for (i = 1; i < FUZZ_THREADS; i++)
		if (threads & 1u << i)
			sem_post(&helpers[i].go);
	run_calls(&helpers[0], prologue, run->program->nr);
	for (i = 1; i < FUZZ_THREADS; i++)
		if (threads & 1u << i)
			wait_for(&helpers[i].done);
	end(run);
}

/* Add up what threads have done. */
static void collect(struct fuzz_worker *worker, struct helper *helpers)
{
	unsigned int i, nr;

	for (i = 0; i < FUZZ_THREADS; i++) {
		worker->calls += helpers[i].calls;
		helpers[i].calls = 0;
		for (nr = 0; nr < FUZZ_NRS; nr++) {
			worker->done[nr] += helpers[i].good[nr];
			worker->failed[nr] += helpers[i].bad[nr];
			helpers[i].good[nr] = 0;
			helpers[i].bad[nr] = 0;
			worker->spent[nr] += helpers[i].spent[nr];
			helpers[i].spent[nr] = 0;
		}
	}
}

static void see(struct fuzz *fuzz, struct helper *helpers, struct fuzz_cover *cover)
{
	unsigned int i;

	memset(cover, 0, sizeof(*cover));
	for (i = 0; i < FUZZ_THREADS; i++)
		fuzz_trace_add(fuzz, &helpers[i].trace, cover);
}

/* Leave calls out of a program, as long as it reaches all that it has to. */
static void shorten(struct fuzz_run *run, struct helper *helpers,
		    const struct fuzz_cover *wanted)
{
	struct fuzz_program *program = run->program, before;
	unsigned int at, size = program->nr;
	struct fuzz_cover cover;

	while ((size /= 2)) {
		for (at = 0; at < program->nr && program->nr > 1;) {
			before = *program;
			fuzz_remove(program, at, size);
			run_program(run, helpers);
			collect(run->worker, helpers);
			see(run->fuzz, helpers, &cover);
			if (fuzz_cover_new(wanted, &cover)) {
				*program = before;
				at += size;
			}
		}
	}
}

/* Keep a program that has reached something new. */
static void learn(struct fuzz_run *run, struct helper *helpers)
{
	struct fuzz_worker *worker = run->worker;
	struct fuzz_cover cover;
	unsigned int fresh;

	see(run->fuzz, helpers, &cover);
	fresh = fuzz_cover_new(&cover, &worker->reached);
	if (!fresh)
		return;
	if (run->fuzz->shorten) {
		fuzz_cover_only(&cover, &worker->reached);
		shorten(run, helpers, &cover);
	}
	fuzz_cover_join(&worker->reached, &cover);
	fuzz_keep(worker, run->program, &cover);
	printf("kept %u %llu %u\n", (unsigned int)(worker - run->fuzz->workers),
	       (unsigned long long)worker->number, fresh);
	fflush(stdout);
}

void fuzz_work(struct fuzz *fuzz, unsigned int nr)
{
	struct fuzz_worker *worker = &fuzz->workers[nr];
	struct fuzz_run run = {
		.fuzz = fuzz, .worker = worker, .program = &worker->running,
		.files = { -1, -1, -1, -1, -1, -1, -1, -1 },
	};
	struct helper helpers[FUZZ_THREADS] = { 0 };
	unsigned int i;

	for (i = 0; i < FUZZ_FILES; i++)
		pthread_mutex_init(&run.locks[i], NULL);
	fuzz_memory_init();
	start_helpers(&run, helpers);
	while (!__atomic_load_n(&fuzz->stop, __ATOMIC_SEQ_CST)) {
		if (fuzz->repeat && worker->number >= (uint64_t)fuzz->repeat * fuzz->nr_corpus)
			break;
		fuzz_next(fuzz, nr, &worker->running);
		run_program(&run, helpers);
		collect(worker, helpers);
		learn(&run, helpers);
		worker->number++;
	}
	_exit(0);
}
