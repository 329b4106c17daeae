// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a request is made of: its vector, and chunks of it, each pinned at one time,
 * mapped, and submitted as a job.  Who waits for it is in sync.c, what nobody waits
 * for in async.c.
 */
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "edudma_device.h"
#include "params.h"
#include "power.h"
#include "request.h"
#include "trace.h"
#include "vector.h"

static void edudma_request_wake_locked(struct edudma_request *req)
{
	/* Under the list's own lock.  Mostly nobody sleeps yet, or any more. */
	if (waitqueue_active(&req->wait))
		wake_up_locked(&req->wait);
}

/* A chunk's bytes are where they belong: it does not need the device any more. */
static void edudma_chunk_delivered(struct edudma_buffer *buf)
{
	struct edudma_chunk *chunk = container_of(buf, struct edudma_chunk, buf);
	struct edudma_request *req = chunk->req;
	unsigned long flags;

	edudma_pm_put(req->edev);
	if (chunk->kept || req->standing)
		return;

	spin_lock_irqsave(&req->wait.lock, flags);
	req->undelivered--;
	edudma_request_wake_locked(req);
	spin_unlock_irqrestore(&req->wait.lock, flags);
}

/* A chunk has released everything; it is the submitter's again, or freed. */
static void edudma_chunk_released(struct edudma_buffer *buf)
{
	struct edudma_chunk *chunk = container_of(buf, struct edudma_chunk, buf);
	struct edudma_request *req = chunk->req;
	unsigned long flags;

	if (req->standing) {
		if (!chunk->kept)
			req->ended(req, buf->bytes_done, chunk->job.error);
	} else if (!chunk->kept) {
		spin_lock_irqsave(&req->wait.lock, flags);
		req->done += buf->bytes_done;
		req->in_flight--;
		WRITE_ONCE(chunk->busy, false);
		edudma_request_wake_locked(req);
		spin_unlock_irqrestore(&req->wait.lock, flags);
	}

	edudma_request_put(req);
}

/*
 * The engine is done with a chunk.  If it was kept, its request has ended and
 * reported nothing of it, so nothing is copied to the user any more.
 */
static void edudma_chunk_complete(struct edudma_job *job)
{
	struct edudma_chunk *chunk = container_of(job, struct edudma_chunk, job);
	struct edudma_request *req = chunk->req;
	struct edudma_buffer *buf = &chunk->buf;

	if (chunk->kept) {
		edudma_count(&buf->dma->stats->pages_leaked, -(u64)buf->used);
		edudma_buffer_keep(buf, false);
		if (!--req->nr_kept)
			get_device(&req->edev->dev);
		put_device(buf->dma->dev);
	}
	edudma_buffer_complete(buf, chunk->kept ? 0 : job->moved, job->issued);
}

/*
 * The device may still access a chunk and cannot be stopped: it stays pinned and
 * mapped, as lost memory is better than corrupted memory.  Its request goes on
 * without it.
 */
static void edudma_chunk_keep(struct edudma_job *job)
{
	struct edudma_chunk *chunk = container_of(job, struct edudma_chunk, job);
	struct edudma_request *req = chunk->req;
	unsigned long flags;

	edudma_count(&req->edev->stats.pages_leaked, chunk->buf.used);
	edudma_buffer_keep(&chunk->buf, true);
	dev_crit(&req->edev->dev, "%u pages stay pinned: the device may still access them\n",
		 chunk->buf.used);
	/*
	 * The mappings belong to the PCI device, for debugging tools that list them.
	 * Our own is there as long as the queue is, which alone can give this back: the
	 * request gives up its reference, whatever number of its chunks is kept.
	 */
	get_device(chunk->buf.dma->dev);
	if (!req->nr_kept++)
		put_device(&req->edev->dev);

	if (req->standing) {
		chunk->kept = true;
		req->ended(req, 0, chunk->job.error);
		return;
	}

	spin_lock_irqsave(&req->wait.lock, flags);
	chunk->kept = true;
	req->undelivered--;
	req->in_flight--;
	edudma_request_wake_locked(req);
	spin_unlock_irqrestore(&req->wait.lock, flags);
}

