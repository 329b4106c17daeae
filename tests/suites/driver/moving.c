// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to memory while the device has it: the bytes land where they
 * were promised, or nowhere, and nobody else's memory changes.
 *
 * Each test has a variant in which the pages are pinned, mapped and handed over
 * while the device is held, so that everything surely happens before the DMA,
 * and one in which the DMA runs.  A process beside takes what memory is given
 * away meanwhile.
 */
#include "edudma_fixture.h"

#include "edudma_canary.h"
#include "edudma_hold.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* As <linux/mman.h> has it. */
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define PAGES	3	/* the second is the device's, the others must not change */
#define LEN	500	/* bytes that the device writes, at the page's begin */
#define SEED	5	/* what they are */
#define OLD	0xee	/* what private_pages() left */

FIXTURE(moving)
{
	struct canary canary;
	struct bed bed;
	struct hold hold;
	bool held;
	struct background bg;
	bool late;		/* the DMA was over when the test had acted */
	uint8_t *area;
	uint8_t *target;
};

FIXTURE_VARIANT(moving)
{
	bool held;
};

FIXTURE_VARIANT_ADD(moving, handed_over) { .held = true };
FIXTURE_VARIANT_ADD(moving, under_dma) { .held = false };

FIXTURE_SETUP(moving)
{
	ASSERT_TRUE(canary_start(&self->canary));
	BED_SETUP(&self->bed);
	self->area = private_pages(PAGES);
	self->target = self->area + page_size();
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, SEED));
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(moving)
{
	if (self->held)
		hold_end(&self->hold);
	if (self->canary.pid) {
		EXPECT_TRUE(canary_end(&self->canary))
			TH_LOG("another process's memory changed");
	}
	BED_TEARDOWN(&self->bed);
}

static bool under_dma(const struct bed *bed)
{
	return WAIT_FOR(stat_get(&bed->dev, "descriptors") >
			bed->before.descriptors);
}

/* The device gets a segment, and has or has not begun. */
static bool begin_segment(FIXTURE_DATA(moving) *self, bool held,
			  struct edudma_segment seg)
{
	self->held = held && hold_begin(&self->hold, self->bed.fd);
	if (held != self->held)
		return false;
	background_start(&self->bg, self->bed.fd, &seg, 1);
	return held ? background_submitted(&self->bg, &self->bed.dev, HOLD_PAGES + 1) :
		      under_dma(&self->bed);
}

/* It has LEN bytes at @dst to write. */
static bool begin(FIXTURE_DATA(moving) *self, bool held, uint8_t *dst)
{
	return begin_segment(self, held, seg_from(dst, LEN, 0));
}

/* The test has done what it wanted to: see the transfer through. */
static int finish(FIXTURE_DATA(moving) *self)
{
	int err = 0;

	self->late = !stat_get(&self->bed.dev, "pages_pinned");
	if (!canary_grow(&self->canary))
		err = ENOMEM;
	if (self->held)
		err |= hold_end(&self->hold);
	self->held = false;
	return background_wait(&self->bg) | err;
}

static bool guards_are(const uint8_t *area, uint8_t byte)
{
	return all_bytes_are(area, page_size(), byte) &&
	       all_bytes_are(area + 2 * page_size(), page_size(), byte);
}

/* The device's bytes in a page of @byte. */
static bool page_received(const uint8_t *page, uint8_t byte)
{
	return differs_at(page, LEN, SEED) == LEN &&
	       all_bytes_are(page + LEN, page_size() - LEN, byte);
}

/* PAGES of a memory file, all bytes OLD. */
static uint8_t *shared_file(int *fd)
{
	size_t bytes = PAGES * page_size();
	uint8_t *p = MAP_FAILED;

	*fd = memfd_create("edudma", MFD_CLOEXEC);
	if (*fd >= 0 && !ftruncate(*fd, bytes))
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (p == MAP_FAILED)
		die("memory file");
	memset(p, OLD, bytes);
	return p;
}

/* Other memory at the addresses where some was, all bytes @byte. */
static uint8_t *replace(uint8_t *where, size_t pages, uint8_t byte)
{
	uint8_t *p;

	p = mmap(where, pages * page_size(), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != where)
		die("mmap at a given address");
	memset(p, byte, pages * page_size());
	return p;
}

TEST_F(moving, discarded_private_memory_stays_empty)
{
	size_t bytes = PAGES * page_size();

	ASSERT_TRUE(begin(self, variant->held, self->target));
	ASSERT_EQ(0, madvise(self->area, bytes, MADV_DONTNEED));
	ASSERT_EQ(0, finish(self));
	EXPECT_TRUE(all_bytes_are(self->area, bytes, 0));
}

