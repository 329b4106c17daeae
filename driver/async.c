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
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "compat.h"
#include "edudma_device.h"
#include "request.h"
#include "vector.h"

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

/**
 * edudma_request_post() - queue a request that was mapped
 * @req:	the request; it may have ended when this returns
 *
 * Context: Process; no spinlocks.
 * Return: as edudma_grant_post().
 */
int edudma_request_post(struct edudma_request *req)
{
	struct edudma_grant *grant = &req->efile->standing;
	int ret;

	req->active = &req->efile->active[READ_ONCE(req->efile->phase)];
	atomic_inc(req->active);
	ret = edudma_grant_post(grant, &req->chunk[0].job,
				edudma_plugged(req->edev, grant->queue));
	if (ret && atomic_dec_and_test(req->active))
		wake_up(&req->efile->flushed);

	return ret;
}

/**
 * edudma_request_start() - begin a request and do not wait for it
 * @req:	the request, of which nothing was submitted
 * @efile:	the file it came through
 * @iocb:	completed when the request has ended, with the bytes that it moved or
 *		else with what stopped it
 *
 * Context: Process, may sleep and fault, but does not wait for other requests; no
 * locks.
 * Return: -EIOCBQUEUED, then @iocb may have been completed; -EAGAIN if it is to be
 * run in a way that may wait; -ENODEV if the device is gone, -ENOMEM, or -EIO if it
 * could not be woken or mapped.
 */
int edudma_request_start(struct edudma_request *req, struct edudma_file *efile,
			 struct kiocb *iocb)
{
	unsigned int limit = edudma_chunk_pages(req->edev);
	unsigned int pages = edudma_vector_pages(req->segments, req->nr_segments, limit);
	int ret;

	if (pages > limit || !edudma_grant_has_room(&efile->standing, pages))
		return -EAGAIN;

	ret = edudma_request_fill_at_once(req);
	if (ret)
		return ret;

	req->efile = efile;
	req->iocb = iocb;
	ret = edudma_chunk_submit(&req->chunk[0], true);
	if (!ret) {
		edudma_count(&req->edev->stats.requests, 1);
		return -EIOCBQUEUED;
	}

	req->iocb = NULL;
	edudma_request_discard(req);
	return ret;
}

/**
 * edudma_request_end() - complete the iocb of a request
 * @req:	the request, of which the device has nothing any more, or all that it
 *		will not let go of
 * @bytes:	that were moved, from the first on
 * @error:	why it was stopped, if it was
 *
 * Context: Any, hard irq included; no locks.
 */
void edudma_request_end(struct edudma_request *req, u64 bytes, int error)
{
	struct edudma_device *edev = req->edev;
	struct kiocb *iocb = req->iocb;

	if (bytes < req->len)
		edudma_count(&edev->stats.errors, 1);
	if (atomic_dec_and_test(req->active))
		wake_up(&req->efile->flushed);
	if (wq_has_sleeper(&edev->poll_wait))
		wake_up_poll(&edev->poll_wait,
			     EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);

	iocb->ki_pos += bytes;
	/* The last use of the file: it may be closed now. */
	edudma_kiocb_complete(iocb, bytes ?: error ?: -EIO);
}
