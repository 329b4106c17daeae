// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace event format of Chrome, which Perfetto reads: an event an object, written one
 * after the other, since there may be many.
 *
 * Requests and their phases are tracks of their own, as several can be under way; the
 * events themselves lie in the threads in which they happened.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "trace.h"

/* Stands for the devices among the processes. */
#define DEVICES		0
#define CHANNELS	64
/* The device's own track comes behind those of the channels. */
#define DEVICE_TRACK	1000

/**
 * struct writer - the list of events
 * @file:	to this
 * @first:	nothing was written yet
 * @begin:	time of the first event
 */
struct writer {
	FILE *file;
	bool first;
	int64_t begin;
};

/* Takes the object. */
static void write_object(struct writer *writer, struct json_object *object)
{
	fprintf(writer->file, "%s\n%s", writer->first ? "" : ",",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
					       JSON_C_TO_STRING_NOSLASHESCAPE));
	writer->first = false;
	json_object_put(object);
}

/* Microseconds, as the format has them. */
static void add_time(struct json_object *object, const char *key, int64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64 ".%03d", ns / 1000, (int)(ns % 1000));
	json_object_object_add(object, key, json_object_new_double_s((double)ns / 1000, text));
}

static struct json_object *new_event(struct writer *writer, const char *phase,
				     const char *name, int64_t ns, int pid, int tid)
{
	struct json_object *object = json_object_new_object();

	json_add_string(object, "ph", phase);
	json_add_string(object, "name", name);
	add_time(object, "ts", ns - writer->begin);
	json_object_object_add(object, "pid", json_object_new_int(pid));
	json_object_object_add(object, "tid", json_object_new_int(tid));
	return object;
}

static void write_name(struct writer *writer, const char *what, int pid, int tid,
		       const char *format, ...)
{
	struct json_object *object, *args = json_object_new_object();
	char text[64];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	object = new_event(writer, "M", what, writer->begin, pid, tid);
	json_add_string(args, "name", text);
	json_object_object_add(object, "args", args);
	write_object(writer, object);
}

/* A time in a track of its own. */
static void write_span(struct writer *writer, const char *category, const char *id,
		       const char *name, int pid, int64_t begin, int64_t end)
{
	const struct {
		const char *phase;
		int64_t ns;
	} ends[] = { { "b", begin }, { "e", end } };
	struct json_object *object;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		object = new_event(writer, ends[i].phase, name, ends[i].ns, pid, pid);
		json_add_string(object, "cat", category);
		json_add_string(object, "id", id);
		write_object(writer, object);
	}
}

static void write_requests(struct writer *writer, const struct trace_lives *lives)
{
	char id[32], name[64], size[16];
	enum trace_phase phase;
	size_t i;

	for (i = 0; i < lives->nr_requests; i++) {
		const struct trace_request *request = &lives->requests[i];

		snprintf(id, sizeof(id), "%" PRIu64, request->id);
		snprintf(name, sizeof(name), "%s %" PRIu64 ": %s",
			 request->stream ? "stream" : "request", request->id,
			 format_size(request->bytes, size));
		write_span(writer, "request", id, name, request->pid, request->begin,
			   request->end);
	}
	for (i = 0; i < lives->nr_chunks; i++) {
		const struct trace_chunk *chunk = &lives->chunks[i];
		const struct trace_request *request = &lives->requests[chunk->request];

		snprintf(id, sizeof(id), "%" PRIu64 ".%zu", request->id, i);
		for (phase = 0; phase < TRACE_PHASES; phase++)
			if (chunk->begin[phase])
				write_span(writer, "phase", id, trace_phase_names[phase],
					   request->pid, chunk->begin[phase],
					   chunk->end[phase]);
	}
}

