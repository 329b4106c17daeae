/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every fixture of the driver's suites does before and after a test, in
 * terms of the kernel's kselftest_harness.h.
 */
#ifndef EDUDMA_FIXTURE_H
#define EDUDMA_FIXTURE_H

#include "edudma_test.h"
#include "edudma_machine.h"
#include "edudma_pci.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

/**
 * struct bed - one open node and the state that a test starts from
 * @dev:	the first node
 * @fd:		opened for reading and writing
 * @info:	what the driver says about it
 * @area:	bytes at the window's start for tests to fill and compare: a page
 *		at most, however large the window
 * @before:	its counters after opening
 * @pins:	pages pinned in the whole system
 * @opened:	files opened by bed_open_beside()
 * @paced:	the device was given another pace by BED_PACE()
 * @pace:	the property that was changed for that
 * @latency:	the pace it had before
 * @mark:	bed_descriptors() when @before was read
 */
struct bed {
	struct test_dev dev;
	int fd;
	struct edudma_info info;
	uint64_t area;
	struct stats before;
	uint64_t pins;
	unsigned int opened;
	bool paced;
	const char *pace;
	uint64_t latency;
	uint64_t mark;
};

#define BED_SETUP(bed) do {						\
	(bed)->fd = -1;							\
	ASSERT_TRUE(dev_get(0, &(bed)->dev))				\
		TH_LOG("no node: is the edudma module loaded?");	\
	BED_OPEN(bed);							\
} while (0)

/* The same with the device that bed->dev names already. */
#define BED_OPEN(bed) do {						\
	(bed)->fd = open((bed)->dev.node, O_RDWR | O_CLOEXEC);		\
	ASSERT_LE(0, (bed)->fd)						\
		TH_LOG("%s: %s", (bed)->dev.node, strerror(errno));	\
	ASSERT_EQ(0, dev_info((bed)->fd, &(bed)->info));		\
	(bed)->area = (bed)->info.window_bytes < page_size() ?		\
		(bed)->info.window_bytes : page_size();			\
	ASSERT_EQ(0, stat_get(&(bed)->dev, "pages_pinned"))		\
		TH_LOG("an earlier test left pages pinned");		\
	(bed)->pins = pins_outstanding();				\
	bed_mark(bed);							\
} while (0)

/*
 * Every page that a test had pinned comes back, by both counts.  A killed
 * process's request ends by itself, so this waits for it.  EXPECT, because an
 * ASSERT that fails in a teardown starts the teardown again.
 */
#define BED_TEARDOWN(bed) do {						\
	/* Left set by a failed ASSERT, it would make each EXPECT log. */ \
	_metadata->trigger = 0;						\
	if ((bed)->paced) {						\
		EXPECT_EQ(0, machine_set(&(bed)->dev, (bed)->pace,	\
					 (bed)->latency));		\
	}								\
	if ((bed)->fd >= 0)						\
		close((bed)->fd);					\
	EXPECT_TRUE(WAIT_FOR(pins_outstanding() == (bed)->pins))	\
		TH_LOG("pages still pinned: %ld more than before",	\
		       (long)(pins_outstanding() - (bed)->pins));	\
	if (!access((bed)->dev.sysfs, F_OK)) {				\
		EXPECT_EQ(0, stat_get(&(bed)->dev, "pages_pinned"));	\
	}								\
} while (0)

/*
 * Tests that do something while a transfer is under way need a device that takes
 * its time.  A plain edu does, 100 ms for each descriptor; an edu-sg does as it
 * is told, until the end of the test, also if the driver takes it for an edu.
 */
#define EDU_NS	100000000ULL

#define BED_PACE(bed, ns) do {						\
	(bed)->pace = machine_pace(&(bed)->dev, &(bed)->info);		\
	if ((bed)->pace) {						\
		(bed)->latency = machine_get(&(bed)->dev, (bed)->pace);	\
		ASSERT_NE(UINT64_MAX, (bed)->latency)			\
			TH_LOG("QEMU does not answer: guest --qmp?");	\
		ASSERT_EQ(0, machine_set(&(bed)->dev, (bed)->pace, ns));	\
		(bed)->paced = true;					\
	}								\
	bed_mark(bed);							\
} while (0)

/* As slow as a plain edu. */
#define BED_SLOW(bed) BED_PACE(bed, EDU_NS)

/*
 * How many descriptors are through, or sure to be: plain edu finishes what it has
 * begun, an edu-sg drops it if it is told to.  To be compared with an earlier one.
 */
static inline uint64_t bed_descriptors(const struct bed *bed)
{
	return bed->paced && bed->info.engine == EDUDMA_ENGINE_RING ?
		machine_get(&bed->dev, "counter-descriptors") :
		stat_get(&bed->dev, "descriptors");
}

