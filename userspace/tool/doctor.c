// SPDX-License-Identifier: GPL-2.0-only
/*
 * edudma doctor: why does it not work?
 *
 * Goes from the module to a transfer and a stream.  What cannot be examined as something before it
 * has failed is left out: the first failure is the one to mend.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libkmod.h>

#include "doctor.h"

/* QEMU's edu and edu-sg. */
#define VENDOR	"0x1234"
#define DEVICE	"0x11e8"

static const char *const words[] = {
	[FINDING_OK] = "ok",
	[FINDING_WARN] = "warn",
	[FINDING_FAIL] = "fail",
};

void doctor_report(struct doctor *doctor, const char *check,
		   enum finding finding, const char *way_out,
		   const char *format, ...)
{
	struct json_object *object;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	doctor->failed += finding == FINDING_FAIL;
	doctor->warned += finding == FINDING_WARN;

	if (!doctor->json) {
		printf("%-4s  %-10s %s%s%s%s\n", words[finding], check, text,
		       way_out ? " (" : "", way_out ? way_out : "",
		       way_out ? ")" : "");
		fflush(stdout);
		return;
	}
	object = json_object_new_object();
	json_add_string(object, "check", check);
	json_add_string(object, "status", words[finding]);
	json_add_string(object, "found", text);
	if (way_out)
		json_add_string(object, "way_out", way_out);
	json_object_array_add(doctor->checks, object);
}

static bool module_is_installed(struct kmod_ctx *context)
{
	struct kmod_list *list = NULL;
	bool found;

	found = !kmod_module_new_from_lookup(context, "edudma", &list) && list;
	kmod_module_unref_list(list);
	return found;
}

/* -1, or enum kmod_module_initstate. */
static int module_state(struct kmod_ctx *context)
{
	struct kmod_module *module;
	int state = -1;

	if (!kmod_module_new_from_name(context, "edudma", &module)) {
		state = kmod_module_get_initstate(module);
		kmod_module_unref(module);
	}
	return state;
}

static void check_loaded(struct doctor *doctor, bool installed)
{
	char version[64];

	if (!doctor->module)
		doctor_report(doctor, "loaded", FINDING_FAIL, installed ?
			      "'edudma load' loads it" :
			      "'edudma load --module PATH' loads a file",
			      "the module is not loaded");
	else if (read_line(version, sizeof(version), "/sys/module/edudma/version") &&
		 strcmp(version, edudma_version()))
		doctor_report(doctor, "loaded", FINDING_WARN,
			      "'edudma unload' and 'edudma load' change to the installed one",
			      "the module is version %s, the tool %s", version,
			      edudma_version());
	else
		doctor_report(doctor, "loaded", FINDING_OK, NULL,
			      "the module is loaded, version %s", edudma_version());
}

static void check_module(struct doctor *doctor)
{
	struct utsname system = {};
	struct kmod_ctx *context;
	bool installed;
	int state;

	context = kmod_new(NULL, NULL);
	if (!context) {
		doctor_report(doctor, "module", FINDING_FAIL, NULL, "libkmod: %s",
			      strerror(ENOMEM));
		return;
	}
	kmod_set_log_priority(context, -1);
	uname(&system);
	state = module_state(context);
	installed = state == KMOD_MODULE_BUILTIN || module_is_installed(context);
	kmod_unref(context);
	doctor->module = state == KMOD_MODULE_BUILTIN || state == KMOD_MODULE_LIVE;

	if (installed)
		doctor_report(doctor, "module", FINDING_OK, NULL,
			      "the module is there for Linux %s", system.release);
	else
		doctor_report(doctor, "module", doctor->module ? FINDING_WARN : FINDING_FAIL,
			      "the package edudma-dkms and the headers of this kernel, or 'make install', bring it",
			      "there is no module for Linux %s in /lib/modules",
			      system.release);
	check_loaded(doctor, installed);
}

static void check_signatures(struct doctor *doctor)
{
	const char *boot = secure_boot("") ? "Secure Boot is on" : "Secure Boot is off";
	char why[128];

	if (!signatures_needed("", why, sizeof(why)))
		doctor_report(doctor, "signature", FINDING_OK, NULL,
			      "%s; the module need not be signed", boot);
	else if (doctor->module)
		doctor_report(doctor, "signature", FINDING_OK, NULL,
			      "%s; %s, and took this one", boot, why);
	else
		doctor_report(doctor, "signature", FINDING_WARN,
			      "DKMS signs it; 'mokutil --import /var/lib/dkms/mok.pub' makes its key trusted",
			      "%s; %s", boot, why);
}

/* A PCI device that the driver would take: its address and its driver, or false. */
static bool find_hardware(char address[static 32], char driver[static 64])
{
	struct dirent *dirent;
	char id[16], link[96], target[256], *last;
	bool found = false;
	ssize_t len;
	DIR *dir;

	dir = opendir("/sys/bus/pci/devices");
	if (!dir)
		return false;

	while (!found && (dirent = readdir(dir))) {
		if (!read_line(id, sizeof(id), "/sys/bus/pci/devices/%s/vendor",
			       dirent->d_name) || strcmp(id, VENDOR) ||
		    !read_line(id, sizeof(id), "/sys/bus/pci/devices/%s/device",
			       dirent->d_name) || strcmp(id, DEVICE))
			continue;
		found = true;
		snprintf(address, 32, "%.31s", dirent->d_name);
		snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/driver", address);
		*driver = '\0';
		len = readlink(link, target, sizeof(target) - 1);
		if (len > 0) {
			target[len] = '\0';
			last = strrchr(target, '/');
			snprintf(driver, 64, "%.63s", last ? last + 1 : target);
		}
	}
	closedir(dir);
	return found;
}

