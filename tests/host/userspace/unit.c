// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the library and the tool can be tested without a device: reading of
 * sysfs (from a directory made up here), splitting of copies, sizes, words, and
 * the errors of a machine that has no device.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edudma_fixture.h"
#include <edudma_stream.h>
#include "internal.h"
#include "../../userspace/tool/bench.h"

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

FIXTURE(sysfs)
{
	char dir[64];
};

FIXTURE_SETUP(sysfs)
{
	snprintf(self->dir, sizeof(self->dir), "/tmp/edudma-unit.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
}

FIXTURE_TEARDOWN(sysfs)
{
	nftw(self->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	if (!file)
		exit(KSFT_FAIL);
	fputs(text, file);
	fclose(file);
}

static void make_device(const char *dir, const char *name, const char *address)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mkdir(path, 0755))
		exit(KSFT_FAIL);
	if (!address)
		return;

	snprintf(target, sizeof(target), "../../../%s", address);
	strcat(path, "/device");
	if (symlink(target, path))
		exit(KSFT_FAIL);
}

TEST_F(sysfs, list_is_sorted_by_number)
{
	struct edudma_list *list;

	make_device(self->dir, "edudma10", "0000:00:05.0");
	make_device(self->dir, "edudma2", "0000:00:04.0");
	make_device(self->dir, "edudma0", NULL);
	make_device(self->dir, "edudma", NULL);
	make_device(self->dir, "edudma1x", NULL);

	ASSERT_EQ(0, edudma_list_scan(self->dir, &list));
	ASSERT_EQ(3, edudma_list_count(list));
	EXPECT_EQ(0, edudma_list_index(list, 0));
	EXPECT_EQ(2, edudma_list_index(list, 1));
	EXPECT_EQ(10, edudma_list_index(list, 2));
	EXPECT_STREQ("/dev/edudma2", edudma_list_path(list, 1));
	EXPECT_STREQ("", edudma_list_address(list, 0));
	EXPECT_STREQ("0000:00:05.0", edudma_list_address(list, 2));
	edudma_list_free(list);
}

TEST_F(sysfs, list_without_class_is_empty)
{
	struct edudma_list *list;

	strcat(self->dir, "/missing");
	ASSERT_EQ(0, edudma_list_scan(self->dir, &list));
	EXPECT_EQ(0, edudma_list_count(list));
	edudma_list_free(list);
	*strrchr(self->dir, '/') = '\0';
}

TEST_F(sysfs, list_reports_what_is_no_directory)
{
	struct edudma_list *list;
	char path[PATH_MAX];

	make_file(self->dir, "file", "");
	snprintf(path, sizeof(path), "%s/file", self->dir);
	EXPECT_EQ(-ENOTDIR, edudma_list_scan(path, &list));
}

TEST_F(sysfs, stats_have_names_and_order)
{
	struct edudma_stats *stats;
	uint64_t value;

	make_file(self->dir, "zebra", "3\n");
	make_file(self->dir, "errors", "1\n");
	make_file(self->dir, "requests", "18446744073709551615\n");

	ASSERT_EQ(0, edudma_stats_scan(self->dir, &stats));
	ASSERT_EQ(3, edudma_stats_count(stats));
	EXPECT_STREQ("requests", edudma_stats_name(stats, 0));
	EXPECT_STREQ("errors", edudma_stats_name(stats, 1));
	EXPECT_STREQ("zebra", edudma_stats_name(stats, 2));
	EXPECT_EQ(UINT64_MAX, edudma_stats_value(stats, 0));
	EXPECT_EQ(0, edudma_stats_get(stats, "zebra", &value));
	EXPECT_EQ(3, value);
	EXPECT_EQ(-ENOENT, edudma_stats_get(stats, "lion", &value));
	edudma_stats_free(stats);
}

