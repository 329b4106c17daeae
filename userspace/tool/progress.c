// SPDX-License-Identifier: GPL-2.0-only
/* A progress bar, on terminals only. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define REDRAW_NS	(NS_PER_S / 10)
#define BAR_MIN		10
#define BAR_MAX		40
/* What stands beside the bar. */
#define TEXT_COLUMNS	60
#define TIME_SIZE	48
#define LINE_SIZE	256

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* There is something of ours on the terminal's line. */
static atomic_bool drawn;

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

/*
 * In one call, as another thread may draw.  The last column stays free: a line that
 * fills it goes on in the next one, which clearing leaves behind.
 */
static void draw(const char *line)
{
	atomic_store(&drawn, true);
	fprintf(stderr, "\r\033[K%.*s", (int)terminal_width() - 1, line);
	fflush(stderr);
}

void progress_clear(void)
{
	if (!atomic_exchange(&drawn, false))
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void progress_waiting(const char *path)
{
	char line[LINE_SIZE];

	snprintf(line, sizeof(line), "waiting for %s", path);
	draw(line);
}

/* " [====>    ]", into as many columns as there are. */
static void format_bar(double part, unsigned int columns, char bar[static BAR_MAX + 4])
{
	unsigned int filled;

	if (columns > BAR_MAX)
		columns = BAR_MAX;
	filled = part * columns;

	sprintf(bar, " [%*s]", columns, "");
	memset(bar + 2, '=', filled);
	if (filled < columns)
		bar[2 + filled] = '>';
}

static void format_left(double seconds, char text[static TIME_SIZE])
{
	unsigned long long s = seconds;

	if (s >= 3600)
		snprintf(text, TIME_SIZE, " %llu:%02llu:%02llu left", s / 3600,
			 s / 60 % 60, s % 60);
	else
		snprintf(text, TIME_SIZE, " %llu:%02llu left", s / 60, s % 60);
}

void progress_update(struct progress *progress, uint64_t done)
{
	char size[16], total[16], speed[16], of[32] = "", left[TIME_SIZE] = "";
	char bar[BAR_MAX + 4] = "", line[LINE_SIZE];
	const unsigned int width = terminal_width();
	const int64_t now = now_ns();
	double part, rate;

	if (!progress->shown || now - progress->last_ns < REDRAW_NS)
		return;
	progress->last_ns = now;

	rate = now > progress->start_ns ?
		done * (double)NS_PER_S / (now - progress->start_ns) : 0;

	/* A file that grows can have more than it had. */
	if (progress->total && done <= progress->total) {
		part = (double)done / progress->total;
		snprintf(of, sizeof(of), " of %s %3.0f%%",
			 format_size(progress->total, total), part * 100);
		if (width > TEXT_COLUMNS + BAR_MIN)
			format_bar(part, width - TEXT_COLUMNS, bar);
		if (rate > 0)
			format_left((progress->total - done) / rate, left);
	}
	snprintf(line, sizeof(line), "%s%s%s %s/s%s", format_size(done, size), of,
		 bar, format_size(rate, speed), left);
	draw(line);
}

double progress_stop(struct progress *progress)
{
	if (progress->shown)
		progress_clear();
	progress->shown = false;

	return (double)(now_ns() - progress->start_ns) / NS_PER_S;
}