static void edudma_request_notify(struct edudma_grant *grant)
{
	struct edudma_request *req = container_of(grant, struct edudma_request, grant);

	if (wq_has_sleeper(&req->wait))
		wake_up(&req->wait);
}

/* Takes the memory of a request that has ended, or returns NULL. */
static struct edudma_request *edudma_spares_take(struct edudma_spares *spares)
{
	struct edudma_request *req;
	unsigned long flags;

	spin_lock_irqsave(&spares->lock, flags);
	req = spares->first;
	if (req) {
		spares->first = req->spare;
		spares->count--;
	}
	spin_unlock_irqrestore(&spares->lock, flags);

	return req;
}

/* Keeps the memory of a request for the next one, or frees it. */
static void edudma_spares_give(struct edudma_spares *spares, struct edudma_request *req)
{
	unsigned long flags;
	bool keep;

	spin_lock_irqsave(&spares->lock, flags);
	keep = spares->count < EDUDMA_SPARE_REQUESTS;
	if (keep) {
		req->spare = spares->first;
		spares->first = req;
		spares->count++;
	}
	spin_unlock_irqrestore(&spares->lock, flags);

	if (!keep)
		kfree(req);
}

/** edudma_spares_init() - a pool without requests */
void edudma_spares_init(struct edudma_spares *spares)
{
	spin_lock_init(&spares->lock);
}

/** edudma_spares_free() - free what is in a pool; no request comes any more */
void edudma_spares_free(struct edudma_spares *spares)
{
	struct edudma_request *req;

	while ((req = edudma_spares_take(spares)))
		kfree(req);
}

/**
 * edudma_request_alloc() - make a request
 * @efile:	the file it comes through
 * @nr_segments: elements of its vector, for the caller to fill in
 * @flags:	EDUDMA_TRANSFER_*
 *
 * Context: May sleep.
 * Return: the request with one reference, or NULL if memory is short.
 */
struct edudma_request *edudma_request_alloc(struct edudma_file *efile,
					    unsigned int nr_segments, u32 flags)
{
	struct edudma_device *edev = efile->edev;
	struct edudma_request *req;

	req = edudma_spares_take(&edev->spares[efile->channel]);
	if (!req)
		req = kmalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);
	if (!req)
		return NULL;
	memset(req, 0, offsetof(struct edudma_request, chunk));

	req->segments = &req->segment;
	if (nr_segments > 1) {
		req->segments = kvcalloc(nr_segments, sizeof(*req->segments),
					 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!req->segments) {
			kfree(req);
			return NULL;
		}
	}

	kref_init(&req->ref);
	req->edev = edev;
	get_device(&edev->dev);
	req->nr_segments = nr_segments;
	req->table = &efile->buffers;
	req->no_bounce = flags & EDUDMA_TRANSFER_NO_BOUNCE;
	if (trace_edudma_request_start_enabled())
		req->grant.id = edudma_trace_id();
	req->grant.queue = &edev->queues[efile->channel];
	req->grant.exclusive = flags & EDUDMA_TRANSFER_EXCLUSIVE;
	req->grant.notify = edudma_request_notify;
	init_waitqueue_head(&req->wait);

	return req;
}

static void edudma_request_free(struct kref *ref)
{
	struct edudma_request *req = container_of(ref, struct edudma_request, ref);
	struct edudma_device *edev = req->edev;
	unsigned int i;

	for (i = 0; i < req->nr_chunks; i++)
		edudma_buffer_free(&req->chunk[i].buf);
	if (req->segments != &req->segment)
		kvfree(req->segments);
	edudma_spares_give(&edev->spares[req->grant.queue->index], req);
	put_device(&edev->dev);
}

/**
 * edudma_request_borrow() - move kernel memory instead of user memory
 * @req:	the request, with one segment that describes all of it
 * @iter:	an ITER_BVEC that begins with that.  Its array is used until the request
 *		has been submitted, its pages until it ends.
 */
void edudma_request_borrow(struct edudma_request *req, const struct iov_iter *iter)
{
	req->kernel = *iter;
	req->borrows = true;
}

/**
 * edudma_request_put() - drop a reference
 * @req:	the request
 *
 * Context: Any but NMI.
 */
