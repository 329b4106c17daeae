// SPDX-License-Identifier: GPL-2.0-only
/*
 * edudma copy: a file, through the device.
 *
 * The file streams through blocks of memory, each with a part that the device reads
 * from and one that it writes to, which are compared before anything is written out.
 * While the device works on some blocks, others are read, compared and written.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <edudma_uring.h>

#include "tool.h"

/* All blocks together are one huge page. */
#define BUFFER_BYTES	((size_t)2 << 20)
#define DEPTH_DEFAULT	4
#define DEPTH_MAX	64

/* Blocks that take less than this may grow, if they take more they shrink. */
#define GROW_BELOW_NS	(NS_PER_S / 4)
#define SHRINK_ABOVE_NS	NS_PER_S

/**
 * struct block - a part of the file on its way
 * @src:	what the device reads
 * @dst:	what the device writes
 * @len:	bytes
 * @ended:	there is no request of it under way
 * @result:	of its request: bytes there and back, or a negative errno
 */
struct block {
	unsigned char *src;
	unsigned char *dst;
	size_t len;
	bool ended;
	int64_t result;
};

/**
 * struct copy - a file copy
 * @device:	what --device said
 * @flags:	EDUDMA_TRANSFER_*
 * @depth:	blocks
 * @json:	print the result as JSON
 * @quiet:	no progress and no result
 * @dev:	open device
 * @queue:	requests; NULL where none can be submitted without waiting
 * @in:		descriptor of the input
 * @in_name:	its name for messages
 * @in_start:	where in the input it started, -1 if it cannot be read again
 * @eof:	the end of the input was read
 * @out:	the output
 * @memory:	that of all blocks
 * @blocks:	in turn
 * @begun:	blocks that were read
 * @written:	blocks of these that were written
 * @piece:	bytes that go through the window at a time
 * @block_max:	largest size of a block
 * @block_bytes: size of the next one
 * @segments:	room for the longest vector
 * @last_ns:	when the last block arrived
 * @done:	bytes that have arrived in the output
 * @progress:	the bar
 */
