// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probing fails, at each step that can be made to fail from outside: the log
 * names the step, nothing is left, and a probe that need not fail works.
 */
#include "edudma_fixture.h"
#include "edudma_kmsg.h"
#include "edudma_pci.h"
#include "edudma_plug.h"
#include "edudma_qmp.h"

#include <glob.h>
#include <pthread.h>
#include <sys/mman.h>

#define DRIVER		"/sys/bus/pci/drivers/edudma"
#define PREEMPTION	"/sys/kernel/debug/sched/preempt"
#define TRIES		20

static int device_write(const char *slot, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", slot, name);
	return file_write(path, value);
}

static bool is_bound(const char *slot)
{
	char path[128];

	snprintf(path, sizeof(path), DRIVER "/%s", slot);
	return !access(path, F_OK);
}

static bool works(const struct test_dev *dev)
{
	uint8_t *buf = private_pages(1);
	int fd = open(dev->node, O_RDWR | O_CLOEXEC);
	bool good = !window_fill(fd, 100, 5) && !transfer1(fd, seg_from(buf, 100, 0)) &&
		    differs_at(buf, 100, 5) == 100;

	close(fd);
	munmap(buf, page_size());
	return good;
}

/* Other devices, which the driver is told to take all the same. */

FIXTURE(other_device)
{
	char slot[32];
	unsigned int devices;
	int kmsg;
	bool plugged;
};

FIXTURE_SETUP(other_device)
{
	self->devices = dev_count();
	self->kmsg = kmsg_open();
	ASSERT_LE(0, self->kmsg);
}

FIXTURE_TEARDOWN(other_device)
{
	struct test_dev dev;

	if (self->plugged) {
		EXPECT_EQ(0, plug_out());
	} else if (self->slot[0]) {
		EXPECT_EQ(0, device_write(self->slot, "driver_override", "\n"));
	}
	EXPECT_EQ(self->devices, dev_count());
	/* Numbers and memory were given back: the next one gets the same. */
	EXPECT_EQ(0, plug_in(&dev));
	EXPECT_TRUE(works(&dev));
	EXPECT_EQ(self->devices + 1, dev_count());
	EXPECT_EQ(0, plug_out());
	close(self->kmsg);
}

#define PLUG_IN(device) do {						\
	ASSERT_EQ(0, plug_in_other(device, self->slot, sizeof(self->slot)));	\
	self->plugged = true;						\
} while (0)

#define EXPECT_REFUSED(one, two) do {					\
	EXPECT_EQ(0, device_write(self->slot, "driver_override", "edudma"));	\
	EXPECT_NE(0, file_write(DRIVER "/bind", self->slot));		\
	EXPECT_FALSE(is_bound(self->slot));				\
	EXPECT_EQ(self->devices, dev_count());				\
	EXPECT_TRUE(kmsg_says(self->kmsg, one, two));			\
} while (0)

TEST_F(other_device, without_bar_0_is_refused)
{
	char path[300], class[32];
	size_t i;
	glob_t all;

	/* The machine's SATA controller has its only memory in BAR 5. */
	ASSERT_EQ(0, glob("/sys/bus/pci/devices/*/class", 0, NULL, &all));
	for (i = 0; i < all.gl_pathc && !self->slot[0]; i++) {
		file_read(all.gl_pathv[i], class, sizeof(class));
		if (strcmp(class, "0x010601"))
			continue;
		snprintf(path, sizeof(path), "%s", all.gl_pathv[i]);
		*strrchr(path, '/') = '\0';
		snprintf(self->slot, sizeof(self->slot), "%s", strrchr(path, '/') + 1);
	}
	globfree(&all);
	ASSERT_TRUE(self->slot[0]);
	EXPECT_REFUSED("BAR 0", "missing");
}

TEST_F(other_device, with_ports_in_bar_0_is_refused)
{
	PLUG_IN("rtl8139,romfile=");
	EXPECT_REFUSED("BAR 0", "missing");
}

TEST_F(other_device, with_a_small_bar_0_is_refused)
{
	PLUG_IN("pvpanic-pci");
	EXPECT_REFUSED("BAR 0", "too small");
}

TEST_F(other_device, with_another_identification_is_refused)
{
	PLUG_IN("pci-testdev");
	EXPECT_REFUSED("identification", "not an edu");
}

/* Its first register keeps what is written, the second reads as it was written. */
#define MAILBOX_ID	0
#define MAILBOX_MEMORY	"{'qom-type': 'memory-backend-ram', 'id': 'shared', 'size': 4096}"
#define EDU_ID		0x010000ed

