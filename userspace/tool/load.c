// SPDX-License-Identifier: GPL-2.0-only
/* edudma load */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libkmod.h>
#include <linux/capability.h>

#include "tool.h"

#define RECORD_SIZE	8192

/**
 * struct load - a module to load
 * @path:	file, or NULL to look it up by name
 * @parameters:	the words "name=value"
 * @nr_parameters: their number
 * @options:	the same in one string, as the kernel takes it
 * @log:	/dev/kmsg from before loading on, or -1
 */
struct load {
	const char *path;
	char **parameters;
	int nr_parameters;
	char *options;
	int log;
};

/* The kernel takes '-' for '_' in names. */
static bool same_name(const char *parameter, const char *name, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len; i++) {
		c = parameter[i] == '-' ? '_' : parameter[i];
		if (c != name[i])
			return false;
	}
	return parameter[i] == '=' || !parameter[i];
}

/* Is it in the module?  The kernel itself ignores a parameter it misses. */
static bool is_known(const char *parameter, const struct kmod_list *info)
{
	const struct kmod_list *entry;
	const char *value;

	kmod_list_foreach(entry, info) {
		if (strcmp(kmod_module_info_get_key(entry), "parm"))
			continue;
		value = kmod_module_info_get_value(entry);
		if (same_name(parameter, value, strcspn(value, ":")))
			return true;
	}
	return false;
}

static int check_parameters(const struct load *load,
			    const struct kmod_module *module)
{
	struct kmod_list *info = NULL, *entry;
	int i, ret = STATUS_OK;

	if (kmod_module_get_info(module, &info) < 0)
		return STATUS_OK;

	for (i = 0; i < load->nr_parameters; i++) {
		if (is_known(load->parameters[i], info))
			continue;
		ret = fail("%s: the module has no such parameter",
			   load->parameters[i]);
	}
	if (ret) {
		message("these it has:");
		kmod_list_foreach(entry, info)
			if (!strcmp(kmod_module_info_get_key(entry), "parm"))
				fprintf(stderr, "  %s\n",
					kmod_module_info_get_value(entry));
	}
	kmod_module_info_free_list(info);
	return ret;
}

static int join_parameters(struct load *load)
{
	size_t size = 1;
	int i;

	for (i = 0; i < load->nr_parameters; i++) {
		if (!*load->parameters[i] ||
		    strpbrk(load->parameters[i], " \t\n\"'"))
			return usage_error("'%s' is not a parameter, which looks like name=value",
					   load->parameters[i]);
		size += strlen(load->parameters[i]) + 1;
	}

	load->options = calloc(1, size);
	if (!load->options)
		return fail("%s", strerror(ENOMEM));
	for (i = 0; i < load->nr_parameters; i++) {
		strcat(load->options, i ? " " : "");
		strcat(load->options, load->parameters[i]);
	}
	return STATUS_OK;
}

