// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker: transfers of every kind, from and to memory of every kind, and what
 * was said of each compared with what became of it.
 */
#include "soak.h"
#include "soak_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define MAX_PARTS	4	/* of a request */
#define MAX_TRIPS	3	/* of a vector there and back */

enum how { HOW_PREADV, HOW_READV, HOW_IOCTL, HOWS };

static const char *const how_names[] = { "preadv/pwritev", "readv/writev", "ioctl" };

/**
 * struct worker - one
 * @soak:	what all share
 * @nr:		its number
 * @random:	state of the choice
 * @tally:	its own
 * @device:	that it works with
 * @fd:		open, or -1
 * @area:	its piece of that device's window
 * @at:		where that begins
 * @arenas:	memory
 * @expected:	room for what a request's bytes must be
 * @page:	a page with one behind it that nobody may touch
 */
struct worker {
	struct soak *soak;
	unsigned int nr;
	unsigned int random;
	struct soak_tally *tally;
	unsigned int device;
	int fd;
	struct soak_area *area;
	uint64_t at;
	struct soak_arena arenas[SOAK_KINDS];
	uint8_t *expected;
	uint8_t *page;
};

/**
 * struct request - parts that follow each other in the window
 * @from_device: direction
 * @how:	by which call
 * @offset:	of the first part in the worker's area
 * @parts:	the parts
 * @nr:		of them
 * @len:	of all
 */
struct request {
	bool from_device;
	enum how how;
	size_t offset;
	struct soak_part parts[MAX_PARTS];
	unsigned int nr;
	size_t len;
};

/**
 * struct answer - what a call said
 * @bytes:	moved
 * @err:	errno, or 0
 * @excused:	a signal or a stop was there to cut it short
 */
struct answer {
	size_t bytes;
	int err;
	bool excused;
};

/* Signals that the handler has seen. */
static volatile sig_atomic_t heard;

static void hear(int sig)
{
	(void)sig;
	heard++;
}

static unsigned int below(struct worker *worker, unsigned int limit)
{
	return soak_below(&worker->random, limit);
}

/* Mostly small, sometimes as much as there is room for. */
static size_t choose_len(struct worker *worker, size_t most)
{
	static const size_t usual[] = { 64, 512, 4096, 4096, 16384 };
	size_t limit = below(worker, 16) ? usual[below(worker, ARRAY_LEN(usual))] :
					   SOAK_PART_BYTES;

	return 1 + below(worker, limit < most ? limit : most);
}

/* the device --------------------------------------------------------------- */

/* Is the file that of the device?  Its number may have gone to another one. */
static bool is_of(int fd, const char *slot)
{
	struct test_dev dev;
	struct stat st;
	struct stat node;

	return dev_of_slot(slot, &dev) && !fstat(fd, &st) && !stat(dev.node, &node) &&
	       st.st_rdev == node.st_rdev;
}

