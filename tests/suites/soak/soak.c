// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, for a while: many processes that transfer and verify, are
 * interrupted, stopped and killed, lose their devices and get them back, while
 * memory moves.  Nothing may be lost, and nothing kept.
 *
 * environment:
 *   EDUDMA_SOAK_SECONDS	how long (2)
 *   EDUDMA_SOAK_SEED		what the choice of everything begins with (1)
 */
#include "edudma_fixture.h"
#include "edudma_disk.h"
#include "edudma_machine.h"
#include "soak.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

/* The harness must not end it. */
#define FOR_EVER	(24 * 3600)

/* Of a window, what is looked at in the end. */
#define WINDOW_BYTES	4000

FIXTURE(soak)
{
	struct bed bed;
	struct soak *soak;
	struct soak_trouble trouble;
	struct disk_file disk;
	pid_t noise[2];
	uint64_t chunk_bytes, timeout_ms;
	unsigned int seconds;
	bool bounces;
};

static unsigned int setting(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

/*
 * Have what is free lie everywhere, within the devices' reach and beyond: take
 * most of the memory, and give every other piece of it back.
 */
static void spread_memory(void)
{
	const size_t piece = 1 << 20;
	struct sysinfo system;
	size_t bytes, i;
	uint8_t *p;

	sysinfo(&system);
	bytes = system.freeram / 4 * 3 * system.mem_unit / piece * piece;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, bytes, MADV_NOHUGEPAGE);
	madvise(p, bytes, MADV_DONTFORK);
	for (i = 0; i < bytes; i += page_size())
		p[i] = 1;
	for (i = 0; i < bytes; i += 2 * piece)
		munmap(p + i, piece);
}

/* What the machine has, for the workers; does it have memory out of reach? */
static bool describe(struct soak *soak)
{
	struct edudma_info info;
	struct test_dev dev;
	bool bounces = false;
	int fd;

	soak->processes = SOAK_WORKERS;
	while (soak->devices < SOAK_DEVICES && dev_get(soak->devices, &dev)) {
		fd = open(dev.node, O_RDWR | O_CLOEXEC);
		if (fd < 0 || dev_info(fd, &info))
			die(dev.node);
		close(fd);
		snprintf(soak->slots[soak->devices], sizeof(soak->slots[0]), "%s",
			 dev.slot);
		if (info.capabilities & EDUDMA_CAP_STREAMS)
			soak->streams[soak->devices] = info.streams;
		if (soak->streams[soak->devices])
			soak->processes = SOAK_PROCESSES;
		soak->area_bytes[soak->devices++] = info.window_bytes / SOAK_WORKERS;
		bounces |= info.bounce_bytes;
	}
	return bounces;
}

FIXTURE_SETUP(soak)
{
	BED_SETUP(&self->bed);
	/* A file that stays open would keep the device's number. */
	close(self->bed.fd);
	self->bed.fd = -1;
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	self->seconds = setting("EDUDMA_SOAK_SECONDS", 2);
	self->soak = shared_pages(1 + sizeof(*self->soak) / page_size());
	self->soak->seed = setting("EDUDMA_SOAK_SEED", 1);
	self->trouble.soak = self->soak;
	self->trouble.removes = machine_stands_removals();
	self->trouble.random = self->soak->seed;
	self->bounces = describe(self->soak);
	if (self->bounces)
		spread_memory();
	if (disk_there() && disk_file_make(&self->disk, page_size(), 1))
		snprintf(self->soak->dir, sizeof(self->soak->dir), "%s", self->disk.dir);
	self->chunk_bytes = param_get("chunk_bytes");
	self->timeout_ms = param_get("timeout_ms");
	/* Nothing here is ever late; a host may be. */
	ASSERT_EQ(0, param_set("timeout_ms", 600000));
}

/* Both under the numbers that they had, which all files being closed allows. */
static int restore(const struct soak *soak)
{
	struct test_dev dev;
	unsigned int i;
	int err;

	for (i = 0; i < soak->devices; i++) {
		snprintf(dev.slot, sizeof(dev.slot), "%s", soak->slots[i]);
		machine_set(&dev, "latency", 0);
		err = dev_unbind(&dev);
		if (err)
			return err;
	}
	for (i = 0; i < soak->devices; i++) {
		snprintf(dev.slot, sizeof(dev.slot), "%s", soak->slots[i]);
		err = dev_bind(&dev);
		if (err)
			return err;
	}
	return 0;
}

FIXTURE_TEARDOWN(soak)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(self->noise); i++)
		if (self->noise[i] > 0)
			waitpid(self->noise[i], NULL, 0);
	/* What workers had forked when they were killed holds their memory, too. */
	while (wait(NULL) > 0)
		;
	if (self->disk.dir[0]) {
		EXPECT_EQ(0, disk_file_remove(&self->disk));
	}
	EXPECT_EQ(0, param_set("chunk_bytes", self->chunk_bytes));
	EXPECT_EQ(0, param_set("timeout_ms", self->timeout_ms));
	EXPECT_EQ(0, restore(self->soak));
	BED_TEARDOWN(&self->bed);
}

