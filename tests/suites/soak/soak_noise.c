// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes on beside the transfers; see soak.h.
 */
#include "soak.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define HUGE_PAGE	(2 << 20)

static void read_file(const char *directory, const char *name)
{
	char path[128], text[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!read(fd, text, sizeof(text));
	close(fd);
}

static void ask_file(const char *node)
{
	struct pollfd pfd = { .events = POLLIN | POLLOUT };
	struct edudma_info info;

	pfd.fd = open(node, O_RDONLY | O_CLOEXEC);
	if (pfd.fd < 0)
		return;
	dev_info(pfd.fd, &info);
	poll(&pfd, 1, 0);
	lseek(pfd.fd, 0, SEEK_END);
	close(pfd.fd);
}

void soak_read_everything(struct soak *soak)
{
	struct test_dev dev;
	struct stats stats;
	unsigned int i;

	while (!soak_over(soak)) {
		for (i = 0; i < soak->devices; i++) {
			if (!dev_of_slot(soak->slots[i], &dev))
				continue;
			/* Any of it may be gone by now. */
			stats_get(&dev, &stats);
			read_file(dev.sysfs, "uevent");
			read_file(dev.sysfs, "device/power/runtime_status");
			read_file("/sys/module/edudma/parameters", "chunk_bytes");
			ask_file(dev.node);
		}
		read_file("/proc", "interrupts");
		usleep(20000);
	}
}

/* Take huge pages apart, fork, and give back. */
static void use_memory(unsigned int *random)
{
	size_t bytes = HUGE_PAGE * (1 + soak_below(random, 4));
	uint8_t *p;
	size_t i;

	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, bytes, MADV_HUGEPAGE);
	for (i = 0; i < bytes; i += page_size())
		p[i] = i;
	for (i = 0; i < bytes; i += HUGE_PAGE)
		madvise(p + i + page_size(), page_size(), MADV_DONTNEED);
	if (!fork()) {
		for (i = 0; i < bytes; i += 16 * page_size())
			p[i] = 1;
		_exit(0);
	}
	wait(NULL);
	munmap(p, bytes);
}

void soak_move_memory(struct soak *soak)
{
	unsigned int random = soak->seed;

	while (!soak_over(soak)) {
		use_memory(&random);
		if (!soak_below(&random, 4))
			file_write("/proc/sys/vm/compact_memory", "1");
		if (!soak_below(&random, 32))
			file_write("/proc/sys/vm/drop_caches", "3");
		usleep(50000 + soak_below(&random, 200000));
	}
}
