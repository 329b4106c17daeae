// SPDX-License-Identifier: LGPL-2.1-or-later
/* A queue: a ring of io_uring with one slot for each request that it holds. */
#include <errno.h>
#include <stdlib.h>

#include <edudma_uring.h>

/* Everything else is hidden: the library is built with -fvisibility=hidden. */
#define EDUDMA_API	__attribute__((visibility("default")))

/* What io_uring has as well; it would round the depth. */
#define MAX_DEPTH	32768

/**
 * struct slot - a request
 * @user:	the caller's
 * @segments:	copy of a vector, read until the request has completed; kept for the
 *		next one
 * @capacity:	elements that it has room for
 * @next:	the next one that is free
 */
struct slot {
	void *user;
	struct edudma_segment *segments;
	uint32_t capacity;
	struct slot *next;
};

/**
 * struct edudma_queue - see edudma_uring.h
 * @ring:	has an entry for each slot, so there is one whenever a slot is free
 * @dev:	the caller's
 * @info:	its limits
 * @depth:	number of @slots
 * @pending:	number of those that are in use
 * @free:	the others
 * @slots:	all
 */
struct edudma_queue {
	struct io_uring ring;
	struct edudma *dev;
	struct edudma_info info;
	unsigned int depth;
	unsigned int pending;
	struct slot *free;
	struct slot slots[];
};

EDUDMA_API int edudma_queue_new(struct edudma *dev, unsigned int depth,
				struct edudma_queue **result)
{
	struct edudma_queue *queue;
	unsigned int i;
	int ret;

	if (!dev || !result || !depth || depth > MAX_DEPTH)
		return -EINVAL;

	queue = calloc(1, sizeof(*queue) + depth * sizeof(queue->slots[0]));
	if (!queue)
		return -ENOMEM;

	ret = edudma_get_info(dev, &queue->info, sizeof(queue->info));
	if (ret)
		goto err_free;
	ret = io_uring_queue_init(depth, &queue->ring, 0);
	if (ret)
		goto err_free;

	queue->dev = dev;
	queue->depth = depth;
	for (i = depth; i--;) {
		queue->slots[i].next = queue->free;
		queue->free = &queue->slots[i];
	}

	*result = queue;
	return 0;

err_free:
	free(queue);
	return ret;
}

/* Requests that the kernel has. */
static unsigned int submitted(const struct edudma_queue *queue)
{
	return queue->pending - io_uring_sq_ready(&queue->ring);
}

/* Let go of the slot of a completed request; returns what its user is told. */
static struct edudma_completion complete(struct edudma_queue *queue,
					 struct io_uring_cqe *cqe)
{
	struct slot *slot = io_uring_cqe_get_data(cqe);
	struct edudma_completion completion = {
		.user = slot->user,
		.result = cqe->res,
	};

	io_uring_cqe_seen(&queue->ring, cqe);
	slot->next = queue->free;
	queue->free = slot;
	queue->pending--;
	return completion;
}

EDUDMA_API void edudma_queue_free(struct edudma_queue *queue)
{
	/* With no time to wait: that is done below. */
	struct io_uring_sync_cancel_reg all = {
		.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
	};
	struct io_uring_cqe *cqe;
	unsigned int i;

	if (!queue)
		return;

	/* Before Linux 6.0 nothing is cancelled. */
	if (submitted(queue))
		io_uring_register_sync_cancel(&queue->ring, &all);
	while (submitted(queue))
		if (!io_uring_wait_cqe(&queue->ring, &cqe))
			complete(queue, cqe);

	io_uring_queue_exit(&queue->ring);
	for (i = 0; i < queue->depth; i++)
		free(queue->slots[i].segments);
	free(queue);
}

EDUDMA_API int edudma_queue_fd(const struct edudma_queue *queue)
{
	return queue->ring.ring_fd;
}

EDUDMA_API unsigned int edudma_queue_depth(const struct edudma_queue *queue)
{
	return queue->depth;
}

EDUDMA_API unsigned int edudma_queue_pending(const struct edudma_queue *queue)
{
	return queue->pending;
}

/* An entry for the next free slot, or NULL if the queue is full. */
static struct io_uring_sqe *get_entry(struct edudma_queue *queue)
{
	return queue->free ? io_uring_get_sqe(&queue->ring) : NULL;
}

