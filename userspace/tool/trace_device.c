// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's own trace: what an edu-sg tells in QEMU's log.
 *
 * QEMU's times are the host's, and the guest cannot know how its clock relates to them.
 * But each doorbell comes between two events of the driver: the one before it posts, and
 * that it has posted.  So the difference of the clocks has bounds, which many doorbells
 * make narrow.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* Doorbells behind the last one that is in the trace: others' work. */
#define SHIFT_MAX	64
/* QEMU's times are cut off to this. */
#define RESOLUTION_NS	1000
/**
 * struct post - descriptors that the driver gave to the device
 * @before:	the trace's time of an event before
 * @after:	and of one after
 * @first:	QEMU's time of the first doorbell
 * @last:	and of the last one
 * @descriptors: how many
 */
struct post {
	int64_t before;
	int64_t after;
	int64_t first;
	int64_t last;
	unsigned int descriptors;
};

/**
 * struct reader - what was read
 * @device:	what the device did, with QEMU's times
 * @open:	index, plus one, of what each channel does now
 */
struct reader {
	struct trace_device device;
	size_t open[64];
};

static int add(struct trace_device *device, enum trace_doing doing, unsigned int channel,
	       unsigned int descriptors, int64_t ns)
{
	struct trace_deed *new;

	if (device->nr_deeds == device->size) {
		device->size = device->size ? 2 * device->size : 256;
		new = reallocarray(device->deeds, device->size, sizeof(*device->deeds));
		if (!new)
			return -ENOMEM;
		device->deeds = new;
	}
	device->deeds[device->nr_deeds++] = (struct trace_deed){
		.doing = doing, .channel = channel, .descriptors = descriptors,
		.begin = ns, .end = ns,
	};
	return 0;
}

/* What the channel does now, or NULL. */
static struct trace_deed *open_deed(const struct reader *reader, unsigned int channel)
{
	const size_t open = reader->open[channel % ARRAY_SIZE(reader->open)];

	return open && open <= reader->device.nr_deeds ? &reader->device.deeds[open - 1] : NULL;
}

/* What the channel did until now it does no more; it begins with something else. */
static int change(struct reader *reader, enum trace_doing doing, unsigned int channel,
		  int64_t ns)
{
	struct trace_deed *deed = open_deed(reader, channel);
	int ret;

	if (deed) {
		deed->end = ns;
		if (deed->doing == doing)
			return 0;
	}
	ret = add(&reader->device, doing, channel, 0, ns);
	reader->open[channel % ARRAY_SIZE(reader->open)] = reader->device.nr_deeds;
	return ret;
}

/* Between a completion and the next fetch or slice a channel does nothing that shows. */
static void complete(struct reader *reader, unsigned int channel, int64_t ns)
{
	struct trace_deed *deed = open_deed(reader, channel);

	if (deed)
		deed->end = ns;
}

static void stop(struct reader *reader, unsigned int channel, int64_t ns)
{
	complete(reader, channel, ns);
	reader->open[channel % ARRAY_SIZE(reader->open)] = 0;
}

static int read_event(struct reader *reader, const char *text, int64_t ns)
{
	unsigned int channel, from, to;
	int ret;

	if (sscanf(text, "edu_sg_doorbell channel %u: head %*u, tail %u to %u", &channel, &from,
		   &to) == 3) {
		reader->open[channel % ARRAY_SIZE(reader->open)] = 0;
		return add(&reader->device, DOING_DOORBELL, channel, to - from, ns);
	}
	if (sscanf(text, "edu_sg_fetch channel %u:", &channel) == 1)
		return change(reader, DOING_FETCH, channel, ns);
	if (sscanf(text, "edu_sg_slice channel %u:", &channel) == 1)
		return change(reader, DOING_MOVE, channel, ns);
	if (sscanf(text, "edu_sg_complete channel %u:", &channel) == 1)
		complete(reader, channel, ns);
	if (sscanf(text, "edu_sg_irq vector %u", &channel) == 1) {
		/* As an edu it tells its end by nothing else. */
		if (!channel)
			stop(reader, 0, ns);
		return add(&reader->device, DOING_INTERRUPT, channel, 0, ns);
	}
	if (!strncmp(text, "edu_sg_legacy_dma ", strlen("edu_sg_legacy_dma "))) {
		ret = add(&reader->device, DOING_DOORBELL, 0, 1, ns);
		return ret ?: change(reader, DOING_MOVE, 0, ns);
	}
	return 0;
}

/* "PID@SECONDS.MICROSECONDS:EVENT ..." */
static int read_line_of(struct reader *reader, const char *line)
{
	int64_t seconds, us;
	int at = 0;

	if (sscanf(line, "%*d@%" SCNd64 ".%6" SCNd64 ":%n", &seconds, &us, &at) != 2 || !at)
		return 0;
	return read_event(reader, line + at, seconds * NS_PER_S + us * 1000);
}

static int read_log(struct reader *reader, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	if (!file)
		return -errno;
	while (!ret && getline(&line, &size, file) > 0)
		ret = read_line_of(reader, line);
	free(line);
	fclose(file);
	return ret;
}

/* The channel of which there is most to compare. */
static unsigned int busiest(const struct trace *trace)
{
	unsigned int counts[64] = {}, best = 0, i;
	size_t n;

	for (n = 0; n < trace->nr_events; n++)
		if (trace->events[n].kind == TRACE_POST)
			counts[trace->events[n].value[FIELD_CHANNEL] % ARRAY_SIZE(counts)]++;
	for (i = 1; i < ARRAY_SIZE(counts); i++)
		if (counts[i] > counts[best])
			best = i;
	return best;
}

