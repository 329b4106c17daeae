// SPDX-License-Identifier: LGPL-2.1-or-later
/* Words for the numbers of the uapi. */
#include <edudma_stream.h>

#include "internal.h"

EDUDMA_API const char *edudma_version(void)
{
	return EDUDMA_VERSION;
}

EDUDMA_API const char *edudma_engine_name(uint32_t engine)
{
	switch (engine) {
	case EDUDMA_ENGINE_EDU:
		return "edu";
	case EDUDMA_ENGINE_RING:
		return "ring";
	case EDUDMA_ENGINE_OTHER:
		return "other";
	default:
		return "unknown";
	}
}

EDUDMA_API const char *edudma_direction_name(uint32_t direction)
{
	switch (direction) {
	case EDUDMA_TO_DEVICE:
		return "to-device";
	case EDUDMA_FROM_DEVICE:
		return "from-device";
	default:
		return "unknown";
	}
}

EDUDMA_API const char *edudma_capability_name(unsigned int bit)
{
	if (bit >= 32)
		return NULL;

	switch (1U << bit) {
	case EDUDMA_CAP_BUFFERS:
		return "buffers";
	case EDUDMA_CAP_IOMMU:
		return "iommu";
	case EDUDMA_CAP_IOPOLL:
		return "iopoll";
	case EDUDMA_CAP_MMAP:
		return "mmap";
	case EDUDMA_CAP_MSI:
		return "msi";
	case EDUDMA_CAP_STREAMS:
		return "streams";
	case EDUDMA_CAP_URING_CMD:
		return "uring-cmd";
	default:
		return NULL;
	}
}

EDUDMA_API const char *edudma_pattern_name(uint32_t pattern)
{
	switch (pattern) {
	case EDUDMA_PATTERN_COUNTER:
		return "counter";
	case EDUDMA_PATTERN_PRBS31:
		return "prbs31";
	case EDUDMA_PATTERN_RAMP:
		return "ramp";
	default:
		return NULL;
	}
}
