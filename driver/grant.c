// SPDX-License-Identifier: GPL-2.0-only
/*
 * What requests do with a queue: take part in it, wait for a grant, submit jobs,
 * finish or cancel.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/sched.h>

#include "params.h"
#include "queue.h"
#include "stats.h"

/* How long a request is granted the engine while others wait. */
#define EDUDMA_GRANT_MS		100U

/**
 * edudma_grant_stop() - stop a request: what the engine has not got, it will not get
 * @grant:	the grant, in a queue
 * @error:	why, if it was not stopped before
 *
 * Context: Any, under the queue's lock.
 */
void edudma_grant_stop(struct edudma_grant *grant, int error)
{
	struct edudma_job *job, *next;

	if (!grant->error)
		WRITE_ONCE(grant->error, error);
	grant->last = true;

	list_splice_tail_init(&grant->backlog, &grant->jobs);
	list_for_each_entry_safe(job, next, &grant->jobs, node) {
		job->error = grant->error;
		/* One more where no interrupt would come for those before it. */
		job->count = min(job->count, job->issued + job->silent);
		if (job->retired == job->count)
			edudma_job_end(grant->queue, job);
	}
	grant->notify(grant);
}

/**
 * edudma_queue_abort() - have the engine end what it was given, and take that back
 * @queue:	the queue, with something posted
 * @error:	what the running request ends with if it was not stopped before
 *
 * Context: Any, under the queue's lock.
 * Return: true if nothing is posted any more.
 */
bool edudma_queue_abort(struct edudma_queue *queue, int error)
{
	const struct edudma_engine_ops *ops = queue->engine->ops;
	struct edudma_job *job;

	if (!ops->abort || ops->abort(queue->engine, queue->index))
		return false;

	/* What follows a descriptor that was aborted is not to be executed. */
	list_for_each_entry(job, &queue->running->jobs, node)
		job->silent = false;
	/* Before its jobs end: whoever completes them must find the error. */
	edudma_grant_stop(queue->running, error);
	edudma_queue_reap(queue, UINT_MAX);
	queue->stray = true;

	return !queue->posted;
}

/** edudma_queue_stop_all() - stop every request, under the queue's lock */
void edudma_queue_stop_all(struct edudma_queue *queue, int error)
{
	struct edudma_grant *grant;

	while ((grant = edudma_share_grant(edudma_share_take(&queue->root)))) {
		edudma_grant_stop(grant, error);
		edudma_grant_end(grant);
	}
	if (queue->staged)
		edudma_grant_stop(queue->staged, error);
	if (queue->running)
		edudma_grant_stop(queue->running, error);
	edudma_queue_advance(queue);
}

/**
 * edudma_queue_attach() - have a file take part in a queue
 * @queue:	the queue
 * @share:	of the file, to initialise
 * @user:	whose file it is: files of a user share what a user gets
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int edudma_queue_attach(struct edudma_queue *queue, struct edudma_share *share,
			u32 user)
{
	struct edudma_group *group, *unused;

	unused = kzalloc(sizeof(*unused), GFP_KERNEL_ACCOUNT);
	if (!unused)
		return -ENOMEM;
	unused->user = user;
	edudma_share_init(&unused->share, &queue->root);

	spin_lock_irq(&queue->lock);
	list_for_each_entry(group, &queue->users, node)
		if (group->user == user)
			break;
	if (list_entry_is_head(group, &queue->users, node)) {
		group = unused;
		unused = NULL;
		list_add(&group->node, &queue->users);
	}
	group->files++;
	edudma_share_init(share, &group->share);
	spin_unlock_irq(&queue->lock);

	kfree(unused);
	return 0;
}

/* What is granted below a share goes on below the share's parent. */
static void edudma_queue_orphan(struct edudma_queue *queue, struct edudma_share *share)
{
	if (queue->running && queue->running->share.parent == share)
		queue->running->share.parent = share->parent;
	if (queue->staged && queue->staged->share.parent == share)
		queue->staged->share.parent = share->parent;
	edudma_share_detach(share);
}

/**
 * edudma_queue_detach() - a file takes part no more
 * @queue:	the queue
 * @share:	of the file; none of its requests waits
 *
 * Context: Process; no locks.
 */
void edudma_queue_detach(struct edudma_queue *queue, struct edudma_share *share)
{
	struct edudma_group *group = container_of(share->parent, struct edudma_group, share);
	bool last;

	spin_lock_irq(&queue->lock);
	edudma_queue_orphan(queue, share);
	last = !--group->files;
	if (last) {
		edudma_queue_orphan(queue, &group->share);
		list_del(&group->node);
	}
	spin_unlock_irq(&queue->lock);

	if (last)
		kfree(group);
}

