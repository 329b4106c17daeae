/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file on a real file system: ext4 on the scratch disk that the lane has,
 * which is behind virtio-blk.
 */
#ifndef EDUDMA_DISK_H
#define EDUDMA_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct disk_file - a file of one's own, on a file system that is mounted
 * @dir:	mount point, empty if it is not mounted
 * @path:	of the file
 * @fd:		opened for reading and writing
 * @bytes:	its size
 * @wrong:	why there is none, or NULL
 */
struct disk_file {
	char dir[32];
	char path[64];
	int fd;
	size_t bytes;
	const char *wrong;
};

/** disk_there() - does this machine have a scratch disk? */
bool disk_there(void);

/**
 * disk_file_make() - mount the disk, make a file of pattern @seed, write it out
 *
 * False with nothing left behind if that fails; @file->wrong then says why.  The
 * file system is made where the disk has none.
 */
bool disk_file_make(struct disk_file *file, size_t bytes, uint32_t seed);

/** disk_file_map() - map it, for reading and writing; never NULL */
uint8_t *disk_file_map(const struct disk_file *file, int flags);

/**
 * disk_file_read() - what the disk holds, once all that is dirty is written
 *
 * With O_DIRECT, so that no page in memory can stand in for it.
 */
bool disk_file_read(const struct disk_file *file, uint8_t *to);

/** disk_file_remove() - close, delete, unmount; 0 or an errno */
int disk_file_remove(struct disk_file *file);

#endif /* EDUDMA_DISK_H */
