/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libedudma: DMA between user memory and the window of an edudma device.
 *
 * Conventions, which hold where a function does not say otherwise:
 *
 * Errors.  A function that returns int returns 0, or the negative errno of what
 * went wrong.  Nothing is printed, nothing exits, errno is not part of the
 * interface.  An output argument is written on success only.
 *
 * Units.  Sizes, offsets and counts are in bytes.  Offsets count from the start
 * of the device's window.
 *
 * Threads.  The library has no global state.  Any number of threads may use one
 * handle at the same time; requests of one handle are queued in the kernel and run
 * one after the other.  Only the function that frees an object must not run while
 * another thread uses that object.
 *
 * Blocking.  Functions that move data sleep until the hardware is done; they say
 * so.  The others only make short system calls.  <edudma_uring.h> has requests that
 * are submitted without waiting.
 *
 * Growth.  A structure that callers allocate carries its size, so that programs and
 * libraries of different age fit together.
 *
 * Ownership.  A string that a function returns belongs to the object that it was
 * asked of and lives as long; strings of no object are constants.
 */
#ifndef _EDUDMA_H
#define _EDUDMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/edudma.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct edudma - an open device
 *
 * Made by edudma_open() or edudma_open_index(), freed by edudma_close().  After
 * an unplug the handle stays valid, and what needs the device fails with
 * -ENODEV.
 */
struct edudma;

/**
 * edudma_version() - version of the library
 *
 * Return: a constant such as "0.1.0".
 */
const char *edudma_version(void);

/**
 * edudma_open() - open a device by the path of its node
 * @path:	node, such as "/dev/edudma0"
 * @flags:	O_RDWR, O_RDONLY or O_WRONLY; O_CLOEXEC is always added.  Segments
 *		to the device need write access, segments from it read access
 * @dev:	where the handle goes; the caller frees it with edudma_close()
 *
 * Return: 0; -EINVAL for other @flags or a NULL pointer; -ENOTTY if @path is
 * not an edudma node; -ENOMEM; or what open(2) failed with: -ENOENT, -EACCES,
 * -ENODEV or -ENXIO after an unplug...
 */
int edudma_open(const char *path, int flags, struct edudma **dev);

/**
 * edudma_open_index() - open a device by its number
 * @index:	0 for /dev/edudma0, and so on
 * @flags:	see edudma_open()
 * @dev:	see edudma_open()
 *
 * Return: as edudma_open(), but -ENODEV where there is no such node.
 */
int edudma_open_index(unsigned int index, int flags, struct edudma **dev);

/**
 * edudma_close() - close a device and free its handle
 * @dev:	handle, or NULL for no effect
 *
 * No other thread may be using @dev.  Does not wait for the hardware.
 */
void edudma_close(struct edudma *dev);

/**
 * edudma_fd() - file descriptor of an open device
 * @dev:	handle
 *
 * For poll(2), io_uring and calls that the library does not have.  It belongs
 * to @dev and must not be closed.
 *
 * Return: the descriptor.
 */
int edudma_fd(const struct edudma *dev);

/**
 * edudma_path() - path that a device was opened by
 * @dev:	handle
 *
 * Return: the path; it lives as long as @dev.
 */
const char *edudma_path(const struct edudma *dev);

/**
 * edudma_get_info() - ask the driver what the device can do
 * @dev:	handle
 * @info:	where the description goes, see <linux/edudma.h>
 * @size:	sizeof(*@info).  A size smaller than the library's gets the
 *		beginning, a larger one is filled up with zeroes, so that programs
 *		and libraries of different age fit together
 *
 * chunk_bytes and timeout_ms can be changed at run time by the administrator,
 * the other fields stay the same as long as the device is open.
 *
 * Return: 0; -EINVAL for a NULL pointer; -ENODEV after an unplug.
 */
int edudma_get_info(const struct edudma *dev, struct edudma_info *info,
		    size_t size);

/**
 * edudma_window_bytes() - size of the window
 * @dev:	handle
 *
 * Makes no system call.
 *
 * Return: the size in bytes, as the driver told it when @dev was opened.
 */
uint64_t edudma_window_bytes(const struct edudma *dev);

/*
 * struct edudma_list - the devices present at one time, in order of index
 *
 * Made by edudma_list_new(), freed by edudma_list_free(), never changes.
 */
