/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request: a vector that becomes jobs, and who waits for its end.
 */
#ifndef EDUDMA_REQUEST_H
#define EDUDMA_REQUEST_H

#include <linux/kref.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include <linux/edudma.h>

#include "buffer.h"
#include "queue.h"

struct edudma_device;
struct edudma_file;
struct xarray;

/* One under DMA, one pinned ahead of it. */
#define EDUDMA_REQUEST_CHUNKS	2

/**
 * struct edudma_chunk - the part of a request that is pinned at one time
 * @req:	whose it is
 * @buf:	its memory
 * @job:	its descriptors
 * @busy:	submitted and not released; wait.lock, read without
 * @kept:	the request has ended without it
 */
struct edudma_chunk {
	struct edudma_request *req;
	struct edudma_buffer buf;
	struct edudma_job job;
	bool busy;
	bool kept;
};

/**
 * struct edudma_request - one read, write or transfer call, or asynchronous request
 * @ref:	references
 * @spare:	the next one in edudma_spares, of which this is a part when it has ended
 * @edev:	the device, a reference
 * @table:	registered buffers of the file that it came through, while it is filled
 * @grant:	its right to use the engine
 * @segments:	the checked vector, owned by the request
 * @segment:	the vector, if it has one element
 * @nr_segments: of them
 * @no_bounce:	refuse what is not addressable
 * @borrows:	the segments are parts of @kernel, not of user memory
 * @kernel:	an ITER_BVEC
 * @len:	sum of their lengths
 * @nr_chunks:	of them, with memory for their pages; submitter
 * @next:	first segment not filled into a chunk yet; submitter
 * @next_done:	bytes of it that are; submitter
 * @filled:	bytes filled into chunks; submitter
 * @nr_kept:	chunks that the device may still access; recovery, then completion
 * @in_flight:	chunks submitted and not released; wait.lock
 * @undelivered: of these, those whose bytes may not be where they belong; wait.lock
 * @done:	bytes moved, from the first on; wait.lock
 * @standing:	the grant through which it is submitted, if nobody waits for it
 * @plugged:	more follow it there
 * @polled:	who submitted it polls until it has ended, then
 * @ended:	Nobody waits for it and it has ended, or what is left of it was kept: the
 *		bytes that it has moved, and why it was stopped, if it was.  Context:
 *		any, hard irq included; no locks.
 * @efile:	the file, then
 * @complete:	tells who submitted it, then.  Context: as of @ended.
 * @owner:	for @complete
 * @active:	what counts it, of @efile, then
 * @wait:	woken when the grant, @in_flight or @undelivered changes
 * @chunk:	its chunks, the first @nr_chunks initialised; the second is used if the
 *		first cannot hold all
 * @small:	arrays of the first chunk, if they are not larger; not initialised
 *
 * What nobody waits for has one chunk.
 *
 * Lifetime: the submitter holds one reference, each submitted chunk another.
 * A submitter that is killed leaves; its chunks finish without it.
 */
struct edudma_request {
	struct kref ref;
	struct edudma_request *spare;
	struct edudma_device *edev;
	struct xarray *table;
	struct edudma_grant grant;
	struct edudma_segment *segments;
	struct edudma_segment segment;
	unsigned int nr_segments;
	bool no_bounce;
	bool borrows;
	struct iov_iter kernel;
	u64 len;

	unsigned int nr_chunks;
	unsigned int next;
	u64 next_done;
	u64 filled;
	unsigned int nr_kept;

	unsigned int in_flight;
	unsigned int undelivered;
	u64 done;
	struct edudma_grant *standing;
	bool plugged;
	bool polled;
	void (*ended)(struct edudma_request *req, u64 bytes, int error);
	struct edudma_file *efile;
	void (*complete)(void *owner, u64 bytes, int error);
	void *owner;
	atomic_t *active;
	wait_queue_head_t wait;

	struct edudma_chunk chunk[EDUDMA_REQUEST_CHUNKS];
	struct edudma_buffer_arrays small;
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

struct edudma_request *edudma_request_alloc(struct edudma_file *efile,
					    unsigned int nr_segments, u32 flags);
void edudma_request_borrow(struct edudma_request *req, const struct iov_iter *iter);
void edudma_request_put(struct edudma_request *req);
void edudma_spares_init(struct edudma_spares *spares);
void edudma_spares_free(struct edudma_spares *spares);
unsigned int edudma_chunk_pages(const struct edudma_device *edev);

/* sync.c */
void edudma_request_run(struct edudma_request *req, struct edudma_file *efile,
			struct edudma_result *result);
int edudma_file_flush(struct edudma_file *efile);

/* async.c */
int edudma_request_start(struct edudma_request *req, struct edudma_file *efile,
			 bool polled,
			 void (*complete)(void *owner, u64 bytes, int error),
			 void *owner);

/* Between the files of this layer. */
int edudma_request_alloc_all_chunks(struct edudma_request *req);
int edudma_request_fill_at_once(struct edudma_request *req);
void edudma_request_discard(struct edudma_request *req);
int edudma_chunk_fill(struct edudma_chunk *chunk);
int edudma_chunk_submit(struct edudma_chunk *chunk, bool last);

#endif /* EDUDMA_REQUEST_H */
