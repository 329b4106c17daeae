// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered buffers: pinned and mapped once, used by their numbers, accounted to who
 * registered them, and released once, whatever becomes of the memory, the process and
 * the device meanwhile.
 */
#include "edudma_fixture.h"

#include "edudma_disk.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define NR	8	/* pages */
#define LEN	1000	/* bytes that are moved, in any page */
#define AT	77	/* where in a page */
#define USER	65534

FIXTURE(registered)
{
	struct bed bed;
	uint8_t *pages;
	struct disk_file file;
};

FIXTURE_SETUP(registered)
{
	BED_SETUP(&self->bed);
	self->pages = reachable_pages(&self->bed.info, NR);
	ASSERT_NE(NULL, self->pages);
	ASSERT_EQ(0, stat_get(&self->bed.dev, "pages_registered"));
	self->bed.pins = pins_outstanding();
	bed_mark(&self->bed);
}

FIXTURE_TEARDOWN(registered)
{
	if (self->file.dir[0]) {
		EXPECT_EQ(0, disk_file_remove(&self->file));
	}
	BED_TEARDOWN(&self->bed);
	if (!access(self->bed.dev.sysfs, F_OK)) {
		EXPECT_TRUE(WAIT_FOR(!stat_get(&self->bed.dev, "pages_registered")));
	}
}

#define NEED_BUFFERS(self) do {						\
	if (!((self)->bed.info.capabilities & EDUDMA_CAP_BUFFERS))	\
		SKIP(return, "the kernel copies what it maps: nothing can be registered"); \
} while (0)

/* EDUDMA_IOC_BUFFER_REGISTER; the number, or a negative errno. */
static int register_arg(int fd, struct edudma_buffer_register arg)
{
	return ioctl(fd, EDUDMA_IOC_BUFFER_REGISTER, &arg) ? -errno : (int)arg.buffer;
}

static int register_memfd(int fd, int memfd, uint64_t pos, size_t len)
{
	return register_arg(fd, (struct edudma_buffer_register) {
		.addr = pos, .len = len, .kind = EDUDMA_BUFFER_MEMFD, .fd = memfd,
	});
}

static int unregister(int fd, uint32_t buffer)
{
	struct edudma_buffer_unregister arg = { .buffer = buffer };

	return ioctl(fd, EDUDMA_IOC_BUFFER_UNREGISTER, &arg) ? errno : 0;
}

/* Segments of a registered buffer, by what is in it. */
static struct edudma_segment to_window(int buffer, uint64_t pos, size_t len)
{
	return (struct edudma_segment) {
		.addr = pos, .len = len, .direction = EDUDMA_TO_DEVICE, .buffer = buffer,
	};
}

static struct edudma_segment from_window(int buffer, uint64_t pos, size_t len)
{
	return (struct edudma_segment) {
		.addr = pos, .len = len, .direction = EDUDMA_FROM_DEVICE, .buffer = buffer,
	};
}

/* What the device reads of a buffer; 0 if that is pattern @seed. */
static int window_gets(FIXTURE_DATA(registered) *self, int buffer, uint32_t seed)
{
	uint8_t *back = private_pages(1);
	int ret;

	ret = transfer1(self->bed.fd, to_window(buffer, AT, LEN)) ?:
	      transfer1(self->bed.fd, seg_from(back, LEN, 0));
	if (!ret && differs_at(back, LEN, seed) != LEN)
		ret = -1;
	munmap(back, page_size());
	return ret;
}

/* As a user whom limits bind. */
static void become_user(uint64_t pages)
{
	struct rlimit limit = { pages * page_size(), pages * page_size() };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgid(USER) || setuid(USER))
		die("become a user");
}

static uint64_t registered_pages(FIXTURE_DATA(registered) *self)
{
	return stat_get(&self->bed.dev, "pages_registered");
}

/* Pages that are looked at for one within the device's reach. */
#define MOST	(1U << 17)

