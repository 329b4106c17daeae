// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run a command, and record the driver's trace events meanwhile.
 *
 * The events are read while they are recorded, so that the kernel's buffer has to hold
 * those of a moment only.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event-parse.h>
#include <tracefs.h>

#include "trace.h"

#define SYSTEM		"edudma"
/* Between two looks at the buffer. */
#define READ_MS		50
/* What of the command is released after it has ended is waited for so long. */
#define RELEASE_MS	2000

const char *const trace_kind_names[TRACE_KINDS] = {
	[TRACE_REQUEST_START]	= "edudma_request_start",
	[TRACE_REQUEST_END]	= "edudma_request_end",
	[TRACE_GRANT]		= "edudma_grant",
	[TRACE_PIN]		= "edudma_pin",
	[TRACE_UNPIN]		= "edudma_unpin",
	[TRACE_COPY_BACK]	= "edudma_copy_back",
	[TRACE_REDIRTY]		= "edudma_redirty",
	[TRACE_MAP]		= "edudma_map",
	[TRACE_UNMAP]		= "edudma_unmap",
	[TRACE_POST]		= "edudma_post",
	[TRACE_REAP]		= "edudma_reap",
	[TRACE_INTERRUPT]	= "edudma_interrupt",
	[TRACE_RECOVERY]	= "edudma_recovery",
	[TRACE_FRAME]		= "edudma_frame",
};

const char *const trace_field_names[TRACE_FIELDS] = {
	[FIELD_ID]		= "id",
	[FIELD_DEV]		= "dev",
	[FIELD_CHANNEL]		= "channel",
	[FIELD_BYTES]		= "bytes",
	[FIELD_PAGES]		= "pages",
	[FIELD_DESCRIPTORS]	= "descriptors",
	[FIELD_FIRST]		= "first",
	[FIELD_SEGMENTS]	= "segments",
	[FIELD_ASYNC]		= "async",
	[FIELD_STATE]		= "state",
	[FIELD_POSTED]		= "posted",
	[FIELD_ERROR]		= "error",
	[FIELD_SLOT]		= "slot",
	[FIELD_SEQUENCE]	= "sequence",
	[FIELD_LOST]		= "lost",
};

/**
 * struct recorder - an instance of the kernel's tracing
 * @instance:	the instance
 * @tep:	the layouts of the events
 * @trace:	where the events go
 * @pinned:	pages that are pinned, as far as the events tell
 * @failed:	there was no memory for an event
 */
struct recorder {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct trace *trace;
	int64_t pinned;
	bool failed;
};

static int find_word(const char *word, const char *const *words, int count)
{
	int i;

	for (i = 0; i < count && strcmp(word, words[i]); i++)
		;
	return i;
}

static void take_fields(struct trace_event *event, struct tep_event *layout,
			struct tep_record *record)
{
	unsigned long long value;
	struct tep_format_field *field;
	int which;

	for (field = layout->format.fields; field; field = field->next) {
		which = find_word(field->name, trace_field_names, TRACE_FIELDS);
		if (which == TRACE_FIELDS ||
		    tep_read_number_field(field, record->data, &value))
			continue;
		if (field->size == sizeof(int32_t) && field->flags & TEP_FIELD_IS_SIGNED)
			value = (int32_t)value;
		event->value[which] = value;
		event->fields |= 1U << which;
	}
}

static bool take_thread(struct trace *trace, int pid)
{
	unsigned int i;
	void *new;

	for (i = 0; i < trace->nr_threads; i++)
		if (trace->threads[i].pid == pid)
			return true;
	new = reallocarray(trace->threads, trace->nr_threads + 1, sizeof(*trace->threads));
	if (!new)
		return false;
	trace->threads = new;
	trace->threads[trace->nr_threads++] = (struct trace_thread){ .pid = pid };
	return true;
}

