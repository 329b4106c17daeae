// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many files with requests of very different sizes: each is served in turn, and
 * how long the longest wait is.  That is counted in descriptors, the device's own
 * work, not in time.
 */
#include "edudma_fixture.h"
#include "virtual.h"

#include <signal.h>

#define FILES	16
#define ROUNDS	3	/* in which each file has its turn */
#define TURNS	(FILES * ROUNDS)
#define LARGEST	48	/* descriptors of a request */
#define CROWD	4	/* processes that share the file with the largest */
#define CLIENTS	(FILES - 1 + CROWD)

/* Descriptors of each file's requests. */
static const unsigned int sizes[FILES] = {
	LARGEST, 1, 32, 1, 2, 24, 2, 1, 16, 3, 13, 4, 10, 5, 8, 6,
};

/**
 * struct ledger - what the processes note, in memory that they share
 * @nr_turns:	requests that were served
 * @turns:	whose they were, in order
 * @freed:	descriptors there had been when the device was free for them
 * @longest:	of each process, descriptors of others in the longest wait
 */
struct ledger {
	unsigned int nr_turns;
	unsigned int turns[TURNS];
	uint64_t freed;
	uint64_t longest[CLIENTS];
};

FIXTURE(fairness)
{
	struct bed bed;
	struct ledger *ledger;
	uint64_t chunk_bytes;
	int fds[FILES];
	struct job jobs[CLIENTS];
};

FIXTURE_VARIANT(fairness)
{
	unsigned int chunk_pages;	/* 0: as it is */
};

FIXTURE_VARIANT_ADD(fairness, of_requests_of_one_chunk) { };
FIXTURE_VARIANT_ADD(fairness, of_requests_of_many_chunks) { .chunk_pages = 2 };

struct client {
	FIXTURE_DATA(fairness) *self;
	unsigned int nr;
};

/* The first of them are the crowd. */
static unsigned int file_of(unsigned int client)
{
	return client < CROWD ? 0 : client - CROWD + 1;
}

/* A descriptor for each segment: no two are neighbours in the window. */
static int request(int fd, const struct edudma_info *info, unsigned int size)
{
	struct edudma_segment segs[LARGEST];
	uint8_t byte = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		segs[i] = seg_to(&byte, 1, i % 2 * (info->window_bytes - 1));
	return transfer(fd, segs, size, 0, NULL);
}

/* Comes back with its next request as soon as the last one is served. */
static void run_client(struct job_report *report, void *arg)
{
	struct client *client = arg;
	struct bed *bed = &client->self->bed;
	struct ledger *ledger = client->self->ledger;
	const unsigned int file = file_of(client->nr);
	uint64_t before, others;
	unsigned int turn;

	do {
		__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
		before = stat_get(&bed->dev, "descriptors");
		report->err = request(client->self->fds[file], &bed->info,
				      sizes[file]);
		/* Whoever held the device at first is none of the others. */
		if (before < ledger->freed)
			before = ledger->freed;
		others = stat_get(&bed->dev, "descriptors") - before - sizes[file];
		if (others > ledger->longest[client->nr])
			ledger->longest[client->nr] = others;
		turn = __atomic_fetch_add(&ledger->nr_turns, 1, __ATOMIC_SEQ_CST);
		if (turn < TURNS)
			ledger->turns[turn] = file;
	} while (!report->err);
	pause();
}

FIXTURE_SETUP(fairness)
{
	int i;

	self->chunk_bytes = param_get("chunk_bytes");
	BED_SETUP(&self->bed);
	self->ledger = shared_pages(1);
	for (i = 0; i < FILES; i++) {
		self->fds[i] = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->fds[i]);
	}
}

