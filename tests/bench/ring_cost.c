// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a request costs the processor with the ring engine, in instructions, and
 * what it asks of the device; beside it the floor, the least that pinning and
 * mapping the same buffer costs (tests/modules/floor).
 *
 * For a lane in virtual time.
 */
#include "bench_cost.h"
#include "edudma_pci.h"
#include "edudma_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define INSTRUCTIONS		40000000ULL	/* to measure over, about */
#define WARM_UP			3

static void run(int fd, bool reading, void *buf, size_t len, unsigned int times)
{
	ssize_t done;

	while (times--) {
		done = reading ? pread(fd, buf, len, 0) : pwrite(fd, buf, len, 0);
		if (done != (ssize_t)len)
			die(reading ? "pread" : "pwrite");
	}
}

/* What one call costs, as the mean of so many that idle ticks do not matter. */
static struct cost measure(int fd, bool reading, void *buf, size_t len)
{
	unsigned int times = INSTRUCTIONS / (8000 + len / page_size() * 600) + 1;
	struct counts before, after;

	run(fd, reading, buf, len, WARM_UP);
	before = counts_now();
	run(fd, reading, buf, len, times);
	after = counts_now();
	return cost_of(&before, &after, times);
}

static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

/* A line for each direction. */
static void compare(int node, int floor_node, void *buf, size_t len)
{
	struct cost ring, least;
	int reading;

	for (reading = 0; reading < 2; reading++) {
		ring = measure(node, reading, buf, len);
		least = measure(floor_node, reading, buf, len);
		printf("%-5s %9zu %10.1f %9.3f %9.2f %6.2f %7.2f %8.2f %9.1f %6.2f\n",
		       reading ? "read" : "write", len, ring.instructions / 1000,
		       ring.instructions / 1000 / (len / page_size()),
		       ring.doorbells, ring.reads, ring.writes, ring.interrupts,
		       least.instructions / 1000,
		       ring.instructions / least.instructions);
	}
}

static void heading(uint64_t chunk_bytes)
{
	printf("ring engine, one request at a time, chunks of %llu bytes; instructions in thousands\n"
	       "%-5s %9s %10s %9s %9s %6s %7s %8s %9s %6s\n",
	       (unsigned long long)chunk_bytes, "call", "bytes", "request",
	       "per page", "doorbells", "reads", "writes", "interr.", "floor",
	       "ratio");
}

int main(void)
{
	static const size_t sizes[] = { 4096, 65536, 1 << 20, 16 << 20 };
	size_t largest = sizes[ARRAY_LEN(sizes) - 1];
	uint64_t chunk_bytes = param_get("chunk_bytes");
	int node, floor_node;
	struct edudma_info info;
	struct test_dev dev;
	unsigned int i;
	uint8_t *buf;

	if (!dev_get(0, &dev))
		die("no node");
	node = open_node(dev.node);
	floor_node = open_node("/dev/edudma_floor");
	if (dev_info(node, &info) || info.engine != EDUDMA_ENGINE_RING)
		die("no ring engine");
	counts_begin(dev.slot);
	buf = private_pages(largest / page_size());

	heading(chunk_bytes);
	for (i = 0; i < ARRAY_LEN(sizes); i++)
		compare(node, floor_node, buf, sizes[i]);

	/* The largest in one chunk, as those who would rather pin more have it. */
	if (param_set("chunk_bytes", largest))
		die("chunk_bytes");
	heading(largest);
	compare(node, floor_node, buf, largest);
	param_set("chunk_bytes", chunk_bytes);
	return EXIT_SUCCESS;
}