int soak_open(const char *slot)
{
	struct test_dev dev;
	int fd;

	if (!dev_of_slot(slot, &dev))
		return -1;
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && !is_of(fd, slot)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Open any device, waiting while it is away; false if it is over. */
static bool open_any(struct worker *worker)
{
	struct soak *soak = worker->soak;

	worker->device = below(worker, soak->devices);
	do {
		if (soak_over(soak))
			return false;
		worker->fd = soak_open(soak->slots[worker->device]);
		if (worker->fd < 0)
			usleep(1000);
	} while (worker->fd < 0);
	worker->area = &soak->areas[worker->device][worker->nr];
	worker->at = worker->nr * soak->area_bytes[worker->device];
	worker->tally->opened++;
	return true;
}

static bool is_gone(const struct worker *worker)
{
	struct edudma_info info;

	return dev_info(worker->fd, &info) == ENODEV;
}

/* calls --------------------------------------------------------------------- */

static void call_ioctl(struct worker *worker, const struct edudma_segment *segs,
		       unsigned int nr, struct answer *answer)
{
	struct edudma_transfer out;

	answer->err = transfer(worker->fd, segs, nr, 0, &out);
	if (out.error == OUT_UNTOUCHED)
		return;
	answer->bytes = out.bytes_done;
	if (out.error != (uint32_t)answer->err)
		soak_fail(worker->soak, "worker %u: errno %d, but error %u",
			  worker->nr, answer->err, out.error);
}

static ssize_t call_vector(const struct worker *worker, const struct request *request,
			   const struct iovec *iov)
{
	uint64_t at = worker->at + request->offset;
	int fd = worker->fd;

	if (request->how == HOW_PREADV)
		return request->from_device ? preadv(fd, iov, request->nr, at) :
					      pwritev(fd, iov, request->nr, at);
	if (lseek(fd, at, SEEK_SET) == (off_t)-1)
		return -1;
	return request->from_device ? readv(fd, iov, request->nr) :
				      writev(fd, iov, request->nr);
}

static void call(struct worker *worker, const struct request *request,
		 struct answer *answer)
{
	struct edudma_segment segs[MAX_PARTS];
	struct iovec iov[MAX_PARTS];
	uint64_t at = worker->at + request->offset;
	unsigned int i;
	ssize_t ret;

	for (i = 0; i < request->nr; i++) {
		const struct soak_part *part = &request->parts[i];

		iov[i] = (struct iovec) { part->at, part->len };
		segs[i] = request->from_device ? seg_from(part->at, part->len, at) :
						 seg_to(part->at, part->len, at);
		at += part->len;
	}
	if (request->how == HOW_IOCTL) {
		call_ioctl(worker, segs, request->nr, answer);
		return;
	}
	ret = call_vector(worker, request, iov);
	if (ret < 0)
		answer->err = errno;
	else
		answer->bytes = ret;
}

/* Note what could excuse a call that is about to begin, and then whether it came. */
static int excuses(const struct worker *worker, bool *pending)
{
	const struct soak *soak = worker->soak;
	int done = __atomic_load_n(&soak->stops_done[worker->nr], __ATOMIC_SEQ_CST);
	int begun = __atomic_load_n(&soak->stops_begun[worker->nr], __ATOMIC_SEQ_CST);

	*pending = begun != done;
	return begun + heard;
}

/* Make a call's answer complete; it must be whole, or cut short for a reason. */
static void weigh(struct worker *worker, const char *what, size_t len,
		  struct answer *answer)
{
	struct soak_tally *tally = worker->tally;

	tally->requests++;
	if (!answer->err && answer->bytes == len)
		return;
	tally->cut_short++;
	if (answer->bytes <= len && (!answer->err || answer->err == EINTR) &&
	    answer->excused)
		return;
	if (answer->bytes <= len && (!answer->err || answer->err == ENODEV) &&
	    is_gone(worker))
		return;
	soak_fail(worker->soak, "worker %u: %s of %zu bytes: %zu bytes, %s",
		  worker->nr, what, len, answer->bytes,
		  answer->err ? strerror(answer->err) : "for no reason");
}

static struct answer make(struct worker *worker, const struct request *request)
{
	struct answer answer = { 0 };
	bool before, after;
	int then;
	char what[64];

	then = excuses(worker, &before);
	call(worker, request, &answer);
	answer.excused = excuses(worker, &after) != then || before;
	snprintf(what, sizeof(what), "%s (%s, %u parts, first %s)",
		 request->from_device ? "a read" : "a write", how_names[request->how],
		 request->nr, request->parts[0].arena->name);
	weigh(worker, what, request->len, &answer);
	return answer;
}

/* requests -------------------------------------------------------------------- */

/* Parts in different kinds of memory, no longer than @most together. */
static void choose_parts(struct worker *worker, struct request *request, size_t most)
{
	unsigned int first = below(worker, SOAK_KINDS);
	unsigned int i, nr = 1 + below(worker, MAX_PARTS);

	request->nr = 0;
	request->len = 0;
	for (i = 0; i < nr && request->len < most; i++) {
		size_t len = choose_len(worker, most - request->len);

		request->parts[request->nr++] =
			soak_part(&worker->random,
				  &worker->arenas[(first + i) % SOAK_KINDS], len);
		request->len += len;
	}
}

/* Are the first bytes of the parts as expected, and all around them as it was? */
static void check_parts(struct worker *worker, const struct request *request,
			size_t bytes, const uint8_t *expected)
{
	unsigned int i;

	for (i = 0; i < request->nr; i++) {
		const struct soak_part *part = &request->parts[i];
		size_t len = part->len < bytes ? part->len : bytes;

		if (memcmp(part->at, expected, len) ||
		    !soak_part_on_file(&worker->random, part, expected, len))
			soak_fail(worker->soak, "worker %u: %s of %zu bytes in %s is wrong",
				  worker->nr, request->from_device ? "a read" : "the source",
				  part->len, part->arena->name);
		if (!soak_part_guarded(part))
			soak_fail(worker->soak, "worker %u: bytes beside %zu in %s are wrong",
				  worker->nr, part->len, part->arena->name);
		expected += len;
		bytes -= len;
		worker->tally->verified += len;
	}
}

static void do_write(struct worker *worker)
{
	struct soak_area *area = worker->area;
	struct request request = { .how = below(worker, HOWS) };
	uint32_t seed = below(worker, 1 << 30);
	uint8_t *next = worker->expected;
	struct answer answer;
	unsigned int i;

	choose_parts(worker, &request, worker->soak->area_bytes[worker->device]);
	fill(worker->expected, request.len, seed);
	for (i = 0; i < request.nr; i++) {
		memcpy(request.parts[i].at, next, request.parts[i].len);
		next += request.parts[i].len;
	}

	__atomic_store_n(&area->known, false, __ATOMIC_SEQ_CST);
	answer = make(worker, &request);
	area->seed = seed;
	area->len = answer.bytes;
	__atomic_store_n(&area->known, answer.bytes > 0, __ATOMIC_SEQ_CST);
	worker->tally->to_device += answer.bytes;
	check_parts(worker, &request, request.len, worker->expected);
}

static void do_read(struct worker *worker)
{
	struct soak_area *area = worker->area;
	struct request request = { .from_device = true, .how = below(worker, HOWS) };
	struct answer answer;
	unsigned int i;

	if (!area->known) {
		do_write(worker);
		return;
	}
	request.offset = below(worker, area->len);
	choose_parts(worker, &request, area->len - request.offset);
	for (i = 0; i < request.nr; i++)
		memset(request.parts[i].at, 0xee, request.parts[i].len);

	answer = make(worker, &request);
	worker->tally->from_device += answer.bytes;
	fill(worker->expected, area->len, area->seed);
	check_parts(worker, &request, answer.bytes, worker->expected + request.offset);
}

/* A vector that sends and fetches by turns: a copy through the device. */
static void do_trip(struct worker *worker)
{
	size_t len = choose_len(worker, worker->soak->area_bytes[worker->device]);
	unsigned int i, trips = 1 + below(worker, MAX_TRIPS);
	struct edudma_segment segs[2 * MAX_TRIPS];
	struct request from = { .from_device = true };
	uint32_t seed = below(worker, 1 << 30);
	struct answer answer = { 0 };
	struct soak_part source;
	bool before, after;
	int then;

	if (len > SOAK_PART_BYTES / MAX_TRIPS)
		len = SOAK_PART_BYTES / MAX_TRIPS;
	source = soak_part(&worker->random,
			   &worker->arenas[below(worker, SOAK_KINDS)], trips * len);
	fill(worker->expected, trips * len, seed);
	memcpy(source.at, worker->expected, trips * len);
	/* Each part elsewhere: a kind that the source is not of. */
	for (i = 0; i < trips; i++) {
		struct soak_arena *arena = source.arena + 1 + i;

		if (arena >= worker->arenas + SOAK_KINDS)
			arena -= SOAK_KINDS;
		from.parts[i] = soak_part(&worker->random, arena, len);
		segs[2 * i] = seg_to(source.at + i * len, len, worker->at);
		segs[2 * i + 1] = seg_from(from.parts[i].at, len, worker->at);
	}
	from.nr = trips;

	__atomic_store_n(&worker->area->known, false, __ATOMIC_SEQ_CST);
	then = excuses(worker, &before);
	call_ioctl(worker, segs, 2 * trips, &answer);
	answer.excused = excuses(worker, &after) != then || before;
	weigh(worker, "a copy", 2 * trips * len, &answer);

	/* Of whole trips half the bytes went each way. */
	trips = answer.bytes / (2 * len);
	worker->tally->from_device += trips * len;
	worker->tally->to_device += answer.bytes - trips * len;
	check_parts(worker, &from, trips * len, worker->expected);
	if (!soak_part_guarded(&source))
		soak_fail(worker->soak, "worker %u: bytes beside a copy's source are wrong",
			  worker->nr);
}

/* Memory that ends in the middle: what is before it is moved, and no more. */
static void do_fault(struct worker *worker)
{
	struct soak_area *area = worker->area;
	struct answer answer = { 0 };
	size_t before, len;
	bool pending, after;
	uint8_t *at;
	ssize_t ret;
	int then;

	if (!area->known || area->len < 2) {
		do_write(worker);
		return;
	}
	len = area->len < page_size() ? area->len : page_size();
	before = below(worker, len);
	at = worker->page + page_size() - before;
	then = excuses(worker, &pending);
	ret = pread(worker->fd, at, len, worker->at);
	if (ret < 0)
		answer.err = errno;
	else
		answer.bytes = ret;
	answer.excused = excuses(worker, &after) != then || pending;
	/* Of nothing before it there is an error, and no count. */
	if (!before && answer.err == EFAULT)
		answer.err = 0;
	else if (!before && !answer.err)
		answer.bytes = SIZE_MAX;
	weigh(worker, "a read before a hole", before, &answer);
	fill(worker->expected, area->len, area->seed);
	if (memcmp(at, worker->expected, answer.bytes))
		soak_fail(worker->soak, "worker %u: %zu bytes before a hole are wrong",
			  worker->nr, answer.bytes);
	worker->tally->from_device += answer.bytes;
	worker->tally->verified += answer.bytes;
}

static void do_something(struct worker *worker)
{
	static void (*const things[])(struct worker *worker) = {
		do_write, do_write, do_read, do_read, do_read, do_trip, do_trip, do_fault,
	};

	things[below(worker, ARRAY_LEN(things))](worker);
}

/* Forks and mappings beside the transfers, in the same memory. */
static void *stir(void *arg)
{
	struct worker *worker = arg;
	unsigned int random = worker->random ^ 0x5eed;
	const size_t bytes = 1 << 20;
	uint8_t *area;
	pid_t pid;

	while (!soak_over(worker->soak)) {
		usleep(20000 + soak_below(&random, 100000));
		area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (area == MAP_FAILED)
			die("mmap");
		memset(area, 1, bytes / 4);
		mprotect(area, bytes / 8, PROT_READ);
		if (soak_below(&random, 2)) {
			/* Its copies of the parent's pages are nobody else's. */
			pid = fork();
			if (!pid) {
				memset(worker->arenas[SOAK_PRIVATE].base, 3,
				       worker->arenas[SOAK_PRIVATE].bytes);
				_exit(0);
			}
			if (pid > 0)
				waitpid(pid, NULL, 0);
		}
		munmap(area, bytes);
	}
	return NULL;
}

static void start_stirring(struct worker *worker)
{
	struct sigaction action = {
		.sa_handler = hear,
		.sa_flags = below(worker, 2) ? SA_RESTART : 0,
	};
	sigset_t signals;
	pthread_t thread;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	/* Signals are the transferring thread's. */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (pthread_create(&thread, NULL, stir, worker))
		die("pthread_create");
	sigaction(SIGUSR1, &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

void soak_work(struct soak *soak, unsigned int nr, unsigned int life)
{
	struct worker worker = {
		.soak = soak, .nr = nr, .tally = &soak->tally[nr],
		.random = soak->seed + 1000 * nr + 100003 * life,
	};
	unsigned int left;

	soak_arenas(worker.arenas, soak->dir);
	worker.expected = private_pages(2 * MAX_PARTS * SOAK_PART_BYTES / page_size());
	worker.page = private_pages(2);
	mprotect(worker.page + page_size(), page_size(), PROT_NONE);
	start_stirring(&worker);
	while (open_any(&worker)) {
		left = 1 + below(&worker, 20);
		while (left-- && !soak_over(soak) && !is_gone(&worker))
			do_something(&worker);
		close(worker.fd);
	}
	_exit(0);
}
