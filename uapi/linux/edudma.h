/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * edudma: user-memory DMA to and from a PCI device's on-board window.
 *
 * A node /dev/edudmaN is a file of window_bytes bytes.  read(2) and write(2)
 * move data between user memory and the window by DMA; the calls below add
 * vectors with mixed directions and say what the device and driver can do.
 *
 * ABI rules: every structure has the same layout for 32- and 64-bit callers,
 * reserved fields must be zero, an unknown flag or direction is EINVAL and an
 * unknown command is ENOTTY.  A structure may grow at its end; its size is
 * part of the command number, so old and new programs run on old and new
 * drivers as long as the bytes that the driver does not know are zero (E2BIG
 * otherwise).
 */
#ifndef _UAPI_LINUX_EDUDMA_H
#define _UAPI_LINUX_EDUDMA_H

#include <linux/ioctl.h>
#include <linux/types.h>

/** EDUDMA_ABI_VERSION - what edudma_info.abi_version says for this header */
#define EDUDMA_ABI_VERSION	1

/**
 * enum edudma_direction - which way a segment moves data
 * @EDUDMA_TO_DEVICE:	the device reads user memory; like write(2).  Needs a
 *			file opened for writing; the memory may be read-only.
 * @EDUDMA_FROM_DEVICE:	the device writes user memory; like read(2).  Needs a
 *			file opened for reading and writable memory.
 */
enum edudma_direction {
	EDUDMA_TO_DEVICE	= 0,
	EDUDMA_FROM_DEVICE	= 1,
};

/**
 * struct edudma_segment - one element of a transfer's vector
 * @addr:	user virtual address of the first byte, any alignment; of memory in a
 *		registered buffer, the distance from the buffer's first byte
 * @len:	bytes to move; 0 is allowed and moves nothing
 * @offset:	where in the window the segment starts, in bytes
 * @direction:	one of enum edudma_direction
 * @buffer:	number of a registered buffer of the same open file, see
 *		EDUDMA_IOC_BUFFER_REGISTER; 0 for memory at a user address
 *
 * A segment must lie within the window: @offset + @len <= window_bytes.  One that is
 * reached and whose buffer is not registered fails with ENOENT, one that is not
 * within its buffer with EFAULT.
 */
struct edudma_segment {
	__u64 addr;
	__u64 len;
	__u64 offset;
	__u32 direction;
	__u32 buffer;
};

/*
 * EDUDMA_TRANSFER_NO_BOUNCE: fail with EADDRNOTAVAIL at the first page that
 * the device cannot address instead of copying it through a bounce buffer.
 */
#define EDUDMA_TRANSFER_NO_BOUNCE	(1U << 0)

/*
 * EDUDMA_TRANSFER_EXCLUSIVE: the vector has the device's window for itself.  No
 * descriptor of any other request, through any file and on any channel, is
 * executed between the first descriptor of the vector and its last one.  So what
 * one segment puts into the window is what a later one finds there.
 *
 * The vector waits until requests that have been started are done, and requests
 * that come later wait for it: they take turns.  It ends early, and lets others
 * go on, if it fails, or a signal stops it; what is reported done was done
 * exclusively.  A store through a mapping of the window (EDUDMA_CAP_MMAP) is no
 * descriptor and is not held back.
 *
 * Without the flag, descriptors of other requests may be executed between those
 * of the vector, also on the same channel.  What is promised then is the order of
 * the vector's own segments.
 */
#define EDUDMA_TRANSFER_EXCLUSIVE	(1U << 1)

/**
 * struct edudma_transfer - argument of EDUDMA_IOC_TRANSFER
 * @segments:		in: user address of an array of struct edudma_segment
 * @nr_segments:	in: elements in @segments, at most max_segments
 * @flags:		in: EDUDMA_TRANSFER_* or 0
 * @bytes_done:		out: bytes moved, counted from the first segment on
 * @segments_done:	out: leading segments moved completely
 * @error:		out: 0, or the positive errno of the first segment that
 *			failed; the same that ioctl(2) fails with
 *
 * The out fields are ignored on entry and written whenever the vector was
 * accepted, also when the call then fails: what is reported done was done,
 * whatever came after it.  A call refused before that (EINVAL, E2BIG,
 * EBADF, EMSGSIZE, ERANGE, EFAULT on the structures themselves or for a segment
 * outside user space, ENOMEM for a copy of them) writes nothing.
 */
