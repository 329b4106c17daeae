// SPDX-License-Identifier: GPL-2.0-only
/*
 * EDUDMA_TRANSFER_EXCLUSIVE: a vector has the window for itself, also on a device
 * whose channels work at the same time.
 */
#include "edudma_fixture.h"

#include <signal.h>
#include <sys/mman.h>

#define LEN	3000
#define ROUNDS	200
#define TRIES	20	/* times as many rounds, until others' bytes are seen */
#define OTHERS	3	/* files beside an exclusive one */
#define DESCRIPTOR_NS	1000000ULL
#define SHORT_MS	300

FIXTURE(exclusive)
{
	struct bed bed;
	int fds[OTHERS + 1];
	struct job jobs[OTHERS + 1];
};

/* As many files as channels, the next one has the next channel. */
FIXTURE_SETUP(exclusive)
{
	int i;

	BED_SETUP(&self->bed);
	for (i = 0; i <= OTHERS; i++) {
		self->fds[i] = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->fds[i]);
	}
	BED_PACE(&self->bed, DESCRIPTOR_NS);
}

FIXTURE_TEARDOWN(exclusive)
{
	int i;

	machine_set(&self->bed.dev, "fault-stall", 0);
	for (i = 0; i <= OTHERS; i++)
		close(self->fds[i]);
	BED_TEARDOWN(&self->bed);
}

#define NEED_CHANNELS(self) do {					\
	if ((self)->bed.info.channels <= OTHERS)			\
		SKIP(return, "this device has too few channels");	\
} while (0)

struct client {
	int fd;
	uint32_t flags;
	uint32_t rounds;
	uint32_t seed;
};

/* Rounds in report->value; in report->handled, those with bytes of somebody else. */
static void run_client(struct job_report *report, void *arg)
{
	const struct client *client = arg;
	uint8_t *buf = private_pages(2), *back = buf + page_size();
	struct edudma_segment segs[] = {
		seg_to(buf, LEN, 0), seg_from(back, LEN, 0),
	};
	uint32_t i;

	report->begun = 1;
	for (i = 0; i < client->rounds && !report->err; i++) {
		memset(buf, client->seed + i % 50, LEN);
		report->err = transfer(client->fd, segs, 2, client->flags, NULL);
		if (report->err)
			break;
		if (!all_bytes_are(back, LEN, client->seed + i % 50))
			__atomic_fetch_add(&report->handled, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&report->value, 1, __ATOMIC_SEQ_CST);
	}
}

static void start(FIXTURE_DATA(exclusive) *self, int nr, uint32_t flags,
		  uint32_t rounds)
{
	struct client client = {
		.fd = self->fds[nr], .flags = flags, .rounds = rounds,
		.seed = 1 + 50 * nr,
	};

	job_start(&self->jobs[nr], run_client, &client);
}

static ssize_t rounds(const struct job *job)
{
	return __atomic_load_n(&job->report->value, __ATOMIC_SEQ_CST);
}

static int mixed(const struct job *job)
{
	return __atomic_load_n(&job->report->handled, __ATOMIC_SEQ_CST);
}

TEST_F_TIMEOUT(exclusive, vectors_of_two_channels_do_not_mix, 60)
{
	int i;

	NEED_CHANNELS(self);
	for (i = 0; i < 2; i++)
		start(self, i, EDUDMA_TRANSFER_EXCLUSIVE, ROUNDS);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, job_wait(&self->jobs[i]));
		EXPECT_EQ(0, self->jobs[i].report->err)
			TH_LOG("%s", strerror(self->jobs[i].report->err));
		EXPECT_EQ(ROUNDS, rounds(&self->jobs[i]));
		EXPECT_EQ(0, mixed(&self->jobs[i]));
	}
}

/* The same without the flag does: which shows that the test above can fail. */
TEST_F_TIMEOUT(exclusive, is_not_what_is_not_asked_for, 60)
{
	int i;

	NEED_CHANNELS(self);
	for (i = 0; i < 2; i++)
		start(self, i, 0, TRIES * ROUNDS);
	EXPECT_TRUE(WAIT_FOR(mixed(&self->jobs[0]) || mixed(&self->jobs[1])));
	for (i = 0; i < 2; i++) {
		kill(self->jobs[i].pid, SIGKILL);
		job_wait(&self->jobs[i]);
	}
}

