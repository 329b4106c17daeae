// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node as a file of window size: every call that reads, writes, seeks or
 * waits, at every length that matters.
 */
#include "edudma_fixture.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

/* The read and write calls, each as one that takes a vector and a position. */

enum entry { ENTRY_PLAIN, ENTRY_AT, ENTRY_VECTOR, ENTRY_VECTOR_AT, ENTRY_VECTOR2 };

static ssize_t entry_write(enum entry entry, int fd, const struct iovec *iov,
			   int nr, off_t pos)
{
	switch (entry) {
	case ENTRY_PLAIN:
		lseek(fd, pos, SEEK_SET);
		return write(fd, iov->iov_base, iov->iov_len);
	case ENTRY_AT:
		return pwrite(fd, iov->iov_base, iov->iov_len, pos);
	case ENTRY_VECTOR:
		lseek(fd, pos, SEEK_SET);
		return writev(fd, iov, nr);
	case ENTRY_VECTOR_AT:
		return pwritev(fd, iov, nr, pos);
	case ENTRY_VECTOR2:
		return pwritev2(fd, iov, nr, pos, 0);
	}
	return -1;
}

static ssize_t entry_read(enum entry entry, int fd, const struct iovec *iov,
			  int nr, off_t pos)
{
	switch (entry) {
	case ENTRY_PLAIN:
		lseek(fd, pos, SEEK_SET);
		return read(fd, iov->iov_base, iov->iov_len);
	case ENTRY_AT:
		return pread(fd, iov->iov_base, iov->iov_len, pos);
	case ENTRY_VECTOR:
		lseek(fd, pos, SEEK_SET);
		return readv(fd, iov, nr);
	case ENTRY_VECTOR_AT:
		return preadv(fd, iov, nr, pos);
	case ENTRY_VECTOR2:
		return preadv2(fd, iov, nr, pos, 0);
	}
	return -1;
}

FIXTURE(entry)
{
	struct bed bed;
	uint8_t *buf;
	uint64_t window;
};

FIXTURE_VARIANT(entry)
{
	enum entry entry;
	bool vector;
	bool moves_position;
};

FIXTURE_VARIANT_ADD(entry, read_write) {
	.entry = ENTRY_PLAIN, .moves_position = true,
};

FIXTURE_VARIANT_ADD(entry, pread_pwrite) {
	.entry = ENTRY_AT,
};

FIXTURE_VARIANT_ADD(entry, readv_writev) {
	.entry = ENTRY_VECTOR, .vector = true, .moves_position = true,
};

FIXTURE_VARIANT_ADD(entry, preadv_pwritev) {
	.entry = ENTRY_VECTOR_AT, .vector = true,
};

FIXTURE_VARIANT_ADD(entry, preadv2_pwritev2) {
	.entry = ENTRY_VECTOR2, .vector = true,
};

FIXTURE_SETUP(entry)
{
	BED_SETUP(&self->bed);
	self->window = self->bed.info.window_bytes;
	self->buf = private_pages(4);
}

FIXTURE_TEARDOWN(entry)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(entry, reads_back_what_it_wrote)
{
	uint8_t *src = self->buf, *dst = self->buf + 2 * page_size();
	struct iovec out[] = { { src, 100 }, { src + 100, 1 }, { src + 101, 232 } };
	struct iovec in[] = { { dst, 7 }, { dst + 7, 326 } };
	struct iovec whole_out = { src, 333 }, whole_in = { dst, 333 };

	fill(src, 333, 1);
	ASSERT_EQ(333, variant->vector ?
		  entry_write(variant->entry, self->bed.fd, out, 3, 13) :
		  entry_write(variant->entry, self->bed.fd, &whole_out, 1, 13));
	EXPECT_EQ(variant->moves_position ? 13 + 333 : 0,
		  lseek(self->bed.fd, 0, SEEK_CUR));
	lseek(self->bed.fd, 0, SEEK_SET);
	ASSERT_EQ(333, variant->vector ?
		  entry_read(variant->entry, self->bed.fd, in, 2, 13) :
		  entry_read(variant->entry, self->bed.fd, &whole_in, 1, 13));
	EXPECT_EQ(variant->moves_position ? 13 + 333 : 0,
		  lseek(self->bed.fd, 0, SEEK_CUR));
	EXPECT_EQ(333, differs_at(dst, 333, 1));
	EXPECT_TRUE(all_bytes_are(dst + 333, 64, 0xee));
}

