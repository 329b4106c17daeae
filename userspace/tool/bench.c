// SPDX-License-Identifier: GPL-2.0-only
/* edudma bench: options and report. */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define BLOCK_DEFAULT	4096
#define DEPTH_DEFAULT	8
#define DEPTH_MAX	4096
#define MEMORY_MAX	(1024ULL << 20)
#define SECONDS_DEFAULT	5

enum {
	READ_BIT	= 1U << EDUDMA_FROM_DEVICE,
	WRITE_BIT	= 1U << EDUDMA_TO_DEVICE,
};

/**
 * struct bench_options - what the command line says beside struct bench
 * @device:	which device, or NULL
 * @whole:	the region ends where the window does
 * @overwrite:	it may be written
 * @json:	print an object
 */
struct bench_options {
	const char *device;
	bool whole;
	bool overwrite;
	bool json;
};

static const char *const mode_names[] = {
	[BENCH_SYNC] = "sync",
	[BENCH_URING] = "io_uring",
	[BENCH_FIXED] = "fixed",
	[BENCH_REGISTERED] = "registered",
};

static const char *const direction_names[] = {
	[READ_BIT] = "read",
	[WRITE_BIT] = "write",
	[READ_BIT | WRITE_BIT] = "mixed",
};

/* Index of a word, or -1. */
static int find_word(const char *word, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (words[i] && !strcmp(words[i], word))
			return i;
	return -1;
}

static uint64_t bytes_of(const struct bench *bench, const struct latency *latency)
{
	return latency->count * bench->block;
}

static double per_second(const struct bench *bench, double n)
{
	return bench->elapsed > 0 ? n / bench->elapsed : 0;
}

/* A time in a column, in the unit that suits it. */
static void print_time(uint64_t ns)
{
	if (ns < 10000)
		printf(" %7" PRIu64 " ns", ns);
	else if (ns < 10000000)
		printf(" %7.1f us", ns / 1e3);
	else
		printf(" %7.1f ms", ns / 1e6);
}

static void print_latency(const char *name, const struct latency *latency)
{
	printf("%-9s", name);
	print_time(latency->min);
	print_time(latency->count ? latency->sum / latency->count : 0);
	print_time(latency_percentile(latency, 50));
	print_time(latency_percentile(latency, 90));
	print_time(latency_percentile(latency, 99));
	print_time(latency_percentile(latency, 99.9));
	print_time(latency->max);
	putchar('\n');
}

static void print_rate(const struct bench *bench, const char *name,
		       const struct latency *latency)
{
	const uint64_t bytes = bytes_of(bench, latency);
	char size[16], speed[16];

	printf("%-9s %10" PRIu64 " %12s %12s/s %10.0f\n", name, latency->count,
	       format_size(bytes, size),
	       format_size(per_second(bench, bytes), speed),
	       per_second(bench, latency->count));
}

static uint64_t counted(const struct bench *bench, const char *name)
{
	uint64_t value = 0;

	edudma_stats_get(bench->stats, name, &value);
	return value;
}

static void print_table(const struct bench *bench)
{
	unsigned int i;

	printf("%s: %s, %s, depth %u, blocks of %" PRIu64 ", ",
	       edudma_path(bench->dev), direction_names[bench->directions],
	       mode_names[bench->mode], bench->depth, bench->block);
	printf("window %" PRIu64 " to %" PRIu64 ", %.1f s\n\n", bench->offset,
	       bench->offset + bench->length, bench->elapsed);

	printf("%-9s %10s %12s %14s %10s\n", "", "requests", "data", "bandwidth",
	       "IOPS");
	for (i = 2; i--;)
		if (bench->directions & 1U << i)
			print_rate(bench, direction_names[1U << i],
				   &bench->latency[i]);

	printf("\n%-9s %10s %10s %10s %10s %10s %10s %10s\n", "latency", "min",
	       "mean", "50%", "90%", "99%", "99.9%", "max");
	for (i = 2; i--;)
		if (bench->directions & 1U << i)
			print_latency(direction_names[1U << i], &bench->latency[i]);

	printf("\ncpu       user %.1f%%, system %.1f%%\n",
	       100 * per_second(bench, bench->user),
	       100 * per_second(bench, bench->system));
	printf("device    %" PRIu64 " descriptors, %" PRIu64 " interrupts, ",
	       counted(bench, "descriptors"), counted(bench, "interrupts"));
	printf("%" PRIu64 " bytes bounced\n", counted(bench, "bytes_bounced"));
}

/* A number with as many digits as it is worth; the library would print 17. */
static void add_double(struct json_object *object, const char *key, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.6f", value);
	json_object_object_add(object, key, json_object_new_double_s(value, text));
}