static int take_event(struct tep_event *layout, struct tep_record *record, int cpu, void *arg)
{
	struct recorder *recorder = arg;
	struct trace *trace = recorder->trace;
	struct trace_event *event;
	void *new;
	int kind;

	kind = find_word(layout->name, trace_kind_names, TRACE_KINDS);
	if (kind == TRACE_KINDS)
		return 0;
	if (trace->nr_events == trace->size) {
		trace->size = trace->size ? 2 * trace->size : 1024;
		new = reallocarray(trace->events, trace->size, sizeof(*trace->events));
		if (!new) {
			recorder->failed = true;
			return -1;
		}
		trace->events = new;
	}

	event = &trace->events[trace->nr_events++];
	*event = (struct trace_event){
		.ns = record->ts, .kind = kind, .cpu = cpu,
		.pid = tep_data_pid(recorder->tep, record),
	};
	take_fields(event, layout, record);
	if (kind == TRACE_REQUEST_START)
		recorder->failed |= !take_thread(trace, event->pid);
	else if (kind == TRACE_PIN)
		recorder->pinned += event->value[FIELD_PAGES];
	else if (kind == TRACE_UNPIN)
		recorder->pinned -= event->value[FIELD_PAGES];
	return 0;
}

static void read_events(struct recorder *recorder)
{
	tracefs_iterate_raw_events(recorder->tep, recorder->instance, NULL, 0, take_event,
				   recorder);
}

