/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One device and all that belongs to it.
 */
#ifndef EDUDMA_DEVICE_H
#define EDUDMA_DEVICE_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "buffer.h"
#include "engine.h"
#include "queue.h"
#include "stats.h"
#include "window.h"

struct attribute_group;
struct edudma_request;
struct file;
struct pci_dev;

/* Of a channel, kept; none where it is watched who uses memory that was freed. */
#define EDUDMA_SPARE_REQUESTS	(IS_ENABLED(CONFIG_KASAN) ? 0U : 64U)

/**
 * struct edudma_spares - memory of requests that have ended, for those that come
 * @lock:	protects everything here; irq-safe
 * @first:	the last that came in
 * @count:	of them, at most EDUDMA_SPARE_REQUESTS
 */
struct edudma_spares {
	spinlock_t lock; /* see above */
	struct edudma_request *first;
	unsigned int count;
};

/**
 * struct edudma_device - a bound device, or what open files keep of one
 * @dev:	the class device
 * @cdev:	the character device, child of @dev
 * @id:		the N of edudmaN
 * @pdev:	the PCI device; valid under @unplug_rwsem while not @unplugged
 * @unplug_rwsem: held for reading around every use of @pdev for DMA mapping and
 *		around insertion into user mappings; for writing to set @unplugged,
 *		and while the function is reset.  Never held while user memory is
 *		touched, so that an unbind does not wait for a page fault.
 * @unplugged:	the hardware is not ours any more; set under @unplug_rwsem, read
 *		without where no hardware is touched
 * @poll_wait:	woken when @unplugged is set, and when there is room for asynchronous
 *		requests again
 * @awake:	users that need the device to be awake
 * @memory_wc:	device memory is reserved for write-combining
 * @irq_type:	kind of interrupt, one of PCI_IRQ_MSIX, _MSI, _INTX
 * @engine:	what executes descriptors, with its limits
 * @dma:	what the device can address
 * @window:	who may use the window
 * @queues:	one for each of engine.channels
 * @copyback:	one for each of engine.channels
 * @spares:	one for each of engine.channels
 * @next_channel: which channel the next file gets
 * @streaming:	channels that a stream has taken, a bit for each
 * @reset:	resets the function of a device that recovery could not stop
 * @files:	open files, of struct edudma_file.node, those of an inode together
 * @files_lock:	protects @files and what they have mapped; inside @unplug_rwsem
 * @stats:	counters
 *
 * Lifetime: @dev counts the references.  The binding holds one from probe to
 * remove; each open file holds one through its inode's cdev, whose kobject has
 * @dev as parent; each request holds one, as it may outlive both where pages wait
 * to be dirtied.  The last to go frees the structure.
 *
 * An open cannot race with remove: the node goes after @unplugged is set, and open
 * reads @unplugged.
 */
struct edudma_device {
	struct device dev;
	struct cdev cdev;
	int id;
	struct pci_dev *pdev;
	struct rw_semaphore unplug_rwsem;
	bool unplugged;
	wait_queue_head_t poll_wait;
	atomic_t awake;
	bool memory_wc;
	unsigned int irq_type;
	struct edudma_engine engine;
	struct edudma_dma dma;
	struct edudma_window window;
	struct edudma_queue queues[EDUDMA_MAX_CHANNELS];
	struct edudma_copyback copyback[EDUDMA_MAX_CHANNELS];
	struct edudma_spares spares[EDUDMA_MAX_CHANNELS];
	atomic_t next_channel;
	unsigned long streaming;
	struct work_struct reset;
	struct list_head files;
	struct mutex files_lock; /* see above */
	struct edudma_stats stats;
};

/**
 * struct edudma_file - an open file
 * @edev:	its device
 * @channel:	where its requests run, all of them in order
 * @share:	its part in the queue of @channel
 * @standing:	the grant of its asynchronous requests
 * @buffers:	registered, by their numbers
 * @node:	in edudma_device.files
 * @file:	the same, for the kernel
 * @mapped:	has, or had, mappings, so keeps the device awake; files_lock
 * @active:	calls that move data, by the phase in which they began
 * @phase:	the one that begins now, 0 or 1
 * @flush_lock:	serialises changes of @phase
 * @flushed:	woken when one of @active becomes 0
 */
struct edudma_file {
	struct edudma_device *edev;
	unsigned int channel;
	struct edudma_share share;
	struct edudma_grant standing;
	struct xarray buffers;
	struct list_head node;
	struct file *file;
	bool mapped;
	atomic_t active[2];
	unsigned int phase;
	struct mutex flush_lock; /* see above */
	wait_queue_head_t flushed;
};

/**
 * edudma_file_end_call() - a call that moves data is over
 * @efile:	the file it came through, which may be closed then
 * @active:	what counts it
 *
 * Context: Any.
 */
static inline void edudma_file_end_call(struct edudma_file *efile, atomic_t *active)
{
	if (atomic_dec_and_test(active) && wq_has_sleeper(&efile->flushed))
		wake_up(&efile->flushed);
}

/**
 * edudma_unplugged() - was the hardware taken away
 * @edev:	the device
 *
 * Context: Any.
 * Return: the answer, which can be out of date on return, unless it is yes.
 */
static inline bool edudma_unplugged(const struct edudma_device *edev)
{
	return READ_ONCE(edev->unplugged);
}

/* chardev.c: the node.  May sleep. */
int edudma_chardev_init(void);
void edudma_chardev_exit(void);
struct edudma_device *edudma_device_alloc(struct pci_dev *pdev);
int edudma_device_register(struct edudma_device *edev);
void edudma_device_unregister(struct edudma_device *edev);

/* sysfs.c */
extern const struct attribute_group *edudma_groups[];

#endif /* EDUDMA_DEVICE_H */
