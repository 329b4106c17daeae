// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binding to the PCI device, and letting go of it.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/pm_runtime.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "edudma_device.h"
#include "memory.h"
#include "params.h"

#define EDU_VENDOR_ID	0x1234
#define EDU_DEVICE_ID	0x11e8
#define EDU_BAR		0

/* Until an idle device is put to sleep, where user space allows that at all. */
#define EDUDMA_AUTOSUSPEND_MS	1000

struct workqueue_struct *edudma_wq;

/**
 * edudma_device_wake() - keep the device awake until edudma_device_let_sleep()
 * @edev:	the device
 *
 * Context: Process, under edudma_device.gate while not gone.  May sleep.
 * Return: 0, or -EIO if it does not wake.
 */
int edudma_device_wake(struct edudma_device *edev)
{
	return pm_runtime_resume_and_get(&edev->pdev->dev) < 0 ? -EIO : 0;
}

/**
 * edudma_device_let_sleep() - undo edudma_device_wake()
 * @edev:	the device, which edudma_remove() has not let go of yet
 *
 * Context: Any.
 */
void edudma_device_let_sleep(struct edudma_device *edev)
{
	struct device *dev = &edev->pdev->dev;

	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

/*
 * Finds out whether a mapping is more than an address: whether the DMA API
 * copies (a confidential guest, swiotlb=force, an untrusted device) or cleans
 * caches.  A part of a page shows more than a whole one.
 */
static int edudma_probe_mapping(struct edudma_device *edev)
{
	struct device *dev = &edev->pdev->dev;
	dma_addr_t addr;
	void *page;

	page = (void *)__get_free_page(GFP_KERNEL | GFP_DMA);
	if (!page) {
		dev_err(dev, "no page to try a DMA mapping with\n");
		return -ENOMEM;
	}

	addr = dma_map_single(dev, page + 1, 1, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, addr)) {
		edev->bounce_all = true;
	} else {
		edev->mapping_copies = dma_need_sync(dev, addr);
		dma_unmap_single(dev, addr, 1, DMA_TO_DEVICE);
	}
	free_page((unsigned long)page);

	return 0;
}

/*
 * Two, or enough chunks that wait for page locks would keep others from giving
 * back the bounce memory that everybody needs.
 */
static int edudma_init_workqueues(struct edudma_device *edev)
{
	edev->copy_wq = alloc_workqueue("edudma%d-copy", WQ_UNBOUND, 0, edev->id);
	if (!edev->copy_wq)
		goto err;
	edev->dirty_wq = alloc_workqueue("edudma%d-dirty", WQ_UNBOUND, 0, edev->id);
	if (!edev->dirty_wq)
		goto err_destroy_copy;

	return 0;

err_destroy_copy:
	destroy_workqueue(edev->copy_wq);
err:
	dev_err(&edev->pdev->dev, "no memory for workqueues\n");
	return -ENOMEM;
}

static void edudma_exit_workqueues(struct edudma_device *edev)
{
	destroy_workqueue(edev->dirty_wq);
	destroy_workqueue(edev->copy_wq);
}

