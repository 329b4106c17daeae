/* SPDX-License-Identifier: GPL-2.0-only */
/* What edudma capture and edudma play share. */
#ifndef _STREAMS_H
#define _STREAMS_H

#include <edudma_stream.h>

#include "tool.h"

/* Short and long options of both; a command adds its own. */
#define STREAM_SHORT_OPTIONS	":d:n:t:r:f:b:p:S:sqjh"
#define STREAM_LONG_OPTIONS						\
	{ "device", required_argument, NULL, 'd' },			\
	{ "count", required_argument, NULL, 'n' },			\
	{ "time", required_argument, NULL, 't' },			\
	{ "rate", required_argument, NULL, 'r' },			\
	{ "frame", required_argument, NULL, 'f' },			\
	{ "buffers", required_argument, NULL, 'b' },			\
	{ "pattern", required_argument, NULL, 'p' },			\
	{ "stall", required_argument, NULL, 'S' },			\
	{ "strict", no_argument, NULL, 's' },				\
	{ "quiet", no_argument, NULL, 'q' },				\
	{ "json", no_argument, NULL, 'j' },				\
	{ "help", no_argument, NULL, 'h' }

#define STREAM_FRAME_DEFAULT	(64U << 10)
#define STREAM_BUFFERS_DEFAULT	16

/**
 * struct run - a stream that a command runs
 * @device:	what --device said
 * @options:	of the stream
 * @pattern_given: there was a --pattern
 * @count:	frames that are asked for, 0 for any number
 * @seconds:	how long to run, 0 for any time
 * @stall_ms:	how long to sleep after a frame
 * @stall_every: after which of the frames: each so many
 * @strict:	what is lost is a failure
 * @quiet:	no progress and no result
 * @json:	print the result as JSON
 * @dev:	open device
 * @stream:	open stream
 * @progress:	the bar
 * @end_ns:	when @seconds are over
 * @took:	seconds that it ran
 * @frames:	frames that were moved
 * @bytes:	of these
 * @errors:	of these that were not whole, and of buffers that came back empty
 * @lost:	bytes that were lost before the last of them
 * @lost_frames: frames that were lost there
 * @gaps:	in how many places
 * @next:	sequence of the next frame, if none is lost
 * @position:	where the last frame ended
 * @disorder:	frames that did not go on where the one before ended
 * @reason:	why the stream has ended by itself, a negative errno; 0 if it has not
 * @status:	what the driver says in the end
 */
struct run {
	const char *device;
	struct edudma_stream_options options;
	bool pattern_given;
	uint64_t count;
	double seconds;
	uint64_t stall_ms;
	uint64_t stall_every;
	bool strict;
	bool quiet;
	bool json;
	struct edudma *dev;
	struct edudma_stream *stream;
	struct progress progress;
	int64_t end_ns;
	double took;
	uint64_t frames;
	uint64_t bytes;
	uint64_t errors;
	uint64_t lost;
	uint64_t lost_frames;
	uint64_t gaps;
	uint64_t next;
	uint64_t position;
	uint64_t disorder;
	int reason;
	struct edudma_stream_status status;
};

/**
 * run_init() - options that nobody has given yet
 * @run:	filled in
 * @direction:	of the stream
 */
void run_init(struct run *run, uint32_t direction);

/**
 * run_option() - one of STREAM_SHORT_OPTIONS, but for 'h' and what is wrong
 * @run:	takes it
 * @opt:	what getopt_long() returned
 *
 * Return: STATUS_OK or STATUS_USAGE, reported.
 */
int run_option(struct run *run, int opt);

/**
 * run_check() - do the options fit together?
 * @run:	all options
 *
 * Return: STATUS_OK or STATUS_USAGE, reported.
 */
int run_check(const struct run *run);

/**
 * run_open() - open device and stream, report failure
 * @run:	filled in; run_close() must follow, also after a failure
 *
 * Return: a status.
 */
int run_open(struct run *run);

/**
 * run_close() - close what run_open() has opened
 * @run:	the stream
 */
void run_close(struct run *run);

/**
 * run_start() - start the stream and the clock, report failure
 * @run:	the stream
 *
 * Return: a status.
 */
int run_start(struct run *run);

/**
 * run_next() - wait for the next frame
 * @run:	the stream, which runs
 * @over:	give up when time is over
 * @frame:	where it goes; the command's
 *
 * Return: 1 for a frame; 0 if there is none: a signal was caught, time is over, or the
 * stream has ended by itself, for @run->reason.
 */
int run_next(struct run *run, bool over, const struct edudma_frame **frame);

/**
 * run_account() - count a frame
 * @run:	the stream
 * @frame:	from run_next()
 *
 * Return: frames that were lost before it.
 */
uint64_t run_account(struct run *run, const struct edudma_frame *frame);

/**
 * run_stall() - sleep after a frame, if that was asked for
 * @run:	the stream
 */
void run_stall(const struct run *run);

/**
 * run_finish() - stop, and ask the driver what has become of the stream
 * @run:	the stream; frames that nobody took are left in it
 *
 * Return: a status.
 */
int run_finish(struct run *run);

/**
 * run_judge() - did it go as the driver, the device and the user have it?
 * @run:	a stream that was finished
 * @left:	bytes that it delivered and the command did not take
 *
 * Return: a status; other than STATUS_OK it has been reported.
 */
int run_judge(const struct run *run, uint64_t left);

/**
 * run_json() - the result of both commands
 * @run:	a stream that was finished
 *
 * Return: an object to add to.
 */
struct json_object *run_json(const struct run *run);

/* picture.c: the last frames as an image, 256 columns wide */

/**
 * struct picture - lines of frames, in a ring
 * @lines:	memory, or NULL if no picture is asked for
 * @count:	lines added so far
 */
struct picture {
	unsigned char *lines;
	uint64_t count;
};

/**
 * picture_add() - add a frame
 * @picture:	picture
 * @frame:	its bytes become lines
 * @lost:	frames that were lost before it: they become a band of squares
 */
void picture_add(struct picture *picture, const struct edudma_frame *frame, uint64_t lost);

/**
 * picture_init() - start a picture
 * @picture:	filled in
 *
 * Return: a status.
 */
int picture_init(struct picture *picture);

/**
 * picture_write() - write it as a PGM file
 * @picture:	picture; freed
 * @path:	file
 *
 * Return: a status.
 */
int picture_write(struct picture *picture, const char *path);

#endif /* _STREAMS_H */
