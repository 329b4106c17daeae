// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of streams; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Of what `setup' is told about direction, pattern, policy and flags: each has 4 bits. */
#define PART_OF(mode, at)	((mode) >> (4 * (at)) & 15)

/* What `create' reads: no system call. */
static void put_structure(const struct fuzz_call *call)
{
	const uint64_t *arg = call->arg;
	struct edudma_stream_slot slot = {
		.offset = arg[1], .len = arg[2], .buffer = arg[3], .reserved = arg[4],
	};
	struct edudma_stream_create setup = {
		.slots = arg[1], .nr_slots = arg[2], .frame_bytes = arg[3], .rate = arg[4],
		.direction = PART_OF(arg[5], 0), .pattern = PART_OF(arg[5], 1),
		.policy = PART_OF(arg[5], 2), .flags = PART_OF(arg[5], 3),
	};

	if (call->nr == FUZZ_slot)
		fuzz_put(arg[0], &slot, sizeof(slot));
	else
		fuzz_put(arg[0], &setup, sizeof(setup));
}

/* The slot has no stream any more.  Its mapping would keep it. */
static void forget(struct fuzz_stream *stream)
{
	struct stream *s = &stream->s;

	if (s->rings)
		munmap(s->rings, s->arg.map_bytes);
	if (s->memory)
		munmap(s->memory, s->arg.nr_slots * s->slot_bytes);
	*stream = (struct fuzz_stream) { 0 };
}

int fuzz_set_file(struct fuzz_run *run, uint64_t slot, int fd,
		  const struct fuzz_stream *stream)
{
	unsigned int at = slot % FUZZ_FILES;
	int old;

	pthread_mutex_lock(&run->locks[at]);
	forget(&run->streams[at]);
	old = __atomic_exchange_n(&run->files[at], fd, __ATOMIC_SEQ_CST);
	if (stream)
		run->streams[at] = *stream;
	pthread_mutex_unlock(&run->locks[at]);
	return old;
}

/* The stream of a slot, of another if it has none, with its lock held; or NULL. */
static struct fuzz_stream *hold(struct fuzz_run *run, uint64_t slot, unsigned int *at)
{
	unsigned int i;

	for (i = 0; i < FUZZ_FILES; i++) {
		*at = (slot + i) % FUZZ_FILES;
		pthread_mutex_lock(&run->locks[*at]);
		if (run->streams[*at].s.rings)
			return &run->streams[*at];
		pthread_mutex_unlock(&run->locks[*at]);
	}
	return NULL;
}

/* Rings that are mapped; false if they cannot be. */
static bool map_rings(struct stream *s)
{
	uint8_t *map = mmap(NULL, s->arg.map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    s->fd, 0);

	if (map == MAP_FAILED)
		return false;
	s->rings = (void *)map;
	s->fill = (void *)(map + s->arg.fill_offset);
	s->frames = (void *)(map + s->arg.frame_offset);
	return true;
}

/* Keep the file of a stream, and its rings if what the call said can be trusted. */
static int adopt(struct fuzz_run *run, uint64_t slot, const struct edudma_stream_create *arg,
		 bool trusted)
{
	struct fuzz_stream stream = {
		.s = { .fd = fuzz_move_file(arg->fd), .arg = *arg },
		.breaks = __atomic_load_n(&run->fuzz->breaks, __ATOMIC_SEQ_CST),
	};
	int old;

	if (stream.s.fd < 0)
		return -1;
	trusted = trusted && map_rings(&stream.s);
	old = fuzz_set_file(run, slot, stream.s.fd, trusted ? &stream : NULL);
	if (old >= 0)
		close(old);
	return 0;
}

/*
 * What the kernel is to read and write is a copy that no other thread changes, unless
 * the original cannot be read or written: then it is asked for that.
 */
static int do_create(struct fuzz_run *run, const uint64_t *arg)
{
	struct {
		struct edudma_stream_create known;
		uint8_t more[_IOC_SIZEMASK + 1];
	} copy;
	size_t size = arg[3] & _IOC_SIZEMASK;
	unsigned int cmd = _IOC(_IOC_READ | _IOC_WRITE, EDUDMA_IOC_MAGIC, 4, size);
	bool copied = fuzz_get(&copy, arg[2], size) && fuzz_put(arg[2], &copy, size);
	int fd = fuzz_file(run, arg[1]);
	int ret;

	ret = copied ? ioctl(fd, cmd, &copy) : ioctl(fd, cmd, arg[2]);
	if (ret)
		return ret;
	if (copied)
		fuzz_put(arg[2], &copy, size);
	else if (!fuzz_get(&copy, arg[2], sizeof(copy.known)))
		return 0;	/* another thread has taken it: it stays open */
	return adopt(run, arg[0], &copy.known, copied);
}

