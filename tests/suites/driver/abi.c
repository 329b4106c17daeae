// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl interface: what it refuses and with which errno, one cause a test;
 * how its structures grow; and 32-bit callers.
 */
#include "edudma_fixture.h"

#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>

#define TRANSFER_OF_SIZE(bytes) \
	_IOC(_IOC_READ | _IOC_WRITE, EDUDMA_IOC_MAGIC, 0x01, bytes)
#define INFO_OF_SIZE(bytes)	_IOC(_IOC_READ, EDUDMA_IOC_MAGIC, 0x00, bytes)

FIXTURE(refused)
{
	struct bed bed;
	uint64_t window;
	uint8_t *buf;
	struct edudma_segment seg[2];
	struct edudma_transfer out;
};

/* Two good segments, of which each test spoils the second. */
FIXTURE_SETUP(refused)
{
	BED_SETUP(&self->bed);
	self->window = self->bed.info.window_bytes;
	self->buf = private_pages(1);
	self->seg[0] = seg_from(self->buf, 8, 0);
	self->seg[1] = seg_from(self->buf + 8, 8, 8);
}

/* A refusal happens before anything runs. */
FIXTURE_TEARDOWN(refused)
{
	struct stats delta;

	BED_STATS(&self->bed, &delta);
	EXPECT_EQ(0, delta.descriptors);
	EXPECT_EQ(0, delta.bytes_from_device + delta.bytes_to_device);
	EXPECT_TRUE(all_bytes_are(self->buf, page_size(), 0xee));
	BED_TEARDOWN(&self->bed);
}

#define EXPECT_REFUSED(self, expected) do {				\
	EXPECT_EQ(expected, transfer((self)->bed.fd, (self)->seg, 2, 0,	\
				     &(self)->out));			\
	EXPECT_EQ(OUT_UNTOUCHED, (self)->out.bytes_done);		\
	EXPECT_EQ(OUT_UNTOUCHED, (self)->out.segments_done);		\
	EXPECT_EQ(OUT_UNTOUCHED, (self)->out.error);			\
} while (0)

TEST_F(refused, unknown_flag_is_einval)
{
	unsigned int bit;

	for (bit = 2; bit < 32; bit++)
		EXPECT_EQ(EINVAL, transfer(self->bed.fd, self->seg, 2, 1u << bit,
					   &self->out))
			TH_LOG("flag bit %u", bit);
	EXPECT_EQ(OUT_UNTOUCHED, self->out.bytes_done);
}

TEST_F(refused, unknown_direction_is_einval)
{
	self->seg[1].direction = 2;
	EXPECT_REFUSED(self, EINVAL);
}

TEST_F(refused, largest_direction_is_einval)
{
	self->seg[1].direction = UINT32_MAX;
	EXPECT_REFUSED(self, EINVAL);
}

TEST_F(refused, segment_across_the_window_end_is_erange)
{
	self->seg[1].offset = self->window - 7;
	EXPECT_REFUSED(self, ERANGE);
}

TEST_F(refused, segment_beyond_the_window_is_erange)
{
	self->seg[1].offset = self->window;
	EXPECT_REFUSED(self, ERANGE);
}

TEST_F(refused, empty_segment_beyond_the_window_is_erange)
{
	self->seg[1].offset = self->window + 1;
	self->seg[1].len = 0;
	EXPECT_REFUSED(self, ERANGE);
}

TEST_F(refused, offset_that_overflows_with_the_length_is_erange)
{
	self->seg[1].offset = UINT64_MAX - 3;
	EXPECT_REFUSED(self, ERANGE);
}

TEST_F(refused, offset_whose_low_half_is_good_is_erange)
{
	self->seg[1].offset = 1ULL << 32;
	EXPECT_REFUSED(self, ERANGE);
}

TEST_F(refused, length_whose_low_half_is_good_moves_nothing)
{
	int err;

	/* Longer than the window and than a transfer: either may be named. */
	self->seg[1].len = (1ULL << 32) + 8;
	err = transfer(self->bed.fd, self->seg, 2, 0, &self->out);
	EXPECT_TRUE(err == ERANGE || err == EMSGSIZE) TH_LOG("errno %d", err);
	EXPECT_EQ(OUT_UNTOUCHED, self->out.bytes_done);
}

