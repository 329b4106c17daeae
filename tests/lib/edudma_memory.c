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

/* How much memory may be taken without pressing the guest. */
static uint64_t spare_bytes(void)
{
	uint64_t kib = 0;
	char line[128];
	FILE *file;

	file = fopen("/proc/meminfo", "re");
	if (!file)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	fclose(file);
	return kib * 1024 / 8 * 7;
}

/* The first page of a touched range that is or is not reachable, or NULL. */
static uint8_t *scan_pages(const struct edudma_info *info, uint8_t *range,
			   size_t pages, bool reachable)
{
	uint64_t entries[512];
	size_t i = 0, n;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("/proc/self/pagemap");
	for (; pages; pages -= n, range += n * page_size()) {
		n = pages < ARRAY_LEN(entries) ? pages : ARRAY_LEN(entries);
		if (pread(fd, entries, n * sizeof(*entries),
			  (uintptr_t)range / page_size() * sizeof(*entries)) !=
		    (ssize_t)(n * sizeof(*entries)))
			die("/proc/self/pagemap");
		for (i = 0; i < n; i++)
			if (entries[i] & PAGEMAP_PRESENT &&
			    pfn_reachable(info, entries[i] & PAGEMAP_PFN) == reachable)
				break;
		if (i < n)
			break;
	}
	close(fd);
	return pages ? range + i * page_size() : NULL;
}

void *find_page(const struct edudma_info *info, bool reachable)
{
	const size_t chunk = 16 << 20;
	const size_t most = spare_bytes() / chunk;
	uint8_t *found = NULL, **chunks;
	size_t n, i;

	if (!reachable && pfn_reachable(info, UINT64_MAX / page_size() - 1))
		return NULL;
	/* Whatever does not fit is kept until the end: else it comes again. */
	chunks = calloc(most + 1, sizeof(*chunks));
	if (!chunks)
		die("calloc");
	for (n = 0; n < most && !found; n++) {
		chunks[n] = map_pages(chunk / page_size(), MAP_SHARED);
		for (i = 0; i < chunk; i += page_size())
			chunks[n][i] = 1;
		found = scan_pages(info, chunks[n], chunk / page_size(),
				   reachable);
	}
	if (found)
		found = mremap(found, page_size(), page_size(),
			       MREMAP_MAYMOVE | MREMAP_FIXED,
			       map_pages(1, MAP_SHARED));
	for (i = 0; i < n; i++)
		munmap(chunks[i], chunk);
	free(chunks);
	if (!found || found == MAP_FAILED)
		return NULL;
	return found;
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