TEST_F(sysfs, stats_that_are_no_numbers_are_refused)
{
	static const char *const bad[] = {
		"\n", "-1\n", "1x\n", " 1\n", "18446744073709551616\n", "0x1\n",
		"1\n2\n",
	};
	struct edudma_stats *stats;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		make_file(self->dir, "requests", bad[i]);
		EXPECT_EQ(-EPROTO, edudma_stats_scan(self->dir, &stats))
			TH_LOG("taken: %s", bad[i]);
	}
}

TEST_F(sysfs, stats_without_directory_are_no_device)
{
	struct edudma_stats *stats;

	strcat(self->dir, "/missing");
	EXPECT_EQ(-ENODEV, edudma_stats_scan(self->dir, &stats));
	*strrchr(self->dir, '/') = '\0';
}

TEST_F(sysfs, diff_subtracts_counters_only)
{
	struct edudma_stats *older, *newer, *diff;
	uint64_t value;

	make_file(self->dir, "requests", "5\n");
	make_file(self->dir, "errors", "9\n");
	make_file(self->dir, "pages_pinned", "7\n");
	ASSERT_EQ(0, edudma_stats_scan(self->dir, &older));

	make_file(self->dir, "requests", "12\n");
	make_file(self->dir, "errors", "2\n");
	make_file(self->dir, "pages_pinned", "4\n");
	make_file(self->dir, "timeouts", "1\n");
	ASSERT_EQ(0, edudma_stats_scan(self->dir, &newer));

	ASSERT_EQ(0, edudma_stats_diff(newer, older, &diff));
	EXPECT_EQ(0, edudma_stats_get(diff, "requests", &value));
	EXPECT_EQ(7, value);
	/* A level is what it is now. */
	EXPECT_EQ(0, edudma_stats_get(diff, "pages_pinned", &value));
	EXPECT_EQ(4, value);
	/* A counter that was reset, and one that is new, count from zero. */
	EXPECT_EQ(0, edudma_stats_get(diff, "errors", &value));
	EXPECT_EQ(2, value);
	EXPECT_EQ(0, edudma_stats_get(diff, "timeouts", &value));
	EXPECT_EQ(1, value);

	edudma_stats_free(diff);
	edudma_stats_free(newer);
	edudma_stats_free(older);
}

TEST(names_of_devices)
{
	static const char *const bad[] = {
		"", "edudma", "edudma-1", "edudma01", "edudma1 ", "edudmax",
		"edudma99999999999", "Edudma1",
	};
	unsigned int index = 77;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_FALSE(edudma_parse_name(bad[i], &index))
			TH_LOG("taken: %s", bad[i]);
	EXPECT_EQ(77, index);
	EXPECT_TRUE(edudma_parse_name("edudma0", &index));
	EXPECT_EQ(0, index);
	EXPECT_TRUE(edudma_parse_name("edudma4095", &index));
	EXPECT_EQ(4095, index);
}

TEST(plan_keeps_within_limits)
{
	struct edudma_info info = {
		.window_bytes = 4095,
		.max_transfer_bytes = 1 << 30,
		.max_segments = 1024,
	};
	struct edudma_plan plan;

	ASSERT_EQ(0, edudma_plan_copy(&info, &plan));
	EXPECT_EQ(4095, plan.piece);
	EXPECT_EQ(512, plan.max_pieces);

	/* Total size, not segments, is what limits here. */
	info.max_transfer_bytes = 2 * 4095 * 3 + 1;
	ASSERT_EQ(0, edudma_plan_copy(&info, &plan));
	EXPECT_EQ(4095, plan.piece);
	EXPECT_EQ(3, plan.max_pieces);

	/* Less than the window there and back. */
	info.max_transfer_bytes = 1001;
	ASSERT_EQ(0, edudma_plan_copy(&info, &plan));
	EXPECT_EQ(500, plan.piece);
	EXPECT_EQ(1, plan.max_pieces);

	info.max_transfer_bytes = 1;
	EXPECT_EQ(-EOPNOTSUPP, edudma_plan_copy(&info, &plan));
	info.max_transfer_bytes = 1 << 30;
	info.max_segments = 1;
	EXPECT_EQ(-EOPNOTSUPP, edudma_plan_copy(&info, &plan));
}

