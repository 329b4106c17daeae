/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver's suites share: the devices under test, their counters, raw
 * calls that return the errno, child processes that run one transfer, and
 * what the kernel tells about pages.
 *
 * Nothing here asserts; a function reports and the test judges, or the process
 * ends where there is nothing to be judged.  Every wait is
 * a bounded poll of a condition, so no test depends on how fast the guest is.
 */
#ifndef EDUDMA_TEST_H
#define EDUDMA_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/edudma.h>

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* An address that only the kernel may use, and one that nobody can. */
#if __SIZEOF_POINTER__ == 8
#define KERNEL_ADDRESS	0xffff888000100000ULL
#define NON_CANONICAL_ADDRESS	0x0100000000000000ULL
#else
#define KERNEL_ADDRESS	0xc0100000ULL
#define NON_CANONICAL_ADDRESS	0xfffff000ULL
#endif

/** kernel_address() - the first of them, also for a 32-bit program of a 64-bit kernel */
uint64_t kernel_address(void);

/*
 * WAIT_FOR - poll until @cond holds, give up after some 20 seconds
 *
 * True if the condition came true.
 */
#define WAIT_FOR(cond) ({						\
	int tries_left_ = 20000;					\
	bool seen_ = false;						\
									\
	while (!(seen_ = !!(cond)) && --tries_left_)			\
		usleep(1000);						\
	seen_;								\
})

static inline uint64_t ptr64(const void *p)
{
	return (uintptr_t)p;
}

static inline size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/** die() - end the process, saying what the system would not do */
void die(const char *what) __attribute__((noreturn));

/* devices ------------------------------------------------------------- */

/**
 * struct test_dev - a node under test
 * @node:	/dev/edudmaN
 * @sysfs:	/sys/class/edudma/edudmaN
 * @slot:	PCI address, as sysfs writes it
 */
struct test_dev {
	char node[32];
	char sysfs[64];
	char slot[32];
};

/** dev_of_fd() - the device of an open node; false if it has none any more */
bool dev_of_fd(int fd, struct test_dev *dev);

/** dev_count() - how many nodes there are */
unsigned int dev_count(void);

/** dev_get() - fill in the @nth node there is; false if there is none */
bool dev_get(unsigned int nth, struct test_dev *dev);

/** dev_of_slot() - find the node of a PCI device again; false if it has none */
bool dev_of_slot(const char *slot, struct test_dev *dev);

/** dev_unbind() - take the device from the driver; 0 or an errno */
int dev_unbind(const struct test_dev *dev);

/** dev_bind() - give the device back; 0 or an errno, waits for the node */
int dev_bind(struct test_dev *dev);

/**
 * dev_restore() - bind the device under the name that it had
 *
 * 0 or an errno; EBUSY if the name is not free because a file is still open.
 * A device that was bound anew while one was open has got another number.
 */
int dev_restore(const struct test_dev *was);

/** dev_info() - EDUDMA_IOC_INFO; 0 or an errno */
int dev_info(int fd, struct edudma_info *info);

/* counters ------------------------------------------------------------ */

/** struct stats - one reading of a node's statistics/ */
struct stats {
	uint64_t requests;
	uint64_t bytes_to_device;
	uint64_t bytes_from_device;
	uint64_t bytes_zero_copy;
	uint64_t bytes_bounced;
	uint64_t descriptors;
	uint64_t interrupts;
	uint64_t pages_pinned;
	uint64_t pages_pinned_max;
	uint64_t timeouts;
	uint64_t cancelled;
	uint64_t errors;
	uint64_t spurious_interrupts;
	uint64_t interrupts_lost;
	uint64_t completions_deferred;
	uint64_t pages_redirtied;
	uint64_t pages_leaked;
	uint64_t engine_busy_ns;
};

/** stats_names - the files of statistics/, in struct stats' order */
extern const char *const stats_names[sizeof(struct stats) / sizeof(uint64_t)];

/** stat_get() - read one statistic; UINT64_MAX if it cannot be read */
uint64_t stat_get(const struct test_dev *dev, const char *name);

/** stats_get() - read them all */
void stats_get(const struct test_dev *dev, struct stats *now);

/** stats_since() - what each counter gained; gauges keep their present value */
void stats_since(const struct test_dev *dev, const struct stats *before,
		 struct stats *delta);