struct edudma_transfer {
	__u64 segments;
	__u32 nr_segments;
	__u32 flags;
	__u64 bytes_done;
	__u32 segments_done;
	__u32 error;
};

/**
 * enum edudma_engine_kind - what executes descriptors
 * @EDUDMA_ENGINE_EDU:	edu's single transfer register set; the driver walks the
 *			descriptors from the completion interrupt
 * @EDUDMA_ENGINE_RING:	edu-sg's descriptor rings, which the device walks
 * @EDUDMA_ENGINE_OTHER: that of another device: docs/porting.md
 */
enum edudma_engine_kind {
	EDUDMA_ENGINE_EDU	= 0,
	EDUDMA_ENGINE_RING	= 1,
	EDUDMA_ENGINE_OTHER	= 2,
};

/* The device sits behind an IOMMU: it reaches all memory, nothing bounces. */
#define EDUDMA_CAP_IOMMU	(1U << 0)
/* Completion interrupts are message signalled (MSI or MSI-X), else INTx. */
#define EDUDMA_CAP_MSI		(1U << 1)
/*
 * The window can be mapped by mmap(2): shared, in whole pages, write-combined.
 * A mapping of a device that is gone raises SIGBUS.
 */
#define EDUDMA_CAP_MMAP		(1U << 2)
/*
 * Buffers can be registered, see EDUDMA_IOC_BUFFER_REGISTER.  Not where the kernel
 * copies, or cleans caches, between memory and the device.
 */
#define EDUDMA_CAP_BUFFERS	(1U << 3)
/* EDUDMA_URING_CMD_TRANSFER: since Linux 6.1. */
#define EDUDMA_CAP_URING_CMD	(1U << 4)
/*
 * A ring with IORING_SETUP_IOPOLL is completed by polling the device, without
 * interrupts: since Linux 6.1, and by EDUDMA_ENGINE_RING only.
 */
#define EDUDMA_CAP_IOPOLL	(1U << 5)
/* The device has channels for streams, see EDUDMA_IOC_STREAM_CREATE. */
#define EDUDMA_CAP_STREAMS	(1U << 6)

/**
 * struct edudma_info - result of EDUDMA_IOC_INFO
 * @abi_version:	EDUDMA_ABI_VERSION of the driver
 * @engine:		one of enum edudma_engine_kind
 * @window_bytes:	size of the window, and of the node
 * @max_transfer_bytes:	largest sum of segment lengths in one transfer
 * @max_segments:	largest nr_segments of one transfer
 * @address_bits:	width of the bus addresses that the device can issue
 * @channels:		independent queues of the engine that requests are divided among
 * @capabilities:	EDUDMA_CAP_*
 * @chunk_bytes:	page memory of one request that is pinned at a time; up
 *			to two chunks are, one under DMA and one ahead of it.
 *			Less than the module parameter where pages may bounce, and
 *			where the device is slow
 * @bounce_bytes:	bounce memory of the device, 0 if it needs none
 * @max_descriptor_bytes: largest single hardware transfer
 * @timeout_ms:		time that one hardware transfer may take
 * @max_buffers:	buffers that one open file may register
 * @streams:		streams that can run at a time; their channels do not count to
 *			@channels
 */
struct edudma_info {
	__u32 abi_version;
	__u32 engine;
	__u64 window_bytes;
	__u64 max_transfer_bytes;
	__u32 max_segments;
	__u32 address_bits;
	__u32 channels;
	__u32 capabilities;
	__u64 chunk_bytes;
	__u64 bounce_bytes;
	__u32 max_descriptor_bytes;
	__u32 timeout_ms;
	__u32 max_buffers;
	__u32 streams;
};

#define EDUDMA_IOC_MAGIC	0xED

/*
 * EDUDMA_IOC_INFO: describe the device.  A caller built with an older, shorter
 * struct gets its beginning (the first version had 72 bytes; less is EINVAL),
 * one built with a newer, longer struct gets the rest zeroed.
 */
#define EDUDMA_IOC_INFO		_IOR(EDUDMA_IOC_MAGIC, 0x00, struct edudma_info)

