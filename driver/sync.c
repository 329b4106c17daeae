// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that somebody waits for: wait for a grant, hand chunks to the queue one
 * ahead of the one under DMA, wait them out, report what was moved.
 */
#include <linux/sched/signal.h>

#include "edudma_device.h"
#include "request.h"
#include "trace.h"
#include "vector.h"

/* How often a call that a signal has ended looks whether something was moved. */
#define EDUDMA_CANCEL_MS	10

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
	/* There is none yet: the first comes first. */
	*chunk = &req->chunk[0];
	if (!req->nr_chunks)
		return count;

	for (i = 0; i < min(count, req->nr_chunks); i++) {
		*chunk = &req->chunk[i];
		if (!READ_ONCE(req->chunk[i].busy))
			return true;
	}

	return false;
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
			ret = edudma_request_alloc_all_chunks(req);
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
	trace_edudma_request_start(req->grant.id, efile->edev->id, req->nr_segments,
				   req->len, false);
	edudma_request_execute(req, efile, result);
	trace_edudma_request_end(req->grant.id, result->bytes, result->error);
	edudma_file_end_call(efile, active);
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
