// SPDX-License-Identifier: GPL-2.0-only
/* edudma: move data through an edudma device, and look after its driver. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const struct command *const commands[] = {
	&command_list,
	&command_info,
	&command_load,
	&command_unload,
	&command_read,
	&command_write,
	&command_copy,
	&command_stats,
	&command_bench,
	&command_capture,
	&command_play,
	&command_selftest,
	&command_doctor,
	&command_why,
	&command_reset,
	&command_trace,
};

static const struct command *current;

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int print_usage(void)
{
	size_t i;

	printf("Usage: edudma COMMAND [OPTION]... [ARGUMENT]...\n"
	       "Move data through an edudma device, and look after its driver.\n"
	       "\n"
	       "Commands:\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n"
	       "  -h, --help     this help; 'edudma COMMAND --help' tells more\n"
	       "  -V, --version  version of the tool\n"
	       "\n"
	       "Exit status: 0 success, 1 failure, 2 wrong usage.\n");
	return STATUS_OK;
}

int command_help(void)
{
	printf("Usage: edudma %s%s%s\n%s.\n\n%s", current->name,
	       *current->arguments ? " " : "", current->arguments,
	       current->summary, current->help);
	return STATUS_OK;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "-h") || !strcmp(word, "--help");
}

static bool is_version(const char *word)
{
	return !strcmp(word, "-V") || !strcmp(word, "--version");
}

static int print_version(void)
{
	printf("edudma %s\n", edudma_version());
	return STATUS_OK;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	current = command;
	message_command(command->name);
	/* As the first word it is no option's value. */
	if (argc > 1 && is_version(argv[1]))
		return print_version();
	return command->run(argc, argv);
}

/* "edudma help" and "edudma help COMMAND" */
static int run_help(int argc, char **argv)
{
	if (argc > 2)
		return usage_error("unexpected argument '%s'", argv[2]);
	if (argc < 2 || !strcmp(argv[1], "help") || is_help(argv[1]))
		return print_usage();

	current = find_command(argv[1]);
	if (!current)
		return usage_error("unknown command '%s'", argv[1]);
	return command_help();
}

static int run(int argc, char **argv)
{
	const struct command *command;
	const char *word;

	if (argc < 2)
		return usage_error("no command given");

	word = argv[1];
	if (is_help(word))
		return print_usage();
	if (!strcmp(word, "help"))
		return run_help(argc - 1, argv + 1);
	if (is_version(word))
		return print_version();

	command = find_command(word);
	if (command)
		return run_command(command, argc - 1, argv + 1);
	return usage_error("unknown %s '%s'",
			   word[0] == '-' ? "option" : "command", word);
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);

	/* A full disk shows here at the latest. */
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && status == STATUS_OK)
		status = fail("standard output: %s",
			      strerror(errno ? errno : EIO));

	signals_deliver();
	return status;
}
