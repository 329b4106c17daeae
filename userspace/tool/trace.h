/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of "edudma trace" share: events, what they tell, and how it is written. */
#ifndef _TRACE_H
#define _TRACE_H

#include <stdio.h>

#include "tool.h"

#define TRACE_NAME_MAX	32

/* The driver's trace events, as driver/trace.h has them. */
enum trace_kind {
	TRACE_REQUEST_START,
	TRACE_REQUEST_END,
	TRACE_GRANT,
	TRACE_PIN,
	TRACE_UNPIN,
	TRACE_COPY_BACK,
	TRACE_REDIRTY,
	TRACE_MAP,
	TRACE_UNMAP,
	TRACE_POST,
	TRACE_REAP,
	TRACE_INTERRUPT,
	TRACE_RECOVERY,
	TRACE_FRAME,
	TRACE_KINDS,
};

/* Fields of trace events; an event has some of them. */
enum trace_field {
	FIELD_ID,
	FIELD_DEV,
	FIELD_CHANNEL,
	FIELD_BYTES,
	FIELD_PAGES,
	FIELD_DESCRIPTORS,
	FIELD_FIRST,
	FIELD_SEGMENTS,
	FIELD_ASYNC,
	FIELD_STATE,
	FIELD_POSTED,
	FIELD_ERROR,
	FIELD_SLOT,
	FIELD_SEQUENCE,
	FIELD_LOST,
	TRACE_FIELDS,
};

/* Values of FIELD_STATE: enum edudma_grant_state of the driver. */
enum trace_grant {
	GRANT_NONE,
	GRANT_WAITING,
	GRANT_STAGED,
	GRANT_RUNNING,
	GRANT_YIELDING,
	GRANT_ENDED,
};

extern const char *const trace_kind_names[TRACE_KINDS];
extern const char *const trace_field_names[TRACE_FIELDS];

/**
 * struct trace_event - one event
 * @ns:		CLOCK_MONOTONIC
 * @kind:	which event
 * @pid:	thread that ran; in an interrupt, the one that was interrupted
 * @cpu:	processor
 * @fields:	which of @value it has: bit N for enum trace_field N
 * @value:	its fields
 */
struct trace_event {
	int64_t ns;
	enum trace_kind kind;
	int pid;
	int cpu;
	uint32_t fields;
	int64_t value[TRACE_FIELDS];
};

/**
 * struct trace_thread - a thread that submitted requests
 * @pid:	its number
 * @name:	its name
 */
struct trace_thread {
	int pid;
	char name[TRACE_NAME_MAX];
};

/**
 * struct trace - what was recorded
 * @command:	the command line
 * @events:	in the order of time
 * @nr_events:	of them
 * @size:	room for so many
 * @lost:	events that the kernel had no room for
 * @threads:	in the order in which they appeared
 * @nr_threads:	of them
 */
struct trace {
	char *command;
	struct trace_event *events;
	size_t nr_events;
	size_t size;
	uint64_t lost;
	struct trace_thread *threads;
	unsigned int nr_threads;
};

/* trace_record.c */

/**
 * trace_record() - run a command, and record the events meanwhile
 * @trace:	filled in; trace_free() it, whatever is returned
 * @argv:	the command and its arguments
 * @buffer:	bytes of the kernel's buffer for each processor
 * @result:	where the command's exit status goes, as a shell has it
 *
 * In a tracing instance of its own, so that nobody else's tracing is disturbed.
 *
 * Return: a status; other than STATUS_OK it has been reported.
 */
int trace_record(struct trace *trace, char **argv, uint64_t buffer, int *result);

/**
 * trace_free() - free what a trace has
 * @trace:	the trace
 */
void trace_free(struct trace *trace);

/* trace_life.c */

/* What a request spends its time on, in order. */
enum trace_phase {
	PHASE_WAIT,
	PHASE_PIN,
	PHASE_MAP,
	PHASE_QUEUE,
	PHASE_DEVICE,
	PHASE_RELEASE,
	PHASE_RETURN,
	TRACE_PHASES,
};

/**
 * struct trace_chunk - a part of a request: what is pinned and moved as one
 * @request:	which one
 * @pages:	pinned
 * @bytes:	of its memory
 * @descriptors: transfers by the device; 0 if it was never mapped
 * @dev:	device
 * @channel:	channel
 * @retired:	descriptors that have ended
 * @unmapped:	it was mapped, and is not any more
 * @copied:	a workqueue copied it
 * @begin:	when each phase began, 0 if it did not
 * @end:	when it ended
 */
struct trace_chunk {
	size_t request;
	unsigned int pages;
	uint64_t bytes;
	unsigned int descriptors;
	unsigned int dev;
	unsigned int channel;
	unsigned int retired;
	bool unmapped;
	bool copied;
	int64_t begin[TRACE_PHASES];
	int64_t end[TRACE_PHASES];
};

/**
 * struct trace_request - the life of a request, or of a stream
 * @id:		as the events have it
 * @thread:	index of the one that submitted it; that of none for a stream
 * @pid:	its number
 * @dev:	device
 * @segments:	of its vector
 * @async:	nobody waits for it
 * @stream:	it is a stream: @begin and @end are its first and last frame
 * @ended:	its end was seen
 * @want:	bytes asked for
 * @bytes:	bytes moved
 * @error:	negative errno, or 0
 * @begin:	when it began
 * @end:	when it ended
 * @busy:	when the last of its memory was released, if that is later
 * @returning:	when the last of its memory was released before its end
 * @chunks:	of it
 * @phase:	nanoseconds in each phase
 */