struct edudma_list;

/**
 * edudma_list_new() - look which devices there are
 * @list:	where the list goes; the caller frees it with edudma_list_free()
 *
 * Opens no device.  A list without devices is no error, also when the module is
 * not loaded.
 *
 * Return: 0; -EINVAL for a NULL pointer; -ENOMEM; or what reading sysfs failed
 * with.
 */
int edudma_list_new(struct edudma_list **list);

/**
 * edudma_list_free() - free a list
 * @list:	list, or NULL for no effect
 */
void edudma_list_free(struct edudma_list *list);

/**
 * edudma_list_count() - number of devices in a list
 * @list:	list
 *
 * Return: the number.
 */
size_t edudma_list_count(const struct edudma_list *list);

/**
 * edudma_list_index() - index of a device
 * @list:	list
 * @i:		place in the list, less than edudma_list_count()
 *
 * Return: the N of /dev/edudmaN.
 */
unsigned int edudma_list_index(const struct edudma_list *list, size_t i);

/**
 * edudma_list_path() - path of a device's node
 * @list:	list
 * @i:		place in the list, less than edudma_list_count()
 *
 * Return: the path; it lives as long as @list.
 */
const char *edudma_list_path(const struct edudma_list *list, size_t i);

/**
 * edudma_list_address() - bus address of a device
 * @list:	list
 * @i:		place in the list, less than edudma_list_count()
 *
 * Return: such as "0000:00:04.0", or "" if sysfs does not tell; it lives as
 * long as @list.
 */
const char *edudma_list_address(const struct edudma_list *list, size_t i);

/**
 * edudma_find_index() - index of the device behind a node
 * @path:	any path that leads to the node
 * @index:	where the index goes
 *
 * Does not open the device.
 *
 * Return: 0; -EINVAL for a NULL pointer; -ENOTTY if @path is not the node of a
 * present edudma device; or what stat(2) failed with.
 */
int edudma_find_index(const char *path, unsigned int *index);

/**
 * edudma_read_at() - read from the window, all of it
 * @dev:	handle, opened for reading
 * @buf:	destination, any alignment
 * @len:	bytes; 0 moves nothing and touches no hardware
 * @offset:	where in the window to start
 * @done:	if not NULL, how many bytes arrived in @buf, counted from its
 *		start; written in every case
 *
 * Goes on after short counts until all is read.  Sleeps.
 *
 * Return: 0 if all was read; -ERANGE if @offset + @len is outside the window,
 * before anything is moved; -EINTR if a signal handler ran; -EBADF, -EFAULT,
 * -EADDRNOTAVAIL, -ENOMEM, -EIO, -ETIMEDOUT or -ENODEV from the driver.
 */
int edudma_read_at(struct edudma *dev, void *buf, size_t len, uint64_t offset,
		   size_t *done);

/**
 * edudma_write_at() - write to the window, all of it
 * @dev:	handle, opened for writing
 * @buf:	source, any alignment; it may be read-only memory
 * @len:	bytes; 0 moves nothing and touches no hardware
 * @offset:	where in the window to start
 * @done:	if not NULL, how many bytes of @buf were moved, counted from its
 *		start; written in every case
 *
 * Goes on after short counts until all is written.  Sleeps.
 *
 * Return: as edudma_read_at().
 */
int edudma_write_at(struct edudma *dev, const void *buf, size_t len,
		    uint64_t offset, size_t *done);

/* Internal: C++ has no designated initializers. */
static inline struct edudma_segment
edudma_make_segment(uint64_t addr, size_t len, uint64_t offset, uint32_t direction,
		    uint32_t buffer)
{
	struct edudma_segment segment;

	segment.addr = addr;
	segment.len = len;
	segment.offset = offset;
	segment.direction = direction;
	segment.buffer = buffer;
	return segment;
}

/**
 * edudma_to_device() - describe a segment that the device reads from memory
 * @addr:	source, any alignment; it may be read-only memory
 * @len:	bytes
 * @offset:	where in the window it goes
 *
 * Return: an element for edudma_transfer()'s vector.
 */
static inline struct edudma_segment
edudma_to_device(const void *addr, size_t len, uint64_t offset)
{
	return edudma_make_segment((uintptr_t)addr, len, offset,
				   EDUDMA_TO_DEVICE, 0);
}