/* What the processor did before it posted, it did before the doorbell. */
static int64_t event_before(const struct trace *trace, size_t index)
{
	size_t i;

	for (i = index; i-- > 0; )
		if (trace->events[i].cpu == trace->events[index].cpu)
			return trace->events[i].ns;
	return trace->events[0].ns;
}

static size_t find_posts(const struct trace *trace, unsigned int channel, struct post *posts)
{
	size_t i, n = 0;

	for (i = 0; i < trace->nr_events; i++) {
		const struct trace_event *event = &trace->events[i];

		if (event->kind != TRACE_POST || event->value[FIELD_CHANNEL] != channel)
			continue;
		posts[n++] = (struct post){
			.before = event_before(trace, i), .after = event->ns,
			.descriptors = event->value[FIELD_DESCRIPTORS],
		};
	}
	return n;
}

/**
 * struct clocks - what has to be added to QEMU's time to have the trace's
 * @low:	at least
 * @high:	at most
 * @agree:	so many posts say so
 */
struct clocks {
	int64_t low;
	int64_t high;
	size_t agree;
};

struct edge {
	int64_t ns;
	int step;
};

/* Of the same time, what begins comes first. */
static int compare_edges(const void *one, const void *other)
{
	const struct edge *a = one, *b = other;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return b->step - a->step;
}

/*
 * Each post has bounds.  Where most of them overlap is the difference of the clocks: single
 * ones are wrong, since the host's clocks are not quite one.
 */
static struct clocks compare_clocks(const struct post *posts, size_t nr_posts,
				    struct edge *edges)
{
	struct clocks best = {};
	size_t i, now = 0;

	for (i = 0; i < nr_posts; i++) {
		edges[2 * i] = (struct edge){
			posts[i].before - posts[i].first - RESOLUTION_NS, 1,
		};
		edges[2 * i + 1] = (struct edge){ posts[i].after - posts[i].last, -1 };
	}
	qsort(edges, 2 * nr_posts, sizeof(*edges), compare_edges);
	for (i = 0; i < 2 * nr_posts; i++) {
		now += edges[i].step;
		if (edges[i].step < 0 || now <= best.agree)
			continue;
		/* It began, so there is another edge. */
		best = (struct clocks){ edges[i].ns, edges[i + 1].ns, now };
	}
	return best;
}

/* The deeds that are doorbells of a channel, from this one backwards; or none. */
static const struct trace_deed *bell_before(const struct trace_device *device,
					    unsigned int channel, size_t *index)
{
	while (*index) {
		const struct trace_deed *deed = &device->deeds[--*index];

		if (deed->doing == DOING_DOORBELL && deed->channel == channel)
			return deed;
	}
	return NULL;
}

/* Do doorbells from this one backwards belong to the posts?  A post can have several. */
static bool match(struct post *posts, size_t nr_posts, const struct trace_device *device,
		  unsigned int channel, size_t index)
{
	const struct trace_deed *bell;
	unsigned int descriptors;
	size_t i;

	for (i = nr_posts; i-- > 0; ) {
		for (descriptors = 0; descriptors < posts[i].descriptors; ) {
			bell = bell_before(device, channel, &index);
			if (!bell)
				return false;
			if (!descriptors)
				posts[i].last = bell->begin;
			posts[i].first = bell->begin;
			descriptors += bell->descriptors;
		}
		if (descriptors > posts[i].descriptors)
			return false;
	}
	return true;
}

/*
 * Doorbells behind the last post are others', which the trace does not have.  Which one is
 * the last post's shows by how many agree.
 */
static struct clocks relate(const struct trace_device *device, const struct trace *trace)
{
	const unsigned int channel = busiest(trace);
	struct post *posts = calloc(trace->nr_events + 1, sizeof(*posts));
	struct edge *edges = calloc(trace->nr_events + 1, 2 * sizeof(*edges));
	size_t nr_posts = 0, end = device->nr_deeds;
	struct clocks clocks, best = {};
	unsigned int shift;

	if (posts && edges)
		nr_posts = find_posts(trace, channel, posts);
	for (shift = 0; nr_posts && shift < SHIFT_MAX; shift++) {
		if (match(posts, nr_posts, device, channel, end)) {
			clocks = compare_clocks(posts, nr_posts, edges);
			if (clocks.agree > best.agree)
				best = clocks;
		}
		if (!bell_before(device, channel, &end))
			break;
	}
	free(posts);
	free(edges);
	if (best.agree <= nr_posts / 2)
		best.agree = 0;
	return best;
}

/* Only what belongs to the trace is kept, with its times. */
static void convert(struct trace_device *device, const struct trace *trace, int64_t offset)
{
	const int64_t first = trace->events[0].ns;
	const int64_t last = trace->events[trace->nr_events - 1].ns;
	size_t i, n = 0;

	for (i = 0; i < device->nr_deeds; i++) {
		struct trace_deed deed = device->deeds[i];

		deed.begin += offset;
		deed.end += offset;
		if (deed.end >= first && deed.begin <= last)
			device->deeds[n++] = deed;
	}
	device->nr_deeds = n;
}

int trace_device_read(struct trace_device *device, const char *path, const struct trace *trace)
{
	struct reader reader = {};
	struct clocks clocks;
	int ret;

	ret = read_log(&reader, path);
	*device = reader.device;
	if (ret)
		return fail("%s: %s", path, strerror(-ret));
	if (!device->nr_deeds)
		return fail("%s: no trace events of the device in it: try 'scripts/guest --trace'",
			    path);
	clocks = relate(device, trace);
	if (!clocks.agree)
		return fail("%s: its doorbells are not those of this trace", path);
	device->uncertain = (clocks.high - clocks.low) / 2 + RESOLUTION_NS;
	convert(device, trace, clocks.low / 2 + clocks.high / 2);
	return STATUS_OK;
}
