// SPDX-License-Identifier: GPL-2.0-only
/*
 * edudma selftest: sizes and alignments, each way, verified.
 *
 * A case misaligns the memory of one direction only, so that a failure tells which one
 * is to blame.  Bytes around the memory that the device writes are watched.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define PAGE		4096
#define GUARD		64
#define GUARD_BYTE	0xa5

static const size_t sizes[] = {
	1, 7, 64, 511, 4095, 4096, 4097, (64 << 10) + 3, 1 << 20,
};

static const size_t alignments[] = { 0, 1, 63, PAGE - 1 };

/**
 * struct selftest - a run
 * @device:	what --device said
 * @force:	also if a process has mapped the window
 * @json:	print an object
 * @quiet:	print nothing but failures
 * @dev:	open device
 * @max:	largest size that fits
 * @src:	memory that the device reads
 * @dst:	memory that it writes, with guards
 * @saved:	bytes of the window
 * @runs:	cases so far
 * @failed:	of these, failed
 * @lost:	the window is not as it was
 * @cases:	of the JSON object
 */
struct selftest {
	const char *device;
	bool force;
	bool json;
	bool quiet;
	struct edudma *dev;
	uint64_t max;
	unsigned char *src;
	unsigned char *dst;
	unsigned char *saved;
	unsigned int runs;
	unsigned int failed;
	bool lost;
	struct json_object *cases;
};

/**
 * struct test - one case
 * @direction:	whose memory is not aligned
 * @alignment:	distance of that memory from the start of a page
 * @trip:	the rest
 */
struct test {
	uint32_t direction;
	size_t alignment;
	struct roundtrip trip;
};

/* Another pattern each time, so that what an earlier case left is told apart. */
static void fill(unsigned char *bytes, size_t len, unsigned int seed)
{
	uint32_t x = seed * 2654435761u + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = x >> 24;
	}
}

static bool guards_are_whole(const struct roundtrip *trip)
{
	size_t i;

	for (i = 1; i <= GUARD; i++)
		if (trip->dst[-i] != GUARD_BYTE ||
		    trip->dst[trip->len + i - 1] != GUARD_BYTE)
			return false;
	return true;
}

/* What is wrong, or NULL. */
static const char *run_trip(struct selftest *self, struct roundtrip *trip,
			    char text[static 128])
{
	int ret;

	memset(trip->dst - GUARD, GUARD_BYTE, trip->len + 2 * GUARD);
	ret = roundtrip(self->dev, trip);
	self->lost |= trip->lost;

	if (ret == -EBADMSG)
		snprintf(text, 128, "byte %zu went as 0x%02x and came back as 0x%02x",
			 trip->bad, trip->src[trip->bad], trip->dst[trip->bad]);
	else if (ret)
		snprintf(text, 128, "%s", strerror(-ret));
	else if (!guards_are_whole(trip))
		snprintf(text, 128, "bytes beside the memory were written");
	else
		return NULL;
	return text;
}

static void add_case(struct selftest *self, const struct test *test,
		     const char *wrong)
{
	struct json_object *object = json_object_new_object();

	json_add_string(object, "direction", edudma_direction_name(test->direction));
	json_add_u64(object, "bytes", test->trip.len);
	json_add_u64(object, "alignment", test->alignment);
	json_add_u64(object, "offset", test->trip.offset);
	json_object_object_add(object, "ok", json_object_new_boolean(!wrong));
	if (wrong)
		json_add_string(object, "error", wrong);
	json_object_array_add(self->cases, object);
}

static void run_case(struct selftest *self, struct test *test)
{
	const size_t shift = test->alignment;
	struct roundtrip *trip = &test->trip;
	const uint64_t room = edudma_window_bytes(self->dev) - trip->len;
	const bool sends = test->direction == EDUDMA_TO_DEVICE;
	const char *wrong;
	char text[128];

	/* At the start of the window, at its end, and at an odd place. */
	trip->offset = self->runs % 3 == 0 ? 0 : self->runs % 3 == 1 ? room :
		       room / 2 | (room > 1);
	fill(self->src, PAGE + trip->len, self->runs);
	trip->src = self->src + (sends ? shift : 0);
	trip->dst = self->dst + PAGE + (sends ? 0 : shift);
	trip->saved = self->saved;

	wrong = run_trip(self, trip, text);
	/* It did not fail, it was interrupted. */
	if (wrong && signal_caught())
		return;
	self->runs++;
	if (wrong) {
		self->failed++;
		message("%s, %zu bytes, memory at %zu of a page, window at %" PRIu64 ": %s",
			edudma_direction_name(test->direction), trip->len, shift,
			trip->offset, wrong);
	}
	add_case(self, test, wrong);
}

