// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams: slots that the user gives become jobs, and the frames that they get are
 * reported, both in the interrupt; while user and device keep up nobody makes a system
 * call.
 */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "edudma_device.h"
#include "power.h"
#include "registered.h"
#include "stream.h"
#include "trace.h"

/* Slots that are submitted in one go, as that may be in hard irq context. */
#define EDUDMA_FEED_SLOTS	16U

/* If it has ended and nobody uses it any more, the device may sleep.  Under the lock. */
static void edudma_stream_settle(struct edudma_stream *stream)
{
	if (stream->state == EDUDMA_STREAM_RUNNING || stream->posted || stream->inside)
		return;
	if (stream->awake)
		edudma_pm_put(stream->edev);
	stream->awake = false;
	wake_up_locked(&stream->wait);
}

/* Under the lock. */
static void edudma_stream_set_ended(struct edudma_stream *stream, int error)
{
	stream->state = EDUDMA_STREAM_ENDED;
	stream->error = error;
	edudma_stream_set_flags(stream, EDUDMA_RINGS_ENDED);
	wake_up_locked(&stream->wait);
	edudma_stream_settle(stream);
}

/* The grant was stopped, by whomever; or granted, for which start waits by itself. */
static void edudma_stream_notify(struct edudma_grant *grant)
{
	struct edudma_stream *stream = container_of(grant, struct edudma_stream, grant);
	unsigned long flags;

	if (!grant->error)
		return;

	spin_lock_irqsave(&stream->wait.lock, flags);
	if (stream->state == EDUDMA_STREAM_RUNNING)
		edudma_stream_set_ended(stream, grant->error);
	spin_unlock_irqrestore(&stream->wait.lock, flags);
}

/*
 * Submits what the user has given, in order, under the lock, which is dropped meanwhile.
 * It is a bounded number, as long as the device has some: the next interrupt goes on.  If
 * the device has nothing then, no interrupt will look again, and the user is told to say
 * so.  Returns 0, or what the stream is to end with.
 */
static int edudma_stream_feed(struct edudma_stream *stream, unsigned long *flags)
	__must_hold(&stream->wait.lock)
{
	unsigned int budget = EDUDMA_FEED_SLOTS;
	struct edudma_slot *slot;
	int ret = 0;

	stream->again = true;
	if (stream->feeding)
		return 0;

	stream->feeding = true;
	while (!ret && stream->again && stream->state == EDUDMA_STREAM_RUNNING) {
		if (!budget && stream->posted)
			break;
		slot = edudma_stream_take(stream);
		if (IS_ERR(slot)) {
			ret = PTR_ERR(slot);
		} else if (slot) {
			spin_unlock_irqrestore(&stream->wait.lock, *flags);
			ret = edudma_grant_submit(&stream->grant, &slot->job, false);
			spin_lock_irqsave(&stream->wait.lock, *flags);
			if (ret)
				edudma_stream_report(stream, slot, ret);
			budget -= !!budget;
		} else if (stream->posted || stream->flags & EDUDMA_RINGS_NEED_KICK) {
			stream->again = false;
			if (stream->posted)
				edudma_stream_set_flags(stream, 0);
		} else {
			edudma_stream_set_flags(stream, EDUDMA_RINGS_NEED_KICK);
			/* The flag is there before the ring is looked at once more. */
			smp_mb();
		}
	}
	stream->feeding = false;

	return ret;
}

/* Ends the stream if there is an error, and the use of it in any case.  Under the lock. */
static void edudma_stream_leave(struct edudma_stream *stream, unsigned long *flags,
				int error)
	__must_hold(&stream->wait.lock)
{
	if (error) {
		spin_unlock_irqrestore(&stream->wait.lock, *flags);
		edudma_grant_cancel(&stream->grant, error, true);
		spin_lock_irqsave(&stream->wait.lock, *flags);
	}
	stream->inside--;
	edudma_stream_settle(stream);
}

/* The device was kept from a slot's memory at last: nobody waits for that any more. */
static void edudma_slot_given_back(struct edudma_slot *slot)
{
	atomic_dec(&slot->registered->kept);
	edudma_stream_put(slot->stream);
}

