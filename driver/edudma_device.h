/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One device and what hangs off it.
 */
#ifndef EDUDMA_DEVICE_H
#define EDUDMA_DEVICE_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/wait.h>

#include "bounce.h"
#include "channel.h"
#include "engine.h"
#include "turns.h"

struct attribute_group;
struct file;
struct pci_dev;

/**
 * struct edudma_stats - what the device has done since it was bound
 * @requests:		requests that were accepted and begun
 * @bytes_to_device:	bytes the device has read from user memory
 * @bytes_from_device:	bytes the device has written to user memory
 * @bytes_zero_copy:	of both, those moved by DMA to or from the user's pages
 * @bytes_bounced:	of both, those copied through the bounce pool
 * @descriptors:	hardware transfers started
 * @interrupts:		interrupts that the device had raised
 * @pages_pinned:	user pages pinned now
 * @pages_pinned_max:	the most that @pages_pinned ever was
 * @timeouts:		hardware transfers and turns that took too long
 * @cancelled:		requests stopped by a signal
 * @errors:		requests that ended in an error other than a signal
 * @spurious_interrupts: completion interrupts while no transfer was complete
 * @pages_redirtied:	pages cleaned under DMA and dirtied again after it
 * @pages_leaked:	pages kept for good because the device could not be stopped
 * @engine_busy_ns:	time from each start of an idle channel to the interrupt
 *			that finds it idle again
 *
 * Each is a file of the same name in the device's statistics/ directory.
 * Updated from any context.
 */
struct edudma_stats {
	atomic64_t requests;
	atomic64_t bytes_to_device;
	atomic64_t bytes_from_device;
	atomic64_t bytes_zero_copy;
	atomic64_t bytes_bounced;
	atomic64_t descriptors;
	atomic64_t interrupts;
	atomic64_t pages_pinned;
	atomic64_t pages_pinned_max;
	atomic64_t timeouts;
	atomic64_t cancelled;
	atomic64_t errors;
	atomic64_t spurious_interrupts;
	atomic64_t pages_redirtied;
	atomic64_t pages_leaked;
	atomic64_t engine_busy_ns;
};

/**
 * struct edudma_device - a bound device, or what open files keep of one
 * @dev:	the class device
 * @cdev:	the character device, child of @dev
 * @id:		the N of edudmaN
 * @pdev:	the PCI device; valid under @gate while not @gone
 * @gate:	held for reading around every use of @pdev for DMA mapping, for
 *		writing to set @gone.  Never held while touching user memory,
 *		so that an unbind does not wait for a page fault.
 * @gone:	the hardware is not ours any more; under @gate
 * @poll_wait:	woken when @gone is set
 * @iommu:	an IOMMU translates for the device: it reaches all memory
 * @bounce_all:	where the device can reach is not told by physical addresses
 * @reaches_all: no page is out of reach
 * @mapping_copies: the DMA API itself copies or cleans caches, when it maps and
 *		unmaps, so memory must not be mapped before it is what it is to be
 * @max_mapping: bytes that follow each other and can be mapped as one piece,
 *		whole pages: less than all where the DMA API copies
 * @memory_wc:	device memory is reserved for write-combining
 * @irq_type:	kind of interrupt, one of PCI_IRQ_MSIX, _MSI, _INTX
 * @address_mask: highest bus address that the device can issue
 * @bounce:	memory the device can reach, for pages that it cannot
 * @engine:	what executes descriptors, with its limits
 * @channels:	the engine's queues, the first engine.channels of them
 * @next_channel: which the next file gets
 * @copy_wq:	copies what was bounced to user memory, which waits for nobody
 * @dirty_wq:	dirties pages, which waits for whoever has their locks
 * @files:	open files, of struct edudma_file.node
 * @files_lock:	protects @files and what they have mapped; inside @gate
 * @stats:	counters
 *
 * Lifetime: @dev counts the references.  The binding holds one from probe to
 * remove; each open file holds one through its inode's cdev, whose kobject has
 * @dev as parent.  The last to go frees the structure, so a file outlives the
 * hardware, and nobody else needs a reference: a request whose process was
 * killed lives only until the engine is done with it, and remove waits for
 * that before it lets go of the hardware.
 *
 * An open cannot race with remove: the node goes after @gone is set, and open
 * looks at @gone under @gate.
 */
struct edudma_device {
	struct device dev;
	struct cdev cdev;
	int id;
	struct pci_dev *pdev;
	struct rw_semaphore gate;
	bool gone;
	wait_queue_head_t poll_wait;
	bool iommu;
	bool bounce_all;
	bool reaches_all;
	bool mapping_copies;
	unsigned int max_mapping;
	bool memory_wc;
	unsigned int irq_type;
	u64 address_mask;
	struct edudma_bounce bounce;
	struct edudma_engine engine;
	struct edudma_channel channels[EDUDMA_MAX_CHANNELS];
	atomic_t next_channel;
	struct workqueue_struct *copy_wq;
	struct workqueue_struct *dirty_wq;
	struct list_head files;
	struct mutex files_lock; /* see above */
	struct edudma_stats stats;
};

/**
 * struct edudma_file - an open file
 * @edev:	its device
 * @channel:	where its requests run, all of them in order
 * @queue:	its requests that wait for a turn; channel lock
 * @node:	in edudma_device.files
 * @file:	the same, for the kernel
 * @mapped:	has, or had, mappings, so keeps the device awake; files_lock
 */
struct edudma_file {
	struct edudma_device *edev;
	struct edudma_channel *channel;
	struct edudma_queue queue;
	struct list_head node;
	struct file *file;
	bool mapped;
};

/* Watchdogs of all devices; pci.c. */
extern struct workqueue_struct *edudma_wq;

static inline void edudma_count(atomic64_t *counter, u64 n)
{
	atomic64_add(n, counter);
}

/* Pages of user memory that one chunk may pin. */
unsigned int edudma_chunk_pages(const struct edudma_device *edev);

/* pci.c: power. */
int edudma_device_wake(struct edudma_device *edev);
void edudma_device_let_sleep(struct edudma_device *edev);

/* chardev.c: the node.  May sleep. */
int edudma_chardev_init(void);
void edudma_chardev_exit(void);
struct edudma_device *edudma_device_alloc(struct pci_dev *pdev);
int edudma_device_publish(struct edudma_device *edev);
void edudma_device_retire(struct edudma_device *edev);
void edudma_device_unpublish(struct edudma_device *edev);
bool edudma_device_gone(struct edudma_device *edev);

/* ioctl.c; process context, may sleep. */
long edudma_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* sysfs.c */
extern const struct attribute_group *edudma_groups[];

#endif /* EDUDMA_DEVICE_H */
