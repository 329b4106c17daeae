/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the node's operations do, beyond reading and writing.
 */
#ifndef EDUDMA_ENTRY_H
#define EDUDMA_ENTRY_H

struct edudma_device;
struct edudma_file;
struct file;
struct vm_area_struct;

/* ioctl.c; process context, may sleep. */
long edudma_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* mmap.c: the device's memory as the processor sees it. */
void edudma_memory_init(struct edudma_device *edev);
void edudma_memory_exit(struct edudma_device *edev);
void edudma_memory_revoke(struct edudma_device *edev);
void edudma_memory_unplug(struct edudma_device *edev);
void edudma_memory_open(struct edudma_file *efile, struct file *file);
void edudma_memory_release(struct edudma_file *efile);
int edudma_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* EDUDMA_ENTRY_H */
