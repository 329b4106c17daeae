// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vectored request: scattered pieces go to the window and come back in
 * another order, all in one call that nobody else's transfers can get between.
 *
 * Usage: iovec [NODE]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/edudma.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define SEGMENT(way, memory, length, where) {	\
	.addr = (uintptr_t)(memory),		\
	.len = (length),			\
	.offset = (where),			\
	.direction = EDUDMA_##way,		\
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	static const char first[] = "scatter ", second[] = "gather";
	const size_t a = strlen(first), b = strlen(second);
	char back[32] = "";
	struct edudma_segment segments[] = {
		SEGMENT(TO_DEVICE, first, a, 100),
		SEGMENT(TO_DEVICE, second, b, 100 + a),
		/* The second word to the front, then the first behind it. */
		SEGMENT(FROM_DEVICE, back, b, 100 + a),
		SEGMENT(FROM_DEVICE, back + b, a, 100),
	};
	struct edudma_transfer transfer = {
		.segments = (uintptr_t)segments,
		.nr_segments = ARRAY_SIZE(segments),
	};
	int fd, ret;

	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(node);
		return 1;
	}

	/* After an interruption it starts again: each segment can be repeated. */
	do {
		ret = ioctl(fd, EDUDMA_IOC_TRANSFER, &transfer);
	} while (ret && errno == EINTR);
	if (ret) {
		fprintf(stderr, "%s: %s, after %u segments and %llu bytes\n",
			node, strerror(errno), transfer.segments_done,
			(unsigned long long)transfer.bytes_done);
		close(fd);
		return 1;
	}
	close(fd);

	if (strcmp(back, "gatherscatter ") || transfer.bytes_done != 2 * (a + b)) {
		fprintf(stderr, "%s: what came back differs: %s\n", node, back);
		return 1;
	}
	printf("%s: %u segments in one call: %s\n", node,
	       transfer.segments_done, back);
	return 0;
}
