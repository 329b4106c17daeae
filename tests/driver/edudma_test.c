// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver's suites share; see edudma_test.h.
 */
#include "edudma_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CLASS_DIR	"/sys/class/edudma"
#define DRIVER_DIR	"/sys/bus/pci/drivers/edudma"
#define PARAM_DIR	"/sys/module/edudma/parameters"
#define MAX_NODES	64

#define KPF_DIRTY	4
#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_PFN	((1ULL << 55) - 1)

static void die(const char *what)
{
	fprintf(stderr, "# edudma_test: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* file system values --------------------------------------------------- */

uint64_t file_read_u64(const char *path)
{
	char text[32];
	ssize_t got;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UINT64_MAX;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return UINT64_MAX;
	text[got] = '\0';
	return strtoull(text, NULL, 0);
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

int dev_info(int fd, struct edudma_info *info)
{
	return ioctl(fd, EDUDMA_IOC_INFO, info) ? errno : 0;
}

/* counters ------------------------------------------------------------ */

const char *const stats_names[] = {
	"requests", "bytes_to_device", "bytes_from_device", "bytes_zero_copy",
	"bytes_bounced", "descriptors", "interrupts", "pages_pinned",
	"pages_pinned_max", "timeouts", "cancelled", "errors",
	"spurious_interrupts", "pages_redirtied", "pages_leaked",
	"engine_busy_ns",
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

int module_load(const char *extra)
{
	const char *lane = getenv("EDUDMA_MODULE_PARAMS");
	char params[512];
	struct test_dev dev;
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
	if (!err && !WAIT_FOR(dev_get(0, &dev) && !access(dev.node, F_OK)))
		err = ENODEV;
	return err;
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

int window_fill(int fd, uint64_t window_bytes, uint32_t seed)
{
	uint8_t *page = private_pages(1);
	int err;

	fill(page, window_bytes, seed);
	err = transfer1(fd, seg_to(page, window_bytes, 0));
	munmap(page, page_size());
	return err;
}

/* patterns -------------------------------------------------------------- */

static uint8_t pattern_byte(uint32_t seed, size_t i)
{
	uint32_t x = seed * 2654435761u + i * 40503u + 1;

	x ^= x >> 15;
	x *= 2246822519u;
	return x >> 24;
}

void fill(void *buf, size_t len, uint32_t seed)
{
	uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = pattern_byte(seed, i);
}

size_t differs_at(const void *buf, size_t len, uint32_t seed)
{
	const uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != pattern_byte(seed, i))
			break;
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

/* memory ---------------------------------------------------------------- */

static void *map_pages(size_t pages, int flags)
{
	void *p;

	p = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
		 flags | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

void *shared_pages(size_t pages)
{
	return map_pages(pages, MAP_SHARED);
}

void *private_pages(size_t pages)
{
	void *p = map_pages(pages, MAP_PRIVATE);

	/* A huge page, or one made huge later, would change its page frames. */
	madvise(p, pages * page_size(), MADV_NOHUGEPAGE);
	memset(p, 0xee, pages * page_size());
	return p;
}

static uint64_t proc_u64(const char *path, uint64_t index)
{
	uint64_t value = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (pread(fd, &value, sizeof(value), index * sizeof(value)) !=
	    (ssize_t)sizeof(value))
		value = 0;
	close(fd);
	return value;
}

uint64_t page_pfn(const void *addr)
{
	uint64_t entry;

	entry = proc_u64("/proc/self/pagemap", (uintptr_t)addr / page_size());
	return entry & PAGEMAP_PRESENT ? entry & PAGEMAP_PFN : 0;
}

bool page_is_dirty(const void *addr)
{
	return proc_u64("/proc/kpageflags", page_pfn(addr)) >> KPF_DIRTY & 1;
}

static bool pfn_reachable(const struct edudma_info *info, uint64_t pfn)
{
	uint64_t last = (pfn + 1) * page_size() - 1;

	if (info->capabilities & EDUDMA_CAP_IOMMU)
		return true;
	return info->address_bits >= 64 || !(last >> info->address_bits);
}

bool page_reachable(const struct edudma_info *info, const void *addr)
{
	return pfn_reachable(info, page_pfn(addr));
}

uint64_t unreachable_bytes(const struct edudma_info *info, const void *addr,
			   size_t len)
{
	const uint8_t *p = addr;
	uint64_t bytes = 0;
	size_t part;

	for (; len; p += part, len -= part) {
		part = page_size() - (uintptr_t)p % page_size();
		if (part > len)
			part = len;
		if (!page_reachable(info, p))
			bytes += part;
	}
	return bytes;
}

/* How much memory may be taken without pressing the guest. */
static uint64_t spare_bytes(void)
{
	uint64_t kib = 0;
	char line[128];
	FILE *file;

	file = fopen("/proc/meminfo", "re");
	if (!file)
		die("/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	fclose(file);
	return kib * 1024 / 8 * 7;
}

/* The first page of a touched range that is or is not reachable, or NULL. */
static uint8_t *scan_pages(const struct edudma_info *info, uint8_t *range,
			   size_t pages, bool reachable)
{
	uint64_t entries[512];
	size_t i = 0, n;
	int fd;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("/proc/self/pagemap");
	for (; pages; pages -= n, range += n * page_size()) {
		n = pages < ARRAY_LEN(entries) ? pages : ARRAY_LEN(entries);
		if (pread(fd, entries, n * sizeof(*entries),
			  (uintptr_t)range / page_size() * sizeof(*entries)) !=
		    (ssize_t)(n * sizeof(*entries)))
			die("/proc/self/pagemap");
		for (i = 0; i < n; i++)
			if (entries[i] & PAGEMAP_PRESENT &&
			    pfn_reachable(info, entries[i] & PAGEMAP_PFN) == reachable)
				break;
		if (i < n)
			break;
	}
	close(fd);
	return pages ? range + i * page_size() : NULL;
}

void *find_page(const struct edudma_info *info, bool reachable)
{
	const size_t chunk = 16 << 20;
	const size_t most = spare_bytes() / chunk;
	uint8_t *found = NULL, **chunks;
	size_t n, i;

	if (!reachable && pfn_reachable(info, UINT64_MAX / page_size() - 1))
		return NULL;
	/* Whatever does not fit is kept until the end: else it comes again. */
	chunks = calloc(most + 1, sizeof(*chunks));
	if (!chunks)
		die("calloc");
	for (n = 0; n < most && !found; n++) {
		chunks[n] = map_pages(chunk / page_size(), MAP_SHARED);
		for (i = 0; i < chunk; i += page_size())
			chunks[n][i] = 1;
		found = scan_pages(info, chunks[n], chunk / page_size(),
				   reachable);
	}
	if (found)
		found = mremap(found, page_size(), page_size(),
			       MREMAP_MAYMOVE | MREMAP_FIXED,
			       map_pages(1, MAP_SHARED));
	for (i = 0; i < n; i++)
		munmap(chunks[i], chunk);
	free(chunks);
	if (!found || found == MAP_FAILED)
		return NULL;
	return found;
}

/* child processes ------------------------------------------------------- */

void job_start(struct job *job, void (*fn)(struct job_report *report, void *arg),
	       void *arg)
{
	pid_t parent = getpid();

	job->report = shared_pages(1);
	job->pid = fork();
	if (job->pid < 0)
		die("fork");
	if (job->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	fn(job->report, arg);
	__atomic_store_n(&job->report->done, 1, __ATOMIC_SEQ_CST);
	_exit(EXIT_SUCCESS);
}

struct transfer_job {
	int fd;
	const struct edudma_segment *segs;
	uint32_t nr;
	uint32_t flags;
	int *counter;
};

static void run_transfer_job(struct job_report *report, void *arg)
{
	struct transfer_job *job = arg;

	__atomic_store_n(&report->begun, 1, __ATOMIC_SEQ_CST);
	report->err = transfer(job->fd, job->segs, job->nr, job->flags,
			       &report->out);
	if (job->counter)
		report->order = __atomic_fetch_add(job->counter, 1,
						   __ATOMIC_SEQ_CST);
}

void job_transfer(struct job *job, int fd, const struct edudma_segment *segs,
		  uint32_t nr, uint32_t flags)
{
	struct transfer_job arg = {
		.fd = fd, .segs = segs, .nr = nr, .flags = flags,
	};

	job_start(job, run_transfer_job, &arg);
}

void job_transfer_counted(struct job *job, int fd,
			  const struct edudma_segment *segs, uint32_t nr,
			  int *counter)
{
	struct transfer_job arg = {
		.fd = fd, .segs = segs, .nr = nr, .counter = counter,
	};

	job_start(job, run_transfer_job, &arg);
}

bool job_asleep(const struct job *job)
{
	char path[64], text[256], *state;
	ssize_t got;
	int fd;

	if (!__atomic_load_n(&job->report->begun, __ATOMIC_SEQ_CST) ||
	    __atomic_load_n(&job->report->done, __ATOMIC_SEQ_CST))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", job->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	state = strrchr(text, ')');
	return state && (state[2] == 'S' || state[2] == 'D');
}

int job_wait(struct job *job)
{
	int status = -1;
	pid_t got = 0;

	if (!WAIT_FOR((got = waitpid(job->pid, &status, WNOHANG)) != 0))
		return -1;
	return got == job->pid ? status : -1;
}
