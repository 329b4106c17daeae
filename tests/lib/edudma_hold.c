// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transfers that stand still; see edudma_hold.h.
 */
#include "edudma_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Longer than any test: no turn is lost while the device is held. */
#define HOLD_TIMEOUT_MS	600000

static void *run_hold(void *arg)
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

static bool begin(struct hold *hold, int fd, struct edudma_segment first,
		  uint64_t timeout_ms, bool late_vector)
{
	hold->fd = fd;
	hold->first = first;
	hold->late_vector = late_vector;
	hold->timeout_ms = param_get("timeout_ms");
	if (!hold_register(hold) || param_set("timeout_ms", timeout_ms))
		return false;
	return !pthread_create(&hold->thread, NULL, run_hold, hold) &&
	       hold_faulted(hold);
}

bool hold_begin_with(struct hold *hold, int fd, struct edudma_segment first)
{
	return begin(hold, fd, first, HOLD_TIMEOUT_MS, false);
}

bool hold_begin_before(struct hold *hold, int fd, struct edudma_segment first)
{
	return begin(hold, fd, first, HOLD_TIMEOUT_MS, true);
}

bool hold_begin_for(struct hold *hold, int fd, uint64_t timeout_ms)
{
	return begin(hold, fd, seg_from(NULL, 0, 0), timeout_ms, false);
}

bool hold_begin(struct hold *hold, int fd)
{
	return hold_begin_with(hold, fd, seg_from(NULL, 0, 0));
}

int hold_end(struct hold *hold)
{
	struct uffdio_zeropage zero = {
		.range = { .start = ptr64(hold->page), .len = page_size() },
	};
	int err;

	err = ioctl(hold->uffd, UFFDIO_ZEROPAGE, &zero) ? errno : 0;
	pthread_join(hold->thread, NULL);
	if (!err)
		err = param_set("timeout_ms", hold->timeout_ms);
	close(hold->uffd);
	munmap(hold->page - page_size(), 2 * page_size());
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
