// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs out of nothing; see fuzz_program.h.  What a call needs to get far is
 * put before it, mostly.
 */
#include "edudma_test.h"
#include "fuzz_program.h"
#include "fuzz_random.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define ONE_OF(random, ...) ({						\
	static const uint64_t these_[] = { __VA_ARGS__ };		\
	these_[fuzz_below(random, ARRAY_LEN(these_))];			\
})

/* An edu-sg's, as the lanes have it. */
#define WINDOW		(64u << 20)

static uint64_t address(uint64_t *random)
{
	uint64_t page;

	switch (fuzz_below(random, 20)) {
	case 0:
		return ONE_OF(random, 0, 1, 0x1000, 0x7ffffffff000, 0x7fffffffefff,
			      0xffff888000100000, 0xffffffffffffffff,
			      0x0100000000000000, 0x100000000, FUZZ_END - 1, FUZZ_END);
	case 1:
		return FUZZ_BASE + fuzz_below(random, FUZZ_DATA - FUZZ_BASE);
	case 2:
		return FUZZ_BASE + fuzz_below(random, FUZZ_END - FUZZ_BASE);
	case 3:
		return FUZZ_END - fuzz_below(random, 3 * FUZZ_PAGE);
	default:
		page = FUZZ_DATA + fuzz_below(random, 16) * FUZZ_PAGE;
		return page + ONE_OF(random, 0, 0, 0, 1, 8, 64, 512, 2048, 4095);
	}
}

/* For structures: next to each other, few of them. */
static uint64_t place(uint64_t *random)
{
	if (fuzz_once_in(random, 30))
		return address(random);
	if (fuzz_once_in(random, 30))
		return FUZZ_BASE + (1 + fuzz_below(random, 4)) * FUZZ_PAGE -
		       fuzz_below(random, 64);
	return FUZZ_BASE + fuzz_below(random, 8) * 0x400;
}

static uint64_t length(uint64_t *random)
{
	switch (fuzz_below(random, 50)) {
	case 0:
		return fuzz_below(random, 1 << 16);
	case 1:
		return ONE_OF(random, 1 << 16, 1 << 20, (1 << 20) + 1, 2 << 20);
	case 2:
		return ONE_OF(random, WINDOW, WINDOW + 1, 1 << 30, (1 << 30) + 1,
			      0x7ffff000, 0x7fffffff, 0x80000000, 0xffffffff,
			      0x100000000, 1ull << 47, 1ull << 63, ~0ull);
	default:
		return ONE_OF(random, 0, 1, 3, 64, 100, 511, 512, 4095, 4096, 4097,
			      8192, 3 * 4096 + 1);
	}
}

static uint64_t offset(uint64_t *random)
{
	switch (fuzz_below(random, 12)) {
	case 0:
		return ONE_OF(random, WINDOW - 1, WINDOW - 4096, WINDOW, WINDOW + 1,
			      4094, 4095);
	case 1:
		return ONE_OF(random, ~0ull, ~0ull - 1, 1ull << 63, (1ull << 63) - 1,
			      1ull << 32, 0xffffffff, ~0ull << 12);
	case 2:
		return fuzz_below(random, WINDOW);
	default:
		return ONE_OF(random, 0, 0, 1, 8, 64, 512, 1000, 2048, 4096, 8192);
	}
}

static uint64_t command(uint64_t *random)
{
	uint64_t cmd = ONE_OF(random, EDUDMA_IOC_INFO, EDUDMA_IOC_INFO, EDUDMA_IOC_TRANSFER,
			      EDUDMA_IOC_TRANSFER, EDUDMA_IOC_STREAM_START,
			      EDUDMA_IOC_STREAM_STOP, EDUDMA_IOC_STREAM_KICK,
			      EDUDMA_IOC_STREAM_STATUS);
	unsigned int type = 0xED;

	if (fuzz_once_in(random, 3))
		return cmd;
	if (fuzz_once_in(random, 8))
		type = 0xEC;
	return _IOC(fuzz_below(random, 4), type,
		    fuzz_below(random, 4) + (fuzz_once_in(random, 3) ? 0x10 : 0),
		    ONE_OF(random, 0, 1, 8, 31, 32, 33, 71, 72, 73, 128, 4096, 16383));
}

