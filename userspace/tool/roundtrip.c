// SPDX-License-Identifier: GPL-2.0-only
/* Bytes to the window and back, without a trace in it. */
#include <errno.h>
#include <string.h>

#include "tool.h"

/* The vector stopped after the window had been saved: put back what was there. */
static void restore(struct edudma *dev, struct roundtrip *trip)
{
	int ret;

	do {
		ret = edudma_write_at(dev, trip->saved, trip->len, trip->offset,
				      NULL);
	} while (ret == -EINTR);
	trip->lost = ret;
}

static int compare(struct roundtrip *trip)
{
	size_t i;

	for (i = 0; i < trip->len; i++) {
		if (trip->src[i] == trip->dst[i])
			continue;
		trip->bad = i;
		return -EBADMSG;
	}
	return 0;
}

int roundtrip(struct edudma *dev, struct roundtrip *trip)
{
	const struct edudma_segment segments[] = {
		edudma_from_device(trip->saved, trip->len, trip->offset),
		edudma_to_device(trip->src, trip->len, trip->offset),
		edudma_from_device(trip->dst, trip->len, trip->offset),
		edudma_to_device(trip->saved, trip->len, trip->offset),
	};
	struct edudma_result result = { .size = sizeof(result) };
	size_t i;
	int ret;

	/* What the device fails to write must not look right by chance. */
	for (i = 0; i < trip->len; i++)
		trip->dst[i] = ~trip->src[i];
	trip->lost = false;

	waiting_start(edudma_path(dev));
	ret = edudma_transfer(dev, segments, ARRAY_SIZE(segments),
			      EDUDMA_TRANSFER_EXCLUSIVE, &result);
	if (ret && result.segments_done)
		restore(dev, trip);
	waiting_stop();

	return ret ? ret : compare(trip);
}
