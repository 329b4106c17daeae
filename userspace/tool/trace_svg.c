// SPDX-License-Identifier: GPL-2.0-only
/* The timeline as one file that needs no other: lanes, times, and what took how long. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "trace_draw.h"

#define TITLE_MAX	76
/* Right edges of the columns of numbers. */
#define COLUMNS		4
#define TABLE_STEP	22
/* With fewer, the longest says the same. */
#define PERCENTILE_MIN	20

/*
 * Colours stand in full for each of both schemes: programs that show pictures know no
 * variables.
 */
static const char style[] =
	"text{font:14px system-ui,\"DejaVu Sans\",sans-serif;fill:#1f2328}\n"
	".h{font-size:15px;font-weight:600}.b{font-weight:600}\n"
	".s{font-size:13px;fill:#59636e}.m,.c{text-anchor:middle;fill:#59636e}\n"
	".r{text-anchor:end}.on{text-anchor:middle;fill:#fff}.c{font-style:italic}\n"
	".paper{fill:#fff}\n"
	".grid,.rule{stroke:#d8dee4;fill:none}.cut{stroke:#59636e;stroke-dasharray:3 5;fill:none}\n"
	"rect.request{fill:#57606a}rect.failed{fill:#cf222e}\n"
	"rect.waiting,rect.wait{fill:#d0d7de}text.waiting,text.wait{fill:#1f2328}\n"
	"rect.staged,rect.yielding{fill:#8c959f}text.staged,text.yielding{fill:#000}\n"
	"rect.running{fill:#57606a}\n"
	"rect.pin{fill:#0969da}rect.map{fill:#8250df}rect.queue,rect.fetch{fill:#9a6700}\n"
	"rect.device{fill:#1a7f37}rect.release{fill:#bc4c00}rect.copied{fill:#bf3989}\n"
	"rect.return{fill:#6e7781}rect.irq,rect.frame{fill:#1f2328}rect.doorbell{fill:#9a6700}\n"
	".memory{fill:#54aeff;fill-opacity:.6;stroke:#0969da}\n"
	"@media (prefers-color-scheme:dark){\n"
	"text{fill:#e6edf3}.s,.m,.c{fill:#9198a1}.paper{fill:#0d1117}\n"
	".grid,.rule{stroke:#30363d}.cut{stroke:#9198a1}\n"
	".on{fill:#0d1117}text.waiting,text.wait{fill:#e6edf3}\n"
	"rect.request,rect.running{fill:#9198a1}rect.failed{fill:#ff7b72}\n"
	"rect.waiting,rect.wait{fill:#3d444d}rect.staged,rect.yielding{fill:#6e7681}\n"
	"rect.pin{fill:#58a6ff}rect.map{fill:#bc8cff}rect.queue,rect.fetch,rect.doorbell{fill:#d29922}\n"
	"rect.device{fill:#3fb950}rect.release{fill:#f0883e}rect.copied{fill:#f778ba}\n"
	"rect.return{fill:#8b949e}rect.irq,rect.frame{fill:#e6edf3}\n"
	".memory{fill:#1f6feb;stroke:#58a6ff}}\n";

static double table_height(void)
{
	return (TRACE_PHASES + 3) * TABLE_STEP;
}

static void draw_number(FILE *file, unsigned int column, double y, const char *text)
{
	static const int right[COLUMNS] = { 460, 568, 676, WIDTH - MARGIN };

	draw_text(file, right[column], y, "r", "%s", text);
}

static void draw_row(FILE *file, double y, const struct trace_times *times, bool many)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, times->count);
	draw_number(file, 0, y, text);
	if (!times->count)
		return;
	draw_number(file, 1, y, trace_time(times->median, text));
	draw_number(file, 2, y, trace_time(times->longest, text));
	if (many)
		draw_number(file, 3, y, trace_time(times->p99, text));
}