/**
 * edudma_from_device() - describe a segment that the device writes to memory
 * @addr:	destination, any alignment
 * @len:	bytes
 * @offset:	where in the window it comes from
 *
 * Return: an element for edudma_transfer()'s vector.
 */
static inline struct edudma_segment
edudma_from_device(void *addr, size_t len, uint64_t offset)
{
	return edudma_make_segment((uintptr_t)addr, len, offset,
				   EDUDMA_FROM_DEVICE, 0);
}

/**
 * struct edudma_result - how far a transfer came
 * @size:		set by the caller: sizeof(struct edudma_result).  No more than
 *			that is written, and what the library does not know is zeroed
 * @bytes_done:		bytes moved, counted from the first segment on
 * @segments_done:	leading segments moved completely
 * @error:		0, or the positive errno of the first segment that failed.
 *			A transfer that fails with @error 0 was refused before
 *			anything was moved
 */
struct edudma_result {
	size_t size;
	uint64_t bytes_done;
	uint32_t segments_done;
	int error;
};

/**
 * edudma_transfer() - run a vector of segments in order, as one request
 * @dev:	handle, opened for what the directions need
 * @segments:	vector; the caller's, not needed after the call
 * @nr_segments: elements in @segments, at most edudma_info.max_segments; 0 does
 *		nothing
 * @flags:	EDUDMA_TRANSFER_* or 0
 * @result:	if not NULL, what was done; its size is set by the caller, the rest is
 *		written in every case but for a wrong size
 *
 * With EDUDMA_TRANSFER_EXCLUSIVE nobody else's transfers come between the segments,
 * on any channel: what one segment puts into the window, a later one finds there.
 * Without it others may use the window meanwhile.  Sleeps.  A signal stops it as soon
 * as one hardware transfer of it is complete, and what is complete is counted.
 *
 * Return: 0 if every byte was moved.  Refused, nothing done: -EINVAL (also for a size
 * of @result that no version had), -EBADF, -EMSGSIZE (vector too long or too large),
 * -ERANGE (segment outside the window), -EFAULT, -ENOMEM, -ENODEV.  Failed on the
 * way, see @result: -EFAULT (no such memory), -ENOENT (no such buffer),
 * -EADDRNOTAVAIL (EDUDMA_TRANSFER_NO_BOUNCE and memory that the device cannot
 * address), -ENOMEM, -EIO, -ETIMEDOUT, -EINTR, -ENODEV.
 */
int edudma_transfer(struct edudma *dev, const struct edudma_segment *segments,
		    uint32_t nr_segments, uint32_t flags,
		    struct edudma_result *result);

/**
 * edudma_buffer_register() - have the driver keep memory ready for the device
 * @dev:	handle; the buffer belongs to it and can be used through it only
 * @addr:	first byte, any alignment; memory that can be written
 * @len:	bytes, at most edudma_info.max_transfer_bytes
 * @buffer:	where the number of the buffer goes, which is not 0
 *
 * Pins and maps the memory once.  Segments that name the buffer need neither, see
 * edudma_buffer_to_device().  The buffer stays what @addr was now, whatever is
 * mapped there later, until it is unregistered or @dev is closed.
 *
 * Return: 0; -EDQUOT beyond RLIMIT_MEMLOCK of the user; -ENOSPC beyond
 * edudma_info.max_buffers; -EADDRNOTAVAIL if the device cannot address the memory
 * without a copy; -EFAULT, -EOPNOTSUPP (a file on a disk) or -ENXIO for memory of
 * another kind than that; -EINVAL for a @len of 0 or too large; -EOPNOTSUPP if the
 * driver is too old; -ENOMEM; -ENODEV.
 */
int edudma_buffer_register(struct edudma *dev, void *addr, size_t len,
			   uint32_t *buffer);

/**
 * edudma_buffer_register_memfd() - edudma_buffer_register() for memory of a file
 * @dev:	see edudma_buffer_register()
 * @memfd:	made by memfd_create(2), opened for reading and writing; the
 *		caller's, and not needed after the call
 * @position:	where in the file the buffer starts, a multiple of the page size
 * @len:	see edudma_buffer_register()
 * @buffer:	see edudma_buffer_register()
 *
 * The file need not be mapped.
 *
 * Return: as edudma_buffer_register(); -EBADF or -EACCES if @memfd is not open as it
 * must be; -EPERM if it is sealed against writing; -EOPNOTSUPP if it is another kind of
 * file.
 */