static struct json_object *side(const struct bench *bench,
				const struct latency *latency)
{
	struct json_object *object = json_object_new_object();
	struct json_object *times = json_object_new_object();

	json_add_u64(object, "requests", latency->count);
	json_add_u64(object, "bytes", bytes_of(bench, latency));
	json_add_u64(object, "bytes_per_second",
		     per_second(bench, bytes_of(bench, latency)));
	json_add_u64(object, "requests_per_second", per_second(bench, latency->count));

	json_add_u64(times, "min", latency->min);
	json_add_u64(times, "mean", latency->count ? latency->sum / latency->count : 0);
	json_add_u64(times, "p50", latency_percentile(latency, 50));
	json_add_u64(times, "p90", latency_percentile(latency, 90));
	json_add_u64(times, "p99", latency_percentile(latency, 99));
	json_add_u64(times, "p99.9", latency_percentile(latency, 99.9));
	json_add_u64(times, "max", latency->max);
	json_object_object_add(object, "latency_ns", times);
	return object;
}

static void print_json(const struct bench *bench)
{
	struct json_object *object = json_object_new_object();
	unsigned int i;

	json_add_string(object, "device", edudma_path(bench->dev));
	json_add_string(object, "direction", direction_names[bench->directions]);
	json_add_string(object, "mode", mode_names[bench->mode]);
	json_add_u64(object, "depth", bench->depth);
	json_add_u64(object, "block_bytes", bench->block);
	json_add_u64(object, "offset", bench->offset);
	json_add_u64(object, "length", bench->length);
	add_double(object, "seconds", bench->elapsed);
	add_double(object, "user_seconds", bench->user);
	add_double(object, "system_seconds", bench->system);
	for (i = 2; i--;)
		if (bench->directions & 1U << i)
			json_object_object_add(object, direction_names[1U << i],
					       side(bench, &bench->latency[i]));
	json_object_object_add(object, "statistics", json_stats(bench->stats));
	json_print(object, false);
}

/* What the window has to say about the options. */
static int check_region(struct bench *bench, bool whole)
{
	const uint64_t window = edudma_window_bytes(bench->dev);

	if (bench->offset > window ||
	    (!whole && bench->length > window - bench->offset))
		return fail("%" PRIu64 " bytes from %" PRIu64 ": not in the window of %" PRIu64,
			    bench->length, bench->offset, window);
	if (whole)
		bench->length = window - bench->offset;
	if (!bench->length)
		return fail("there is nothing to measure in 0 bytes of the window");

	if (!bench->block)
		bench->block = bench->length < BLOCK_DEFAULT ? bench->length :
							       BLOCK_DEFAULT;
	if (bench->block > bench->length)
		return fail("--block: %" PRIu64 " is more than the %" PRIu64 " bytes of the region",
			    bench->block, bench->length);
	return STATUS_OK;
}

static int measure(struct bench *bench, const struct bench_options *options)
{
	const int access = bench->directions == READ_BIT ? O_RDONLY :
			   bench->directions == WRITE_BIT ? O_WRONLY : O_RDWR;
	int ret;

	ret = device_open(options->device, access, &bench->dev);
	if (ret)
		return ret;

	signals_catch();
	ret = check_region(bench, options->whole);
	if (!ret)
		ret = bench_run(bench);
	if (!ret && options->json)
		print_json(bench);
	else if (!ret)
		print_table(bench);

	edudma_stats_free(bench->stats);
	edudma_close(bench->dev);
	return ret;
}

/* Do the options fit together? */
static int check_options(struct bench *bench, const struct bench_options *options)
{
	if (bench->mode == BENCH_SYNC && bench->depth > 1)
		return usage_error("--mode sync has one request at a time: leave out --depth");
	if (!bench->depth)
		bench->depth = bench->mode == BENCH_SYNC ? 1 : DEPTH_DEFAULT;
	if (bench->block && bench->depth > MEMORY_MAX / bench->block)
		return usage_error("--depth times --block is more than 1 GiB");
	if (bench->directions & WRITE_BIT && !options->overwrite)
		return usage_error("--direction %s overwrites the window, and needs --overwrite",
				   direction_names[bench->directions]);
	if (bench->directions == READ_BIT && options->overwrite)
		return usage_error("--overwrite is for --direction write and mixed");
	if (!bench->seconds && !bench->count)
		bench->seconds = SECONDS_DEFAULT;
	return STATUS_OK;
}

static int parse_size_option(const char *name, const char *text, uint64_t *size)
{
	if (parse_size(text, size))
		return STATUS_OK;
	return usage_error("--%s: '%s' is not a size", name, text);
}

