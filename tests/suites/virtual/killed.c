// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGKILL at each stage of a request: how soon the process is gone, how soon its
 * pages are, and whether others go on.
 */
#include "edudma_fixture.h"
#include "edudma_pci.h"
#include "virtual.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NR	4	/* segments of the request that is killed */
#define PART	100	/* bytes of each */
#define AHEAD	2	/* requests that may come before it, at most */
#define LONG	8	/* segments of those */

FIXTURE(stage)
{
	struct bed bed;
	int files[AHEAD + 1];
	uint8_t *pages;		/* shared with children; a part in each */
	uint64_t descriptor_ns;	/* what a request of one descriptor takes */
	uint64_t chunk_bytes;
	uint64_t pins;		/* in the whole system, but for the request's */
	struct job ahead[AHEAD];
	struct job job;
	struct job other;
};

static uint64_t counted(FIXTURE_DATA(stage) *self, const char *name)
{
	return stat_get(&self->bed.dev, name);
}

static bool started(FIXTURE_DATA(stage) *self, uint64_t descriptors)
{
	return WAIT_FOR(counted(self, "descriptors") ==
			self->bed.before.descriptors + descriptors);
}

static bool holds(FIXTURE_DATA(stage) *self, uint64_t pages)
{
	return WAIT_FOR(pins_outstanding() == self->pins + pages);
}

/* The request that is killed */

static void send_parts(FIXTURE_DATA(stage) *self)
{
	struct edudma_segment segs[NR];
	int i;

	for (i = 0; i < NR; i++)
		segs[i] = seg_to(self->pages + i * page_size(), PART, i * PART);
	job_transfer(&self->job, self->bed.fd, segs, NR, 0);
}

/* Receives to a page that the device cannot reach: completed by a copy. */
static void receive_bounced(FIXTURE_DATA(stage) *self)
{
	void *page = find_page(&self->bed.info, false);
	struct edudma_segment seg = seg_from(page, PART, 0);

	if (!page)
		die("all memory is in reach");
	job_transfer(&self->job, self->bed.fd, &seg, 1, 0);
}

/* A page fault that nobody answers: its memory, and who waits for it. */

struct fault {
	struct job_report *report;
	int uffd;
	uint8_t *page;
};

