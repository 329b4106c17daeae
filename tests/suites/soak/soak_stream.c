// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that captures by streams, at rates that it keeps up with and at others:
 * each byte that is delivered must be that of the pattern, and all that was produced
 * delivered or counted as lost.
 */
#include "edudma_stream.h"
#include "soak.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define MOST_BYTES	20000	/* of a frame */
#define MOST_SLOTS	8
#define MOST_FRAMES	200	/* between start and stop */

/**
 * struct capture - the worker
 * @soak:	what all share
 * @random:	state of the choice
 * @tally:	its own
 * @device:	that it works with
 * @node:	open
 * @s:		the stream
 * @given:	slots that are the device's, a bit each
 */
struct capture {
	struct soak *soak;
	unsigned int random;
	struct soak_tally *tally;
	unsigned int device;
	int node;
	struct stream s;
	uint32_t given;
};

static void hear(int sig)
{
	(void)sig;
}

static unsigned int below(struct capture *capture, unsigned int limit)
{
	return soak_below(&capture->random, limit);
}

/* Open a node, waiting while the device is away; false if it is over. */
static bool open_node(struct capture *capture)
{
	struct soak *soak = capture->soak;

	do
		capture->device = below(capture, soak->devices);
	while (!soak->streams[capture->device]);
	for (;;) {
		if (soak_over(soak))
			return false;
		capture->node = soak_open(soak->slots[capture->device]);
		if (capture->node >= 0)
			break;
		usleep(1000);
	}
	capture->tally->opened++;
	return true;
}

static bool is_gone(const struct capture *capture)
{
	struct edudma_info info;

	return dev_info(capture->node, &info) == ENODEV;
}

/* A call may fail because the device is gone, and for no other reason. */
static bool has_failed(struct capture *capture, const char *what, int err)
{
	if (err && (err != ENODEV || !is_gone(capture)))
		soak_fail(capture->soak, "stream: %s: %s", what, strerror(err));
	return err;
}

static bool make_stream(struct capture *capture)
{
	static const uint64_t rates[] = { 0, 0, 100000, 1000000, 10000000, 200000000 };
	struct edudma_stream_create arg = {
		.nr_slots = 1 + below(capture, MOST_SLOTS),
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = 64 + below(capture, MOST_BYTES),
		.rate = rates[below(capture, ARRAY_LEN(rates))],
		.policy = below(capture, EDUDMA_STREAM_END + 1),
	};

	capture->given = 0;
	return !has_failed(capture, "create", stream_open(&capture->s, capture->node, arg));
}

static void give(struct capture *capture, unsigned int slot)
{
	capture->given |= 1u << slot;
	stream_give(&capture->s, slot, 0);
}

/* Give a slot back as it is: later, or not, is as good. */
static void give_any(struct capture *capture)
{
	unsigned int i;

	for (i = 0; i < capture->s.arg.nr_slots; i++)
		if (!(capture->given & 1u << i) && below(capture, 8))
			give(capture, i);
}

static void check_frame(struct capture *capture, const struct edudma_stream_frame *frame,
			uint64_t end)
{
	const struct stream *s = &capture->s;

	if (frame->slot >= s->arg.nr_slots || !(capture->given & 1u << frame->slot))
		soak_fail(capture->soak, "stream: a frame in slot %u, which is not the device's",
			  frame->slot);
	capture->given &= ~(1u << frame->slot);
	if (!frame->bytes) {
		if (!frame->error)
			soak_fail(capture->soak, "stream: an empty frame without error");
		return;
	}
	if (frame->position != end + frame->lost ||
	    frame->position != frame->sequence * s->arg.frame_bytes ||
	    frame->bytes > s->arg.frame_bytes ||
	    (!frame->error && frame->bytes != s->arg.frame_bytes))
		soak_fail(capture->soak, "stream: frame %llu of %u bytes at %llu, %llu lost, behind %llu, error %u",
			  (unsigned long long)frame->sequence, frame->bytes,
			  (unsigned long long)frame->position,
			  (unsigned long long)frame->lost, (unsigned long long)end,
			  frame->error);
	if (stream_differs(s, frame, EDUDMA_PATTERN_COUNTER) != frame->bytes)
		soak_fail(capture->soak, "stream: %u bytes at %llu are wrong", frame->bytes,
			  (unsigned long long)frame->position);
	capture->tally->frames++;
	capture->tally->from_device += frame->bytes;
	capture->tally->verified += frame->bytes;
	memset(stream_slot(s, frame->slot), 0xee, frame->bytes);
}

