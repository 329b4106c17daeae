// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams that are judged: sources whose slots are memory that no other call can reach.
 * What they write is where they were to write it and what it must be; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define LEAST_BYTES	64	/* of a frame */
#define MOST_BYTES	6000
#define MOST_SLOTS	8
/* What is in a slot that is the user's. */
#define EMPTY		0xee

/* What a stream may end with, and slots may come back with. */
static const uint32_t ends[] = {
	ECANCELED, EPROTO, EOVERFLOW, ESHUTDOWN, ENODEV, ETIMEDOUT, EIO,
};

static bool is_end(uint32_t error)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(ends); i++)
		if (ends[i] == error)
			return true;
	return false;
}

/* Bits of @mode: the ramp, a header, and above them the policy. */
static struct edudma_stream_create settings(const uint64_t *arg)
{
	bool ramp = arg[4] & 1, header = !ramp && arg[4] & 2;

	return (struct edudma_stream_create) {
		.rate = arg[3],
		.nr_slots = 1 + arg[5] % MOST_SLOTS,
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = LEAST_BYTES + arg[2] % (MOST_BYTES - LEAST_BYTES),
		.pattern = ramp ? EDUDMA_PATTERN_RAMP : EDUDMA_PATTERN_COUNTER,
		.policy = (arg[4] >> 2) % 3,
		.flags = header ? EDUDMA_STREAM_HEADER : 0,
	};
}

int fuzz_capture(struct fuzz_run *run, const uint64_t *arg)
{
	struct fuzz_stream stream = {
		.own = true,
		.breaks = __atomic_load_n(&run->fuzz->breaks, __ATOMIC_SEQ_CST),
	};
	int node = fuzz_open_node(run, arg[1], O_RDWR);
	int err, old;

	if (node < 0)
		return errno;
	err = stream_open(&stream.s, node, settings(arg));
	close(node);
	if (err)
		return err;
	stream.s.fd = fuzz_move_file(stream.s.fd);
	if (stream.s.fd < 0)
		die("fcntl");
	old = fuzz_set_file(run, arg[0], stream.s.fd, &stream);
	if (old >= 0)
		close(old);
	return 0;
}

/* Nobody else has written to its rings. */
static bool is_honest(const struct fuzz_run *run, const struct fuzz_stream *stream)
{
	return !run->maps && !stream->scribbled;
}

bool fuzz_give(struct fuzz_run *run, struct fuzz_stream *stream, uint64_t slot)
{
	struct stream *s = &stream->s;
	unsigned int i, at = 0;

	for (i = 0; i < s->arg.nr_slots; i++) {
		at = (slot + i) % s->arg.nr_slots;
		if (!(stream->given & 1u << at))
			break;
	}
	if (i == s->arg.nr_slots)
		return false;
	if (is_honest(run, stream) && !all_bytes_are(stream_slot(s, at), s->slot_bytes, EMPTY))
		fuzz_fail(run->fuzz, "slot %u was written to while it was the user's", at);
	stream->given |= 1u << at;
	stream_put(s, at, 0);
	return true;
}

/* The header must be that of the frame; then the pattern takes its place. */
static bool check_header(struct stream *s, const struct edudma_stream_frame *frame)
{
	const struct edudma_frame_header expected = {
		.magic = EDUDMA_FRAME_MAGIC, .bytes = s->arg.frame_bytes,
		.sequence = frame->position / s->arg.frame_bytes, .position = frame->position,
		.timestamp = frame->timestamp,
	};
	uint8_t *bytes = stream_slot(s, frame->slot);
	size_t len = frame->bytes < sizeof(expected) ? frame->bytes : sizeof(expected);

	if (memcmp(bytes, &expected, len))
		return false;
	counter_fill(bytes, len, frame->position);
	return true;
}

