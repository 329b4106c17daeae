// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hot plug; see edudma_plug.h.
 */
#include "edudma_machine.h"
#include "edudma_plug.h"
#include "edudma_qmp.h"
#include "edudma_test.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID		"edu15"
#define PORT		"rootport"

/* A -device is not JSON, but what QEMU's own command line takes. */
static int add(const char *device)
{
	char arguments[512];
	struct qmp qmp;
	int err;

	err = qmp_open(&qmp);
	if (err)
		return err;
	snprintf(arguments, sizeof(arguments),
		 "{'command-line': 'device_add %s,id=" ID ",bus=" PORT "'}", device);
	err = qmp_execute(&qmp, "human-monitor-command", arguments);
	/* It returns what a person would read: nothing, if all is well. */
	if (!err && json_object_get_string_len(qmp.reply)) {
		fprintf(stderr, "# device_add: %s",
			json_object_get_string(qmp.reply));
		err = EPROTO;
	}
	qmp_close(&qmp);
	return err;
}

static bool guest_has(const char *slot)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", slot);
	return !access(path, F_OK);
}

int plug_in_other(const char *device, char *slot, size_t size)
{
	int err;

	err = add(device) ?: machine_slot(ID, slot, size);
	if (!err && !WAIT_FOR(guest_has(slot)))
		err = ENODEV;
	/* Finds nothing new, but waits until all is done that is being done. */
	return err ?: file_write("/sys/bus/pci/rescan", "1");
}

int plug_in(struct test_dev *dev)
{
	const char *edu = getenv("EDUDMA_EDU");
	char slot[32];
	int err;

	if (!edu)
		return ENOENT;
	err = plug_in_other(edu, slot, sizeof(slot));
	if (!err && !WAIT_FOR(dev_of_slot(slot, dev) && !access(dev->node, F_OK)))
		err = ENODEV;
	return err;
}

int plug_out(void)
{
	struct qmp qmp;
	int err;

	err = qmp_open(&qmp);
	if (err)
		return err;
	err = qmp_execute(&qmp, "device_del", "{'id': '" ID "'}");
	if (!err)
		err = qmp_wait(&qmp, "DEVICE_DELETED", "device", ID);
	qmp_close(&qmp);
	return err;
}

int plug_reset(const struct test_dev *dev)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", dev->slot);
	return file_write(path, "1");
}
