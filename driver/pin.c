// SPDX-License-Identifier: GPL-2.0-only
/*
 * User pages: pin, account, dirty, release.
 */
#include <linux/bvec.h>
#include <linux/error-injection.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "pin.h"
#include "stats.h"

struct workqueue_struct *edudma_dirty_wq;

/** edudma_pages_init() - prepare for pages.  May sleep.  Return: 0 or -ENOMEM. */
int edudma_pages_init(void)
{
	edudma_dirty_wq = alloc_workqueue("edudma-dirty", WQ_UNBOUND, 0);

	return edudma_dirty_wq ? 0 : -ENOMEM;
}

/** edudma_pages_exit() - wait for the last pages to be dirtied.  May sleep. */
void edudma_pages_exit(void)
{
	destroy_workqueue(edudma_dirty_wq);
}

/* Counts pages as pinned and keeps the highest figure ever. */
static void edudma_pages_account(struct edudma_stats *stats, unsigned int count)
{
	s64 now = atomic64_add_return(count, &stats->pages_pinned);
	s64 max = atomic64_read(&stats->pages_pinned_max);

	while (now > max) {
		s64 seen = atomic64_cmpxchg(&stats->pages_pinned_max, max, now);

		if (seen == max)
			break;
		max = seen;
	}
}

/**
 * edudma_pages_pin() - pin user pages of the current process
 * @stats:	where to account for them
 * @addr:	user address in the first page
 * @count:	pages wanted, not 0
 * @device_writes: the device will write to them.  Only then is write access
 *		asked for, so that a program can send from read-only memory.
 * @pages:	room for @count pages
 *
 * Context: Process, may sleep and fault; no lock of the driver held.
 * Return: how many were pinned, from the first on and at least one; -EFAULT
 * where there is no such memory, -ENOMEM, or -EINTR in a dying process.
 */
int edudma_pages_pin(struct edudma_stats *stats, unsigned long addr,
		     unsigned int count, bool device_writes, struct page **pages)
{
	int pinned;

	pinned = pin_user_pages_fast(addr & PAGE_MASK, count,
				     device_writes ? FOLL_WRITE : 0, pages);
	if (pinned > 0)
		edudma_pages_account(stats, pinned);

	return pinned ?: -EFAULT;
}
ALLOW_ERROR_INJECTION(edudma_pages_pin, ERRNO);

/**
 * edudma_file_is_memory() - is a file memory that has a descriptor, such as a memfd
 * @file:	the file
 *
 * Context: Any.
 * Return: the answer.
 */
bool edudma_file_is_memory(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISREG(inode->i_mode) && (inode->i_sb->s_magic == TMPFS_MAGIC ||
					  inode->i_sb->s_magic == HUGETLBFS_MAGIC);
}

/* Whether a file system writes a page back, so must know when it is written to. */
static bool edudma_page_is_file_backed(struct page *pinned)
{
	struct folio *folio = page_folio(pinned);

	return !folio_test_anon(folio) && !folio_test_swapbacked(folio) &&
	       !folio_test_hugetlb(folio) && folio_mapping(folio);
}

/* Why there was no page to pin: what is there decides. */
static int edudma_pages_refusal(unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = -EFAULT;

	mmap_read_lock(mm);
	vma = find_vma(mm, addr);
	if (vma && vma->vm_start <= addr) {
		if (vma->vm_flags & (VM_IO | VM_PFNMAP))
			ret = -ENXIO;
		else if (vma->vm_file && !edudma_file_is_memory(vma->vm_file) &&
			 vma->vm_flags & VM_SHARED && vma->vm_flags & VM_WRITE)
			ret = -EOPNOTSUPP;
	}
	mmap_read_unlock(mm);

	return ret;
}

/**
 * edudma_pages_pin_longterm() - pin user pages for as long as the user likes
 * @addr:	user address in the first page
 * @count:	pages, not 0
 * @pages:	room for @count pages
 *
 * For the device to read and to write.  Migrates what must not be pinned for long.
 *
 * Context: Process, may sleep and fault; no lock of the driver held.
 * Return: 0 with all of them pinned; -EFAULT where there is no memory or it must not
 * be written, -ENXIO where there is no page, -EOPNOTSUPP for what a file system writes
 * back, -ENOMEM, or -EINTR in a dying process.
 */
