// SPDX-License-Identifier: LGPL-2.1-or-later
/* The vectored request. */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

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
	int ret = 0;

	if (ioctl(dev->fd, EDUDMA_IOC_TRANSFER, &transfer))
		ret = -errno;

	if (result) {
		result->bytes_done = transfer.bytes_done;
		result->segments_done = transfer.segments_done;
		result->error = transfer.error;
	}
	return ret;
}
