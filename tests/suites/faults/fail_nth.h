/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's fault injection, for calls of this thread: the nth thing in it
 * that can be made to fail does.  Those are allocations of objects and of pages,
 * and copies from and to user memory.
 * (Kernel: Documentation/fault-injection/fault-injection.rst)
 */
#ifndef EDUDMA_FAIL_NTH_H
#define EDUDMA_FAIL_NTH_H

#include "edudma_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_DIR	"/sys/kernel/debug/"

/*
 * fail_nth_open() - have everything fail that can, but only by fail_nth()
 *
 * The file for fail_nth() of this thread, or -errno.
 */
static inline int fail_nth_open(void)
{
	static const char *const settings[][2] = {
		/* Nothing is said: each failure would look like an accident. */
		{ FAULT_DIR "failslab/verbose", "0" },
		{ FAULT_DIR "fail_page_alloc/verbose", "0" },
		{ FAULT_DIR "fail_usercopy/verbose", "0" },
		/* What may sleep for memory fails, too, whatever its size. */
		{ FAULT_DIR "failslab/ignore-gfp-wait", "N" },
		/* Only of those caches that the lane names: dma-debug must not fail. */
		{ FAULT_DIR "failslab/cache-filter", "Y" },
		{ FAULT_DIR "fail_page_alloc/ignore-gfp-wait", "N" },
		{ FAULT_DIR "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ FAULT_DIR "fail_page_alloc/min-order", "0" },
	};
	int err, fd;
	size_t i;

	for (i = 0; i < ARRAY_LEN(settings); i++) {
		err = file_write(settings[i][0], settings[i][1]);
		if (err)
			return -err;
	}
	fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* From here on, the @nth thing that can fail does. */
static inline void fail_nth(int fd, unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		die("fail-nth");
}

/* Nothing fails any more.  Has something? */
static inline bool has_failed(int fd)
{
	char text[16] = "";
	bool failed;

	/* Both copy from or to the user, which may be what fails: then it has. */
	failed = pread(fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
	if (pwrite(fd, "0", 1, 0) < 0 && errno != EFAULT)
		die("fail-nth");
	return failed;
}

#endif /* EDUDMA_FAIL_NTH_H */