static void edudma_slot_complete(struct edudma_job *job)
{
	struct edudma_slot *slot = container_of(job, struct edudma_slot, job);
	struct edudma_stream *stream = slot->stream;
	unsigned long flags;
	int error;

	if (slot->kept) {
		edudma_slot_given_back(slot);
		return;
	}

	spin_lock_irqsave(&stream->wait.lock, flags);
	stream->inside++;
	error = edudma_stream_report(stream, slot, job->moved ? 0 : job->error);
	if (!error)
		error = edudma_stream_feed(stream, &flags);
	edudma_stream_leave(stream, &flags, error);
	spin_unlock_irqrestore(&stream->wait.lock, flags);
}

/* The slot stays the device's: it is in no frame, and not taken again. */
static void edudma_slot_keep(struct edudma_job *job)
{
	struct edudma_slot *slot = container_of(job, struct edudma_slot, job);
	struct edudma_stream *stream = slot->stream;

	atomic_inc(&slot->registered->kept);
	kref_get(&stream->ref);
	spin_lock_irq(&stream->wait.lock);
	slot->kept = true;
	stream->posted--;
	edudma_stream_settle(stream);
	spin_unlock_irq(&stream->wait.lock);
}

/**
 * edudma_stream_kick() - look whether the user has given slots
 * @stream:	the stream; if it does not run nobody is woken, as who polls calls this
 *
 * Context: Process; no locks.
 */
void edudma_stream_kick(struct edudma_stream *stream)
{
	unsigned long flags;

	spin_lock_irqsave(&stream->wait.lock, flags);
	if (stream->state == EDUDMA_STREAM_RUNNING) {
		stream->inside++;
		edudma_stream_leave(stream, &flags, edudma_stream_feed(stream, &flags));
	}
	spin_unlock_irqrestore(&stream->wait.lock, flags);
}

/* Takes one of the channels for streams; under the mutex. */
static int edudma_stream_take_channel(struct edudma_stream *stream)
{
	struct edudma_device *edev = stream->edev;
	unsigned int i;
	int ret;

	for (i = edudma_request_channels(&edev->engine); i < edev->engine.channels; i++)
		if (!test_and_set_bit(i, &edev->streaming))
			break;
	if (i == edev->engine.channels)
		return -EBUSY;

	ret = edudma_queue_attach(&edev->queues[i], &stream->share,
				  from_kuid(&init_user_ns, current_euid()));
	if (ret)
		clear_bit(i, &edev->streaming);
	else
		stream->queue = &edev->queues[i];

	return ret;
}

static void edudma_stream_return_channel(struct edudma_stream *stream)
{
	unsigned int channel = stream->queue->index;

	stream->counted = stream->edev->engine.counted[channel];
	edudma_queue_detach(stream->queue, &stream->share);
	stream->queue = NULL;
	clear_bit_unlock(channel, &stream->edev->streaming);
}

/* What a frame may take beyond what any descriptor may: the time between two. */
static unsigned long edudma_stream_patience(const struct edudma_stream_setup *setup)
{
	if (!setup->rate)
		return 0;

	return msecs_to_jiffies(div64_u64((u64)setup->frame_bytes * MSEC_PER_SEC,
					  setup->rate) + 1);
}

/* Has the device begin; under the mutex and unplug_rwsem. */
static int edudma_stream_begin(struct edudma_stream *stream)
{
	int ret;

	if (stream->edev->unplugged)
		return -ENODEV;
	ret = edudma_pm_get(stream->edev);
	if (ret)
		return ret;

	stream->error = 0;
	stream->end = 0;
	stream->delivered = 0;
	stream->nr_frames = 0;
	stream->sequence = 0;
	stream->counted = (struct edudma_stream_count) { };
	stream->grant = (struct edudma_grant) {
		.queue = stream->queue,
		.notify = edudma_stream_notify,
		.id = stream->id,
		.patience = edudma_stream_patience(&stream->setup),
	};
	ret = edudma_grant_request(&stream->grant, &stream->share);
	if (ret)
		goto err_put;
	ret = edudma_queue_start_stream(&stream->grant, &stream->setup);
	if (ret)
		goto err_cancel;

	spin_lock_irq(&stream->wait.lock);
	stream->awake = true;
	stream->state = EDUDMA_STREAM_RUNNING;
	edudma_stream_set_flags(stream, 0);
	/* It may have been stopped before that could be noted. */
	if (stream->grant.error)
		edudma_stream_set_ended(stream, stream->grant.error);
	spin_unlock_irq(&stream->wait.lock);

	return 0;

err_cancel:
	edudma_grant_cancel(&stream->grant, ret, true);
err_put:
	edudma_pm_put(stream->edev);
	return ret;
}