struct trace_request {
	uint64_t id;
	unsigned int thread;
	int pid;
	unsigned int dev;
	unsigned int segments;
	bool async;
	bool stream;
	bool ended;
	uint64_t want;
	uint64_t bytes;
	int error;
	int64_t begin;
	int64_t end;
	int64_t busy;
	int64_t returning;
	unsigned int chunks;
	int64_t phase[TRACE_PHASES];
};

/**
 * struct trace_wait - a request's place in the queue of its channel
 * @request:	which one
 * @dev:	device
 * @channel:	channel
 * @state:	waiting, staged or running
 * @begin:	from
 * @end:	to
 */
struct trace_wait {
	size_t request;
	unsigned int dev;
	unsigned int channel;
	enum trace_grant state;
	int64_t begin;
	int64_t end;
};

/**
 * struct trace_lives - what a trace tells
 * @trace:	the trace
 * @requests:	in the order of their beginning
 * @nr_requests: of them
 * @chunks:	in the order of their pinning
 * @nr_chunks:	of them
 * @waits:	in the order of their beginning
 * @nr_waits:	of them
 * @strangers:	events of requests whose beginning was not seen
 */
struct trace_lives {
	const struct trace *trace;
	struct trace_request *requests;
	size_t nr_requests;
	struct trace_chunk *chunks;
	size_t nr_chunks;
	struct trace_wait *waits;
	size_t nr_waits;
	uint64_t strangers;
};

/**
 * struct trace_times - durations of many
 * @count:	of them
 * @sum:	of all
 * @median:	half of them were not longer
 * @p99:	99 of 100 were not longer
 * @longest:	of all
 */
struct trace_times {
	uint64_t count;
	int64_t sum;
	int64_t median;
	int64_t p99;
	int64_t longest;
};

extern const char *const trace_phase_names[TRACE_PHASES];
extern const char *const trace_phase_texts[TRACE_PHASES];

/**
 * trace_lives_find() - follow each request through its events
 * @lives:	filled in; trace_lives_free() it
 * @trace:	the trace, which must stay
 *
 * Return: a status; other than STATUS_OK it has been reported.
 */
int trace_lives_find(struct trace_lives *lives, const struct trace *trace);

/**
 * trace_lives_free() - free them
 * @lives:	the lives
 */
void trace_lives_free(struct trace_lives *lives);

/**
 * trace_lives_times() - the times of all requests in a phase
 * @lives:	the lives
 * @phase:	the phase; TRACE_PHASES for the whole request
 *
 * Return: the times, in nanoseconds, of the requests that were in it.
 */
struct trace_times trace_lives_times(const struct trace_lives *lives, enum trace_phase phase);

/**
 * trace_time() - write a time for people
 * @ns:		nanoseconds
 * @text:	where it goes, such as "12.3 ms"
 *
 * Return: @text.
 */
char *trace_time(int64_t ns, char text[static 16]);

/* trace_device.c: the device's own trace, as QEMU writes it */

enum trace_doing {
	DOING_DOORBELL,
	DOING_FETCH,
	DOING_MOVE,
	DOING_INTERRUPT,
};

/**
 * struct trace_deed - what the device did
 * @doing:	what
 * @channel:	channel; of an interrupt, the vector
 * @descriptors: of a doorbell, how many there are more
 * @begin:	from
 * @end:	to
 */
struct trace_deed {
	enum trace_doing doing;
	unsigned int channel;
	unsigned int descriptors;
	int64_t begin;
	int64_t end;
};

/**
 * struct trace_device - what the device did, at the times of the trace
 * @deeds:	in the order of time
 * @nr_deeds:	of them
 * @size:	room for them
 * @uncertain:	nanoseconds: their times may be off by so much either way
 */
struct trace_device {
	struct trace_deed *deeds;
	size_t nr_deeds;
	size_t size;
	int64_t uncertain;
};

/**
 * trace_device_read() - read QEMU's log, and find how its clock relates to the trace's
 * @device:	filled in; free() its @deeds
 * @path:	the log, with the events of an edu-sg
 * @trace:	the trace
 *
 * Return: a status; other than STATUS_OK it has been reported.
 */
int trace_device_read(struct trace_device *device, const char *path,
		      const struct trace *trace);

/* trace_json.c, trace_svg.c */

/**
 * trace_write_json() - write in the trace event format of Chrome and Perfetto
 * @file:	to this
 * @lives:	what was recorded
 * @device:	what the device did; NULL if that is not known
 */
void trace_write_json(FILE *file, const struct trace_lives *lives,
		      const struct trace_device *device);

/**
 * trace_write_svg() - draw the timeline
 * @file:	to this
 * @lives:	what was recorded
 * @device:	what the device did; NULL if that is not known
 *
 * Return: a status; other than STATUS_OK it has been reported.
 */
int trace_write_svg(FILE *file, const struct trace_lives *lives,
		    const struct trace_device *device);

#endif /* _TRACE_H */