TEST(sizes_are_read)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{ "0", 0 },
		{ "010", 10 },
		{ "4095", 4095 },
		{ "0x1000", 4096 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "3M", 3 << 20 },
		{ "2G", 2ULL << 30 },
		{ "18446744073709551615", UINT64_MAX },
		{ "17179869183G", 17179869183ULL << 30 },
	};
	uint64_t size;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_TRUE(parse_size(good[i].text, &size))
			TH_LOG("not taken: %s", good[i].text);
		EXPECT_EQ(good[i].size, size)
			TH_LOG("misread: %s", good[i].text);
	}
}

TEST(what_is_no_size_is_refused)
{
	static const char *const bad[] = {
		"", "K", "-1", "+1", " 1", "1 ", "1KB", "1T", "1.5M", "x", "0y1",
		"18446744073709551616", "17179869184G",
	};
	uint64_t size;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_FALSE(parse_size(bad[i], &size))
			TH_LOG("taken: '%s'", bad[i]);
}

TEST(sizes_are_written)
{
	char text[16];

	EXPECT_STREQ("0 B", format_size(0, text));
	EXPECT_STREQ("1023 B", format_size(1023, text));
	EXPECT_STREQ("1.0 KiB", format_size(1024, text));
	EXPECT_STREQ("2.5 MiB", format_size(2.5 * (1 << 20), text));
	EXPECT_STREQ("4096.0 TiB", format_size(4096.0 * (1ULL << 40), text));
}

TEST(seconds_are_read)
{
	static const char *const bad[] = {
		"", "x", "1s", "0", "0.001", "-1", "86401", "nan", "inf",
	};
	double seconds;
	size_t i;

	EXPECT_TRUE(parse_seconds("0.5", &seconds));
	EXPECT_EQ(0.5, seconds);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_FALSE(parse_seconds(bad[i], &seconds))
			TH_LOG("taken: '%s'", bad[i]);
}

TEST(percentiles_of_latencies)
{
	static struct latency latency;
	uint64_t ns, told;
	int i;

	EXPECT_EQ(0, latency_percentile(&latency, 50));
	/* One, however large. */
	for (ns = 1; ns; ns <<= 3) {
		latency = (struct latency) {};
		latency_add(&latency, ns + 1);
		EXPECT_EQ(ns + 1, latency_percentile(&latency, 0));
		EXPECT_EQ(ns + 1, latency_percentile(&latency, 100));
	}
	latency = (struct latency) {};
	latency_add(&latency, UINT64_MAX);
	EXPECT_EQ(UINT64_MAX, latency_percentile(&latency, 50));

	/* 1 to 10000 microseconds, the longest first. */
	latency = (struct latency) {};
	for (i = 10000; i; i--)
		latency_add(&latency, i * 1000ULL);
	EXPECT_EQ(10000, latency.count);
	EXPECT_EQ(1000, latency.min);
	EXPECT_EQ(10000000, latency.max);
	EXPECT_EQ(10000ULL * 10001 / 2 * 1000, latency.sum);
	for (i = 1; i <= 100; i++) {
		told = latency_percentile(&latency, i);
		EXPECT_LE(i * 100000ULL, told) TH_LOG("%d%%", i);
		EXPECT_GE(i * 100000ULL * 65 / 64, told) TH_LOG("%d%%", i);
	}
	EXPECT_EQ(10000000, latency_percentile(&latency, 99.99));
}

static void make_path(const char *root, const char *path, const char *text)
{
	char dir[PATH_MAX], *p;

	snprintf(dir, sizeof(dir), "%s%s", root, path);
	for (p = dir + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(dir, 0755);
	}
	make_file(root, path + 1, text);
}

