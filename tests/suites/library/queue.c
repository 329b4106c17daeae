// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library's asynchronous requests and registered buffers on a device.
 */
#include "edudma_fixture.h"

#include <edudma_uring.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#define NR	4	/* requests */
#define LEN	500

FIXTURE(queue)
{
	struct bed bed;
	struct edudma *dev;
	struct edudma_queue *queue;
	struct edudma_completion done[2 * NR];
	uint8_t *pages;
};

FIXTURE_SETUP(queue)
{
	BED_SETUP(&self->bed);
	ASSERT_EQ(0, edudma_open(self->bed.dev.node, O_RDWR, &self->dev));
	ASSERT_EQ(0, edudma_queue_new(self->dev, NR, &self->queue));
	/* What the device does not reach is slower, and cannot be registered. */
	self->pages = reachable_pages(&self->bed.info, 2 * NR) ?: private_pages(2 * NR);
	self->bed.pins = pins_outstanding();
	bed_mark(&self->bed);
}

FIXTURE_TEARDOWN(queue)
{
	edudma_queue_free(self->queue);
	edudma_close(self->dev);
	BED_TEARDOWN(&self->bed);
}

static uint8_t *page(FIXTURE_DATA(queue) *self, unsigned int nr)
{
	return self->pages + nr * page_size();
}

static uint64_t count(FIXTURE_DATA(queue) *self, const char *name)
{
	return stat_get(&self->bed.dev, name);
}

/* Add @nr reads of LEN bytes: the n-th to page n, with that as its user. */
static int add_reads(FIXTURE_DATA(queue) *self, unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = edudma_queue_read(self->queue, page(self, i), LEN, i * LEN,
					page(self, i));
	return ret;
}

/* The result of the only request. */
static int64_t result(FIXTURE_DATA(queue) *self)
{
	if (edudma_queue_wait(self->queue, self->done, 1, 2 * NR) != 1)
		return INT64_MIN;
	return self->done[0].result;
}

static bool lacks(FIXTURE_DATA(queue) *self, uint32_t capability)
{
	return !(self->bed.info.capabilities & capability);
}

TEST_F(queue, reads_what_it_has_written)
{
	unsigned int i, users = 0;
	struct stats delta;

	for (i = 0; i < NR; i++) {
		fill(page(self, i), LEN, i);
		ASSERT_EQ(0, edudma_queue_write(self->queue, page(self, i), LEN,
						i * LEN, NULL));
	}
	ASSERT_EQ(NR, edudma_queue_wait(self->queue, self->done, NR, 2 * NR));
	memset(self->pages, 0, NR * page_size());
	ASSERT_EQ(0, add_reads(self, NR));
	ASSERT_EQ(NR, edudma_queue_wait(self->queue, self->done, NR, 2 * NR));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(LEN, differs_at(page(self, i), LEN, i));
		EXPECT_EQ(LEN, self->done[i].result);
		users |= 1U << ((uint8_t *)self->done[i].user - self->pages) / page_size();
	}
	EXPECT_EQ((1U << NR) - 1, users);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(2 * NR, delta.requests);
	EXPECT_EQ(NR * LEN, delta.bytes_to_device);
	EXPECT_EQ(NR * LEN, delta.bytes_from_device);
}

TEST_F(queue, holds_as_many_as_its_depth)
{
	EXPECT_EQ(NR, edudma_queue_depth(self->queue));
	ASSERT_EQ(0, add_reads(self, NR));
	EXPECT_EQ(NR, edudma_queue_pending(self->queue));
	EXPECT_EQ(-EAGAIN, add_reads(self, 1));
	/* None was submitted; one completion makes room for one. */
	EXPECT_EQ(self->bed.before.requests, count(self, "requests"));
	EXPECT_EQ(1, edudma_queue_wait(self->queue, self->done, 1, 1));
	EXPECT_EQ(NR - 1, edudma_queue_pending(self->queue));
	EXPECT_EQ(0, add_reads(self, 1));
	EXPECT_EQ(-EAGAIN, add_reads(self, 1));
	/* However many are waited for, there are no more. */
	EXPECT_EQ(NR, edudma_queue_wait(self->queue, self->done, 2 * NR, 2 * NR));
	EXPECT_EQ(0, edudma_queue_pending(self->queue));
	EXPECT_EQ(0, edudma_queue_wait(self->queue, self->done, 1, 2 * NR));
	EXPECT_EQ(self->bed.before.requests + NR + 1, count(self, "requests"));
}