/* What the device can reach, and the pool for what it cannot. */
static int edudma_init_dma(struct edudma_device *edev)
{
	unsigned int bits = edev->engine.address_bits;
	struct device *dev = &edev->pdev->dev;
	struct iommu_domain *domain;
	unsigned int pages = 0;
	int ret;

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(bits));
	if (ret) {
		dev_err(dev, "this kernel has no memory for %u address bits: use one with ZONE_DMA, an IOMMU, or a wider dma_mask and dma_bits=\n",
			bits);
		return ret;
	}
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);

	domain = iommu_get_domain_for_dev(dev);
	edev->iommu = domain && (domain->type & __IOMMU_DOMAIN_PAGING);
	edev->bounce_all = dev->dma_range_map;
	edev->address_mask = min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);

	edev->max_mapping = min_t(size_t, dma_max_mapping_size(dev), UINT_MAX) &
			    PAGE_MASK;

	ret = edudma_probe_mapping(edev);
	if (ret)
		return ret;

	edev->reaches_all = edev->iommu ||
			    (!edev->bounce_all && edev->address_mask == DMA_BIT_MASK(64));
	if (!edev->iommu && (edev->bounce_all || dma_addressing_limited(dev)))
		pages = max(edudma_bounce_pages,
			    EDUDMA_CHANNEL_CHUNKS * edev->engine.channels);
	ret = edudma_bounce_init(&edev->bounce, dev, pages);
	if (ret) {
		dev_err(dev, "no memory below %u bits for %u bounce pages, try a smaller bounce_pages=\n",
			bits, pages);
		return ret;
	}

	return 0;
}

static const char *edudma_irq_name(unsigned int type)
{
	return type == PCI_IRQ_MSIX ? "MSI-X" : type == PCI_IRQ_MSI ? "MSI" : "INTx";
}

/*
 * Tries one kind of interrupt.  Whether it is really delivered is asked of the
 * device, since platforms exist where MSI can be set up and never arrives.
 */
static int edudma_try_irq(struct edudma_device *edev, unsigned int type,
			  unsigned int vectors)
{
	struct pci_dev *pdev = edev->pdev;
	int ret;

	ret = pci_alloc_irq_vectors(pdev, vectors, vectors, type);
	if (ret < 0)
		return ret;

	ret = edev->engine.ops->start(edev, vectors,
				      type == PCI_IRQ_INTX ? IRQF_SHARED : 0);
	if (ret) {
		dev_warn(&pdev->dev, "%s interrupt %s\n", edudma_irq_name(type),
			 ret == -EIO ? "does not arrive" : "cannot be requested");
		pci_free_irq_vectors(pdev);
		return ret;
	}
	edev->irq_type = type;

	return 0;
}

/* Starts the engine with the best kind of interrupt that works. */
static int edudma_start_engine(struct edudma_device *edev)
{
	int ret = -ENODEV;

	if (edudma_msi && edev->engine.vectors > 1)
		ret = edudma_try_irq(edev, PCI_IRQ_MSIX, edev->engine.vectors);
	if (ret && edudma_msi)
		ret = edudma_try_irq(edev, PCI_IRQ_MSI, 1);
	if (ret)
		ret = edudma_try_irq(edev, PCI_IRQ_INTX, 1);
	if (ret)
		dev_err(&edev->pdev->dev, "no working interrupt\n");

	return ret;
}

static void edudma_stop_engine(struct edudma_device *edev)
{
	edev->engine.ops->stop(edev);
	pci_free_irq_vectors(edev->pdev);
}

static void edudma_all_channels(struct edudma_device *edev,
				void (*fn)(struct edudma_channel *ch))
{
	unsigned int i;

	for (i = 0; i < edev->engine.channels; i++)
		fn(&edev->channels[i]);
}

