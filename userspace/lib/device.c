// SPDX-License-Identifier: LGPL-2.1-or-later
/* An open device. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/*
 * Opening something that is not a node of ours can have effects: a FIFO blocks,
 * a tape rewinds.  What can be told apart without opening, is.
 */
static int open_node(const char *path, int flags)
{
	struct stat st;
	int fd;

	if (stat(path, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENOTTY;

	do {
		fd = open(path, flags | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);

	return fd < 0 ? -errno : fd;
}

EDUDMA_API int edudma_open(const char *path, int flags, struct edudma **result)
{
	struct edudma *dev;
	int ret;

	if (!path || !result)
		return -EINVAL;
	if (flags != O_RDWR && flags != O_RDONLY && flags != O_WRONLY)
		return -EINVAL;

	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;

	dev->path = strdup(path);
	if (!dev->path) {
		ret = -ENOMEM;
		goto err_free;
	}

	dev->fd = open_node(path, flags);
	if (dev->fd < 0) {
		ret = dev->fd;
		goto err_free_path;
	}

	/* Not only limits for later: it proves that the node is of our driver. */
	if (ioctl(dev->fd, EDUDMA_IOC_INFO, &dev->info)) {
		ret = errno == EINVAL ? -ENOTTY : -errno;
		goto err_close;
	}

	*result = dev;
	return 0;

err_close:
	close(dev->fd);
err_free_path:
	free(dev->path);
err_free:
	free(dev);
	return ret;
}

EDUDMA_API int edudma_open_index(unsigned int index, int flags,
				 struct edudma **result)
{
	char path[sizeof("/dev/" EDUDMA_NAME) + 3 * sizeof(index)];
	int ret;

	snprintf(path, sizeof(path), "/dev/" EDUDMA_NAME "%u", index);
	ret = edudma_open(path, flags, result);

	return ret == -ENOENT ? -ENODEV : ret;
}

EDUDMA_API void edudma_close(struct edudma *dev)
{
	if (!dev)
		return;

	close(dev->fd);
	free(dev->path);
	free(dev);
}

EDUDMA_API int edudma_fd(const struct edudma *dev)
{
	return dev->fd;
}

EDUDMA_API const char *edudma_path(const struct edudma *dev)
{
	return dev->path;
}

EDUDMA_API int edudma_get_info(const struct edudma *dev,
			       struct edudma_info *result, size_t size)
{
	struct edudma_info info = {};

	if (!dev || !result)
		return -EINVAL;

	if (ioctl(dev->fd, EDUDMA_IOC_INFO, &info))
		return -errno;

	if (size > sizeof(info)) {
		memset((char *)result + sizeof(info), 0, size - sizeof(info));
		size = sizeof(info);
	}
	memcpy(result, &info, size);

	return 0;
}

EDUDMA_API uint64_t edudma_window_bytes(const struct edudma *dev)
{
	return dev->info.window_bytes;
}