static void write_events(struct writer *writer, const struct trace *trace)
{
	struct json_object *object, *args;
	int64_t pinned = 0;
	unsigned int field;
	size_t i;

	for (i = 0; i < trace->nr_events; i++) {
		const struct trace_event *event = &trace->events[i];

		object = new_event(writer, "i", trace_kind_names[event->kind], event->ns,
				   event->pid, event->pid);
		json_add_string(object, "s", "t");
		json_add_string(object, "cat", "edudma");
		args = json_object_new_object();
		for (field = 0; field < TRACE_FIELDS; field++)
			if (event->fields & 1U << field)
				json_object_object_add(args, trace_field_names[field],
						       json_object_new_int64(event->value[field]));
		json_object_object_add(args, "cpu", json_object_new_int(event->cpu));
		json_object_object_add(object, "args", args);
		write_object(writer, object);

		if (event->kind != TRACE_PIN && event->kind != TRACE_UNPIN)
			continue;
		pinned += event->kind == TRACE_PIN ? event->value[FIELD_PAGES] :
						     -event->value[FIELD_PAGES];
		object = new_event(writer, "C", "pages pinned", event->ns, DEVICES, 0);
		args = json_object_new_object();
		json_object_object_add(args, "pages", json_object_new_int64(pinned));
		json_object_object_add(object, "args", args);
		write_object(writer, object);
	}
}

/* A track for each channel, and one for each that the device itself tells of. */
static void write_channels(struct writer *writer, const struct trace_lives *lives,
			   const struct trace_device *device)
{
	static const char *const doings[] = {
		[DOING_DOORBELL] = "doorbell", [DOING_FETCH] = "fetch",
		[DOING_MOVE] = "move", [DOING_INTERRUPT] = "interrupt",
	};
	bool named[DEVICE_TRACK] = {};
	struct json_object *object;
	int track;
	size_t i;

	write_name(writer, "process_name", DEVICES, 0, "edudma");
	for (i = 0; i < lives->nr_chunks; i++) {
		const struct trace_chunk *chunk = &lives->chunks[i];

		if (!chunk->begin[PHASE_DEVICE])
			continue;
		track = 1 + (chunk->dev * CHANNELS + chunk->channel) % (DEVICE_TRACK - 1);
		if (!named[track])
			write_name(writer, "thread_name", DEVICES, track,
				   "edudma%u channel %u", chunk->dev, chunk->channel);
		named[track] = true;
		object = new_event(writer, "X", "device", chunk->begin[PHASE_DEVICE], DEVICES,
				   track);
		add_time(object, "dur", chunk->end[PHASE_DEVICE] - chunk->begin[PHASE_DEVICE]);
		write_object(writer, object);
	}
	for (i = 0; device && i < device->nr_deeds; i++) {
		const struct trace_deed *deed = &device->deeds[i];

		object = new_event(writer, "X", doings[deed->doing], deed->begin, DEVICES,
				   DEVICE_TRACK);
		add_time(object, "dur", deed->end - deed->begin);
		write_object(writer, object);
	}
	if (device)
		write_name(writer, "thread_name", DEVICES, DEVICE_TRACK,
			   "as QEMU tells, +- %" PRId64 " ns", device->uncertain);
}

void trace_write_json(FILE *file, const struct trace_lives *lives,
		      const struct trace_device *device)
{
	const struct trace *trace = lives->trace;
	struct writer writer = { .file = file, .first = true };
	struct json_object *other = json_object_new_object();
	unsigned int i;

	if (trace->nr_events)
		writer.begin = trace->events[0].ns;
	json_add_string(other, "command", trace->command);
	json_add_u64(other, "events", trace->nr_events);
	json_add_u64(other, "lost", trace->lost);
	if (device)
		json_add_u64(other, "device_uncertain_ns", device->uncertain);
	fprintf(file, "{\"displayTimeUnit\":\"ns\",\"otherData\":%s,\"traceEvents\":[",
		json_object_to_json_string_ext(other, JSON_C_TO_STRING_PLAIN));
	json_object_put(other);
	for (i = 0; i < trace->nr_threads; i++)
		write_name(&writer, "process_name", trace->threads[i].pid,
			   trace->threads[i].pid, "%s", trace->threads[i].name);
	write_requests(&writer, lives);
	write_channels(&writer, lives, device);
	write_events(&writer, trace);
	fprintf(file, "\n]}\n");
}
