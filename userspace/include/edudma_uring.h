/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libedudma-uring: requests that are submitted without waiting, by io_uring.
 *
 * A program without a ring of its own uses a struct edudma_queue.  A program that has
 * one prepares requests in it: io_uring_prep_read(), io_uring_prep_write() and their
 * kin with the file edudma_fd(), and edudma_prep_transfer() for vectors.  These
 * functions are inline: they need liburing, and not this library.
 *
 * The conventions of <edudma.h> hold, but for threads: a queue is used by one thread
 * at a time.
 *
 * Order.  Requests run at the same time or in any order; one that needs the effect of
 * another is submitted when that has completed.
 *
 * Memory belongs to a request until it has completed.
 *
 * Kernels.  Vectors need Linux 6.1 (EDUDMA_CAP_URING_CMD in edudma_info.capabilities);
 * single reads and writes work on all that the driver supports.
 */
#ifndef _EDUDMA_URING_H
#define _EDUDMA_URING_H

#include <string.h>

#include <edudma.h>
#include <liburing.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * edudma_prep_transfer() - prepare a vector of segments in a ring of the caller's
 * @sqe:	from io_uring_get_sqe(); filled in, flags and user data are 0
 * @dev:	handle, opened for what the directions need; must stay open until the
 *		request has been submitted
 * @segments:	vector; must stay as it is until the request has completed
 * @nr_segments: elements in @segments, at most edudma_info.max_segments
 * @flags:	EDUDMA_TRANSFER_* or 0
 *
 * The result of the completion is the number of bytes moved, counted from the first
 * segment on.  It is less than that of the vector if the request was stopped; what
 * stopped it, the rest of the vector tells if it is submitted again.  If nothing was
 * moved it is a negative errno of edudma_transfer(), -EOPNOTSUPP before Linux 6.1, or
 * -ECANCELED.
 */
static inline void edudma_prep_transfer(struct io_uring_sqe *sqe,
					const struct edudma *dev,
					const struct edudma_segment *segments,
					uint32_t nr_segments, uint32_t flags)
{
	struct edudma_uring_cmd cmd;

	cmd.segments = (uintptr_t)segments;
	cmd.nr_segments = nr_segments;
	cmd.flags = flags;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = edudma_fd(dev);
	sqe->cmd_op = EDUDMA_URING_CMD_TRANSFER;
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
}

/**
 * edudma_prep_transfer_fixed() - prepare a segment of a buffer of the caller's ring
 * @sqe:	see edudma_prep_transfer()
 * @dev:	see edudma_prep_transfer()
 * @segment:	one segment, of memory within the buffer; must stay as it is until the
 *		request has completed
 * @flags:	EDUDMA_TRANSFER_* or 0
 * @buf_index:	which of the buffers given to io_uring_register_buffers()
 *
 * The result is that of edudma_prep_transfer(); -EFAULT if the segment is not within
 * the buffer.
 */
static inline void
edudma_prep_transfer_fixed(struct io_uring_sqe *sqe, const struct edudma *dev,
			   const struct edudma_segment *segment, uint32_t flags,
			   unsigned int buf_index)
{
	edudma_prep_transfer(sqe, dev, segment, 1, flags);
	/* uring_cmd_flags, where liburing has a name for it. */
	sqe->rw_flags = IORING_URING_CMD_FIXED;
	sqe->buf_index = buf_index;
}

/*
 * struct edudma_queue - requests of one device that are under way
 *
 * Made by edudma_queue_new(), freed by edudma_queue_free().  Holds as many requests as
 * its depth, from the call that adds one until edudma_queue_wait() has told its
 * result.
 */
struct edudma_queue;

/**
 * struct edudma_completion - a request that has ended
 * @user:	what was given with the request
 * @result:	bytes moved, or if there are none, the negative errno that stopped it
 *
 * @result is less than what was asked for if the request was stopped on the way, as by
 * a timeout; submit the rest again to learn why.
 */
struct edudma_completion {
	void *user;
	int64_t result;
};

/**
 * edudma_queue_new() - make a queue
 * @dev:	handle; must stay open until the queue is freed
 * @depth:	requests that it holds, from 1 to 32768
 * @queue:	where it goes; the caller frees it with edudma_queue_free()
 *
 * Return: 0; -EINVAL for a NULL pointer or another @depth; -ENOSYS if the kernel has no
 * io_uring; -EPERM if the administrator or a sandbox forbids it; -ENOMEM, -EMFILE,
 * -ENODEV.
 */
int edudma_queue_new(struct edudma *dev, unsigned int depth,
		     struct edudma_queue **queue);

/**
 * edudma_queue_free() - free a queue
 * @queue:	queue, or NULL for no effect
 *
 * Drops what was not submitted, cancels what can be cancelled, and waits for the rest:
 * at the end no request uses the caller's memory.  What the completions would have told
 * is lost.  Sleeps.
 */
