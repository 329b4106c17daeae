// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call of the node, and probing, with the first thing in it failing that
 * can fail, then the second, and so on, until there is none left and the call
 * succeeds.  Whatever fails, the call says so by an errno that is documented, or
 * manages without; what it reports done is done, nothing stays pinned, and the
 * next call works.
 *
 * What is lost is found by the lane's kernel, at the end.
 */
#include "edudma_fixture.h"
#include "fail_nth.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PAGES		3
#define PART		1000
#define UNALIGNED	100
#define MANY		24	/* segments, more than fit on the stack */
#define MAX_FAULTS	2000

FIXTURE(nth)
{
	struct bed bed;
	int faults;
	size_t bytes;
	uint8_t *memory;	/* of the call: new, and not there yet */
	struct edudma_segment segs[MANY];
	struct edudma_transfer out;
};

/* An errno, or 0; self->out.bytes_done says how much of memory was fetched. */
typedef int call_fn(FIXTURE_DATA(nth) *self);

static call_fn call_open, call_info, call_send, call_fetch, call_vector, call_pwrite,
	call_pread, call_preadv, call_registered, call_poll, call_mmap, call_bind,
	call_unbind;

FIXTURE_VARIANT(nth)
{
	call_fn *prepare;	/* may be NULL */
	call_fn *call;
	int errnos[6];		/* those it may fail with */
	bool sends;		/* memory is not written to */
};

FIXTURE_VARIANT_ADD(nth, of_open) {
	.call = call_open, .errnos = { ENOMEM, EFAULT } };
FIXTURE_VARIANT_ADD(nth, of_info) {
	.call = call_info, .errnos = { EFAULT } };
FIXTURE_VARIANT_ADD(nth, of_sending) {
	.sends = true, .call = call_send, .errnos = { ENOMEM, EFAULT, EIO } };
FIXTURE_VARIANT_ADD(nth, of_fetching) {
	.call = call_fetch, .errnos = { ENOMEM, EFAULT, EIO } };
FIXTURE_VARIANT_ADD(nth, of_a_vector) {
	.call = call_vector, .errnos = { ENOMEM, EFAULT, EIO } };
FIXTURE_VARIANT_ADD(nth, of_pwrite) {
	.sends = true, .call = call_pwrite, .errnos = { ENOMEM, EFAULT, EIO } };
FIXTURE_VARIANT_ADD(nth, of_pread) {
	.call = call_pread, .errnos = { ENOMEM, EFAULT, EIO } };
FIXTURE_VARIANT_ADD(nth, of_preadv) {
	.call = call_preadv, .errnos = { ENOMEM, EFAULT, EIO } };
FIXTURE_VARIANT_ADD(nth, of_registering) {
	.call = call_registered, .errnos = { ENOMEM, EFAULT, EIO } };
FIXTURE_VARIANT_ADD(nth, of_poll) {
	.call = call_poll, .errnos = { ENOMEM, EFAULT } };
FIXTURE_VARIANT_ADD(nth, of_mmap) {
	.call = call_mmap, .errnos = { ENOMEM } };
/* EBUSY is what the kernel makes of having no memory to note who has a BAR. */
FIXTURE_VARIANT_ADD(nth, of_probe) {
	.prepare = call_unbind, .call = call_bind,
	.errnos = { ENOMEM, EFAULT, EIO, ENOSPC, EBUSY } };
FIXTURE_VARIANT_ADD(nth, of_remove) {
	.prepare = call_bind, .call = call_unbind, .errnos = { ENOMEM, EFAULT } };

FIXTURE_SETUP(nth)
{
	BED_SETUP(&self->bed);
	self->faults = fail_nth_open();
	ASSERT_LE(0, self->faults)
		TH_LOG("no fault injection: %s; is this one of the lanes faults*?",
		       strerror(-self->faults));
	self->bytes = PAGES * page_size() < self->bed.info.window_bytes ?
		PAGES * page_size() : self->bed.info.window_bytes;
	ASSERT_EQ(0, window_fill(self->bed.fd, self->bytes, 1));
}

