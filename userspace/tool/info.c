// SPDX-License-Identifier: GPL-2.0-only
/* edudma info */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "tool.h"

/* Name of a capability, also of one that only newer drivers have. */
static const char *capability(unsigned int bit, char text[static 16])
{
	const char *name = edudma_capability_name(bit);

	if (name)
		return name;
	snprintf(text, 16, "bit%u", bit);
	return text;
}

static void print_size(const char *name, uint64_t size)
{
	char text[16];

	if (size < 1024)
		printf("%-22s%" PRIu64 "\n", name, size);
	else
		printf("%-22s%" PRIu64 " (%s)\n", name, size,
		       format_size(size, text));
}

static void print_info(const char *path, const struct edudma_info *info)
{
	unsigned int bit;
	char text[16];

	printf("%-22s%s\n", "device", path);
	printf("%-22s%s\n", "engine", edudma_engine_name(info->engine));
	printf("%-22s%u\n", "abi version", info->abi_version);
	print_size("window", info->window_bytes);
	print_size("max transfer", info->max_transfer_bytes);
	printf("%-22s%u\n", "max segments", info->max_segments);
	print_size("max descriptor", info->max_descriptor_bytes);
	printf("%-22s%u\n", "address bits", info->address_bits);
	printf("%-22s%u\n", "channels", info->channels);
	print_size("chunk", info->chunk_bytes);
	print_size("bounce pool", info->bounce_bytes);
	printf("%-22s%u\n", "max buffers", info->max_buffers);
	printf("%-22s%u\n", "streams", info->streams);
	printf("%-22s%u ms\n", "timeout", info->timeout_ms);

	printf("%-22s", "capabilities");
	for (bit = 0; bit < 32; bit++)
		if (info->capabilities & 1U << bit)
			printf("%s ", capability(bit, text));
	printf("%s\n", info->capabilities ? "" : "none");
}

static void print_json(const char *path, const struct edudma_info *info)
{
	struct json_object *object = json_object_new_object(), *array;
	unsigned int bit;
	char text[16];

	json_add_string(object, "path", path);
	json_add_string(object, "engine", edudma_engine_name(info->engine));
	json_add_u64(object, "abi_version", info->abi_version);
	json_add_u64(object, "window_bytes", info->window_bytes);
	json_add_u64(object, "max_transfer_bytes", info->max_transfer_bytes);
	json_add_u64(object, "max_segments", info->max_segments);
	json_add_u64(object, "max_descriptor_bytes",
		     info->max_descriptor_bytes);
	json_add_u64(object, "address_bits", info->address_bits);
	json_add_u64(object, "channels", info->channels);
	json_add_u64(object, "chunk_bytes", info->chunk_bytes);
	json_add_u64(object, "bounce_bytes", info->bounce_bytes);
	json_add_u64(object, "max_buffers", info->max_buffers);
	json_add_u64(object, "streams", info->streams);
	json_add_u64(object, "timeout_ms", info->timeout_ms);

	array = json_object_new_array();
	for (bit = 0; bit < 32; bit++)
		if (info->capabilities & 1U << bit)
			json_object_array_add(array, json_object_new_string(capability(bit, text)));
	json_object_object_add(object, "capabilities", array);
	json_print(object, false);
}

static int show(const char *which, bool json)
{
	struct edudma_info info;
	struct edudma *dev;
	int ret;

	ret = device_open(which, O_RDONLY, &dev);
	if (ret)
		return ret;

	ret = edudma_get_info(dev, &info, sizeof(info));
	if (ret)
		ret = fail_device(edudma_path(dev), ret, "%s", "");
	else if (json)
		print_json(edudma_path(dev), &info);
	else
		print_info(edudma_path(dev), &info);

	edudma_close(dev);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *which = NULL;
	bool json = false;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:jh", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			which = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	if (optind < argc && !which)
		which = argv[optind++];
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);

	return show(which, json);
}

const struct command command_info = {
	.name = "info",
	.arguments = "[OPTION]... [DEVICE]",
	.summary = "Show what a device and its driver can do",
	.help =
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -j, --json           print an object, sizes in bytes\n"
	"  -h, --help           this help\n",
	.run = run,
};
