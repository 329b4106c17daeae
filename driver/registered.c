// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered buffers: pinned for as long as the user likes, mapped for as long as the
 * device is there, accounted for like all memory that a user locks.
 */
#include <linux/cred.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "buffer.h"
#include "compat.h"
#include "pin.h"
#include "registered.h"
#include "ring.h"
#include "stats.h"

/* Has pages count to the limit of the user who asks. */
static int edudma_registered_charge(struct edudma_registered *reg)
{
	long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();

	if (capable(CAP_IPC_LOCK))
		return 0;
	if (atomic_long_add_return(reg->nr_pages, &user->locked_vm) > limit) {
		atomic_long_sub(reg->nr_pages, &user->locked_vm);
		return -EDQUOT;
	}
	reg->charged = get_current_cred();

	return 0;
}

static void edudma_registered_uncharge(struct edudma_registered *reg)
{
	if (!reg->charged)
		return;
	atomic_long_sub(reg->nr_pages, &reg->charged->user->locked_vm);
	put_cred(reg->charged);
}

static int edudma_registered_map(struct edudma_registered *reg)
{
	struct edudma_dma *dma = reg->dma;
	struct edudma_piece *piece;
	struct scatterlist *sg;
	unsigned int i;
	u64 pos = 0;
	int ret;

	for (i = 0; i < reg->nr_pages; i++)
		if (!edudma_dma_addresses(dma, reg->pages[i]))
			return -EADDRNOTAVAIL;
	ret = sg_alloc_table_from_pages_segment(&reg->sgt, reg->pages, reg->nr_pages,
						reg->page_offset, reg->len,
						dma->max_mapping, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	/* The device may write to pages that are mapped for others, too: see map.c. */
	ret = dma_map_sgtable(dma->dev, &reg->sgt, DMA_BIDIRECTIONAL,
			      DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		ret = ret == -ENOMEM ? -ENOMEM : -EIO;
		goto err_free;
	}

	ret = -ENOMEM;
	reg->pieces = kvmalloc_array(reg->sgt.nents + 1, sizeof(*reg->pieces),
				     GFP_KERNEL_ACCOUNT);
	if (!reg->pieces)
		goto err_unmap;
	for_each_sgtable_dma_sg(&reg->sgt, sg, i) {
		piece = &reg->pieces[reg->nr_pieces];
		if (i && piece[-1].addr + (pos - piece[-1].pos) == sg_dma_address(sg)) {
			pos += sg_dma_len(sg);
			continue;
		}
		*piece = (struct edudma_piece) { sg_dma_address(sg), pos };
		reg->nr_pieces++;
		pos += sg_dma_len(sg);
	}
	reg->pieces[reg->nr_pieces].pos = pos;
	reg->mapped = true;

	return 0;

err_unmap:
	dma_unmap_sgtable(dma->dev, &reg->sgt, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
err_free:
	sg_free_table(&reg->sgt);
	return ret;
}

static void edudma_registered_unmap(struct edudma_registered *reg)
{
	if (!reg->mapped)
		return;
	if (reg->list)
		dma_free_coherent(reg->dma->dev, reg->nr_pieces * sizeof(*reg->list),
				  reg->list, reg->list_dma);
	reg->list = NULL;
	dma_unmap_sgtable(reg->dma->dev, &reg->sgt, DMA_BIDIRECTIONAL,
			  DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(&reg->sgt);
	kvfree(reg->pieces);
	reg->mapped = false;
}

/* Maps it, unless the device is being removed, and has that be undone when it is. */
static int edudma_registered_publish(struct edudma_registered *reg)
{
	struct edudma_dma *dma = reg->dma;
	int ret = -ENODEV;

	mutex_lock(&dma->registered_lock);
	if (!dma->revoked)
		ret = edudma_registered_map(reg);
	if (!ret)
		list_add(&reg->node, &dma->registered);
	mutex_unlock(&dma->registered_lock);

	return ret;
}

/* Pins what the process has there. */
static int edudma_registered_pin(struct edudma_registered *reg, unsigned long addr)
{
	unsigned int pages = (offset_in_page(addr) + reg->len + PAGE_SIZE - 1) >> PAGE_SHIFT;
	int ret;

	reg->pages = kvmalloc_array(pages, sizeof(*reg->pages),
				    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!reg->pages)
		return -ENOMEM;
	reg->page_offset = offset_in_page(addr);
	reg->nr_pages = pages;

	ret = edudma_registered_charge(reg);
	if (ret)
		goto err_free;
	ret = edudma_pages_pin_longterm(addr, pages, reg->pages);
	if (ret)
		goto err_uncharge;
	edudma_count(&reg->dma->stats->pages_registered, pages);

	return 0;

err_uncharge:
	edudma_registered_uncharge(reg);
err_free:
	kvfree(reg->pages);
	return ret;
}

static void edudma_registered_unpin(struct edudma_registered *reg)
{
	unpin_user_pages_dirty_lock(reg->pages, reg->nr_pages, true);
	edudma_count(&reg->dma->stats->pages_registered, -(u64)reg->nr_pages);
	edudma_registered_uncharge(reg);
	kvfree(reg->pages);
}

/*
 * Memory of a file is pinned by way of a mapping that lasts only so long: the kernel
 * checks mode and seals, and gives it the pages that all its users have.
 */
static int edudma_registered_pin_memfd(struct edudma_registered *reg, u64 pos, int fd)
{
	struct file *file = fget(fd);
	unsigned long addr;
	int ret = -EOPNOTSUPP;

	if (!file)
		return -EBADF;
	if (!edudma_file_is_memory(file))
		goto out;

	ret = -EINVAL;
	if (pos != (unsigned long)pos)
		goto out;
	addr = vm_mmap(file, 0, reg->len, PROT_READ | PROT_WRITE, MAP_SHARED, pos);
	ret = IS_ERR_VALUE(addr) ? addr : edudma_registered_pin(reg, addr);
	if (!IS_ERR_VALUE(addr))
		vm_munmap(addr, reg->len);
out:
	fput(file);
	return ret;
}

/* Ends what nobody uses any more. */
static void edudma_registered_end(struct edudma_registered *reg)
{
	struct edudma_dma *dma = reg->dma;

	mutex_lock(&dma->registered_lock);
	edudma_registered_unmap(reg);
	list_del(&reg->node);
	mutex_unlock(&dma->registered_lock);

	edudma_registered_unpin(reg);
	kfree_rcu(reg, rcu);
	put_device(dma->log);
}

static void edudma_registered_work(struct work_struct *work)
{
	edudma_registered_end(container_of(work, struct edudma_registered, release));
}

static void edudma_registered_end_now(struct kref *ref)
{
	edudma_registered_end(container_of(ref, struct edudma_registered, ref));
}

static void edudma_registered_end_later(struct kref *ref)
{
	struct edudma_registered *reg = container_of(ref, struct edudma_registered, ref);

	INIT_WORK(&reg->release, edudma_registered_work);
	queue_work(edudma_dirty_wq, &reg->release);
}

/**
 * edudma_registered_add() - pin and map memory, and give it a number
 * @table:	of a file
 * @dma:	of its device
 * @arg:	what, in the words of the user
 * @number:	set to the number
 *
 * Context: Process that the memory belongs to, may sleep and fault; no locks.
 * Return: 0 or what EDUDMA_IOC_BUFFER_REGISTER fails with.
 */
int edudma_registered_add(struct xarray *table, struct edudma_dma *dma,
			  const struct edudma_buffer_register *arg, u32 *number)
{
	struct edudma_registered *reg;
	int ret;

	if (dma->needs_sync)
		return -EADDRNOTAVAIL;
	reg = kzalloc(sizeof(*reg), GFP_KERNEL_ACCOUNT);
	if (!reg)
		return -ENOMEM;
	kref_init(&reg->ref);
	reg->dma = dma;
	reg->len = arg->len;

	if (arg->kind == EDUDMA_BUFFER_MEMFD)
		ret = edudma_registered_pin_memfd(reg, arg->addr, arg->fd);
	else
		ret = edudma_registered_pin(reg, arg->addr);
	if (ret)
		goto err_free;
	ret = edudma_registered_publish(reg);
	if (ret)
		goto err_unpin;
	get_device(dma->log);

	ret = xa_alloc(table, number, reg, XA_LIMIT(1, EDUDMA_MAX_BUFFERS),
		       GFP_KERNEL_ACCOUNT);
	if (ret) {
		edudma_registered_end(reg);
		return ret == -EBUSY ? -ENOSPC : ret;
	}

	return 0;

err_unpin:
	edudma_registered_unpin(reg);
err_free:
	kfree(reg);
	return ret;
}

/**
 * edudma_registered_remove() - unregister a buffer
 * @table:	of a file
 * @number:	of the buffer
 *
 * Context: Process, may sleep; no locks.
 * Return: 0, or -ENOENT if there is none.
 */
int edudma_registered_remove(struct xarray *table, u32 number)
{
	struct edudma_registered *reg = xa_erase(table, number);

	if (!reg)
		return -ENOENT;
	kref_put(&reg->ref, edudma_registered_end_now);

	return 0;
}

/** edudma_registered_remove_all() - unregister all buffers of a file.  May sleep. */
void edudma_registered_remove_all(struct xarray *table)
{
	struct edudma_registered *reg;
	unsigned long number;

	xa_for_each(table, number, reg)
		edudma_registered_remove(table, number);
	xa_destroy(table);
}

/**
 * edudma_registered_get() - look up a buffer
 * @table:	of a file that is open
 * @number:	of the buffer
 *
 * Context: Any.
 * Return: the buffer with a reference for edudma_registered_put(), or NULL.
 */
struct edudma_registered *edudma_registered_get(struct xarray *table, u32 number)
{
	struct edudma_registered *reg;

	rcu_read_lock();
	reg = xa_load(table, number);
	if (reg && !kref_get_unless_zero(&reg->ref))
		reg = NULL;
	rcu_read_unlock();

	return reg;
}

/** edudma_registered_put() - drop the reference of a user.  Any context. */
void edudma_registered_put(struct edudma_registered *reg)
{
	kref_put(&reg->ref, edudma_registered_end_later);
}

/* Which piece a byte is in. */
static unsigned int edudma_registered_find(const struct edudma_registered *reg, u64 pos)
{
	unsigned int first = 0, count = reg->nr_pieces;

	/* The last piece that does not begin behind it. */
	while (count > 1) {
		unsigned int half = count / 2;

		if (reg->pieces[first + half].pos <= pos) {
			first += half;
			count -= half;
		} else {
			count = half;
		}
	}

	return first;
}

/**
 * edudma_registered_piece() - where the device finds a byte
 * @reg:	a buffer that is mapped
 * @pos:	of the byte
 * @addr:	set to its bus address
 *
 * Context: Any.
 * Return: how many bytes, from this one on, lie behind each other on the bus.
 */
u64 edudma_registered_piece(const struct edudma_registered *reg, u64 pos,
			    dma_addr_t *addr)
{
	const struct edudma_piece *piece = &reg->pieces[edudma_registered_find(reg, pos)];

	*addr = piece->addr + (pos - piece->pos);

	return piece[1].pos - pos;
}

static void edudma_registered_fill_list(struct edudma_registered *reg)
{
	const struct edudma_piece *piece = reg->pieces;
	unsigned int i;

	for (i = 0; i < reg->nr_pieces; i++, piece++)
		reg->list[i] = (struct edudma_ring_piece) {
			.addr = cpu_to_le64(piece->addr),
			.len = cpu_to_le32(piece[1].pos - piece->pos),
		};
}

/**
 * edudma_registered_list() - let the device read where the pieces of a buffer are
 * @reg:	a buffer
 *
 * Context: Process, may sleep; no locks.
 * Return: 0, -ENOMEM, or -ENODEV if the device is gone.
 */
int edudma_registered_list(struct edudma_registered *reg)
{
	struct edudma_dma *dma = reg->dma;
	int ret = 0;

	mutex_lock(&dma->registered_lock);
	if (!reg->mapped) {
		ret = -ENODEV;
	} else if (!reg->list) {
		reg->list = dma_alloc_coherent(dma->dev,
					       reg->nr_pieces * sizeof(*reg->list),
					       &reg->list_dma, GFP_KERNEL);
		if (reg->list)
			edudma_registered_fill_list(reg);
		else
			ret = -ENOMEM;
	}
	mutex_unlock(&dma->registered_lock);

	return ret;
}

/**
 * edudma_registered_list_at() - where in its list the piece with a byte is
 * @reg:	a buffer that has a list
 * @pos:	of the byte
 * @skip:	set to the distance from the beginning of the piece
 *
 * Context: Any.
 * Return: the bus address of the list's element.
 */
dma_addr_t edudma_registered_list_at(const struct edudma_registered *reg, u64 pos,
				     u64 *skip)
{
	unsigned int i = edudma_registered_find(reg, pos);

	*skip = pos - reg->pieces[i].pos;

	return reg->list_dma + i * sizeof(*reg->list);
}

/**
 * edudma_registered_revoke() - the device goes: unmap all buffers
 * @dma:	of the device; no job is under way or comes, but those that are kept
 *
 * Their memory stays pinned until it is unregistered.
 *
 * Context: Process, may sleep.
 */
void edudma_registered_revoke(struct edudma_dma *dma)
{
	struct edudma_registered *reg;

	mutex_lock(&dma->registered_lock);
	dma->revoked = true;
	list_for_each_entry(reg, &dma->registered, node)
		if (!atomic_read(&reg->kept))
			edudma_registered_unmap(reg);
	mutex_unlock(&dma->registered_lock);
}