static void fail_no_device(struct doctor *doctor)
{
	char address[32], driver[64];

	if (!find_hardware(address, driver))
		doctor_report(doctor, "device", FINDING_FAIL,
			      "start QEMU with '-device edu' or '-device edu-sg'",
			      "this machine has no PCI device 1234:11e8");
	else if (*driver && strcmp(driver, "edudma"))
		doctor_report(doctor, "device", FINDING_FAIL,
			      "unbind it there, and bind it to edudma",
			      "%s is bound to the driver %s", address, driver);
	else if (doctor->module)
		doctor_report(doctor, "device", FINDING_FAIL,
			      "'dmesg' tells whether the driver refused it; else write its address to /sys/bus/pci/drivers/edudma/bind",
			      "%s is not bound to the driver", address);
	else
		doctor_report(doctor, "device", FINDING_OK, NULL,
			      "%s waits for the driver", address);
}

/* Which device is meant; false if there is none. */
static bool check_device(struct doctor *doctor)
{
	struct edudma_list *list = NULL;
	bool found = false;
	size_t i;

	if (edudma_list_new(&list) || !edudma_list_count(list)) {
		edudma_list_free(list);
		fail_no_device(doctor);
		return false;
	}

	if (doctor->which && device_find(doctor->which, &doctor->index)) {
		doctor_report(doctor, "device", FINDING_FAIL,
			      "'edudma list' shows the devices present",
			      "there is no device %s", doctor->which);
		edudma_list_free(list);
		return false;
	}
	if (!doctor->which)
		doctor->index = edudma_list_index(list, 0);

	for (i = 0; !found && i < edudma_list_count(list); i++) {
		found = edudma_list_index(list, i) == doctor->index;
		if (!found)
			continue;
		snprintf(doctor->path, sizeof(doctor->path), "%s",
			 edudma_list_path(list, i));
		snprintf(doctor->address, sizeof(doctor->address), "%s",
			 edudma_list_address(list, i));
	}
	doctor_report(doctor, "device", FINDING_OK, NULL, "edudma%u at %s, of %zu",
		      doctor->index, doctor->address, edudma_list_count(list));
	edudma_list_free(list);
	return found;
}

/* Can this user open it?  And can others, who are in the group? */
static void check_node(struct doctor *doctor)
{
	const char *name = "?";
	struct group *group;
	struct stat st;

	if (stat(doctor->path, &st)) {
		doctor_report(doctor, "node", FINDING_FAIL,
			      "'udevadm trigger' makes it; without udev, mount devtmpfs on /dev",
			      "%s: %s", doctor->path, strerror(errno));
		return;
	}
	group = getgrgid(st.st_gid);
	if (group)
		name = group->gr_name;

	if (access(doctor->path, R_OK | W_OK))
		doctor_report(doctor, "node", FINDING_FAIL, !strcmp(name, "edudma") ?
			      "'adduser USER edudma', and log in anew" : "run as root",
			      "%s: %s, mode %03o, group %s", doctor->path,
			      strerror(errno), st.st_mode & 0777, name);
	else if (strcmp(name, "edudma") && !(st.st_mode & 0006))
		doctor_report(doctor, "node", FINDING_WARN, getgrnam("edudma") ?
			      "'udevadm trigger' applies the rule 60-edudma.rules" :
			      "'systemd-sysusers' makes the group edudma, 'udevadm trigger' gives it the node",
			      "%s can be opened, but not by the group edudma: mode %03o, group %s",
			      doctor->path, st.st_mode & 0777, name);
	else
		doctor_report(doctor, "node", FINDING_OK, NULL,
			      "%s can be opened, mode %03o, group %s",
			      doctor->path, st.st_mode & 0777, name);
}

static void open_device(struct doctor *doctor)
{
	int ret;

	ret = edudma_open(doctor->path, O_RDWR, &doctor->dev);
	if (!ret)
		ret = edudma_get_info(doctor->dev, &doctor->info,
				      sizeof(doctor->info));
	if (!ret) {
		doctor_examine_device(doctor);
		return;
	}
	/* The check of the node has said so already. */
	if (ret != -EACCES && ret != -ENOENT)
		doctor_report(doctor, "open", FINDING_FAIL, device_hint(ret), "%s: %s",
			      doctor->path, strerror(-ret));
}

static int run_doctor(struct doctor *doctor)
{
	struct json_object *object;

	doctor->checks = json_object_new_array();
	check_module(doctor);
	check_signatures(doctor);
	if (check_device(doctor)) {
		check_node(doctor);
		open_device(doctor);
		edudma_close(doctor->dev);
	}

	if (doctor->json) {
		object = json_object_new_object();
		json_object_object_add(object, "checks",
				       json_object_get(doctor->checks));
		json_add_u64(object, "warned", doctor->warned);
		json_add_u64(object, "failed", doctor->failed);
		json_print(object, false);
	}
	json_object_put(doctor->checks);
	return doctor->failed ? STATUS_FAILURE : STATUS_OK;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct doctor doctor = {};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:jh", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			doctor.which = optarg;
			break;
		case 'j':
			doctor.json = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	if (optind < argc && !doctor.which)
		doctor.which = argv[optind++];
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);
	return run_doctor(&doctor);
}

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "[OPTION]... [DEVICE]",
	.summary = "Find out what does not work, and what to do about it",
	.help =
	"One line a check, from the module to a transfer and a stream: ok, warn, or fail,\n"
	"what was found, and a way out.  Both are verified, and the window is restored.\n"
	"The exit status is 0 if nothing failed.\n"
	"\n"
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -j, --json           print an object\n"
	"  -h, --help           this help\n",
	.run = run,
};
