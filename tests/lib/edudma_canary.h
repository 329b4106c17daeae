/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Another process whose memory nobody has to touch: what a device writes into
 * a page that was given away too early shows here.
 */
#ifndef EDUDMA_CANARY_H
#define EDUDMA_CANARY_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct canary - the process
 * @pid:	its id, 0 if there is none
 * @to:		pipe that it takes orders from
 * @from:	pipe that it answers to
 */
struct canary {
	pid_t pid;
	int to;
	int from;
};

/** canary_start() - fork one, with some memory; false if that fails */
bool canary_start(struct canary *canary);

/**
 * canary_grow() - have it take and fill more pages
 *
 * On each processor, so that pages which were freed just before are among them.
 */
bool canary_grow(const struct canary *canary);

/** canary_end() - let it look at all its memory and end; is it untouched? */
bool canary_end(struct canary *canary);

/**
 * canary_exec() - become one, in place of this program
 * @to:		pipe to take orders from, kept open
 * @from:	pipe to answer to, kept open; one byte says that memory is taken
 */
void canary_exec(int to, int from) __attribute__((noreturn));

#endif /* EDUDMA_CANARY_H */