/* A line for each size and direction. */
static void run_line(struct selftest *self, uint32_t direction, size_t len)
{
	const unsigned int failed = self->failed;
	struct test test = { .direction = direction };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(alignments) && !signal_caught(); i++) {
		test.alignment = alignments[i];
		test.trip.len = len;
		run_case(self, &test);
	}
	if (self->json || self->quiet || signal_caught())
		return;

	printf("%-4s  %-11s  %7zu bytes, %zu alignments\n",
	       self->failed == failed ? "ok" : "fail",
	       edudma_direction_name(direction), len, ARRAY_SIZE(alignments));
	fflush(stdout);
}

static void run_matrix(struct selftest *self)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes) && !signal_caught(); i++) {
		if (sizes[i] > self->max)
			break;
		run_line(self, EDUDMA_TO_DEVICE, sizes[i]);
		run_line(self, EDUDMA_FROM_DEVICE, sizes[i]);
	}
}

static int report(const struct selftest *self)
{
	struct json_object *object;

	if (self->json) {
		object = json_object_new_object();
		json_add_string(object, "device", edudma_path(self->dev));
		json_add_u64(object, "transfers", self->runs);
		json_add_u64(object, "failed", self->failed);
		json_object_object_add(object, "restored",
				       json_object_new_boolean(!self->lost));
		json_object_object_add(object, "cases",
				       json_object_get(self->cases));
		json_print(object, false);
	} else if (!self->quiet && !self->failed && !signal_caught()) {
		printf("%u transfers there and back, verified; the window is as it was\n",
		       self->runs);
	}

	if (self->lost)
		return fail("%s: the window could not be restored",
			    edudma_path(self->dev));
	if (signal_caught())
		return fail("interrupted after %u transfers; the window is as it was",
			    self->runs);
	if (self->failed)
		return fail("%u of %u transfers failed", self->failed, self->runs);
	return STATUS_OK;
}

static int alloc_memory(struct selftest *self)
{
	const size_t top = sizes[ARRAY_SIZE(sizes) - 1];
	struct edudma_info info;
	int ret;

	ret = edudma_get_info(self->dev, &info, sizeof(info));
	if (ret)
		return fail_device(edudma_path(self->dev), ret, "%s", "");
	self->max = info.window_bytes;
	if (self->max > info.max_transfer_bytes / 4)
		self->max = info.max_transfer_bytes / 4;

	self->src = aligned_alloc(PAGE, top + 2 * PAGE);
	self->dst = aligned_alloc(PAGE, top + 4 * PAGE);
	self->saved = aligned_alloc(PAGE, top);
	if (!self->src || !self->dst || !self->saved)
		return fail("%s", strerror(ENOMEM));
	return STATUS_OK;
}

static int run_selftest(struct selftest *self)
{
	char who[128];
	int ret;

	ret = device_open(self->device, O_RDWR, &self->dev);
	if (ret)
		return ret;

	if (!self->force &&
	    find_mapper(edudma_path(self->dev), who, sizeof(who))) {
		ret = fail("%s has mapped the window: its stores could be lost (--force goes on)",
			   who);
		goto out_close;
	}

	ret = alloc_memory(self);
	if (!ret) {
		signals_catch();
		self->cases = json_object_new_array();
		run_matrix(self);
		ret = report(self);
		json_object_put(self->cases);
	}
	free(self->src);
	free(self->dst);
	free(self->saved);
out_close:
	edudma_close(self->dev);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "force", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct selftest self = {};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:fjqh", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			self.device = optarg;
			break;
		case 'f':
			self.force = true;
			break;
		case 'j':
			self.json = true;
			break;
		case 'q':
			self.quiet = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);
	return run_selftest(&self);
}

const struct command command_selftest = {
	.name = "selftest",
	.arguments = "[OPTION]...",
	.summary = "Test transfers of many sizes and alignments",
	.help =
	"Moves bytes to the window and back: sizes from 1 byte to 1 MiB, as far as they\n"
	"fit, memory at several distances from the start of a page, each way.  All are\n"
	"compared, and so is what lies beside them.  Each is one exclusive vector that\n"
	"restores the window, so others can use the device meanwhile; only what they store\n"
	"to a mapping of the window could be lost.  If there is one, nothing is done.\n"
	"\n"
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -f, --force          also if a process has mapped the window\n"
	"  -j, --json           print an object, with each case\n"
	"  -q, --quiet          print failures only\n"
	"  -h, --help           this help\n",
	.run = run,
};
