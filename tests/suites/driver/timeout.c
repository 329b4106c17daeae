// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that does not keep its part: interrupts that are lost, or that come
 * when nothing is complete.
 */
#include "edudma_fixture.h"
#include "edudma_hold.h"
#include "edudma_pci.h"

#include <sys/mman.h>

#define PART		64
#define TIMEOUT_MS	300

FIXTURE(device)
{
	struct bed bed;
	uint64_t timeout_ms;
	int config;		/* the function's configuration space */
	int flag_at;		/* the 16 bits that switch its interrupt */
	uint16_t flag;		/* the bit among them */
	bool set_is_off;
	uint8_t *buf;
};

FIXTURE_SETUP(device)
{
	BED_SETUP(&self->bed);
	self->buf = private_pages(1);
	fill(self->buf, PART, 1);
	self->config = -1;
	if (self->bed.info.engine == EDUDMA_ENGINE_RING)
		return;
	self->config = pci_config_open(self->bed.dev.slot);
	ASSERT_LE(0, self->config);
	if (self->bed.info.capabilities & EDUDMA_CAP_MSI) {
		self->flag_at = pci_capability(self->config, PCI_CAP_ID_MSI) +
				PCI_MSI_FLAGS;
		self->flag = PCI_MSI_FLAGS_ENABLE;
		ASSERT_LT(PCI_MSI_FLAGS, self->flag_at);
	} else {
		self->flag_at = PCI_COMMAND;
		self->flag = PCI_COMMAND_INTX_DISABLE;
		self->set_is_off = true;
	}
	self->timeout_ms = param_get("timeout_ms");
	ASSERT_EQ(0, param_set("timeout_ms", TIMEOUT_MS));
}

FIXTURE_TEARDOWN(device)
{
	if (self->config >= 0) {
		param_set("timeout_ms", self->timeout_ms);
		close(self->config);
	}
	BED_TEARDOWN(&self->bed);
}

/* That of an edu-sg fails on demand: tests/suites/ring/completions.c. */
#define NEED_PLAIN_EDU(self) do {					\
	if ((self)->bed.info.engine == EDUDMA_ENGINE_RING)		\
		SKIP(return, "this is done to a plain edu's registers");	\
} while (0)

static void interrupts(FIXTURE_DATA(device) *self, bool on)
{
	uint16_t value = pci_config_read(self->config, self->flag_at);

	if (on != self->set_is_off)
		value |= self->flag;
	else
		value &= ~self->flag;
	pci_config_write(self->config, self->flag_at, value);
}

TEST_F(device, that_loses_an_interrupt_fails_the_transfer_with_etimedout)
{
	struct edudma_segment seg = seg_to(self->buf, PART, 0);
	struct edudma_transfer out;
	struct stats delta;

	NEED_PLAIN_EDU(self);
	interrupts(self, false);
	EXPECT_EQ(ETIMEDOUT, transfer(self->bed.fd, &seg, 1, 0, &out));
	interrupts(self, true);
	EXPECT_EQ(ETIMEDOUT, out.error);
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.timeouts);
	EXPECT_EQ(1, delta.errors);
	EXPECT_EQ(0, delta.bytes_to_device);
	EXPECT_EQ(0, delta.pages_leaked);
}

TEST_F(device, that_lost_an_interrupt_keeps_what_was_done_before)
{
	struct edudma_segment segs[4];
	struct job job;
	int i;

	NEED_PLAIN_EDU(self);
	for (i = 0; i < 4; i++)
		segs[i] = seg_to(self->buf, PART, i * PART);
	job_transfer(&job, self->bed.fd, segs, 4, 0);
	/* The second has been started: so the first is done. */
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >=
			     self->bed.before.descriptors + 2));
	interrupts(self, false);
	ASSERT_EQ(0, job_wait(&job));
	interrupts(self, true);
	EXPECT_EQ(ETIMEDOUT, job.report->err);
	EXPECT_LE(1, job.report->out.segments_done);
	EXPECT_GT(4, job.report->out.segments_done);
	EXPECT_EQ(job.report->out.segments_done * PART, job.report->out.bytes_done);
}

TEST_F(device, that_lost_an_interrupt_works_afterwards)
{
	uint8_t *back = private_pages(1);

	NEED_PLAIN_EDU(self);
	interrupts(self, false);
	ASSERT_EQ(ETIMEDOUT, transfer1(self->bed.fd, seg_from(back, PART, 0)));
	interrupts(self, true);
	/* It may access memory again. */
	EXPECT_TRUE(pci_config_read(self->config, PCI_COMMAND) & PCI_COMMAND_MASTER);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, PART, 0)));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, PART, 0)));
	EXPECT_EQ(PART, differs_at(back, PART, 1));
}

