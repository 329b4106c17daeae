// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a request: wait for a grant, hand chunks to the queue one ahead of
 * the one under DMA, wait them out, report what was moved.
 */
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "edudma_device.h"
#include "params.h"
#include "power.h"
#include "request.h"
#include "vector.h"

/* How often a call that a signal has ended looks whether something was moved. */
#define EDUDMA_CANCEL_MS	10

/* A chunk's bytes are where they belong: it does not need the device any more. */
static void edudma_chunk_delivered(struct edudma_buffer *buf)
{
	struct edudma_chunk *chunk = container_of(buf, struct edudma_chunk, buf);
	struct edudma_request *req = chunk->req;
	unsigned long flags;

	edudma_pm_put(buf->dma->dev);
	if (chunk->kept || req->iocb)
		return;

	spin_lock_irqsave(&req->wait.lock, flags);
	req->undelivered--;
	wake_up_locked(&req->wait);
	spin_unlock_irqrestore(&req->wait.lock, flags);
}

/* A chunk has released everything; it is the submitter's again, or freed. */
static void edudma_chunk_released(struct edudma_buffer *buf)
{
	struct edudma_chunk *chunk = container_of(buf, struct edudma_chunk, buf);
	struct edudma_request *req = chunk->req;
	unsigned long flags;

	if (req->iocb) {
		if (!chunk->kept)
			edudma_request_end(req, buf->bytes_done, chunk->job.error);
	} else if (!chunk->kept) {
		spin_lock_irqsave(&req->wait.lock, flags);
		req->done += buf->bytes_done;
		req->in_flight--;
		WRITE_ONCE(chunk->busy, false);
		wake_up_locked(&req->wait);
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
		edudma_count(&buf->dma->stats->pages_leaked, -(u64)buf->nr_pages);
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

	edudma_count(&req->edev->stats.pages_leaked, chunk->buf.nr_pages);
	dev_crit(&req->edev->dev, "%u pages stay pinned: the device may still access them\n",
		 chunk->buf.nr_pages);
	/*
	 * The mappings belong to the PCI device, for debugging tools that list them.
	 * Our own is there as long as the queue is, which alone can give this back: the
	 * request gives up its reference, whatever number of its chunks is kept.
	 */
	get_device(chunk->buf.dma->dev);
	if (!req->nr_kept++)
		put_device(&req->edev->dev);

	if (req->iocb) {
		chunk->kept = true;
		edudma_request_end(req, 0, chunk->job.error);
		return;
	}

	spin_lock_irqsave(&req->wait.lock, flags);
	chunk->kept = true;
	req->undelivered--;
	req->in_flight--;
	wake_up_locked(&req->wait);
	spin_unlock_irqrestore(&req->wait.lock, flags);
}

static void edudma_request_notify(struct edudma_grant *grant)
{
	struct edudma_request *req = container_of(grant, struct edudma_request, grant);

	wake_up(&req->wait);
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
	unsigned int i;

	req = kmalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);
	if (!req)
		return NULL;
	memset(req, 0, offsetof(struct edudma_request, small));

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
	req->grant.queue = &edev->queues[efile->channel];
	req->grant.exclusive = flags & EDUDMA_TRANSFER_EXCLUSIVE;
	req->grant.notify = edudma_request_notify;
	init_waitqueue_head(&req->wait);
	req->chunk[0].buf.small = &req->small;
	for (i = 0; i < EDUDMA_REQUEST_CHUNKS; i++) {
		struct edudma_chunk *chunk = &req->chunk[i];

		chunk->req = req;
		chunk->buf.dma = &edev->dma;
		chunk->buf.copyback = &edev->copyback[efile->channel];
		chunk->buf.no_bounce = flags & EDUDMA_TRANSFER_NO_BOUNCE;
		chunk->buf.delivered = edudma_chunk_delivered;
		chunk->buf.released = edudma_chunk_released;
		chunk->job.complete = edudma_chunk_complete;
		chunk->job.keep = edudma_chunk_keep;
	}

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
	kfree(req);
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
	unsigned int i;

	req->kernel = *iter;
	for (i = 0; i < EDUDMA_REQUEST_CHUNKS; i++)
		req->chunk[i].buf.kernel = &req->kernel;
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
				   (EDUDMA_QUEUE_JOBS * edev->engine.channels));

	return pages;
}

