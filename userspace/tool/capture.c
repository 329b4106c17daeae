// SPDX-License-Identifier: GPL-2.0-only
/* edudma capture: frames that the device produces. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams.h"

/* So many gaps are told one by one. */
#define GAPS_TOLD	8

/**
 * struct capture - frames that are taken
 * @run:	the stream
 * @output:	where frames go, or NULL
 * @picture_path: where a picture goes, or NULL
 * @verify:	compare each frame
 * @out:	of @output
 * @picture:	of @picture_path
 * @wrong:	bytes that are not what they should be
 * @first_wrong: where in the stream the first of them is
 * @left:	bytes of frames that came after the last one that was taken
 */
struct capture {
	struct run run;
	const char *output;
	const char *picture_path;
	bool verify;
	struct output out;
	struct picture picture;
	uint64_t wrong;
	uint64_t first_wrong;
	uint64_t left;
};

static const char *const policy_names[] = {
	[EDUDMA_STREAM_DROP_NEW] = "drop-new",
	[EDUDMA_STREAM_DROP_OLD] = "drop-old",
	[EDUDMA_STREAM_END] = "end",
};

static void verify(struct capture *capture, const struct edudma_frame *frame)
{
	uint64_t first, wrong;

	wrong = edudma_stream_verify(capture->run.stream, frame, &first);
	if (wrong && !capture->wrong) {
		capture->first_wrong = frame->position + first;
		message("frame %" PRIu64 ": %" PRIu64 " of %u bytes wrong, from %" PRIu64 " on",
			frame->sequence, wrong, frame->bytes, first);
	}
	capture->wrong += wrong;
}

static void tell_gap(struct run *run, const struct edudma_frame *frame, uint64_t lost)
{
	if (!frame->lost || run->quiet || run->gaps > GAPS_TOLD)
		return;
	/* The bar is drawn again. */
	if (run->progress.shown)
		fprintf(stderr, "\r\033[K");
	message("lost before frame %" PRIu64 ": %" PRIu64 " frames, %" PRIu64 " bytes",
		frame->sequence, lost, frame->lost);
	if (run->gaps == GAPS_TOLD)
		message("further gaps are only counted");
}

/* Writes it first: what cannot be written is not counted. */
static int take_frame(struct capture *capture, const struct edudma_frame *frame)
{
	struct run *run = &capture->run;
	uint64_t lost;
	int ret;

	if (capture->output) {
		ret = write_full(capture->out.fd, frame->data, frame->bytes);
		if (ret)
			return ret;
	}
	lost = run_account(run, frame);
	tell_gap(run, frame, lost);
	if (capture->verify)
		verify(capture, frame);
	if (capture->picture_path)
		picture_add(&capture->picture, frame, lost);
	return 0;
}

/* What came after the last frame that was asked for is not written, but counted. */
static void drain(struct capture *capture)
{
	const struct edudma_frame *frame;

	while (!edudma_stream_next(capture->run.stream, 0, &frame)) {
		capture->left += frame->bytes;
		edudma_stream_release(capture->run.stream, frame);
	}
}

/* Returns a negative errno of the output. */
static int take_frames(struct capture *capture)
{
	struct run *run = &capture->run;
	const struct edudma_frame *frame;
	int ret = 0;

	while (!ret && (!run->count || run->frames < run->count) &&
	       run_next(run, true, &frame)) {
		ret = take_frame(capture, frame);
		if (ret)
			capture->left += frame->bytes;
		else
			run_stall(run);
		edudma_stream_release(run->stream, frame);
	}
	return ret == -EINTR ? 0 : ret;
}

static void print_json(const struct capture *capture)
{
	struct json_object *object = run_json(&capture->run);
	const bool verified = capture->verify && !capture->wrong;

	json_add_string(object, "policy", policy_names[capture->run.options.policy]);
	json_add_u64(object, "bytes_after", capture->left);
	json_object_object_add(object, "verified", json_object_new_boolean(verified));
	if (capture->verify)
		json_add_u64(object, "wrong_bytes", capture->wrong);
	if (capture->wrong)
		json_add_u64(object, "first_wrong", capture->first_wrong);
	json_print(object, false);
}

static void print_text(const struct capture *capture)
{
	const struct run *run = &capture->run;
	const uint64_t produced = run->status.produced, lost = run->status.lost;
	const uint64_t delivered = run->status.delivered;
	const double rate = run->took > 0 ? 1 / run->took : 0;
	char size[16], speed[16];

	message("%" PRIu64 " frames, %" PRIu64 " bytes (%s) in %.1f s, %s/s, %.1f frames/s%s",
		run->frames, run->bytes, format_size(run->bytes, size), run->took,
		format_size(run->bytes * rate, speed), run->frames * rate,
		capture->verify && !capture->wrong ? ", verified" : "");
	if (run->lost)
		message("lost: %" PRIu64 " frames, %" PRIu64 " bytes; gaps: %" PRIu64,
			run->lost_frames, run->lost, run->gaps);
	else
		message("nothing was lost");
	message("in all: %" PRIu64 " bytes produced, %" PRIu64 " delivered, %" PRIu64 " lost",
		produced, delivered, lost);
	if (run->status.flags & EDUDMA_STREAM_UNCOUNTED)
		message("the device does not tell what it produced after the last frame");
	else if (lost > run->lost)
		message("lost after the last frame: %" PRIu64 " bytes", lost - run->lost);
}

