// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of the device's memory: it is the window, no more and no less, and it
 * goes when the device goes.
 */
#include "edudma_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PAGES	4

FIXTURE(mapping)
{
	struct bed bed;
	uint8_t *buf;
};

FIXTURE_SETUP(mapping)
{
	BED_SETUP(&self->bed);
	ASSERT_TRUE(self->bed.info.capabilities & EDUDMA_CAP_MMAP);
	self->buf = private_pages(PAGES);
}

FIXTURE_TEARDOWN(mapping)
{
	BED_TEARDOWN(&self->bed);
}

static uint8_t *map(int fd, size_t pages, uint64_t offset)
{
	return mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, offset);
}

static sigjmp_buf touched;

static void on_sigbus(int sig)
{
	siglongjmp(touched, sig);
}

/* The signal that reading, or writing, a byte raises; 0 if none. */
static int touch(volatile uint8_t *at, bool write)
{
	struct sigaction action = { .sa_handler = on_sigbus }, before;
	int sig;

	sigaction(SIGBUS, &action, &before);
	sig = sigsetjmp(touched, 1);
	if (!sig) {
		if (write)
			*at = 1;
		else
			(void)*at;
	}
	sigaction(SIGBUS, &before, NULL);
	return sig;
}

TEST_F(mapping, shows_what_dma_wrote)
{
	size_t len = PAGES * page_size();
	uint8_t *window = map(self->bed.fd, PAGES, 0);

	ASSERT_NE(MAP_FAILED, window);
	fill(self->buf, len, 1);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, len, 0)));
	EXPECT_EQ(len, differs_at(window, len, 1));
	munmap(window, len);
}

TEST_F(mapping, is_what_dma_reads)
{
	size_t len = PAGES * page_size();
	uint8_t *window = map(self->bed.fd, PAGES, 0);

	ASSERT_NE(MAP_FAILED, window);
	fill(window, len, 2);
	/* Write-combined stores have arrived when a load has. */
	*(volatile uint8_t *)window;
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(self->buf, len, 0)));
	EXPECT_EQ(len, differs_at(self->buf, len, 2));
	munmap(window, len);
}

TEST_F(mapping, starts_at_its_offset)
{
	uint64_t last = self->bed.info.window_bytes - page_size();
	uint8_t *window = map(self->bed.fd, 1, last);

	ASSERT_NE(MAP_FAILED, window);
	fill(self->buf, page_size(), 3);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, page_size(), last)));
	EXPECT_EQ(page_size(), differs_at(window, page_size(), 3));
	munmap(window, page_size());
}

TEST_F(mapping, ends_with_the_window)
{
	uint64_t end = self->bed.info.window_bytes;

	EXPECT_EQ(MAP_FAILED, map(self->bed.fd, 1, end));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(MAP_FAILED, map(self->bed.fd, 2, end - page_size()));
	EXPECT_EQ(ENXIO, errno);
	/* An offset whose sum with the length would wrap. */
	EXPECT_EQ(MAP_FAILED, map(self->bed.fd, 2, -page_size()));
	EXPECT_TRUE(errno == ENXIO || errno == EOVERFLOW);
}

