/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef EDUDMA_FUZZ_GUEST_H
#define EDUDMA_FUZZ_GUEST_H

#include "fuzz.h"

/**
 * fuzz_guest() - have workers run programs
 * @workers:	so many
 * @calls:	until so many system calls were made; 0 for no end but the corpus'
 * @dir:	for the programs that ran when something went wrong, or NULL
 *
 * 0, or 1 if something is wrong.
 */
int fuzz_guest(struct fuzz *fuzz, unsigned int workers, uint64_t calls, const char *dir);

#endif /* EDUDMA_FUZZ_GUEST_H */