/*
 * EDUDMA_IOC_TRANSFER: run a vector of segments in order.  Other requests may use
 * the window meanwhile, unless EDUDMA_TRANSFER_EXCLUSIVE is set: with it, RAM to
 * window to RAM within one vector is a safe copy of any size.
 *
 * Sleeps until done.  Returns 0 if every byte was moved; otherwise fails with
 * the errno that @error holds.  A signal stops a vector that has begun as soon as
 * one hardware transfer of it is complete; what is complete is counted: EINTR.
 * If nothing had begun it is EINTR as well, or a restart by SA_RESTART, for which
 * the call's place in the queue is kept.  SIGKILL does not wait for the hardware.
 */
#define EDUDMA_IOC_TRANSFER	_IOWR(EDUDMA_IOC_MAGIC, 0x01, struct edudma_transfer)

/**
 * enum edudma_buffer_kind - what memory is registered
 * @EDUDMA_BUFFER_USER:		memory of the calling process, by its address
 * @EDUDMA_BUFFER_MEMFD:	memory of a memfd_create(2) file, which need not be
 *				mapped
 */
enum edudma_buffer_kind {
	EDUDMA_BUFFER_USER	= 0,
	EDUDMA_BUFFER_MEMFD	= 1,
};

/**
 * struct edudma_buffer_register - argument of EDUDMA_IOC_BUFFER_REGISTER
 * @addr:	in: user virtual address of the first byte, any alignment; of a file,
 *		the position of the first byte, a multiple of the page size
 * @len:	in: bytes, from 1 to max_transfer_bytes
 * @kind:	in: one of enum edudma_buffer_kind
 * @flags:	in: must be zero
 * @fd:		in: the file, opened for reading and writing; else must be zero
 * @buffer:	out: the number of the buffer, from 1 to max_buffers
 */
struct edudma_buffer_register {
	__u64 addr;
	__u64 len;
	__u32 kind;
	__u32 flags;
	__s32 fd;
	__u32 buffer;
};

/*
 * EDUDMA_IOC_BUFFER_REGISTER: pin memory and map it for the device once, so that
 * segments that name it cost neither.  It is the device's to read and to write, so it
 * must be writable memory, anonymous, of a memfd or of another file in shared memory.
 *
 * The buffer belongs to the open file: whoever has that may use it, in several
 * requests at a time, until it is unregistered or the file is closed.  The pages stay
 * what the process had there when it registered them: after munmap(2), mremap(2) or
 * in a child after fork(2), the buffer is the memory that it was.
 *
 * Its pages count to RLIMIT_MEMLOCK of the user who registers it, like those of
 * io_uring's registered buffers, unless the process has CAP_IPC_LOCK.
 *
 * Fails with EDQUOT beyond that limit, ENOSPC beyond max_buffers, EFAULT where there
 * is no memory or it may not be written, EOPNOTSUPP for pages of a file on a disk,
 * which the file system may need to write, ENXIO for a mapping without pages, such as
 * device memory, EADDRNOTAVAIL for pages that the device cannot address without a copy,
 * EBADF or EACCES for a file that is not open as it must be, EPERM for a memfd that is
 * sealed against writing, ENOMEM, EINVAL, ENODEV.
 */
#define EDUDMA_IOC_BUFFER_REGISTER \
	_IOWR(EDUDMA_IOC_MAGIC, 0x02, struct edudma_buffer_register)

/**
 * struct edudma_buffer_unregister - argument of EDUDMA_IOC_BUFFER_UNREGISTER
 * @buffer:	in: the number
 * @reserved:	must be zero
 */
struct edudma_buffer_unregister {
	__u32 buffer;
	__u32 reserved;
};

/*
 * EDUDMA_IOC_BUFFER_UNREGISTER: the number means nothing any more.  The memory is
 * released now, or by the last request that uses it when that ends.  Fails with ENOENT
 * if there is no such buffer.
 */
#define EDUDMA_IOC_BUFFER_UNREGISTER \
	_IOW(EDUDMA_IOC_MAGIC, 0x03, struct edudma_buffer_unregister)

/**
 * enum edudma_stream_pattern - what a source produces and a sink expects
 * @EDUDMA_PATTERN_COUNTER:	little-endian numbers of 64 bits, each one more
 * @EDUDMA_PATTERN_PRBS31:	a pseudo-random sequence of period 2^31 - 1
 * @EDUDMA_PATTERN_RAMP:	a picture, 256 bytes a line, that moves with each frame
 *
 * docs/edu-sg.md says which byte is where.
 */
