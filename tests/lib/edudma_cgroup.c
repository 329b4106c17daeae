// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory control groups; see edudma_cgroup.h.
 */
#include "edudma_test.h"
#include "edudma_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ROOT	"/sys/fs/cgroup"

/*
 * For page tables and whatever else the kernel has taken for the process.  How
 * much is used cannot be measured: each processor takes in advance.
 */
#define SPARE_PAGES	8

static bool group_write(const struct cgroup *group, const char *file,
			const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	return !file_write(path, text);
}

bool cgroup_make(struct cgroup *group, uint64_t limit)
{
	char text[32];

	group->limit = limit;
	group->path[0] = '\0';
	if (file_write(ROOT "/cgroup.subtree_control", "+memory"))
		return false;
	snprintf(group->path, sizeof(group->path), ROOT "/edudma-XXXXXX");
	if (!mkdtemp(group->path)) {
		group->path[0] = '\0';
		return false;
	}
	snprintf(text, sizeof(text), "%" PRIu64, limit);
	return group_write(group, "memory.max", text) &&
	       (group_write(group, "memory.swap.max", "0") || errno == ENOENT);
}

/* What another processor had taken in advance would be missing on this one. */
static bool stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	return !sched_setaffinity(0, sizeof(here), &here);
}

bool cgroup_enter(const struct cgroup *group, bool killable)
{
	return stay_here() &&
	       !file_write("/proc/self/oom_score_adj", killable ? "0" : "-1000") &&
	       group_write(group, "cgroup.procs", "0");
}

bool cgroup_use_up(const struct cgroup *group, uint64_t left)
{
	const size_t page = page_size();
	size_t i, pages = (group->limit - left) / page - SPARE_PAGES;
	uint8_t *p;

	p = mmap(NULL, pages * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	madvise(p, pages * page, MADV_NOHUGEPAGE);
	for (i = 0; i < pages; i++)
		p[i * page] = 1;
	return true;
}

uint64_t cgroup_event(const struct cgroup *group, const char *name)
{
	uint64_t value = UINT64_MAX, v;
	char path[128], line[64], key[32];
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.events", group->path);
	file = fopen(path, "re");
	if (!file)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %" SCNu64, key, &v) == 2 &&
		    !strcmp(key, name))
			value = v;
	fclose(file);
	return value;
}

bool cgroup_remove(struct cgroup *group)
{
	bool gone = !group->path[0] || WAIT_FOR(!rmdir(group->path));

	group->path[0] = '\0';
	return gone;
}
