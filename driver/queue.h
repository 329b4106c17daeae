/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A queue: the jobs of one channel of the engine, whose job is next, and what is
 * done when the engine fails.  It knows no page and no user.
 */
#ifndef EDUDMA_QUEUE_H
#define EDUDMA_QUEUE_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "engine.h"
#include "share.h"
#include "window.h"

struct edudma_descriptor;
struct edudma_queue;

/* Descriptors issued, and reaped, without letting interrupts in. */
#define EDUDMA_BATCH		128U

/* Jobs of a queue that can hold memory at a time, see struct edudma_queue. */
#define EDUDMA_QUEUE_JOBS	3U

/**
 * enum edudma_job_state - where a job is
 * @EDUDMA_JOB_IDLE:	with its owner
 * @EDUDMA_JOB_QUEUED:	submitted, nothing of it issued
 * @EDUDMA_JOB_ACTIVE:	the engine has some of it
 * @EDUDMA_JOB_ENDED:	the engine is done with it; @complete comes next
 * @EDUDMA_JOB_KEPT:	the engine may still access memory for it
 */
enum edudma_job_state {
	EDUDMA_JOB_IDLE,
	EDUDMA_JOB_QUEUED,
	EDUDMA_JOB_ACTIVE,
	EDUDMA_JOB_ENDED,
	EDUDMA_JOB_KEPT,
};

/**
 * struct edudma_job - descriptors that are executed as one
 * @descs:	the descriptors, which stay the owner's; written to if they are of a
 *		stream, see struct edudma_stream_descriptor
 * @count:	how many; fewer than were submitted if the job was cut short
 * @weight:	what @complete costs, in pages
 * @id:		of its request or stream, for trace events, or 0
 * @polled:	somebody calls edudma_queue_poll() until it is complete: no interrupt
 * @complete:	The engine is done with the job, which is the owner's again.
 *		Called once, in the order in which jobs of a queue ended, one at
 *		a time.  @moved says how much was moved.  Context: any, hard irq
 *		included; no locks.
 * @keep:	The engine cannot be stopped and may access memory for the job
 *		until a reset helps: nobody is to wait for it.  @complete follows
 *		then, or never.  Context: process; no locks.
 * @state:	where it is; queue lock
 * @node:	in a list that @state tells; queue lock
 * @issued:	descriptors that the engine was given
 * @retired:	descriptors that have ended
 * @moved:	of these, those from the first on that moved all their bytes
 * @error:	why its request was stopped before it ended, 0 or -errno
 * @grant:	the standing grant that is charged for it, or NULL; queue lock
 * @silent:	no interrupt was requested for the last one issued; queue lock
 *
 * The owner fills in the first seven and may read @issued, @moved and @error when
 * the job is complete.
 */
struct edudma_job {
	struct edudma_descriptor *descs;
	unsigned int count;
	unsigned int weight;
	u64 id;
	bool polled;
	void (*complete)(struct edudma_job *job);
	void (*keep)(struct edudma_job *job);

	enum edudma_job_state state;
	struct list_head node;
	unsigned int issued;
	unsigned int retired;
	unsigned int moved;
	int error;
	struct edudma_grant *grant;
	bool silent;
};

/**
 * enum edudma_grant_state - where a request stands in its queue
 * @EDUDMA_GRANT_NONE:		not in a queue
 * @EDUDMA_GRANT_WAITING:	in its file's share
 * @EDUDMA_GRANT_STAGED:	next: may submit one job
 * @EDUDMA_GRANT_RUNNING:	now: may submit jobs
 * @EDUDMA_GRANT_YIELDING:	now, but waits again when its jobs have ended
 * @EDUDMA_GRANT_ENDED:		may not submit any more
 */
enum edudma_grant_state {
	EDUDMA_GRANT_NONE,
	EDUDMA_GRANT_WAITING,
	EDUDMA_GRANT_STAGED,
	EDUDMA_GRANT_RUNNING,
	EDUDMA_GRANT_YIELDING,
	EDUDMA_GRANT_ENDED,
};

/**
 * struct edudma_grant - the right of a request to use the engine
 * @queue:	the queue
 * @exclusive:	wants the window for itself, from its first job to its end
 * @notify:	The request may submit jobs, or was stopped.  Context: any, under the
 *		queue's lock.
 * @id:		of its request or stream, for trace events, or 0
 * @patience:	in jiffies, what a descriptor may take beyond timeout_ms
 * @share:	its place among others; queue lock
 * @state:	where it stands; queue lock, read without
 * @last:	no further job will be submitted; queue lock
 * @begun:	some of its descriptors were issued; queue lock
 * @moved:	some of its descriptors have moved their bytes; queue lock
 * @error:	why it was stopped, 0 or -errno; queue lock, read without
 * @jobs:	submitted and not ended, in order; queue lock
 * @backlog:	posted to a standing grant that may not submit now; queue lock
 *
 * The owner fills in the first five.  A standing grant, see edudma_grant_init(), is
 * requested by the jobs themselves, as often as there are some.
 */