/* The next line of the driver's in the kernel's log, or NULL. */
static const char *next_line(int log, char record[static RECORD_SIZE])
{
	char *text;
	ssize_t n;

	while (log >= 0) {
		n = read(log, record, RECORD_SIZE - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			break;
		record[n] = '\0';
		/* "level,number,time,flags;text\n", then lines of details */
		text = strchr(record, ';');
		if (!text || !strstr(text, "edudma"))
			continue;
		text[strcspn(text, "\n")] = '\0';
		return text + 1;
	}
	return NULL;
}

/* What the driver said while it was loaded. */
static bool print_log(int log)
{
	char record[RECORD_SIZE];
	const char *line;
	bool any = false;

	while ((line = next_line(log, record))) {
		message("kernel: %s", line);
		any = true;
	}
	return any;
}

static const char *skip_prefix(const char *text, const char *prefix)
{
	const size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? text : text + len;
}

/* The line of the log that says what is wrong with a parameter says it all. */
static int fail_parameter(const struct load *load, const char *what)
{
	char record[RECORD_SIZE];
	const char *line;

	while ((line = next_line(load->log, record))) {
		line = skip_prefix(line, "edudma: ");
		if (strstr(line, " refused: ") || strstr(line, " invalid for parameter "))
			return fail("%s", skip_prefix(line, "parameter "));
	}
	return fail("%s: %s, a bad parameter: %s ('dmesg' tells which, and its range)",
		    what, strerror(EINVAL), load->options);
}

/* A module that is not signed, or by somebody whom this system does not know. */
static int fail_signature(const char *what, int err, const char *why)
{
	return fail("%s: %s (%s: sign it with a key that this system trusts, as DKMS does%s)",
		    what, strerror(-err), why,
		    secure_boot("") ? "; 'mokutil --import' adds a key to Secure Boot's" : "");
}

static int fail_load(const struct load *load, int err)
{
	const char *what = load->path ? load->path : "edudma";
	char why[128] = "this kernel takes signed modules only";
	bool logged;

	switch (err) {
	case -EPERM:
	case -EACCES:
		/* Root is refused by lockdown. */
		if (has_capability(CAP_SYS_MODULE) &&
		    signatures_needed("", why, sizeof(why)))
			return fail_signature(what, err, why);
		return fail("%s: %s (only root can load modules)", what,
			    strerror(-err));
	case -EEXIST:
		return fail("the module is already loaded; 'edudma unload' comes first");
	case -ENOEXEC:
		print_log(load->log);
		return fail("%s: %s (built for another kernel than this?)",
			    what, strerror(-err));
	case -EKEYREJECTED:
	case -ENOKEY:
		signatures_needed("", why, sizeof(why));
		return fail_signature(what, err, why);
	}

	if (err == -EINVAL && load->nr_parameters)
		return fail_parameter(load, what);
	logged = print_log(load->log);
	return fail("%s: %s%s", what, strerror(-err),
		    logged ? "" : " ('dmesg' may tell more)");
}

static int find_module(const struct load *load, struct kmod_ctx *context,
		       struct kmod_module **module)
{
	struct kmod_list *list = NULL;
	int ret;

	if (load->path) {
		ret = kmod_module_new_from_path(context, load->path, module);
		if (ret)
			return fail("%s: %s", load->path, strerror(-ret));
		return STATUS_OK;
	}

	ret = kmod_module_new_from_lookup(context, "edudma", &list);
	if (ret || !list)
		return fail("no module edudma in %s (name its file: --module PATH)",
			    kmod_get_dirname(context));
	*module = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	return STATUS_OK;
}

static int insert(const struct load *load, struct kmod_module *module)
{
	int ret;

	/* Looked up by name, a module that is loaded counts as success. */
	if (kmod_module_get_initstate(module) >= 0)
		return fail_load(load, -EEXIST);

	ret = check_parameters(load, module);
	if (ret)
		return ret;

	if (load->path)
		ret = kmod_module_insert_module(module, 0, load->options);
	else
		ret = kmod_module_probe_insert_module(module, 0, load->options,
						      NULL, NULL, NULL);
	return ret < 0 ? fail_load(load, ret) : STATUS_OK;
}

static int show_devices(void)
{
	struct edudma_list *list;
	size_t i;
	int ret;

	ret = edudma_list_new(&list);
	if (ret)
		return fail("loaded, but /sys/class/edudma: %s",
			    strerror(-ret));

	for (i = 0; i < edudma_list_count(list); i++)
		printf("edudma%u  %-12s  %s\n", edudma_list_index(list, i),
		       edudma_list_address(list, i), edudma_list_path(list, i));
	if (!edudma_list_count(list))
		message("loaded, but no device ('lspci -nn -d 1234:11e8' shows the hardware)");
	edudma_list_free(list);
	return STATUS_OK;
}

static int run_load(struct load *load)
{
	struct kmod_module *module = NULL;
	struct kmod_ctx *context;
	int ret;

	context = kmod_new(NULL, NULL);
	if (!context)
		return fail("libkmod: %s", strerror(ENOMEM));
	/* The messages here say more. */
	kmod_set_log_priority(context, -1);

	load->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (load->log >= 0)
		lseek(load->log, 0, SEEK_END);

	ret = find_module(load, context, &module);
	if (!ret) {
		ret = insert(load, module);
		kmod_module_unref(module);
	}

	if (load->log >= 0)
		close(load->log);
	kmod_unref(context);
	return ret ? ret : show_devices();
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "module", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct load load = {};
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":m:h", options, NULL)) != -1) {
		switch (opt) {
		case 'm':
			load.path = optarg;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}

	load.parameters = argv + optind;
	load.nr_parameters = argc - optind;
	ret = join_parameters(&load);
	if (!ret)
		ret = run_load(&load);
	free(load.options);
	return ret;
}

const struct command command_load = {
	.name = "load",
	.arguments = "[OPTION]... [PARAMETER=VALUE]...",
	.summary = "Load the driver's module",
	.help =
	"Needs root.  Shows the devices that are there afterwards.\n"
	"\n"
	"  -m, --module PATH  the file edudma.ko; by default it is looked up by name, as\n"
	"                     modprobe does\n"
	"  -h, --help         this help\n"
	"\n"
	"'modinfo -p edudma' lists the parameters.\n",
	.run = run,
};
