// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plain file operations: the node is a file of the size of the device's window,
 * and each byte that pwrite() and pread() move goes by DMA.
 *
 * Usage: rw [NODE]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OFFSET	16

/* Either call may move less than it was asked to, as with any file. */
static int write_all(int fd, const char *buf, size_t len, off_t offset)
{
	ssize_t n;

	while (len) {
		n = pwrite(fd, buf, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int read_all(int fd, char *buf, size_t len, off_t offset)
{
	ssize_t n;

	while (len) {
		n = pread(fd, buf, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		buf += n;
		offset += n;
		len -= n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	static const char text[] = "Hello, device memory!";
	char back[sizeof(text)] = "";
	int fd;

	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(node);
		return 1;
	}

	if (write_all(fd, text, sizeof(text), OFFSET) ||
	    read_all(fd, back, sizeof(back), OFFSET)) {
		perror(node);
		close(fd);
		return 1;
	}
	close(fd);

	if (memcmp(text, back, sizeof(text))) {
		fprintf(stderr, "%s: what came back differs\n", node);
		return 1;
	}
	printf("%s: %zu bytes there and back: %s\n", node, sizeof(text), back);
	return 0;
}
