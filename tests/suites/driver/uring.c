// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes by io_uring and AIO: submitted by a process that goes on, and
 * completed by the interrupt; what would have to wait, by a worker of the kernel's
 * that has the process's memory.
 */
#include "edudma_aio.h"
#include "edudma_fixture.h"

#include <dirent.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define NR	8
#define LONG	30	/* parts of what is never let end */
#define PART	64

FIXTURE(uring)
{
	struct bed bed;
	struct io_uring ring;
	bool ready;
	uint8_t *src, *dst;
	struct iovec to_window[NR], from_window[LONG];
	uint64_t chunk_bytes, async_pages;
};

FIXTURE_SETUP(uring)
{
	int i, ret;

	BED_SETUP(&self->bed);
	self->chunk_bytes = param_get("chunk_bytes");
	self->async_pages = param_get("async_pages");
	ret = io_uring_queue_init(NR, &self->ring, 0);
	ASSERT_EQ(0, ret) TH_LOG("io_uring: %s", strerror(-ret));
	self->ready = true;
	self->src = reachable_pages(&self->bed.info, NR + LONG);
	ASSERT_NE(NULL, self->src);
	self->dst = self->src + NR * page_size();
	for (i = 0; i < NR; i++) {
		fill(self->src + i * page_size(), PART, 50 + i);
		self->to_window[i] = (struct iovec) {
			self->src + i * page_size(), PART
		};
	}
	for (i = 0; i < LONG; i++)
		self->from_window[i] = (struct iovec) {
			self->dst + i * page_size(), PART
		};
	ASSERT_EQ(0, window_fill(self->bed.fd, LONG * PART, 1));
	bed_mark(&self->bed);
}

FIXTURE_TEARDOWN(uring)
{
	param_set("chunk_bytes", self->chunk_bytes);
	param_set("async_pages", self->async_pages);
	if (self->ready)
		io_uring_queue_exit(&self->ring);
	BED_TEARDOWN(&self->bed);
}

static struct io_uring_sqe *entry(FIXTURE_DATA(uring) *self)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);

	if (!sqe)
		die("io_uring_get_sqe");
	return sqe;
}

/* Whatever completes next: its result; and its name, where that matters. */
static int result(FIXTURE_DATA(uring) *self, uint64_t *name)
{
	struct io_uring_cqe *cqe;
	int ret;

	do
		ret = io_uring_wait_cqe(&self->ring, &cqe);
	while (ret == -EINTR);
	if (ret)
		return ret;
	ret = cqe->res;
	if (name)
		*name = cqe->user_data;
	io_uring_cqe_seen(&self->ring, cqe);
	return ret;
}

/* The parts that have come out of the window, from the first on. */
static int parts_back(FIXTURE_DATA(uring) *self)
{
	int i;

	for (i = 0; i < NR; i++)
		if (differs_at(self->dst + i * page_size(), PART, 50 + i) != PART)
			break;
	return i;
}

TEST_F(uring, writes_and_then_reads)
{
	struct io_uring_sqe *sqe;

	sqe = entry(self);
	io_uring_prep_write(sqe, self->bed.fd, self->src, PART, 3);
	sqe->flags |= IOSQE_IO_LINK;
	io_uring_prep_read(entry(self), self->bed.fd, self->dst, PART, 3);
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	EXPECT_EQ(PART, result(self, NULL));
	EXPECT_EQ(PART, result(self, NULL));
	EXPECT_EQ(PART, differs_at(self->dst, PART, 50));
}

