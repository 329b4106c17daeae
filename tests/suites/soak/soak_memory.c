// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of several kinds; see soak_memory.h.
 */
#include "soak.h"
#include "soak_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE	(2 << 20)
#define GUARD_BYTE	0x5a

static int open_file(enum soak_kind kind, const char *dir)
{
	char path[64];
	int fd;

	if (kind == SOAK_MEMFD || !dir[0])
		return memfd_create("edudma-soak", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "%s/soak-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	/* A killed process's request may still be writing to it, so nobody reuses it. */
	unlink(path);
	return fd;
}

static void *map(int fd, size_t bytes, int flags)
{
	void *p;

	if (fd >= 0 && ftruncate(fd, bytes))
		die("ftruncate");
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		 flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static uint8_t *map_huge(size_t bytes)
{
	uint8_t *p = map(-1, bytes + HUGE_PAGE, MAP_PRIVATE);

	p += -(uintptr_t)p % HUGE_PAGE;
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

void soak_arenas(struct soak_arena arenas[SOAK_KINDS], const char *dir)
{
	static const char *const names[] = {
		"private memory", "huge pages", "shared memory", "a memfd", "a file",
	};
	enum soak_kind kind;

	for (kind = 0; kind < SOAK_KINDS; kind++) {
		struct soak_arena *arena = &arenas[kind];

		*arena = (struct soak_arena) {
			.name = names[kind], .bytes = 4 * SOAK_PART_BYTES, .fd = -1,
		};
		if (kind == SOAK_HUGE) {
			arena->bytes = 2 * HUGE_PAGE;
			arena->base = map_huge(arena->bytes);
			continue;
		}
		if (kind == SOAK_MEMFD || kind == SOAK_FILE) {
			arena->fd = open_file(kind, dir);
			if (arena->fd < 0)
				die("a file for the soak");
		}
		arena->base = map(arena->fd, arena->bytes,
				  kind == SOAK_PRIVATE ? MAP_PRIVATE : MAP_SHARED);
	}
}

/* Where a part begins: anywhere, at a page's start, or with its end at one. */
static size_t choose_offset(unsigned int *random, size_t bytes, size_t len)
{
	size_t offset = soak_below(random, bytes - len);
	size_t page = page_size();
	size_t end = (offset + len) / page * page;

	switch (soak_below(random, 4)) {
	case 0:
		return offset / page * page;
	case 1:
		return end < len ? offset : end - len;
	default:
		return offset;
	}
}

struct soak_part soak_part(unsigned int *random, struct soak_arena *arena, size_t len)
{
	struct soak_part part = { .arena = arena, .len = len };
	size_t offset;

	do
		offset = choose_offset(random, arena->bytes, len);
	while (offset < SOAK_GUARD || offset + len + SOAK_GUARD > arena->bytes);
	part.at = arena->base + offset;
	memset(part.at - SOAK_GUARD, GUARD_BYTE, SOAK_GUARD);
	memset(part.at + len, GUARD_BYTE, SOAK_GUARD);
	return part;
}

bool soak_part_guarded(const struct soak_part *part)
{
	return all_bytes_are(part->at - SOAK_GUARD, SOAK_GUARD, GUARD_BYTE) &&
	       all_bytes_are(part->at + part->len, SOAK_GUARD, GUARD_BYTE);
}

bool soak_part_on_file(unsigned int *random, const struct soak_part *part,
		       const uint8_t *expected, size_t len)
{
	const struct soak_arena *arena = part->arena;
	uint8_t *copy;
	bool same;

	if (arena->fd < 0)
		return true;
	if (!soak_below(random, 8)) {
		fdatasync(arena->fd);
		madvise(arena->base, arena->bytes, MADV_DONTNEED);
		posix_fadvise(arena->fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	copy = malloc(len);
	if (!copy)
		die("malloc");
	same = pread(arena->fd, copy, len, part->at - arena->base) == (ssize_t)len &&
	       !memcmp(copy, expected, len);
	free(copy);
	return same;
}
