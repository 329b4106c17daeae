// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs reach in the driver, by the kernel's KCOV; see fuzz.h.  The
 * kernels that have it are built without it, so only the driver is seen.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <fcntl.h>
#include <linux/kcov.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define KCOV		"/sys/kernel/debug/kcov"
#define WORDS		(32 << 10)

bool fuzz_can_trace(void)
{
	return !access(KCOV, R_OK | W_OK);
}

void fuzz_trace_open(struct fuzz_trace *trace)
{
	int fd = open(KCOV, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, WORDS))
		die(KCOV);
	trace->words = mmap(NULL, WORDS * sizeof(*trace->words),
			    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (trace->words == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		die(KCOV);
}

void fuzz_trace_reset(struct fuzz_trace *trace)
{
	__atomic_store_n(&trace->words[0], 0, __ATOMIC_SEQ_CST);
}

/* The number of a place; places beyond what there is room for are one. */
static unsigned int number_of(struct fuzz *fuzz, uint32_t pc)
{
	unsigned int at = pc * 0x9e3779b1u >> 19, tries;
	uint32_t found;

	for (tries = 0; tries < FUZZ_PCS; tries++, at = (at + 1) % FUZZ_PCS) {
		found = __atomic_load_n(&fuzz->pcs[at], __ATOMIC_SEQ_CST);
		if (found == pc)
			break;
		if (!found &&
		    (__atomic_compare_exchange_n(&fuzz->pcs[at], &found, pc, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
		     found == pc))
			break;
	}
	return at;
}

void fuzz_trace_add(struct fuzz *fuzz, const struct fuzz_trace *trace,
		    struct fuzz_cover *cover)
{
	uint64_t count = __atomic_load_n(&trace->words[0], __ATOMIC_SEQ_CST);
	uint32_t last = 0;
	uint64_t i;

	for (i = 1; i <= count && i < WORDS; i++) {
		uint32_t pc = trace->words[i];
		unsigned int at;

		if (pc == last)
			continue;
		last = pc;
		at = number_of(fuzz, pc);
		cover->words[at / 64] |= 1ull << at % 64;
	}
}

unsigned int fuzz_cover_new(const struct fuzz_cover *cover,
			    const struct fuzz_cover *others)
{
	unsigned int i, count = 0;

	for (i = 0; i < ARRAY_LEN(cover->words); i++)
		count += __builtin_popcountll(cover->words[i] & ~others->words[i]);
	return count;
}

void fuzz_cover_only(struct fuzz_cover *cover, const struct fuzz_cover *others)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(cover->words); i++)
		cover->words[i] &= ~others->words[i];
}

void fuzz_cover_join(struct fuzz_cover *cover, const struct fuzz_cover *more)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(cover->words); i++)
		cover->words[i] |= more->words[i];
}
