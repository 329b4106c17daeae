// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to workers and devices, and what must become of it; see soak.h.
 */
#include "edudma_machine.h"
#include "soak.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* Of small troubles between two unbinds, and between two removals; and the first. */
#define UNBIND_EVERY	25
#define UNBIND_FIRST	5
#define REMOVE_EVERY	60
#define REMOVE_FIRST	10

/* Of a descriptor. */
#define MAX_LATENCY_NS	20000000

void soak_fail(struct soak *soak, const char *format, ...)
{
	va_list arguments;

	if (!__atomic_exchange_n(&soak->wrong, 1, __ATOMIC_SEQ_CST)) {
		va_start(arguments, format);
		vsnprintf(soak->what, sizeof(soak->what), format, arguments);
		va_end(arguments);
	}
	__atomic_store_n(&soak->stop, 1, __ATOMIC_SEQ_CST);
	_exit(EXIT_FAILURE);
}

static void note(struct soak *soak, const char *what, const char *slot, int err)
{
	if (!__atomic_exchange_n(&soak->wrong, 1, __ATOMIC_SEQ_CST))
		snprintf(soak->what, sizeof(soak->what), "%s %s: %s", what, slot,
			 strerror(err));
	__atomic_store_n(&soak->stop, 1, __ATOMIC_SEQ_CST);
}

static void start_worker(struct soak_trouble *trouble, unsigned int nr)
{
	pid_t pid = fork_dependent();

	if (!pid && nr == SOAK_WORKERS)
		soak_capture(trouble->soak, nr, trouble->lives[nr]);
	if (!pid)
		soak_work(trouble->soak, nr, trouble->lives[nr]);
	trouble->workers[nr] = pid;
}

void soak_start(struct soak_trouble *trouble)
{
	unsigned int nr;

	/* One may come before the worker has its handler. */
	signal(SIGUSR1, SIG_IGN);
	for (nr = 0; nr < trouble->soak->processes; nr++)
		start_worker(trouble, nr);
}

static void do_kill(struct soak_trouble *trouble, unsigned int nr)
{
	int status;

	kill(trouble->workers[nr], SIGKILL);
	if (waitpid(trouble->workers[nr], &status, 0) < 0 || WIFEXITED(status))
		return;	/* it has something to say */
	trouble->kills++;
	trouble->lives[nr]++;
	start_worker(trouble, nr);
}

static void do_signal(struct soak_trouble *trouble, unsigned int nr)
{
	kill(trouble->workers[nr], SIGUSR1);
	trouble->signals++;
}

static void do_stop(struct soak_trouble *trouble, unsigned int nr)
{
	struct soak *soak = trouble->soak;

	__atomic_fetch_add(&soak->stops_begun[nr], 1, __ATOMIC_SEQ_CST);
	kill(trouble->workers[nr], SIGSTOP);
	usleep(soak_below(&trouble->random, 150000));
	kill(trouble->workers[nr], SIGCONT);
	__atomic_fetch_add(&soak->stops_done[nr], 1, __ATOMIC_SEQ_CST);
	trouble->stops++;
}

static const char *any_slot(struct soak_trouble *trouble)
{
	struct soak *soak = trouble->soak;

	return soak->slots[soak_below(&trouble->random, soak->devices)];
}

static void let_sleep(const char *slot, bool let)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/autosuspend_delay_ms",
		 slot);
	file_write(path, "10");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", slot);
	file_write(path, let ? "auto" : "on");
}

/* Tune what may be tuned while it runs. */
static void do_change(struct soak_trouble *trouble)
{
	const char *slot = any_slot(trouble);
	struct test_dev dev;

	switch (soak_below(&trouble->random, 3)) {
	case 0:
		param_set("chunk_bytes", page_size() <<
			  soak_below(&trouble->random, 9));
		break;
	case 1:
		let_sleep(slot, soak_below(&trouble->random, 2));
		break;
	case 2:
		/* An edu-sg's; to plain edu it means nothing. */
		snprintf(dev.slot, sizeof(dev.slot), "%s", slot);
		machine_set(&dev, "latency",
			    soak_below(&trouble->random, MAX_LATENCY_NS));
		break;
	}
	trouble->changes++;
}

static void do_small(struct soak_trouble *trouble)
{
	unsigned int nr = soak_below(&trouble->random, trouble->soak->processes);

	switch (soak_below(&trouble->random, 8)) {
	case 0 ... 2:
		do_kill(trouble, nr);
		break;
	case 3 ... 5:
		do_signal(trouble, nr);
		break;
	case 6:
		do_stop(trouble, nr);
		break;
	case 7:
		do_change(trouble);
		break;
	}
}

void soak_count(struct soak_trouble *trouble, const char *slot)
{
	struct test_dev dev;

	if (!dev_of_slot(slot, &dev))
		return;
	trouble->descriptors += stat_get(&dev, "descriptors");
	trouble->bounced += stat_get(&dev, "bytes_bounced");
	trouble->zero_copy += stat_get(&dev, "bytes_zero_copy");
}

static void do_unbind(struct soak_trouble *trouble)
{
	struct test_dev dev;
	int err;

	snprintf(dev.slot, sizeof(dev.slot), "%s", any_slot(trouble));
	soak_count(trouble, dev.slot);
	err = dev_unbind(&dev);
	if (err)
		note(trouble->soak, "unbind of", dev.slot, err);
	usleep(soak_below(&trouble->random, 50000));
	err = dev_bind(&dev);
	if (err)
		note(trouble->soak, "bind of", dev.slot, err);
	trouble->unbinds++;
}

static void do_remove(struct soak_trouble *trouble)
{
	const char *slot = any_slot(trouble);
	struct test_dev dev;
	char path[96];
	int err;

	soak_count(trouble, slot);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", slot);
	err = file_write(path, "1");
	if (err)
		note(trouble->soak, "removal of", slot, err);
	usleep(soak_below(&trouble->random, 50000));
	err = file_write("/sys/bus/pci/rescan", "1");
	if (!err && !WAIT_FOR(dev_of_slot(slot, &dev)))
		err = ENODEV;
	if (err)
		note(trouble->soak, "rescan for", slot, err);
	trouble->removals++;
}

static bool had_all(const struct soak_trouble *trouble)
{
	return trouble->kills && trouble->unbinds &&
	       (trouble->removals || !trouble->removes);
}

void soak_disturb(struct soak_trouble *trouble, unsigned int seconds)
{
	struct timespec now;
	unsigned int count;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + seconds;
	/* However short or slow it is, each trouble is had. */
	for (count = 1; !soak_over(trouble->soak) &&
	     (now.tv_sec < end || !had_all(trouble)); count++) {
		usleep(soak_below(&trouble->random, 120000));
		if (trouble->removes && count % REMOVE_EVERY == REMOVE_FIRST)
			do_remove(trouble);
		else if (count % UNBIND_EVERY == UNBIND_FIRST)
			do_unbind(trouble);
		else
			do_small(trouble);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
}

unsigned int soak_finish(struct soak_trouble *trouble)
{
	unsigned int nr, bad = 0;
	int status = 0;

	__atomic_store_n(&trouble->soak->stop, 1, __ATOMIC_SEQ_CST);
	for (nr = 0; nr < trouble->soak->processes; nr++) {
		pid_t pid = trouble->workers[nr];

		if (!WAIT_FOR(waitpid(pid, &status, WNOHANG) != 0) || status) {
			printf("# worker %u, process %d: status %#x\n", nr, pid, status);
			bad++;
		}
	}
	return bad;
}