/* A setting: chunk sizes and other numbers, right and wrong. */
static uint64_t setting(uint64_t *random)
{
	return ONE_OF(random, 0, 1, 199, 4096, 4096, 4097, 8192, 65536, 65536,
		      1 << 20, 1 << 24, (1 << 24) + 4096, 5000, 600001, ~0ull);
}

static uint64_t flags_of_open(uint64_t *random)
{
	if (fuzz_below(random, 3))
		return O_RDWR;
	return ONE_OF(random, O_RDONLY, O_WRONLY, 3, O_RDWR | O_NONBLOCK,
		      O_RDWR | O_APPEND, O_RDWR | O_DIRECT, O_PATH, O_RDWR | O_SYNC);
}

static uint64_t small_number(uint64_t *random)
{
	if (fuzz_once_in(random, 20))
		return ONE_OF(random, 0, 1023, 1024, 1025, 0x7fffffff, 0xffffffff);
	return fuzz_below(random, 6);
}

/* A word of the rings: mostly one that is given a meaning. */
static uint64_t word(uint64_t *random)
{
	if (fuzz_once_in(random, 4))
		return fuzz_below(random, 1 << 14);
	return ONE_OF(random, 0, 0, 0, 1, 2, 16, 17, 18, 32, 32, 33, 34, 35, 36, 40);
}

static uint64_t frame_bytes(uint64_t *random)
{
	if (fuzz_once_in(random, 12))
		return ONE_OF(random, 0, 1, 63, 1 << 16, 16 << 20, (16 << 20) + 1, 0xffffffff);
	return ONE_OF(random, 64, 65, 100, 511, 512, 1000, 4096, 4097, 5000);
}

/* Of what streams are made of. */
static uint64_t stream_arg(uint64_t *random, char kind)
{
	switch (kind) {
	case 'q': /* a file that is a stream */
		return fuzz_once_in(random, 8) ? fuzz_below(random, FUZZ_FILES) :
						 4u + fuzz_once_in(random, 3);
	case 'e': /* a registered buffer */
		return fuzz_once_in(random, 12) ?
			ONE_OF(random, 0, 4, 1024, 1025, 0xffffffff) : 1u + fuzz_once_in(random, 4);
	case 'k': /* bytes of a frame */
		return frame_bytes(random);
	case 'r': /* bytes per second */
		return ONE_OF(random, 0, 0, 0, 1, 2, 500, 100000, 1000000, 1000000, 20000000,
			      200000000, 1ull << 40, ~0ull);
	case 'm': /* direction, pattern, policy, flags: 4 bits each */
		return fuzz_once_in(random, 10) ? fuzz_random(random) & 0xffff :
			ONE_OF(random, 0, 0x10, 0x1, 0x1, 0x11, 0x21, 0x101, 0x201, 0x1001,
			       0x1121);
	case 'i': /* a slot */
		return fuzz_once_in(random, 20) ? fuzz_arg(random, 'n') : fuzz_below(random, 4);
	case 'y': /* bytes of a slot of a sink */
		return fuzz_once_in(random, 3) ? frame_bytes(random) : 0;
	case 'w':
		return word(random);
	case 'x': /* what is written there */
		return ONE_OF(random, 0, 1, 2, 3, 4, 5, 6, 7, 64, 1024, 1025, 0x7fffffff,
			      0x80000000, 0xffffffff);
	case 'Z': /* size of a struct */
		return fuzz_below(random, 8) ? 64 :
			ONE_OF(random, 0, 32, 63, 65, 72, 128, 4096, 16383);
	default: /* a bit */
		return fuzz_below(random, 2);
	}
}