TEST_F(sysfs, signatures_are_needed_where_the_kernel_says_so)
{
	static const char lockdown[] = "/sys/kernel/security/lockdown";
	char why[128];

	EXPECT_FALSE(signatures_needed(self->dir, why, sizeof(why)));
	make_path(self->dir, lockdown, "[none] integrity confidentiality\n");
	EXPECT_FALSE(signatures_needed(self->dir, why, sizeof(why)));
	make_path(self->dir, lockdown, "none [integrity] confidentiality\n");
	EXPECT_TRUE(signatures_needed(self->dir, why, sizeof(why)));
	EXPECT_STREQ("lockdown 'integrity' takes signed modules only", why);
	make_path(self->dir, lockdown, "[none] integrity confidentiality\n");
	make_path(self->dir, "/sys/module/module/parameters/sig_enforce", "Y\n");
	EXPECT_TRUE(signatures_needed(self->dir, why, sizeof(why)));
	EXPECT_STREQ("this kernel takes signed modules only", why);
}

TEST_F(sysfs, secure_boot_is_what_the_firmware_says)
{
	static const char variable[] =
		"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

	EXPECT_FALSE(secure_boot(self->dir));
	make_path(self->dir, variable, "abcd\1");
	EXPECT_TRUE(secure_boot(self->dir));
	make_path(self->dir, variable, "abcd\2");
	EXPECT_FALSE(secure_boot(self->dir));
	make_path(self->dir, variable, "abc");
	EXPECT_FALSE(secure_boot(self->dir));
}

TEST_F(sysfs, memory_ends_where_the_last_zone_does)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);

	EXPECT_EQ(0, memory_top(self->dir));
	make_path(self->dir, "/proc/zoneinfo",
		  "Node 0, zone      DMA\n"
		  "        spanned  4095\n"
		  "  start_pfn:           1\n"
		  "Node 0, zone    DMA32\n"
		  "        spanned  258015\n"
		  "  start_pfn:           4096\n"
		  "Node 0, zone   Movable\n"
		  "        spanned  0\n"
		  "  start_pfn:           999999\n");
	EXPECT_EQ((4096 + 258015) * page, memory_top(self->dir));
}

TEST(words)
{
	EXPECT_STREQ("edu", edudma_engine_name(EDUDMA_ENGINE_EDU));
	EXPECT_STREQ("other", edudma_engine_name(EDUDMA_ENGINE_OTHER));
	EXPECT_STREQ("unknown", edudma_engine_name(UINT32_MAX));
	EXPECT_STREQ("to-device", edudma_direction_name(EDUDMA_TO_DEVICE));
	EXPECT_STREQ("from-device", edudma_direction_name(EDUDMA_FROM_DEVICE));
	EXPECT_STREQ("unknown", edudma_direction_name(2));
	EXPECT_STREQ("iommu", edudma_capability_name(0));
	EXPECT_STREQ("msi", edudma_capability_name(1));
	EXPECT_STREQ("buffers", edudma_capability_name(3));
	EXPECT_STREQ("uring-cmd", edudma_capability_name(4));
	EXPECT_STREQ("streams", edudma_capability_name(6));
	EXPECT_STREQ("prbs31", edudma_pattern_name(EDUDMA_PATTERN_PRBS31));
	EXPECT_STREQ("iopoll", edudma_capability_name(5));
	EXPECT_EQ(NULL, edudma_capability_name(31));
	EXPECT_EQ(NULL, edudma_capability_name(32));
	EXPECT_STREQ(EDUDMA_VERSION, edudma_version());
}