TEST_F(moving, discarded_shared_memory_receives)
{
	size_t bytes = PAGES * page_size();
	uint8_t *map;
	int fd;

	map = shared_file(&fd);
	ASSERT_TRUE(begin(self, variant->held, map + page_size()));
	ASSERT_EQ(0, madvise(map, bytes, MADV_DONTNEED));
	ASSERT_EQ(0, finish(self));
	EXPECT_TRUE(page_received(map + page_size(), OLD));
	EXPECT_TRUE(guards_are(map, OLD));
}

TEST_F(moving, protected_memory_receives)
{
	ASSERT_TRUE(begin(self, variant->held, self->target));
	ASSERT_EQ(0, mprotect(self->area, PAGES * page_size(), PROT_NONE));
	ASSERT_EQ(0, finish(self));
	ASSERT_EQ(0, mprotect(self->area, PAGES * page_size(), PROT_READ));
	EXPECT_TRUE(page_received(self->target, OLD));
	EXPECT_TRUE(guards_are(self->area, OLD));
}

TEST_F(moving, unmapped_memory_is_nobody_elses)
{
	size_t bytes = PAGES * page_size();

	ASSERT_TRUE(begin(self, variant->held, self->target));
	ASSERT_EQ(0, munmap(self->area, bytes));
	replace(self->area, PAGES, 0x55);
	ASSERT_EQ(0, finish(self));
	EXPECT_TRUE(all_bytes_are(self->area, bytes, 0x55));
}

TEST_F(moving, unmapped_shared_memory_receives)
{
	size_t bytes = PAGES * page_size();
	uint8_t *map;
	int fd;

	map = shared_file(&fd);
	ASSERT_TRUE(begin(self, variant->held, map + page_size()));
	ASSERT_EQ(0, munmap(map, bytes));
	ASSERT_EQ(0, finish(self));
	map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_TRUE(page_received(map + page_size(), OLD));
	EXPECT_TRUE(guards_are(map, OLD));
}

TEST_F(moving, unmapped_memory_is_sent_as_it_was)
{
	uint8_t *back = private_pages(1);

	fill(self->target, LEN, SEED + 1);
	ASSERT_TRUE(begin_segment(self, variant->held,
				  seg_to(self->target, LEN, 0)));
	ASSERT_EQ(0, munmap(self->area, PAGES * page_size()));
	replace(self->area, PAGES, 0x55);
	ASSERT_EQ(0, finish(self));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, LEN, 0)));
	EXPECT_EQ(LEN, differs_at(back, LEN, SEED + 1));
}

TEST_F(moving, moved_memory_receives_where_it_is)
{
	size_t page = page_size();
	uint8_t *there = private_pages(1);

	ASSERT_TRUE(begin(self, variant->held, self->target));
	ASSERT_EQ(there, mremap(self->target, page, page,
				MREMAP_MAYMOVE | MREMAP_FIXED, there));
	replace(self->target, 1, 0x55);
	ASSERT_EQ(0, finish(self));
	EXPECT_TRUE(page_received(there, OLD));
	EXPECT_TRUE(all_bytes_are(self->target, page, 0x55));
	EXPECT_TRUE(guards_are(self->area, OLD));
}

/*
 * The child of a fork: writes @byte to its whole page unless it is 0, says so,
 * waits, and tells by its exit status whether the page is still the same.
 */
struct child {
	pid_t pid;
	int wrote, go;
};