static int judge(const struct capture *capture)
{
	const struct run *run = &capture->run;
	int ret;

	ret = run_judge(run, capture->left);
	if (ret)
		return ret;
	if (capture->wrong)
		return fail("%" PRIu64 " bytes are not what they should be, the first at %" PRIu64,
			    capture->wrong, capture->first_wrong);
	if (run->strict && run->lost)
		return fail("%" PRIu64 " bytes were lost", run->lost);
	return STATUS_OK;
}

/* The output is kept also of what went wrong: it is what came. */
static int capture_frames(struct capture *capture)
{
	struct run *run = &capture->run;
	int ret, written;

	ret = run_start(run);
	if (ret) {
		if (capture->output)
			output_abort(&capture->out);
		return ret;
	}

	written = take_frames(capture);
	ret = run_finish(run);
	drain(capture);
	if (capture->output) {
		if (written)
			output_abort(&capture->out);
		else
			written = output_commit(&capture->out);
		if (written)
			return output_fail(&capture->out, written);
	}
	if (ret)
		return ret;

	if (run->json)
		print_json(capture);
	else if (!run->quiet)
		print_text(capture);
	return judge(capture);
}

static int open_and_capture(struct capture *capture)
{
	int ret;

	ret = run_open(&capture->run);
	if (!ret && capture->picture_path)
		ret = picture_init(&capture->picture);
	if (!ret && capture->output) {
		ret = output_open(&capture->out, capture->output);
		if (ret)
			ret = fail("%s: %s", capture->output, strerror(-ret));
	}
	if (!ret) {
		ret = capture_frames(capture);
		if (capture->picture_path && picture_write(&capture->picture,
							   capture->picture_path))
			ret = STATUS_FAILURE;
	}
	free(capture->picture.lines);
	run_close(&capture->run);
	return ret;
}

static int parse_policy(struct run *run, const char *word)
{
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(policy_names); i++) {
		if (!strcmp(policy_names[i], word)) {
			run->options.policy = i;
			return STATUS_OK;
		}
	}
	return usage_error("--policy: '%s' is not drop-new, drop-old or end", word);
}

static int check(struct capture *capture)
{
	struct run *run = &capture->run;

	if (run->json && capture->output && !strcmp(capture->output, "-"))
		return usage_error("--json and the frames cannot both go to standard output");
	if (run->strict)
		capture->verify = true;
	if (capture->picture_path && !run->pattern_given)
		run->options.pattern = EDUDMA_PATTERN_RAMP;
	return run_check(run);
}

static int run_command(int argc, char **argv)
{
	static const struct option long_options[] = {
		STREAM_LONG_OPTIONS,
		{ "header", no_argument, NULL, 'H' },
		{ "policy", required_argument, NULL, 'P' },
		{ "output", required_argument, NULL, 'O' },
		{ "verify", no_argument, NULL, 'v' },
		{ "picture", required_argument, NULL, 'G' },
		{}
	};
	struct capture capture = {};
	int opt, ret = STATUS_OK;

	run_init(&capture.run, EDUDMA_FROM_DEVICE);
	opterr = 0;
	while (!ret && (opt = getopt_long(argc, argv, STREAM_SHORT_OPTIONS "HP:O:vG:",
					  long_options, NULL)) != -1) {
		switch (opt) {
		case 'H':
			capture.run.options.flags |= EDUDMA_STREAM_HEADER;
			break;
		case 'P':
			ret = parse_policy(&capture.run, optarg);
			break;
		case 'O':
			capture.output = optarg;
			break;
		case 'v':
			capture.verify = true;
			break;
		case 'G':
			capture.picture_path = optarg;
			break;
		case 'h':
			return command_help();
		case ':':
		case '?':
			return option_error(opt, argv);
		default:
			ret = run_option(&capture.run, opt);
		}
	}
	if (!ret && optind < argc)
		ret = usage_error("unexpected argument '%s'", argv[optind]);
	if (!ret)
		ret = check(&capture);
	return ret ? ret : open_and_capture(&capture);
}

const struct command command_capture = {
	.name = "capture",
	.arguments = "[OPTION]...",
	.summary = "Take frames that the device produces",
	.help =
	"Starts a stream and takes its frames, until there are as many as asked for, time is\n"
	"over, or a signal comes.  Tells what was lost, to the byte.\n"
	"\n"
	"  -d, --device N|PATH    device; default is the first one present\n"
	"  -n, --count N          frames to take\n"
	"  -t, --time SECONDS     stop after so long\n"
	"  -r, --rate N           bytes per second; default 0: a frame for each free buffer,\n"
	"                         and nothing is lost\n"
	"  -f, --frame N          bytes of a frame, 64 to 16M; default 64K\n"
	"  -b, --buffers N        frames in memory at a time, 1 to 1024; default 16\n"
	"  -p, --pattern WORD     what the device produces: counter (the default), prbs31, ramp\n"
	"  -H, --header           each frame begins with a header\n"
	"  -P, --policy WORD      what the device does when it has no room for a frame:\n"
	"                         drop-new (the default), drop-old, or end\n"
	"  -O, --output FILE      where to put the frames; \"-\" is standard output.  By\n"
	"                         default they are only counted\n"
	"  -v, --verify           compare each frame with the pattern and its header\n"
	"  -s, --strict           verify, and fail also if something was lost\n"
	"  -G, --picture FILE     write the last frames as a picture (PGM); lost frames are\n"
	"                         bands of squares.  The pattern is ramp by default then\n"
	"  -S, --stall MS[:N]     sleep after each frame, or each N, to see what is lost\n"
	"  -q, --quiet            no progress and no result\n"
	"  -j, --json             print the result as an object\n"
	"  -h, --help             this help\n"
	"\n"
	"Numbers can be hexadecimal (0x10) and end in K, M or G.\n",
	.run = run_command,
};
