// SPDX-License-Identifier: LGPL-2.1-or-later
/* The vectored request. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

/* The first version ended here. */
#define RESULT_SIZE_MIN	(offsetof(struct edudma_result, error) + sizeof(int))

/* As much as the caller has; what it has more is zero. */
static void put_result(struct edudma_result *to, const struct edudma_result *from)
{
	const size_t size = to->size;

	if (size > sizeof(*from))
		memset((char *)to + sizeof(*from), 0, size - sizeof(*from));
	memcpy(to, from, size < sizeof(*from) ? size : sizeof(*from));
	to->size = size;
}

EDUDMA_API int edudma_transfer(struct edudma *dev,
			       const struct edudma_segment *segments,
			       uint32_t nr_segments, uint32_t flags,
			       struct edudma_result *result)
{
	/* A refused call leaves the out fields alone, so they start as "none". */
	struct edudma_transfer transfer = {
		.segments = (uintptr_t)segments,
		.nr_segments = nr_segments,
		.flags = flags,
	};
	struct edudma_result done;
	int ret = 0;

	if (result && result->size < RESULT_SIZE_MIN)
		return -EINVAL;

	if (ioctl(dev->fd, EDUDMA_IOC_TRANSFER, &transfer))
		ret = -errno;

	done = (struct edudma_result) {
		.bytes_done = transfer.bytes_done,
		.segments_done = transfer.segments_done,
		.error = transfer.error,
	};
	if (result)
		put_result(result, &done);
	return ret;
}
