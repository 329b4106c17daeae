/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of several kinds to transfer from and to.
 */
#ifndef EDUDMA_SOAK_MEMORY_H
#define EDUDMA_SOAK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum soak_kind { SOAK_PRIVATE, SOAK_HUGE, SOAK_SHARED, SOAK_MEMFD, SOAK_FILE };
#define SOAK_KINDS	5

/* The most that one part of a request can have. */
#define SOAK_PART_BYTES	(128 << 10)
/* On each side of a part; must stay as they are. */
#define SOAK_GUARD	32

/**
 * struct soak_arena - memory of one kind
 * @name:	of the kind
 * @base:	where
 * @bytes:	how much
 * @fd:		the file behind it, or -1
 */
struct soak_arena {
	const char *name;
	uint8_t *base;
	size_t bytes;
	int fd;
};

/**
 * struct soak_part - a piece of memory for a transfer
 * @arena:	where it is
 * @at:		its first byte
 * @len:	its bytes
 */
struct soak_part {
	struct soak_arena *arena;
	uint8_t *at;
	size_t len;
};

/** soak_arenas() - make one of each kind; @dir is for the file, may be empty */
void soak_arenas(struct soak_arena arenas[SOAK_KINDS], const char *dir);

/** soak_part() - choose a piece of @len bytes, and guard it */
struct soak_part soak_part(unsigned int *random, struct soak_arena *arena, size_t len);

/** soak_part_guarded() - are the guards as they were? */
bool soak_part_guarded(const struct soak_part *part);

/**
 * soak_part_on_file() - does the file behind the part hold these bytes?
 *
 * True if there is none.  Now and then, by @random, not before they were written
 * to the disk and the memory was dropped.
 */
bool soak_part_on_file(unsigned int *random, const struct soak_part *part,
		       const uint8_t *expected, size_t len);

#endif /* EDUDMA_SOAK_MEMORY_H */
