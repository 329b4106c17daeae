// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages, and what the kernel tells about them; see edudma_test.h.
 */
#include "edudma_test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define KPF_LOCKED	0
#define KPF_DIRTY	4
#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_PFN	((1ULL << 55) - 1)

static void *map_pages(size_t pages, int flags)
{
	void *p;

	p = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
		 flags | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

void *shared_pages(size_t pages)
{
	return map_pages(pages, MAP_SHARED);
}

void *private_pages(size_t pages)
{
	void *p = map_pages(pages, MAP_PRIVATE);

	/* A huge page, or one made huge later, would change its page frames. */
	madvise(p, pages * page_size(), MADV_NOHUGEPAGE);
	memset(p, 0xee, pages * page_size());
	return p;
}

static uint64_t proc_u64(const char *path, uint64_t index)
{
	uint64_t value = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (pread(fd, &value, sizeof(value), index * sizeof(value)) !=
	    (ssize_t)sizeof(value))
		value = 0;
	close(fd);
	return value;
}

uint64_t page_pfn(const void *addr)
{
	uint64_t entry;

	entry = proc_u64("/proc/self/pagemap", (uintptr_t)addr / page_size());
	return entry & PAGEMAP_PRESENT ? entry & PAGEMAP_PFN : 0;
}

bool page_is_dirty(const void *addr)
{
	return proc_u64("/proc/kpageflags", page_pfn(addr)) >> KPF_DIRTY & 1;
}

bool pfn_is_locked(uint64_t pfn)
{
	return proc_u64("/proc/kpageflags", pfn) >> KPF_LOCKED & 1;
}

static bool pfn_reachable(const struct edudma_info *info, uint64_t pfn)
{
	uint64_t last = (pfn + 1) * page_size() - 1;

	if (info->capabilities & EDUDMA_CAP_IOMMU)
		return true;
	return info->address_bits >= 64 || !(last >> info->address_bits);
}

bool page_reachable(const struct edudma_info *info, const void *addr)
{
	return pfn_reachable(info, page_pfn(addr));
}

uint64_t unreachable_bytes(const struct edudma_info *info, const void *addr,
			   size_t len)
{
	const uint8_t *p = addr;
	uint64_t bytes = 0;
	size_t part;

	for (; len; p += part, len -= part) {
		part = page_size() - (uintptr_t)p % page_size();
		if (part > len)
			part = len;
		if (!page_reachable(info, p))
			bytes += part;
	}
	return bytes;
}

/* The number behind a name in a file of /proc, or the only one if @name is "". */
static uint64_t proc_number(const char *path, const char *name)
{
	uint64_t value = 0;
	char line[128];
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		die(path);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), "%" SCNu64, &value) == 1)
			break;
	fclose(file);
	return value;
}

/*
 * May a chunk still be taken?
 *
 * Free lists are last in, first out, so the few pages that are wanted may be the
 * last ones of all.  Below its low watermark, 5/4 of its minimum, a zone leaves
 * requests to the next one.  The last is ZONE_DMA with up to 16 MiB, which every
 * device reaches.  Several MiB of it have been taken when this says no, and nobody
 * has been killed for memory.
 */
static bool memory_left(size_t chunk)
{
	uint64_t min = proc_number("/proc/sys/vm/min_free_kbytes", "");

	return proc_number("/proc/meminfo", "MemFree:") > min / 4 * 5 + 2 * chunk / 1024;
}

/* Put pages of a touched range that are or are not reachable behind @found. */
static size_t scan_pages(const struct edudma_info *info, uint8_t *range,
			 size_t pages, bool reachable, void **found, size_t n)
{
	uint64_t entries[512];
	size_t seen = 0;
	size_t i, part;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("/proc/self/pagemap");
	for (; pages && seen < n; pages -= part, range += part * page_size()) {
		part = pages < ARRAY_LEN(entries) ? pages : ARRAY_LEN(entries);
		if (pread(fd, entries, part * sizeof(*entries),
			  (uintptr_t)range / page_size() * sizeof(*entries)) !=
		    (ssize_t)(part * sizeof(*entries)))
			die("/proc/self/pagemap");
		for (i = 0; i < part && seen < n; i++)
			if (entries[i] & PAGEMAP_PRESENT &&
			    pfn_reachable(info, entries[i] & PAGEMAP_PFN) == reachable)
				found[seen++] = range + i * page_size();
	}
	close(fd);
	return seen;
}

bool find_pages(const struct edudma_info *info, bool reachable, void **pages,
		size_t n)
{
	const size_t chunk = 4 << 20;
	const size_t page = page_size();
	uint8_t **chunks = NULL, *places;
	size_t taken, seen, i;

	if (!reachable && pfn_reachable(info, UINT64_MAX / page - 1))
		return false;
	/* Whatever does not fit is kept until the end: else it comes again. */
	for (taken = seen = 0; seen < n && memory_left(chunk); taken++) {
		chunks = reallocarray(chunks, taken + 1, sizeof(*chunks));
		if (!chunks)
			die("reallocarray");
		chunks[taken] = map_pages(chunk / page, MAP_SHARED);
		for (i = 0; i < chunk; i += page)
			chunks[taken][i] = 1;
		seen += scan_pages(info, chunks[taken], chunk / page, reachable,
				   pages + seen, n - seen);
	}
	/* All at once: each page that moves leaves a hole, which goes with its chunk. */
	places = map_pages(2 * n, MAP_SHARED);
	for (i = 0; i < seen; i++) {
		pages[i] = mremap(pages[i], page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
				  places + 2 * i * page);
		if (pages[i] == MAP_FAILED)
			die("mremap");
	}
	for (i = 0; i < taken; i++)
		munmap(chunks[i], chunk);
	free(chunks);
	return seen == n;
}

void *find_page(const struct edudma_info *info, bool reachable)
{
	void *page;

	return find_pages(info, reachable, &page, 1) ? page : NULL;
}

uint8_t *reachable_pages(const struct edudma_info *info, size_t n)
{
	size_t i, page = page_size();
	uint8_t *pages = shared_pages(n);
	void *found[n];

	/* Most machines have nothing else, which is soon seen. */
	memset(pages, 0, n * page);
	if (!unreachable_bytes(info, pages, n * page))
		return pages;

	if (!find_pages(info, true, found, n))
		return NULL;
	for (i = 0; i < n; i++) {
		if (mremap(found[i], page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
			   pages + i * page) == MAP_FAILED)
			die("mremap");
		memset(pages + i * page, 0, page);
	}
	return pages;
}

void *side_by_side(void *first, void *second)
{
	uint8_t *pair = shared_pages(2);
	size_t page = page_size();

	if (mremap(first, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, pair) ==
	    MAP_FAILED ||
	    mremap(second, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
		   pair + page) == MAP_FAILED)
		return NULL;
	return pair;
}
