// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states of jobs, grants and queues, and which changes there are.
 */
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/sched.h>

#include "queue.h"
#include "trace.h"

/* Which change of state is allowed: a bit for each state to come. */
static const u8 edudma_job_changes[] = {
	[EDUDMA_JOB_IDLE] = BIT(EDUDMA_JOB_QUEUED),
	[EDUDMA_JOB_QUEUED] = BIT(EDUDMA_JOB_ACTIVE) | BIT(EDUDMA_JOB_ENDED),
	[EDUDMA_JOB_ACTIVE] = BIT(EDUDMA_JOB_ENDED) | BIT(EDUDMA_JOB_KEPT),
	[EDUDMA_JOB_ENDED] = BIT(EDUDMA_JOB_IDLE),
	[EDUDMA_JOB_KEPT] = BIT(EDUDMA_JOB_ENDED),
};

static const u8 edudma_grant_changes[] = {
	[EDUDMA_GRANT_NONE] = BIT(EDUDMA_GRANT_WAITING),
	[EDUDMA_GRANT_WAITING] = BIT(EDUDMA_GRANT_STAGED) |
				 BIT(EDUDMA_GRANT_RUNNING) | BIT(EDUDMA_GRANT_ENDED),
	[EDUDMA_GRANT_STAGED] = BIT(EDUDMA_GRANT_RUNNING) | BIT(EDUDMA_GRANT_ENDED),
	[EDUDMA_GRANT_RUNNING] = BIT(EDUDMA_GRANT_STAGED) |
				 BIT(EDUDMA_GRANT_YIELDING) | BIT(EDUDMA_GRANT_ENDED),
	[EDUDMA_GRANT_YIELDING] = BIT(EDUDMA_GRANT_WAITING) | BIT(EDUDMA_GRANT_ENDED),
	[EDUDMA_GRANT_ENDED] = BIT(EDUDMA_GRANT_WAITING),
};

static const u8 edudma_queue_changes[] = {
	[EDUDMA_QUEUE_READY] = BIT(EDUDMA_QUEUE_STARTING) | BIT(EDUDMA_QUEUE_PAUSED) |
			       BIT(EDUDMA_QUEUE_FAULTED) |
			       BIT(EDUDMA_QUEUE_RECOVERING) | BIT(EDUDMA_QUEUE_CLOSED),
	[EDUDMA_QUEUE_STARTING] = BIT(EDUDMA_QUEUE_READY) | BIT(EDUDMA_QUEUE_HUNG),
	[EDUDMA_QUEUE_PAUSED] = BIT(EDUDMA_QUEUE_READY) | BIT(EDUDMA_QUEUE_FAULTED) |
				BIT(EDUDMA_QUEUE_RECOVERING) | BIT(EDUDMA_QUEUE_HUNG) |
				BIT(EDUDMA_QUEUE_CLOSED),
	[EDUDMA_QUEUE_FAULTED] = BIT(EDUDMA_QUEUE_RECOVERING) | BIT(EDUDMA_QUEUE_CLOSED),
	[EDUDMA_QUEUE_RECOVERING] = BIT(EDUDMA_QUEUE_READY) | BIT(EDUDMA_QUEUE_PAUSED) |
				    BIT(EDUDMA_QUEUE_HUNG) | BIT(EDUDMA_QUEUE_CLOSED),
	[EDUDMA_QUEUE_HUNG] = BIT(EDUDMA_QUEUE_READY) | BIT(EDUDMA_QUEUE_CLOSED),
	[EDUDMA_QUEUE_CLOSED] = 0,
};

/* Checked where the kernel checks its locks, too. */
static void edudma_assert_change(const u8 *changes, unsigned int from, unsigned int to)
{
	if (IS_ENABLED(CONFIG_PROVE_LOCKING))
		WARN_ON_ONCE(!(changes[from] & BIT(to)));
}

/** edudma_job_set_state() - change a job's state, under the queue's lock */
void edudma_job_set_state(struct edudma_job *job, enum edudma_job_state state)
{
	edudma_assert_change(edudma_job_changes, job->state, state);
	job->state = state;
}

/** edudma_grant_set_state() - change a grant's state; under the queue's lock */
void edudma_grant_set_state(struct edudma_grant *grant, enum edudma_grant_state state)
{
	edudma_assert_change(edudma_grant_changes, grant->state, state);
	WRITE_ONCE(grant->state, state);
	trace_edudma_grant(grant->id, grant->queue, state);
	if (state == EDUDMA_GRANT_STAGED || state == EDUDMA_GRANT_RUNNING)
		grant->notify(grant);
}

/** edudma_queue_set_state() - change a queue's state, under its lock */
void edudma_queue_set_state(struct edudma_queue *queue, enum edudma_queue_state state)
{
	edudma_assert_change(edudma_queue_changes, queue->state, state);
	queue->state = state;
	edudma_queue_wake(queue);
}
