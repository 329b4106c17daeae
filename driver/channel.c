// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel: gives turns to requests, feeds the engine, watches it, and fences
 * it off before anything that it may still touch is released.
 */
#include <linux/jiffies.h>
#include <linux/wait.h>

#include "edudma_device.h"
#include "params.h"
#include "request.h"

static struct edudma_request *edudma_turn_request(struct edudma_turn *turn)
{
	return turn ? container_of(turn, struct edudma_request, turn) : NULL;
}

/* Whether turns are given and descriptors issued. */
static bool edudma_channel_open(const struct edudma_channel *ch)
{
	return ch->state == EDUDMA_CHANNEL_OPEN && !ch->paused;
}

/* Progress was made: the next is due a timeout from now. */
static void edudma_channel_touch(struct edudma_channel *ch)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(edudma_timeout_ms));

	ch->deadline = jiffies + timeout;
	if (delayed_work_pending(&ch->watchdog) &&
	    !time_after(ch->watchdog_at, ch->deadline))
		return;
	ch->watchdog_at = ch->deadline;
	mod_delayed_work(edudma_wq, &ch->watchdog, timeout);
}

static void edudma_request_move(struct edudma_request *req,
				enum edudma_turn_state state)
{
	req->state = state;
	wake_up(&req->wait);
}

static void edudma_request_end_turn(struct edudma_request *req)
{
	edudma_turns_end(&req->channel->turns, &req->turn);
	edudma_request_move(req, EDUDMA_TURN_OVER);
}

/* Gives the turn to the request on deck, or to whoever is next. */
static void edudma_channel_grant_running(struct edudma_channel *ch)
{
	if (ch->running)
		return;

	ch->running = ch->on_deck ?:
		edudma_turn_request(edudma_turns_take(&ch->turns));
	ch->on_deck = NULL;
	if (ch->running) {
		edudma_request_move(ch->running, EDUDMA_TURN_RUNNING);
		edudma_channel_touch(ch);
	}
}

static void edudma_channel_grant_on_deck(struct edudma_channel *ch)
{
	if (ch->on_deck)
		return;

	ch->on_deck = edudma_turn_request(edudma_turns_take(&ch->turns));
	if (ch->on_deck)
		edudma_request_move(ch->on_deck, EDUDMA_TURN_ON_DECK);
}

/* Gives the engine as much of the running request as it takes. */
static void edudma_channel_issue(struct edudma_channel *ch)
{
	const struct edudma_engine_ops *ops = ch->edev->engine.ops;
	struct edudma_chunk *chunk;
	unsigned int issued;

	list_for_each_entry(chunk, &ch->running->chunks, node) {
		if (chunk->issued == chunk->limit)
			continue;
		issued = ops->issue(ch, chunk->descs.array + chunk->issued,
				    chunk->limit - chunk->issued);
		if (!issued)
			break;
		chunk->issued += issued;
		ch->posted += issued;
		edudma_count(&ch->edev->stats.descriptors, issued);
		edudma_channel_touch(ch);
		if (chunk->issued < chunk->limit)
			break;
	}
}

/* Whether a request has nothing here any more and will not submit anything. */
static bool edudma_request_over(const struct edudma_request *req)
{
	return req->finished && list_empty(&req->chunks);
}

/*
 * Starts whatever can be started now and passes turns on that are over.  A
 * request that is over keeps neither turn, in any state of the channel: its
 * submitter may free it.
 */
static void edudma_channel_advance(struct edudma_channel *ch)
{
	if (ch->on_deck && edudma_request_over(ch->on_deck)) {
		edudma_request_end_turn(ch->on_deck);
		ch->on_deck = NULL;
	}

	for (;;) {
		if (edudma_channel_open(ch)) {
			edudma_channel_grant_running(ch);
			if (ch->running)
				edudma_channel_issue(ch);
		}
		if (!ch->running)
			return;
		if (!edudma_request_over(ch->running))
			break;
		edudma_request_end_turn(ch->running);
		ch->running = NULL;
	}

	if (edudma_channel_open(ch))
		edudma_channel_grant_on_deck(ch);
}

