// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue: gives grants to requests, issues their jobs, takes them back from the
 * engine and hands them to their owners, in the order in which they ended.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "descriptor.h"
#include "params.h"
#include "queue.h"
#include "stats.h"
#include "trace.h"

/* Jobs issued together that may share an interrupt. */
#define EDUDMA_COALESCED_JOBS	16U
/* How long the engine may idle before a second request prepares a job. */
#define EDUDMA_IDLE_MS		20U
/* How long what is polled may be complete without being looked at. */
#define EDUDMA_POLL_MS		20U

/**
 * edudma_queue_watch() - have the watchdog look when it must
 * @queue:	the queue
 *
 * Context: Any, under the queue's lock.
 */
void edudma_queue_watch(struct edudma_queue *queue)
{
	unsigned long at = queue->deadline;

	/* Who polls may have stopped, and others wait for what is not taken back. */
	if (queue->posted && queue->polled &&
	    time_after(at, jiffies + msecs_to_jiffies(EDUDMA_POLL_MS)))
		at = jiffies + msecs_to_jiffies(EDUDMA_POLL_MS);
	if (delayed_work_pending(&queue->watchdog) && !time_after(queue->watchdog_at, at))
		return;
	queue->watchdog_at = at;
	mod_delayed_work(queue->wq, &queue->watchdog,
			 time_after(at, jiffies) ? at - jiffies : 0);
}

/**
 * edudma_queue_rearm() - progress was made, or is due at another time
 * @queue:	the queue
 * @timeout:	in jiffies, when it must be made next
 *
 * Context: Any, under the queue's lock.
 */
void edudma_queue_rearm(struct edudma_queue *queue, unsigned long timeout)
{
	queue->deadline = jiffies + timeout;
	edudma_queue_watch(queue);
}

static void edudma_queue_rearm_timeout(struct edudma_queue *queue)
{
	edudma_queue_rearm(queue, msecs_to_jiffies(READ_ONCE(edudma_timeout_ms)) +
				  queue->running->patience);
}

/** edudma_queue_awaited() - does somebody wait for what @running has */
bool edudma_queue_awaited(const struct edudma_queue *queue)
{
	return queue->staged || !edudma_share_idle(&queue->root);
}

/* Whether a request has nothing here any more and will not submit anything. */
static bool edudma_grant_over(const struct edudma_grant *grant)
{
	return grant->last && list_empty(&grant->jobs) && list_empty(&grant->backlog);
}

/* The running grant does not use the window any more. */
static void edudma_grant_leave_window(struct edudma_grant *grant)
{
	struct edudma_queue *queue = grant->queue;

	if (grant != queue->running || !(grant->exclusive || queue->blocked))
		return;
	queue->blocked = false;
	edudma_window_release(queue->window, queue->index);
}

/** edudma_grant_end() - a grant is over; under the queue's lock */
void edudma_grant_end(struct edudma_grant *grant)
{
	edudma_share_end(&grant->share);
	edudma_grant_leave_window(grant);
	edudma_grant_set_state(grant, EDUDMA_GRANT_ENDED);
}

/**
 * edudma_grant_withdraw() - end a request that comes back; under the queue's lock
 * @grant:	a grant without jobs that waits, or of which nothing was issued
 *
 * Its place is reserved for the next request of its file.
 */
void edudma_grant_withdraw(struct edudma_grant *grant)
{
	struct edudma_queue *queue = grant->queue;

	if (grant->state == EDUDMA_GRANT_WAITING) {
		edudma_share_withdraw(&grant->share, true);
	} else {
		edudma_share_return(&grant->share);
		edudma_grant_leave_window(grant);
		if (grant == queue->running)
			queue->running = NULL;
		else
			queue->staged = NULL;
	}
	edudma_grant_set_state(grant, EDUDMA_GRANT_ENDED);
}

/*
 * Its time is up: it is served again when others were.  A request that has not
 * submitted all it has comes before its file's others; what was posted since, behind.
 */
static void edudma_grant_requeue(struct edudma_grant *grant)
{
	edudma_share_end(&grant->share);
	edudma_grant_leave_window(grant);
	if (grant->last)
		edudma_share_wait(&grant->share);
	else
		edudma_share_wait_first(&grant->share);
	grant->error = 0;
	edudma_grant_set_state(grant, EDUDMA_GRANT_WAITING);
}

