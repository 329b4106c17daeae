/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libedudma: streams.  The device produces frames (a source) or asks for them (a sink)
 * at its own rate, in memory that is pinned and mapped once.
 *
 * The memory of a stream is divided into buffers, each for one frame.  A buffer belongs
 * either to the program or to the device:
 *
 *   source	edudma_stream_next() takes a frame from the device, and
 *		edudma_stream_release() gives its buffer back.
 *   sink	edudma_stream_get() takes a free buffer, edudma_stream_submit() gives it
 *		to the device, edudma_stream_next() tells what has become of it, and
 *		edudma_stream_release() makes it free again.
 *
 * These four make no system call while the device has something to do and there are
 * frames to take.  A buffer cannot be given twice: the library refuses that.
 *
 * The conventions of <edudma.h> hold, but for threads: a stream is used by one thread at
 * a time.  Only edudma_stream_stop() may be called by another one meanwhile.
 */
#ifndef _EDUDMA_STREAM_H
#define _EDUDMA_STREAM_H

#include <edudma.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct edudma_stream - a stream
 *
 * Made by edudma_stream_open(), freed by edudma_stream_close().
 */
struct edudma_stream;

/**
 * struct edudma_stream_options - what stream to make; zero what is not needed
 * @size:	sizeof(struct edudma_stream_options).  What a caller does not have is taken
 *		for zero; what the library does not know must be
 * @direction:	EDUDMA_FROM_DEVICE for a source, EDUDMA_TO_DEVICE for a sink
 * @rate:	bytes per second; 0: a frame whenever there is a buffer for it, and none
 *		is lost
 * @frame_bytes: bytes of a frame, 64 bytes to 16 MiB; 0 is 64 KiB
 * @buffers:	1 to EDUDMA_STREAM_MAX_SLOTS; 0 is 16
 * @pattern:	enum edudma_stream_pattern: what a source produces, a sink expects
 * @policy:	enum edudma_stream_policy: what a source does when no buffer is free, and
 *		its own memory is full; 0 for a sink
 * @flags:	EDUDMA_STREAM_HEADER for a source, or 0
 * @buffer:	number of a registered buffer whose first byte is at @memory, see
 *		edudma_buffer_register(); 0: the library registers @memory and, when the
 *		stream is closed, unregisters it
 * @memory:	memory for the frames, the caller's until the stream is closed; NULL: the
 *		library allocates it.  Buffer n is at n times @frame_bytes, rounded up
 *		to a multiple of 64 bytes, or to one of 4096 bytes if it is more than that
 * @memory_bytes: size of @memory
 * @reserved:	must be zero
 */
struct edudma_stream_options {
	size_t size;
	uint32_t direction;
	uint32_t frame_bytes;
	uint64_t rate;
	uint32_t buffers;
	uint32_t pattern;
	uint32_t policy;
	uint32_t flags;
	void *memory;
	size_t memory_bytes;
	uint32_t buffer;
	uint32_t reserved;
};

/**
 * struct edudma_frame - a frame, and the buffer that it is in
 * @data:	first byte
 * @capacity:	bytes of the buffer
 * @bytes:	bytes of the frame that the device has moved
 * @position:	bytes that the stream had produced, or asked for, before this frame
 * @lost:	bytes of these that were lost between the previous frame and this one
 * @sequence:	frames that had been produced, or asked for, before this one
 * @timestamp:	the device's clock in nanoseconds when it was produced, or asked for
 * @flags:	EDUDMA_FRAME_WHOLE if all of it was moved
 * @error:	0, or the positive errno of what kept the rest from being moved.  If @bytes
 *		is 0, nothing else is told
 *
 * A frame is the library's; later releases may add members at the end.
 */
struct edudma_frame {
	void *data;
	uint32_t capacity;
	uint32_t bytes;
	uint64_t position;
	uint64_t lost;
	uint64_t sequence;
	uint64_t timestamp;
	uint32_t flags;
	int error;
};

