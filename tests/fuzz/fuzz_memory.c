// SPDX-License-Identifier: GPL-2.0-only
/*
 * The piece of memory that programs have, and what they do to it; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define ALL_BYTES	((size_t)FUZZ_PAGES * FUZZ_PAGE)

/* The file behind mappings, and one that is shorter than what is mapped of it. */
static int whole_file, short_file;

/* Where this thread goes on when there is nothing at an address. */
static __thread sigjmp_buf *volatile guard;

static void on_fault(int sig)
{
	static const char text[] = "# fuzz: the fuzzer's own fault\n";

	if (guard)
		siglongjmp(*guard, sig);
	(void)!write(2, text, sizeof(text) - 1);
	_exit(99);
}

static int make_file(size_t bytes)
{
	int fd = memfd_create("edudma-fuzz", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, bytes))
		die("memfd_create");
	return fd;
}

void fuzz_memory_init(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	whole_file = make_file(ALL_BYTES);
	short_file = make_file(18 * FUZZ_PAGE + 100);
}

static bool changes_memory(enum fuzz_nr nr)
{
	return nr >= FUZZ_map && nr <= FUZZ_remap;
}

static bool leaves_memory_alone(const struct fuzz_program *program)
{
	unsigned int i;

	for (i = 0; i < program->nr; i++)
		if (changes_memory(program->calls[i].nr))
			return false;
	return true;
}

void fuzz_memory_reset(const struct fuzz_program *program)
{
	static bool as_new;

	/* New pages cost more than a program, so those that nobody moved stay. */
	if (as_new)
		memset((void *)(uintptr_t)FUZZ_BASE, 0, FUZZ_DATA - FUZZ_BASE);
	else if (mmap((void *)(uintptr_t)FUZZ_BASE, ALL_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		die("mmap");
	as_new = leaves_memory_alone(program);
}

static bool is_ours(uint64_t address, uint64_t len)
{
	return address >= FUZZ_BASE && len <= ALL_BYTES &&
	       address + len <= FUZZ_END;
}

static bool copy(void *to, const void *from, size_t len)
{
	sigjmp_buf here;

	/* The handler does not block signals, so there is no mask to restore. */
	if (sigsetjmp(here, 0)) {
		guard = NULL;
		return false;
	}
	guard = &here;
	/* Neither before nor behind. */
	asm volatile("" : : : "memory");
	memcpy(to, from, len);
	asm volatile("" : : : "memory");
	guard = NULL;
	return true;
}

bool fuzz_put(uint64_t address, const void *from, size_t len)
{
	return is_ours(address, len) && copy((void *)(uintptr_t)address, from, len);
}

bool fuzz_get(void *to, uint64_t address, size_t len)
{
	return is_ours(address, len) && copy(to, (void *)(uintptr_t)address, len);
}

/* Whole pages of ours, out of an address and a length; false if there are none. */
static bool pages_of(uint64_t address, uint64_t len, void **start, size_t *bytes)
{
	if (address < FUZZ_BASE || address >= FUZZ_END)
		return false;
	address -= address % FUZZ_PAGE;
	if (len > FUZZ_END - address)
		len = FUZZ_END - address;
	*start = (void *)(uintptr_t)address;
	*bytes = (len + FUZZ_PAGE - 1) / FUZZ_PAGE * FUZZ_PAGE;
	return *bytes;
}

static void *map(void *start, size_t bytes, int prot, unsigned int how)
{
	size_t at = (uintptr_t)start - FUZZ_BASE;

	switch (how % 4) {
	case 0:
		return mmap(start, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			    -1, 0);
	case 1:
		return mmap(start, bytes, prot, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
			    -1, 0);
	case 2:
		return mmap(start, bytes, prot, MAP_SHARED | MAP_FIXED, whole_file, at);
	default:
		return mmap(start, bytes, prot, MAP_PRIVATE | MAP_FIXED, short_file, at);
	}
}

static void map_device(struct fuzz_run *run, const struct fuzz_call *call,
		       void *start, size_t bytes, struct fuzz_result *result)
{
	int fd = fuzz_file(run, call->arg[0]);
	int flags = call->arg[4] % 2 ? MAP_PRIVATE : MAP_SHARED;
	void *mapped;

	if (fd < 0)
		return;
	result->made = true;
	mapped = mmap(start, bytes, call->arg[3] & 3, flags | MAP_FIXED, fd,
		      call->arg[5] & ~(uint64_t)(FUZZ_PAGE - 1));
	result->ret = mapped == MAP_FAILED ? -1 : 0;
}

static long remap(const struct fuzz_call *call, void *start, size_t bytes)
{
	size_t new_bytes;
	void *to;

	if (!pages_of(call->arg[2], call->arg[3], &to, &new_bytes))
		return -1;
	return mremap(start, bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	       MAP_FAILED ? -1 : 0;
}

void fuzz_memory_call(struct fuzz_run *run, const struct fuzz_call *call,
		      struct fuzz_result *result)
{
	const uint64_t *arg = call->arg + (call->nr == FUZZ_mapdev);
	size_t bytes;
	void *start;

	if (call->nr == FUZZ_touch) {
		fuzz_get(&bytes, arg[0], 1);
		return;
	}
	if (call->nr == FUZZ_poke) {
		fuzz_put(arg[0], &arg[1], sizeof(arg[1]));
		return;
	}
	if (!pages_of(arg[0], arg[1], &start, &bytes))
		return;
	if (call->nr == FUZZ_mapdev) {
		map_device(run, call, start, bytes, result);
		return;
	}
	result->made = true;
	switch (call->nr) {
	case FUZZ_map:
		result->ret = map(start, bytes, arg[2] & 3, arg[3]) == MAP_FAILED ? -1 : 0;
		break;
	case FUZZ_unmap:
		result->ret = munmap(start, bytes);
		break;
	case FUZZ_protect:
		result->ret = mprotect(start, bytes, arg[2] & 3);
		break;
	case FUZZ_advise:
		result->ret = madvise(start, bytes, arg[2] % 26);
		break;
	case FUZZ_remap:
		result->ret = remap(call, start, bytes);
		break;
	}
}
