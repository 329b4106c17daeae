// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of io_uring: a vector with mixed directions in one entry of 64 bytes, with
 * memory by address, registered with the file, or registered with the ring.
 */
#include "edudma_fixture.h"

#include <liburing.h>
#include <signal.h>
#include <sys/mman.h>

#define NR	8
#define LEN	1000

#ifndef IORING_URING_CMD_FIXED
#define IORING_URING_CMD_FIXED	(1U << 0)
#endif

FIXTURE(commands)
{
	struct bed bed;
	struct io_uring ring;
	bool ready;
	uint8_t *pages;
	struct edudma_segment segs[2 * NR];
	uint64_t chunk_bytes, async_pages;
};

FIXTURE_SETUP(commands)
{
	BED_SETUP(&self->bed);
	self->chunk_bytes = param_get("chunk_bytes");
	self->async_pages = param_get("async_pages");
	if (!(self->bed.info.capabilities & EDUDMA_CAP_URING_CMD))
		return;
	ASSERT_EQ(0, io_uring_queue_init(NR, &self->ring, 0));
	self->ready = true;
	self->pages = reachable_pages(&self->bed.info, 2 * NR);
	ASSERT_NE(NULL, self->pages);
	bed_mark(&self->bed);
}

FIXTURE_TEARDOWN(commands)
{
	param_set("chunk_bytes", self->chunk_bytes);
	param_set("async_pages", self->async_pages);
	if (self->ready)
		io_uring_queue_exit(&self->ring);
	BED_TEARDOWN(&self->bed);
}

#define NEED_COMMANDS(self) do {						\
	if (!(self)->ready)						\
		SKIP(return, "this kernel has no commands of io_uring");	\
} while (0)

static uint8_t *page(FIXTURE_DATA(commands) *self, int nr)
{
	return self->pages + nr * page_size();
}

/* An entry that has all of @nr segments be transferred. */
static struct io_uring_sqe *command(FIXTURE_DATA(commands) *self,
				    const struct edudma_segment *segs, uint32_t nr,
				    uint32_t flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	struct edudma_uring_cmd cmd = {
		.segments = ptr64(segs), .nr_segments = nr, .flags = flags,
	};

	if (!sqe)
		die("io_uring_get_sqe");
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = self->bed.fd;
	/* Where liburing has no name for it yet: cmd_op, in the place of the offset. */
	sqe->off = EDUDMA_URING_CMD_TRANSFER;
	memcpy((uint8_t *)sqe + 48, &cmd, sizeof(cmd));
	return sqe;
}

static int result(FIXTURE_DATA(commands) *self)
{
	struct io_uring_cqe *cqe;
	int ret;

	do
		ret = io_uring_wait_cqe(&self->ring, &cqe);
	while (ret == -EINTR);
	if (ret)
		die("io_uring_wait_cqe");
	ret = cqe->res;
	io_uring_cqe_seen(&self->ring, cqe);
	return ret;
}

static int run(FIXTURE_DATA(commands) *self)
{
	if (io_uring_submit(&self->ring) != 1)
		die("io_uring_submit");
	return result(self);
}

TEST_F(commands, move_a_vector_with_mixed_directions)
{
	struct stats delta;

	NEED_COMMANDS(self);
	fill(page(self, 0), LEN, 20);
	fill(page(self, 1), LEN, 21);
	self->segs[0] = seg_to(page(self, 0), LEN, 0);
	self->segs[1] = seg_to(page(self, 1), LEN, LEN);
	self->segs[2] = seg_from(page(self, 2), LEN, LEN);
	self->segs[3] = seg_from(page(self, 3), LEN, 0);
	command(self, self->segs, 4, 0);
	EXPECT_EQ(4 * LEN, run(self));
	EXPECT_EQ(LEN, differs_at(page(self, 2), LEN, 21));
	EXPECT_EQ(LEN, differs_at(page(self, 3), LEN, 20));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.requests);
}

