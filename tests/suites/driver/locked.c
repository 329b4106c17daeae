// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page must be dirtied after the device has filled it, and somebody has its
 * lock for as long as a disk takes: what only that request needs may wait,
 * nothing that others need.
 *
 * The disk is throttled to a byte a second.  A page is cleaned while the device
 * has it, so that it is under writeback for ever; truncating its file waits for
 * that, with the page locked.  The kernel is told not to look for tasks that hang
 * meanwhile: until the disk is let go, these do.
 */
#include "edudma_fixture.h"
#include "edudma_disk.h"
#include "edudma_hold.h"
#include "edudma_qmp.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>

#define PARAMS	"ring=0 dma_bits=24 bounce_pages=17"
#define CHUNK	5	/* pages that a request may bounce at a time, a third */
#define MORE	4	/* that a request which gets stuck has in a second chunk */
#define SENT	2	/* that it sends in a third, when the first ones have arrived */
#define STUCK	3	/* such requests, which leave slots for the hold, not for a chunk */
#define PART	100	/* bytes that the device writes to each page */
#define SEED	3

struct stuck {
	struct background bg;
	pthread_t locker;
	char path[64];
	int fd;
	uint8_t *map;
	uint64_t pfn;	/* of the page that is locked */
};

FIXTURE(page)
{
	struct bed bed;
	bool reloaded;
	struct disk_file file;
	struct stuck stuck[STUCK];
	unsigned int nr;
	char hung_task[32];	/* seconds until the kernel says that a task hangs */
};

#define HUNG_TASK	"/proc/sys/kernel/hung_task_timeout_secs"

/* 0 is as fast as it can be. */
static int disk_speed(uint64_t bytes_a_second)
{
	char arguments[200];
	struct qmp qmp;
	int err;

	err = qmp_open(&qmp);
	if (err)
		return err;
	snprintf(arguments, sizeof(arguments),
		 "{'device': 'scratch', 'bps': 0, 'bps_rd': 0, 'bps_wr': %llu, 'iops': 0, 'iops_rd': 0, 'iops_wr': 0}",
		 (unsigned long long)bytes_a_second);
	err = qmp_execute(&qmp, "block_set_io_throttle", arguments);
	qmp_close(&qmp);
	return err;
}

/* Have a file's first page written, without waiting for it. */
static int write_out(int fd)
{
	return sync_file_range(fd, 0, page_size(), SYNC_FILE_RANGE_WRITE);
}

/* A file whose blocks are there and whose pages are dirty. */
static bool make_file(const char *dir, unsigned int nr, struct stuck *stuck)
{
	const size_t bytes = CHUNK * page_size();

	snprintf(stuck->path, sizeof(stuck->path), "%s/stuck%u", dir, nr);
	stuck->fd = open(stuck->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (stuck->fd < 0 ||
	    pwrite(stuck->fd, private_pages(CHUNK), bytes, 0) != (ssize_t)bytes ||
	    fsync(stuck->fd))
		return false;
	stuck->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			  stuck->fd, 0);
	if (stuck->map == MAP_FAILED)
		return false;
	memset(stuck->map, 0, bytes);
	return true;
}

FIXTURE_SETUP(page)
{
	BED_SETUP(&self->bed);
}

/* The driver with little bounce memory, the files, and a disk that stands still. */
static bool prepare(FIXTURE_DATA(page) *self)
{
	unsigned int i;
	uint8_t *map;

	close(self->bed.fd);
	self->reloaded = !module_unload() && !module_load(PARAMS);
	self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	if (!self->reloaded || window_fill(self->bed.fd, CHUNK * PART, SEED))
		return false;
	if (!disk_file_make(&self->file, page_size(), 1))
		return false;
	/* The journal would wait for the disk as well, and others for the journal. */
	if (mount(NULL, self->file.dir, NULL, MS_REMOUNT, "commit=600"))
		return false;
	for (i = 0; i < STUCK; i++)
		if (!make_file(self->file.dir, i, &self->stuck[i]))
			return false;
	bed_mark(&self->bed);
	/* Not every kernel has it. */
	file_read(HUNG_TASK, self->hung_task, sizeof(self->hung_task));
	if (self->hung_task[0] && file_write(HUNG_TASK, "0"))
		return false;
	if (disk_speed(1))
		return false;
	/* One request passes, and what comes next waits for its sake. */
	map = disk_file_map(&self->file, MAP_SHARED);
	map[0]++;
	munmap(map, page_size());
	return !write_out(self->file.fd);
}

FIXTURE_TEARDOWN(page)
{
	unsigned int i;

	if (self->file.dir[0]) {
		EXPECT_EQ(0, disk_speed(0));
	}
	for (i = 0; i < STUCK; i++) {
		struct stuck *stuck = &self->stuck[i];

		if (i < self->nr) {
			pthread_join(stuck->locker, NULL);
			EXPECT_EQ(0, background_wait(&stuck->bg));
		}
		if (stuck->map) {
			munmap(stuck->map, CHUNK * page_size());
			close(stuck->fd);
			unlink(stuck->path);
		}
	}
	if (self->file.dir[0]) {
		EXPECT_EQ(0, disk_file_remove(&self->file));
	}
	if (self->hung_task[0]) {
		EXPECT_EQ(0, file_write(HUNG_TASK, self->hung_task));
	}
	BED_TEARDOWN(&self->bed);
	if (self->reloaded) {
		EXPECT_EQ(0, module_unload());
		EXPECT_EQ(0, module_load(""));
	}
}

