// SPDX-License-Identifier: GPL-2.0-only
/* edudma read */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define LINE_BYTES	16

/**
 * struct read_options - what the command line says
 * @device:	which device, or NULL
 * @output:	where to put the bytes
 * @offset:	where in the window they start
 * @length:	how many, unless @whole
 * @whole:	up to the end of the window
 * @hex:	print a hex dump
 * @raw:	print the bytes also to a terminal
 */
struct read_options {
	const char *device;
	const char *output;
	uint64_t offset;
	uint64_t length;
	bool whole;
	bool hex;
	bool raw;
};

/* From the window to memory. */
static int fetch(struct edudma *dev, void *buf, size_t len, uint64_t offset)
{
	size_t done;
	int ret;

	waiting_start(edudma_path(dev));
	ret = edudma_read_at(dev, buf, len, offset, &done);
	waiting_stop();
	if (!ret)
		return STATUS_OK;
	if (signal_caught())
		return fail("interrupted after %zu of %zu bytes", done, len);
	return fail_device(edudma_path(dev), ret, "after %zu of %zu bytes",
			   done, len);
}

/* A line as hexdump -C prints it. */
static void dump_line(FILE *file, const unsigned char *bytes, size_t len,
		      uint64_t offset)
{
	size_t i;

	fprintf(file, "%08" PRIx64 " ", offset);
	for (i = 0; i < LINE_BYTES; i++) {
		if (i % 8 == 0)
			fputc(' ', file);
		if (i < len)
			fprintf(file, "%02x ", bytes[i]);
		else
			fputs("   ", file);
	}
	fputs(" |", file);
	for (i = 0; i < len; i++)
		fputc(isascii(bytes[i]) && isprint(bytes[i]) ? bytes[i] : '.',
		      file);
	fputs("|\n", file);
}

/* Lines that repeat the one before are shown as one "*". */
static void dump(FILE *file, const unsigned char *bytes, size_t len,
		 uint64_t offset)
{
	bool same = false;
	size_t pos, n;

	for (pos = 0; pos < len; pos += n) {
		n = len - pos < LINE_BYTES ? len - pos : LINE_BYTES;
		if (pos && n == LINE_BYTES &&
		    !memcmp(bytes + pos - LINE_BYTES, bytes + pos, LINE_BYTES)) {
			if (!same)
				fputs("*\n", file);
			same = true;
			continue;
		}
		same = false;
		dump_line(file, bytes + pos, n, offset + pos);
	}
	fprintf(file, "%08" PRIx64 "\n", offset + len);
}

static int write_dump(int fd, const void *buf, size_t len, uint64_t offset)
{
	int ret = -ENOMEM;
	size_t size = 0;
	char *text = NULL;
	FILE *file;

	file = open_memstream(&text, &size);
	if (file) {
		dump(file, buf, len, offset);
		if (!fclose(file))
			ret = write_full(fd, text, size);
	}
	free(text);
	return ret;
}

static int store(const struct read_options *options, const void *buf, size_t len)
{
	struct output out;
	int ret;

	ret = output_open(&out, options->output);
	if (ret)
		return fail("%s: %s", options->output, strerror(-ret));

	if (options->hex || (!options->raw && isatty(out.fd)))
		ret = write_dump(out.fd, buf, len, options->offset);
	else
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
		ret = store(options, buf, len);
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
		{ "hex", no_argument, NULL, 'x' },
		{ "raw", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:o:n:O:xrh", long_options,
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
		case 'x':
			options->hex = true;
			break;
		case 'r':
			options->raw = true;
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
	if (options->hex && options->raw)
		return usage_error("--hex and --raw exclude each other");
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
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -o, --offset N       where in the window to start; default 0\n"
	"  -n, --length N       bytes; default is all up to the end of the window\n"
	"  -O, --output FILE    where to put them; default is standard output\n"
	"  -x, --hex            print a hex dump; the default on a terminal\n"
	"  -r, --raw            print the bytes as they are, also to a terminal\n"
	"  -h, --help           this help\n"
	"\n"
	"Numbers can be hexadecimal (0x10) and end in K, M or G.\n",
	.run = run,
};