static bool fork_child(struct child *child, uint8_t *page, uint8_t byte)
{
	int wrote[2], go[2];
	char token;

	if (pipe2(wrote, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		return false;
	child->pid = fork();
	if (!child->pid) {
		close(go[1]);
		if (byte)
			memset(page, byte, page_size());
		if (write(wrote[1], "w", 1) != 1 || read(go[0], &token, 1) != 1)
			_exit(2);
		_exit(all_bytes_are(page, page_size(), byte ? byte : OLD) ? 0 : 1);
	}
	close(wrote[1]);
	close(go[0]);
	child->wrote = wrote[0];
	child->go = go[1];
	return child->pid > 0 && read(child->wrote, &token, 1) == 1;
}

static int end_child(struct child *child)
{
	int status = -1;

	if (write(child->go, "g", 1) != 1 ||
	    waitpid(child->pid, &status, 0) != child->pid)
		return -1;
	return status;
}

TEST_F(moving, forked_memory_is_the_parents)
{
	struct child child;
	int status;

	ASSERT_TRUE(begin(self, variant->held, self->target));
	ASSERT_TRUE(fork_child(&child, self->target, 0));
	ASSERT_EQ(0, finish(self));
	EXPECT_TRUE(page_received(self->target, OLD));
	EXPECT_TRUE(guards_are(self->area, OLD));
	status = end_child(&child);
	/* Forked off after the DMA, it has what its parent had. */
	if (!self->late) {
		EXPECT_EQ(0, status) TH_LOG("the child's copy changed");
	}
}

TEST_F(moving, forked_memory_written_by_the_parent_stays_the_parents)
{
	size_t last = page_size() - 1;
	struct child child;
	int status;

	ASSERT_TRUE(begin(self, variant->held, self->target));
	ASSERT_TRUE(fork_child(&child, self->target, 0));
	self->target[last] = 0x42;
	ASSERT_EQ(0, finish(self));
	EXPECT_EQ(LEN, differs_at(self->target, LEN, SEED));
	EXPECT_EQ(0x42, self->target[last]);
	EXPECT_TRUE(guards_are(self->area, OLD));
	status = end_child(&child);
	if (!self->late) {
		EXPECT_EQ(0, status) TH_LOG("the child's copy changed");
	}
}

TEST_F(moving, forked_memory_written_by_the_child_is_its_own)
{
	struct child child;

	ASSERT_TRUE(begin(self, variant->held, self->target));
	ASSERT_TRUE(fork_child(&child, self->target, 0x77));
	ASSERT_EQ(0, finish(self));
	EXPECT_TRUE(page_received(self->target, OLD));
	EXPECT_TRUE(guards_are(self->area, OLD));
	EXPECT_EQ(0, end_child(&child)) TH_LOG("the child's copy changed");
}

/* Memory of one huge page, zeroed. */
static uint8_t *huge_page(void)
{
	const size_t huge = 2 << 20;
	uint8_t *p;

	p = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	p = (uint8_t *)(((uintptr_t)p + huge - 1) & ~(huge - 1));
	madvise(p, huge, MADV_HUGEPAGE);
	memset(p, OLD, huge);
	return p;
}

TEST_F(moving, part_of_a_huge_page_receives_while_the_rest_goes)
{
	size_t page = page_size();
	uint8_t *huge = huge_page();

	ASSERT_TRUE(begin(self, variant->held, huge + 7 * page));
	ASSERT_EQ(0, mprotect(huge + 3 * page, page, PROT_READ));
	ASSERT_EQ(0, madvise(huge + 8 * page, 8 * page, MADV_DONTNEED));
	ASSERT_EQ(0, munmap(huge + 16 * page, 16 * page));
	ASSERT_EQ(0, finish(self));
	EXPECT_TRUE(page_received(huge + 7 * page, OLD));
	EXPECT_TRUE(all_bytes_are(huge, 7 * page, OLD));
	EXPECT_TRUE(all_bytes_are(huge + 8 * page, 8 * page, 0));
	EXPECT_TRUE(all_bytes_are(huge + 32 * page, page, OLD));
}

/* A child with a transfer in a thread; the other thread executes a program. */
static void __attribute__((noreturn))
transfer_and_execute(FIXTURE_DATA(moving) *self, bool held, int to, int from)
{
	struct edudma_segment seg = seg_from(private_pages(1), LEN, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	background_start(&self->bg, self->bed.fd, &seg, 1);
	if (held ? background_submitted(&self->bg, &self->bed.dev, HOLD_PAGES + 1) :
		   under_dma(&self->bed))
		canary_exec(to, from);
	_exit(EXIT_FAILURE);
}

TEST_F(moving, memory_of_a_program_that_is_replaced_is_nobody_elses)
{
	struct canary program;
	int to[2], from[2];
	char token;

	ASSERT_EQ(0, pipe2(to, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(from, O_CLOEXEC));
	if (variant->held) {
		self->held = hold_begin(&self->hold, self->bed.fd);
		ASSERT_TRUE(self->held);
	}
	program.pid = fork();
	if (!program.pid)
		transfer_and_execute(self, variant->held, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	program.to = to[1];
	program.from = from[0];
	ASSERT_EQ(1, read(program.from, &token, 1));
	ASSERT_EQ('y', token);
	EXPECT_TRUE(canary_grow(&program));
	EXPECT_TRUE(canary_grow(&self->canary));
	if (self->held) {
		EXPECT_EQ(0, hold_end(&self->hold));
	}
	self->held = false;
	EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_pinned")));
	EXPECT_TRUE(canary_end(&program))
		TH_LOG("the new program's memory changed");
}

/*
 * The kernel's own doing: merging equal pages, and moving pages to have free
 * ones together.  It does so to pages beside the pinned one.
 */

FIXTURE(kernel)
{
	FIXTURE_DATA(moving) m;
};

FIXTURE_SETUP(kernel)
{
	moving_setup(_metadata, &self->m, NULL);
}

FIXTURE_TEARDOWN(kernel)
{
	moving_teardown(_metadata, &self->m, NULL);
}

#define KSM	"/sys/kernel/mm/ksm/"

static bool ksm_scans(uint64_t more)
{
	uint64_t now = file_read_u64(KSM "full_scans");

	return WAIT_FOR(file_read_u64(KSM "full_scans") >= now + more);
}

TEST_F(kernel, merges_equal_pages_but_not_the_pinned)
{
	uint8_t *before = self->m.area, *target = self->m.target;
	uint8_t *behind = target + page_size();

	if (access(KSM "run", W_OK))
		SKIP(return, "this kernel merges no pages");
	ASSERT_TRUE(begin(&self->m, true, target));
	EXPECT_EQ(0, file_write(KSM "sleep_millisecs", "1"));
	EXPECT_EQ(0, file_write(KSM "run", "1"));
	EXPECT_EQ(0, madvise(before, PAGES * page_size(), MADV_MERGEABLE));
	/* They are equal, all three, so this is what it does if it can. */
	EXPECT_TRUE(WAIT_FOR(page_pfn(before) == page_pfn(behind)));
	EXPECT_TRUE(ksm_scans(2));
	EXPECT_NE(page_pfn(before), page_pfn(target));
	EXPECT_EQ(0, finish(&self->m));
	EXPECT_TRUE(page_received(target, OLD));
	EXPECT_TRUE(guards_are(before, OLD));
	EXPECT_EQ(0, file_write(KSM "run", "2"));
	EXPECT_EQ(0, file_write(KSM "sleep_millisecs", "20"));
}

#define SCATTERED	8192

/* Pages with holes between them: what compaction is for. */
static uint8_t *scattered_pages(void)
{
	uint8_t *area = private_pages(SCATTERED);
	size_t i;

	for (i = 1; i < SCATTERED; i += 2)
		madvise(area + i * page_size(), page_size(), MADV_DONTNEED);
	return area;
}

static uint64_t vmstat(const char *name)
{
	char line[128], key[64];
	uint64_t value = 0, v;
	FILE *file;

	file = fopen("/proc/vmstat", "re");
	if (!file)
		die("/proc/vmstat");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %" SCNu64, key, &v) == 2 &&
		    !strcmp(key, name))
			value = v;
	fclose(file);
	return value;
}

TEST_F(kernel, compacts_memory_around_the_pinned_page)
{
	uint64_t pfn, scanned = vmstat("compact_migrate_scanned");
	uint8_t *area = scattered_pages();
	const size_t pinned = SCATTERED / 2;
	uint8_t *target = area + pinned * page_size();
	size_t i;

	if (access("/proc/sys/vm/compact_memory", W_OK))
		SKIP(return, "this kernel compacts no memory");
	ASSERT_TRUE(begin(&self->m, true, target));
	pfn = page_pfn(target);
	EXPECT_EQ(0, file_write("/proc/sys/vm/compact_memory", "1"));
	EXPECT_LT(scanned, vmstat("compact_migrate_scanned"));
	EXPECT_EQ(pfn, page_pfn(target));
	EXPECT_EQ(0, finish(&self->m));
	EXPECT_TRUE(page_received(target, OLD));
	for (i = 0; i < SCATTERED; i += 2)
		if (i != pinned)
			ASSERT_TRUE(all_bytes_are(area + i * page_size(),
						  page_size(), OLD));
}

TEST_F(kernel, moves_a_page_elsewhere_but_not_the_pinned)
{
	uint8_t *other = private_pages(1), *target = self->m.target;
	uint64_t other_pfn, pfn;

	ASSERT_TRUE(begin(&self->m, true, target));
	pfn = page_pfn(target);
	other_pfn = page_pfn(other);
	/* What compaction does to a page that it has chosen. */
	if (madvise(other, page_size(), MADV_SOFT_OFFLINE) && errno == EINVAL)
		SKIP(return, "this kernel takes no page out of use");
	EXPECT_NE(other_pfn, page_pfn(other));
	EXPECT_EQ(-1, madvise(target, page_size(), MADV_SOFT_OFFLINE));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(pfn, page_pfn(target));
	EXPECT_EQ(0, finish(&self->m));
	EXPECT_TRUE(page_received(target, OLD));
	EXPECT_TRUE(all_bytes_are(other, page_size(), OLD));
}

TEST_HARNESS_MAIN
