// SPDX-License-Identifier: GPL-2.0-only
/* edudma reset */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Returns 0 or a negative errno. */
static int write_one(const char *path)
{
	int fd, ret;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, "1", 1) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int fail_reset(unsigned int index, int err)
{
	switch (err) {
	case -ENOENT:
		return fail("edudma%u: the device cannot be reset by itself", index);
	case -EACCES:
	case -EPERM:
		return fail("edudma%u: %s (only root can reset a device)", index,
			    strerror(-err));
	default:
		return fail("edudma%u: %s ('dmesg' may tell more)", index,
			    strerror(-err));
	}
}

/* Does it work again?  Reading a byte changes nothing. */
static int try_device(const char *which)
{
	struct edudma *dev;
	char byte;
	int ret;

	ret = device_open(which, O_RDONLY, &dev);
	if (ret)
		return ret;

	waiting_start(edudma_path(dev));
	ret = edudma_read_at(dev, &byte, 1, 0, NULL);
	waiting_stop();
	if (ret)
		ret = fail_device(edudma_path(dev), ret, "after the reset");
	edudma_close(dev);
	return ret;
}

static int run_reset(const char *which)
{
	char path[PATH_MAX], node[32];
	unsigned int index;
	int ret;

	ret = device_find(which, &index);
	if (ret)
		return ret;

	snprintf(node, sizeof(node), "/dev/edudma%u", index);
	snprintf(path, sizeof(path), "/sys/class/edudma/edudma%u/device/reset",
		 index);
	waiting_start(node);
	ret = write_one(path);
	waiting_stop();
	if (ret)
		return fail_reset(index, ret);

	return try_device(which);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *which = NULL;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:h", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			which = optarg;
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

	return run_reset(which);
}

const struct command command_reset = {
	.name = "reset",
	.arguments = "[OPTION]... [DEVICE]",
	.summary = "Reset a device",
	.help =
	"Needs root.  Resets the function by the kernel's file 'reset' of the PCI device.\n"
	"Programs that use the device notice a delay only: the engine comes to a halt\n"
	"first, and requests go on afterwards.  The window keeps its bytes.  A channel that\n"
	"could not be stopped is of use again, and what was kept for it is given back.\n"
	"\n"
	"A plain edu cannot be reset by itself, unless it is alone below a port.\n"
	"\n"
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -h, --help           this help\n",
	.run = run,
};
