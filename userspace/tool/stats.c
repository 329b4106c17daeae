// SPDX-License-Identifier: GPL-2.0-only
/* edudma stats */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tool.h"

struct stats_options {
	const char *device;
	bool json;
	double watch;
	uint64_t count;
};

static void print_stats(const struct edudma_stats *stats)
{
	size_t i;

	for (i = 0; i < edudma_stats_count(stats); i++)
		printf("%-20s %20" PRIu64 "\n", edudma_stats_name(stats, i),
		       edudma_stats_value(stats, i));
}

/* Values, and how much they grew where they did. */
static void print_change(const struct edudma_stats *stats,
			 const struct edudma_stats *diff)
{
	uint64_t delta;
	size_t i;

	for (i = 0; i < edudma_stats_count(stats); i++) {
		printf("%-20s %20" PRIu64, edudma_stats_name(stats, i),
		       edudma_stats_value(stats, i));
		delta = edudma_stats_value(diff, i);
		if (!edudma_stats_is_level(edudma_stats_name(diff, i)) && delta)
			printf("  +%" PRIu64, delta);
		putchar('\n');
	}
	putchar('\n');
	fflush(stdout);
}

static void print_json(unsigned int index, const struct edudma_stats *stats,
		       const struct edudma_stats *diff)
{
	struct json_object *object = json_object_new_object();

	json_add_u64(object, "index", index);
	json_object_object_add(object, "statistics", json_stats(stats));
	if (diff)
		json_object_object_add(object, "change", json_stats(diff));
	json_print(object, diff);
}

static int snapshot(unsigned int index, struct edudma_stats **stats)
{
	char path[32];
	int ret;

	ret = edudma_stats_read(index, stats);
	if (!ret)
		return STATUS_OK;

	snprintf(path, sizeof(path), "edudma%u", index);
	return fail_device(path, ret, "%s", "");
}

static int watch(unsigned int index, const struct stats_options *options,
		 struct edudma_stats *older)
{
	const time_t seconds = options->watch;
	const struct timespec pause = {
		.tv_sec = seconds,
		.tv_nsec = (options->watch - seconds) * 1e9,
	};
	struct edudma_stats *newer, *diff;
	uint64_t rounds;
	int ret = STATUS_OK;

	for (rounds = 0; !options->count || rounds < options->count; rounds++) {
		nanosleep(&pause, NULL);
		ret = snapshot(index, &newer);
		if (ret)
			break;
		ret = edudma_stats_diff(newer, older, &diff);
		edudma_stats_free(older);
		older = newer;
		if (ret) {
			ret = fail("out of memory");
			break;
		}

		if (options->json)
			print_json(index, newer, diff);
		else
			print_change(newer, diff);
		edudma_stats_free(diff);
		/* main() reports it. */
		if (ferror(stdout))
			break;
	}

	edudma_stats_free(older);
	return ret;
}

static int run_stats(const struct stats_options *options)
{
	struct edudma_stats *stats;
	unsigned int index;
	int ret;

	ret = device_find(options->device, &index);
	if (ret)
		return ret;
	ret = snapshot(index, &stats);
	if (ret)
		return ret;

	if (options->watch)
		return watch(index, options, stats);

	if (options->json)
		print_json(index, stats, NULL);
	else
		print_stats(stats);
	edudma_stats_free(stats);
	return STATUS_OK;
}

static int run(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "watch", required_argument, NULL, 'w' },
		{ "count", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct stats_options options = {};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:w:c:jh", long_options,
				  NULL)) != -1) {
		switch (opt) {
		case 'd':
			options.device = optarg;
			break;
		case 'w':
			if (!parse_seconds(optarg, &options.watch))
				return usage_error("--watch: '%s' is not in 0.01 to 86400 seconds",
						   optarg);
			break;
		case 'c':
			if (!parse_size(optarg, &options.count))
				return usage_error("--count: '%s' is not a number",
						   optarg);
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);
	if (options.count && !options.watch)
		return usage_error("--count needs --watch");

	return run_stats(&options);
}

const struct command command_stats = {
	.name = "stats",
	.arguments = "[OPTION]...",
	.summary = "Show the statistics of a device",
	.help =
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -w, --watch SECONDS  again and again, with what has changed in between\n"
	"  -c, --count N        stop after N rounds of --watch; 0, the default, is never\n"
	"  -j, --json           print an object; with --watch, one a line\n"
	"  -h, --help           this help\n",
	.run = run,
};