/* Count from here on. */
static inline void bed_mark(struct bed *bed)
{
	stats_get(&bed->dev, &bed->before);
	bed->mark = bed_descriptors(bed);
}

/* Wait until something is sure to be moved of what was submitted since the mark. */
static inline bool bed_under_way(const struct bed *bed)
{
	return WAIT_FOR(bed_descriptors(bed) > bed->mark);
}

/*
 * Another file of the node, whose requests take turns with those of the bed's:
 * files are given the channels one after the other.  Nothing else may have opened
 * the node since the setup.
 */
static inline int bed_open_beside(struct bed *bed)
{
	int fd = -1;

	do {
		if (fd >= 0)
			close(fd);
		fd = open(bed->dev.node, O_RDWR | O_CLOEXEC);
	} while (++bed->opened % bed->info.channels);

	return fd;
}

/*
 * Wait until the device has done what it was given, whatever its driver has made
 * of that: what it was to write it has written then.
 */
static inline bool bed_dma_over(const struct bed *bed)
{
	const bool ring = bed->info.engine == EDUDMA_ENGINE_RING;

	return WAIT_FOR(pci_dma_over(bed->dev.slot, ring ? bed->info.channels : 0));
}

/* Counters since the mark, which the fixture's setup is. */
#define BED_STATS(bed, delta) stats_since(&(bed)->dev, &(bed)->before, delta)

/* The window's area holds pattern @seed. */
#define EXPECT_AREA(bed, seed) do {					\
	uint8_t *area_ = private_pages(1);				\
									\
	EXPECT_EQ(0, transfer1((bed)->fd,				\
			       seg_from(area_, (bed)->area, 0)));	\
	EXPECT_EQ((bed)->area, differs_at(area_, (bed)->area, seed));	\
	munmap(area_, page_size());					\
} while (0)

/* Does "suite.fixture[.variant].test" match one of the shell patterns? */
static inline bool test_matches(const char *patterns,
				const struct __fixture_metadata *f,
				const struct __fixture_variant_metadata *v,
				const struct __test_metadata *t)
{
	char name[256], *copy = strdupa(patterns), *pattern;

	snprintf(name, sizeof(name), "%s.%s%s%s.%s",
		 program_invocation_short_name, f->name, v ? "." : "",
		 v ? v->name : "", t->name);
	while ((pattern = strsep(&copy, " ")))
		if (!fnmatch(pattern, name, 0))
			return true;
	return false;
}

static inline bool any_variant_matches(const char *patterns,
				       const struct __fixture_metadata *f,
				       const struct __test_metadata *t)
{
	const struct __fixture_variant_metadata *v = f->variant;

	do {
		if (test_matches(patterns, f, v, t))
			return true;
		v = v ? v->next : NULL;
	} while (v);
	return false;
}

static inline bool any_test_matches(const char *patterns,
				    const struct __fixture_metadata *f,
				    const struct __fixture_variant_metadata *v)
{
	const struct __test_metadata *t;

	for (t = f->tests; t; t = t->next)
		if (test_matches(patterns, f, v, t))
			return true;
	return false;
}

/*
 * Leave only the tests, and of each fixture only the variants, that match one of
 * the patterns, which are separated by blanks.
 */
static inline void keep_matching_tests(const char *patterns)
{
	struct __fixture_variant_metadata **variant;
	struct __test_metadata **test;
	struct __fixture_metadata *f;

	for (f = __fixture_list; f; f = f->next) {
		for (test = &f->tests; *test;) {
			if (any_variant_matches(patterns, f, *test))
				test = &(*test)->next;
			else
				*test = (*test)->next;
		}
		for (variant = &f->variant; f->tests && *variant;) {
			if (any_test_matches(patterns, f, *variant))
				variant = &(*variant)->next;
			else
				*variant = (*variant)->next;
		}
	}
}

/* The most that the harness can count, some of them in milliseconds. */
#define MOST_SECONDS	(INT_MAX / 1000)

/*
 * The harness' limits are for tests that hang, not for kernels that are slow, nor
 * for time that leaps.
 */
static inline void be_patient(int times)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout = times < MOST_SECONDS / t->timeout ?
				     t->timeout * times : MOST_SECONDS;
}

/*
 * Runs a choice of the tests if EDUDMA_TEST is set: the harness of older kernels
 * cannot choose; with limits EDUDMA_PATIENCE times as long.  What
 * TEST_HARNESS_MAIN then defines is suite_main().
 */
int suite_main(int argc, char **argv);

int main(int argc, char **argv)
{
	if (getenv("EDUDMA_TEST"))
		keep_matching_tests(getenv("EDUDMA_TEST"));
	if (getenv("EDUDMA_PATIENCE"))
		be_patient(atoi(getenv("EDUDMA_PATIENCE")));
	return suite_main(argc, argv);
}

#define main suite_main

#endif /* EDUDMA_FIXTURE_H */