/* Stops a request: what the engine has not got, it will not get. */
static void edudma_request_stop(struct edudma_request *req, int error,
				struct list_head *done)
{
	struct edudma_chunk *chunk, *next;

	if (!req->error)
		req->error = error;
	req->finished = true;

	list_for_each_entry_safe(chunk, next, &req->chunks, node) {
		chunk->limit = chunk->issued;
		if (chunk->retired == chunk->limit)
			list_move_tail(&chunk->node, done);
	}
	wake_up(&req->wait);
}

/* Has the engine drop what it was given, if it can. */
static void edudma_channel_abort(struct edudma_channel *ch, struct list_head *done)
{
	const struct edudma_engine_ops *ops = ch->edev->engine.ops;

	if (!ops->abort || ch->state != EDUDMA_CHANNEL_OPEN || !ch->posted)
		return;

	if (ops->abort(ch, done)) {
		edudma_channel_fault(ch);
		return;
	}
	ch->finished = 0;
	wake_up(&ch->drained);
}

/* Takes its chunks from a request once the engine is known to be quiet. */
static void edudma_request_strip(struct edudma_request *req,
				 struct list_head *done)
{
	list_splice_tail_init(&req->chunks, done);
}

/* Stops every request of a channel that will not serve any more. */
static void edudma_channel_stop_all(struct edudma_channel *ch, int error,
				    struct list_head *done)
{
	struct edudma_request *req;

	while ((req = edudma_turn_request(edudma_turns_take(&ch->turns)))) {
		edudma_request_stop(req, error, done);
		edudma_request_end_turn(req);
	}
	if (ch->on_deck)
		edudma_request_stop(ch->on_deck, error, done);
	if (ch->running)
		edudma_request_stop(ch->running, error, done);
	edudma_channel_advance(ch);
}

/**
 * edudma_channel_enter() - queue a request for its turn
 * @req:	the request, with nothing submitted
 * @queue:	its file's queue
 *
 * Context: Process; no locks.
 * Return: 0, -ENODEV if the device is gone, -EIO if its engine is dead.
 */
int edudma_channel_enter(struct edudma_request *req, struct edudma_queue *queue)
{
	struct edudma_channel *ch = req->channel;
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&ch->lock, flags);
	if (ch->state == EDUDMA_CHANNEL_CLOSED) {
		ret = -ENODEV;
	} else if (ch->state == EDUDMA_CHANNEL_DEAD) {
		ret = -EIO;
	} else {
		edudma_turns_add(&ch->turns, queue, &req->turn);
		edudma_channel_advance(ch);
	}
	spin_unlock_irqrestore(&ch->lock, flags);

	return ret;
}

/**
 * edudma_channel_forget() - a file's queue is no more
 * @ch:		the channel
 * @queue:	the queue, with nothing waiting
 *
 * Context: Process; no locks.
 */
void edudma_channel_forget(struct edudma_channel *ch, struct edudma_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	if (ch->running && ch->running->turn.queue == queue)
		ch->running->turn.queue = NULL;
	if (ch->on_deck && ch->on_deck->turn.queue == queue)
		ch->on_deck->turn.queue = NULL;
	spin_unlock_irqrestore(&ch->lock, flags);
}

/**
 * edudma_channel_submit() - queue a mapped chunk behind those of its request
 * @chunk:	the chunk
 * @last:	no further chunk will follow, so the turn can be passed on as
 *		soon as this one is done
 *
 * Context: Process, under edudma_device.gate.
 * Return: 0, and the chunk belongs to the channel; or why the request was
 * stopped meanwhile.
 */
