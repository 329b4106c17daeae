// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transfers that stand still; see edudma_hold.h.
 */
#include "edudma_hold.h"
#include "edudma_machine.h"
#include "edudma_pci.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Longer than any test: nothing is late while the device is held. */
#define HOLD_TIMEOUT_MS	600000

/* The same for an edu-sg that is used without its rings: nanoseconds, its most. */
#define HOLD_LATENCY	60000000000ULL

/* The first descriptor is the one that is held. */
static void *run_still(void *arg)
{
	struct hold *hold = arg;
	struct edudma_segment segs[] = {
		seg_from(hold->page, HOLD_BYTES, 0), hold->first,
	};

	hold->err = transfer(hold->fd, segs, 2, 0, NULL);
	return NULL;
}

static void *run_fault(void *arg)
{
	struct hold *hold = arg;
	struct edudma_segment segs[] = {
		hold->first, seg_from(hold->page, HOLD_BYTES, 0),
	};
	struct edudma_segment *vector = segs;

	if (hold->late_vector) {
		/* Its other segment is in the page, which becomes zeros. */
		vector = (struct edudma_segment *)hold->page - 1;
		*vector = hold->first;
	}
	hold->err = transfer(hold->fd, vector, 2, 0, NULL);
	return NULL;
}

/* A page whose first touch waits for an answer, behind one that does not. */
static bool hold_register(struct hold *hold)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range.len = page_size(), .mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	hold->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	hold->page = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hold->page == MAP_FAILED)
		return false;
	hold->page += page_size();
	reg.range.start = ptr64(hold->page);
	return hold->uffd >= 0 &&
	       !ioctl(hold->uffd, UFFDIO_API, &api) &&
	       !ioctl(hold->uffd, UFFDIO_REGISTER, &reg);
}

static bool hold_faulted(const struct hold *hold)
{
	struct pollfd pfd = { .fd = hold->uffd, .events = POLLIN };

	return poll(&pfd, 1, 20000) == 1 && pfd.revents & POLLIN;
}

static bool begin(struct hold *hold, int fd, uint64_t timeout_ms)
{
	*hold = (struct hold) { .fd = fd, .uffd = -1 };
	hold->timeout_ms = param_get("timeout_ms");
	return !param_set("timeout_ms", timeout_ms ? timeout_ms : HOLD_TIMEOUT_MS);
}

static bool begin_fault(struct hold *hold)
{
	return hold_register(hold) &&
	       !pthread_create(&hold->thread, NULL, run_fault, hold) &&
	       hold_faulted(hold);
}

bool hold_begin_fault(struct hold *hold, int fd, struct edudma_segment first,
		      uint64_t timeout_ms)
{
	if (!begin(hold, fd, timeout_ms))
		return false;
	hold->first = first;
	return begin_fault(hold);
}

bool hold_begin_before(struct hold *hold, int fd, struct edudma_segment first)
{
	if (!begin(hold, fd, 0))
		return false;
	hold->first = first;
	hold->late_vector = true;
	return begin_fault(hold);
}

/* The property that has the device stand still, if it has one, and its value then. */
static bool find_property(struct hold *hold, uint64_t *still)
{
	if (hold->info.engine == EDUDMA_ENGINE_RING) {
		hold->property = "fault-stall";
		*still = 0xff;
	} else {
		hold->property = machine_pace(&hold->dev, &hold->info);
		*still = HOLD_LATENCY;
	}
	if (hold->property)
		hold->value = machine_get(&hold->dev, hold->property);
	return hold->value != UINT64_MAX;
}

static bool stop(const struct hold *hold, uint64_t still)
{
	if (!hold->property)
		return pci_interrupts(hold->dev.slot,
				      hold->info.capabilities & EDUDMA_CAP_MSI, false);
	return !machine_set(&hold->dev, hold->property, still);
}

/* What a plain edu would have said, which is that its transfer is over. */
static int say_it(const struct hold *hold)
{
	volatile uint32_t *regs = pci_registers(hold->dev.slot, 0);

	if (!regs)
		return errno;
	if (!WAIT_FOR(!(regs[EDU_DMA_CMD] & EDU_CMD_RUN)) ||
	    !pci_interrupts(hold->dev.slot, true, true))
		return EIO;
	regs[EDU_IRQ_RAISE] = EDU_IRQ_DMA;
	munmap((void *)regs, page_size());
	return 0;
}

