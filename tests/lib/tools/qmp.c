// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the guest: one command to QEMU's monitor, for shell scripts.
 *
 *	qmp COMMAND [ARGUMENTS [EVENT [KEY VALUE]]]
 *
 * Prints what it returned, as JSON; with EVENT, after that has come.
 */
#include "edudma_qmp.h"
#include "edudma_test.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	static struct qmp qmp;
	int err;

	if (argc < 2 || argc == 5 || argc > 6) {
		fprintf(stderr, "usage: qmp COMMAND [ARGUMENTS [EVENT [KEY VALUE]]]\n");
		return 2;
	}
	err = qmp_open(&qmp);
	if (!err)
		err = qmp_execute(&qmp, argv[1], argc > 2 ? argv[2] : NULL);
	if (!err && argc > 3)
		err = qmp_wait(&qmp, argv[3], argc > 4 ? argv[4] : NULL,
			       argc > 4 ? argv[5] : NULL);
	if (err) {
		fprintf(stderr, "qmp: %s\n",
			qmp.error[0] ? qmp.error : strerror(err));
		return 1;
	}
	puts(json_object_to_json_string_ext(qmp.reply, JSON_C_TO_STRING_PLAIN));
	return 0;
}