uint64_t fuzz_arg(uint64_t *random, char kind)
{
	switch (kind) {
	case 'f': /* a file */
		return fuzz_once_in(random, 6) ? fuzz_below(random, FUZZ_FILES) :
						 fuzz_below(random, 2);
	case 'd': /* a device */
		return fuzz_once_in(random, 4);
	case 'a':
		return address(random);
	case 's':
		return place(random);
	case 'l':
		return length(random);
	case 'o':
		return offset(random);
	case 'n': /* of elements */
		return small_number(random);
	case 'C':
		return command(random);
	case 'c':
		return setting(random);
	case 'O':
		return flags_of_open(random);
	case 'W': /* whence */
		return fuzz_below(random, 6);
	case 'P': /* events */
		return ONE_OF(random, 0, POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, 0xffff);
	case 'p': /* protection */
		return ONE_OF(random, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
			      PROT_READ, PROT_WRITE, PROT_NONE);
	case 'M': /* mapping: private, shared, of a file, of one that is too short */
		return fuzz_below(random, 4);
	case 'A': /* advice */
		return ONE_OF(random, MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT,
			      MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_WIPEONFORK,
			      MADV_DONTFORK, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
			      MADV_REMOVE, MADV_MERGEABLE);
	case 'R': /* RWF_* */
		return fuzz_below(random, 4) ? 0 : ONE_OF(random, 1, 2, 4, 8, 16, 32, ~0u);
	case 'I': /* size of struct edudma_info */
		return ONE_OF(random, 72, 72, 72, 0, 71, 73, 128, 4096, 16383);
	case 'T': /* size of struct edudma_transfer */
		return fuzz_below(random, 8) ? 32 :
			ONE_OF(random, 0, 31, 33, 40, 64, 4096, 16383);
	case 'F': /* flags of a transfer */
		return fuzz_below(random, 8) ? fuzz_below(random, 4) :
			ONE_OF(random, 4, 6, 0x80000000, 0xffffffff);
	case 'D': /* direction */
		return fuzz_below(random, 16) ? fuzz_below(random, 2) :
			ONE_OF(random, 2, 0xffffffff);
	case 'E': /* what stands where the kernel will write */
		return ONE_OF(random, 0, 0, ~0ull);
	case 'z': /* reserved */
		return fuzz_once_in(random, 20);
	case 'v':
		return ONE_OF(random, 0, 1, 2, 0xff, 4096, ~0ull);
	case 'u': /* microseconds */
		return ONE_OF(random, 1, 100, 300, 1000, 3000, 10000);
	case 't':
		return fuzz_below(random, FUZZ_THREADS);
	case 'U': /* reads, is made by a worker from the first, is cancelled */
		return fuzz_below(random, 8);
	case 'g': /* a registered buffer, or memory by its address */
		return fuzz_below(random, 3) ? 0 : fuzz_once_in(random, 8) ?
			ONE_OF(random, 4, 1024, 1025, 0xffffffff) : 1 + fuzz_below(random, 3);
	case 'K': /* of memory to register */
		return fuzz_once_in(random, 6) ? ONE_OF(random, 1, 2, 0xffffffff) : 0;
	case 'Y': /* is polled, is made by a worker from the first, has memory of the ring's */
		return fuzz_below(random, 3) ? fuzz_below(random, 2) : fuzz_below(random, 8);
	case 'S':
		return fuzz_below(random, 17);
	case 'V':
		return fuzz_below(random, 3);
	case 'X':
		return fuzz_below(random, 11);
	default:
		return stream_arg(random, kind);
	}
}

static struct fuzz_call *add(struct fuzz_program *program, enum fuzz_nr nr,
			     unsigned int thread)
{
	struct fuzz_call *call = &program->calls[program->nr++];

	*call = (struct fuzz_call) { .nr = nr, .thread = thread };
	return call;
}

