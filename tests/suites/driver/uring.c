// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes by io_uring: made by a worker of the kernel's that has the
 * process's memory, and cancelled in other ways than a system call's.
 */
#include "edudma_fixture.h"

#include <liburing.h>
#include <signal.h>
#include <sys/mman.h>
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
};

FIXTURE_SETUP(uring)
{
	int i, ret;

	BED_SETUP(&self->bed);
	ret = io_uring_queue_init(NR, &self->ring, 0);
	ASSERT_EQ(0, ret) TH_LOG("io_uring: %s", strerror(-ret));
	self->ready = true;
	self->src = shared_pages(NR);
	self->dst = shared_pages(LONG);
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

/* Their pages are pinned by io_uring, and are the kernel's to the driver. */
TEST_F(uring, is_refused_registered_buffers)
{
	struct iovec buffer = { self->dst, page_size() };
	struct stats delta;

	ASSERT_EQ(0, io_uring_register_buffers(&self->ring, &buffer, 1));
	io_uring_prep_read_fixed(entry(self), self->bed.fd, self->dst, PART, 0, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(-EINVAL, result(self, NULL));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
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

/* Cut short like a call by a signal: whole parts, and those are counted. */
TEST_F(uring, can_cancel_what_is_under_way)
{
	struct io_uring_sqe *sqe;
	int i, ret, found = 0;
	uint64_t name;

	BED_SLOW(&self->bed);
	sqe = entry(self);
	io_uring_prep_readv(sqe, self->bed.fd, self->from_window, LONG, 0);
	sqe->user_data = 0;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	ASSERT_TRUE(bed_under_way(&self->bed));
	sqe = entry(self);
	io_uring_prep_cancel(sqe, NULL, 0);
	sqe->user_data = 1;
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	for (i = 0; i < 2; i++) {
		ret = result(self, &name);
		if (!name)
			found = ret;
	}
	if (found != -EINTR && found != -ECANCELED) {
		EXPECT_LT(0, found);
		EXPECT_LT(found, LONG * PART);
		EXPECT_EQ(0, found % PART);
		EXPECT_LE(found / PART,
			  parts_received(self->dst, LONG, PART, 1));
	}
	EXPECT_EQ(1, stat_get(&self->bed.dev, "cancelled") -
		     self->bed.before.cancelled);
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
	EXPECT_GT(LONG, parts_received(self->dst, LONG, PART, 1));
}

TEST_HARNESS_MAIN
