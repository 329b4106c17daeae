// SPDX-License-Identifier: GPL-2.0-only
/* Sizes and times, as people write and read them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

bool parse_size(const char *text, uint64_t *size)
{
	static const char letters[] = "KkMmGg";
	unsigned int shift = 0;
	unsigned long long value;
	const char *letter;
	char *end;
	int base;

	/* Neither signs nor blanks, which strtoull() would take. */
	if (!isdigit((unsigned char)*text))
		return false;

	/* Base 0 would read 010 as eight. */
	base = !strncasecmp(text, "0x", 2) ? 16 : 10;
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno)
		return false;

	if (*end) {
		letter = strchr(letters, *end);
		if (!letter || end[1])
			return false;
		shift = 10 * ((letter - letters) / 2 + 1);
	}
	if (value > UINT64_MAX >> shift)
		return false;

	*size = value << shift;
	return true;
}

bool parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && !*end && *seconds >= 0.01 && *seconds <= 86400;
}

char *format_size(double size, char text[static 16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (size >= 1024 && i + 1 < ARRAY_SIZE(units)) {
		size /= 1024;
		i++;
	}

	snprintf(text, 16, "%.*f %s", i ? 1 : 0, size, units[i]);
	return text;
}