/* Take what is there; how many frames. */
static unsigned int take_all(struct capture *capture)
{
	struct edudma_stream_frame frame;
	unsigned int count = 0;
	uint64_t end;

	for (end = capture->s.end; stream_take(&capture->s, &frame); end = capture->s.end) {
		check_frame(capture, &frame, end);
		count++;
	}
	return count;
}

/* Frames that were read and what the stream says are the same, to the byte. */
static void check_sums(struct capture *capture)
{
	struct edudma_stream_status status = stream_status(&capture->s);
	const struct stream *s = &capture->s;

	if (status.state != EDUDMA_STREAM_ENDED || capture->given)
		soak_fail(capture->soak, "stream: stopped, in state %u, without slots %#x",
			  status.state, capture->given);
	if (status.error != ECANCELED &&
	    (status.error != EOVERFLOW || s->arg.policy != EDUDMA_STREAM_END) &&
	    (status.error != ENODEV || !is_gone(capture)))
		soak_fail(capture->soak, "stream: ended by %s", strerror(status.error));
	if (status.flags && !is_gone(capture))
		soak_fail(capture->soak, "stream: nobody counted what was produced");
	if (status.produced != status.delivered + status.lost ||
	    status.delivered != s->delivered ||
	    status.produced - s->end + s->lost != status.lost)
		soak_fail(capture->soak, "stream: %llu produced, %llu delivered and %llu lost; %llu and %llu in frames, the last ends at %llu",
			  (unsigned long long)status.produced,
			  (unsigned long long)status.delivered,
			  (unsigned long long)status.lost,
			  (unsigned long long)s->delivered, (unsigned long long)s->lost,
			  (unsigned long long)s->end);
	capture->tally->lost += status.lost;
}

/* What it takes depends on others: all of it, or late, or nothing for a while. */
static void stall(struct capture *capture)
{
	if (!below(capture, 16))
		usleep(below(capture, 200000));
	else if (!below(capture, 4))
		usleep(below(capture, 10000));
}

/* From start to stop; false if there is nothing more to be had from the stream. */
static bool run(struct capture *capture)
{
	struct pollfd pfd = { .fd = capture->s.fd, .events = POLLIN };
	unsigned int left = below(capture, MOST_FRAMES), count;
	struct stream *s = &capture->s;

	s->end = 0;
	s->lost = 0;
	s->delivered = 0;
	if (has_failed(capture, "start", stream_start(s)))
		return false;
	while (left && !soak_over(capture->soak)) {
		give_any(capture);
		poll(&pfd, 1, 100);
		count = take_all(capture);
		left -= count < left ? count : left;
		if (!count && pfd.revents & POLLHUP)
			break;
		stall(capture);
	}
	stream_stop(s);
	take_all(capture);
	check_sums(capture);
	capture->tally->streams++;
	return below(capture, 4);
}

void soak_capture(struct soak *soak, unsigned int nr, unsigned int life)
{
	const struct sigaction action = { .sa_handler = hear };
	struct capture capture = {
		.soak = soak, .tally = &soak->tally[nr],
		.random = soak->seed + 1000 * nr + 100003 * life,
	};

	sigaction(SIGUSR1, &action, NULL);
	while (open_node(&capture)) {
		if (make_stream(&capture)) {
			while (!soak_over(soak) && run(&capture))
				;
			/* In the one order as in the other. */
			if (below(&capture, 2)) {
				close(capture.node);
				capture.node = -1;
			}
			stream_close(&capture.s);
		}
		if (capture.node >= 0)
			close(capture.node);
	}
	_exit(0);
}