/* How long requests were in each phase; it is the legend, too. */
static void draw_table(FILE *file, const struct trace_lives *lives, double y)
{
	struct trace_times times = trace_lives_times(lives, TRACE_PHASES);
	const bool many = times.count >= PERCENTILE_MIN;
	enum trace_phase phase;

	draw_text(file, MARGIN, y, "b", "time per phase");
	draw_number(file, 0, y, "requests");
	draw_number(file, 1, y, "median");
	draw_number(file, 2, y, "longest");
	if (many)
		draw_number(file, 3, y, "99 %");
	for (phase = 0; phase < TRACE_PHASES; phase++) {
		const char *name = trace_phase_names[phase];

		y += TABLE_STEP;
		fprintf(file, "<rect x=\"%d\" y=\"%.1f\" ", MARGIN, y - 12);
		fprintf(file, "width=\"14\" height=\"14\" class=\"%s\"/>\n", name);
		draw_text(file, MARGIN + 24, y, "b", "%s", name);
		draw_text(file, MARGIN + 104, y, "s", "%s", trace_phase_texts[phase]);
		times = trace_lives_times(lives, phase);
		draw_row(file, y, &times, many);
	}
	y += TABLE_STEP;
	times = trace_lives_times(lives, TRACE_PHASES);
	draw_text(file, MARGIN + 24, y, "b", "in all");
	draw_text(file, MARGIN + 104, y, "s", "from begin to end");
	draw_row(file, y, &times, many);
}

/* What is not drawn is said. */
static void say_chosen(const struct scale *scale, const struct trace_lives *lives,
		       char *text, size_t size)
{
	size_t drawn = 0, i;

	for (i = 0; i < lives->nr_requests; i++)
		drawn += scale_shows(scale, lives->requests[i].begin, lives->requests[i].end);
	if (drawn == lives->nr_requests)
		snprintf(text, size, "%zu request%s", drawn, drawn == 1 ? "" : "s");
	else
		snprintf(text, size, "%zu of %zu requests, which took as long as most", drawn,
			 lives->nr_requests);
	if (lives->requests[0].stream)
		snprintf(text, size, "a stream");
}

static void draw_head(FILE *file, const struct scale *scale, const struct trace_lives *lives)
{
	const struct trace *trace = lives->trace;
	struct utsname system = {};
	char chosen[64], time[16], lost[48] = "";

	uname(&system);
	system.release[strcspn(system.release, "-")] = '\0';
	say_chosen(scale, lives, chosen, sizeof(chosen));
	trace_time(scale->to - scale->from, time);
	if (trace->lost)
		snprintf(lost, sizeof(lost), "; %" PRIu64 " events were lost", trace->lost);
	draw_text(file, MARGIN, 30, "h", "%.*s%s", TITLE_MAX, trace->command,
		  strlen(trace->command) > TITLE_MAX ? "…" : "");
	draw_text(file, MARGIN, 52, trace->lost ? "b" : "s", "%s, %s, Linux %s%s", chosen, time,
		  system.release, lost);
}

int trace_write_svg(FILE *file, const struct trace_lives *lives,
		    const struct trace_device *device)
{
	struct scale scale;
	size_t size = 0;
	char *lanes = NULL;
	double bottom, height;
	FILE *part;

	if (!scale_choose(&scale, lives))
		return fail("no request was seen: nothing to draw");
	/* The lines lie below the lanes, whose end is not known before. */
	part = open_memstream(&lanes, &size);
	if (!part)
		return fail("%s", strerror(ENOMEM));
	bottom = draw_lanes(part, &scale, lives, device, 72);
	if (fclose(part)) {
		free(lanes);
		return fail("%s", strerror(ENOMEM));
	}
	height = bottom + 40 + table_height();

	fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\">\n",
		WIDTH, height);
	fprintf(file, "<title>edudma trace</title>\n<style>\n%s</style>\n", style);
	fprintf(file, "<rect class=\"paper\" width=\"%d\" height=\"%.0f\"/>\n", WIDTH, height);
	draw_head(file, &scale, lives);
	scale_draw_grid(&scale, file, 66, bottom);
	fputs(lanes, file);
	scale_draw_times(&scale, file, bottom + 12);
	draw_table(file, lives, bottom + 52);
	fprintf(file, "</svg>\n");
	free(lanes);
	return STATUS_OK;
}
