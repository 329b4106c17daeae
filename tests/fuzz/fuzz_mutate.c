// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs out of others; see fuzz_program.h.
 */
#include "fuzz_program.h"
#include "fuzz_random.h"

#include <string.h>

static void open_up(struct fuzz_program *program, unsigned int at, unsigned int count)
{
	memmove(&program->calls[at + count], &program->calls[at],
		(program->nr - at) * sizeof(program->calls[0]));
	program->nr += count;
}

void fuzz_remove(struct fuzz_program *program, unsigned int at, unsigned int count)
{
	if (count > program->nr - at)
		count = program->nr - at;
	program->nr -= count;
	memmove(&program->calls[at], &program->calls[at + count],
		(program->nr - at) * sizeof(program->calls[0]));
}

/* A piece of another program, somewhere. */
static void splice(uint64_t *random, struct fuzz_program *program,
		   const struct fuzz_program *other)
{
	unsigned int at, from, count;

	if (!other->nr || program->nr == FUZZ_CALLS)
		return;
	at = fuzz_below(random, program->nr + 1);
	from = fuzz_below(random, other->nr);
	count = 1 + fuzz_below(random, other->nr - from);
	if (count > FUZZ_CALLS - program->nr)
		count = FUZZ_CALLS - program->nr;
	open_up(program, at, count);
	memcpy(&program->calls[at], &other->calls[from],
	       count * sizeof(program->calls[0]));
}

void fuzz_append(struct fuzz_program *program, const struct fuzz_program *other)
{
	unsigned int i;

	for (i = 0; i < other->nr && program->nr < FUZZ_CALLS; i++)
		program->calls[program->nr++] = other->calls[i];
}

static uint64_t change(uint64_t *random, char kind, uint64_t value)
{
	if (kind == 'f' || kind == 'q' || kind == 'd' || fuzz_below(random, 2))
		return fuzz_arg(random, kind);
	switch (fuzz_below(random, 4)) {
	case 0:
		return value + 1;
	case 1:
		return value - 1;
	case 2:
		return value ^ 1ull << fuzz_below(random, 64);
	default:
		return value + (fuzz_below(random, 5) - 2) * FUZZ_PAGE;
	}
}

static void change_call(uint64_t *random, struct fuzz_call *call)
{
	const char *args = fuzz_kinds[call->nr].args;
	unsigned int i;

	if (fuzz_once_in(random, 6) || !args[0]) {
		call->thread = fuzz_below(random, FUZZ_THREADS);
		return;
	}
	i = fuzz_below(random, strlen(args));
	call->arg[i] = change(random, args[i], call->arg[i]);
}

void fuzz_mutate(uint64_t *random, struct fuzz_program *program,
		 const struct fuzz_program *other)
{
	unsigned int changes = 1 + fuzz_below(random, 6);
	struct fuzz_program fresh;

	for (; changes; changes--) {
		unsigned int at = program->nr ? fuzz_below(random, program->nr) : 0;

		switch (fuzz_below(random, 10)) {
		case 0:
			fuzz_generate(random, &fresh);
			splice(random, program, &fresh);
			break;
		case 1:
			splice(random, program, other);
			break;
		case 2:
			if (program->nr > 2)
				fuzz_remove(program, at, 1);
			break;
		case 3:
			if (program->nr && program->nr < FUZZ_CALLS)
				open_up(program, at, 1);
			break;
		default:
			if (program->nr)
				change_call(random, &program->calls[at]);
			break;
		}
	}
}
