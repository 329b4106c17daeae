// SPDX-License-Identifier: GPL-2.0-only
/* edudma play: frames that the device asks for. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "streams.h"

/**
 * struct play - frames that are given
 * @run:	the stream
 * @input:	file that they are read from; NULL for the pattern
 * @in:		its descriptor
 * @in_name:	its name for messages
 * @eof:	all of it was read
 * @given:	frames that were submitted
 * @position:	bytes of these
 * @back:	of these that have come back
 */
struct play {
	struct run run;
	const char *input;
	int in;
	const char *in_name;
	bool eof;
	uint64_t given;
	uint64_t position;
	uint64_t back;
};

/* Is there another frame to give? */
static bool has_more(const struct play *play)
{
	const struct run *run = &play->run;

	return !play->eof && !signal_caught() && (!run->count || play->given < run->count) &&
	       (!run->seconds || !run->end_ns || now_ns() < run->end_ns);
}

/* Fills a buffer; the bytes that it has then, or a negative errno. */
static ssize_t make_frame(struct play *play, const struct edudma_frame *frame)
{
	const struct edudma_stream_options *options = &play->run.options;

	if (play->input)
		return read_full(play->in, frame->data, frame->capacity);
	edudma_pattern_fill(options->pattern, frame->data, frame->capacity, play->position,
			    play->given, 0);
	return frame->capacity;
}

/* Gives a buffer to the device, or gives it up if there is nothing to put into it. */
static int give(struct play *play, const struct edudma_frame *frame)
{
	struct edudma_stream *stream = play->run.stream;
	ssize_t len = 0;

	if (has_more(play))
		len = make_frame(play, frame);
	if (len < 0 && len != -EINTR) {
		edudma_stream_release(stream, frame);
		return fail("%s: %s", play->in_name, strerror(-len));
	}
	if (len <= 0) {
		play->eof = true;
		edudma_stream_release(stream, frame);
		return STATUS_OK;
	}

	if ((size_t)len < frame->capacity)
		play->eof = true;
	edudma_stream_submit(stream, frame, len);
	play->given++;
	play->position += len;
	return STATUS_OK;
}

/* Whatever there is to give, before the device asks for it. */
static int give_first(struct play *play)
{
	const struct edudma_frame *frame;
	int ret = STATUS_OK;

	while (!ret && has_more(play) && !edudma_stream_get(play->run.stream, &frame))
		ret = give(play, frame);
	if (!ret && !play->given && !signal_caught())
		ret = fail("%s: there is nothing to play", play->in_name);
	return ret;
}

/* Until all frames that were given have come back. */
static int give_frames(struct play *play)
{
	struct run *run = &play->run;
	const struct edudma_frame *frame;
	int ret = STATUS_OK;

	while (!ret && play->back < play->given && run_next(run, false, &frame)) {
		play->back++;
		run_account(run, frame);
		run_stall(run);
		ret = give(play, frame);
	}
	return ret;
}

static void report(const struct play *play)
{
	const struct run *run = &play->run;
	const uint64_t mismatches = run->status.mismatches;
	const uint64_t first = run->status.first_mismatch;
	const double rate = run->took > 0 ? 1 / run->took : 0;
	struct json_object *object;
	char size[16], speed[16];

	if (run->json) {
		object = run_json(run);
		json_add_u64(object, "underruns", run->lost_frames);
		json_add_u64(object, "mismatches", mismatches);
		if (mismatches)
			json_add_u64(object, "first_mismatch", first);
		json_print(object, false);
		return;
	}
	if (run->quiet)
		return;

	message("%" PRIu64 " frames, %" PRIu64 " bytes (%s) in %.1f s, %s/s, %.1f frames/s",
		run->frames, run->bytes, format_size(run->bytes, size), run->took,
		format_size(run->bytes * rate, speed), run->frames * rate);
	message("underruns: %" PRIu64 " frames, %" PRIu64 " bytes; gaps: %" PRIu64,
		run->lost_frames, run->lost, run->gaps);
	if (mismatches)
		message("mismatches: %" PRIu64 " bytes, the first at %" PRIu64,
			mismatches, first);
	else
		message("mismatches: none");
}

