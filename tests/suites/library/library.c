// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library on a device.
 *
 * Every hardware transfer takes 100 ms on a stock edu, so the sizes are as
 * small as what they have to show allows.  An edu-sg is slowed down where a test
 * acts while a copy is under way.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
	struct edudma_info info;
	unsigned int index;
	size_t window;
	size_t copy_bytes;
	size_t part;
	unsigned char *src;
	unsigned char *dst;
	const char *pace;
	uint64_t latency;
};

/* What a pattern is put into; buffers may be longer. */
#define PATTERN_BYTES		16384

static unsigned char *buffer_of(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t buffer_bytes(size_t copy_bytes)
{
	/* With room behind it. */
	return copy_bytes + 16 > PATTERN_BYTES ? copy_bytes + 16 : PATTERN_BYTES;
}

FIXTURE_SETUP(library)
{
	ASSERT_EQ(0, edudma_list_new(&self->list));
	ASSERT_LT(0, edudma_list_count(self->list))
		TH_LOG("no device: is the edudma module loaded?");
	self->index = edudma_list_index(self->list, 0);
	ASSERT_EQ(0, edudma_open_index(self->index, O_RDWR, &self->dev));
	self->window = edudma_window_bytes(self->dev);
	ASSERT_EQ(0, edudma_get_info(self->dev, &self->info,
				     sizeof(self->info)));

	/* Windows and a bit: pieces of every kind, at no special alignment. */
	self->copy_bytes = (self->window > 4096 ? 1 : 3) * self->window + 5;
	self->part = self->window > 4096 ? 4096 : self->window;
	self->src = buffer_of(buffer_bytes(self->copy_bytes));
	self->dst = buffer_of(buffer_bytes(self->copy_bytes));
	ASSERT_TRUE(self->src && self->dst);
	make_pattern(self->src, PATTERN_BYTES, 3);
}

static struct test_dev machine_dev(FIXTURE_DATA(library) *self)
{
	struct test_dev dev = {};

	snprintf(dev.slot, sizeof(dev.slot), "%s",
		 edudma_list_address(self->list, 0));
	return dev;
}

/* Have each hardware transfer take a while; on plain edu it does. */
static int slow_down(FIXTURE_DATA(library) *self, unsigned int ms)
{
	const struct test_dev dev = machine_dev(self);

	self->pace = machine_pace(&dev, &self->info);
	if (!self->pace)
		return 0;
	self->latency = machine_get(&dev, self->pace);
	return machine_set(&dev, self->pace, ms * 1000000ULL);
}

FIXTURE_TEARDOWN(library)
{
	const struct test_dev dev = machine_dev(self);

	if (self->pace) {
		EXPECT_EQ(0, machine_set(&dev, self->pace, self->latency));
	}
	edudma_close(self->dev);
	edudma_list_free(self->list);
	munmap(self->src, buffer_bytes(self->copy_bytes));
	munmap(self->dst, buffer_bytes(self->copy_bytes));
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
	struct edudma_result result = { .size = sizeof(result) };
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
	struct edudma_result result = { .size = sizeof(result) };

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
	struct edudma_result result = { .size = sizeof(result) };

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
	const size_t len = self->copy_bytes;
	struct seen seen = {};
	const struct edudma_copy_options options = {
		.size = sizeof(options),
		.progress = on_progress,
		.context = &seen,
	};
	size_t done = 0;

	make_pattern(self->src, len, 4);
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
		.size = sizeof(options),
		.progress = on_progress,
		.context = &seen,
		.request_bytes = 1,
	};
	size_t done = 0;

	EXPECT_EQ(-ECANCELED, edudma_copy(self->dev, self->dst, self->src,
					  self->copy_bytes, &options, &done));
	/* One piece is the least that a request can be. */
	EXPECT_EQ(self->window, done);
	EXPECT_EQ(1, seen.calls);
	EXPECT_EQ(0, memcmp(self->src, self->dst, done));
}

