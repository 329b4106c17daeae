// SPDX-License-Identifier: GPL-2.0-only
/*
 * edudma copy: a file, through the device.
 *
 * The file streams through two buffers, one that the device reads from and one
 * that it writes to, which are compared before anything is written out.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

/* Both buffers together are one huge page. */
#define BUFFER_BYTES	((size_t)1 << 20)

/**
 * struct copy - a file copy
 * @device:	what --device said
 * @flags:	EDUDMA_TRANSFER_*
 * @json:	print the result as JSON
 * @quiet:	no progress and no result
 * @dev:	open device
 * @in:		descriptor of the input
 * @in_name:	its name for messages
 * @in_start:	where in the input it started, -1 if it cannot be read again
 * @out:	the output
 * @src:	buffer that the device reads
 * @dst:	buffer that the device writes
 * @done:	bytes that have arrived in the output
 * @progress:	the bar
 */
struct copy {
	const char *device;
	uint32_t flags;
	bool json;
	bool quiet;
	struct edudma *dev;
	int in;
	const char *in_name;
	off_t in_start;
	struct output out;
	unsigned char *src;
	unsigned char *dst;
	uint64_t done;
	struct progress progress;
};

/*
 * One huge page, if the kernel has one: what is contiguous in memory needs no
 * more descriptors than the size of the window asks for.
 */
static int alloc_buffers(struct copy *copy)
{
	void *memory;

	memory = aligned_alloc(2 * BUFFER_BYTES, 2 * BUFFER_BYTES);
	if (!memory)
		return -ENOMEM;
	madvise(memory, 2 * BUFFER_BYTES, MADV_HUGEPAGE);

	copy->src = memory;
	copy->dst = copy->src + BUFFER_BYTES;
	return 0;
}

static int on_progress(uint64_t done, uint64_t total, void *context)
{
	struct copy *copy = context;

	(void)total;
	progress_update(&copy->progress, copy->done + done);
	return signal_caught();
}

static int fail_interrupted(const struct copy *copy, uint64_t done)
{
	if (copy->out.target)
		return fail("interrupted after %" PRIu64 " bytes; %s was not written",
			    done, copy->out.name);
	return fail("interrupted after %" PRIu64 " bytes", done);
}

/* Did each byte come back? */
static int compare(const struct copy *copy, size_t len)
{
	size_t i;

	if (!memcmp(copy->src, copy->dst, len))
		return STATUS_OK;

	for (i = 0; copy->src[i] == copy->dst[i]; i++)
		;
	return fail("%s: byte %" PRIu64 " went as 0x%02x and came back as 0x%02x",
		    edudma_path(copy->dev), copy->done + i, copy->src[i],
		    copy->dst[i]);
}

/* One bufferful through the device and out. */
static int copy_block(struct copy *copy, size_t len)
{
	const struct edudma_copy_options options = {
		.progress = on_progress,
		.context = copy,
		.flags = copy->flags,
	};
	size_t i, done;
	int ret;

	/* What the device fails to write must not look right by chance. */
	for (i = 0; i < len; i++)
		copy->dst[i] = ~copy->src[i];

	ret = edudma_copy(copy->dev, copy->dst, copy->src, len, &options,
			  &done);
	if (ret == -ECANCELED)
		return fail_interrupted(copy, copy->done + done);
	if (ret)
		return fail_device(edudma_path(copy->dev), ret,
				   "after %" PRIu64 " bytes",
				   copy->done + done);

	ret = compare(copy, len);
	if (ret)
		return ret;

	ret = write_full(copy->out.fd, copy->dst, len);
	if (ret == -EINTR)
		return fail_interrupted(copy, copy->done);
	if (ret)
		return output_fail(&copy->out, ret);

	copy->done += len;
	return STATUS_OK;
}

static int copy_stream(struct copy *copy)
{
	ssize_t len;
	int ret;

	do {
		len = read_full(copy->in, copy->src, BUFFER_BYTES);
		if (len == -EINTR)
			return fail_interrupted(copy, copy->done);
		if (len < 0)
			return fail("%s: %s after %" PRIu64 " bytes",
				    copy->in_name, strerror(-len), copy->done);

		ret = len ? copy_block(copy, len) : STATUS_OK;
	} while (!ret && len == BUFFER_BYTES);

	return ret;
}

/* pread() without short counts; less at the end of the file. */
static ssize_t pread_full(int fd, void *buf, size_t len, off_t offset)
{
	size_t pos = 0;
	ssize_t n;

	while (pos < len) {
		if (signal_caught())
			return -EINTR;
		n = pread(fd, (char *)buf + pos, len - pos, offset + pos);
		if (!n)
			break;
		if (n > 0)
			pos += n;
		else if (errno != EINTR)
			return -errno;
	}
	return pos;
}

/*
 * Compare the files themselves, where both are files: the input may have been
 * changed under the copy, and storage can fail too.
 */
