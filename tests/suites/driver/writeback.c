// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device wrote into a mapped file must reach the disk, also when
 * writeback has cleaned the page while the device still had it.
 *
 * On ext4 on a disk of its own.  What counts is what can be read once nothing of
 * the file is in memory any more: a page that should be dirty and is not is
 * thrown away, and shows its old content.
 */
#include "edudma_fixture.h"

#include "edudma_disk.h"
#include "edudma_hold.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#define LEN		2000	/* bytes that the device writes */
#define OLD_SEED	1	/* what the file holds before */
#define SEED		2	/* what the window holds */

#define VM		"/proc/sys/vm/"

FIXTURE(file)
{
	struct bed bed;
	struct disk_file file;
	uint8_t *map;
	uint8_t *read;		/* what was read back, a page */
};

FIXTURE_SETUP(file)
{
	BED_SETUP(&self->bed);
	if (!disk_there())
		return;
	ASSERT_TRUE(disk_file_make(&self->file, page_size(), OLD_SEED))
		TH_LOG("%s", self->file.wrong);
	self->map = disk_file_map(&self->file, MAP_SHARED);
	self->read = private_pages(1);
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, SEED));
	BED_SLOW(&self->bed);
}

FIXTURE_TEARDOWN(file)
{
	if (self->map)
		munmap(self->map, page_size());
	if (self->file.dir[0]) {
		EXPECT_EQ(0, disk_file_remove(&self->file));
	}
	BED_TEARDOWN(&self->bed);
}

#define NEED_DISK() do {						\
	if (!disk_there())						\
		SKIP(return, "this machine has no scratch disk");	\
} while (0)

static void unmap(FIXTURE_DATA(file) *self)
{
	if (self->map)
		munmap(self->map, page_size());
	self->map = NULL;
}

/* Of this file, what is clean. */
static bool drop_cache(FIXTURE_DATA(file) *self)
{
	return !posix_fadvise(self->file.fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Read the file anew: nothing of it stays in memory. */
static bool read_back(FIXTURE_DATA(file) *self)
{
	unmap(self);
	return !fsync(self->file.fd) && drop_cache(self) &&
	       disk_file_read(&self->file, self->read) &&
	       pread(self->file.fd, self->read, page_size(), 0) ==
	       (ssize_t)page_size();
}

static bool rest_is_old(const uint8_t *page, size_t from)
{
	uint8_t *old = private_pages(1);

	fill(old, page_size(), OLD_SEED);
	return !memcmp(page + from, old + from, page_size() - from);
}

TEST_F(file, on_disk_gets_what_the_device_wrote)
{
	NEED_DISK();
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->map, LEN, 0)));
	ASSERT_TRUE(read_back(self));
	EXPECT_EQ(LEN, differs_at(self->read, LEN, SEED));
	EXPECT_TRUE(rest_is_old(self->read, LEN));
}

TEST_F(file, on_disk_has_them_after_all_caches_were_dropped)
{
	NEED_DISK();
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->map, LEN, 0)));
	unmap(self);
	sync();
	ASSERT_EQ(0, file_write(VM "drop_caches", "1"));
	ASSERT_EQ(page_size(), pread(self->file.fd, self->read, page_size(), 0));
	EXPECT_EQ(LEN, differs_at(self->read, LEN, SEED));
	EXPECT_TRUE(rest_is_old(self->read, LEN));
}

TEST_F(file, on_disk_keeps_the_bytes_beside)
{
	uint8_t *old = private_pages(1);

	NEED_DISK();
	fill(old, page_size(), OLD_SEED);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->map + 100, 50, 0)));
	ASSERT_TRUE(read_back(self));
	EXPECT_EQ(50, differs_at(self->read + 100, 50, SEED));
	EXPECT_EQ(0, memcmp(self->read, old, 100));
	EXPECT_TRUE(rest_is_old(self->read, 150));
}