TEST(segments)
{
	char memory[4];
	struct edudma_segment to = edudma_to_device(memory, 4, 100);
	struct edudma_segment from = edudma_from_device(memory, 3, 200);

	EXPECT_EQ((uintptr_t)memory, to.addr);
	EXPECT_EQ(4, to.len);
	EXPECT_EQ(100, to.offset);
	EXPECT_EQ(EDUDMA_TO_DEVICE, to.direction);
	EXPECT_EQ(0, to.buffer);
	EXPECT_EQ((uintptr_t)memory, from.addr);
	EXPECT_EQ(3, from.len);
	EXPECT_EQ(200, from.offset);
	EXPECT_EQ(EDUDMA_FROM_DEVICE, from.direction);
	EXPECT_EQ(0, from.buffer);

	to = edudma_buffer_to_device(7, 1, 2, 3);
	EXPECT_EQ(7, to.buffer);
	EXPECT_EQ(1, to.addr);
	EXPECT_EQ(2, to.len);
	EXPECT_EQ(3, to.offset);
	EXPECT_EQ(EDUDMA_TO_DEVICE, to.direction);
	from = edudma_buffer_from_device(8, 4, 5, 6);
	EXPECT_EQ(8, from.buffer);
	EXPECT_EQ(4, from.addr);
	EXPECT_EQ(5, from.len);
	EXPECT_EQ(6, from.offset);
	EXPECT_EQ(EDUDMA_FROM_DEVICE, from.direction);
}

/* As docs/edu-sg.md has it, bit for bit. */
static void prbs31_from_the_start(uint8_t *buf, size_t len)
{
	static uint8_t bits[8 * 4096];
	size_t i;

	memset(buf, 0, len);
	for (i = 0; i < 8 * len; i++) {
		bits[i] = i < 31 ? 1 : bits[i - 28] ^ bits[i - 31];
		buf[i / 8] |= bits[i] << (7 - i % 8);
	}
}

TEST(pattern_prbs31_is_the_same_at_each_place)
{
	static uint8_t all[4096], part[4096];
	size_t pos, len;

	prbs31_from_the_start(all, sizeof(all));
	for (pos = 0; pos < 100; pos++) {
		for (len = 0; len < 100; len += 7) {
			memset(part, 0, sizeof(part));
			ASSERT_EQ(0, edudma_pattern_fill(EDUDMA_PATTERN_PRBS31, part, len,
							 pos, 0, 0));
			EXPECT_EQ(0, memcmp(all + pos, part, len));
			EXPECT_EQ(0, part[len]);
		}
	}
	ASSERT_EQ(0, edudma_pattern_fill(EDUDMA_PATTERN_PRBS31, part, sizeof(part), 0, 0, 0));
	EXPECT_EQ(0, memcmp(all, part, sizeof(all)));
	/* The bytes begin anew after 2^31 - 1 of them. */
	ASSERT_EQ(0, edudma_pattern_fill(EDUDMA_PATTERN_PRBS31, part, 200,
					 3 * 0x7fffffffULL - 100, 0, 0));
	EXPECT_EQ(0, memcmp(all, part + 100, 100));
	EXPECT_NE(0, memcmp(all, part, 100));
}

TEST(pattern_counter_is_little_endian)
{
	static const uint8_t expected[] = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x03,
	};
	uint8_t buf[sizeof(expected)];
	size_t part;

	/* From the last byte of the number 0x04030200 on, in two parts. */
	for (part = 0; part <= sizeof(buf); part++) {
		const uint64_t start = 0x04030200ULL * 8 + 7;

		ASSERT_EQ(0, edudma_pattern_fill(EDUDMA_PATTERN_COUNTER, buf, part, start,
						 0, 0));
		ASSERT_EQ(0, edudma_pattern_fill(EDUDMA_PATTERN_COUNTER, buf + part,
						 sizeof(buf) - part, start + part, 0, 0));
		EXPECT_EQ(0, memcmp(expected, buf, sizeof(buf)));
	}
}

TEST(pattern_ramp_moves_with_each_frame)
{
	uint8_t buf[600];
	int o;

	ASSERT_EQ(0, edudma_pattern_fill(EDUDMA_PATTERN_RAMP, buf, sizeof(buf), 12345, 3, 70));
	for (o = 0; o < 600; o++)
		EXPECT_EQ(((o + 70) % 256 + (o + 70) / 256 + 8 * 3) % 256, buf[o]);
	EXPECT_EQ(-EINVAL, edudma_pattern_fill(3, buf, 1, 0, 0, 0));
}

