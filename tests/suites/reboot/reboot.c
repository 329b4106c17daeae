// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine reboots, or another kernel takes over: nothing may be written to
 * memory that is about to be somebody else's.  A module tells the device so in
 * the kernel's place, see tests/modules/reboot; the teardown binds it anew.
 */
#include "edudma_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define NR	30	/* segments of a request that is never let end */
#define PART	100
#define WAITERS	3

FIXTURE(reboot)
{
	struct bed bed;
	uint8_t *pages;
	struct edudma_segment segs[NR];
	struct job job;
	void *module;
	size_t module_bytes;
};

/*
 * Read the module; 0 or an errno.  Not while a transfer is under way: in virtual
 * time that would be over before the host has answered.
 */
static int module_read(void **module, size_t *bytes)
{
	struct utsname kernel;
	char path[1024];
	struct stat st;
	ssize_t got;
	int fd;

	uname(&kernel);
	snprintf(path, sizeof(path), "%s/%s/edudma_reboot.ko", REBOOT_DIR,
		 kernel.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return errno;
	*bytes = st.st_size;
	*module = malloc(*bytes);
	if (!*module)
		return ENOMEM;
	got = read(fd, *module, *bytes);
	close(fd);
	return got == st.st_size ? 0 : EIO;
}

FIXTURE_SETUP(reboot)
{
	BED_SETUP(&self->bed);
	ASSERT_EQ(0, module_read(&self->module, &self->module_bytes));
	self->pages = shared_pages(NR);
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 1));
	parts_to_fetch(self->segs, self->pages, NR, PART);
	BED_SLOW(&self->bed);
	job_transfer(&self->job, self->bed.fd, self->segs, NR, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_LT(self->bed.pins, pins_outstanding());
}

FIXTURE_TEARDOWN(reboot)
{
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
	self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(0, transfer1(self->bed.fd, self->segs[0]));
	close(self->bed.fd);
	free(self->module);
}

/* 0 or an errno. */
static int shut_down(FIXTURE_DATA(reboot) *self)
{
	char params[64];
	int err;

	snprintf(params, sizeof(params), "slot=%s", self->bed.dev.slot);
	err = syscall(SYS_init_module, self->module, self->module_bytes, params) ?
	      errno : 0;
	/* It does not stay, see there. */
	return err == ECANCELED ? 0 : err ?: EEXIST;
}

TEST_F(reboot, ends_the_transfer_and_has_every_page_back)
{
	struct edudma_transfer *out = &self->job.report->out;

	ASSERT_EQ(0, shut_down(self));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	ASSERT_EQ(0, job_wait(&self->job));
	EXPECT_EQ(ENODEV, self->job.report->err);
	EXPECT_LT(out->segments_done, NR);
	EXPECT_EQ(out->segments_done * PART, out->bytes_done);
	EXPECT_LE(out->segments_done, parts_received(self->pages, NR, PART, 1));
}

TEST_F(reboot, lets_nothing_be_written_to_the_next_kernels_memory)
{
	ASSERT_EQ(0, shut_down(self));
	memset(self->pages, 0x55, NR * page_size());
	/* A descriptor that still runs writes now. */
	ASSERT_TRUE(bed_dma_over(&self->bed));
	EXPECT_TRUE(all_bytes_are(self->pages, NR * page_size(), 0x55));
	ASSERT_EQ(0, job_wait(&self->job));
}

TEST_F(reboot, sends_away_whoever_waits)
{
	struct job waiting[WAITERS];
	int fds[WAITERS], i;

	for (i = 0; i < WAITERS; i++) {
		fds[i] = bed_open_beside(&self->bed);
		ASSERT_LE(0, fds[i]);
		job_transfer(&waiting[i], fds[i], self->segs, 1, 0);
		ASSERT_TRUE(WAIT_FOR(job_asleep(&waiting[i])));
	}
	ASSERT_EQ(0, shut_down(self));
	ASSERT_EQ(0, job_wait(&self->job));
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, job_wait(&waiting[i]));
		EXPECT_EQ(ENODEV, waiting[i].report->err);
		EXPECT_EQ(0, waiting[i].report->out.bytes_done);
		close(fds[i]);
	}
}

TEST_F(reboot, lets_nothing_begin)
{
	ASSERT_EQ(0, shut_down(self));
	ASSERT_EQ(0, job_wait(&self->job));
	bed_mark(&self->bed);
	EXPECT_EQ(ENODEV, transfer1(self->bed.fd, self->segs[0]));
	EXPECT_EQ(-1, open(self->bed.dev.node, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(self->bed.mark, bed_descriptors(&self->bed));
}

TEST_HARNESS_MAIN
