// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node: a file of the size of the window.
 */
#include <linux/bvec.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "compat.h"
#include "edudma_device.h"
#include "entry.h"
#include "registered.h"
#include "request.h"

#define EDUDMA_MINORS	(MINORMASK + 1)

static dev_t edudma_devt;
static DEFINE_IDA(edudma_ida);

static struct class edudma_class = {
	.name = "edudma",
};

static int edudma_open(struct inode *inode, struct file *file)
{
	struct edudma_device *edev = container_of(inode->i_cdev,
						  struct edudma_device, cdev);
	struct edudma_file *efile;
	int ret;

	if (edudma_unplugged(edev))
		return -ENODEV;

	efile = kzalloc(sizeof(*efile), GFP_KERNEL_ACCOUNT);
	if (!efile)
		return -ENOMEM;

	efile->edev = edev;
	mutex_init(&efile->flush_lock);
	init_waitqueue_head(&efile->flushed);
	efile->channel = (u32)atomic_inc_return(&edev->next_channel) %
			 edudma_request_channels(&edev->engine);
	ret = edudma_queue_attach(&edev->queues[efile->channel], &efile->share,
				  from_kuid(&init_user_ns, file->f_cred->euid));
	if (ret) {
		kfree(efile);
		return ret;
	}
	edudma_grant_init(&efile->standing, &edev->queues[efile->channel], &efile->share);
	xa_init_flags(&efile->buffers, XA_FLAGS_ALLOC1);
	edudma_memory_open(efile, file);
	file->private_data = efile;
	/* Transfers go to and from user memory in any case, and nobody has to wait. */
	file->f_mode |= FMODE_CAN_ODIRECT | FMODE_NOWAIT;

	return 0;
}

/*
 * Nobody can be in a call on this file any more, so none of its requests waits.
 * What a killed process left running goes on without the file.
 */
static int edudma_release(struct inode *inode, struct file *file)
{
	struct edudma_file *efile = file->private_data;

	edudma_memory_release(efile);
	edudma_registered_remove_all(&efile->buffers);
	edudma_queue_detach(&efile->edev->queues[efile->channel], &efile->share);
	kfree(efile);

	return 0;
}

/* Turns the first bytes of an iterator into segments of the window. */
static struct edudma_request *
edudma_request_from_iter(struct edudma_file *efile, const struct iov_iter *from,
			 u64 offset, size_t len, enum edudma_direction direction)
{
	struct iov_iter iter = *from;
	struct edudma_request *req;
	unsigned int n = 0;

	req = edudma_request_alloc(efile, iter_is_iovec(&iter) ? iter.nr_segs : 1,
				   0);
	if (!req)
		return NULL;

	iov_iter_truncate(&iter, len);
	if (iov_iter_is_bvec(&iter)) {
		/* Its pages count; where they are is not known by an address. */
		req->segments[n++] = (struct edudma_segment) {
			.addr = offset_in_page(iter.bvec->bv_offset + iter.iov_offset),
			.len = len,
			.offset = offset,
			.direction = direction,
		};
		req->len = len;
		req->nr_segments = n;
		edudma_request_borrow(req, &iter);
		return req;
	}
	while (iov_iter_count(&iter)) {
		size_t part = iov_iter_single_seg_count(&iter);

		if (part) {
			req->segments[n++] = (struct edudma_segment) {
				.addr = (unsigned long)iter_iov_addr(&iter),
				.len = part,
				.offset = offset + req->len,
				.direction = direction,
			};
			req->len += part;
		}
		iov_iter_advance(&iter, part);
	}
	req->nr_segments = n;

	return req;
}

static void edudma_iocb_complete(void *owner, u64 bytes, int error)
{
	struct kiocb *iocb = owner;

	iocb->ki_pos += bytes;
	edudma_kiocb_complete(iocb, bytes ?: error);
}

