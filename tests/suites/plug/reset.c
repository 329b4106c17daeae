// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function is reset while it is in use: requests wait and go on.  edu cannot
 * be reset by itself; the port that it is plugged into resets what is below.
 */
#include "edudma_fixture.h"
#include "edudma_pci.h"
#include "edudma_plug.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#define NR	8
#define PART	100
#define WAITERS	3
#define ROUNDS	3

FIXTURE(reset)
{
	struct bed bed;
	uint8_t *pages;
	struct edudma_segment segs[NR];
};

FIXTURE_SETUP(reset)
{
	char path[96];

	self->bed.fd = -1;
	ASSERT_EQ(0, plug_in(&self->bed.dev));
	BED_OPEN(&self->bed);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset",
		 self->bed.dev.slot);
	ASSERT_EQ(0, access(path, W_OK));
	self->pages = shared_pages(NR);
	parts_to_fetch(self->segs, self->pages, NR, PART);
	ASSERT_EQ(0, window_fill(self->bed.fd, NR * PART, 1));
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(reset)
{
	/* Its pace goes with the device. */
	self->bed.paced = false;
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, plug_out());
}

/* Nobody had to be fenced off, and it works. */
#define EXPECT_WORKS() do {						\
	EXPECT_EQ(self->bed.before.timeouts,				\
		  stat_get(&self->bed.dev, "timeouts"));		\
	self->pages[0] ^= 0xff;						\
	EXPECT_EQ(0, transfer1(self->bed.fd, self->segs[0]));		\
	EXPECT_LE(1, parts_received(self->pages, NR, PART, 1));	\
} while (0)

TEST_F(reset, of_an_idle_device_is_not_noticed)
{
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	EXPECT_WORKS();
}

TEST_F(reset, waits_for_the_descriptor_that_is_under_way)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(NR, job.report->out.segments_done);
	EXPECT_EQ(NR, parts_received(self->pages, NR, PART, 1));
	EXPECT_WORKS();
}

TEST_F(reset, lets_waiting_requests_wait)
{
	struct job running, waiting[WAITERS];
	int fds[WAITERS], i;

	job_transfer(&running, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	for (i = 0; i < WAITERS; i++) {
		fds[i] = bed_open_beside(&self->bed);
		ASSERT_LE(0, fds[i]);
		job_transfer(&waiting[i], fds[i], self->segs, 2, 0);
		ASSERT_TRUE(WAIT_FOR(job_asleep(&waiting[i])));
	}
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	ASSERT_EQ(0, job_wait(&running));
	EXPECT_EQ(0, running.report->err);
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, job_wait(&waiting[i]));
		EXPECT_EQ(0, waiting[i].report->err);
		EXPECT_EQ(2, waiting[i].report->out.segments_done);
		close(fds[i]);
	}
	EXPECT_WORKS();
}

TEST_F(reset, lets_go_of_what_a_killed_process_had_pinned)
{
	struct job job;

	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	EXPECT_TRUE(WAIT_FOR(pins_outstanding() == self->bed.pins));
	EXPECT_WORKS();
}

/* The reset has taken memory access and interrupts from the function. */
TEST_F(reset, gives_back_what_it_takes)
{
	int config = pci_config_open(self->bed.dev.slot);
	uint16_t command;

	ASSERT_LE(0, config);
	command = pci_config_read(config, PCI_COMMAND);
	ASSERT_TRUE(command & PCI_COMMAND_MASTER);
	ASSERT_EQ(0, plug_reset(&self->bed.dev));
	EXPECT_EQ(command, pci_config_read(config, PCI_COMMAND));
	close(config);
}

/* Calls that need no hardware, while a reset takes its time */

enum stall_call { CALL_POLL, CALL_LSEEK, CALL_INFO };

FIXTURE(held)
{
	FIXTURE_DATA(reset) r;
	struct job resetting;
	bool dead;
};

FIXTURE_VARIANT(held)
{
	enum stall_call call;
};

FIXTURE_VARIANT_ADD(held, poll) { .call = CALL_POLL };
FIXTURE_VARIANT_ADD(held, lseek) { .call = CALL_LSEEK };
FIXTURE_VARIANT_ADD(held, info) { .call = CALL_INFO };

FIXTURE_SETUP(held)
{
	reset_setup(_metadata, &self->r, NULL);
}

/* The kernel waits until the function answers, up to a minute. */
static bool let_reset_end(FIXTURE_DATA(held) *self)
{
	if (!self->dead)
		return true;
	self->dead = false;
	return !machine_set_bool(&self->r.bed.dev, "fault-dead", false) &&
	       !job_wait(&self->resetting);
}

FIXTURE_TEARDOWN(held)
{
	EXPECT_TRUE(let_reset_end(self));
	reset_teardown(_metadata, &self->r, NULL);
}