/* The value of one option. */
static int parse_option(int opt, struct bench *bench, struct bench_options *options)
{
	uint64_t depth;
	int word;

	switch (opt) {
	case 'd':
		options->device = optarg;
		return STATUS_OK;
	case 'D':
		if (!parse_size(optarg, &depth) || !depth || depth > DEPTH_MAX)
			return usage_error("--depth: '%s' is not in 1 to %u", optarg,
					   DEPTH_MAX);
		bench->depth = depth;
		return STATUS_OK;
	case 'b':
		if (!parse_size(optarg, &bench->block) || !bench->block ||
		    bench->block > MEMORY_MAX)
			return usage_error("--block: '%s' is not a size from 1 to 1G",
					   optarg);
		return STATUS_OK;
	case 'r':
		word = find_word(optarg, direction_names, ARRAY_SIZE(direction_names));
		if (word < 0)
			return usage_error("--direction: '%s' is not read, write or mixed",
					   optarg);
		bench->directions = word;
		return STATUS_OK;
	case 'm':
		word = find_word(optarg, mode_names, ARRAY_SIZE(mode_names));
		if (word < 0)
			return usage_error("--mode: '%s' is not sync, io_uring, fixed, registered",
					   optarg);
		bench->mode = word;
		return STATUS_OK;
	case 't':
		if (!parse_seconds(optarg, &bench->seconds))
			return usage_error("--time: '%s' is not in 0.01 to 86400 seconds",
					   optarg);
		return STATUS_OK;
	case 'c':
		if (!parse_size(optarg, &bench->count) || !bench->count)
			return usage_error("--count: '%s' is not a number of requests",
					   optarg);
		return STATUS_OK;
	case 'o':
		return parse_size_option("offset", optarg, &bench->offset);
	case 'n':
		options->whole = false;
		return parse_size_option("length", optarg, &bench->length);
	default:
		return STATUS_USAGE;
	}
}

static int run(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "depth", required_argument, NULL, 'D' },
		{ "block", required_argument, NULL, 'b' },
		{ "direction", required_argument, NULL, 'r' },
		{ "mode", required_argument, NULL, 'm' },
		{ "time", required_argument, NULL, 't' },
		{ "count", required_argument, NULL, 'c' },
		{ "offset", required_argument, NULL, 'o' },
		{ "length", required_argument, NULL, 'n' },
		{ "overwrite", no_argument, NULL, 'W' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	static struct bench bench = { .mode = BENCH_URING, .directions = READ_BIT };
	struct bench_options options = { .whole = true };
	int opt, ret = STATUS_OK;

	opterr = 0;
	while (!ret && (opt = getopt_long(argc, argv, ":d:D:b:r:m:t:c:o:n:Wjh",
					  long_options, NULL)) != -1) {
		switch (opt) {
		case 'W':
			options.overwrite = true;
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			return command_help();
		case ':':
		case '?':
			return option_error(opt, argv);
		default:
			ret = parse_option(opt, &bench, &options);
		}
	}
	if (!ret && optind < argc)
		ret = usage_error("unexpected argument '%s'", argv[optind]);
	if (!ret)
		ret = check_options(&bench, &options);
	return ret ? ret : measure(&bench, &options);
}

const struct command command_bench = {
	.name = "bench",
	.arguments = "[OPTION]...",
	.summary = "Measure a device",
	.help =
	"Reads the window, or a region of it, from the start to the end again and again,\n"
	"and tells bandwidth, latency and processor time.  It writes only if it is told so\n"
	"by --direction and by --overwrite; then the region is left with other bytes.\n"
	"\n"
	"  -d, --device DEVICE    which device; default is the first one present\n"
	"  -r, --direction WORD   read (the default), write, or mixed: one after the other\n"
	"  -W, --overwrite        the region may be written; needed for write and mixed\n"
	"  -m, --mode WORD        how requests are submitted:\n"
	"                         sync        read(2) and write(2)\n"
	"                         io_uring    the same by io_uring; the default\n"
	"                         fixed       with buffers registered with io_uring\n"
	"                         registered  vectors, buffers registered with the device\n"
	"  -D, --depth N          requests under way at a time, 1 to 4096; default 8\n"
	"  -b, --block N          bytes of a request; default 4K\n"
	"  -o, --offset N         where in the window the region starts; default 0\n"
	"  -n, --length N         bytes of the region; default is up to the end\n"
	"  -t, --time SECONDS     stop after so long; default 5, without --count\n"
	"  -c, --count N          stop after so many requests\n"
	"  -j, --json             print an object\n"
	"  -h, --help             this help\n"
	"\n"
	"Numbers can be hexadecimal (0x10) and end in K, M or G.\n",
	.run = run,
};