int edudma_channel_submit(struct edudma_chunk *chunk, bool last)
{
	struct edudma_request *req = chunk->req;
	struct edudma_channel *ch = req->channel;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&ch->lock, flags);
	ret = req->error;
	if (!ret) {
		kref_get(&req->ref);
		chunk->busy = true;
		chunk->limit = chunk->descs.count;
		req->in_flight++;
		req->arriving++;
		ch->in_flight++;
		ch->arriving++;
		req->finished = last;
		list_add_tail(&chunk->node, &req->chunks);
		if (req == ch->running)
			edudma_channel_advance(ch);
	}
	spin_unlock_irqrestore(&ch->lock, flags);

	return ret;
}

/**
 * edudma_channel_finish() - no further chunk will be submitted
 * @req:	a request that was entered
 *
 * Context: Process; no locks.
 */
void edudma_channel_finish(struct edudma_request *req)
{
	struct edudma_channel *ch = req->channel;
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	req->finished = true;
	edudma_channel_advance(ch);
	spin_unlock_irqrestore(&ch->lock, flags);
}

/**
 * edudma_channel_cancel() - stop a request before its next descriptor
 * @req:	a request that was entered
 * @error:	what it ends with if it was not stopped before
 *
 * Descriptors that the engine has are aborted, or waited out by the channel if
 * the engine cannot do that; the chunks they belong to stay with it until then.
 * Everything else is released.
 *
 * Context: Process; no locks.
 */
void edudma_channel_cancel(struct edudma_request *req, int error)
{
	struct edudma_channel *ch = req->channel;
	unsigned long flags;
	LIST_HEAD(done);

	spin_lock_irqsave(&ch->lock, flags);
	edudma_request_stop(req, error, &done);
	if (req->state == EDUDMA_TURN_WAITING) {
		edudma_turns_remove(&req->turn);
		edudma_request_move(req, EDUDMA_TURN_OVER);
	} else if (req == ch->running) {
		edudma_channel_abort(ch, &done);
	}
	edudma_channel_advance(ch);
	spin_unlock_irqrestore(&ch->lock, flags);

	edudma_chunks_complete(&done);
}

/**
 * edudma_channel_release() - a chunk has let go of everything
 * @chunk:	the chunk; belongs to the submitter again, or is freed
 *
 * Context: Any; no locks.
 */
void edudma_channel_release(struct edudma_chunk *chunk)
{
	struct edudma_request *req = chunk->req;
	struct edudma_channel *ch = req->channel;
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	req->done += chunk->bytes_done;
	req->in_flight--;
	chunk->busy = false;
	wake_up(&req->wait);
	if (!--ch->in_flight)
		wake_up(&ch->drained);
	spin_unlock_irqrestore(&ch->lock, flags);

	edudma_request_put(req);
}

/*
 * Under the channel's lock: once the work can run, the chunk can be released, and
 * once that has happened the device may go, and its workqueues with it.
 */
static void edudma_channel_queue_copying(struct edudma_chunk *chunk)
{
	struct edudma_channel *ch = chunk->req->channel;

	list_add_tail(&chunk->node, &ch->completed);
	queue_work(ch->edev->copy_wq, &ch->copying);
}

/**
 * edudma_channel_defer_copying() - have a complete chunk copied to user memory
 * @chunk:	the chunk, in no list
 *
 * Behind those that were deferred before.
 *
 * Context: Any; no locks.
 */
void edudma_channel_defer_copying(struct edudma_chunk *chunk)
{
	struct edudma_channel *ch = chunk->req->channel;
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	edudma_channel_queue_copying(chunk);
	spin_unlock_irqrestore(&ch->lock, flags);
}

/**
 * edudma_channel_arrived() - what a chunk was to move is where it belongs
 * @chunk:	the chunk, in no list, unmapped and copied
 *
 * It does not need the device any more, and its request may send what it fetched.
 *
 * Context: Any; no locks.
 */