/* The engine goes to the staged request, or to whoever is next. */
static void edudma_queue_grant_next(struct edudma_queue *queue)
{
	queue->running = queue->staged ?:
			 edudma_share_grant(edudma_share_take(&queue->root));
	queue->staged = NULL;
	if (!queue->running)
		return;

	queue->granted_at = jiffies;
	edudma_grant_set_state(queue->running, EDUDMA_GRANT_RUNNING);
	edudma_queue_rearm_timeout(queue);
}

/** edudma_queue_stage() - have the next request prepare a job; under the lock */
void edudma_queue_stage(struct edudma_queue *queue)
{
	queue->staged = edudma_share_grant(edudma_share_take(&queue->root));
	if (queue->staged)
		edudma_grant_set_state(queue->staged, EDUDMA_GRANT_STAGED);
}

/*
 * A request that is slow to prepare its job, as a page fault takes long, changes
 * places with one whose job is ready.
 */
static void edudma_queue_swap(struct edudma_queue *queue)
{
	struct edudma_grant *slow = queue->running, *ready = queue->staged;

	if (!ready || list_empty(&ready->jobs) || !list_empty(&slow->jobs) ||
	    slow->exclusive)
		return;

	queue->running = ready;
	queue->staged = slow;
	queue->granted_at = jiffies;
	edudma_grant_set_state(slow, EDUDMA_GRANT_STAGED);
	edudma_grant_set_state(ready, EDUDMA_GRANT_RUNNING);
}

/* Whether the last job that the running request submits in this turn has begun. */
static bool edudma_queue_issued_last(const struct edudma_queue *queue)
{
	const struct edudma_grant *grant = queue->running;
	const struct edudma_job *job;

	if (!grant->last && grant->state != EDUDMA_GRANT_YIELDING)
		return false;
	if (list_empty(&grant->jobs))
		return true;
	job = list_last_entry(&grant->jobs, struct edudma_job, node);

	return job->issued;
}

/* The first job of the running request that was not issued as a whole, or NULL. */
static struct edudma_job *edudma_queue_next_job(struct edudma_queue *queue)
{
	struct list_head *jobs = &queue->running->jobs;
	struct edudma_job *job, *next = NULL;

	/* From the end: most of them have been issued. */
	list_for_each_entry_reverse(job, jobs, node) {
		if (job->issued == job->count)
			break;
		next = job;
	}

	return next;
}

/*
 * Gives the engine a part of a job.  Returns whether it took all that there was.
 * Whatever a batch ends with has an interrupt, unless it is polled.
 */
static bool edudma_queue_issue_job(struct edudma_queue *queue, struct edudma_job *job,
				   unsigned int *budget, unsigned int *silent)
{
	const struct edudma_engine_ops *ops = queue->engine->ops;
	unsigned int n, left = job->count - job->issued, wanted = min(left, *budget);
	bool whole = wanted == left;
	bool event = whole && !job->polled &&
		     (job->issued || wanted == *budget ||
		      list_is_last(&job->node, &queue->running->jobs) ||
		      ++*silent == EDUDMA_COALESCED_JOBS);

	n = ops->issue(queue->engine, queue->index, job->descs + job->issued, wanted, event);
	if (!n)
		return false;

	trace_edudma_post(job->id, queue, n, job->issued);
	if (event)
		*silent = 0;
	if (!job->issued)
		edudma_job_set_state(job, EDUDMA_JOB_ACTIVE);
	job->issued += n;
	job->silent = n == wanted && !whole;
	queue->polled = job->polled;
	queue->posted += n;
	*budget -= n;

	return n == left;
}

/* Gives the engine as much of the running request as it takes, up to a batch. */
static void edudma_queue_issue(struct edudma_queue *queue)
{
	const struct edudma_engine_ops *ops = queue->engine->ops;
	unsigned int budget = EDUDMA_BATCH, silent = 0;
	struct edudma_grant *grant = queue->running;
	struct edudma_job *job = edudma_queue_next_job(queue);
	bool entered = false;

	if (!job)
		return;
	list_for_each_entry_from(job, &grant->jobs, node) {
		if (!job->issued && !entered && !queue->stream) {
			queue->blocked = !edudma_window_enter(queue->window, queue->index,
							      grant->exclusive);
			if (queue->blocked)
				break;
			entered = true;
		}
		if (!edudma_queue_issue_job(queue, job, &budget, &silent) || !budget)
			break;
	}
	if (budget == EDUDMA_BATCH)
		return;

	if (ops->kick)
		ops->kick(queue->engine, queue->index);
	if (!queue->busy) {
		queue->busy = true;
		queue->started = ktime_get();
	}
	grant->begun = true;
	edudma_count(&queue->stats->descriptors, EDUDMA_BATCH - budget);
	edudma_queue_rearm_timeout(queue);
	if (!budget)
		queue->more = true;
}

