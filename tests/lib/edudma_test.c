// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices, counters, the module, transfers and patterns; see edudma_test.h.
 */
#include "edudma_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define CLASS_DIR	"/sys/class/edudma"
#define DRIVER_DIR	"/sys/bus/pci/drivers/edudma"
#define PARAM_DIR	"/sys/module/edudma/parameters"
#define MAX_NODES	64

void die(const char *what)
{
	fprintf(stderr, "# edudma_test: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

uint64_t kernel_address(void)
{
	struct utsname name;

	/* A kernel of 64 bits tells so to programs of 32, too. */
	return uname(&name) || strcmp(name.machine, "x86_64") ? KERNEL_ADDRESS :
								0xffff888000100000ULL;
}

/* file system values --------------------------------------------------- */

void file_read(const char *path, char *text, size_t size)
{
	ssize_t got = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, size - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

uint64_t file_read_u64(const char *path)
{
	char text[32], *end;
	uint64_t value;

	file_read(path, text, sizeof(text));
	value = strtoull(text, &end, 0);
	return end == text ? UINT64_MAX : value;
}

int file_write(const char *path, const char *text)
{
	int fd, err = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

int param_set(const char *name, uint64_t value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), PARAM_DIR "/%s", name);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return file_write(path, text);
}

uint64_t param_get(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAM_DIR "/%s", name);
	return file_read_u64(path);
}

/* devices ------------------------------------------------------------- */

static bool dev_at(unsigned int number, struct test_dev *dev)
{
	char link[PATH_MAX], path[96];
	ssize_t len;

	snprintf(dev->node, sizeof(dev->node), "/dev/edudma%u", number);
	snprintf(dev->sysfs, sizeof(dev->sysfs), CLASS_DIR "/edudma%u", number);
	snprintf(path, sizeof(path), "%s/device", dev->sysfs);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return false;
	link[len] = '\0';
	snprintf(dev->slot, sizeof(dev->slot), "%s", strrchr(link, '/') + 1);
	return true;
}

unsigned int dev_count(void)
{
	struct test_dev dev;
	unsigned int i, count = 0;

	for (i = 0; i < MAX_NODES; i++)
		count += dev_at(i, &dev);
	return count;
}

bool dev_get(unsigned int nth, struct test_dev *dev)
{
	struct test_dev found;
	unsigned int i;

	for (i = 0; i < MAX_NODES; i++) {
		if (dev_at(i, &found) && !nth--) {
			*dev = found;
			return true;
		}
	}
	return false;
}

bool dev_of_slot(const char *slot, struct test_dev *dev)
{
	struct test_dev found;
	unsigned int i;

	for (i = 0; i < MAX_NODES; i++) {
		if (dev_at(i, &found) && !strcmp(found.slot, slot)) {
			*dev = found;
			return true;
		}
	}
	return false;
}

bool dev_of_fd(int fd, struct test_dev *dev)
{
	struct stat file, node;
	unsigned int i;

	if (fstat(fd, &file))
		return false;
	for (i = 0; i < MAX_NODES; i++)
		if (dev_at(i, dev) && !stat(dev->node, &node) &&
		    node.st_rdev == file.st_rdev)
			return true;
	return false;
}

int dev_unbind(const struct test_dev *dev)
{
	return file_write(DRIVER_DIR "/unbind", dev->slot);
}

int dev_bind(struct test_dev *dev)
{
	int err;

	err = file_write(DRIVER_DIR "/bind", dev->slot);
	if (err)
		return err;
	return WAIT_FOR(dev_of_slot(dev->slot, dev) && !access(dev->node, F_OK)) ?
		0 : ENODEV;
}

int dev_restore(const struct test_dev *was)
{
	struct test_dev now = *was;
	int err;

	if (dev_of_slot(was->slot, &now)) {
		if (!strcmp(now.node, was->node))
			return 0;
		err = dev_unbind(&now);
		if (err)
			return err;
	}
	err = dev_bind(&now);
	if (!err && strcmp(now.node, was->node))
		err = EBUSY;
	return err;
}

int dev_info(int fd, struct edudma_info *info)
{
	return ioctl(fd, EDUDMA_IOC_INFO, info) ? errno : 0;
}

/* counters ------------------------------------------------------------ */

const char *const stats_names[] = {
	"requests", "bytes_to_device", "bytes_from_device", "bytes_zero_copy",
	"bytes_bounced", "descriptors", "interrupts", "pages_pinned",
	"pages_pinned_max", "timeouts", "cancelled", "errors",
	"spurious_interrupts", "interrupts_lost", "completions_deferred",
	"pages_redirtied", "pages_leaked", "engine_busy_ns",
};

uint64_t stat_get(const struct test_dev *dev, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/statistics/%s", dev->sysfs, name);
	return file_read_u64(path);
}

void stats_get(const struct test_dev *dev, struct stats *now)
{
	uint64_t *value = (uint64_t *)now;
	size_t i;

	for (i = 0; i < ARRAY_LEN(stats_names); i++)
		value[i] = stat_get(dev, stats_names[i]);
}

void stats_since(const struct test_dev *dev, const struct stats *before,
		 struct stats *delta)
{
	const uint64_t *then = (const uint64_t *)before;
	uint64_t *value = (uint64_t *)delta;
	struct stats now;
	size_t i;

	stats_get(dev, &now);
	memcpy(delta, &now, sizeof(now));
	for (i = 0; i < ARRAY_LEN(stats_names); i++)
		value[i] -= then[i];
	delta->pages_pinned = now.pages_pinned;
	delta->pages_pinned_max = now.pages_pinned_max;
}

uint64_t pins_outstanding(void)
{
	uint64_t acquired = 0, released = 0;
	char line[128];
	FILE *file;

	/* Reading this folds the counts that the processors keep apart. */
	file = fopen("/proc/sys/vm/stat_refresh", "re");
	if (!file)
		die("/proc/sys/vm/stat_refresh");
	(void)!fgetc(file);
	fclose(file);

	file = fopen("/proc/vmstat", "re");
	if (!file)
		die("/proc/vmstat");
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "nr_foll_pin_acquired %" SCNu64, &acquired);
		sscanf(line, "nr_foll_pin_released %" SCNu64, &released);
	}
	fclose(file);
	return acquired - released;
}