static pid_t start_noise(struct soak *soak, void (*noise)(struct soak *soak))
{
	pid_t pid = fork_dependent();

	if (pid)
		return pid;
	noise(soak);
	_exit(0);
}

static struct soak_tally sum_up(const struct soak *soak)
{
	struct soak_tally sum = { 0 };
	unsigned int nr;

	for (nr = 0; nr < SOAK_PROCESSES; nr++) {
		sum.requests += soak->tally[nr].requests;
		sum.to_device += soak->tally[nr].to_device;
		sum.from_device += soak->tally[nr].from_device;
		sum.verified += soak->tally[nr].verified;
		sum.cut_short += soak->tally[nr].cut_short;
		sum.opened += soak->tally[nr].opened;
		sum.streams += soak->tally[nr].streams;
		sum.frames += soak->tally[nr].frames;
		sum.lost += soak->tally[nr].lost;
	}
	return sum;
}

static void print_figures(const struct soak *soak, const struct soak_trouble *trouble)
{
	struct soak_tally sum = sum_up(soak);

	printf("# %llu requests, %llu of them cut short, through %llu open files\n",
	       (unsigned long long)sum.requests, (unsigned long long)sum.cut_short,
	       (unsigned long long)sum.opened);
	printf("# %llu bytes to devices, %llu from them, %llu compared\n",
	       (unsigned long long)sum.to_device, (unsigned long long)sum.from_device,
	       (unsigned long long)sum.verified);
	if (soak->processes == SOAK_PROCESSES)
		printf("# %llu streams of %llu frames; %llu bytes were lost\n",
		       (unsigned long long)sum.streams, (unsigned long long)sum.frames,
		       (unsigned long long)sum.lost);
	else
		printf("# no streams: the devices have none\n");
	printf("# %u kills, %u signals, %u stops, %u unbinds, %u removals, %u changes\n",
	       trouble->kills, trouble->signals, trouble->stops, trouble->unbinds,
	       trouble->removals, trouble->changes);
	printf("# %llu descriptors, %llu bytes bounced, %llu not\n",
	       (unsigned long long)trouble->descriptors,
	       (unsigned long long)trouble->bounced,
	       (unsigned long long)trouble->zero_copy);
	fflush(stdout);
}

/* Is every device there, idle, and does it work? */
static void expect_sound(struct __test_metadata *_metadata, const struct soak *soak)
{
	uint8_t *buf = private_pages(1);
	struct test_dev dev;
	unsigned int i;
	int fd;

	for (i = 0; i < soak->devices; i++) {
		ASSERT_TRUE(dev_of_slot(soak->slots[i], &dev));
		EXPECT_TRUE(WAIT_FOR(!stat_get(&dev, "pages_pinned")));
		EXPECT_EQ(0, stat_get(&dev, "pages_leaked"));
		EXPECT_EQ(0, stat_get(&dev, "timeouts"));
		fd = open(dev.node, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, window_fill(fd, WINDOW_BYTES, i));
		EXPECT_EQ(0, transfer1(fd, seg_from(buf, WINDOW_BYTES, 0)));
		EXPECT_EQ(WINDOW_BYTES, differs_at(buf, WINDOW_BYTES, i));
		close(fd);
	}
}

TEST_F_TIMEOUT(soak, of_everything_loses_nothing_and_keeps_nothing, FOR_EVER)
{
	struct soak *soak = self->soak;
	unsigned int i;

	printf("# seed %u, %u s, %u workers on %u devices, files on %s\n",
	       soak->seed, self->seconds, SOAK_WORKERS, soak->devices,
	       soak->dir[0] ? "ext4" : "memory");
	fflush(stdout);
	soak_start(&self->trouble);
	self->noise[0] = start_noise(soak, soak_read_everything);
	self->noise[1] = start_noise(soak, soak_move_memory);
	soak_disturb(&self->trouble, self->seconds);
	EXPECT_EQ(0, soak_finish(&self->trouble));
	for (i = 0; i < soak->devices; i++)
		soak_count(&self->trouble, soak->slots[i]);
	print_figures(soak, &self->trouble);
	EXPECT_FALSE(soak->wrong) TH_LOG("%s", soak->what);
	EXPECT_LT(0, self->trouble.kills);
	EXPECT_LT(0, self->trouble.unbinds);
	EXPECT_EQ(self->trouble.removes, self->trouble.removals > 0);
	EXPECT_LT(0, sum_up(soak).verified);
	EXPECT_LT(0, self->trouble.zero_copy);
	if (soak->processes == SOAK_PROCESSES) {
		EXPECT_LT(0, sum_up(soak).frames);
	}
	if (self->bounces) {
		EXPECT_LT(0, self->trouble.bounced);
	}
	expect_sound(_metadata, soak);
}

TEST_HARNESS_MAIN
