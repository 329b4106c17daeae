// SPDX-License-Identifier: GPL-2.0-only
/*
 * A frame grabber: pictures that the device takes by its own clock, and how many come in
 * a second.
 *
 * Usage: grabber [NODE [SECONDS]]
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <edudma_stream.h>

#define WIDTH		256
#define HEIGHT		240
#define FRAMES_A_SECOND	60

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* What an application does with a picture: here, how bright it is. */
static unsigned int brightness(const struct edudma_frame *frame)
{
	const unsigned char *pixels = frame->data;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < frame->bytes; i++)
		sum += pixels[i];
	return frame->bytes ? sum / frame->bytes : 0;
}

static int grab(struct edudma_stream *stream, unsigned int seconds)
{
	double start = now(), last = start, time;
	unsigned int frames = 0, all = 0, bright = 0;
	const struct edudma_frame *frame;
	uint64_t lost = 0;
	int ret;

	while (last < start + seconds) {
		ret = edudma_stream_next(stream, -1, &frame);
		if (ret)
			return ret;
		bright = brightness(frame);
		lost += frame->lost;
		frames++;
		/* From now on the picture is the device's. */
		edudma_stream_release(stream, frame);

		time = now();
		if (time < last + 1)
			continue;
		printf("%5.1f frames/s, brightness %3u, %" PRIu64 " bytes lost\n",
		       frames / (time - last), bright, lost);
		fflush(stdout);
		all += frames;
		frames = 0;
		last = time;
	}
	printf("%u frames\n", all);
	return 0;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	const struct edudma_stream_options options = {
		.size = sizeof(options),
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = WIDTH * HEIGHT,
		.rate = WIDTH * HEIGHT * FRAMES_A_SECOND,
		.buffers = 8,
		.pattern = EDUDMA_PATTERN_RAMP,
		/* Who looks at pictures wants the newest. */
		.policy = EDUDMA_STREAM_DROP_OLD,
	};
	struct edudma_stream *stream = NULL;
	struct edudma *dev;
	int ret;

	ret = edudma_open(node, O_RDONLY, &dev);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}
	ret = edudma_stream_open(dev, &options, &stream);
	if (!ret)
		ret = edudma_stream_start(stream);
	if (!ret)
		ret = grab(stream, argc > 2 ? atoi(argv[2]) : 5);
	edudma_stream_close(stream);
	edudma_close(dev);

	if (ret)
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
	return ret != 0;
}