/* Segments that can mostly be had, in a window that they mostly fit in. */
static void add_segments(uint64_t *random, struct fuzz_program *program,
			 unsigned int thread, uint64_t at, unsigned int count)
{
	struct fuzz_call *call;

	for (; count; count--, at += sizeof(struct edudma_segment)) {
		call = add(program, FUZZ_segment, thread);
		call->arg[0] = at;
		call->arg[5] = fuzz_arg(random, 'g');
		/* In a buffer, a position. */
		call->arg[1] = fuzz_arg(random, call->arg[5] ? 'l' : 'a');
		call->arg[2] = fuzz_arg(random, 'l');
		call->arg[3] = fuzz_arg(random, 'o');
		call->arg[4] = fuzz_arg(random, 'D');
	}
}

static void add_iovecs(uint64_t *random, struct fuzz_program *program,
		       unsigned int thread, uint64_t at, unsigned int count)
{
	struct fuzz_call *call;

	for (; count; count--, at += sizeof(struct iovec)) {
		call = add(program, FUZZ_iovec, thread);
		call->arg[0] = at;
		call->arg[1] = fuzz_arg(random, 'a');
		call->arg[2] = fuzz_arg(random, 'l');
	}
}

/* What the call that comes next reads; false if there is no room for both. */
static bool add_structures(uint64_t *random, struct fuzz_program *program,
			   unsigned int thread, enum fuzz_nr nr, uint64_t at,
			   uint64_t *count)
{
	uint64_t segments = fuzz_arg(random, 's');
	struct fuzz_call *call;

	*count = 1 + fuzz_below(random, 4);
	if (program->nr + *count + 2 >= FUZZ_CALLS)
		return false;
	if (nr == FUZZ_command) {
		add_segments(random, program, thread, at, *count);
	} else if (nr == FUZZ_transfer || nr == FUZZ_transfer32 || nr == FUZZ_ioctl) {
		add_segments(random, program, thread, segments, *count);
		call = add(program, FUZZ_argument, thread);
		call->arg[0] = at;
		call->arg[1] = segments;
		call->arg[2] = fuzz_once_in(random, 10) ? small_number(random) : *count;
		call->arg[3] = fuzz_arg(random, 'F');
		call->arg[4] = fuzz_arg(random, 'E');
		call->arg[5] = fuzz_below(random, 8) ? 0 : fuzz_arg(random, 'v');
	} else {
		add_iovecs(random, program, thread, at, *count);
	}
	return true;
}

static struct fuzz_call *add_with_args(uint64_t *random, struct fuzz_program *program,
				       enum fuzz_nr nr, unsigned int thread)
{
	struct fuzz_call *call = add(program, nr, thread);
	const char *args = fuzz_kinds[nr].args;
	unsigned int i;

	for (i = 0; args[i]; i++)
		call->arg[i] = fuzz_arg(random, args[i]);
	return call;
}

/* A stream in registered memory, mostly good; false if there is no room for it all. */
static bool add_create(uint64_t *random, struct fuzz_program *program, unsigned int thread,
		       uint64_t file)
{
	uint64_t bytes = fuzz_arg(random, 'k'), count = 1 + fuzz_below(random, 4);
	uint64_t slots = fuzz_arg(random, 's'), setup = fuzz_arg(random, 's'), i;
	struct fuzz_call *call;

	if (program->nr + count + 3 >= FUZZ_CALLS)
		return false;
	call = add_with_args(random, program, FUZZ_register, thread);
	call->arg[0] = file;
	call->arg[2] = 4 * 8192;
	for (i = 0; i < count; i++) {
		call = add_with_args(random, program, FUZZ_slot, thread);
		call->arg[0] = slots + i * sizeof(struct edudma_stream_slot);
		if (fuzz_once_in(random, 10))
			continue;
		call->arg[1] = i * 8192 + fuzz_below(random, 3);
		call->arg[2] = bytes + fuzz_below(random, 2);
	}
	call = add_with_args(random, program, FUZZ_setup, thread);
	call->arg[0] = setup;
	call->arg[1] = slots;
	call->arg[2] = fuzz_once_in(random, 12) ? small_number(random) : count;
	call->arg[3] = bytes;
	call = add_with_args(random, program, FUZZ_create, thread);
	call->arg[1] = file;
	call->arg[2] = setup;
	return true;
}

