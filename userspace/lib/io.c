// SPDX-License-Identifier: LGPL-2.1-or-later
/* Plain reading and writing of the window, without short counts. */
#include <errno.h>
#include <unistd.h>

#include "internal.h"

static int check_range(const struct edudma *dev, size_t len, uint64_t offset)
{
	const uint64_t window = dev->info.window_bytes;

	return offset > window || len > window - offset ? -ERANGE : 0;
}

EDUDMA_API int edudma_read_at(struct edudma *dev, void *buf, size_t len,
			      uint64_t offset, size_t *done)
{
	size_t pos = 0;
	ssize_t n;
	int ret;

	ret = check_range(dev, len, offset);
	while (!ret && pos < len) {
		n = pread(dev->fd, (char *)buf + pos, len - pos, offset + pos);
		if (n > 0)
			pos += n;
		else
			/* No bytes and no error within the window: never go on. */
			ret = n < 0 ? -errno : -EIO;
	}

	if (done)
		*done = pos;
	return ret;
}

EDUDMA_API int edudma_write_at(struct edudma *dev, const void *buf, size_t len,
			       uint64_t offset, size_t *done)
{
	size_t pos = 0;
	ssize_t n;
	int ret;

	ret = check_range(dev, len, offset);
	while (!ret && pos < len) {
		n = pwrite(dev->fd, (const char *)buf + pos, len - pos,
			   offset + pos);
		if (n > 0)
			pos += n;
		else
			ret = n < 0 ? -errno : -EIO;
	}

	if (done)
		*done = pos;
	return ret;
}
