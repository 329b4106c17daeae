// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unbind, unplug and unload, with files open and transfers under way.
 */
#include "edudma_fixture.h"
#include "edudma_hold.h"
#include "edudma_pci.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NR	30	/* segments of a request that is never let end */
#define PART	100

/* The device goes away; the teardown brings it back. */

FIXTURE(unbind)
{
	struct bed bed;
	uint8_t *pages;
	struct edudma_segment segs[NR];
};

FIXTURE_SETUP(unbind)
{
	BED_SETUP(&self->bed);
	self->pages = shared_pages(NR);
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 1));
	parts_to_fetch(self->segs, self->pages, NR, PART);
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(unbind)
{
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
}

TEST_F(unbind, fails_later_calls_with_enodev)
{
	struct edudma_info info;
	uint8_t byte = 0;
	struct edudma_segment seg = seg_to(&byte, 1, 0);
	struct edudma_transfer out;

	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(-1, read(self->bed.fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, write(self->bed.fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(ENODEV, transfer(self->bed.fd, &seg, 1, 0, &out));
	EXPECT_EQ(ENODEV, out.error);
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	EXPECT_EQ(ENODEV, dev_info(self->bed.fd, &info));
	EXPECT_EQ(-1, lseek(self->bed.fd, 0, SEEK_SET));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(unbind, fails_later_calls_that_ask_for_nothing)
{
	uint8_t byte = 0;
	struct edudma_segment seg = seg_to(&byte, 0, 0);
	struct edudma_transfer out;

	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(-1, read(self->bed.fd, &byte, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, write(self->bed.fd, &byte, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(ENODEV, transfer(self->bed.fd, NULL, 0, 0, NULL));
	EXPECT_EQ(ENODEV, transfer(self->bed.fd, &seg, 1, 0, &out));
	EXPECT_EQ(ENODEV, out.error);
	EXPECT_EQ(0, out.segments_done);
}

TEST_F(unbind, fails_to_open_an_open_file_again)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->bed.fd);
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(-1, open(path, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(unbind, makes_poll_report_a_hangup)
{
	struct pollfd pfd = { .fd = self->bed.fd, .events = POLLIN };

	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, pfd.revents & (POLLHUP | POLLERR));
}

static void run_poll(struct job_report *report, void *arg)
{
	struct pollfd pfd = { .fd = *(int *)arg, .events = POLLPRI };

	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = poll(&pfd, 1, -1) == 1 ? 0 : EINVAL;
	report->value = pfd.revents;
}

TEST_F(unbind, wakes_who_sleeps_in_poll)
{
	struct job job;

	job_start(&job, run_poll, &self->bed.fd);
	ASSERT_TRUE(WAIT_FOR(job_asleep(&job)));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(POLLHUP | POLLERR, job.report->value);
}

TEST_F(unbind, removes_the_node_and_bind_brings_it_back)
{
	struct test_dev dev = self->bed.dev;
	int fd;

	ASSERT_EQ(0, dev_unbind(&dev));
	EXPECT_EQ(-1, access(dev.node, F_OK));
	EXPECT_EQ(-1, access(dev.sysfs, F_OK));
	ASSERT_EQ(0, dev_bind(&dev));
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, window_fill(fd, 100, 2));
	close(fd);
}

TEST_F(unbind, leaves_an_old_file_dead_after_bind)
{
	struct test_dev dev = self->bed.dev;
	uint8_t byte;

	ASSERT_EQ(0, dev_unbind(&dev));
	ASSERT_EQ(0, dev_bind(&dev));
	EXPECT_EQ(-1, read(self->bed.fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(unbind, twice_with_an_open_file_each_time)
{
	struct test_dev dev = self->bed.dev;
	int fd, i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, dev_unbind(&dev));
		ASSERT_EQ(0, dev_bind(&dev));
		fd = open(dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, window_fill(fd, 10, 2));
	}
}

TEST_F(unbind, ends_a_transfer_under_way_with_enodev)
{
	struct edudma_transfer *out;
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(0, job_wait(&job));
	out = &job.report->out;
	EXPECT_EQ(ENODEV, job.report->err);
	EXPECT_EQ(ENODEV, out->error);
	EXPECT_LT(out->segments_done, NR);
	EXPECT_EQ(out->segments_done * PART, out->bytes_done);
	EXPECT_LE(out->segments_done, parts_received(self->pages, NR, PART, 1));
}

TEST_F(unbind, ends_a_transfer_of_many_chunks_with_enodev)
{
	uint64_t chunk_bytes = param_get("chunk_bytes");
	struct edudma_transfer *out;
	struct job job;

	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	EXPECT_TRUE(bed_under_way(&self->bed));
	EXPECT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(0, param_set("chunk_bytes", chunk_bytes));
	ASSERT_EQ(0, job_wait(&job));
	out = &job.report->out;
	EXPECT_EQ(ENODEV, job.report->err);
	EXPECT_EQ(out->segments_done * PART, out->bytes_done);
	EXPECT_LE(out->segments_done, parts_received(self->pages, NR, PART, 1));
}

TEST_F(unbind, has_given_every_page_back_when_it_returns)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_LT(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, job_wait(&job));
}

TEST_F(unbind, lets_nothing_be_written_once_it_has_returned)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	memset(self->pages, 0x55, NR * page_size());
	/* A transfer that still runs writes now. */
	ASSERT_TRUE(bed_dma_over(&self->bed));
	EXPECT_TRUE(all_bytes_are(self->pages, NR * page_size(), 0x55));
	ASSERT_EQ(0, job_wait(&job));
}

TEST_F(unbind, ends_waiting_requests_with_enodev)
{
	struct job running, waiting[3];
	int fds[3], i;

	job_transfer(&running, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	for (i = 0; i < 3; i++) {
		fds[i] = bed_open_beside(&self->bed);
		ASSERT_LE(0, fds[i]);
		job_transfer(&waiting[i], fds[i], self->segs, 1, 0);
		ASSERT_TRUE(WAIT_FOR(job_asleep(&waiting[i])));
	}
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(0, job_wait(&running));
	EXPECT_EQ(ENODEV, running.report->err);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, job_wait(&waiting[i]));
		EXPECT_EQ(ENODEV, waiting[i].report->err);
		EXPECT_EQ(0, waiting[i].report->out.bytes_done);
		close(fds[i]);
	}
}

TEST_F(unbind, waits_for_a_killed_process_transfer)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
}

TEST_F(unbind, under_way_leaves_the_device_usable_after_bind)
{
	struct test_dev dev = self->bed.dev;
	uint8_t *buf = private_pages(1);
	struct job job;
	int fd;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, dev_unbind(&dev));
	ASSERT_EQ(0, job_wait(&job));
	ASSERT_EQ(0, dev_bind(&dev));
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, window_fill(fd, 500, 9));
	ASSERT_EQ(0, transfer1(fd, seg_from(buf, 500, 0)));
	EXPECT_EQ(500, differs_at(buf, 500, 9));
	close(fd);
}

/* Nothing is mapped for a device that went while pages were being pinned. */
TEST_F(unbind, ends_a_request_that_waits_in_a_page_fault)
{
	uint8_t *page = find_page(&self->bed.info, false) ?: private_pages(1);
	struct hold hold;

	ASSERT_TRUE(hold_begin_fault(&hold, self->bed.fd, seg_from(page, PART, 0), 0));
	EXPECT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(ENODEV, hold_end(&hold));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
}

/* Nor does one wait for its turn that came too late to be sent away with others. */
TEST_F(unbind, ends_a_request_whose_vector_is_late)
{
	uint8_t *page = private_pages(1);
	struct hold hold;

	ASSERT_TRUE(hold_begin_before(&hold, self->bed.fd, seg_to(page, PART, 0)));
	EXPECT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(ENODEV, hold_end(&hold));
}

/* The fence, seen from outside: what the device is allowed while it still runs. */
struct watch {
	pthread_t thread;
	int config;
	volatile uint32_t *regs;
	bool stop;
	bool fenced;	/* a transfer ran without access to memory */
};

static bool runs(const struct watch *watch)
{
	return watch->regs[EDU_DMA_CMD] & EDU_CMD_RUN;
}

static void *run_watch(void *arg)
{
	struct watch *watch = arg;

	while (!__atomic_load_n(&watch->stop, __ATOMIC_SEQ_CST)) {
		if (runs(watch) &&
		    !(pci_config_read(watch->config, PCI_COMMAND) & PCI_COMMAND_MASTER) &&
		    runs(watch))
			watch->fenced = true;
		usleep(500);
	}
	return NULL;
}

static bool watch_start(struct watch *watch, const char *slot)
{
	*watch = (struct watch) {
		.config = pci_config_open(slot), .regs = pci_registers(slot, 0),
	};
	return watch->config >= 0 && watch->regs &&
	       !pthread_create(&watch->thread, NULL, run_watch, watch);
}

static void watch_end(struct watch *watch)
{
	__atomic_store_n(&watch->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(watch->thread, NULL);
	munmap((void *)watch->regs, page_size());
	close(watch->config);
}

TEST_F(unbind, waits_for_the_transfer_and_gives_it_no_memory_meanwhile)
{
	struct test_dev dev = self->bed.dev;
	bool fenced = false;
	struct watch watch;
	struct job job;
	int round;

	if (self->bed.info.engine == EDUDMA_ENGINE_RING)
		SKIP(return, "a ring is stopped without waiting for it");
	/* A look may miss it, if the transfer was just about to end; not each does. */
	for (round = 0; round < 10 && !fenced; round++) {
		job_transfer(&job, self->bed.fd, self->segs, NR, 0);
		ASSERT_TRUE(bed_under_way(&self->bed));
		ASSERT_TRUE(watch_start(&watch, dev.slot));
		EXPECT_EQ(0, dev_unbind(&dev));
		EXPECT_FALSE(runs(&watch));
		watch_end(&watch);
		fenced = watch.fenced;
		ASSERT_EQ(0, job_wait(&job));
		close(self->bed.fd);
		ASSERT_EQ(0, dev_bind(&dev));
		self->bed.fd = open(dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->bed.fd);
		bed_mark(&self->bed);
	}
	EXPECT_TRUE(fenced);
}

TEST_F(unbind, by_removal_from_the_bus_and_rescan)
{
	char path[96];
	struct test_dev dev = self->bed.dev;
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", dev.slot);
	ASSERT_EQ(0, file_write(path, "1"));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(ENODEV, job.report->err);
	ASSERT_EQ(0, file_write("/sys/bus/pci/rescan", "1"));
	ASSERT_TRUE(WAIT_FOR(dev_of_slot(self->bed.dev.slot, &dev)));
	close(self->bed.fd);
	self->bed.fd = open(dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->bed.fd);
	EXPECT_EQ(0, window_fill(self->bed.fd, 100, 2));
}

/* The module goes away; the teardown brings it back. */

FIXTURE(module)
{
	struct bed bed;
	uint8_t *pages;
	unsigned int devices;
};

FIXTURE_SETUP(module)
{
	BED_SETUP(&self->bed);
	self->pages = shared_pages(NR);
	self->devices = dev_count();
}

FIXTURE_TEARDOWN(module)
{
	BED_TEARDOWN(&self->bed);
	if (!dev_count()) {
		EXPECT_EQ(0, module_load(""));
	}
}

#define NEED_MODULE_PATH() do {						\
	if (!module_path())						\
		SKIP(return, "EDUDMA_MODULE does not name an edudma.ko");	\
} while (0)

static void close_node(FIXTURE_DATA(module) *self)
{
	close(self->bed.fd);
	self->bed.fd = -1;
}

TEST_F(module, stays_while_a_file_is_open)
{
	EXPECT_EQ(EWOULDBLOCK, module_unload());
	EXPECT_EQ(0, window_fill(self->bed.fd, 10, 1));
}

TEST_F(module, stays_while_a_file_of_an_unbound_device_is_open)
{
	struct test_dev dev = self->bed.dev;

	ASSERT_EQ(0, dev_unbind(&dev));
	EXPECT_EQ(EWOULDBLOCK, module_unload());
	ASSERT_EQ(0, dev_bind(&dev));
}

TEST_F(module, goes_when_no_file_is_open_and_comes_back)
{
	NEED_MODULE_PATH();
	close_node(self);
	ASSERT_EQ(0, module_unload());
	EXPECT_EQ(0, dev_count());
	EXPECT_EQ(-1, access("/sys/module/edudma", F_OK));
	ASSERT_EQ(0, module_load(""));
	EXPECT_EQ(self->devices, dev_count());
	self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->bed.fd);
	EXPECT_EQ(0, window_fill(self->bed.fd, 10, 1));
}

struct long_transfer {
	const char *node;
	uint8_t *page;
};

/* Opens the node itself, so that its death closes the file. */
static void run_long_transfer(struct job_report *report, void *arg)
{
	struct long_transfer *job = arg;
	struct edudma_segment segs[NR];
	int i, fd = open(job->node, O_RDWR | O_CLOEXEC);

	for (i = 0; i < NR; i++)
		segs[i] = seg_to(job->page, PART, i * PART);
	report->begun = 1;
	report->err = transfer(fd, segs, NR, 0, &report->out);
}

TEST_F(module, goes_right_after_a_process_was_killed_in_a_transfer)
{
	struct long_transfer arg = { self->bed.dev.node, self->pages };
	struct job job;

	NEED_MODULE_PATH();
	BED_SLOW(&self->bed);
	job_start(&job, run_long_transfer, &arg);
	ASSERT_TRUE(bed_under_way(&self->bed));
	close_node(self);
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_EQ(0, module_unload());
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, module_load(""));
	EXPECT_EQ(self->devices, dev_count());
}

TEST_HARNESS_MAIN