/* Nothing is posted: if something was, that is news. */
static void edudma_queue_idle(struct edudma_queue *queue)
{
	if (!queue->busy)
		return;

	queue->busy = false;
	edudma_count(&queue->stats->engine_busy_ns,
		     ktime_to_ns(ktime_sub(ktime_get(), queue->started)));
	if (!queue->stream)
		edudma_window_leave(queue->window, queue->index);
	edudma_queue_wake(queue);
}

/**
 * edudma_queue_advance() - start what can be started, pass on grants that are over
 * @queue:	the queue
 *
 * A request that is over leaves in any state of the queue: its owner may free it.
 *
 * Context: Any, under the queue's lock.
 */
void edudma_queue_advance(struct edudma_queue *queue)
{
	if (queue->staged && edudma_grant_over(queue->staged)) {
		edudma_grant_end(queue->staged);
		queue->staged = NULL;
	}
	if (queue->running && edudma_grant_over(queue->running)) {
		edudma_grant_end(queue->running);
		queue->running = NULL;
	} else if (queue->running && list_empty(&queue->running->jobs) &&
		   queue->running->state == EDUDMA_GRANT_YIELDING) {
		edudma_grant_requeue(queue->running);
		queue->running = NULL;
	}

	if (queue->state == EDUDMA_QUEUE_READY) {
		if (!queue->running)
			edudma_queue_grant_next(queue);
		if (queue->running) {
			edudma_queue_swap(queue);
			edudma_queue_issue(queue);
			if (!queue->staged && edudma_queue_issued_last(queue))
				edudma_queue_stage(queue);
			else if (!queue->posted && !queue->staged &&
				 edudma_queue_awaited(queue))
				edudma_queue_rearm(queue, msecs_to_jiffies(EDUDMA_IDLE_MS));
		}
	}

	if (!queue->posted)
		edudma_queue_idle(queue);
}

/** edudma_job_end() - the engine is done with a job; under the queue's lock */
void edudma_job_end(struct edudma_queue *queue, struct edudma_job *job)
{
	edudma_job_set_state(job, EDUDMA_JOB_ENDED);
	list_move_tail(&job->node, &queue->ended);
}

/**
 * edudma_queue_fault() - the engine does not work as it should
 * @queue:	the queue
 *
 * Recovery fails what is posted with -EIO.
 *
 * Context: Any, under the queue's lock.
 */
void edudma_queue_fault(struct edudma_queue *queue)
{
	switch (queue->state) {
	case EDUDMA_QUEUE_READY:
		queue->watchdog_at = jiffies;
		mod_delayed_work(queue->wq, &queue->watchdog, 0);
		fallthrough;
	case EDUDMA_QUEUE_PAUSED:
		/* edudma_queue_pause() recovers by itself. */
		edudma_queue_set_state(queue, EDUDMA_QUEUE_FAULTED);
		break;
	default:
		break;
	}
}

/**
 * edudma_queue_reap() - take back what the engine is done with
 * @queue:	the queue
 * @budget:	descriptors that may be taken back
 *
 * Context: Any, under the queue's lock.
 * Return: how many descriptors had ended; the engine may have failed, too.
 */
int edudma_queue_reap(struct edudma_queue *queue, unsigned int budget)
{
	const struct edudma_engine_ops *ops = queue->engine->ops;
	unsigned int moved, jobs = 0, total = 0;
	struct edudma_job *job;
	int n = 0;

	while (queue->posted && total < budget) {
		job = list_first_entry(&queue->running->jobs, struct edudma_job, node);
		n = ops->reap(queue->engine, queue->index, job->descs + job->retired,
			      min(job->issued - job->retired, budget - total), &moved);
		if (n <= 0)
			break;
		trace_edudma_reap(job->id, queue, n, job->retired);
		if (job->moved == job->retired)
			job->moved += moved;
		queue->running->moved |= moved;
		job->retired += n;
		queue->posted -= n;
		total += n;
		if (job->retired == job->count) {
			edudma_job_end(queue, job);
			jobs++;
		}
	}
	/* There may be completions of nothing. */
	if (!queue->posted)
		n = ops->reap(queue->engine, queue->index, NULL, 0, &moved);

	/* Each job has an interrupt. */
	if (jobs > 1)
		queue->stray = true;
	if (total == budget && queue->posted)
		queue->more = true;
	if (total && queue->posted)
		edudma_queue_rearm_timeout(queue);
	if (n < 0)
		edudma_queue_fault(queue);

	return total;
}

