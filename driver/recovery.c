// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the engine does not do as it should, or is to be stopped: nothing that it
 * may still access is released before it is known to be quiet.
 *
 * Recovery escalates: look for completions, abort the job, reset the channel.
 * What even that does not stop is kept, and given back when a reset of the device
 * has helped.
 */
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/wait.h>
#include <linux/sched.h>

#include "params.h"
#include "queue.h"
#include "stats.h"
#include "trace.h"

static unsigned long edudma_timeout(void)
{
	return msecs_to_jiffies(READ_ONCE(edudma_timeout_ms));
}

/*
 * The engine was told to stop and could not be stopped.  What it has is kept;
 * everybody else is sent away.
 */
static void edudma_queue_hang(struct edudma_queue *queue, int error)
{
	struct edudma_job *job, *next;
	unsigned long flags;
	LIST_HEAD(kept);

	dev_crit(queue->engine->dev, "reset failed, channel %u disabled until the device is reset\n",
		 queue->index);

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state != EDUDMA_QUEUE_CLOSED && queue->state != EDUDMA_QUEUE_HUNG)
		edudma_queue_set_state(queue, EDUDMA_QUEUE_HUNG);
	if (queue->running)
		edudma_grant_stop(queue->running, error);
	edudma_queue_strip(queue, &kept);
	edudma_queue_stop_all(queue, error);
	edudma_queue_unlock(queue, flags);

	list_for_each_entry_safe(job, next, &kept, node)
		job->keep(job);

	spin_lock_irqsave(&queue->lock, flags);
	list_splice_tail(&kept, &queue->kept);
	edudma_queue_wake(queue);
	edudma_queue_unlock(queue, flags);
}

/*
 * Fails the request that the engine was working on, and leaves the queue in a
 * state to go on from.  The queue is RECOVERING.
 */
static void edudma_queue_recover(struct edudma_queue *queue, int error,
				 enum edudma_queue_state state)
{
	const struct edudma_engine_ops *ops = queue->engine->ops;
	unsigned long flags;

	trace_edudma_recovery(queue, error);
	spin_lock_irqsave(&queue->lock, flags);
	/* An abort may end the request: not without edudma_queue_advance() below. */
	if (error != -ETIMEDOUT || !edudma_queue_abort(queue, error)) {
		spin_unlock_irqrestore(&queue->lock, flags);

		if (ops->quiesce(queue->engine, queue->index)) {
			edudma_queue_hang(queue, -EIO);
			if (queue->hung)
				queue->hung(queue);
			return;
		}
		ops->restart(queue->engine, queue->index);

		spin_lock_irqsave(&queue->lock, flags);
		if (queue->running)
			edudma_grant_stop(queue->running, error);
		edudma_queue_strip(queue, NULL);
	}
	if (queue->state == EDUDMA_QUEUE_RECOVERING)
		edudma_queue_set_state(queue, state);
	edudma_queue_advance(queue);
	edudma_queue_unlock(queue, flags);
}

/*
 * The running request was due to make progress and something is posted: looks for
 * completions, and judges then.  Under the lock.  Returns what to recover from, or
 * 0.
 */
static int edudma_queue_judge(struct edudma_queue *queue)
{
	unsigned int ended = edudma_queue_reap(queue, UINT_MAX);

	if (queue->state == EDUDMA_QUEUE_FAULTED)
		return -EIO;
	if (ended) {
		if (!queue->posted && !queue->polled) {
			dev_warn_ratelimited(queue->engine->dev, "channel %u: lost an interrupt, completions found after a timeout\n",
					     queue->index);
			edudma_count(&queue->stats->interrupts_lost, 1);
		}
		edudma_queue_advance(queue);
		return 0;
	}

	dev_warn_ratelimited(queue->engine->dev, "transfer timed out, stopping channel %u\n",
			     queue->index);
	edudma_count(&queue->stats->timeouts, 1);

	return -ETIMEDOUT;
}

/*
 * Nothing is posted, and the running request has not submitted its next job.  If
 * somebody waits, the next request prepares a job as well; and if neither has one
 * for a whole timeout, as their page faults do not end, the first is stopped.  One
 * whose job waits for the window does so for as long as others need it.
 */
