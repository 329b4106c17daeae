// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs as text, and back; see fuzz_program.h.
 */
#include "fuzz_program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS	" \t\n"

const struct fuzz_kind fuzz_kinds[FUZZ_NRS] = {
#define FUZZ_KIND(name, weight, args) { #name, weight, args },
	FUZZ_TABLE(FUZZ_KIND)
#undef FUZZ_KIND
};

static bool is_file(char kind)
{
	return kind == 'f' || kind == 'q';
}

static bool is_address(char kind)
{
	return kind == 'a' || kind == 's';
}

static void print_arg(FILE *file, char kind, uint64_t value)
{
	if (is_file(kind))
		fprintf(file, " f%" PRIu64, value);
	else if (is_address(kind) && value >= FUZZ_BASE && value <= FUZZ_END)
		fprintf(file, " m+0x%" PRIx64, value - FUZZ_BASE);
	else
		fprintf(file, " 0x%" PRIx64, value);
}

void fuzz_print(FILE *file, const struct fuzz_program *program)
{
	const struct fuzz_call *call;
	unsigned int i;

	for (call = program->calls; call < program->calls + program->nr; call++) {
		const struct fuzz_kind *kind = &fuzz_kinds[call->nr];

		fprintf(file, "%u %s", call->thread, kind->name);
		for (i = 0; kind->args[i]; i++)
			print_arg(file, kind->args[i], call->arg[i]);
		fputc('\n', file);
	}
}

static bool parse_number(const char *word, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(word, &end, 0);
	return *word >= '0' && *word <= '9' && !*end && !errno;
}

static bool parse_arg(char kind, const char *word, uint64_t *value)
{
	if (is_file(kind))
		return word[0] == 'f' && parse_number(word + 1, value) &&
		       *value < FUZZ_FILES;
	if (is_address(kind) && !strncmp(word, "m+", 2)) {
		if (!parse_number(word + 2, value))
			return false;
		*value += FUZZ_BASE;
		return *value <= FUZZ_END;
	}
	return parse_number(word, value);
}

static bool parse_call(char *line, struct fuzz_call *call)
{
	const char *word = strtok(line, BLANKS);
	const char *args;
	uint64_t thread;
	unsigned int i;

	*call = (struct fuzz_call) { 0 };
	if (!parse_number(word, &thread) || thread >= FUZZ_THREADS)
		return false;
	call->thread = thread;
	word = strtok(NULL, BLANKS);
	while (word && call->nr < FUZZ_NRS && strcmp(fuzz_kinds[call->nr].name, word))
		call->nr++;
	if (!word || call->nr == FUZZ_NRS)
		return false;
	args = fuzz_kinds[call->nr].args;
	for (i = 0; args[i]; i++) {
		word = strtok(NULL, BLANKS);
		if (!word || !parse_arg(args[i], word, &call->arg[i]))
			return false;
	}
	return !strtok(NULL, BLANKS);
}

unsigned int fuzz_parse(FILE *file, struct fuzz_program *program)
{
	unsigned int number;
	char line[256];

	program->nr = 0;
	for (number = 1; fgets(line, sizeof(line), file); number++) {
		if (line[0] == '#' || !line[strspn(line, BLANKS)])
			continue;
		if (program->nr == FUZZ_CALLS ||
		    !parse_call(line, &program->calls[program->nr]))
			return number;
		program->nr++;
	}
	return 0;
}

void fuzz_load(const char *path, struct fuzz_program *program)
{
	FILE *file = fopen(path, "re");
	unsigned int wrong;

	if (!file) {
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	wrong = fuzz_parse(file, program);
	fclose(file);
	if (wrong) {
		fprintf(stderr, "fuzz: %s:%u: not a call\n", path, wrong);
		exit(EXIT_FAILURE);
	}
}
