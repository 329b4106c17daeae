// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of the time of one long request the engine works: what is missing
 * to 1 is the driver's, between one descriptor's end and the next one's start
 * and around the request.
 */
#include "edudma_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DESCRIPTORS	64
#define TARGET		0.999

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Each segment fills the window from, or to, a page of its own. */
static void make_vector(struct edudma_segment *segs, uint64_t window)
{
	uint8_t *pages = private_pages(DESCRIPTORS);
	int i;

	for (i = 0; i < DESCRIPTORS; i++) {
		uint8_t *page = pages + i * page_size();

		segs[i] = i % 2 ? seg_from(page, window, 0) :
				  seg_to(page, window, 0);
	}
}

int main(void)
{
	struct edudma_segment segs[DESCRIPTORS];
	struct stats before, delta;
	struct edudma_info info;
	struct test_dev dev;
	uint64_t elapsed;
	double share;
	int fd, err;

	if (!dev_get(0, &dev)) {
		fprintf(stderr, "engine_busy: no node: is the module loaded?\n");
		return EXIT_FAILURE;
	}
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	if (fd < 0 || dev_info(fd, &info)) {
		perror(dev.node);
		return EXIT_FAILURE;
	}
	make_vector(segs, info.window_bytes);

	stats_get(&dev, &before);
	elapsed = now_ns();
	err = transfer(fd, segs, DESCRIPTORS, 0, NULL);
	elapsed = now_ns() - elapsed;
	stats_since(&dev, &before, &delta);
	if (err || delta.descriptors != DESCRIPTORS) {
		fprintf(stderr, "engine_busy: %llu of %d descriptors: %s\n",
			(unsigned long long)delta.descriptors, DESCRIPTORS,
			strerror(err));
		return EXIT_FAILURE;
	}

	share = (double)delta.engine_busy_ns / elapsed;
	printf("engine busy: %.6f of one request of %d descriptors of %llu bytes (%.6f s of %.6f s, at least %.3f wanted): %s\n",
	       share, DESCRIPTORS, (unsigned long long)info.window_bytes,
	       delta.engine_busy_ns / 1e9, elapsed / 1e9, TARGET,
	       share >= TARGET ? "met" : "MISSED");
	return share >= TARGET ? EXIT_SUCCESS : EXIT_FAILURE;
}
