// SPDX-License-Identifier: GPL-2.0-only
/* The lanes of the timeline: processes, queue, engine, device, interrupts, memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace_draw.h"

#define LANE_HEIGHT	36
#define LANE_GAP	12
#define MEMORY_HEIGHT	48
#define ERESTARTSYS	512

/**
 * struct canvas - what all lanes need
 * @file:	to this
 * @scale:	where times are
 * @lives:	what there is
 * @chosen:	chunks of a lane
 * @nr_chosen:	of them
 * @y:		where the next lane begins
 */
struct canvas {
	FILE *file;
	const struct scale *scale;
	const struct trace_lives *lives;
	const void **chosen;
	size_t nr_chosen;
	double y;
};

static struct lane begin_lane(struct canvas *canvas, const char *name, const char *what)
{
	draw_text(canvas->file, MARGIN, canvas->y + 15, "b", "%s", name);
	draw_text(canvas->file, MARGIN, canvas->y + 31, "s", "%s", what);
	return (struct lane){
		.file = canvas->file, .scale = canvas->scale, .top = canvas->y,
	};
}

static void end_lane(struct canvas *canvas, double top, double bottom)
{
	if (bottom < top + LANE_HEIGHT)
		bottom = top + LANE_HEIGHT;
	canvas->y = bottom + LANE_GAP;
	fprintf(canvas->file, "<path class=\"rule\" d=\"M%d %.1fH%d\"/>\n", MARGIN,
		bottom + LANE_GAP / 2.0, WIDTH - MARGIN);
}

static void say_left_out(struct lane *lane, double y)
{
	if (lane->left_out)
		draw_text(lane->file, MARGIN, y, "s", "and %u more", lane->left_out);
}

static void error_name(int error, char text[static 32])
{
	const char *name = strerrorname_np(-error);

	if (error == -ERESTARTSYS)
		name = "interrupted";
	if (name)
		snprintf(text, 32, "%s", name);
	else
		snprintf(text, 32, "error %d", -error);
}

static struct bar request_bar(const struct trace_lives *lives,
			      const struct trace_request *request)
{
	struct bar bar = {
		.class = request->error ? "failed" : "request",
		.from = request->begin, .to = request->end,
	};
	const size_t number = request - lives->requests + 1;
	char size[16], error[32], time[16];

	error_name(request->error, error);
	format_size(request->error ? request->bytes : request->want, size);
	trace_time(request->end - request->begin, time);
	if (!request->ended) {
		bar.class = "failed";
		snprintf(bar.label[0], sizeof(bar.label[0]), "#%zu not ended", number);
	} else if (request->error) {
		snprintf(bar.label[0], sizeof(bar.label[0]), "#%zu %s after %s", number,
			 error, size);
	} else {
		snprintf(bar.label[0], sizeof(bar.label[0]), "#%zu %s, %s", number,
			 size, time);
	}
	if (request->error)
		snprintf(bar.label[1], sizeof(bar.label[1]), "#%zu %s", number, error);
	else
		snprintf(bar.label[1], sizeof(bar.label[1]), "#%zu %s", number, time);
	snprintf(bar.label[2], sizeof(bar.label[2]), "#%zu", number);
	snprintf(bar.title, sizeof(bar.title), "%s: id %" PRIu64 ", %u segments, %s",
		 bar.label[0], request->id, request->segments, time);
	return bar;
}

static struct bar chunk_bar(const struct trace_chunk *chunk, enum trace_phase phase)
{
	struct bar bar = {
		.class = trace_phase_names[phase],
		.from = chunk->begin[phase], .to = chunk->end[phase],
	};
	const size_t number = chunk->request + 1;
	char time[16];