TEST_F(mapping, does_not_grow_beyond_the_window)
{
	uint64_t last = self->bed.info.window_bytes - page_size();
	uint8_t *window = map(self->bed.fd, 1, last);

	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(MAP_FAILED, mremap(window, page_size(), 2 * page_size(),
				     MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	munmap(window, page_size());
}

TEST_F(mapping, cannot_be_private)
{
	int fd = open(self->bed.dev.node, O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE, self->bed.fd, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(mapping, of_a_file_open_for_reading_cannot_be_written)
{
	int fd = open(self->bed.dev.node, O_RDONLY | O_CLOEXEC);
	uint8_t *window;

	ASSERT_LE(0, fd);
	EXPECT_EQ(MAP_FAILED, map(fd, 1, 0));
	EXPECT_EQ(EACCES, errno);
	window = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(-1, mprotect(window, page_size(), PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(window, page_size());
	close(fd);
}

TEST_F(mapping, outlives_its_file)
{
	int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	uint8_t *window;

	ASSERT_LE(0, fd);
	window = map(fd, 1, 0);
	ASSERT_NE(MAP_FAILED, window);
	close(fd);
	fill(self->buf, page_size(), 4);
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_to(self->buf, page_size(), 0)));
	EXPECT_EQ(page_size(), differs_at(window, page_size(), 4));
	munmap(window, page_size());
}

TEST_F(mapping, is_no_memory_for_a_transfer)
{
	uint8_t *window = map(self->bed.fd, 1, 0);

	ASSERT_NE(MAP_FAILED, window);
	window[0] = 1;
	EXPECT_EQ(EFAULT, transfer1(self->bed.fd, seg_from(window, 16, 0)));
	EXPECT_EQ(EFAULT, transfer1(self->bed.fd, seg_to(window, 16, 0)));
	munmap(window, page_size());
}

/* What x86 has the page attribute table say of the memory under the mapping. */
TEST_F(mapping, is_no_memory_to_register)
{
	uint8_t *window = map(self->bed.fd, 1, 0);

	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(kernel_copies() ? -EADDRNOTAVAIL : -ENXIO,
		  buffer_register(self->bed.fd, window, page_size()));
	munmap(window, page_size());
}

TEST_F(mapping, is_write_combined)
{
	FILE *list = fopen("/sys/kernel/debug/x86/pat_memtype_list", "r");
	char path[128], line[256], type[32];
	unsigned long long start, from, to;
	bool found = false;

	if (!list)
		SKIP(return, "this kernel does not list memory types");
	snprintf(path, sizeof(path), "%s/device/resource", self->bed.dev.sysfs);
	FILE *resources = fopen(path, "r");

	ASSERT_NE(NULL, resources);
	/* The third line is that of BAR 2. */
	for (int i = 0; i < 3; i++)
		ASSERT_NE(NULL, fgets(line, sizeof(line), resources));
	fclose(resources);
	ASSERT_EQ(1, sscanf(line, "%llx", &start));
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "PAT: [mem %llx-%llx] %31s", &from, &to, type) == 3 &&
		    from <= start && start < to) {
			found = true;
			EXPECT_EQ(0, strcmp("write-combining", type))
				TH_LOG("%s", line);
		}
	}
	fclose(list);
	EXPECT_TRUE(found);
}

/* A test that has the device unbound, with a mapping of a file left open. */
FIXTURE(gone)
{
	struct bed bed;
	uint8_t *window;
	int fd;
};

FIXTURE_SETUP(gone)
{
	BED_SETUP(&self->bed);
	self->fd = self->bed.fd;
	self->window = map(self->fd, PAGES, 0);
	ASSERT_NE(MAP_FAILED, self->window);
	ASSERT_EQ(0, touch(self->window, true));
}

FIXTURE_TEARDOWN(gone)
{
	munmap(self->window, PAGES * page_size());
	BED_TEARDOWN(&self->bed);
	EXPECT_EQ(0, dev_restore(&self->bed.dev));
}

TEST_F(gone, raises_sigbus)
{
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(SIGBUS, touch(self->window, false));
	EXPECT_EQ(SIGBUS, touch(self->window, true));
	/* Also where it had not been touched before. */
	EXPECT_EQ(SIGBUS, touch(self->window + page_size(), false));
}

TEST_F(gone, raises_sigbus_in_a_child)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		WAIT_FOR(access(self->bed.dev.sysfs, F_OK));
		_exit(touch(self->window, false));
	}
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(SIGBUS, WEXITSTATUS(status));
}

/* Each node has mappings of its own: an inode that somebody else made, too. */
TEST_F(gone, raises_sigbus_through_another_node)
{
	char path[] = "/tmp/edudma-node-XXXXXX";
	struct stat st;
	uint8_t *window;
	int fd;

	ASSERT_EQ(0, fstat(self->fd, &st));
	ASSERT_LE(0, close(mkstemp(path)));
	unlink(path);
	ASSERT_EQ(0, mknod(path, S_IFCHR | 0600, st.st_rdev));
	fd = open(path, O_RDWR | O_CLOEXEC);
	unlink(path);
	ASSERT_LE(0, fd);
	window = map(fd, 1, 0);
	ASSERT_NE(MAP_FAILED, window);
	EXPECT_EQ(0, touch(window, true));
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(SIGBUS, touch(window, false));
	munmap(window, page_size());
	close(fd);
}

TEST_F(gone, cannot_be_mapped)
{
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
	EXPECT_EQ(MAP_FAILED, map(self->fd, 1, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* Files that have mappings keep the device awake; none is forgotten. */
TEST_F(gone, leaves_the_count_of_users_even)
{
	char path[128], usage[32];

	snprintf(path, sizeof(path), "%s/device/power/runtime_usage",
		 self->bed.dev.sysfs);
	file_read(path, usage, sizeof(usage));
	if (!*usage)
		SKIP(return, "this kernel does not tell");
	EXPECT_LT(0, atoi(usage));
	munmap(self->window, PAGES * page_size());
	close(self->bed.fd);
	self->bed.fd = -1;
	EXPECT_EQ(atoi(usage) - 1, (int)file_read_u64(path));
}

TEST_HARNESS_MAIN
