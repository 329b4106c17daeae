// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel that executes nothing and ignores every command, so that nobody can
 * tell whether it will ever write to the pages that it has: they stay pinned for
 * good.  The lane's verdict is `pinned`, therefore.
 */
#include "edudma_aio.h"
#include "edudma_fixture.h"
#include "edudma_kmsg.h"
#include "edudma_machine.h"
#include "edudma_plug.h"
#include "edudma_stream.h"

#include <signal.h>
#include <sys/mman.h>

#define PAGES		2
#define LEN		5000
#define TIMEOUT_MS	300
#define SEED		3

FIXTURE(stuck)
{
	struct bed bed;
	uint64_t timeout_ms;
	uint8_t *buf;		/* shared with children */
	struct edudma_segment seg;
	unsigned int lost;	/* pages that an unbind while stuck leaves pinned */
	int kmsg;
};

static int get_stuck(const struct test_dev *dev, bool stuck)
{
	uint64_t channels = stuck ? 0xff : 0;

	return machine_set(dev, "fault-stall", channels) ?:
	       machine_set(dev, "fault-stuck", channels);
}

FIXTURE_SETUP(stuck)
{
	BED_SETUP(&self->bed);
	self->timeout_ms = param_get("timeout_ms");
	ASSERT_EQ(0, param_set("timeout_ms", TIMEOUT_MS));
	self->buf = shared_pages(PAGES);
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, SEED));
	memset(self->buf, 0, PAGES * page_size());
	self->seg = seg_from(self->buf, LEN, 0);
	bed_mark(&self->bed);
	self->kmsg = kmsg_open();
	ASSERT_LE(0, self->kmsg);
	ASSERT_EQ(0, get_stuck(&self->bed.dev, true));
}

/* It is unbound when it obeys again, which gives the pages back. */
FIXTURE_TEARDOWN(stuck)
{
	int fd;

	EXPECT_EQ(0, get_stuck(&self->bed.dev, false));
	param_set("timeout_ms", self->timeout_ms);
	close(self->kmsg);
	close(self->bed.fd);
	if (!access(self->bed.dev.sysfs, F_OK)) {
		EXPECT_EQ(0, dev_unbind(&self->bed.dev));
	}
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
	fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(0, transfer1(fd, self->seg));
	EXPECT_EQ(LEN, differs_at(self->buf, LEN, SEED));
	close(fd);
	EXPECT_EQ(self->bed.pins + self->lost, pins_outstanding());
	munmap(self->buf, PAGES * page_size());
}

TEST_F(stuck, channel_keeps_the_pages_that_it_has)
{
	struct stats delta;

	EXPECT_EQ(EIO, transfer1(self->bed.fd, self->seg));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(PAGES, delta.pages_leaked);
	EXPECT_EQ(1, delta.timeouts);
	EXPECT_EQ(0, delta.bytes_from_device);
	EXPECT_EQ(self->bed.pins + PAGES, pins_outstanding());
	EXPECT_TRUE(kmsg_says(self->kmsg, "channel", "disabled until the device is reset"));
	EXPECT_TRUE(kmsg_says(self->kmsg, "2 pages", "stay pinned"));
}

TEST_F(stuck, channel_refuses_what_comes_next)
{
	struct stats delta;

	ASSERT_EQ(EIO, transfer1(self->bed.fd, self->seg));
	bed_mark(&self->bed);
	EXPECT_EQ(EIO, transfer1(self->bed.fd, self->seg));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
	EXPECT_EQ(0, delta.pages_leaked);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(self->bed.pins + PAGES, pins_outstanding());
}

/* What the pages are kept for: nobody else has them when it goes on after all. */
TEST_F(stuck, channel_that_goes_on_writes_to_pages_that_are_still_pinned)
{
	struct stats delta;

	ASSERT_EQ(EIO, transfer1(self->bed.fd, self->seg));
	EXPECT_TRUE(all_bytes_are(self->buf, LEN, 0));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_TRUE(WAIT_FOR(differs_at(self->buf, LEN, SEED) == LEN));
	EXPECT_EQ(EIO, transfer1(self->bed.fd, self->seg));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.bytes_from_device);
	EXPECT_EQ(PAGES, delta.pages_leaked);
}

/* Have a child's request with the channel, for longer than a test may take. */
static bool submit(FIXTURE_DATA(stuck) *self, struct job *job)
{
	if (param_set("timeout_ms", 600000))
		return false;
	job_transfer(job, self->bed.fd, &self->seg, 1, 0);
	return WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			self->bed.before.descriptors);
}

TEST_F(stuck, channel_lets_a_killed_process_go)
{
	struct job job;

	ASSERT_TRUE(submit(self, &job));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	EXPECT_EQ(SIGKILL, job_wait(&job));
	/* It does not wait for those who find that out. */
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_leaked") == PAGES));
	EXPECT_TRUE(kmsg_says(self->kmsg, "channel", "abort failed"));
}