FIXTURE_TEARDOWN(fairness)
{
	int i;

	for (i = 0; i < FILES; i++)
		close(self->fds[i]);
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

/*
 * Start all; the first is served when the last has queued up, since a request of
 * another file holds the device until then.  False if it did not.
 */
static bool queue_up(FIXTURE_DATA(fairness) *self, unsigned int chunk_pages)
{
	struct client client = { .self = self };
	struct edudma_segment segs[LARGEST];
	uint8_t byte = 0;
	struct job first;
	int i;

	for (i = 0; i < LARGEST; i++)
		segs[i] = seg_to(&byte, 1, 0);
	job_transfer(&first, self->bed.fd, segs, LARGEST, 0);
	if (!WAIT_FOR(job_asleep(&first)) ||
	    (chunk_pages && param_set("chunk_bytes", chunk_pages * page_size())))
		return false;
	for (i = 0; i < CLIENTS; i++) {
		client.nr = i;
		job_start(&self->jobs[i], run_client, &client);
		if (!WAIT_FOR(job_asleep(&self->jobs[i])))
			return false;
	}
	if (first.report->done || kill(first.pid, SIGKILL))
		return false;
	self->ledger->freed = stat_get(&self->bed.dev, "descriptors");
	return job_wait(&first) == SIGKILL;
}

/* Let all have their turns, then end them; false if somebody met an error. */
static bool finish(FIXTURE_DATA(fairness) *self)
{
	bool good = true;
	int i;

	while (__atomic_load_n(&self->ledger->nr_turns, __ATOMIC_SEQ_CST) < TURNS)
		usleep(100000);
	for (i = 0; i < CLIENTS; i++)
		good &= !kill(self->jobs[i].pid, SIGKILL) &&
			job_wait(&self->jobs[i]) == SIGKILL &&
			!self->jobs[i].report->err;
	return good;
}

/* Does a request of that size end with the turn that it begins in? */
static bool in_one_turn(unsigned int size, unsigned int chunk_pages)
{
	return !chunk_pages || size <= chunk_pages;
}

TEST_F_TIMEOUT(fairness, serves_each_file_once_before_any_file_twice, 300)
{
	unsigned int turns[TURNS], nr = 0, files = 0, i, j;

	NEED_SLOW_DEVICE(&self->bed);
	ASSERT_TRUE(queue_up(self, variant->chunk_pages));
	ASSERT_TRUE(finish(self));
	/* A request of many chunks yields between them: of it comes less often. */
	for (i = 0; i < FILES; i++)
		files += in_one_turn(sizes[i], variant->chunk_pages);
	for (i = 0; i < TURNS; i++)
		if (in_one_turn(sizes[self->ledger->turns[i]], variant->chunk_pages))
			turns[nr++] = self->ledger->turns[i];
	ASSERT_LE(2 * files, nr);
	for (i = 0; i < nr; i++) {
		for (j = i + 1; j < nr && turns[j] != turns[i]; j++)
			;
		if (j < nr) {
			EXPECT_EQ(files, j - i)
				TH_LOG("file %u had turns %u and %u", turns[i], i, j);
		} else {
			EXPECT_LE(nr - files, i)
				TH_LOG("file %u had no turn after %u", turns[i], i);
		}
	}
}

/*
 * What a request of a size can have of the device before it yields: chunks, of which
 * one is under way and one ahead when its time is over.
 */
static unsigned int turn(unsigned int size, unsigned int chunk_pages)
{
	return chunk_pages && size > 3 * chunk_pages ? 3 * chunk_pages : size;
}

/*
 * Between two turns of a request each other file has one; a request that fits a chunk
 * has one turn.  For who shares a file, so has each of those that share it.
 */
TEST_F_TIMEOUT(fairness, bounds_the_longest_wait, 300)
{
	uint64_t all = 0, bound;
	unsigned int i;

	NEED_SLOW_DEVICE(&self->bed);
	ASSERT_TRUE(queue_up(self, variant->chunk_pages));
	ASSERT_TRUE(finish(self));
	for (i = 0; i < FILES; i++)
		all += turn(sizes[i], variant->chunk_pages);
	ASSERT_GE(FILES * LARGEST, all);
	for (i = 0; i < CLIENTS; i++) {
		bound = all * (i < CROWD ? CROWD : 1);
		if (variant->chunk_pages)
			bound *= (sizes[file_of(i)] + variant->chunk_pages - 1) /
				 variant->chunk_pages;
		bound -= turn(sizes[file_of(i)], variant->chunk_pages);
		/* When it is told, the next one's first has been started. */
		EXPECT_GE(bound + 1, self->ledger->longest[i])
			TH_LOG("process %u, requests of %u", i, sizes[file_of(i)]);
	}
}

TEST_HARNESS_MAIN
