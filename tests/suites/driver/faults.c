// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that a transfer may not touch: each way in which an address can be
 * bad, alone and with good memory before it.
 */
#include "edudma_fixture.h"

#include <sys/mman.h>
#include <sys/uio.h>

#define PART		64

enum bad {
	READ_ONLY, RODATA, UNMAPPED, NO_ACCESS, AT_NULL, KERNEL, WRAPPING,
	NON_CANONICAL, VVAR, FILE_END, READ_ONLY_FILE, DEVICE_REGISTERS,
};

static const char rodata_area[PART] = "read-only data";

/* The kernel's own page in this process: readable, but before 7.3 no page to pin. */
static void *vvar_page(void)
{
	unsigned long start = 0;
	char line[256];
	FILE *maps;

	maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return NULL;
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vvar]")) {
			sscanf(line, "%lx-", &start);
			break;
		}
	}
	fclose(maps);
	return (void *)start;
}

/* A mapped page that its file is too short for. */
static void *beyond_file_end(void)
{
	int fd = memfd_create("edudma", MFD_CLOEXEC);

	return mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* A shared mapping of a file, which may be read only. */
static void *read_only_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
}

/* Registers of the other device, which no page structure stands for. */
static void *device_registers(void)
{
	struct test_dev dev;
	char path[96];
	void *p;
	int fd;

	if (!dev_get(1, &dev))
		return NULL;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", dev.slot);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	p = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void *bad_address(enum bad kind)
{
	uint8_t *p;

	switch (kind) {
	case READ_ONLY:
		p = private_pages(1);
		return mprotect(p, page_size(), PROT_READ) ? NULL : p;
	case RODATA:
		return (void *)rodata_area;
	case UNMAPPED:
		p = private_pages(1);
		munmap(p, page_size());
		return p;
	case NO_ACCESS:
		p = private_pages(1);
		return mprotect(p, page_size(), PROT_NONE) ? NULL : p;
	case AT_NULL:
		return NULL;
	case KERNEL:
		return (void *)(uintptr_t)KERNEL_ADDRESS;
	case WRAPPING:
		return (void *)-(uintptr_t)(PART / 2);
	case NON_CANONICAL:
		return (void *)(uintptr_t)NON_CANONICAL_ADDRESS;
	case VVAR:
		return vvar_page();
	case FILE_END:
		return beyond_file_end();
	case READ_ONLY_FILE:
		return read_only_file();
	case DEVICE_REGISTERS:
		return device_registers();
	}
	return NULL;
}

/* Has it a page structure?  This call needs one, too. */
static bool can_be_spliced(void *addr)
{
	struct iovec byte = { addr, 1 };
	bool spliced;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return false;
	spliced = vmsplice(ends[1], &byte, 1, 0) == 1;
	close(ends[0]);
	close(ends[1]);
	return spliced;
}

/* Why a kind of memory cannot be had here, or NULL. */
static const char *missing(enum bad kind, void *addr)
{
	if (kind == VVAR && !addr)
		return "this process has no [vvar]";
	if (kind == VVAR && can_be_spliced(addr))
		return "this kernel's [vvar] has page structures";
	if (kind == DEVICE_REGISTERS && !addr)
		return "no other device's registers can be mapped";
	return NULL;
}

#define NEED_MEMORY(self) do {						\
	const char *why_ = missing(variant->kind, (self)->addr);	\
									\
	if (why_)							\
		SKIP(return, "%s", why_);				\
} while (0)

FIXTURE(destination)
{
	struct bed bed;
	void *addr;
};

FIXTURE_VARIANT(destination)
{
	enum bad kind;
};

FIXTURE_VARIANT_ADD(destination, read_only) { .kind = READ_ONLY };
FIXTURE_VARIANT_ADD(destination, rodata) { .kind = RODATA };
FIXTURE_VARIANT_ADD(destination, unmapped) { .kind = UNMAPPED };
FIXTURE_VARIANT_ADD(destination, without_access) { .kind = NO_ACCESS };
FIXTURE_VARIANT_ADD(destination, null) { .kind = AT_NULL };
FIXTURE_VARIANT_ADD(destination, in_the_kernel) { .kind = KERNEL };
FIXTURE_VARIANT_ADD(destination, wrapping) { .kind = WRAPPING };
FIXTURE_VARIANT_ADD(destination, non_canonical) { .kind = NON_CANONICAL };
FIXTURE_VARIANT_ADD(destination, without_page_struct) { .kind = VVAR };
FIXTURE_VARIANT_ADD(destination, beyond_the_file_end) { .kind = FILE_END };
FIXTURE_VARIANT_ADD(destination, read_only_file) { .kind = READ_ONLY_FILE };
FIXTURE_VARIANT_ADD(destination, device_registers) { .kind = DEVICE_REGISTERS };

FIXTURE_SETUP(destination)
{
	BED_SETUP(&self->bed);
	self->addr = bad_address(variant->kind);
}