	trace_time(bar.to - bar.from, time);
	if (phase == PHASE_PIN || (phase == PHASE_RELEASE && chunk->pages))
		snprintf(bar.label[0], sizeof(bar.label[0]), "%s %u pages", bar.class,
			 chunk->pages);
	else if (phase == PHASE_MAP)
		snprintf(bar.label[0], sizeof(bar.label[0]), "map");
	else if (phase == PHASE_DEVICE)
		snprintf(bar.label[0], sizeof(bar.label[0]), "#%zu: %u descriptor%s",
			 number, chunk->descriptors, chunk->descriptors == 1 ? "" : "s");
	else
		snprintf(bar.label[0], sizeof(bar.label[0]), "%s", bar.class);
	if (phase == PHASE_RELEASE && chunk->copied)
		bar.class = "copied";
	if (phase == PHASE_DEVICE)
		snprintf(bar.label[1], sizeof(bar.label[1]), "#%zu", number);
	else
		snprintf(bar.label[1], sizeof(bar.label[1]), "%s", trace_phase_names[phase]);
	snprintf(bar.title, sizeof(bar.title),
		 "%s of #%zu: %s; %u pages, %u descriptors%s", trace_phase_names[phase],
		 number, time, chunk->pages, chunk->descriptors,
		 chunk->copied ? ", copied by a workqueue" : "");
	return bar;
}

static int compare_chunks(const void *one, const void *other, void *arg)
{
	const struct trace_chunk *a = *(const struct trace_chunk **)one;
	const struct trace_chunk *b = *(const struct trace_chunk **)other;
	const enum trace_phase phase = *(enum trace_phase *)arg;

	return a->begin[phase] < b->begin[phase] ? -1 : a->begin[phase] > b->begin[phase];
}

static void choose(struct canvas *canvas, const struct trace_chunk *chunk,
		   enum trace_phase phase)
{
	if (chunk->begin[phase] &&
	    scale_shows(canvas->scale, chunk->begin[phase], chunk->end[phase]))
		canvas->chosen[canvas->nr_chosen++] = chunk;
}

static void sort(struct canvas *canvas, enum trace_phase phase)
{
	qsort_r(canvas->chosen, canvas->nr_chosen, sizeof(*canvas->chosen), compare_chunks,
		&phase);
}

static void draw_return(struct lane *lane, const struct trace_request *request)
{
	struct bar bar = {
		.class = "return", .from = request->returning, .to = request->end,
		.label = { "return" },
	};
	char time[16];

	if (request->async || !request->returning)
		return;
	snprintf(bar.title, sizeof(bar.title), "return: %s",
		 trace_time(bar.to - bar.from, time));
	lane_add(lane, 0, &bar);
}

/* What the process does for its requests itself. */
static void draw_work(struct canvas *canvas, struct lane *lane, unsigned int thread)
{
	const struct trace_lives *lives = canvas->lives;
	const struct trace_request *last = NULL;
	struct bar bar;
	size_t i;

	canvas->nr_chosen = 0;
	for (i = 0; i < lives->nr_chunks; i++)
		if (lives->requests[lives->chunks[i].request].thread == thread)
			choose(canvas, &lives->chunks[i], PHASE_PIN);
	sort(canvas, PHASE_PIN);
	for (i = 0; i < canvas->nr_chosen; i++) {
		const struct trace_chunk *chunk = canvas->chosen[i];

		if (last && last != &lives->requests[chunk->request])
			draw_return(lane, last);
		last = &lives->requests[chunk->request];
		bar = chunk_bar(chunk, PHASE_PIN);
		lane_add(lane, 0, &bar);
		if (!chunk->begin[PHASE_MAP])
			continue;
		bar = chunk_bar(chunk, PHASE_MAP);
		lane_add(lane, 0, &bar);
	}
	if (last)
		draw_return(lane, last);
}

