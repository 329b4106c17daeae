// SPDX-License-Identifier: LGPL-2.1-or-later
/* Registered buffers. */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

/* The driver has no other use for ENOTTY here: it does not know the call. */
static int call(struct edudma *dev, unsigned long request, void *arg)
{
	if (!ioctl(dev->fd, request, arg))
		return 0;
	return errno == ENOTTY ? -EOPNOTSUPP : -errno;
}

static int add(struct edudma *dev, struct edudma_buffer_register *arg,
	       uint32_t *buffer)
{
	int ret;

	if (!dev || !buffer)
		return -EINVAL;

	ret = call(dev, EDUDMA_IOC_BUFFER_REGISTER, arg);
	if (!ret)
		*buffer = arg->buffer;
	return ret;
}

EDUDMA_API int edudma_buffer_register(struct edudma *dev, void *addr,
				      size_t len, uint32_t *buffer)
{
	struct edudma_buffer_register arg = {
		.addr = (uintptr_t)addr,
		.len = len,
		.kind = EDUDMA_BUFFER_USER,
	};

	return add(dev, &arg, buffer);
}

EDUDMA_API int edudma_buffer_register_memfd(struct edudma *dev, int memfd,
					    uint64_t position, size_t len,
					    uint32_t *buffer)
{
	struct edudma_buffer_register arg = {
		.addr = position,
		.len = len,
		.kind = EDUDMA_BUFFER_MEMFD,
		.fd = memfd,
	};

	return add(dev, &arg, buffer);
}

EDUDMA_API int edudma_buffer_unregister(struct edudma *dev, uint32_t buffer)
{
	struct edudma_buffer_unregister arg = { .buffer = buffer };

	if (!dev)
		return -EINVAL;
	return call(dev, EDUDMA_IOC_BUFFER_UNREGISTER, &arg);
}