TEST_F(library, copy_in_one_request)
{
	const size_t len = self->window + 1;
	const struct edudma_copy_options options = {
		.size = sizeof(options),
		.request_bytes = 2 * self->window,
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
	struct edudma_copy_options options = { .size = sizeof(options) };
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

/* Programs that were compiled with an older or a newer header. */
TEST_F(library, structures_carry_their_size)
{
	struct edudma_segment segment = edudma_to_device(self->src, 10, 0);
	struct {
		struct edudma_copy_options options;
		uint64_t newer;
	} longer = { .options.size = sizeof(longer) };
	struct {
		struct edudma_result result;
		uint64_t newer;
		uint64_t behind;
	} result;

	memset(&result, 0xff, sizeof(result));
	result.result.size = offsetof(typeof(result), behind);
	ASSERT_EQ(0, edudma_transfer(self->dev, &segment, 1, 0, &result.result));
	EXPECT_EQ(offsetof(typeof(result), behind), result.result.size);
	EXPECT_EQ(10, result.result.bytes_done);
	EXPECT_EQ(0, result.newer);
	EXPECT_EQ(UINT64_MAX, result.behind);

	result.result.size = offsetof(struct edudma_result, error);
	result.result.bytes_done = 77;
	EXPECT_EQ(-EINVAL, edudma_transfer(self->dev, &segment, 1, 0, &result.result));
	EXPECT_EQ(77, result.result.bytes_done);

	make_pattern(self->dst, 10, 3);
	EXPECT_EQ(0, edudma_copy(self->dev, self->dst, self->src, 10,
				 &longer.options, NULL));
	EXPECT_EQ(0, memcmp(self->src, self->dst, 10));
	longer.newer = 1;
	EXPECT_EQ(-E2BIG, edudma_copy(self->dev, self->dst, self->src, 10,
				      &longer.options, NULL));
	longer.options.size = offsetof(struct edudma_copy_options, reserved);
	EXPECT_EQ(-EINVAL, edudma_copy(self->dev, self->dst, self->src, 10,
				       &longer.options, NULL));
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

static void alarm_after_150_ms(const struct timeval *again)
{
	const struct itimerval timer = {
		.it_value.tv_usec = 150000,
		.it_interval = *again,
	};
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static const struct timeval never = {};
/* If the first comes before the call that it is to meet. */
static const struct timeval often = { .tv_usec = 150000 };

static void no_more_alarms(void)
{
	const struct itimerval off = {};

	setitimer(ITIMER_REAL, &off, NULL);
}

TEST_F(library, signal_stops_a_copy)
{
	const struct edudma_copy_options options = {
		.size = sizeof(options),
		.request_bytes = 1 << 20,
	};
	const size_t len = 3 * self->part + 5;
	size_t done = 77;
	int ret;

	ASSERT_EQ(0, slow_down(self, 400));
	alarm_after_150_ms(&often);
	ret = edudma_copy(self->dev, self->dst, self->src, len, &options,
			  &done);
	no_more_alarms();
	EXPECT_EQ(-EINTR, ret);
	EXPECT_GT(len, done);
	EXPECT_EQ(0, memcmp(self->src, self->dst, done));
}

/* How many transfers signals have stopped. */
static uint64_t cancelled(FIXTURE_DATA(library) *self)
{
	struct edudma_stats *stats;
	uint64_t value = 0;

	if (!edudma_stats_read(self->index, &stats)) {
		edudma_stats_get(stats, "cancelled", &value);
		edudma_stats_free(stats);
	}
	return value;
}

TEST_F(library, progress_can_go_on_after_a_signal)
{
	const uint64_t before = cancelled(self);
	const size_t len = 2 * self->part;
	struct seen seen;
	const struct edudma_copy_options options = {
		.size = sizeof(options),
		.progress = on_progress,
		.context = &seen,
		.request_bytes = 1 << 20,
	};

	ASSERT_EQ(0, slow_down(self, 200));
	/* Until the signal has met a transfer; the limit of the test ends this. */
	do {
		seen = (struct seen) {};
		memset(self->dst, 0, len);
		alarm_after_150_ms(&never);
		ASSERT_EQ(0, edudma_copy(self->dev, self->dst, self->src, len,
					 &options, NULL));
		no_more_alarms();
		EXPECT_EQ(0, memcmp(self->src, self->dst, len));
		EXPECT_LE(2, seen.calls);
	} while (cancelled(self) == before);
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
#define EXPECT_COPIES(devs, nr) do {					\
	static struct worker workers_[4];				\
	pthread_t threads_[4];						\
	unsigned int i_;						\
									\
	for (i_ = 0; i_ < (nr); i_++) {					\
		workers_[i_].dev = (devs)[i_];				\
		workers_[i_].len = 500;					\
		make_pattern(workers_[i_].src, sizeof(workers_[i_].src),	\
			     50 * i_);					\
		ASSERT_EQ(0, pthread_create(&threads_[i_], NULL, work,	\
					    &workers_[i_]));		\
	}								\
	for (i_ = 0; i_ < (nr); i_++) {					\
		pthread_join(threads_[i_], NULL);			\
		EXPECT_EQ(0, workers_[i_].ret);				\
	}								\
} while (0)

TEST_F(library, threads_share_a_handle)
{
	struct edudma *devs[] = { self->dev, self->dev, self->dev };

	EXPECT_COPIES(devs, 3);
}

/* One of them by two threads: what one gives back the other still needs. */
TEST_F(library, copies_by_several_handles_do_not_disturb_each_other)
{
	struct edudma *other, *devs[3];

	ASSERT_EQ(0, edudma_open(edudma_path(self->dev), O_RDWR, &other));
	ASSERT_EQ(0, slow_down(self, 20));
	devs[0] = self->dev;
	devs[1] = self->dev;
	devs[2] = other;
	EXPECT_COPIES(devs, 3);
	edudma_close(other);
}

/* Who may only read the node cannot stop copies by a lock on it. */
TEST_F(library, copy_is_not_held_up_by_a_lock)
{
	int fd;

	fd = open(edudma_path(self->dev), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, flock(fd, LOCK_EX));
	alarm_after_150_ms(&often);
	EXPECT_EQ(0, edudma_copy(self->dev, self->dst, self->src, 500, NULL,
				 NULL));
	no_more_alarms();
	EXPECT_EQ(0, memcmp(self->src, self->dst, 500));
	close(fd);
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
