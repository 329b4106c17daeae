// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binding to the PCI device, and letting go of it.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/pm_runtime.h>
#include <linux/poll.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "edudma_device.h"
#include "entry.h"
#include "params.h"
#include "pin.h"
#include "registered.h"
#include "version.h"

/* Until an idle device is put to sleep, where user space allows that at all. */
#define EDUDMA_AUTOSUSPEND_MS	1000

/* All works of all devices but those that wait for page locks. */
static struct workqueue_struct *edudma_wq;

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

	ret = edev->engine.ops->start(&edev->engine, vectors,
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
	edev->engine.ops->stop(&edev->engine);
	pci_free_irq_vectors(edev->pdev);
}

static void edudma_all_queues(struct edudma_device *edev,
			      void (*fn)(struct edudma_queue *queue))
{
	unsigned int i;

	for (i = 0; i < edev->engine.channels; i++)
		fn(&edev->queues[i]);
}

/* The window is free: whoever could not enter it tries again. */
static void edudma_window_retry(struct work_struct *work)
{
	edudma_all_queues(container_of(work, struct edudma_device, window.retry),
			  edudma_queue_kick);
}

/*
 * A channel could not be stopped by itself: the function is reset.  If it is being
 * unbound or reset already there is no need to.
 */
static void edudma_reset_work(struct work_struct *work)
{
	struct edudma_device *edev = container_of(work, struct edudma_device, reset);
	int ret;

	ret = pci_try_reset_function(edev->pdev);
	if (ret)
		dev_crit(&edev->dev, "the device cannot be reset (error %d)\n", ret);
}

static void edudma_hung(struct edudma_queue *queue)
{
	struct edudma_device *edev = container_of(queue->engine, struct edudma_device, engine);

	queue_work(edudma_wq, &edev->reset);
}

static void edudma_init_queues(struct edudma_device *edev)
{
	unsigned int i;

	edudma_window_init(&edev->window, edudma_window_retry, edudma_wq);
	INIT_WORK(&edev->reset, edudma_reset_work);
	for (i = 0; i < edev->engine.channels; i++) {
		struct edudma_queue *queue = &edev->queues[i];

		queue->engine = &edev->engine;
		queue->index = i;
		queue->window = &edev->window;
		queue->stats = &edev->stats;
		queue->wq = edudma_wq;
		queue->hung = edudma_hung;
		edudma_queue_init(queue);
		edudma_copyback_init(&edev->copyback[i], edudma_wq);
	}
	edev->engine.client = &edudma_queue_client;
	edev->engine.client_data = edev->queues;
}

static int edudma_init_dma(struct edudma_device *edev)
{
	struct edudma_engine *engine = &edev->engine;
	struct edudma_dma *dma = &edev->dma;
	unsigned int i;
	int ret;

	dma->dev = &edev->pdev->dev;
	dma->log = &edev->dev;
	dma->stats = &edev->stats;
	dma->window_bytes = engine->window_bytes;
	dma->max_descriptor_bytes = engine->max_descriptor_bytes;

	ret = edudma_dma_init(dma, engine->address_bits,
			      max(edudma_bounce_pages, EDUDMA_QUEUE_JOBS * engine->channels));
	if (ret)
		return ret;

	/* Streams use registered buffers only, of which there are none then. */
	if (dma->needs_sync)
		engine->streams = 0;
	for (i = edudma_request_channels(engine); i < engine->channels; i++)
		edev->queues[i].stream = true;

	return 0;
}

