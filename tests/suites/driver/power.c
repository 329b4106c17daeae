// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runtime power management: an idle device sleeps where user space lets it, and
 * nobody who transfers notices.
 */
#include "edudma_fixture.h"
#include "edudma_pci.h"

#include <signal.h>
#include <sys/mman.h>

#define NR	6
#define PART	100

FIXTURE(sleep)
{
	struct bed bed;
	int config;
	char delay[16];
	uint8_t *pages;
	struct edudma_segment segs[NR];
};

static int power_set(FIXTURE_DATA(sleep) *self, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/%s",
		 self->bed.dev.slot, name);
	return file_write(path, value);
}

static void power_get(FIXTURE_DATA(sleep) *self, const char *name, char *value,
		      size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/%s",
		 self->bed.dev.slot, name);
	file_read(path, value, size);
}

static bool is(FIXTURE_DATA(sleep) *self, const char *status)
{
	char now[32];

	power_get(self, "runtime_status", now, sizeof(now));
	return !strcmp(now, status);
}

FIXTURE_SETUP(sleep)
{
	self->config = -1;
	BED_SETUP(&self->bed);
	self->config = pci_config_open(self->bed.dev.slot);
	ASSERT_LE(0, self->config);
	self->pages = shared_pages(NR);
	parts_to_fetch(self->segs, self->pages, NR, PART);
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	power_get(self, "autosuspend_delay_ms", self->delay, sizeof(self->delay));
	ASSERT_EQ(0, power_set(self, "autosuspend_delay_ms", "0"));
	ASSERT_EQ(0, power_set(self, "control", "auto"));
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(sleep)
{
	EXPECT_EQ(0, power_set(self, "control", "on"));
	EXPECT_EQ(0, power_set(self, "autosuspend_delay_ms", self->delay));
	EXPECT_TRUE(is(self, "active"));
	close(self->config);
	BED_TEARDOWN(&self->bed);
}

static bool under_way(FIXTURE_DATA(sleep) *self)
{
	return WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			self->bed.before.descriptors);
}

TEST_F(sleep, comes_by_itself_and_takes_access_to_memory_away)
{
	ASSERT_TRUE(WAIT_FOR(is(self, "suspended")));
	EXPECT_FALSE(pci_config_read(self->config, PCI_COMMAND) & PCI_COMMAND_MASTER);
}

TEST_F(sleep, comes_only_where_it_is_allowed)
{
	ASSERT_TRUE(WAIT_FOR(is(self, "suspended")));
	ASSERT_EQ(0, power_set(self, "control", "on"));
	EXPECT_TRUE(is(self, "active"));
	EXPECT_EQ(0, transfer1(self->bed.fd, self->segs[0]));
	EXPECT_TRUE(is(self, "active"));
}

TEST_F(sleep, ends_when_somebody_transfers)
{
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(WAIT_FOR(is(self, "suspended")));
		ASSERT_EQ(0, transfer1(self->bed.fd, self->segs[i]));
		EXPECT_EQ(i + 1, parts_received(self->pages, NR, PART, 1));
	}
	EXPECT_EQ(0, stat_get(&self->bed.dev, "timeouts") - self->bed.before.timeouts);
}

TEST_F(sleep, does_not_come_during_a_transfer)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(under_way(self));
	while (stat_get(&self->bed.dev, "pages_pinned") == NR) {
		bool awake = is(self, "active");

		/* It may have ended in between. */
		if (stat_get(&self->bed.dev, "pages_pinned") == NR)
			ASSERT_TRUE(awake);
	}
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(NR, parts_received(self->pages, NR, PART, 1));
	EXPECT_TRUE(WAIT_FOR(is(self, "suspended")));
}

TEST_F(sleep, may_come_between_two_chunks)
{
	uint64_t chunk_bytes = param_get("chunk_bytes");
	int err;

	ASSERT_EQ(0, param_set("chunk_bytes", page_size()));
	err = transfer(self->bed.fd, self->segs, NR, 0, NULL);
	EXPECT_EQ(0, param_set("chunk_bytes", chunk_bytes));
	EXPECT_EQ(0, err);
	EXPECT_EQ(NR, parts_received(self->pages, NR, PART, 1));
}

/* However fast the device is, the kill comes before the end. */
static void transfer_for_ever(struct job_report *report, void *arg)
{
	FIXTURE_DATA(sleep) *self = arg;

	report->begun = 1;
	for (;;)
		transfer(self->bed.fd, self->segs, NR, 0, NULL);
}

TEST_F(sleep, waits_for_the_transfer_of_a_killed_process)
{
	struct job job;

	job_start(&job, transfer_for_ever, self);
	ASSERT_TRUE(under_way(self));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_TRUE(WAIT_FOR(is(self, "suspended")));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	EXPECT_EQ(0, transfer1(self->bed.fd, self->segs[0]));
}

TEST_F(sleep, does_not_keep_a_device_from_being_unbound_and_bound)
{
	struct test_dev dev = self->bed.dev;
	char usage[32];

	ASSERT_TRUE(WAIT_FOR(is(self, "suspended")));
	close(self->bed.fd);
	ASSERT_EQ(0, dev_unbind(&dev));
	/* The file is there with CONFIG_PM_ADVANCED_DEBUG. */
	power_get(self, "runtime_usage", usage, sizeof(usage));
	EXPECT_TRUE(!usage[0] || !strcmp(usage, "0"))
		TH_LOG("a binding has left %s uses of the device", usage);
	ASSERT_EQ(0, dev_bind(&dev));
	self->bed.fd = open(dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->bed.fd);
	/* What user space has allowed holds for the next binding, too. */
	ASSERT_TRUE(WAIT_FOR(is(self, "suspended")));
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	ASSERT_EQ(0, transfer1(self->bed.fd, self->segs[0]));
	EXPECT_EQ(1, parts_received(self->pages, NR, PART, 1));
	/* Each binding begins with the driver's own delay. */
	ASSERT_EQ(0, power_set(self, "autosuspend_delay_ms", "0"));
}

TEST_HARNESS_MAIN
