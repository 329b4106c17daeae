// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of the device's memory: the window that DMA moves data to and from,
 * for programs that want to look at it, or write it, a word at a time.
 *
 * Pages are put into a mapping when they are touched, and all taken out when
 * the device goes: from then on whoever touches one gets SIGBUS.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include "compat.h"
#include "edudma_device.h"
#include "entry.h"
#include "power.h"

/**
 * edudma_memory_init() - take the BAR, if the engine has one
 * @edev:	the device, with its engine initialised
 *
 * A device whose memory is not available works, but for mmap().
 *
 * Context: May sleep.
 */
void edudma_memory_init(struct edudma_device *edev)
{
	struct pci_dev *pdev = edev->pdev;
	int bar = edev->engine.memory_bar;

	INIT_LIST_HEAD(&edev->files);
	mutex_init(&edev->files_lock);
	if (bar < 0)
		return;

	/* What cannot be mapped in pages without showing something else. */
	if (!PAGE_ALIGNED(edev->engine.window_bytes) ||
	    !PAGE_ALIGNED(pci_resource_start(pdev, bar)) ||
	    pci_request_region(pdev, bar, "edudma")) {
		dev_warn(&pdev->dev, "BAR %d is unaligned or taken: no mmap\n", bar);
		edev->engine.memory_bar = -1;
		return;
	}

	/* Without this x86 would have the mappings uncached; it may fail. */
	edev->memory_wc = !arch_io_reserve_memtype_wc(pci_resource_start(pdev, bar),
						      pci_resource_len(pdev, bar));
}

/** edudma_memory_exit() - undo edudma_memory_init().  May sleep. */
void edudma_memory_exit(struct edudma_device *edev)
{
	struct pci_dev *pdev = edev->pdev;
	int bar = edev->engine.memory_bar;

	if (bar < 0)
		return;

	if (edev->memory_wc)
		arch_io_free_memtype_wc(pci_resource_start(pdev, bar),
					pci_resource_len(pdev, bar));
	pci_release_region(pdev, bar);
}

/* A file has no mappings any more.  Under files_lock. */
static void edudma_memory_detach(struct edudma_file *efile)
{
	if (!efile->mapped)
		return;

	efile->mapped = false;
	edudma_pm_put(efile->edev);
}

/**
 * edudma_memory_revoke() - take every page out of every mapping
 * @edev:	the device; page faults are kept out by unplug_rwsem or by @unplugged
 *
 * Context: May sleep.
 */
void edudma_memory_revoke(struct edudma_device *edev)
{
	struct address_space *mapping = NULL;
	struct edudma_file *efile;

	mutex_lock(&edev->files_lock);
	list_for_each_entry(efile, &edev->files, node) {
		/* Files of an inode share its mappings, and are neighbours here. */
		if (!efile->mapped || efile->file->f_mapping == mapping)
			continue;
		mapping = efile->file->f_mapping;
		unmap_mapping_range(mapping, 0, 0, 1);
	}
	mutex_unlock(&edev->files_lock);
}

/**
 * edudma_memory_unplug() - take every mapping away for good
 * @edev:	the device, unplugged
 *
 * Context: May sleep.
 */
void edudma_memory_unplug(struct edudma_device *edev)
{
	struct edudma_file *efile;

	edudma_memory_revoke(edev);

	mutex_lock(&edev->files_lock);
	list_for_each_entry(efile, &edev->files, node)
		edudma_memory_detach(efile);
	mutex_unlock(&edev->files_lock);
}

/**
 * edudma_memory_open() - list a file
 * @efile:	the file
 * @file:	the same, for the kernel
 *
 * Each may have an inode of its own, and with it mappings of its own.
 *
 * Context: May sleep.
 */
void edudma_memory_open(struct edudma_file *efile, struct file *file)
{
	struct edudma_device *edev = efile->edev;
	struct list_head *before = &edev->files;
	struct edudma_file *other;

	efile->file = file;
	mutex_lock(&edev->files_lock);
	list_for_each_entry(other, &edev->files, node) {
		if (other->file->f_mapping == file->f_mapping) {
			before = &other->node;
			break;
		}
	}
	list_add(&efile->node, before);
	mutex_unlock(&edev->files_lock);
}

/**
 * edudma_memory_release() - drop a file from the list; it has no mappings any more
 * @efile:	the file
 *
 * Context: May sleep.
 */
void edudma_memory_release(struct edudma_file *efile)
{
	struct edudma_device *edev = efile->edev;

	mutex_lock(&edev->files_lock);
	list_del(&efile->node);
	edudma_memory_detach(efile);
	mutex_unlock(&edev->files_lock);
}

static vm_fault_t edudma_vm_fault(struct vm_fault *vmf)
{
	struct edudma_file *efile = vmf->vma->vm_private_data;
	struct edudma_device *edev = efile->edev;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	phys_addr_t start;

	down_read(&edev->unplug_rwsem);
	if (!edev->unplugged) {
		start = pci_resource_start(edev->pdev, edev->engine.memory_bar);
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     PHYS_PFN(start) + vmf->pgoff);
	}
	up_read(&edev->unplug_rwsem);

	return ret;
}

static const struct vm_operations_struct edudma_vm_ops = {
	.fault = edudma_vm_fault,
};

/* A file that has mappings keeps the device awake until it is closed. */
static int edudma_memory_map(struct edudma_file *efile)
{
	struct edudma_device *edev = efile->edev;
	int ret = 0;

	down_read(&edev->unplug_rwsem);
	mutex_lock(&edev->files_lock);
	if (edev->unplugged)
		ret = -ENODEV;
	else if (!efile->mapped)
		ret = edudma_pm_get(edev);
	efile->mapped |= !ret;
	mutex_unlock(&edev->files_lock);
	up_read(&edev->unplug_rwsem);

	return ret;
}

/**
 * edudma_mmap() - map device memory
 * @file:	the open file
 * @vma:	what is wanted: whole pages within the window
 *
 * Context: Process, may sleep.
 * Return: 0; -ENODEV if the device is gone or the processor cannot see its
 * memory, -ENXIO beyond the window, -EINVAL for a private mapping, -EIO if the
 * device does not wake.
 */
int edudma_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct edudma_file *efile = file->private_data;
	struct edudma_device *edev = efile->edev;
	u64 pages = edev->engine.window_bytes >> PAGE_SHIFT;
	int ret;

	if (edudma_unplugged(edev) || edev->engine.memory_bar < 0)
		return -ENODEV;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -ENXIO;
	/* There is no copy-on-write of device memory. */
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;

	ret = edudma_memory_map(efile);
	if (ret)
		return ret;

	vma->vm_ops = &edudma_vm_ops;
	vma->vm_private_data = efile;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);

	return 0;
}
