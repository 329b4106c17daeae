// SPDX-License-Identifier: GPL-2.0-only
/*
 * Follow each request through its events.
 *
 * Events of a request have its id, but do not tell which of its parts, of which there are
 * two at a time, they are about.  The driver keeps their order: what is pinned first is
 * mapped, posted, reaped and released first, except what was pinned in vain.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

const char *const trace_phase_names[TRACE_PHASES] = {
	[PHASE_WAIT]	= "wait",
	[PHASE_PIN]	= "pin",
	[PHASE_MAP]	= "map",
	[PHASE_QUEUE]	= "queue",
	[PHASE_DEVICE]	= "device",
	[PHASE_RELEASE]	= "release",
	[PHASE_RETURN]	= "return",
};

const char *const trace_phase_texts[TRACE_PHASES] = {
	[PHASE_WAIT]	= "no grant of the channel yet",
	[PHASE_PIN]	= "pages are pinned",
	[PHASE_MAP]	= "mapped, descriptors built",
	[PHASE_QUEUE]	= "behind others, and posting",
	[PHASE_DEVICE]	= "the device has it",
	[PHASE_RELEASE]	= "unmapped, unpinned; pink: copied",
	[PHASE_RETURN]	= "until the call returns",
};

/**
 * struct follow - what is known of a request while its events are followed
 * @oldest:	index of its first chunk that is not released
 * @ready:	since when its submitter can have been pinning
 * @released:	when the last of its chunks was released; its beginning if none was
 * @wait:	index, plus one, of where it stands in the queue now; or 0
 */
struct follow {
	size_t oldest;
	int64_t ready;
	int64_t released;
	size_t wait;
};

/**
 * struct finder - what is known while events are followed
 * @lives:	what is found
 * @follow:	for each request
 * @first_id:	the smallest id
 * @nr_ids:	of them
 * @by_id:	index of the request, plus one; 0 if its beginning was not seen
 * @last_reap:	of the channel of each chunk: times by device and channel
 */
struct finder {
	struct trace_lives *lives;
	struct follow *follow;
	uint64_t first_id;
	size_t nr_ids;
	size_t *by_id;
	int64_t last_reap[16][64];
};

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t *last_reap(struct finder *finder, unsigned int dev, unsigned int channel)
{
	return &finder->last_reap[dev % ARRAY_SIZE(finder->last_reap)]
				 [channel % ARRAY_SIZE(finder->last_reap[0])];
}

static struct trace_chunk *new_chunk(struct finder *finder, size_t request)
{
	struct trace_lives *lives = finder->lives;
	struct trace_chunk *chunk = &lives->chunks[lives->nr_chunks++];

	chunk->request = request;
	chunk->dev = lives->requests[request].dev;
	lives->requests[request].chunks++;
	return chunk;
}

static bool not_mapped(const struct trace_chunk *chunk)
{
	return chunk->end[PHASE_PIN] && !chunk->end[PHASE_MAP];
}

static bool not_posted(const struct trace_chunk *chunk)
{
	return chunk->end[PHASE_MAP] && !chunk->end[PHASE_QUEUE] && !chunk->unmapped;
}

static bool not_retired(const struct trace_chunk *chunk)
{
	return chunk->end[PHASE_QUEUE] && !chunk->end[PHASE_DEVICE];
}

static bool retired(const struct trace_chunk *chunk)
{
	return chunk->end[PHASE_DEVICE] && !chunk->unmapped;
}

static bool mapped(const struct trace_chunk *chunk)
{
	return chunk->end[PHASE_MAP] && !chunk->unmapped;
}

static bool not_mapped_any_more(const struct trace_chunk *chunk)
{
	return chunk->end[PHASE_PIN] && (!chunk->end[PHASE_MAP] || chunk->unmapped);
}

/* The oldest chunk of a request that is at a point of its life. */
static struct trace_chunk *find(struct finder *finder, size_t request,
				bool (*is)(const struct trace_chunk *chunk))
{
	struct trace_lives *lives = finder->lives;
	struct trace_chunk *chunk;
	size_t i;

	for (i = finder->follow[request].oldest; i < lives->nr_chunks; i++) {
		chunk = &lives->chunks[i];
		if (chunk->request == request && !chunk->end[PHASE_RELEASE] && is(chunk))
			return chunk;
	}
	return NULL;
}