void edudma_channel_arrived(struct edudma_chunk *chunk)
{
	struct edudma_request *req = chunk->req;
	struct edudma_channel *ch = req->channel;
	unsigned long flags;

	edudma_device_let_sleep(ch->edev);

	spin_lock_irqsave(&ch->lock, flags);
	req->arriving--;
	wake_up(&req->wait);
	if (!--ch->arriving)
		wake_up(&ch->drained);
	spin_unlock_irqrestore(&ch->lock, flags);
}

/**
 * edudma_channel_defer_dirtying() - have a chunk's pages dirtied, then released
 * @chunk:	the chunk, in no list, with nothing but its pages
 *
 * Context: Any; no locks.
 */
void edudma_channel_defer_dirtying(struct edudma_chunk *chunk)
{
	struct edudma_channel *ch = chunk->req->channel;
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	queue_work(ch->edev->dirty_wq, &chunk->dirtying);
	spin_unlock_irqrestore(&ch->lock, flags);
}

/**
 * edudma_channel_next_completed() - the chunk that is to be copied next
 * @ch:		the channel
 *
 * Context: Process; no locks.
 * Return: the chunk that was deferred first, or NULL.
 */
struct edudma_chunk *edudma_channel_next_completed(struct edudma_channel *ch)
{
	struct edudma_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&ch->lock, flags);
	chunk = list_first_entry_or_null(&ch->completed, struct edudma_chunk, node);
	if (chunk)
		list_del_init(&chunk->node);
	spin_unlock_irqrestore(&ch->lock, flags);

	return chunk;
}

/**
 * edudma_channel_posted() - the descriptors that are to be retired next
 * @ch:		the channel, with something posted
 * @count:	how many follow each other; more may be posted behind them
 *
 * Context: Any, under the channel's lock.
 * Return: the oldest of them.
 */
const struct edudma_descriptor *
edudma_channel_posted(const struct edudma_channel *ch, unsigned int *count)
{
	const struct edudma_chunk *chunk =
		list_first_entry(&ch->running->chunks, struct edudma_chunk, node);

	*count = chunk->issued - chunk->retired;

	return chunk->descs.array + chunk->retired;
}

/**
 * edudma_channel_retire() - the engine is done with the oldest descriptors
 * @ch:		the channel
 * @count:	how many, at most what edudma_channel_posted() said
 * @moved:	how many of them, from the first on, have moved all of their bytes.
 *		If not all have, nothing that is retired later has either, until
 *		nothing is posted: what is reported done is done from the first on.
 * @done:	their chunk is added here if it is complete, unless it brings
 *		copies: these are made in the order of this call
 *
 * After one or more of these comes edudma_channel_retired(), and then, without
 * the lock, edudma_chunks_complete() for @done.
 *
 * Context: Any, under the channel's lock.
 */
void edudma_channel_retire(struct edudma_channel *ch, unsigned int count,
			   unsigned int moved, struct list_head *done)
{
	struct edudma_chunk *chunk =
		list_first_entry(&ch->running->chunks, struct edudma_chunk, node);
	const struct edudma_descriptor *descs = chunk->descs.array + chunk->retired;
	unsigned int i;

	for (i = 0; i < moved; i++)
		chunk->bytes_done += descs[i].len;
	chunk->retired += count;
	ch->posted -= count;
	if (chunk->retired < chunk->limit)
		return;

	list_del_init(&chunk->node);
	/* Another context may retire what comes next before this one is through. */
	if (edudma_chunk_brings_copies(chunk))
		edudma_channel_queue_copying(chunk);
	else
		list_add_tail(&chunk->node, done);
}

/**
 * edudma_channel_retired() - go on after descriptors were retired
 * @ch:		the channel
 *
 * Issues what comes next before it returns, so the caller can take its time
 * with what is complete.
 *
 * Context: Any, under the channel's lock.
 */
void edudma_channel_retired(struct edudma_channel *ch)
{
	ch->finished = 0;
	edudma_channel_advance(ch);
	if (!ch->posted)
		wake_up(&ch->drained);
	if (ch->running)
		edudma_channel_touch(ch);
}