TEST_F(uring, takes_vectors)
{
	struct stats delta;

	io_uring_prep_writev(entry(self), self->bed.fd, self->to_window, NR, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(NR * PART, result(self, NULL));
	io_uring_prep_readv(entry(self), self->bed.fd, self->from_window, NR, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(NR * PART, result(self, NULL));
	EXPECT_EQ(NR, parts_back(self));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(NR * PART, delta.bytes_to_device);
	EXPECT_EQ(NR * PART, delta.bytes_from_device);
}

/* In whatever order: each has a part of the window of its own. */
TEST_F(uring, makes_many_requests_at_once)
{
	int i;

	for (i = 0; i < NR; i++)
		io_uring_prep_write(entry(self), self->bed.fd,
				    self->src + i * page_size(), PART, i * PART);
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(PART, result(self, NULL));
	EXPECT_EQ(NR * PART, preadv(self->bed.fd, self->from_window, NR, 0));
	EXPECT_EQ(NR, parts_back(self));
}

/* Their pages are pinned by io_uring, once; the driver pins nothing for them. */
TEST_F(uring, moves_registered_buffers_without_pinning_them)
{
	struct iovec buffers[] = {
		{ self->src, NR * page_size() }, { self->dst, NR * page_size() },
	};
	size_t len = 2 * page_size() - 200;
	struct stats delta;

	if (self->bed.info.window_bytes < len)
		len = self->bed.info.window_bytes - 200;
	fill(self->src + 100, len, 70);
	ASSERT_EQ(0, io_uring_register_buffers(&self->ring, buffers, 2));
	io_uring_prep_write_fixed(entry(self), self->bed.fd, self->src + 100, len, 7, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(len, result(self, NULL));
	io_uring_prep_read_fixed(entry(self), self->bed.fd, self->dst + 300, len, 7, 1);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(len, result(self, NULL));
	EXPECT_EQ(len, differs_at(self->dst + 300, len, 70));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(len, delta.bytes_to_device);
	EXPECT_EQ(len, delta.bytes_from_device);
	EXPECT_EQ(self->bed.before.pages_pinned_max,
		  stat_get(&self->bed.dev, "pages_pinned_max"));
	EXPECT_EQ(0, io_uring_unregister_buffers(&self->ring));
}

TEST_F(uring, is_told_why_it_failed)
{
	munmap(self->dst, LONG * page_size());
	io_uring_prep_read(entry(self), self->bed.fd, self->dst, PART, 0);
	io_uring_prep_write(entry(self), self->bed.fd, self->src, PART,
			    self->bed.info.window_bytes);
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	EXPECT_EQ(-EFAULT - ENOSPC, result(self, NULL) + result(self, NULL));
}

/* As with block devices: what the device may be at work on comes to its end. */
TEST_F(uring, cannot_cancel_what_is_under_way)
{
	struct io_uring_sqe *sqe;
	uint64_t name;
	int i, ret;

	BED_SLOW(&self->bed);
	io_uring_prep_readv(entry(self), self->bed.fd, self->from_window, 2, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	sqe = entry(self);
	io_uring_prep_cancel(sqe, NULL, 0);
	sqe->user_data = 1;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	for (i = 0; i < 2; i++) {
		ret = result(self, &name);
		if (!name) {
			EXPECT_EQ(2 * PART, ret);
		} else {
			EXPECT_TRUE(ret == -ENOENT || ret == -EALREADY);
		}
	}
	EXPECT_EQ(2, parts_received(self->dst, 2, PART, 1));
}

static void submit_and_wait(struct job_report *report, void *arg)
{
	FIXTURE_DATA(uring) *self = arg;
	struct io_uring ring;

	if (io_uring_queue_init(1, &ring, 0))
		return;
	io_uring_prep_readv(io_uring_get_sqe(&ring), self->bed.fd, self->from_window,
			    LONG, 0);
	report->begun = true;
	io_uring_submit(&ring);
	pause();
}

TEST_F(uring, ends_with_its_process)
{
	struct job job;

	BED_SLOW(&self->bed);
	job_start(&job, submit_and_wait, self);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
}

/* Many writes of a part each, and what came of them: all, once each. */
static void submit_writes(FIXTURE_DATA(uring) *self, int count)
{
	struct io_uring_sqe *sqe;
	int i;

	for (i = 0; i < count; i++) {
		sqe = entry(self);
		io_uring_prep_write(sqe, self->bed.fd, self->src + i * page_size(), PART,
				    i * PART);
		sqe->user_data = i;
	}
}

static int results_of(FIXTURE_DATA(uring) *self, int count, int expected)
{
	unsigned int seen = 0;
	uint64_t name;
	int i, same = 0;

	for (i = 0; i < count; i++) {
		same += result(self, &name) == expected;
		seen |= 1U << name;
	}
	return seen == (1U << count) - 1 ? same : -1;
}

/* How many threads this process has, those that io_uring makes included. */
static int threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int count = 0;

	if (!tasks)
		die("/proc/self/task");
	while ((task = readdir(tasks)))
		count += task->d_name[0] != '.';
	closedir(tasks);
	return count;
}

TEST_F(uring, does_not_need_a_worker)
{
	BED_SLOW(&self->bed);
	submit_writes(self, 2);
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	/* They have begun, and no thread of ours waits for them. */
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "requests") ==
			     self->bed.before.requests + 2));
	EXPECT_EQ(1, threads());
	EXPECT_EQ(2, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(2, results_of(self, 2, PART));
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_async"));
}

/* Those of a file run one after the other, in the order of their submission. */
TEST_F(uring, runs_in_order)
{
	int i;

	for (i = 0; i < NR / 2; i++) {
		io_uring_prep_write(entry(self), self->bed.fd,
				    self->src + i * page_size(), PART, 0);
		io_uring_prep_read(entry(self), self->bed.fd,
				   self->dst + i * page_size(), PART, 0);
	}
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(PART, result(self, NULL));
	EXPECT_EQ(NR / 2, parts_back(self));
}

/* More than is pinned at a time, and without a budget: by a worker, all the same. */
TEST_F(uring, has_a_worker_do_what_would_wait)
{
	struct stats delta;

	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	io_uring_prep_writev(entry(self), self->bed.fd, self->to_window, NR, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(NR * PART, result(self, NULL));
	ASSERT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));

	ASSERT_EQ(0, param_set("async_pages", 0));
	io_uring_prep_readv(entry(self), self->bed.fd, self->from_window, NR, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(NR * PART, result(self, NULL));

	EXPECT_EQ(NR, parts_back(self));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(2, delta.requests);
}

/* What waits for room is not forgotten, and what is held stays within the budget. */
TEST_F(uring, holds_no_more_than_its_budget)
{
	unsigned int limit = 2 * self->bed.info.channels;
	struct pollfd poller = { .fd = self->bed.fd, .events = POLLOUT };

	ASSERT_EQ(0, param_set("async_pages", limit));
	BED_SLOW(&self->bed);
	submit_writes(self, NR);
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	EXPECT_EQ(2, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(0, poll(&poller, 1, 0));
	EXPECT_EQ(1, poll(&poller, 1, -1));
	EXPECT_EQ(POLLOUT, poller.revents);
	EXPECT_EQ(NR, results_of(self, NR, PART));
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(NR * PART, preadv(self->bed.fd, self->from_window, NR, 0));
	EXPECT_EQ(NR, parts_back(self));
}

/* A user who is not alone on a channel holds no more than half of its part. */
TEST_F(uring, leaves_others_a_part_of_the_budget)
{
	int other;

	ASSERT_EQ(0, param_set("async_pages", NR * self->bed.info.channels));
	BED_SLOW(&self->bed);
	submit_writes(self, NR);
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	EXPECT_EQ(NR, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(NR, results_of(self, NR, PART));

	ASSERT_EQ(0, chmod(self->bed.dev.node, 0666));
	ASSERT_EQ(0, seteuid(65534));
	other = bed_open_beside(&self->bed);
	EXPECT_EQ(0, seteuid(0));
	EXPECT_EQ(0, chmod(self->bed.dev.node, 0600));
	ASSERT_LE(0, other);
	submit_writes(self, NR);
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	EXPECT_EQ(NR / 2, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(NR, results_of(self, NR, PART));
	close(other);
}

TEST_F(uring, is_waited_for_by_fsync)
{
	struct stats delta;

	BED_SLOW(&self->bed);
	submit_writes(self, 3);
	ASSERT_EQ(3, io_uring_submit(&self->ring));
	EXPECT_EQ(0, fsync(self->bed.fd));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(3 * PART, delta.bytes_to_device);
	EXPECT_EQ(3, results_of(self, 3, PART));
}

TEST_F(uring, ends_when_its_device_is_unbound)
{
	uint64_t name;
	int i, ret, done = 0;

	BED_SLOW(&self->bed);
	submit_writes(self, NR);
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	for (i = 0; i < NR; i++) {
		ret = result(self, &name);
		EXPECT_TRUE(ret == PART || ret == -ENODEV) TH_LOG("%d: %d", i, ret);
		done += ret == PART;
	}
	EXPECT_GT(NR, done);
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, dev_restore(&self->bed.dev));
}

FIXTURE(aio)
{
	struct bed bed;
	aio_context_t context;
	uint8_t *pages;
};

FIXTURE_SETUP(aio)
{
	BED_SETUP(&self->bed);
	self->pages = reachable_pages(&self->bed.info, 2 * NR);
	ASSERT_NE(NULL, self->pages);
	self->context = aio_begin();
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	bed_mark(&self->bed);
}

FIXTURE_TEARDOWN(aio)
{
	aio_end(self->context);
	BED_TEARDOWN(&self->bed);
}

TEST_F(aio, writes_and_reads)
{
	uint8_t *back = self->pages + NR * page_size();
	int i;

	for (i = 0; i < NR; i++)
		fill(self->pages + i * page_size(), PART, 80 + i);
	aio_submit(self->context, self->bed.fd, IOCB_CMD_PWRITE, self->pages, PART, NR);
	EXPECT_EQ(NR, aio_results(self->context, NR, PART));
	aio_submit(self->context, self->bed.fd, IOCB_CMD_PREAD, back, PART, NR);
	EXPECT_EQ(NR, aio_results(self->context, NR, PART));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(PART, differs_at(back + i * page_size(), PART, 80 + i));
}

TEST_F(aio, does_not_wait_for_the_device)
{
	BED_SLOW(&self->bed);
	aio_submit(self->context, self->bed.fd, IOCB_CMD_PREAD, self->pages, PART, NR);
	EXPECT_LT(0, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(NR, aio_results(self->context, NR, PART));
	EXPECT_EQ(NR, parts_received(self->pages, NR, PART, 1));
}

TEST_HARNESS_MAIN