TEST_F(queue, does_not_wait_unless_asked)
{
	struct pollfd fd = { .fd = edudma_queue_fd(self->queue), .events = POLLIN };
	int early;

	BED_SLOW(&self->bed);
	ASSERT_EQ(0, add_reads(self, NR));
	ASSERT_EQ(0, edudma_queue_submit(self->queue));
	early = edudma_queue_wait(self->queue, self->done, 0, 2 * NR);
	EXPECT_LE(0, early);
	EXPECT_GT(NR, early);
	ASSERT_EQ(0, edudma_queue_flush(self->queue));
	EXPECT_EQ(self->bed.before.bytes_from_device + NR * LEN,
		  count(self, "bytes_from_device"));
	EXPECT_EQ(NR - early, edudma_queue_pending(self->queue));
	EXPECT_EQ(1, poll(&fd, 1, 0));
	EXPECT_EQ(NR - early, edudma_queue_wait(self->queue, self->done, 0, 2 * NR));
	EXPECT_EQ(0, poll(&fd, 1, 0));
	/* It submits also if it has not to wait. */
	ASSERT_EQ(0, add_reads(self, 1));
	EXPECT_LE(0, edudma_queue_wait(self->queue, self->done, 0, 2 * NR));
	EXPECT_EQ(self->bed.before.requests + NR + 1, count(self, "requests"));
}

static void on_alarm(int number)
{
	(void)number;
}

TEST_F(queue, lets_signals_interrupt_the_wait)
{
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, off = {};
	struct sigaction action = { .sa_handler = on_alarm };
	int ret;

	BED_SLOW(&self->bed);
	ASSERT_EQ(0, add_reads(self, NR));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	ret = edudma_queue_wait(self->queue, self->done, NR, NR);
	setitimer(ITIMER_REAL, &off, NULL);
	EXPECT_TRUE(ret == -EINTR || (ret > 0 && ret < NR)) TH_LOG("%d", ret);
	/* None is lost. */
	ret = ret > 0 ? NR - ret : NR;
	EXPECT_EQ(ret, edudma_queue_wait(self->queue, self->done, NR, NR));
	EXPECT_EQ(LEN, self->done[0].result);
}

TEST_F(queue, refuses_what_no_request_can_be)
{
	const uint64_t window = self->bed.info.window_bytes;
	struct edudma_queue *other = NULL;

	EXPECT_EQ(-EINVAL, edudma_queue_new(self->dev, 0, &other));
	EXPECT_EQ(-EINVAL, edudma_queue_new(self->dev, 32769, &other));
	EXPECT_EQ(-EINVAL, edudma_queue_new(NULL, 1, &other));
	EXPECT_EQ(NULL, other);
	EXPECT_EQ(-ERANGE, edudma_queue_read(self->queue, self->pages, 2, window - 1,
					     NULL));
	EXPECT_EQ(-ERANGE, edudma_queue_write(self->queue, self->pages, 1, UINT64_MAX,
					      NULL));
	EXPECT_EQ(lacks(self, EDUDMA_CAP_URING_CMD) ? -EOPNOTSUPP : -EMSGSIZE,
		  edudma_queue_transfer(self->queue, NULL,
					self->bed.info.max_segments + 1, 0, NULL));
	EXPECT_EQ(0, edudma_queue_pending(self->queue));
}

TEST_F(queue, tells_why_a_request_failed)
{
	struct edudma_queue *queue;
	struct edudma *reader;

	ASSERT_EQ(0, edudma_queue_read(self->queue, NULL, LEN, 0, NULL));
	EXPECT_EQ(-EFAULT, result(self));
	ASSERT_EQ(0, edudma_open(self->bed.dev.node, O_RDONLY, &reader));
	ASSERT_EQ(0, edudma_queue_new(reader, 1, &queue));
	ASSERT_EQ(0, edudma_queue_write(queue, self->pages, LEN, 0, self));
	EXPECT_EQ(1, edudma_queue_wait(queue, self->done, 1, 1));
	EXPECT_EQ(-EBADF, self->done[0].result);
	EXPECT_EQ(self, self->done[0].user);
	edudma_queue_free(queue);
	edudma_close(reader);
}