/**
 * edudma_channel_fault() - the engine does not work as it should
 * @ch:		the channel
 *
 * Whatever is posted fails with -EIO, behind the fence.
 *
 * Context: Any, under the channel's lock.
 */
void edudma_channel_fault(struct edudma_channel *ch)
{
	if (ch->state != EDUDMA_CHANNEL_OPEN)
		return;

	ch->state = EDUDMA_CHANNEL_FAULTED;
	ch->watchdog_at = jiffies;
	mod_delayed_work(edudma_wq, &ch->watchdog, 0);
	wake_up(&ch->drained);
}

/*
 * The engine was told to stop and could not be stopped.  What it holds is never
 * released; everybody else is sent away.
 */
static void edudma_channel_die(struct edudma_channel *ch, int error)
{
	LIST_HEAD(held);
	LIST_HEAD(done);
	struct edudma_chunk *chunk, *next;

	dev_crit(&ch->edev->dev, "channel %u does not stop, it is unusable until the device is reset or bound anew\n",
		 ch->index);

	spin_lock_irq(&ch->lock);
	if (ch->state != EDUDMA_CHANNEL_CLOSED)
		ch->state = EDUDMA_CHANNEL_DEAD;
	ch->runaway = true;
	ch->posted = 0;
	edudma_channel_stop_all(ch, error, &done);
	if (ch->running)
		edudma_request_strip(ch->running, &held);
	edudma_channel_advance(ch);
	spin_unlock_irq(&ch->lock);

	edudma_chunks_complete(&done);
	list_for_each_entry_safe(chunk, next, &held, node) {
		list_del_init(&chunk->node);
		edudma_chunk_leak(chunk);
	}
}

/* Fences the engine off, fails the request that it was working on, goes on. */
static void edudma_channel_recover(struct edudma_channel *ch, int error)
{
	struct edudma_device *edev = ch->edev;
	LIST_HEAD(done);

	if (edev->engine.ops->quiesce(ch)) {
		edudma_channel_die(ch, -EIO);
		return;
	}
	edev->engine.ops->restart(ch);

	spin_lock_irq(&ch->lock);
	ch->posted = 0;
	ch->finished = 0;
	if (ch->running) {
		edudma_request_stop(ch->running, error, &done);
		edudma_request_strip(ch->running, &done);
	}
	if (ch->state == EDUDMA_CHANNEL_FENCING)
		ch->state = EDUDMA_CHANNEL_OPEN;
	edudma_channel_advance(ch);
	spin_unlock_irq(&ch->lock);

	edudma_chunks_complete(&done);
}

/*
 * Claims the engine for the fence, if it has failed or has something that it
 * should have finished.  Returns what to recover from, or 0.
 */
static int edudma_channel_claim(struct edudma_channel *ch)
{
	int error = 0;

	if (ch->state == EDUDMA_CHANNEL_FAULTED) {
		error = -EIO;
	} else if (ch->state == EDUDMA_CHANNEL_OPEN && ch->posted) {
		error = -ETIMEDOUT;
		dev_warn_ratelimited(&ch->edev->dev, "transfer timed out, stopping channel %u\n",
				     ch->index);
		edudma_count(&ch->edev->stats.timeouts, 1);
	}
	if (error)
		ch->state = EDUDMA_CHANNEL_FENCING;

	return error;
}

/* Whether somebody waits for the turn that the running request has. */
static bool edudma_channel_awaited(const struct edudma_channel *ch)
{
	return ch->on_deck || !edudma_turns_empty(&ch->turns);
}

/* Whether the engine has finished something since it was last looked at. */
static bool edudma_channel_progressed(struct edudma_channel *ch)
{
	const struct edudma_engine_ops *ops = ch->edev->engine.ops;
	unsigned int before = ch->finished;

	if (!ops->progress)
		return false;
	ch->finished = ops->progress(ch);

	/* If all is finished there should have been an interrupt. */
	return ch->finished > before && ch->finished < ch->posted;
}