/* Memory for its chunks, when its time has come. */
static int edudma_request_alloc_chunks(struct edudma_request *req)
{
	unsigned int limit = edudma_chunk_pages(req->edev);
	unsigned int pages = edudma_vector_pages(req->segments, req->nr_segments, limit);
	unsigned int count = pages > limit ? EDUDMA_REQUEST_CHUNKS : 1;

	while (req->nr_chunks < count) {
		if (edudma_buffer_alloc(&req->chunk[req->nr_chunks].buf, min(pages, limit),
					req->nr_segments, req->len))
			return -ENOMEM;
		req->nr_chunks++;
	}

	return 0;
}

/*
 * Whether the submitter can go on: with an idle chunk to fill, or as the request was
 * stopped.  A staged request has one chunk at most.
 */
static bool edudma_request_may_fill(struct edudma_request *req,
				    struct edudma_chunk **chunk)
{
	enum edudma_grant_state state = READ_ONCE(req->grant.state);
	unsigned int i, count = EDUDMA_REQUEST_CHUNKS;

	if (READ_ONCE(req->grant.error))
		return true;
	if (state == EDUDMA_GRANT_STAGED)
		count = READ_ONCE(req->in_flight) ? 0 : 1;
	else if (state != EDUDMA_GRANT_RUNNING)
		return false;
	if (req->nr_chunks)
		count = min(count, req->nr_chunks);

	for (i = 0; i < count; i++) {
		*chunk = &req->chunk[i];
		if (!READ_ONCE(req->chunk[i].busy))
			return true;
	}

	return false;
}

/*
 * Pins the next part of the request.  Returns 0, or why the request cannot go on
 * behind what the chunk now holds, which may be nothing.
 */
