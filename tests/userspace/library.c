// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library on a device.
 *
 * Every hardware transfer takes 100 ms on a stock edu, so the sizes are as
 * small as what they have to show allows.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "edudma_fixture.h"
#include <edudma.h>

static void make_pattern(unsigned char *buf, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = seed + i * 7 + i / 251;
}

FIXTURE(library)
{
	struct edudma_list *list;
	struct edudma *dev;
	unsigned int index;
	size_t window;
	unsigned char *src;
	unsigned char *dst;
};

/* Three windows and a bit: pieces of every kind, at no special alignment. */
#define COPY_BYTES(self)	(3 * (self)->window + 5)
#define BUFFER_BYTES		16384

FIXTURE_SETUP(library)
{
	ASSERT_EQ(0, edudma_list_new(&self->list));
	ASSERT_LT(0, edudma_list_count(self->list))
		TH_LOG("no device: is the edudma module loaded?");
	self->index = edudma_list_index(self->list, 0);
	ASSERT_EQ(0, edudma_open_index(self->index, O_RDWR, &self->dev));
	self->window = edudma_window_bytes(self->dev);

	self->src = malloc(BUFFER_BYTES);
	self->dst = calloc(1, BUFFER_BYTES);
	ASSERT_TRUE(self->src && self->dst);
	ASSERT_GE(BUFFER_BYTES, COPY_BYTES(self));
	make_pattern(self->src, BUFFER_BYTES, 3);
}

FIXTURE_TEARDOWN(library)
{
	edudma_close(self->dev);
	edudma_list_free(self->list);
	free(self->src);
	free(self->dst);
}

TEST_F(library, list_leads_to_the_node)
{
	const char *path = edudma_list_path(self->list, 0);
	unsigned int index = ~self->index;
	char dir[] = "/tmp/edudma-link.XXXXXX", link[64];

	EXPECT_EQ(0, access(path, F_OK));
	EXPECT_STREQ(path, edudma_path(self->dev));
	EXPECT_EQ(12, strlen(edudma_list_address(self->list, 0)));
	EXPECT_EQ(0, edudma_find_index(path, &index));
	EXPECT_EQ(self->index, index);

	/* Another path to the same node. */
	ASSERT_NE(NULL, mkdtemp(dir));
	snprintf(link, sizeof(link), "%s/node", dir);
	ASSERT_EQ(0, symlink(path, link));
	index = ~self->index;
	EXPECT_EQ(0, edudma_find_index(link, &index));
	EXPECT_EQ(self->index, index);
	unlink(link);
	rmdir(dir);
}

TEST_F(library, info_fits_any_size)
{
	struct {
		struct edudma_info info;
		unsigned char more[8];
	} large;
	struct edudma_info info;

	memset(&large, 0xff, sizeof(large));
	ASSERT_EQ(0, edudma_get_info(self->dev, &info, sizeof(info)));
	EXPECT_EQ(EDUDMA_ABI_VERSION, info.abi_version);
	EXPECT_EQ(self->window, info.window_bytes);

	ASSERT_EQ(0, edudma_get_info(self->dev, &large.info, sizeof(large)));
	EXPECT_EQ(0, memcmp(&info, &large.info, sizeof(info)));
	EXPECT_EQ(0, large.more[0] | large.more[7]);

	memset(&large, 0xff, sizeof(large));
	ASSERT_EQ(0, edudma_get_info(self->dev, &large.info, 8));
	EXPECT_EQ(0, memcmp(&info, &large.info, 8));
	EXPECT_EQ(UINT64_MAX, large.info.window_bytes);
}

TEST_F(library, what_was_written_is_read)
{
	size_t done = 0;

	ASSERT_EQ(0, edudma_write_at(self->dev, self->src, self->window, 0,
				     &done));
	EXPECT_EQ(self->window, done);
	ASSERT_EQ(0, edudma_read_at(self->dev, self->dst, 99, 1001, &done));
	EXPECT_EQ(99, done);
	EXPECT_EQ(0, memcmp(self->src + 1001, self->dst, 99));
	EXPECT_EQ(0, self->dst[99]);
}