static void run_reset(struct job_report *report, void *arg)
{
	FIXTURE_DATA(held) *self = arg;

	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = plug_reset(&self->r.bed.dev);
}

/* Is a process in a function of the kernel's, sleeping? */
static bool is_in(const struct job *job, const char *function)
{
	char path[32], line[128];
	bool in = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", job->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		in |= !!strstr(line, function);
	if (file)
		fclose(file);
	return in;
}

/* Does the kernel wait for the function, which the driver has prepared for it? */
static bool waits_for_function(const struct job *job)
{
	return is_in(job, "pci_dev_wait");
}

static bool is_over(const struct job *job)
{
	return __atomic_load_n(&job->report->done, __ATOMIC_SEQ_CST);
}

/*
 * Begin a reset, of which the function does not come back.  It must not be gone
 * before the kernel has saved its configuration, so it goes in the 100 ms that the
 * kernel leaves it; false if that was too late.
 */
static bool hold_reset(FIXTURE_DATA(held) *self)
{
	job_start(&self->resetting, run_reset, self);
	WAIT_FOR(is_in(&self->resetting, "pcie_flr") || is_over(&self->resetting));
	self->dead = true;
	if (!machine_set_bool(&self->r.bed.dev, "fault-dead", true) &&
	    WAIT_FOR(waits_for_function(&self->resetting) || is_over(&self->resetting)) &&
	    !is_over(&self->resetting))
		return true;
	let_reset_end(self);
	return false;
}

struct stall_job {
	int fd;
	enum stall_call call;
};

static void run_stall(struct job_report *report, void *arg)
{
	struct stall_job *job = arg;
	struct pollfd pfd = { .fd = job->fd, .events = POLLIN | POLLOUT };
	struct edudma_info info;

	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	if (job->call == CALL_POLL)
		report->value = poll(&pfd, 1, -1) == 1 && !(pfd.revents & POLLERR);
	else if (job->call == CALL_LSEEK)
		report->value = lseek(job->fd, PART, SEEK_SET) == PART;
	else
		report->value = !dev_info(job->fd, &info) && info.window_bytes;
}

TEST_F_TIMEOUT(held, does_not_hold_a_call_that_needs_no_hardware, 90)
{
	struct stall_job arg = { .fd = self->r.bed.fd, .call = variant->call };
	int tries = 0;
	struct job job;

	if (self->r.bed.info.engine != EDUDMA_ENGINE_RING)
		SKIP(return, "a plain edu does not hold its reset up");
	while (!hold_reset(self)) {
		ASSERT_GT(20, tries++);
		/* It was dead after its reset: begin anew. */
		ASSERT_EQ(0, plug_reset(&self->r.bed.dev));
	}
	job_start(&job, run_stall, &arg);
	EXPECT_EQ(0, job_wait(&job)) TH_LOG("it waits for the reset");
	EXPECT_EQ(1, job.report->value);
	EXPECT_FALSE(is_over(&self->resetting));
	ASSERT_TRUE(let_reset_end(self));
	EXPECT_EQ(0, self->resetting.report->err);
	EXPECT_EQ(0, transfer1(self->r.bed.fd, self->r.segs[0]));
}

static void check_for_ever(struct job_report *report, void *arg)
{
	FIXTURE_DATA(reset) *self = arg;
	uint8_t *buf = private_pages(2), *back = buf + page_size();
	/* Nobody else uses this place. */
	struct edudma_segment segs[] = {
		seg_to(buf, PART, NR * PART), seg_from(back, PART, NR * PART),
	};
	uint32_t seed;

	report->begun = 1;
	for (seed = 10; !report->err; seed++) {
		fill(buf, PART, seed);
		report->err = transfer(self->bed.fd, segs, 2, 0, NULL);
		if (!report->err && differs_at(back, PART, seed) != PART)
			report->err = EBADMSG;
		__atomic_fetch_add(&report->value, 1, __ATOMIC_SEQ_CST);
	}
}

static ssize_t rounds(const struct job *job)
{
	return __atomic_load_n(&job->report->value, __ATOMIC_SEQ_CST);
}

TEST_F_TIMEOUT(reset, again_and_again_under_load, 60)
{
	ssize_t count;
	struct job job;
	int i;

	job_start(&job, check_for_ever, self);
	for (i = 0; i < ROUNDS; i++) {
		count = rounds(&job);
		ASSERT_TRUE(WAIT_FOR(rounds(&job) > count));
		ASSERT_EQ(0, plug_reset(&self->bed.dev));
	}
	count = rounds(&job);
	ASSERT_TRUE(WAIT_FOR(rounds(&job) > count + 1));
	EXPECT_EQ(0, job.report->err);
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	EXPECT_WORKS();
}

TEST_HARNESS_MAIN
