// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file and those who hold it: threads that end or close it, descriptors that
 * are duplicated, inherited or passed on, and openers that die.
 */
#include "edudma_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define NR	3	/* segments of a request that is let end */
#define LONG	200	/* of one that is ended before it is done, however slow we are */
#define PART	20

FIXTURE(file)
{
	struct bed bed;
	int fd;			/* a file of its own */
	uint64_t users;		/* references to the module without it */
	uint64_t per_file;	/* and how many a file has */
	uint8_t *pages;		/* shared with children */
	struct edudma_segment segs[LONG];
};

static uint64_t users(void)
{
	return file_read_u64("/sys/module/edudma/refcnt");
}

/* Part @i of the pattern.  No two are neighbours: each is a descriptor. */
static uint8_t *part(FIXTURE_DATA(file) *self, int i)
{
	return self->pages + 2 * i * PART;
}

FIXTURE_SETUP(file)
{
	uint8_t *pattern = private_pages(1);
	int i;

	BED_SETUP(&self->bed);
	self->users = users();
	self->fd = bed_open_beside(&self->bed);
	ASSERT_LE(0, self->fd);
	self->per_file = users() - self->users;
	ASSERT_LT(0, self->per_file);
	self->pages = shared_pages(2);
	fill(pattern, LONG * PART, 2);
	for (i = 0; i < LONG; i++) {
		memcpy(part(self, i), pattern + i * PART, PART);
		self->segs[i] = seg_to(part(self, i), PART, i * PART);
	}
	ASSERT_EQ(0, window_fill(self->bed.fd, LONG * PART, 1));
	BED_SLOW(&self->bed);
}

/* Has the driver so many files more than before the test? */
static bool open_files(FIXTURE_DATA(file) *self, int count)
{
	return users() == self->users + count * self->per_file;
}

/* Whoever had the file, in the end the driver has let go of it. */
FIXTURE_TEARDOWN(file)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(WAIT_FOR(open_files(self, 0)));
	BED_TEARDOWN(&self->bed);
}

/* So many requests have come to the device. */
static bool queued(FIXTURE_DATA(file) *self, uint64_t requests)
{
	return WAIT_FOR(stat_get(&self->bed.dev, "requests") ==
			self->bed.before.requests + requests);
}

static bool arrived(FIXTURE_DATA(file) *self, size_t bytes)
{
	uint8_t *back = private_pages(1);

	return !transfer1(self->bed.fd, seg_from(back, bytes, 0)) &&
	       differs_at(back, bytes, 2) == bytes;
}

/* Threads */

struct call {
	FIXTURE_DATA(file) *self;
	uint32_t nr;
	struct edudma_transfer out;
	int err;
	int done;
};

static void *transfer_thread(void *arg)
{
	struct call *call = arg;

	call->err = transfer(call->self->fd, call->self->segs, call->nr, 0,
			     &call->out);
	__atomic_store_n(&call->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void interrupted(int sig)
{
	(void)sig;
}

/* The thread's request goes on from here; then end it. */
static bool goes_on(FIXTURE_DATA(file) *self, pthread_t thread)
{
	const struct sigaction action = { .sa_handler = interrupted };
	uint64_t now = bed_descriptors(&self->bed);

	return WAIT_FOR(bed_descriptors(&self->bed) >= now + 2) &&
	       !sigaction(SIGINT, &action, NULL) &&
	       !pthread_kill(thread, SIGINT) && !pthread_join(thread, NULL);
}

/* The second waits behind the first, which is over then, thread and all. */
TEST_F(file, serves_a_thread_while_another_exits)
{
	struct call first = { .self = self, .nr = 1 };
	struct call second = { .self = self, .nr = LONG };
	pthread_t threads[2];

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, transfer_thread, &first));
	ASSERT_TRUE(queued(self, 1));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, transfer_thread, &second));
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	EXPECT_EQ(0, first.err);
	EXPECT_FALSE(__atomic_load_n(&second.done, __ATOMIC_SEQ_CST));
	ASSERT_TRUE(goes_on(self, threads[1]));
	EXPECT_EQ(EINTR, second.err);
	EXPECT_LE(2, second.out.segments_done);
	EXPECT_TRUE(arrived(self, second.out.bytes_done));
}

static struct job_report *thread_report;

static void *report_thread(void *arg)
{
	FIXTURE_DATA(file) *self = arg;

	thread_report->err = transfer(self->fd, self->segs, NR, 0,
				      &thread_report->out);
	return NULL;
}

static void leave_to_thread(struct job_report *report, void *arg)
{
	FIXTURE_DATA(file) *self = arg;
	pthread_t thread;

	thread_report = report;
	if (pthread_create(&thread, NULL, report_thread, self) ||
	    !bed_under_way(&self->bed))
		die("thread");
	pthread_exit(NULL);
}

TEST_F(file, serves_the_last_thread_after_the_first_has_gone)
{
	struct job job;

	job_start(&job, leave_to_thread, self);
	/* The process ends with its last thread. */
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(NR, job.report->out.segments_done);
	EXPECT_TRUE(arrived(self, NR * PART));
}

TEST_F(file, closed_by_one_thread_serves_another)
{
	struct call call = { .self = self, .nr = LONG };
	int fd = self->fd;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, transfer_thread, &call));
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, close(fd));
	self->fd = -1;
	EXPECT_EQ(EBADF, transfer1(fd, self->segs[0]));
	EXPECT_FALSE(__atomic_load_n(&call.done, __ATOMIC_SEQ_CST));
	/* Who is in the call holds the file. */
	EXPECT_TRUE(open_files(self, 1));
	ASSERT_TRUE(goes_on(self, thread));
	EXPECT_EQ(EINTR, call.err);
	EXPECT_LE(2, call.out.segments_done);
	EXPECT_TRUE(arrived(self, call.out.bytes_done));
}