enum edudma_stream_pattern {
	EDUDMA_PATTERN_COUNTER	= 0,
	EDUDMA_PATTERN_PRBS31	= 1,
	EDUDMA_PATTERN_RAMP	= 2,
};

/**
 * enum edudma_stream_policy - what a source does with a frame when its FIFO is full
 * @EDUDMA_STREAM_DROP_NEW:	it is lost
 * @EDUDMA_STREAM_DROP_OLD:	the oldest frame in the FIFO is lost instead
 * @EDUDMA_STREAM_END:		it is lost, and the stream ends with EOVERFLOW once the
 *				FIFO was delivered
 */
enum edudma_stream_policy {
	EDUDMA_STREAM_DROP_NEW	= 0,
	EDUDMA_STREAM_DROP_OLD	= 1,
	EDUDMA_STREAM_END	= 2,
};

/* Each frame of a source begins with a struct edudma_frame_header. */
#define EDUDMA_STREAM_HEADER	(1U << 0)

/**
 * struct edudma_frame_header - what a frame begins with, written by the device
 * @magic:	EDUDMA_FRAME_MAGIC
 * @bytes:	of the frame, the header included
 * @sequence:	as in struct edudma_stream_frame
 * @position:	the same
 * @timestamp:	the same
 *
 * Little endian.
 */
struct edudma_frame_header {
	__le32 magic;
	__le32 bytes;
	__le64 sequence;
	__le64 position;
	__le64 timestamp;
};

#define EDUDMA_FRAME_MAGIC	0x46534445

/**
 * struct edudma_stream_slot - a place for a frame
 * @offset:	of its first byte in the buffer
 * @len:	bytes; of a source at least frame_bytes
 * @buffer:	number of a registered buffer of the file
 * @reserved:	must be zero
 */
struct edudma_stream_slot {
	__u64 offset;
	__u64 len;
	__u32 buffer;
	__u32 reserved;
};

/**
 * struct edudma_stream_create - argument of EDUDMA_IOC_STREAM_CREATE
 * @slots:	in: user address of an array of struct edudma_stream_slot
 * @rate:	in: bytes per second.  0: a frame is produced, or asked for, whenever
 *		there is a slot for it, and none is lost.  Else at least one frame an
 *		hour
 * @nr_slots:	in: elements in @slots, 1 to EDUDMA_STREAM_MAX_SLOTS
 * @direction:	in: EDUDMA_FROM_DEVICE for a source, EDUDMA_TO_DEVICE for a sink
 * @frame_bytes: in: bytes of a frame, from 64 to 16 MiB
 * @pattern:	in: one of enum edudma_stream_pattern
 * @policy:	in: one of enum edudma_stream_policy; 0 for a sink
 * @flags:	in: EDUDMA_STREAM_HEADER for a source, or 0
 * @fd:		out: the stream, close-on-exec
 * @ring_entries: out: of each of the two rings, a power of two
 * @fill_offset: out: of the ring of struct edudma_stream_fill in the shared memory
 * @frame_offset: out: of the ring of struct edudma_stream_frame
 * @map_bytes:	out: length of the shared memory
 */
struct edudma_stream_create {
	__u64 slots;
	__u64 rate;
	__u32 nr_slots;
	__u32 direction;
	__u32 frame_bytes;
	__u32 pattern;
	__u32 policy;
	__u32 flags;
	__s32 fd;
	__u32 ring_entries;
	__u32 fill_offset;
	__u32 frame_offset;
	__u64 map_bytes;
};

#define EDUDMA_STREAM_MAX_SLOTS	1024U

/*
 * EDUDMA_IOC_STREAM_CREATE: make a stream: frames that the device produces (a source)
 * or asks for (a sink) at its own rate, in memory that was registered with
 * EDUDMA_IOC_BUFFER_REGISTER.  The device starts each transfer by itself; nothing is
 * pinned, mapped or copied for it.
 *
 * The stream is a file of its own, which keeps the node's file and the buffers.  It
 * takes EDUDMA_IOC_STREAM_START, _STOP, _KICK and _STATUS, mmap(2) of the shared
 * memory at offset 0, and poll(2): EPOLLIN when there is a frame, EPOLLHUP when a
 * stream that was started has ended.  Closing it ends it.
 *
 * Fails with EOPNOTSUPP if the device has no streams, EBADF if the file is not open for
 * reading (source) or writing (sink), ENOENT for a buffer that is not registered,
 * EFAULT for a slot beyond its buffer or an array that cannot be read, EINVAL, ENOMEM,
 * EMFILE, ENODEV.
 */
