/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory control groups: processes that may have only so much memory, and have
 * used it up.
 */
#ifndef EDUDMA_CGROUP_H
#define EDUDMA_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct cgroup - a group of one's own
 * @path:	its directory, empty if there is none
 * @limit:	bytes that its processes may have
 */
struct cgroup {
	char path[64];
	uint64_t limit;
};

/** cgroup_make() - false if this kernel or machine has none to offer */
bool cgroup_make(struct cgroup *group, uint64_t limit);

/**
 * cgroup_enter() - put the calling process into it, on the processor that it is on
 * @killable:	may the kernel end it for want of memory, or must calls fail?
 *
 * False if that fails.
 */
bool cgroup_enter(const struct cgroup *group, bool killable);

/** cgroup_use_up() - take memory until @left bytes, or some more, are left */
bool cgroup_use_up(const struct cgroup *group, uint64_t left);

/** cgroup_event() - how often something happened, see memory.events */
uint64_t cgroup_event(const struct cgroup *group, const char *name);

/** cgroup_remove() - false if it does not go; all its processes have ended */
bool cgroup_remove(struct cgroup *group);

#endif /* EDUDMA_CGROUP_H */
