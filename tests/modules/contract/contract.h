/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the engines' contract share: a device without the driver, and the
 * little that comes between an engine and its queue.
 */
#ifndef EDUDMA_CONTRACT_H
#define EDUDMA_CONTRACT_H

#include <kunit/test.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "descriptor.h"
#include "engine.h"
#include "stats.h"

/* Memory that is moved. */
#define CONTRACT_BYTES		65536U
/* No channel is believed to have more room. */
#define CONTRACT_DESCS		8192U
/* As many as the queue issues at a time. */
#define CONTRACT_BATCH		128U

/* What takes longer does not come at all. */
#define CONTRACT_TIMEOUT	(10 * HZ)
/* DMA that was not stopped is seen within this; edu takes 100 ms for a descriptor. */
#define CONTRACT_LOOK_MS	300

/**
 * struct contract - an engine under test
 * @engine:	the engine; a new one for each test
 * @stats:	where it counts
 * @rule:	of the contract, that the test is about
 * @init_error:	what edudma_engine_init() has returned
 * @start_error: what @start has returned, -ENODEV if it was not called
 * @lock:	serialises calls as the queue's lock does
 * @interrupts:	that the client was told of, by channel
 * @wait:	woken by them
 * @memory:	CONTRACT_BYTES of it
 * @dma:	its bus address
 * @descs:	CONTRACT_DESCS of them
 */
struct contract {
	struct edudma_engine engine;
	struct edudma_stats stats;
	const char *rule;
	int init_error;
	int start_error;
	spinlock_t lock; /* see above */
	atomic_t interrupts[EDUDMA_MAX_CHANNELS];
	wait_queue_head_t wait;
	u8 *memory;
	dma_addr_t dma;
	struct edudma_descriptor *descs;
};

/* A failure names the rule, and what was seen instead. */
#define CONTRACT_ASSERT(test, condition, fmt, ...) do {			\
	bool rule_is_kept = (condition);				\
									\
	KUNIT_ASSERT_TRUE_MSG(test, rule_is_kept, "\nrule: %s\nseen: " fmt "\n", \
			      ((struct contract *)(test)->priv)->rule, ##__VA_ARGS__); \
} while (0)

extern struct kunit_suite edudma_contract_suite;

/* device.c */
int contract_bind(void);
void contract_unbind(void);
int contract_init(struct kunit *test);
void contract_exit(struct kunit *test);
int contract_start(struct contract *c);
bool contract_stop(struct contract *c);

#endif /* EDUDMA_CONTRACT_H */