static void *run_locker(void *arg)
{
	struct stuck *stuck = arg;

	return ftruncate(stuck->fd, 0) ? stuck : NULL;
}

/*
 * Have a request stuck: handed over, then its first page cleaned and locked, then
 * done by the device.  Nobody has locked what its other chunks are for, which
 * pass.
 */
static bool get_stuck(FIXTURE_DATA(page) *self)
{
	struct stuck *stuck = &self->stuck[self->nr];
	struct edudma_segment segs[CHUNK + MORE + SENT];
	const uint32_t nr = ARRAY_LEN(segs);
	unsigned int i;
	struct hold hold;
	bool good;

	stuck->pfn = page_pfn(stuck->map);
	parts_to_fetch(segs, stuck->map, CHUNK, PART);
	parts_to_fetch(segs + CHUNK, private_pages(MORE), MORE, PART);
	for (i = CHUNK + MORE; i < nr; i++)
		segs[i] = seg_to(private_pages(1), PART, CHUNK * PART);
	if (!hold_begin(&hold, self->bed.fd))
		return false;
	background_start(&stuck->bg, self->bed.fd, segs, nr);
	self->nr++;
	good = background_submitted(&stuck->bg, &self->bed.dev,
				    self->nr * CHUNK + HOLD_PAGES) &&
	       !write_out(stuck->fd) && !page_is_dirty(stuck->map);
	if (pthread_create(&stuck->locker, NULL, run_locker, stuck))
		die("pthread_create");
	good = WAIT_FOR(pfn_is_locked(stuck->pfn)) && good;
	return !hold_end(&hold) && good &&
	       WAIT_FOR(stat_get(&self->bed.dev, "bytes_bounced") ==
			self->bed.before.bytes_bounced +
			self->nr * (HOLD_BYTES + (MORE + SENT) * PART));
}

static void run_bounced_read(struct job_report *report, void *arg)
{
	FIXTURE_DATA(page) *self = arg;
	uint8_t *pages = private_pages(CHUNK);
	struct edudma_segment segs[CHUNK];

	parts_to_fetch(segs, pages, CHUNK, PART);
	report->begun = 1;
	report->err = transfer(self->bed.fd, segs, CHUNK, 0, NULL);
	__atomic_store_n(&report->value, parts_received(pages, CHUNK, PART, SEED),
			 __ATOMIC_SEQ_CST);
}

static ssize_t received(const struct job *job)
{
	return __atomic_load_n(&job->report->value, __ATOMIC_SEQ_CST);
}

/* If it fails the disk must not stay as it is: there is time for the teardown. */
TEST_F_TIMEOUT(page, of_one_request_stops_no_other, 180)
{
	struct job job;

	if (!module_path())
		SKIP(return, "EDUDMA_MODULE does not name an edudma.ko");
	if (!disk_there())
		SKIP(return, "this machine has no scratch disk");
	if (self->bed.info.capabilities & EDUDMA_CAP_IOMMU)
		SKIP(return, "nothing bounces behind an IOMMU");
	if (no_narrow_device())
		SKIP(return, "%s", no_narrow_device());
	ASSERT_TRUE(prepare(self))
		TH_LOG("%s", self->file.wrong ?: strerror(errno));
	while (self->nr < STUCK) {
		ASSERT_TRUE(get_stuck(self));
	}
	job_start(&job, run_bounced_read, self);
	EXPECT_TRUE(WAIT_FOR(received(&job) == CHUNK));
	/* They wait still, with all that they had pinned. */
	EXPECT_EQ(self->bed.pins + STUCK * CHUNK, pins_outstanding());
	ASSERT_EQ(0, disk_speed(0));
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
}

static void run_unbind(struct job_report *report, void *arg)
{
	FIXTURE_DATA(page) *self = arg;

	report->begun = 1;
	report->err = dev_unbind(&self->bed.dev);
}

/* An unbind waits for the hardware, not for a file system. */
TEST_F_TIMEOUT(page, of_a_request_does_not_hold_an_unbind, 180)
{
	struct job job;

	if (!module_path())
		SKIP(return, "EDUDMA_MODULE does not name an edudma.ko");
	if (!disk_there())
		SKIP(return, "this machine has no scratch disk");
	if (self->bed.info.capabilities & EDUDMA_CAP_IOMMU)
		SKIP(return, "nothing bounces behind an IOMMU");
	if (no_narrow_device())
		SKIP(return, "%s", no_narrow_device());
	ASSERT_TRUE(prepare(self))
		TH_LOG("%s", self->file.wrong ?: strerror(errno));
	ASSERT_TRUE(get_stuck(self));
	close(self->bed.fd);
	self->bed.fd = -1;
	job_start(&job, run_unbind, self);
	EXPECT_EQ(0, job_wait(&job)) TH_LOG("it waits for the page lock");
	/* Which is still held, and so is what needs it. */
	EXPECT_TRUE(pfn_is_locked(self->stuck[0].pfn));
	EXPECT_EQ(self->bed.pins + CHUNK, pins_outstanding());
	ASSERT_EQ(0, disk_speed(0));
	EXPECT_TRUE(WAIT_FOR(pins_outstanding() == self->bed.pins));
	EXPECT_TRUE(WAIT_FOR(job.report->done));
	EXPECT_EQ(0, job.report->err);
}

TEST_HARNESS_MAIN
