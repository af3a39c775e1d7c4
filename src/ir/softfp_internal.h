/*
 * softfp_internal.h - what the softfp_*.c files share: unpacked numbers, rounding, NaN processing.
 *
 * Private to src/ir/softfp*.c. Must not be included elsewhere.
 */
#ifndef GNOMON_IR_SOFTFP_INTERNAL_H
#define GNOMON_IR_SOFTFP_INTERNAL_H

#include "ir/softfp.h"

typedef unsigned __int128 uwide;

enum sfp_class { SFP_ZERO, SFP_NONZERO, SFP_INF, SFP_QNAN, SFP_SNAN };

/* An unpacked operand. SFP_NONZERO: the value is sig * 2^(exp - 63) and bit 63 of sig is set. */
struct sfp_num {
    enum sfp_class cls;
    bool sign;
    int exp;
    uint64_t sig;
};

static inline unsigned sfp_mbits(unsigned esz) { return esz == 1 ? 10 : esz == 2 ? 23 : 52; }
static inline unsigned sfp_ebits(unsigned esz) { return esz == 1 ? 5 : esz == 2 ? 8 : 11; }
static inline int sfp_bias(unsigned esz) { return (1 << (sfp_ebits(esz) - 1)) - 1; }
static inline uint64_t sfp_width_mask(unsigned esz) { return esz == 3 ? ~0ull : (1ull << (8u << esz)) - 1; }
static inline uint64_t sfp_sign_bit(unsigned esz) { return 1ull << ((8u << esz) - 1); }
static inline uint64_t sfp_quiet_bit(unsigned esz) { return 1ull << (sfp_mbits(esz) - 1); }

static inline uint64_t sfp_zero(unsigned esz, bool sign) { return sign ? sfp_sign_bit(esz) : 0; }
static inline uint64_t sfp_inf(unsigned esz, bool sign)
{
    return sfp_zero(esz, sign) | ((1ull << sfp_ebits(esz)) - 1) << sfp_mbits(esz);
}
static inline uint64_t sfp_max_normal(unsigned esz, bool sign) { return sfp_inf(esz, sign) - 1; }
static inline uint64_t sfp_default_nan(unsigned esz) { return sfp_inf(esz, false) | sfp_quiet_bit(esz); }
/* +-2^exp for a normal exponent; HALF_MORE adds half of it (1.5 * 2^exp). */
static inline uint64_t sfp_pow2(unsigned esz, bool sign, int exp, bool half_more)
{
    return sfp_zero(esz, sign) | (uint64_t)(exp + sfp_bias(esz)) << sfp_mbits(esz) |
           (half_more ? sfp_quiet_bit(esz) : 0);
}

static inline bool sfp_is_nan(enum sfp_class c) { return c >= SFP_QNAN; }

/* FPUnpack; CV: FPUnpackCV, for conversions between formats (alternative half precision applies, FZ16 does not). */
struct sfp_num sfp_unpack(struct fp_env *e, unsigned esz, uint64_t a, bool cv);
/* FPRound / FPRoundCV of sig * 2^(exp - 127); sig is not 0; its lowest bit may be a sticky bit. */
uint64_t sfp_round_pack(struct fp_env *e, unsigned esz, bool sign, int exp, uwide sig, unsigned round, bool cv);
/* FPProcessNaN of one operand known to be a NaN. */
uint64_t sfp_process_nan(struct fp_env *e, unsigned esz, enum sfp_class cls, uint64_t a);
/* FPProcessNaNs: true when one operand is a NaN and *r holds the result. */
bool sfp_process_nans(struct fp_env *e, unsigned esz, const struct sfp_num *x, uint64_t a, const struct sfp_num *y,
                      uint64_t b, uint64_t *r);
/* x + y for finite nonzero-or-zero terms: value = sig * 2^(exp - 126), sig below 2^127. false: the sum is 0. */
struct sfp_term { bool sign; int exp; uwide sig; };
bool sfp_sum(struct sfp_term x, struct sfp_term y, struct sfp_term *sum);   /* sum: sig * 2^(exp - 127), bit 127 set */
struct sfp_term sfp_term_of(const struct sfp_num *n);
struct sfp_term sfp_product(const struct sfp_num *x, const struct sfp_num *y);
/* Magnitude rounded to an integer; n->exp below 64. */
uwide sfp_round_magnitude(const struct sfp_num *n, unsigned round, bool *inexact);

#endif