FIXTURE_TEARDOWN(nth)
{
	close(self->faults);
	EXPECT_EQ(0, call_bind(self));
	BED_TEARDOWN(&self->bed);
}

static int call_open(FIXTURE_DATA(nth) *self)
{
	int fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int call_info(FIXTURE_DATA(nth) *self)
{
	return dev_info(self->bed.fd, &self->bed.info);
}

static int run(FIXTURE_DATA(nth) *self, uint32_t nr)
{
	return transfer(self->bed.fd, self->segs, nr, 0, &self->out);
}

static int call_send(FIXTURE_DATA(nth) *self)
{
	self->segs[0] = seg_to(self->memory, self->bytes, 0);
	return run(self, 1);
}

static int call_fetch(FIXTURE_DATA(nth) *self)
{
	self->segs[0] = seg_from(self->memory, self->bytes, 0);
	return run(self, 1);
}

/* All of it lies in memory as in the window. */
static int call_vector(FIXTURE_DATA(nth) *self)
{
	size_t part = self->bytes / MANY;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		self->segs[i] = seg_from(self->memory + i * part, part, i * part);
	return run(self, MANY);
}

static int counted(FIXTURE_DATA(nth) *self, ssize_t done)
{
	if (done < 0)
		return errno;
	self->out.bytes_done = done;
	return 0;
}

static int call_pwrite(FIXTURE_DATA(nth) *self)
{
	return counted(self, pwrite(self->bed.fd, self->memory, PART, 0));
}

static int call_pread(FIXTURE_DATA(nth) *self)
{
	return counted(self, pread(self->bed.fd, self->memory, PART, 0));
}

/* More of them than a call keeps on the stack, one byte each but the last. */
static int call_preadv(FIXTURE_DATA(nth) *self)
{
	struct iovec iov[12];
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(iov); i++) {
		iov[i].iov_base = self->memory + i;
		iov[i].iov_len = 1;
	}
	return counted(self, preadv(self->bed.fd, iov, ARRAY_LEN(iov), 0));
}

/* Registered, fetched to, and given back, whatever became of it. */
static int call_registered(FIXTURE_DATA(nth) *self)
{
	struct edudma_buffer_unregister un = { 0 };
	int ret, buffer;

	buffer = buffer_register(self->bed.fd, self->memory, self->bytes);
	if (buffer < 0)
		return -buffer;
	self->segs[0] = seg_from(NULL, self->bytes, 0);
	self->segs[0].buffer = buffer;
	ret = run(self, 1);
	un.buffer = buffer;
	/* The fault may be in here: the file gives it back then. */
	while (ioctl(self->bed.fd, EDUDMA_IOC_BUFFER_UNREGISTER, &un))
		if (errno != EFAULT)
			return errno;
	return ret;
}

static int call_poll(FIXTURE_DATA(nth) *self)
{
	struct pollfd pfds[] = {
		{ .fd = self->bed.fd, .events = POLLIN },
		{ .fd = self->bed.fd, .events = POLLOUT },
	};

	return poll(pfds, ARRAY_LEN(pfds), 0) < 0 ? errno : 0;
}

static int call_mmap(FIXTURE_DATA(nth) *self)
{
	volatile uint8_t *p;

	p = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
		 self->bed.fd, 0);
	if (p == MAP_FAILED)
		return errno;
	p[0] = p[0];
	return munmap((void *)p, page_size()) ? errno : 0;
}

static int call_driver(FIXTURE_DATA(nth) *self, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/edudma/%s", what);
	return file_write(path, self->bed.dev.slot);
}

static bool is_bound(FIXTURE_DATA(nth) *self)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/edudma/%s",
		 self->bed.dev.slot);
	return !access(path, F_OK);
}

static int call_bind(FIXTURE_DATA(nth) *self)
{
	return is_bound(self) ? 0 : call_driver(self, "bind");
}