/**
 * edudma_grant_request() - queue a request
 * @grant:	its grant, filled in by the owner and else zero
 * @share:	of its file
 *
 * Context: Process; no locks.
 * Return: 0, -ENODEV if the device is gone, -EIO if its engine is hung.
 */
int edudma_grant_request(struct edudma_grant *grant, struct edudma_share *share)
{
	struct edudma_queue *queue = grant->queue;
	unsigned long flags;
	int ret = 0;

	INIT_LIST_HEAD(&grant->jobs);
	INIT_LIST_HEAD(&grant->backlog);
	edudma_share_init(&grant->share, share);

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state == EDUDMA_QUEUE_CLOSED) {
		ret = -ENODEV;
	} else if (queue->state == EDUDMA_QUEUE_HUNG) {
		ret = -EIO;
	} else {
		edudma_grant_set_state(grant, EDUDMA_GRANT_WAITING);
		edudma_share_wait(&grant->share);
		edudma_queue_advance(queue);
	}
	edudma_queue_unlock(queue, flags);

	return ret;
}

/* Whether the running request has had the engine for long enough. */
static bool edudma_queue_turn_is_over(const struct edudma_queue *queue)
{
	return !queue->running->exclusive && edudma_queue_awaited(queue) &&
	       time_after_eq(jiffies, queue->granted_at + msecs_to_jiffies(EDUDMA_GRANT_MS));
}

static void edudma_job_begin(struct edudma_queue *queue, struct edudma_job *job)
{
	job->issued = 0;
	job->retired = 0;
	job->moved = 0;
	job->error = 0;
	job->grant = NULL;
	job->silent = false;
	edudma_job_set_state(job, EDUDMA_JOB_QUEUED);
	queue->pending++;
}

/**
 * edudma_grant_submit() - hand a job to the queue
 * @grant:	a grant that is staged or running
 * @job:	the job, filled in; its descriptors are mapped
 * @last:	no further one will follow
 *
 * Context: Process; no spinlocks.
 * Return: 0, and the job is the queue's until it is complete; or why the request
 * was stopped.
 */
int edudma_grant_submit(struct edudma_grant *grant, struct edudma_job *job, bool last)
{
	struct edudma_queue *queue = grant->queue;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&queue->lock, flags);
	ret = grant->error;
	if (ret) {
		spin_unlock_irqrestore(&queue->lock, flags);
		return ret;
	}

	edudma_job_begin(queue, job);
	list_add_tail(&job->node, &grant->jobs);
	grant->last = last;
	if (!last && grant == queue->running && edudma_queue_turn_is_over(queue))
		edudma_grant_set_state(grant, EDUDMA_GRANT_YIELDING);
	edudma_queue_advance(queue);
	edudma_queue_unlock(queue, flags);

	return 0;
}

/* A standing grant may submit: what was posted before now. */
static void edudma_grant_refill(struct edudma_grant *grant)
{
	list_splice_tail_init(&grant->backlog, &grant->jobs);
}

/**
 * edudma_grant_init() - make a standing grant: for jobs that come by themselves
 * @grant:	the grant
 * @queue:	its queue
 * @share:	of its file
 *
 * Context: Any.
 */
void edudma_grant_init(struct edudma_grant *grant, struct edudma_queue *queue,
		       struct edudma_share *share)
{
	*grant = (struct edudma_grant) {
		.queue = queue,
		.notify = edudma_grant_refill,
		.last = true,
	};
	INIT_LIST_HEAD(&grant->jobs);
	INIT_LIST_HEAD(&grant->backlog);
	edudma_share_init(&grant->share, share);
}

/*
 * Whether a job of this weight may be posted, under the lock.  The channels for requests
 * have equal parts of async_pages; of that, a user who is not alone on a channel gets
 * half.
 */
static bool edudma_grant_has_room(const struct edudma_grant *grant, unsigned int weight)
{
	const struct edudma_queue *queue = grant->queue;
	unsigned int limit = READ_ONCE(edudma_async_pages) /
			     edudma_request_channels(queue->engine);
	bool alone = list_is_singular(&queue->users);

	return queue->charged + weight <= limit &&
	       edudma_grant_group(grant)->charged + weight <= limit >> !alone;
}

/**
 * edudma_grant_may_post() - is it worth while to post a job
 * @grant:	a standing grant
 *
 * Context: Any; no locks.
 * Return: false if there is no room, but will be when other jobs have ended.
 */