#define EDUDMA_IOC_STREAM_CREATE \
	_IOWR(EDUDMA_IOC_MAGIC, 0x04, struct edudma_stream_create)

/**
 * struct edudma_stream_rings - what the memory of a stream begins with
 * @fill_tail:	written by the user: fill entries given, modulo 2^32
 * @frame_head:	written by the user: frames taken
 * @fill_head:	written by the driver: fill entries taken
 * @frame_tail:	written by the driver: frames given
 * @flags:	written by the driver: EDUDMA_RINGS_*
 * @reserved:	not used
 * @reserved2:	not used
 *
 * Entry i of a ring is at place i modulo ring_entries.  Who gives writes the entry, then
 * the tail, with release semantics; who takes reads the tail, with acquire semantics,
 * then the entry.
 *
 * At each moment a slot belongs either to the user or, from the fill entry that names
 * it until the frame that names it, to the device.  A fill entry for a slot that is
 * not the user's, or is not valid, ends the stream with EPROTO; nobody else notices.
 */
struct edudma_stream_rings {
	__u32 fill_tail;
	__u32 frame_head;
	__u32 reserved[14];
	__u32 fill_head;
	__u32 frame_tail;
	__u32 flags;
	__u32 reserved2[13];
};

/*
 * The driver looks at the fill ring when a frame ends.  This says that none will: who
 * gives a slot, and then sees this flag, calls EDUDMA_IOC_STREAM_KICK.  Between the
 * two there must be a full memory barrier.
 */
#define EDUDMA_RINGS_NEED_KICK	(1U << 0)
/* The stream has ended; EDUDMA_IOC_STREAM_STATUS says why. */
#define EDUDMA_RINGS_ENDED	(1U << 1)

/**
 * struct edudma_stream_fill - a slot that the user gives
 * @slot:	its place in the array of the stream's slots
 * @bytes:	of a sink: bytes to consume, at most frame_bytes and the slot's length; what
 *		they lack to a frame counts as lost if there is a rate.  Of a source 0
 */
struct edudma_stream_fill {
	__u32 slot;
	__u32 bytes;
};

/* All of the frame was moved; without it, the first @bytes of it were, or none. */
#define EDUDMA_FRAME_WHOLE	(1U << 0)

/**
 * struct edudma_stream_frame - a slot that comes back
 * @position:	bytes that the stream had produced, or asked for, before this frame
 * @lost:	bytes of these that were lost between the previous frame and this one
 * @sequence:	frames that had been produced, or asked for, before this one
 * @timestamp:	when it was produced, or asked for: the device's clock in nanoseconds
 * @slot:	which slot
 * @bytes:	moved
 * @flags:	EDUDMA_FRAME_*
 * @error:	0, or why no more was moved: a positive errno, see
 *		EDUDMA_IOC_STREAM_STATUS.  If @bytes is 0, the first four are 0, and
 *		memory of the slot may have been written
 *
 * The sum of @lost and @bytes of all frames, and what was lost behind the last one, is
 * what the stream has produced, to the byte.
 */
struct edudma_stream_frame {
	__u64 position;
	__u64 lost;
	__u64 sequence;
	__u64 timestamp;
	__u32 slot;
	__u32 bytes;
	__u32 flags;
	__u32 error;
};

/*
 * EDUDMA_IOC_STREAM_START: take a channel and start.  Counters begin at 0.  Fails with
 * EBUSY if all channels for streams are taken, EALREADY if it runs, EAGAIN if the
 * device is being reset or put to sleep, EIO, ENOMEM, ENODEV.
 */
#define EDUDMA_IOC_STREAM_START		_IO(EDUDMA_IOC_MAGIC, 0x10)

/*
 * EDUDMA_IOC_STREAM_STOP: stop, and give the channel back.  When it returns, all slots are
 * the user's, and their frames are in the ring.  A stream that does not run is left as it
 * is.  It can be started again.
 */