/* What the user has given and nobody has taken comes back; at most a ring of it. */
static void edudma_stream_return_slots(struct edudma_stream *stream)
{
	struct edudma_slot *slot;
	unsigned int i;

	spin_lock_irq(&stream->wait.lock);
	for (i = 0; i < stream->entries; i++) {
		slot = edudma_stream_take(stream);
		if (!slot)
			break;
		if (!IS_ERR(slot))
			edudma_stream_report(stream, slot, stream->error);
	}
	spin_unlock_irq(&stream->wait.lock);
}

static bool edudma_stream_idle(struct edudma_stream *stream)
{
	bool idle;

	spin_lock_irq(&stream->wait.lock);
	idle = !stream->posted && !stream->inside;
	spin_unlock_irq(&stream->wait.lock);

	return idle;
}

/* Ends it and gives the channel back, under the mutex. */
static void edudma_stream_finish(struct edudma_stream *stream)
{
	struct edudma_device *edev = stream->edev;
	u64 produced;

	if (!stream->queue)
		return;

	edudma_grant_cancel(&stream->grant, -ECANCELED, true);
	/* Recovery sees to it that this does not take long. */
	wait_event(stream->wait, edudma_stream_idle(stream));
	edudma_stream_return_slots(stream);
	down_read(&edev->unplug_rwsem);
	if (!edev->unplugged)
		edudma_queue_end_stream(stream->queue);
	up_read(&edev->unplug_rwsem);
	edudma_stream_return_channel(stream);

	produced = stream->counted.produced;
	if (stream->counted.known && produced > stream->end)
		edudma_count(&edev->stats.bytes_lost, produced - stream->end);
}

/**
 * edudma_stream_start() - take a channel and start
 * @stream:	the stream
 *
 * Context: Process, may sleep; no locks.
 * Return: 0 or what EDUDMA_IOC_STREAM_START fails with.
 */
int edudma_stream_start(struct edudma_stream *stream)
{
	struct edudma_device *edev = stream->edev;
	int ret = -EALREADY;

	mutex_lock(&stream->mutex);
	if (READ_ONCE(stream->state) == EDUDMA_STREAM_RUNNING)
		goto out;

	edudma_stream_finish(stream);
	ret = edudma_stream_take_channel(stream);
	if (ret)
		goto out;
	down_read(&edev->unplug_rwsem);
	ret = edudma_stream_begin(stream);
	up_read(&edev->unplug_rwsem);
	if (ret)
		edudma_stream_return_channel(stream);
	else
		edudma_stream_kick(stream);
out:
	mutex_unlock(&stream->mutex);
	return ret;
}

/**
 * edudma_stream_stop() - end a stream, and give its channel back
 * @stream:	the stream, which may not run
 *
 * Context: Process, may sleep; no locks.
 */
void edudma_stream_stop(struct edudma_stream *stream)
{
	mutex_lock(&stream->mutex);
	edudma_stream_finish(stream);
	mutex_unlock(&stream->mutex);
}

/**
 * edudma_stream_status() - what has become of a stream
 * @stream:	the stream; if it has ended, its channel is given back
 * @status:	where to put it
 *
 * Context: Process, may sleep; no locks.
 */
void edudma_stream_status(struct edudma_stream *stream,
			  struct edudma_stream_status *status)
{
	const struct edudma_stream_count *counted = &stream->counted;

	mutex_lock(&stream->mutex);
	if (READ_ONCE(stream->state) == EDUDMA_STREAM_ENDED)
		edudma_stream_finish(stream);

	spin_lock_irq(&stream->wait.lock);
	*status = (struct edudma_stream_status) {
		.produced = stream->end,
		.delivered = stream->delivered,
		.frames = stream->nr_frames,
		.mismatches = counted->mismatches,
		.first_mismatch = counted->known ? counted->first_mismatch : ~0ULL,
		.state = stream->state,
		.error = -stream->error,
	};
	if (stream->state == EDUDMA_STREAM_ENDED) {
		if (counted->known && counted->produced >= stream->end)
			status->produced = counted->produced;
		else
			status->flags = EDUDMA_STREAM_UNCOUNTED;
	}
	spin_unlock_irq(&stream->wait.lock);
	status->lost = status->produced - status->delivered;
	mutex_unlock(&stream->mutex);
}

