/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asynchronous reads and writes by AIO, without a library.
 */
#ifndef EDUDMA_AIO_H
#define EDUDMA_AIO_H

#include "edudma_test.h"

#include <linux/aio_abi.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The most that are submitted at a time. */
#define AIO_MAX	16

static inline aio_context_t aio_begin(void)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, AIO_MAX, &context))
		die("io_setup");
	return context;
}

/*
 * Submit @count requests of @len bytes at once: to or from memory, a page apart, and
 * the window, one behind the other.
 */
static inline void aio_submit(aio_context_t context, int fd, unsigned int opcode,
			      uint8_t *pages, size_t len, unsigned int count)
{
	struct iocb iocbs[AIO_MAX], *list[AIO_MAX];
	unsigned int i;

	memset(iocbs, 0, sizeof(iocbs));
	for (i = 0; i < count; i++) {
		list[i] = &iocbs[i];
		iocbs[i].aio_data = i;
		iocbs[i].aio_lio_opcode = opcode;
		iocbs[i].aio_fildes = fd;
		iocbs[i].aio_buf = (uintptr_t)pages + i * page_size();
		iocbs[i].aio_nbytes = len;
		iocbs[i].aio_offset = i * len;
	}
	if (syscall(SYS_io_submit, context, count, list) != count)
		die("io_submit");
}

/* Wait for @count of them: how many had this result, or -1 if one came twice. */
static inline int aio_results(aio_context_t context, unsigned int count, long result)
{
	struct io_event events[AIO_MAX];
	unsigned int i, seen = 0;
	int same = 0;

	if (syscall(SYS_io_getevents, context, count, count, events, NULL) != count)
		die("io_getevents");
	for (i = 0; i < count; i++) {
		same += events[i].res == result;
		seen |= 1U << events[i].data;
	}
	return seen == (1U << count) - 1 ? same : -1;
}

static inline void aio_end(aio_context_t context)
{
	if (context)
		syscall(SYS_io_destroy, context);
}

#endif /* EDUDMA_AIO_H */