TEST(pattern_check_counts_wrong_bytes)
{
	static uint8_t buf[70000];
	uint32_t pattern;
	uint64_t first;

	for (pattern = 0; edudma_pattern_name(pattern); pattern++) {
		ASSERT_EQ(0, edudma_pattern_fill(pattern, buf, sizeof(buf), 1001, 5, 9));
		first = 0;
		EXPECT_EQ(0, edudma_pattern_check(pattern, buf, sizeof(buf), 1001, 5, 9,
						  &first));
		EXPECT_EQ(UINT64_MAX, first);
		/* In different parts of it. */
		buf[50000] ^= 1;
		buf[50001] ^= 128;
		buf[69999] ^= 16;
		EXPECT_EQ(3, edudma_pattern_check(pattern, buf, sizeof(buf), 1001, 5, 9,
						  &first));
		EXPECT_EQ(50000, first);
		EXPECT_EQ(2, edudma_pattern_check(pattern, buf, 69999, 1001, 5, 9, NULL));
	}
	EXPECT_EQ(3, pattern);
	EXPECT_EQ(10, edudma_pattern_check(pattern, buf, 10, 0, 0, 0, &first));
	EXPECT_EQ(0, first);
}

TEST(streams_refuse_what_is_none)
{
	struct edudma_stream_options options = { .size = sizeof(options) };
	struct edudma_stream *stream = NULL;
	const struct edudma_frame *frame;

	EXPECT_EQ(-EINVAL, edudma_stream_open(NULL, &options, &stream));
	EXPECT_EQ(-EINVAL, edudma_stream_start(NULL));
	EXPECT_EQ(-EINVAL, edudma_stream_stop(NULL));
	EXPECT_EQ(-EINVAL, edudma_stream_next(NULL, 0, &frame));
	EXPECT_EQ(-EINVAL, edudma_stream_release(NULL, NULL));
	EXPECT_EQ(-EINVAL, edudma_stream_get(NULL, &frame));
	EXPECT_EQ(-EINVAL, edudma_stream_submit(NULL, NULL, 1));
	EXPECT_EQ(NULL, stream);
	edudma_stream_close(NULL);
}

TEST(open_refuses_what_is_no_node)
{
	struct edudma *dev = NULL;
	unsigned int index;

	EXPECT_EQ(-EINVAL, edudma_open(NULL, O_RDWR, &dev));
	EXPECT_EQ(-EINVAL, edudma_open("/dev/null", O_RDWR, NULL));
	EXPECT_EQ(-EINVAL, edudma_open("/dev/null", O_RDWR | O_TRUNC, &dev));
	EXPECT_EQ(-ENOENT, edudma_open("/dev/no-such-node", O_RDWR, &dev));
	EXPECT_EQ(-ENOTTY, edudma_open("/dev/null", O_RDWR, &dev));
	EXPECT_EQ(-ENOTTY, edudma_open("/tmp", O_RDONLY, &dev));
	EXPECT_EQ(-ENODEV, edudma_open_index(4000000000U, O_RDWR, &dev));
	EXPECT_EQ(NULL, dev);

	EXPECT_EQ(-ENOTTY, edudma_find_index("/dev/null", &index));
	EXPECT_EQ(-ENOTTY, edudma_find_index("/tmp", &index));
	EXPECT_EQ(-ENOENT, edudma_find_index("/dev/no-such-node", &index));
	EXPECT_EQ(-EINVAL, edudma_find_index(NULL, &index));
}

TEST(nothing_can_be_freed)
{
	edudma_close(NULL);
	edudma_list_free(NULL);
	edudma_stats_free(NULL);
}

TEST_HARNESS_MAIN