static void see_start(struct finder *finder, const struct trace_event *event)
{
	struct trace_lives *lives = finder->lives;
	const size_t index = lives->nr_requests++;
	struct trace_request *request = &lives->requests[index];
	unsigned int thread;

	for (thread = 0; thread < lives->trace->nr_threads; thread++)
		if (lives->trace->threads[thread].pid == event->pid)
			break;
	*request = (struct trace_request){
		.id = event->value[FIELD_ID], .thread = thread, .pid = event->pid,
		.dev = event->value[FIELD_DEV], .segments = event->value[FIELD_SEGMENTS],
		.async = event->value[FIELD_ASYNC], .want = event->value[FIELD_BYTES],
		.stream = event->kind != TRACE_REQUEST_START,
		.begin = event->ns, .end = event->ns, .busy = event->ns,
	};
	finder->follow[index] = (struct follow){
		.oldest = lives->nr_chunks, .ready = event->ns, .released = event->ns,
	};
	finder->by_id[request->id - finder->first_id] = index + 1;
}

static void see_end(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_request *request = &finder->lives->requests[index];

	request->ended = true;
	request->end = event->ns;
	request->bytes = event->value[FIELD_BYTES];
	request->error = event->value[FIELD_ERROR];
	/* One that is killed does not wait for that. */
	if (finder->follow[index].released == request->begin)
		return;
	request->returning = finder->follow[index].released;
	request->phase[PHASE_RETURN] = event->ns - request->returning;
}

static void see_grant(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_lives *lives = finder->lives;
	struct follow *follow = &finder->follow[index];
	struct trace_wait *wait;

	if (follow->wait) {
		wait = &lives->waits[follow->wait - 1];
		wait->end = event->ns;
		if (wait->state == GRANT_WAITING)
			lives->requests[index].phase[PHASE_WAIT] += wait->end - wait->begin;
		follow->wait = 0;
	}
	if (event->value[FIELD_STATE] == GRANT_ENDED)
		return;
	wait = &lives->waits[lives->nr_waits++];
	*wait = (struct trace_wait){
		.request = index, .dev = event->value[FIELD_DEV],
		.channel = event->value[FIELD_CHANNEL], .state = event->value[FIELD_STATE],
		.begin = event->ns,
	};
	follow->wait = lives->nr_waits;
	if (wait->state != GRANT_WAITING)
		follow->ready = event->ns;
}

static void see_pin(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_chunk *chunk = new_chunk(finder, index);

	chunk->pages = event->value[FIELD_PAGES];
	chunk->bytes = event->value[FIELD_BYTES];
	chunk->begin[PHASE_PIN] = finder->follow[index].ready;
	chunk->end[PHASE_PIN] = event->ns;
	finder->follow[index].ready = event->ns;
}

static void see_map(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_chunk *chunk = find(finder, index, not_mapped);

	if (!chunk)
		return;
	chunk->descriptors = event->value[FIELD_DESCRIPTORS];
	chunk->begin[PHASE_MAP] = chunk->end[PHASE_PIN];
	chunk->end[PHASE_MAP] = event->ns;
	finder->follow[index].ready = event->ns;
}

static void see_post(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_request *request = &finder->lives->requests[index];
	struct trace_chunk *chunk;

	if (event->value[FIELD_FIRST]) {
		/* Of a request it is known how many there are. */
		chunk = request->stream ? find(finder, index, not_retired) : NULL;
		if (chunk)
			chunk->descriptors += event->value[FIELD_DESCRIPTORS];
		return;
	}
	chunk = request->stream ? new_chunk(finder, index) : find(finder, index, not_posted);
	if (!chunk)
		return;
	if (request->stream) {
		chunk->descriptors = event->value[FIELD_DESCRIPTORS];
		chunk->end[PHASE_MAP] = event->ns;
	}
	chunk->dev = event->value[FIELD_DEV];
	chunk->channel = event->value[FIELD_CHANNEL];
	chunk->begin[PHASE_QUEUE] = chunk->end[PHASE_MAP];
	chunk->end[PHASE_QUEUE] = event->ns;
	if (!request->stream && event->pid == request->pid)
		finder->follow[index].ready = event->ns;
}

static void see_reap(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_chunk *chunk = find(finder, index, not_retired);
	int64_t *last;

	if (!chunk)
		return;
	chunk->retired += event->value[FIELD_DESCRIPTORS];
	if (chunk->retired < chunk->descriptors)
		return;
	/* Behind others it waited for the device. */
	last = last_reap(finder, chunk->dev, chunk->channel);
	chunk->end[PHASE_QUEUE] = later(chunk->end[PHASE_QUEUE], *last);
	chunk->begin[PHASE_DEVICE] = chunk->end[PHASE_QUEUE];
	chunk->end[PHASE_DEVICE] = event->ns;
	chunk->begin[PHASE_RELEASE] = event->ns;
	*last = event->ns;
}