static void draw_thread(struct canvas *canvas, unsigned int thread)
{
	const struct trace_lives *lives = canvas->lives;
	const struct trace_thread *who = &lives->trace->threads[thread];
	struct lane lane, work;
	const double top = canvas->y;
	char text[TRACE_NAME_MAX], name[14];
	struct bar bar;
	bool any = false;
	size_t i;

	for (i = 0; i < lives->nr_requests && !any; i++)
		any = lives->requests[i].thread == thread &&
		      scale_shows(canvas->scale, lives->requests[i].begin,
				  lives->requests[i].end);
	if (!any)
		return;
	snprintf(name, sizeof(name), "%.13s", who->name);
	snprintf(text, sizeof(text), "process %d", who->pid);
	lane = begin_lane(canvas, name, text);
	for (i = 0; i < lives->nr_requests; i++) {
		if (lives->requests[i].thread != thread)
			continue;
		bar = request_bar(lives, &lives->requests[i]);
		lane_pack(&lane, &bar);
	}
	work = (struct lane){
		.file = canvas->file, .scale = canvas->scale, .top = lane_end(&lane),
	};
	draw_work(canvas, &work, thread);
	say_left_out(&lane, top + 47);
	end_lane(canvas, top, lane_end(&work));
}

/* A stream's frames; those before which something was lost stand out. */
static void draw_stream(struct canvas *canvas, size_t index)
{
	const struct trace *trace = canvas->lives->trace;
	const double top = canvas->y;
	struct lane lane;
	size_t i;

	lane = begin_lane(canvas, "stream", "frames taken");
	for (i = 0; i < trace->nr_events; i++) {
		const struct trace_event *event = &trace->events[i];
		const bool lost = event->value[FIELD_LOST] || event->value[FIELD_ERROR];
		struct bar bar = {
			.class = lost ? "failed" : "frame",
			.from = event->ns, .to = event->ns,
		};

		if (event->kind != TRACE_FRAME ||
		    (uint64_t)event->value[FIELD_ID] != canvas->lives->requests[index].id)
			continue;
		snprintf(bar.title, sizeof(bar.title),
			 "frame %" PRId64 ": slot %" PRId64 ", %" PRId64 " bytes, %" PRId64
			 " bytes lost before", event->value[FIELD_SEQUENCE],
			 event->value[FIELD_SLOT], event->value[FIELD_BYTES],
			 event->value[FIELD_LOST]);
		lane_add(&lane, lost, &bar);
	}
	if (lane.nr_rows > 1)
		draw_text(canvas->file, MARGIN, top + 47, "s", "lost before");
	end_lane(canvas, top, lane_end(&lane) + (lane.nr_rows > 1 ? 6 : 0));
}

/* Which devices and channels there are, 256 * device + channel: the next one, or -1. */
static int next_channel(const struct trace_lives *lives, int now)
{
	int best = -1, at;
	size_t i;

	for (i = 0; i < lives->nr_chunks; i++) {
		at = lives->chunks[i].dev << 8 | lives->chunks[i].channel;
		if (lives->chunks[i].begin[PHASE_DEVICE] && at > now && (best < 0 || at < best))
			best = at;
	}
	return best;
}

static void draw_queue(struct canvas *canvas, int dev, int channel, const char *where)
{
	static const char *const states[] = {
		[GRANT_WAITING] = "waiting", [GRANT_STAGED] = "staged",
		[GRANT_RUNNING] = "running", [GRANT_YIELDING] = "yielding",
	};
	const struct trace_lives *lives = canvas->lives;
	const double top = canvas->y;
	struct lane lane = {};
	size_t i;

	for (i = 0; i < lives->nr_waits; i++) {
		const struct trace_wait *wait = &lives->waits[i];
		const size_t number = wait->request + 1;
		struct bar bar = { .from = wait->begin, .to = wait->end };

		if ((int)wait->dev != dev || (int)wait->channel != channel ||
		    wait->state >= ARRAY_SIZE(states) || !states[wait->state] ||
		    !scale_shows(canvas->scale, bar.from, bar.to))
			continue;
		bar.class = states[wait->state];
		snprintf(bar.label[0], sizeof(bar.label[0]), "#%zu %s", number,
			 bar.class);
		snprintf(bar.label[1], sizeof(bar.label[1]), "#%zu", number);
		snprintf(bar.title, sizeof(bar.title), "%s", bar.label[0]);
		if (!lane.file)
			lane = begin_lane(canvas, "queue", where);
		lane_pack(&lane, &bar);
	}
	if (!lane.file)
		return;
	say_left_out(&lane, top + 47);
	end_lane(canvas, top, lane_end(&lane));
}

