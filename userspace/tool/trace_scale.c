// SPDX-License-Identifier: GPL-2.0-only
/* Which part of a trace is drawn, and where its times are. */
#include <stdlib.h>
#include <string.h>

#include "trace_draw.h"

/* Of more than MANY requests so many are drawn. */
#define MANY		8
#define DRAWN_REQUESTS	4
#define DRAWN_FRAMES	24
/* Idle time that is longer than this part of the rest is cut out. */
#define IDLE_PART	6
#define CUT_WIDTH	30
#define TICKS		6

static int compare_spans(const void *one, const void *other)
{
	const int64_t a = **(const int64_t *const *)one, b = **(const int64_t *const *)other;

	return a < b ? -1 : a > b;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t request_end(const struct trace_request *request)
{
	return later(request->end, request->busy);
}

/* Requests that together took as long as so many mostly do. */
static bool choose_requests(struct scale *scale, const struct trace_lives *lives)
{
	const size_t n = lives->nr_requests - DRAWN_REQUESTS + 1;
	int64_t *spans = calloc(n, sizeof(*spans)), **sorted = calloc(n, sizeof(*sorted));
	size_t i, j, first;

	if (spans && sorted) {
		for (i = 0; i < n; i++) {
			for (j = i; j < i + DRAWN_REQUESTS; j++)
				spans[i] = later(spans[i], request_end(&lives->requests[j]));
			spans[i] -= lives->requests[i].begin;
			sorted[i] = &spans[i];
		}
		qsort(sorted, n, sizeof(*sorted), compare_spans);
		first = sorted[n / 2] - spans;
		scale->from = lives->requests[first].begin;
		scale->to = scale->from + spans[first];
	}
	free(spans);
	free(sorted);
	return scale->to > scale->from;
}

/* Of a stream around the first loss, or the middle. */
static void choose_frames(struct scale *scale, const struct trace_lives *lives)
{
	const struct trace *trace = lives->trace;
	size_t *frames, nr_frames = 0, i, at = SIZE_MAX, first, last;

	frames = calloc(trace->nr_events, sizeof(*frames));
	if (!frames)
		return;
	for (i = 0; i < trace->nr_events; i++) {
		if (trace->events[i].kind != TRACE_FRAME)
			continue;
		if (trace->events[i].value[FIELD_LOST] && at == SIZE_MAX)
			at = nr_frames;
		frames[nr_frames++] = i;
	}
	if (nr_frames > DRAWN_FRAMES) {
		if (at == SIZE_MAX)
			at = nr_frames / 2;
		first = at > DRAWN_FRAMES / 2 ? at - DRAWN_FRAMES / 2 : 0;
		last = first + DRAWN_FRAMES < nr_frames ? first + DRAWN_FRAMES : nr_frames - 1;
		scale->from = trace->events[frames[first]].ns;
		scale->to = trace->events[frames[last]].ns;
	}
	free(frames);
}

struct busy {
	int64_t from;
	int64_t to;
};

static int compare_busy(const void *one, const void *other)
{
	const struct busy *a = one, *b = other;

	return a->from < b->from ? -1 : a->from > b->from;
}

/* Times when any request was under way, in order, disjoint. */
static size_t find_busy(const struct scale *scale, const struct trace_lives *lives,
			struct busy *busy)
{
	size_t i, n = 0, merged = 0;

	for (i = 0; i < lives->nr_requests; i++) {
		const struct trace_request *request = &lives->requests[i];

		if (scale_shows(scale, request->begin, request_end(request)))
			busy[n++] = (struct busy){ request->begin, request_end(request) };
	}
	qsort(busy, n, sizeof(*busy), compare_busy);
	for (i = 1; i < n; i++) {
		if (busy[i].from <= busy[merged].to)
			busy[merged].to = later(busy[merged].to, busy[i].to);
		else
			busy[++merged] = busy[i];
	}
	return n ? merged + 1 : 0;
}

/* The spans are where the longest idle times are not. */
static void cut(struct scale *scale, const struct busy *busy, size_t n)
{
	int64_t used = 0, gap, idle;
	size_t i;

	for (i = 0; i < n; i++)
		used += busy[i].to - busy[i].from;
	idle = used / IDLE_PART;
	scale->nr_spans = 1;
	scale->spans[0].from = scale->from;
	for (i = 1; i < n && scale->nr_spans < SPANS_MAX; i++) {
		gap = busy[i].from - busy[i - 1].to;
		if (gap <= idle || busy[i - 1].to < scale->from || busy[i].from > scale->to)
			continue;
		scale->spans[scale->nr_spans - 1].to = busy[i - 1].to;
		scale->spans[scale->nr_spans++].from = busy[i].from;
	}
	scale->spans[scale->nr_spans - 1].to = scale->to;
}

static void place(struct scale *scale)
{
	const double width = PLOT_RIGHT - PLOT_LEFT - CUT_WIDTH * (scale->nr_spans - 1.0);
	double all = 0, x = PLOT_LEFT;
	unsigned int i;

	for (i = 0; i < scale->nr_spans; i++)
		all += scale->spans[i].to - scale->spans[i].from;
	for (i = 0; i < scale->nr_spans; i++) {
		struct span *span = &scale->spans[i];

		span->left = x;
		span->right = x + width * (span->to - span->from) / all;
		x = span->right + CUT_WIDTH;
	}
}

bool scale_choose(struct scale *scale, const struct trace_lives *lives)
{
	const struct trace *trace = lives->trace;
	struct busy *busy;

	*scale = (struct scale){};
	if (!lives->nr_requests)
		return false;
	scale->from = trace->events[0].ns;
	scale->to = trace->events[trace->nr_events - 1].ns;
	if (lives->nr_requests > MANY && !choose_requests(scale, lives))
		return false;
	if (lives->requests[0].stream)
		choose_frames(scale, lives);
	if (scale->to <= scale->from)
		scale->to = scale->from + 1;

	busy = calloc(lives->nr_requests, sizeof(*busy));
	if (!busy)
		return false;
	cut(scale, busy, find_busy(scale, lives, busy));
	free(busy);
	place(scale);
	return true;
}

double scale_x(const struct scale *scale, int64_t ns)
{
	const struct span *span = scale->spans;
	unsigned int i;

	for (i = 0; i < scale->nr_spans; i++, span++) {
		if (ns < span->from)
			return span->left;
		if (ns <= span->to)
			return span->left + (span->right - span->left) *
			       (ns - span->from) / (span->to - span->from);
	}
	return span[-1].right;
}

bool scale_shows(const struct scale *scale, int64_t from, int64_t to)
{
	return to >= scale->from && from <= scale->to;
}

/* 1, 2 or 5 times a power of ten, so that there are about so many in all. */
static int64_t tick_step(const struct scale *scale)
{
	int64_t all = 0, step = 1;
	unsigned int i;

	for (i = 0; i < scale->nr_spans; i++)
		all += scale->spans[i].to - scale->spans[i].from;
	while (step * TICKS < all) {
		if (step * 2 * TICKS >= all)
			return step * 2;
		if (step * 5 * TICKS >= all)
			return step * 5;
		step *= 10;
	}
	return step;
}

void scale_draw_grid(const struct scale *scale, FILE *file, double top, double bottom)
{
	const int64_t step = tick_step(scale);
	unsigned int i;
	int64_t t;
	double x;

	fprintf(file, "<path class=\"grid\" d=\"");
	for (i = 0; i < scale->nr_spans; i++) {
		t = (scale->spans[i].from - scale->from + step - 1) / step * step;
		for (; t <= scale->spans[i].to - scale->from; t += step)
			fprintf(file, "M%.1f %.1fV%.1f", scale_x(scale, scale->from + t), top,
				bottom);
	}
	fprintf(file, "\"/>\n");
	for (i = 1; i < scale->nr_spans; i++) {
		x = scale->spans[i].left - CUT_WIDTH / 2.0;
		fprintf(file, "<path class=\"cut\" d=\"M%.1f %.1fV%.1f\"/>\n", x, top, bottom);
	}
}

/* As many decimals as the step has. */
static void format_tick(int64_t t, int64_t step, char text[static 32])
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = { { NS_PER_S, "s" }, { 1000000, "ms" }, { 1000, "µs" }, { 1, "ns" } };
	unsigned int i = 0, decimals = 0;
	int64_t unit;

	while (units[i].ns > step * 10)
		i++;
	for (unit = units[i].ns; step % unit && decimals < 3; unit /= 10)
		decimals++;
	snprintf(text, 32, "%.*f %s", decimals, (double)t / units[i].ns, units[i].name);
}

void scale_draw_times(const struct scale *scale, FILE *file, double y)
{
	const int64_t step = tick_step(scale);
	double x, width, end = PLOT_LEFT - 4 * MARGIN;
	char text[32];
	unsigned int i;
	int64_t t;

	for (i = 0; i < scale->nr_spans; i++) {
		const struct span *span = &scale->spans[i];

		if (i) {
			trace_time(span->from - scale->spans[i - 1].to, text);
			x = span->left - CUT_WIDTH / 2.0;
			width = TEXT_WIDTH(strlen(text));
			if (x - width / 2 > end && x + width / 2 < WIDTH) {
				draw_text(file, x, y, "m c", "%s", text);
				end = x + width / 2 + 6;
			}
		}
		t = (span->from - scale->from + step - 1) / step * step;
		for (; t <= span->to - scale->from; t += step) {
			format_tick(t, step, text);
			x = scale_x(scale, scale->from + t);
			width = TEXT_WIDTH(strlen(text));
			if (x - width / 2 <= end || x + width / 2 > WIDTH - 4)
				continue;
			draw_text(file, x, y, "m", "%s", text);
			end = x + width / 2 + 6;
		}
	}
}
