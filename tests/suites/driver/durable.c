// SPDX-License-Identifier: GPL-2.0-only
/*
 * What programs do with files and block devices: fsync, fdatasync, O_DIRECT, dd.
 */
#include "edudma_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define NR	3
#define PART	100
#define SEED	30

FIXTURE(durable)
{
	struct bed bed;
	uint8_t *pages;		/* shared with children */
	struct edudma_segment segs[NR];
};

FIXTURE_SETUP(durable)
{
	int i;

	BED_SETUP(&self->bed);
	self->pages = shared_pages(NR);
	for (i = 0; i < NR; i++) {
		uint8_t *part = self->pages + i * page_size();

		fill(part, PART, SEED + i);
		/* No two are neighbours in the window. */
		self->segs[i] = seg_to(part, PART, (NR - 1 - i) * PART);
	}
}

FIXTURE_TEARDOWN(durable)
{
	BED_TEARDOWN(&self->bed);
}

FIXTURE_VARIANT(durable)
{
	int (*sync)(int fd);
};

FIXTURE_VARIANT_ADD(durable, by_fsync) { .sync = fsync };
FIXTURE_VARIANT_ADD(durable, by_fdatasync) { .sync = fdatasync };

TEST_F(durable, is_what_was_written)
{
	ASSERT_EQ(PART, pwrite(self->bed.fd, self->pages, PART, 0));
	EXPECT_EQ(0, variant->sync(self->bed.fd)) TH_LOG("%s", strerror(errno));
}

TEST_F(durable, is_what_was_queued_before)
{
	struct stats delta;
	struct job job;

	BED_SLOW(&self->bed);
	job_transfer(&job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	EXPECT_EQ(0, variant->sync(self->bed.fd)) TH_LOG("%s", strerror(errno));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(NR * PART, delta.bytes_to_device);
	ASSERT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
}

/* What another file has queued is not waited for. */
TEST_F(durable, is_nothing_of_another_file)
{
	int other = bed_open_beside(&self->bed);
	struct stats delta;
	struct job job;

	ASSERT_LE(0, other);
	BED_SLOW(&self->bed);
	job_transfer(&job, other, self->segs, NR, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "pages_pinned")));
	EXPECT_EQ(0, variant->sync(self->bed.fd)) TH_LOG("%s", strerror(errno));
	BED_STATS(&self->bed, &delta);
	EXPECT_GT(NR * PART, delta.bytes_to_device);
	ASSERT_EQ(0, job_wait(&job));
	close(other);
}

TEST_F(durable, is_nothing_of_a_device_that_is_gone)
{
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(-1, variant->sync(self->bed.fd));
	EXPECT_EQ(ENODEV, errno);
	close(self->bed.fd);
	self->bed.fd = -1;
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
}

/* O_DIRECT */

FIXTURE(direct)
{
	struct bed bed;
	bool has;	/* this kernel lets character devices say that they do it */
};

FIXTURE_SETUP(direct)
{
	struct utsname kernel;

	BED_SETUP(&self->bed);
	ASSERT_EQ(0, uname(&kernel));
	self->has = atoi(kernel.release) >= 6;
}

FIXTURE_TEARDOWN(direct)
{
	BED_TEARDOWN(&self->bed);
}

#define NEED_DIRECT(self) do {						\
	if (!(self)->has)						\
		SKIP(return, "this kernel knows O_DIRECT of file systems only");	\
} while (0)

/* Of any alignment, as without. */
TEST_F(direct, access_moves_any_bytes)
{
	uint8_t *buf = private_pages(1);
	int fd;

	NEED_DIRECT(self);
	fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC | O_DIRECT);
	ASSERT_LE(0, fd) TH_LOG("%s", strerror(errno));
	fill(buf + 1, PART, SEED);
	EXPECT_EQ(PART, pwrite(fd, buf + 1, PART, 3));
	EXPECT_EQ(PART, pread(fd, buf + 1001, PART, 3));
	EXPECT_EQ(PART, differs_at(buf + 1001, PART, SEED));
	close(fd);
}

static int dd(const char *format, const char *node)
{
	char command[256];

	snprintf(command, sizeof(command), format, node);
	return system(command);
}

TEST_F(direct, access_by_dd_with_fsync_works)
{
	uint8_t *buf = private_pages(1);
	FILE *file;

	NEED_DIRECT(self);
	fill(buf, 2048, SEED);
	file = fopen("/tmp/durable", "we");
	ASSERT_NE(NULL, file);
	ASSERT_EQ(1, fwrite(buf, 2048, 1, file));
	ASSERT_EQ(0, fclose(file));
	EXPECT_EQ(0, dd("dd if=/tmp/durable of=%s bs=512 oflag=direct conv=fsync status=none",
			self->bed.dev.node));
	unlink("/tmp/durable");
	memset(buf, 0, 2048);
	ASSERT_EQ(2048, pread(self->bed.fd, buf, 2048, 0));
	EXPECT_EQ(2048, differs_at(buf, 2048, SEED));
	EXPECT_EQ(0, dd("dd if=%s of=/dev/null bs=512 count=4 iflag=direct status=none",
			self->bed.dev.node));
}

TEST_HARNESS_MAIN
