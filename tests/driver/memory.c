// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of any origin, as the device's source and as its destination, and
 * what else may happen to it while it is pinned.
 */
#include "edudma_fixture.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define AREA_PAGES	3
#define PART		300

enum origin { STACK, HEAP, BSS, DATA, PRIVATE, SHARED, MEMFD, FILE_PRIVATE, HUGE, HUGETLB };

static uint8_t bss_area[AREA_PAGES * 4096];
static uint8_t data_area[AREA_PAGES * 4096] = { 1 };

static int filled_memfd(size_t bytes, uint32_t seed)
{
	uint8_t *copy = private_pages(bytes / page_size());
	int fd = memfd_create("edudma", MFD_CLOEXEC);

	fill(copy, bytes, seed);
	if (fd >= 0 && write(fd, copy, bytes) != (ssize_t)bytes) {
		close(fd);
		fd = -1;
	}
	munmap(copy, bytes);
	return fd;
}

static uint8_t *map_memfd(int prot, int flags, uint32_t seed, int *fd)
{
	size_t bytes = AREA_PAGES * page_size();
	void *p;

	*fd = filled_memfd(bytes, seed);
	p = mmap(NULL, bytes, prot, flags, *fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

static uint8_t *huge_area(void)
{
	size_t huge = 2 << 20;
	uint8_t *p;

	p = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	p = (uint8_t *)(((uintptr_t)p + huge - 1) & ~(huge - 1));
	madvise(p, huge, MADV_HUGEPAGE);
	memset(p, 0, huge);
	return p;
}

/* From the pool of huge pages, where one is put for the while. */
static uint8_t *hugetlb_area(void)
{
	void *p;

	file_write("/proc/sys/vm/nr_hugepages", "1");
	p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	file_write("/proc/sys/vm/nr_hugepages", "0");
	return p == MAP_FAILED ? NULL : p;
}

/* An area of AREA_PAGES pages; the stack's has to be the caller's own. */
static uint8_t *area_of(enum origin origin, uint8_t *stack)
{
	int fd;

	switch (origin) {
	case STACK:
		return stack;
	case HEAP:
		return malloc(AREA_PAGES * page_size());
	case BSS:
		return bss_area;
	case DATA:
		return data_area;
	case PRIVATE:
		return private_pages(AREA_PAGES);
	case SHARED:
		return shared_pages(AREA_PAGES);
	case MEMFD:
		return map_memfd(PROT_READ | PROT_WRITE, MAP_SHARED, 1, &fd);
	case FILE_PRIVATE:
		return map_memfd(PROT_READ | PROT_WRITE, MAP_PRIVATE, 1, &fd);
	case HUGE:
		return huge_area();
	case HUGETLB:
		return hugetlb_area();
	}
	return NULL;
}

FIXTURE(memory)
{
	struct bed bed;
};

FIXTURE_VARIANT(memory)
{
	enum origin origin;
};

FIXTURE_VARIANT_ADD(memory, stack) { .origin = STACK };
FIXTURE_VARIANT_ADD(memory, heap) { .origin = HEAP };
FIXTURE_VARIANT_ADD(memory, bss) { .origin = BSS };
FIXTURE_VARIANT_ADD(memory, initialised_data) { .origin = DATA };
FIXTURE_VARIANT_ADD(memory, private_mapping) { .origin = PRIVATE };
FIXTURE_VARIANT_ADD(memory, shared_anonymous) { .origin = SHARED };
FIXTURE_VARIANT_ADD(memory, shared_file_mapping) { .origin = MEMFD };
FIXTURE_VARIANT_ADD(memory, private_file_mapping) { .origin = FILE_PRIVATE };
FIXTURE_VARIANT_ADD(memory, huge_page) { .origin = HUGE };
FIXTURE_VARIANT_ADD(memory, hugetlb_page) { .origin = HUGETLB };

FIXTURE_SETUP(memory)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(memory)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(memory, is_sent_and_received_across_pages)
{
	uint8_t stack[AREA_PAGES * 4096];
	uint8_t *area = area_of(variant->origin, stack), *at;

	if (variant->origin == HUGETLB && !area)
		SKIP(return, "no huge page to be had");
	ASSERT_NE(NULL, area);
	at = (uint8_t *)(((uintptr_t)area + page_size() - 1) & -page_size());
	at += page_size() - PART / 3;
	fill(at, PART, 2);
	ASSERT_EQ(PART, pwrite(self->bed.fd, at, PART, 11));
	memset(at - 8, 0x77, PART + 16);
	ASSERT_EQ(PART, pread(self->bed.fd, at, PART, 11));
	EXPECT_EQ(PART, differs_at(at, PART, 2));
	EXPECT_TRUE(all_bytes_are(at - 8, 8, 0x77));
	EXPECT_TRUE(all_bytes_are(at + PART, 8, 0x77));
}

/* Sources that the process itself may not write. */

enum readonly { RODATA, PROTECTED, UNTOUCHED, TEXT, FILE_READ, SEALED };

static const char rodata_area[PART] = "read-only data, and nulls after it";

static const uint8_t *readonly_source(enum readonly kind)
{
	size_t bytes = AREA_PAGES * page_size();
	uint8_t *p;
	int fd;

	switch (kind) {
	case RODATA:
		return (const uint8_t *)rodata_area;
	case PROTECTED:
		p = private_pages(AREA_PAGES);
		fill(p, bytes, 3);
		return mprotect(p, bytes, PROT_READ) ? NULL : p;
	case UNTOUCHED:
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	case TEXT:
		return (const uint8_t *)readonly_source;
	case FILE_READ:
		fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
		return p == MAP_FAILED ? NULL : p;
	case SEALED:
		fd = memfd_create("edudma", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (ftruncate(fd, bytes) || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE))
			return NULL;
		p = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		return p == MAP_FAILED ? NULL : p;
	}
	return NULL;
}

FIXTURE(source)
{
	struct bed bed;
};

FIXTURE_VARIANT(source)
{
	enum readonly kind;
};

FIXTURE_VARIANT_ADD(source, rodata) { .kind = RODATA };
FIXTURE_VARIANT_ADD(source, write_protected) { .kind = PROTECTED };
FIXTURE_VARIANT_ADD(source, never_touched) { .kind = UNTOUCHED };
FIXTURE_VARIANT_ADD(source, program_text) { .kind = TEXT };
FIXTURE_VARIANT_ADD(source, read_only_file) { .kind = FILE_READ };
FIXTURE_VARIANT_ADD(source, sealed_memfd) { .kind = SEALED };

FIXTURE_SETUP(source)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(source)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(source, needs_no_write_permission)
{
	const uint8_t *src = readonly_source(variant->kind);
	uint8_t *dst = private_pages(1);

	ASSERT_NE(NULL, src);
	ASSERT_EQ(PART, pwrite(self->bed.fd, src, PART, 0));
	ASSERT_EQ(PART, pread(self->bed.fd, dst, PART, 0));
	EXPECT_EQ(0, memcmp(src, dst, PART));
}

/* While pages are pinned, and what becomes of them after. */

FIXTURE(pinned)
{
	struct bed bed;
	uint64_t window;
	uint8_t *page;
};

FIXTURE_SETUP(pinned)
{
	BED_SETUP(&self->bed);
	self->window = self->bed.info.window_bytes;
	self->page = private_pages(1);
	ASSERT_EQ(0, window_fill(self->bed.fd, self->window, 5));
}

FIXTURE_TEARDOWN(pinned)
{
	BED_TEARDOWN(&self->bed);
}

/* A transfer in a thread, so that the test can touch its own memory meanwhile. */
struct background {
	pthread_t thread;
	int fd;
	struct edudma_segment segs[3];
	int err;
};

static void *run_background(void *arg)
{
	struct background *bg = arg;

	bg->err = transfer(bg->fd, bg->segs, ARRAY_LEN(bg->segs), 0, NULL);
	return NULL;
}

/* Start a read of @len bytes to @dst, last of three; return once it is pinned. */
static bool begin_reading(struct background *bg, const struct bed *bed,
			  uint8_t *dst, size_t len)
{
	uint8_t *others = private_pages(2);

	bg->fd = bed->fd;
	bg->segs[0] = seg_from(others, 1, 0);
	bg->segs[1] = seg_from(others + page_size(), 1, 0);
	bg->segs[2] = seg_from(dst, len, 0);
	if (pthread_create(&bg->thread, NULL, run_background, bg))
		return false;
	return WAIT_FOR(stat_get(&bed->dev, "pages_pinned") >= 3);
}

TEST_F(pinned, page_that_the_device_wrote_is_dirty)
{
	if (access("/proc/kpageflags", R_OK))
		SKIP(return, "this kernel has no /proc/kpageflags");
	ASSERT_FALSE(page_is_dirty(self->page));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->page, 64, 0)));
	EXPECT_TRUE(page_is_dirty(self->page));
}