static int edudma_init_hardware(struct edudma_device *edev)
{
	struct pci_dev *pdev = edev->pdev;
	unsigned int i;
	int ret;

	ret = pci_enable_device_mem(pdev);
	if (ret) {
		dev_err(&pdev->dev, "cannot enable the device\n");
		return ret;
	}
	/* Whoever used the device before may have left a transfer running. */
	pci_clear_master(pdev);

	if (!(pci_resource_flags(pdev, EDU_BAR) & IORESOURCE_MEM)) {
		dev_err(&pdev->dev, "BAR %d is missing\n", EDU_BAR);
		ret = -ENODEV;
		goto err_disable;
	}
	ret = pci_request_region(pdev, EDU_BAR, "edudma");
	if (ret) {
		dev_err(&pdev->dev, "BAR %d is taken\n", EDU_BAR);
		goto err_disable;
	}

	edev->engine.regs = pci_iomap(pdev, EDU_BAR, 0);
	if (!edev->engine.regs) {
		dev_err(&pdev->dev, "cannot map BAR %d\n", EDU_BAR);
		ret = -ENOMEM;
		goto err_release;
	}

	ret = edudma_engine_init(edev);
	if (ret)
		goto err_unmap;
	for (i = 0; i < edev->engine.channels; i++)
		edudma_channel_init(&edev->channels[i], edev, i);
	edudma_memory_init(edev);

	return 0;

err_unmap:
	pci_iounmap(pdev, edev->engine.regs);
err_release:
	pci_release_region(pdev, EDU_BAR);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void edudma_exit_hardware(struct edudma_device *edev)
{
	struct pci_dev *pdev = edev->pdev;

	edudma_memory_exit(edev);
	edev->engine.ops->exit(edev);
	pci_iounmap(pdev, edev->engine.regs);
	pci_release_region(pdev, EDU_BAR);
	pci_disable_device(pdev);
}

/* The PCI core keeps the device awake for drivers that do not do this. */
static void edudma_init_runtime_pm(struct device *dev)
{
	pm_runtime_set_autosuspend_delay(dev, EDUDMA_AUTOSUSPEND_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

static void edudma_exit_runtime_pm(struct device *dev)
{
	pm_runtime_get_noresume(dev);
	pm_runtime_dont_use_autosuspend(dev);
}

static int edudma_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edudma_device *edev;
	int ret;

	edev = edudma_device_alloc(pdev);
	if (IS_ERR(edev)) {
		dev_err(&pdev->dev, "no memory or no number for a node\n");
		return PTR_ERR(edev);
	}

	ret = edudma_init_workqueues(edev);
	if (ret)
		goto err_put;

	ret = edudma_init_hardware(edev);
	if (ret)
		goto err_exit_workqueues;

	ret = edudma_init_dma(edev);
	if (ret)
		goto err_exit_hardware;

	/* A message signalled interrupt is a write by the device, too. */
	pci_set_master(pdev);
	ret = edudma_start_engine(edev);
	if (ret)
		goto err_clear_master;

	pci_set_drvdata(pdev, edev);
	ret = edudma_device_publish(edev);
	if (ret) {
		dev_err(&pdev->dev, "cannot create the node\n");
		goto err_shutdown;
	}

	dev_info(&edev->dev, "%u address bits%s, %s, %u bounce pages\n",
		 fls64(edev->address_mask), edev->iommu ? " behind an IOMMU" : "",
		 edudma_irq_name(edev->irq_type), edev->bounce.count);
	edudma_init_runtime_pm(&pdev->dev);
	return 0;

err_shutdown:
	/* The number was live already: somebody may have opened it. */
	edudma_device_retire(edev);
	edudma_memory_unmap(edev);
	edudma_all_channels(edev, edudma_channel_shutdown);
	edudma_all_channels(edev, edudma_channel_wait_empty);
	edudma_stop_engine(edev);
err_clear_master:
	pci_clear_master(pdev);
	edudma_bounce_free_slots(&edev->bounce, &pdev->dev);
err_exit_hardware:
	edudma_exit_hardware(edev);
err_exit_workqueues:
	edudma_exit_workqueues(edev);
err_put:
	put_device(&edev->dev);
	return ret;
}

/*
 * The order is the point: nothing new comes in, the engine is stopped behind
 * the fence, what it worked on is released, and only then go the interrupt, the
 * bounce memory and the registers.  Files may stay open beyond that.
 */
static void edudma_remove(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	edudma_exit_runtime_pm(&pdev->dev);
	edudma_device_retire(edev);
	edudma_memory_unmap(edev);
	edudma_device_unpublish(edev);
	edudma_all_channels(edev, edudma_channel_shutdown);
	edudma_all_channels(edev, edudma_channel_wait_empty);
	edudma_exit_workqueues(edev);
	edudma_stop_engine(edev);
	if (!atomic64_read(&edev->stats.pages_leaked))
		edudma_bounce_free_slots(&edev->bounce, &pdev->dev);
	edudma_exit_hardware(edev);
	put_device(&edev->dev);
}

/* A reboot or kexec must not have DMA into memory of the next kernel. */
static void edudma_shutdown(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	edudma_device_retire(edev);
	edudma_all_channels(edev, edudma_channel_shutdown);
}

/*
 * Before the system sleeps or the function is reset, the engine comes to a halt
 * between two descriptors, behind the fence.  Requests wait and go on
 * afterwards.
 */
static int edudma_suspend(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);

	edudma_all_channels(edev, edudma_channel_hold);
	edudma_all_channels(edev, edudma_channel_pause);
	return 0;
}

static int edudma_resume(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);

	edudma_all_channels(edev, edudma_channel_resume);
	return 0;
}