/* the module ------------------------------------------------------------ */

const char *module_path(void)
{
	return getenv("EDUDMA_MODULE");
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "edudma", O_NONBLOCK) ? errno : 0;
}

int module_insert(const char *extra)
{
	const char *lane = getenv("EDUDMA_MODULE_PARAMS");
	char params[512];
	int fd, err = 0;

	if (!module_path())
		return ENOENT;
	fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	snprintf(params, sizeof(params), "%s %s", lane ? lane : "", extra);
	if (syscall(SYS_finit_module, fd, params, 0))
		err = errno;
	close(fd);
	return err;
}

int module_load(const char *extra)
{
	int err = module_insert(extra);
	struct test_dev dev;

	if (!err && !WAIT_FOR(dev_get(0, &dev) && !access(dev.node, F_OK)))
		err = ENODEV;
	return err;
}

bool kernel_copies(void)
{
	char line[2048];

	file_read("/proc/cmdline", line, sizeof(line));
	return strstr(line, "swiotlb=force");
}

static bool has_iommu(void)
{
	struct dirent *entry;
	DIR *groups = opendir("/sys/kernel/iommu_groups");
	bool found = false;

	while (groups && (entry = readdir(groups)))
		found |= entry->d_name[0] != '.';
	if (groups)
		closedir(groups);
	return found;
}

