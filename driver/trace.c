// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the trace events are defined.
 */
#include <linux/atomic.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

/** edudma_trace_id() - an id that nothing else has.  Any context. */
u64 edudma_trace_id(void)
{
	static atomic64_t last = ATOMIC64_INIT(0);

	return atomic64_inc_return(&last);
}
