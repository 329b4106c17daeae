// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of a stream.
 */
#include <linux/anon_inodes.h>
#include <linux/build_bug.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "edudma_device.h"
#include "entry.h"
#include "stream.h"

static_assert(sizeof(struct edudma_stream_slot) == 24);
static_assert(sizeof(struct edudma_stream_create) == 64);
static_assert(offsetof(struct edudma_stream_create, fd) == 40);
static_assert(offsetof(struct edudma_stream_create, map_bytes) == 56);
static_assert(sizeof(struct edudma_stream_rings) == 128);
static_assert(offsetof(struct edudma_stream_rings, fill_head) == 64);
static_assert(sizeof(struct edudma_stream_fill) == 8);
static_assert(sizeof(struct edudma_stream_frame) == 48);
static_assert(sizeof(struct edudma_stream_status) == 64);
static_assert(sizeof(struct edudma_frame_header) == 32);

/* Size of each argument when it was first published: the least to accept. */
#define EDUDMA_STREAM_CREATE_SIZE_VER0	64
#define EDUDMA_STREAM_STATUS_SIZE_VER0	64

#define EDUDMA_MIN_FRAME	64U
/* The time between two frames is at most so many seconds. */
#define EDUDMA_MAX_FRAME_SECONDS	3600U

/**
 * struct edudma_stream_file - an open stream
 * @stream:	the stream, a reference
 * @node:	the file of the node that it was made with, a reference: it keeps the
 *		module and, with the device, all that the stream needs
 */
struct edudma_stream_file {
	struct edudma_stream *stream;
	struct file *node;
};

static int edudma_stream_release(struct inode *inode, struct file *file)
{
	struct edudma_stream_file *sfile = file->private_data;

	edudma_stream_stop(sfile->stream);
	edudma_stream_put(sfile->stream);
	fput(sfile->node);
	kfree(sfile);

	return 0;
}

static int edudma_stream_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct edudma_stream_file *sfile = file->private_data;

	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;

	return remap_vmalloc_range(vma, sfile->stream->rings, vma->vm_pgoff);
}

/* Who is about to sleep has given what it could. */
static __poll_t edudma_stream_poll(struct file *file, poll_table *wait)
{
	struct edudma_stream_file *sfile = file->private_data;
	struct edudma_stream *stream = sfile->stream;
	__poll_t mask = 0;

	poll_wait(file, &stream->wait, wait);
	edudma_stream_kick(stream);
	if (edudma_stream_has_frames(stream))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(stream->state) == EDUDMA_STREAM_ENDED)
		mask |= EPOLLHUP;

	return mask;
}

static long edudma_ioctl_stream_status(struct edudma_stream *stream, void __user *arg,
				       size_t usize)
{
	struct edudma_stream_status status;

	if (usize < EDUDMA_STREAM_STATUS_SIZE_VER0)
		return -EINVAL;
	edudma_stream_status(stream, &status);

	return edudma_copy_to_user(arg, usize, &status, sizeof(status));
}

static long edudma_stream_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edudma_stream_file *sfile = file->private_data;
	struct edudma_stream *stream = sfile->stream;

	switch (cmd & ~IOCSIZE_MASK) {
	case EDUDMA_IOC_STREAM_START:
		return edudma_stream_start(stream);
	case EDUDMA_IOC_STREAM_STOP:
		edudma_stream_stop(stream);
		return 0;
	case EDUDMA_IOC_STREAM_KICK:
		edudma_stream_kick(stream);
		return 0;
	case EDUDMA_IOC_STREAM_STATUS & ~IOCSIZE_MASK:
		return edudma_ioctl_stream_status(stream, (void __user *)arg, _IOC_SIZE(cmd));
	default:
		return -ENOTTY;
	}
}