int edudma_buffer_register_memfd(struct edudma *dev, int memfd, uint64_t position,
				 size_t len, uint32_t *buffer);

/**
 * edudma_buffer_unregister() - give up a registered buffer
 * @dev:	the handle that it was registered with
 * @buffer:	its number
 *
 * Does not wait: requests that use it are finished, and the last one releases the
 * memory.
 *
 * Return: 0; -ENOENT if there is no such buffer; -EOPNOTSUPP if the driver is too old.
 */
int edudma_buffer_unregister(struct edudma *dev, uint32_t buffer);

/**
 * edudma_buffer_to_device() - describe a segment that the device reads from a buffer
 * @buffer:	number of a registered buffer
 * @position:	where in the buffer the segment starts
 * @len:	bytes
 * @offset:	where in the window it goes
 *
 * Transfers fail with -ENOENT at a segment whose buffer is not registered, and with
 * -EFAULT at one that is not within its buffer.
 *
 * Return: an element for edudma_transfer()'s vector.
 */
static inline struct edudma_segment
edudma_buffer_to_device(uint32_t buffer, uint64_t position, size_t len,
			uint64_t offset)
{
	return edudma_make_segment(position, len, offset,
				   EDUDMA_TO_DEVICE, buffer);
}

/**
 * edudma_buffer_from_device() - describe a segment that the device writes to a buffer
 * @buffer:	number of a registered buffer
 * @position:	where in the buffer the segment starts
 * @len:	bytes
 * @offset:	where in the window it comes from
 *
 * Return: see edudma_buffer_to_device().
 */
static inline struct edudma_segment
edudma_buffer_from_device(uint32_t buffer, uint64_t position, size_t len,
			  uint64_t offset)
{
	return edudma_make_segment(position, len, offset,
				   EDUDMA_FROM_DEVICE, buffer);
}

/**
 * typedef edudma_progress_fn - called while edudma_copy() runs
 * @done:	bytes that have arrived so far
 * @total:	bytes to copy in all
 * @context:	edudma_copy_options.context
 *
 * Runs in the thread that called edudma_copy(), after each request.  No request
 * of this copy is under way meanwhile.
 *
 * Return: 0 to go on, anything else to stop with -ECANCELED.
 */
typedef int (*edudma_progress_fn)(uint64_t done, uint64_t total,
				  void *context);

/**
 * struct edudma_copy_options - how to copy
 * @size:		sizeof(struct edudma_copy_options).  What a caller does not have is
 *			taken for zero; what the library does not know must be
 * @progress:		called after each request, or NULL
 * @context:		passed on to @progress
 * @request_bytes:	bytes to copy per request, as long as the driver's limits
 *			allow; 0 lets the library aim at about half a second, so
 *			that @progress is called often enough to be watched
 * @flags:		EDUDMA_TRANSFER_* or 0
 * @reserved:		must be zero
 */
struct edudma_copy_options {
	size_t size;
	edudma_progress_fn progress;
	void *context;
	uint64_t request_bytes;
	uint32_t flags;
	uint32_t reserved;
};

/**
 * edudma_copy() - copy memory to memory, all of it through the device
 * @dev:	handle, opened O_RDWR
 * @dst:	destination, must not overlap @src
 * @src:	source; it may be read-only memory
 * @len:	bytes, any number
 * @options:	see struct edudma_copy_options, or NULL
 * @done:	if not NULL, how many bytes arrived in @dst, counted from its
 *		start; written in every case.  What lies behind them is undefined
 *
 * Moves piece after piece to the window and back, in vectors that keep within the
 * limits of the driver.  Each vector is exclusive (EDUDMA_TRANSFER_EXCLUSIVE): other
 * users of the device work between two of them, and overwrite what is left in the
 * window, but cannot change what is copied.  Only stores through a mapping of the
 * window are not held back.  Sleeps.
 *
 * If a signal handler runs, @progress decides whether to go on; without it the
 * copy stops with -EINTR.
 *
 * Return: 0 if all was copied; -EINVAL for memory that overlaps, unknown flags, or a
 * size of @options that no version had; -E2BIG for options that only a newer library
 * knows; -ECANCELED if @progress asked for it; -ENOMEM; -EOPNOTSUPP if the driver's
 * limits allow no round trip; or as edudma_transfer().
 */