/**
 * edudma_stream_open() - make a stream
 * @dev:	handle, opened for reading for a source, for writing for a sink; must be
 *		closed after the stream
 * @options:	see struct edudma_stream_options; not needed after the call
 * @stream:	where the stream goes; the caller frees it with edudma_stream_close()
 *
 * The memory of all buffers is registered: it counts to RLIMIT_MEMLOCK of the user.  The
 * stream does not run before edudma_stream_start().
 *
 * Return: 0; -EINVAL for options that the driver does not know, values out of range, a
 * size of @options that no version had, or @memory that is too small; -E2BIG for options
 * that only a newer library knows; -EOPNOTSUPP if the device has no streams, or the driver
 * is too old; -EBADF if @dev was not opened for this direction; -ENOENT if there is no such
 * registered buffer; -EFAULT if it is too short; what edudma_buffer_register() fails with,
 * such as -EDQUOT and -EADDRNOTAVAIL; -ENOMEM; -EMFILE; -ENODEV.
 */
int edudma_stream_open(struct edudma *dev,
		       const struct edudma_stream_options *options,
		       struct edudma_stream **stream);

/**
 * edudma_stream_close() - end a stream and free it
 * @stream:	stream, or NULL for no effect
 *
 * Its frames go with it, but for memory that is the caller's.  Waits until the device has
 * stopped.
 */
void edudma_stream_close(struct edudma_stream *stream);

/**
 * edudma_stream_fd() - file descriptor of a stream
 * @stream:	stream
 *
 * For poll(2), epoll(7) and IORING_OP_POLL_ADD: POLLIN when there is a frame, POLLHUP
 * when the stream has ended.  It belongs to @stream and must not be closed.
 *
 * Return: the descriptor.
 */
int edudma_stream_fd(const struct edudma_stream *stream);

/**
 * edudma_stream_start() - take a channel of the device and start
 * @stream:	stream
 *
 * Position and sequence begin at 0.  A stream that has ended can be started again; frames
 * that were not taken are dropped, and their buffers given to the device again, or those
 * of a sink made free.
 *
 * Return: 0; -EBUSY if all channels for streams are taken; -EALREADY if it runs; -EAGAIN
 * if the device is being reset or put to sleep; -EIO, -ENOMEM, -ENODEV.
 */
int edudma_stream_start(struct edudma_stream *stream);

/**
 * edudma_stream_stop() - stop
 * @stream:	stream; has no effect if it does not run
 *
 * Frames that were complete before can still be taken: edudma_stream_next() returns them,
 * and then -ECANCELED.  Of a sink, buffers that were submitted and not consumed come back
 * as well, with 0 bytes and the error ECANCELED.  Another thread that waits in
 * edudma_stream_next() is woken.
 *
 * Return: 0 or -EINVAL.
 */
int edudma_stream_stop(struct edudma_stream *stream);

/**
 * edudma_stream_next() - take the next frame that the device has done with
 * @stream:	stream
 * @timeout_ms:	how long to wait for one, in milliseconds; 0 not at all, -1 for ever
 * @frame:	where it goes; the caller's until edudma_stream_release()
 *
 * Frames come in the order of the stream.  One with @frame->error is a frame as well: the
 * bytes before the error are good, memory behind them is not.  Buffers that a source did
 * not fill because it ended are not returned.  Makes no system call if there is a frame.
 *
 * Return: 0; -EAGAIN if there is none in time; -EINTR if a signal handler ran; -EPIPE if
 * the stream was not started.  When a stream has ended and all frames were taken, why:
 * -ECANCELED by edudma_stream_stop(), -EOVERFLOW by EDUDMA_STREAM_END, -ESHUTDOWN as the
 * device was reset or put to sleep, -ENODEV as it is gone, -ETIMEDOUT or -EIO as it
 * failed.
 */
int edudma_stream_next(struct edudma_stream *stream, int timeout_ms,
		       const struct edudma_frame **frame);

/**
 * edudma_stream_release() - give up a frame
 * @stream:	stream
 * @frame:	from edudma_stream_next() or edudma_stream_get(); in any order
 *
 * The buffer goes to the device, or of a sink, is free.  The frame must not be used any
 * more.  Makes a system call only if the device has no other buffer.
 *
 * Return: 0; -EALREADY if the frame is not the caller's, such as one that was released
 * before; -EINVAL if it is none of the stream's.
 */
