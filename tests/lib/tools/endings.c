// SPDX-License-Identifier: GPL-2.0-only
/*
 * endings pin|panic|stray - what a run of a guest must not end with
 *
 * pin		leaves pages pinned, without a broken driver: those registered
 *		with io_uring stay pinned as long as somebody holds the ring.  A
 *		child holds it when the command has ended.  77: there is no io_uring.
 * panic	says something and makes the kernel panic
 * stray	sends from memory everywhere, also from where an edu does not reach
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE		4096UL
#define NO_URING	77

static void *touched(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at;

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	for (at = 0; at < bytes; at += PAGE)
		p[at] = 1;
	return p;
}

static int pin(void)
{
	struct iovec pages = { touched(8 * PAGE), 8 * PAGE };
	struct io_uring_params params;
	int ring;

	memset(&params, 0, sizeof(params));
	ring = syscall(__NR_io_uring_setup, 4, &params);
	if (ring < 0 || syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS,
				&pages, 1))
		return NO_URING;
	if (!fork()) {
		setsid();
		close(0);
		close(1);
		close(2);
		for (;;)
			pause();
	}
	return 0;
}

/* Init has sent it when it has taken what was written after it from the pipe. */
static void say(const char *text)
{
	int left = 1;

	if (write(1, text, strlen(text)) < 0)
		exit(1);
	while (left)
		if (ioctl(1, FIONREAD, &left))
			exit(1);
}

static int panic(void)
{
	int trigger = open("/proc/sysrq-trigger", O_WRONLY);

	say("begun\n");
	say("and more\n");
	return write(trigger, "c", 1) == 1;
}

static int stray(void)
{
	const size_t bytes = 320 << 20;
	char *memory = touched(bytes);
	size_t at;
	int node;

	node = open("/dev/edudma0", O_RDWR);
	for (at = 0; at < bytes; at += bytes / 8)
		if (pwrite(node, memory + at, 64, 0) != 64) {
			perror("pwrite");
			return 1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	const char *which = argc == 2 ? argv[1] : "";

	if (!strcmp(which, "pin"))
		return pin();
	if (!strcmp(which, "panic"))
		return panic();
	if (!strcmp(which, "stray"))
		return stray();
	fputs("usage: endings pin|panic|stray\n", stderr);
	return 2;
}