/* The last reference is gone. */
static void edudma_stream_free(struct kref *ref)
{
	struct edudma_stream *stream = container_of(ref, struct edudma_stream, ref);
	unsigned int i;

	for (i = 0; i < stream->nr_slots; i++)
		if (stream->slots[i].registered)
			edudma_registered_put(stream->slots[i].registered);
	vfree(stream->rings);
	kvfree(stream->slots);
	put_device(&stream->edev->dev);
	kfree(stream);
}

/** edudma_stream_put() - drop a reference.  Any context. */
void edudma_stream_put(struct edudma_stream *stream)
{
	kref_put(&stream->ref, edudma_stream_free);
}

/**
 * edudma_stream_alloc() - make a stream
 * @edev:	its device
 * @setup:	how it works
 * @nr_slots:	places for frames, to be filled in by edudma_stream_add_slots()
 *
 * Context: Process, may sleep.
 * Return: the stream with one reference for edudma_stream_put(), or NULL.
 */
struct edudma_stream *edudma_stream_alloc(struct edudma_device *edev,
					  const struct edudma_stream_setup *setup,
					  unsigned int nr_slots)
{
	struct edudma_stream *stream;
	u32 entries = roundup_pow_of_two(nr_slots);

	stream = kzalloc(sizeof(*stream), GFP_KERNEL_ACCOUNT);
	if (!stream)
		return NULL;
	stream->map_bytes = PAGE_ALIGN(sizeof(*stream->rings) +
				       entries * (sizeof(*stream->fill) +
						  sizeof(*stream->frames)));
	stream->slots = kvcalloc(nr_slots, sizeof(*stream->slots), GFP_KERNEL_ACCOUNT);
	stream->rings = vmalloc_user(stream->map_bytes);
	if (!stream->slots || !stream->rings)
		goto err_free;

	kref_init(&stream->ref);
	stream->edev = edev;
	if (trace_edudma_frame_enabled())
		stream->id = edudma_trace_id();
	stream->setup = *setup;
	stream->nr_slots = nr_slots;
	stream->entries = entries;
	stream->fill = (void *)(stream->rings + 1);
	stream->frames = (void *)(stream->fill + entries);
	mutex_init(&stream->mutex);
	init_waitqueue_head(&stream->wait);
	get_device(&edev->dev);

	return stream;

err_free:
	vfree(stream->rings);
	kvfree(stream->slots);
	kfree(stream);
	return NULL;
}

static int edudma_stream_add_slot(struct edudma_stream *stream, struct edudma_slot *slot,
				  struct xarray *buffers,
				  const struct edudma_stream_slot *from)
{
	struct edudma_registered *reg;
	int ret;

	if (from->reserved || !from->len ||
	    (stream->setup.source && from->len < stream->setup.frame_bytes))
		return -EINVAL;
	reg = edudma_registered_get(buffers, from->buffer);
	if (!reg)
		return -ENOENT;
	slot->registered = reg;
	if (from->offset > reg->len || from->len > reg->len - from->offset)
		return -EFAULT;
	ret = edudma_registered_list(reg);
	if (ret)
		return ret;

	slot->stream = stream;
	slot->len = from->len;
	slot->place.desc.from_device = stream->setup.source;
	slot->place.desc.dma_addr = edudma_registered_list_at(reg, from->offset,
							      &slot->place.desc.offset);
	slot->job = (struct edudma_job) {
		.descs = &slot->place.desc,
		.count = 1,
		.weight = 1,
		.id = stream->id,
		.complete = edudma_slot_complete,
		.keep = edudma_slot_keep,
	};

	return 0;
}

/**
 * edudma_stream_add_slots() - say where frames may be
 * @stream:	a stream without slots
 * @buffers:	registered buffers of the file
 * @slots:	as many as the stream has
 *
 * Context: Process, may sleep.
 * Return: 0; or -EINVAL, -ENOENT, -EFAULT, -ENOMEM, -ENODEV, and the stream is to be put.
 */
int edudma_stream_add_slots(struct edudma_stream *stream, struct xarray *buffers,
			    const struct edudma_stream_slot *slots)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < stream->nr_slots && !ret; i++)
		ret = edudma_stream_add_slot(stream, &stream->slots[i], buffers, &slots[i]);

	return ret;
}