static void see_unmap(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_chunk *chunk = find(finder, index, retired);

	if (!chunk)
		chunk = find(finder, index, not_posted);
	if (!chunk)
		chunk = find(finder, index, mapped);
	if (!chunk)
		return;
	chunk->unmapped = true;
	/* The device was made to stop before the end. */
	if (chunk->end[PHASE_QUEUE] && !chunk->end[PHASE_DEVICE]) {
		chunk->begin[PHASE_DEVICE] = chunk->end[PHASE_QUEUE];
		chunk->end[PHASE_DEVICE] = event->ns;
	}
	if (!chunk->begin[PHASE_RELEASE])
		chunk->begin[PHASE_RELEASE] = event->ns;
}

static void finish_chunk(struct finder *finder, struct trace_chunk *chunk, int64_t ns)
{
	struct trace_lives *lives = finder->lives;
	struct trace_request *request = &lives->requests[chunk->request];
	struct follow *follow = &finder->follow[chunk->request];
	enum trace_phase phase;

	if (!chunk->begin[PHASE_RELEASE])
		chunk->begin[PHASE_RELEASE] = ns;
	chunk->end[PHASE_RELEASE] = ns;
	for (phase = 0; phase < TRACE_PHASES; phase++)
		if (chunk->begin[phase])
			request->phase[phase] += chunk->end[phase] - chunk->begin[phase];
	request->busy = ns;
	follow->released = ns;
	while (follow->oldest < lives->nr_chunks &&
	       (lives->chunks[follow->oldest].request != chunk->request ||
		lives->chunks[follow->oldest].end[PHASE_RELEASE]))
		follow->oldest++;
}

static void see_unpin(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct follow *follow = &finder->follow[index];
	struct trace_chunk *chunk = find(finder, index, not_mapped_any_more);

	if (!chunk)
		return;
	finish_chunk(finder, chunk, event->ns);
	/* There were two, and the next one waited for this. */
	if (follow->oldest < finder->lives->nr_chunks)
		follow->ready = event->ns;
}

static void see_copy_back(struct finder *finder, size_t index)
{
	struct trace_lives *lives = finder->lives;
	size_t i;

	for (i = finder->follow[index].oldest; i < lives->nr_chunks; i++) {
		if (lives->chunks[i].request == index && lives->chunks[i].unmapped) {
			lives->chunks[i].copied = true;
			return;
		}
	}
}

/* A frame has the slot that was reaped; nothing of it is unpinned. */
static void see_frame(struct finder *finder, size_t index, const struct trace_event *event)
{
	struct trace_chunk *chunk = find(finder, index, retired);

	if (chunk)
		finish_chunk(finder, chunk, event->ns);
	finder->lives->requests[index].bytes += event->value[FIELD_BYTES];
	finder->lives->requests[index].end = event->ns;
	finder->lives->requests[index].busy = event->ns;
}

static void see_event(struct finder *finder, size_t index, const struct trace_event *event)
{
	switch (event->kind) {
	case TRACE_REQUEST_END:
		see_end(finder, index, event);
		break;
	case TRACE_GRANT:
		see_grant(finder, index, event);
		break;
	case TRACE_PIN:
		see_pin(finder, index, event);
		break;
	case TRACE_MAP:
		see_map(finder, index, event);
		break;
	case TRACE_POST:
		see_post(finder, index, event);
		break;
	case TRACE_REAP:
		see_reap(finder, index, event);
		break;
	case TRACE_UNMAP:
		see_unmap(finder, index, event);
		break;
	case TRACE_UNPIN:
		see_unpin(finder, index, event);
		break;
	case TRACE_COPY_BACK:
		see_copy_back(finder, index);
		break;
	case TRACE_FRAME:
		see_frame(finder, index, event);
		break;
	default:
		break;
	}
}

static bool has_id(const struct trace_event *event)
{
	return event->value[FIELD_ID] > 0;
}

static void see(struct finder *finder, const struct trace_event *event)
{
	uint64_t id = event->value[FIELD_ID] - finder->first_id;

	if (!(event->fields & 1U << FIELD_ID))
		return;
	if (!has_id(event)) {
		finder->lives->strangers += event->kind != TRACE_GRANT;
		return;
	}
	if (event->kind == TRACE_REQUEST_START) {
		see_start(finder, event);
		return;
	}
	/* Streams do not begin by an event. */
	if (!finder->by_id[id] && (event->kind == TRACE_POST || event->kind == TRACE_FRAME))
		see_start(finder, event);
	if (finder->by_id[id])
		see_event(finder, finder->by_id[id] - 1, event);
	else
		finder->lives->strangers++;
}

