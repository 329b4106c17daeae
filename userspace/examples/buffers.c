// SPDX-License-Identifier: GPL-2.0-only
/*
 * A registered buffer: memory that is pinned and mapped for the device once, and then
 * used again and again by its number.
 *
 * Usage: buffers [NODE]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <edudma.h>

#define ROUNDS	16
#define LEN	256

static char memory[2 * LEN];

/* Each round sends the first half, and fetches it to the second one. */
static int go_round(struct edudma *dev, uint32_t buffer)
{
	const struct edudma_segment segments[] = {
		edudma_buffer_to_device(buffer, 0, LEN, 0),
		edudma_buffer_from_device(buffer, LEN, LEN, 0),
	};
	int i, ret;

	for (i = 0; i < ROUNDS; i++) {
		memset(memory, i, LEN);
		ret = edudma_transfer(dev, segments, 2, EDUDMA_TRANSFER_EXCLUSIVE, NULL);
		if (ret)
			return ret;
		if (memcmp(memory, memory + LEN, LEN))
			return -EILSEQ;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	struct edudma *dev;
	uint32_t buffer;
	int ret;

	ret = edudma_open(node, O_RDWR, &dev);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}

	ret = edudma_buffer_register(dev, memory, sizeof(memory), &buffer);
	if (!ret) {
		ret = go_round(dev, buffer);
		/* edudma_close() would do it as well. */
		edudma_buffer_unregister(dev, buffer);
	}
	edudma_close(dev);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, ret == -EADDRNOTAVAIL ?
			"the device does not reach this memory" : strerror(-ret));
		return 1;
	}

	printf("%s: %d rounds through one registered buffer\n", node, ROUNDS);
	return 0;
}
