// SPDX-License-Identifier: GPL-2.0-only
/*
 * Child processes that make one call; see edudma_test.h.
 */
#include "edudma_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

pid_t fork_dependent(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
	}
	return pid;
}

void job_start(struct job *job, void (*fn)(struct job_report *report, void *arg),
	       void *arg)
{
	static unsigned int next_slot;

	job->report = shared_pages(1);
	job->report->slot = next_slot++ % JOB_MARKS;
	job->pid = fork_dependent();
	if (job->pid)
		return;
	fn(job->report, arg);
	__atomic_store_n(&job->report->done, 1, __ATOMIC_SEQ_CST);
	_exit(EXIT_SUCCESS);
}

struct transfer_job {
	int fd;
	const struct edudma_segment *segs;
	uint32_t nr;
	uint32_t flags;
};

static void run_transfer_job(struct job_report *report, void *arg)
{
	struct transfer_job *job = arg;

	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = transfer(job->fd, job->segs, job->nr, job->flags,
			       &report->out);
}

void job_transfer(struct job *job, int fd, const struct edudma_segment *segs,
		  uint32_t nr, uint32_t flags)
{
	struct transfer_job arg = {
		.fd = fd, .segs = segs, .nr = nr, .flags = flags,
	};

	job_start(job, run_transfer_job, &arg);
}

void job_mark(struct job_report *report, uint64_t at, struct edudma_segment segs[2])
{
	report->mark = getpid();
	segs[0] = seg_to(&report->mark, sizeof(report->mark),
			 at + report->slot * sizeof(report->mark));
	segs[1] = seg_from(report->found, sizeof(report->found), at);
}

int transfer_marked(int fd, const struct edudma_segment segs[2],
		    struct edudma_transfer *out)
{
	return transfer(fd, segs, 2, EDUDMA_TRANSFER_EXCLUSIVE, out);
}

struct marked_job {
	int fd;
	uint64_t at;
};

static void run_marked_job(struct job_report *report, void *arg)
{
	const struct marked_job *job = arg;
	struct edudma_segment segs[2];

	job_mark(report, job->at, segs);
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = transfer_marked(job->fd, segs, &report->out);
}

void job_transfer_marked(struct job *job, int fd, uint64_t at)
{
	struct marked_job arg = { .fd = fd, .at = at };

	job_start(job, run_marked_job, &arg);
}

/* Had @other the device before @job, or at the same time? */
static bool found_mark(const struct job_report *job, const struct job_report *other)
{
	return other->mark && job->found[other->slot] == other->mark;
}

int job_order(const struct job *job, const struct job *jobs, int nr)
{
	int i, order = -1;

	if (!found_mark(job->report, job->report))
		return order;
	for (i = 0; i < nr; i++)
		if (jobs[i].report)
			order += found_mark(job->report, jobs[i].report);
	return order;
}

bool job_asleep(const struct job *job)
{
	char path[64], text[256], *state;
	ssize_t got;
	int fd;

	if (!__atomic_load_n(&job->report->begun, __ATOMIC_SEQ_CST) ||
	    __atomic_load_n(&job->report->done, __ATOMIC_SEQ_CST))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", job->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	state = strrchr(text, ')');
	return state && (state[2] == 'S' || state[2] == 'D');
}

bool job_queued(const struct job *job)
{
	char path[64], function[64] = "";

	if (!job_asleep(job))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/wchan", job->pid);
	file_read(path, function, sizeof(function));
	return !strncmp(function, "edudma_", strlen("edudma_"));
}

static bool waited_for(pid_t pid, pid_t *got, int *status)
{
	*got = waitpid(pid, status, WNOHANG);
	return *got != 0;
}

int job_wait(struct job *job)
{
	int status = -1;
	pid_t got = 0;

	if (!WAIT_FOR(waited_for(job->pid, &got, &status)))
		return -1;
	return got == job->pid ? status : -1;
}
