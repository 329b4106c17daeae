// SPDX-License-Identifier: GPL-2.0-only
/* edudma read */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct read_options {
	const char *device;
	const char *output;
	uint64_t offset;
	uint64_t length;
	bool whole;
};

/* From the window to memory. */
static int fetch(struct edudma *dev, void *buf, size_t len, uint64_t offset)
{
	size_t done;
	int ret;

	ret = edudma_read_at(dev, buf, len, offset, &done);
	if (!ret)
		return STATUS_OK;
	if (signal_caught())
		return fail("interrupted after %zu of %zu bytes", done, len);
	return fail_device(edudma_path(dev), ret, "after %zu of %zu bytes",
			   done, len);
}

static int store(const char *path, const void *buf, size_t len)
{
	struct output out;
	int ret;

	ret = output_open(&out, path);
	if (ret)
		return fail("%s: %s", path, strerror(-ret));

	ret = write_full(out.fd, buf, len);
	if (ret)
		output_abort(&out);
	else
		ret = output_commit(&out);
	return ret ? output_fail(&out, ret) : STATUS_OK;
}

static int run_read(struct edudma *dev, const struct read_options *options)
{
	const uint64_t window = edudma_window_bytes(dev);
	uint64_t len = options->length;
	void *buf;
	int ret;

	if (options->offset > window ||
	    (!options->whole && len > window - options->offset))
		return fail("%" PRIu64 " bytes from %" PRIu64 ": not in the window of %" PRIu64,
			    len, options->offset, window);
	if (options->whole)
		len = window - options->offset;

	buf = malloc(len ? len : 1);
	if (!buf)
		return fail("%s", strerror(ENOMEM));

	ret = fetch(dev, buf, len, options->offset);
	if (!ret)
		ret = store(options->output, buf, len);
	free(buf);
	return ret;
}

static int parse(int argc, char **argv, struct read_options *options)
{
	static const struct option long_options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "offset", required_argument, NULL, 'o' },
		{ "length", required_argument, NULL, 'n' },
		{ "output", required_argument, NULL, 'O' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:o:n:O:h", long_options,
				  NULL)) != -1) {
		switch (opt) {
		case 'd':
			options->device = optarg;
			break;
		case 'o':
			if (!parse_size(optarg, &options->offset))
				return usage_error("--offset: '%s' is not a size",
						   optarg);
			break;
		case 'n':
			if (!parse_size(optarg, &options->length))
				return usage_error("--length: '%s' is not a size",
						   optarg);
			options->whole = false;
			break;
		case 'O':
			options->output = optarg;
			break;
		case 'h':
			command_help();
			return -1;
		default:
			return option_error(opt, argv);
		}
	}
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);
	return STATUS_OK;
}

static int run(int argc, char **argv)
{
	struct read_options options = { .output = "-", .whole = true };
	struct edudma *dev;
	int ret;

	ret = parse(argc, argv, &options);
	if (ret)
		return ret < 0 ? STATUS_OK : ret;

	ret = device_open(options.device, O_RDONLY, &dev);
	if (ret)
		return ret;

	signals_catch();
	ret = run_read(dev, &options);
	edudma_close(dev);
	return ret;
}

const struct command command_read = {
	.name = "read",
	.arguments = "[OPTION]...",
	.summary = "Read the window of a device",
	.help =
	"  -d, --device N|PATH  device; default is the first one present\n"
	"  -o, --offset N       where in the window to start; default 0\n"
	"  -n, --length N       bytes; default is all up to the end of the window\n"
	"  -O, --output FILE    where to put them; default is standard output\n"
	"  -h, --help           this help\n"
	"\n"
	"Numbers can be hexadecimal (0x10) and end in K, M or G.\n",
	.run = run,
};