TEST_F(queue, runs_vectors)
{
	struct edudma_segment segs[] = {
		edudma_to_device(page(self, 0), LEN, 0),
		edudma_to_device(page(self, 1), LEN, LEN),
		edudma_from_device(page(self, 2), 2 * LEN, 0),
	};
	struct stats delta;

	if (lacks(self, EDUDMA_CAP_URING_CMD)) {
		EXPECT_EQ(-EOPNOTSUPP, edudma_queue_transfer(self->queue, segs, 3, 0,
							     NULL));
		return;
	}
	fill(page(self, 0), LEN, 1);
	fill(page(self, 1), LEN, 2);
	ASSERT_EQ(0, edudma_queue_transfer(self->queue, segs, 3,
					   EDUDMA_TRANSFER_EXCLUSIVE, self));
	/* It is the queue that has the vector now. */
	memset(segs, 0xff, sizeof(segs));
	EXPECT_EQ(4 * LEN, result(self));
	EXPECT_EQ(self, self->done[0].user);
	EXPECT_EQ(LEN, differs_at(page(self, 2), LEN, 1));
	EXPECT_EQ(LEN, differs_at(page(self, 2) + LEN, LEN, 2));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.requests);
	/* Nothing, and what it cannot know. */
	ASSERT_EQ(0, edudma_queue_transfer(self->queue, NULL, 0, 0, NULL));
	EXPECT_EQ(0, result(self));
	ASSERT_EQ(0, edudma_queue_transfer(self->queue, NULL, 0, 1U << 31, NULL));
	EXPECT_EQ(-EINVAL, result(self));
}

/* While the first one runs, the others wait for the window. */
TEST_F(queue, is_freed_with_requests_under_way)
{
	struct edudma_segment segs[NR];
	struct stats delta;
	unsigned int i;

	if (lacks(self, EDUDMA_CAP_URING_CMD))
		SKIP(return, "this kernel has no commands of io_uring");
	for (i = 0; i < NR; i++)
		segs[i] = edudma_from_device(page(self, i), LEN, 0);
	BED_PACE(&self->bed, 2 * EDU_NS);
	for (i = 0; i < NR; i++)
		ASSERT_EQ(0, edudma_queue_transfer(self->queue, segs, NR,
						   EDUDMA_TRANSFER_EXCLUSIVE, NULL));
	ASSERT_EQ(0, edudma_queue_submit(self->queue));
	ASSERT_TRUE(WAIT_FOR(count(self, "descriptors") > self->bed.before.descriptors));
	edudma_queue_free(self->queue);
	self->queue = NULL;
	EXPECT_EQ(0, count(self, "pages_pinned"));
	BED_STATS(&self->bed, &delta);
	EXPECT_GT(NR * NR * LEN, delta.bytes_from_device);
	EXPECT_LT(0, delta.cancelled);
}

TEST_F(queue, is_freed_with_requests_that_were_not_submitted)
{
	ASSERT_EQ(0, add_reads(self, NR));
	edudma_queue_free(self->queue);
	self->queue = NULL;
	EXPECT_EQ(self->bed.before.requests, count(self, "requests"));
	edudma_queue_free(NULL);
}

TEST_F(queue, uses_registered_buffers)
{
	struct edudma_segment segs[2];
	uint32_t buffer = 0;
	struct stats delta;

	if (lacks(self, EDUDMA_CAP_BUFFERS))
		SKIP(return, "the kernel copies what it maps: nothing can be registered");
	ASSERT_EQ(0, edudma_buffer_register(self->dev, self->pages + 3,
					    2 * NR * page_size() - 3, &buffer));
	EXPECT_LT(0, buffer);
	EXPECT_EQ(2 * NR, count(self, "pages_registered"));
	bed_mark(&self->bed);
	fill(page(self, 1) + 3, LEN, 7);
	segs[0] = edudma_buffer_to_device(buffer, page_size(), LEN, 50);
	segs[1] = edudma_buffer_from_device(buffer, 2 * page_size(), LEN, 50);
	EXPECT_EQ(0, edudma_transfer(self->dev, segs, 2, 0, NULL));
	EXPECT_EQ(LEN, differs_at(page(self, 2) + 3, LEN, 7));
	if (!lacks(self, EDUDMA_CAP_URING_CMD)) {
		segs[1] = edudma_buffer_from_device(buffer, 4 * page_size(), LEN, 50);
		ASSERT_EQ(0, edudma_queue_transfer(self->queue, segs + 1, 1, 0, NULL));
		EXPECT_EQ(LEN, result(self));
		EXPECT_EQ(LEN, differs_at(page(self, 4) + 3, LEN, 7));
	}
	/* Nothing was pinned for that. */
	BED_STATS(&self->bed, &delta);
	EXPECT_LT(0, delta.bytes_zero_copy);
	EXPECT_EQ(self->bed.before.pages_pinned_max, count(self, "pages_pinned_max"));

	segs[0] = edudma_buffer_to_device(buffer, 2 * NR * page_size() - 3, 1, 0);
	EXPECT_EQ(-EFAULT, edudma_transfer(self->dev, segs, 1, 0, NULL));
	EXPECT_EQ(0, edudma_buffer_unregister(self->dev, buffer));
	EXPECT_EQ(0, count(self, "pages_registered"));
	EXPECT_EQ(-ENOENT, edudma_buffer_unregister(self->dev, buffer));
	EXPECT_EQ(-ENOENT, edudma_transfer(self->dev, segs + 1, 1, 0, NULL));
}

