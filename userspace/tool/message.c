// SPDX-License-Identifier: GPL-2.0-only
/* What the tool has to say on standard error. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const char *command_name;

void message_command(const char *name)
{
	command_name = name;
}

static void print(const char *format, va_list args)
{
	char text[2 * PATH_MAX];

	vsnprintf(text, sizeof(text), format, args);
	progress_clear();
	if (command_name)
		fprintf(stderr, "edudma: %s: %s\n", command_name, text);
	else
		fprintf(stderr, "edudma: %s\n", text);
}

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(format, args);
	va_end(args);
}

int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(format, args);
	va_end(args);
	return STATUS_FAILURE;
}

int usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(format, args);
	va_end(args);

	fprintf(stderr, "Try 'edudma %s%s--help'.\n",
		command_name ? command_name : "", command_name ? " " : "");
	return STATUS_USAGE;
}

int option_error(int opt, char **argv)
{
	const char *word = argv[optind - 1];

	if (opt == ':')
		return usage_error("option '%s' needs a value", word);
	if (!strncmp(word, "--", 2) && optopt)
		return usage_error("option '%s' takes no value", word);
	if (!strncmp(word, "--", 2))
		return usage_error("unknown or ambiguous option '%s'", word);
	return usage_error("unknown option '-%c'", optopt);
}

const char *device_hint(int err)
{
	switch (err) {
	case -ENODEV:
	case -ENOENT:
	case -ENXIO:
		if (access("/sys/module/edudma", F_OK))
			return "is the module loaded? try 'edudma load'";
		return "'edudma list' shows the devices present";
	case -ENOTTY:
		return "not an edudma device; 'edudma list' shows them";
	case -EACCES:
	case -EPERM:
		return "run as root, or join the group that 'ls -l' shows for it";
	case -EADDRNOTAVAIL:
		return "the device cannot reach this memory; leave out --no-bounce";
	case -ETIMEDOUT:
		return "the device did not finish in time; 'dmesg' tells more";
	default:
		return NULL;
	}
}

int fail_device(const char *path, int err, const char *format, ...)
{
	const char *hint = device_hint(err);
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);

	return fail("%s: %s%s%s%s%s%s", path, strerror(-err),
		    *what ? ", " : "", what,
		    hint ? " (" : "", hint ? hint : "", hint ? ")" : "");
}