TEST_F(entry, write_across_the_end_is_short)
{
	struct iovec iov[] = { { self->buf, 10 }, { self->buf + 10, 90 } };
	struct iovec whole = { self->buf, 100 };
	uint8_t *back = self->buf + page_size();

	fill(self->buf, 100, 2);
	ASSERT_EQ(30, entry_write(variant->entry, self->bed.fd,
				  variant->vector ? iov : &whole,
				  variant->vector ? 2 : 1, self->window - 30));
	ASSERT_EQ(0, transfer1(self->bed.fd,
			       seg_from(back, 30, self->window - 30)));
	EXPECT_EQ(30, differs_at(back, 30, 2));
}

TEST_F(entry, read_across_the_end_is_short)
{
	struct iovec iov[] = { { self->buf, 10 }, { self->buf + 10, 90 } };
	struct iovec whole = { self->buf, 100 };
	uint8_t *src = self->buf + page_size();

	fill(src, 30, 3);
	ASSERT_EQ(0, transfer1(self->bed.fd,
			       seg_to(src, 30, self->window - 30)));
	ASSERT_EQ(30, entry_read(variant->entry, self->bed.fd,
				 variant->vector ? iov : &whole,
				 variant->vector ? 2 : 1, self->window - 30));
	EXPECT_EQ(30, differs_at(self->buf, 30, 3));
	EXPECT_TRUE(all_bytes_are(self->buf + 30, 70, 0xee));
}

TEST_F(entry, write_at_the_end_finds_no_space)
{
	struct iovec iov = { self->buf, 1 };

	errno = 0;
	EXPECT_EQ(-1, entry_write(variant->entry, self->bed.fd, &iov, 1,
				  self->window));
	EXPECT_EQ(ENOSPC, errno);
}

TEST_F(entry, read_at_the_end_returns_0)
{
	struct iovec iov = { self->buf, 1 };

	EXPECT_EQ(0, entry_read(variant->entry, self->bed.fd, &iov, 1,
				self->window));
	EXPECT_EQ(0xee, self->buf[0]);
}

TEST_F(entry, length_0_touches_no_hardware)
{
	struct iovec iov = { self->buf, 0 };
	struct stats delta;

	EXPECT_EQ(0, entry_write(variant->entry, self->bed.fd, &iov, 1, 5));
	EXPECT_EQ(0, entry_read(variant->entry, self->bed.fd, &iov, 1, 5));
	EXPECT_EQ(0, entry_write(variant->entry, self->bed.fd, &iov, 1,
				 self->window));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
	EXPECT_EQ(0, delta.interrupts);
}

/* Lengths: through the node from offset 0. */

FIXTURE(length)
{
	struct bed bed;
};

FIXTURE_VARIANT(length)
{
	size_t bytes;	/* 0: the window's size */
	long more;
};

FIXTURE_VARIANT_ADD(length, one) { .bytes = 1 };
FIXTURE_VARIANT_ADD(length, odd) { .bytes = 1021 };
FIXTURE_VARIANT_ADD(length, page_less_one) { .bytes = 4095 };
FIXTURE_VARIANT_ADD(length, page) { .bytes = 4096 };
FIXTURE_VARIANT_ADD(length, window) { .bytes = 0 };
FIXTURE_VARIANT_ADD(length, window_and_one) { .bytes = 0, .more = 1 };
FIXTURE_VARIANT_ADD(length, far_beyond) { .bytes = 0, .more = 100000 };

FIXTURE_SETUP(length)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(length)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(length, moves_what_fits_the_window)
{
	size_t len = (variant->bytes ?: self->bed.info.window_bytes) + variant->more;
	size_t fits = len;
	uint8_t *src = private_pages(len / page_size() + 1);
	uint8_t *dst = private_pages(len / page_size() + 1);
	struct stats delta;

	if (fits > self->bed.info.window_bytes)
		fits = self->bed.info.window_bytes;
	fill(src, len, 4);
	ASSERT_EQ(fits, pwrite(self->bed.fd, src, len, 0));
	ASSERT_EQ(fits, pread(self->bed.fd, dst, len, 0));
	EXPECT_EQ(fits, differs_at(dst, fits, 4));
	EXPECT_TRUE(all_bytes_are(dst + fits, len - fits, 0xee));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(fits, delta.bytes_to_device);
	EXPECT_EQ(fits, delta.bytes_from_device);
}

