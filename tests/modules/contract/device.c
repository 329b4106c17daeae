// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device of the engine, without the rest of the driver: what driver/pci.c does before
 * and after an engine works, in the same order.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include "compat.h"
#include "contract.h"

/* The first device that is found. */
static struct pci_dev *contract_pdev;
static void __iomem *contract_regs;

static bool contract_interrupt(struct edudma_engine *engine, unsigned int channel)
{
	struct contract *c = engine->client_data;

	atomic_inc(&c->interrupts[channel]);
	wake_up(&c->wait);

	return false;
}

static void contract_thread(struct edudma_engine *engine, unsigned int channel)
{
}

static const struct edudma_engine_client contract_client = {
	.interrupt = contract_interrupt,
	.thread = contract_thread,
};

static int contract_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret;

	if (contract_pdev)
		return -ENODEV;

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = pci_request_region(pdev, edudma_bar, "edudma_contract");
	if (ret)
		goto err_disable;
	contract_regs = pci_iomap(pdev, edudma_bar, 0);
	if (!contract_regs) {
		ret = -ENOMEM;
		goto err_release;
	}
	contract_pdev = pdev;

	return 0;

err_release:
	pci_release_region(pdev, edudma_bar);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void contract_remove(struct pci_dev *pdev)
{
	pci_iounmap(pdev, contract_regs);
	pci_release_region(pdev, edudma_bar);
	pci_disable_device(pdev);
	contract_pdev = NULL;
}

static struct pci_driver contract_driver = {
	.name = "edudma_contract",
	.id_table = edudma_ids,
	.probe = contract_probe,
	.remove = contract_remove,
};

/**
 * contract_bind() - take a device
 *
 * Return: 0, or -errno; -ENODEV if there is none, or another driver has it.
 */
int contract_bind(void)
{
	int ret = pci_register_driver(&contract_driver);

	if (!ret && !contract_pdev) {
		pr_err("no device of edudma_ids[] that is free and has a BAR %d\n", edudma_bar);
		pci_unregister_driver(&contract_driver);
		ret = -ENODEV;
	}

	return ret;
}

/** contract_unbind() - give it back */
void contract_unbind(void)
{
	pci_unregister_driver(&contract_driver);
}

static int contract_try_irq(struct contract *c, unsigned int type, unsigned int vectors)
{
	int ret;

	ret = pci_alloc_irq_vectors(contract_pdev, vectors, vectors, type);
	if (ret < 0)
		return ret;
	ret = c->engine.ops->start(&c->engine, vectors, type == PCI_IRQ_INTX ? IRQF_SHARED : 0);
	if (ret)
		pci_free_irq_vectors(contract_pdev);

	return ret;
}

/**
 * contract_start() - start the engine, with the best kind of interrupt that works
 * @c:		what is initialised
 *
 * Return: 0, or what @start has returned.
 */
int contract_start(struct contract *c)
{
	int ret = -ENODEV;

	pci_set_master(contract_pdev);
	if (c->engine.vectors > 1)
		ret = contract_try_irq(c, PCI_IRQ_MSIX, c->engine.vectors);
	if (ret)
		ret = contract_try_irq(c, PCI_IRQ_MSI, 1);
	if (ret)
		ret = contract_try_irq(c, PCI_IRQ_INTX, 1);
	if (ret)
		pci_clear_master(contract_pdev);

	return ret;
}

/**
 * contract_stop() - quiesce every channel and stop the engine
 * @c:		what is started
 *
 * Return: whether each channel is quiet.
 */
bool contract_stop(struct contract *c)
{
	struct edudma_engine *engine = &c->engine;
	bool quiet = true;
	unsigned int i;

	for (i = 0; i < engine->channels; i++)
		quiet &= !engine->ops->quiesce(engine, i);
	engine->ops->stop(engine);
	pci_free_irq_vectors(contract_pdev);
	pci_clear_master(contract_pdev);

	return quiet;
}

static int contract_alloc(struct contract *c)
{
	struct device *dev = &contract_pdev->dev;
	int ret;

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(c->engine.address_bits ?: 32));
	if (ret)
		return ret;
	c->descs = kvcalloc(CONTRACT_DESCS, sizeof(*c->descs), GFP_KERNEL);
	if (!c->descs)
		return -ENOMEM;
	c->memory = dma_alloc_coherent(dev, CONTRACT_BYTES, &c->dma, GFP_KERNEL);
	if (!c->memory) {
		kvfree(c->descs);
		return -ENOMEM;
	}

	return 0;
}

/**
 * contract_init() - before each test: identify, initialise and start the engine
 * @test:	gets a struct contract as its priv
 *
 * What the engine refuses the test tells.
 *
 * Return: 0 or -ENOMEM.
 */
int contract_init(struct kunit *test)
{
	struct contract *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct edudma_engine *engine;
	int ret;

	if (!c)
		return -ENOMEM;
	test->priv = c;
	spin_lock_init(&c->lock);
	init_waitqueue_head(&c->wait);
	c->rule = "engine.h is the contract";
	c->start_error = -ENODEV;

	engine = &c->engine;
	engine->client = &contract_client;
	engine->client_data = c;
	engine->pdev = contract_pdev;
	engine->dev = &contract_pdev->dev;
	engine->stats = &c->stats;
	engine->regs = contract_regs;
	engine->memory_bar = -1;
	engine->max_job_pages = UINT_MAX;
	pci_clear_master(contract_pdev);
	c->init_error = edudma_engine_init(engine);
	if (c->init_error)
		return 0;

	ret = contract_alloc(c);
	if (ret) {
		engine->ops->exit(engine);
		c->init_error = ret;
		return ret;
	}
	c->start_error = contract_start(c);

	return 0;
}

/**
 * contract_exit() - after each test: the reverse
 * @test:	the same
 *
 * Memory that the device may still access is not given back.
 */
void contract_exit(struct kunit *test)
{
	struct contract *c = test->priv;

	if (!c || c->init_error)
		return;
	if (c->start_error || contract_stop(c))
		dma_free_coherent(&contract_pdev->dev, CONTRACT_BYTES, c->memory, c->dma);
	c->engine.ops->exit(&c->engine);
	kvfree(c->descs);
}