TEST_F(device, that_interrupts_too_early_is_not_believed)
{
	struct edudma_segment seg = seg_from(self->buf, PART, 0);
	volatile uint32_t *regs = pci_registers(self->bed.dev.slot, 0);
	struct stats delta;
	struct job job;

	NEED_PLAIN_EDU(self);
	ASSERT_NE(NULL, regs)
		TH_LOG("%s (boot with iomem=relaxed)", strerror(errno));
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 7));
	stats_get(&self->bed.dev, &self->bed.before);
	job_transfer(&job, self->bed.fd, &seg, 1, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			     self->bed.before.descriptors));
	regs[EDU_IRQ_RAISE] = EDU_IRQ_DMA;
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "spurious_interrupts") >
			     self->bed.before.spurious_interrupts));
	/* The page is under DMA all the same. */
	EXPECT_EQ(1, stat_get(&self->bed.dev, "pages_pinned"));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.spurious_interrupts);
	EXPECT_EQ(PART, delta.bytes_from_device);
	munmap((void *)regs, page_size());
}

/*
 * A transfer that does not end: whenever it has, it is started again, until it
 * has lost its access to memory.  Is it fenced off while it runs, and are its
 * pages kept as long?
 */
static bool fenced_off(FIXTURE_DATA(device) *self, volatile uint32_t *regs,
		       const struct job *job, bool *pinned)
{
	bool runs = false;

	/* Nothing happens if it runs. */
	while (pci_config_read(self->config, PCI_COMMAND) & PCI_COMMAND_MASTER &&
	       !__atomic_load_n(&job->report->done, __ATOMIC_SEQ_CST))
		regs[EDU_DMA_CMD] |= EDU_CMD_RUN;
	*pinned = stat_get(&self->bed.dev, "pages_pinned") == 1;
	if (!(pci_config_read(self->config, PCI_COMMAND) & PCI_COMMAND_MASTER))
		runs = regs[EDU_DMA_CMD] & EDU_CMD_RUN;
	return runs;
}

TEST_F(device, that_runs_on_is_fenced_off_before_its_pages_are_released)
{
	struct edudma_segment seg = seg_to(self->buf, PART, 0);
	volatile uint32_t *regs = pci_registers(self->bed.dev.slot, 0);
	bool fenced = false, pinned;
	struct job job;
	int round;

	NEED_PLAIN_EDU(self);
	if (self->bed.info.capabilities & EDUDMA_CAP_IOMMU)
		SKIP(return, "a transfer that is started here is a fault");
	ASSERT_NE(NULL, regs)
		TH_LOG("%s (boot with iomem=relaxed)", strerror(errno));
	/* It may end just before the fence; not each time. */
	for (round = 0; round < 10 && !fenced; round++) {
		interrupts(self, false);
		job_transfer(&job, self->bed.fd, &seg, 1, 0);
		ASSERT_TRUE(bed_under_way(&self->bed));
		fenced = fenced_off(self, regs, &job, &pinned);
		ASSERT_EQ(0, job_wait(&job));
		interrupts(self, true);
		EXPECT_EQ(ETIMEDOUT, job.report->err);
		/* Once too often, if the fence was so short that it was missed. */
		ASSERT_TRUE(WAIT_FOR(!(regs[EDU_DMA_CMD] & EDU_CMD_RUN)));
		EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_pinned"));
		bed_mark(&self->bed);
	}
	EXPECT_TRUE(fenced);
	EXPECT_TRUE(pinned);
	munmap((void *)regs, page_size());
}

/* A process that does not keep its part */

TEST_F(device, is_taken_from_a_process_that_does_not_come_with_its_pages)
{
	struct stats delta;
	struct hold hold;

	ASSERT_TRUE(hold_begin_for(&hold, self->bed.fd, TIMEOUT_MS));
	/* It has the turn; this is next. */
	EXPECT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, PART, 0)));
	EXPECT_EQ(ETIMEDOUT, hold_end(&hold));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.timeouts);
	EXPECT_EQ(1, delta.errors);
	EXPECT_EQ(PART, delta.bytes_to_device);
}

TEST_F(device, is_left_to_a_process_that_nobody_waits_behind)
{
	struct stats delta;
	struct hold hold;

	ASSERT_TRUE(hold_begin_for(&hold, self->bed.fd, TIMEOUT_MS));
	usleep(3 * TIMEOUT_MS * 1000);
	EXPECT_EQ(0, hold_end(&hold));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.timeouts);
}

TEST_HARNESS_MAIN
