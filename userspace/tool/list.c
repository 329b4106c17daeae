// SPDX-License-Identifier: GPL-2.0-only
/* edudma list */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static void print_list(const struct edudma_list *list)
{
	size_t i;

	for (i = 0; i < edudma_list_count(list); i++)
		printf("edudma%u  %-12s  %s\n", edudma_list_index(list, i),
		       edudma_list_address(list, i), edudma_list_path(list, i));

	if (edudma_list_count(list))
		return;
	if (access("/sys/module/edudma", F_OK))
		message("no devices (is the module loaded? try 'edudma load')");
	else
		message("no devices ('lspci -nn -d 1234:11e8' shows the hardware)");
}

static void print_json(const struct edudma_list *list)
{
	struct json_object *array = json_object_new_array(), *entry;
	size_t i;

	for (i = 0; i < edudma_list_count(list); i++) {
		entry = json_object_new_object();
		json_add_u64(entry, "index", edudma_list_index(list, i));
		json_add_string(entry, "path", edudma_list_path(list, i));
		json_add_string(entry, "address", edudma_list_address(list, i));
		json_object_array_add(array, entry);
	}
	json_print(array, false);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct edudma_list *list;
	bool json = false;
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":jh", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);

	ret = edudma_list_new(&list);
	if (ret)
		return fail("/sys/class/edudma: %s", strerror(-ret));

	if (json)
		print_json(list);
	else
		print_list(list);
	edudma_list_free(list);
	return STATUS_OK;
}

const struct command command_list = {
	.name = "list",
	.arguments = "[OPTION]...",
	.summary = "Show the devices present",
	.help =
	"One line a device: its name, its PCI address and its node.\n"
	"It is no failure if there is none.\n"
	"\n"
	"  -j, --json  print an array of objects\n"
	"  -h, --help  this help\n",
	.run = run,
};