/* Common to reading and writing: len bytes between the iterator and the file. */
static ssize_t edudma_rw_iter(struct kiocb *iocb, struct iov_iter *iter,
			      size_t len, enum edudma_direction direction)
{
	struct edudma_file *efile = iocb->ki_filp->private_data;
	struct edudma_result result;
	struct edudma_request *req;
	int ret;

	/* Memory that has no pages (kernel_read, splice before 6.5) cannot be kept. */
	if (!user_backed_iter(iter) && !iov_iter_is_bvec(iter))
		return -EINVAL;
	/* Who waits for it would wait for the hardware. */
	if (is_sync_kiocb(iocb) && iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;

	req = edudma_request_from_iter(efile, iter, iocb->ki_pos, len,
				       direction);
	if (!req)
		return -ENOMEM;

	if (!is_sync_kiocb(iocb)) {
		ret = edudma_request_start(req, efile, iocb->ki_flags & IOCB_HIPRI,
					   edudma_iocb_complete, iocb);
		if (ret != -EAGAIN || iocb->ki_flags & IOCB_NOWAIT) {
			edudma_request_put(req);
			return ret;
		}
	}

	edudma_request_run(req, efile, &result);
	edudma_request_put(req);
	if (!result.bytes)
		return result.error;

	iov_iter_advance(iter, result.bytes);
	iocb->ki_pos += result.bytes;

	return result.bytes;
}

static ssize_t edudma_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct edudma_file *efile = iocb->ki_filp->private_data;
	u64 window = efile->edev->engine.window_bytes;

	if (edudma_unplugged(efile->edev))
		return -ENODEV;
	if (!iov_iter_count(to) || iocb->ki_pos >= window)
		return 0;

	return edudma_rw_iter(iocb, to,
			      min_t(u64, iov_iter_count(to), window - iocb->ki_pos),
			      EDUDMA_FROM_DEVICE);
}

static ssize_t edudma_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct edudma_file *efile = iocb->ki_filp->private_data;
	u64 window = efile->edev->engine.window_bytes;

	if (edudma_unplugged(efile->edev))
		return -ENODEV;
	if (!iov_iter_count(from))
		return 0;
	if (iocb->ki_pos >= window)
		return -ENOSPC;

	return edudma_rw_iter(iocb, from,
			      min_t(u64, iov_iter_count(from), window - iocb->ki_pos),
			      EDUDMA_TO_DEVICE);
}

#if EDUDMA_HAS_URING_CMD
/* For rings of io_uring that are polled. */
static int edudma_iopoll(struct kiocb *iocb, struct io_comp_batch *iob, unsigned int flags)
{
	struct edudma_file *efile = iocb->ki_filp->private_data;

	return edudma_queue_poll(efile->standing.queue);
}
#endif

static loff_t edudma_llseek(struct file *file, loff_t offset, int whence)
{
	struct edudma_file *efile = file->private_data;

	if (edudma_unplugged(efile->edev))
		return -ENODEV;

	return fixed_size_llseek(file, offset, whence,
				 efile->edev->engine.window_bytes);
}

/* fsync() and fdatasync(): nothing is buffered, but requests may be queued. */
static int edudma_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct edudma_file *efile = file->private_data;

	if (edudma_unplugged(efile->edev))
		return -ENODEV;

	return edudma_file_flush(efile);
}

/*
 * Transfers always make progress.  What does not is a request that may not wait and
 * finds no room: it can be submitted when some others have ended.  What finds none
 * though there are no others never will, and is not waited for.
 */
static __poll_t edudma_poll(struct file *file, poll_table *wait)
{
	struct edudma_file *efile = file->private_data;

	poll_wait(file, &efile->edev->poll_wait, wait);
	if (edudma_unplugged(efile->edev))
		return EPOLLHUP | EPOLLERR;

	if (!edudma_grant_may_post(&efile->standing))
		return 0;

	return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
}

