/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests and the chunks that they are cut into.
 */
#ifndef EDUDMA_REQUEST_H
#define EDUDMA_REQUEST_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/edudma.h>

#include "channel.h"
#include "descriptor.h"
#include "turns.h"

struct edudma_file;
struct page;

/* One chunk under DMA, one pinned ahead of it. */
#define EDUDMA_REQUEST_CHUNKS	2

/* For arrays as long as the user asks for: ENOMEM says enough, without a trace. */
#define EDUDMA_GFP_ARRAY	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/**
 * struct edudma_extent - a run of user pages within a chunk
 * @offset:	window offset of the first byte
 * @len:	bytes
 * @first_page:	index of the first page in edudma_chunk.pages
 * @nr_pages:	pages
 * @page_offset: of the first byte within the first page
 * @first_slot:	index of the first bounce slot in edudma_chunk.slots; slot n
 *		stands for page n, with the bytes at the same place
 * @from_device: direction
 * @bounced:	goes through the bounce pool
 * @sgt:	the mapped pages if not @bounced
 *
 * Contiguous in user memory and in the window, of one direction, and either
 * reachable by the device as a whole or bounced as a whole.
 */
struct edudma_extent {
	u64 offset;
	size_t len;
	unsigned int first_page;
	unsigned int nr_pages;
	unsigned int page_offset;
	unsigned int first_slot;
	bool from_device;
	bool bounced;
	struct sg_table sgt;
};

/**
 * struct edudma_chunk - the part of a request that is pinned at one time
 * @req:	whose it is
 * @node:	in edudma_request.chunks while submitted, then in
 *		edudma_channel.completed if it brings copies; channel lock
 * @dirtying:	dirties pages that were cleaned while the chunk was under way
 * @busy:	submitted and not released; channel lock
 * @capacity:	elements of @pages and @slots
 * @pages:	pinned user pages
 * @nr_pages:	of them
 * @extents:	what the pages are to be used for, in order
 * @max_extents: elements of @extents
 * @nr_extents:	of them
 * @slots:	bounce slots, NULL where the device has no pool
 * @nr_slots:	of them, needed and, once mapped, held until copied
 * @descs:	what the engine executes
 * @limit:	descriptors to execute: all, or fewer once it is cut short
 * @issued:	descriptors given to the engine
 * @retired:	descriptors that the engine is done with
 * @len:	bytes in all extents
 * @bytes_done:	bytes in all retired descriptors
 * @copies_out:	some extent is copied on its way to the device, when mapped
 * @copies_in:	some extent is copied on its way to user memory, when complete
 *
 * Ownership: filled and mapped by the submitter; edudma_channel_submit() hands
 * it to the channel, which gives it to edudma_chunk_complete() when the engine
 * is done with it; when @busy is cleared it is the submitter's again.
 */
struct edudma_chunk {
	struct edudma_request *req;
	struct list_head node;
	struct work_struct dirtying;
	bool busy;
	unsigned int capacity;
	struct page **pages;
	unsigned int nr_pages;
	struct edudma_extent *extents;
	unsigned int max_extents;
	unsigned int nr_extents;
	unsigned int *slots;
	unsigned int nr_slots;
	struct edudma_descriptor_list descs;
	unsigned int limit;
	unsigned int issued;
	unsigned int retired;
	u64 len;
	u64 bytes_done;
	bool copies_out;
	bool copies_in;
};

/**
 * enum edudma_turn_state - where a request stands
 * @EDUDMA_TURN_WAITING:	in its file's queue, or not there yet
 * @EDUDMA_TURN_ON_DECK:	next: may submit one chunk
 * @EDUDMA_TURN_RUNNING:	now: may submit until it is finished
 * @EDUDMA_TURN_OVER:		may not submit any more
 */
enum edudma_turn_state {
	EDUDMA_TURN_WAITING,
	EDUDMA_TURN_ON_DECK,
	EDUDMA_TURN_RUNNING,
	EDUDMA_TURN_OVER,
};

/**
 * struct edudma_request - one read, write or transfer call
 * @ref:	references
 * @channel:	where it runs
 * @segments:	the validated vector, owned by the request
 * @nr_segments: of them
 * @len:	sum of their lengths
 * @no_bounce:	refuse what the device cannot reach
 * @chunk:	its chunks; the second only if the first cannot hold all
 * @segment:	first segment not filled into a chunk yet; submitter
 * @segment_done: bytes of it that are; submitter
 * @filled:	bytes filled into chunks; submitter
 * @turn:	place in the file's queue; channel lock
 * @state:	where it stands; channel lock
 * @finished:	no further chunk will come; channel lock
 * @error:	why it was stopped, 0 or -errno; channel lock
 * @chunks:	submitted chunks that the engine is not done with, in order;
 *		channel lock
 * @in_flight:	chunks submitted and not released; channel lock
 * @arriving:	of these, those whose bytes may not have arrived; channel lock
 * @done:	bytes moved, from the first on; channel lock
 * @wait:	woken when @state, @error, @in_flight or @arriving changes
 *
 * Lifetime: the submitter holds one reference, each submitted chunk another.
 * A submitter that is killed leaves; its chunks finish without it.
 */
struct edudma_request {
	struct kref ref;
	struct edudma_channel *channel;
	struct edudma_segment *segments;
	unsigned int nr_segments;
	u64 len;
	bool no_bounce;
	struct edudma_chunk *chunk[EDUDMA_REQUEST_CHUNKS];

	unsigned int segment;
	u64 segment_done;
	u64 filled;

	struct edudma_turn turn;
	enum edudma_turn_state state;
	bool finished;
	int error;
	struct list_head chunks;
	unsigned int in_flight;
	unsigned int arriving;
	u64 done;
	wait_queue_head_t wait;
};

/**
 * struct edudma_result - what became of a request
 * @bytes:	bytes moved, from the first on
 * @segments:	leading segments moved completely
 * @error:	0 if all were moved, else -errno; -ERESTARTSYS if a signal came
 *		before anything was moved
 */
struct edudma_result {
	u64 bytes;
	unsigned int segments;
	int error;
};

/* request.c */
struct edudma_request *edudma_request_alloc(struct edudma_file *efile,
					    unsigned int nr_segments);
void edudma_request_put(struct edudma_request *req);
void edudma_request_run(struct edudma_request *req, struct edudma_file *efile,
			struct edudma_result *result);

static inline struct edudma_device *
edudma_chunk_device(const struct edudma_chunk *chunk)
{
	return chunk->req->channel->edev;
}

/* Whether a complete chunk has something that must be copied to user memory. */
static inline bool edudma_chunk_brings_copies(const struct edudma_chunk *chunk)
{
	return chunk->copies_in && chunk->bytes_done;
}

/* chunk.c */
struct edudma_chunk *edudma_chunk_alloc(struct edudma_request *req,
					unsigned int capacity);
void edudma_chunk_free(struct edudma_chunk *chunk);
int edudma_chunk_fill(struct edudma_chunk *chunk);
void edudma_chunk_discard(struct edudma_chunk *chunk);

/* chunk_dma.c */
int edudma_chunk_submit(struct edudma_chunk *chunk, bool last);
void edudma_chunk_complete(struct edudma_chunk *chunk);
void edudma_chunk_dirty(struct work_struct *work);
void edudma_chunk_leak(struct edudma_chunk *chunk);

#endif /* EDUDMA_REQUEST_H */