/* A memfd, of which the page at @pos is within the device's reach. */
static int reachable_memfd(FIXTURE_DATA(registered) *self, off_t *pos)
{
	int memfd = memfd_create("buffer", MFD_CLOEXEC);
	volatile uint8_t *map;
	bool found = false;
	unsigned int i;

	for (i = 0; i < MOST && !found; i++) {
		*pos = i * page_size();
		if (ftruncate(memfd, *pos + page_size()))
			die("ftruncate");
		map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, *pos);
		if (map == MAP_FAILED)
			die("mmap");
		*map = 1;
		found = page_reachable(&self->bed.info, (void *)map);
		munmap((void *)map, page_size());
	}
	if (!found)
		die("a page of a memfd within the device's reach");
	return memfd;
}

/* Likewise of memory that a child gets a copy of. */
static uint8_t *reachable_private_page(FIXTURE_DATA(registered) *self)
{
	uint8_t *page;
	unsigned int i;

	for (i = 0; i < MOST; i++) {
		page = private_pages(1);
		if (page_reachable(&self->bed.info, page))
			return page;
	}
	die("a private page within the device's reach");
}

TEST_F(registered, moves_both_ways_without_pinning)
{
	struct edudma_segment segs[2];
	struct stats delta;
	int buffer;

	NEED_BUFFERS(self);
	buffer = buffer_register(self->bed.fd, self->pages + AT, NR * page_size() - AT);
	ASSERT_LT(0, buffer);
	EXPECT_EQ(NR, registered_pages(self));
	/* Across a page's end, as if it were anywhere. */
	fill(self->pages + AT + page_size() - 500, LEN, 5);
	segs[0] = to_window(buffer, page_size() - 500, LEN);
	segs[1] = from_window(buffer, 4 * page_size() - AT - 1, LEN);
	EXPECT_EQ(0, transfer(self->bed.fd, segs, 2, 0, NULL));
	EXPECT_EQ(LEN, differs_at(self->pages + 4 * page_size() - 1, LEN, 5));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(LEN, delta.bytes_to_device);
	EXPECT_EQ(LEN, delta.bytes_from_device);
	EXPECT_EQ(2 * LEN, delta.bytes_zero_copy);
	EXPECT_EQ(self->bed.before.pages_pinned_max,
		  stat_get(&self->bed.dev, "pages_pinned_max"));
	EXPECT_EQ(0, unregister(self->bed.fd, buffer));
	EXPECT_EQ(0, registered_pages(self));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
}

TEST_F(registered, is_used_beside_other_memory)
{
	struct edudma_segment segs[4];
	uint8_t *other = private_pages(1);
	int buffer;

	NEED_BUFFERS(self);
	buffer = buffer_register(self->bed.fd, self->pages, NR * page_size());
	ASSERT_LT(0, buffer);
	fill(other, LEN, 6);
	segs[0] = seg_to(other, LEN, 0);
	segs[1] = from_window(buffer, AT, LEN);
	segs[2] = to_window(buffer, AT, LEN);
	segs[2].offset = LEN;
	segs[3] = seg_from(other + LEN, LEN, LEN);
	EXPECT_EQ(0, transfer(self->bed.fd, segs, 4, 0, NULL));
	EXPECT_EQ(LEN, differs_at(self->pages + AT, LEN, 6));
	EXPECT_EQ(LEN, differs_at(other + LEN, LEN, 6));
}

TEST_F(registered, belongs_to_its_open_file)
{
	int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC), buffer;

	NEED_BUFFERS(self);
	ASSERT_LE(0, fd);
	buffer = buffer_register(self->bed.fd, self->pages, NR * page_size());
	ASSERT_LT(0, buffer);
	EXPECT_EQ(ENOENT, transfer1(fd, to_window(buffer, 0, LEN)));
	EXPECT_EQ(ENOENT, unregister(fd, buffer));
	EXPECT_EQ(0, transfer1(self->bed.fd, to_window(buffer, 0, LEN)));
	close(fd);
}

