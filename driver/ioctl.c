// SPDX-License-Identifier: GPL-2.0-only
/*
 * EDUDMA_IOC_*: checks what user space passes in, and reports what was done.
 */
#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "edudma_device.h"
#include "entry.h"
#include "params.h"
#include "registered.h"
#include "request.h"
#include "vector.h"

/* The uapi's layout, for 32- and 64-bit callers alike. */
static_assert(sizeof(struct edudma_segment) == 32);
static_assert(offsetof(struct edudma_segment, direction) == 24);
static_assert(sizeof(struct edudma_transfer) == 32);
static_assert(offsetof(struct edudma_transfer, bytes_done) == 16);
static_assert(offsetof(struct edudma_transfer, error) == 28);
static_assert(offsetof(struct edudma_segment, buffer) == 28);
static_assert(sizeof(struct edudma_info) == 72);
static_assert(offsetof(struct edudma_info, chunk_bytes) == 40);
static_assert(sizeof(struct edudma_buffer_register) == 32);
static_assert(offsetof(struct edudma_buffer_register, buffer) == 28);
static_assert(sizeof(struct edudma_buffer_unregister) == 8);
static_assert(sizeof(struct edudma_uring_cmd) == 16);
static_assert(offsetof(struct edudma_uring_cmd, flags) == 12);

/* Size of each argument when it was first published: the least to accept. */
#define EDUDMA_TRANSFER_SIZE_VER0	32
#define EDUDMA_INFO_SIZE_VER0		72
#define EDUDMA_BUFFER_REGISTER_SIZE_VER0	32
#define EDUDMA_BUFFER_UNREGISTER_SIZE_VER0	8

static u32 edudma_uring_capabilities(const struct edudma_engine *engine)
{
	if (!EDUDMA_HAS_URING_CMD)
		return 0;

	return EDUDMA_CAP_URING_CMD |
	       (engine->ops->kind == EDUDMA_ENGINE_RING ? EDUDMA_CAP_IOPOLL : 0);
}

static long edudma_ioctl_info(struct edudma_device *edev, void __user *arg,
			      size_t usize)
{
	const struct edudma_engine *engine = &edev->engine;
	struct edudma_info info = {
		.abi_version = EDUDMA_ABI_VERSION,
		.engine = engine->ops->kind,
		.window_bytes = engine->window_bytes,
		.max_transfer_bytes = EDUDMA_MAX_TRANSFER,
		.max_segments = EDUDMA_MAX_SEGMENTS,
		.address_bits = fls64(edev->dma.address_mask),
		.channels = edudma_request_channels(engine),
		.capabilities = (edev->dma.iommu ? EDUDMA_CAP_IOMMU : 0) |
				(edev->irq_type != PCI_IRQ_INTX ? EDUDMA_CAP_MSI : 0) |
				(engine->memory_bar >= 0 ? EDUDMA_CAP_MMAP : 0) |
				(edev->dma.needs_sync ? 0 : EDUDMA_CAP_BUFFERS) |
				(engine->streams ? EDUDMA_CAP_STREAMS : 0) |
				edudma_uring_capabilities(engine),
		.chunk_bytes = (u64)edudma_chunk_pages(edev) << PAGE_SHIFT,
		.bounce_bytes = (u64)edev->dma.bounce.count << PAGE_SHIFT,
		.max_descriptor_bytes = engine->max_descriptor_bytes,
		.timeout_ms = READ_ONCE(edudma_timeout_ms),
		.max_buffers = EDUDMA_MAX_BUFFERS,
		.streams = engine->streams,
	};

	if (usize < EDUDMA_INFO_SIZE_VER0)
		return -EINVAL;

	return edudma_copy_to_user(arg, usize, &info, sizeof(info));
}

static int edudma_segments_from_user(struct edudma_request *req, u64 segments)
{
	const void __user *from = (void __user *)(unsigned long)segments;
	unsigned long left;

	if (segments != (unsigned long)segments)
		return -EFAULT;
	/* Most have one, and a size that the compiler knows is not checked at run time. */
	if (req->nr_segments == 1)
		left = copy_from_user(req->segments, from, sizeof(*req->segments));
	else
		left = copy_from_user(req->segments, from,
				      array_size(req->nr_segments,
						 sizeof(*req->segments)));

	return left ? -EFAULT : 0;
}

/**
 * edudma_request_from_user() - a request with a vector of the user's
 * @file:	the open file
 * @segments:	user address of the vector
 * @nr_segments: elements in it
 * @flags:	EDUDMA_TRANSFER_*
 *
 * Context: Process, may sleep.
 * Return: the request, or an error pointer with what was wrong.
 */
