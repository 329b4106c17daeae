// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel tells about itself and the machine. */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Of the variable that tells whether Secure Boot is on: the EFI's own. */
#define SECURE_BOOT \
	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

bool read_line(char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	bool good = false;
	va_list args;
	FILE *file;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);

	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(text, size, file)) {
		text[strcspn(text, "\n")] = '\0';
		good = true;
	}
	fclose(file);
	return good;
}

bool signatures_needed(const char *root, char *why, size_t size)
{
	char line[128];
	char *word, *end;

	if (read_line(line, sizeof(line), "%s/sys/module/module/parameters/sig_enforce",
		      root) && *line == 'Y') {
		snprintf(why, size, "this kernel takes signed modules only");
		return true;
	}

	/* "none [integrity] confidentiality" */
	if (!read_line(line, sizeof(line), "%s/sys/kernel/security/lockdown", root))
		return false;
	word = strchr(line, '[');
	end = word ? strchr(word, ']') : NULL;
	if (!end)
		return false;
	*end = '\0';
	if (!strcmp(word + 1, "none"))
		return false;

	snprintf(why, size, "lockdown '%s' takes signed modules only", word + 1);
	return true;
}

bool secure_boot(const char *root)
{
	unsigned char value[5] = {};
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s" SECURE_BOOT, root);
	file = fopen(path, "re");
	if (!file)
		return false;

	/* Four bytes of attributes come first. */
	if (fread(value, 1, sizeof(value), file) != sizeof(value))
		value[4] = 0;
	fclose(file);
	return value[4] == 1;
}

uint64_t memory_top(const char *root)
{
	uint64_t spanned = 0, value, top = 0;
	char path[PATH_MAX], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/zoneinfo", root);
	file = fopen(path, "re");
	if (!file)
		return 0;

	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Node", 4))
			spanned = 0;
		else if (sscanf(line, " spanned %" SCNu64, &value) == 1)
			spanned = value;
		else if (spanned && sscanf(line, " start_pfn: %" SCNu64, &value) == 1 &&
			 value + spanned > top)
			top = value + spanned;
	}
	fclose(file);
	return top * sysconf(_SC_PAGESIZE);
}

bool has_capability(unsigned int number)
{
	char line[128];
	bool has = false;
	uint64_t value;
	FILE *file;

	file = fopen("/proc/self/status", "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %" SCNx64, &value) == 1)
			has = value >> number & 1;
	fclose(file);
	return has;
}