int edudma_pages_pin_longterm(unsigned long addr, unsigned int count, struct page **pages)
{
	unsigned int i, done = 0;
	int ret = 0;

	addr &= PAGE_MASK;
	while (done < count) {
		ret = pin_user_pages_fast(addr + ((unsigned long)done << PAGE_SHIFT),
					  count - done, FOLL_WRITE | FOLL_LONGTERM,
					  pages + done);
		if (ret <= 0)
			break;
		done += ret;
	}
	if (done < count) {
		ret = !ret || ret == -EFAULT ?
		      edudma_pages_refusal(addr + ((unsigned long)done << PAGE_SHIFT)) : ret;
		goto err_unpin;
	}

	/* Before 6.5 the kernel does not ask. */
	ret = -EOPNOTSUPP;
	for (i = 0; i < count; i++)
		if (edudma_page_is_file_backed(pages[i]))
			goto err_unpin;

	return 0;

err_unpin:
	unpin_user_pages(pages, done);
	return ret;
}
ALLOW_ERROR_INJECTION(edudma_pages_pin_longterm, ERRNO);

/**
 * edudma_pages_unpin() - release pinned pages
 * @stats:	where to account for them
 * @pages:	the pages
 * @count:	how many, may be 0
 *
 * Context: Any, hard irq included: direct I/O of block devices relies on the
 * same.
 */
void edudma_pages_unpin(struct edudma_stats *stats, struct page **pages,
			unsigned int count)
{
	unpin_user_pages(pages, count);
	atomic64_sub(count, &stats->pages_pinned);
}

/**
 * edudma_pages_borrow() - take references to pages of a kernel vector
 * @iter:	an ITER_BVEC, which is not advanced
 * @count:	pages wanted, not 0
 * @pages:	room for @count pages
 * @page_offset: set to where the first byte is in the first page
 * @len:	set to the bytes in the pages
 *
 * Takes pages as long as each but the last is used up to its end, and each but the
 * first from its start on.
 *
 * Context: Any.
 * Return: how many, at least one; or -EINVAL if there are pages among them that
 * cannot be referred to.
 */
int edudma_pages_borrow(const struct iov_iter *iter, unsigned int count,
			struct page **pages, unsigned int *page_offset, size_t *len)
{
	struct iov_iter it = *iter;
	unsigned int n = 0, off, end;

	*len = 0;
	do {
		const struct bio_vec *bvec = it.bvec;
		size_t pos = bvec->bv_offset + it.iov_offset;
		struct page *page = bvec->bv_page + (pos >> PAGE_SHIFT);

		off = offset_in_page(pos);
		if (n && off)
			break;
		if (PageSlab(page) || !page_count(page)) {
			edudma_pages_return(pages, n);
			return -EINVAL;
		}
		get_page(page);
		pages[n++] = page;
		if (n == 1)
			*page_offset = off;
		end = off + min_t(size_t, iov_iter_single_seg_count(&it), PAGE_SIZE - off);
		*len += end - off;
		if (n == count || end < PAGE_SIZE || *len == iov_iter_count(iter))
			break;
		iov_iter_advance(&it, end - off);
	} while (true);

	return n;
}

/**
 * edudma_pages_return() - undo edudma_pages_borrow()
 * @pages:	the pages
 * @count:	how many, may be 0
 *
 * Context: Any, hard irq included.
 */
void edudma_pages_return(struct page **pages, unsigned int count)
{
	while (count--)
		put_page(pages[count]);
}

/*
 * Dirtying a page takes its lock, which the completion interrupt cannot wait
 * for.  So the pages are dirtied before the device writes to them, or what it
 * wrote is copied to them, and afterwards one only looks whether they still are.
 * They may not be: writeback can have cleaned a page of a file in between, and
 * written what it held before.  Such a page goes to process context to be dirtied
 * once more before it is unpinned, or the file would never get the device's bytes.
 *
 * Dirtiness is kept for a folio as a whole, so one look at each is enough; and one
 * that is dirty already needs no more.
 */

/**
 * edudma_pages_dirty() - have all pages dirty
 * @pages:	pinned pages that the device is going to write, or has written
 * @count:	how many
 *
 * Context: Process, may sleep.
 * Return: how many were not dirty before.
 */
unsigned int edudma_pages_dirty(struct page **pages, unsigned int count)
{
	struct folio *folio, *before = NULL;
	unsigned int i, cleaned = 0;

	for (i = 0; i < count; i++) {
		folio = page_folio(pages[i]);
		if (folio != before && !folio_test_dirty(folio)) {
			set_page_dirty_lock(pages[i]);
			cleaned++;
		}
		before = folio;
	}

	return cleaned;
}

/**
 * edudma_pages_all_dirty() - is every page dirty
 * @pages:	pinned pages
 * @count:	how many
 *
 * Context: Any.
 * Return: the answer.
 */
bool edudma_pages_all_dirty(struct page **pages, unsigned int count)
{
	struct folio *folio, *before = NULL;
	unsigned int i;

	for (i = 0; i < count; i++) {
		folio = page_folio(pages[i]);
		if (folio != before && !folio_test_dirty(folio))
			return false;
		before = folio;
	}

	return true;
}
