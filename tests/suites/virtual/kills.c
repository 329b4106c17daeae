// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thousand processes, killed at whatever they were doing with the device: each
 * is gone at once, and nothing of any of them is left.
 *
 * The moments come from a seed, which is printed; EDUDMA_SEED sets another.
 */
#include "edudma_fixture.h"
#include "virtual.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define WORKERS	8
#define KILLS	1000
#define PARTS	4	/* of a worker's data */
#define PART	50	/* bytes of each */
#define AREA	(PARTS * PART)

FIXTURE(kills)
{
	struct bed bed;
	uint64_t chunk_bytes;
	unsigned int seed;
	uint8_t *pages[2];	/* that the device can reach, and cannot */
	struct job jobs[WORKERS];
	unsigned int begun;	/* workers */
	unsigned int late;	/* that were not gone at once */
	unsigned int wrong;	/* that saw wrong bytes or an error */
	uint64_t rounds;	/* of all workers, that were right */
};

FIXTURE_SETUP(kills)
{
	const char *seed = getenv("EDUDMA_SEED");

	self->chunk_bytes = param_get("chunk_bytes");
	BED_SETUP(&self->bed);
	self->seed = seed ? strtoul(seed, NULL, 0) : 1998;
	TH_LOG("EDUDMA_SEED=%u", self->seed);
	self->pages[0] = find_page(&self->bed.info, true);
	self->pages[1] = find_page(&self->bed.info, false);
	ASSERT_TRUE(self->pages[0] && self->pages[1])
		TH_LOG("the device must reach some memory, but not all");
	/* So that a request has several chunks. */
	ASSERT_EQ(0, param_set("chunk_bytes", 2 * page_size()));
}

FIXTURE_TEARDOWN(kills)
{
	if (!dev_count()) {
		EXPECT_EQ(0, module_load(""));
	}
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	BED_TEARDOWN(&self->bed);
}

/*
 * A worker has a piece of the window to itself, and of both pages.  Its parts
 * are on the one and on the other by turns: one goes by DMA, the next is copied.
 */
struct worker {
	const char *node;
	int shared_fd;		/* or -1: opens the node itself */
	uint64_t area;
	uint32_t seed;
	uint8_t *to[PARTS];
	uint8_t *from[PARTS];
};

static void make_parts(struct worker *w, uint8_t *const pages[2])
{
	int i;

	for (i = 0; i < PARTS; i++) {
		w->to[i] = pages[i % 2] + 2 * (w->area + i * PART);
		w->from[i] = w->to[i] + PART;
		fill(w->to[i], PART, w->seed + i);
		memset(w->from[i], 0, PART);
	}
}

static bool by_vector(struct worker *w, int fd)
{
	struct edudma_segment segs[2 * PARTS];
	int i;

	for (i = 0; i < PARTS; i++) {
		segs[i] = seg_to(w->to[i], PART, w->area + i * PART);
		segs[PARTS + i] = seg_from(w->from[i], PART, w->area + i * PART);
	}
	return !transfer(fd, segs, 2 * PARTS, 0, NULL);
}

static bool by_write_and_read(struct worker *w, int fd)
{
	struct iovec to[PARTS], from[PARTS];
	int i;

	for (i = 0; i < PARTS; i++) {
		to[i] = (struct iovec) { w->to[i], PART };
		from[i] = (struct iovec) { w->from[i], PART };
	}
	return pwritev(fd, to, PARTS, w->area) == AREA &&
	       preadv(fd, from, PARTS, w->area) == AREA;
}

static bool right(const struct worker *w)
{
	int i;

	for (i = 0; i < PARTS; i++)
		if (differs_at(w->from[i], PART, w->seed + i) != PART)
			return false;
	return true;
}

static void work(struct job_report *report, void *arg)
{
	struct worker *w = arg;
	bool vector = w->seed % 2;
	int fd = w->shared_fd;

	report->begun = 1;
	for (;; report->value++) {
		if (w->shared_fd < 0)
			fd = open(w->node, O_RDWR | O_CLOEXEC);
		if (!(vector ? by_vector(w, fd) : by_write_and_read(w, fd)) ||
		    !right(w)) {
			report->err = EPROTO;
			pause();
		}
		if (w->shared_fd < 0)
			close(fd);
		vector = !vector;
	}
}

static void start_worker(FIXTURE_DATA(kills) *self, int nr)
{
	struct worker w = {
		.node = self->bed.dev.node,
		.shared_fd = nr < 2 ? self->bed.fd : -1,
		.area = nr * AREA,
		.seed = 10 * self->begun++,
	};

	make_parts(&w, self->pages);
	job_start(&self->jobs[nr], work, &w);
}

static void start_all(FIXTURE_DATA(kills) *self)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		start_worker(self, i);
}

static void kill_worker(FIXTURE_DATA(kills) *self, int nr)
{
	struct job *job = &self->jobs[nr];

	self->late += time_to_go(job) > GONE_NS;
	self->wrong += job->report->err != 0;
	self->rounds += job->report->value;
	munmap(job->report, page_size());
}

static void kill_all(FIXTURE_DATA(kills) *self)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		kill_worker(self, i);
}

/* Most come soon after the last one, some when the rest have got far. */
static void let_pass(FIXTURE_DATA(kills) *self)
{
	unsigned int most = rand_r(&self->seed) % 8 ? 50 : 2000;

	usleep(rand_r(&self->seed) % (most * 1000));
}

/*
 * Memory that the kernel has handed out on a process's account, which is what
 * requests and chunks are made of.
 */
static uint64_t slab_bytes(void)
{
	uint64_t bytes = 0, objects, size;
	char line[256];
	FILE *file;

	file = fopen("/proc/slabinfo", "re");
	if (!file)
		die("/proc/slabinfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "kmalloc-cg-%*s %" SCNu64 " %*u %" SCNu64,
			   &objects, &size) == 2)
			bytes += objects * size;
	fclose(file);
	return bytes;
}

/* Less than a hundred requests, more than what slabs are rounded to. */
#define LEAK_BYTES	(48 << 10)

TEST_F_TIMEOUT(kills, of_a_thousand_processes_leave_nothing, 600)
{
	struct stats delta;
	uint64_t bytes;
	int i, nr;

	start_all(self);
	kill_all(self);
	bytes = slab_bytes();
	ASSERT_LT(0, bytes);
	start_all(self);
	for (i = 0; i < KILLS; i++) {
		let_pass(self);
		nr = rand_r(&self->seed) % WORKERS;
		kill_worker(self, nr);
		start_worker(self, nr);
	}
	kill_all(self);
	EXPECT_EQ(0, self->late);
	EXPECT_EQ(0, self->wrong);
	EXPECT_LT(0, self->rounds);
	ASSERT_TRUE(WAIT_FOR(pins_outstanding() == self->bed.pins));
	BED_STATS(&self->bed, &delta);
	TH_LOG("%llu of %llu requests were cut short, %llu descriptors",
	       (unsigned long long)delta.cancelled,
	       (unsigned long long)delta.requests,
	       (unsigned long long)delta.descriptors);
	EXPECT_LE(KILLS / 2, delta.cancelled);
	EXPECT_EQ(0, delta.timeouts);
	EXPECT_EQ(0, delta.errors);
	EXPECT_EQ(0, delta.pages_leaked);
	EXPECT_GT(bytes + LEAK_BYTES, slab_bytes());
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, module_unload());
}

TEST_HARNESS_MAIN
