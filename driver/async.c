// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that nobody waits for: submitted at once, or not at all, and completed by
 * whoever releases their memory, in the interrupt as a rule.
 *
 * All that such a request may need is there before it is queued: its pages, its
 * mapping, its descriptors.  What would have to wait, for bounce slots, a reset, or
 * as it does not fit, is refused with -EAGAIN, and its caller takes a way that may
 * block.
 */
#include <linux/blkdev.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "edudma_device.h"
#include "request.h"
#include "trace.h"

/**
 * struct edudma_plug - starts what a task has submitted in a row
 * @cb:		in the task's plug
 * @edev:	the device, a reference
 */
struct edudma_plug {
	struct blk_plug_cb cb;
	struct edudma_device *edev;
};

static void edudma_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct edudma_plug *plug = container_of(cb, struct edudma_plug, cb);
	struct edudma_queue *queue = cb->data;

	edudma_queue_kick(queue);
	put_device(&plug->edev->dev);
	kfree(plug);
}

/* Whether the task submits more, and edudma_unplug() will run after that. */
static bool edudma_plugged(struct edudma_device *edev, struct edudma_queue *queue)
{
	struct blk_plug_cb *cb;
	struct edudma_plug *plug;

	cb = blk_check_plugged(edudma_unplug, queue, sizeof(*plug));
	if (!cb)
		return false;

	plug = container_of(cb, struct edudma_plug, cb);
	if (!plug->edev) {
		plug->edev = edev;
		get_device(&edev->dev);
	}

	return true;
}

/*
 * The request has ended, or the device does not let go of its memory.  The file is not
 * used after who submitted it was told: it may be closed then.
 */
static void edudma_request_ended(struct edudma_request *req, u64 bytes, int error)
{
	struct edudma_device *edev = req->edev;

	trace_edudma_request_end(req->grant.id, bytes, error);
	if (bytes < req->len)
		edudma_count(&edev->stats.errors, 1);
	edudma_file_end_call(req->efile, req->active);
	if (wq_has_sleeper(&edev->poll_wait))
		wake_up_poll(&edev->poll_wait,
			     EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);

	req->complete(req->owner, bytes, bytes ? 0 : error ?: -EIO);
}

/**
 * edudma_request_start() - begin a request and do not wait for it
 * @req:	the request, of which nothing was submitted
 * @efile:	the file it came through
 * @polled:	edudma_queue_poll() is called until it has ended
 * @complete:	Called when the request has ended, with the bytes that it moved, or if
 *		there are none, what stopped it.  Context: any, hard irq included; no
 *		locks.
 * @owner:	for @complete
 *
 * Context: Process, may sleep and fault, but does not wait for other requests; no
 * locks.
 * Return: -EIOCBQUEUED, then @complete may have been called; -EAGAIN if it is to be
 * run in a way that may wait; -ENODEV if the device is gone, -ENOMEM, or -EIO if it
 * could not be woken or mapped.
 */
int edudma_request_start(struct edudma_request *req, struct edudma_file *efile,
			 bool polled,
			 void (*complete)(void *owner, u64 bytes, int error),
			 void *owner)
{
	int ret;

	ret = edudma_request_fill_at_once(req);
	if (ret)
		return ret;

	req->standing = &efile->standing;
	req->polled = polled;
	req->plugged = edudma_plugged(req->edev, efile->standing.queue);
	req->ended = edudma_request_ended;
	req->efile = efile;
	req->complete = complete;
	req->owner = owner;
	req->active = &efile->active[READ_ONCE(efile->phase)];
	atomic_inc(req->active);
	trace_edudma_request_start(req->grant.id, req->edev->id, req->nr_segments,
				   req->len, true);
	ret = edudma_chunk_submit(&req->chunk[0], true);
	if (!ret) {
		edudma_count(&req->edev->stats.requests, 1);
		return -EIOCBQUEUED;
	}

	trace_edudma_request_end(req->grant.id, 0, ret);
	edudma_file_end_call(efile, req->active);
	req->standing = NULL;
	req->polled = false;
	edudma_request_discard(req);
	return ret;
}