/* Everything else that a file can be asked for. */

FIXTURE(node)
{
	struct bed bed;
	uint8_t *buf;
	uint64_t window;
};

FIXTURE_SETUP(node)
{
	BED_SETUP(&self->bed);
	self->window = self->bed.info.window_bytes;
	self->buf = private_pages(1);
}

FIXTURE_TEARDOWN(node)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(node, is_a_character_device)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->bed.fd, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
}

TEST_F(node, window_leaves_out_the_byte_that_aborts_an_old_qemu)
{
	uint64_t memory = machine_get(&self->bed.dev, "memory");
	char version[64] = "";
	unsigned int major = 0;
	FILE *file;

	if (self->bed.info.engine == EDUDMA_ENGINE_OTHER)
		SKIP(return, "this is not an edu");
	/* An edu-sg, with rings or as a plain edu, aborts at no byte. */
	if (memory != UINT64_MAX) {
		EXPECT_EQ(self->bed.info.engine == EDUDMA_ENGINE_RING ?
			  memory : 4096, self->window);
		return;
	}
	/* A machine that does not tell is taken for an old one. */
	file = fopen("/sys/class/dmi/id/product_version", "re");
	if (file) {
		if (fgets(version, sizeof(version), file) &&
		    sscanf(version, "pc-q35-%u", &major) != 1)
			sscanf(version, "pc-i440fx-%u", &major);
		fclose(file);
	}
	EXPECT_EQ(major < 8 ? 4095 : 4096, self->window);
}

/* QEMU says itself which one it is, not the machine's name, as to the driver. */
TEST_F(node, last_byte_of_a_page_is_reached_unless_qemu_aborts_at_it)
{
	uint8_t sent = 0x5a, got = 0;
	struct stats delta;
	int major;

	if (self->bed.info.engine == EDUDMA_ENGINE_RING)
		SKIP(return, "an edu-sg has more than a page");
	if (self->bed.info.engine == EDUDMA_ENGINE_OTHER)
		SKIP(return, "this is not an edu");
	major = machine_version();
	ASSERT_NE(0, major) TH_LOG("QEMU does not answer: guest --qmp?");
	if (major >= 8 || machine_get(&self->bed.dev, "memory") != UINT64_MAX) {
		ASSERT_EQ(1, pwrite(self->bed.fd, &sent, 1, 4095));
		ASSERT_EQ(1, pread(self->bed.fd, &got, 1, 4095));
		EXPECT_EQ(sent, got);
		EXPECT_EQ(0, pread(self->bed.fd, &got, 1, 4096));
		return;
	}
	/* It is behind the end, and the device does not hear of it. */
	EXPECT_EQ(-1, pwrite(self->bed.fd, &sent, 1, 4095));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, pread(self->bed.fd, &got, 1, 4095));
	EXPECT_EQ(ERANGE, transfer1(self->bed.fd, seg_to(&sent, 1, 4095)));
	EXPECT_EQ(ERANGE, transfer1(self->bed.fd, seg_from(self->buf, 4096, 0)));
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
}

TEST_F(node, seeks_within_the_window)
{
	EXPECT_EQ(17, lseek(self->bed.fd, 17, SEEK_SET));
	EXPECT_EQ(20, lseek(self->bed.fd, 3, SEEK_CUR));
	EXPECT_EQ(self->window - 1, lseek(self->bed.fd, -1, SEEK_END));
	EXPECT_EQ(self->window, lseek(self->bed.fd, 0, SEEK_END));
}

