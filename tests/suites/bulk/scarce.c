// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request for more memory than its process may have at a time: what has been
 * moved can be given up while the rest is fetched, since only a part is pinned.
 */
#include "edudma_fixture.h"

#include "edudma_cgroup.h"
#include "edudma_disk.h"

#include <sys/mman.h>
#include <sys/wait.h>

#define LIMIT	(1 << 20)	/* bytes that the process may have */
#define PAGES	512		/* pages that its request touches */
#define CHUNK	(64 << 10)
#define SEED	9
#define SECONDS	300

FIXTURE(scarce)
{
	struct bed bed;
	uint64_t chunk_bytes;
	struct disk_file file;
	struct cgroup group;
	bool made;
	struct job job;
};

FIXTURE_SETUP(scarce)
{
	self->chunk_bytes = param_get("chunk_bytes");
	BED_SETUP(&self->bed);
	ASSERT_EQ(0, param_set("chunk_bytes", CHUNK));
	self->made = cgroup_make(&self->group, LIMIT);
	if (!disk_there() || !self->made)
		return;
	ASSERT_TRUE(disk_file_make(&self->file, PAGES * page_size(), SEED))
		TH_LOG("%s", self->file.wrong);
	/* Whoever reads it next is charged for it. */
	ASSERT_EQ(0, posix_fadvise(self->file.fd, 0, 0, POSIX_FADV_DONTNEED));
	ASSERT_LE(PAGES, self->bed.info.max_segments);
}

FIXTURE_TEARDOWN(scarce)
{
	EXPECT_TRUE(cgroup_remove(&self->group));
	if (self->file.dir[0]) {
		EXPECT_EQ(0, disk_file_remove(&self->file));
	}
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

#define NEED_LIMIT_AND_DISK(self) do {					\
	if (!disk_there())						\
		SKIP(return, "this machine has no scratch disk");	\
	if (!(self)->made)						\
		SKIP(return, "no memory control group to be had");	\
} while (0)

struct plan {
	FIXTURE_DATA(scarce) *scarce;
	enum edudma_direction direction;
};

/* One byte a page: as much memory as can be, and as little DMA. */
static void run_in_group(struct job_report *report, void *arg)
{
	const struct plan *plan = arg;
	FIXTURE_DATA(scarce) *self = plan->scarce;
	struct edudma_segment *segs = calloc(PAGES, sizeof(*segs));
	uint8_t *map = disk_file_map(&self->file, MAP_SHARED);
	uint32_t i;

	for (i = 0; i < PAGES; i++)
		segs[i] = (struct edudma_segment) {
			.addr = ptr64(map + i * page_size()), .len = 1,
			.offset = i, .direction = plan->direction,
		};
	if (!cgroup_enter(&self->group, false))
		return;
	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = transfer(self->bed.fd, segs, PAGES, 0, &report->out);
}

TEST_F_TIMEOUT(scarce, memory_suffices_to_send_more, SECONDS)
{
	struct plan plan = { self, EDUDMA_TO_DEVICE };
	uint8_t *file, *window = private_pages(1);
	int status;
	size_t i;

	NEED_LIMIT_AND_DISK(self);
	job_start(&self->job, run_in_group, &plan);
	ASSERT_EQ(self->job.pid, waitpid(self->job.pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_TRUE(self->job.report->begun);
	ASSERT_EQ(0, self->job.report->err);
	EXPECT_EQ(PAGES, self->job.report->out.bytes_done);
	/* The limit was in the way. */
	EXPECT_LT(0, cgroup_event(&self->group, "max"));
	EXPECT_EQ(0, cgroup_event(&self->group, "oom"));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(window, PAGES, 0)));
	file = disk_file_map(&self->file, MAP_SHARED);
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(file[i * page_size()], window[i]);
	munmap(file, self->file.bytes);
}

TEST_F_TIMEOUT(scarce, memory_suffices_to_receive_more, SECONDS)
{
	struct plan plan = { self, EDUDMA_FROM_DEVICE };
	uint8_t *window = private_pages(1), *file;
	int status;
	size_t i;

	NEED_LIMIT_AND_DISK(self);
	ASSERT_EQ(0, window_fill(self->bed.fd, PAGES, SEED + 1));
	fill(window, PAGES, SEED + 1);
	job_start(&self->job, run_in_group, &plan);
	ASSERT_EQ(self->job.pid, waitpid(self->job.pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_TRUE(self->job.report->begun);
	ASSERT_EQ(0, self->job.report->err);
	EXPECT_EQ(PAGES, self->job.report->out.bytes_done);
	EXPECT_LT(0, cgroup_event(&self->group, "max"));
	EXPECT_EQ(0, cgroup_event(&self->group, "oom"));
	ASSERT_EQ(0, fsync(self->file.fd));
	file = malloc(self->file.bytes);
	ASSERT_NE(NULL, file);
	ASSERT_EQ(0, posix_fadvise(self->file.fd, 0, 0, POSIX_FADV_DONTNEED));
	ASSERT_EQ(self->file.bytes, pread(self->file.fd, file, self->file.bytes, 0));
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(window[i], file[i * page_size()]);
}

TEST_HARNESS_MAIN
