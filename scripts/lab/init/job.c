// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job file: fields "key=value", each ended by a NUL, as argument vectors
 * and environments are.  So no byte that can stand in them needs quoting.
 */
#include "init.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *slurp(const char *path, size_t *size)
{
	struct stat st;
	ssize_t got;
	size_t n = 0;
	char *text;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		fail("%s: %m", path);
	text = calloc(1, st.st_size + 1);
	if (!text)
		fail("%s: out of memory", path);
	while ((got = read(fd, text + n, st.st_size - n)) > 0)
		n += got;
	close(fd);
	*size = n;
	return text;
}

static void append(char **list, char *value)
{
	size_t n = 0;

	while (list[n])
		n++;
	/* The NULL at the end stays. */
	if (n + 1 >= MAX_ITEMS)
		fail("more than %d values of one kind in the job", MAX_ITEMS - 1);
	list[n] = value;
}

static void take(struct job *job, const char *key, char *value)
{
	const struct {
		const char *key;
		const char **one;
		char **list;
	} fields[] = {
		{ "nonce", &job->nonce, NULL },
		{ "cwd", &job->cwd, NULL },
		{ "modules", &job->modules, NULL },
		{ "module", &job->module, NULL },
		{ "root", &job->root, NULL },
		{ "rows", &job->rows, NULL },
		{ "columns", &job->columns, NULL },
		{ "attach", &job->attach, NULL },
		{ "insmod", NULL, job->insmods },
		{ "param", NULL, job->params },
		{ "files", NULL, job->files },
		{ "share", NULL, job->shares },
		{ "port", NULL, job->ports },
		{ "arg", NULL, job->argv },
		{ "env", NULL, job->env },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (strcmp(fields[i].key, key))
			continue;
		if (fields[i].one)
			*fields[i].one = value;
		if (fields[i].list)
			append(fields[i].list, value);
		return;
	}
	fail("the job has an unknown field '%s': is the init older than the runner?",
	     key);
}

void job_read(struct job *job, const char *path)
{
	char *at, *end, *equals;
	size_t size;

	job->text = slurp(path, &size);
	at = job->text;
	for (end = at + size; at < end; at += strlen(at) + 1) {
		equals = strchr(at, '=');
		if (!equals)
			fail("the job has a field without '=': '%s'", at);
		*equals = '\0';
		/* Skip the key; what is left is the value with its NUL. */
		take(job, at, equals + 1);
		at = equals + 1;
	}
	if (!job->nonce || !job->cwd)
		fail("the job lacks its nonce or its directory");
}
