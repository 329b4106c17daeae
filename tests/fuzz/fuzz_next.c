// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which program comes next; see fuzz.h.
 */
#include "fuzz.h"
#include "fuzz_random.h"

#include <string.h>

/* Of programs made out of others: one in so many may have its costly calls. */
#define COSTLY_ONE_IN	40

/*
 * What takes the device away or breaks it takes as long as hundreds of other
 * calls, and reaches much: without this it would be in most programs.
 */
static void tame(uint64_t *random, struct fuzz_program *program)
{
	unsigned int from, to = 0;

	if (fuzz_once_in(random, COSTLY_ONE_IN))
		return;
	for (from = 0; from < program->nr; from++)
		if (program->calls[from].nr < FUZZ_fork)
			program->calls[to++] = program->calls[from];
	program->nr = to;
}

static const struct fuzz_program *any_kept(uint64_t *random,
					   const struct fuzz_worker *worker)
{
	/* The younger half as often as all. */
	unsigned int half = fuzz_below(random, 2) ? worker->nr_kept / 2 : 0;

	return &worker->kept[half + fuzz_below(random, worker->nr_kept - half)].program;
}

void fuzz_next(const struct fuzz *fuzz, unsigned int nr, struct fuzz_program *program)
{
	const struct fuzz_worker *worker = &fuzz->workers[nr];
	uint64_t random = fuzz_seed_of(fuzz->seed, nr, worker->number);
	struct fuzz_program fresh;

	if (fuzz->repeat) {
		*program = fuzz->corpus[worker->number % fuzz->nr_corpus];
		return;
	}
	if (worker->number < fuzz->nr_corpus) {
		*program = fuzz->corpus[worker->number];
		return;
	}
	if (!worker->nr_kept || fuzz_once_in(&random, 8)) {
		fuzz_generate(&random, program);
		return;
	}
	*program = *any_kept(&random, worker);
	fuzz_mutate(&random, program, any_kept(&random, worker));
	/* What was kept is mostly what takes long: something else goes with it. */
	fuzz_generate(&random, &fresh);
	fuzz_append(program, &fresh);
	tame(&random, program);
}

void fuzz_keep(struct fuzz_worker *worker, const struct fuzz_program *program,
	       const struct fuzz_cover *cover)
{
	struct fuzz_kept *kept = &worker->kept[worker->nr_kept];

	if (worker->nr_kept == FUZZ_KEPT)
		return;
	kept->program = *program;
	kept->cover = *cover;
	/* A process that dies before this has kept nothing. */
	__atomic_fetch_add(&worker->nr_kept, 1, __ATOMIC_SEQ_CST);
}
