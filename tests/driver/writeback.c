// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device wrote into a mapped file must reach the disk, also when
 * writeback has cleaned the page while the device was still writing.
 *
 * On a file system in a RAM disk, read with O_DIRECT: that writes out what is
 * dirty and then reads the disk, so a page that should be dirty and is not
 * shows its old content.
 */
#include "edudma_fixture.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define DISK	"/dev/ram0"

FIXTURE(file)
{
	struct bed bed;
	const char *missing;	/* why the test cannot run, or NULL */
	char dir[32];
	int fd;
	uint8_t *map;
	uint8_t *disk;		/* what O_DIRECT read */
};

/* Run a program quietly; true if it succeeded. */
static bool run(const char *const argv[])
{
	int null, status;
	pid_t pid = fork();

	if (!pid) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

static const char *make_disk(FIXTURE_DATA(file) *self)
{
	static const char *const brd[] = {
		"modprobe", "brd", "rd_nr=1", "rd_size=4096", NULL
	};
	static const char *const ext4[] = { "modprobe", "ext4", NULL };
	static const char *const mkfs[] = {
		"mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "^has_journal", DISK,
		NULL
	};

	if (access(DISK, F_OK) && !run(brd))
		return "no RAM disk: modprobe brd fails";
	run(ext4);
	if (!run(mkfs))
		return "no file system: mkfs.ext4 fails";
	strcpy(self->dir, "/tmp/edudma-XXXXXX");
	if (!mkdtemp(self->dir))
		return "no directory in /tmp";
	if (mount(DISK, self->dir, "ext4", 0, NULL)) {
		rmdir(self->dir);
		self->dir[0] = '\0';
		return "no file system: mount of ext4 fails";
	}
	return NULL;
}

FIXTURE_SETUP(file)
{
	char path[64];

	BED_SETUP(&self->bed);
	self->missing = make_disk(self);
	if (self->missing)
		return;
	snprintf(path, sizeof(path), "%s/file", self->dir);
	self->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, self->fd);
	self->disk = private_pages(1);
	fill(self->disk, page_size(), 1);
	ASSERT_EQ(page_size(), write(self->fd, self->disk, page_size()));
	ASSERT_EQ(0, fsync(self->fd));
	self->map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->fd, 0);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.info.window_bytes, 2));
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(file)
{
	if (self->dir[0]) {
		munmap(self->map, page_size());
		close(self->fd);
		EXPECT_EQ(0, umount(self->dir));
		rmdir(self->dir);
	}
	BED_TEARDOWN(&self->bed);
}

/* What the disk holds, once all that is dirty is written. */
static bool read_disk(FIXTURE_DATA(file) *self)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/file", self->dir);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = pread(fd, self->disk, page_size(), 0);
	close(fd);
	return got == (ssize_t)page_size();
}

#define PARTS	8

struct reading {
	int fd;
	struct edudma_segment segs[PARTS];
	int err;
};

static void *run_reading(void *arg)
{
	struct reading *reading = arg;

	reading->err = transfer(reading->fd, reading->segs, PARTS, 0, NULL);
	return NULL;
}

TEST_F(file, on_disk_gets_what_the_device_wrote)
{
	if (self->missing)
		SKIP(return, "%s", self->missing);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->map, 2000, 0)));
	ASSERT_TRUE(read_disk(self));
	EXPECT_EQ(2000, differs_at(self->disk, 2000, 2));
}

TEST_F(file, on_disk_keeps_the_bytes_beside)
{
	uint8_t *old = private_pages(1);

	if (self->missing)
		SKIP(return, "%s", self->missing);
	fill(old, page_size(), 1);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->map + 100, 50, 0)));
	ASSERT_TRUE(read_disk(self));
	EXPECT_EQ(50, differs_at(self->disk + 100, 50, 2));
	EXPECT_EQ(0, memcmp(self->disk, old, 100));
	EXPECT_EQ(0, memcmp(self->disk + 150, old + 150, page_size() - 150));
}

TEST_F(file, written_back_meanwhile_gets_it_all_the_same)
{
	struct reading reading = { .fd = self->bed.fd };
	uint8_t *scratch = private_pages(PARTS);
	pthread_t thread;
	struct stats delta;
	int i;

	if (self->missing)
		SKIP(return, "%s", self->missing);
	/* All are pinned at once; the file's page is the last to be written. */
	for (i = 0; i < PARTS - 1; i++)
		reading.segs[i] = seg_from(scratch + i * page_size(), 1, 0);
	reading.segs[i] = seg_from(self->map, 2000, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_reading, &reading));
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			     self->bed.before.descriptors));
	/* Writes the page, as old as it still is, and marks it clean. */
	ASSERT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, reading.err);
	BED_STATS(&self->bed, &delta);
	ASSERT_TRUE(read_disk(self));
	EXPECT_EQ(2000, differs_at(self->disk, 2000, 2));
	if (page_reachable(&self->bed.info, self->map)) {
		EXPECT_EQ(1, delta.pages_redirtied);
	}
}

TEST_HARNESS_MAIN