TEST_F(registered, number_that_is_unregistered_means_nothing)
{
	int buffer = buffer_register(self->bed.fd, self->pages, page_size());

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	EXPECT_EQ(0, unregister(self->bed.fd, buffer));
	EXPECT_EQ(ENOENT, transfer1(self->bed.fd, to_window(buffer, 0, LEN)));
	EXPECT_EQ(ENOENT, unregister(self->bed.fd, buffer));
	EXPECT_EQ(ENOENT, unregister(self->bed.fd, 0));
}

/* What comes before it in a vector was done. */
TEST_F(registered, segment_beyond_its_end_is_efault)
{
	struct edudma_segment segs[2];
	struct edudma_transfer out;
	int buffer = buffer_register(self->bed.fd, self->pages, page_size());

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	segs[0] = to_window(buffer, 0, LEN);
	segs[1] = to_window(buffer, page_size() - LEN + 1, LEN);
	EXPECT_EQ(EFAULT, transfer(self->bed.fd, segs, 2, 0, &out));
	EXPECT_EQ(LEN, out.bytes_done);
	EXPECT_EQ(1, out.segments_done);
	segs[1].addr = UINT64_MAX - 10;
	EXPECT_EQ(EFAULT, transfer1(self->bed.fd, segs[1]));
	segs[1].addr = page_size() - LEN;
	EXPECT_EQ(0, transfer1(self->bed.fd, segs[1]));
}

TEST_F(registered, twice_is_the_same_memory)
{
	int first, second;

	NEED_BUFFERS(self);
	first = buffer_register(self->bed.fd, self->pages, NR * page_size());
	second = buffer_register(self->bed.fd, self->pages, page_size());
	ASSERT_LT(0, first);
	ASSERT_LT(0, second);
	EXPECT_NE(first, second);
	EXPECT_EQ(NR + 1, registered_pages(self));
	fill(self->pages + AT, LEN, 7);
	EXPECT_EQ(0, window_gets(self, first, 7));
	EXPECT_EQ(0, unregister(self->bed.fd, first));
	EXPECT_EQ(0, window_gets(self, second, 7));
}

TEST_F(registered, is_released_when_its_file_is_closed)
{
	int i, fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);

	NEED_BUFFERS(self);
	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++)
		ASSERT_LT(0, buffer_register(fd, self->pages, NR * page_size()));
	EXPECT_EQ(3 * NR, registered_pages(self));
	close(fd);
	EXPECT_EQ(0, registered_pages(self));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
}

/* Each of a page of its own: a page that is mapped many times is noticed by dma-debug. */
TEST_F(registered, no_more_than_max_buffers)
{
	unsigned int i, most = self->bed.info.max_buffers;
	uint8_t *pages;

	NEED_BUFFERS(self);
	pages = reachable_pages(&self->bed.info, most);
	ASSERT_NE(NULL, pages);
	for (i = 0; i < most; i++)
		ASSERT_EQ(i + 1, buffer_register(self->bed.fd, pages + i * page_size(), 1));
	EXPECT_EQ(-ENOSPC, buffer_register(self->bed.fd, pages, 1));
	EXPECT_EQ(most, registered_pages(self));
	EXPECT_EQ(0, unregister(self->bed.fd, 5));
	EXPECT_EQ(5, buffer_register(self->bed.fd, pages, 1));
	munmap(pages, most * page_size());
}

