/*
 * softfp_estimate.c - reciprocal and reciprocal square root estimates and steps.
 *
 * Integer arithmetic only (see softfp.c). Source: Arm ARM DDI 0487, FPRecipEstimate, FPRSqrtEstimate, RecipEstimate,
 * RecipSqrtEstimate, FPRecipStepFused, FPRSqrtStepFused, FPRecpX.
 */
#include "ir/softfp_internal.h"

/* 1/a for a in [256, 512) standing for [0.5, 1.0); the result in [256, 512) stands for [1.0, 2.0). */
unsigned sfp_recip_table(unsigned a)
{
    unsigned b = (1u << 19) / (2 * a + 1);
    return (b + 1) / 2;
}

/* 1/sqrt(a) for a in [128, 512) standing for [0.25, 1.0); the result in [256, 512) stands for [1.0, 2.0). */
unsigned sfp_rsqrt_table(unsigned a)
{
    a = a < 256 ? 2 * a + 1 : ((a >> 1 << 1) + 1) * 2;
    unsigned b = 512;
    while (a * (b + 1) * (b + 1) < 1u << 28) {
        b++;
    }
    return (b + 1) / 2;
}

/* The 52-bit fraction and biased exponent of an operand that is neither zero, infinite nor a NaN. */
static uint64_t fraction(unsigned esz, uint64_t a, int *exp)
{
    unsigned mb = sfp_mbits(esz);
    *exp = (int)(a >> mb) & ((1 << sfp_ebits(esz)) - 1);
    return (a & ((1ull << mb) - 1)) << (52 - mb);
}

#define FRAC_MASK ((1ull << 52) - 1)

uint64_t sfp_recip_estimate(struct fp_env *e, unsigned esz, uint64_t a)
{
    struct sfp_num n = sfp_unpack(e, esz, a, false);
    unsigned mb = sfp_mbits(esz);
    int bias = sfp_bias(esz);

    if (sfp_is_nan(n.cls)) {
        return sfp_process_nan(e, esz, n.cls, a);
    }
    if (n.cls == SFP_INF) {
        return sfp_zero(esz, n.sign);
    }
    if (n.cls == SFP_ZERO) {
        e->sticky |= FP_DZC;
        return sfp_inf(esz, n.sign);
    }
    if (n.exp < -bias - 1) {                     /* |a| < 2^-128 (single) and the like: the reciprocal overflows */
        e->sticky |= FP_OFC | FP_IXC;
        bool inf = e->round == FP_RN || (e->round == FP_RP && !n.sign) || (e->round == FP_RM && n.sign);
        return inf ? sfp_inf(esz, n.sign) : sfp_max_normal(esz, n.sign);
    }
    if ((esz == 1 ? e->fz16 : e->fz) && n.exp >= bias - 1) {
        e->sticky |= FP_UFC;                     /* the result would be denormal */
        return sfp_zero(esz, n.sign);
    }
    int exp;
    uint64_t frac = fraction(esz, a, &exp);
    if (exp == 0) {
        if (!(frac >> 51)) {
            exp = -1;
            frac = frac << 2 & FRAC_MASK;
        } else {
            frac = frac << 1 & FRAC_MASK;
        }
    }
    int rexp = 2 * bias - 1 - exp;
    frac = (uint64_t)(sfp_recip_table(256 | (unsigned)(frac >> 44)) & 0xff) << 44;
    if (rexp == 0) {
        frac = 1ull << 51 | frac >> 1;
    } else if (rexp == -1) {
        frac = 1ull << 50 | frac >> 2;
        rexp = 0;
    }
    return sfp_zero(esz, n.sign) | (uint64_t)rexp << mb | frac >> (52 - mb);
}

uint64_t sfp_rsqrt_estimate(struct fp_env *e, unsigned esz, uint64_t a)
{
    struct sfp_num n = sfp_unpack(e, esz, a, false);
    unsigned mb = sfp_mbits(esz);

    if (sfp_is_nan(n.cls)) {
        return sfp_process_nan(e, esz, n.cls, a);
    }
    if (n.cls == SFP_ZERO) {
        e->sticky |= FP_DZC;
        return sfp_inf(esz, n.sign);
    }
    if (n.sign) {
        e->sticky |= FP_IOC;
        return sfp_default_nan(esz);
    }
    if (n.cls == SFP_INF) {
        return sfp_zero(esz, false);
    }
    int exp;
    uint64_t frac = fraction(esz, a, &exp);
    if (exp == 0) {
        while (!(frac >> 51)) {
            frac = frac << 1 & FRAC_MASK;
            exp--;
        }
        frac = frac << 1 & FRAC_MASK;
    }
    unsigned scaled = exp & 1 ? 0x80 | (unsigned)(frac >> 45) : 0x100 | (unsigned)(frac >> 44);
    int rexp = (3 * sfp_bias(esz) - 1 - exp) / 2;
    uint64_t est = sfp_rsqrt_table(scaled) & 0xff;
    return (uint64_t)rexp << mb | est << (mb - 8);
}

/* 2 - a * b, or (3 - a * b) / 2: the fused steps. An infinity times zero counts as 0. */
static uint64_t step(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b, bool rsqrt)
{
    a ^= sfp_sign_bit(esz);
    struct sfp_num x = sfp_unpack(e, esz, a, false), y = sfp_unpack(e, esz, b, false);
    uint64_t r;
    if (sfp_process_nans(e, esz, &x, a, &y, b, &r)) {
        return r;
    }
    bool inf = x.cls == SFP_INF || y.cls == SFP_INF, zero = x.cls == SFP_ZERO || y.cls == SFP_ZERO;
    if (inf && zero) {
        return rsqrt ? sfp_pow2(esz, false, 0, true) : sfp_pow2(esz, false, 1, false);
    }
    if (inf) {
        return sfp_inf(esz, x.sign != y.sign);
    }
    /* 2.0, or 3.0 = 1.5 * 2 */
    struct sfp_num k = {.cls = SFP_NONZERO, .exp = 1, .sig = rsqrt ? 3ull << 62 : 1ull << 63};
    struct sfp_term s;
    if (!sfp_sum(sfp_term_of(&k), sfp_product(&x, &y), &s)) {
        return sfp_zero(esz, e->round == FP_RM);
    }
    return sfp_round_pack(e, esz, s.sign, s.exp - rsqrt, s.sig, e->round, false);
}

uint64_t sfp_recip_step(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return step(e, esz, a, b, false); }
uint64_t sfp_rsqrt_step(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return step(e, esz, a, b, true); }

uint64_t sfp_recpx(struct fp_env *e, unsigned esz, uint64_t a)
{
    struct sfp_num n = sfp_unpack(e, esz, a, false);
    if (sfp_is_nan(n.cls)) {
        return sfp_process_nan(e, esz, n.cls, a);
    }
    unsigned mb = sfp_mbits(esz), emax = (1u << sfp_ebits(esz)) - 1;
    uint64_t exp = a >> mb & emax;
    return sfp_zero(esz, n.sign) | (exp == 0 ? (uint64_t)emax - 1 : ~exp & emax) << mb;
}
