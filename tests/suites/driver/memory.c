// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of any origin, as the device's source and as its destination, and
 * what the device has done to it when it is done.
 */
#include "edudma_fixture.h"

#include "edudma_disk.h"

#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define AREA_PAGES	3
#define PAGE_MAX	(64UL << 10)	/* of any machine */
#define HUGE_BYTES	(2UL << 20)
#define PART		300

enum origin {
	STACK, HEAP, BSS, DATA, PRIVATE, SHARED, MEMFD, MEMFD_PRIVATE, TMPFS, SYSV,
	EXT4, EXT4_PRIVATE, HUGE, HUGETLB, TWO_KINDS, BEFORE_HUGETLB,
};

static uint8_t bss_area[AREA_PAGES * PAGE_MAX];
static uint8_t data_area[AREA_PAGES * PAGE_MAX] = { 1 };

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

static uint8_t *map_tmpfs(void)
{
	size_t bytes = AREA_PAGES * page_size();
	char path[] = "/dev/shm/edudma-XXXXXX";
	int fd = mkstemp(path);
	void *p;

	unlink(path);
	if (fd < 0 || ftruncate(fd, bytes))
		return NULL;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

static uint8_t *sysv_area(void)
{
	int id = shmget(IPC_PRIVATE, AREA_PAGES * page_size(), IPC_CREAT | 0600);
	void *p = shmat(id, NULL, 0);

	/* It stays as long as it is attached. */
	shmctl(id, IPC_RMID, NULL);
	return p == (void *)-1 ? NULL : p;
}

/* Addresses for a huge page, and as many before it. */
static uint8_t *huge_addresses(void)
{
	uint8_t *p;

	p = mmap(NULL, 3 * HUGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	p = (uint8_t *)(((uintptr_t)p + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	return p + HUGE_BYTES;
}

static uint8_t *huge_area(void)
{
	uint8_t *p = huge_addresses();

	madvise(p, HUGE_BYTES, MADV_HUGEPAGE);
	memset(p, 0, HUGE_BYTES);
	return p;
}

/* From the pool of huge pages, where one is put for the while. */
static uint8_t *hugetlb_area(void)
{
	void *p;

	file_write("/proc/sys/vm/nr_hugepages", "1");
	p = mmap(huge_addresses(), HUGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
	file_write("/proc/sys/vm/nr_hugepages", "0");
	return p == MAP_FAILED ? NULL : p;
}

/* One page of it, and before it one of small pages. */
static uint8_t *before_hugetlb(void)
{
	uint8_t *p = hugetlb_area();

	return p ? p - page_size() : NULL;
}

/* A private page, then pages of a memory file. */
static uint8_t *two_kinds(void)
{
	uint8_t *p = private_pages(AREA_PAGES);
	int fd = filled_memfd(AREA_PAGES * page_size(), 1);

	p = mmap(p + page_size(), (AREA_PAGES - 1) * page_size(),
		 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	return p == MAP_FAILED ? NULL : p - page_size();
}

FIXTURE(memory)
{
	struct bed bed;
	struct disk_file file;
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
FIXTURE_VARIANT_ADD(memory, shared_memory_file) { .origin = MEMFD };
FIXTURE_VARIANT_ADD(memory, private_memory_file) { .origin = MEMFD_PRIVATE };
FIXTURE_VARIANT_ADD(memory, tmpfs) { .origin = TMPFS };
FIXTURE_VARIANT_ADD(memory, system_v_shared_memory) { .origin = SYSV };
FIXTURE_VARIANT_ADD(memory, shared_file_on_ext4) { .origin = EXT4 };
FIXTURE_VARIANT_ADD(memory, private_file_on_ext4) { .origin = EXT4_PRIVATE };
FIXTURE_VARIANT_ADD(memory, huge_page) { .origin = HUGE };
FIXTURE_VARIANT_ADD(memory, hugetlb_page) { .origin = HUGETLB };
FIXTURE_VARIANT_ADD(memory, mappings_of_two_kinds) { .origin = TWO_KINDS };
FIXTURE_VARIANT_ADD(memory, end_of_small_and_begin_of_hugetlb_page) {
	.origin = BEFORE_HUGETLB };

FIXTURE_SETUP(memory)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(memory)
{
	if (self->file.dir[0]) {
		EXPECT_EQ(0, disk_file_remove(&self->file));
	}
	BED_TEARDOWN(&self->bed);
}

static bool on_ext4(enum origin origin)
{
	return origin == EXT4 || origin == EXT4_PRIVATE;
}

static bool on_hugetlb(enum origin origin)
{
	return origin == HUGETLB || origin == BEFORE_HUGETLB;
}

/* An area of AREA_PAGES pages; the stack's has to be the caller's own. */
static uint8_t *area_of(FIXTURE_DATA(memory) *self, enum origin origin,
			uint8_t *stack)
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
	case MEMFD_PRIVATE:
		return map_memfd(PROT_READ | PROT_WRITE, MAP_PRIVATE, 1, &fd);
	case TMPFS:
		return map_tmpfs();
	case SYSV:
		return sysv_area();
	case EXT4:
		return disk_file_map(&self->file, MAP_SHARED);
	case EXT4_PRIVATE:
		return disk_file_map(&self->file, MAP_PRIVATE);
	case HUGE:
		return huge_area();
	case HUGETLB:
		return hugetlb_area();
	case TWO_KINDS:
		return two_kinds();
	case BEFORE_HUGETLB:
		return before_hugetlb();
	}
	return NULL;
}

TEST_F(memory, is_sent_and_received_across_pages)
{
	uint8_t stack[AREA_PAGES * PAGE_MAX];
	uint8_t *area, *at;

	if (on_ext4(variant->origin)) {
		if (!disk_there())
			SKIP(return, "this machine has no scratch disk");
		ASSERT_TRUE(disk_file_make(&self->file,
					   AREA_PAGES * page_size(), 1))
			TH_LOG("%s", self->file.wrong);
	}
	area = area_of(self, variant->origin, stack);
	if (on_hugetlb(variant->origin) && !area)
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
	if (on_ext4(variant->origin)) {
		ASSERT_EQ(0, munmap(area, AREA_PAGES * page_size()));
	}
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
	uint8_t *page;
};

FIXTURE_SETUP(pinned)
{
	BED_SETUP(&self->bed);
	self->page = private_pages(1);
	ASSERT_EQ(0, window_fill(self->bed.fd, 500, 5));
}

FIXTURE_TEARDOWN(pinned)
{
	BED_TEARDOWN(&self->bed);
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

TEST_HARNESS_MAIN