static int edudma_init_hardware(struct edudma_device *edev)
{
	struct edudma_engine *engine = &edev->engine;
	struct pci_dev *pdev = edev->pdev;
	int ret;

	engine->pdev = pdev;
	engine->dev = &edev->dev;
	engine->id = edev->id;
	engine->stats = &edev->stats;
	engine->memory_bar = -1;
	engine->max_job_pages = UINT_MAX;
	ret = pci_enable_device_mem(pdev);
	if (ret) {
		dev_err(&pdev->dev, "cannot enable the device\n");
		return ret;
	}
	/* Whoever used the device before may have left a transfer running. */
	pci_clear_master(pdev);

	if (!(pci_resource_flags(pdev, edudma_bar) & IORESOURCE_MEM)) {
		dev_err(&pdev->dev, "BAR %d is missing\n", edudma_bar);
		ret = -ENODEV;
		goto err_disable;
	}
	ret = pci_request_region(pdev, edudma_bar, "edudma");
	if (ret) {
		dev_err(&pdev->dev, "BAR %d is taken\n", edudma_bar);
		goto err_disable;
	}

	edev->engine.regs = pci_iomap(pdev, edudma_bar, 0);
	if (!edev->engine.regs) {
		dev_err(&pdev->dev, "cannot map BAR %d\n", edudma_bar);
		ret = -ENOMEM;
		goto err_release;
	}

	ret = edudma_engine_init(&edev->engine);
	if (ret)
		goto err_unmap;
	edudma_init_queues(edev);
	edudma_memory_init(edev);

	return 0;

err_unmap:
	pci_iounmap(pdev, edev->engine.regs);
err_release:
	pci_release_region(pdev, edudma_bar);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void edudma_exit_hardware(struct edudma_device *edev)
{
	struct pci_dev *pdev = edev->pdev;

	edudma_memory_exit(edev);
	edev->engine.ops->exit(&edev->engine);
	pci_iounmap(pdev, edev->engine.regs);
	pci_release_region(pdev, edudma_bar);
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

/*
 * Lets nothing new in: new opens, and new calls on files that are open, fail with
 * -ENODEV from here on, and no new DMA mapping is made.
 */
static void edudma_unplug(struct edudma_device *edev)
{
	down_write(&edev->unplug_rwsem);
	WRITE_ONCE(edev->unplugged, true);
	up_write(&edev->unplug_rwsem);

	wake_up_poll(&edev->poll_wait, EPOLLHUP | EPOLLERR);
	edudma_memory_unplug(edev);
}

/* Afterwards the device is quiet, and nothing needs it but what was kept. */
static void edudma_close_queues(struct edudma_device *edev)
{
	unsigned int i;

	cancel_work_sync(&edev->reset);
	edudma_all_queues(edev, edudma_queue_close);
	cancel_work_sync(&edev->reset);
	cancel_work_sync(&edev->window.retry);
	for (i = 0; i < edev->engine.channels; i++)
		flush_work(&edev->copyback[i].work);
	edudma_registered_revoke(&edev->dma);
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

	ret = edudma_init_hardware(edev);
	if (ret)
		goto err_put;

	ret = edudma_init_dma(edev);
	if (ret)
		goto err_exit_hardware;

	/* A message signalled interrupt is a write by the device, too. */
	pci_set_master(pdev);
	ret = edudma_start_engine(edev);
	if (ret)
		goto err_clear_master;

	/* What edudma_slot_reset() restores, which each restoring forgets. */
	pci_save_state(pdev);
	pci_set_drvdata(pdev, edev);
	ret = edudma_device_register(edev);
	if (ret) {
		dev_err(&pdev->dev, "cannot create the node\n");
		goto err_shutdown;
	}

	dev_info(&edev->dev, "%u address bits%s, %s, %u bounce pages\n",
		 fls64(edev->dma.address_mask), edev->dma.iommu ? " behind an IOMMU" : "",
		 edudma_irq_name(edev->irq_type), edev->dma.bounce.count);
	edudma_init_runtime_pm(&pdev->dev);
	return 0;

err_shutdown:
	/* The number was live already: somebody may have opened it. */
	edudma_unplug(edev);
	edudma_close_queues(edev);
	edudma_stop_engine(edev);
err_clear_master:
	pci_clear_master(pdev);
	edudma_bounce_free_slots(&edev->dma.bounce, &pdev->dev);
err_exit_hardware:
	edudma_exit_hardware(edev);
err_put:
	put_device(&edev->dev);
	return ret;
}

/*
 * The order matters: nothing new comes in, the engine is stopped, what it worked on
 * is released, and only then go the interrupt, the bounce memory and the registers.
 * Files may stay open beyond that, and pages may wait to be dirtied.
 */
static void edudma_remove(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	edudma_exit_runtime_pm(&pdev->dev);
	edudma_unplug(edev);
	edudma_device_unregister(edev);
	edudma_close_queues(edev);
	edudma_stop_engine(edev);
	if (!atomic64_read(&edev->stats.pages_leaked))
		edudma_bounce_free_slots(&edev->dma.bounce, &pdev->dev);
	edudma_exit_hardware(edev);
	put_device(&edev->dev);
}

/* A reboot or kexec must not have DMA into memory of the next kernel. */
static void edudma_shutdown(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	edudma_unplug(edev);
	edudma_close_queues(edev);
}

/*
 * Before the system sleeps or the function is reset, the engine comes to a halt
 * between two descriptors, behind the fence.  Requests wait and go on
 * afterwards.
 */
static int edudma_suspend(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);

	edudma_all_queues(edev, edudma_queue_hold);
	edudma_all_queues(edev, edudma_queue_pause);
	return 0;
}

static int edudma_resume(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);

	pci_save_state(edev->pdev);
	edudma_all_queues(edev, edudma_queue_resume);
	return 0;
}