/*
 * Runs when the engine has failed, or the running request was due to make
 * progress.  Then either the engine has not finished a descriptor, or the
 * process has not come with its next chunk: whoever waits gets the turn, or one
 * process that waits for a page forever would stop them all.
 */
static void edudma_channel_watchdog(struct work_struct *work)
{
	struct edudma_channel *ch =
		container_of(work, struct edudma_channel, watchdog.work);
	unsigned long now = jiffies;
	LIST_HEAD(done);
	int error = 0;

	spin_lock_irq(&ch->lock);
	if (ch->paused) {
		/* edudma_channel_drain() looks for itself */
	} else if (ch->state == EDUDMA_CHANNEL_FAULTED) {
		error = edudma_channel_claim(ch);
	} else if (!edudma_channel_open(ch) || !ch->running) {
		/* nothing to watch */
	} else if (time_before(now, ch->deadline)) {
		ch->watchdog_at = ch->deadline;
		mod_delayed_work(edudma_wq, &ch->watchdog, ch->deadline - now);
	} else if (!ch->posted && !edudma_channel_awaited(ch)) {
		edudma_channel_touch(ch);
	} else if (!ch->posted) {
		edudma_count(&ch->edev->stats.timeouts, 1);
		edudma_request_stop(ch->running, -ETIMEDOUT, &done);
		edudma_channel_advance(ch);
	} else if (edudma_channel_progressed(ch)) {
		edudma_channel_touch(ch);
	} else {
		error = edudma_channel_claim(ch);
	}
	spin_unlock_irq(&ch->lock);

	edudma_chunks_complete(&done);
	if (error)
		edudma_channel_recover(ch, error);
}

/**
 * edudma_channel_init() - an open channel with nothing to do
 * @ch:		the channel
 * @edev:	its device
 * @index:	its number, from 0
 */
void edudma_channel_init(struct edudma_channel *ch, struct edudma_device *edev,
			 unsigned int index)
{
	spin_lock_init(&ch->lock);
	init_waitqueue_head(&ch->drained);
	edudma_turns_init(&ch->turns);
	INIT_LIST_HEAD(&ch->completed);
	INIT_WORK(&ch->copying, edudma_chunks_copy);
	INIT_DELAYED_WORK(&ch->watchdog, edudma_channel_watchdog);
	ch->edev = edev;
	ch->index = index;
	ch->state = EDUDMA_CHANNEL_OPEN;
}

/**
 * edudma_channel_hold() - issue nothing more
 * @ch:		the channel, for which edudma_channel_pause() comes next
 *
 * A recovery that is under way is waited for, a new one does not begin.
 *
 * Context: Process, may sleep.  Not concurrent with pause, resume or shutdown.
 */
void edudma_channel_hold(struct edudma_channel *ch)
{
	spin_lock_irq(&ch->lock);
	ch->paused = true;
	spin_unlock_irq(&ch->lock);

	cancel_delayed_work_sync(&ch->watchdog);
}

/* Whether nothing is posted that the engine will get on with. */
static bool edudma_channel_drained(struct edudma_channel *ch)
{
	bool drained;

	spin_lock_irq(&ch->lock);
	drained = !ch->posted || ch->state != EDUDMA_CHANNEL_OPEN;
	spin_unlock_irq(&ch->lock);

	return drained;
}

/* Waits until nothing is posted, as long as the engine gets on with it. */
static void edudma_channel_drain(struct edudma_channel *ch)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(edudma_timeout_ms));
	unsigned int before;
	bool progressed;

	do {
		spin_lock_irq(&ch->lock);
		before = ch->posted;
		spin_unlock_irq(&ch->lock);

		wait_event_timeout(ch->drained, edudma_channel_drained(ch), timeout);

		spin_lock_irq(&ch->lock);
		progressed = ch->state == EDUDMA_CHANNEL_OPEN && ch->posted &&
			     (ch->posted < before || edudma_channel_progressed(ch));
		spin_unlock_irq(&ch->lock);
	} while (progressed);
}