static void edudma_queue_judge_idle(struct edudma_queue *queue)
{
	if (queue->blocked || !edudma_queue_awaited(queue)) {
		edudma_queue_rearm(queue, edudma_timeout());
	} else if (!queue->staged) {
		edudma_queue_stage(queue);
		edudma_queue_rearm(queue, edudma_timeout());
	} else {
		edudma_count(&queue->stats->timeouts, 1);
		edudma_grant_stop(queue->running, -ETIMEDOUT);
		edudma_queue_advance(queue);
	}
}

/* Nothing is overdue.  What is polled is taken back if nobody does. */
static void edudma_queue_look(struct edudma_queue *queue)
{
	if (queue->posted && queue->polled && edudma_queue_reap(queue, UINT_MAX)) {
		queue->stray = true;
		edudma_queue_advance(queue);
	}
	edudma_queue_watch(queue);
}

/* Runs when the engine has failed, or the running request was due to progress. */
static void edudma_queue_watchdog(struct work_struct *work)
{
	struct edudma_queue *queue = container_of(work, struct edudma_queue, watchdog.work);
	unsigned long flags;
	int error = 0;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state == EDUDMA_QUEUE_FAULTED)
		error = -EIO;
	else if (queue->state != EDUDMA_QUEUE_READY || !queue->running)
		; /* nothing to watch */
	else if (time_before(jiffies, queue->deadline))
		edudma_queue_look(queue);
	else if (queue->posted)
		error = edudma_queue_judge(queue);
	else
		edudma_queue_judge_idle(queue);
	if (error)
		edudma_queue_set_state(queue, EDUDMA_QUEUE_RECOVERING);
	edudma_queue_unlock(queue, flags);

	if (error)
		edudma_queue_recover(queue, error, EDUDMA_QUEUE_READY);
}

/**
 * edudma_queue_init() - a queue with nothing to do
 * @queue:	zeroed, with @engine, @index, @window, @stats, @wq and @hung filled in
 */
void edudma_queue_init(struct edudma_queue *queue)
{
	spin_lock_init(&queue->lock);
	init_waitqueue_head(&queue->drained);
	edudma_share_init(&queue->root, NULL);
	INIT_LIST_HEAD(&queue->users);
	INIT_LIST_HEAD(&queue->ended);
	INIT_LIST_HEAD(&queue->kept);
	INIT_DELAYED_WORK(&queue->watchdog, edudma_queue_watchdog);
}

/**
 * edudma_queue_hold() - issue nothing more
 * @queue:	the queue, for which edudma_queue_pause() or _fail() comes next
 *
 * Waits for a recovery that is under way; no new one begins.
 *
 * Context: Process, may sleep.  Not concurrent with pause, resume or close.
 */
void edudma_queue_hold(struct edudma_queue *queue)
{
	bool recovering;

	/* A queue that has failed is recovered by the pause. */
	do {
		cancel_delayed_work_sync(&queue->watchdog);
		spin_lock_irq(&queue->lock);
		/* Or a stream is being started. */
		wait_event_lock_irq(queue->drained, queue->state != EDUDMA_QUEUE_STARTING,
				    queue->lock);
		recovering = queue->state == EDUDMA_QUEUE_RECOVERING;
		if (queue->state == EDUDMA_QUEUE_READY)
			edudma_queue_set_state(queue, EDUDMA_QUEUE_PAUSED);
		spin_unlock_irq(&queue->lock);
	} while (recovering);
}

/* Whether nothing is posted that the engine will get on with. */
static bool edudma_queue_drained(struct edudma_queue *queue)
{
	bool drained;

	spin_lock_irq(&queue->lock);
	drained = !queue->posted || queue->state != EDUDMA_QUEUE_PAUSED;
	spin_unlock_irq(&queue->lock);

	return drained;
}

/*
 * Waits until nothing is posted, as long as the engine gets on with it.  Looks for
 * itself now and then: a batch that was cut by the hold has no interrupt.
 */
static void edudma_queue_drain(struct edudma_queue *queue)
{
	unsigned long flags, deadline = jiffies + edudma_timeout();
	unsigned int left, before = UINT_MAX;

	do {
		wait_event_timeout(queue->drained, edudma_queue_drained(queue), HZ / 10);

		spin_lock_irqsave(&queue->lock, flags);
		if (queue->state == EDUDMA_QUEUE_PAUSED && queue->posted &&
		    edudma_queue_reap(queue, UINT_MAX))
			queue->stray = true;
		left = queue->state == EDUDMA_QUEUE_PAUSED ? queue->posted : 0;
		if (left < before)
			deadline = jiffies + edudma_timeout();
		before = left;
		edudma_queue_advance(queue);
		edudma_queue_unlock(queue, flags);
	} while (left && time_before(jiffies, deadline));
}

