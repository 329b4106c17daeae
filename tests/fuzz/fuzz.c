// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line.  What needs the device runs in the guest, by scripts/fuzz.
 *
 * usage:
 *   fuzz print FILE...			programs as they are understood
 *   fuzz generate WORKER NUMBER		programs up to this one, as --log says
 *   fuzz run FILE...			run programs, again and again
 *   fuzz make				make programs and run them
 *
 * options:
 *   --corpus DIR	programs to begin with, DIR/(all).calls
 *   --log FILE		of an earlier run, that says which programs were kept
 *   --seed N		of all programs (1)
 *   --calls N		how many (10000)
 *   --repeat N		how often a program is run (20)
 *   --save DIR		write few programs that reach all that was reached
 *   --wrong DIR	write what ran when something went wrong
 */
#include "edudma_test.h"
#include "fuzz.h"
#include "fuzz_guest.h"

#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/** struct options - what the command line says */
struct options {
	const char *corpus;
	const char *log;
	const char *save;
	const char *wrong;
	uint64_t seed;
	uint64_t calls;
	unsigned int repeat;
};

static void misused(void)
{
	fprintf(stderr, "fuzz: print, generate, run or make: its source tells more\n");
	exit(2);
}

static void add_program(struct fuzz *fuzz, const char *path)
{
	if (fuzz->nr_corpus == FUZZ_KEPT)
		die("too many programs");
	fuzz_load(path, &fuzz->corpus[fuzz->nr_corpus++]);
}

static void add_corpus(struct fuzz *fuzz, const char *dir)
{
	char pattern[4096];
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s/*.calls", dir);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++)
		add_program(fuzz, found.gl_pathv[i]);
	globfree(&found);
}

/* Was the worker's program kept in the run that the log is of? */
static bool was_kept(const char *log, unsigned int worker, uint64_t number)
{
	unsigned long long one, kept;
	bool found = false;
	char line[256];
	FILE *file;

	file = log ? fopen(log, "re") : NULL;
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "kept %llu %llu", &one, &kept) == 2 &&
			one == worker && kept == number;
	fclose(file);
	return found;
}

/* All of a worker's programs up to one, each with its number. */
static int generate(struct fuzz *fuzz, const struct options *options, unsigned int nr,
		    uint64_t last)
{
	struct fuzz_worker *worker = &fuzz->workers[nr % FUZZ_WORKERS];
	struct fuzz_cover none = { 0 };

	for (; worker->number <= last; worker->number++) {
		fuzz_next(fuzz, nr, &worker->running);
		printf("# program %llu\n", (unsigned long long)worker->number);
		fuzz_print(stdout, &worker->running);
		if (was_kept(options->log, nr, worker->number))
			fuzz_keep(worker, &worker->running, &none);
	}
	return 0;
}

static int print(struct fuzz *fuzz)
{
	unsigned int i;

	for (i = 0; i < fuzz->nr_corpus; i++)
		fuzz_print(stdout, &fuzz->corpus[i]);
	return 0;
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "corpus", required_argument, NULL, 'c' },
		{ "log", required_argument, NULL, 'l' },
		{ "seed", required_argument, NULL, 's' },
		{ "calls", required_argument, NULL, 'n' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "save", required_argument, NULL, 'S' },
		{ "wrong", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->corpus = optarg;
			break;
		case 'l':
			options->log = optarg;
			break;
		case 's':
			options->seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			options->calls = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			options->repeat = strtoul(optarg, NULL, 0);
			break;
		case 'S':
			options->save = optarg;
			break;
		case 'w':
			options->wrong = optarg;
			break;
		default:
			misused();
		}
	}
}

int main(int argc, char **argv)
{
	struct options options = { .seed = 1, .calls = 10000, .repeat = 20 };
	struct fuzz *fuzz = shared_pages(1 + sizeof(*fuzz) / page_size());
	const char *command;
	int wrong, i;

	parse(argc, argv, &options);
	command = optind < argc ? argv[optind++] : "";
	fuzz->seed = options.seed;
	if (options.corpus)
		add_corpus(fuzz, options.corpus);
	if (!strcmp(command, "generate") && argc - optind == 2)
		return generate(fuzz, &options, strtoul(argv[optind], NULL, 0) % FUZZ_WORKERS,
				strtoull(argv[optind + 1], NULL, 0));
	for (i = optind; i < argc; i++)
		add_program(fuzz, argv[i]);
	if (!strcmp(command, "print"))
		return print(fuzz);
	if (!strcmp(command, "run") && fuzz->nr_corpus) {
		fuzz->repeat = options.repeat;
		options.calls = 0;
	} else if (strcmp(command, "make")) {
		misused();
	}
	if (!fuzz_can_trace()) {
		fputs("fuzz: this kernel has no KCOV, by which it is seen what is reached: LANE=debug-ring has it, and KERNEL=6.1+coverage\n",
		      stderr);
		return 2;
	}
	printf("# seed %llu, %u programs to begin with\n", (unsigned long long)fuzz->seed,
	       fuzz->nr_corpus);
	fflush(stdout);
	fuzz->shorten = options.save;
	wrong = fuzz_guest(fuzz, FUZZ_WORKERS, options.calls, options.wrong);
	if (options.save && !wrong)
		fuzz_save(fuzz, options.save);
	return wrong;
}
