// SPDX-License-Identifier: GPL-2.0-only
/*
 * What share of a device's bandwidth requests of 1 MiB reach, one at a time and
 * two at a time; and small ones, of a device that takes its time for each, one at a time
 * and by io_uring.  The device's speed is set through QMP; time is virtual.
 */
#include "edudma_machine.h"
#include "edudma_test.h"

#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#define REQUEST		(1U << 20)
#define REQUESTS	64
#define LATENCY_NS	1000
#define TARGET		0.98

#define SMALL		4096U
#define SMALL_REQUESTS	2048
#define SMALL_DEPTH	8
#define SMALL_LATENCY_NS	50000

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

/* Nanoseconds for small writes, one after the other. */
static uint64_t run_pwrite(int fd, uint8_t *buf)
{
	uint64_t started = now_ns();
	unsigned int i;

	for (i = 0; i < SMALL_REQUESTS; i++)
		if (pwrite(fd, buf, SMALL, i % SMALL_DEPTH * SMALL) != SMALL)
			die("pwrite");
	return now_ns() - started;
}

/* The same, SMALL_DEPTH of them under way. */
static uint64_t run_uring(int fd, uint8_t *buf)
{
	unsigned int begun = 0, ended;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	uint64_t started;

	if (io_uring_queue_init(SMALL_DEPTH, &ring, 0))
		die("io_uring");
	started = now_ns();
	for (ended = 0; ended < SMALL_REQUESTS; ended++) {
		for (; begun < SMALL_REQUESTS && begun < ended + SMALL_DEPTH; begun++)
			io_uring_prep_write(io_uring_get_sqe(&ring), fd, buf, SMALL,
					    begun % SMALL_DEPTH * SMALL);
		if (io_uring_submit(&ring) < 0 || io_uring_wait_cqe(&ring, &cqe) ||
		    cqe->res != SMALL)
			die("a write by io_uring");
		io_uring_cqe_seen(&ring, cqe);
	}
	started = now_ns() - started;
	io_uring_queue_exit(&ring);
	return started;
}

/*
 * What share of the time a device is busy that takes SMALL_LATENCY_NS for each
 * descriptor, and no two of a channel at a time.  Says it, and whether that is enough.
 */
static bool keeps_busy(const struct test_dev *dev, int fd)
{
	uint64_t least = (uint64_t)SMALL_REQUESTS * SMALL_LATENCY_NS;
	uint8_t *buf = private_pages(1);
	double one, several;

	if (machine_set(dev, "bandwidth", 0) ||
	    machine_set(dev, "latency", SMALL_LATENCY_NS))
		die("setting the device's speed");
	one = (double)least / run_pwrite(fd, buf);
	several = (double)least / run_uring(fd, buf);
	printf("depth: device with a latency of %u us busy for %.4f of the time by io_uring, %u requests of %u bytes at a time (at least %.2f wanted), for %.4f by pwrite: %s\n",
	       SMALL_LATENCY_NS / 1000, several, SMALL_DEPTH, SMALL, TARGET, one,
	       several >= TARGET ? "met" : "MISSED");
	return several >= TARGET;
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
	met &= keeps_busy(&dev, fd);
	return met ? EXIT_SUCCESS : EXIT_FAILURE;
}
