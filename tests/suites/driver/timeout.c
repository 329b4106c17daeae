// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that does not keep its part: interrupts that are lost, or that come
 * when nothing is complete.
 */
#include "edudma_fixture.h"
#include "edudma_hold.h"
#include "edudma_kmsg.h"
#include "edudma_pci.h"

#include <sys/mman.h>

#define PART		64

/*
 * The timeout is short only where one is to come.  Everything else has one that a
 * host which is busy does not reach.
 */
#define SHORT_MS	300
#define LONG_MS		600000

FIXTURE(device)
{
	struct bed bed;
	uint64_t timeout_ms;
	uint8_t *buf;
};

FIXTURE_SETUP(device)
{
	BED_SETUP(&self->bed);
	self->timeout_ms = param_get("timeout_ms");
	ASSERT_EQ(0, param_set("timeout_ms", LONG_MS));
	self->buf = shared_pages(1);
	fill(self->buf, PART, 1);
	if (self->bed.info.engine == EDUDMA_ENGINE_EDU) {
		BED_SLOW(&self->bed);
	}
}

FIXTURE_TEARDOWN(device)
{
	param_set("timeout_ms", self->timeout_ms);
	BED_TEARDOWN(&self->bed);
}

/* That of an edu-sg fails on demand: tests/suites/ring/completions.c. */
#define NEED_PLAIN_EDU(self) do {					\
	if ((self)->bed.info.engine == EDUDMA_ENGINE_RING)		\
		SKIP(return, "this is done to a plain edu's registers");	\
} while (0)

static void interrupts(FIXTURE_DATA(device) *self, bool on)
{
	if (!pci_interrupts(self->bed.dev.slot,
			    self->bed.info.capabilities & EDUDMA_CAP_MSI, on))
		die("configuration space");
}

static bool is_master(const FIXTURE_DATA(device) *self)
{
	int config = pci_config_open(self->bed.dev.slot);
	uint16_t command = pci_config_read(config, PCI_COMMAND);

	close(config);
	return command & PCI_COMMAND_MASTER;
}

/* A transfer whose interrupts are lost; 0 or an errno. */
static int transfer_lost(FIXTURE_DATA(device) *self,
			 const struct edudma_segment *segs, uint32_t nr,
			 struct edudma_transfer *out)
{
	int err;

	param_set("timeout_ms", SHORT_MS);
	interrupts(self, false);
	err = transfer(self->bed.fd, segs, nr, 0, out);
	interrupts(self, true);
	param_set("timeout_ms", LONG_MS);
	return err;
}

TEST_F(device, that_loses_an_interrupt_has_done_the_transfer)
{
	uint8_t *back = private_pages(1);
	struct edudma_segment seg = seg_from(back, PART, 0);
	struct edudma_transfer out;
	struct stats delta;
	int kmsg;

	NEED_PLAIN_EDU(self);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, PART, 0)));
	bed_mark(&self->bed);
	kmsg = kmsg_open();
	EXPECT_EQ(0, transfer_lost(self, &seg, 1, &out));
	EXPECT_EQ(PART, out.bytes_done);
	EXPECT_EQ(1, out.segments_done);
	EXPECT_EQ(PART, differs_at(back, PART, 1));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.interrupts_lost);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(0, delta.errors);
	EXPECT_EQ(PART, delta.bytes_from_device);
	EXPECT_TRUE(kmsg_says(kmsg, "interrupt", "lost"));
	EXPECT_FALSE(kmsg_says(kmsg, "interrupt", "lost"));
	close(kmsg);
}

TEST_F(device, that_loses_each_interrupt_goes_on)
{
	struct edudma_segment segs[] = {
		seg_to(self->buf, PART, 0), seg_to(self->buf, PART, 2 * PART),
		seg_to(self->buf, PART, PART),
	};
	struct edudma_transfer out;
	struct stats delta;

	NEED_PLAIN_EDU(self);
	EXPECT_EQ(0, transfer_lost(self, segs, ARRAY_LEN(segs), &out));
	EXPECT_EQ(ARRAY_LEN(segs), out.segments_done);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(ARRAY_LEN(segs), delta.interrupts_lost);
	EXPECT_EQ(0, delta.timeouts);
}

TEST_F(device, that_lost_an_interrupt_works_afterwards)
{
	uint8_t *back = private_pages(1);
	struct edudma_segment seg = seg_from(back, PART, 0);

	NEED_PLAIN_EDU(self);
	ASSERT_EQ(0, transfer_lost(self, &seg, 1, NULL));
	/* It may access memory. */
	EXPECT_TRUE(is_master(self));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, PART, 0)));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, PART, 0)));
	EXPECT_EQ(PART, differs_at(back, PART, 1));
}

static bool has_returned(const struct job *job)
{
	return __atomic_load_n(&job->report->done, __ATOMIC_SEQ_CST);
}

/*
 * A transfer of one segment with an interrupt that means nothing.  Was that handled
 * while the device was at work?  Then @pinned is what was pinned afterwards, with
 * the device still at work.
 */
