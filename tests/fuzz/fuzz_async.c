// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes that the kernel is given and that are waited for afterwards;
 * see fuzz.h.
 *
 * What a thread gives them by is there for good: to take it down takes longer
 * than a hundred calls.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <string.h>
#include <sys/syscall.h>

long fuzz_aio(int fd, const uint64_t *arg)
{
	static __thread aio_context_t aio;
	struct iocb iocb = {
		.aio_fildes = fd, .aio_buf = arg[1], .aio_nbytes = arg[2],
		.aio_offset = arg[3],
		.aio_lio_opcode = arg[4] % 2 ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE,
	};
	struct iocb *list = &iocb;
	struct io_event event;
	long ret;

	if (!aio && syscall(SYS_io_setup, 1, &aio))
		return -1;
	ret = syscall(SYS_io_submit, aio, 1, &list);
	if (ret != 1)
		return ret;
	while (syscall(SYS_io_getevents, aio, 1, 1, &event, NULL) != 1)
		;
	errno = event.res < 0 ? -event.res : 0;
	return event.res < 0 ? -1 : (long)event.res;
}

/* What is submitted together. */
enum { REQUEST, CANCEL, ENTRIES };

#define PATIENCE	1	/* seconds */

/* The result of the request; of so many others, too, nothing is left. */
static int wait_for_all(struct io_uring *ring, int count)
{
	struct io_uring_cqe *cqe;
	int res = 0;

	while (count) {
		if (io_uring_wait_cqe(ring, &cqe))
			continue;
		if (cqe->user_data == REQUEST)
			res = cqe->res;
		io_uring_cqe_seen(ring, cqe);
		count--;
	}
	return res;
}

/* A ring that a thread keeps; false with errno if it cannot be had. */
static bool have_ring(struct io_uring *ring, bool *ready, unsigned int flags)
{
	int ret = *ready ? 0 : io_uring_queue_init(ENTRIES, ring, flags);

	*ready |= !ret;
	errno = -ret;
	return !ret;
}

static void add_cancel(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, (void *)REQUEST, 0, 0);
	sqe->user_data = CANCEL;
}

static void submit(struct io_uring *ring)
{
	while (io_uring_sq_ready(ring))
		io_uring_submit(ring);
}

/*
 * False if nothing is complete for long.  A worker waits until the file can be read or
 * written, which a stream may never be.
 */
static bool is_soon(struct io_uring *ring)
{
	struct __kernel_timespec patience = { .tv_sec = PATIENCE };
	struct io_uring_cqe *cqe;
	int ret;

	do
		ret = io_uring_wait_cqe_timeout(ring, &cqe, &patience);
	while (ret == -EINTR);
	return ret != -ETIME;
}

long fuzz_uring(int fd, const uint64_t *arg)
{
	static __thread struct io_uring ring;
	static __thread bool ready;
	bool cancel = arg[4] & 4;
	struct io_uring_sqe *sqe;
	int res;

	if (!have_ring(&ring, &ready, 0))
		return -1;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_rw(arg[4] & 1 ? IORING_OP_READ : IORING_OP_WRITE, sqe, fd,
			 (void *)(uintptr_t)arg[1], arg[2], arg[3]);
	sqe->user_data = REQUEST;
	sqe->flags = arg[4] & 2 ? IOSQE_ASYNC : 0;
	if (cancel)
		add_cancel(&ring);
	submit(&ring);
	if (!cancel && !is_soon(&ring)) {
		cancel = true;
		add_cancel(&ring);
		submit(&ring);
	}
	res = wait_for_all(&ring, cancel ? 2 : 1);
	/* By the cancelling, and by no signal. */
	if (cancel && res == -EINTR)
		res = -ECANCELED;
	errno = res < 0 ? -res : 0;
	return res < 0 ? -1 : res;
}

long fuzz_command(int fd, const uint64_t *arg)
{
	static __thread struct io_uring rings[2];
	static __thread bool ready[2];
	bool polled = arg[4] & 1;
	struct io_uring *ring = &rings[polled];
	struct edudma_uring_cmd cmd = {
		.segments = arg[1], .nr_segments = arg[2], .flags = arg[3],
	};
	struct io_uring_sqe *sqe;
	int res;

	if (!have_ring(ring, &ready[polled], polled ? IORING_SETUP_IOPOLL : 0))
		return -1;
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, EDUDMA_URING_CMD_TRANSFER);
	sqe->rw_flags = arg[4] & 4 ? 1 : 0;	/* IORING_URING_CMD_FIXED */
	memcpy((uint8_t *)sqe + 48, &cmd, sizeof(cmd));
	sqe->user_data = REQUEST;
	sqe->flags = arg[4] & 2 ? IOSQE_ASYNC : 0;
	submit(ring);
	res = wait_for_all(ring, 1);
	errno = res < 0 ? -res : 0;
	return res < 0 ? -1 : res;
}