bool edudma_grant_may_post(const struct edudma_grant *grant)
{
	struct edudma_queue *queue = grant->queue;
	unsigned long flags;
	bool may;

	spin_lock_irqsave(&queue->lock, flags);
	may = !queue->charged || edudma_grant_has_room(grant, 1);
	spin_unlock_irqrestore(&queue->lock, flags);

	return may;
}

/**
 * edudma_grant_post() - hand a job to the queue, whose turn it may not be
 * @grant:	a standing grant
 * @job:	the job, filled in; its descriptors are mapped
 * @more:	edudma_queue_kick() comes soon, and starts this one, too
 *
 * While nobody else waits, all jobs that are posted are issued at once, behind each
 * other.  When somebody does, those posted from then on wait for the next turn.
 * A request that is stopped, as the engine has failed, takes all jobs with it that
 * were posted before.
 *
 * Context: Process; no locks.
 * Return: 0, and the job is the queue's until it is complete; -ENODEV if the device
 * is gone, -EIO if its engine is hung, -EAGAIN if there is no room for it.
 */
int edudma_grant_post(struct edudma_grant *grant, struct edudma_job *job, bool more)
{
	struct edudma_queue *queue = grant->queue;
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state == EDUDMA_QUEUE_CLOSED || queue->state == EDUDMA_QUEUE_HUNG) {
		ret = queue->state == EDUDMA_QUEUE_CLOSED ? -ENODEV : -EIO;
		goto out;
	}
	if (!edudma_grant_has_room(grant, job->weight)) {
		ret = -EAGAIN;
		goto out;
	}

	edudma_job_begin(queue, job);
	job->grant = grant;
	edudma_grant_charge(grant, job->weight);
	list_add_tail(&job->node, &grant->backlog);
	switch (grant->state) {
	case EDUDMA_GRANT_NONE:
	case EDUDMA_GRANT_ENDED:
		grant->error = 0;
		edudma_grant_set_state(grant, EDUDMA_GRANT_WAITING);
		edudma_share_wait(&grant->share);
		break;
	case EDUDMA_GRANT_RUNNING:
		if (grant->error || edudma_queue_awaited(queue))
			edudma_grant_set_state(grant, EDUDMA_GRANT_YIELDING);
		else
			edudma_grant_refill(grant);
		break;
	default:
		break;
	}
	if (!more)
		edudma_queue_advance(queue);
out:
	edudma_queue_unlock(queue, flags);
	return ret;
}

/**
 * edudma_grant_finish() - no further job will be submitted
 * @grant:	a grant that was requested
 *
 * Context: Process; no locks.
 */
void edudma_grant_finish(struct edudma_grant *grant)
{
	struct edudma_queue *queue = grant->queue;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	grant->last = true;
	edudma_queue_advance(queue);
	edudma_queue_unlock(queue, flags);
}

/*
 * Takes away from the engine what it has of a request that was stopped; of one that
 * comes back only once it has moved something.
 */
static void edudma_queue_cut_short(struct edudma_queue *queue, int error,
				   bool progress)
{
	/* The device works on a stream whatever is posted. */
	if (!queue->engine->ops->abort || !(queue->posted || queue->stream) ||
	    queue->state != EDUDMA_QUEUE_READY)
		return;

	if (progress) {
		if (edudma_queue_reap(queue, UINT_MAX))
			queue->stray = true;
		if (!queue->running->moved || !queue->posted)
			return;
	}
	if (!edudma_queue_abort(queue, error))
		edudma_queue_fault(queue);
}

/**
 * edudma_grant_cancel() - stop a request
 * @grant:	a grant that was requested
 * @error:	what it ends with if it was not stopped before
 * @abort:	Its owner does not come back: what the engine has is aborted, if the
 *		engine can.  Else that is done only when something of the request was
 *		moved, for which this is called again and again; and a request that
 *		waits has its place in the queue reserved for the file's next one.
 *
 * Context: Process; no locks.
 */
void edudma_grant_cancel(struct edudma_grant *grant, int error, bool abort)
{
	struct edudma_queue *queue = grant->queue;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	edudma_grant_stop(grant, error);
	if (grant->state == EDUDMA_GRANT_ENDED) {
		; /* called again */
	} else if (!grant->begun && !abort) {
		edudma_grant_withdraw(grant);
	} else if (grant->state == EDUDMA_GRANT_WAITING) {
		edudma_share_withdraw(&grant->share, false);
		edudma_grant_set_state(grant, EDUDMA_GRANT_ENDED);
	} else if (grant == queue->running) {
		edudma_queue_cut_short(queue, error, !abort);
	}
	edudma_queue_advance(queue);
	edudma_queue_unlock(queue, flags);
}
