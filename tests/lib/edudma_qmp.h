/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Speaking to the machine from within: QMP on a port that the guest runner
 * provides when it is asked to (--qmp).  Only one process can have it open at a
 * time.
 *
 *	struct qmp qmp;
 *
 *	ASSERT_EQ(0, qmp_open(&qmp));
 *	ASSERT_EQ(0, qmp_execute(&qmp, "device_del", "{'id': 'edu1'}"))
 *		TH_LOG("%s", qmp.error);
 *	ASSERT_EQ(0, qmp_wait(&qmp, "DEVICE_DELETED", "device", "edu1"));
 *	qmp_close(&qmp);
 */
#ifndef EDUDMA_QMP_H
#define EDUDMA_QMP_H

#include <stddef.h>

struct json_object;

/**
 * struct qmp - a conversation
 * @fd:		the port
 * @commands:	sent so far
 * @received:	bytes of @text
 * @text:	what was read and is not a whole line yet
 * @events:	those that nobody has waited for yet
 * @reply:	what the last command returned, or NULL
 * @error:	why the last command was refused
 */
struct qmp {
	int fd;
	unsigned int commands;
	size_t received;
	char text[65536];
	struct json_object *events;
	struct json_object *reply;
	char error[256];
};

/** qmp_open() - 0 or an errno; ENOENT if this run has no such port */
int qmp_open(struct qmp *qmp);

/**
 * qmp_execute() - run a command and wait for its reply
 * @arguments: JSON, in which ' may stand for "; or NULL
 *
 * 0; EPROTO if QEMU refuses it, for the reason in @error; or another errno.
 */
int qmp_execute(struct qmp *qmp, const char *command, const char *arguments);

/**
 * qmp_wait() - wait for an event, unless it has come since qmp_open()
 * @key: if not NULL, a member of the event's data, which must be @value
 *
 * 0 or an errno.
 */
int qmp_wait(struct qmp *qmp, const char *event, const char *key,
	     const char *value);

/** qmp_close() - end the conversation, so that somebody else can have one */
void qmp_close(struct qmp *qmp);

#endif /* EDUDMA_QMP_H */
