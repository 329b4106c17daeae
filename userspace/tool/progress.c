// SPDX-License-Identifier: GPL-2.0-only
/* A progress bar, on terminals only. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define REDRAW_NS	(NS_PER_S / 10)
#define BAR_MAX		40

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void progress_start(struct progress *progress, uint64_t total, bool quiet)
{
	progress->shown = !quiet && isatty(STDERR_FILENO);
	progress->total = total;
	progress->start_ns = now_ns();
	progress->last_ns = 0;
	if (progress->shown)
		progress_update(progress, 0);
}

static unsigned int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

/* "  31% [====>    ] ", into as many columns as there are. */
static void draw_bar(double part, unsigned int columns)
{
	char bar[BAR_MAX + 1];
	unsigned int filled;

	if (columns > BAR_MAX)
		columns = BAR_MAX;
	filled = part * columns;

	memset(bar, ' ', columns);
	memset(bar, '=', filled);
	if (filled < columns)
		bar[filled] = '>';
	bar[columns] = '\0';
	fprintf(stderr, " [%s]", bar);
}

static void draw_time(double seconds)
{
	unsigned long long s = seconds;

	if (s >= 3600)
		fprintf(stderr, " %llu:%02llu:%02llu left", s / 3600,
			s / 60 % 60, s % 60);
	else
		fprintf(stderr, " %llu:%02llu left", s / 60, s % 60);
}

void progress_update(struct progress *progress, uint64_t done)
{
	const int64_t now = now_ns();
	char size[16], speed[16];
	double part, rate;
	unsigned int width;

	if (!progress->shown || now - progress->last_ns < REDRAW_NS)
		return;
	progress->last_ns = now;

	rate = now > progress->start_ns ?
		done * (double)NS_PER_S / (now - progress->start_ns) : 0;

	fprintf(stderr, "\r\033[K%s", format_size(done, size));
	/* A file that grows can have more than it had. */
	if (progress->total && done <= progress->total) {
		part = (double)done / progress->total;
		fprintf(stderr, " of %s %3.0f%%",
			format_size(progress->total, size), part * 100);
		width = terminal_width();
		if (width > 70)
			draw_bar(part, width - 60);
	}
	fprintf(stderr, " %s/s", format_size(rate, speed));
	if (progress->total && done <= progress->total && rate > 0)
		draw_time((progress->total - done) / rate);
	fflush(stderr);
}

double progress_stop(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;

	return (double)(now_ns() - progress->start_ns) / NS_PER_S;
}
