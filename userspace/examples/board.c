// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a board at the same time: its memory mapped into the program, a stream that the
 * device fills by its own clock, and read and write whenever the program likes.
 *
 * Usage: board [NODE]
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <edudma_stream.h>

#define FRAMES		50
#define ROUNDS		50
#define WORDS		1024
#define WINDOW_WORDS	0
#define WINDOW_BLOCK	(WORDS * sizeof(uint32_t))

/* The device does not wait: this thread does nothing but to keep up with it. */
static void *take_frames(void *arg)
{
	struct edudma_stream *stream = arg;
	const struct edudma_frame *frame;
	uintptr_t good = 0;
	int i;

	for (i = 0; i < FRAMES; i++) {
		if (edudma_stream_next(stream, -1, &frame))
			break;
		good += !frame->error && !edudma_stream_verify(stream, frame, NULL);
		edudma_stream_release(stream, frame);
	}
	return (void *)good;
}

/* The processor writes to the mapping, and the device moves a block there and back. */
static int use_window(struct edudma *dev, volatile uint32_t *words)
{
	static char out[4096], in[4096];
	int i, ret;

	for (i = 0; i < ROUNDS; i++) {
		words[i % WORDS] = i;
		memset(out, i, sizeof(out));
		ret = edudma_write_at(dev, out, sizeof(out), WINDOW_BLOCK, NULL);
		if (!ret)
			ret = edudma_read_at(dev, in, sizeof(in), WINDOW_BLOCK, NULL);
		if (ret)
			return ret;
		if (memcmp(out, in, sizeof(in)) || words[i % WORDS] != (uint32_t)i)
			break;
	}
	return i;
}

static int run(struct edudma *dev, struct edudma_stream *stream, const char *node)
{
	uint32_t *words;
	pthread_t thread;
	void *good = NULL;
	int ret;

	words = mmap(NULL, WORDS * sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED,
		     edudma_fd(dev), WINDOW_WORDS);
	if (words == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	ret = edudma_stream_start(stream);
	if (!ret)
		ret = -pthread_create(&thread, NULL, take_frames, stream);
	if (!ret) {
		ret = use_window(dev, words);
		pthread_join(thread, &good);
	}
	munmap(words, WORDS * sizeof(*words));
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}

	printf("%s: %d of %d round trips, %d of %d frames, at the same time\n", node, ret,
	       ROUNDS, (int)(uintptr_t)good, FRAMES);
	return ret != ROUNDS || (uintptr_t)good != FRAMES;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	const struct edudma_stream_options options = {
		.size = sizeof(options),
		.direction = EDUDMA_FROM_DEVICE,
		.rate = 8 << 20,
	};
	struct edudma_stream *stream;
	struct edudma_info info;
	struct edudma *dev;
	int ret;

	ret = edudma_open(node, O_RDWR, &dev);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}
	ret = edudma_get_info(dev, &info, sizeof(info));
	if (!ret && !(info.capabilities & EDUDMA_CAP_MMAP)) {
		fprintf(stderr, "%s: the processor cannot see this device's memory\n", node);
		edudma_close(dev);
		return 1;
	}
	if (!ret)
		ret = edudma_stream_open(dev, &options, &stream);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		edudma_close(dev);
		return 1;
	}

	ret = run(dev, stream, node);
	edudma_stream_close(stream);
	edudma_close(dev);
	return ret;
}
