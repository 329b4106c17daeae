// SPDX-License-Identifier: GPL-2.0-only
/* What edudma capture and edudma play share. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "streams.h"

#define FRAME_MIN	64
#define FRAME_MAX	(16ULL << 20)
#define MEMORY_MAX	(1024ULL << 20)
#define STALL_MAX	60000
/* A frame takes less. */
#define FRAME_SECONDS	3600
/* At least so often the bar is drawn. */
#define WAKE_MS		100

void run_init(struct run *run, uint32_t direction)
{
	*run = (struct run) {
		.options = {
			.size = sizeof(run->options),
			.direction = direction,
			.frame_bytes = STREAM_FRAME_DEFAULT,
			.buffers = STREAM_BUFFERS_DEFAULT,
		},
		.stall_every = 1,
	};
}

static int parse_pattern(struct run *run, const char *word)
{
	const char *name;
	uint32_t i;

	for (i = 0; (name = edudma_pattern_name(i)); i++) {
		if (!strcmp(name, word)) {
			run->options.pattern = i;
			run->pattern_given = true;
			return STATUS_OK;
		}
	}
	return usage_error("--pattern: '%s' is not counter, prbs31 or ramp", word);
}

/* MS or MS:EVERY */
static int parse_stall(struct run *run, const char *text)
{
	const char *every = strchr(text, ':');
	char ms[32];

	snprintf(ms, sizeof(ms), "%.*s", every ? (int)(every - text) : 31, text);
	if (parse_size(ms, &run->stall_ms) && run->stall_ms <= STALL_MAX &&
	    (!every || (parse_size(every + 1, &run->stall_every) && run->stall_every)))
		return STATUS_OK;
	return usage_error("--stall: '%s' is not milliseconds up to %u, or MS:EVERY", text,
			   STALL_MAX);
}

/* Those whose value is a number. */
static int parse_number(struct run *run, int opt)
{
	uint64_t value;
	const bool is_size = parse_size(optarg, &value);

	switch (opt) {
	case 'n':
		if (!is_size || !value)
			return usage_error("--count: '%s' is not a number of frames", optarg);
		run->count = value;
		return STATUS_OK;
	case 'r':
		if (!is_size)
			return usage_error("--rate: '%s' is not a number of bytes per second",
					   optarg);
		run->options.rate = value;
		return STATUS_OK;
	case 'f':
		if (!is_size || value < FRAME_MIN || value > FRAME_MAX)
			return usage_error("--frame: '%s' is not a size from 64 to 16M",
					   optarg);
		run->options.frame_bytes = value;
		return STATUS_OK;
	default:
		if (!is_size || !value || value > EDUDMA_STREAM_MAX_SLOTS)
			return usage_error("--buffers: '%s' is not in 1 to %u", optarg,
					   EDUDMA_STREAM_MAX_SLOTS);
		run->options.buffers = value;
		return STATUS_OK;
	}
}

int run_option(struct run *run, int opt)
{
	switch (opt) {
	case 'd':
		run->device = optarg;
		return STATUS_OK;
	case 't':
		if (!parse_seconds(optarg, &run->seconds))
			return usage_error("--time: '%s' is not in 0.01 to 86400 seconds",
					   optarg);
		return STATUS_OK;
	case 'p':
		return parse_pattern(run, optarg);
	case 'S':
		return parse_stall(run, optarg);
	case 's':
		run->strict = true;
		return STATUS_OK;
	case 'q':
		run->quiet = true;
		return STATUS_OK;
	case 'j':
		run->json = true;
		return STATUS_OK;
	default:
		return parse_number(run, opt);
	}
}

int run_check(const struct run *run)
{
	const struct edudma_stream_options *options = &run->options;

	if (run->count && run->seconds)
		return usage_error("--count and --time cannot both say when to stop");
	if (options->rate && options->frame_bytes / options->rate >= FRAME_SECONDS)
		return usage_error("--rate: %" PRIu64 " is less than a frame an hour",
				   options->rate);
	if (options->frame_bytes > MEMORY_MAX / options->buffers)
		return usage_error("--buffers times --frame is more than 1 GiB");
	return STATUS_OK;
}

static int open_stream(struct run *run)
{
	const struct edudma_stream_options *options = &run->options;
	const char *path = edudma_path(run->dev);
	const uint64_t bytes = (uint64_t)options->buffers * options->frame_bytes;
	int ret;

	ret = edudma_stream_open(run->dev, options, &run->stream);
	switch (ret) {
	case 0:
		return STATUS_OK;
	case -EOPNOTSUPP:
		return fail("%s: the device has no streams ('edudma info' tells)", path);
	case -EDQUOT:
		return fail("%s registers no %" PRIu64 " bytes (fewer --buffers, or 'ulimit -l')",
			    path, bytes);
	case -EADDRNOTAVAIL:
		return fail("%s: the device does not reach the memory of the tool", path);
	default:
		return fail_device(path, ret, "%u buffers of %u bytes", options->buffers,
				   options->frame_bytes);
	}
}

int run_open(struct run *run)
{
	int ret;

	ret = device_open(run->device, run->options.direction == EDUDMA_FROM_DEVICE ?
			  O_RDONLY : O_WRONLY, &run->dev);
	if (ret)
		return ret;

	ret = open_stream(run);
	if (!ret)
		signals_catch();
	return ret;
}

void run_close(struct run *run)
{
	edudma_stream_close(run->stream);
	edudma_close(run->dev);
}