int edudma_copy(struct edudma *dev, void *dst, const void *src, size_t len,
		const struct edudma_copy_options *options, size_t *done);

/*
 * struct edudma_stats - a device's statistics at one time
 *
 * Made by edudma_stats_read() or edudma_stats_diff(), freed by
 * edudma_stats_free(), never changes.  Each value has the name of its file in
 * sysfs.  Values that a newer driver adds come last.
 */
struct edudma_stats;

/**
 * edudma_stats_read() - take a snapshot of a device's statistics
 * @index:	0 for edudma0, and so on; edudma_find_index() tells it for a path
 * @stats:	where it goes; the caller frees it with edudma_stats_free()
 *
 * Needs no access to the node.  Values are read one after the other while the
 * device goes on working.
 *
 * Return: 0; -EINVAL for a NULL pointer; -ENODEV if there is no such device;
 * -EPROTO if a value is not a number; -ENOMEM; or what reading sysfs failed
 * with.
 */
int edudma_stats_read(unsigned int index, struct edudma_stats **stats);

/**
 * edudma_stats_diff() - what happened between two snapshots
 * @newer:	later snapshot
 * @older:	earlier snapshot of the same device
 * @diff:	where the difference goes; freed with edudma_stats_free()
 *
 * Counters are subtracted.  One that went down was reset by a reload and counts
 * from zero, like one that @older does not have.  Levels (see
 * edudma_stats_is_level()) keep the value of @newer.
 *
 * Return: 0; -EINVAL for a NULL pointer; -ENOMEM.
 */
int edudma_stats_diff(const struct edudma_stats *newer,
		      const struct edudma_stats *older,
		      struct edudma_stats **diff);

/**
 * edudma_stats_free() - free a snapshot
 * @stats:	snapshot, or NULL for no effect
 */
void edudma_stats_free(struct edudma_stats *stats);

/**
 * edudma_stats_count() - number of values in a snapshot
 * @stats:	snapshot
 *
 * Return: the number.
 */
size_t edudma_stats_count(const struct edudma_stats *stats);

/**
 * edudma_stats_name() - name of a value
 * @stats:	snapshot
 * @i:		place, less than edudma_stats_count()
 *
 * Return: the name; it lives as long as @stats.
 */
const char *edudma_stats_name(const struct edudma_stats *stats, size_t i);

/**
 * edudma_stats_value() - a value by place
 * @stats:	snapshot
 * @i:		place, less than edudma_stats_count()
 *
 * Return: the value, in the unit that its name tells: bytes, pages, _ns, or a
 * number of events.
 */
uint64_t edudma_stats_value(const struct edudma_stats *stats, size_t i);

/**
 * edudma_stats_get() - a value by name
 * @stats:	snapshot
 * @name:	such as "descriptors"
 * @value:	where the value goes
 *
 * Return: 0; -EINVAL for a NULL pointer; -ENOENT if there is none of this name.
 */
int edudma_stats_get(const struct edudma_stats *stats, const char *name,
		     uint64_t *value);

/**
 * edudma_stats_is_level() - does a value go up and down?
 * @name:	name of a value
 *
 * Return: true for a level, such as the pages pinned now or a highest mark;
 * false for a counter, which only grows.
 */
bool edudma_stats_is_level(const char *name);

/**
 * edudma_engine_name() - word for an engine kind
 * @engine:	edudma_info.engine
 *
 * Return: such as "edu", or "unknown"; a constant.
 */
const char *edudma_engine_name(uint32_t engine);

/**
 * edudma_direction_name() - word for a direction
 * @direction:	edudma_segment.direction
 *
 * Return: "to-device", "from-device" or "unknown"; a constant.
 */
const char *edudma_direction_name(uint32_t direction);

/**
 * edudma_capability_name() - word for a capability
 * @bit:	number of a bit of edudma_info.capabilities, from 0
 *
 * Return: such as "iommu", or NULL for a bit that the library does not know; a
 * constant.
 */
const char *edudma_capability_name(unsigned int bit);

#ifdef __cplusplus
}
#endif

#endif /* _EDUDMA_H */