struct edudma_grant {
	struct edudma_queue *queue;
	bool exclusive;
	void (*notify)(struct edudma_grant *grant);
	u64 id;
	unsigned long patience;

	struct edudma_share share;
	enum edudma_grant_state state;
	bool last;
	bool begun;
	bool moved;
	int error;
	struct list_head jobs;
	struct list_head backlog;
};

/**
 * enum edudma_queue_state - whether descriptors are issued
 * @EDUDMA_QUEUE_READY:		yes
 * @EDUDMA_QUEUE_STARTING:	no, a stream is being started or ended
 * @EDUDMA_QUEUE_PAUSED:	no, the engine is halted for a while
 * @EDUDMA_QUEUE_FAULTED:	no, the engine has failed and recovery begins
 * @EDUDMA_QUEUE_RECOVERING:	no, recovery is under way
 * @EDUDMA_QUEUE_HUNG:		no, the engine could not be stopped
 * @EDUDMA_QUEUE_CLOSED:	no, the device is being removed
 */
enum edudma_queue_state {
	EDUDMA_QUEUE_READY,
	EDUDMA_QUEUE_STARTING,
	EDUDMA_QUEUE_PAUSED,
	EDUDMA_QUEUE_FAULTED,
	EDUDMA_QUEUE_RECOVERING,
	EDUDMA_QUEUE_HUNG,
	EDUDMA_QUEUE_CLOSED,
};

/**
 * struct edudma_queue - a channel of the engine and the requests that share it
 * @lock:	protects everything here, the grants and jobs that are in it, and
 *		the engine's operations on the channel; irq-safe
 * @engine:	the engine
 * @index:	number of the channel
 * @stream:	It is for streams: the one whose grant runs has set up the channel for
 *		itself, so the grant ends when the channel is quiesced; and its jobs do not
 *		use the window
 * @window:	what all channels of the device share
 * @stats:	where to count
 * @wq:		runs @watchdog
 * @hung:	The engine could not be stopped.  Context: process; no locks.
 * @state:	see enum edudma_queue_state
 * @users:	groups of shares, of struct edudma_group.node
 * @root:	requests that wait
 * @running:	the request whose jobs are issued, or NULL
 * @staged:	the request that is next, or NULL
 * @granted_at:	in jiffies, when @running was granted
 * @posted:	descriptors issued and not retired, all of @running
 * @pending:	jobs submitted and not completed or kept
 * @charged:	weight of the jobs that were posted to standing grants
 * @busy:	something was posted, and the time since then not counted
 * @blocked:	@running may not issue its next job: the window is not free
 * @more:	there is more to issue or to reap than may be done in one go
 * @stray:	an interrupt may come that has nothing to report
 * @polled:	no interrupt was requested for what was issued last, as it is polled
 * @started:	when the idle engine was given something
 * @ended:	jobs to complete, in order
 * @completing:	somebody completes them
 * @kept:	jobs that the engine may still access memory for
 * @drained:	woken when @posted or @pending becomes 0, or @state changes
 * @deadline:	in jiffies, when @running must have made progress
 * @watchdog:	looks at @deadline
 * @watchdog_at: in jiffies, when it looks next, if it is pending
 *
 * One request runs.  When its last job has begun, the next one is staged: it
 * prepares its first job, which is issued when the other ends, so the engine need
 * not wait for a process to wake.  Everybody else waits without holding memory.
 * That bounds what is pinned on a channel to three jobs, however many processes
 * use it.
 */
struct edudma_queue {
	spinlock_t lock; /* see above */
	struct edudma_engine *engine;
	unsigned int index;
	bool stream;
	struct edudma_window *window;
	struct edudma_stats *stats;
	struct workqueue_struct *wq;
	void (*hung)(struct edudma_queue *queue);

	enum edudma_queue_state state;
	struct list_head users;
	struct edudma_share root;
	struct edudma_grant *running;
	struct edudma_grant *staged;
	unsigned long granted_at;
	unsigned int posted;
	unsigned int pending;
	unsigned int charged;
	bool busy;
	bool blocked;
	bool more;
	bool stray;
	bool polled;
	ktime_t started;
	struct list_head ended;
	bool completing;
	struct list_head kept;
	wait_queue_head_t drained;
	unsigned long deadline;
	struct delayed_work watchdog;
	unsigned long watchdog_at;
};

