// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties of QEMU's devices; see edudma_machine.h.
 */
#include "edudma_machine.h"
#include "edudma_qmp.h"
#include "edudma_test.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One property of a device, in qmp->reply. */
static int get(struct qmp *qmp, const char *id, const char *property)
{
	char arguments[160];

	snprintf(arguments, sizeof(arguments),
		 "{'path': '/machine/peripheral/%s', 'property': '%s'}", id, property);
	return qmp_execute(qmp, "qom-get", arguments);
}

/* A PCI device as QEMU knows it: its id, and its address as sysfs writes it */
struct entry {
	char id[32];
	char slot[32];
};

static int member(struct json_object *object, const char *name)
{
	return json_object_get_int(json_object_object_get(object, name));
}

/* Complete an entry, of which one is empty, from devices and those behind them. */
static bool complete(struct json_object *devices, struct entry *entry)
{
	size_t count = devices ? json_object_array_length(devices) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *device = json_object_array_get_idx(devices, i);
		struct json_object *bridge = json_object_object_get(device, "pci_bridge");
		struct entry found;

		snprintf(found.id, sizeof(found.id), "%s",
			 json_object_get_string(json_object_object_get(device, "qdev_id")));
		snprintf(found.slot, sizeof(found.slot), "0000:%02x:%02x.%x",
			 member(device, "bus"), member(device, "slot"),
			 member(device, "function"));
		/* Devices of the machine itself have no id. */
		if (!strcmp(found.slot, entry->slot) ||
		    (*entry->id && !strcmp(found.id, entry->id))) {
			*entry = found;
			return true;
		}
		if (complete(json_object_object_get(bridge, "devices"), entry))
			return true;
	}
	return false;
}

static int find(struct qmp *qmp, struct entry *entry)
{
	int err = qmp_execute(qmp, "query-pci", NULL);

	if (err)
		return err;
	for (size_t i = 0; i < json_object_array_length(qmp->reply); i++) {
		struct json_object *bus = json_object_array_get_idx(qmp->reply, i);

		if (complete(json_object_object_get(bus, "devices"), entry))
			return 0;
	}
	return ENODEV;
}

static int find_id(struct qmp *qmp, const struct test_dev *dev, struct entry *entry)
{
	entry->id[0] = '\0';
	snprintf(entry->slot, sizeof(entry->slot), "%s", dev->slot);
	return find(qmp, entry);
}

int machine_slot(const char *id, char *slot, size_t size)
{
	struct entry entry = { };
	struct qmp qmp;
	int err;

	snprintf(entry.id, sizeof(entry.id), "%s", id);
	err = qmp_open(&qmp);
	if (err)
		return err;
	err = find(&qmp, &entry);
	qmp_close(&qmp);
	if (!err)
		snprintf(slot, size, "%s", entry.slot);
	return err;
}

static int set(const struct test_dev *dev, const char *property, const char *value)
{
	char arguments[200];
	struct entry entry;
	struct qmp qmp;
	int err;

	err = qmp_open(&qmp);
	if (err)
		return err;
	err = find_id(&qmp, dev, &entry);
	if (!err) {
		snprintf(arguments, sizeof(arguments),
			 "{'path': '/machine/peripheral/%s', 'property': '%s', 'value': %s}",
			 entry.id, property, value);
		err = qmp_execute(&qmp, "qom-set", arguments);
	}
	qmp_close(&qmp);
	return err;
}

int machine_pcie_error(const struct test_dev *dev, const char *error)
{
	char arguments[200];
	struct entry entry;
	struct qmp qmp;
	int err;

	err = qmp_open(&qmp);
	if (err)
		return err;
	err = find_id(&qmp, dev, &entry);
	if (!err) {
		snprintf(arguments, sizeof(arguments),
			 "{'command-line': 'pcie_aer_inject_error %s %s'}", entry.id, error);
		err = qmp_execute(&qmp, "human-monitor-command", arguments);
	}
	/* The monitor's commands fail in words. */
	if (!err && strncmp(json_object_get_string(qmp.reply), "OK", 2))
		err = EPROTO;
	qmp_close(&qmp);
	return err;
}

int machine_set(const struct test_dev *dev, const char *property, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return set(dev, property, text);
}

int machine_set_bool(const struct test_dev *dev, const char *property, int value)
{
	return set(dev, property, value ? "true" : "false");
}

uint64_t machine_get(const struct test_dev *dev, const char *property)
{
	uint64_t value = UINT64_MAX;
	struct entry entry;
	struct qmp qmp;

	if (qmp_open(&qmp))
		return value;
	if (!find_id(&qmp, dev, &entry) && !get(&qmp, entry.id, property))
		value = json_object_get_uint64(qmp.reply);
	qmp_close(&qmp);
	return value;
}

const char *machine_pace(const struct test_dev *dev, const struct edudma_info *info)
{
	static const char legacy[] = "legacy-latency";

	if (info->engine == EDUDMA_ENGINE_RING)
		return "latency";
	return machine_get(dev, legacy) == UINT64_MAX ? NULL : legacy;
}

int machine_version(void)
{
	struct json_object *version;
	struct qmp qmp;
	int major = 0;

	if (qmp_open(&qmp))
		return 0;
	if (!qmp_execute(&qmp, "query-version", NULL) &&
	    json_object_object_get_ex(qmp.reply, "qemu", &version) &&
	    json_object_object_get_ex(version, "major", &version))
		major = json_object_get_int(version);
	qmp_close(&qmp);
	return major;
}

bool machine_stands_removals(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) == 1 || machine_version() >= 9;
}