/* A stream that runs, and has slots. */
static void add_stream(uint64_t *random, struct fuzz_program *program, unsigned int thread)
{
	uint64_t file = 4 + fuzz_below(random, 2), i;
	struct fuzz_call *call;

	if (program->nr + 16 >= FUZZ_CALLS)
		return;
	if (fuzz_below(random, 3))
		add_with_args(random, program, FUZZ_capture, thread);
	else if (!add_create(random, program, thread, 0))
		return;
	program->calls[program->nr - 1].arg[0] = file;
	for (i = 1 + fuzz_below(random, 4); i; i--) {
		call = add_with_args(random, program, FUZZ_give, thread);
		call->arg[0] = file;
		call->arg[1] = i - 1;
	}
	add(program, FUZZ_start, thread)->arg[0] = file;
}

static bool wants_structures(enum fuzz_nr nr)
{
	switch (nr) {
	case FUZZ_transfer:
	case FUZZ_transfer32:
	case FUZZ_ioctl:
	case FUZZ_command:
	case FUZZ_readv:
	case FUZZ_writev:
	case FUZZ_preadv2:
	case FUZZ_pwritev2:
		return true;
	default:
		return false;
	}
}

/* What takes as long as hundreds of others comes as rarely as that. */
static bool is_costly(enum fuzz_nr nr)
{
	return nr >= FUZZ_fork;
}

/* Are the structures that a call reads made for it?  Most ioctls are refused before. */
static bool is_thorough(uint64_t *random, enum fuzz_nr nr)
{
	return nr == FUZZ_ioctl ? fuzz_once_in(random, 4) : !fuzz_once_in(random, 12);
}

static enum fuzz_nr choose(uint64_t *random)
{
	unsigned int nr, sum = 0, at;

	for (nr = 0; nr < FUZZ_NRS; nr++)
		sum += fuzz_kinds[nr].weight;
	at = fuzz_below(random, sum);
	for (nr = 0; at >= fuzz_kinds[nr].weight; nr++)
		at -= fuzz_kinds[nr].weight;
	return nr;
}

static void add_any(uint64_t *random, struct fuzz_program *program,
		    unsigned int threads)
{
	unsigned int thread = fuzz_below(random, threads);
	enum fuzz_nr nr = choose(random);
	const char *args = fuzz_kinds[nr].args;
	struct fuzz_call *call;
	uint64_t at, count;
	unsigned int i;

	if (is_costly(nr) && fuzz_below(random, 6))
		return;
	if (nr == FUZZ_create && is_thorough(random, nr)) {
		add_create(random, program, thread, fuzz_arg(random, 'f'));
		return;
	}
	at = fuzz_arg(random, 's');
	count = fuzz_arg(random, 'n');
	if (wants_structures(nr) && is_thorough(random, nr) &&
	    !add_structures(random, program, thread, nr, at, &count))
		return;
	call = add(program, nr, thread);
	for (i = 0; args[i]; i++)
		call->arg[i] = args[i] == 's' ? at : args[i] == 'n' ? count :
			       fuzz_arg(random, args[i]);
}

void fuzz_generate(uint64_t *random, struct fuzz_program *program)
{
	unsigned int threads = 1 + (fuzz_below(random, 2) ? fuzz_below(random, 3) : 0);
	unsigned int files = 1 + fuzz_below(random, 2);
	unsigned int i, wanted = 8 + fuzz_below(random, FUZZ_CALLS - 8);
	struct fuzz_call *call;

	program->nr = 0;
	for (i = 0; i < files; i++) {
		call = add(program, FUZZ_open, 0);
		call->arg[0] = i;
		call->arg[1] = fuzz_arg(random, 'd');
		call->arg[2] = fuzz_arg(random, 'O');
	}
	if (fuzz_once_in(random, 3))
		add_stream(random, program, 0);
	/* Some find no room. */
	for (i = 0; i < 2 * FUZZ_CALLS && program->nr < wanted; i++)
		add_any(random, program, threads);
}
