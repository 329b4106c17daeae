// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that take devices away, break them, or end the process; see fuzz.h.
 */
#include "edudma_machine.h"
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Of one of the devices, so that calls meet each other under way. */
#define LATENCY_NS	20000
#define TIMEOUT_MS	5000
/* While a device may be silent. */
#define SHORT_TIMEOUT_MS	300

static const char *const faults[] = {
	"fault-fail", "fault-wrong", "fault-repeat", "fault-swap", "fault-excess",
	"fault-stall", "fault-drop-irq", "fault-dead", "fault-overrun",
	"fault-sequence", "fault-position",
};
#define EXCESS	4	/* this one is a number of bytes, */
#define STALL	5	/* and this a bit mask; */
#define DEAD	7	/* this is true or false */

static void lock(struct fuzz *fuzz)
{
	/* Who ended itself had it. */
	if (pthread_mutex_lock(&fuzz->trouble) == EOWNERDEAD)
		pthread_mutex_consistent(&fuzz->trouble);
}

static struct test_dev device(const struct fuzz *fuzz, unsigned int nr)
{
	struct test_dev dev = { 0 };

	snprintf(dev.slot, sizeof(dev.slot), "%s", fuzz->slots[nr]);
	return dev;
}

static void note_node(struct fuzz *fuzz, unsigned int nr)
{
	struct test_dev dev;
	unsigned int number;

	if (dev_of_slot(fuzz->slots[nr], &dev) &&
	    sscanf(dev.node, "/dev/edudma%u", &number) == 1)
		__atomic_store_n(&fuzz->nodes[nr], number, __ATOMIC_SEQ_CST);
}

void fuzz_trouble_init(struct fuzz *fuzz)
{
	pthread_mutexattr_t attributes;
	struct test_dev dev;
	unsigned int i;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&fuzz->trouble, &attributes);
	for (i = 0; i < FUZZ_DEVICES; i++) {
		if (!dev_get(i, &dev))
			die("two devices are needed");
		snprintf(fuzz->slots[i], sizeof(fuzz->slots[i]), "%s", dev.slot);
		note_node(fuzz, i);
	}
	machine_set(&dev, "latency", LATENCY_NS);
	param_set("timeout_ms", TIMEOUT_MS);
}

static void clear_faults(const struct test_dev *dev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(faults); i++)
		if (i != DEAD)
			machine_set(dev, faults[i], 0);
	machine_set_bool(dev, faults[DEAD], false);
}

/*
 * Before a device goes and comes again: one that is not well may be refused, and
 * of one that is dead the kernel saves what it cannot be restored from.
 */
static void heal(const struct fuzz *fuzz, const struct test_dev *dev, unsigned int nr)
{
	if (fuzz->faulty == nr + 1)
		clear_faults(dev);
}

static void rebind(struct fuzz *fuzz, unsigned int nr)
{
	struct test_dev dev = device(fuzz, nr);
	int err;

	heal(fuzz, &dev, nr);
	err = dev_unbind(&dev);
	if (err)
		fuzz_fail(fuzz, "%s cannot be unbound: %s", dev.slot, strerror(err));
	err = dev_bind(&dev);
	if (err)
		fuzz_fail(fuzz, "%s cannot be bound again: %s", dev.slot, strerror(err));
}

static int write_of(const struct test_dev *dev, const char *name, const char *text)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", dev->slot, name);
	return file_write(path, text);
}

static void find_again(struct fuzz *fuzz, unsigned int nr)
{
	struct test_dev dev = device(fuzz, nr);
	int err;

	heal(fuzz, &dev, nr);
	err = write_of(&dev, "remove", "1");
	if (!err)
		err = file_write("/sys/bus/pci/rescan", "1");
	if (!err && !WAIT_FOR(dev_of_slot(fuzz->slots[nr], &dev)))
		err = ENODEV;
	if (err)
		fuzz_fail(fuzz, "%s is not found again: %s", dev.slot, strerror(err));
}