/* The first address of memory. */
static uint64_t memory_start(void)
{
	FILE *ranges = fopen("/proc/iomem", "re");
	unsigned long long start = 0;
	char line[200];

	while (ranges && fgets(line, sizeof(line), ranges))
		if (strstr(line, ": System RAM") && sscanf(line, "%llx-", &start) == 1)
			break;
	if (ranges)
		fclose(ranges);
	return start;
}

const char *no_narrow_device(void)
{
	if (kernel_copies())
		return "the kernel copies to where the device does not reach";
	if (!has_iommu() && memory_start() >> 24)
		return "memory begins beyond 24 address bits";
	return NULL;
}

/* transfers ------------------------------------------------------------- */

int transfer(int fd, const struct edudma_segment *segs, uint32_t nr,
	     uint32_t flags, struct edudma_transfer *out)
{
	struct edudma_transfer arg = {
		.segments = ptr64(segs),
		.nr_segments = nr,
		.flags = flags,
		.bytes_done = OUT_UNTOUCHED,
		.segments_done = OUT_UNTOUCHED,
		.error = OUT_UNTOUCHED,
	};
	int err;

	err = ioctl(fd, EDUDMA_IOC_TRANSFER, &arg) ? errno : 0;
	if (out)
		*out = arg;
	return err;
}

int transfer1(int fd, struct edudma_segment seg)
{
	return transfer(fd, &seg, 1, 0, NULL);
}

int buffer_register(int fd, const void *addr, size_t len)
{
	struct edudma_buffer_register arg = { .addr = ptr64(addr), .len = len };

	return ioctl(fd, EDUDMA_IOC_BUFFER_REGISTER, &arg) ? -errno : (int)arg.buffer;
}

int window_fill(int fd, uint64_t bytes, uint32_t seed)
{
	const size_t pages = (bytes + page_size() - 1) / page_size();
	uint8_t *buf = private_pages(pages);
	int err;

	fill(buf, bytes, seed);
	err = transfer1(fd, seg_to(buf, bytes, 0));
	munmap(buf, pages * page_size());
	return err;
}

void parts_to_fetch(struct edudma_segment *segs, void *pages, unsigned int nr,
		    size_t part)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		segs[i] = seg_from((uint8_t *)pages + i * page_size(), part, i * part);
}

unsigned int parts_received(const void *pages, unsigned int nr, size_t part,
			    uint32_t seed)
{
	const size_t room = (nr * part + page_size() - 1) / page_size();
	uint8_t *expected = private_pages(room);
	unsigned int i;

	fill(expected, nr * part, seed);
	for (i = 0; i < nr; i++)
		if (memcmp((const uint8_t *)pages + i * page_size(),
			   expected + i * part, part))
			break;
	munmap(expected, room * page_size());
	return i;
}

/* patterns -------------------------------------------------------------- */

/* Eight bytes at a time: a window may be large. */
static uint64_t pattern_word(uint32_t seed, size_t i)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + i * 0xc2b2ae3d27d4eb4fu + 1;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

void fill(void *buf, size_t len, uint32_t seed)
{
	uint8_t *p = buf;
	uint64_t word;
	size_t i, n;

	for (i = 0; len; i++, p += n, len -= n) {
		word = pattern_word(seed, i);
		n = len < sizeof(word) ? len : sizeof(word);
		memcpy(p, &word, n);
	}
}

size_t differs_at(const void *buf, size_t len, uint32_t seed)
{
	const uint8_t *p = buf;
	uint64_t word;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		word = pattern_word(seed, i / sizeof(word));
		n = len - i < sizeof(word) ? len - i : sizeof(word);
		if (!memcmp(p + i, &word, n))
			continue;
		while (p[i] == (uint8_t)word) {
			word >>= 8;
			i++;
		}
		break;
	}
	return i;
}

bool all_bytes_are(const void *buf, size_t len, uint8_t byte)
{
	const uint8_t *p = buf;

	while (len--)
		if (*p++ != byte)
			return false;
	return true;
}