struct edudma_request *edudma_request_from_user(struct file *file, u64 segments,
						u32 nr_segments, u32 flags)
{
	struct edudma_file *efile = file->private_data;
	struct edudma_request *req;
	int ret;

	if (flags & ~(EDUDMA_TRANSFER_NO_BOUNCE | EDUDMA_TRANSFER_EXCLUSIVE))
		return ERR_PTR(-EINVAL);
	if (nr_segments > EDUDMA_MAX_SEGMENTS)
		return ERR_PTR(-EMSGSIZE);

	req = edudma_request_alloc(efile, nr_segments, flags);
	if (!req)
		return ERR_PTR(-ENOMEM);

	ret = edudma_segments_from_user(req, segments);
	if (ret)
		goto err_put;

	ret = edudma_vector_check(req->segments, req->nr_segments, file->f_mode,
				  efile->edev->engine.window_bytes, &req->len);
	if (ret)
		goto err_put;

	return req;

err_put:
	edudma_request_put(req);
	return ERR_PTR(ret);
}

static long edudma_ioctl_transfer(struct file *file, void __user *arg,
				  size_t usize)
{
	struct edudma_file *efile = file->private_data;
	struct edudma_transfer transfer;
	struct edudma_result result;
	struct edudma_request *req;
	int ret;

	if (usize < EDUDMA_TRANSFER_SIZE_VER0)
		return -EINVAL;
	ret = copy_struct_from_user(&transfer, sizeof(transfer), arg, usize);
	if (ret)
		return ret;

	req = edudma_request_from_user(file, transfer.segments, transfer.nr_segments,
				       transfer.flags);
	if (IS_ERR(req))
		return PTR_ERR(req);

	edudma_request_run(req, efile, &result);
	edudma_request_put(req);

	/*
	 * Also of an error: the call may have been restarted, and has left out fields
	 * of its own.  What is not restarted ends with EINTR, and must say that nothing
	 * was done.
	 */
	transfer.bytes_done = result.bytes;
	transfer.segments_done = result.segments;
	transfer.error = result.error == -ERESTARTSYS ? EINTR : -result.error;
	ret = edudma_copy_to_user(arg, min(usize, sizeof(transfer)), &transfer,
				  sizeof(transfer));

	return ret ?: result.error;
}

static long edudma_ioctl_buffer_register(struct edudma_file *efile, void __user *arg,
					 size_t usize)
{
	struct edudma_buffer_register reg;
	int ret;

	if (usize < EDUDMA_BUFFER_REGISTER_SIZE_VER0)
		return -EINVAL;
	ret = copy_struct_from_user(&reg, sizeof(reg), arg, usize);
	if (ret)
		return ret;
	if (reg.flags || reg.kind > EDUDMA_BUFFER_MEMFD ||
	    (reg.kind == EDUDMA_BUFFER_USER && reg.fd) ||
	    !reg.len || reg.len > EDUDMA_MAX_TRANSFER)
		return -EINVAL;
	if (reg.kind == EDUDMA_BUFFER_USER &&
	    (reg.addr != (unsigned long)reg.addr ||
	     !access_ok((void __user *)(unsigned long)reg.addr, reg.len)))
		return -EFAULT;
	if (edudma_unplugged(efile->edev))
		return -ENODEV;

	ret = edudma_registered_add(&efile->buffers, &efile->edev->dma, &reg, &reg.buffer);
	if (ret)
		return ret;
	ret = edudma_copy_to_user(arg, min(usize, sizeof(reg)), &reg, sizeof(reg));
	if (ret)
		edudma_registered_remove(&efile->buffers, reg.buffer);

	return ret;
}

static long edudma_ioctl_buffer_unregister(struct edudma_file *efile, void __user *arg,
					   size_t usize)
{
	struct edudma_buffer_unregister reg;
	int ret;

	if (usize < EDUDMA_BUFFER_UNREGISTER_SIZE_VER0)
		return -EINVAL;
	ret = copy_struct_from_user(&reg, sizeof(reg), arg, usize);
	if (ret)
		return ret;
	if (reg.reserved)
		return -EINVAL;

	return edudma_registered_remove(&efile->buffers, reg.buffer);
}

/**
 * edudma_ioctl() - dispatch by number, as the size belongs to the caller
 * @file:	the open file
 * @cmd:	EDUDMA_IOC_*, with the size of the caller's struct
 * @arg:	user address of the struct
 *
 * Context: Process, may sleep.
 * Return: 0 or -errno, see docs/uapi.md.
 */
long edudma_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edudma_file *efile = file->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd & ~IOCSIZE_MASK) {
	case EDUDMA_IOC_INFO & ~IOCSIZE_MASK:
		if (edudma_unplugged(efile->edev))
			return -ENODEV;
		return edudma_ioctl_info(efile->edev, uarg, _IOC_SIZE(cmd));
	case EDUDMA_IOC_TRANSFER & ~IOCSIZE_MASK:
		return edudma_ioctl_transfer(file, uarg, _IOC_SIZE(cmd));
	case EDUDMA_IOC_BUFFER_REGISTER & ~IOCSIZE_MASK:
		return edudma_ioctl_buffer_register(efile, uarg, _IOC_SIZE(cmd));
	case EDUDMA_IOC_BUFFER_UNREGISTER & ~IOCSIZE_MASK:
		return edudma_ioctl_buffer_unregister(efile, uarg, _IOC_SIZE(cmd));
	case EDUDMA_IOC_STREAM_CREATE & ~IOCSIZE_MASK:
		return edudma_ioctl_stream_create(file, uarg, _IOC_SIZE(cmd));
	default:
		return -ENOTTY;
	}
}