TEST_F(refused, address_range_that_wraps_is_efault)
{
	self->seg[1].addr = UINT64_MAX - 3;
	EXPECT_REFUSED(self, EFAULT);
}

TEST_F(refused, kernel_address_is_efault)
{
	self->seg[1].addr = kernel_address();
	EXPECT_REFUSED(self, EFAULT);
}

TEST_F(refused, address_beyond_user_space_is_efault)
{
	/* Not canonical: neither user's nor kernel's. */
	self->seg[1].addr = 1ULL << 62;
	EXPECT_REFUSED(self, EFAULT);
}

TEST_F(refused, vector_longer_than_info_promises_is_emsgsize)
{
	uint32_t nr = self->bed.info.max_segments + 1;
	struct edudma_segment *segs = calloc(nr, sizeof(*segs));

	ASSERT_NE(NULL, segs);
	EXPECT_EQ(EMSGSIZE, transfer(self->bed.fd, segs, nr, 0, &self->out));
	EXPECT_EQ(OUT_UNTOUCHED, self->out.segments_done);
	free(segs);
}

TEST_F(refused, longest_possible_vector_is_emsgsize)
{
	EXPECT_EQ(EMSGSIZE, transfer(self->bed.fd, self->seg, UINT32_MAX, 0,
				     &self->out));
}

TEST_F(refused, vector_of_more_bytes_than_info_promises_is_emsgsize)
{
	uint64_t most = self->bed.info.max_transfer_bytes;
	uint64_t nr = most / self->window + 1, i;
	struct edudma_segment *segs = calloc(nr, sizeof(*segs));

	ASSERT_NE(NULL, segs);
	if (nr > self->bed.info.max_segments)
		SKIP(return, "of so small a window no vector is that large");
	/* Of the user's addresses; what is there is nobody's business yet. */
	for (i = 0; i < nr; i++)
		segs[i] = seg_from(self->buf, self->window, 0);
	EXPECT_EQ(EMSGSIZE, transfer(self->bed.fd, segs, nr, 0, &self->out));
	EXPECT_EQ(OUT_UNTOUCHED, self->out.segments_done);
	free(segs);
}

TEST_F(refused, vector_at_null_is_efault)
{
	EXPECT_EQ(EFAULT, transfer(self->bed.fd, NULL, 1, 0, &self->out));
	EXPECT_EQ(OUT_UNTOUCHED, self->out.error);
}

