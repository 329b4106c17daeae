// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors that a PCI Express endpoint reports, and what the platform then does with the
 * device and its driver: it goes on, or the link is reset first.
 */
#include "edudma_fixture.h"
#include "edudma_kmsg.h"

#include <glob.h>
#include <sys/mman.h>

#define NR		8
#define PART		100
#define SHORT_MS	300
#define LONG_MS		60000

/* Of PCI configuration space; edu-sg's Advanced Error Reporting is at 0x100. */
#define COMMAND		0x04
#define COMMAND_SERR	0x100
#define SEVERITY	(0x100 + 0x0c)
#define COMP_TIME	(1 << 14)

FIXTURE(error)
{
	struct bed bed;
	uint64_t timeout_ms;
	uint8_t *pages;
	struct edudma_segment segs[NR];
	int config;
};

/* How many errors that are not fatal the kernel has handled. */
static int errors(const struct test_dev *dev)
{
	char path[96], line[128];
	int count = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/aer_dev_nonfatal", dev->slot);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "TOTAL_ERR_%*[A-Z] %d", &count);
	if (file)
		fclose(file);
	return count;
}

FIXTURE_SETUP(error)
{
	glob_t services;

	BED_SETUP(&self->bed);
	self->config = -1;
	if (glob("/sys/bus/pci_express/devices/*:pcie002", 0, NULL, &services))
		SKIP(return, "this kernel does not handle errors of PCI Express");
	globfree(&services);
	self->pages = shared_pages(NR);
	parts_to_fetch(self->segs, self->pages, NR, PART);
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	self->timeout_ms = param_get("timeout_ms");
	ASSERT_EQ(0, param_set("timeout_ms", LONG_MS));
	self->config = pci_config_open(self->bed.dev.slot);
	ASSERT_LE(0, self->config);
	pci_config_write(self->config, COMMAND,
			 pci_config_read(self->config, COMMAND) | COMMAND_SERR);
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(error)
{
	if (self->config < 0)
		return;
	machine_set(&self->bed.dev, "fault-stall", 0);
	pci_config_write(self->config, SEVERITY,
			 pci_config_read(self->config, SEVERITY) & ~COMP_TIME);
	close(self->config);
	EXPECT_EQ(0, param_set("timeout_ms", self->timeout_ms));
	BED_TEARDOWN(&self->bed);
}

/* The device reports such an error; true when the kernel has heard of it. */
static bool report(FIXTURE_DATA(error) *self)
{
	int before = errors(&self->bed.dev);

	return before >= 0 && !machine_pcie_error(&self->bed.dev, "COMP_TIME") &&
	       WAIT_FOR(errors(&self->bed.dev) > before);
}

/* A request with which the device stands still. */
static bool begin(FIXTURE_DATA(error) *self, struct job *job)
{
	bed_mark(&self->bed);
	if (machine_set(&self->bed.dev, "fault-stall", 0xff))
		return false;
	job_transfer(job, self->bed.fd, self->segs, NR, 0);
	return WAIT_FOR(stat_get(&self->bed.dev, "descriptors") ==
			self->bed.before.descriptors + NR);
}

#define EXPECT_WORKS() do {						\
	memset(self->pages, 0, NR * page_size());			\
	EXPECT_EQ(0, transfer(self->bed.fd, self->segs, NR, 0, NULL));	\
	EXPECT_EQ(NR, parts_received(self->pages, NR, PART, 1));	\
} while (0)

TEST_F(error, that_is_not_fatal_disturbs_no_request)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	EXPECT_TRUE(report(self));
	EXPECT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(NR, parts_received(self->pages, NR, PART, 1));
	EXPECT_WORKS();
}

TEST_F(error, that_is_not_fatal_ends_a_request_that_is_overdue)
{
	struct job job;

	ASSERT_TRUE(begin(self, &job));
	/* For what waits from now on: the queue, to be empty. */
	ASSERT_EQ(0, param_set("timeout_ms", SHORT_MS));
	EXPECT_TRUE(report(self));
	EXPECT_EQ(0, job_wait(&job));
	EXPECT_EQ(ETIMEDOUT, job.report->err);
	EXPECT_EQ(0, job.report->out.bytes_done);
	EXPECT_EQ(self->bed.before.timeouts + 1, stat_get(&self->bed.dev, "timeouts"));
	ASSERT_EQ(0, param_set("timeout_ms", LONG_MS));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_WORKS();
}

TEST_F(error, that_is_fatal_fails_what_the_device_had)
{
	int kmsg = kmsg_open();
	struct job job;

	ASSERT_TRUE(begin(self, &job));
	pci_config_write(self->config, SEVERITY,
			 pci_config_read(self->config, SEVERITY) | COMP_TIME);
	/* The kernel does not count it: it cannot ask the device for it. */
	ASSERT_EQ(0, machine_pcie_error(&self->bed.dev, "COMP_TIME"));
	EXPECT_TRUE(WAIT_FOR(kmsg_says(kmsg, "fatal PCI error", "reset")));
	EXPECT_EQ(0, job_wait(&job));
	EXPECT_EQ(EIO, job.report->err);
	EXPECT_EQ(0, job.report->out.bytes_done);
	EXPECT_EQ(0, stat_get(&self->bed.dev, "pages_pinned"));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_WORKS();
	close(kmsg);
}

TEST_HARNESS_MAIN