/**
 * edudma_channel_pause() - stop the engine between two descriptors
 * @ch:		a channel that is held
 *
 * What the engine has is waited out, and fenced off if it is overdue.  Requests
 * keep their turns and their chunks until edudma_channel_resume().  The device
 * has no access to memory meanwhile.
 *
 * Context: Process, may sleep.  Not concurrent with itself, resume or shutdown.
 */
void edudma_channel_pause(struct edudma_channel *ch)
{
	int error;

	edudma_channel_drain(ch);

	spin_lock_irq(&ch->lock);
	error = edudma_channel_claim(ch);
	spin_unlock_irq(&ch->lock);
	if (error)
		edudma_channel_recover(ch, error);

	if (ch->edev->engine.ops->quiesce(ch))
		edudma_channel_die(ch, -EIO);
}

/**
 * edudma_channel_resume() - go on
 * @ch:		a paused channel
 *
 * A channel that was dead lives again if the engine has become quiet: a reset
 * may have helped.
 *
 * Context: Process, may sleep.  Not concurrent with itself, pause or shutdown.
 */
void edudma_channel_resume(struct edudma_channel *ch)
{
	const struct edudma_engine_ops *ops = ch->edev->engine.ops;
	bool quiet = !ops->quiesce(ch);

	if (quiet)
		ops->restart(ch);
	else
		edudma_channel_die(ch, -EIO);

	spin_lock_irq(&ch->lock);
	ch->paused = false;
	ch->runaway = !quiet;
	if (quiet && ch->state == EDUDMA_CHANNEL_DEAD)
		ch->state = EDUDMA_CHANNEL_OPEN;
	if (ch->running)
		edudma_channel_touch(ch);
	edudma_channel_advance(ch);
	spin_unlock_irq(&ch->lock);
}

/* Whether one of the channel's counts of chunks is 0. */
static bool edudma_channel_none(struct edudma_channel *ch,
				const unsigned int *count)
{
	bool none;

	spin_lock_irq(&ch->lock);
	none = !*count;
	spin_unlock_irq(&ch->lock);

	return none;
}

/**
 * edudma_channel_shutdown() - stop for good
 * @ch:		the channel
 *
 * Every request ends with -ENODEV.  When this returns the engine is quiet, and no
 * chunk touches the device or memory, unless it was leaked as the engine could not
 * be stopped.
 *
 * Context: Process, may sleep; nothing new can be mapped any more.
 */
void edudma_channel_shutdown(struct edudma_channel *ch)
{
	LIST_HEAD(done);

	spin_lock_irq(&ch->lock);
	ch->state = EDUDMA_CHANNEL_CLOSED;
	edudma_channel_stop_all(ch, -ENODEV, &done);
	spin_unlock_irq(&ch->lock);

	edudma_chunks_complete(&done);
	cancel_delayed_work_sync(&ch->watchdog);

	if (ch->edev->engine.ops->quiesce(ch)) {
		edudma_channel_die(ch, -ENODEV);
	} else {
		spin_lock_irq(&ch->lock);
		ch->posted = 0;
		if (ch->running)
			edudma_request_strip(ch->running, &done);
		edudma_channel_advance(ch);
		spin_unlock_irq(&ch->lock);

		edudma_chunks_complete(&done);
	}

	/* Some may be on their way in other contexts. */
	wait_event(ch->drained, edudma_channel_none(ch, &ch->arriving));
}

/**
 * edudma_channel_wait_empty() - wait until every chunk is released
 * @ch:		a channel that was shut down
 *
 * That may take as long as somebody keeps the lock of a page that a chunk must
 * dirty.
 *
 * Context: Process, may sleep.
 */
void edudma_channel_wait_empty(struct edudma_channel *ch)
{
	wait_event(ch->drained, edudma_channel_none(ch, &ch->in_flight));
}