TEST_F(pinned, page_that_the_device_only_read_stays_clean)
{
	if (access("/proc/kpageflags", R_OK))
		SKIP(return, "this kernel has no /proc/kpageflags");
	ASSERT_FALSE(page_is_dirty(self->page));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->page, 64, 0)));
	EXPECT_FALSE(page_is_dirty(self->page));
}

TEST_F(pinned, what_the_device_wrote_reaches_the_file)
{
	uint8_t *map, *copy = private_pages(1);
	int fd;

	map = map_memfd(PROT_READ | PROT_WRITE, MAP_SHARED, 6, &fd);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(map + 100, 500, 0)));
	ASSERT_EQ(500, pread(fd, copy, 500, 100));
	EXPECT_EQ(500, differs_at(copy, 500, 5));
}

TEST_F(pinned, private_file_mapping_leaves_the_file_alone)
{
	uint8_t *map, *copy = private_pages(1);
	int fd;

	map = map_memfd(PROT_READ | PROT_WRITE, MAP_PRIVATE, 6, &fd);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(map, 500, 0)));
	EXPECT_EQ(500, differs_at(map, 500, 5));
	ASSERT_EQ(500, pread(fd, copy, 500, 0));
	EXPECT_EQ(500, differs_at(copy, 500, 6));
}

