// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose turn it is.  The model keeps no list: it notes when each file began to
 * wait, and looks for the earliest.
 */
#include <linux/list.h>

#include "edudma_kunit.h"
#include "turns.h"

#define FILES	6
#define TURNS	32
#define COURSES	200
#define STEPS	120

/**
 * struct request - what a file asks for
 * @turn:	its place
 * @file:	of whom
 * @state:	where it is
 * @number:	when it came
 */
struct request {
	struct edudma_turn turn;
	unsigned int file;
	enum { UNUSED, WAITING, TAKEN } state;
	unsigned long number;
};

/**
 * struct bench - files, their requests, and what the model knows of them
 * @random:	where cases come from
 * @turns:	under test
 * @queues:	of the files
 * @requests:	of all of them
 * @since:	when each file's place was assigned
 * @clock:	counts what happened
 * @passed:	[a][b]: turns of b since a, that has none, began to wait
 */
struct bench {
	struct rnd_state random;
	struct edudma_turns turns;
	struct edudma_queue queues[FILES];
	struct request requests[TURNS];
	unsigned long since[FILES];
	unsigned long clock;
	unsigned int passed[FILES][FILES];
};

static void bench_clear(struct bench *bench)
{
	unsigned int i;

	edudma_turns_init(&bench->turns);
	for (i = 0; i < FILES; i++)
		edudma_queue_init(&bench->queues[i]);
	memset(bench->requests, 0, sizeof(bench->requests));
	memset(bench->passed, 0, sizeof(bench->passed));
}

static int bench_init(struct kunit *test)
{
	struct bench *bench = kunit_kzalloc(test, sizeof(*bench), GFP_KERNEL);

	if (!bench)
		return -ENOMEM;
	bench_clear(bench);
	test->priv = bench;

	return 0;
}

static unsigned int count(const struct bench *bench, unsigned int file, int state)
{
	unsigned int i, n = 0;

	for (i = 0; i < TURNS; i++)
		n += bench->requests[i].file == file &&
		     bench->requests[i].state == state;

	return n;
}

/* The file's request that came first of those that wait. */
static struct request *oldest(struct bench *bench, unsigned int file)
{
	struct request *req, *found = NULL;

	for (req = bench->requests; req < bench->requests + TURNS; req++)
		if (req->file == file && req->state == WAITING &&
		    (!found || req->number < found->number))
			found = req;

	return found;
}

/* Whose turn it is by the model: files that have one come behind others. */
static struct request *model_next(struct bench *bench)
{
	unsigned int file, having, best = FILES;

	for (having = 0; having < 2 && best == FILES; having++)
		for (file = 0; file < FILES; file++) {
			if (!count(bench, file, WAITING) ||
			    (!having && count(bench, file, TAKEN)))
				continue;
			if (best == FILES || bench->since[file] < bench->since[best])
				best = file;
		}

	return best == FILES ? NULL : oldest(bench, best);
}

/* One of those in this state, at random. */
static struct request *any(struct bench *bench, int state)
{
	unsigned int first = edudma_kunit_below(&bench->random, TURNS);
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		struct request *req = &bench->requests[(first + i) % TURNS];

		if (req->state == state)
			return req;
	}

	return NULL;
}

static struct request *add(struct bench *bench, unsigned int file)
{
	struct request *req = any(bench, UNUSED);

	if (!req)
		return NULL;
	if (!count(bench, file, WAITING))
		bench->since[file] = bench->clock;
	req->file = file;
	req->state = WAITING;
	req->number = bench->clock++;
	edudma_turns_add(&bench->turns, &bench->queues[file], &req->turn);

	return req;
}

static struct request *take(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *expected = model_next(bench);
	bool empty = edudma_turns_empty(&bench->turns);
	struct edudma_turn *turn = edudma_turns_take(&bench->turns);
	struct request *req = turn ? container_of(turn, struct request, turn) : NULL;

	KUNIT_ASSERT_EQ(test, empty, !expected);
	KUNIT_ASSERT_PTR_EQ(test, expected, req);
	if (req)
		req->state = TAKEN;

	return req;
}

static void end(struct bench *bench, struct request *req)
{
	edudma_turns_end(&bench->turns, &req->turn);
	req->state = UNUSED;
	bench->since[req->file] = bench->clock++;
}

static void give_up(struct bench *bench, struct request *req)
{
	edudma_turns_remove(&req->turn);
	req->state = UNUSED;
}

/* Ends all that is left, in turn. */
static void finish(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *req;

	do {
		while ((req = any(bench, TAKEN)))
			end(bench, req);
	} while (take(test));
	KUNIT_ASSERT_NULL(test, any(bench, WAITING));
}

