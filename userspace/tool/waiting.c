// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tell a terminal that a call sleeps for long.
 *
 * By a thread, as a signal would interrupt the call.
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

/*
 * @lock:	protects @ended
 * @end:	signalled when @ended is set
 * @ended:	the call has returned
 * @path:	what it waits for; constant while @thread runs
 * @told:	there is a thread
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t end;
	pthread_t thread;
	const char *path;
	bool ended;
	bool told;
} waiting = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static void *tell(void *unused)
{
	struct timespec until;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAITING_SECONDS;

	pthread_mutex_lock(&waiting.lock);
	while (!waiting.ended && !ret)
		ret = pthread_cond_timedwait(&waiting.end, &waiting.lock, &until);
	if (!waiting.ended)
		progress_waiting(waiting.path);
	pthread_mutex_unlock(&waiting.lock);
	return unused;
}

void waiting_start(const char *path)
{
	pthread_condattr_t attr;
	sigset_t all, before;

	if (!isatty(STDERR_FILENO))
		return;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&waiting.end, &attr);
	pthread_condattr_destroy(&attr);
	waiting.path = path;
	waiting.ended = false;

	/* Signals are for the thread that sleeps in the call. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	waiting.told = !pthread_create(&waiting.thread, NULL, tell, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void waiting_stop(void)
{
	if (!waiting.told)
		return;

	pthread_mutex_lock(&waiting.lock);
	waiting.ended = true;
	pthread_cond_signal(&waiting.end);
	pthread_mutex_unlock(&waiting.lock);
	pthread_join(waiting.thread, NULL);
	pthread_cond_destroy(&waiting.end);
	waiting.told = false;
	progress_clear();
}