/* The memory is what it was, though nothing is mapped there any more. */
TEST_F(registered, survives_munmap)
{
	uint8_t *map, *back = private_pages(1);
	int memfd, buffer;
	off_t pos;

	NEED_BUFFERS(self);
	memfd = reachable_memfd(self, &pos);
	map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, memfd, pos);
	ASSERT_NE(MAP_FAILED, map);
	buffer = buffer_register(self->bed.fd, map, page_size());
	ASSERT_LT(0, buffer);
	munmap(map, page_size());
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, 8));
	EXPECT_EQ(0, transfer1(self->bed.fd, from_window(buffer, AT, LEN)));
	EXPECT_EQ(LEN, pread(memfd, back, LEN, pos + AT));
	EXPECT_EQ(LEN, differs_at(back, LEN, 8));
	close(memfd);
}

TEST_F(registered, moves_along_with_mremap)
{
	int buffer = buffer_register(self->bed.fd, self->pages, page_size());
	uint8_t *place, *moved;

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	place = private_pages(1);
	moved = mremap(self->pages, page_size(), page_size(),
		       MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, moved);
	fill(moved + AT, LEN, 9);
	EXPECT_EQ(0, window_gets(self, buffer, 9));
}

/* It is the parent's, which writes to it, and not a copy that stays behind. */
TEST_F(registered, stays_the_parents_after_fork)
{
	int buffer, ready[2];
	uint8_t *page;
	char byte;
	pid_t pid;

	NEED_BUFFERS(self);
	page = reachable_private_page(self);
	buffer = buffer_register(self->bed.fd, page, page_size());
	ASSERT_LT(0, buffer);
	ASSERT_EQ(0, pipe(ready));
	pid = fork_dependent();
	if (!pid) {
		close(ready[1]);
		(void)!read(ready[0], &byte, 1);
		_exit(0);
	}
	fill(page + AT, LEN, 10);
	EXPECT_EQ(0, window_gets(self, buffer, 10));
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, 11));
	EXPECT_EQ(0, transfer1(self->bed.fd, from_window(buffer, AT, LEN)));
	EXPECT_EQ(LEN, differs_at(page + AT, LEN, 11));
	close(ready[1]);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	close(ready[0]);
}

/* Whoever has the file has what is registered with it. */
TEST_F(registered, goes_with_the_file_to_another_process)
{
	int pair[2], buffer, status, fd;
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	pid_t pid;

	NEED_BUFFERS(self);
	buffer = buffer_register(self->bed.fd, self->pages, page_size());
	ASSERT_LT(0, buffer);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork_dependent();
	if (!pid) {
		close(self->bed.fd);
		munmap(self->pages, NR * page_size());
		if (recvmsg(pair[1], &msg, 0) != 1)
			_exit(2);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		_exit(!!transfer1(fd, from_window(buffer, AT, LEN)));
	}
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, 12));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &self->bed.fd, sizeof(int));
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(LEN, differs_at(self->pages + AT, LEN, 12));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(registered, is_released_by_exec)
{
	int ready[2];
	char byte;
	pid_t pid;

	NEED_BUFFERS(self);
	ASSERT_EQ(0, pipe(ready));
	pid = fork_dependent();
	if (!pid) {
		int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
		bool good = buffer_register(fd, self->pages, NR * page_size()) > 0;

		(void)!write(ready[1], &good, 1);
		execlp("sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_TRUE(byte);
	EXPECT_TRUE(WAIT_FOR(!registered_pages(self)));
	EXPECT_TRUE(WAIT_FOR(pins_outstanding() == self->bed.pins));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	close(ready[0]);
	close(ready[1]);
}

static void register_and_fetch(struct job_report *report, void *arg)
{
	FIXTURE_DATA(registered) *self = arg;
	int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	int buffer = buffer_register(fd, self->pages, NR * page_size());
	struct edudma_segment segs[2];

	segs[0] = from_window(buffer, AT, LEN);
	segs[1] = from_window(buffer, page_size() + AT, LEN);
	report->begun = true;
	report->err = transfer(fd, segs, 2, 0, &report->out);
}

/* The device goes on for a while, and the memory stays until it is done. */
TEST_F(registered, is_released_when_its_user_is_killed)
{
	struct job job;

	NEED_BUFFERS(self);
	BED_SLOW(&self->bed);
	job_start(&job, register_and_fetch, self);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			     self->bed.before.descriptors));
	ASSERT_EQ(0, kill(job.pid, SIGKILL));
	ASSERT_EQ(SIGKILL, job_wait(&job));
	EXPECT_TRUE(WAIT_FOR(!registered_pages(self)));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
}