TEST_F(refused, vector_in_the_kernel_is_efault)
{
	struct edudma_transfer arg = {
		.segments = kernel_address(), .nr_segments = 1,
	};

	EXPECT_EQ(-1, ioctl(self->bed.fd, EDUDMA_IOC_TRANSFER, &arg));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(refused, vector_with_an_unmapped_end_is_efault)
{
	uint8_t *pages = private_pages(2);
	struct edudma_segment *segs = (void *)(pages + page_size() -
					       sizeof(*segs));

	ASSERT_EQ(0, munmap(pages + page_size(), page_size()));
	segs[0] = self->seg[0];
	EXPECT_EQ(EFAULT, transfer(self->bed.fd, segs, 2, 0, &self->out));
	EXPECT_EQ(OUT_UNTOUCHED, self->out.error);
}

TEST_F(refused, structure_at_null_is_efault)
{
	EXPECT_EQ(-1, ioctl(self->bed.fd, EDUDMA_IOC_TRANSFER, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(refused, structure_in_the_kernel_is_efault)
{
	EXPECT_EQ(-1, ioctl(self->bed.fd, EDUDMA_IOC_TRANSFER,
			    (void *)(uintptr_t)KERNEL_ADDRESS));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(refused, sending_on_a_file_opened_for_reading_is_ebadf)
{
	close(self->bed.fd);
	self->bed.fd = open(self->bed.dev.node, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->bed.fd);
	self->seg[1].direction = EDUDMA_TO_DEVICE;
	EXPECT_REFUSED(self, EBADF);
}

TEST_F(refused, receiving_on_a_file_opened_for_writing_is_ebadf)
{
	close(self->bed.fd);
	self->bed.fd = open(self->bed.dev.node, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, self->bed.fd);
	self->seg[0].direction = EDUDMA_TO_DEVICE;
	EXPECT_REFUSED(self, EBADF);
}

TEST_F(refused, unknown_command_is_enotty)
{
	unsigned int nr;

	/* One of another direction is another. */
	for (nr = 5; nr < 256; nr++) {
		EXPECT_EQ(-1, ioctl(self->bed.fd,
				    _IOWR(EDUDMA_IOC_MAGIC, nr,
					  struct edudma_transfer), &self->out));
		EXPECT_EQ(ENOTTY, errno) TH_LOG("command %u", nr);
	}
}

TEST_F(refused, command_of_another_type_is_enotty)
{
	EXPECT_EQ(-1, ioctl(self->bed.fd, _IOWR(EDUDMA_IOC_MAGIC ^ 1, 0x01,
						struct edudma_transfer),
			    &self->out));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(refused, terminal_command_is_enotty)
{
	struct termios tio;

	EXPECT_EQ(-1, ioctl(self->bed.fd, TCGETS, &tio));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(refused, shorter_structure_is_einval)
{
	struct edudma_transfer arg = { .segments = ptr64(self->seg) };
	size_t size;

	for (size = 4; size < sizeof(arg); size += 4) {
		EXPECT_EQ(-1, ioctl(self->bed.fd, TRANSFER_OF_SIZE(size), &arg));
		EXPECT_EQ(EINVAL, errno) TH_LOG("%zu bytes", size);
	}
}

TEST_F(refused, longer_structure_with_a_nonzero_tail_is_e2big)
{
	struct {
		struct edudma_transfer arg;
		uint8_t tail[8];
	} grown = { .arg.segments = ptr64(self->seg), .arg.nr_segments = 2 };

	grown.tail[7] = 1;
	EXPECT_EQ(-1, ioctl(self->bed.fd, TRANSFER_OF_SIZE(sizeof(grown)), &grown));
	EXPECT_EQ(E2BIG, errno);
}

/* What is accepted although it looks odd. */

FIXTURE(abi)
{
	struct bed bed;
};

FIXTURE_SETUP(abi)
{
	BED_SETUP(&self->bed);
}

FIXTURE_TEARDOWN(abi)
{
	BED_TEARDOWN(&self->bed);
}

TEST_F(abi, longer_structure_with_a_zero_tail_works)
{
	uint8_t *buf = private_pages(1);
	struct edudma_segment seg = seg_to(buf, 8, 0);
	struct {
		struct edudma_transfer arg;
		uint8_t tail[24];
	} grown = { .arg.segments = ptr64(&seg), .arg.nr_segments = 1 };

	ASSERT_EQ(0, ioctl(self->bed.fd, TRANSFER_OF_SIZE(sizeof(grown)), &grown));
	EXPECT_EQ(8, grown.arg.bytes_done);
	EXPECT_EQ(1, grown.arg.segments_done);
	EXPECT_TRUE(all_bytes_are(grown.tail, sizeof(grown.tail), 0));
}

TEST_F(abi, structure_in_read_only_memory_reports_efault)
{
	struct edudma_transfer *arg = (void *)private_pages(1);

	memset(arg, 0, sizeof(*arg));
	ASSERT_EQ(0, mprotect(arg, page_size(), PROT_READ));
	EXPECT_EQ(-1, ioctl(self->bed.fd, EDUDMA_IOC_TRANSFER, arg));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(abi, info_describes_this_driver)
{
	struct edudma_info *info = &self->bed.info;

	EXPECT_EQ(EDUDMA_ABI_VERSION, info->abi_version);
	if (info->engine == EDUDMA_ENGINE_RING) {
		EXPECT_EQ(machine_get(&self->bed.dev, "channels"),
			  info->channels + info->streams);
	} else {
		EXPECT_LE(info->engine, EDUDMA_ENGINE_OTHER);
		EXPECT_EQ(1, info->channels);
	}
	EXPECT_EQ(1024, info->max_segments);
	EXPECT_EQ(1ULL << 30, info->max_transfer_bytes);
	EXPECT_EQ(1024, info->max_buffers);
	EXPECT_EQ(!!(info->capabilities & EDUDMA_CAP_STREAMS), !!info->streams);
	EXPECT_EQ(0, info->capabilities & ~(EDUDMA_CAP_IOMMU | EDUDMA_CAP_MSI |
					      EDUDMA_CAP_MMAP | EDUDMA_CAP_BUFFERS |
					      EDUDMA_CAP_URING_CMD | EDUDMA_CAP_IOPOLL |
					      EDUDMA_CAP_STREAMS));
	EXPECT_EQ(info->window_bytes, lseek(self->bed.fd, 0, SEEK_END));
	EXPECT_LT(0, info->max_descriptor_bytes);
	EXPECT_LE(info->max_descriptor_bytes, info->window_bytes);
}

TEST_F(abi, info_agrees_with_the_module_parameters)
{
	struct edudma_info *info = &self->bed.info;
	uint64_t chunk = param_get("chunk_bytes");

	if (info->engine == EDUDMA_ENGINE_EDU) {
		EXPECT_EQ(param_get("dma_bits"), info->address_bits);
	}
	EXPECT_EQ(param_get("timeout_ms"), info->timeout_ms);
	if (info->bounce_bytes) {
		EXPECT_EQ(param_get("bounce_pages") * page_size(),
			  info->bounce_bytes);
		/* The bounce pool bounds what is pinned, too. */
		EXPECT_LE(info->chunk_bytes, info->bounce_bytes);
		EXPECT_LE(info->chunk_bytes, chunk);
	} else if (info->engine == EDUDMA_ENGINE_EDU) {
		/* So does the time that its descriptors take. */
		EXPECT_LE(info->chunk_bytes, chunk);
	} else {
		EXPECT_EQ(chunk, info->chunk_bytes);
	}
}

TEST_F(abi, info_claims_no_more_address_bits_than_the_device_has)
{
	uint64_t mask = machine_get(&self->bed.dev, "dma_mask");
	unsigned int bits = 0;

	for (; mask; mask >>= 1)
		bits++;
	EXPECT_LE(self->bed.info.address_bits, bits);
	/* A plain edu does not tell, so the driver may have been told less. */
	if (self->bed.info.engine == EDUDMA_ENGINE_RING) {
		EXPECT_EQ(bits, self->bed.info.address_bits);
	}
}

TEST_F(abi, info_promises_bounce_memory_only_where_it_is_needed)
{
	struct edudma_info *info = &self->bed.info;

	if (info->capabilities & EDUDMA_CAP_IOMMU || info->address_bits == 64) {
		EXPECT_EQ(0, info->bounce_bytes);
	} else if (info->engine != EDUDMA_ENGINE_OTHER) {
		EXPECT_LT(0, info->bounce_bytes);
	}
}

TEST_F(abi, info_works_however_the_node_was_opened)
{
	int rd = open(self->bed.dev.node, O_RDONLY | O_CLOEXEC);
	int wr = open(self->bed.dev.node, O_WRONLY | O_CLOEXEC);
	struct edudma_info info;

	EXPECT_EQ(0, dev_info(rd, &info));
	EXPECT_EQ(0, dev_info(wr, &info));
	close(rd);
	close(wr);
}

TEST_F(abi, info_shorter_than_its_first_version_is_einval)
{
	uint8_t got[sizeof(struct edudma_info)];
	size_t size;

	memset(got, 0xcc, sizeof(got));
	for (size = 0; size < sizeof(got); size += 4) {
		EXPECT_EQ(-1, ioctl(self->bed.fd, INFO_OF_SIZE(size), got));
		EXPECT_EQ(EINVAL, errno) TH_LOG("%zu bytes", size);
	}
	EXPECT_TRUE(all_bytes_are(got, sizeof(got), 0xcc));
}

TEST_F(abi, longer_info_ends_in_zeros)
{
	struct {
		struct edudma_info info;
		uint8_t tail[40], guard[8];
	} grown;

	memset(&grown, 0xcc, sizeof(grown));
	ASSERT_EQ(0, ioctl(self->bed.fd,
			   INFO_OF_SIZE(offsetof(typeof(grown), guard)), &grown));
	EXPECT_EQ(0, memcmp(&grown.info, &self->bed.info, sizeof(grown.info)));
	EXPECT_TRUE(all_bytes_are(grown.tail, sizeof(grown.tail), 0));
	EXPECT_TRUE(all_bytes_are(grown.guard, sizeof(grown.guard), 0xcc));
}

TEST_F(abi, info_to_null_is_efault)
{
	EXPECT_EQ(-1, ioctl(self->bed.fd, EDUDMA_IOC_INFO, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(abi, info_to_read_only_memory_is_efault)
{
	void *page = private_pages(1);

	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	EXPECT_EQ(-1, ioctl(self->bed.fd, EDUDMA_IOC_INFO, page));
	EXPECT_EQ(EFAULT, errno);
}

/* A 32-bit program's calls, made from this one by the 32-bit system call gate. */

FIXTURE(caller_of_32_bit)
{
	struct bed bed;
	void *low;	/* memory that a 32-bit pointer can name */
};

FIXTURE_SETUP(caller_of_32_bit)
{
	BED_SETUP(&self->bed);
	self->low = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
			 | MAP_32BIT
#endif
			 , -1, 0);
	ASSERT_NE(MAP_FAILED, self->low);
}

FIXTURE_TEARDOWN(caller_of_32_bit)
{
	BED_TEARDOWN(&self->bed);
}

#if defined(__x86_64__) || defined(__i386__)
#define I386_NR_GETPID	20
#define I386_NR_IOCTL	54

static int call_32(int nr, int fd, unsigned int cmd, void *arg)
{
	int ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (nr), "b" (fd), "c" (cmd), "d" ((unsigned int)ptr64(arg))
		     : "memory", "cc"
#ifdef __x86_64__
		     , "r8", "r9", "r10", "r11"
#endif
		     );
	return ret;
}
#else
#define I386_NR_GETPID	0
#define I386_NR_IOCTL	0

static int call_32(int nr, int fd, unsigned int cmd, void *arg)
{
	(void)nr; (void)fd; (void)cmd; (void)arg;
	abort();
}
#endif

/* Without 32-bit emulation the gate is a fault: let a child find out. */
static bool has_32_bit_calls(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(call_32(I386_NR_GETPID, 0, 0, NULL) == getpid() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

TEST_F(caller_of_32_bit, gets_the_same_info)
{
	if (!has_32_bit_calls())
		SKIP(return, "this kernel has no 32-bit system calls");
	ASSERT_EQ(0, call_32(I386_NR_IOCTL, self->bed.fd, EDUDMA_IOC_INFO,
			     self->low));
	EXPECT_EQ(0, memcmp(self->low, &self->bed.info, sizeof(self->bed.info)));
}

TEST_F(caller_of_32_bit, transfers_alike)
{
	struct edudma_transfer *arg = self->low;
	struct edudma_segment *segs = (void *)(arg + 1);
	uint8_t *data = (uint8_t *)self->low + page_size();

	if (!has_32_bit_calls())
		SKIP(return, "this kernel has no 32-bit system calls");
	fill(data, 40, 1);
	segs[0] = seg_to(data, 40, 3);
	segs[1] = seg_from(data + 100, 40, 3);
	*arg = (struct edudma_transfer) {
		.segments = ptr64(segs), .nr_segments = 2,
	};
	ASSERT_EQ(0, call_32(I386_NR_IOCTL, self->bed.fd, EDUDMA_IOC_TRANSFER, arg));
	EXPECT_EQ(80, arg->bytes_done);
	EXPECT_EQ(2, arg->segments_done);
	EXPECT_EQ(40, differs_at(data + 100, 40, 1));
}

TEST_F(caller_of_32_bit, is_refused_alike)
{
	struct edudma_transfer *arg = self->low;

	if (!has_32_bit_calls())
		SKIP(return, "this kernel has no 32-bit system calls");
	*arg = (struct edudma_transfer) { .flags = 1u << 31 };
	EXPECT_EQ(-EINVAL, call_32(I386_NR_IOCTL, self->bed.fd,
				   EDUDMA_IOC_TRANSFER, arg));
}

TEST_HARNESS_MAIN