/* Events that were written over, or had no room, on all processors. */
static uint64_t count_lost(const struct recorder *recorder)
{
	const long processors = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t sum = 0, count;
	char path[64], *text, *line;
	long i;

	for (i = 0; i < processors; i++) {
		snprintf(path, sizeof(path), "per_cpu/cpu%ld/stats", i);
		text = tracefs_instance_file_read(recorder->instance, path, NULL);
		for (line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n"))
			if (sscanf(line, "overrun: %" SCNu64, &count) == 1 ||
			    sscanf(line, "dropped events: %" SCNu64, &count) == 1)
				sum += count;
		free(text);
	}
	return sum;
}

static void take_names(struct recorder *recorder)
{
	struct trace *trace = recorder->trace;
	unsigned int i;
	const char *name;

	tracefs_load_cmdlines(NULL, recorder->tep);
	for (i = 0; i < trace->nr_threads; i++) {
		name = tep_data_comm_from_pid(recorder->tep, trace->threads[i].pid);
		snprintf(trace->threads[i].name, TRACE_NAME_MAX, "%s", name ?: "<...>");
	}
}

static int compare_events(const void *one, const void *other)
{
	const struct trace_event *a = one, *b = other;

	return a->ns < b->ns ? -1 : a->ns > b->ns;
}

static void sleep_ms(unsigned int ms)
{
	poll(NULL, 0, ms);
}

/* What signals have asked of the tool, they ask of the command. */
static void pass_on(pid_t child, int *told)
{
	const int number = signal_caught();

	if (number && !*told)
		kill(child, number);
	*told = number;
}

/* Until the command has ended, and its memory is released. */
static int wait_for(struct recorder *recorder, pid_t child)
{
	struct pollfd ended = { .fd = syscall(SYS_pidfd_open, child, 0), .events = POLLIN };
	int status, told = 0, left;

	while (waitpid(child, &status, WNOHANG) != child) {
		pass_on(child, &told);
		read_events(recorder);
		poll(&ended, ended.fd >= 0, READ_MS);
	}
	if (ended.fd >= 0)
		close(ended.fd);

	read_events(recorder);
	for (left = RELEASE_MS; recorder->pinned > 0 && left > 0; left -= READ_MS) {
		sleep_ms(READ_MS);
		read_events(recorder);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A command that cannot be run has the status that env(1) gives. */
static pid_t start(char **argv)
{
	pid_t child = fork();
	int err;

	if (child)
		return child;
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	err = errno;
	message("%s: %s", argv[0], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

static int run(struct recorder *recorder, char **argv, int *result)
{
	pid_t child;

	if (tracefs_event_enable(recorder->instance, SYSTEM, NULL))
		return fail("the trace events cannot be enabled: %s", strerror(errno));
	signals_catch();
	child = start(argv);
	if (child < 0)
		return fail("%s: %s", argv[0], strerror(errno));
	*result = wait_for(recorder, child);

	tracefs_event_disable(recorder->instance, SYSTEM, NULL);
	read_events(recorder);
	if (recorder->failed)
		return fail("%s", strerror(ENOMEM));
	recorder->trace->lost = count_lost(recorder);
	take_names(recorder);
	qsort(recorder->trace->events, recorder->trace->nr_events,
	      sizeof(*recorder->trace->events), compare_events);
	return STATUS_OK;
}

static int set_up(struct recorder *recorder, uint64_t buffer)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, buffer / 1024);
	if (tracefs_instance_file_write(recorder->instance, "buffer_size_kb", text) < 0)
		return fail("--buffer: no memory for %s KiB for each processor", text);
	if (tracefs_instance_file_write(recorder->instance, "trace_clock", "mono") < 0)
		return fail("the trace's clock cannot be set: %s", strerror(errno));
	return STATUS_OK;
}

/* Reports what is missing. */
static int find_tracing(struct recorder *recorder)
{
	static const char *const systems[] = { SYSTEM, NULL };
	const char *dir;
	char *events;

	if (geteuid())
		return fail("the kernel's tracing is for root only: run as root");
	dir = tracefs_tracing_dir();
	events = dir ? tracefs_get_tracing_file("available_events") : NULL;
	if (!events || access(events, R_OK))
		dir = NULL;
	tracefs_put_tracing_file(events);
	if (!dir)
		return fail("no tracefs: the kernel has no tracing, or it is not mounted");
	if (!tracefs_event_file_exists(NULL, SYSTEM, trace_kind_names[TRACE_PIN], "enable"))
		return access("/sys/module/edudma", F_OK) ?
			fail("no trace events of edudma: is the module loaded? try 'edudma load'") :
			fail("the module was built for a kernel without tracing");
	recorder->tep = tracefs_local_events_system(dir, systems);
	if (!recorder->tep)
		return fail("%s/events/" SYSTEM ": the events are not understood", dir);
	return STATUS_OK;
}

/* What traces left that were killed: no process has the number in its name any more. */
static void remove_left(void)
{
	char **names = tracefs_instances("^" SYSTEM "-[0-9][0-9]*$"), **name;
	struct tracefs_instance *instance;

	for (name = names; name && *name; name++) {
		if (!kill(atoi(*name + strlen(SYSTEM "-")), 0) || errno != ESRCH)
			continue;
		instance = tracefs_instance_alloc(NULL, *name);
		if (instance)
			tracefs_instance_destroy(instance);
		tracefs_instance_free(instance);
	}
	tracefs_list_free(names);
}

int trace_record(struct trace *trace, char **argv, uint64_t buffer, int *result)
{
	struct recorder recorder = { .trace = trace };
	char name[32];
	int ret;

	tracefs_set_loglevel(TEP_LOG_NONE);
	ret = find_tracing(&recorder);
	if (ret)
		return ret;
	remove_left();
	snprintf(name, sizeof(name), SYSTEM "-%d", getpid());
	recorder.instance = tracefs_instance_create(name);
	if (!recorder.instance) {
		ret = fail("no tracing instance %s: %s", name, strerror(errno));
	} else {
		ret = set_up(&recorder, buffer);
		if (!ret)
			ret = run(&recorder, argv, result);
		tracefs_instance_destroy(recorder.instance);
		tracefs_instance_free(recorder.instance);
	}
	tep_free(recorder.tep);
	return ret;
}

void trace_free(struct trace *trace)
{
	free(trace->command);
	free(trace->events);
	free(trace->threads);
}