TEST_F(queue, uses_memory_of_a_memfd)
{
	const size_t size = 4 * page_size();
	struct edudma_segment segs[2];
	uint32_t buffer = 77;
	uint8_t *map;
	int fd, ret;

	if (lacks(self, EDUDMA_CAP_BUFFERS))
		SKIP(return, "the kernel copies what it maps: nothing can be registered");
	fd = memfd_create("queue", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, size));
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-EINVAL, edudma_buffer_register_memfd(self->dev, fd, 0, 0, &buffer));
	EXPECT_EQ(-EBADF, edudma_buffer_register_memfd(self->dev, -1, 0, size, &buffer));
	EXPECT_EQ(77, buffer);
	ret = edudma_buffer_register_memfd(self->dev, fd, page_size(), size - page_size(),
					   &buffer);
	close(fd);
	if (ret == -EADDRNOTAVAIL)
		SKIP(goto out, "this memory happens to be where the device does not reach");
	ASSERT_EQ(0, ret);
	fill(map + page_size() + 9, LEN, 8);
	segs[0] = edudma_buffer_to_device(buffer, 9, LEN, 0);
	segs[1] = edudma_buffer_from_device(buffer, page_size(), LEN, 0);
	EXPECT_EQ(0, edudma_transfer(self->dev, segs, 2, 0, NULL));
	EXPECT_EQ(LEN, differs_at(map + 2 * page_size(), LEN, 8));
	EXPECT_EQ(0, edudma_buffer_unregister(self->dev, buffer));
out:
	munmap(map, size);
}

TEST_F(queue, is_not_needed_with_a_ring_of_ones_own)
{
	struct edudma_segment segs[2], fixed;
	struct iovec memory = { self->pages, 2 * NR * page_size() };
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	unsigned int i;

	if (lacks(self, EDUDMA_CAP_URING_CMD))
		SKIP(return, "this kernel has no commands of io_uring");
	ASSERT_EQ(0, io_uring_queue_init(2, &ring, 0));
	ASSERT_EQ(0, io_uring_register_buffers(&ring, &memory, 1));
	fill(page(self, 0), LEN, 9);
	segs[0] = edudma_to_device(page(self, 0), LEN, 0);
	segs[1] = edudma_from_device(page(self, 1), LEN, 0);
	sqe = io_uring_get_sqe(&ring);
	edudma_prep_transfer(sqe, self->dev, segs, 2, 0);
	sqe->flags = IOSQE_IO_LINK;
	sqe->user_data = 2 * LEN;
	fixed = edudma_from_device(page(self, 2), LEN, 0);
	sqe = io_uring_get_sqe(&ring);
	edudma_prep_transfer_fixed(sqe, self->dev, &fixed, 0, 0);
	sqe->user_data = LEN;
	ASSERT_EQ(2, io_uring_submit_and_wait(&ring, 2));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
		EXPECT_EQ(cqe->user_data, cqe->res);
		io_uring_cqe_seen(&ring, cqe);
	}
	EXPECT_EQ(LEN, differs_at(page(self, 1), LEN, 9));
	EXPECT_EQ(LEN, differs_at(page(self, 2), LEN, 9));
	/* A segment that is not within what was registered with the ring. */
	fixed = edudma_from_device(page(self, 2 * NR) - 1, 2, 0);
	edudma_prep_transfer_fixed(io_uring_get_sqe(&ring), self->dev, &fixed, 0, 0);
	ASSERT_EQ(1, io_uring_submit_and_wait(&ring, 1));
	ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
	EXPECT_EQ(-EFAULT, cqe->res);
	io_uring_queue_exit(&ring);
}

TEST_HARNESS_MAIN
