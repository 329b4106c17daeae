// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device can address, and the pool for what it cannot.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include "buffer.h"
#include "compat.h"

/*
 * Finds out whether a mapping is more than an address: whether the DMA API copies
 * (a confidential guest, swiotlb=force, an untrusted device) or cleans caches.  A
 * part of a page shows more than a whole one.
 */
static int edudma_dma_probe_mapping(struct edudma_dma *dma)
{
	dma_addr_t addr;
	void *page;

	page = (void *)__get_free_page(GFP_KERNEL | GFP_DMA);
	if (!page) {
		dev_err(dma->dev, "no page for a trial DMA mapping\n");
		return -ENOMEM;
	}

	addr = dma_map_single(dma->dev, page + 1, 1, DMA_TO_DEVICE);
	if (dma_mapping_error(dma->dev, addr)) {
		dma->bounce_all = true;
	} else {
		dma->needs_sync = edudma_dma_need_sync(dma->dev, addr, dma->iommu);
		dma_unmap_single(dma->dev, addr, 1, DMA_TO_DEVICE);
	}
	free_page((unsigned long)page);

	return 0;
}

/**
 * edudma_dma_addresses() - can the device address a page
 * @dma:	of the device
 * @page:	the page
 *
 * The DMA API has no question like this: it maps, and where that fails it warns.
 * Without an IOMMU a PCI bus address is the physical address, unless the host bridge
 * shifts it or the platform insists on copying; then nothing is assumed and every page
 * bounces.
 *
 * Context: Any.
 * Return: the answer.
 */
bool edudma_dma_addresses(const struct edudma_dma *dma, struct page *page)
{
	return dma->all_addressable ||
	       (!dma->bounce_all &&
		page_to_phys(page) + (PAGE_SIZE - 1) <= dma->address_mask);
}

/**
 * edudma_dma_init() - find out what the device can address
 * @dma:	to initialise; its first five members are filled in
 * @address_bits: width of the bus addresses that the device can issue
 * @pages:	of bounce memory, if any is needed
 *
 * Context: May sleep.
 * Return: 0 or -errno, with the reason logged.
 */
int edudma_dma_init(struct edudma_dma *dma, unsigned int address_bits,
		    unsigned int pages)
{
	struct device *dev = dma->dev;
	struct iommu_domain *domain;
	int ret;

	mutex_init(&dma->registered_lock);
	INIT_LIST_HEAD(&dma->registered);
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(address_bits));
	if (ret) {
		dev_err(dev, "this kernel has no memory for %u address bits: use one with ZONE_DMA, an IOMMU, or a wider dma_mask and dma_bits=\n",
			address_bits);
		return ret;
	}
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);

	domain = iommu_get_domain_for_dev(dev);
	dma->iommu = domain && (domain->type & __IOMMU_DOMAIN_PAGING);
	dma->bounce_all = dev->dma_range_map;
	dma->address_mask = min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
	dma->max_mapping = min_t(size_t, dma_max_mapping_size(dev), UINT_MAX) & PAGE_MASK;

	ret = edudma_dma_probe_mapping(dma);
	if (ret)
		return ret;

	dma->all_addressable = dma->iommu || (!dma->bounce_all &&
					      dma->address_mask == DMA_BIT_MASK(64));
	if (dma->iommu || (!dma->bounce_all && !dma_addressing_limited(dev)))
		pages = 0;
	ret = edudma_bounce_init(&dma->bounce, dev, pages);
	if (ret) {
		dev_err(dev, "no memory below %u bits for %u bounce pages, try a smaller bounce_pages=\n",
			address_bits, pages);
		return ret;
	}

	return 0;
}
