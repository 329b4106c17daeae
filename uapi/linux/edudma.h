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
 */
enum edudma_engine_kind {
	EDUDMA_ENGINE_EDU	= 0,
	EDUDMA_ENGINE_RING	= 1,
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

/**
 * struct edudma_info - result of EDUDMA_IOC_INFO
 * @abi_version:	EDUDMA_ABI_VERSION of the driver
 * @engine:		one of enum edudma_engine_kind
 * @window_bytes:	size of the window, and of the node
 * @max_transfer_bytes:	largest sum of segment lengths in one transfer
 * @max_segments:	largest nr_segments of one transfer
 * @address_bits:	width of the bus addresses that the device can issue
 * @channels:		independent queues of the engine
 * @capabilities:	EDUDMA_CAP_*
 * @chunk_bytes:	page memory of one request that is pinned at a time; up
 *			to two chunks are, one under DMA and one ahead of it.
 *			Less than the module parameter where pages may bounce, and
 *			where the device is slow
 * @bounce_bytes:	bounce memory of the device, 0 if it needs none
 * @max_descriptor_bytes: largest single hardware transfer
 * @timeout_ms:		time that one hardware transfer may take
 * @max_buffers:	buffers that one open file may register
 * @reserved:		zero
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
	__u32 reserved;
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