static const struct file_operations edudma_fops = {
	.owner = THIS_MODULE,
	.open = edudma_open,
	.release = edudma_release,
	.llseek = edudma_llseek,
	.read_iter = edudma_read_iter,
	.write_iter = edudma_write_iter,
	.fsync = edudma_fsync,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.poll = edudma_poll,
	.mmap = edudma_mmap,
	.unlocked_ioctl = edudma_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
#if EDUDMA_HAS_URING_CMD
	.iopoll = edudma_iopoll,
	.uring_cmd = edudma_uring_cmd,
	.uring_cmd_iopoll = edudma_uring_cmd_iopoll,
#endif
};

static void edudma_device_free(struct device *dev)
{
	struct edudma_device *edev = container_of(dev, struct edudma_device, dev);
	unsigned int i;

	for (i = 0; i < EDUDMA_MAX_CHANNELS; i++)
		edudma_spares_free(&edev->spares[i]);
	edudma_bounce_exit(&edev->dma.bounce);
	ida_free(&edudma_ida, edev->id);
	kfree(edev);
}

/**
 * edudma_device_alloc() - make the structure for a device
 * @pdev:	the PCI device, parent of the class device
 *
 * Context: May sleep.
 * Return: the device with one reference for put_device(), not visible yet; or
 * an error pointer.
 */
struct edudma_device *edudma_device_alloc(struct pci_dev *pdev)
{
	struct edudma_device *edev;
	unsigned int i;
	int id;

	edev = kzalloc(sizeof(*edev), GFP_KERNEL);
	if (!edev)
		return ERR_PTR(-ENOMEM);

	id = ida_alloc_max(&edudma_ida, EDUDMA_MINORS - 1, GFP_KERNEL);
	if (id < 0) {
		kfree(edev);
		return ERR_PTR(id);
	}

	edev->id = id;
	edev->pdev = pdev;
	for (i = 0; i < EDUDMA_MAX_CHANNELS; i++)
		edudma_spares_init(&edev->spares[i]);
	init_rwsem(&edev->unplug_rwsem);
	init_waitqueue_head(&edev->poll_wait);

	device_initialize(&edev->dev);
	edev->dev.class = &edudma_class;
	edev->dev.parent = &pdev->dev;
	edev->dev.devt = MKDEV(MAJOR(edudma_devt), id);
	edev->dev.groups = edudma_groups;
	edev->dev.release = edudma_device_free;

	cdev_init(&edev->cdev, &edudma_fops);
	edev->cdev.owner = THIS_MODULE;

	id = dev_set_name(&edev->dev, "edudma%d", edev->id);
	if (id) {
		put_device(&edev->dev);
		return ERR_PTR(id);
	}

	return edev;
}

/**
 * edudma_device_register() - make the node appear
 * @edev:	the device, ready for requests
 *
 * Context: May sleep.
 * Return: 0 or -errno.
 */
int edudma_device_register(struct edudma_device *edev)
{
	return cdev_device_add(&edev->cdev, &edev->dev);
}

/**
 * edudma_device_unregister() - make the node disappear
 * @edev:	the device, unplugged
 *
 * Context: May sleep.
 */
void edudma_device_unregister(struct edudma_device *edev)
{
	cdev_device_del(&edev->cdev, &edev->dev);
}

/** edudma_chardev_init() - register the class and the numbers.  May sleep. */
int edudma_chardev_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&edudma_devt, 0, EDUDMA_MINORS, "edudma");
	if (ret)
		return ret;

	ret = class_register(&edudma_class);
	if (ret)
		unregister_chrdev_region(edudma_devt, EDUDMA_MINORS);

	return ret;
}

/** edudma_chardev_exit() - undo edudma_chardev_init().  May sleep. */
void edudma_chardev_exit(void)
{
	class_unregister(&edudma_class);
	unregister_chrdev_region(edudma_devt, EDUDMA_MINORS);
	ida_destroy(&edudma_ida);
}