/* What a device that works says of a frame. */
static void check_frame(struct fuzz *fuzz, struct stream *s,
			const struct edudma_stream_frame *frame, uint64_t end)
{
	bool whole = frame->flags & EDUDMA_FRAME_WHOLE;
	bool full = frame->bytes == s->arg.frame_bytes;
	uint64_t begin = frame->position - frame->lost;

	/* It was started anew if it begins at 0. */
	if (begin && begin != end)
		fuzz_fail(fuzz, "stream: a frame at %llu, %llu lost, after one that ended at %llu",
			  (unsigned long long)frame->position,
			  (unsigned long long)frame->lost, (unsigned long long)end);
	/* The device counts frames modulo 2^32, and may lose more than that at once. */
	if (frame->position % s->arg.frame_bytes ||
	    (uint32_t)(frame->position / s->arg.frame_bytes) != (uint32_t)frame->sequence)
		fuzz_fail(fuzz, "stream: frame %llu of %u bytes at %llu",
			  (unsigned long long)frame->sequence, s->arg.frame_bytes,
			  (unsigned long long)frame->position);
	if (whole != full || (whole && frame->error))
		fuzz_fail(fuzz, "stream: a frame of %u of %u bytes, flags %#x, error %u",
			  frame->bytes, s->arg.frame_bytes, frame->flags, frame->error);
	if (s->arg.flags && !check_header(s, frame))
		fuzz_fail(fuzz, "stream: a header is wrong");
	if (stream_differs(s, frame, s->arg.pattern) != frame->bytes)
		fuzz_fail(fuzz, "stream: %u bytes at %llu are wrong from %zu on", frame->bytes,
			  (unsigned long long)frame->position,
			  stream_differs(s, frame, s->arg.pattern));
}

/* Of slots that only it has. */
static void check_slot(struct fuzz *fuzz, struct fuzz_stream *stream,
		       const struct edudma_stream_frame *frame, uint64_t end)
{
	struct stream *s = &stream->s;

	if (!(stream->given & 1u << frame->slot)) {
		fuzz_fail(fuzz, "stream: slot %u comes back, which is the user's", frame->slot);
		return;
	}
	stream->given &= ~(1u << frame->slot);
	if (frame->error == EPROTO)
		fuzz_fail(fuzz, "stream: EPROTO, but all entries were good");
	if (frame->bytes &&
	    __atomic_load_n(&fuzz->breaks, __ATOMIC_SEQ_CST) == stream->breaks &&
	    !fuzz->faulty)
		check_frame(fuzz, s, frame, end);
	memset(stream_slot(s, frame->slot), EMPTY, s->slot_bytes);
}

void fuzz_judge_frame(struct fuzz_run *run, struct fuzz_stream *stream,
		      const struct edudma_stream_frame *frame, uint64_t end)
{
	struct fuzz *fuzz = run->fuzz;
	/* A device that is broken may say that there are more in what a slot has room for. */
	uint32_t most = stream->own ? stream->s.slot_bytes : stream->s.arg.frame_bytes;

	if (!is_honest(run, stream))
		return;
	if (frame->slot >= stream->s.arg.nr_slots) {
		fuzz_fail(fuzz, "stream: a frame in slot %u of %u", frame->slot,
			  stream->s.arg.nr_slots);
		return;
	}
	if (frame->bytes > most &&
	    (stream->own || __atomic_load_n(&fuzz->breaks, __ATOMIC_SEQ_CST) == stream->breaks))
		fuzz_fail(fuzz, "stream: a frame of %u bytes, not %u", frame->bytes, most);
	if (frame->error && !is_end(frame->error))
		fuzz_fail(fuzz, "stream: a frame with error %u", frame->error);
	if (frame->error == EIO && !__atomic_load_n(&fuzz->breaks, __ATOMIC_SEQ_CST))
		fuzz_fail(fuzz, "stream: a frame with EIO, but no device was broken");
	if (!frame->bytes && !frame->error)
		fuzz_fail(fuzz, "stream: a frame without bytes and error");
	if (stream->own)
		check_slot(fuzz, stream, frame, end);
}