TEST_F(library, range_is_checked_first)
{
	struct edudma_stats *before, *after;
	uint64_t a, b;
	size_t done = 77;

	ASSERT_EQ(0, edudma_stats_read(self->index, &before));
	EXPECT_EQ(-ERANGE, edudma_read_at(self->dev, self->dst, 2,
					  self->window - 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ERANGE, edudma_write_at(self->dev, self->src, 1,
					   UINT64_MAX, NULL));
	EXPECT_EQ(0, edudma_write_at(self->dev, self->src, 0, self->window,
				     NULL));
	ASSERT_EQ(0, edudma_stats_read(self->index, &after));

	ASSERT_EQ(0, edudma_stats_get(before, "descriptors", &a));
	ASSERT_EQ(0, edudma_stats_get(after, "descriptors", &b));
	EXPECT_EQ(a, b);
	edudma_stats_free(before);
	edudma_stats_free(after);
}

TEST_F(library, directions_need_their_access)
{
	struct edudma_segment to = edudma_to_device(self->src, 1, 0);
	struct edudma_result result;
	struct edudma *dev;
	size_t done = 77;

	ASSERT_EQ(0, edudma_open(edudma_path(self->dev), O_RDONLY, &dev));
	EXPECT_EQ(-EBADF, edudma_write_at(dev, self->src, 1, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-EBADF, edudma_transfer(dev, &to, 1, 0, &result));
	edudma_close(dev);

	ASSERT_EQ(0, edudma_open(edudma_path(self->dev), O_WRONLY, &dev));
	EXPECT_EQ(-EBADF, edudma_read_at(dev, self->dst, 1, 0, NULL));
	edudma_close(dev);
}

TEST_F(library, transfer_runs_in_order)
{
	const struct edudma_segment segments[] = {
		edudma_to_device(self->src, 100, 0),
		edudma_from_device(self->dst, 100, 0),
		edudma_to_device(self->src + 100, 50, 25),
		edudma_from_device(self->dst + 100, 100, 0),
	};
	struct edudma_result result;

	ASSERT_EQ(0, edudma_transfer(self->dev, segments, 4, 0, &result));
	EXPECT_EQ(350, result.bytes_done);
	EXPECT_EQ(4, result.segments_done);
	EXPECT_EQ(0, result.error);
	EXPECT_EQ(0, memcmp(self->src, self->dst, 100));
	EXPECT_EQ(0, memcmp(self->src, self->dst + 100, 25));
	EXPECT_EQ(0, memcmp(self->src + 100, self->dst + 125, 50));
	EXPECT_EQ(0, memcmp(self->src + 75, self->dst + 175, 25));
}

TEST_F(library, refusal_differs_from_failure)
{
	struct edudma_segment segments[] = {
		edudma_to_device(self->src, 10, 0),
		edudma_from_device(NULL, 10, 0),
	};
	struct edudma_result result;

	/* Failed on the way: the first segment was done. */
	EXPECT_EQ(-EFAULT, edudma_transfer(self->dev, segments, 2, 0, &result));
	EXPECT_EQ(EFAULT, result.error);
	EXPECT_EQ(10, result.bytes_done);
	EXPECT_EQ(1, result.segments_done);

	/* Refused: nothing was. */
	segments[1].offset = self->window;
	EXPECT_EQ(-ERANGE, edudma_transfer(self->dev, segments, 2, 0, &result));
	EXPECT_EQ(0, result.error);
	EXPECT_EQ(0, result.bytes_done);
	EXPECT_EQ(0, result.segments_done);
	EXPECT_EQ(-EINVAL, edudma_transfer(self->dev, segments, 1, 1U << 31,
					   NULL));
}

struct seen {
	unsigned int calls;
	uint64_t last;
	bool shrank;
	unsigned int stop_at;
};

static int on_progress(uint64_t done, uint64_t total, void *context)
{
	struct seen *seen = context;

	if ((seen->calls && done <= seen->last) || done > total)
		seen->shrank = true;
	seen->last = done;
	return ++seen->calls == seen->stop_at;
}

TEST_F(library, copy_is_exact)
{
	const size_t len = COPY_BYTES(self);
	struct seen seen = {};
	const struct edudma_copy_options options = {
		.progress = on_progress,
		.context = &seen,
	};
	size_t done = 0;

	/* The memory around it stays as it is. */
	self->dst[0] = 0xa5;
	self->dst[len + 1] = 0x5a;
	ASSERT_EQ(0, edudma_copy(self->dev, self->dst + 1, self->src, len,
				 &options, &done));
	EXPECT_EQ(len, done);
	EXPECT_EQ(0, memcmp(self->src, self->dst + 1, len));
	EXPECT_EQ(0xa5, self->dst[0]);
	EXPECT_EQ(0x5a, self->dst[len + 1]);
	EXPECT_LT(0, seen.calls);
	EXPECT_FALSE(seen.shrank);
	EXPECT_EQ(len, seen.last);
}

TEST_F(library, copy_stops_when_asked)
{
	struct seen seen = { .stop_at = 1 };
	const struct edudma_copy_options options = {
		.progress = on_progress,
		.context = &seen,
		.request_bytes = 1,
	};
	size_t done = 0;

	EXPECT_EQ(-ECANCELED, edudma_copy(self->dev, self->dst, self->src,
					  COPY_BYTES(self), &options, &done));
	/* One piece is the least that a request can be. */
	EXPECT_EQ(self->window, done);
	EXPECT_EQ(1, seen.calls);
	EXPECT_EQ(0, memcmp(self->src, self->dst, done));
}

TEST_F(library, copy_in_one_request)
{
	const size_t len = self->window + 1;
	const struct edudma_copy_options options = {
		.request_bytes = 1 << 20,
	};
	struct edudma_stats *before, *after;
	uint64_t a = 0, b = 0;

	ASSERT_EQ(0, edudma_stats_read(self->index, &before));
	ASSERT_EQ(0, edudma_copy(self->dev, self->dst, self->src, len,
				 &options, NULL));
	ASSERT_EQ(0, edudma_stats_read(self->index, &after));
	EXPECT_EQ(0, memcmp(self->src, self->dst, len));
	edudma_stats_get(before, "requests", &a);
	edudma_stats_get(after, "requests", &b);
	EXPECT_EQ(a + 1, b);
	edudma_stats_free(before);
	edudma_stats_free(after);
}

TEST_F(library, copy_refuses_nonsense)
{
	struct edudma_copy_options options = {};
	size_t done = 77;

	EXPECT_EQ(-EINVAL, edudma_copy(self->dev, self->src + 1, self->src, 2,
				       NULL, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-EINVAL, edudma_copy(self->dev, self->src, self->src + 1, 2,
				       NULL, NULL));
	options.reserved = 1;
	EXPECT_EQ(-EINVAL, edudma_copy(self->dev, self->dst, self->src, 1,
				       &options, NULL));
	options.reserved = 0;
	options.flags = 1U << 31;
	EXPECT_EQ(-EINVAL, edudma_copy(self->dev, self->dst, self->src, 1,
				       &options, NULL));
	EXPECT_EQ(0, edudma_copy(self->dev, self->dst, self->src, 0, NULL,
				 &done));
	EXPECT_EQ(0, done);
}

TEST_F(library, copy_reads_read_only_memory)
{
	unsigned char *page;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	make_pattern(page, 4096, 9);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	EXPECT_EQ(0, edudma_copy(self->dev, self->dst, page, 1000, NULL,
				 NULL));
	EXPECT_EQ(0, memcmp(page, self->dst, 1000));
	munmap(page, 4096);
}

static void on_alarm(int number)
{
	(void)number;
}

static void alarm_in_150_ms(void)
{
	const struct itimerval once = { .it_value.tv_usec = 150000 };
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &once, NULL);
}

TEST_F(library, signal_stops_a_copy)
{
	const struct edudma_copy_options options = {
		.request_bytes = 1 << 20,
	};
	size_t done = 77;
	int ret;

	alarm_in_150_ms();
	ret = edudma_copy(self->dev, self->dst, self->src, COPY_BYTES(self),
			  &options, &done);
	EXPECT_EQ(-EINTR, ret);
	EXPECT_GT(COPY_BYTES(self), done);
	EXPECT_EQ(0, memcmp(self->src, self->dst, done));
}

TEST_F(library, progress_can_go_on_after_a_signal)
{
	const size_t len = 2 * self->window;
	struct seen seen = {};
	const struct edudma_copy_options options = {
		.progress = on_progress,
		.context = &seen,
		.request_bytes = 1 << 20,
	};

	alarm_in_150_ms();
	EXPECT_EQ(0, edudma_copy(self->dev, self->dst, self->src, len,
				 &options, NULL));
	EXPECT_EQ(0, memcmp(self->src, self->dst, len));
	EXPECT_LE(2, seen.calls);
}

struct worker {
	struct edudma *dev;
	unsigned char src[4096];
	unsigned char dst[4096];
	size_t len;
	int ret;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	unsigned int i;

	for (i = 0; i < 3 && !worker->ret; i++) {
		memset(worker->dst, 0, sizeof(worker->dst));
		worker->ret = edudma_copy(worker->dev, worker->dst, worker->src,
					  worker->len, NULL, NULL);
		if (!worker->ret &&
		    memcmp(worker->src, worker->dst, worker->len))
			worker->ret = 1;
	}
	return NULL;
}

/* All copies use the same bytes of the window. */
TEST_F(library, threads_share_a_handle)
{
	static struct worker workers[3];
	pthread_t threads[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		workers[i].dev = self->dev;
		workers[i].len = 500;
		make_pattern(workers[i].src, sizeof(workers[i].src), 50 * i);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work,
					    &workers[i]));
	}
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, workers[i].ret);
	}
}

TEST_F(library, stats_tell_what_moved)
{
	struct edudma_stats *before, *after, *diff;
	uint64_t value = 0;

	ASSERT_EQ(0, edudma_stats_read(self->index, &before));
	ASSERT_EQ(0, edudma_write_at(self->dev, self->src, 321, 0, NULL));
	ASSERT_EQ(0, edudma_stats_read(self->index, &after));
	ASSERT_EQ(0, edudma_stats_diff(after, before, &diff));

	EXPECT_STREQ("requests", edudma_stats_name(diff, 0));
	EXPECT_EQ(1, edudma_stats_value(diff, 0));
	EXPECT_EQ(0, edudma_stats_get(diff, "bytes_to_device", &value));
	EXPECT_EQ(321, value);
	EXPECT_EQ(0, edudma_stats_get(diff, "pages_pinned", &value));
	EXPECT_EQ(0, value);
	EXPECT_FALSE(edudma_stats_is_level("requests"));
	EXPECT_TRUE(edudma_stats_is_level("pages_pinned_max"));

	edudma_stats_free(before);
	edudma_stats_free(after);
	edudma_stats_free(diff);
	EXPECT_EQ(-ENODEV, edudma_stats_read(4000, &diff));
}

TEST_HARNESS_MAIN