TEST_F(pinned, memory_unmapped_meanwhile_still_receives)
{
	uint8_t *map, *copy = private_pages(1);
	struct background bg;
	int fd;

	map = map_memfd(PROT_READ | PROT_WRITE, MAP_SHARED, 6, &fd);
	ASSERT_NE(NULL, map);
	ASSERT_TRUE(begin_reading(&bg, &self->bed, map, 500));
	ASSERT_EQ(0, munmap(map, AREA_PAGES * page_size()));
	ASSERT_EQ(0, pthread_join(bg.thread, NULL));
	ASSERT_EQ(0, bg.err);
	ASSERT_EQ(500, pread(fd, copy, 500, 0));
	EXPECT_EQ(500, differs_at(copy, 500, 5));
}

TEST_F(pinned, memory_protected_meanwhile_still_receives)
{
	struct background bg;

	ASSERT_TRUE(begin_reading(&bg, &self->bed, self->page, 500));
	ASSERT_EQ(0, mprotect(self->page, page_size(), PROT_READ));
	ASSERT_EQ(0, pthread_join(bg.thread, NULL));
	ASSERT_EQ(0, bg.err);
	EXPECT_EQ(500, differs_at(self->page, 500, 5));
}

/* The child of a fork: what it must find in its memory, told by exit status. */
static pid_t fork_watcher(const uint8_t *page, size_t len, uint8_t byte, int go)
{
	pid_t pid = fork();
	char token;

	if (pid)
		return pid;
	if (read(go, &token, 1) != 1)
		_exit(2);
	_exit(all_bytes_are(page, len, byte) ? 0 : 1);
}

TEST_F(pinned, child_forked_before_keeps_its_memory)
{
	int go[2], status;
	pid_t pid;

	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	pid = fork_watcher(self->page, page_size(), 0xee, go[0]);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->page, 500, 0)));
	EXPECT_EQ(500, differs_at(self->page, 500, 5));
	ASSERT_EQ(1, write(go[1], "g", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("the child's copy changed");
}

TEST_F(pinned, child_forked_meanwhile_keeps_its_memory)
{
	struct background bg;
	int go[2], status;
	pid_t pid;

	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	ASSERT_TRUE(begin_reading(&bg, &self->bed, self->page, 500));
	pid = fork_watcher(self->page, page_size(), 0xee, go[0]);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, pthread_join(bg.thread, NULL));
	ASSERT_EQ(0, bg.err);
	EXPECT_EQ(500, differs_at(self->page, 500, 5));
	ASSERT_EQ(1, write(go[1], "g", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("the child's copy changed");
}

TEST_F(pinned, write_after_fork_reaches_the_parents_transfer)
{
	struct background bg;
	int go[2], status;
	pid_t pid;

	/* A fork must not move the parent's page away from under the device. */
	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	ASSERT_TRUE(begin_reading(&bg, &self->bed, self->page, 500));
	pid = fork_watcher(self->page, page_size(), 0xee, go[0]);
	ASSERT_LT(0, pid);
	self->page[page_size() - 1] = 0x42;
	ASSERT_EQ(0, pthread_join(bg.thread, NULL));
	EXPECT_EQ(500, differs_at(self->page, 500, 5));
	EXPECT_EQ(0x42, self->page[page_size() - 1]);
	ASSERT_EQ(1, write(go[1], "g", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
