// SPDX-License-Identifier: GPL-2.0-only
/*
 * The most pages that one request of 1 MiB ever has pinned, for some sizes of a
 * chunk.  The module is loaded afresh for each, as the highest figure stays.
 */
#include "edudma_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define REQUEST_BYTES	(1 << 20)
#define MAX_SEGMENTS	1024

/* Send REQUEST_BYTES from pages of which each holds one segment. */
static int send_request(int fd, uint64_t window)
{
	static struct edudma_segment segs[MAX_SEGMENTS];
	size_t nr = (REQUEST_BYTES + window - 1) / window, i;
	uint8_t *pages;
	uint64_t left = REQUEST_BYTES;
	int err;

	if (nr > MAX_SEGMENTS)
		return EMSGSIZE;
	pages = private_pages(nr);
	for (i = 0; i < nr; i++) {
		uint64_t len = left < window ? left : window;

		segs[i] = seg_to(pages + i * page_size(), len, 0);
		left -= len;
	}
	err = transfer(fd, segs, nr, 0, NULL);
	munmap(pages, nr * page_size());
	return err;
}

static int measure(const char *params)
{
	struct edudma_info info;
	struct test_dev dev;
	uint64_t most, bound;
	int fd, err;

	err = module_unload();
	if (!err)
		err = module_load(params);
	if (err || !dev_get(0, &dev)) {
		fprintf(stderr, "pages_pinned: loading with '%s': %s\n", params,
			strerror(err));
		return EXIT_FAILURE;
	}
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	if (fd < 0 || dev_info(fd, &info)) {
		perror(dev.node);
		return EXIT_FAILURE;
	}
	err = send_request(fd, info.window_bytes);
	close(fd);
	if (err) {
		fprintf(stderr, "pages_pinned: 1 MiB: %s\n", strerror(err));
		return EXIT_FAILURE;
	}
	most = stat_get(&dev, "pages_pinned_max");
	bound = 2 * info.chunk_bytes / page_size();
	printf("pages pinned: %llu at most for one request of %d bytes with chunks of %llu bytes (two chunks, %llu pages, allowed): %s\n",
	       (unsigned long long)most, REQUEST_BYTES,
	       (unsigned long long)info.chunk_bytes, (unsigned long long)bound,
	       most <= bound ? "met" : "MISSED");
	return most <= bound ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
	static const char *const params[] = {
		"", "chunk_bytes=65536", "chunk_bytes=4096",
	};
	int status = EXIT_SUCCESS;
	size_t i;

	if (!module_path()) {
		fprintf(stderr, "pages_pinned: EDUDMA_MODULE does not name an edudma.ko\n");
		return EXIT_FAILURE;
	}
	for (i = 0; i < ARRAY_LEN(params); i++)
		if (measure(params[i]))
			status = EXIT_FAILURE;
	if (module_unload() || module_load("")) {
		fprintf(stderr, "pages_pinned: the module does not load again\n");
		status = EXIT_FAILURE;
	}
	return status;
}