TEST_F(other_device, that_claims_to_be_edu_is_refused)
{
	volatile uint32_t *regs;
	struct qmp qmp;

	ASSERT_EQ(0, qmp_open(&qmp));
	EXPECT_EQ(0, qmp_execute(&qmp, "object-add", MAILBOX_MEMORY));
	qmp_close(&qmp);
	PLUG_IN("ivshmem-plain,memdev=shared");
	ASSERT_EQ(0, device_write(self->slot, "enable", "1"));
	regs = pci_registers(self->slot, 0);
	ASSERT_NE(NULL, regs);
	regs[MAILBOX_ID] = EDU_ID;
	EXPECT_EQ(EDU_ID, regs[MAILBOX_ID]);
	EXPECT_REFUSED("liveness", "instead of");
	munmap((void *)regs, page_size());
	EXPECT_EQ(0, plug_out());
	self->plugged = false;
	self->slot[0] = '\0';
	ASSERT_EQ(0, qmp_open(&qmp));
	EXPECT_EQ(0, qmp_execute(&qmp, "object-del", "{'id': 'shared'}"));
	qmp_close(&qmp);
}

/* The right device, in a machine that does not let it. */

FIXTURE(device)
{
	struct bed bed;
	unsigned int devices;
	int kmsg;
	int config;
	pthread_t thread;
	volatile uint32_t *regs;
	int msi_at;
	bool stop;
	char preemption[32];	/* if it was changed: what it was */
};

FIXTURE_SETUP(device)
{
	self->config = -1;
	self->devices = dev_count();
	self->kmsg = kmsg_open();
	ASSERT_LE(0, self->kmsg);
	self->bed.fd = -1;
	ASSERT_EQ(0, plug_in(&self->bed.dev));
	BED_OPEN(&self->bed);
	close(self->bed.fd);
	self->bed.fd = -1;
	self->config = pci_config_open(self->bed.dev.slot);
	ASSERT_LE(0, self->config);
	self->regs = pci_registers(self->bed.dev.slot, 0);
	ASSERT_NE(NULL, self->regs);
	ASSERT_EQ(0, dev_unbind(&self->bed.dev));
}

FIXTURE_TEARDOWN(device)
{
	if (self->preemption[0]) {
		EXPECT_EQ(0, file_write(PREEMPTION, self->preemption));
	}
	BED_TEARDOWN(&self->bed);
	close(self->config);
	if (self->regs)
		munmap((void *)self->regs, page_size());
	EXPECT_EQ(0, plug_out());
	EXPECT_EQ(self->devices, dev_count());
	close(self->kmsg);
}

static int try_to_bind(FIXTURE_DATA(device) *self)
{
	return file_write(DRIVER "/bind", self->bed.dev.slot);
}

#define EXPECT_NOT_BOUND() do {						\
	EXPECT_FALSE(is_bound(self->bed.dev.slot));			\
	EXPECT_EQ(self->devices, dev_count());				\
	/* Nor may it write anywhere. */				\
	EXPECT_FALSE(pci_config_read(self->config, PCI_COMMAND) &	\
		     PCI_COMMAND_MASTER);				\
} while (0)

#define EXPECT_BINDS_AND_WORKS() do {					\
	struct test_dev dev_ = self->bed.dev;				\
									\
	EXPECT_EQ(0, dev_bind(&dev_));					\
	EXPECT_EQ(0, strcmp(dev_.node, self->bed.dev.node));		\
	EXPECT_TRUE(works(&dev_));					\
} while (0)

/* Something else has a part of the BAR: a console that survives a crash. */
#define TAKE_MEMORY							\
	"modprobe ramoops mem_address=%#llx mem_size=0x10000 record_size=0x1000 2>&1 | sed 's/^/# /'"

TEST_F(device, whose_bar_0_is_taken_is_refused)
{
	char path[128], start[64], command[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource",
		 self->bed.dev.slot);
	file_read(path, start, sizeof(start));
	snprintf(command, sizeof(command), TAKE_MEMORY,
		 strtoull(start, NULL, 16) + 0x80000);
	ASSERT_EQ(0, system(command));
	if (access("/sys/module/ramoops", F_OK))
		SKIP(return, "this kernel has no ramoops to take the BAR");
	EXPECT_NE(0, try_to_bind(self));
	EXPECT_NOT_BOUND();
	EXPECT_TRUE(kmsg_says(self->kmsg, "BAR 0", "taken"));
	ASSERT_EQ(0, system("modprobe -r ramoops"));
	EXPECT_BINDS_AND_WORKS();
}

