// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window both ways: mapped, for words here and there, and by DMA, for all
 * that is long.  For devices whose memory the processor can see (edu-sg).
 *
 * Usage: mmap [NODE]
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/edudma.h>

#define WORDS	1024

/* Writes words through the mapping and fetches them by DMA: how many differ? */
static int compare(int fd, volatile uint32_t *window)
{
	static uint32_t back[WORDS];
	int i, differ = 0;

	for (i = 0; i < WORDS; i++)
		window[i] = 3 * i;
	/* Stores are gathered on their way; they have arrived when a load has. */
	(void)window[WORDS - 1];

	if (pread(fd, back, sizeof(back), 0) != sizeof(back)) {
		perror("pread");
		return -1;
	}
	for (i = 0; i < WORDS; i++)
		differ += back[i] != 3 * (uint32_t)i;
	return differ;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	struct edudma_info info;
	uint32_t *window;
	int fd, differ;

	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(node);
		return 1;
	}
	if (ioctl(fd, EDUDMA_IOC_INFO, &info)) {
		perror(node);
		close(fd);
		return 1;
	}
	if (!(info.capabilities & EDUDMA_CAP_MMAP)) {
		fprintf(stderr, "%s: the processor cannot see this device's memory\n", node);
		close(fd);
		return 1;
	}

	/* The mapping holds the file: it needs no descriptor any more. */
	window = mmap(NULL, WORDS * sizeof(*window), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (window == MAP_FAILED) {
		perror("mmap");
		close(fd);
		return 1;
	}
	differ = compare(fd, window);
	close(fd);
	munmap(window, WORDS * sizeof(*window));

	if (differ) {
		fprintf(stderr, "%s: %d of %d words differ\n", node, differ, WORDS);
		return 1;
	}
	printf("%s: %d words written by the processor, fetched by DMA: the same\n",
	       node, WORDS);
	return 0;
}
