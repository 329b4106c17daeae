/* SPDX-License-Identifier: GPL-2.0-only */
/* How the timeline is drawn: a scale, rows of bars that do not overlap, lanes of rows. */
#ifndef _TRACE_DRAW_H
#define _TRACE_DRAW_H

#include "trace.h"

/* Of the picture, which is scaled to where it is shown. */
#define WIDTH		800
#define MARGIN		16
#define PLOT_LEFT	136
#define PLOT_RIGHT	(WIDTH - MARGIN)
#define ROW_HEIGHT	20
#define ROW_STEP	23
#define TEXT_SIZE	14
/* No font that is likely to be there is wider, in the mean of a word. */
#define TEXT_WIDTH(len)	((len) * TEXT_SIZE * 0.62)

#define SPANS_MAX	8

/**
 * struct scale - where times are drawn
 * @from:	first time that is drawn
 * @to:		last one
 * @nr_spans:	parts in which something happens; idle time between them is cut out
 * @spans:	the parts, and where they are
 */
struct scale {
	int64_t from;
	int64_t to;
	unsigned int nr_spans;
	struct span {
		int64_t from;
		int64_t to;
		double left;
		double right;
	} spans[SPANS_MAX];
};

/**
 * struct bar - what is drawn in a row
 * @class:	of its style
 * @from:	time
 * @to:		time
 * @label:	texts of which the first that fits is written into it; may end early
 * @title:	all that there is to say of it
 */
struct bar {
	const char *class;
	int64_t from;
	int64_t to;
	char label[3][80];
	char title[192];
};

#define ROWS_MAX	6

/**
 * struct row - bars beside each other
 * @end:	where the last one ends
 * @last:	time of its end
 * @pending:	the last one, which others of its kind may still be joined to
 * @left:	where it begins
 * @joined:	how many it stands for; 0 if there is none
 */
struct row {
	double end;
	int64_t last;
	struct bar pending;
	double left;
	unsigned int joined;
};

/**
 * struct lane - rows that belong together
 * @file:	to this
 * @scale:	where times are
 * @top:	of the first row
 * @rows:	as many as were needed
 * @nr_rows:	of them
 * @left_out:	bars for which there was no row
 */
struct lane {
	FILE *file;
	const struct scale *scale;
	double top;
	struct row rows[ROWS_MAX];
	unsigned int nr_rows;
	unsigned int left_out;
};

/* trace_scale.c */

/**
 * scale_choose() - choose what is drawn
 * @scale:	filled in
 * @lives:	what there is
 *
 * If there are many requests, that is a few which took as long as most do.
 *
 * Return: false if there is nothing to draw.
 */
bool scale_choose(struct scale *scale, const struct trace_lives *lives);

/**
 * scale_x() - where a time is drawn
 * @scale:	the scale
 * @ns:		the time; what is outside is drawn at the edge
 *
 * Return: x.
 */
double scale_x(const struct scale *scale, int64_t ns);

/**
 * scale_shows() - is any of a time drawn?
 * @scale:	the scale
 * @from:	from
 * @to:		to
 *
 * Return: true if so.
 */
bool scale_shows(const struct scale *scale, int64_t from, int64_t to);

/**
 * scale_draw_grid() - draw lines at round times, and where time is cut out
 * @scale:	the scale
 * @file:	to this
 * @top:	upper end
 * @bottom:	lower end
 */
void scale_draw_grid(const struct scale *scale, FILE *file, double top, double bottom);

/**
 * scale_draw_times() - write the times below the lines
 * @scale:	the scale
 * @file:	to this
 * @y:		base line
 */
void scale_draw_times(const struct scale *scale, FILE *file, double y);

/* trace_lane.c */

/**
 * draw_text() - write text that may have any characters
 * @file:	to this
 * @x:		where
 * @y:		base line
 * @class:	of its style
 * @format:	as printf()
 */
void draw_text(FILE *file, double x, double y, const char *class, const char *format, ...)
	__printf(5, 6);

/**
 * lane_add() - draw a bar in a row
 * @lane:	the lane
 * @row:	which one
 * @bar:	the bar; it begins where the one before it ends, if that is later
 *
 * In the order of time.
 */
void lane_add(struct lane *lane, unsigned int row, const struct bar *bar);

/**
 * lane_pack() - draw a bar in the first row where there is room
 * @lane:	the lane
 * @bar:	the bar
 *
 * In the order of their beginning.
 */
void lane_pack(struct lane *lane, const struct bar *bar);

/**
 * lane_end() - finish a lane
 * @lane:	the lane
 *
 * Return: the lower end of its rows.
 */
double lane_end(struct lane *lane);

/* trace_lanes.c */

/**
 * draw_lanes() - draw all lanes
 * @file:	to this
 * @scale:	where times are
 * @lives:	what there is
 * @device:	what the device did, or NULL
 * @top:	where the first one begins
 *
 * Return: where the last one ends.
 */
double draw_lanes(FILE *file, const struct scale *scale, const struct trace_lives *lives,
		  const struct trace_device *device, double top);

#endif /* _TRACE_DRAW_H */
