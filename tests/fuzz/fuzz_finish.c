// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last word: what must hold in the end, what was done, and what is worth to
 * be kept; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Of a window, what is looked at. */
#define WINDOW_BYTES	4000

static void check_transfer(struct fuzz *fuzz, const struct test_dev *dev)
{
	uint8_t *buf = private_pages(1);
	int err, fd = open(dev->node, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		fuzz_fail(fuzz, "%s: %s", dev->node, strerror(errno));
		return;
	}
	err = window_fill(fd, WINDOW_BYTES, fuzz->seed);
	if (!err)
		err = transfer1(fd, seg_from(buf, WINDOW_BYTES, 0));
	if (err)
		fuzz_fail(fuzz, "%s: a transfer in the end: %s", dev->node, strerror(err));
	else if (differs_at(buf, WINDOW_BYTES, fuzz->seed) != WINDOW_BYTES)
		fuzz_fail(fuzz, "%s: a transfer in the end has wrong bytes", dev->node);
	munmap(buf, page_size());
	close(fd);
}

void fuzz_check(struct fuzz *fuzz)
{
	struct test_dev dev;
	unsigned int i;

	if (!WAIT_FOR(!pins_outstanding()))
		fuzz_fail(fuzz, "%llu pages are still pinned",
			  (unsigned long long)pins_outstanding());
	for (i = 0; i < FUZZ_DEVICES; i++) {
		if (!dev_of_slot(fuzz->slots[i], &dev)) {
			fuzz_fail(fuzz, "%s has no node", fuzz->slots[i]);
			continue;
		}
		check_transfer(fuzz, &dev);
		if (stat_get(&dev, "pages_pinned") || stat_get(&dev, "pages_leaked"))
			fuzz_fail(fuzz, "%s: pages are kept", dev.node);
	}
}

static void join_all(const struct fuzz *fuzz, struct fuzz_cover *cover)
{
	unsigned int i;

	memset(cover, 0, sizeof(*cover));
	for (i = 0; i < FUZZ_WORKERS; i++)
		fuzz_cover_join(cover, &fuzz->workers[i].reached);
}

void fuzz_report(const struct fuzz *fuzz)
{
	struct fuzz_cover none = { 0 }, cover;
	unsigned long long programs = 0, calls = 0;
	unsigned int i, nr;

	for (nr = 0; nr < FUZZ_NRS; nr++) {
		unsigned long long done = 0, failed = 0, spent = 0;

		for (i = 0; i < FUZZ_WORKERS; i++) {
			done += fuzz->workers[i].done[nr];
			failed += fuzz->workers[i].failed[nr];
			spent += fuzz->workers[i].spent[nr];
		}
		if (done + failed)
			printf("# %-10s %8llu succeeded, %8llu failed, %6llu us each\n",
			       fuzz_kinds[nr].name, done, failed,
			       spent / 1000 / (done + failed));
	}
	for (i = 0; i < FUZZ_WORKERS; i++) {
		programs += fuzz->workers[i].number;
		calls += fuzz->workers[i].calls;
	}
	join_all(fuzz, &cover);
	printf("# seed %llu: %llu calls of %llu programs reached %u places in the driver\n",
	       (unsigned long long)fuzz->seed, calls, programs, fuzz_cover_new(&cover, &none));
	fflush(stdout);
}

/* The kept program that reaches most of what is still missing, or NULL. */
static const struct fuzz_kept *best(const struct fuzz *fuzz,
				    const struct fuzz_cover *saved)
{
	const struct fuzz_kept *found = NULL;
	unsigned int i, k, fresh, most = 0;

	for (i = 0; i < FUZZ_WORKERS; i++) {
		const struct fuzz_worker *worker = &fuzz->workers[i];

		for (k = 0; k < worker->nr_kept; k++) {
			fresh = fuzz_cover_new(&worker->kept[k].cover, saved);
			if (fresh > most) {
				most = fresh;
				found = &worker->kept[k];
			}
		}
	}
	return found;
}

static void save(const char *dir, unsigned int number, const struct fuzz_program *program)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%03u.calls", dir, number);
	file = fopen(path, "we");
	if (!file)
		die(path);
	fuzz_print(file, program);
	if (fclose(file))
		die(path);
}

void fuzz_save(const struct fuzz *fuzz, const char *dir)
{
	struct fuzz_cover saved = { 0 };
	const struct fuzz_kept *kept;
	unsigned int number = 0;

	while ((kept = best(fuzz, &saved))) {
		save(dir, ++number, &kept->program);
		fuzz_cover_join(&saved, &kept->cover);
	}
	printf("# %u programs are saved\n", number);
	fflush(stdout);
}