static int edudma_chunk_fill(struct edudma_chunk *chunk)
{
	struct edudma_request *req = chunk->req;
	bool full = false;
	ssize_t taken;

	edudma_buffer_clear(&chunk->buf);
	while (req->filled < req->len && !full) {
		const struct edudma_segment *seg = &req->segments[req->next];

		if (req->next_done == seg->len) {
			req->next++;
			req->next_done = 0;
			continue;
		}
		taken = edudma_buffer_add(&chunk->buf, seg, req->next_done, &full);
		if (taken < 0)
			return taken;
		req->next_done += taken;
		req->filled += taken;
	}

	return 0;
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
	int ret;

	ret = edudma_request_alloc_chunks(req);
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

static bool edudma_request_delivered(struct edudma_request *req)
{
	return !READ_ONCE(req->undelivered) || READ_ONCE(req->grant.error);
}

/*
 * Segments run in order, also where one reads or writes the memory that another
 * has written.  DMA does by itself; a copy towards the device must wait until
 * everything before it was delivered.
 */
static int edudma_request_wait_hazard(struct edudma_request *req,
				      const struct edudma_chunk *chunk)
{
	if (!chunk->buf.copies_out)
		return 0;

	return wait_event_interruptible(req->wait, edudma_request_delivered(req));
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
	chunk->job.weight = chunk->buf.nr_pages;
	kref_get(&req->ref);
	if (req->iocb) {
		ret = edudma_request_post(req);
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

	if (!chunk->req->iocb) {
		down_read(&edev->unplug_rwsem);
	} else if (!down_read_trylock(&edev->unplug_rwsem)) {
		edudma_buffer_unprepare(buf);
		return -EAGAIN;
	}
	if (edev->unplugged) {
		ret = -ENODEV;
		goto err_unlock;
	}
	ret = edudma_pm_get(buf->dma->dev);
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
	edudma_pm_put(buf->dma->dev);
err_unlock:
	up_read(&edev->unplug_rwsem);
	edudma_buffer_unprepare(buf);
	return ret;
}

/*
 * Submits the request, chunk by chunk.  Returns 0 if all of it was submitted, else
 * why not; what was submitted before goes on.
 */
static int edudma_request_submit_chunks(struct edudma_request *req)
{
	struct edudma_chunk *chunk;
	int fill, ret;

	do {
		ret = wait_event_interruptible(req->wait,
					       edudma_request_may_fill(req, &chunk));
		if (!ret)
			ret = READ_ONCE(req->grant.error);
		if (!ret && !req->nr_chunks)
			ret = edudma_request_alloc_chunks(req);
		if (ret)
			return ret;

		fill = edudma_chunk_fill(chunk);
		if (!chunk->buf.len)
			return fill;

		ret = edudma_request_wait_hazard(req, chunk);
		if (!ret)
			ret = edudma_chunk_submit(chunk, fill || req->filled == req->len);
		if (ret) {
			req->filled -= chunk->buf.len;
			edudma_buffer_discard(&chunk->buf);
			return ret;
		}
	} while (!fill && req->filled < req->len);

	return fill;
}

static bool edudma_request_idle(struct edudma_request *req)
{
	bool idle;

	/* With the lock, as the request may be freed once nobody needs it. */
	spin_lock_irq(&req->wait.lock);
	idle = !req->in_flight;
	spin_unlock_irq(&req->wait.lock);

	return idle;
}

static bool edudma_is_dying(void)
{
	return fatal_signal_pending(current);
}

/*
 * Waits until nothing is in flight.  A signal ends that as soon as something was
 * moved; SIGKILL does not wait for that.  Returns false if the process is dying.
 */
static bool edudma_request_drain(struct edudma_request *req)
{
	long ret;

	if (!wait_event_interruptible(req->wait, edudma_request_idle(req)))
		return true;

	do {
		edudma_grant_cancel(&req->grant, -ERESTARTSYS, edudma_is_dying());
		ret = wait_event_killable_timeout(req->wait, edudma_request_idle(req),
						  msecs_to_jiffies(EDUDMA_CANCEL_MS));
	} while (!ret);
	if (ret > 0)
		return true;

	edudma_grant_cancel(&req->grant, -ERESTARTSYS, true);
	return false;
}

/* What became of a request that has nothing in flight. */
static void edudma_request_result(struct edudma_request *req, int submitted,
				  struct edudma_result *result)
{
	struct edudma_stats *stats = &req->edev->stats;

	result->bytes = req->done;
	result->segments = edudma_vector_done(req->segments, req->nr_segments, req->done);
	result->error = 0;

	if (req->done < req->len) {
		/* What stopped it in the middle comes before what ended it. */
		result->error = req->done < req->filled ? req->grant.error : submitted;
		if (result->error == -ERESTARTSYS) {
			edudma_count(&stats->cancelled, 1);
			if (req->done)
				result->error = -EINTR;
		} else {
			edudma_count(&stats->errors, 1);
		}
	}
}

static void edudma_request_execute(struct edudma_request *req, struct edudma_file *efile,
				   struct edudma_result *result)
{
	struct edudma_stats *stats = &efile->edev->stats;
	int ret;

	result->error = edudma_grant_request(&req->grant, &efile->share);
	if (result->error)
		return;
	edudma_count(&stats->requests, 1);

	ret = edudma_request_submit_chunks(req);
	if (ret == -ERESTARTSYS || ret == -EINTR) {
		ret = -ERESTARTSYS;
		edudma_grant_cancel(&req->grant, ret, edudma_is_dying());
	} else {
		edudma_grant_finish(&req->grant);
	}

	if (edudma_request_drain(req)) {
		edudma_request_result(req, ret, result);
	} else {
		edudma_count(&stats->cancelled, 1);
		result->error = -EINTR;
	}
}

/**
 * edudma_request_run() - execute a request and wait for it
 * @req:	the request, with a vector that was checked
 * @efile:	the file it came through
 * @result:	what became of it
 *
 * A signal stops the request, but not before it has moved something.  SIGKILL does
 * not wait for anything.  The caller may drop its reference either way.
 *
 * Context: Process, may sleep; no locks.
 */
void edudma_request_run(struct edudma_request *req, struct edudma_file *efile,
			struct edudma_result *result)
{
	atomic_t *active;

	*result = (struct edudma_result) { };
	if (!req->len) {
		/* Whatever is to be moved is refused when it is queued. */
		if (edudma_unplugged(efile->edev))
			result->error = -ENODEV;
		else
			result->segments = req->nr_segments;
		return;
	}

	active = &efile->active[READ_ONCE(efile->phase)];
	atomic_inc(active);
	edudma_request_execute(req, efile, result);
	if (atomic_dec_and_test(active))
		wake_up(&efile->flushed);
}

/**
 * edudma_file_flush() - wait for the calls that are under way on a file
 * @efile:	the file
 *
 * Later ones are not waited for: they count to the other phase.
 *
 * Context: Process, may sleep; no locks.
 * Return: 0, or -ERESTARTSYS if a signal came.
 */
int edudma_file_flush(struct edudma_file *efile)
{
	unsigned int phase;
	int ret;

	ret = mutex_lock_interruptible(&efile->flush_lock);
	if (ret)
		return ret;

	phase = efile->phase;
	/* What a flush that a signal ended has left. */
	ret = wait_event_interruptible(efile->flushed,
				       !atomic_read(&efile->active[!phase]));
	if (!ret) {
		WRITE_ONCE(efile->phase, !phase);
		ret = wait_event_interruptible(efile->flushed,
					       !atomic_read(&efile->active[phase]));
	}
	mutex_unlock(&efile->flush_lock);

	return ret;
}
