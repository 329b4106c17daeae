/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of edudma doctor share. */
#ifndef _DOCTOR_H
#define _DOCTOR_H

#include "tool.h"

/* What a check finds. */
enum finding {
	FINDING_OK,
	FINDING_WARN,
	FINDING_FAIL,
};

/**
 * struct doctor - an examination
 * @which:	device that --device names, or NULL
 * @json:	print an object
 * @checks:	of the JSON object
 * @failed:	checks that failed
 * @warned:	checks that warned
 * @module:	the driver is loaded
 * @index:	of the device
 * @path:	of its node
 * @address:	PCI address, "" if it is not known
 * @dev:	the device, or NULL if it cannot be opened
 * @info:	what the driver says of it
 */
struct doctor {
	const char *which;
	bool json;
	struct json_object *checks;
	unsigned int failed;
	unsigned int warned;
	bool module;
	unsigned int index;
	char path[32];
	char address[32];
	struct edudma *dev;
	struct edudma_info info;
};

/**
 * doctor_report() - tell what a check has found
 * @doctor:	the examination
 * @check:	name of the check
 * @finding:	how good it is
 * @way_out:	what to do about it, or NULL
 * @format:	what was found, as printf()
 */
void doctor_report(struct doctor *doctor, const char *check,
		   enum finding finding, const char *way_out,
		   const char *format, ...) __printf(5, 6);

/**
 * doctor_examine_device() - all that needs the device itself
 * @doctor:	the examination; @dev is open and @info filled in
 */
void doctor_examine_device(struct doctor *doctor);

#endif /* _DOCTOR_H */