/** edudma_grant_charge() - a weight, to the channel and to the user; under the lock */
void edudma_grant_charge(struct edudma_grant *grant, int weight)
{
	struct edudma_group *group = edudma_grant_group(grant);

	grant->queue->charged += weight;
	group->charged += weight;
	edudma_count(&grant->queue->stats->pages_async, (s64)weight);
}

/* Undoes what edudma_grant_post() has charged. */
static void edudma_job_uncharge(struct edudma_job *job)
{
	if (job->grant)
		edudma_grant_charge(job->grant, -(int)job->weight);
	job->grant = NULL;
}

/**
 * edudma_queue_complete() - hand ended jobs to their owners
 * @queue:	the queue
 * @flags:	of its lock
 * @budget:	pages that may be released
 *
 * In order and one at a time, whoever took them back: what is copied to the same memory
 * twice must be so in the right order.
 *
 * Context: Any, under the queue's lock, which is dropped meanwhile.
 */
void edudma_queue_complete(struct edudma_queue *queue, unsigned long *flags,
			   unsigned int budget)
	__must_hold(&queue->lock)
{
	struct edudma_job *job;

	if (queue->completing)
		return;

	queue->completing = true;
	while ((job = list_first_entry_or_null(&queue->ended, struct edudma_job, node)) &&
	       job->weight <= budget) {
		budget -= job->weight;
		list_del_init(&job->node);
		edudma_job_set_state(job, EDUDMA_JOB_IDLE);
		edudma_job_uncharge(job);
		spin_unlock_irqrestore(&queue->lock, *flags);
		job->complete(job);
		spin_lock_irqsave(&queue->lock, *flags);
		if (!--queue->pending)
			edudma_queue_wake(queue);
	}
	queue->completing = false;
}

/* Goes on with what did not fit into a batch. */
static void edudma_queue_continue(struct edudma_queue *queue)
{
	queue->more = false;
	if (queue->posted && (queue->state == EDUDMA_QUEUE_READY ||
			      queue->state == EDUDMA_QUEUE_PAUSED) &&
	    edudma_queue_reap(queue, EDUDMA_BATCH))
		queue->stray = true;
	edudma_queue_advance(queue);
}

/**
 * edudma_queue_unlock() - drop the lock of a queue that was advanced
 * @queue:	the queue
 * @flags:	of its lock
 *
 * Context: Process or softer than hard irq.
 */
void edudma_queue_unlock(struct edudma_queue *queue, unsigned long flags)
	__releases(&queue->lock)
{
	while (queue->more) {
		spin_unlock_irqrestore(&queue->lock, flags);
		spin_lock_irqsave(&queue->lock, flags);
		edudma_queue_continue(queue);
	}
	edudma_queue_complete(queue, &flags, UINT_MAX);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/**
 * edudma_queue_kick() - try again to issue, as the window may be free
 * @queue:	the queue
 *
 * Context: Process; no locks.
 */
void edudma_queue_kick(struct edudma_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	edudma_queue_advance(queue);
	edudma_queue_unlock(queue, flags);
}

/**
 * edudma_queue_strip() - forget what is posted
 * @queue:	the queue, its running request stopped
 * @kept:	list of what the engine may still access memory for, or NULL if it
 *		is quiet
 *
 * Context: Any, under the queue's lock.
 */
void edudma_queue_strip(struct edudma_queue *queue, struct list_head *kept)
{
	struct edudma_job *job, *next;

	queue->posted = 0;
	if (!queue->running)
		return;

	list_for_each_entry_safe(job, next, &queue->running->jobs, node) {
		if (!kept) {
			edudma_job_end(queue, job);
			continue;
		}
		edudma_job_set_state(job, EDUDMA_JOB_KEPT);
		edudma_job_uncharge(job);
		list_move_tail(&job->node, kept);
		queue->pending--;
	}
}

/** edudma_queue_give_back() - end what was kept: the engine is quiet; under the lock */
void edudma_queue_give_back(struct edudma_queue *queue)
{
	struct edudma_job *job, *next;

	list_for_each_entry_safe(job, next, &queue->kept, node) {
		queue->pending++;
		edudma_job_end(queue, job);
	}
}
