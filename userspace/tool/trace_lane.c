// SPDX-License-Identifier: GPL-2.0-only
/* Rows of bars.  What is too short to be seen beside its like is drawn as one with it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "trace_draw.h"

#define BAR_MIN		2.0
/* Short bars of one kind that are nearer than this are joined. */
#define JOIN		0.8
#define SHORT		4.0
/* So that one sees where one ends and the next begins. */
#define GAP		0.8

static void write_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", file);
			break;
		case '&':
			fputs("&amp;", file);
			break;
		default:
			/* Others are not allowed in XML. */
			fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
		}
	}
}

void draw_text(FILE *file, double x, double y, const char *class, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	write_escaped(file, text);
	fprintf(file, "</text>\n");
}

static double row_top(const struct lane *lane, unsigned int row)
{
	return lane->top + row * ROW_STEP;
}

/* Characters, not bytes: µ has two. */
static size_t text_len(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void flush(struct lane *lane, unsigned int index)
{
	struct row *row = &lane->rows[index];
	const struct bar *bar = &row->pending;
	const double y = row_top(lane, index), full = row->end - row->left;
	const double width = full > SHORT ? full - GAP : full;
	char extra[32] = "";
	unsigned int i;

	if (!row->joined)
		return;
	if (row->joined > 1)
		snprintf(extra, sizeof(extra), " and %u more", row->joined - 1);
	fprintf(lane->file, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" ", row->left,
		y, width, ROW_HEIGHT);
	fprintf(lane->file, "class=\"%s\"><title>", bar->class);
	write_escaped(lane->file, bar->title);
	fprintf(lane->file, "%s</title></rect>\n", extra);
	for (i = 0; row->joined == 1 && i < ARRAY_SIZE(bar->label) && *bar->label[i]; i++) {
		if (TEXT_WIDTH(text_len(bar->label[i])) + 8 > width)
			continue;
		fprintf(lane->file, "<text x=\"%.1f\" y=\"%.1f\" class=\"on %s\">",
			row->left + width / 2, y + 15, bar->class);
		write_escaped(lane->file, bar->label[i]);
		fprintf(lane->file, "</text>\n");
		break;
	}
	row->joined = 0;
}

void lane_add(struct lane *lane, unsigned int index, const struct bar *bar)
{
	struct row *row = &lane->rows[index];
	double left, right;

	if (!scale_shows(lane->scale, bar->from, bar->to))
		return;
	while (lane->nr_rows <= index)
		lane->rows[lane->nr_rows++] = (struct row){ .end = PLOT_LEFT };
	left = scale_x(lane->scale, bar->from);
	right = scale_x(lane->scale, bar->to);
	if (row->joined && row->pending.class == bar->class && right - left < SHORT &&
	    left < row->end + JOIN) {
		row->joined++;
		if (right > row->end)
			row->end = right;
	} else {
		flush(lane, index);
		if (left < row->end)
			left = row->end;
		if (right < left + BAR_MIN)
			right = left + BAR_MIN;
		if (right > PLOT_RIGHT + BAR_MIN) {
			right = PLOT_RIGHT + BAR_MIN;
			if (left > right - BAR_MIN)
				return;
		}
		row->left = left;
		row->end = right;
		row->pending = *bar;
		row->joined = 1;
	}
	if (bar->to > row->last)
		row->last = bar->to;
}

void lane_pack(struct lane *lane, const struct bar *bar)
{
	unsigned int i;

	if (!scale_shows(lane->scale, bar->from, bar->to))
		return;
	for (i = 0; i < ROWS_MAX; i++) {
		if (i >= lane->nr_rows || lane->rows[i].last <= bar->from) {
			lane_add(lane, i, bar);
			return;
		}
	}
	lane->left_out++;
}

double lane_end(struct lane *lane)
{
	unsigned int i;

	for (i = 0; i < lane->nr_rows; i++)
		flush(lane, i);
	return row_top(lane, lane->nr_rows);
}