int run_start(struct run *run)
{
	const char *path = edudma_path(run->dev);
	int ret;

	ret = edudma_stream_start(run->stream);
	if (ret == -EBUSY)
		return fail("%s: all its channels for streams are in use", path);
	if (ret)
		return fail_device(path, ret, "%s", "");

	progress_start(&run->progress, run->count * run->options.frame_bytes, run->quiet);
	run->end_ns = run->progress.start_ns + run->seconds * NS_PER_S;
	return STATUS_OK;
}

/* How long to wait at a time; 0 when time is over. */
static int wait_ms(const struct run *run, bool over)
{
	int64_t left;

	if (!over || !run->seconds)
		return WAKE_MS;
	left = (run->end_ns - now_ns() + 999999) / 1000000;
	return left < 0 ? 0 : left < WAKE_MS ? left : WAKE_MS;
}

int run_next(struct run *run, bool over, const struct edudma_frame **frame)
{
	int ms, ret;

	for (;;) {
		if (signal_caught())
			return 0;
		ms = wait_ms(run, over);
		if (!ms)
			return 0;
		/* While there are frames, nothing here makes a system call. */
		if (run->progress.shown)
			progress_update(&run->progress, run->bytes);
		ret = edudma_stream_next(run->stream, ms, frame);
		if (!ret)
			return 1;
		if (ret != -EAGAIN && ret != -EINTR) {
			run->reason = ret;
			return 0;
		}
	}
}

uint64_t run_account(struct run *run, const struct edudma_frame *frame)
{
	uint64_t lost_frames;

	if (frame->error || !(frame->flags & EDUDMA_FRAME_WHOLE))
		run->errors++;
	/* Nothing else is told of such. */
	if (!frame->bytes)
		return 0;

	if (frame->position != run->position + frame->lost || frame->sequence < run->next)
		run->disorder++;
	lost_frames = frame->sequence - run->next;
	run->next = frame->sequence + 1;
	run->position = frame->position + frame->bytes;
	run->frames++;
	run->bytes += frame->bytes;
	run->lost += frame->lost;
	run->lost_frames += lost_frames;
	if (frame->lost)
		run->gaps++;
	return lost_frames;
}

void run_stall(const struct run *run)
{
	struct timespec time = {
		.tv_sec = run->stall_ms / 1000,
		.tv_nsec = run->stall_ms % 1000 * 1000000,
	};

	/* A signal ends it. */
	if (run->stall_ms && run->frames % run->stall_every == 0)
		nanosleep(&time, NULL);
}

int run_finish(struct run *run)
{
	int ret;

	ret = edudma_stream_stop(run->stream);
	run->took = progress_stop(&run->progress);
	if (!ret)
		ret = edudma_stream_get_status(run->stream, &run->status,
					       sizeof(run->status));
	return ret ? fail_device(edudma_path(run->dev), ret, "%s", "") : STATUS_OK;
}

int run_judge(const struct run *run, uint64_t left)
{
	const uint64_t produced = run->status.produced, lost = run->status.lost;
	const uint64_t delivered = run->status.delivered;
	const char *path = edudma_path(run->dev);

	if (run->disorder)
		return fail("%s: %" PRIu64 " frames do not follow the one before", path,
			    run->disorder);
	if (produced != delivered + lost)
		return fail("%s: %" PRIu64 " bytes are not %" PRIu64 " and %" PRIu64 " lost", path,
			    produced, delivered, lost);
	if (run->bytes + left != delivered)
		return fail("%s: %" PRIu64 " bytes came of %" PRIu64 " that were delivered", path,
			    run->bytes + left, delivered);
	if (run->reason)
		return fail("%s: the stream has ended after %" PRIu64 " frames: %s", path,
			    run->frames, run->reason == -EOVERFLOW ?
			    "frames came faster than they were taken" :
			    strerror(-run->reason));
	if (run->strict && run->errors)
		return fail("%s: %" PRIu64 " frames were not moved completely", path,
			    run->errors);
	return STATUS_OK;
}

static void add_double(struct json_object *object, const char *key, double value)
{
	char text[32];

	/* The library would print 17 digits. */
	snprintf(text, sizeof(text), "%.3f", value);
	json_object_object_add(object, key, json_object_new_double_s(value, text));
}

struct json_object *run_json(const struct run *run)
{
	struct json_object *object = json_object_new_object();
	const struct edudma_stream_options *options = &run->options;
	const bool counted = !(run->status.flags & EDUDMA_STREAM_UNCOUNTED);

	json_add_string(object, "device", edudma_path(run->dev));
	json_add_string(object, "pattern", edudma_pattern_name(options->pattern));
	json_add_u64(object, "rate", options->rate);
	json_add_u64(object, "frame_bytes", options->frame_bytes);
	json_add_u64(object, "buffers", options->buffers);
	add_double(object, "seconds", run->took);
	json_add_u64(object, "frames", run->frames);
	json_add_u64(object, "bytes", run->bytes);
	json_add_u64(object, "bytes_per_second", run->took > 0 ? run->bytes / run->took : 0);
	json_add_u64(object, "lost_frames", run->lost_frames);
	json_add_u64(object, "lost_bytes", run->lost);
	json_add_u64(object, "gaps", run->gaps);
	json_add_u64(object, "errors", run->errors);
	json_add_u64(object, "produced", run->status.produced);
	json_add_u64(object, "delivered", run->status.delivered);
	json_add_u64(object, "lost", run->status.lost);
	json_object_object_add(object, "counted", json_object_new_boolean(counted));
	if (run->reason)
		json_add_string(object, "ended", strerror(-run->reason));
	return object;
}
