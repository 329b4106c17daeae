// SPDX-License-Identifier: GPL-2.0-only
/* edudma unload */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include <libkmod.h>

#include "tool.h"

static int fail_busy(const struct kmod_module *module)
{
	const int references = kmod_module_get_refcnt(module);

	if (print_holders())
		return fail("the module is in use: end these processes first");
	/* A transfer of a process that was killed, or somebody else's process. */
	return fail("the module is in use (%d references); try again, as root",
		    references);
}

static int remove_module(struct kmod_module *module)
{
	int ret;

	ret = kmod_module_get_initstate(module);
	if (ret == KMOD_MODULE_BUILTIN)
		return fail("the driver is built into the kernel and cannot be unloaded");
	if (ret < 0)
		return fail("the module is not loaded");

	ret = kmod_module_remove_module(module, KMOD_REMOVE_NOWAIT);
	switch (ret) {
	case 0:
		return STATUS_OK;
	case -EPERM:
		return fail("%s (only root can unload modules)",
			    strerror(-ret));
	case -EAGAIN:
	case -EBUSY:
		return fail_busy(module);
	case -ENOENT:
		return fail("the module is not loaded");
	default:
		return fail("%s ('dmesg' may tell more)", strerror(-ret));
	}
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct kmod_module *module;
	struct kmod_ctx *context;
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (opt == 'h')
			return command_help();
		return option_error(opt, argv);
	}
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);

	context = kmod_new(NULL, NULL);
	if (!context)
		return fail("libkmod: %s", strerror(ENOMEM));
	/* The messages here say more. */
	kmod_set_log_priority(context, -1);

	ret = kmod_module_new_from_name(context, "edudma", &module);
	if (ret) {
		ret = fail("libkmod: %s", strerror(-ret));
	} else {
		ret = remove_module(module);
		kmod_module_unref(module);
	}
	kmod_unref(context);
	return ret;
}

const struct command command_unload = {
	.name = "unload",
	.arguments = "[OPTION]...",
	.summary = "Unload the driver's module",
	.help =
	"Needs root.  If the module is in use, the processes that use it are named.\n"
	"\n"
	"  -h, --help  this help\n",
	.run = run,
};