void edudma_request_put(struct edudma_request *req)
{
	kref_put(&req->ref, edudma_request_free);
}

/**
 * edudma_chunk_pages() - how much of a request is pinned at a time
 * @edev:	the device
 *
 * Where pages may have to bounce, every chunk must find room in a third of the
 * channel's part of the pool, see edudma_bounce_get().
 *
 * Context: Any.
 * Return: pages, at least one.
 */
unsigned int edudma_chunk_pages(const struct edudma_device *edev)
{
	unsigned int pages = READ_ONCE(edudma_chunk_bytes) >> PAGE_SHIFT;

	pages = min(pages, edev->engine.max_job_pages);
	if (edev->dma.bounce.count)
		pages = min(pages, edev->dma.bounce.count /
				   (EDUDMA_QUEUE_JOBS * edudma_request_channels(&edev->engine)));

	return pages;
}

/* All that is not set anew each time that it is filled and submitted. */
static void edudma_chunk_init(struct edudma_chunk *chunk, struct edudma_request *req)
{
	struct edudma_device *edev = req->edev;
	struct edudma_buffer *buf = &chunk->buf;

	chunk->req = req;
	chunk->busy = false;
	chunk->kept = false;
	buf->dma = &edev->dma;
	buf->copyback = &edev->copyback[req->grant.queue->index];
	buf->no_bounce = req->no_bounce;
	buf->kernel = req->borrows ? &req->kernel : NULL;
	buf->table = req->table;
	buf->small = chunk == req->chunk ? &req->small : NULL;
	buf->delivered = edudma_chunk_delivered;
	buf->released = edudma_chunk_released;
	chunk->job.complete = edudma_chunk_complete;
	chunk->job.keep = edudma_chunk_keep;
	chunk->job.state = EDUDMA_JOB_IDLE;
}

/* Memory for its chunks of so many pages, when its time has come. */
static int edudma_request_alloc_chunks(struct edudma_request *req, unsigned int count,
				       unsigned int pages)
{
	while (req->nr_chunks < count) {
		struct edudma_chunk *chunk = &req->chunk[req->nr_chunks];

		edudma_chunk_init(chunk, req);
		if (edudma_buffer_alloc(&chunk->buf, pages, req->nr_segments, req->len))
			return -ENOMEM;
		req->nr_chunks++;
	}

	return 0;
}

/**
 * edudma_request_alloc_all_chunks() - make room for one that is submitted in parts
 * @req:	a request without chunks
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int edudma_request_alloc_all_chunks(struct edudma_request *req)
{
	unsigned int limit = edudma_chunk_pages(req->edev);
	unsigned int pages = edudma_vector_pages(req->segments, req->nr_segments, limit);

	return edudma_request_alloc_chunks(req, pages > limit ? EDUDMA_REQUEST_CHUNKS : 1,
					   min(pages, limit));
}

/**
 * edudma_chunk_fill() - pin the next part of its request
 * @chunk:	a chunk that is not submitted
 *
 * Context: Process, may sleep and fault; no locks.
 * Return: 0, or why the request cannot go on behind what the chunk now holds, which
 * may be nothing.
 */
int edudma_chunk_fill(struct edudma_chunk *chunk)
{
	struct edudma_request *req = chunk->req;
	bool full = false;
	ssize_t taken = 0;

	edudma_buffer_clear(&chunk->buf);
	chunk->buf.id = req->grant.id;
	while (req->filled < req->len && !full) {
		const struct edudma_segment *seg = &req->segments[req->next];

		if (req->next_done == seg->len) {
			req->next++;
			req->next_done = 0;
			continue;
		}
		taken = edudma_buffer_add(&chunk->buf, seg, req->next_done, &full);
		if (taken < 0)
			break;
		req->next_done += taken;
		req->filled += taken;
	}
	trace_edudma_pin(req->grant.id, chunk->buf.nr_pages, chunk->buf.len);

	return min_t(ssize_t, taken, 0);
}

/**
 * edudma_request_fill_at_once() - pin all of a request into its first chunk
 * @req:	a request of which nothing was filled
 *
 * Context: Process, may sleep and fault; no locks.
 * Return: 0, with the chunk filled; -EAGAIN if it does not hold all, or would wait for
 * bounce slots; -ENOMEM.
 */
