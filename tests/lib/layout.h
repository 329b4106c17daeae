/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The uapi header must compile alone, in each dialect of C and C++, and give
 * the same layout in all of them, for 32- and for 64-bit programs.  Nothing
 * else may be included before it, here above all.
 */
#include <linux/edudma.h>
/* Twice does not hurt. */
#include <linux/edudma.h>

/* An assertion that C99 has too. */
#define ASSERT(name, condition) typedef char name[(condition) ? 1 : -1]
#define AT(type, member) __builtin_offsetof(struct type, member)

ASSERT(segment_size, sizeof(struct edudma_segment) == 32);
ASSERT(segment_addr, AT(edudma_segment, addr) == 0);
ASSERT(segment_len, AT(edudma_segment, len) == 8);
ASSERT(segment_offset, AT(edudma_segment, offset) == 16);
ASSERT(segment_direction, AT(edudma_segment, direction) == 24);
ASSERT(segment_buffer, AT(edudma_segment, buffer) == 28);

ASSERT(transfer_size, sizeof(struct edudma_transfer) == 32);
ASSERT(transfer_segments, AT(edudma_transfer, segments) == 0);
ASSERT(transfer_nr, AT(edudma_transfer, nr_segments) == 8);
ASSERT(transfer_flags, AT(edudma_transfer, flags) == 12);
ASSERT(transfer_bytes, AT(edudma_transfer, bytes_done) == 16);
ASSERT(transfer_done, AT(edudma_transfer, segments_done) == 24);
ASSERT(transfer_error, AT(edudma_transfer, error) == 28);

ASSERT(info_size, sizeof(struct edudma_info) == 72);
ASSERT(info_abi, AT(edudma_info, abi_version) == 0);
ASSERT(info_engine, AT(edudma_info, engine) == 4);
ASSERT(info_window, AT(edudma_info, window_bytes) == 8);
ASSERT(info_max, AT(edudma_info, max_transfer_bytes) == 16);
ASSERT(info_segments, AT(edudma_info, max_segments) == 24);
ASSERT(info_bits, AT(edudma_info, address_bits) == 28);
ASSERT(info_channels, AT(edudma_info, channels) == 32);
ASSERT(info_capabilities, AT(edudma_info, capabilities) == 36);
ASSERT(info_chunk, AT(edudma_info, chunk_bytes) == 40);
ASSERT(info_bounce, AT(edudma_info, bounce_bytes) == 48);
ASSERT(info_descriptor, AT(edudma_info, max_descriptor_bytes) == 56);
ASSERT(info_timeout, AT(edudma_info, timeout_ms) == 60);
ASSERT(info_buffers, AT(edudma_info, max_buffers) == 64);

ASSERT(register_size, sizeof(struct edudma_buffer_register) == 32);
ASSERT(register_addr, AT(edudma_buffer_register, addr) == 0);
ASSERT(register_len, AT(edudma_buffer_register, len) == 8);
ASSERT(register_kind, AT(edudma_buffer_register, kind) == 16);
ASSERT(register_flags, AT(edudma_buffer_register, flags) == 20);
ASSERT(register_fd, AT(edudma_buffer_register, fd) == 24);
ASSERT(register_buffer, AT(edudma_buffer_register, buffer) == 28);

ASSERT(unregister_size, sizeof(struct edudma_buffer_unregister) == 8);
ASSERT(unregister_buffer, AT(edudma_buffer_unregister, buffer) == 0);

ASSERT(uring_size, sizeof(struct edudma_uring_cmd) == 16);
ASSERT(uring_segments, AT(edudma_uring_cmd, segments) == 0);
ASSERT(uring_nr, AT(edudma_uring_cmd, nr_segments) == 8);
ASSERT(uring_flags, AT(edudma_uring_cmd, flags) == 12);

/* The command numbers are the ABI: type 0xED, size and direction within. */
ASSERT(ioc_info, EDUDMA_IOC_INFO == 0x8048ed00U);
ASSERT(ioc_transfer, EDUDMA_IOC_TRANSFER == 0xc020ed01U);
ASSERT(ioc_register, EDUDMA_IOC_BUFFER_REGISTER == 0xc020ed02U);
ASSERT(ioc_unregister, EDUDMA_IOC_BUFFER_UNREGISTER == 0x4008ed03U);
ASSERT(uring_transfer, EDUDMA_URING_CMD_TRANSFER == 0x4010ed80U);