TEST_F(file, closed_by_one_thread_keeps_anothers_place_in_the_queue)
{
	struct call call = { .self = self, .nr = NR };
	struct job running;
	pthread_t thread;

	job_transfer(&running, self->bed.fd, self->segs, LONG, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, pthread_create(&thread, NULL, transfer_thread, &call));
	ASSERT_TRUE(queued(self, 2));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_FALSE(running.report->done);
	ASSERT_EQ(0, kill(running.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&running));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, call.err);
	EXPECT_EQ(NR, call.out.segments_done);
	EXPECT_TRUE(arrived(self, NR * PART));
}

/* Duplicates */

TEST_F(file, is_the_same_through_a_duplicate)
{
	uint8_t *back = private_pages(1);
	int dup_fd = dup(self->fd);

	ASSERT_LE(0, dup_fd);
	EXPECT_TRUE(open_files(self, 1));
	ASSERT_EQ(PART, write(self->fd, part(self, 0), PART));
	EXPECT_EQ(PART, lseek(dup_fd, 0, SEEK_CUR));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_TRUE(open_files(self, 1));
	ASSERT_EQ(PART, write(dup_fd, part(self, 1), PART));
	EXPECT_TRUE(arrived(self, 2 * PART));
	ASSERT_EQ(PART, read(dup_fd, back, PART));
	EXPECT_EQ(3 * PART, lseek(dup_fd, 0, SEEK_CUR));
	close(dup_fd);
}

/* Turns go by files: who duplicates a descriptor is not served twice as often. */
TEST_F(file, has_one_turn_whatever_its_duplicates)
{
	const uint64_t mark = self->bed.area - JOB_MARKS_BYTES;
	struct job running, jobs[4], *others = &jobs[3];
	int i, fd, other;

	other = bed_open_beside(&self->bed);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, transfer1(other, seg_to(shared_pages(1), JOB_MARKS_BYTES, mark)));
	job_transfer(&running, self->bed.fd, self->segs, LONG, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	for (i = 0; i < 3; i++) {
		fd = dup(self->fd);
		ASSERT_LE(0, fd);
		job_transfer_marked(&jobs[i], fd, mark);
		ASSERT_TRUE(queued(self, 3 + i));
		close(fd);
	}
	job_transfer_marked(others, other, mark);
	ASSERT_TRUE(queued(self, 6));
	ASSERT_FALSE(running.report->done);
	ASSERT_EQ(0, kill(running.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&running));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, job_wait(&jobs[i]));
	/* Behind the one on deck. */
	EXPECT_EQ(1, job_order(others, jobs, 4));
	close(other);
}

/* Openers that die */

struct opener {
	FIXTURE_DATA(file) *self;
	int socket;
};

static bool send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1;
}

static int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Opens the node, passes the file on and uses it until it is killed. */
static void run_opener(struct job_report *report, void *arg)
{
	struct opener *opener = arg;
	FIXTURE_DATA(file) *self = opener->self;
	int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);

	if (fd < 0 || lseek(fd, PART, SEEK_SET) != PART ||
	    !send_fd(opener->socket, fd))
		die("opener");
	report->begun = 1;
	while (!report->err)
		report->err = transfer(fd, self->segs, LONG, 0, &report->out);
}

TEST_F(file, passed_on_serves_after_its_opener_was_killed)
{
	struct opener opener = { .self = self };
	struct job job;
	int pair[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	opener.socket = pair[1];
	job_start(&job, run_opener, &opener);
	ASSERT_TRUE(bed_under_way(&self->bed));
	fd = receive_fd(pair[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	EXPECT_TRUE(open_files(self, 2));
	/* At the place where the opener left it. */
	EXPECT_EQ(PART, write(fd, part(self, 1), PART));
	EXPECT_TRUE(arrived(self, 2 * PART));
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

TEST_F(file, passed_on_and_never_taken_is_let_go)
{
	struct opener opener = { .self = self };
	struct job job;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	opener.socket = pair[1];
	job_start(&job, run_opener, &opener);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	EXPECT_TRUE(open_files(self, 2));
	close(pair[0]);
	close(pair[1]);
	EXPECT_TRUE(WAIT_FOR(open_files(self, 1)));
}

/* Opens the node, has a child that outlives it, and uses the file until then. */
static void run_parent(struct job_report *report, void *arg)
{
	FIXTURE_DATA(file) *self = arg;
	int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	pid_t parent = getpid(), child = fork();

	if (fd < 0 || child < 0)
		die("parent");
	report->begun = 1;
	if (child) {
		while (!transfer(fd, self->segs, LONG, 0, NULL))
			;
		return;
	}
	if (!WAIT_FOR(getppid() != parent))
		_exit(EXIT_FAILURE);
	report->err = transfer(fd, self->segs, NR, 0, &report->out);
	close(fd);
	__atomic_store_n(&report->handled, 1, __ATOMIC_SEQ_CST);
	_exit(EXIT_SUCCESS);
}

TEST_F(file, inherited_serves_after_its_opener_was_killed)
{
	struct job job;

	job_start(&job, run_parent, self);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_TRUE(WAIT_FOR(__atomic_load_n(&job.report->handled,
					     __ATOMIC_SEQ_CST)));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(NR, job.report->out.segments_done);
	EXPECT_TRUE(arrived(self, NR * PART));
}

TEST_HARNESS_MAIN