static void random_course_is_as_the_model_says(struct kunit *test)
{
	struct bench *bench = test->priv;
	unsigned int course, step, files;
	struct request *req;

	edudma_kunit_random(test, &bench->random);
	for (course = 0; course < COURSES; course++) {
		bench_clear(bench);
		files = 1 + edudma_kunit_below(&bench->random, FILES);
		for (step = 0; step < STEPS; step++) {
			switch (edudma_kunit_below(&bench->random, 8)) {
			case 0 ... 2:
				add(bench, edudma_kunit_below(&bench->random, files));
				break;
			case 3 ... 4:
				take(test);
				break;
			case 5 ... 6:
				req = any(bench, TAKEN);
				if (req)
					end(bench, req);
				break;
			case 7:
				req = any(bench, WAITING);
				if (req)
					give_up(bench, req);
				break;
			}
		}
		finish(test);
	}
}

/* Counts a turn of one file against those that wait and have none. */
static void expect_nobody_overtaken(struct kunit *test, unsigned int served)
{
	struct bench *bench = test->priv;
	unsigned int file;

	for (file = 0; file < FILES; file++) {
		if (file == served || !count(bench, file, WAITING) ||
		    count(bench, file, TAKEN)) {
			memset(bench->passed[file], 0, sizeof(bench->passed[file]));
			continue;
		}
		bench->passed[file][served]++;
		KUNIT_ASSERT_LE_MSG(test, bench->passed[file][served], 1U,
				    "file %u has overtaken file %u", served, file);
	}
}

/* As a channel does it: a turn runs, another is on deck, all want more. */
static void nobody_is_overtaken_twice(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *running, *on_deck;
	unsigned int course, step;

	edudma_kunit_random(test, &bench->random);
	for (course = 0; course < COURSES; course++) {
		bench_clear(bench);
		running = NULL;
		on_deck = NULL;
		for (step = 0; step < STEPS; step++) {
			/* The lower a file's number, the more it asks for. */
			if (!edudma_kunit_once_in(&bench->random, 3))
				add(bench, edudma_kunit_below(&bench->random,
							      1 + step % FILES));
			if (!on_deck) {
				on_deck = take(test);
				if (on_deck)
					expect_nobody_overtaken(test, on_deck->file);
			}
			if (running && edudma_kunit_once_in(&bench->random, 2)) {
				end(bench, running);
				running = NULL;
			}
			if (!running)
				swap(running, on_deck);
		}
		finish(test);
	}
}

static void files_with_much_waiting_take_turns(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *req;
	unsigned int i;

	for (i = 0; i < 4 * FILES; i++)
		add(bench, i / 4);
	for (i = 0; i < 4 * FILES; i++) {
		req = take(test);
		KUNIT_ASSERT_NOT_NULL(test, req);
		KUNIT_EXPECT_EQ(test, i % FILES, req->file);
		end(bench, req);
	}
	KUNIT_EXPECT_NULL(test, take(test));
}

static void a_file_is_served_in_its_order(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *reqs[TURNS], *req;
	unsigned int i;

	for (i = 0; i < TURNS; i++)
		reqs[i] = add(bench, 0);
	for (i = 0; i < TURNS; i++) {
		req = take(test);
		KUNIT_EXPECT_PTR_EQ(test, reqs[i], req);
		if (i % 2)
			end(bench, req);
	}
	finish(test);
}

static void a_second_turn_is_for_whom_nobody_waits(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *first, *second, *other;

	first = add(bench, 0);
	second = add(bench, 0);
	other = add(bench, 1);
	KUNIT_EXPECT_PTR_EQ(test, first, take(test));
	KUNIT_EXPECT_PTR_EQ(test, other, take(test));
	KUNIT_EXPECT_PTR_EQ(test, second, take(test));
	finish(test);
}

static void who_gives_up_is_not_served(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *reqs[3];
	unsigned int i, gone;

	for (gone = 0; gone < 8; gone++) {
		bench_clear(bench);
		for (i = 0; i < 3; i++)
			reqs[i] = add(bench, i % 2);
		for (i = 0; i < 3; i++)
			if (gone & BIT(i))
				give_up(bench, reqs[i]);
		finish(test);
	}
}

/* A file that is closed while its request runs takes its queue along. */
static void a_turn_may_outlive_its_queue(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *req = add(bench, 0);

	KUNIT_ASSERT_PTR_EQ(test, req, take(test));
	req->turn.queue = NULL;
	memset(&bench->queues[0], 0x5a, sizeof(bench->queues[0]));
	end(bench, req);
	KUNIT_EXPECT_EQ(test, 0x5a5a5a5aU, bench->queues[0].taken);
	KUNIT_EXPECT_PTR_EQ(test, add(bench, 1), take(test));
	finish(test);
}

static struct kunit_case turns_cases[] = {
	KUNIT_CASE(random_course_is_as_the_model_says),
	KUNIT_CASE(nobody_is_overtaken_twice),
	KUNIT_CASE(files_with_much_waiting_take_turns),
	KUNIT_CASE(a_file_is_served_in_its_order),
	KUNIT_CASE(a_second_turn_is_for_whom_nobody_waits),
	KUNIT_CASE(who_gives_up_is_not_served),
	KUNIT_CASE(a_turn_may_outlive_its_queue),
	{ }
};

struct kunit_suite edudma_turns_suite = {
	.name = "turns",
	.init = bench_init,
	.test_cases = turns_cases,
};
