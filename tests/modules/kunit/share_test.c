// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fair shares.  The model keeps no list: it notes when each user and each file began
 * to wait, and looks for the earliest.
 */
#include <linux/list.h>

#include "edudma_kunit.h"
#include "share.h"

#define USERS	3
#define FILES	6	/* file n is of user n % USERS */
#define REQUESTS	32
#define COURSES	200
#define STEPS	120

/**
 * struct request - what a file asks for
 * @share:	its place
 * @file:	of whom
 * @state:	where it is
 * @number:	when it came
 */
struct request {
	struct edudma_share share;
	unsigned int file;
	enum { UNUSED, WAITING, TAKEN } state;
	unsigned long number;
};

/**
 * struct bench - files, their requests, and what the model knows of them
 * @random:	where cases come from
 * @root:	under test
 * @users:	below it
 * @files:	below them
 * @requests:	of all of them
 * @since:	when each file's place was assigned
 * @user_since:	when each user's was
 * @clock:	counts what happened
 * @passed:	[a][b]: grants of user b since user a, who has none, began to wait
 */
struct bench {
	struct rnd_state random;
	struct edudma_share root;
	struct edudma_share users[USERS];
	struct edudma_share files[FILES];
	struct request requests[REQUESTS];
	unsigned long since[FILES];
	unsigned long user_since[USERS];
	unsigned long clock;
	unsigned int passed[USERS][USERS];
};

static void bench_clear(struct bench *bench)
{
	unsigned int i;

	edudma_share_init(&bench->root, NULL);
	for (i = 0; i < USERS; i++)
		edudma_share_init(&bench->users[i], &bench->root);
	for (i = 0; i < FILES; i++)
		edudma_share_init(&bench->files[i], &bench->users[i % USERS]);
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

	for (i = 0; i < REQUESTS; i++)
		n += bench->requests[i].file == file &&
		     bench->requests[i].state == state;

	return n;
}

static unsigned int count_user(const struct bench *bench, unsigned int user, int state)
{
	unsigned int file, n = 0;

	for (file = user; file < FILES; file += USERS)
		n += count(bench, file, state);

	return n;
}

/* The file's request that came first of those that wait. */
static struct request *oldest(struct bench *bench, unsigned int file)
{
	struct request *req, *found = NULL;

	for (req = bench->requests; req < bench->requests + REQUESTS; req++)
		if (req->file == file && req->state == WAITING &&
		    (!found || req->number < found->number))
			found = req;

	return found;
}

/* The user who is next by the model: those who have been granted something come later. */
static unsigned int model_user(struct bench *bench)
{
	unsigned int user, having, best = USERS;

	for (having = 0; having < 2 && best == USERS; having++)
		for (user = 0; user < USERS; user++) {
			if (!count_user(bench, user, WAITING) ||
			    (!having && count_user(bench, user, TAKEN)))
				continue;
			if (best == USERS ||
			    bench->user_since[user] < bench->user_since[best])
				best = user;
		}

	return best;
}

/* The request that is next: of the user who is, of the file that is among theirs. */
static struct request *model_next(struct bench *bench)
{
	unsigned int user = model_user(bench);
	unsigned int file, having, best = FILES;

	if (user == USERS)
		return NULL;
	for (having = 0; having < 2 && best == FILES; having++)
		for (file = user; file < FILES; file += USERS) {
			if (!count(bench, file, WAITING) ||
			    (!having && count(bench, file, TAKEN)))
				continue;
			if (best == FILES || bench->since[file] < bench->since[best])
				best = file;
		}

	return oldest(bench, best);
}

/* One of those in this state, at random. */
static struct request *any(struct bench *bench, int state)
{
	unsigned int first = edudma_kunit_below(&bench->random, REQUESTS);
	unsigned int i;

