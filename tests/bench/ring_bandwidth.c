// SPDX-License-Identifier: GPL-2.0-only
/*
 * What share of a device's bandwidth requests of 1 MiB reach, one at a time and
 * two at a time.  The device's speed is set through QMP; time is virtual.
 */
#include "edudma_machine.h"
#include "edudma_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define REQUEST		(1U << 20)
#define REQUESTS	64
#define LATENCY_NS	1000
#define TARGET		0.98

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * Writers that have their memory, and begin together.  The same file, so the
 * same channel: what is next is prepared meanwhile.
 */
static uint64_t run(int fd, unsigned int writers)
{
	unsigned int i, n;
	uint64_t started;
	uint8_t *buf;
	int go[2], status;

	if (pipe(go))
		die("pipe");
	for (i = 0; i < writers; i++) {
		if (fork())
			continue;
		buf = private_pages(REQUEST / page_size());
		close(go[1]);
		if (read(go[0], buf, 1))
			die("the go");
		for (n = 0; n < REQUESTS / writers; n++)
			if (pwrite(fd, buf, REQUEST, 0) != REQUEST)
				die("pwrite");
		_exit(EXIT_SUCCESS);
	}
	close(go[0]);
	sleep(1);
	started = now_ns();
	close(go[1]);
	for (i = 0; i < writers; i++)
		if (wait(&status) < 0 || status)
			die("a writer");
	return now_ns() - started;
}

/* The share that is reached; says it, and whether that is enough. */
static bool reaches(const struct test_dev *dev, int fd, unsigned int writers,
		    uint64_t bandwidth)
{
	double share;

	if (machine_set(dev, "bandwidth", bandwidth) ||
	    machine_set(dev, "latency", LATENCY_NS))
		die("setting the device's speed");
	share = (double)REQUEST * REQUESTS / bandwidth / (run(fd, writers) / 1e9);
	printf("bandwidth: %.4f of %llu MB/s reached by requests of %u bytes, %u at a time (at least %.2f wanted): %s\n",
	       share, (unsigned long long)bandwidth / 1000000, REQUEST, writers,
	       TARGET, share >= TARGET ? "met" : "MISSED");
	return share >= TARGET;
}

int main(void)
{
	struct test_dev dev;
	bool met;
	int fd;

	if (!dev_get(0, &dev))
		die("no node");
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(dev.node);
	met = reaches(&dev, fd, 1, 10000000);
	met &= reaches(&dev, fd, 2, 100000000);
	return met ? EXIT_SUCCESS : EXIT_FAILURE;
}