static void draw_engine(struct canvas *canvas, int dev, int channel, const char *where)
{
	const struct trace_lives *lives = canvas->lives;
	const double top = canvas->y;
	struct lane lane;
	struct bar bar;
	size_t i;

	canvas->nr_chosen = 0;
	for (i = 0; i < lives->nr_chunks; i++)
		if ((int)lives->chunks[i].dev == dev && (int)lives->chunks[i].channel == channel)
			choose(canvas, &lives->chunks[i], PHASE_DEVICE);
	if (!canvas->nr_chosen)
		return;
	sort(canvas, PHASE_DEVICE);
	lane = begin_lane(canvas, "engine", where);
	for (i = 0; i < canvas->nr_chosen; i++) {
		bar = chunk_bar(canvas->chosen[i], PHASE_QUEUE);
		lane_pack(&lane, &bar);
		bar = chunk_bar(canvas->chosen[i], PHASE_DEVICE);
		lane_pack(&lane, &bar);
	}
	for (i = 0; i < lives->trace->nr_events; i++) {
		const struct trace_event *event = &lives->trace->events[i];

		if (event->kind != TRACE_RECOVERY || event->value[FIELD_DEV] != dev ||
		    event->value[FIELD_CHANNEL] != channel)
			continue;
		bar = (struct bar){
			.class = "failed", .from = event->ns, .to = event->ns,
			.title = "recovery: the channel is stopped",
		};
		lane_add(&lane, 1, &bar);
	}
	end_lane(canvas, top, lane_end(&lane));
}

static void draw_device(struct canvas *canvas, const struct trace_device *device)
{
	static const struct {
		const char *class;
		const char *text;
		unsigned int row;
	} styles[] = {
		[DOING_DOORBELL] = { "doorbell", "doorbell", 0 },
		[DOING_FETCH] = { "fetch", "fetches descriptors", 1 },
		[DOING_MOVE] = { "device", "moves", 1 },
		[DOING_INTERRUPT] = { "irq", "interrupts", 0 },
	};
	const double top = canvas->y;
	struct lane lane;
	char text[32], time[16];
	size_t i;

	trace_time(device->uncertain, time);
	snprintf(text, sizeof(text), "± %s", time);
	lane = begin_lane(canvas, "device", text);
	for (i = 0; i < device->nr_deeds; i++) {
		const struct trace_deed *deed = &device->deeds[i];
		struct bar bar = {
			.class = styles[deed->doing].class, .from = deed->begin,
			.to = deed->end,
		};

		snprintf(bar.label[0], sizeof(bar.label[0]), "%s",
			 styles[deed->doing].text);
		snprintf(bar.title, sizeof(bar.title), "the device: %s, %s %u",
			 styles[deed->doing].text,
			 deed->doing == DOING_INTERRUPT ? "vector" : "channel", deed->channel);
		lane_add(&lane, styles[deed->doing].row, &bar);
	}
	end_lane(canvas, top, lane_end(&lane));
}

static void draw_interrupts(struct canvas *canvas)
{
	const struct trace_lives *lives = canvas->lives;
	const double top = canvas->y;
	struct lane lane, release;
	struct bar bar;
	size_t i;

	lane = begin_lane(canvas, "interrupt", "and release");
	for (i = 0; i < lives->trace->nr_events; i++) {
		const struct trace_event *event = &lives->trace->events[i];

		if (event->kind != TRACE_INTERRUPT)
			continue;
		bar = (struct bar){ .class = "irq", .from = event->ns, .to = event->ns };
		snprintf(bar.title, sizeof(bar.title),
			 "interrupt of channel %" PRId64 " on processor %d",
			 event->value[FIELD_CHANNEL], event->cpu);
		lane_add(&lane, 0, &bar);
	}
	release = (struct lane){
		.file = canvas->file, .scale = canvas->scale, .top = lane_end(&lane),
	};
	canvas->nr_chosen = 0;
	for (i = 0; i < lives->nr_chunks; i++)
		if (lives->chunks[i].pages)
			choose(canvas, &lives->chunks[i], PHASE_RELEASE);
	sort(canvas, PHASE_RELEASE);
	for (i = 0; i < canvas->nr_chosen; i++) {
		bar = chunk_bar(canvas->chosen[i], PHASE_RELEASE);
		lane_pack(&release, &bar);
	}
	end_lane(canvas, top, lane_end(&release));
}

