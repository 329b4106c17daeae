// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a request: wait for a turn, feed chunks to the channel one ahead
 * of the one under DMA, wait them out, say what became of it.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "edudma_device.h"
#include "params.h"
#include "request.h"

/**
 * edudma_request_alloc() - make a request
 * @efile:	the file it comes through
 * @nr_segments: elements of its vector, for the caller to fill in
 *
 * Context: May sleep.
 * Return: the request with one reference, or NULL if memory is short.
 */
struct edudma_request *edudma_request_alloc(struct edudma_file *efile,
					    unsigned int nr_segments)
{
	struct edudma_request *req;

	req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);
	if (!req)
		return NULL;

	req->segments = kvcalloc(nr_segments, sizeof(*req->segments),
				 EDUDMA_GFP_ARRAY);
	if (!req->segments) {
		kfree(req);
		return NULL;
	}

	kref_init(&req->ref);
	req->channel = efile->channel;
	req->nr_segments = nr_segments;
	INIT_LIST_HEAD(&req->chunks);
	init_waitqueue_head(&req->wait);

	return req;
}

static void edudma_request_free(struct kref *ref)
{
	struct edudma_request *req = container_of(ref, struct edudma_request, ref);
	unsigned int i;

	for (i = 0; i < EDUDMA_REQUEST_CHUNKS; i++)
		edudma_chunk_free(req->chunk[i]);
	kvfree(req->segments);
	kfree(req);
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

	if (edev->bounce.count)
		pages = min(pages, edev->bounce.count /
				   (EDUDMA_CHANNEL_CHUNKS * edev->engine.channels));

	return pages;
}

/* User pages that the whole vector touches, counted no further than limit. */
static unsigned int edudma_request_pages(const struct edudma_request *req,
					 unsigned int limit)
{
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < req->nr_segments && pages <= limit; i++) {
		const struct edudma_segment *seg = &req->segments[i];

		pages += (offset_in_page(seg->addr) + seg->len +
			  PAGE_SIZE - 1) >> PAGE_SHIFT;
	}

	return min_t(u64, pages, limit + 1ULL);
}

static int edudma_request_alloc_chunks(struct edudma_request *req)
{
	unsigned int limit = edudma_chunk_pages(req->channel->edev);
	unsigned int pages = edudma_request_pages(req, limit);
	unsigned int i, count = pages > limit ? EDUDMA_REQUEST_CHUNKS : 1;

	for (i = 0; i < count; i++) {
		req->chunk[i] = edudma_chunk_alloc(req, min(pages, limit));
		if (!req->chunk[i])
			return -ENOMEM;
	}

	return 0;
}

/*
 * A chunk that can be filled now, or an error pointer if the request was
 * stopped; NULL if neither.  On deck a request keeps to one chunk.
 */
static struct edudma_chunk *edudma_request_idle_chunk(struct edudma_request *req)
{
	struct edudma_channel *ch = req->channel;
	struct edudma_chunk *chunk = NULL;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&ch->lock, flags);
	if (req->error) {
		chunk = ERR_PTR(req->error);
	} else if (req->state == EDUDMA_TURN_RUNNING ||
		   (req->state == EDUDMA_TURN_ON_DECK && !req->in_flight)) {
		for (i = 0; i < EDUDMA_REQUEST_CHUNKS && !chunk; i++)
			if (req->chunk[i] && !req->chunk[i]->busy)
				chunk = req->chunk[i];
	}
	spin_unlock_irqrestore(&ch->lock, flags);

	return chunk;
}

static bool edudma_request_idle(struct edudma_request *req)
{
	struct edudma_channel *ch = req->channel;
	unsigned long flags;
	bool idle;

	spin_lock_irqsave(&ch->lock, flags);
	idle = !req->in_flight;
	spin_unlock_irqrestore(&ch->lock, flags);

	return idle;
}

/* Whether everything that was submitted has arrived, or will never be wanted. */
static bool edudma_request_settled(struct edudma_request *req)
{
	struct edudma_channel *ch = req->channel;
	unsigned long flags;
	bool settled;

	spin_lock_irqsave(&ch->lock, flags);
	settled = !req->arriving || req->error;
	spin_unlock_irqrestore(&ch->lock, flags);

	return settled;
}