int edudma_stream_release(struct edudma_stream *stream,
			  const struct edudma_frame *frame);

/**
 * edudma_stream_get() - take a free buffer of a sink
 * @stream:	a sink
 * @frame:	where it goes: up to @frame->capacity bytes of @frame->data may be written
 *
 * Return: 0; -EAGAIN if no buffer is free: edudma_stream_next() tells when one comes back;
 * -EINVAL for a source.
 */
int edudma_stream_get(struct edudma_stream *stream, const struct edudma_frame **frame);

/**
 * edudma_stream_submit() - give a buffer of a sink to the device
 * @stream:	a sink, which need not run yet
 * @frame:	from edudma_stream_get() or edudma_stream_next()
 * @bytes:	bytes to consume, 1 to @frame->capacity
 *
 * Buffers are consumed in the order in which they are submitted.
 *
 * Return: 0; -EALREADY and -EINVAL as edudma_stream_release(); -EINVAL for a source or a
 * number of bytes out of range.
 */
int edudma_stream_submit(struct edudma_stream *stream, const struct edudma_frame *frame,
			 uint32_t bytes);

/**
 * edudma_stream_get_status() - ask the driver what has become of a stream
 * @stream:	stream
 * @status:	where the answer goes
 * @size:	sizeof(*@status), as the caller knows it
 *
 * See struct edudma_stream_status: produced is delivered and lost, to the byte.
 *
 * Return: 0; -EINVAL for a NULL pointer.
 */
int edudma_stream_get_status(const struct edudma_stream *stream,
			     struct edudma_stream_status *status, size_t size);

/**
 * edudma_stream_verify() - is a frame what the source should have produced?
 * @stream:	a source
 * @frame:	from edudma_stream_next()
 * @first:	if not NULL, where in the frame the first wrong byte is; all ones if there
 *		is none
 *
 * Compares all @frame->bytes with the pattern, and with the header if the stream has one.
 *
 * Return: how many bytes are wrong.
 */
uint64_t edudma_stream_verify(const struct edudma_stream *stream,
			      const struct edudma_frame *frame, uint64_t *first);

/**
 * edudma_pattern_fill() - make bytes of a pattern
 * @pattern:	enum edudma_stream_pattern
 * @buf:	where they go
 * @len:	bytes
 * @position:	in the stream, of the first of them
 * @sequence:	number of their frame; for EDUDMA_PATTERN_RAMP only
 * @offset:	in that frame, of the first of them; for EDUDMA_PATTERN_RAMP only
 *
 * A sink counts @position in bytes that it has consumed.  Its @sequence is that divided
 * by the bytes of a frame, and its @offset the remainder.
 *
 * Return: 0; -EINVAL for an unknown pattern.
 */
int edudma_pattern_fill(uint32_t pattern, void *buf, size_t len, uint64_t position,
			uint64_t sequence, uint64_t offset);

/**
 * edudma_pattern_check() - compare bytes with a pattern
 * @pattern:	see edudma_pattern_fill()
 * @buf:	bytes to compare
 * @len:	see edudma_pattern_fill()
 * @position:	see edudma_pattern_fill()
 * @sequence:	see edudma_pattern_fill()
 * @offset:	see edudma_pattern_fill()
 * @first:	if not NULL, index of the first byte that differs; all ones if none does
 *
 * Return: how many bytes differ; all of them if the pattern is unknown.
 */
uint64_t edudma_pattern_check(uint32_t pattern, const void *buf, size_t len,
			      uint64_t position, uint64_t sequence, uint64_t offset,
			      uint64_t *first);

/**
 * edudma_pattern_name() - word for a pattern
 * @pattern:	enum edudma_stream_pattern
 *
 * Return: "counter", "prbs31", "ramp", or NULL for one that the library does not know; a
 * constant.
 */
const char *edudma_pattern_name(uint32_t pattern);

#ifdef __cplusplus
}
#endif

#endif /* _EDUDMA_STREAM_H */
