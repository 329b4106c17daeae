// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The bytes of a stream.  Each is a function of its place, so any part of a stream can be
 * made or compared by itself.  docs/edu-sg.md defines the patterns.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <edudma_stream.h>

#include "internal.h"

/* So many bytes are made at a time to compare with. */
#define CHUNK		8192

/*
 * PRBS31 is b(i) = b(i - 28) ^ b(i - 31), or b(i + 31) = b(i + 3) ^ b(i): bit i behaves as
 * the power x^i modulo x^31 + x^3 + 1.  It repeats after 2^31 - 1 bits.  The bytes repeat
 * after as many bytes.
 */
#define PRBS_ORDER	31
#define PRBS_PERIOD	((UINT64_C(1) << PRBS_ORDER) - 1)
/*
 * The rule, squared three times, holds for whole bytes: byte i is byte i - 28 ^ byte i - 31.
 * So only the first bytes are made bit by bit.
 */
#define PRBS_NEAR	28
#define PRBS_FAR	31

static uint32_t reduce(uint64_t value)
{
	uint64_t high;
	int i;

	/* x^31 = x^3 + 1.  Once leaves at most three bits above. */
	for (i = 0; i < 2; i++) {
		high = value >> PRBS_ORDER;
		value = (value & PRBS_PERIOD) ^ high ^ high << 3;
	}
	return value;
}

static uint32_t square(uint32_t value)
{
	uint64_t result = 0;
	int i;

	for (i = 0; i < PRBS_ORDER; i++)
		result |= (uint64_t)(value >> i & 1) << 2 * i;
	return reduce(result);
}

/* x to the power of @n */
static uint32_t power_of_x(uint64_t n)
{
	uint32_t value = 1;
	int i;

	for (i = 63; i >= 0; i--) {
		value = square(value);
		if (n >> i & 1)
			value = reduce((uint64_t)value << 1);
	}
	return value;
}

static void fill_prbs31(unsigned char *buf, size_t len, uint64_t position)
{
	/* A bit is the sum of its power's coefficients, as the first 31 bits are 1. */
	uint32_t power = power_of_x(position % PRBS_PERIOD * 8);
	unsigned int byte, bit;
	size_t i;

	for (i = 0; i < len && i < PRBS_FAR; i++) {
		byte = 0;
		for (bit = 0; bit < 8; bit++) {
			byte = byte << 1 | __builtin_parity(power);
			power = reduce((uint64_t)power << 1);
		}
		buf[i] = byte;
	}
	for (; i + 8 <= len; i += 8) {
		uint64_t near, far;

		memcpy(&near, buf + i - PRBS_NEAR, 8);
		memcpy(&far, buf + i - PRBS_FAR, 8);
		near ^= far;
		memcpy(buf + i, &near, 8);
	}
	for (; i < len; i++)
		buf[i] = buf[i - PRBS_NEAR] ^ buf[i - PRBS_FAR];
}

static void fill_counter(unsigned char *buf, size_t len, uint64_t position)
{
	uint64_t number;

	for (; len && position % 8; len--, position++)
		*buf++ = position / 8 >> 8 * (position % 8);
	for (; len >= 8; len -= 8, position += 8, buf += 8) {
		number = htole64(position / 8);
		memcpy(buf, &number, 8);
	}
	for (; len; len--, position++)
		*buf++ = position / 8 >> 8 * (position % 8);
}

static void fill_ramp(unsigned char *buf, size_t len, uint64_t sequence, uint64_t offset)
{
	size_t i;

	for (i = 0; i < len; i++, offset++)
		buf[i] = offset % 256 + offset / 256 + 8 * sequence;
}

EDUDMA_API int edudma_pattern_fill(uint32_t pattern, void *buf, size_t len,
				   uint64_t position, uint64_t sequence, uint64_t offset)
{
	switch (pattern) {
	case EDUDMA_PATTERN_COUNTER:
		fill_counter(buf, len, position);
		return 0;
	case EDUDMA_PATTERN_PRBS31:
		fill_prbs31(buf, len, position);
		return 0;
	case EDUDMA_PATTERN_RAMP:
		fill_ramp(buf, len, sequence, offset);
		return 0;
	default:
		return -EINVAL;
	}
}

uint64_t edudma_count_differences(const unsigned char *buf, const unsigned char *expected,
				  size_t len, size_t *first)
{
	uint64_t differ = 0;
	size_t i;

	if (!memcmp(buf, expected, len))
		return 0;
	for (i = 0; i < len; i++)
		if (buf[i] != expected[i] && !differ++)
			*first = i;
	return differ;
}

EDUDMA_API uint64_t edudma_pattern_check(uint32_t pattern, const void *buf, size_t len,
					 uint64_t position, uint64_t sequence,
					 uint64_t offset, uint64_t *first)
{
	unsigned char expected[CHUNK];
	uint64_t differ = 0, found, first_at = UINT64_MAX;
	size_t done, part, at = 0;

	for (done = 0; done < len; done += part) {
		part = len - done < CHUNK ? len - done : CHUNK;
		if (edudma_pattern_fill(pattern, expected, part, position + done, sequence,
					offset + done)) {
			differ = len;
			first_at = 0;
			break;
		}
		found = edudma_count_differences((const unsigned char *)buf + done, expected,
						 part, &at);
		if (found && !differ)
			first_at = done + at;
		differ += found;
	}

	if (first)
		*first = first_at;
	return differ;
}