static void *note_fault(void *arg)
{
	struct fault *fault = arg;
	struct uffd_msg msg;

	if (read(fault->uffd, &msg, sizeof(msg)) == sizeof(msg))
		__atomic_store_n(&fault->report->handled, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void make_fault(struct fault *fault)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	fault->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	fault->page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area.range.start = ptr64(fault->page);
	area.range.len = page_size();
	if (fault->uffd < 0 || fault->page == MAP_FAILED ||
	    ioctl(fault->uffd, UFFDIO_API, &api) ||
	    ioctl(fault->uffd, UFFDIO_REGISTER, &area) ||
	    pthread_create(&thread, NULL, note_fault, fault))
		die("userfaultfd");
}

static void run_at_fault(struct job_report *report, FIXTURE_DATA(stage) *self,
			 bool at_once)
{
	struct fault fault = { .report = report };
	struct edudma_segment segs[2];

	make_fault(&fault);
	segs[0] = seg_to(self->pages, PART, 0);
	segs[1] = seg_to(fault.page, PART, PART);
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = transfer(self->bed.fd, segs + at_once, 2 - at_once, 0,
			       &report->out);
}

static void run_first_at_fault(struct job_report *report, void *self)
{
	run_at_fault(report, self, true);
}

static void run_second_at_fault(struct job_report *report, void *self)
{
	run_at_fault(report, self, false);
}

static void fault_in_first(FIXTURE_DATA(stage) *self)
{
	job_start(&self->job, run_first_at_fault, self);
}

static void fault_in_second(FIXTURE_DATA(stage) *self)
{
	if (param_set("chunk_bytes", page_size()))
		die("chunk_bytes");
	job_start(&self->job, run_second_at_fault, self);
}

/* Stages */

static bool faults(FIXTURE_DATA(stage) *self)
{
	return WAIT_FOR(__atomic_load_n(&self->job.report->handled,
					__ATOMIC_SEQ_CST));
}

static bool pins_nothing_yet(FIXTURE_DATA(stage) *self)
{
	return faults(self) && started(self, 0) && holds(self, 0);
}

static bool pins_next_chunk(FIXTURE_DATA(stage) *self)
{
	return faults(self) && started(self, 1) && holds(self, 1);
}

static bool is_queued(FIXTURE_DATA(stage) *self)
{
	return holds(self, 0) && started(self, 1);
}

static bool is_on_deck(FIXTURE_DATA(stage) *self)
{
	return holds(self, NR) && started(self, 1);
}

static bool has_first_descriptor(FIXTURE_DATA(stage) *self)
{
	return started(self, 1) && holds(self, NR);
}

static bool has_middle_descriptor(FIXTURE_DATA(stage) *self)
{
	return started(self, NR / 2) && holds(self, NR);
}

static bool has_last_descriptor(FIXTURE_DATA(stage) *self)
{
	return started(self, NR) && holds(self, NR);
}

/*
 * Its last interrupt has been taken, and then nobody else has run: neither the
 * work that completes it, nor the process that waits for that.
 */
static bool was_interrupted(FIXTURE_DATA(stage) *self, uint64_t descriptors,
			    uint64_t pages)
{
	if (!started(self, descriptors) || !come_first())
		return false;
	while (counted(self, "interrupts") <
	       self->bed.before.interrupts + descriptors)
		;
	return !self->job.report->done &&
	       counted(self, "pages_pinned") == self->pins - self->bed.pins + pages;
}

static bool is_completing(FIXTURE_DATA(stage) *self)
{
	return was_interrupted(self, 1, 1);
}

static bool is_returning(FIXTURE_DATA(stage) *self)
{
	return was_interrupted(self, NR, 0);
}

FIXTURE_VARIANT(stage)
{
	int ahead;
	void (*start)(FIXTURE_DATA(stage) *self);
	bool (*reach)(FIXTURE_DATA(stage) *self);
};

FIXTURE_VARIANT_ADD(stage, before_pin) {
	.start = fault_in_first, .reach = pins_nothing_yet,
};

FIXTURE_VARIANT_ADD(stage, queued) {
	.ahead = 2, .start = send_parts, .reach = is_queued,
};

FIXTURE_VARIANT_ADD(stage, on_deck) {
	.ahead = 1, .start = send_parts, .reach = is_on_deck,
};

FIXTURE_VARIANT_ADD(stage, first_descriptor) {
	.start = send_parts, .reach = has_first_descriptor,
};

FIXTURE_VARIANT_ADD(stage, middle_descriptor) {
	.start = send_parts, .reach = has_middle_descriptor,
};

FIXTURE_VARIANT_ADD(stage, last_descriptor) {
	.start = send_parts, .reach = has_last_descriptor,
};

FIXTURE_VARIANT_ADD(stage, pinning_ahead) {
	.start = fault_in_second, .reach = pins_next_chunk,
};

FIXTURE_VARIANT_ADD(stage, completing) {
	.start = receive_bounced, .reach = is_completing,
};

FIXTURE_VARIANT_ADD(stage, returning) {
	.start = send_parts, .reach = is_returning,
};

FIXTURE_SETUP(stage)
{
	int i;

	self->chunk_bytes = param_get("chunk_bytes");
	BED_SETUP(&self->bed);
	for (i = 0; i <= AHEAD; i++) {
		self->files[i] = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->files[i]);
	}
	self->pages = shared_pages(NR);
	for (i = 0; i < NR; i++)
		fill(self->pages + i * page_size(), PART, 100 + i);
	self->descriptor_ns = now_ns();
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	self->descriptor_ns = now_ns() - self->descriptor_ns;
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(stage)
{
	int i;

	for (i = 0; i <= AHEAD; i++)
		close(self->files[i]);
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

/* Requests that come first, each of a file of its own. */
static bool start_ahead(FIXTURE_DATA(stage) *self, int count)
{
	uint8_t *page = shared_pages(1);
	struct edudma_segment segs[LONG];
	int i;

	for (i = 0; i < LONG; i++)
		segs[i] = seg_to(page, 1, self->bed.info.window_bytes - 1);
	for (i = 0; i < count; i++) {
		self->pins = pins_outstanding();
		job_transfer(&self->ahead[i], self->files[i], segs, LONG, 0);
		if (!holds(self, LONG))
			return false;
	}
	self->pins = pins_outstanding();
	return true;
}

/* A request of somebody else behind it, with its page pinned if it is next. */
static bool start_other(FIXTURE_DATA(stage) *self, bool is_next)
{
	struct edudma_segment seg = seg_to(self->pages, PART, NR * PART);

	job_transfer(&self->other, self->files[AHEAD], &seg, 1, 0);
	self->pins += is_next;
	return WAIT_FOR(job_asleep(&self->other));
}

#define START() do {							\
	NEED_SLOW_DEVICE(&self->bed);					\
	ASSERT_TRUE(start_ahead(self, variant->ahead));			\
	variant->start(self);						\
	ASSERT_TRUE(WAIT_FOR(job_asleep(&self->job)));			\
} while (0)

#define REACH() do {							\
	ASSERT_TRUE(variant->reach(self))				\
		TH_LOG("the request is not where it should be");	\
} while (0)