static const struct file_operations edudma_stream_fops = {
	.owner = THIS_MODULE,
	.release = edudma_stream_release,
	.poll = edudma_stream_poll,
	.mmap = edudma_stream_mmap,
	.unlocked_ioctl = edudma_stream_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int edudma_stream_check(const struct edudma_stream_create *arg,
			       const struct edudma_engine *engine)
{
	bool source = arg->direction == EDUDMA_FROM_DEVICE;

	if (arg->direction > EDUDMA_FROM_DEVICE || arg->pattern > EDUDMA_PATTERN_RAMP ||
	    arg->policy > (source ? EDUDMA_STREAM_END : 0) ||
	    arg->flags & ~(source ? EDUDMA_STREAM_HEADER : 0))
		return -EINVAL;
	if (!arg->nr_slots || arg->nr_slots > EDUDMA_STREAM_MAX_SLOTS ||
	    arg->frame_bytes < EDUDMA_MIN_FRAME ||
	    arg->frame_bytes > engine->max_frame_bytes)
		return -EINVAL;
	if (arg->rate && div64_u64(arg->frame_bytes, arg->rate) >= EDUDMA_MAX_FRAME_SECONDS)
		return -EINVAL;

	return 0;
}

/* The stream's slots are those of an array of the user's. */
static int edudma_stream_copy_slots(struct edudma_stream *stream, struct xarray *buffers,
				    u64 addr)
{
	size_t bytes = array_size(stream->nr_slots, sizeof(struct edudma_stream_slot));
	struct edudma_stream_slot *slots;
	int ret;

	if (addr != (unsigned long)addr)
		return -EFAULT;
	slots = vmemdup_user((void __user *)(unsigned long)addr, bytes);
	if (IS_ERR(slots))
		return PTR_ERR(slots);
	ret = edudma_stream_add_slots(stream, buffers, slots);
	kvfree(slots);

	return ret;
}

static struct edudma_stream *edudma_stream_create(struct edudma_file *efile,
						  const struct edudma_stream_create *arg)
{
	struct edudma_stream_setup setup = {
		.source = arg->direction == EDUDMA_FROM_DEVICE,
		.header = arg->flags & EDUDMA_STREAM_HEADER,
		.pattern = arg->pattern,
		.policy = arg->policy,
		.frame_bytes = arg->frame_bytes,
		.rate = arg->rate,
	};
	struct edudma_stream *stream;
	int ret;

	stream = edudma_stream_alloc(efile->edev, &setup, arg->nr_slots);
	if (!stream)
		return ERR_PTR(-ENOMEM);
	ret = edudma_stream_copy_slots(stream, &efile->buffers, arg->slots);
	if (ret) {
		edudma_stream_put(stream);
		return ERR_PTR(ret);
	}

	return stream;
}

/* Gives the stream, and a reference to the node's file, to a file that is new. */
static struct file *edudma_stream_open(struct edudma_stream *stream, struct file *node)
{
	struct edudma_stream_file *sfile;
	struct file *file;

	sfile = kzalloc(sizeof(*sfile), GFP_KERNEL_ACCOUNT);
	if (!sfile)
		return ERR_PTR(-ENOMEM);
	file = anon_inode_getfile("[edudma-stream]", &edudma_stream_fops, sfile, O_RDWR);
	if (IS_ERR(file)) {
		kfree(sfile);
		return file;
	}
	sfile->stream = stream;
	sfile->node = get_file(node);

	return file;
}

/**
 * edudma_ioctl_stream_create() - EDUDMA_IOC_STREAM_CREATE
 * @node:	the open file
 * @arg:	user address of the struct
 * @usize:	its size, as the caller knows it
 *
 * Context: Process, may sleep.
 * Return: 0 or -errno, see docs/uapi.md.
 */
long edudma_ioctl_stream_create(struct file *node, void __user *arg, size_t usize)
{
	struct edudma_file *efile = node->private_data;
	struct edudma_stream_create create;
	struct edudma_stream *stream;
	struct file *file;
	int fd, ret;

	if (usize < EDUDMA_STREAM_CREATE_SIZE_VER0)
		return -EINVAL;
	ret = copy_struct_from_user(&create, sizeof(create), arg, usize);
	if (ret)
		return ret;
	if (!efile->edev->engine.streams)
		return -EOPNOTSUPP;
	ret = edudma_stream_check(&create, &efile->edev->engine);
	if (ret)
		return ret;
	if (!(node->f_mode & (create.direction == EDUDMA_FROM_DEVICE ? FMODE_READ : FMODE_WRITE)))
		return -EBADF;
	if (edudma_unplugged(efile->edev))
		return -ENODEV;

	stream = edudma_stream_create(efile, &create);
	if (IS_ERR(stream))
		return PTR_ERR(stream);
	file = edudma_stream_open(stream, node);
	if (IS_ERR(file)) {
		edudma_stream_put(stream);
		return PTR_ERR(file);
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		fput(file);
		return fd;
	}

	create.fd = fd;
	create.ring_entries = stream->entries;
	create.fill_offset = (void *)stream->fill - (void *)stream->rings;
	create.frame_offset = (void *)stream->frames - (void *)stream->rings;
	create.map_bytes = stream->map_bytes;
	ret = edudma_copy_to_user(arg, min(usize, sizeof(create)), &create, sizeof(create));
	if (ret) {
		put_unused_fd(fd);
		fput(file);
		return ret;
	}
	fd_install(fd, file);

	return 0;
}