TEST_F(commands, do_not_wait_for_the_device)
{
	NEED_COMMANDS(self);
	BED_SLOW(&self->bed);
	self->segs[0] = seg_from(page(self, 0), LEN, 0);
	command(self, self->segs, 1, 0);
	ASSERT_EQ(1, io_uring_submit(&self->ring));
	EXPECT_EQ(1, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(LEN, result(self));
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_async"));
}

TEST_F(commands, use_buffers_registered_with_the_file)
{
	struct stats delta;
	int buffer;

	NEED_COMMANDS(self);
	if (!(self->bed.info.capabilities & EDUDMA_CAP_BUFFERS))
		SKIP(return, "the kernel copies what it maps: nothing can be registered");
	buffer = buffer_register(self->bed.fd, self->pages, 2 * NR * page_size());
	ASSERT_LT(0, buffer);
	bed_mark(&self->bed);
	fill(page(self, 1) + 5, LEN, 22);
	self->segs[0] = seg_to(NULL, LEN, 0);
	self->segs[0].addr = page_size() + 5;
	self->segs[0].buffer = buffer;
	self->segs[1] = seg_from(NULL, LEN, 0);
	self->segs[1].addr = 3 * page_size();
	self->segs[1].buffer = buffer;
	command(self, self->segs, 2, 0);
	EXPECT_EQ(2 * LEN, run(self));
	EXPECT_EQ(LEN, differs_at(page(self, 3), LEN, 22));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(2 * LEN, delta.bytes_zero_copy);
	EXPECT_EQ(self->bed.before.pages_pinned_max,
		  stat_get(&self->bed.dev, "pages_pinned_max"));
	self->segs[1].buffer++;
	command(self, self->segs, 2, 0);
	EXPECT_EQ(LEN, run(self));
	command(self, self->segs + 1, 1, 0);
	EXPECT_EQ(-ENOENT, run(self));
}

TEST_F(commands, use_buffers_registered_with_the_ring)
{
	struct iovec memory = { self->pages, 2 * NR * page_size() };
	struct io_uring_sqe *sqe;

	NEED_COMMANDS(self);
	ASSERT_EQ(0, io_uring_register_buffers(&self->ring, &memory, 1));
	fill(page(self, 1) + 5, LEN, 23);
	self->segs[0] = seg_to(page(self, 1) + 5, LEN, 0);
	sqe = command(self, self->segs, 1, 0);
	sqe->rw_flags = IORING_URING_CMD_FIXED;
	EXPECT_EQ(LEN, run(self));
	self->segs[0] = seg_from(page(self, 3), LEN, 0);
	sqe = command(self, self->segs, 1, 0);
	sqe->rw_flags = IORING_URING_CMD_FIXED;
	EXPECT_EQ(LEN, run(self));
	EXPECT_EQ(LEN, differs_at(page(self, 3), LEN, 23));
	EXPECT_EQ(self->bed.before.pages_pinned_max,
		  stat_get(&self->bed.dev, "pages_pinned_max"));
	/* Not within what is registered; several; a buffer of the file's as well. */
	self->segs[0] = seg_from(page(self, 2 * NR) - 1, LEN, 0);
	sqe = command(self, self->segs, 1, 0);
	sqe->rw_flags = IORING_URING_CMD_FIXED;
	EXPECT_EQ(-EFAULT, run(self));
	self->segs[0] = seg_from(page(self, 3), 1, 0);
	self->segs[1] = self->segs[0];
	sqe = command(self, self->segs, 2, 0);
	sqe->rw_flags = IORING_URING_CMD_FIXED;
	EXPECT_EQ(-EINVAL, run(self));
	self->segs[0].buffer = 1;
	sqe = command(self, self->segs, 1, 0);
	sqe->rw_flags = IORING_URING_CMD_FIXED;
	EXPECT_EQ(-EINVAL, run(self));
}

TEST_F(commands, follow_each_other_in_a_chain)
{
	NEED_COMMANDS(self);
	fill(page(self, 0), LEN, 24);
	self->segs[0] = seg_to(page(self, 0), LEN, 0);
	self->segs[1] = seg_from(page(self, 1), LEN, 0);
	command(self, self->segs, 1, 0)->flags |= IOSQE_IO_LINK;
	command(self, self->segs + 1, 1, 0);
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	EXPECT_EQ(LEN, result(self));
	EXPECT_EQ(LEN, result(self));
	EXPECT_EQ(LEN, differs_at(page(self, 1), LEN, 24));
}

/* Exclusive, larger than a chunk, without a budget: they wait, and so may chain. */
TEST_F(commands, are_executed_by_a_worker_if_they_must_wait)
{
	int i;

	NEED_COMMANDS(self);
	fill(page(self, 0), LEN, 25);
	self->segs[0] = seg_to(page(self, 0), LEN, 0);
	self->segs[1] = seg_from(page(self, 1), LEN, 0);
	command(self, self->segs, 1, EDUDMA_TRANSFER_EXCLUSIVE)->flags |= IOSQE_IO_LINK;
	command(self, self->segs + 1, 1, EDUDMA_TRANSFER_EXCLUSIVE);
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	EXPECT_EQ(LEN, result(self));
	EXPECT_EQ(LEN, result(self));
	EXPECT_EQ(LEN, differs_at(page(self, 1), LEN, 25));

	for (i = 0; i < NR; i++)
		self->segs[i] = seg_from(page(self, i), LEN, 0);
	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	command(self, self->segs, NR, 0);
	EXPECT_EQ(NR * LEN, run(self));
	ASSERT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	ASSERT_EQ(0, param_set("async_pages", 0));
	command(self, self->segs, NR, 0);
	EXPECT_EQ(NR * LEN, run(self));
}

TEST_F(commands, tell_what_was_done_before_they_failed)
{
	uint8_t *hole = private_pages(1);

	NEED_COMMANDS(self);
	munmap(hole, page_size());
	self->segs[0] = seg_from(page(self, 0), LEN, 0);
	self->segs[1] = seg_from(hole, LEN, 0);
	command(self, self->segs, 2, 0);
	EXPECT_EQ(LEN, run(self));
	command(self, self->segs + 1, 1, 0);
	EXPECT_EQ(-EFAULT, run(self));
}

TEST_F(commands, are_checked_like_calls)
{
	struct io_uring_sqe *sqe;
	int fd;

	NEED_COMMANDS(self);
	self->segs[0] = seg_from(page(self, 0), LEN, 0);
	sqe = command(self, self->segs, 1, 0);
	sqe->off = EDUDMA_IOC_TRANSFER;
	EXPECT_EQ(-ENOTTY, run(self));
	command(self, self->segs, 1, 4);
	EXPECT_EQ(-EINVAL, run(self));
	command(self, self->segs, self->bed.info.max_segments + 1, 0);
	EXPECT_EQ(-EMSGSIZE, run(self));
	command(self, (void *)8, 1, 0);
	EXPECT_EQ(-EFAULT, run(self));
	command(self, self->segs, 0, 0);
	EXPECT_EQ(0, run(self));
	self->segs[0].offset = self->bed.info.window_bytes;
	command(self, self->segs, 1, 0);
	EXPECT_EQ(-ERANGE, run(self));
	fd = open(self->bed.dev.node, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	self->segs[0].offset = 0;
	sqe = command(self, self->segs, 1, 0);
	sqe->fd = fd;
	EXPECT_EQ(-EBADF, run(self));
	close(fd);
}

TEST_F(commands, bounce_unless_told_not_to)
{
	uint8_t *far = find_page(&self->bed.info, false);
	int expected = far ? -EADDRNOTAVAIL : 2 * LEN;

	NEED_COMMANDS(self);
	far = far ?: page(self, 0);
	fill(far, LEN, 26);
	self->segs[0] = seg_to(far, LEN, 0);
	self->segs[1] = seg_from(page(self, 1), LEN, 0);
	command(self, self->segs, 2, 0);
	EXPECT_EQ(2 * LEN, run(self));
	EXPECT_EQ(LEN, differs_at(page(self, 1), LEN, 26));
	command(self, self->segs, 2, EDUDMA_TRANSFER_NO_BOUNCE);
	EXPECT_EQ(expected, run(self));
}

/* Each is completed once, with its bytes or with why not. */
TEST_F(commands, end_when_the_device_is_unbound)
{
	int i, ret, done = 0;

	NEED_COMMANDS(self);
	BED_SLOW(&self->bed);
	for (i = 0; i < NR; i++) {
		self->segs[i] = seg_from(page(self, i), LEN, 0);
		command(self, self->segs + i, 1, 0);
	}
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	for (i = 0; i < NR; i++) {
		ret = result(self);
		EXPECT_TRUE(ret == LEN || ret == -ENODEV) TH_LOG("%d: %d", i, ret);
		done += ret == LEN;
	}
	EXPECT_GT(NR, done);
	EXPECT_EQ(0, io_uring_cq_ready(&self->ring));
	command(self, self->segs, 1, 0);
	EXPECT_EQ(-ENODEV, run(self));
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, dev_restore(&self->bed.dev));
}

static void submit_and_wait(struct job_report *report, void *arg)
{
	FIXTURE_DATA(commands) *self = arg;
	int i;

	if (io_uring_queue_init(NR, &self->ring, 0))
		return;
	for (i = 0; i < NR; i++)
		command(self, self->segs + i, 1, 0);
	report->begun = true;
	io_uring_submit(&self->ring);
	pause();
}

TEST_F(commands, end_with_their_process)
{
	struct job job;
	int i;

	NEED_COMMANDS(self);
	for (i = 0; i < NR; i++)
		self->segs[i] = seg_from(page(self, i), LEN, 0);
	BED_SLOW(&self->bed);
	job_start(&job, submit_and_wait, self);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_async")));
}

TEST_HARNESS_MAIN