/* Put a prepared entry and its slot to use. */
static int add(struct edudma_queue *queue, struct io_uring_sqe *sqe, void *user)
{
	struct slot *slot = queue->free;

	slot->user = user;
	io_uring_sqe_set_data(sqe, slot);
	queue->free = slot->next;
	queue->pending++;
	return 0;
}

static int check(const struct edudma_queue *queue, size_t len, uint64_t offset)
{
	const uint64_t window = queue->info.window_bytes;

	if (offset > window || len > window - offset)
		return -ERANGE;
	if (len > queue->info.max_transfer_bytes)
		return -EMSGSIZE;
	return 0;
}

/* Add a read or a write, by io_uring's operation. */
static int add_rw(struct edudma_queue *queue, int op, const void *buf, size_t len,
		  uint64_t offset, void *user)
{
	struct io_uring_sqe *sqe;
	int ret;

	ret = check(queue, len, offset);
	if (ret)
		return ret;

	sqe = get_entry(queue);
	if (!sqe)
		return -EAGAIN;
	io_uring_prep_rw(op, sqe, edudma_fd(queue->dev), buf, len, offset);
	return add(queue, sqe, user);
}

EDUDMA_API int edudma_queue_read(struct edudma_queue *queue, void *buf,
				 size_t len, uint64_t offset, void *user)
{
	return add_rw(queue, IORING_OP_READ, buf, len, offset, user);
}

EDUDMA_API int edudma_queue_write(struct edudma_queue *queue, const void *buf,
				  size_t len, uint64_t offset, void *user)
{
	return add_rw(queue, IORING_OP_WRITE, buf, len, offset, user);
}

/* Keep a vector for as long as its request may read it. */
static int keep(struct slot *slot, const struct edudma_segment *segments,
		uint32_t nr_segments)
{
	struct edudma_segment *copy;

	if (slot->capacity < nr_segments) {
		copy = reallocarray(slot->segments, nr_segments, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		slot->segments = copy;
		slot->capacity = nr_segments;
	}
	if (nr_segments)
		memcpy(slot->segments, segments, nr_segments * sizeof(*segments));
	return 0;
}

EDUDMA_API int edudma_queue_transfer(struct edudma_queue *queue,
				     const struct edudma_segment *segments,
				     uint32_t nr_segments, uint32_t flags,
				     void *user)
{
	struct slot *slot = queue->free;
	struct io_uring_sqe *sqe;
	int ret;

	if (!(queue->info.capabilities & EDUDMA_CAP_URING_CMD))
		return -EOPNOTSUPP;
	if (!slot)
		return -EAGAIN;
	if (nr_segments > queue->info.max_segments)
		return -EMSGSIZE;
	ret = keep(slot, segments, nr_segments);
	if (ret)
		return ret;

	sqe = get_entry(queue);
	if (!sqe)
		return -EAGAIN;
	edudma_prep_transfer(sqe, queue->dev, slot->segments, nr_segments, flags);
	return add(queue, sqe, user);
}

/*
 * Submit what was added, and wait until so many have completed that were not taken.
 * More than one call is needed if the kernel refuses an entry: it stops behind that.
 */
static int enter(struct edudma_queue *queue, unsigned int completed)
{
	int ret;

	do {
		ret = io_uring_submit_and_wait(&queue->ring, completed);
		/* A queue has one meaning of EAGAIN already. */
		if (ret < 0)
			return ret == -EAGAIN ? -ENOMEM : ret;
	} while (io_uring_sq_ready(&queue->ring) ||
		 io_uring_cq_ready(&queue->ring) < completed);
	return 0;
}

EDUDMA_API int edudma_queue_submit(struct edudma_queue *queue)
{
	return io_uring_sq_ready(&queue->ring) ? enter(queue, 0) : 0;
}

EDUDMA_API int edudma_queue_flush(struct edudma_queue *queue)
{
	return queue->pending ? enter(queue, queue->pending) : 0;
}

EDUDMA_API int edudma_queue_wait(struct edudma_queue *queue,
				 struct edudma_completion *completions,
				 unsigned int min, unsigned int max)
{
	struct io_uring_cqe *cqe;
	unsigned int n = 0;
	int ret = 0;

	if (min > max)
		min = max;
	if (min > queue->pending)
		min = queue->pending;

	if (io_uring_sq_ready(&queue->ring) ||
	    io_uring_cq_ready(&queue->ring) < min)
		ret = enter(queue, min);

	while (n < max && !io_uring_peek_cqe(&queue->ring, &cqe))
		completions[n++] = complete(queue, cqe);

	return n || !ret ? (int)n : ret;
}