/*
 * An idle device needs no access to memory, and what is above it may sleep.
 * Every chunk keeps the device awake from before it is mapped until it has been
 * unmapped and copied, so nothing is under way here, and turns need not be held
 * back.
 */
static int edudma_runtime_suspend(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);
	const struct edudma_engine_ops *ops = edev->engine.ops;
	unsigned int i;

	for (i = 0; i < edev->engine.channels; i++)
		if (ops->quiesce(&edev->channels[i]))
			goto err_restart;
	pci_clear_master(edev->pdev);

	return 0;

err_restart:
	while (i--)
		ops->restart(&edev->channels[i]);
	return -EBUSY;
}

static int edudma_runtime_resume(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);

	pci_set_master(edev->pdev);
	edudma_all_channels(edev, edev->engine.ops->restart);
	return 0;
}

static const struct dev_pm_ops edudma_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(edudma_suspend, edudma_resume)
	RUNTIME_PM_OPS(edudma_runtime_suspend, edudma_runtime_resume, NULL)
};

/*
 * A function does not answer while it is reset: its memory is taken out of all
 * mappings, and who touches it waits at the gate until it is back.
 */
static void edudma_reset_prepare(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	edudma_suspend(&pdev->dev);
	down_write(&edev->gate);
	edudma_memory_zap(edev);
}

static void edudma_reset_done(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	up_write(&edev->gate);
	edudma_resume(&pdev->dev);
}

static const struct pci_error_handlers edudma_err_handlers = {
	.reset_prepare = edudma_reset_prepare,
	.reset_done = edudma_reset_done,
};

static const struct pci_device_id edudma_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR_ID, EDU_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edudma_ids);

static struct pci_driver edudma_driver = {
	.name = "edudma",
	.id_table = edudma_ids,
	.probe = edudma_probe,
	.remove = edudma_remove,
	.shutdown = edudma_shutdown,
	.err_handler = &edudma_err_handlers,
	.driver.pm = pm_ptr(&edudma_pm_ops),
};

static int __init edudma_init(void)
{
	int ret;

	edudma_wq = alloc_workqueue("edudma", WQ_UNBOUND, 0);
	if (!edudma_wq)
		return -ENOMEM;

	ret = edudma_chardev_init();
	if (ret)
		goto err_destroy_wq;

	ret = pci_register_driver(&edudma_driver);
	if (ret)
		goto err_exit_chardev;

	return 0;

err_exit_chardev:
	edudma_chardev_exit();
err_destroy_wq:
	destroy_workqueue(edudma_wq);
	return ret;
}

static void __exit edudma_exit(void)
{
	pci_unregister_driver(&edudma_driver);
	edudma_chardev_exit();
	destroy_workqueue(edudma_wq);
}

module_init(edudma_init);
module_exit(edudma_exit);

MODULE_DESCRIPTION("User-memory DMA through QEMU's edu device");
MODULE_AUTHOR("The edudma authors");
MODULE_LICENSE("GPL");