/* Recovers a held queue if it has something posted, or has failed. */
static void edudma_queue_recover_held(struct edudma_queue *queue, int error)
{
	bool recover;

	spin_lock_irq(&queue->lock);
	recover = queue->state == EDUDMA_QUEUE_FAULTED ||
		  (queue->state == EDUDMA_QUEUE_PAUSED && queue->posted);
	if (recover) {
		if (queue->state == EDUDMA_QUEUE_FAULTED)
			error = -EIO;
		if (error == -ETIMEDOUT) {
			dev_warn_ratelimited(queue->engine->dev, "transfer timed out, stopping channel %u\n",
					     queue->index);
			edudma_count(&queue->stats->timeouts, 1);
		}
		edudma_queue_set_state(queue, EDUDMA_QUEUE_RECOVERING);
	}
	spin_unlock_irq(&queue->lock);

	if (recover)
		edudma_queue_recover(queue, error, EDUDMA_QUEUE_PAUSED);
}

/*
 * A stream does not survive that its channel is quiesced.  What it has posted ends now,
 * or as the caller goes on.
 */
static void edudma_queue_end_held_stream(struct edudma_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->stream && queue->running && !queue->running->error) {
		if (!queue->posted || !edudma_queue_abort(queue, -ESHUTDOWN))
			edudma_grant_stop(queue->running, -ESHUTDOWN);
		edudma_queue_advance(queue);
	}
	edudma_queue_unlock(queue, flags);
}

/* Has the engine touch no memory. */
static void edudma_queue_halt(struct edudma_queue *queue)
{
	if (queue->engine->ops->quiesce(queue->engine, queue->index))
		edudma_queue_hang(queue, -EIO);
}

/**
 * edudma_queue_pause() - stop the engine between two descriptors
 * @queue:	a queue that is held
 *
 * What the engine has is waited out, and stopped if it is overdue.  Requests keep
 * their grants and their jobs until edudma_queue_resume(); a stream ends.  The channel
 * does not access memory meanwhile.
 *
 * Context: Process, may sleep.  Not concurrent with itself, resume or close.
 */
void edudma_queue_pause(struct edudma_queue *queue)
{
	edudma_queue_end_held_stream(queue);
	edudma_queue_drain(queue);
	edudma_queue_recover_held(queue, -ETIMEDOUT);
	edudma_queue_halt(queue);
}

/**
 * edudma_queue_fail() - like edudma_queue_pause(), of a device that was reset
 * @queue:	a queue that is held
 *
 * What the engine had is lost, so its request fails with -EIO.
 *
 * Context: Process, may sleep.  Not concurrent with itself, resume or close.
 */
void edudma_queue_fail(struct edudma_queue *queue)
{
	edudma_queue_recover_held(queue, -EIO);
	edudma_queue_end_held_stream(queue);
	edudma_queue_halt(queue);
}

/**
 * edudma_queue_resume() - go on
 * @queue:	a paused queue
 *
 * A queue that was hung works again if the engine has become quiet, as a reset may
 * have helped; then what was kept is given back.
 *
 * Context: Process, may sleep.  Not concurrent with itself, pause or close.
 */
void edudma_queue_resume(struct edudma_queue *queue)
{
	const struct edudma_engine_ops *ops = queue->engine->ops;
	unsigned long flags;

	if (ops->quiesce(queue->engine, queue->index)) {
		edudma_queue_hang(queue, -EIO);
		return;
	}
	ops->restart(queue->engine, queue->index);

	spin_lock_irqsave(&queue->lock, flags);
	edudma_queue_give_back(queue);
	if (queue->state == EDUDMA_QUEUE_PAUSED || queue->state == EDUDMA_QUEUE_HUNG)
		edudma_queue_set_state(queue, EDUDMA_QUEUE_READY);
	if (queue->running)
		edudma_queue_rearm(queue, edudma_timeout());
	edudma_queue_advance(queue);
	edudma_queue_unlock(queue, flags);
}