/* Nor do those that do not ask for it come between one that does. */
TEST_F_TIMEOUT(exclusive, vector_does_not_mix_with_others, 60)
{
	int i;

	NEED_CHANNELS(self);
	for (i = 0; i < OTHERS; i++)
		start(self, i, 0, UINT32_MAX);
	start(self, OTHERS, EDUDMA_TRANSFER_EXCLUSIVE, ROUNDS / 4);
	EXPECT_EQ(0, job_wait(&self->jobs[OTHERS]));
	EXPECT_EQ(0, self->jobs[OTHERS].report->err)
		TH_LOG("%s", strerror(self->jobs[OTHERS].report->err));
	EXPECT_EQ(ROUNDS / 4, rounds(&self->jobs[OTHERS]));
	EXPECT_EQ(0, mixed(&self->jobs[OTHERS]));
	for (i = 0; i < OTHERS; i++) {
		kill(self->jobs[i].pid, SIGKILL);
		job_wait(&self->jobs[i]);
		EXPECT_EQ(0, self->jobs[i].report->err);
	}
}

/* And they go on beside it. */
TEST_F_TIMEOUT(exclusive, vectors_starve_nobody, 60)
{
	ssize_t before[OTHERS + 1];
	int i;

	NEED_CHANNELS(self);
	for (i = 0; i <= OTHERS; i++)
		start(self, i, i < OTHERS ? 0 : EDUDMA_TRANSFER_EXCLUSIVE, UINT32_MAX);
	for (i = 0; i <= OTHERS; i++) {
		EXPECT_TRUE(WAIT_FOR(rounds(&self->jobs[i]) > 0));
	}
	for (i = 0; i <= OTHERS; i++)
		before[i] = rounds(&self->jobs[i]);
	for (i = 0; i <= OTHERS; i++) {
		EXPECT_TRUE(WAIT_FOR(rounds(&self->jobs[i]) >= before[i] + 5))
			TH_LOG("%zd rounds of file %d, %s", rounds(&self->jobs[i]), i,
			       strerror(self->jobs[i].report->err));
	}
	for (i = 0; i <= OTHERS; i++) {
		kill(self->jobs[i].pid, SIGKILL);
		job_wait(&self->jobs[i]);
	}
}

/* One whose process is killed does not keep the window. */
TEST_F(exclusive, vector_of_a_killed_process_ends)
{
	struct edudma_segment segs[2] = {
		seg_to(shared_pages(1), LEN, 0), seg_to(shared_pages(1), LEN, LEN),
	};

	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0xff));
	job_transfer(&self->jobs[0], self->fds[0], segs, 2, EDUDMA_TRANSFER_EXCLUSIVE);
	EXPECT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			     self->bed.before.descriptors));
	job_transfer(&self->jobs[1], self->fds[1], segs, 2, 0);
	EXPECT_TRUE(WAIT_FOR(job_asleep(&self->jobs[1])));
	kill(self->jobs[0].pid, SIGKILL);
	EXPECT_EQ(SIGKILL, job_wait(&self->jobs[0]));
	ASSERT_EQ(0, machine_set(&self->bed.dev, "fault-stall", 0));
	EXPECT_EQ(0, job_wait(&self->jobs[1]));
	EXPECT_EQ(0, self->jobs[1].report->err);
}

/* Have the device stand still with a request of the first file. */
static bool stand_still(FIXTURE_DATA(exclusive) *self, uint32_t flags)
{
	struct edudma_segment seg = seg_to(shared_pages(1), LEN, LEN);

	bed_mark(&self->bed);
	if (machine_set(&self->bed.dev, "fault-stall", 0xff))
		return false;
	job_transfer(&self->jobs[0], self->fds[0], &seg, 1, flags);
	return WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			self->bed.before.descriptors);
}

