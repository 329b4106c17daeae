// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver is taken from the device and given back, two hundred times, while
 * processes do not stop using it.
 *
 * The moments come from a seed, which is printed; EDUDMA_SEED sets another.
 */
#include "edudma_fixture.h"
#include "virtual.h"

#include <sys/mman.h>

#define ROUNDS	200
#define WORKERS	4
#define PART	100
#define LOGLEVEL	"/proc/sys/kernel/printk"

FIXTURE(rebind)
{
	struct bed bed;
	unsigned int seed;
	char loglevel[64];
	struct job jobs[WORKERS];
};

FIXTURE_SETUP(rebind)
{
	const char *seed = getenv("EDUDMA_SEED");

	BED_SETUP(&self->bed);
	close(self->bed.fd);
	self->bed.fd = -1;
	self->seed = seed ? strtoul(seed, NULL, 0) : 2003;
	TH_LOG("EDUDMA_SEED=%u", self->seed);
	/* For each letter the processor waits: leave out what is no complaint. */
	file_read(LOGLEVEL, self->loglevel, sizeof(self->loglevel));
	ASSERT_EQ(0, file_write(LOGLEVEL, "5"));
}

FIXTURE_TEARDOWN(rebind)
{
	EXPECT_EQ(0, file_write(LOGLEVEL, self->loglevel));
	BED_TEARDOWN(&self->bed);
	if (!dev_count()) {
		EXPECT_EQ(0, module_load(""));
	}
}

/* Uses the node that the device has now, until it has none or another. */
struct worker {
	const char *slot;
	unsigned int nr;
	uint8_t *to;
	uint8_t *from;
};

/* Sends and receives until an error. */
static int use(struct worker *w, int fd, struct job_report *report)
{
	struct edudma_segment segs[] = {
		seg_to(w->to, PART, w->nr * PART), seg_from(w->from, PART, w->nr * PART),
	};
	int err;

	for (;;) {
		memset(w->from, 0, PART);
		err = transfer(fd, segs, ARRAY_LEN(segs), 0, NULL);
		if (err)
			return err;
		if (memcmp(w->to, w->from, PART))
			return EBADMSG;
		__atomic_fetch_add(&report->value, 1, __ATOMIC_SEQ_CST);
	}
}

/* How often the device went under the worker is counted in report->handled. */
static void work(struct job_report *report, void *arg)
{
	struct worker *w = arg;
	struct test_dev dev;
	int fd, kept = -1;

	report->begun = 1;
	while (!report->err) {
		fd = dev_of_slot(w->slot, &dev) ?
		     open(dev.node, O_RDWR | O_CLOEXEC) : -1;
		if (fd < 0) {
			usleep(5000);
			continue;
		}
		report->err = use(w, fd, report);
		if (report->err == ENODEV) {
			report->err = 0;
			__atomic_fetch_add(&report->handled, 1, __ATOMIC_SEQ_CST);
		}
		/* A file of a device that has gone is open most of the time. */
		close(kept);
		kept = fd;
	}
	pause();
}

static ssize_t uses(FIXTURE_DATA(rebind) *self)
{
	ssize_t sum = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		sum += __atomic_load_n(&self->jobs[i].report->value, __ATOMIC_SEQ_CST);
	return sum;
}

static int went(FIXTURE_DATA(rebind) *self)
{
	int sum = 0, i;

	for (i = 0; i < WORKERS; i++)
		sum += __atomic_load_n(&self->jobs[i].report->handled, __ATOMIC_SEQ_CST);
	return sum;
}

TEST_F_TIMEOUT(rebind, two_hundred_times_under_load_leaves_nothing, 3600)
{
	struct test_dev dev = self->bed.dev;
	struct worker w = { .slot = self->bed.dev.slot };
	ssize_t before;
	int i;

	for (i = 0; i < WORKERS; i++) {
		w.nr = i;
		w.to = private_pages(2);
		w.from = w.to + page_size();
		fill(w.to, PART, i);
		job_start(&self->jobs[i], work, &w);
	}
	for (i = 0; i < ROUNDS; i++) {
		before = uses(self);
		/* Looked at seldom: time costs nothing, looking does. */
		ASSERT_TRUE(WAIT_FOR(!usleep(20000) && uses(self) > before));
		usleep(rand_r(&self->seed) % 200000);
		ASSERT_EQ(0, dev_unbind(&dev));
		ASSERT_EQ(self->bed.pins, pins_outstanding());
		ASSERT_EQ(0, dev_bind(&dev));
	}
	for (i = 0; i < WORKERS; i++) {
		EXPECT_NE(UINT64_MAX, time_to_go(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err);
	}
	/* Each time it went under all of them, but for one that was at its start. */
	EXPECT_LE(ROUNDS * (WORKERS - 1), went(self));
	ASSERT_EQ(0, dev_unbind(&dev));
	ASSERT_EQ(0, dev_bind(&dev));
	/* No number is taken, for no file of any device is left. */
	EXPECT_STREQ(self->bed.dev.node, dev.node);
	EXPECT_EQ(0, module_unload());
}

TEST_HARNESS_MAIN
