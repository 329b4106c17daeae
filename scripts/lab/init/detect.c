// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only a debug kernel can tell at the end: memory that nobody refers to
 * any more, and DMA mappings that nobody has undone.  On other kernels the
 * files are missing, and nothing is said.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define DMA_API		"/sys/kernel/debug/dma-api/"

/* kmemleak does not report what is younger than five seconds. */
#define YOUNG_SECONDS	6
#define SHOWN_LINES	60

/*
 * False if there is no such file, as on most kernels.  Who does not do as it is
 * told has switched itself off, and would find nothing.
 */
static bool tell(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (!write_all(fd, what, strlen(what)))
		fail("%s: cannot write '%s': %m", path, what);
	close(fd);
	return true;
}

/* The lines that begin with @start, or -1; what is in them goes to the console. */
static long count_lines(const char *path, const char *start)
{
	long count = 0, shown = 0;
	char line[512];
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		count += !strncmp(line, start, strlen(start));
		if (shown++ < SHOWN_LINES)
			note("%s: %.*s", path, (int)strcspn(line, "\n"), line);
	}
	fclose(file);
	return count;
}

void begin_detection(void)
{
	/* Else the checker falls silent after its first error. */
	tell(DMA_API "all_errors", "1");
}

static void report_kmemleak(void)
{
	/* An object counts once two scans found the same of it. */
	if (!tell(KMEMLEAK, "scan"))
		return;
	sleep(YOUNG_SECONDS);
	tell(KMEMLEAK, "scan");
	record("kmemleak", "%ld", count_lines(KMEMLEAK, "unreferenced object"));
}

static void report_dma(void)
{
	unsigned long errors = 0;
	FILE *file;

	file = fopen(DMA_API "error_count", "re");
	if (!file)
		return;
	if (fscanf(file, "%lu", &errors) != 1)
		fail("%serror_count: no number", DMA_API);
	fclose(file);
	record("dma", "%lu %ld", errors, count_lines(DMA_API "dump", ""));
}

void report_detection(void)
{
	report_kmemleak();
	report_dma();
}