/*
 * Segments run in order, also where one reads or writes the memory that another
 * has written.  DMA does by itself; a copy into bounce memory must wait until
 * everything before it has arrived.  Where the DMA API copies, it does so for
 * memory that the device is to write as well, and puts that back if the device
 * has not come to it.
 */
static int edudma_request_settle(struct edudma_request *req,
				 struct edudma_chunk *chunk)
{
	if (!chunk->copies_out &&
	    !(chunk->copies_in && req->channel->edev->mapping_copies))
		return 0;

	return wait_event_interruptible(req->wait, edudma_request_settled(req));
}

/*
 * Feeds the request to the channel.  Returns 0 if all of it was submitted, else
 * why not; what was submitted before goes on.
 */
static int edudma_request_feed(struct edudma_request *req)
{
	struct edudma_chunk *chunk;
	int fill, ret;

	do {
		ret = wait_event_interruptible(req->wait,
					       (chunk = edudma_request_idle_chunk(req)));
		if (ret)
			return ret;
		if (IS_ERR(chunk))
			return PTR_ERR(chunk);

		fill = edudma_chunk_fill(chunk);
		if (!chunk->len)
			return fill;

		ret = edudma_request_settle(req, chunk);
		if (!ret)
			ret = edudma_chunk_submit(chunk,
						  fill || req->filled == req->len);
		if (ret) {
			req->filled -= chunk->len;
			edudma_chunk_discard(chunk);
			return ret;
		}
	} while (!fill && req->filled < req->len);

	return fill;
}

/* Waits until nothing is in flight.  Returns false if the process is dying. */
static bool edudma_request_drain(struct edudma_request *req)
{
	if (!wait_event_interruptible(req->wait, edudma_request_idle(req)))
		return true;

	edudma_channel_cancel(req, -ERESTARTSYS);

	return !wait_event_killable(req->wait, edudma_request_idle(req));
}

static unsigned int edudma_request_segments_done(const struct edudma_request *req,
						 u64 bytes)
{
	unsigned int i;

	for (i = 0; i < req->nr_segments && bytes >= req->segments[i].len; i++)
		bytes -= req->segments[i].len;

	return i;
}

/* What became of a request that has nothing in flight. */
static void edudma_request_result(struct edudma_request *req, int feed,
				  struct edudma_result *result)
{
	struct edudma_stats *stats = &req->channel->edev->stats;

	result->bytes = req->done;
	result->segments = edudma_request_segments_done(req, req->done);
	result->error = 0;

	if (req->done < req->len) {
		/* What stopped it in the middle comes before what ended it. */
		result->error = req->done < req->filled ? req->error : feed;
		if (result->error == -ERESTARTSYS) {
			edudma_count(&stats->cancelled, 1);
			if (req->done)
				result->error = -EINTR;
		} else {
			edudma_count(&stats->errors, 1);
		}
	}
}

/**
 * edudma_request_run() - execute a request and wait for it
 * @req:	the request, with a vector that was checked
 * @efile:	the file it came through
 * @result:	what became of it
 *
 * A signal stops the request before its next descriptor; SIGKILL does not even
 * wait for the current one.  The caller may drop its reference either way.
 *
 * Context: Process, may sleep; no locks.
 */
void edudma_request_run(struct edudma_request *req, struct edudma_file *efile,
			struct edudma_result *result)
{
	struct edudma_stats *stats = &efile->edev->stats;
	int feed;

	*result = (struct edudma_result) { };
	if (!req->len) {
		/* Whatever is to be moved is refused when it wants a turn. */
		if (edudma_device_gone(efile->edev))
			result->error = -ENODEV;
		else
			result->segments = req->nr_segments;
		return;
	}

	result->error = edudma_request_alloc_chunks(req);
	if (!result->error)
		result->error = edudma_channel_enter(req, &efile->queue);
	if (result->error)
		return;
	edudma_count(&stats->requests, 1);

	feed = edudma_request_feed(req);
	if (feed == -ERESTARTSYS || feed == -EINTR) {
		feed = -ERESTARTSYS;
		edudma_channel_cancel(req, feed);
	} else {
		edudma_channel_finish(req);
	}

	if (edudma_request_drain(req)) {
		edudma_request_result(req, feed, result);
	} else {
		edudma_count(&stats->cancelled, 1);
		result->error = -EINTR;
	}
}
