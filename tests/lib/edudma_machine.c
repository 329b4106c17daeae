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

#define MAX_EDUS	16

/* One property of device edu<number>, in qmp->reply. */
static int get(struct qmp *qmp, unsigned int number, const char *property)
{
	char arguments[160];

	snprintf(arguments, sizeof(arguments),
		 "{'path': '/machine/peripheral/edu%u', 'property': '%s'}",
		 number, property);
	return qmp_execute(qmp, "qom-get", arguments);
}

/* QEMU's number of the device at dev->slot, by its device and function. */
static int find(struct qmp *qmp, const struct test_dev *dev, unsigned int *number)
{
	unsigned int slot, function;
	int err;

	if (sscanf(dev->slot, "%*x:%*x:%x.%x", &slot, &function) != 2)
		return EINVAL;
	for (*number = 0; *number < MAX_EDUS; (*number)++) {
		err = get(qmp, *number, "addr");
		if (err == EPROTO)
			continue;
		if (err || json_object_get_int(qmp->reply) == (int)(slot << 3 | function))
			return err;
	}
	return ENODEV;
}

static int set(const struct test_dev *dev, const char *property, const char *value)
{
	char arguments[200];
	unsigned int number;
	struct qmp qmp;
	int err;

	err = qmp_open(&qmp);
	if (err)
		return err;
	err = find(&qmp, dev, &number);
	if (!err) {
		snprintf(arguments, sizeof(arguments),
			 "{'path': '/machine/peripheral/edu%u', 'property': '%s', 'value': %s}",
			 number, property, value);
		err = qmp_execute(&qmp, "qom-set", arguments);
	}
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
	unsigned int number;
	struct qmp qmp;

	if (qmp_open(&qmp))
		return value;
	if (!find(&qmp, dev, &number) && !get(&qmp, number, property))
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
