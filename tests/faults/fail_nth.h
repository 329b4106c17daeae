/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's fault injection, for calls of this thread: the nth thing in it
 * that can be made to fail does.  Those are allocations of objects and of pages,
 * copies from and to user memory, and the driver's functions in injectable[].
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

/* Marked by ALLOW_ERROR_INJECTION() in the driver, and what each fails with. */
static const struct {
	const char *function;
	int err;
} injectable[] = {
	{ "edudma_pages_pin", EFAULT },
	{ "edudma_extent_map_direct", EIO },
};

/*
 * fail_nth_open() - have everything fail that can, but only by fail_nth()
 *
 * The file for fail_nth() of this thread, or -errno.  To be closed by
 * fail_nth_close().
 */
static inline int fail_nth_open(void)
{
	static const char *const settings[][2] = {
		/* Nothing is said: each failure would look like an accident. */
		{ FAULT_DIR "failslab/verbose", "0" },
		{ FAULT_DIR "fail_page_alloc/verbose", "0" },
		{ FAULT_DIR "fail_usercopy/verbose", "0" },
		{ FAULT_DIR "fail_function/verbose", "0" },
		/* What may sleep for memory fails, too, whatever its size. */
		{ FAULT_DIR "failslab/ignore-gfp-wait", "N" },
		/* Only of those caches that the lane names: dma-debug must not fail. */
		{ FAULT_DIR "failslab/cache-filter", "Y" },
		{ FAULT_DIR "fail_page_alloc/ignore-gfp-wait", "N" },
		{ FAULT_DIR "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ FAULT_DIR "fail_page_alloc/min-order", "0" },
	};
	char path[128], value[32];
	int err, fd;
	size_t i;

	for (i = 0; i < ARRAY_LEN(settings); i++) {
		err = file_write(settings[i][0], settings[i][1]);
		if (err)
			return -err;
	}
	for (i = 0; i < ARRAY_LEN(injectable); i++) {
		err = file_write(FAULT_DIR "fail_function/inject",
				 injectable[i].function);
		/* Another test has done it. */
		if (err && err != EBUSY)
			return -err;
		snprintf(path, sizeof(path), FAULT_DIR "fail_function/%s/retval",
			 injectable[i].function);
		/* No kernel takes a sign there, each the bits. */
		snprintf(value, sizeof(value), "%#llx", -(long long)injectable[i].err);
		err = file_write(path, value);
		if (err)
			return -err;
	}
	fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The functions may not be those of a module that goes. */
static inline void fail_nth_close(int fd)
{
	file_write(FAULT_DIR "fail_function/inject", "");
	close(fd);
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
