// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trace events: each request can be followed by its id through all layers, in order, and
 * no event is missing.
 */
#include "edudma_aio.h"
#include "edudma_fixture.h"
#include "edudma_stream.h"

#include <sys/mman.h>

#define TRACING		"/sys/kernel/tracing/"
#define REQUESTS	200
#define BUFFER_KB	"4096"
#define TEXT_BYTES	(8 << 20)

/* The life of a request, in the order of its events. */
static const char *const stages[] = {
	"request_start", "pin", "map", "post", "reap", "unmap", "unpin", "request_end",
};

/**
 * struct life - what was seen of a request
 * @events:	of each stage
 * @last:	the stage that was seen last
 * @disordered:	a stage came before the one that it follows
 * @bytes:	of request_end
 * @error:	the same
 */
struct life {
	unsigned int events[ARRAY_LEN(stages)];
	int last;
	bool disordered;
	unsigned long long bytes;
	int error;
};

FIXTURE(traced)
{
	struct bed bed;
	uint8_t *pages;
	char *text;
	struct life *lives;
	unsigned int nr_lives;
};

static void trace_clear(void)
{
	int fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		die(TRACING "trace");
	close(fd);
}

FIXTURE_SETUP(traced)
{
	BED_SETUP(&self->bed);
	self->pages = shared_pages(AIO_MAX);
	self->text = malloc(TEXT_BYTES);
	ASSERT_EQ(0, access(TRACING, F_OK) && system("mount -t tracefs none " TRACING));
	ASSERT_EQ(0, file_write(TRACING "buffer_size_kb", BUFFER_KB));
	trace_clear();
	ASSERT_EQ(0, file_write(TRACING "events/edudma/enable", "1"));
}

FIXTURE_TEARDOWN(traced)
{
	EXPECT_EQ(0, file_write(TRACING "events/edudma/enable", "0"));
	free(self->text);
	free(self->lives);
	munmap(self->pages, AIO_MAX * page_size());
	BED_TEARDOWN(&self->bed);
}

/* Reads the trace; the number of events that were lost, or -1. */
static int trace_read(char *text)
{
	size_t n = 0;
	ssize_t got;
	int fd = open(TRACING "trace", O_RDONLY | O_CLOEXEC), entries, written;
	const char *line;

	if (fd < 0)
		return -1;
	while ((got = read(fd, text + n, TEXT_BYTES - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = '\0';
	line = strstr(text, "entries-in-buffer/entries-written: ");
	if (!line || sscanf(line, "%*s %d/%d", &entries, &written) != 2)
		return -1;
	return written - entries;
}

static void see(struct life *life, const char *event, const char *fields)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(stages); i++)
		if (!strcmp(event, stages[i]))
			break;
	if (i == ARRAY_LEN(stages))
		return;
	life->events[i]++;
	life->disordered |= (int)i < life->last;
	life->last = i;
	if (i == ARRAY_LEN(stages) - 1)
		sscanf(fields, "bytes=%llu error=%d", &life->bytes, &life->error);
}

/* Lives by their ids, in order. */
static void follow(FIXTURE_DATA(traced) *self)
{
	unsigned long long id, first = 0;
	char event[32], *line, *next;
	int at;

	self->lives = calloc(AIO_MAX + REQUESTS + 1, sizeof(*self->lives));
	for (line = self->text; line && *line; line = next ? next + 1 : NULL) {
		next = strchr(line, '\n');
		if (next)
			*next = '\0';
		line = strstr(line, ": edudma_");
		if (!line || sscanf(line, ": edudma_%31[a-z_]: id=%llu %n", event, &id,
				    &at) != 2 || !id)
			continue;
		first = first ?: id;
		if (id - first >= AIO_MAX + REQUESTS)
			continue;
		see(&self->lives[id - first], event, line + at);
		if (id - first >= self->nr_lives)
			self->nr_lives = id - first + 1;
	}
}

TEST_F(traced, each_request_has_a_whole_life)
{
	unsigned int i, j;

	for (i = 0; i < REQUESTS; i++)
		ASSERT_EQ(100 + i, pread(self->bed.fd, self->pages, 100 + i, 0));
	ASSERT_EQ(0, trace_read(self->text));
	follow(self);
	ASSERT_EQ(REQUESTS, self->nr_lives);
	for (i = 0; i < REQUESTS; i++) {
		EXPECT_FALSE(self->lives[i].disordered) TH_LOG("request %u", i);
		for (j = 0; j < ARRAY_LEN(stages); j++)
			EXPECT_EQ(1, self->lives[i].events[j])
				TH_LOG("request %u, stage %u", i, j);
		EXPECT_EQ(100 + i, self->lives[i].bytes);
		EXPECT_EQ(0, self->lives[i].error);
	}
}

TEST_F(traced, so_has_one_that_nobody_waits_for)
{
	aio_context_t context = aio_begin();
	unsigned int i, j;

	aio_submit(context, self->bed.fd, IOCB_CMD_PREAD, self->pages, 1000, AIO_MAX);
	ASSERT_EQ(AIO_MAX, aio_results(context, AIO_MAX, 1000));
	aio_end(context);
	ASSERT_EQ(0, trace_read(self->text));
	follow(self);
	ASSERT_EQ(AIO_MAX, self->nr_lives);
	for (i = 0; i < AIO_MAX; i++) {
		for (j = 0; j < ARRAY_LEN(stages); j++)
			EXPECT_EQ(1, self->lives[i].events[j])
				TH_LOG("request %u, stage %u", i, j);
		EXPECT_EQ(1000, self->lives[i].bytes);
	}
}

TEST_F(traced, a_request_that_fails_tells_why)
{
	munmap(self->pages, page_size());
	EXPECT_EQ(-1, pread(self->bed.fd, self->pages, 100, 0));
	ASSERT_EQ(0, trace_read(self->text));
	follow(self);
	ASSERT_EQ(1, self->nr_lives);
	EXPECT_EQ(0, self->lives[0].bytes);
	EXPECT_EQ(-EFAULT, self->lives[0].error);
}

TEST_F(traced, a_frame_tells_what_was_lost_before_it)
{
	struct edudma_stream_create arg = {
		.nr_slots = 2, .direction = EDUDMA_FROM_DEVICE, .frame_bytes = 1000,
	};
	struct edudma_stream_frame frame;
	struct stream s;

	if (!(self->bed.info.capabilities & EDUDMA_CAP_STREAMS))
		SKIP(return, "the device has no streams");
	ASSERT_EQ(0, stream_open(&s, self->bed.fd, arg));
	ASSERT_EQ(0, stream_start(&s));
	stream_give_all(&s);
	ASSERT_TRUE(stream_wait(&s, &frame));
	ASSERT_TRUE(stream_wait(&s, &frame));
	stream_close(&s);
	ASSERT_EQ(0, trace_read(self->text));
	EXPECT_NE(NULL, strstr(self->text, "slot=1 sequence=1 bytes=1000 lost=0 error=0"));
}

TEST_HARNESS_MAIN
