/*
 * EDU with scatter/gather rings: the bytes of a stream
 *
 * A byte is a function of where it is, so that a frame is made when it is
 * moved, and any part of it by itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "edu-sg.h"

/* The number that the 8 bytes from @pos on are in, for every @pos. */
void edu_sg_pattern_counter(uint8_t *buf, uint64_t pos, uint32_t len)
{
    for (; len && (pos & 7); len--, pos++) {
        *buf++ = pos >> 3 >> (8 * (pos & 7));
    }
    for (; len >= 8; len -= 8, pos += 8, buf += 8) {
        stq_le_p(buf, pos >> 3);
    }
    for (; len; len--, pos++) {
        *buf++ = pos >> 3 >> (8 * (pos & 7));
    }
}

/*
 * A sequence of bits b(i) = b(i - 28) + b(i - 31), which is the same as
 * b(i + 31) = b(i + 3) + b(i): sums of bits are those of the powers of x modulo
 * x^31 + x^3 + 1.  It repeats after 2^31 - 1 bits, and so do its bytes.
 */
#define PRBS_ORDER      31
#define PRBS_PERIOD     ((UINT64_C(1) << PRBS_ORDER) - 1)
/* The first bytes are made bit by bit, and the others of these. */
#define PRBS_SEED       31

static uint32_t poly_reduce(uint64_t val)
{
    for (int i = 0; i < 2; i++) {
        uint64_t high = val >> PRBS_ORDER;

        val = (val & PRBS_PERIOD) ^ high ^ (high << 3);
    }
    return val;
}

static uint32_t poly_square(uint32_t val)
{
    uint64_t square = 0;

    for (int i = 0; i < PRBS_ORDER; i++) {
        square |= (uint64_t)((val >> i) & 1) << (2 * i);
    }
    return poly_reduce(square);
}

/* x^n */
static uint32_t poly_power(uint64_t n)
{
    uint32_t val = 1;

    for (int i = 63 - clz64(n | 1); i >= 0; i--) {
        val = poly_square(val);
        if ((n >> i) & 1) {
            val = poly_reduce((uint64_t)val << 1);
        }
    }
    return val;
}

/*
 * As the first 31 bits are 1, a bit is the sum of its power's coefficients.
 * Squaring the sequence's rule three times gives one of whole bytes: byte i is
 * byte i - 28 xor byte i - 31.
 */
void edu_sg_pattern_prbs31(uint8_t *buf, uint64_t pos, uint32_t len)
{
    uint32_t power = poly_power(pos % PRBS_PERIOD * 8);
    uint32_t i;

    for (i = 0; i < MIN(len, PRBS_SEED); i++) {
        uint8_t val = 0;

        for (int bit = 0; bit < 8; bit++) {
            val = val << 1 | (ctpop32(power) & 1);
            power = poly_reduce((uint64_t)power << 1);
        }
        buf[i] = val;
    }
    for (; i + 8 <= len; i += 8) {
        stq_he_p(buf + i, ldq_he_p(buf + i - 28) ^ ldq_he_p(buf + i - 31));
    }
    for (; i < len; i++) {
        buf[i] = buf[i - 28] ^ buf[i - 31];
    }
}

void edu_sg_pattern_ramp(uint8_t *buf, uint64_t sequence, uint32_t offset,
                         uint32_t len)
{
    uint32_t shift = 8 * sequence;

    for (uint32_t i = 0; i < len; i++) {
        uint32_t o = offset + i;

        buf[i] = o + (o >> 8) + shift;
    }
}