TEST_F(device, that_may_not_send_messages_uses_its_line)
{
	struct edudma_info info;
	struct test_dev dev = self->bed.dev;
	int fd;

	ASSERT_EQ(0, device_write(self->bed.dev.slot, "msi_bus", "0"));
	ASSERT_EQ(0, dev_bind(&dev));
	fd = open(dev.node, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, dev_info(fd, &info));
	close(fd);
	EXPECT_FALSE(info.capabilities & EDUDMA_CAP_MSI);
	EXPECT_TRUE(works(&dev));
	ASSERT_EQ(0, dev_unbind(&dev));
	ASSERT_EQ(0, device_write(self->bed.dev.slot, "msi_bus", "1"));
	EXPECT_BINDS_AND_WORKS();
}

/*
 * Switches off all interrupts again and again, while the driver switches them on
 * and tries them: a thread that the scheduler lets in before whatever the kernel
 * is at, where there is one processor for both.
 */
static void *silence(void *arg)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	FIXTURE_DATA(device) *self = arg;

	while (!__atomic_load_n(&self->stop, __ATOMIC_SEQ_CST)) {
		pci_config_write(self->config, self->msi_at + PCI_MSI_FLAGS, 0);
		pci_config_write(self->config, PCI_COMMAND, PCI_COMMAND_MEMORY |
				 PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* A thread that comes before all others, but the kernel's own. */
static void begin(FIXTURE_DATA(device) *self, void *(*disturb)(void *))
{
	struct sched_param first = { .sched_priority = 50 };
	pthread_attr_t attr;

	self->stop = false;
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &first);
	if (pthread_create(&self->thread, &attr, disturb, self))
		die("a thread of high priority");
	pthread_attr_destroy(&attr);
}

static void end(FIXTURE_DATA(device) *self)
{
	__atomic_store_n(&self->stop, true, __ATOMIC_SEQ_CST);
	pthread_join(self->thread, NULL);
}

/* The file names all modes, the one that is chosen in parentheses. */
static bool be_preempted(FIXTURE_DATA(device) *self)
{
	char modes[64], *now;

	file_read(PREEMPTION, modes, sizeof(modes));
	now = strchr(modes, '(');
	if (!now || sscanf(now, "(%31[^)]", self->preemption) != 1)
		return false;
	return !file_write(PREEMPTION, "full");
}

TEST_F_TIMEOUT(device, whose_interrupt_never_comes_is_refused, 120)
{
	int err = 0, i;

	if (!be_preempted(self))
		SKIP(return, "this kernel is not interrupted for another thread");
	self->msi_at = pci_capability(self->config, PCI_CAP_ID_MSI);
	ASSERT_LT(0, self->msi_at);
	/* Now and then the interrupt is quicker. */
	for (i = 0; i < TRIES && !err; i++) {
		begin(self, silence);
		err = try_to_bind(self);
		end(self);
		if (!err) {
			ASSERT_EQ(0, dev_unbind(&self->bed.dev));
		}
	}
	EXPECT_NE(0, err);
	/* The last writes may have come after the driver's. */
	pci_config_write(self->config, PCI_COMMAND, 0);
	EXPECT_FALSE(is_bound(self->bed.dev.slot));
	EXPECT_EQ(self->devices, dev_count());
	EXPECT_TRUE(kmsg_says(self->kmsg, "interrupt", "no working"));
	EXPECT_BINDS_AND_WORKS();
}

/*
 * Begins a transfer of its own as soon as the last has ended, which takes 99 to
 * 100 ms, and lets nobody look in between.
 */
static void *keep_busy(void *arg)
{
	const struct timespec most_of_it = { .tv_nsec = 98000000 };
	FIXTURE_DATA(device) *self = arg;
	volatile uint32_t *regs = self->regs;

	while (!__atomic_load_n(&self->stop, __ATOMIC_SEQ_CST)) {
		while (regs[EDU_DMA_CMD] & EDU_CMD_RUN)
			;
		regs[EDU_DMA_SRC] = 0;
		regs[EDU_DMA_DST] = EDU_WINDOW;
		regs[EDU_DMA_COUNT] = 1;
		regs[EDU_DMA_CMD] = EDU_CMD_RUN;
		nanosleep(&most_of_it, NULL);
	}
	return NULL;
}

/* Another kernel's transfer, say. */
TEST_F(device, that_never_ends_a_transfer_is_refused)
{
	ASSERT_EQ(0, device_write(self->bed.dev.slot, "enable", "1"));
	begin(self, keep_busy);
	EXPECT_NE(0, try_to_bind(self));
	end(self);
	EXPECT_NOT_BOUND();
	EXPECT_TRUE(kmsg_says(self->kmsg, "transfer", "does not end"));
	EXPECT_BINDS_AND_WORKS();
}

TEST_HARNESS_MAIN
