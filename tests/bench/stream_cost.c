// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a frame of a stream costs the processor, in virtual time on one processor: its
 * interrupt, its report, and giving its slot to the device again.  The program does
 * nothing but look at the ring, and what it looks is taken off.
 */
#include "bench_cost.h"
#include "edudma_stream.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FRAME		(1U << 20)
#define SLOTS		4
#define FRAMES		200
#define RATE		200000000ULL
#define LOOKS		2000000		/* to find out what one costs */
#define TARGET		4000.0

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Looks until there is a frame, but not more than @most times: how often. */
static uint64_t look(const struct stream *s, uint64_t most)
{
	uint64_t looks = 0;

	while (__atomic_load_n(&s->rings->frame_tail, __ATOMIC_ACQUIRE) == s->taken &&
	       looks < most)
		looks++;
	return looks;
}

static void take(struct stream *s, bool again)
{
	struct edudma_stream_frame frame;

	if (!stream_take(s, &frame) || frame.error || frame.bytes != FRAME) {
		fprintf(stderr, "stream_cost: a frame is missing\n");
		exit(EXIT_FAILURE);
	}
	/* The device has others: nobody needs to be told. */
	if (again)
		stream_put(s, frame.slot, 0);
}

int main(void)
{
	struct edudma_stream_create arg = {
		.nr_slots = SLOTS, .direction = EDUDMA_FROM_DEVICE, .frame_bytes = FRAME,
		.rate = RATE,
	};
	uint64_t started, elapsed, looks = 0;
	struct counts before, after;
	double per_look, per_frame;
	struct test_dev dev;
	struct stream s;
	unsigned int i;
	int fd, err;

	if (!dev_get(0, &dev))
		die("no node: is the module loaded?");
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(dev.node);
	err = stream_open(&s, fd, arg);
	if (err) {
		fprintf(stderr, "stream_cost: %s\n", strerror(err));
		return EXIT_FAILURE;
	}
	counts_begin(dev.slot);

	started = now_ns();
	per_look = (double)look(&s, LOOKS);
	per_look = (now_ns() - started) / per_look;

	stream_give_all(&s);
	if (stream_start(&s))
		die("EDUDMA_IOC_STREAM_START");
	/* The first one, and all that the slots hold, are not counted. */
	for (i = 0; i < SLOTS; i++) {
		look(&s, UINT64_MAX);
		take(&s, true);
	}
	before = counts_now();
	started = now_ns();
	for (i = 0; i < FRAMES; i++) {
		looks += look(&s, UINT64_MAX);
		take(&s, true);
	}
	elapsed = now_ns() - started;
	after = counts_now();
	err = stream_status(&s).lost;
	stream_close(&s);

	per_frame = (elapsed - looks * per_look) / NS_PER_INSTRUCTION / FRAMES;
	printf("stream: %.0f instructions for a frame of 1 MiB (at most %.0f wanted), %.2f interrupts, %.2f doorbells, %.2f register reads; %d of %d frames lost at %llu MB/s: %s\n",
	       per_frame, TARGET, (double)(after.interrupts - before.interrupts) / FRAMES,
	       (double)(after.doorbells - before.doorbells) / FRAMES,
	       (double)(after.reads - before.reads) / FRAMES, err / FRAME, FRAMES,
	       RATE / 1000000, per_frame <= TARGET && !err ? "met" : "MISSED");
	return per_frame <= TARGET && !err ? EXIT_SUCCESS : EXIT_FAILURE;
}
