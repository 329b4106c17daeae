/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device's memory as the processor sees it, for mmap().
 */
#ifndef EDUDMA_MEMORY_H
#define EDUDMA_MEMORY_H

struct edudma_device;
struct edudma_file;
struct file;
struct vm_area_struct;

void edudma_memory_init(struct edudma_device *edev);
void edudma_memory_exit(struct edudma_device *edev);
void edudma_memory_zap(struct edudma_device *edev);
void edudma_memory_unmap(struct edudma_device *edev);

void edudma_memory_open(struct edudma_file *efile, struct file *file);
void edudma_memory_release(struct edudma_file *efile);
int edudma_mmap(struct file *file, struct vm_area_struct *vma);

#endif /* EDUDMA_MEMORY_H */
