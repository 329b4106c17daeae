/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What needs a clock that counts instructions: bounds on the guest's time, which
 * no load of the host makes it miss; and one processor, on which nobody else
 * runs while the test does.
 */
#ifndef VIRTUAL_H
#define VIRTUAL_H

#include "edudma_test.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

/* A killed process is gone by then, whatever the device does. */
#define GONE_NS		50000000ULL

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static inline void sleep_until(uint64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/* Kill and reap: how long it was until the process was gone, or UINT64_MAX. */
static inline uint64_t time_to_go(struct job *job)
{
	uint64_t then = now_ns();
	int status;

	if (kill(job->pid, SIGKILL) || waitpid(job->pid, &status, 0) != job->pid ||
	    !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return UINT64_MAX;
	return now_ns() - then;
}

/* Nothing but interrupts comes between this process and what it does next. */
static inline bool come_first(void)
{
	struct sched_param first = { .sched_priority = 1 };

	return !sched_setscheduler(0, SCHED_FIFO, &first);
}

/*
 * For tests that look at a request in the middle: edu takes 100 ms for each
 * hardware transfer, another engine may be done before anybody has looked.
 */
#define NEED_SLOW_DEVICE(bed) do {					\
	if ((bed)->info.engine != EDUDMA_ENGINE_EDU)			\
		SKIP(return, "transfers are over before one can look");	\
} while (0)

#endif /* VIRTUAL_H */