#define EDUDMA_IOC_STREAM_STOP		_IO(EDUDMA_IOC_MAGIC, 0x11)

/* EDUDMA_IOC_STREAM_KICK: have the driver look at the fill ring.  poll(2) does so, too. */
#define EDUDMA_IOC_STREAM_KICK		_IO(EDUDMA_IOC_MAGIC, 0x12)

/**
 * enum edudma_stream_state - what a stream does
 * @EDUDMA_STREAM_IDLE:		it was not started
 * @EDUDMA_STREAM_RUNNING:	it runs
 * @EDUDMA_STREAM_ENDED:	it has ended, by itself or by EDUDMA_IOC_STREAM_STOP
 */
enum edudma_stream_state {
	EDUDMA_STREAM_IDLE	= 0,
	EDUDMA_STREAM_RUNNING	= 1,
	EDUDMA_STREAM_ENDED	= 2,
};

/* What was produced behind the last frame is not known: the device was gone or reset. */
#define EDUDMA_STREAM_UNCOUNTED	(1U << 0)

/**
 * struct edudma_stream_status - result of EDUDMA_IOC_STREAM_STATUS
 * @produced:	bytes that were produced, or asked for: while it runs, up to the last
 *		frame, then in all
 * @delivered:	bytes of the frames that were given to the user
 * @lost:	the rest: @produced is @delivered + @lost
 * @frames:	frames that were given to the user with at least one byte
 * @mismatches:	of a sink that has ended: bytes that were not those of the pattern
 * @first_mismatch: of these, the first one's place in what the sink has consumed; all ones
 *		if there is none
 * @state:	one of enum edudma_stream_state
 * @error:	why it has ended, a positive errno: ECANCELED by EDUDMA_IOC_STREAM_STOP,
 *		EPROTO by a bad fill entry, EOVERFLOW by EDUDMA_STREAM_END, ESHUTDOWN as the
 *		device was reset or put to sleep, ENODEV as it is gone, ETIMEDOUT if a frame
 *		was not moved in the time of a frame and timeout_ms, EIO if the device has
 *		failed
 * @flags:	EDUDMA_STREAM_UNCOUNTED or 0
 * @reserved:	zero
 */
struct edudma_stream_status {
	__u64 produced;
	__u64 delivered;
	__u64 lost;
	__u64 frames;
	__u64 mismatches;
	__u64 first_mismatch;
	__u32 state;
	__u32 error;
	__u32 flags;
	__u32 reserved;
};

/*
 * EDUDMA_IOC_STREAM_STATUS: what has become of the stream, also when the device is gone.
 * One that has ended gives its channel back, and its slots as by EDUDMA_IOC_STREAM_STOP.
 */
#define EDUDMA_IOC_STREAM_STATUS \
	_IOR(EDUDMA_IOC_MAGIC, 0x13, struct edudma_stream_status)

/**
 * struct edudma_uring_cmd - the command in a submission queue entry of io_uring
 * @segments:	user address of an array of struct edudma_segment
 * @nr_segments: elements in @segments, at most max_segments
 * @flags:	EDUDMA_TRANSFER_* or 0
 */
struct edudma_uring_cmd {
	__u64 segments;
	__u32 nr_segments;
	__u32 flags;
};

/*
 * EDUDMA_URING_CMD_TRANSFER: EDUDMA_IOC_TRANSFER by io_uring: cmd_op of an
 * IORING_OP_URING_CMD, whose 16 bytes of cmd are a struct edudma_uring_cmd.  The
 * array is read when the command is submitted, and once more by a worker that executes
 * it: it must stay until then.
 *
 * With IORING_URING_CMD_FIXED, @nr_segments must be 1, and the memory of that segment,
 * whose buffer must be 0, must be within io_uring's registered buffer buf_index.
 *
 * The result of the completion is the number of bytes moved, counted from the first
 * segment on, or if there are none, the negative errno that stopped it.  A command
 * that must wait, as it is exclusive, larger than chunk_bytes, or finds no room among
 * asynchronous requests, is executed by a worker of io_uring.
 */
#define EDUDMA_URING_CMD_TRANSFER \
	_IOW(EDUDMA_IOC_MAGIC, 0x80, struct edudma_uring_cmd)

#endif /* _UAPI_LINUX_EDUDMA_H */
