// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device is taken out of the running machine, or from the bus, and comes
 * back.
 */
#include "edudma_fixture.h"
#include "edudma_plug.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NR	30	/* segments of a request that is never let end */
#define PART	100
#define WAITERS	3

FIXTURE(unplug)
{
	struct bed bed;
	uint8_t *pages;
	struct edudma_segment segs[NR];
};

FIXTURE_VARIANT(unplug)
{
	bool machine;
};

FIXTURE_VARIANT_ADD(unplug, from_the_machine) { .machine = true };
FIXTURE_VARIANT_ADD(unplug, from_the_bus) { .machine = false };

FIXTURE_SETUP(unplug)
{
	self->bed.fd = -1;
	ASSERT_EQ(0, plug_in(&self->bed.dev));
	BED_OPEN(&self->bed);
	self->pages = shared_pages(NR);
	parts_to_fetch(self->segs, self->pages, NR, PART);
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(unplug)
{
	/* Its pace goes with the device. */
	self->bed.paced = false;
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, plug_out());
}

static int take_away(FIXTURE_DATA(unplug) *self, const FIXTURE_VARIANT(unplug) *variant)
{
	char path[96];

	if (variant->machine)
		return plug_out();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove",
		 self->bed.dev.slot);
	return file_write(path, "1");
}

/* The device is there again, perhaps as another node. */
static int bring_back(FIXTURE_DATA(unplug) *self, const FIXTURE_VARIANT(unplug) *variant,
		      struct test_dev *dev)
{
	int err;

	if (variant->machine)
		return plug_in(dev);
	err = file_write("/sys/bus/pci/rescan", "1");
	if (err)
		return err;
	return WAIT_FOR(dev_of_slot(self->bed.dev.slot, dev) &&
			!access(dev->node, F_OK)) ? 0 : ENODEV;
}

static bool works(const struct test_dev *dev)
{
	uint8_t *buf = private_pages(1);
	int fd = open(dev->node, O_RDWR | O_CLOEXEC);
	bool good = !window_fill(fd, PART, 5) &&
		    !transfer1(fd, seg_from(buf, PART, 0)) &&
		    differs_at(buf, PART, 5) == PART;

	close(fd);
	munmap(buf, page_size());
	return good;
}

#define EXPECT_COMES_BACK() do {					\
	struct test_dev dev_;						\
									\
	EXPECT_EQ(0, bring_back(self, variant, &dev_));			\
	EXPECT_TRUE(works(&dev_));					\
} while (0)

TEST_F(unplug, fails_every_call_on_an_idle_file)
{
	struct pollfd pfd = { .fd = self->bed.fd, .events = POLLIN };
	struct edudma_info info;
	uint8_t byte = 0;

	ASSERT_EQ(0, take_away(self, variant));
	EXPECT_EQ(-1, access(self->bed.dev.node, F_OK));
	EXPECT_EQ(-1, read(self->bed.fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, write(self->bed.fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(ENODEV, transfer1(self->bed.fd, seg_to(&byte, 1, 0)));
	EXPECT_EQ(ENODEV, dev_info(self->bed.fd, &info));
	ASSERT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, pfd.revents & (POLLHUP | POLLERR));
	EXPECT_COMES_BACK();
	/* The file is of the device that went. */
	EXPECT_EQ(ENODEV, transfer1(self->bed.fd, seg_to(&byte, 1, 0)));
}

TEST_F(unplug, ends_a_transfer_under_way_with_enodev)
{
	struct edudma_transfer *out;
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_LT(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, take_away(self, variant));
	/* Nothing is left for later. */
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, job_wait(&job));
	out = &job.report->out;
	EXPECT_EQ(ENODEV, job.report->err);
	EXPECT_EQ(ENODEV, out->error);
	EXPECT_GT(NR, out->segments_done);
	EXPECT_EQ(out->segments_done * PART, out->bytes_done);
	EXPECT_LE(out->segments_done, parts_received(self->pages, NR, PART, 1));
	EXPECT_COMES_BACK();
}

TEST_F(unplug, lets_nothing_be_written_afterwards)
{
	struct test_dev dev;
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, take_away(self, variant));
	memset(self->pages, 0x55, NR * page_size());
	ASSERT_EQ(0, bring_back(self, variant, &dev));
	/* A transfer of its own takes as long as what might still run. */
	EXPECT_TRUE(works(&dev));
	EXPECT_TRUE(all_bytes_are(self->pages, NR * page_size(), 0x55));
	ASSERT_EQ(0, job_wait(&job));
}

static void run_poll(struct job_report *report, void *arg)
{
	struct pollfd pfd = { .fd = *(int *)arg, .events = POLLPRI };

	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = poll(&pfd, 1, -1) == 1 ? 0 : EINVAL;
	report->value = pfd.revents;
}

TEST_F(unplug, wakes_whoever_waits)
{
	struct job running, polling, waiting[WAITERS];
	int fds[WAITERS], i;

	job_transfer(&running, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	for (i = 0; i < WAITERS; i++) {
		fds[i] = bed_open_beside(&self->bed);
		ASSERT_LE(0, fds[i]);
		job_transfer(&waiting[i], fds[i], self->segs, NR, 0);
		ASSERT_TRUE(WAIT_FOR(job_asleep(&waiting[i])));
	}
	job_start(&polling, run_poll, &self->bed.fd);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&polling)));
	ASSERT_EQ(0, take_away(self, variant));
	ASSERT_EQ(0, job_wait(&running));
	EXPECT_EQ(ENODEV, running.report->err);
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, job_wait(&waiting[i]));
		EXPECT_EQ(ENODEV, waiting[i].report->err);
		close(fds[i]);
	}
	ASSERT_EQ(0, job_wait(&polling));
	EXPECT_EQ(POLLHUP | POLLERR, polling.report->value);
	EXPECT_COMES_BACK();
}

TEST_F(unplug, waits_for_the_transfer_of_a_killed_process)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_EQ(0, take_away(self, variant));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	EXPECT_COMES_BACK();
}

static sigjmp_buf touched;

static void on_sigbus(int sig)
{
	siglongjmp(touched, sig);
}

static int signal_of_reading(volatile uint8_t *at)
{
	int sig;

	signal(SIGBUS, on_sigbus);
	sig = sigsetjmp(touched, 1);
	if (!sig)
		(void)*at;
	signal(SIGBUS, SIG_DFL);
	return sig;
}

TEST_F(unplug, takes_its_memory_out_of_mappings)
{
	volatile uint8_t *window;

	if (!(self->bed.info.capabilities & EDUDMA_CAP_MMAP))
		SKIP(return, "the device's memory cannot be mapped");
	window = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, self->bed.fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)window);
	EXPECT_EQ(0, signal_of_reading(window));
	ASSERT_EQ(0, take_away(self, variant));
	EXPECT_EQ(SIGBUS, signal_of_reading(window));
	EXPECT_COMES_BACK();
	EXPECT_EQ(SIGBUS, signal_of_reading(window));
	munmap((void *)window, page_size());
}

TEST_F(unplug, does_not_let_the_module_go_before_the_last_file)
{
	ASSERT_EQ(0, take_away(self, variant));
	EXPECT_EQ(EWOULDBLOCK, module_unload());
	EXPECT_COMES_BACK();
}

TEST_HARNESS_MAIN