FIXTURE_TEARDOWN(destination)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(destination, fails_pread_with_efault)
{
	struct stats delta;

	NEED_MEMORY(self);
	EXPECT_EQ(-1, pread(self->bed.fd, self->addr, PART, 0));
	EXPECT_EQ(EFAULT, errno);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
}

TEST_F(destination, fails_preadv_with_efault)
{
	struct iovec iov = { self->addr, PART };

	NEED_MEMORY(self);
	EXPECT_EQ(-1, preadv(self->bed.fd, &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(destination, fails_the_ioctl_with_efault)
{
	struct edudma_segment seg = seg_from(self->addr, PART, 0);
	struct stats delta;

	NEED_MEMORY(self);
	EXPECT_EQ(EFAULT, transfer(self->bed.fd, &seg, 1, 0, NULL));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
	EXPECT_EQ(0, delta.bytes_from_device);
}

FIXTURE(origin)
{
	struct bed bed;
	void *addr;
};

FIXTURE_VARIANT(origin)
{
	enum bad kind;
};

FIXTURE_VARIANT_ADD(origin, unmapped) { .kind = UNMAPPED };
FIXTURE_VARIANT_ADD(origin, without_access) { .kind = NO_ACCESS };
FIXTURE_VARIANT_ADD(origin, null) { .kind = AT_NULL };
FIXTURE_VARIANT_ADD(origin, in_the_kernel) { .kind = KERNEL };
FIXTURE_VARIANT_ADD(origin, wrapping) { .kind = WRAPPING };
FIXTURE_VARIANT_ADD(origin, non_canonical) { .kind = NON_CANONICAL };
FIXTURE_VARIANT_ADD(origin, without_page_struct) { .kind = VVAR };
FIXTURE_VARIANT_ADD(origin, beyond_the_file_end) { .kind = FILE_END };
FIXTURE_VARIANT_ADD(origin, device_registers) { .kind = DEVICE_REGISTERS };

FIXTURE_SETUP(origin)
{
	BED_SETUP(&self->bed);
	self->addr = bad_address(variant->kind);
}

FIXTURE_TEARDOWN(origin)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(origin, fails_pwrite_with_efault)
{
	struct stats delta;

	NEED_MEMORY(self);
	EXPECT_EQ(-1, pwrite(self->bed.fd, self->addr, PART, 0));
	EXPECT_EQ(EFAULT, errno);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
}

TEST_F(origin, fails_the_ioctl_with_efault)
{
	struct edudma_segment seg = seg_to(self->addr, PART, 0);
	struct stats delta;

	NEED_MEMORY(self);
	EXPECT_EQ(EFAULT, transfer(self->bed.fd, &seg, 1, 0, NULL));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
	EXPECT_EQ(0, delta.bytes_to_device);
}

/*
 * Good memory, then bad: what came before the hole is done and counted.
 */

#define BEFORE	100	/* bytes of a part that lie before the hole */
#define AFTER	120

FIXTURE(hole)
{
	struct bed bed;
	int fd;
	uint8_t *pages;	/* one good, one bad, one good */
	uint8_t *edge;	/* BEFORE bytes before the bad page */
	uint8_t *back, *expected;	/* mapped before the hole is made */
	uint64_t chunk_bytes;
};

FIXTURE_VARIANT(hole)
{
	unsigned int chunk_pages;	/* 0: as it is */
};

FIXTURE_VARIANT_ADD(hole, in_one_chunk) { .chunk_pages = 0 };
FIXTURE_VARIANT_ADD(hole, between_chunks) { .chunk_pages = 1 };

FIXTURE_SETUP(hole)
{
	self->chunk_bytes = param_get("chunk_bytes");
	BED_SETUP(&self->bed);
	if (variant->chunk_pages) {
		ASSERT_EQ(0, param_set("chunk_bytes", variant->chunk_pages * page_size()));
	}
	self->fd = self->bed.fd;
	self->pages = private_pages(3);
	self->edge = self->pages + page_size() - BEFORE;
	ASSERT_EQ(0, window_fill(self->fd, self->bed.area, 1));
	self->back = private_pages(1);
	self->expected = private_pages(1);
	ASSERT_EQ(0, munmap(self->pages + page_size(), page_size()));
	stats_get(&self->bed.dev, &self->bed.before);
}

FIXTURE_TEARDOWN(hole)
{
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

TEST_F(hole, makes_pread_short)
{
	ASSERT_EQ(BEFORE, pread(self->fd, self->edge, BEFORE + AFTER, 0));
	EXPECT_EQ(BEFORE, differs_at(self->edge, BEFORE, 1));
}

TEST_F(hole, makes_pwrite_short)
{
	fill(self->edge, BEFORE, 2);
	ASSERT_EQ(BEFORE, pwrite(self->fd, self->edge, BEFORE + AFTER, 0));
	ASSERT_EQ(0, transfer1(self->fd,
			       seg_from(self->back, BEFORE + AFTER, 0)));
	EXPECT_EQ(BEFORE, differs_at(self->back, BEFORE, 2));
	fill(self->expected, BEFORE + AFTER, 1);
	EXPECT_EQ(0, memcmp(self->back + BEFORE, self->expected + BEFORE, AFTER));
}

TEST_F(hole, advances_the_position_by_what_was_moved)
{
	ASSERT_EQ(BEFORE, read(self->fd, self->edge, BEFORE + AFTER));
	EXPECT_EQ(BEFORE, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(hole, between_vector_elements_makes_preadv_short)
{
	struct iovec iov[] = {
		{ self->pages, 10 }, { self->pages + page_size(), 10 },
		{ self->pages + 2 * page_size(), 10 },
	};

	ASSERT_EQ(10, preadv(self->fd, iov, 3, 0));
	EXPECT_EQ(10, differs_at(self->pages, 10, 1));
	EXPECT_TRUE(all_bytes_are(self->pages + 2 * page_size(), 10, 0xee));
}

TEST_F(hole, in_a_segment_counts_the_bytes_before_it)
{
	struct edudma_segment seg = seg_from(self->edge, BEFORE + AFTER, 0);
	struct edudma_transfer out;

	ASSERT_EQ(EFAULT, transfer(self->fd, &seg, 1, 0, &out));
	EXPECT_EQ(BEFORE, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	EXPECT_EQ(EFAULT, out.error);
	EXPECT_EQ(BEFORE, differs_at(self->edge, BEFORE, 1));
}

TEST_F(hole, stops_the_vector_where_it_is)
{
	uint8_t *last = self->pages + 2 * page_size();
	struct edudma_segment segs[] = {
		seg_from(self->pages, 30, 0),
		seg_from(self->pages + page_size(), 30, 30),
		seg_from(last, 30, 60),
	};
	struct edudma_transfer out;
	struct stats delta;

	ASSERT_EQ(EFAULT, transfer(self->fd, segs, 3, 0, &out));
	EXPECT_EQ(30, out.bytes_done);
	EXPECT_EQ(1, out.segments_done);
	EXPECT_EQ(EFAULT, out.error);
	EXPECT_EQ(30, differs_at(self->pages, 30, 1));
	EXPECT_TRUE(all_bytes_are(last, 30, 0xee));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(1, delta.descriptors);
	EXPECT_EQ(30, delta.bytes_from_device);
}

TEST_F(hole, fails_the_first_segment_with_nothing_done)
{
	uint8_t *last = self->pages + 2 * page_size();
	struct edudma_segment segs[] = {
		seg_from(self->pages + page_size(), 30, 0), seg_from(last, 30, 30),
	};
	struct edudma_transfer out;

	ASSERT_EQ(EFAULT, transfer(self->fd, segs, 2, 0, &out));
	EXPECT_EQ(0, out.bytes_done);
	EXPECT_EQ(0, out.segments_done);
	EXPECT_EQ(EFAULT, out.error);
	EXPECT_TRUE(all_bytes_are(last, 30, 0xee));
}

TEST_F(hole, leaves_the_node_usable)
{
	ASSERT_EQ(-1, pread(self->fd, self->pages + page_size(), 10, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(10, pread(self->fd, self->pages, 10, 0));
	EXPECT_EQ(10, differs_at(self->pages, 10, 1));
}

/* Memory that may be sent but not received. */

FIXTURE(half_read_only)
{
	struct bed bed;
	uint8_t *pages;	/* one writable, one not */
	uint8_t *edge;
};

FIXTURE_SETUP(half_read_only)
{
	BED_SETUP(&self->bed);
	self->pages = private_pages(2);
	self->edge = self->pages + page_size() - BEFORE;
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bed.area, 3));
	ASSERT_EQ(0, mprotect(self->pages + page_size(), page_size(), PROT_READ));
}

FIXTURE_TEARDOWN(half_read_only)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(half_read_only, destination_makes_pread_short)
{
	ASSERT_EQ(BEFORE, pread(self->bed.fd, self->edge, BEFORE + AFTER, 0));
	EXPECT_EQ(BEFORE, differs_at(self->edge, BEFORE, 3));
	EXPECT_TRUE(all_bytes_are(self->edge + BEFORE, AFTER, 0xee));
}

TEST_F(half_read_only, source_is_sent_whole)
{
	uint8_t *back = private_pages(1);

	ASSERT_EQ(BEFORE + AFTER,
		  pwrite(self->bed.fd, self->edge, BEFORE + AFTER, 0));
	ASSERT_EQ(0, transfer1(self->bed.fd, seg_from(back, BEFORE + AFTER, 0)));
	EXPECT_EQ(0, memcmp(back, self->edge, BEFORE + AFTER));
}

TEST_HARNESS_MAIN
