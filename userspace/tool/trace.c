// SPDX-License-Identifier: GPL-2.0-only
/* The command "edudma trace". */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define BUFFER_MIN	(8 << 10)
#define BUFFER_MAX	(1024 << 20)

/**
 * struct options - what was asked for
 * @output:	file of the picture, or NULL
 * @qemu:	QEMU's log, or NULL
 * @buffer:	bytes of the kernel's buffer for each processor
 * @quiet:	no result
 */
struct options {
	const char *output;
	const char *qemu;
	uint64_t buffer;
	bool quiet;
};

static bool ends_in(const char *path, const char *suffix)
{
	const size_t len = strlen(path), n = strlen(suffix);

	return len > n && !strcmp(path + len - n, suffix);
}

static int write_html(FILE *file, const struct trace_lives *lives,
		      const struct trace_device *device)
{
	int ret;

	fprintf(file, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n"
		"<title>edudma trace</title>\n"
		"<style>:root { color-scheme: light dark } body { margin: 0 }\n"
		"svg { display: block; width: 100%%; max-width: 1280px; margin: 0 auto }\n"
		"</style>\n</head>\n<body>\n");
	ret = trace_write_svg(file, lives, device);
	fprintf(file, "</body>\n</html>\n");
	return ret;
}

static int write_as(FILE *file, const char *path, const struct trace_lives *lives,
		    const struct trace_device *device)
{
	if (ends_in(path, ".json")) {
		trace_write_json(file, lives, device);
		return STATUS_OK;
	}
	if (ends_in(path, ".html"))
		return write_html(file, lives, device);
	return trace_write_svg(file, lives, device);
}

static int commit(struct output *out, const char *text, size_t size)
{
	int ret = write_full(out->fd, text, size);

	if (ret)
		output_abort(out);
	else
		ret = output_commit(out);
	return ret ? output_fail(out, ret) : STATUS_OK;
}

static int write_file(const char *path, const struct trace_lives *lives,
		      const struct trace_device *device)
{
	struct output out;
	size_t size = 0;
	char *text = NULL;
	FILE *file;
	int ret;

	file = open_memstream(&text, &size);
	if (!file)
		return fail("%s", strerror(ENOMEM));
	ret = write_as(file, path, lives, device);
	if (fclose(file) && !ret)
		ret = fail("%s", strerror(ENOMEM));
	if (!ret) {
		ret = output_open(&out, path);
		ret = ret ? fail("%s: %s", path, strerror(-ret)) : commit(&out, text, size);
	}
	free(text);
	return ret;
}

static void print_times(const char *name, const struct trace_times *times)
{
	char sum[16], median[16], p99[16], longest[16];

	if (!times->count)
		return;
	fprintf(stderr, "  %-8s %8" PRIu64 "  %10s %10s %10s %10s\n", name, times->count,
		trace_time(times->sum, sum), trace_time(times->median, median),
		trace_time(times->p99, p99), trace_time(times->longest, longest));
}

static void print_result(const struct trace_lives *lives, const char *output)
{
	struct trace_times times;
	enum trace_phase phase;
	size_t i, moved = 0;
	char size[16];

	for (i = 0; i < lives->nr_requests; i++)
		moved += lives->requests[i].bytes;
	message("%zu requests, %s, %zu events%s%s", lives->nr_requests, format_size(moved, size),
		lives->trace->nr_events, output ? "; " : "", output ?: "");
	if (!lives->nr_requests)
		return;
	fprintf(stderr, "  phase    requests       total     median        99%%    longest\n");
	for (phase = 0; phase < TRACE_PHASES; phase++) {
		times = trace_lives_times(lives, phase);
		print_times(trace_phase_names[phase], &times);
	}
	times = trace_lives_times(lives, TRACE_PHASES);
	print_times("in all", &times);
}

static int show(const struct options *options, const struct trace *trace)
{
	struct trace_device device = {};
	struct trace_lives lives;
	int ret;

	ret = trace_lives_find(&lives, trace);
	if (!ret && options->qemu)
		ret = trace_device_read(&device, options->qemu, trace);
	if (!ret && options->output)
		ret = write_file(options->output, &lives, options->qemu ? &device : NULL);
	if (!ret && !options->quiet)
		print_result(&lives, options->output);
	if (!ret && trace->lost)
		message("%" PRIu64 " events were lost, and what they tell: use a larger --buffer",
			trace->lost);
	free(device.deeds);
	trace_lives_free(&lives);
	return ret;
}

/* The words as they were given. */
static char *join(char **argv)
{
	size_t size = 1;
	char *text, *end;
	int i;

	for (i = 0; argv[i]; i++)
		size += strlen(argv[i]) + 1;
	text = malloc(size);
	if (!text)
		return NULL;
	end = text;
	for (i = 0; argv[i]; i++)
		end = stpcpy(stpcpy(end, i ? " " : ""), argv[i]);
	return text;
}

static int record_and_show(const struct options *options, char **argv)
{
	struct trace trace = { .command = join(argv) };
	int ret, result = 0;

	if (!trace.command)
		return fail("%s", strerror(ENOMEM));
	ret = trace_record(&trace, argv, options->buffer, &result);
	if (!ret)
		ret = show(options, &trace);
	trace_free(&trace);
	return ret ?: result;
}

static int check(const struct options *options, char **argv)
{
	const char *path = options->output;

	if (path && !ends_in(path, ".svg") && !ends_in(path, ".html") &&
	    !ends_in(path, ".json"))
		return usage_error("--output: '%s' does not end in .svg, .html or .json", path);
	if (!*argv)
		return usage_error("a command is needed");
	return STATUS_OK;
}

static int run_command(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "qemu", required_argument, NULL, 'Q' },
		{ "buffer", required_argument, NULL, 'b' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct options options = { .buffer = 4 << 20, .qemu = getenv("EDUDMA_QEMU_TRACE") };
	int opt, ret;

	opterr = 0;
	/* The command's options are its own. */
	while ((opt = getopt_long(argc, argv, "+:o:Q:b:qh", long_options, NULL)) != -1) {
		switch (opt) {
		case 'o':
			options.output = optarg;
			break;
		case 'Q':
			options.qemu = optarg;
			break;
		case 'b':
			if (!parse_size(optarg, &options.buffer) ||
			    options.buffer < BUFFER_MIN || options.buffer > BUFFER_MAX)
				return usage_error("--buffer: '%s' is not a size from 8K to 1G",
						   optarg);
			break;
		case 'q':
			options.quiet = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	ret = check(&options, argv + optind);
	return ret ?: record_and_show(&options, argv + optind);
}

const struct command command_trace = {
	.name = "trace",
	.arguments = "[OPTION]... [--] COMMAND [ARGUMENT]...",
	.summary = "Draw what the driver does while a command runs",
	.help =
	"Records the driver's trace events while the command runs, and tells how long requests\n"
	"waited, were pinned, mapped, at the device and released.  Needs root.\n"
	"\n"
	"  -o, --output FILE      draw a timeline: .svg, .html, or .json for Perfetto\n"
	"  -Q, --qemu FILE        QEMU's log, with the device's own trace; default is\n"
	"                         $EDUDMA_QEMU_TRACE\n"
	"  -b, --buffer SIZE      the kernel's buffer for each processor, 8K to 1G; default 4M\n"
	"  -q, --quiet            no result\n"
	"  -h, --help             this help\n"
	"\n"
	"The exit status is the command's: 128 + N if signal N ended it, 127 if it was not\n"
	"found, 126 if it could not be run.\n",
	.run = run_command,
};