static int go_on(const struct hold *hold)
{
	if (hold->property)
		return machine_set(&hold->dev, hold->property, hold->value);
	if (hold->info.capabilities & EDUDMA_CAP_MSI)
		return say_it(hold);
	/* The line is still up. */
	return pci_interrupts(hold->dev.slot, false, true) ? 0 : EIO;
}

/*
 * A process that lives until the hold ends, or until the test is killed: then it has
 * the device go on, for the tests that follow.
 */
static bool guard(struct hold *hold)
{
	int ends[2];
	char over;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	hold->guard = fork();
	switch (hold->guard) {
	case -1:
		return false;
	case 0:
		close(ends[1]);
		/* A test is killed with its group. */
		setsid();
		if (!read(ends[0], &over, 1)) {
			go_on(hold);
			param_set("timeout_ms", hold->timeout_ms);
		}
		_exit(EXIT_SUCCESS);
	}
	close(ends[0]);
	hold->guard_pipe = ends[1];
	return true;
}

static void guard_end(const struct hold *hold)
{
	if (write(hold->guard_pipe, "", 1) != 1)
		die("guard");
	close(hold->guard_pipe);
	waitpid(hold->guard, NULL, 0);
}

bool hold_begin_with(struct hold *hold, int fd, struct edudma_segment behind)
{
	uint64_t before, still;

	if (!begin(hold, fd, 0) || !dev_of_fd(fd, &hold->dev) ||
	    dev_info(fd, &hold->info))
		return false;
	hold->first = behind;
	hold->page = private_pages(1);
	before = stat_get(&hold->dev, "descriptors");
	if (!find_property(hold, &still) || !guard(hold) || !stop(hold, still) ||
	    pthread_create(&hold->thread, NULL, run_still, hold))
		return false;
	return WAIT_FOR(stat_get(&hold->dev, "descriptors") > before);
}

bool hold_begin(struct hold *hold, int fd)
{
	return hold_begin_with(hold, fd, seg_from(NULL, 0, 0));
}

/* Answer the fault. */
static int fault_end(const struct hold *hold)
{
	struct uffdio_zeropage zero = {
		.range = { .start = ptr64(hold->page), .len = page_size() },
	};

	return ioctl(hold->uffd, UFFDIO_ZEROPAGE, &zero) ? errno : 0;
}

int hold_end(struct hold *hold)
{
	const bool fault = hold->uffd >= 0;
	int err;

	err = fault ? fault_end(hold) : go_on(hold);
	pthread_join(hold->thread, NULL);
	if (!err)
		err = param_set("timeout_ms", hold->timeout_ms);
	if (fault) {
		close(hold->uffd);
		munmap(hold->page - page_size(), 2 * page_size());
	} else {
		guard_end(hold);
		munmap(hold->page, page_size());
	}
	return err ? err : hold->err;
}

static void *run_background(void *arg)
{
	struct background *bg = arg;

	__atomic_store_n(&bg->tid, gettid(), __ATOMIC_SEQ_CST);
	bg->err = transfer(bg->fd, bg->segs, bg->nr, 0, &bg->out);
	return NULL;
}

void background_start(struct background *bg, int fd,
		      const struct edudma_segment *segs, uint32_t nr)
{
	*bg = (struct background) { .fd = fd, .nr = nr };
	memcpy(bg->segs, segs, nr * sizeof(*segs));
	if (pthread_create(&bg->thread, NULL, run_background, bg))
		die("pthread_create");
}

/* In an interruptible sleep: not in a page fault, nor in an allocation. */
static bool thread_waits(const pid_t *tid_at)
{
	pid_t tid = __atomic_load_n(tid_at, __ATOMIC_SEQ_CST);
	char path[64], text[256], *state;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

bool background_submitted(const struct background *bg,
			  const struct test_dev *dev, uint64_t pages)
{
	return WAIT_FOR(stat_get(dev, "pages_pinned") >= pages) &&
	       WAIT_FOR(thread_waits(&bg->tid));
}

int background_wait(struct background *bg)
{
	pthread_join(bg->thread, NULL);
	return bg->err;
}