TEST_F(file, mapped_privately_is_left_alone)
{
	uint8_t *map;

	NEED_DISK();
	map = disk_file_map(&self->file, MAP_PRIVATE);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(map, LEN, 0)));
	EXPECT_EQ(LEN, differs_at(map, LEN, SEED));
	ASSERT_EQ(0, munmap(map, page_size()));
	ASSERT_TRUE(read_back(self));
	EXPECT_TRUE(rest_is_old(self->read, 0));
}

/*
 * The page is cleaned while the device has it: pinned, mapped for DMA and handed
 * over, with the device held; or with the DMA under way.
 */

enum cleaner { FSYNC, FLUSHER };

FIXTURE(cleaned)
{
	FIXTURE_DATA(file) f;
	struct hold hold;
	bool held;
	struct background bg;
	uint64_t interval, expire;	/* of the flusher */
};

FIXTURE_VARIANT(cleaned)
{
	enum cleaner cleaner;
	bool held;
};

FIXTURE_VARIANT_ADD(cleaned, by_fsync) { .cleaner = FSYNC, .held = true };
FIXTURE_VARIANT_ADD(cleaned, by_fsync_under_dma) { .cleaner = FSYNC };
FIXTURE_VARIANT_ADD(cleaned, by_the_flusher) { .cleaner = FLUSHER, .held = true };

FIXTURE_SETUP(cleaned)
{
	file_setup(_metadata, &self->f, NULL);
	self->interval = file_read_u64(VM "dirty_writeback_centisecs");
	self->expire = file_read_u64(VM "dirty_expire_centisecs");
}

static int flush_after(uint64_t interval, uint64_t expire)
{
	char text[2][32];

	snprintf(text[0], sizeof(text[0]), "%" PRIu64, expire);
	snprintf(text[1], sizeof(text[1]), "%" PRIu64, interval);
	return file_write(VM "dirty_expire_centisecs", text[0]) |
	       file_write(VM "dirty_writeback_centisecs", text[1]);
}

FIXTURE_TEARDOWN(cleaned)
{
	if (self->held)
		hold_end(&self->hold);
	EXPECT_EQ(0, flush_after(self->interval, self->expire));
	file_teardown(_metadata, &self->f, NULL);
}

/*
 * Hand the page over.  Where the device is not held, it is the last of some, so
 * that there is time to clean it.
 */
static bool hand_over(FIXTURE_DATA(cleaned) *self, bool held)
{
	struct edudma_segment segs[BACKGROUND_SEGS];
	struct bed *bed = &self->f.bed;
	uint8_t *scratch = private_pages(BACKGROUND_SEGS);
	uint32_t i, nr = held ? 1 : BACKGROUND_SEGS / 2;

	for (i = 0; i < nr - 1; i++)
		segs[i] = seg_from(scratch + i * page_size(), 1, 0);
	segs[i] = seg_from(self->f.map, LEN, 0);
	self->held = held && hold_begin(&self->hold, bed->fd);
	if (held != self->held)
		return false;
	background_start(&self->bg, bed->fd, segs, nr);
	if (held ? !background_submitted(&self->bg, &bed->dev, HOLD_PAGES + nr) :
		   !WAIT_FOR(stat_get(&bed->dev, "descriptors") >
			     bed->before.descriptors))
		return false;
	return true;
}

/* Have the page written, as old as it still is, and marked clean. */
static bool clean(FIXTURE_DATA(cleaned) *self, enum cleaner cleaner)
{
	if (cleaner == FSYNC)
		return !fsync(self->f.file.fd);
	return !flush_after(1, 1) && WAIT_FOR(!page_is_dirty(self->f.map));
}

static int let_go(FIXTURE_DATA(cleaned) *self)
{
	int err = 0;

	if (self->held)
		err = hold_end(&self->hold);
	self->held = false;
	return background_wait(&self->bg) | err;
}

/*
 * Have the page clean while the device has it.  Where the device is not held it may
 * be done first; then this is done again, until the limit of the test.
 */
static bool clean_meanwhile(FIXTURE_DATA(cleaned) *self, enum cleaner cleaner,
			    bool held)
{
	for (;;) {
		bed_mark(&self->f.bed);
		if (!hand_over(self, held) || !clean(self, cleaner))
			return false;
		if (stat_get(&self->f.bed.dev, "pages_pinned"))
			return true;
		if (held || let_go(self))
			return false;
	}
}

