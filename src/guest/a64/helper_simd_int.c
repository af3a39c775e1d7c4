/*
 * helper_simd_int.c - one lane of the integer Advanced SIMD operations that have no IR form: saturating, rounding and
 * register shifts, polynomial products, bit counts.
 *
 * Saturation sets FPSR.QC (vcpu.fp.sticky). Source: Arm ARM DDI 0487, C7.2 and shared/functions (SatQ, PolynomialMult).
 */
#include "ir/softfp.h"

#include "simd.h"

typedef __int128 wide;

static inline unsigned width(unsigned esz) { return 8u << esz; }

/* SatQ to 8 << esz bits. */
static uint64_t saturate(struct vcpu *c, wide v, unsigned esz, bool u)
{
    wide max = u ? (wide)simd_mask(esz) : (wide)(simd_mask(esz) >> 1), min = u ? 0 : -max - 1;
    if (v >= min && v <= max) {
        return (uint64_t)v;
    }
    c->fp.sticky |= FPSR_QC;
    return (uint64_t)(v < min ? min : max);
}

static inline wide value(uint64_t x, unsigned esz, bool u) { return u ? (wide)x : (wide)simd_sext(x, esz); }

#define FN(name) uint64_t simd_##name(struct vcpu *c, const struct simd_desc *o, uint64_t d, uint64_t a, uint64_t b)

FN(qadd) { return saturate(c, value(a, o->esz, o->u) + value(b, o->esz, o->u), o->esz, o->u); }
FN(qsub) { return saturate(c, value(a, o->esz, o->u) - value(b, o->esz, o->u), o->esz, o->u); }
/* SUQADD: signed d plus unsigned a; USQADD: unsigned d plus signed a. */
FN(uqadd_mix) { return saturate(c, value(d, o->esz, o->u) + value(a, o->esz, !o->u), o->esz, o->u); }
FN(sqabs)
{
    wide v = value(a, o->esz, false);
    return saturate(c, v < 0 ? -v : v, o->esz, false);
}
FN(sqneg) { return saturate(c, -value(a, o->esz, false), o->esz, false); }

/* ---- shifts by a register: the signed low byte of b, negative to the right ---- */

/* v >> n, n > 0, rounded to nearest with ties up if ROUND; any n. */
static wide shift_right(wide v, unsigned n, bool round)
{
    if (n > 66) {                                /* |v| < 2^64: nothing is left, rounded or not */
        return round || v >= 0 ? 0 : -1;
    }
    return round ? (v + ((wide)1 << (n - 1))) >> n : v >> n;
}

static uint64_t saturating_left(struct vcpu *c, wide v, unsigned n, unsigned esz, bool u)
{
    if (v == 0) {
        return 0;
    }
    if (n >= width(esz)) {
        return saturate(c, v < 0 ? -((wide)1 << 100) : (wide)1 << 100, esz, u);
    }
    return saturate(c, v * ((wide)1 << n), esz, u);
}

static uint64_t shift_reg(struct vcpu *c, const struct simd_desc *o, uint64_t a, uint64_t b, bool round, bool sat)
{
    int n = (int8_t)b;
    wide v = value(a, o->esz, o->u);
    if (n < 0) {
        return (uint64_t)shift_right(v, (unsigned)-n, round);
    }
    if (sat) {
        return saturating_left(c, v, (unsigned)n, o->esz, o->u);
    }
    return n < (int)width(o->esz) ? a << n : 0;
}
FN(shl_reg) { return shift_reg(c, o, a, b, false, false); }
FN(rshl) { return shift_reg(c, o, a, b, true, false); }
FN(qshl_reg) { return shift_reg(c, o, a, b, false, true); }
FN(qrshl) { return shift_reg(c, o, a, b, true, true); }

FN(qshl_imm) { return saturating_left(c, value(a, o->esz, o->u), o->imm, o->esz, o->u); }
FN(sqshlu) { return saturating_left(c, value(a, o->esz, false), o->imm, o->esz, true); }

/* ---- narrowing: a has esz + 1 ---- */

static uint64_t narrow(struct vcpu *c, const struct simd_desc *o, uint64_t a, bool from_u, bool to_u)
{
    wide v = value(a, o->esz + 1u, from_u);
    return saturate(c, o->imm ? shift_right(v, o->imm, o->round) : v, o->esz, to_u);
}
FN(qshrn) { return narrow(c, o, a, o->u, o->u); }
FN(sqshrun) { return narrow(c, o, a, false, true); }

/* ---- doubling products ---- */

static inline wide doubled(uint64_t a, uint64_t b, unsigned esz)
{
    return 2 * value(a, esz, false) * value(b, esz, false);
}

FN(sqdmulh) { return saturate(c, doubled(a, b, o->esz) >> width(o->esz), o->esz, false); }
FN(sqrdmulh)
{
    return saturate(c, (doubled(a, b, o->esz) + ((wide)1 << (width(o->esz) - 1))) >> width(o->esz), o->esz, false);
}

static uint64_t rdml(struct vcpu *c, const struct simd_desc *o, uint64_t d, wide product)
{
    unsigned w = width(o->esz);
    wide acc = value(d, o->esz, false) * ((wide)1 << w) + product + ((wide)1 << (w - 1));
    return saturate(c, acc >> w, o->esz, false);
}
FN(sqrdmlah) { return rdml(c, o, d, doubled(a, b, o->esz)); }
FN(sqrdmlsh) { return rdml(c, o, d, -doubled(a, b, o->esz)); }

FN(sqdmull) { return saturate(c, doubled(a, b, o->esz), o->esz + 1u, false); }
static uint64_t sqdml(struct vcpu *c, const struct simd_desc *o, uint64_t d, uint64_t a, uint64_t b, int sign)
{
    unsigned esz = o->esz + 1u;
    wide product = simd_sext(saturate(c, doubled(a, b, o->esz), esz, false), esz);
    return saturate(c, value(d, esz, false) + sign * product, esz, false);
}
FN(sqdmlal) { return sqdml(c, o, d, a, b, 1); }
FN(sqdmlsl) { return sqdml(c, o, d, a, b, -1); }

/* ---- polynomials over {0, 1} ---- */

FN(pmull)                                        /* 8 by 8 bits */
{
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++) {
        r ^= a >> i & 1 ? b << i : 0;
    }
    return r;
}
FN(pmul) { return simd_pmull(c, o, d, a, b); }

/* ---- bits ---- */

FN(clz) { return a ? (unsigned)__builtin_clzll(a) - (64 - width(o->esz)) : width(o->esz); }
FN(cls)
{
    uint64_t x = (a ^ a >> 1) & simd_mask(o->esz) >> 1;      /* bits that differ from their left neighbour */
    return x ? (unsigned)__builtin_clzll(x) - (64 - width(o->esz)) - 1 : width(o->esz) - 1;
}
FN(rbit)
{
    a = (a & 0x55) << 1 | (a >> 1 & 0x55);
    a = (a & 0x33) << 2 | (a >> 2 & 0x33);
    return (a & 0x0f) << 4 | (a >> 4 & 0x0f);
}

/* ---- unsigned estimates ---- */

FN(urecpe) { return a >> 31 ? (uint64_t)sfp_recip_table((unsigned)(a >> 23)) << 23 : 0xffffffff; }
FN(ursqrte) { return a >> 30 ? (uint64_t)sfp_rsqrt_table((unsigned)(a >> 23)) << 23 : 0xffffffff; }