	for (i = 0; i < REQUESTS; i++) {
		struct request *req = &bench->requests[(first + i) % REQUESTS];

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
	if (!count_user(bench, file % USERS, WAITING))
		bench->user_since[file % USERS] = bench->clock;
	req->file = file;
	req->state = WAITING;
	req->number = bench->clock++;
	edudma_share_init(&req->share, &bench->files[file]);
	edudma_share_wait(&req->share);

	return req;
}

static struct request *take(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *expected = model_next(bench);
	bool idle = edudma_share_idle(&bench->root);
	struct edudma_share *leaf = edudma_share_take(&bench->root);
	struct request *req = leaf ? container_of(leaf, struct request, share) : NULL;

	KUNIT_ASSERT_EQ(test, idle, !expected);
	KUNIT_ASSERT_PTR_EQ(test, expected, req);
	if (req)
		req->state = TAKEN;

	return req;
}

static void end(struct bench *bench, struct request *req)
{
	edudma_share_end(&req->share);
	req->state = UNUSED;
	bench->since[req->file] = bench->clock;
	bench->user_since[req->file % USERS] = bench->clock++;
}

static void give_up(struct bench *bench, struct request *req)
{
	edudma_share_withdraw(&req->share, false);
	req->state = UNUSED;
}

/* Ends all that is left. */
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

/* Counts a grant of one user against those who wait and have none. */
static void expect_nobody_overtaken(struct kunit *test, unsigned int served)
{
	struct bench *bench = test->priv;
	unsigned int user;

	for (user = 0; user < USERS; user++) {
		if (user == served || !count_user(bench, user, WAITING) ||
		    count_user(bench, user, TAKEN)) {
			memset(bench->passed[user], 0, sizeof(bench->passed[user]));
			continue;
		}
		bench->passed[user][served]++;
		KUNIT_ASSERT_LE_MSG(test, bench->passed[user][served], 1U,
				    "user %u has overtaken user %u", served, user);
	}
}

/* As a queue does it: a request runs, another is staged, all want more. */
static void nobody_is_overtaken_twice(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *running, *staged;
	unsigned int course, step;

	edudma_kunit_random(test, &bench->random);
	for (course = 0; course < COURSES; course++) {
		bench_clear(bench);
		running = NULL;
		staged = NULL;
		for (step = 0; step < STEPS; step++) {
			/* The lower a file's number, the more it asks for. */
			if (!edudma_kunit_once_in(&bench->random, 3))
				add(bench, edudma_kunit_below(&bench->random,
							      1 + step % FILES));
			if (!staged) {
				staged = take(test);
				if (staged)
					expect_nobody_overtaken(test, staged->file % USERS);
			}
			if (running && edudma_kunit_once_in(&bench->random, 2)) {
				end(bench, running);
				running = NULL;
			}
			if (!running)
				swap(running, staged);
		}
		finish(test);
	}
}

/* However many files a user has, and however much waits in them. */
static void users_with_much_waiting_take_turns(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *req;
	unsigned int i;

	for (i = 0; i < 4 * FILES; i++)
		add(bench, i / 4);
	for (i = 0; i < 4 * FILES; i++) {
		req = take(test);
		KUNIT_ASSERT_NOT_NULL(test, req);
		KUNIT_EXPECT_EQ(test, i % USERS, req->file % USERS);
		KUNIT_EXPECT_EQ(test, i % FILES, req->file);
		end(bench, req);
	}
	KUNIT_EXPECT_NULL(test, take(test));
}

/* One file of a user against many of another. */
static void a_share_is_of_the_user(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *req;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		add(bench, 0);
		add(bench, USERS);
	}
	for (i = 0; i < 8; i++)
		add(bench, 1);
	for (i = 0; i < 16; i++) {
		req = take(test);
		KUNIT_ASSERT_NOT_NULL(test, req);
		KUNIT_EXPECT_EQ(test, i % 2, req->file % USERS);
		end(bench, req);
	}
}