/* The file that is open would keep the number of the node. */
static int call_unbind(FIXTURE_DATA(nth) *self)
{
	if (self->bed.fd >= 0)
		close(self->bed.fd);
	self->bed.fd = -1;
	return is_bound(self) ? call_driver(self, "unbind") : 0;
}

/* What was failing may have kept the device from its driver. */
static bool device_is_there(FIXTURE_DATA(nth) *self)
{
	if (self->bed.fd >= 0)
		return true;
	if (call_bind(self) || !WAIT_FOR(!access(self->bed.dev.node, F_OK)))
		return false;
	self->bed.fd = open(self->bed.dev.node, O_RDWR | O_CLOEXEC);
	return self->bed.fd >= 0;
}

/* A transfer both ways, of bytes beyond those of the calls. */
static bool device_works(FIXTURE_DATA(nth) *self)
{
	static uint32_t seed = 100;
	uint8_t *buf = private_pages(2), *back = buf + page_size();
	struct edudma_segment segs[] = { seg_to(buf, 8, 0), seg_from(back, 8, 0) };
	bool good;

	fill(buf, 8, ++seed);
	good = device_is_there(self) && !transfer(self->bed.fd, segs, 2, 0, NULL) &&
	       differs_at(back, 8, seed) == 8 &&
	       !window_fill(self->bed.fd, 8, 1);
	munmap(buf, 2 * page_size());
	return good;
}

static bool is_documented(const FIXTURE_VARIANT(nth) *variant, int err)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(variant->errnos); i++)
		if (err == variant->errnos[i])
			return true;
	return !err;
}

/* Memory as a program has it that has just allocated it; no page's beginning. */
static uint8_t *new_memory(void)
{
	uint8_t *p = mmap(NULL, (PAGES + 1) * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p + UNALIGNED;
}

static void free_memory(uint8_t *memory)
{
	munmap(memory - UNALIGNED, (PAGES + 1) * page_size());
}

/* Did the device write to memory what it is said to have written? */
static bool is_fetched(FIXTURE_DATA(nth) *self)
{
	uint64_t done = self->out.bytes_done;

	/* A call that was refused says nothing. */
	if (done == OUT_UNTOUCHED)
		done = 0;
	return done <= self->bytes && differs_at(self->memory, done, 1) == done;
}

TEST_F_TIMEOUT(nth, fails_cleanly, 600)
{
	unsigned int nth, refused = 0;
	bool failed = true;
	int err;

	if (variant->call == call_mmap &&
	    !(self->bed.info.capabilities & EDUDMA_CAP_MMAP))
		SKIP(return, "the device's memory cannot be mapped");
	if (variant->call == call_registered && find_page(&self->bed.info, false))
		SKIP(return, "the device does not reach all memory here");
	for (nth = 1; failed && nth < MAX_FAULTS; nth++) {
		if (variant->prepare)
			ASSERT_EQ(0, variant->prepare(self));
		memset(&self->out, 0, sizeof(self->out));
		self->memory = new_memory();
		fail_nth(self->faults, nth);
		err = variant->call(self);
		failed = has_failed(self->faults);

		ASSERT_TRUE(is_documented(variant, err))
			TH_LOG("fault %u: %s", nth, strerror(err));
		ASSERT_TRUE(failed || !err)
			TH_LOG("without a fault: %s", strerror(err));
		ASSERT_TRUE(variant->sends || is_fetched(self))
			TH_LOG("fault %u: not the bytes of the window", nth);
		ASSERT_EQ(self->bed.pins, pins_outstanding())
			TH_LOG("fault %u", nth);
		ASSERT_TRUE(device_works(self))
			TH_LOG("fault %u: the device does not work any more", nth);
		free_memory(self->memory);
		refused += !!err;
	}
	TH_LOG("%u faults, %u calls failed", nth - 2, refused);
	EXPECT_FALSE(failed);
	/* Else there was nothing to see. */
	EXPECT_LT(0, refused);
}

TEST_HARNESS_MAIN
