// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings of io_uring that are polled: the device is asked whether it is done, and raises
 * no interrupt.
 */
#include "edudma_fixture.h"

#include <liburing.h>

#define NR	8
#define LEN	1000

FIXTURE(polled)
{
	struct bed bed;
	struct io_uring ring;
	bool ready;
	uint8_t *pages;
	struct edudma_segment segs[2 * NR];
	uint64_t timeout_ms;
	int fd;
};

FIXTURE_SETUP(polled)
{
	BED_SETUP(&self->bed);
	self->fd = -1;
	self->timeout_ms = param_get("timeout_ms");
	if (!(self->bed.info.capabilities & EDUDMA_CAP_IOPOLL))
		return;
	self->pages = reachable_pages(&self->bed.info, 2 * NR);
	ASSERT_NE(NULL, self->pages);
	ASSERT_EQ(0, io_uring_queue_init(NR, &self->ring, IORING_SETUP_IOPOLL));
	self->ready = true;
	self->fd = open(self->bed.dev.node, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	fill(self->pages, LEN, 30);
	bed_mark(&self->bed);
}

FIXTURE_TEARDOWN(polled)
{
	param_set("timeout_ms", self->timeout_ms);
	if (self->ready)
		io_uring_queue_exit(&self->ring);
	if (self->fd >= 0)
		close(self->fd);
	BED_TEARDOWN(&self->bed);
}

#define NEED_POLLING(self) do {						\
	if (!(self)->ready)						\
		SKIP(return, "this kernel has no commands of io_uring");	\
} while (0)

static struct io_uring_sqe *entry(FIXTURE_DATA(polled) *self)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);

	if (!sqe)
		die("io_uring_get_sqe");
	return sqe;
}

static int result(FIXTURE_DATA(polled) *self)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_wait_cqe(&self->ring, &cqe);

	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(&self->ring, cqe);
	return ret;
}

static int run(FIXTURE_DATA(polled) *self)
{
	if (io_uring_submit(&self->ring) != 1)
		die("io_uring_submit");
	return result(self);
}

static void command(FIXTURE_DATA(polled) *self, struct edudma_segment *segs,
		    uint32_t nr, uint32_t flags)
{
	struct edudma_uring_cmd cmd = {
		.segments = ptr64(segs), .nr_segments = nr, .flags = flags,
	};
	struct io_uring_sqe *sqe = entry(self);

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = self->fd;
	sqe->off = EDUDMA_URING_CMD_TRANSFER;
	memcpy((uint8_t *)sqe + 48, &cmd, sizeof(cmd));
}

TEST_F(polled, needs_no_interrupt)
{
	struct stats delta;
	int i;

	NEED_POLLING(self);
	io_uring_prep_write(entry(self), self->fd, self->pages, LEN, 0);
	EXPECT_EQ(LEN, run(self));
	io_uring_prep_read(entry(self), self->fd, self->pages + page_size(), LEN, 0);
	EXPECT_EQ(LEN, run(self));
	EXPECT_EQ(LEN, differs_at(self->pages + page_size(), LEN, 30));
	for (i = 0; i < NR; i++) {
		self->segs[i] = seg_from(self->pages + (NR + i) * page_size(), LEN, 0);
		command(self, &self->segs[i], 1, 0);
	}
	ASSERT_EQ(NR, io_uring_submit(&self->ring));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(LEN, result(self));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(LEN, differs_at(self->pages + (NR + i) * page_size(), LEN, 30));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(NR + 2, delta.requests);
	EXPECT_EQ(0, delta.interrupts);
	EXPECT_EQ(0, delta.interrupts_lost);
}

/* What nobody polls, though others wait for it, is found nevertheless. */
TEST_F(polled, holds_up_nobody)
{
	struct stats delta;
	int i, fd;

	NEED_POLLING(self);
	/* Longer than a test may take: it is no timeout that finds it. */
	ASSERT_EQ(0, param_set("timeout_ms", 600000));
	for (i = 0; i < 3; i++) {
		self->segs[i] = seg_from(self->pages + (NR + i) * page_size(), LEN, 0);
		command(self, &self->segs[i], 1, 0);
	}
	ASSERT_EQ(3, io_uring_submit(&self->ring));
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_async"));
	for (i = 0; i < 3; i++)
		command(self, &self->segs[i], 1, 0);
	ASSERT_EQ(3, io_uring_submit(&self->ring));
	for (i = 0; i < self->bed.info.channels; i++) {
		fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		EXPECT_EQ(LEN, pread(fd, self->pages, LEN, 0));
		close(fd);
	}
	for (i = 0; i < 6; i++)
		EXPECT_EQ(LEN, result(self));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(0, delta.interrupts_lost);
}

/* A worker executes them; the ring is polled for their end as well. */
TEST_F(polled, waits_for_workers_too)
{
	NEED_POLLING(self);
	self->segs[0] = seg_to(self->pages, LEN, 0);
	self->segs[1] = seg_from(self->pages + page_size(), LEN, 0);
	command(self, self->segs, 2, EDUDMA_TRANSFER_EXCLUSIVE);
	EXPECT_EQ(2 * LEN, run(self));
	EXPECT_EQ(LEN, differs_at(self->pages + page_size(), LEN, 30));
	self->segs[1].offset = self->bed.info.window_bytes;
	command(self, self->segs, 2, 0);
	EXPECT_EQ(-ERANGE, run(self));
}

TEST_F(polled, ends_when_the_device_is_unbound)
{
	int i, ret, done = 0;

	NEED_POLLING(self);
	BED_SLOW(&self->bed);
	for (i = 0; i < NR; i++) {
		self->segs[i] = seg_from(self->pages + i * page_size(), LEN, 0);
		command(self, &self->segs[i], 1, 0);
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
	close(self->fd);
	close(self->bed.fd);
	self->fd = -1;
	self->bed.fd = -1;
	ASSERT_EQ(0, dev_restore(&self->bed.dev));
}

TEST_HARNESS_MAIN