TEST_F(stage, keeps_no_killed_process)
{
	START();
	REACH();
	EXPECT_GE(GONE_NS, time_to_go(&self->job));
}

TEST_F(stage, keeps_no_pages_for_longer_than_a_descriptor)
{
	uint64_t then;

	START();
	REACH();
	then = now_ns();
	ASSERT_NE(UINT64_MAX, time_to_go(&self->job));
	sleep_until(then + self->descriptor_ns);
	EXPECT_EQ(self->pins, pins_outstanding());
}

TEST_F(stage, lets_others_go_on_after_a_kill)
{
	uint8_t *back = private_pages(1);
	struct stats delta;

	START();
	if (variant->start == fault_in_second) {
		/* It goes on even before the kill. */
		REACH();
		ASSERT_TRUE(start_other(self, false));
	} else {
		ASSERT_TRUE(start_other(self, !variant->ahead));
		REACH();
	}
	ASSERT_NE(UINT64_MAX, time_to_go(&self->job));
	ASSERT_EQ(0, job_wait(&self->other));
	EXPECT_EQ(0, self->other.report->err);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, PART, NR * PART)));
	EXPECT_EQ(PART, differs_at(back, PART, 100));
	/* Not because a watchdog had come to their help. */
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.timeouts);
}

/* A device whose interrupt is lost: it does not end what it has by itself. */

#define TIMEOUT_MS	500

FIXTURE(stuck)
{
	FIXTURE_DATA(stage) s;
	uint64_t timeout_ms;
	int config;		/* the function's configuration space */
	int msi_flags;		/* where they are */
};

FIXTURE_SETUP(stuck)
{
	stage_setup(_metadata, &self->s, NULL);
	self->timeout_ms = param_get("timeout_ms");
	ASSERT_EQ(0, param_set("timeout_ms", TIMEOUT_MS));
	self->config = pci_config_open(self->s.bed.dev.slot);
	ASSERT_LE(0, self->config);
	ASSERT_TRUE(self->s.bed.info.capabilities & EDUDMA_CAP_MSI);
	self->msi_flags = pci_capability(self->config, PCI_CAP_ID_MSI) +
			  PCI_MSI_FLAGS;
	ASSERT_LT(PCI_MSI_FLAGS, self->msi_flags);
}

static void interrupts(FIXTURE_DATA(stuck) *self, bool on)
{
	uint16_t flags = pci_config_read(self->config, self->msi_flags);

	pci_config_write(self->config, self->msi_flags,
			 on ? flags | PCI_MSI_FLAGS_ENABLE :
			      flags & ~PCI_MSI_FLAGS_ENABLE);
}

FIXTURE_TEARDOWN(stuck)
{
	interrupts(self, true);
	close(self->config);
	EXPECT_EQ(0, param_set("timeout_ms", self->timeout_ms));
	stage_teardown(_metadata, &self->s, NULL);
}

/* Long after it should have ended, but before the driver gives it up. */
static bool lose_interrupt(FIXTURE_DATA(stuck) *self)
{
	self->s.pins = self->s.bed.pins;
	send_parts(&self->s);
	if (!has_first_descriptor(&self->s))
		return false;
	interrupts(self, false);
	sleep_until(now_ns() + 2 * self->s.descriptor_ns);
	return holds(&self->s, NR) && started(&self->s, 1);
}

TEST_F(stuck, keeps_no_killed_process)
{
	NEED_SLOW_DEVICE(&self->s.bed);
	ASSERT_TRUE(lose_interrupt(self));
	EXPECT_GE(GONE_NS, time_to_go(&self->s.job));
}

TEST_F(stuck, keeps_the_pages_of_a_killed_process_until_that_is_noticed)
{
	struct test_dev *dev = &self->s.bed.dev;

	NEED_SLOW_DEVICE(&self->s.bed);
	ASSERT_TRUE(lose_interrupt(self));
	ASSERT_NE(UINT64_MAX, time_to_go(&self->s.job));
	EXPECT_EQ(NR, stat_get(dev, "pages_pinned"));
	ASSERT_TRUE(WAIT_FOR(stat_get(dev, "interrupts_lost") ==
			     self->s.bed.before.interrupts_lost + 1));
	EXPECT_TRUE(holds(&self->s, 0));
	interrupts(self, true);
	EXPECT_EQ(0, transfer1(self->s.bed.fd, seg_to("x", 1, 0)));
}

TEST_HARNESS_MAIN