/*
 * An idle device needs no access to memory, and what is above it may sleep.
 * Every chunk keeps the device awake from before it is mapped until it has been
 * unmapped and copied, so nothing is under way here, and grants need not be held
 * back.
 */
static int edudma_runtime_suspend(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);
	struct edudma_engine *engine = &edev->engine;
	unsigned int i;

	for (i = 0; i < engine->channels; i++)
		if (engine->ops->quiesce(engine, i))
			goto err_restart;
	pci_clear_master(edev->pdev);

	return 0;

err_restart:
	while (i--)
		engine->ops->restart(engine, i);
	return -EBUSY;
}

static int edudma_runtime_resume(struct device *dev)
{
	struct edudma_device *edev = dev_get_drvdata(dev);
	struct edudma_engine *engine = &edev->engine;
	unsigned int i;

	pci_set_master(edev->pdev);
	pci_save_state(edev->pdev);
	for (i = 0; i < engine->channels; i++)
		engine->ops->restart(engine, i);
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
	down_write(&edev->unplug_rwsem);
	edudma_memory_revoke(edev);
}

static void edudma_reset_done(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	up_write(&edev->unplug_rwsem);
	edudma_resume(&pdev->dev);
}

/*
 * The platform has found an error: nothing more is issued until it says that the
 * device works, with or without a reset.
 */
static pci_ers_result_t edudma_error_detected(struct pci_dev *pdev,
					      pci_channel_state_t state)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	edudma_all_queues(edev, edudma_queue_hold);
	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		dev_warn(&edev->dev, "fatal PCI error, waiting for a reset\n");
		edudma_memory_revoke(edev);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

/* The device was reset, so what it had is lost. */
static pci_ers_result_t edudma_slot_reset(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	pci_restore_state(pdev);
	pci_save_state(pdev);
	edudma_all_queues(edev, edudma_queue_fail);

	return PCI_ERS_RESULT_RECOVERED;
}

static void edudma_error_resume(struct pci_dev *pdev)
{
	struct edudma_device *edev = pci_get_drvdata(pdev);

	edudma_all_queues(edev, edudma_queue_pause);
	edudma_all_queues(edev, edudma_queue_resume);
}

static const struct pci_error_handlers edudma_err_handlers = {
	.error_detected = edudma_error_detected,
	.slot_reset = edudma_slot_reset,
	.resume = edudma_error_resume,
	.reset_prepare = edudma_reset_prepare,
	.reset_done = edudma_reset_done,
};

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

	ret = edudma_pages_init();
	if (ret)
		goto err_destroy_wq;

	ret = edudma_chardev_init();
	if (ret)
		goto err_exit_pages;

	ret = pci_register_driver(&edudma_driver);
	if (ret)
		goto err_exit_chardev;

	return 0;

err_exit_chardev:
	edudma_chardev_exit();
err_exit_pages:
	edudma_pages_exit();
err_destroy_wq:
	destroy_workqueue(edudma_wq);
	return ret;
}

static void __exit edudma_exit(void)
{
	pci_unregister_driver(&edudma_driver);
	/* The last pages may hold the last reference to a device. */
	edudma_pages_exit();
	edudma_chardev_exit();
	destroy_workqueue(edudma_wq);
}

module_init(edudma_init);
module_exit(edudma_exit);

MODULE_DESCRIPTION("User-memory DMA through QEMU's edu device");
MODULE_AUTHOR("The edudma authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(EDUDMA_VERSION);
