/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cost in instructions, in a lane in virtual time where an instruction takes
 * NS_PER_INSTRUCTION, and in accesses to an edu-sg, by its own counters.  Time in
 * which the processor is idle, since it waits for the device, is not counted.
 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include "edudma_pci.h"
#include "edudma_test.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_INSTRUCTION	8	/* -icount shift=3 */
#define NS_PER_TICK		(1000000000ULL / sysconf(_SC_CLK_TCK))

/* edu-sg's counters, by index into the registers. */
#define SG_DOORBELLS	(0x200 / 4)
#define SG_READS	(0x208 / 4)
#define SG_WRITES	(0x210 / 4)
#define SG_INTERRUPTS	(0x218 / 4)

struct counts {
	uint64_t instructions;
	uint32_t doorbells;
	uint32_t reads;
	uint32_t writes;
	uint32_t interrupts;
};

/* The same, for each request. */
struct cost {
	double instructions;
	double doorbells;
	double reads;
	double writes;
	double interrupts;
};

static volatile uint32_t *regs;

/* Have the counters of an edu-sg at hand, by its PCI address. */
static inline void counts_begin(const char *slot)
{
	regs = pci_registers(slot, 0);
	if (!regs)
		die("registers");
}

/* Time that the processor was not idle, from /proc/stat and the clock. */
static inline uint64_t busy_ns(void)
{
	unsigned long long user, nice, system, idle, iowait;
	struct timespec ts;
	char line[256];

	file_read("/proc/stat", line, sizeof(line));
	if (sscanf(line, "cpu %llu %llu %llu %llu %llu", &user, &nice, &system,
		   &idle, &iowait) != 5)
		die("/proc/stat");
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec -
	       (idle + iowait) * NS_PER_TICK;
}

static inline struct counts counts_now(void)
{
	return (struct counts) {
		.instructions = busy_ns() / NS_PER_INSTRUCTION,
		.doorbells = regs[SG_DOORBELLS],
		.reads = regs[SG_READS],
		.writes = regs[SG_WRITES],
		.interrupts = regs[SG_INTERRUPTS],
	};
}

static inline struct cost cost_of(const struct counts *before, const struct counts *after,
				  unsigned int times)
{
	return (struct cost) {
		.instructions = (double)(after->instructions - before->instructions) / times,
		.doorbells = (double)(after->doorbells - before->doorbells) / times,
		.reads = (double)(after->reads - before->reads) / times,
		.writes = (double)(after->writes - before->writes) / times,
		.interrupts = (double)(after->interrupts - before->interrupts) / times,
	};
}

#endif /* BENCH_COST_H */