/* A request behind it, to the window's start. */
static void ask(FIXTURE_DATA(exclusive) *self, int nr, int fd, uint32_t flags)
{
	uint8_t *page = shared_pages(1);
	struct edudma_segment seg = seg_to(page, LEN, 0);

	memset(page, nr, LEN);
	job_transfer(&self->jobs[nr], fd, &seg, 1, flags);
}

/* The same by a file of a channel that is idle; true when all it does is to wait. */
static bool ask_and_wait(FIXTURE_DATA(exclusive) *self, int nr, uint32_t flags)
{
	uint64_t pinned = stat_get(&self->bed.dev, "pages_pinned");

	ask(self, nr, self->fds[nr], flags);
	return WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned") > pinned) &&
	       WAIT_FOR(job_asleep(&self->jobs[nr]));
}

/* Another file of the channel that file @nr has: each file is given the next one. */
static int open_like(FIXTURE_DATA(exclusive) *self, unsigned int nr)
{
	unsigned int channels = self->bed.info.channels;
	unsigned int skip = (nr + channels * OTHERS - (OTHERS + 1)) % channels;

	while (skip--)
		close(open(self->bed.dev.node, O_RDWR | O_CLOEXEC));
	return open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
}

/* The device goes on; returns who wrote last to the window's start, or -1. */
static int last_of_three(FIXTURE_DATA(exclusive) *self)
{
	uint8_t *back = private_pages(1);
	int i, err = machine_set(&self->bed.dev, "fault-stall", 0);

	for (i = 0; i < 3; i++)
		err |= job_wait(&self->jobs[i]) | self->jobs[i].report->err;
	if (err || transfer1(self->fds[0], seg_from(back, LEN, 0)))
		return -1;
	return all_bytes_are(back, LEN, back[0]) ? back[0] : -1;
}

/* One that waits is not passed by those that come later. */
TEST_F(exclusive, vector_comes_before_those_that_ask_after_it)
{
	NEED_CHANNELS(self);
	ASSERT_TRUE(stand_still(self, 0));
	EXPECT_TRUE(ask_and_wait(self, 1, EDUDMA_TRANSFER_EXCLUSIVE));
	EXPECT_TRUE(ask_and_wait(self, 2, 0));
	EXPECT_EQ(2, last_of_three(self));
}

/* Those that one has kept out come before the next one, though that was first. */
TEST_F(exclusive, vector_waits_for_those_that_another_kept_out)
{
	NEED_CHANNELS(self);
	ASSERT_TRUE(stand_still(self, EDUDMA_TRANSFER_EXCLUSIVE));
	EXPECT_TRUE(ask_and_wait(self, 1, EDUDMA_TRANSFER_EXCLUSIVE));
	EXPECT_TRUE(ask_and_wait(self, 2, 0));
	EXPECT_EQ(1, last_of_three(self));
}

/* A limit for the device's descriptors is none for those that wait for the window. */
TEST_F(exclusive, vector_may_keep_others_out_for_longer_than_a_timeout)
{
	uint64_t timeout_ms = param_get("timeout_ms");
	int fd;

	NEED_CHANNELS(self);
	fd = open_like(self, 1);
	ASSERT_LE(0, fd);
	/* Of the request that the device stands still with, not of the others. */
	ASSERT_EQ(0, param_set("timeout_ms", 600000));
	ASSERT_TRUE(stand_still(self, EDUDMA_TRANSFER_EXCLUSIVE));
	ASSERT_EQ(0, param_set("timeout_ms", SHORT_MS));
	EXPECT_TRUE(ask_and_wait(self, 1, 0));
	/* Behind that one in its channel; pinned when the engine has idled. */
	ask(self, 2, fd, 0);
	usleep(3 * SHORT_MS * 1000);
	ASSERT_EQ(0, param_set("timeout_ms", timeout_ms));
	EXPECT_EQ(2, last_of_three(self));
	EXPECT_EQ(self->bed.before.timeouts, stat_get(&self->bed.dev, "timeouts"));
	close(fd);
}

TEST_HARNESS_MAIN