static uint64_t redirtied(const struct bed *bed)
{
	return stat_get(&bed->dev, "pages_redirtied") -
	       bed->before.pages_redirtied;
}

TEST_F(cleaned, page_is_dirtied_again)
{
	NEED_DISK();
	ASSERT_TRUE(clean_meanwhile(self, variant->cleaner, variant->held));
	ASSERT_EQ(0, let_go(self));
	EXPECT_EQ(1, redirtied(&self->f.bed));
	ASSERT_TRUE(read_back(&self->f));
	EXPECT_EQ(LEN, differs_at(self->f.read, LEN, SEED));
	EXPECT_TRUE(rest_is_old(self->f.read, LEN));
}

/* Is it older than that? */
static bool kernel_before(int major, int minor)
{
	struct utsname name;
	int is_major, is_minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &is_major, &is_minor) != 2)
		die("uname");
	return is_major < major || (is_major == major && is_minor < minor);
}

TEST_F(cleaned, page_without_a_mapping_is_dirtied_again)
{
	NEED_DISK();
	if (kernel_before(5, 18))
		SKIP(return, "before 5.18 dropping caches takes the buffers from a pinned page, and ext4 forgets it");
	ASSERT_TRUE(clean_meanwhile(self, variant->cleaner, variant->held));
	/* The pin alone keeps the page in memory now. */
	unmap(&self->f);
	ASSERT_TRUE(drop_cache(&self->f));
	ASSERT_EQ(0, let_go(self));
	ASSERT_TRUE(read_back(&self->f));
	EXPECT_EQ(LEN, differs_at(self->f.read, LEN, SEED));
	EXPECT_TRUE(rest_is_old(self->f.read, LEN));
}

TEST_F(cleaned, page_of_a_truncated_file_is_nobodys)
{
	NEED_DISK();
	ASSERT_TRUE(clean_meanwhile(self, variant->cleaner, variant->held));
	ASSERT_EQ(0, ftruncate(self->f.file.fd, 0));
	ASSERT_EQ(0, ftruncate(self->f.file.fd, page_size()));
	ASSERT_EQ(0, let_go(self));
	ASSERT_TRUE(read_back(&self->f));
	EXPECT_TRUE(all_bytes_are(self->f.read, page_size(), 0));
}

/* Clean, too, but the request is stopped before the device has come to the page. */

FIXTURE(unreached)
{
	FIXTURE_DATA(cleaned) c;
};

FIXTURE_VARIANT(unreached)
{
	enum cleaner cleaner;
};

FIXTURE_VARIANT_ADD(unreached, by_fsync) { .cleaner = FSYNC };
FIXTURE_VARIANT_ADD(unreached, by_the_flusher) { .cleaner = FLUSHER };

FIXTURE_SETUP(unreached)
{
	cleaned_setup(_metadata, &self->c, NULL);
}

FIXTURE_TEARDOWN(unreached)
{
	cleaned_teardown(_metadata, &self->c, NULL);
}

static void ignore(int signal)
{
	(void)signal;
}

TEST_F(unreached, page_stays_clean)
{
	const struct sigaction interrupt = { .sa_handler = ignore };
	FIXTURE_DATA(cleaned) *cleaned = &self->c;

	NEED_DISK();
	ASSERT_EQ(0, sigaction(SIGUSR1, &interrupt, NULL));
	ASSERT_TRUE(hand_over(cleaned, true));
	ASSERT_TRUE(clean(cleaned, variant->cleaner));
	ASSERT_EQ(0, pthread_kill(cleaned->bg.thread, SIGUSR1));
	EXPECT_EQ(EINTR, background_wait(&cleaned->bg));
	EXPECT_FALSE(page_is_dirty(cleaned->f.map));
	EXPECT_EQ(0, redirtied(&cleaned->f.bed));
	cleaned->held = false;
	EXPECT_EQ(0, hold_end(&cleaned->hold));
}

TEST_HARNESS_MAIN