TEST_F(registered, stays_until_who_uses_it_is_done)
{
	struct edudma_segment seg;
	struct job job;
	int buffer = buffer_register(self->bed.fd, self->pages, NR * page_size());

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, 13));
	BED_SLOW(&self->bed);
	seg = from_window(buffer, AT, LEN);
	job_transfer(&job, self->bed.fd, &seg, 1, 0);
	ASSERT_TRUE(WAIT_FOR(stat_get(&self->bed.dev, "descriptors") >
			     self->bed.before.descriptors));
	EXPECT_EQ(0, unregister(self->bed.fd, buffer));
	EXPECT_EQ(ENOENT, transfer1(self->bed.fd, seg));
	EXPECT_EQ(NR, registered_pages(self));
	EXPECT_EQ(0, job_wait(&job));
	EXPECT_EQ(0, job.report->err);
	EXPECT_EQ(LEN, differs_at(self->pages + AT, LEN, 13));
	EXPECT_TRUE(WAIT_FOR(!registered_pages(self)));
}

TEST_F(registered, serves_several_at_a_time)
{
	struct edudma_segment segs[3];
	struct job jobs[3];
	int i, buffer = buffer_register(self->bed.fd, self->pages, NR * page_size());

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, 14));
	BED_SLOW(&self->bed);
	for (i = 0; i < 3; i++) {
		segs[i] = from_window(buffer, i * page_size(), LEN);
		job_transfer(&jobs[i], self->bed.fd, &segs[i], 1, 0);
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, job_wait(&jobs[i]));
		EXPECT_EQ(0, jobs[i].report->err);
		EXPECT_EQ(LEN, differs_at(self->pages + i * page_size(), LEN, 14));
	}
}

