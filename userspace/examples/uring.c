// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue of the library: several requests under way at a time, and one completion for
 * each, in whatever order they end.
 *
 * Usage: uring [NODE]
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <edudma_uring.h>

#define DEPTH	4
#define LEN	256

/* All that is pending: 0 if each moved all of its bytes. */
static int wait_all(struct edudma_queue *queue)
{
	struct edudma_completion done[DEPTH];
	int n, i;

	while (edudma_queue_pending(queue)) {
		n = edudma_queue_wait(queue, done, 1, DEPTH);
		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		for (i = 0; i < n; i++) {
			if (done[i].result != LEN) {
				fprintf(stderr, "%s: result %lld\n",
					(const char *)done[i].user,
					(long long)done[i].result);
				return -EIO;
			}
		}
	}
	return 0;
}

static int write_and_read(struct edudma_queue *queue, const char *out, char *in)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < DEPTH && !ret; i++)
		ret = edudma_queue_write(queue, out + i * LEN, LEN, i * LEN, "write");
	if (!ret)
		ret = wait_all(queue);

	/* Only now, as requests of a queue run in any order. */
	for (i = 0; i < DEPTH && !ret; i++)
		ret = edudma_queue_read(queue, in + i * LEN, LEN, i * LEN, "read");
	return ret ? ret : wait_all(queue);
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	static char out[DEPTH * LEN], in[DEPTH * LEN];
	struct edudma_queue *queue;
	struct edudma *dev;
	int i, ret;

	for (i = 0; i < DEPTH * LEN; i++)
		out[i] = i / 3;

	ret = edudma_open(node, O_RDWR, &dev);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}
	ret = edudma_queue_new(dev, DEPTH, &queue);
	if (!ret) {
		ret = write_and_read(queue, out, in);
		edudma_queue_free(queue);
	}
	edudma_close(dev);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}

	if (memcmp(out, in, sizeof(in))) {
		fprintf(stderr, "%s: what came back differs\n", node);
		return 1;
	}
	printf("%s: %d requests at a time, there and back\n", node, DEPTH);
	return 0;
}
