/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows kernel versions.  Each entry gives the new name on
 * old kernels and says which release changed what; the rest of the driver is
 * written against the newest kernel.
 */
#ifndef EDUDMA_COMPAT_H
#define EDUDMA_COMPAT_H

#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>
#include <linux/version.h>

/* 6.8 renamed PCI_IRQ_LEGACY to PCI_IRQ_INTX. */
#ifndef PCI_IRQ_INTX
#define PCI_IRQ_INTX PCI_IRQ_LEGACY
#endif

/* 5.15 gave building a table with a limit a function that does not also append. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
#define sg_alloc_table_from_pages_segment(sgt, pages, n_pages, offset, size,	\
					  max_segment, gfp_mask)		\
	PTR_ERR_OR_ZERO(__sg_alloc_table_from_pages(sgt, pages, n_pages,	\
						    offset, size, max_segment,	\
						    NULL, 0, gfp_mask))
#endif

/* 5.17 added these, which need no #ifdef around the callbacks. */
#ifndef SYSTEM_SLEEP_PM_OPS
#define SYSTEM_SLEEP_PM_OPS(suspend_fn, resume_fn)		\
	.suspend = suspend_fn, .resume = resume_fn,		\
	.freeze = suspend_fn, .thaw = resume_fn,		\
	.poweroff = suspend_fn, .restore = resume_fn,
#define RUNTIME_PM_OPS(suspend_fn, resume_fn, idle_fn)		\
	.runtime_suspend = suspend_fn,				\
	.runtime_resume = resume_fn,				\
	.runtime_idle = idle_fn,
#endif

/* 5.17 gave irq_set_affinity_hint() names for the two things that it did. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)
#define irq_set_affinity_and_hint(irq, mask) irq_set_affinity_hint(irq, mask)
#define irq_update_affinity_hint(irq, mask) irq_set_affinity_hint(irq, mask)
#endif

/*
 * 6.10 has dma_need_sync() tell the truth behind an IOMMU; before, it said yes for
 * every device there.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline bool edudma_dma_need_sync(struct device *dev, dma_addr_t addr, bool iommu)
{
	if (iommu)
		return !dev_is_dma_coherent(dev) || to_pci_dev(dev)->untrusted;

	return dma_need_sync(dev, addr);
}
#else
#define edudma_dma_need_sync(dev, addr, iommu) dma_need_sync(dev, addr)
#endif

/* 5.16 brought folios; before, what is asked of one is asked of its first page. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)
#define folio page
#define page_folio(page) compound_head(page)
#define folio_mapping(folio) page_mapping(folio)
#define folio_test_anon(folio) PageAnon(folio)
#define folio_test_dirty(folio) PageDirty(folio)
#define folio_test_hugetlb(folio) PageHuge(folio)
#define folio_test_swapbacked(folio) PageSwapBacked(folio)
#endif

/* 6.3 added functions to change vm_flags, which lock if they must. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/*
 * 6.4 added iter_iov_addr(), which hides where an iterator keeps its vector.
 * 6.0 had added ITER_UBUF, a single user buffer without a vector.
 */
#ifndef iter_iov_addr
static inline void __user *edudma_iter_addr(const struct iov_iter *iter)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
	if (iter_is_ubuf(iter))
		return iter->ubuf + iter->iov_offset;
#endif
	return iter->iov->iov_base + iter->iov_offset;
}

#define iter_iov_addr(iter) edudma_iter_addr(iter)
#endif

/* 5.16 took the second result, which only one user of AIO had, from ki_complete(). */
static inline void edudma_kiocb_complete(struct kiocb *iocb, long res)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)
	iocb->ki_complete(iocb, res, 0);
#else
	iocb->ki_complete(iocb, res);
#endif
}

/* 6.5 has splicing from a file hand over pages in a kernel vector. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define copy_splice_read NULL
#endif

/*
 * 6.0 has files say by this that O_DIRECT is theirs to handle; before, it took an
 * address space with an operation for it.
 */
#ifndef FMODE_CAN_ODIRECT
#define FMODE_CAN_ODIRECT 0
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
static inline bool user_backed_iter(const struct iov_iter *iter)
{
	return iter_is_iovec(iter);
}
#endif

/*
 * 5.19 added commands of io_uring; 6.1 is the first with all that is needed here, and
 * 6.7 gave them a header of their own.
 */
#define EDUDMA_HAS_URING_CMD \
	(IS_ENABLED(CONFIG_IO_URING) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0))

#if EDUDMA_HAS_URING_CMD
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#define io_uring_cmd_do_in_task_lazy io_uring_cmd_complete_in_task
#endif

/* 6.6 replaced the pointer to the command's bytes; 7.0 takes their type. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define edudma_uring_sqe_cmd(ioucmd, type) ((const type *)(ioucmd)->cmd)
#elif !defined(io_uring_sqe128_cmd)
#define edudma_uring_sqe_cmd(ioucmd, type) \
	((const type *)io_uring_sqe_cmd((ioucmd)->sqe))
#else
#define edudma_uring_sqe_cmd(ioucmd, type) io_uring_sqe_cmd((ioucmd)->sqe, type)
#endif

/* 6.15 looks up the buffer at that time, for which it must know about locks. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define edudma_uring_cmd_import_fixed(ubuf, len, rw, iter, ioucmd, issue_flags) \
	io_uring_cmd_import_fixed(ubuf, len, rw, iter, ioucmd)
#else
#define edudma_uring_cmd_import_fixed io_uring_cmd_import_fixed
#endif

/**
 * struct edudma_uring_pdu - what a command keeps until it is complete
 * @result:	of the completion
 * @polled:	its ring is polled
 */
struct edudma_uring_pdu {
	s32 result;
	bool polled;
};

static inline struct edudma_uring_pdu *edudma_uring_pdu(struct io_uring_cmd *ioucmd)
{
	return (struct edudma_uring_pdu *)ioucmd->pdu;
}

static inline void edudma_uring_done(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	s32 result = edudma_uring_pdu(ioucmd)->result;

	/* 6.18 gave the second result a function of its own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	io_uring_cmd_done(ioucmd, result, 0, issue_flags);
#else
	io_uring_cmd_done(ioucmd, result, issue_flags);
#endif
}

/* 6.19 changed what is called in the task that submitted a command. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define edudma_uring_task edudma_uring_done
#else
static inline void edudma_uring_task(struct io_tw_req tw_req, io_tw_token_t tw)
{
	edudma_uring_done(io_uring_cmd_from_tw(tw_req), IO_URING_CMD_TASK_WORK_ISSUE_FLAGS);
}
#endif

/* Completes a command; in any context. */
static inline void edudma_uring_cmd_complete(struct io_uring_cmd *ioucmd, s32 result)
{
	edudma_uring_pdu(ioucmd)->result = result;
	/* Who polls is only left a note, and needs no task work. */
	if (edudma_uring_pdu(ioucmd)->polled)
		edudma_uring_done(ioucmd, IO_URING_F_UNLOCKED);
	else
		io_uring_cmd_do_in_task_lazy(ioucmd, edudma_uring_task);
}

#endif /* EDUDMA_HAS_URING_CMD */

#endif /* EDUDMA_COMPAT_H */