/* What a plain edu does not have is not asked for again. */
static void break_device(struct fuzz *fuzz, unsigned int nr, unsigned int fault,
			 uint64_t value)
{
	struct test_dev dev = device(fuzz, nr);
	int err;

	/* Before it is broken: a process that ends in between leaves that to be mended. */
	__atomic_fetch_add(&fuzz->breaks, 1, __ATOMIC_SEQ_CST);
	fuzz->faulty = nr + 1;
	if (fault >= STALL && fault <= DEAD)
		param_set("timeout_ms", SHORT_TIMEOUT_MS);
	err = fault == DEAD ? machine_set_bool(&dev, faults[fault], true) :
			      machine_set(&dev, faults[fault],
					  fault == EXCESS || fault == STALL ?
					  value & 0xffffffff : value % 4 + 1);
	if (err && err != EPROTO)
		fuzz_fail(fuzz, "%s of %s: %s", faults[fault], dev.slot, strerror(err));
}

static void mend(struct fuzz *fuzz)
{
	struct test_dev dev = device(fuzz, fuzz->faulty - 1);

	clear_faults(&dev);
	/* A channel may be out of use. */
	rebind(fuzz, fuzz->faulty - 1);
	note_node(fuzz, fuzz->faulty - 1);
	param_set("timeout_ms", TIMEOUT_MS);
	fuzz->faulty = 0;
}

void fuzz_mend(struct fuzz *fuzz)
{
	lock(fuzz);
	if (fuzz->faulty)
		mend(fuzz);
	pthread_mutex_unlock(&fuzz->trouble);
}

static void make(struct fuzz_run *run, const struct fuzz_call *call)
{
	struct fuzz *fuzz = run->fuzz;
	unsigned int nr = call->arg[0] % FUZZ_DEVICES;
	struct test_dev dev = device(fuzz, nr);

	switch (call->nr) {
	case FUZZ_kill:
		kill(getpid(), SIGKILL);
		break;
	case FUZZ_power:
		write_of(&dev, "power/autosuspend_delay_ms", "10");
		write_of(&dev, "power/control", call->arg[1] % 2 ? "auto" : "on");
		break;
	case FUZZ_rebind:
		rebind(fuzz, nr);
		break;
	case FUZZ_rescan:
		find_again(fuzz, nr);
		break;
	case FUZZ_reset:
		write_of(&dev, "reset", "1");
		break;
	case FUZZ_fault:
		if (!fuzz->faulty)
			break_device(fuzz, nr, call->arg[1] % ARRAY_LEN(faults),
				     call->arg[2]);
		break;
	}
	note_node(fuzz, nr);
}

/* Signals would cut conversations with QEMU short. */
void fuzz_trouble_call(struct fuzz_run *run, const struct fuzz_call *call,
		       struct fuzz_result *result)
{
	sigset_t all, before;

	result->made = true;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	lock(run->fuzz);
	make(run, call);
	pthread_mutex_unlock(&run->fuzz->trouble);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void fuzz_restore(struct fuzz *fuzz)
{
	struct test_dev dev;
	unsigned int i;
	int err = 0;

	if (fuzz->faulty)
		mend(fuzz);
	for (i = 0; i < FUZZ_DEVICES && !err; i++) {
		dev = device(fuzz, i);
		write_of(&dev, "power/control", "on");
		machine_set(&dev, "latency", 0);
		err = dev_unbind(&dev);
	}
	for (i = 0; i < FUZZ_DEVICES && !err; i++) {
		dev = device(fuzz, i);
		err = dev_bind(&dev);
		note_node(fuzz, i);
	}
	if (err)
		fuzz_fail(fuzz, "%s cannot be restored: %s", dev.slot, strerror(err));
	param_set("timeout_ms", TIMEOUT_MS);
	param_set("chunk_bytes", 1 << 20);
}