static bool edudma_queue_completed(struct edudma_queue *queue)
{
	bool completed;

	spin_lock_irq(&queue->lock);
	completed = !queue->pending;
	spin_unlock_irq(&queue->lock);

	return completed;
}

/**
 * edudma_queue_close() - stop for good
 * @queue:	the queue
 *
 * Every request ends with -ENODEV.  When this returns the engine is quiet and every
 * job is complete, but for those that are kept as the engine could not be stopped.
 *
 * Context: Process, may sleep; nothing new is submitted.
 */
void edudma_queue_close(struct edudma_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (queue->state != EDUDMA_QUEUE_CLOSED)
		edudma_queue_set_state(queue, EDUDMA_QUEUE_CLOSED);
	edudma_queue_stop_all(queue, -ENODEV);
	edudma_queue_unlock(queue, flags);
	cancel_delayed_work_sync(&queue->watchdog);

	if (queue->engine->ops->quiesce(queue->engine, queue->index)) {
		edudma_queue_hang(queue, -ENODEV);
	} else {
		spin_lock_irqsave(&queue->lock, flags);
		edudma_queue_strip(queue, NULL);
		edudma_queue_give_back(queue);
		edudma_queue_advance(queue);
		edudma_queue_unlock(queue, flags);
	}

	/* Some may be on their way in other contexts. */
	wait_event(queue->drained, edudma_queue_completed(queue));
}

/* The channel is what it is to be: leaves STARTING. */
static void edudma_queue_started(struct edudma_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	edudma_queue_set_state(queue, EDUDMA_QUEUE_READY);
	edudma_queue_advance(queue);
	edudma_queue_unlock(queue, flags);
}

/*
 * Quiesces the channel, and makes it a stream, or without @setup, a ring.  The queue is
 * STARTING.
 */
static int edudma_queue_set_up(struct edudma_queue *queue,
			       const struct edudma_stream_setup *setup)
{
	const struct edudma_engine_ops *ops = queue->engine->ops;
	int ret = 0;

	if (ops->quiesce(queue->engine, queue->index))
		goto hung;
	if (setup) {
		ret = ops->stream(queue->engine, queue->index, setup);
		if (ret && ops->quiesce(queue->engine, queue->index))
			goto hung;
	}
	if (!setup || ret)
		ops->restart(queue->engine, queue->index);
	edudma_queue_started(queue);

	return ret;

hung:
	edudma_queue_hang(queue, -EIO);
	if (queue->hung)
		queue->hung(queue);
	return -EIO;
}

/* Begins what edudma_queue_set_up() does, if @grant runs, which may be none. */
static int edudma_queue_begin_set_up(struct edudma_queue *queue,
				     const struct edudma_grant *grant)
{
	int ret = 0;

	spin_lock_irq(&queue->lock);
	if (grant && grant->error)
		ret = grant->error;
	else if (queue->state != EDUDMA_QUEUE_READY || queue->running != grant)
		ret = -EAGAIN;
	else
		edudma_queue_set_state(queue, EDUDMA_QUEUE_STARTING);
	spin_unlock_irq(&queue->lock);

	return ret;
}

/**
 * edudma_queue_start_stream() - make the channel of a grant a stream, and start it
 * @grant:	a grant that was requested, the only one of its queue
 * @setup:	how it works
 *
 * Context: Process, may sleep; the device is not being removed.
 * Return: 0; or the grant is to be cancelled: -EAGAIN if the device is being reset or
 * put to sleep, -EIO if it refuses, or why the grant was stopped.
 */
int edudma_queue_start_stream(struct edudma_grant *grant,
			      const struct edudma_stream_setup *setup)
{
	return edudma_queue_begin_set_up(grant->queue, grant) ?:
	       edudma_queue_set_up(grant->queue, setup);
}

/**
 * edudma_queue_end_stream() - have a channel be a ring again: the device counts no more
 * @queue:	the queue, whose grant has ended
 *
 * If the queue does not work at present, this has been done already.
 *
 * Context: Process, may sleep; the device is not being removed.
 */
void edudma_queue_end_stream(struct edudma_queue *queue)
{
	if (!edudma_queue_begin_set_up(queue, NULL))
		edudma_queue_set_up(queue, NULL);
}