static int verify_files(struct copy *copy)
{
	uint64_t pos;
	ssize_t a, b;

	if (copy->in_start < 0 || !copy->out.target)
		return STATUS_OK;

	for (pos = 0; pos < copy->done; pos += a) {
		a = pread_full(copy->in, copy->src, BUFFER_BYTES,
			       copy->in_start + pos);
		b = pread_full(copy->out.fd, copy->dst, BUFFER_BYTES, pos);
		if (a == -EINTR || b == -EINTR)
			return fail_interrupted(copy, copy->done);
		if (a < 0 || b < 0)
			return fail("%s: %s", a < 0 ? copy->in_name :
				    copy->out.name, strerror(a < 0 ? -a : -b));
		/* The input may have grown since. */
		if (a > b && pos + b == copy->done)
			a = b;
		if (a <= 0 || a != b || memcmp(copy->src, copy->dst, a))
			return fail("%s: differs from the copy; was it changed meanwhile?",
				    copy->in_name);
	}
	return STATUS_OK;
}

static void report(const struct copy *copy, double seconds)
{
	const double rate = seconds > 0 ? copy->done / seconds : 0;
	struct json_object *object;
	char size[16], speed[16], text[32];

	if (copy->json) {
		/* The library would print 17 digits. */
		snprintf(text, sizeof(text), "%.3f", seconds);
		object = json_object_new_object();
		json_add_string(object, "device", edudma_path(copy->dev));
		json_add_u64(object, "bytes", copy->done);
		json_object_object_add(object, "seconds",
				       json_object_new_double_s(seconds, text));
		json_add_u64(object, "bytes_per_second", rate);
		json_object_object_add(object, "verified",
				       json_object_new_boolean(true));
		json_print(object, false);
	} else if (!copy->quiet) {
		message("%" PRIu64 " bytes (%s) in %.1f s, %s/s, verified",
			copy->done, format_size(copy->done, size), seconds,
			format_size(rate, speed));
	}
}

static int transfer(struct copy *copy)
{
	struct stat st;
	uint64_t total = 0;
	double seconds;
	int ret;

	copy->in_start = -1;
	if (!fstat(copy->in, &st) && S_ISREG(st.st_mode)) {
		copy->in_start = lseek(copy->in, 0, SEEK_CUR);
		if (copy->in_start >= 0 && st.st_size > copy->in_start)
			total = st.st_size - copy->in_start;
	}

	progress_start(&copy->progress, total, copy->quiet);
	ret = copy_stream(copy);
	seconds = progress_stop(&copy->progress);
	if (!ret)
		ret = verify_files(copy);
	if (ret) {
		output_abort(&copy->out);
		return ret;
	}

	ret = output_commit(&copy->out);
	if (ret)
		return output_fail(&copy->out, ret);

	report(copy, seconds);
	return STATUS_OK;
}

static int open_and_transfer(struct copy *copy, const char *in,
			     const char *out)
{
	int ret;

	ret = device_open(copy->device, O_RDWR, &copy->dev);
	if (ret)
		return ret;

	copy->in = input_open(in, &copy->in_name);
	if (copy->in < 0) {
		ret = fail("%s: %s", in, strerror(-copy->in));
		goto out_close_device;
	}

	ret = alloc_buffers(copy);
	if (ret) {
		ret = fail("%s", strerror(-ret));
		goto out_close_input;
	}

	signals_catch();
	ret = output_open(&copy->out, out);
	if (ret)
		ret = fail("%s: %s", out, strerror(-ret));
	else
		ret = transfer(copy);

	free(copy->src);
out_close_input:
	if (copy->in != STDIN_FILENO)
		close(copy->in);
out_close_device:
	edudma_close(copy->dev);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "no-bounce", no_argument, NULL, 'B' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct copy copy = {};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:Bjqh", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'd':
			copy.device = optarg;
			break;
		case 'B':
			copy.flags |= EDUDMA_TRANSFER_NO_BOUNCE;
			break;
		case 'j':
			copy.json = true;
			break;
		case 'q':
			copy.quiet = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	if (argc - optind != 2)
		return usage_error("two files are needed: IN and OUT");
	if (copy.json && !strcmp(argv[optind + 1], "-"))
		return usage_error("--json and the copy cannot both go to standard output");

	return open_and_transfer(&copy, argv[optind], argv[optind + 1]);
}

const struct command command_copy = {
	.name = "copy",
	.arguments = "[OPTION]... IN OUT",
	.summary = "Copy a file, all of it through the device",
	.help =
	"Each byte goes from memory to the window of the device and back, by vectored\n"
	"requests, and is compared before it is written out.  OUT appears when it is\n"
	"complete; after a failure or an interruption it is as it was before.\n"
	"IN and OUT can be \"-\", standard input and output.\n"
	"\n"
	"  -d, --device N|PATH  device; default is the first one present\n"
	"  -B, --no-bounce      fail where the device cannot reach memory, rather than\n"
	"                       copy through the driver's bounce buffers\n"
	"  -j, --json           print the result as an object\n"
	"  -q, --quiet          no progress bar and no result\n"
	"  -h, --help           this help\n"
	"\n"
	"The progress bar is shown if standard error is a terminal.\n",
	.run = run,
};