static bool met_by_an_early_interrupt(FIXTURE_DATA(device) *self,
				      volatile uint32_t *regs, struct job *job,
				      uint64_t *pinned)
{
	struct edudma_segment seg = seg_from(self->buf, PART, 0);

	bed_mark(&self->bed);
	job_transfer(job, self->bed.fd, &seg, 1, 0);
	if (!bed_under_way(&self->bed))
		return false;
	regs[EDU_IRQ_RAISE] = EDU_IRQ_DMA;
	WAIT_FOR(stat_get(&self->bed.dev, "interrupts") > self->bed.before.interrupts);
	*pinned = stat_get(&self->bed.dev, "pages_pinned");
	return regs[EDU_DMA_CMD] & EDU_CMD_RUN;
}

TEST_F(device, that_interrupts_too_early_is_not_believed)
{
	volatile uint32_t *regs = pci_registers(self->bed.dev.slot, 0);
	uint64_t pinned = UINT64_MAX;
	struct stats delta;
	struct job job;
	bool met;

	NEED_PLAIN_EDU(self);
	ASSERT_NE(NULL, regs)
		TH_LOG("%s (boot with iomem=relaxed)", strerror(errno));
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 7));
	/* A transfer may be over before it is met; the limit of the test ends this. */
	do {
		met = met_by_an_early_interrupt(self, regs, &job, &pinned);
		ASSERT_EQ(0, job_wait(&job));
		ASSERT_EQ(0, job.report->err);
	} while (!met);
	/* The page was under DMA all the same. */
	EXPECT_EQ(1, pinned);
	EXPECT_EQ(PART, differs_at(self->buf, PART, 7));
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
	while (is_master(self) &&
	       !has_returned(job))
		regs[EDU_DMA_CMD] |= EDU_CMD_RUN;
	*pinned = stat_get(&self->bed.dev, "pages_pinned") == 1;
	if (!(is_master(self)))
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
	ASSERT_EQ(0, param_set("timeout_ms", SHORT_MS));
	/* It may end just before the driver looks; not each time. */
	for (round = 0; round < 10 && !fenced; round++) {
		interrupts(self, false);
		job_transfer(&job, self->bed.fd, &seg, 1, 0);
		ASSERT_TRUE(bed_under_way(&self->bed));
		fenced = fenced_off(self, regs, &job, &pinned);
		ASSERT_EQ(0, job_wait(&job));
		interrupts(self, true);
		if (fenced) {
			EXPECT_EQ(ETIMEDOUT, job.report->err);
			EXPECT_EQ(self->bed.before.timeouts + 1,
				  stat_get(&self->bed.dev, "timeouts"));
		}
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

/*
 * Two requests that do not come with their pages, the second behind the first:
 * wait until the first has lost its turn to it.  The second keeps it, as nobody
 * waits behind that.
 */
struct taken {
	struct hold first;
	struct hold second;
	int fd;
};

static bool take(struct taken *taken, const struct bed *bed)
{
	const uint64_t before = stat_get(&bed->dev, "timeouts");

	return hold_begin_fault(&taken->first, bed->fd, seg_from(NULL, 0, 0), SHORT_MS) &&
	       hold_begin_fault(&taken->second, taken->fd, seg_from(NULL, 0, 0), SHORT_MS) &&
	       WAIT_FOR(stat_get(&bed->dev, "timeouts") > before);
}

TEST_F(device, is_taken_from_a_process_that_does_not_come_with_its_pages)
{
	struct stats delta;
	struct taken taken;

	taken.fd = bed_open_beside(&self->bed);
	ASSERT_LE(0, taken.fd);
	ASSERT_TRUE(take(&taken, &self->bed));
	/* Now it has the turn, and the device all the time that it needs. */
	ASSERT_EQ(0, param_set("timeout_ms", LONG_MS));
	EXPECT_EQ(0, hold_end(&taken.second));
	EXPECT_EQ(ETIMEDOUT, hold_end(&taken.first));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.timeouts);
	EXPECT_EQ(1, delta.errors);
	EXPECT_EQ(HOLD_BYTES, delta.bytes_from_device);
	close(taken.fd);
}

/* A bed for another device than the first. */
static bool bed_open_other(struct bed *bed)
{
	*bed = (struct bed) { .fd = -1 };
	if (!dev_get(1, &bed->dev))
		return false;
	bed->fd = open(bed->dev.node, O_RDWR | O_CLOEXEC);
	return bed->fd >= 0 && !dev_info(bed->fd, &bed->info);
}

TEST_F(device, is_left_to_a_process_that_nobody_waits_behind)
{
	struct stats delta;
	struct taken taken;
	struct hold hold;
	struct bed other;

	if (dev_count() < 2)
		SKIP(return, "this machine has only one device");
	ASSERT_TRUE(bed_open_other(&other));
	taken.fd = bed_open_beside(&other);
	ASSERT_LE(0, taken.fd);
	ASSERT_TRUE(hold_begin_fault(&hold, self->bed.fd, seg_from(NULL, 0, 0), SHORT_MS));
	/*
	 * The other device shows when a timeout has passed.  It began later.  By the
	 * second one this device's would have come, too.
	 */
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(take(&taken, &other));
		ASSERT_EQ(0, param_set("timeout_ms", LONG_MS));
		EXPECT_EQ(0, hold_end(&taken.second));
		EXPECT_EQ(ETIMEDOUT, hold_end(&taken.first));
	}
	EXPECT_EQ(0, hold_end(&hold));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.timeouts);
	close(taken.fd);
	close(other.fd);
}

TEST_HARNESS_MAIN