/** pins_outstanding() - pages that the whole system holds pinned just now */
uint64_t pins_outstanding(void);

/* file system values --------------------------------------------------- */

/** file_read() - the first line of a file; "" if it cannot be read */
void file_read(const char *path, char *text, size_t size);

/** file_read_u64() - the number in a file; UINT64_MAX if there is none */
uint64_t file_read_u64(const char *path);

/** file_write() - write a string to a file; 0 or an errno */
int file_write(const char *path, const char *text);

/** param_set() - write a module parameter; 0 or an errno */
int param_set(const char *name, uint64_t value);

/** param_get() - read a module parameter; UINT64_MAX if it is not readable */
uint64_t param_get(const char *name);

/* the module ------------------------------------------------------------ */

/** module_path() - the edudma.ko that the guest runs, or NULL */
const char *module_path(void);

/** module_unload() - delete_module(2) without waiting; 0 or an errno */
int module_unload(void);

/** module_insert() - finit_module(2) with the lane's parameters, then @extra; 0 or an errno */
int module_insert(const char *extra);

/** module_load() - the same, and after success the nodes are there */
int module_load(const char *extra);

/* transfers ------------------------------------------------------------- */

static inline struct edudma_segment seg_to(const void *src, size_t len,
					   uint64_t offset)
{
	return (struct edudma_segment) {
		.addr = ptr64(src), .len = len, .offset = offset,
		.direction = EDUDMA_TO_DEVICE,
	};
}

static inline struct edudma_segment seg_from(void *dst, size_t len,
					     uint64_t offset)
{
	return (struct edudma_segment) {
		.addr = ptr64(dst), .len = len, .offset = offset,
		.direction = EDUDMA_FROM_DEVICE,
	};
}

/** kernel_copies() - was the kernel told to copy whatever it maps for DMA? */
bool kernel_copies(void);

/**
 * no_narrow_device() - why a device of 24 address bits cannot be used in this machine
 *
 * NULL if it can: there is an IOMMU, or memory that it reaches.
 */
const char *no_narrow_device(void);

/**
 * transfer() - EDUDMA_IOC_TRANSFER; 0 or an errno
 * @out: if not NULL, the structure as the call left it.  Before the call the
 *	 out fields are set to OUT_UNTOUCHED, to show who wrote them.
 */
int transfer(int fd, const struct edudma_segment *segs, uint32_t nr,
	     uint32_t flags, struct edudma_transfer *out);
#define OUT_UNTOUCHED	0xa5a5a5a5u

/** transfer1() - transfer() of one segment; 0 or an errno */
int transfer1(int fd, struct edudma_segment seg);

/** buffer_register() - EDUDMA_IOC_BUFFER_REGISTER of memory; its number, or -errno */
int buffer_register(int fd, const void *addr, size_t len);

/** window_fill() - pattern @seed to the window's first @bytes; 0 or an errno */
int window_fill(int fd, uint64_t bytes, uint32_t seed);

/**
 * parts_to_fetch() - segments for the window's first @nr parts of @part bytes
 * @pages: where to, a page for each; for parts_received()
 */
void parts_to_fetch(struct edudma_segment *segs, void *pages, unsigned int nr,
		    size_t part);

/** parts_received() - how many of them, from the first on, are pattern @seed */
unsigned int parts_received(const void *pages, unsigned int nr, size_t part,
			    uint32_t seed);

/* patterns -------------------------------------------------------------- */

/** fill() - @len bytes that @seed determines */
void fill(void *buf, size_t len, uint32_t seed);

/** differs_at() - where @buf stops being pattern @seed; @len if nowhere */
size_t differs_at(const void *buf, size_t len, uint32_t seed);

/** all_bytes_are() - is each byte of @buf equal to @byte? */
bool all_bytes_are(const void *buf, size_t len, uint8_t byte);

/* memory ---------------------------------------------------------------- */

/** shared_pages() - zeroed memory that children see too; never NULL */
void *shared_pages(size_t pages);

/** private_pages() - touched private memory in small pages; never NULL */
void *private_pages(size_t pages);

/** page_pfn() - page frame behind @addr, 0 if none is there */
uint64_t page_pfn(const void *addr);

/** page_is_dirty() - does the kernel hold the page itself to be dirty? */
bool page_is_dirty(const void *addr);