/* Nobody waits for their memory, and their iocbs are complete without it. */
TEST_F(stuck, channel_ends_asynchronous_requests)
{
	aio_context_t context = aio_begin();

	aio_submit(context, self->bed.fd, IOCB_CMD_PREAD, self->buf, LEN / PAGES, PAGES);
	EXPECT_EQ(PAGES, aio_results(context, PAGES, -EIO));
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_async"));
	EXPECT_EQ(PAGES, stat_get(&self->bed.dev, "pages_leaked"));
	EXPECT_TRUE(all_bytes_are(self->buf, LEN, 0));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_TRUE(WAIT_FOR(differs_at(self->buf, LEN / PAGES, SEED) == LEN / PAGES));
	aio_end(context);
}

/* They are the device's as long as it may write there, whatever becomes of the stream. */
TEST_F(stuck, channel_keeps_the_slots_of_a_stream)
{
	struct edudma_stream_create arg = {
		.nr_slots = 2, .direction = EDUDMA_FROM_DEVICE, .frame_bytes = LEN,
		.rate = LEN / 10,
	};
	struct edudma_stream_frame frame;
	struct stream s;

	ASSERT_EQ(0, get_stuck(&self->bed.dev, false));
	ASSERT_EQ(0, stream_open(&s, self->bed.fd, arg));
	stream_give_all(&s);
	ASSERT_EQ(0, stream_start(&s));
	ASSERT_EQ(0, get_stuck(&self->bed.dev, true));
	ASSERT_EQ(0, stream_stop(&s));
	EXPECT_FALSE(stream_take(&s, &frame));
	EXPECT_EQ(EDUDMA_STREAM_UNCOUNTED, stream_status(&s).flags);
	EXPECT_EQ(EIO, stream_start(&s));
	stream_close(&s);
	EXPECT_EQ(0, close(self->bed.fd));
	self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	EXPECT_LT(0, stat_get(&self->bed.dev, "pages_registered"));
	EXPECT_LT(self->bed.pins, pins_outstanding());
}

TEST_F(stuck, channel_is_unbound_all_the_same)
{
	struct job job;

	self->lost = PAGES;
	ASSERT_TRUE(submit(self, &job));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(ENODEV, job.report->err);
	EXPECT_TRUE(kmsg_says(self->kmsg, "2 pages", "stay pinned"));
}

/* Each of a request's chunks is kept; together they need the device's structure once. */
TEST_F(stuck, channel_is_unbound_with_both_chunks_of_a_request)
{
	const uint64_t chunk_bytes = param_get("chunk_bytes");
	struct job job;

	self->lost = PAGES;
	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	ASSERT_TRUE(submit(self, &job));
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") == PAGES));
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			     self->bed.before.descriptors + PAGES));
	EXPECT_EQ(0, param_set("chunk_bytes", chunk_bytes));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(ENODEV, job.report->err);
	EXPECT_EQ(self->bed.pins + PAGES, pins_outstanding());
}

TEST_F(stuck, channel_lets_the_module_go)
{
	if (!module_path())
		SKIP(return, "EDUDMA_MODULE does not name an edudma.ko");
	self->lost = PAGES;
	ASSERT_EQ(EIO, transfer1(self->bed.fd, self->seg));
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, module_unload());
	EXPECT_EQ(self->bed.pins + PAGES, pins_outstanding());
	EXPECT_EQ(0, get_stuck(&self->bed.dev, false));
	EXPECT_EQ(0, module_load(""));
	EXPECT_EQ(0, access(self->bed.dev.node, F_OK));
}

FIXTURE(stuck_plugged)
{
	struct bed bed;
};

/* Behind a port, by which it can be reset. */
FIXTURE_SETUP(stuck_plugged)
{
	self->bed.fd = -1;
	ASSERT_EQ(0, plug_in(&self->bed.dev));
	BED_OPEN(&self->bed);
}

FIXTURE_TEARDOWN(stuck_plugged)
{
	close(self->bed.fd);
	EXPECT_EQ(0, plug_out());
}

/* Nothing is under way, and no page is at stake. */
TEST_F(stuck_plugged, channel_without_work_is_reset_all_the_same)
{
	uint64_t timeout_ms = param_get("timeout_ms");
	uint8_t *buf = shared_pages(1);

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stuck", 0xff));
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stuck", 0));
	ASSERT_EQ(0, param_set("timeout_ms", TIMEOUT_MS));
	/* It did not even start again: who is the first to notice sees to that. */
	EXPECT_EQ(ETIMEDOUT, transfer1(self->bed.fd, seg_from(buf, 1, 0)));
	EXPECT_EQ(0, param_set("timeout_ms", timeout_ms));
	EXPECT_EQ(0, transfer1(self->bed.fd, seg_from(buf, 1, 0)));
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_leaked"));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
}

static bool power_is(const struct test_dev *dev, const char *status)
{
	char path[96], now[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status",
		 dev->slot);
	file_read(path, now, sizeof(now));
	now[strcspn(now, "\n")] = '\0';
	return !strcmp(now, status);
}