TEST_F(node, refuses_to_seek_beyond_the_end)
{
	EXPECT_EQ(-1, lseek(self->bed.fd, self->window + 1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, lseek(self->bed.fd, 0, SEEK_CUR));
}

TEST_F(node, refuses_to_seek_before_the_start)
{
	EXPECT_EQ(-1, lseek(self->bed.fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(node, refuses_an_unknown_whence)
{
	EXPECT_EQ(-1, lseek(self->bed.fd, 0, 99));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(node, refuses_a_negative_position)
{
	EXPECT_EQ(-1, pread(self->bed.fd, self->buf, 1, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->bed.fd, self->buf, 1, -1));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(node, position_far_beyond_the_end_is_the_end)
{
	EXPECT_EQ(0, pread(self->bed.fd, self->buf, 1, INT64_MAX - 1));
	EXPECT_EQ(-1, pwrite(self->bed.fd, self->buf, 1, INT64_MAX - 1));
	EXPECT_EQ(ENOSPC, errno);
}

TEST_F(node, preadv2_with_position_minus_1_uses_the_file_position)
{
	struct iovec iov = { self->buf, 5 };

	lseek(self->bed.fd, 3, SEEK_SET);
	ASSERT_EQ(5, pwritev2(self->bed.fd, &iov, 1, -1, 0));
	EXPECT_EQ(8, lseek(self->bed.fd, 0, SEEK_CUR));
}

TEST_F(node, refuses_unknown_read_write_flags)
{
	struct iovec iov = { self->buf, 5 };

	EXPECT_EQ(-1, preadv2(self->bed.fd, &iov, 1, 0, 1 << 30));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, pwritev2(self->bed.fd, &iov, 1, 0, 1 << 30));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

/* A call that returns when all is done cannot but wait. */
TEST_F(node, says_that_a_call_would_wait)
{
	struct iovec iov = { self->buf, 5 };
	struct stats delta;

	EXPECT_EQ(-1, preadv2(self->bed.fd, &iov, 1, 0, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.requests);
}

TEST_F(node, serves_aio_reads_and_writes)
{
	uint8_t *dst = private_pages(1);
	struct iocb write_cb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = self->bed.fd,
		.aio_buf = ptr64(self->buf), .aio_nbytes = 60, .aio_offset = 9,
	};
	struct iocb read_cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = self->bed.fd,
		.aio_buf = ptr64(dst), .aio_nbytes = 60, .aio_offset = 9,
	};
	struct iocb *list[] = { &write_cb, &read_cb };
	struct io_event events[2];
	aio_context_t ctx = 0;

	if (syscall(SYS_io_setup, 2, &ctx))
		SKIP(return, "this kernel has no aio");
	fill(self->buf, 60, 7);
	ASSERT_EQ(2, syscall(SYS_io_submit, ctx, 2, list));
	ASSERT_EQ(2, syscall(SYS_io_getevents, ctx, 2, 2, events, NULL));
	EXPECT_EQ(60, events[0].res);
	EXPECT_EQ(60, events[1].res);
	EXPECT_EQ(60, differs_at(dst, 60, 7));
	syscall(SYS_io_destroy, ctx);
}

TEST_F(node, vector_of_many_small_parts_moves_in_order)
{
	uint8_t *dst = private_pages(1);
	struct iovec iov[8];
	int i;

	fill(self->buf, 36, 6);
	for (i = 0; i < 8; i++)
		iov[i] = (struct iovec) { self->buf + i * (i + 1) / 2, i + 1 };
	ASSERT_EQ(36, pwritev(self->bed.fd, iov, 8, 1));
	ASSERT_EQ(36, pread(self->bed.fd, dst, 36, 1));
	EXPECT_EQ(36, differs_at(dst, 36, 6));
}

TEST_F(node, opened_for_reading_refuses_to_write)
{
	int fd = open(self->bed.dev.node, O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, self->buf, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(1, read(fd, self->buf, 1));
	close(fd);
}

TEST_F(node, opened_for_writing_refuses_to_read)
{
	int fd = open(self->bed.dev.node, O_WRONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, self->buf, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(1, write(fd, self->buf, 1));
	close(fd);
}

TEST_F(node, duplicates_share_the_position)
{
	int twin = fcntl(self->bed.fd, F_DUPFD_CLOEXEC, 0);

	ASSERT_LE(0, twin);
	ASSERT_EQ(4, write(self->bed.fd, self->buf, 4));
	EXPECT_EQ(4, lseek(twin, 0, SEEK_CUR));
	close(self->bed.fd);
	self->bed.fd = twin;
	EXPECT_EQ(4, write(twin, self->buf, 4));
	EXPECT_EQ(8, lseek(twin, 0, SEEK_CUR));
}

TEST_F(node, second_open_has_its_own_position)
{
	int other = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, other);
	ASSERT_EQ(9, lseek(self->bed.fd, 9, SEEK_SET));
	EXPECT_EQ(0, lseek(other, 0, SEEK_CUR));
	close(other);
}

TEST_F(node, fcntl_tells_how_it_was_opened)
{
	EXPECT_EQ(O_RDWR, fcntl(self->bed.fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->bed.fd, F_GETFD));
}

TEST_F(node, polls_ready_for_reading_and_writing)
{
	struct pollfd pfd = { .fd = self->bed.fd, .events = POLLIN | POLLOUT };

	ASSERT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, pfd.revents);
}

TEST_F(node, polls_without_error_or_exception)
{
	struct pollfd pfd = { .fd = self->bed.fd, .events = POLLPRI };

	EXPECT_EQ(0, poll(&pfd, 1, 0));
	EXPECT_EQ(0, pfd.revents);
}

TEST_F(node, refuses_mmap)
{
	if (self->bed.info.capabilities & EDUDMA_CAP_MMAP)
		SKIP(return, "the processor sees the memory of this device");
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page_size(), PROT_READ, MAP_SHARED,
				   self->bed.fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* Since 6.5 the kernel reads into pages that it hands over as a vector. */
static bool splices_from_files(void)
{
	unsigned int major, minor;
	struct utsname kernel;

	if (uname(&kernel) || sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
		die("uname");
	return major > 6 || (major == 6 && minor >= 5);
}

TEST_F(node, takes_sendfile_to_it)
{
	int mem = memfd_create("edudma", MFD_CLOEXEC);
	size_t len = self->bed.area - 9;

	ASSERT_LE(0, mem);
	fill(self->buf, len, 8);
	ASSERT_EQ(len, write(mem, self->buf, len));
	ASSERT_EQ(0, lseek(mem, 0, SEEK_SET));
	ASSERT_EQ(9, lseek(self->bed.fd, 9, SEEK_SET));
	EXPECT_EQ(len, sendfile(self->bed.fd, mem, NULL, len));
	memset(self->buf, 0, len);
	EXPECT_EQ(len, pread(self->bed.fd, self->buf, len, 9));
	EXPECT_EQ(len, differs_at(self->buf, len, 8));
	close(mem);
}

/* Pieces that begin and end anywhere in their pages: no page continues another. */
TEST_F(node, takes_splice_to_it)
{
	static const struct {
		unsigned int begin, len;
	} pieces[] = { { 1000, 100 }, { 0, 3000 }, { 0, 300 }, { 70, 200 } };
	uint8_t *pages = private_pages(ARRAY_LEN(pieces));
	size_t len = 0;
	loff_t offset = 3;
	unsigned int i;
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	fill(self->buf, 3600, 9);
	for (i = 0; i < ARRAY_LEN(pieces); i++) {
		struct iovec piece = {
			pages + i * page_size() + pieces[i].begin, pieces[i].len
		};

		memcpy(piece.iov_base, self->buf + len, piece.iov_len);
		ASSERT_EQ(piece.iov_len, vmsplice(ends[1], &piece, 1, 0));
		len += piece.iov_len;
	}
	EXPECT_EQ(len, splice(ends[0], NULL, self->bed.fd, &offset, len, 0));
	memset(self->buf, 0, len);
	EXPECT_EQ(len, pread(self->bed.fd, self->buf, len, 3));
	EXPECT_EQ(len, differs_at(self->buf, len, 9));
	munmap(pages, ARRAY_LEN(pieces) * page_size());
	close(ends[0]);
	close(ends[1]);
}

TEST_F(node, gives_splice_and_sendfile_where_the_kernel_can)
{
	int mem = memfd_create("edudma", MFD_CLOEXEC), ends[2];
	loff_t offset = 0;

	ASSERT_LE(0, mem);
	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	ASSERT_EQ(0, window_fill(self->bed.fd, 200, 10));
	if (!splices_from_files()) {
		EXPECT_EQ(-1, splice(self->bed.fd, &offset, ends[1], NULL, 200, 0));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, sendfile(mem, self->bed.fd, &offset, 200));
		EXPECT_EQ(EINVAL, errno);
	} else {
		EXPECT_EQ(200, splice(self->bed.fd, &offset, ends[1], NULL, 200, 0));
		EXPECT_EQ(200, read(ends[0], self->buf, 200));
		EXPECT_EQ(200, differs_at(self->buf, 200, 10));
		offset = 0;
		EXPECT_EQ(200, sendfile(mem, self->bed.fd, &offset, 200));
		EXPECT_EQ(200, pread(mem, self->buf, 200, 0));
		EXPECT_EQ(200, differs_at(self->buf, 200, 10));
	}
	close(ends[0]);
	close(ends[1]);
	close(mem);
}

TEST_HARNESS_MAIN