/* What has not come to its end has lasted until the last event. */
static void close_all(struct finder *finder, int64_t now)
{
	struct trace_lives *lives = finder->lives;
	enum trace_phase phase;
	size_t i;

	for (i = 0; i < lives->nr_chunks; i++) {
		struct trace_chunk *chunk = &lives->chunks[i];

		if (chunk->end[PHASE_QUEUE] && !chunk->begin[PHASE_DEVICE])
			chunk->begin[PHASE_DEVICE] = chunk->end[PHASE_QUEUE];
		for (phase = 0; phase < TRACE_PHASES; phase++)
			if (chunk->begin[phase] && !chunk->end[phase])
				chunk->end[phase] = now;
	}
	for (i = 0; i < lives->nr_waits; i++)
		if (!lives->waits[i].end)
			lives->waits[i].end = now;
	for (i = 0; i < lives->nr_requests; i++)
		if (!lives->requests[i].ended && !lives->requests[i].stream)
			lives->requests[i].end = now;
}

static bool find_ids(struct finder *finder, const struct trace *trace, size_t counts[TRACE_KINDS])
{
	uint64_t last = 0, id;
	size_t i;

	finder->first_id = UINT64_MAX;
	for (i = 0; i < trace->nr_events; i++) {
		counts[trace->events[i].kind]++;
		id = trace->events[i].value[FIELD_ID];
		if (!has_id(&trace->events[i]))
			continue;
		if (id < finder->first_id)
			finder->first_id = id;
		if (id > last)
			last = id;
	}
	finder->nr_ids = last ? last - finder->first_id + 1 : 0;
	/* Each id that was given away has been seen, or nearly. */
	return finder->nr_ids <= 2 * trace->nr_events + 1024;
}

int trace_lives_find(struct trace_lives *lives, const struct trace *trace)
{
	size_t counts[TRACE_KINDS] = {}, requests, i;
	struct finder finder = { .lives = lives };
	int ret = STATUS_FAILURE;

	*lives = (struct trace_lives){ .trace = trace };
	if (!find_ids(&finder, trace, counts))
		return fail("the ids of the events do not fit together");
	requests = counts[TRACE_REQUEST_START] + counts[TRACE_FRAME] + counts[TRACE_POST] + 1;
	lives->requests = calloc(requests, sizeof(*lives->requests));
	lives->chunks = calloc(counts[TRACE_PIN] + counts[TRACE_POST] + 1,
			       sizeof(*lives->chunks));
	lives->waits = calloc(counts[TRACE_GRANT] + 1, sizeof(*lives->waits));
	finder.follow = calloc(requests, sizeof(*finder.follow));
	finder.by_id = calloc(finder.nr_ids + 1, sizeof(*finder.by_id));
	if (lives->requests && lives->chunks && lives->waits && finder.follow && finder.by_id) {
		for (i = 0; i < trace->nr_events; i++)
			see(&finder, &trace->events[i]);
		if (trace->nr_events)
			close_all(&finder, trace->events[trace->nr_events - 1].ns);
		ret = STATUS_OK;
	} else {
		fail("%s", strerror(ENOMEM));
	}
	free(finder.follow);
	free(finder.by_id);
	return ret;
}

void trace_lives_free(struct trace_lives *lives)
{
	free(lives->requests);
	free(lives->chunks);
	free(lives->waits);
}

static int compare_times(const void *one, const void *other)
{
	const int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;

	return a < b ? -1 : a > b;
}

struct trace_times trace_lives_times(const struct trace_lives *lives, enum trace_phase phase)
{
	struct trace_times times = {};
	int64_t *all = calloc(lives->nr_requests + 1, sizeof(*all)), time;
	size_t i;

	for (i = 0; all && i < lives->nr_requests; i++) {
		const struct trace_request *request = &lives->requests[i];

		time = phase == TRACE_PHASES ? request->end - request->begin :
		       request->phase[phase];
		if (!time)
			continue;
		all[times.count++] = time;
		times.sum += time;
	}
	if (times.count) {
		qsort(all, times.count, sizeof(*all), compare_times);
		times.median = all[(times.count - 1) / 2];
		times.p99 = all[(times.count * 99 + 99) / 100 - 1];
		times.longest = all[times.count - 1];
	}
	free(all);
	return times;
}

char *trace_time(int64_t ns, char text[static 16])
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = { { NS_PER_S, "s" }, { 1000000, "ms" }, { 1000, "µs" } };
	unsigned int i;
	double value;

	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (ns < units[i].ns)
			continue;
		value = (double)ns / units[i].ns;
		snprintf(text, 16, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value,
			 units[i].name);
		return text;
	}
	snprintf(text, 16, "%d ns", ns > 0 ? (int)ns : 0);
	return text;
}