void edudma_queue_free(struct edudma_queue *queue);

/**
 * edudma_queue_fd() - file descriptor to wait for completions with
 * @queue:	queue
 *
 * It is readable, for poll(2), when edudma_queue_wait() has something to tell at once.
 * What was added has to be submitted for that.  It belongs to @queue.
 *
 * Return: the descriptor.
 */
int edudma_queue_fd(const struct edudma_queue *queue);

/**
 * edudma_queue_depth() - how many requests a queue holds
 * @queue:	queue
 *
 * Return: the number it was made with.
 */
unsigned int edudma_queue_depth(const struct edudma_queue *queue);

/**
 * edudma_queue_pending() - how many requests there are in a queue
 * @queue:	queue
 *
 * Return: the number of those that were added, and whose completion
 * edudma_queue_wait() has not told yet.
 */
unsigned int edudma_queue_pending(const struct edudma_queue *queue);

/**
 * edudma_queue_read() - add a read from the window
 * @queue:	queue of a handle opened for reading
 * @buf:	destination, any alignment
 * @len:	bytes
 * @offset:	where in the window to start
 * @user:	given back with the completion
 *
 * Does not submit: see edudma_queue_submit().
 *
 * Return: 0; -EAGAIN if the queue is full: take completions first; -ERANGE if @offset +
 * @len is outside the window; -EMSGSIZE if @len is more than
 * edudma_info.max_transfer_bytes.  What else edudma_read_at() fails with, the
 * completion tells.
 */
int edudma_queue_read(struct edudma_queue *queue, void *buf, size_t len,
		      uint64_t offset, void *user);

/**
 * edudma_queue_write() - add a write to the window
 * @queue:	queue of a handle opened for writing
 * @buf:	source, any alignment; it may be read-only memory
 * @len:	bytes
 * @offset:	where in the window to start
 * @user:	given back with the completion
 *
 * Return: see edudma_queue_read().
 */
int edudma_queue_write(struct edudma_queue *queue, const void *buf, size_t len,
		       uint64_t offset, void *user);

/**
 * edudma_queue_transfer() - add a vector of segments, run in order
 * @queue:	queue of a handle opened for what the directions need
 * @segments:	vector; copied, so it is not needed after the call
 * @nr_segments: elements in @segments, at most edudma_info.max_segments
 * @flags:	EDUDMA_TRANSFER_* or 0
 * @user:	given back with the completion
 *
 * For registered buffers, several segments, or flags; see edudma_transfer().  An
 * exclusive vector has the window for itself while it runs, also against others of the
 * same queue.
 *
 * Return: 0; -EAGAIN if the queue is full: take completions first; -EMSGSIZE for too
 * many segments; -EOPNOTSUPP before Linux 6.1: use edudma_transfer(), or
 * edudma_queue_read() and edudma_queue_write(); -ENOMEM.  What else edudma_transfer()
 * fails with, the completion tells.
 */
int edudma_queue_transfer(struct edudma_queue *queue,
			  const struct edudma_segment *segments,
			  uint32_t nr_segments, uint32_t flags, void *user);

/**
 * edudma_queue_submit() - have the device begin with what was added
 * @queue:	queue
 *
 * Several requests submitted together cost one system call.  edudma_queue_wait() and
 * edudma_queue_flush() submit as well.
 *
 * Return: 0; -ENOMEM if the kernel has no memory now: what is left is submitted by a
 * later call.
 */
int edudma_queue_submit(struct edudma_queue *queue);

/**
 * edudma_queue_wait() - take completions, and wait for some if there are too few
 * @queue:	queue
 * @completions: where they go, in the order in which the requests ended
 * @min:	sleep until there are so many, or all that are pending; 0 never sleeps
 * @max:	room in @completions
 *
 * Submits what was added before.  To wait no longer than a certain time, poll(2)
 * edudma_queue_fd() first.
 *
 * Return: the number of completions, which may be less than @min if a signal handler
 * ran; -EINTR if one ran and there is none; -ENOMEM as edudma_queue_submit().
 */
int edudma_queue_wait(struct edudma_queue *queue,
		      struct edudma_completion *completions, unsigned int min,
		      unsigned int max);

/**
 * edudma_queue_flush() - wait until every request has ended
 * @queue:	queue
 *
 * Submits what was added before.  The completions stay in the queue, for
 * edudma_queue_wait().  Sleeps.
 *
 * Return: 0; -EINTR if a signal handler ran; -ENOMEM as edudma_queue_submit().
 */
int edudma_queue_flush(struct edudma_queue *queue);

#ifdef __cplusplus
}
#endif

#endif /* _EDUDMA_URING_H */