/** pfn_is_locked() - has somebody in the kernel the lock of this page frame? */
bool pfn_is_locked(uint64_t pfn);

/** page_reachable() - can the device address the page behind @addr? */
bool page_reachable(const struct edudma_info *info, const void *addr);

/** unreachable_bytes() - how many of these bytes the device cannot address */
uint64_t unreachable_bytes(const struct edudma_info *info, const void *addr,
			   size_t len);

/**
 * find_pages() - @n touched pages that the device can (or cannot) reach
 *
 * They are shared with later children, because a private page moves when one
 * writes to it.  Takes a while: memory is filled until the pages are found, or
 * little is left.  False if the machine has fewer.
 */
bool find_pages(const struct edudma_info *info, bool reachable, void **pages,
		size_t n);

/** find_page() - one such page, NULL if the machine has none */
void *find_page(const struct edudma_info *info, bool reachable);

/**
 * reachable_pages() - @n pages that the device can reach, one behind the other
 *
 * Shared with later children.  NULL if the machine has fewer.
 */
uint8_t *reachable_pages(const struct edudma_info *info, size_t n);

/** side_by_side() - move two pages next to each other; NULL if that fails */
void *side_by_side(void *first, void *second);

/* child processes ------------------------------------------------------- */

/** fork_dependent() - fork() a child that dies with this thread; does not fail */
pid_t fork_dependent(void);

/* Marks that have a place in the window, and the bytes of all of them. */
#define JOB_MARKS	64
#define JOB_MARKS_BYTES	(JOB_MARKS * sizeof(uint32_t))

/**
 * struct job_report - what a child leaves behind, in shared memory
 * @begun:	the call is next
 * @done:	the call has returned
 * @err:	its errno, or 0
 * @value:	its return value, where it is a count
 * @handled:	signals that the child's handler has seen
 * @out:	structure as EDUDMA_IOC_TRANSFER left it
 * @slot:	of the marks in the window, which one is this child's
 * @mark:	of job_mark(): what it puts there
 * @found:	and all marks that were there then
 */
struct job_report {
	int begun;
	int done;
	int err;
	int handled;
	ssize_t value;
	struct edudma_transfer out;
	unsigned int slot;
	uint32_t mark;
	uint32_t found[JOB_MARKS];
};

struct job {
	pid_t pid;
	struct job_report *report;
};

/**
 * job_start() - run @fn in a child that dies with this process
 * @fn: sets report->begun right before its call and fills in the report
 */
void job_start(struct job *job, void (*fn)(struct job_report *report, void *arg),
	       void *arg);

/** job_transfer() - a child that runs transfer() on @fd */
void job_transfer(struct job *job, int fd, const struct edudma_segment *segs,
		  uint32_t nr, uint32_t flags);

/**
 * job_mark() - segments by which a request leaves its mark in the window, and
 * takes note of those that are there
 * @at: where the marks are, JOB_MARKS_BYTES; zero before the first such request
 *
 * No copy of what the request has fetched goes to the device, so both segments are
 * one job on any device.
 */
void job_mark(struct job_report *report, uint64_t at, struct edudma_segment segs[2]);

/**
 * transfer_marked() - transfer() of what job_mark() has made
 *
 * Exclusive: when its turn comes it is served, however long it takes to prepare itself
 * on a busy host.  Another request that is ready would take the turn of a slow one.
 */
int transfer_marked(int fd, const struct edudma_segment segs[2],
		    struct edudma_transfer *out);

/** job_transfer_marked() - a child that runs transfer() on these segments */
void job_transfer_marked(struct job *job, int fd, uint64_t at);

/**
 * job_order() - how many of @jobs had the device before @job, by their marks
 * @jobs: all that marked this place; those that never began are left out
 *
 * As the device served them, whoever of them returned to its program first.
 * -1 if it has left no mark itself.
 */
int job_order(const struct job *job, const struct job *jobs, int nr);

/** job_asleep() - has the child begun its call, and does it sleep in it? */
bool job_asleep(const struct job *job);

/** job_queued() - is it asleep in the driver, so in a queue or further */
bool job_queued(const struct job *job);

/** job_wait() - reap the child; its wait status, -1 if it never ended */
int job_wait(struct job *job);

#endif /* EDUDMA_TEST_H */