static int do_start(struct fuzz_run *run, int fd)
{
	int ret = ioctl(fd, EDUDMA_IOC_STREAM_START);

	if (!ret)
		__atomic_fetch_add(&run->starts, 1, __ATOMIC_SEQ_CST);
	return ret;
}

static int do_status(struct fuzz_run *run, int fd, const uint64_t *arg)
{
	unsigned int cmd = _IOC(_IOC_READ, EDUDMA_IOC_MAGIC, 0x13, arg[2] & _IOC_SIZEMASK);
	struct edudma_stream_status status;
	int ret = ioctl(fd, cmd, arg[1]);
	int err = errno;

	if (!ioctl(fd, EDUDMA_IOC_STREAM_STATUS, &status))
		fuzz_judge_status(run, &status);
	errno = err;
	return ret;
}

static int kick_if_needed(const struct stream *s)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&s->rings->flags, __ATOMIC_RELAXED) & EDUDMA_RINGS_NEED_KICK))
		return 0;
	return ioctl(s->fd, EDUDMA_IOC_STREAM_KICK);
}

/* To a stream of its own memory a slot that it may be given, to others any. */
static void do_give(struct fuzz_run *run, const uint64_t *arg, struct fuzz_result *result)
{
	unsigned int at;
	struct fuzz_stream *stream = hold(run, arg[0], &at);

	if (!stream)
		return;
	result->made = true;
	if (!stream->own)
		stream_put(&stream->s, arg[1], arg[2]);
	else
		result->made = fuzz_give(run, stream, arg[1]);
	if (result->made)
		result->ret = kick_if_needed(&stream->s);
	pthread_mutex_unlock(&run->locks[at]);
}

/* Take a frame, waiting no longer than so many microseconds. */
static void do_take(struct fuzz_run *run, const uint64_t *arg, struct fuzz_result *result)
{
	unsigned int at;
	struct fuzz_stream *stream = hold(run, arg[0], &at);
	struct edudma_stream_frame frame;
	struct pollfd pfd = { .events = POLLIN };
	uint64_t end;

	if (!stream)
		return;
	result->made = true;
	pfd.fd = stream->s.fd;
	poll(&pfd, 1, arg[1] % 20000 / 1000);
	end = stream->s.end;
	if (stream_take(&stream->s, &frame))
		fuzz_judge_frame(run, stream, &frame, end);
	pthread_mutex_unlock(&run->locks[at]);
}

static void do_scribble(struct fuzz_run *run, const uint64_t *arg)
{
	unsigned int at;
	struct fuzz_stream *stream = hold(run, arg[0], &at);
	uint32_t *words;

	if (!stream)
		return;
	words = (uint32_t *)stream->s.rings;
	stream->scribbled = true;
	__atomic_store_n(&words[arg[1] % (stream->s.arg.map_bytes / sizeof(*words))], arg[2],
			 __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&run->locks[at]);
}

static void file_call(struct fuzz_run *run, const struct fuzz_call *call,
		      struct fuzz_result *result)
{
	int fd = fuzz_file(run, call->arg[call->nr == FUZZ_create]);

	if (fd < 0)
		return;
	result->made = true;
	switch (call->nr) {
	case FUZZ_create:
		result->ret = do_create(run, call->arg);
		break;
	case FUZZ_start:
		result->ret = do_start(run, fd);
		break;
	case FUZZ_stop:
		result->ret = ioctl(fd, EDUDMA_IOC_STREAM_STOP);
		break;
	case FUZZ_kick:
		result->ret = ioctl(fd, EDUDMA_IOC_STREAM_KICK);
		break;
	case FUZZ_status:
		result->ret = do_status(run, fd, call->arg);
		break;
	}
	result->err = result->ret < 0 ? errno : 0;
}

void fuzz_stream_call(struct fuzz_run *run, const struct fuzz_call *call,
		      struct fuzz_result *result)
{
	switch (call->nr) {
	case FUZZ_slot:
	case FUZZ_setup:
		put_structure(call);
		break;
	case FUZZ_capture:
		result->made = true;
		result->err = fuzz_capture(run, call->arg);
		result->ret = result->err ? -1 : 0;
		break;
	case FUZZ_give:
		do_give(run, call->arg, result);
		break;
	case FUZZ_take:
		do_take(run, call->arg, result);
		break;
	case FUZZ_scribble:
		do_scribble(run, call->arg);
		break;
	default:
		file_call(run, call, result);
		break;
	}
}