static int judge(const struct play *play)
{
	const struct run *run = &play->run;
	const uint64_t mismatches = run->status.mismatches;
	int ret;

	ret = run_judge(run, 0);
	if (ret)
		return ret;
	/* What is in a file is the user's affair. */
	if (mismatches && (run->strict || !play->input))
		return fail("the device got %" PRIu64 " bytes that are not of the pattern",
			    mismatches);
	if (run->strict && run->lost)
		return fail("%" PRIu64 " bytes were not there in time", run->lost);
	return STATUS_OK;
}

static int play_frames(struct play *play)
{
	struct run *run = &play->run;
	const struct edudma_frame *frame;
	int ret, end;

	ret = give_first(play);
	if (ret || signal_caught())
		return ret;
	ret = run_start(run);
	if (ret)
		return ret;

	ret = give_frames(play);
	end = run_finish(run);
	/* After a signal, what the device had begun; the rest comes back empty. */
	while (!edudma_stream_next(run->stream, 0, &frame)) {
		if (frame->bytes)
			run_account(run, frame);
		edudma_stream_release(run->stream, frame);
	}
	if (ret || end)
		return STATUS_FAILURE;

	report(play);
	return judge(play);
}

static int open_and_play(struct play *play)
{
	int ret;

	if (play->input) {
		play->in = input_open(play->input, &play->in_name);
		if (play->in < 0)
			return fail("%s: %s", play->input, strerror(-play->in));
	}
	ret = run_open(&play->run);
	if (!ret)
		ret = play_frames(play);
	run_close(&play->run);
	if (play->input && play->in != STDIN_FILENO)
		close(play->in);
	return ret;
}

static int run_command(int argc, char **argv)
{
	static const struct option long_options[] = { STREAM_LONG_OPTIONS, {} };
	struct play play = { .in_name = "pattern" };
	int opt, ret = STATUS_OK;

	run_init(&play.run, EDUDMA_TO_DEVICE);
	opterr = 0;
	while (!ret && (opt = getopt_long(argc, argv, STREAM_SHORT_OPTIONS, long_options,
					  NULL)) != -1) {
		switch (opt) {
		case 'h':
			return command_help();
		case ':':
		case '?':
			return option_error(opt, argv);
		default:
			ret = run_option(&play.run, opt);
		}
	}
	if (!ret && optind < argc)
		play.input = argv[optind++];
	if (!ret && optind < argc)
		ret = usage_error("unexpected argument '%s'", argv[optind]);
	if (!ret)
		ret = run_check(&play.run);
	return ret ? ret : open_and_play(&play);
}

const struct command command_play = {
	.name = "play",
	.arguments = "[OPTION]... [FILE]",
	.summary = "Give frames that the device asks for",
	.help =
	"Starts a stream and gives it frames of the pattern, or of a file, until there are as\n"
	"many as asked for, the file or time is over, or a signal comes.  Tells where the\n"
	"device asked in vain (an underrun), and what was not of the pattern (a mismatch).\n"
	"\n"
	"  -d, --device N|PATH    device; default is the first one present\n"
	"  -n, --count N          frames to give\n"
	"  -t, --time SECONDS     stop after so long\n"
	"  -r, --rate N           bytes per second; default 0: whenever there is a frame\n"
	"  -f, --frame N          bytes of a frame, 64 to 16M; default 64K\n"
	"  -b, --buffers N        frames in memory at a time, 1 to 1024; default 16\n"
	"  -p, --pattern WORD     what the device expects: counter (the default), prbs31, ramp\n"
	"  -s, --strict           fail if there was an underrun or a mismatch\n"
	"  -S, --stall MS[:N]     sleep after each frame, or each N, to see underruns\n"
	"  -q, --quiet            no progress and no result\n"
	"  -j, --json             print the result as an object\n"
	"  -h, --help             this help\n"
	"\n"
	"FILE can be \"-\", standard input.  Mismatches of a file are a failure only with\n"
	"--strict.  Numbers can be hexadecimal (0x10) and end in K, M or G.\n",
	.run = run_command,
};
