// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plain edu that still runs when its time is over, or its driver goes: what
 * happens until it has ended.
 */
#include "edudma_fixture.h"
#include "edudma_pci.h"
#include "virtual.h"

#include <sys/mman.h>

#define PART		100
#define TIMEOUT_MS	300
/* Before that, and so that the device still runs for a while after it. */
#define AGAIN_NS	250000000ULL

FIXTURE(fence)
{
	struct bed bed;
	uint64_t timeout_ms;
	int config;		/* the function's configuration space */
	int msi_flags;		/* where they are */
	volatile uint32_t *regs;
	uint8_t *page;		/* shared with children */
	struct job job;
};

FIXTURE_SETUP(fence)
{
	self->config = -1;
	self->timeout_ms = param_get("timeout_ms");
	BED_SETUP(&self->bed);
	ASSERT_EQ(EDUDMA_ENGINE_EDU, self->bed.info.engine);
	ASSERT_TRUE(self->bed.info.capabilities & EDUDMA_CAP_MSI);
	ASSERT_EQ(0, param_set("timeout_ms", TIMEOUT_MS));
	self->config = pci_config_open(self->bed.dev.slot);
	ASSERT_LE(0, self->config);
	self->msi_flags = pci_capability(self->config, PCI_CAP_ID_MSI) +
			  PCI_MSI_FLAGS;
	ASSERT_LT(PCI_MSI_FLAGS, self->msi_flags);
	self->regs = pci_registers(self->bed.dev.slot, 0);
	ASSERT_NE(NULL, self->regs);
	self->page = shared_pages(1);
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 1));
	bed_mark(&self->bed);
}

static void interrupts(FIXTURE_DATA(fence) *self, bool on)
{
	uint16_t flags = pci_config_read(self->config, self->msi_flags);

	pci_config_write(self->config, self->msi_flags,
			 on ? flags | PCI_MSI_FLAGS_ENABLE :
			      flags & ~PCI_MSI_FLAGS_ENABLE);
}

FIXTURE_TEARDOWN(fence)
{
	interrupts(self, true);
	close(self->config);
	munmap((void *)self->regs, page_size());
	EXPECT_EQ(0, param_set("timeout_ms", self->timeout_ms));
	BED_TEARDOWN(&self->bed);
	if (access(self->bed.dev.node, F_OK)) {
		EXPECT_EQ(0, dev_restore(&self->bed.dev));
	}
}

static bool runs(FIXTURE_DATA(fence) *self)
{
	return self->regs[EDU_DMA_CMD] & EDU_CMD_RUN;
}