static int64_t pages_of(const struct trace_event *event)
{
	return event->kind == TRACE_PIN ? event->value[FIELD_PAGES] :
	       event->kind == TRACE_UNPIN ? -event->value[FIELD_PAGES] : 0;
}

/* Pages that are pinned, over time. */
static void draw_memory(struct canvas *canvas)
{
	const struct trace *trace = canvas->lives->trace;
	const double top = canvas->y, bottom = top + MEMORY_HEIGHT;
	int64_t now = 0, most = 0, first = 0;
	char text[32];
	double y, last = -1, x;
	size_t i;

	for (i = 0; i < trace->nr_events; i++) {
		const struct trace_event *event = &trace->events[i];

		now += pages_of(event);
		if (event->ns < canvas->scale->from)
			first = now;
		if (now > most && scale_shows(canvas->scale, event->ns, event->ns))
			most = now;
	}
	if (first > most)
		most = first;
	if (!most)
		return;
	snprintf(text, sizeof(text), "up to %" PRId64, most);
	begin_lane(canvas, "pages pinned", text);
	y = bottom - MEMORY_HEIGHT * (double)first / most;
	fprintf(canvas->file, "<path class=\"memory\" d=\"M%d %.1fV%.1f", PLOT_LEFT, bottom, y);
	now = first;
	for (i = 0; i < trace->nr_events; i++) {
		const struct trace_event *event = &trace->events[i];

		if (!pages_of(event) || event->ns < canvas->scale->from ||
		    event->ns > canvas->scale->to)
			continue;
		now += pages_of(event);
		x = scale_x(canvas->scale, event->ns);
		y = bottom - MEMORY_HEIGHT * (double)now / most;
		if (x != last)
			fprintf(canvas->file, "H%.2f", x);
		fprintf(canvas->file, "V%.1f", y);
		last = x;
	}
	fprintf(canvas->file, "H%dV%.1fZ\"/>\n", PLOT_RIGHT, bottom);
	end_lane(canvas, top, bottom);
}

static bool more_devices(const struct trace_lives *lives)
{
	size_t i;

	for (i = 1; i < lives->nr_chunks; i++)
		if (lives->chunks[i].dev != lives->chunks[0].dev)
			return true;
	return false;
}

double draw_lanes(FILE *file, const struct scale *scale, const struct trace_lives *lives,
		  const struct trace_device *device, double top)
{
	struct canvas canvas = {
		.file = file, .scale = scale, .lives = lives, .y = top,
		.chosen = calloc(lives->nr_chunks + 1, sizeof(*canvas.chosen)),
	};
	const bool more = more_devices(lives);
	int at = -1, dev, channel;
	char where[32];
	size_t i;

	if (!canvas.chosen)
		return top;
	for (i = 0; i < lives->trace->nr_threads; i++)
		draw_thread(&canvas, i);
	for (i = 0; i < lives->nr_requests; i++)
		if (lives->requests[i].stream)
			draw_stream(&canvas, i);
	while ((at = next_channel(lives, at)) >= 0) {
		dev = at >> 8;
		channel = at & 0xff;
		if (more)
			snprintf(where, sizeof(where), "%d, channel %d", dev, channel);
		else
			snprintf(where, sizeof(where), "channel %d", channel);
		draw_queue(&canvas, dev, channel, where);
		draw_engine(&canvas, dev, channel, where);
	}
	if (device)
		draw_device(&canvas, device);
	draw_interrupts(&canvas);
	draw_memory(&canvas);
	free(canvas.chosen);
	return canvas.y;
}