/* For those who use a queue. */

/* interrupt.c */
extern const struct edudma_engine_client edudma_queue_client;
int edudma_queue_poll(struct edudma_queue *queue);

/* recovery.c */
void edudma_queue_init(struct edudma_queue *queue);
void edudma_queue_hold(struct edudma_queue *queue);
void edudma_queue_pause(struct edudma_queue *queue);
void edudma_queue_fail(struct edudma_queue *queue);
void edudma_queue_resume(struct edudma_queue *queue);
void edudma_queue_close(struct edudma_queue *queue);
int edudma_queue_start_stream(struct edudma_grant *grant,
			      const struct edudma_stream_setup *setup);
void edudma_queue_end_stream(struct edudma_queue *queue);

/* grant.c */
int edudma_queue_attach(struct edudma_queue *queue, struct edudma_share *share,
			u32 user);
void edudma_queue_detach(struct edudma_queue *queue, struct edudma_share *share);
int edudma_grant_request(struct edudma_grant *grant, struct edudma_share *share);
int edudma_grant_submit(struct edudma_grant *grant, struct edudma_job *job,
			bool last);
void edudma_grant_init(struct edudma_grant *grant, struct edudma_queue *queue,
		       struct edudma_share *share);
bool edudma_grant_may_post(const struct edudma_grant *grant);
int edudma_grant_post(struct edudma_grant *grant, struct edudma_job *job, bool more);
void edudma_grant_finish(struct edudma_grant *grant);
void edudma_grant_cancel(struct edudma_grant *grant, int error, bool abort);

/* queue.c */
void edudma_queue_kick(struct edudma_queue *queue);

/* Between the files of this layer: under the queue's lock. */

/**
 * struct edudma_group - the share of a user
 * @node:	in edudma_queue.users
 * @share:	below it are those of the user's files
 * @user:	whose it is
 * @files:	that are attached
 * @charged:	weight of the jobs that they have posted to standing grants
 */
struct edudma_group {
	struct list_head node;
	struct edudma_share share;
	u32 user;
	unsigned int files;
	unsigned int charged;
};

/* Somebody may wait in edudma_queue.drained; under the queue's lock. */
static inline void edudma_queue_wake(struct edudma_queue *queue)
{
	/* Who waits is on the list before it looks, under the lock: no barrier. */
	if (waitqueue_active(&queue->drained))
		wake_up(&queue->drained);
}

static inline struct edudma_group *edudma_grant_group(const struct edudma_grant *grant)
{
	return container_of(grant->share.parent->parent, struct edudma_group, share);
}

static inline struct edudma_grant *edudma_share_grant(struct edudma_share *share)
{
	return share ? container_of(share, struct edudma_grant, share) : NULL;
}

/* states.c */
void edudma_job_set_state(struct edudma_job *job, enum edudma_job_state state);
void edudma_grant_set_state(struct edudma_grant *grant, enum edudma_grant_state state);
void edudma_queue_set_state(struct edudma_queue *queue, enum edudma_queue_state state);

/* queue.c */
void edudma_queue_watch(struct edudma_queue *queue);
void edudma_queue_rearm(struct edudma_queue *queue, unsigned long timeout);
bool edudma_queue_awaited(const struct edudma_queue *queue);
void edudma_queue_stage(struct edudma_queue *queue);
void edudma_queue_advance(struct edudma_queue *queue);
int edudma_queue_reap(struct edudma_queue *queue, unsigned int budget);
void edudma_queue_fault(struct edudma_queue *queue);
void edudma_queue_strip(struct edudma_queue *queue, struct list_head *kept);
void edudma_queue_give_back(struct edudma_queue *queue);
void edudma_queue_complete(struct edudma_queue *queue, unsigned long *flags,
			   unsigned int budget)
	__must_hold(&queue->lock);
void edudma_queue_unlock(struct edudma_queue *queue, unsigned long flags)
	__releases(&queue->lock);
void edudma_job_end(struct edudma_queue *queue, struct edudma_job *job);
void edudma_grant_end(struct edudma_grant *grant);
void edudma_grant_charge(struct edudma_grant *grant, int weight);
void edudma_grant_withdraw(struct edudma_grant *grant);

/* grant.c */
void edudma_grant_stop(struct edudma_grant *grant, int error);
void edudma_queue_stop_all(struct edudma_queue *queue, int error);
bool edudma_queue_abort(struct edudma_queue *queue, int error);

#endif /* EDUDMA_QUEUE_H */
