// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another process whose memory nobody has to touch; see edudma_canary.h.
 */
#include "edudma_test.h"
#include "edudma_canary.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define CANARY_VARIABLE	"EDUDMA_CANARY"
#define CANARY_BYTE	0xca
#define STEP_BYTES	(1 << 20)
#define MOST_STEPS	16

enum order { GROW = 'g', LOOK = 'l' };

static uint8_t *steps[MOST_STEPS];
static size_t nr_steps;

/* In small pages: a huge one would not be made of what was freed just before. */
static bool take_memory(void)
{
	uint8_t *p;

	if (nr_steps == MOST_STEPS)
		return false;
	p = mmap(NULL, STEP_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	madvise(p, STEP_BYTES, MADV_NOHUGEPAGE);
	memset(p, CANARY_BYTE, STEP_BYTES);
	steps[nr_steps++] = p;
	return true;
}

static bool take_on_each_processor(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu;
	bool good = true;
	cpu_set_t set;

	for (cpu = 0; cpu < cpus; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		good &= !sched_setaffinity(0, sizeof(set), &set) && take_memory();
	}
	return good;
}

static bool all_untouched(void)
{
	bool good = true;
	size_t i;

	for (i = 0; i < nr_steps; i++)
		good &= all_bytes_are(steps[i], STEP_BYTES, CANARY_BYTE);
	return good;
}

static void __attribute__((noreturn)) canary_live(int to, int from)
{
	bool good = take_memory();
	char order;

	do {
		if (write(from, good ? "y" : "n", 1) != 1)
			_exit(EXIT_FAILURE);
		if (read(to, &order, 1) != 1)
			_exit(EXIT_FAILURE);
		good = order == GROW ? take_on_each_processor() : all_untouched();
	} while (order != LOOK);
	_exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool answered(const struct canary *canary)
{
	char answer;

	return read(canary->from, &answer, 1) == 1 && answer == 'y';
}

bool canary_start(struct canary *canary)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC))
		return false;
	if (pipe2(from, O_CLOEXEC)) {
		close(to[0]);
		close(to[1]);
		return false;
	}
	canary->pid = fork();
	if (!canary->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		canary_live(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	canary->to = to[1];
	canary->from = from[0];
	return canary->pid > 0 && answered(canary);
}

bool canary_grow(const struct canary *canary)
{
	return write(canary->to, &(char){ GROW }, 1) == 1 && answered(canary);
}

bool canary_end(struct canary *canary)
{
	int status = -1;
	bool good;

	good = write(canary->to, &(char){ LOOK }, 1) == 1;
	close(canary->to);
	close(canary->from);
	good &= waitpid(canary->pid, &status, 0) == canary->pid && !status;
	canary->pid = 0;
	return good;
}

void canary_exec(int to, int from)
{
	char *argv[] = { "canary", NULL };
	char pipes[32];

	snprintf(pipes, sizeof(pipes), "%d %d", to, from);
	setenv(CANARY_VARIABLE, pipes, 1);
	fcntl(to, F_SETFD, 0);
	fcntl(from, F_SETFD, 0);
	execv("/proc/self/exe", argv);
	_exit(127);
}

/* Before main(): whoever was executed to be one does nothing else. */
static void __attribute__((constructor)) canary_if_told(void)
{
	const char *pipes = getenv(CANARY_VARIABLE);
	int to, from;

	if (pipes && sscanf(pipes, "%d %d", &to, &from) == 2)
		canary_live(to, from);
}
