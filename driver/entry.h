/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the node's operations do, beyond reading and writing.
 */
#ifndef EDUDMA_ENTRY_H
#define EDUDMA_ENTRY_H

#include <linux/minmax.h>
#include <linux/types.h>
#include <linux/uaccess.h>

struct edudma_device;
struct edudma_file;
struct edudma_request;
struct file;
struct io_comp_batch;
struct io_uring_cmd;
struct vm_area_struct;

/**
 * edudma_copy_to_user() - copy a struct to a caller that may know a shorter or a longer one
 * @arg:	user address
 * @usize:	bytes that the caller knows
 * @src:	the struct
 * @ksize:	bytes of it
 *
 * Context: Process, may sleep.
 * Return: 0 or -EFAULT.
 */
static inline int edudma_copy_to_user(void __user *arg, size_t usize, const void *src,
				      size_t ksize)
{
	size_t size = min(usize, ksize);

	if (copy_to_user(arg, src, size))
		return -EFAULT;
	if (usize > size && clear_user(arg + size, usize - size))
		return -EFAULT;

	return 0;
}

/* ioctl.c; process context, may sleep. */
long edudma_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
struct edudma_request *edudma_request_from_user(struct file *file, u64 segments,
						u32 nr_segments, u32 flags);

/* stream_file.c; process context, may sleep. */
long edudma_ioctl_stream_create(struct file *file, void __user *arg, size_t usize);

/* uring.c; process context, may sleep if io_uring says so. */
int edudma_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
int edudma_uring_cmd_iopoll(struct io_uring_cmd *cmd, struct io_comp_batch *iob,
			    unsigned int flags);

/* mmap.c: the device's memory as the processor sees it. */
void edudma_memory_init(struct edudma_device *edev);
void edudma_memory_exit(struct edudma_device *edev);
void edudma_memory_revoke(struct edudma_device *edev);
void edudma_memory_unplug(struct edudma_device *edev);
void edudma_memory_open(struct edudma_file *efile, struct file *file);
void edudma_memory_release(struct edudma_file *efile);
int edudma_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* EDUDMA_ENTRY_H */