static void a_file_is_served_in_its_order(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *reqs[REQUESTS], *req;
	unsigned int i;

	for (i = 0; i < REQUESTS; i++)
		reqs[i] = add(bench, 0);
	for (i = 0; i < REQUESTS; i++) {
		req = take(test);
		KUNIT_EXPECT_PTR_EQ(test, reqs[i], req);
		if (i % 2)
			end(bench, req);
	}
	finish(test);
}

static void a_second_grant_is_for_when_nobody_else_waits(struct kunit *test)
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

/* Who withdraws and comes back finds its place, and blocks nobody meanwhile. */
static void a_place_can_be_reserved(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *first, *again, *reqs[2];

	first = add(bench, 0);
	reqs[0] = add(bench, 1);
	reqs[1] = add(bench, 2);
	edudma_share_withdraw(&first->share, true);
	first->state = UNUSED;
	KUNIT_EXPECT_PTR_EQ(test, reqs[0], take(test));
	end(bench, reqs[0]);
	reqs[0] = add(bench, 1);

	/* Before both, one of which came earlier. */
	again = any(bench, UNUSED);
	again->file = 0;
	edudma_share_init(&again->share, &bench->files[0]);
	edudma_share_wait(&again->share);
	KUNIT_EXPECT_PTR_EQ(test, &again->share, edudma_share_take(&bench->root));
	edudma_share_end(&again->share);
	KUNIT_EXPECT_PTR_EQ(test, reqs[1], take(test));
	KUNIT_EXPECT_PTR_EQ(test, reqs[0], take(test));
	KUNIT_EXPECT_TRUE(test, edudma_share_idle(&bench->root));
}

/* One that was served in part comes before its file's others, not before other files. */
static void who_was_served_in_part_comes_first_in_its_file(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *part, *later, *other;

	part = add(bench, 0);
	later = add(bench, 0);
	other = add(bench, 1);
	KUNIT_EXPECT_PTR_EQ(test, part, take(test));
	edudma_share_end(&part->share);
	edudma_share_wait_first(&part->share);
	KUNIT_EXPECT_PTR_EQ(test, &other->share, edudma_share_take(&bench->root));
	edudma_share_end(&other->share);
	KUNIT_EXPECT_PTR_EQ(test, &part->share, edudma_share_take(&bench->root));
	edudma_share_end(&part->share);
	KUNIT_EXPECT_PTR_EQ(test, &later->share, edudma_share_take(&bench->root));
	edudma_share_end(&later->share);
}

/* A file that is closed while its request runs takes its share along. */
static void a_grant_may_outlive_its_file(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct request *req = add(bench, 0);

	KUNIT_ASSERT_PTR_EQ(test, req, take(test));
	req->share.parent = &bench->users[0];
	edudma_share_detach(&bench->files[0]);
	memset(&bench->files[0], 0x5a, sizeof(bench->files[0]));
	end(bench, req);
	KUNIT_EXPECT_EQ(test, 0x5a5a5a5aU, bench->files[0].granted);
	KUNIT_EXPECT_EQ(test, 0U, bench->users[0].granted);
	KUNIT_EXPECT_PTR_EQ(test, add(bench, 1), take(test));
	finish(test);
}

static struct kunit_case share_cases[] = {
	KUNIT_CASE(random_course_is_as_the_model_says),
	KUNIT_CASE(nobody_is_overtaken_twice),
	KUNIT_CASE(users_with_much_waiting_take_turns),
	KUNIT_CASE(a_share_is_of_the_user),
	KUNIT_CASE(a_file_is_served_in_its_order),
	KUNIT_CASE(a_second_grant_is_for_when_nobody_else_waits),
	KUNIT_CASE(who_gives_up_is_not_served),
	KUNIT_CASE(a_place_can_be_reserved),
	KUNIT_CASE(who_was_served_in_part_comes_first_in_its_file),
	KUNIT_CASE(a_grant_may_outlive_its_file),
	{ }
};

struct kunit_suite edudma_share_suite = {
	.name = "share",
	.init = bench_init,
	.test_cases = share_cases,
};