/* The other channels had been stopped, and are started again. */
TEST_F(stuck_plugged, channel_keeps_its_device_awake_and_the_others_at_work)
{
	uint64_t failed = 1u << (self->bed.info.channels - 1), writes;
	unsigned int i, channels = self->bed.info.channels;
	uint8_t *buf = shared_pages(1);
	char path[96];

	ASSERT_LT(1, channels);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control",
		 self->bed.dev.slot);
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stuck", failed));
	writes = machine_get(&self->bed.dev, "counter-writes");
	ASSERT_EQ(0, file_write(path, "auto"));
	/* It has tried: each channel was told to stop, some to start. */
	EXPECT_TRUE(WAIT_FOR(machine_get(&self->bed.dev, "counter-writes") >=
			     writes + channels));
	/* And has not come to it: who sleeps stays so until somebody wants it. */
	EXPECT_TRUE(WAIT_FOR(power_is(&self->bed.dev, "active")));
	EXPECT_EQ(0, file_write(path, "on"));
	for (i = 0; i < channels; i++) {
		int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);

		EXPECT_EQ(0, transfer1(fd, seg_from(buf, 1, 0)));
		close(fd);
	}
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_leaked"));
}

TEST_F(stuck_plugged, channel_works_again_after_a_reset)
{
	uint64_t timeout_ms = param_get("timeout_ms");
	uint8_t *buf = shared_pages(1);

	ASSERT_EQ(0, param_set("timeout_ms", TIMEOUT_MS));
	ASSERT_EQ(0, get_stuck(&self->bed.dev, true));
	EXPECT_EQ(EIO, transfer1(self->bed.fd, seg_from(buf, 1, 0)));
	EXPECT_EQ(0, param_set("timeout_ms", timeout_ms));
	ASSERT_EQ(0, get_stuck(&self->bed.dev, false));
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	EXPECT_EQ(0, transfer1(self->bed.fd, seg_from(buf, 1, 0)));
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_leaked"));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
}

/*
 * The bounce pool: a chunk can have a third of it.  When that was kept more often
 * than the pool is large, all of it must be there again.
 */

#define POOL_ROUNDS	4
#define NARROW		"edu-sg,dma_mask=0xfffffff"

static uint8_t *high_page;

/* Once, before there is anything else in memory. */
static void __attribute__((constructor)) find_high_page(void)
{
	struct edudma_info narrow = { .address_bits = 28 };

	high_page = find_page(&narrow, false);
}

FIXTURE(stuck_pool)
{
	struct bed bed;
};

FIXTURE_SETUP(stuck_pool)
{
	self->bed.fd = -1;
	ASSERT_EQ(0, plug_in_other(NARROW, self->bed.dev.slot,
				   sizeof(self->bed.dev.slot)));
	ASSERT_TRUE(WAIT_FOR(dev_of_slot(self->bed.dev.slot, &self->bed.dev)));
	ASSERT_TRUE(WAIT_FOR(!access(self->bed.dev.node, F_OK)));
	BED_OPEN(&self->bed);
}

FIXTURE_TEARDOWN(stuck_pool)
{
	close(self->bed.fd);
	EXPECT_EQ(0, plug_out());
}

/* All of a chunk from one page that is out of reach, which has slots for each. */
static int fetch_chunk(const struct bed *bed)
{
	const unsigned int nr = bed->info.chunk_bytes / page_size();
	struct edudma_segment segs[nr];
	unsigned int i;

	/* No two are neighbours in the window. */
	for (i = 0; i < nr; i++)
		segs[i] = seg_to(high_page, 16, i * 32);
	return transfer(bed->fd, segs, nr, 0, NULL);
}

TEST_F_TIMEOUT(stuck_pool, of_bounce_memory_is_whole_again_after_resets, 120)
{
	const uint64_t timeout_ms = param_get("timeout_ms");
	const struct bed *bed = &self->bed;
	unsigned int i;

	ASSERT_NE(NULL, high_page);
	ASSERT_LT(0, bed->info.bounce_bytes);
	ASSERT_LT(bed->info.bounce_bytes, POOL_ROUNDS * bed->info.chunk_bytes);
	for (i = 0; i < POOL_ROUNDS; i++) {
		ASSERT_EQ(0, param_set("timeout_ms", TIMEOUT_MS));
		ASSERT_EQ(0, get_stuck(&bed->dev, true));
		EXPECT_EQ(EIO, fetch_chunk(bed));
		EXPECT_EQ(bed->info.chunk_bytes / page_size(),
			  stat_get(&bed->dev, "pages_leaked"));
		EXPECT_EQ(0, param_set("timeout_ms", timeout_ms));
		ASSERT_EQ(0, get_stuck(&bed->dev, false));
		ASSERT_EQ(0, plug_reset(&bed->dev));
		EXPECT_EQ(0, stat_get(&bed->dev, "pages_leaked"));
		EXPECT_EQ(0, fetch_chunk(bed)) TH_LOG("round %u", i);
	}
	EXPECT_EQ(bed->pins, pins_outstanding());
}

TEST_HARNESS_MAIN