TEST_F(registered, counts_to_the_limit_of_its_user)
{
	int status, buffer = 0, ready[2];
	pid_t pid;

	NEED_BUFFERS(self);
	ASSERT_EQ(0, pipe(ready));
	pid = fork_dependent();
	if (!pid) {
		int fd = self->bed.fd;

		become_user(NR - 1);
		buffer = buffer_register(fd, self->pages, NR * page_size());
		if (buffer != -EDQUOT)
			_exit(1);
		if (buffer_register(fd, self->pages, (NR - 1) * page_size()) <= 0)
			_exit(2);
		if (buffer_register(fd, self->pages, 1) != -EDQUOT)
			_exit(3);
		buffer = 1;
		if (unregister(fd, buffer))
			_exit(4);
		buffer = buffer_register(fd, self->pages, (NR - 1) * page_size());
		(void)!write(ready[1], &buffer, sizeof(buffer));
		_exit(buffer <= 0);
	}
	ASSERT_EQ(sizeof(buffer), read(ready[0], &buffer, sizeof(buffer)));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* The process is gone; what it has registered counts, as the file is open. */
	pid = fork_dependent();
	if (!pid) {
		become_user(NR - 1);
		_exit(buffer_register(self->bed.fd, self->pages, 1) != -EDQUOT);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* Root gives it back, to the account that it came from. */
	EXPECT_EQ(0, unregister(self->bed.fd, buffer));
	pid = fork_dependent();
	if (!pid) {
		become_user(NR - 1);
		_exit(buffer_register(self->bed.fd, self->pages,
				      (NR - 1) * page_size()) <= 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(ready[0]);
	close(ready[1]);
}

TEST_F(registered, memory_of_a_memfd_need_not_be_mapped)
{
	uint8_t *back = private_pages(1);
	int memfd, buffer;
	off_t pos;

	NEED_BUFFERS(self);
	memfd = reachable_memfd(self, &pos);
	buffer = register_memfd(self->bed.fd, memfd, pos, page_size());
	ASSERT_LT(0, buffer);
	EXPECT_EQ(1, registered_pages(self));
	ASSERT_EQ(0, window_fill(self->bed.fd, LEN, 15));
	EXPECT_EQ(0, transfer1(self->bed.fd, from_window(buffer, AT, LEN)));
	EXPECT_EQ(LEN, pread(memfd, back, LEN, pos + AT));
	EXPECT_EQ(LEN, differs_at(back, LEN, 15));
	/* What the file loses is the buffer's all the same, and nobody else's. */
	ASSERT_EQ(0, ftruncate(memfd, 0));
	EXPECT_EQ(0, transfer1(self->bed.fd, from_window(buffer, AT, LEN)));
	ASSERT_EQ(0, ftruncate(memfd, pos + page_size()));
	EXPECT_EQ(LEN, pread(memfd, back, LEN, pos + AT));
	EXPECT_TRUE(all_bytes_are(back, LEN, 0));
	close(memfd);
}

TEST_F(registered, refuses_a_file_that_is_not_open_as_it_must_be)
{
	char path[64];
	int memfd = memfd_create("buffer", MFD_ALLOW_SEALING), fd;

	NEED_BUFFERS(self);
	ASSERT_EQ(0, ftruncate(memfd, page_size()));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, register_memfd(self->bed.fd, fd, 0, page_size()));
	close(fd);
	EXPECT_EQ(-EBADF, register_memfd(self->bed.fd, 1000, 0, page_size()));
	EXPECT_EQ(-EINVAL, register_memfd(self->bed.fd, memfd, 5, page_size()));
	EXPECT_EQ(-EOPNOTSUPP, register_memfd(self->bed.fd, self->bed.fd, 0, page_size()));
	EXPECT_EQ(-EFAULT, register_memfd(self->bed.fd, memfd, 0, 2 * page_size()));
	ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(-EPERM, register_memfd(self->bed.fd, memfd, 0, page_size()));
	close(memfd);
}

TEST_F(registered, refuses_a_file_on_a_disk)
{
	uint8_t *map;

	NEED_BUFFERS(self);
	if (!disk_there())
		SKIP(return, "this machine has no scratch disk");
	ASSERT_TRUE(disk_file_make(&self->file, page_size(), 1))
		TH_LOG("%s", self->file.wrong);
	map = disk_file_map(&self->file, MAP_SHARED);
	EXPECT_EQ(-EOPNOTSUPP, buffer_register(self->bed.fd, map, page_size()));
	munmap(map, page_size());
	/* A private mapping is memory of one's own, as soon as it is written to. */
	map = disk_file_map(&self->file, MAP_PRIVATE);
	if (find_page(&self->bed.info, false)) {
		EXPECT_NE(-EOPNOTSUPP, buffer_register(self->bed.fd, map, page_size()));
	} else {
		EXPECT_LT(0, buffer_register(self->bed.fd, map, page_size()));
	}
	munmap(map, page_size());
}

TEST_F(registered, refuses_memory_that_is_not_there)
{
	uint8_t *hole = private_pages(2);

	NEED_BUFFERS(self);
	munmap(hole + page_size(), page_size());
	EXPECT_EQ(-EFAULT, buffer_register(self->bed.fd, hole, 2 * page_size()));
	EXPECT_EQ(-EFAULT, buffer_register(self->bed.fd, (void *)KERNEL_ADDRESS, 1));
	munmap(hole, page_size());
}

TEST_F(registered, refuses_memory_that_may_not_be_written)
{
	NEED_BUFFERS(self);
	ASSERT_EQ(0, mprotect(self->pages, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, buffer_register(self->bed.fd, self->pages, page_size()));
}

TEST_F(registered, refuses_what_it_does_not_know)
{
	const struct edudma_buffer_register good = {
		.addr = ptr64(self->pages), .len = page_size(),
	};
	struct edudma_buffer_unregister un = { .reserved = 1 };
	struct edudma_buffer_register arg;

	NEED_BUFFERS(self);
	arg = good;
	arg.flags = 1;
	EXPECT_EQ(-EINVAL, register_arg(self->bed.fd, arg));
	arg = good;
	arg.kind = EDUDMA_BUFFER_MEMFD + 1;
	EXPECT_EQ(-EINVAL, register_arg(self->bed.fd, arg));
	arg = good;
	arg.fd = 1;
	EXPECT_EQ(-EINVAL, register_arg(self->bed.fd, arg));
	arg = good;
	arg.len = 0;
	EXPECT_EQ(-EINVAL, register_arg(self->bed.fd, arg));
	arg = good;
	arg.len = self->bed.info.max_transfer_bytes + 1;
	EXPECT_EQ(-EINVAL, register_arg(self->bed.fd, arg));
	un.buffer = register_arg(self->bed.fd, good);
	ASSERT_LT(0, (int)un.buffer);
	EXPECT_EQ(-1, ioctl(self->bed.fd, EDUDMA_IOC_BUFFER_UNREGISTER, &un));
	EXPECT_EQ(EINVAL, errno);
}

/* The kernel takes nothing of it, however much it would like to. */
TEST_F(registered, stays_in_memory_under_pressure)
{
	uint64_t before[NR];
	int i, buffer = buffer_register(self->bed.fd, self->pages, NR * page_size());

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	for (i = 0; i < NR; i++)
		before[i] = page_pfn(self->pages + i * page_size());
	fill(self->pages + AT, LEN, 16);
	EXPECT_EQ(0, madvise(self->pages, NR * page_size(), MADV_PAGEOUT));
	EXPECT_EQ(0, window_gets(self, buffer, 16));
	for (i = 0; i < NR; i++) {
		/* It is mapped again by the first look. */
		EXPECT_LE(0, *(volatile uint8_t *)(self->pages + i * page_size()));
		EXPECT_EQ(before[i], page_pfn(self->pages + i * page_size()));
	}
}

/* The device is gone and does not see it any more; the user gives it back later. */
TEST_F(registered, outlives_its_device)
{
	int buffer = buffer_register(self->bed.fd, self->pages, NR * page_size());

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(ENODEV, transfer1(self->bed.fd, to_window(buffer, 0, LEN)));
	EXPECT_EQ(-ENODEV, buffer_register(self->bed.fd, self->pages, page_size()));
	EXPECT_EQ(self->bed.pins + NR, pins_outstanding());
	EXPECT_EQ(0, unregister(self->bed.fd, buffer));
	EXPECT_EQ(self->bed.pins, pins_outstanding());
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, dev_restore(&self->bed.dev));
}

TEST_F(registered, is_lost_by_nobody_when_its_device_goes_while_it_is_used)
{
	struct edudma_segment segs[4];
	struct job job;
	int i, buffer = buffer_register(self->bed.fd, self->pages, NR * page_size());

	NEED_BUFFERS(self);
	ASSERT_LT(0, buffer);
	BED_SLOW(&self->bed);
	for (i = 0; i < 4; i++)
		segs[i] = from_window(buffer, i * page_size(), LEN);
	job_transfer(&job, self->bed.fd, segs, 4, 0);
	ASSERT_TRUE(bed_under_way(&self->bed));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(0, job_wait(&job));
	EXPECT_EQ(ENODEV, job.report->err);
	close(self->bed.fd);
	self->bed.fd = -1;
	EXPECT_TRUE(WAIT_FOR(pins_outstanding() == self->bed.pins));
	ASSERT_EQ(0, dev_restore(&self->bed.dev));
}

TEST_HARNESS_MAIN
