// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings that a stream shares with its user.
 *
 * They are the user's memory.  Each word is read once and checked, and nothing that
 * was written there is read back: the driver's own indices are elsewhere.
 */
#include <linux/nospec.h>

#include "edudma_device.h"
#include "stream.h"
#include "trace.h"

/**
 * edudma_stream_set_flags() - tell the user EDUDMA_RINGS_*
 * @stream:	the stream
 * @flags:	all that are set
 *
 * Context: Any, under the lock.
 */
void edudma_stream_set_flags(struct edudma_stream *stream, u32 flags)
{
	if (stream->flags == flags)
		return;
	stream->flags = flags;
	WRITE_ONCE(stream->rings->flags, flags);
}

/* The slot that an entry of the fill ring names, if the entry is good, under the lock. */
static struct edudma_slot *edudma_stream_named(struct edudma_stream *stream,
					       const struct edudma_stream_fill *entry)
{
	u32 number = READ_ONCE(entry->slot), bytes = READ_ONCE(entry->bytes);
	struct edudma_slot *slot;

	if (number >= stream->nr_slots)
		return ERR_PTR(-EPROTO);
	slot = &stream->slots[array_index_nospec(number, stream->nr_slots)];
	if (slot->posted)
		return ERR_PTR(-EPROTO);
	if (stream->setup.source ? bytes :
	    !bytes || bytes > min(slot->len, stream->setup.frame_bytes))
		return ERR_PTR(-EPROTO);

	slot->place.desc.len = bytes ?: slot->len;
	slot->place.frame = (struct edudma_frame) { };
	slot->posted = true;
	stream->posted++;

	return slot;
}

/**
 * edudma_stream_take() - take the next entry from the fill ring
 * @stream:	the stream
 *
 * Context: Any, under the lock.
 * Return: its slot, which is the device's then; NULL if there is none; or an error
 * pointer if the entry is bad, or if there are more than the ring has, which are all
 * taken.
 */
struct edudma_slot *edudma_stream_take(struct edudma_stream *stream)
{
	/* The entries were written before. */
	u32 tail = smp_load_acquire(&stream->rings->fill_tail);
	u32 given = tail - stream->fill_head;
	struct edudma_slot *slot = NULL;

	if (given > stream->entries) {
		stream->fill_head = tail;
		slot = ERR_PTR(-EPROTO);
	} else if (given) {
		slot = edudma_stream_named(stream, &stream->fill[stream->fill_head++ &
								 (stream->entries - 1)]);
	}
	if (given)
		WRITE_ONCE(stream->rings->fill_head, stream->fill_head);

	return slot;
}

/* What a frame says is counted, if it can be.  Returns the bytes lost before it. */
static u64 edudma_stream_account(struct edudma_stream *stream,
				 const struct edudma_frame *frame)
{
	struct edudma_stats *stats = &stream->edev->stats;
	u64 lost = frame->position - stream->end;

	stream->end = frame->position + frame->bytes;
	stream->delivered += frame->bytes;
	stream->sequence += frame->sequence - (u32)stream->sequence;
	stream->nr_frames++;
	edudma_count(&stats->frames, 1);
	edudma_count(stream->setup.source ? &stats->bytes_from_device :
		     &stats->bytes_to_device, frame->bytes);
	edudma_count(&stats->bytes_zero_copy, frame->bytes);
	if (lost)
		edudma_count(&stats->bytes_lost, lost);

	return lost;
}

/**
 * edudma_stream_report() - give a slot back to the user, with what became of it
 * @stream:	the stream
 * @slot:	a slot that was taken
 * @error:	0, or why it has no frame
 *
 * Context: Any, under the lock.
 * Return: 0, or what the stream is to end with: the device says that it is over, or
 * what cannot be.
 */
int edudma_stream_report(struct edudma_stream *stream, struct edudma_slot *slot,
			 int error)
{
	struct edudma_frame *frame = &slot->place.frame;
	struct edudma_stream_frame entry = { .slot = slot - stream->slots };
	int end = 0;

	if (frame->over) {
		end = -EOVERFLOW;
	} else if (frame->bytes && frame->position < stream->end) {
		dev_err_ratelimited(&stream->edev->dev, "frame %u at position %llu, after one that ended at %llu\n",
				    frame->sequence, frame->position, stream->end);
		end = -EIO;
	} else if (frame->bytes) {
		entry.lost = edudma_stream_account(stream, frame);
		entry.position = frame->position;
		entry.sequence = stream->sequence;
		entry.timestamp = frame->timestamp;
		entry.bytes = frame->bytes;
		entry.flags = frame->whole ? EDUDMA_FRAME_WHOLE : 0;
	}
	entry.error = -(end ?: error);
	trace_edudma_frame(slot->job.id, entry.slot, entry.sequence, entry.bytes, entry.lost,
			   entry.error);

	slot->posted = false;
	stream->posted--;
	stream->frames[stream->frame_tail & (stream->entries - 1)] = entry;
	/* The entry is there before the tail that shows it. */
	smp_store_release(&stream->rings->frame_tail, ++stream->frame_tail);
	/* Who sleeps has looked under the lock. */
	if (waitqueue_active(&stream->wait))
		wake_up_locked(&stream->wait);

	return end;
}

/**
 * edudma_stream_has_frames() - are there frames that the user has not taken
 * @stream:	the stream
 *
 * Context: Any.
 * Return: the answer, as far as the user tells what it has taken.
 */
bool edudma_stream_has_frames(const struct edudma_stream *stream)
{
	return READ_ONCE(stream->frame_tail) != READ_ONCE(stream->rings->frame_head);
}