static bool reaches_memory(FIXTURE_DATA(fence) *self)
{
	return pci_config_read(self->config, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/*
 * Its interrupt is lost, and when it has ended somebody has it do the same once
 * more, into a page that has something else by now.  True if it has begun.
 */
static bool run_beyond_the_timeout(FIXTURE_DATA(fence) *self)
{
	struct edudma_segment seg = seg_from(self->page, PART, 0);
	uint64_t began = now_ns();

	interrupts(self, false);
	job_transfer(&self->job, self->bed.fd, &seg, 1, 0);
	if (!bed_under_way(&self->bed) || !WAIT_FOR(!runs(self)) ||
	    differs_at(self->page, PART, 1) != PART)
		return false;
	memset(self->page, 0x55, PART);
	sleep_until(began + AGAIN_NS);
	self->regs[EDU_DMA_CMD] |= EDU_CMD_RUN;
	return runs(self) && reaches_memory(self);
}

TEST_F(fence, keeps_the_device_off_memory_until_it_has_ended)
{
	bool reached, done;
	uint64_t pinned;

	ASSERT_TRUE(run_beyond_the_timeout(self));
	ASSERT_TRUE(WAIT_FOR(!reaches_memory(self)));
	ASSERT_TRUE(runs(self));
	/* What was looked at first was so while the device ran. */
	do {
		reached = reaches_memory(self);
		pinned = stat_get(&self->bed.dev, "pages_pinned");
		done = self->job.report->done;
		if (!runs(self))
			break;
		ASSERT_FALSE(reached);
		ASSERT_EQ(1, pinned);
		ASSERT_FALSE(done);
	} while (!usleep(1000));
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(ETIMEDOUT, self->job.report->err);
	EXPECT_EQ(0, self->job.report->out.bytes_done);
	EXPECT_TRUE(all_bytes_are(self->page, PART, 0x55));
	EXPECT_TRUE(reaches_memory(self));
}

TEST_F(fence, keeps_the_next_request_until_then)
{
	struct edudma_segment seg = seg_to(self->page + PART, PART, PART);
	uint8_t *back = private_pages(1);
	int fd = bed_open_beside(&self->bed);
	uint64_t descriptors;
	struct job next;

	ASSERT_LE(0, fd);
	fill(self->page + PART, PART, 2);
	ASSERT_TRUE(run_beyond_the_timeout(self));
	descriptors = bed_descriptors(&self->bed);
	job_transfer(&next, fd, &seg, 1, 0);
	ASSERT_TRUE(WAIT_FOR(!reaches_memory(self)));
	/* The one that is lost comes late: nobody waits for it any more. */
	interrupts(self, true);
	ASSERT_TRUE(job_asleep(&next));
	while (!reaches_memory(self)) {
		ASSERT_EQ(descriptors, bed_descriptors(&self->bed));
		usleep(1000);
	}
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(ETIMEDOUT, self->job.report->err);
	ASSERT_EQ(0, job_wait(&next));
	EXPECT_EQ(0, next.report->err);
	close(fd);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, PART, PART)));
	EXPECT_EQ(PART, differs_at(back, PART, 2));
}

TEST_F(fence, believes_no_interrupt_that_comes_late)
{
	struct edudma_segment seg = seg_from(self->page, PART, 0);
	struct stats delta;

	ASSERT_TRUE(run_beyond_the_timeout(self));
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(ETIMEDOUT, self->job.report->err);
	interrupts(self, true);
	bed_mark(&self->bed);
	self->regs[EDU_IRQ_RAISE] = EDU_IRQ_DMA;
	job_transfer(&self->job, self->bed.fd, &seg, 1, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	self->regs[EDU_IRQ_RAISE] = EDU_IRQ_DMA;
	EXPECT_EQ(1, stat_get(&self->bed.dev, "pages_pinned"));
	ASSERT_TRUE(runs(self));
	ASSERT_EQ(0, self->job.report->done);
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(0, self->job.report->err);
	EXPECT_EQ(PART, differs_at(self->page, PART, 1));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(2, delta.spurious_interrupts);
	EXPECT_EQ(3, delta.interrupts);
	EXPECT_EQ(0, delta.timeouts);
}

static void unbind(struct job_report *report, void *arg)
{
	report->begun = 1;
	report->err = dev_unbind(arg);
}

TEST_F(fence, releases_no_page_before_an_unbound_device_has_ended)
{
	struct edudma_segment seg = seg_from(self->page, PART, 0);
	struct job unbinding;
	uint64_t pins;
	bool reached;

	job_transfer(&self->job, self->bed.fd, &seg, 1, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	job_start(&unbinding, unbind, &self->bed.dev);
	ASSERT_TRUE(WAIT_FOR(!reaches_memory(self)));
	ASSERT_TRUE(runs(self));
	do {
		reached = reaches_memory(self);
		pins = pins_outstanding();
		if (!runs(self))
			break;
		ASSERT_FALSE(reached);
		ASSERT_EQ(self->bed.pins + 1, pins);
	} while (!usleep(1000));
	ASSERT_EQ(0, job_wait(&unbinding));
	EXPECT_EQ(0, unbinding.report->err);
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(ENODEV, self->job.report->err);
	EXPECT_TRUE(all_bytes_are(self->page, PART, 0));
}

TEST_HARNESS_MAIN
