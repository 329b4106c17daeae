// SPDX-License-Identifier: GPL-2.0-only
/*
 * QMP from within the guest; see edudma_qmp.h.  QEMU sends one object a line.
 */
#include "edudma_qmp.h"
#include "edudma_test.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PORT		"/dev/virtio-ports/edudma.qmp"
#define PATIENCE_MS	20000

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/*
 * Busy: in a guest that sleeps, virtual time would leap to the next timer again
 * and again before the host has come to answer.
 */
static int await_input(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t end = now_ms() + PATIENCE_MS;
	int ready;

	while (!(ready = poll(&pfd, 1, 0)))
		if (now_ms() > end)
			return ETIMEDOUT;
	return ready < 0 ? errno : 0;
}

/* One more line, or a part of one; 0 or an errno. */
static int receive(struct qmp *qmp)
{
	ssize_t got;
	int err;

	if (qmp->received == sizeof(qmp->text) - 1)
		return EMSGSIZE;
	err = await_input(qmp->fd);
	if (err)
		return err;
	got = read(qmp->fd, qmp->text + qmp->received,
		   sizeof(qmp->text) - 1 - qmp->received);
	if (got <= 0)
		return got ? errno : EPIPE;
	qmp->received += got;
	return 0;
}

/*
 * The next object.  What is none is skipped: a process that had the port before
 * may have left a line half read.
 */
static int next(struct qmp *qmp, struct json_object **object)
{
	char *end;
	int err;

	for (*object = NULL; !*object;) {
		while (!(end = memchr(qmp->text, '\n', qmp->received))) {
			err = receive(qmp);
			if (err)
				return err;
		}
		*end++ = '\0';
		*object = json_tokener_parse(qmp->text);
		qmp->received -= end - qmp->text;
		memmove(qmp->text, end, qmp->received);
	}
	return 0;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ?
		json_object_get_string(value) : "";
}

/* The reply to the command called @id; events are kept for later. */
static int await_reply(struct qmp *qmp, const char *id)
{
	struct json_object *object, *part;
	int err;

	for (;;) {
		err = next(qmp, &object);
		if (err)
			return err;
		if (!strcmp(text_of(object, "id"), id))
			break;
		if (json_object_object_get_ex(object, "event", NULL))
			json_object_array_add(qmp->events, object);
		else
			json_object_put(object);
	}
	if (json_object_object_get_ex(object, "return", &part))
		qmp->reply = json_object_get(part);
	else if (json_object_object_get_ex(object, "error", &part))
		snprintf(qmp->error, sizeof(qmp->error), "%s",
			 text_of(part, "desc"));
	json_object_put(object);
	return qmp->reply ? 0 : EPROTO;
}

int qmp_execute(struct qmp *qmp, const char *command, const char *arguments)
{
	char id[32], line[4096];
	int size, at;
	ssize_t sent;

	json_object_put(qmp->reply);
	qmp->reply = NULL;
	qmp->error[0] = '\0';
	snprintf(id, sizeof(id), "%d.%u", getpid(), ++qmp->commands);
	size = snprintf(line, sizeof(line),
			"{'id': '%s', 'execute': '%s', 'arguments': %s}\n", id,
			command, arguments ? arguments : "{}");
	if (size >= (int)sizeof(line))
		return EMSGSIZE;
	for (at = 0; at < size; at++)
		if (line[at] == '\'')
			line[at] = '"';
	/* As a whole: a part would spoil what another process sends. */
	sent = write(qmp->fd, line, size);
	if (sent != size)
		return sent < 0 ? errno : EIO;
	return await_reply(qmp, id);
}

int qmp_open(struct qmp *qmp)
{
	int err = 0;

	*qmp = (struct qmp) { .fd = -1 };
	/* The one before may be just dying. */
	WAIT_FOR((qmp->fd = open(PORT, O_RDWR | O_CLOEXEC)) >= 0 ||
		 (err = errno) != EBUSY);
	if (qmp->fd < 0)
		return err;
	qmp->events = json_object_new_array();
	/* Whoever is the second learns that this has been done. */
	err = qmp_execute(qmp, "qmp_capabilities", NULL);
	if (err && err != EPROTO) {
		qmp_close(qmp);
		return err;
	}
	json_object_put(qmp->events);
	qmp->events = json_object_new_array();
	return 0;
}

static bool is_event(struct json_object *object, const char *event,
		     const char *key, const char *value)
{
	struct json_object *data;

	if (strcmp(text_of(object, "event"), event))
		return false;
	return !key || (json_object_object_get_ex(object, "data", &data) &&
			!strcmp(text_of(data, key), value));
}

int qmp_wait(struct qmp *qmp, const char *event, const char *key,
	     const char *value)
{
	struct json_object *object;
	size_t i = 0;
	int err;

	for (;;) {
		for (; i < json_object_array_length(qmp->events); i++) {
			object = json_object_array_get_idx(qmp->events, i);
			if (!is_event(object, event, key, value))
				continue;
			json_object_array_del_idx(qmp->events, i, 1);
			return 0;
		}
		err = next(qmp, &object);
		if (err)
			return err;
		json_object_array_add(qmp->events, object);
	}
}

void qmp_close(struct qmp *qmp)
{
	close(qmp->fd);
	json_object_put(qmp->reply);
	json_object_put(qmp->events);
	*qmp = (struct qmp) { .fd = -1 };
}
