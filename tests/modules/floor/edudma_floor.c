// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that a driver can do with a user's buffer: pin it, map it for the
 * first edu there is, unmap it, unpin it.  No device takes part.  read(2) and
 * write(2) of /dev/edudma_floor do it once, in the direction of their name.
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

static struct pci_dev *floor_pdev;

static int floor_map(struct page **pages, int count, unsigned int offset,
		     size_t len, enum dma_data_direction dir)
{
	struct device *dev = &floor_pdev->dev;
	struct sg_table sgt;
	int ret;

	ret = sg_alloc_table_from_pages(&sgt, pages, count, offset, len, GFP_KERNEL);
	if (ret)
		return ret;
	ret = dma_map_sgtable(dev, &sgt, dir, 0);
	if (!ret)
		dma_unmap_sgtable(dev, &sgt, dir, 0);
	sg_free_table(&sgt);

	return ret;
}

static ssize_t floor_once(unsigned long addr, size_t len,
			  enum dma_data_direction dir)
{
	unsigned int offset = offset_in_page(addr);
	int count = DIV_ROUND_UP(offset + len, PAGE_SIZE);
	struct page **pages;
	int pinned, ret;

	pages = kvmalloc_array(count, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	pinned = pin_user_pages_fast(addr & PAGE_MASK, count,
				     dir == DMA_FROM_DEVICE ? FOLL_WRITE : 0, pages);
	if (pinned == count)
		ret = floor_map(pages, count, offset, len, dir);
	else
		ret = pinned < 0 ? pinned : -EFAULT;
	if (pinned > 0)
		unpin_user_pages(pages, pinned);
	kvfree(pages);

	return ret ?: len;
}

static ssize_t floor_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	return floor_once((unsigned long)buf, len, DMA_FROM_DEVICE);
}

static ssize_t floor_write(struct file *file, const char __user *buf, size_t len,
			   loff_t *pos)
{
	return floor_once((unsigned long)buf, len, DMA_TO_DEVICE);
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.read = floor_read,
	.write = floor_write,
};

static struct miscdevice floor_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "edudma_floor",
	.fops = &floor_fops,
	.mode = 0600,
};

static int __init floor_init(void)
{
	int ret;

	floor_pdev = pci_get_device(0x1234, 0x11e8, NULL);
	if (!floor_pdev)
		return -ENODEV;

	ret = misc_register(&floor_misc);
	if (ret)
		pci_dev_put(floor_pdev);

	return ret;
}

static void __exit floor_exit(void)
{
	misc_deregister(&floor_misc);
	pci_dev_put(floor_pdev);
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("What any DMA from user memory costs at least");
MODULE_AUTHOR("The edudma authors");
MODULE_LICENSE("GPL");