struct copy {
	const char *device;
	uint32_t flags;
	unsigned int depth;
	bool json;
	bool quiet;
	struct edudma *dev;
	struct edudma_queue *queue;
	int in;
	const char *in_name;
	off_t in_start;
	bool eof;
	struct output out;
	unsigned char *memory;
	struct block blocks[DEPTH_MAX];
	uint64_t begun;
	uint64_t written;
	size_t piece;
	size_t block_max;
	size_t block_bytes;
	struct edudma_segment *segments;
	int64_t last_ns;
	uint64_t done;
	struct progress progress;
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * One huge page, if the kernel has one: what is contiguous in memory needs no
 * more descriptors than the size of the window asks for.
 */
static int alloc_blocks(struct copy *copy)
{
	const size_t part = BUFFER_BYTES / (2 * copy->depth) & ~(size_t)4095;
	struct edudma_info info;
	unsigned int i;
	int ret;

	ret = edudma_get_info(copy->dev, &info, sizeof(info));
	if (ret)
		return ret;

	copy->piece = min_u64(info.window_bytes, info.max_transfer_bytes / 2);
	copy->block_max = min_u64(part, info.max_transfer_bytes / 2);
	copy->block_max = min_u64(copy->block_max,
				  info.max_segments / 2 * copy->piece);
	copy->block_bytes = min_u64(copy->piece, copy->block_max);
	if (!copy->block_bytes)
		return -EOPNOTSUPP;

	copy->segments = calloc(info.max_segments, sizeof(*copy->segments));
	copy->memory = aligned_alloc(BUFFER_BYTES, BUFFER_BYTES);
	if (!copy->segments || !copy->memory)
		return -ENOMEM;
	madvise(copy->memory, BUFFER_BYTES, MADV_HUGEPAGE);

	for (i = 0; i < copy->depth; i++) {
		copy->blocks[i].src = copy->memory + 2 * i * part;
		copy->blocks[i].dst = copy->blocks[i].src + part;
	}

	/* Kernels before 6.1 and sandboxes know no such requests: one at a time. */
	if (info.capabilities & EDUDMA_CAP_URING_CMD &&
	    edudma_queue_new(copy->dev, copy->depth, &copy->queue))
		copy->queue = NULL;
	return 0;
}

static int on_progress(uint64_t done, uint64_t total, void *context)
{
	struct copy *copy = context;

	(void)total;
	progress_update(&copy->progress, copy->done + done);
	return signal_caught();
}

static int fail_interrupted(const struct copy *copy)
{
	if (copy->out.target)
		return fail("interrupted after %" PRIu64 " bytes; %s was not written",
			    copy->done, copy->out.name);
	return fail("interrupted after %" PRIu64 " bytes", copy->done);
}

static int fail_copy(const struct copy *copy, int err)
{
	return fail_device(edudma_path(copy->dev), err, "after %" PRIu64 " bytes",
			   copy->done);
}

/* Lay out the round trip of a block; returns the number of segments. */
static uint32_t build(struct copy *copy, const struct block *block)
{
	size_t pos, len;
	uint32_t n = 0;

	for (pos = 0; pos < block->len; pos += len) {
		len = min_u64(copy->piece, block->len - pos);
		copy->segments[n++] = edudma_to_device(block->src + pos, len, 0);
		copy->segments[n++] = edudma_from_device(block->dst + pos, len, 0);
	}
	return n;
}

/* Read a block, and have it copied if requests can be submitted. */
static int begin_block(struct copy *copy)
{
	struct block *block = &copy->blocks[copy->begun % copy->depth];
	ssize_t len;
	size_t i;
	int ret;

	len = read_full(copy->in, block->src, copy->block_bytes);
	if (len == -EINTR)
		return fail_interrupted(copy);
	if (len < 0)
		return fail("%s: %s after %" PRIu64 " bytes", copy->in_name,
			    strerror(-len), copy->done);

	copy->eof = (size_t)len < copy->block_bytes;
	if (!len)
		return STATUS_OK;

	/* What the device fails to write must not look right by chance. */
	for (i = 0; i < (size_t)len; i++)
		block->dst[i] = ~block->src[i];

	block->len = len;
	block->result = 0;
	block->ended = true;
	if (copy->queue) {
		ret = edudma_queue_transfer(copy->queue, copy->segments,
					    build(copy, block),
					    copy->flags | EDUDMA_TRANSFER_EXCLUSIVE,
					    block);
		if (!ret)
			ret = edudma_queue_submit(copy->queue);
		if (ret)
			return fail_copy(copy, ret);
		block->ended = false;
	}
	copy->begun++;
	return STATUS_OK;
}

/* On a terminal, in place of the bar, if the device takes long. */
static void tell_waiting(const struct copy *copy)
{
	struct pollfd queue = {
		.fd = edudma_queue_fd(copy->queue),
		.events = POLLIN,
	};

	if (copy->progress.shown && !poll(&queue, 1, 1000 * WAITING_SECONDS))
		progress_waiting(edudma_path(copy->dev));
}

/* Wait for the request of a block, if it has one. */
static int wait_block(struct copy *copy, const struct block *block)
{
	struct edudma_completion completion;
	struct block *other;
	int ret;

	while (!block->ended) {
		if (signal_caught())
			return fail_interrupted(copy);
		tell_waiting(copy);
		ret = edudma_queue_wait(copy->queue, &completion, 1, 1);
		if (ret == -EINTR)
			continue;
		if (ret < 0)
			return fail_copy(copy, ret);
		other = completion.user;
		other->result = completion.result;
		other->ended = true;
	}
	return STATUS_OK;
}

/*
 * What was not submitted is copied now, and what has stopped on the way is copied
 * again: it succeeds, or tells what is wrong.
 */
static int finish_block(struct copy *copy, struct block *block)
{
	const struct edudma_copy_options options = {
		.size = sizeof(options),
		.progress = on_progress,
		.context = copy,
		.flags = copy->flags,
	};
	size_t done;
	int ret;

	if (block->result == 2 * (int64_t)block->len)
		return STATUS_OK;
	if (block->result < 0 && block->result != -EINTR)
		return fail_copy(copy, block->result);

	if (copy->progress.shown)
		waiting_start(edudma_path(copy->dev));
	ret = edudma_copy(copy->dev, block->dst, block->src, block->len, &options,
			  &done);
	waiting_stop();
	if (!ret)
		return STATUS_OK;
	copy->done += done;
	return ret == -ECANCELED ? fail_interrupted(copy) : fail_copy(copy, ret);
}

/* Did each byte come back? */
static int compare(const struct copy *copy, const struct block *block)
{
	size_t i;

	if (!memcmp(block->src, block->dst, block->len))
		return STATUS_OK;

	for (i = 0; block->src[i] == block->dst[i]; i++)
		;
	return fail("%s: byte %" PRIu64 " went as 0x%02x and came back as 0x%02x",
		    edudma_path(copy->dev), copy->done + i, block->src[i],
		    block->dst[i]);
}

/* Blocks of a slow device are small, so that progress can be watched. */
static void adapt(struct copy *copy)
{
	const int64_t now = now_ns(), took = now - copy->last_ns;

	if (took < GROW_BELOW_NS)
		copy->block_bytes = min_u64(2 * copy->block_bytes, copy->block_max);
	else if (took > SHRINK_ABOVE_NS && copy->block_bytes > copy->piece)
		copy->block_bytes /= 2;
	copy->last_ns = now;
}

/* The oldest block: back from the device, and out. */
static int end_block(struct copy *copy)
{
	struct block *block = &copy->blocks[copy->written % copy->depth];
	int ret;

	ret = wait_block(copy, block);
	if (!ret)
		ret = finish_block(copy, block);
	if (!ret)
		ret = compare(copy, block);
	if (ret)
		return ret;

	adapt(copy);
	ret = write_full(copy->out.fd, block->dst, block->len);
	if (ret == -EINTR)
		return fail_interrupted(copy);
	if (ret)
		return output_fail(&copy->out, ret);

	copy->written++;
	copy->done += block->len;
	progress_update(&copy->progress, copy->done);
	return STATUS_OK;
}

static int copy_stream(struct copy *copy)
{
	int ret = STATUS_OK;

	copy->last_ns = now_ns();
	while (!ret && (!copy->eof || copy->written < copy->begun)) {
		if (!copy->eof && copy->begun - copy->written < copy->depth)
			ret = begin_block(copy);
		else
			ret = end_block(copy);
	}
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
	const size_t half = BUFFER_BYTES / 2;
	unsigned char *in = copy->memory, *out = in + half;
	uint64_t pos;
	ssize_t a, b;

	if (copy->in_start < 0 || !copy->out.target)
		return STATUS_OK;

	for (pos = 0; pos < copy->done; pos += a) {
		a = pread_full(copy->in, in, half, copy->in_start + pos);
		b = pread_full(copy->out.fd, out, half, pos);
		if (a == -EINTR || b == -EINTR)
			return fail_interrupted(copy);
		if (a < 0 || b < 0)
			return fail("%s: %s", a < 0 ? copy->in_name :
				    copy->out.name, strerror(a < 0 ? -a : -b));
		/* The input may have grown since. */
		if (a > b && pos + b == copy->done)
			a = b;
		if (a <= 0 || a != b || memcmp(in, out, a))
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

	ret = alloc_blocks(copy);
	if (ret) {
		ret = fail_device(edudma_path(copy->dev), ret, "%s", "");
		goto out_free;
	}

	signals_catch();
	ret = output_open(&copy->out, out);
	if (ret)
		ret = fail("%s: %s", out, strerror(-ret));
	else
		ret = transfer(copy);

out_free:
	/* First, as requests may be under way. */
	edudma_queue_free(copy->queue);
	free(copy->segments);
	free(copy->memory);
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
		{ "depth", required_argument, NULL, 'D' },
		{ "no-bounce", no_argument, NULL, 'B' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct copy copy = { .depth = DEPTH_DEFAULT };
	uint64_t depth;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:D:Bjqh", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'd':
			copy.device = optarg;
			break;
		case 'D':
			if (!parse_size(optarg, &depth) || !depth ||
			    depth > DEPTH_MAX)
				return usage_error("--depth: '%s' is not in 1 to %u",
						   optarg, DEPTH_MAX);
			copy.depth = depth;
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
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -D, --depth N        requests under way at a time, 1 to 64; default 4.  Before\n"
	"                       Linux 6.1 it is one\n"
	"  -B, --no-bounce      fail where the device cannot reach memory, rather than\n"
	"                       copy through the driver's bounce buffers\n"
	"  -j, --json           print the result as an object\n"
	"  -q, --quiet          no progress bar, and no result but that of --json\n"
	"  -h, --help           this help\n"
	"\n"
	"The progress bar is shown if standard error is a terminal.\n",
	.run = run,
};