void fuzz_judge_status(struct fuzz_run *run, const struct edudma_stream_status *status)
{
	struct fuzz *fuzz = run->fuzz;
	bool ended = status->state == EDUDMA_STREAM_ENDED;
	bool good = status->first_mismatch == UINT64_MAX;

	if (status->delivered > status->produced ||
	    status->produced != status->delivered + status->lost)
		fuzz_fail(fuzz, "stream: %llu produced, %llu delivered, %llu lost",
			  (unsigned long long)status->produced,
			  (unsigned long long)status->delivered,
			  (unsigned long long)status->lost);
	if (!status->frames != !status->delivered)
		fuzz_fail(fuzz, "stream: %llu frames of %llu bytes",
			  (unsigned long long)status->frames,
			  (unsigned long long)status->delivered);
	if (status->state > EDUDMA_STREAM_ENDED || status->reserved ||
	    status->flags & ~EDUDMA_STREAM_UNCOUNTED || (status->flags && !ended))
		fuzz_fail(fuzz, "stream: state %u, flags %#x", status->state, status->flags);
	if (ended ? !is_end(status->error) : status->error)
		fuzz_fail(fuzz, "stream: state %u, error %u", status->state, status->error);
	if (status->error == EIO && !__atomic_load_n(&fuzz->breaks, __ATOMIC_SEQ_CST))
		fuzz_fail(fuzz, "stream: EIO, but no device was broken");
	if (!status->mismatches != good)
		fuzz_fail(fuzz, "stream: %llu mismatches, the first at %llu",
			  (unsigned long long)status->mismatches,
			  (unsigned long long)status->first_mismatch);
}

/* Of a stream that was started once, all that it says is the sum of its frames. */
static void add_up(struct fuzz *fuzz, const struct stream *s,
		   const struct edudma_stream_status *status)
{
	if (status->delivered != s->delivered)
		fuzz_fail(fuzz, "stream: %llu bytes delivered, %llu in frames",
			  (unsigned long long)status->delivered,
			  (unsigned long long)s->delivered);
	if (status->produced - s->end + s->lost != status->lost)
		fuzz_fail(fuzz, "stream: %llu lost, %llu in frames, %llu behind the last",
			  (unsigned long long)status->lost, (unsigned long long)s->lost,
			  (unsigned long long)(status->produced - s->end));
}

static void finish(struct fuzz_run *run, struct fuzz_stream *stream)
{
	struct edudma_stream_frame frame;
	struct stream *s = &stream->s;
	bool runs = stream_status(s).state == EDUDMA_STREAM_RUNNING;
	struct edudma_stream_status status;
	uint64_t end = s->end;

	if (stream_stop(s)) {
		fuzz_fail(run->fuzz, "stream: it cannot be stopped");
		return;
	}
	status = stream_status(s);
	fuzz_judge_status(run, &status);
	if (!is_honest(run, stream))
		return;
	for (; stream_take(s, &frame); end = s->end)
		fuzz_judge_frame(run, stream, &frame, end);
	if (status.state == EDUDMA_STREAM_IDLE ||
	    __atomic_load_n(&run->fuzz->breaks, __ATOMIC_SEQ_CST) != stream->breaks)
		return;
	/* Those that were given to a stream that does not run stay in the ring. */
	if (runs ? stream->given :
	    (uint32_t)__builtin_popcount(stream->given) != s->given - s->rings->fill_head)
		fuzz_fail(run->fuzz, "stream: slots %#x do not come back", stream->given);
	if (run->starts == 1)
		add_up(run->fuzz, s, &status);
}

void fuzz_finish_streams(struct fuzz_run *run)
{
	unsigned int i;

	for (i = 0; i < FUZZ_FILES; i++)
		if (run->streams[i].own)
			finish(run, &run->streams[i]);
}
