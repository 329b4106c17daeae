// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning and mapping fail: functions of the driver that are marked by
 * ALLOW_ERROR_INJECTION(), each time that a request comes to one.
 *
 * The kernel has a breakpoint in such a function, which counts as an interrupt
 * that nothing can keep away.  lockdep objects to what the fault injection does
 * there, so this takes a kernel without it.
 */
#include "edudma_fixture.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

#define FAIL_FUNCTION	"/sys/kernel/debug/fail_function/"
#define PAGES		3
#define PART		1000
#define LEN		(PAGES * PART)
#define MOST		100	/* times that one request can come to a function */

FIXTURE(function)
{
	struct bed bed;
	uint8_t *memory;	/* PAGES, new for each request */
	struct edudma_segment segs[PAGES];
	struct edudma_transfer out;
};

typedef int call_fn(FIXTURE_DATA(function) *self);

static call_fn send_pages, fetch_pages, read_pages, register_pages;

FIXTURE_VARIANT(function)
{
	const char *name;
	int err;		/* what it fails with */
	call_fn *call;
};

FIXTURE_VARIANT_ADD(function, pins_what_is_sent) {
	.name = "edudma_pages_pin", .err = EFAULT, .call = send_pages };
FIXTURE_VARIANT_ADD(function, pins_what_is_fetched) {
	.name = "edudma_pages_pin", .err = EFAULT, .call = fetch_pages };
FIXTURE_VARIANT_ADD(function, pins_what_is_read) {
	.name = "edudma_pages_pin", .err = EFAULT, .call = read_pages };
FIXTURE_VARIANT_ADD(function, maps_what_is_sent) {
	.name = "edudma_extent_map_direct", .err = EIO, .call = send_pages };
FIXTURE_VARIANT_ADD(function, maps_what_is_fetched) {
	.name = "edudma_extent_map_direct", .err = EIO, .call = fetch_pages };
FIXTURE_VARIANT_ADD(function, maps_what_is_read) {
	.name = "edudma_extent_map_direct", .err = EIO, .call = read_pages };

FIXTURE_VARIANT_ADD(function, pins_what_is_registered) {
	.name = "edudma_pages_pin_longterm", .err = EFAULT, .call = register_pages };

static int setting(const char *name, const char *value)
{
	char path[192];

	snprintf(path, sizeof(path), FAIL_FUNCTION "%s", name);
	return file_write(path, value);
}

FIXTURE_SETUP(function)
{
	char retval[128], value[32];
	int err;

	BED_SETUP(&self->bed);
	ASSERT_NE(0, access("/proc/lockdep", F_OK))
		TH_LOG("lockdep objects: take the lane functions");
	err = setting("inject", variant->name);
	ASSERT_EQ(0, err)
		TH_LOG("no fault injection: %s; is this the lane functions?",
		       strerror(err));
	snprintf(retval, sizeof(retval), "%s/retval", variant->name);
	/* No kernel takes a sign there, each the bits. */
	snprintf(value, sizeof(value), "%#llx", -(long long)variant->err);
	ASSERT_EQ(0, setting(retval, value));
	/* Nothing is said: each failure would look like an accident. */
	ASSERT_EQ(0, setting("verbose", "0"));
}

FIXTURE_TEARDOWN(function)
{
	EXPECT_EQ(0, setting("inject", ""));
	BED_TEARDOWN(&self->bed);
}

/* From here on, the @nth call of the function fails, once. */
static bool fail_call(unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	return !setting("space", text) && !setting("interval", "1") &&
	       !setting("times", "1") && !setting("probability", "100");
}

/* No call fails any more.  Has one? */
static bool call_has_failed(void)
{
	if (setting("probability", "0"))
		die(FAIL_FUNCTION "probability");
	return !file_read_u64(FAIL_FUNCTION "times");
}

/* Segments on pages of their own, which are mapped one by one and go together. */
static int run(FIXTURE_DATA(function) *self, enum edudma_direction direction)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		self->segs[i] = (struct edudma_segment) {
			.addr = (uintptr_t)self->memory + i * page_size() + 1,
			.len = PART, .offset = i * PART, .direction = direction,
		};
	return transfer(self->bed.fd, self->segs, PAGES, 0, &self->out);
}

static int send_pages(FIXTURE_DATA(function) *self)
{
	return run(self, EDUDMA_TO_DEVICE);
}

static int fetch_pages(FIXTURE_DATA(function) *self)
{
	return run(self, EDUDMA_FROM_DEVICE);
}

static int read_pages(FIXTURE_DATA(function) *self)
{
	ssize_t done = pread(self->bed.fd, self->memory + 1, LEN, 0);

	self->out.bytes_done = done < 0 ? 0 : done;
	return done < 0 ? errno : 0;
}

/* Fetched to memory that is registered before, and given back after. */
static int register_pages(FIXTURE_DATA(function) *self)
{
	struct edudma_buffer_unregister un;
	int ret, buffer;

	memset(&self->out, 0, sizeof(self->out));
	buffer = buffer_register(self->bed.fd, self->memory, PAGES * page_size());
	if (buffer < 0)
		return -buffer;
	self->segs[0] = seg_from(NULL, LEN, 0);
	self->segs[0].buffer = buffer;
	ret = transfer(self->bed.fd, self->segs, 1, 0, &self->out);
	un = (struct edudma_buffer_unregister) { .buffer = buffer };
	return ioctl(self->bed.fd, EDUDMA_IOC_BUFFER_UNREGISTER, &un) ? errno : ret;
}

/* A plain request both ways. */
static bool works(FIXTURE_DATA(function) *self)
{
	unsigned int i, good = 0;

	for (i = 0; i < PAGES; i++)
		fill(self->memory + i * page_size() + 1, PART, 50 + i);
	if (run(self, EDUDMA_TO_DEVICE))
		return false;
	memset(self->memory, 0, PAGES * page_size());
	if (run(self, EDUDMA_FROM_DEVICE))
		return false;
	for (i = 0; i < PAGES; i++)
		good += differs_at(self->memory + i * page_size() + 1, PART,
				   50 + i) == PART;
	return good == PAGES;
}

TEST_F_TIMEOUT(function, fails_cleanly, 300)
{
	unsigned int nth, faults = 0;
	struct stats delta;
	bool failed = true;
	int err;

	for (nth = 1; failed && nth < MOST; nth++) {
		self->memory = private_pages(PAGES);
		bed_mark(&self->bed);
		ASSERT_TRUE(fail_call(nth));
		err = variant->call(self);
		failed = call_has_failed();
		BED_STATS(&self->bed, &delta);

		ASSERT_EQ(failed ? variant->err : 0, err) TH_LOG("call %u", nth);
		EXPECT_EQ(self->out.bytes_done,
			  delta.bytes_to_device + delta.bytes_from_device)
			TH_LOG("call %u", nth);
		EXPECT_TRUE(!failed || self->out.bytes_done < LEN)
			TH_LOG("call %u", nth);
		ASSERT_EQ(self->bed.pins, pins_outstanding()) TH_LOG("call %u", nth);
		ASSERT_TRUE(works(self)) TH_LOG("call %u", nth);
		munmap(self->memory, PAGES * page_size());
		faults += failed;
	}
	EXPECT_FALSE(failed);
	EXPECT_LT(0, faults);
}

TEST_HARNESS_MAIN