int edudma_request_fill_at_once(struct edudma_request *req)
{
	struct edudma_chunk *chunk = &req->chunk[0];
	unsigned int limit = edudma_chunk_pages(req->edev);
	unsigned int pages = edudma_vector_pages(req->segments, req->nr_segments, limit);
	int ret;

	if (pages > limit)
		return -EAGAIN;
	ret = edudma_request_alloc_chunks(req, 1, pages);
	if (ret)
		return ret;
	ret = edudma_chunk_fill(chunk);
	if (!ret && req->filled == req->len && !chunk->buf.nr_slots)
		return 0;

	edudma_request_discard(req);
	return -EAGAIN;
}

/** edudma_request_discard() - undo edudma_request_fill_at_once().  Any context. */
void edudma_request_discard(struct edudma_request *req)
{
	struct edudma_buffer *buf = &req->chunk[0].buf;

	if (buf->kernel)
		iov_iter_revert(buf->kernel, req->filled);
	edudma_buffer_discard(buf);
	req->next = 0;
	req->next_done = 0;
	req->filled = 0;
}

static void edudma_request_add_in_flight(struct edudma_request *req, int n)
{
	spin_lock_irq(&req->wait.lock);
	req->in_flight += n;
	req->undelivered += n;
	spin_unlock_irq(&req->wait.lock);
}

/*
 * Hands a mapped chunk to the queue; it may be complete before this returns.  Under
 * unplug_rwsem.
 */
static int edudma_chunk_enqueue(struct edudma_chunk *chunk, bool last)
{
	struct edudma_request *req = chunk->req;
	int ret;

	chunk->job.descs = chunk->buf.descs.array;
	chunk->job.count = chunk->buf.descs.count;
	chunk->job.weight = chunk->buf.nr_pages ?: 1;
	chunk->job.id = req->grant.id;
	chunk->job.polled = req->polled;
	kref_get(&req->ref);
	if (req->standing) {
		ret = edudma_grant_post(req->standing, &chunk->job, req->plugged);
		if (ret)
			kref_put(&req->ref, edudma_request_free);
		return ret;
	}

	chunk->busy = true;
	edudma_request_add_in_flight(req, 1);
	ret = edudma_grant_submit(&req->grant, &chunk->job, last);
	if (ret) {
		edudma_request_add_in_flight(req, -1);
		chunk->busy = false;
		kref_put(&req->ref, edudma_request_free);
	}

	return ret;
}

/**
 * edudma_chunk_submit() - map a filled chunk and submit it
 * @chunk:	the chunk, which is still filled on failure
 * @last:	no further one of its request follows
 *
 * Context: Process, may sleep; for a reset only if somebody waits for the request.
 * Return: 0; -ENODEV if the device is gone, -ENOMEM, -EIO if it could not be woken
 * or mapped, -ERESTARTSYS if the process is being killed, -EAGAIN if an asynchronous
 * request would wait, or why the request was stopped.
 */
int edudma_chunk_submit(struct edudma_chunk *chunk, bool last)
{
	struct edudma_device *edev = chunk->req->edev;
	struct edudma_buffer *buf = &chunk->buf;
	int ret;

	ret = edudma_buffer_prepare(buf);
	if (ret)
		return ret;

	if (!chunk->req->standing) {
		down_read(&edev->unplug_rwsem);
	} else if (!down_read_trylock(&edev->unplug_rwsem)) {
		edudma_buffer_unprepare(buf);
		return -EAGAIN;
	}
	if (edev->unplugged) {
		ret = -ENODEV;
		goto err_unlock;
	}
	ret = edudma_pm_get(edev);
	if (ret)
		goto err_unlock;
	ret = edudma_buffer_map(buf);
	if (ret)
		goto err_pm_put;
	ret = edudma_chunk_enqueue(chunk, last);
	if (ret)
		goto err_unmap;
	up_read(&edev->unplug_rwsem);

	return 0;

err_unmap:
	edudma_buffer_unmap(buf);
err_pm_put:
	edudma_pm_put(edev);
err_unlock:
	up_read(&edev->unplug_rwsem);
	edudma_buffer_unprepare(buf);
	return ret;
}
