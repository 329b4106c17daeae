/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything at once: what the processes of a soak share.
 *
 * Workers transfer and verify what they have transferred; the test's own process
 * kills and stops them, and takes their devices away; others make noise.  Each
 * worker owns a piece of each device's window, and passes it on to who takes its
 * place when it is killed.  One more captures by streams, if a device has them.
 */
#ifndef EDUDMA_SOAK_H
#define EDUDMA_SOAK_H

#include "edudma_test.h"

#include <stdlib.h>

#define SOAK_DEVICES	2
#define SOAK_WORKERS	8
/* With the one that captures, the last of them. */
#define SOAK_PROCESSES	(SOAK_WORKERS + 1)

/**
 * struct soak_area - what a worker's piece of a window holds
 * @known:	from its start on, @len bytes of pattern @seed; else anything
 */
struct soak_area {
	bool known;
	uint32_t seed;
	size_t len;
};

/**
 * struct soak_tally - what a worker, and all that had its place, have done
 * @requests:	calls that move data
 * @to_device, @from_device: bytes that they moved
 * @verified:	bytes that were compared with what they must be
 * @cut_short:	calls that a signal or the loss of the device ended
 * @opened:	times that a node was opened
 * @streams:	streams that were started, and stopped
 * @frames:	their frames with bytes
 * @lost:	bytes that they lost
 */
struct soak_tally {
	uint64_t requests;
	uint64_t to_device;
	uint64_t from_device;
	uint64_t verified;
	uint64_t cut_short;
	uint64_t opened;
	uint64_t streams;
	uint64_t frames;
	uint64_t lost;
};

/**
 * struct soak - in shared memory
 * @seed:	of all choices
 * @stop:	all are to end
 * @devices:	how many of the following are used
 * @slots:	their PCI addresses
 * @streams:	how many each has
 * @processes:	SOAK_PROCESSES, or one less if none has streams
 * @area_bytes:	of each worker's piece of their windows
 * @dir:	on a real file system, for files; or empty
 * @stops_begun, @stops_done: SIGSTOPs that a worker is about to get, and those
 *		that it got and is over with
 * @wrong:	something went wrong
 * @what:	the first of it
 */
struct soak {
	uint32_t seed;
	int stop;
	unsigned int devices;
	char slots[SOAK_DEVICES][32];
	unsigned int streams[SOAK_DEVICES];
	unsigned int processes;
	size_t area_bytes[SOAK_DEVICES];
	char dir[32];
	struct soak_area areas[SOAK_DEVICES][SOAK_WORKERS];
	struct soak_tally tally[SOAK_PROCESSES];
	int stops_begun[SOAK_PROCESSES];
	int stops_done[SOAK_PROCESSES];
	int wrong;
	char what[256];
};

static inline bool soak_over(const struct soak *soak)
{
	return __atomic_load_n(&soak->stop, __ATOMIC_SEQ_CST);
}

/** soak_below() - a number from 0 to @limit - 1 */
static inline unsigned int soak_below(unsigned int *random, unsigned int limit)
{
	return (unsigned int)rand_r(random) % limit;
}

/** soak_fail() - note what is wrong, have everybody stop, end the process */
void soak_fail(struct soak *soak, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* soak_worker.c */

/** soak_open() - the node of a device; -1 if that is away */
int soak_open(const char *slot);

/**
 * soak_work() - transfer and verify until it is over; never returns
 * @nr:		the worker's number
 * @life:	how many had its place before
 */
void soak_work(struct soak *soak, unsigned int nr, unsigned int life)
	__attribute__((noreturn));

/* soak_stream.c */

/** soak_capture() - the same by streams: capture and verify */
void soak_capture(struct soak *soak, unsigned int nr, unsigned int life)
	__attribute__((noreturn));

/* soak_noise.c: the bodies of other processes, until it is over */

/** soak_read_everything() - whatever tells about the devices, over and over */
void soak_read_everything(struct soak *soak);

/** soak_move_memory() - have the kernel run short of free and whole memory */
void soak_move_memory(struct soak *soak);

/* soak_trouble.c */

/**
 * struct soak_trouble - what is done to workers and devices
 * @soak:	whose
 * @random:	state of the choice
 * @workers:	process ids
 * @lives:	how often each worker was replaced
 * @removes:	may devices be taken away?
 * @kills, @signals, @stops, @unbinds, @removals, @changes: how often
 * @descriptors, @bounced, @zero_copy: what the devices have counted, but for
 *		what came right before they were taken away
 */
struct soak_trouble {
	struct soak *soak;
	unsigned int random;
	pid_t workers[SOAK_PROCESSES];
	unsigned int lives[SOAK_PROCESSES];
	bool removes;
	unsigned int kills, signals, stops, unbinds, removals, changes;
	uint64_t descriptors, bounced, zero_copy;
};

/** soak_start() - start the workers */
void soak_start(struct soak_trouble *trouble);

/**
 * soak_disturb() - make trouble for some seconds, or until something is wrong
 *
 * Longer if there was no kill, no unbind or no removal that may be by then.
 */
void soak_disturb(struct soak_trouble *trouble, unsigned int seconds);

/** soak_count() - add what a device has counted to the sums */
void soak_count(struct soak_trouble *trouble, const char *slot);

/** soak_finish() - have all stop; how many workers did not end as they should */
unsigned int soak_finish(struct soak_trouble *trouble);

#endif /* EDUDMA_SOAK_H */
