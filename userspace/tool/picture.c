// SPDX-License-Identifier: GPL-2.0-only
/* The last frames as an image: lines of 256 bytes, as the ramp pattern has them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams.h"

#define COLUMNS		256
#define LINES		4096
/* A gap: squares, black and white, for each frame that was lost, up to a number. */
#define SQUARE		8
#define BAND_MAX	64

int picture_init(struct picture *picture)
{
	picture->count = 0;
	picture->lines = calloc(LINES, COLUMNS);
	return picture->lines ? STATUS_OK : fail("%s", strerror(ENOMEM));
}

static unsigned char *next_line(struct picture *picture)
{
	return picture->lines + picture->count++ % LINES * COLUMNS;
}

static void add_band(struct picture *picture, uint64_t lost)
{
	const unsigned int lines = lost < BAND_MAX / SQUARE ? lost * SQUARE : BAND_MAX;
	unsigned int x, y;
	unsigned char *line;

	for (y = 0; y < lines; y++) {
		line = next_line(picture);
		for (x = 0; x < COLUMNS; x++)
			line[x] = (x / SQUARE + y / SQUARE) % 2 ? 255 : 0;
	}
}

void picture_add(struct picture *picture, const struct edudma_frame *frame, uint64_t lost)
{
	const unsigned char *data = frame->data;
	size_t pos, len;
	unsigned char *line;

	add_band(picture, lost);
	for (pos = 0; pos < frame->bytes; pos += len) {
		len = frame->bytes - pos < COLUMNS ? frame->bytes - pos : COLUMNS;
		line = next_line(picture);
		memset(line + len, 0, COLUMNS - len);
		memcpy(line, data + pos, len);
	}
}

/* The oldest line is the one that would be written over next. */
static int write_lines(const struct picture *picture, int fd)
{
	const uint64_t lines = picture->count < LINES ? picture->count : LINES;
	const uint64_t first = (picture->count - lines) % LINES;
	char header[32];
	int ret, len;

	len = snprintf(header, sizeof(header), "P5\n%u %u\n255\n", COLUMNS,
		       (unsigned int)lines);
	ret = write_full(fd, header, len);
	if (!ret)
		ret = write_full(fd, picture->lines + first * COLUMNS,
				 (lines - first) * COLUMNS);
	if (!ret)
		ret = write_full(fd, picture->lines, first * COLUMNS);
	return ret;
}

int picture_write(struct picture *picture, const char *path)
{
	struct output out;
	int ret;

	ret = output_open(&out, path);
	if (ret)
		return fail("%s: %s", path, strerror(-ret));
	if (!picture->count) {
		output_abort(&out);
		return fail("%s: no frame to show", path);
	}

	ret = write_lines(picture, out.fd);
	if (ret)
		output_abort(&out);
	else
		ret = output_commit(&out);
	return ret ? output_fail(&out, ret) : STATUS_OK;
}
