/*
 * softfp.c - unpacking, rounding, NaN processing and arithmetic of the reference floating point.
 *
 * Integer arithmetic only: the host's MXCSR belongs to the guest while this runs. Must not know any guest ISA's
 * encodings. Source: Arm ARM DDI 0487, shared/functions/float (FPUnpack, FPRound, FPProcessNaNs, FPAdd, FPMulAdd, ...).
 */
#include "ir/softfp_internal.h"

static inline int clz_wide(uwide v)
{
    uint64_t hi = (uint64_t)(v >> 64);
    return hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
}

/* Shift right; bits that fall out are remembered in bit 0. */
static inline uwide shift_right_jam(uwide v, int n)
{
    if (n == 0) {
        return v;
    }
    if (n > 127) {
        return v != 0;
    }
    return v >> n | ((v << (128 - n)) != 0);
}

struct sfp_num sfp_unpack(struct fp_env *e, unsigned esz, uint64_t a, bool cv)
{
    unsigned mb = sfp_mbits(esz), emax = (1u << sfp_ebits(esz)) - 1;
    uint64_t frac = a & ((1ull << mb) - 1);
    unsigned exp = (unsigned)(a >> mb) & emax;
    struct sfp_num n = {.cls = SFP_NONZERO, .sign = a & sfp_sign_bit(esz)};

    if (exp == 0) {
        if (frac == 0) {
            n.cls = SFP_ZERO;
        } else if (esz == 1 ? e->fz16 && !cv : e->fz) {
            n.cls = SFP_ZERO;
            if (esz != 1) {                      /* flushing a half-precision input raises nothing */
                e->sticky |= FP_IDC;
            }
        } else {
            int lz = __builtin_clzll(frac);
            n.sig = frac << lz;
            n.exp = 1 - sfp_bias(esz) - (int)mb + 63 - lz;
        }
    } else if (exp == emax && !(esz == 1 && cv && e->ahp)) {
        n.cls = frac == 0 ? SFP_INF : frac & sfp_quiet_bit(esz) ? SFP_QNAN : SFP_SNAN;
    } else {
        n.sig = (frac | 1ull << mb) << (63 - mb);
        n.exp = (int)exp - sfp_bias(esz);
    }
    return n;
}

static bool rounds_up(bool sign, unsigned round, bool lsb, int cmp_half, bool inexact)
{
    switch (round) {
    case FP_RN: return cmp_half > 0 || (cmp_half == 0 && lsb);
    case FP_RP: return inexact && !sign;
    case FP_RM: return inexact && sign;
    case FP_TIES_AWAY: return cmp_half >= 0;
    default: return false;
    }
}

static bool overflows_to_inf(bool sign, unsigned round)
{
    switch (round) {
    case FP_RN: case FP_TIES_AWAY: return true;
    case FP_RP: return !sign;
    case FP_RM: return sign;
    default: return false;
    }
}

uint64_t sfp_round_pack(struct fp_env *e, unsigned esz, bool sign, int exp, uwide sig, unsigned round, bool cv)
{
    unsigned mb = sfp_mbits(esz), eb = sfp_ebits(esz);
    int emin = 1 - sfp_bias(esz);
    bool alt = esz == 1 && cv && e->ahp;

    int lz = clz_wide(sig);
    sig <<= lz;
    exp -= lz;

    if (exp < emin && (esz == 1 ? e->fz16 && !cv : e->fz)) {
        e->sticky |= FP_UFC;                     /* and no Inexact */
        return sfp_zero(esz, sign);
    }

    int biased = exp - emin + 1, shift = 127 - (int)mb;
    if (biased < 1) {
        shift += 1 - biased;
        biased = 0;
    } else if (biased > 1 << eb) {
        biased = 1 << eb;                        /* far out of range: keep the sum below in 64 bits */
    }

    uint64_t mant;
    int cmp_half;
    bool inexact;
    if (shift > 128) {
        mant = 0, cmp_half = -1, inexact = true;
    } else {
        uwide half = (uwide)1 << (shift - 1), rem = shift == 128 ? sig : sig & ((half << 1) - 1);
        mant = shift == 128 ? 0 : (uint64_t)(sig >> shift);
        cmp_half = rem > half ? 1 : rem == half ? 0 : -1;
        inexact = rem != 0;
    }
    if (biased == 0 && inexact) {
        e->sticky |= FP_UFC;                     /* tininess is detected before rounding */
    }
    mant += rounds_up(sign, round, mant & 1, cmp_half, inexact);
    if (round == FP_ROUND_ODD && inexact) {
        mant |= 1;
    }
    /* A carry out of the fraction moves into the exponent by itself; mant holds the leading 1 of normal numbers. */
    uint64_t r = biased ? ((uint64_t)(biased - 1) << mb) + mant : mant;

    if (alt) {
        if (r >> mb >= 1u << eb) {
            e->sticky |= FP_IOC;
            return sfp_zero(esz, sign) | 0x7fff;
        }
    } else if (r >> mb >= (1u << eb) - 1) {
        e->sticky |= FP_OFC | FP_IXC;
        return overflows_to_inf(sign, round) ? sfp_inf(esz, sign) : sfp_max_normal(esz, sign);
    }
    if (inexact) {
        e->sticky |= FP_IXC;
    }
    return r | sfp_zero(esz, sign);
}

uint64_t sfp_process_nan(struct fp_env *e, unsigned esz, enum sfp_class cls, uint64_t a)
{
    if (cls == SFP_SNAN) {
        e->sticky |= FP_IOC;
        a |= sfp_quiet_bit(esz);
    }
    return e->dn ? sfp_default_nan(esz) : a & sfp_width_mask(esz);
}

bool sfp_process_nans(struct fp_env *e, unsigned esz, const struct sfp_num *x, uint64_t a, const struct sfp_num *y,
                      uint64_t b, uint64_t *r)
{
    if (likely(!sfp_is_nan(x->cls) && !sfp_is_nan(y->cls))) {
        return false;
    }
    bool first = x->cls == SFP_SNAN || (y->cls != SFP_SNAN && x->cls == SFP_QNAN);
    *r = first ? sfp_process_nan(e, esz, x->cls, a) : sfp_process_nan(e, esz, y->cls, b);
    return true;
}

static uint64_t invalid(struct fp_env *e, unsigned esz)
{
    e->sticky |= FP_IOC;
    return sfp_default_nan(esz);
}

#define ZERO_EXP (-0x100000)                     /* far below any number: a zero term never decides the alignment */

struct sfp_term sfp_term_of(const struct sfp_num *n)
{
    if (n->cls == SFP_ZERO) {
        return (struct sfp_term){n->sign, ZERO_EXP, 0};
    }
    return (struct sfp_term){n->sign, n->exp, (uwide)n->sig << 63};
}

struct sfp_term sfp_product(const struct sfp_num *x, const struct sfp_num *y)
{
    bool sign = x->sign != y->sign;
    if (x->cls == SFP_ZERO || y->cls == SFP_ZERO) {
        return (struct sfp_term){sign, ZERO_EXP, 0};
    }
    /* Operands have 53 significant bits at most, so the bit shifted out is 0. The value is (1 or 2 leading) * 2^exp. */
    return (struct sfp_term){sign, x->exp + y->exp + 1, ((uwide)x->sig * y->sig) >> 1};
}

bool sfp_sum(struct sfp_term x, struct sfp_term y, struct sfp_term *sum)
{
    if (x.exp < y.exp) {
        struct sfp_term t = x;
        x = y, y = t;
    }
    y.sig = shift_right_jam(y.sig, x.exp - y.exp);
    if (x.sign == y.sign) {
        x.sig += y.sig;
    } else if (x.sig >= y.sig) {
        x.sig -= y.sig;
    } else {
        x.sig = y.sig - x.sig;
        x.sign = y.sign;
    }
    x.exp++;                                     /* from sig * 2^(exp-126) to sig * 2^(exp-127) */
    *sum = x;
    return x.sig != 0;
}

static uint64_t pack_sum(struct fp_env *e, unsigned esz, struct sfp_term x, struct sfp_term y)
{
    struct sfp_term s;
    if (!sfp_sum(x, y, &s)) {
        return sfp_zero(esz, e->round == FP_RM);
    }
    return sfp_round_pack(e, esz, s.sign, s.exp, s.sig, e->round, false);
}

static uint64_t add_sub(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b, bool sub)
{
    struct sfp_num x = sfp_unpack(e, esz, a, false), y = sfp_unpack(e, esz, b, false);
    uint64_t r;
    if (sfp_process_nans(e, esz, &x, a, &y, b, &r)) {
        return r;
    }
    y.sign ^= sub;
    if (x.cls == SFP_INF || y.cls == SFP_INF) {
        if (x.cls == y.cls && x.sign != y.sign) {
            return invalid(e, esz);
        }
        return sfp_inf(esz, x.cls == SFP_INF ? x.sign : y.sign);
    }
    if (x.cls == SFP_ZERO && y.cls == SFP_ZERO && x.sign == y.sign) {
        return sfp_zero(esz, x.sign);
    }
    return pack_sum(e, esz, sfp_term_of(&x), sfp_term_of(&y));
}

uint64_t sfp_add(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return add_sub(e, esz, a, b, false); }
uint64_t sfp_sub(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return add_sub(e, esz, a, b, true); }

static uint64_t multiply(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b, bool mulx)
{
    struct sfp_num x = sfp_unpack(e, esz, a, false), y = sfp_unpack(e, esz, b, false);
    uint64_t r;
    if (sfp_process_nans(e, esz, &x, a, &y, b, &r)) {
        return r;
    }
    bool sign = x.sign != y.sign;
    bool inf = x.cls == SFP_INF || y.cls == SFP_INF, zero = x.cls == SFP_ZERO || y.cls == SFP_ZERO;
    if (inf && zero) {
        return mulx ? sfp_pow2(esz, sign, 1, false) : invalid(e, esz);
    }
    if (inf) {
        return sfp_inf(esz, sign);
    }
    if (zero) {
        return sfp_zero(esz, sign);
    }
    return sfp_round_pack(e, esz, sign, x.exp + y.exp + 1, (uwide)x.sig * y.sig, e->round, false);
}

uint64_t sfp_mul(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return multiply(e, esz, a, b, false); }
uint64_t sfp_mulx(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return multiply(e, esz, a, b, true); }

uint64_t sfp_div(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b)
{
    struct sfp_num x = sfp_unpack(e, esz, a, false), y = sfp_unpack(e, esz, b, false);
    uint64_t r;
    if (sfp_process_nans(e, esz, &x, a, &y, b, &r)) {
        return r;
    }
    bool sign = x.sign != y.sign;
    if (x.cls == y.cls && (x.cls == SFP_INF || x.cls == SFP_ZERO)) {
        return invalid(e, esz);
    }
    if (x.cls == SFP_INF || y.cls == SFP_ZERO) {
        if (x.cls != SFP_INF) {
            e->sticky |= FP_DZC;
        }
        return sfp_inf(esz, sign);
    }
    if (x.cls == SFP_ZERO || y.cls == SFP_INF) {
        return sfp_zero(esz, sign);
    }
    uwide num = (uwide)x.sig << 63;
    uint64_t q = (uint64_t)(num / y.sig);        /* 2^62 < q < 2^64 */
    bool rem = (uwide)q * y.sig != num;
    return sfp_round_pack(e, esz, sign, x.exp - y.exp, (uwide)q << 64 | rem, e->round, false);
}

/* Floor of the square root of v, 2^126 <= v. */
static uint64_t isqrt(uwide v, bool *exact)
{
    uwide root = 0, rem = v;
    for (uwide bit = (uwide)1 << 126; bit; bit >>= 2) {
        uwide t = root + bit;
        root >>= 1;
        if (rem >= t) {
            rem -= t;
            root += bit;
        }
    }
    *exact = rem == 0;
    return (uint64_t)root;
}

uint64_t sfp_sqrt(struct fp_env *e, unsigned esz, uint64_t a)
{
    struct sfp_num x = sfp_unpack(e, esz, a, false);
    if (sfp_is_nan(x.cls)) {
        return sfp_process_nan(e, esz, x.cls, a);
    }
    if (x.cls == SFP_ZERO) {
        return sfp_zero(esz, x.sign);
    }
    if (x.sign) {
        return invalid(e, esz);
    }
    if (x.cls == SFP_INF) {
        return sfp_inf(esz, false);
    }
    bool odd = x.exp & 1, exact;
    uint64_t root = isqrt((uwide)x.sig << (odd ? 64 : 63), &exact);
    return sfp_round_pack(e, esz, false, (x.exp - odd) / 2, (uwide)root << 64 | !exact, e->round, false);
}

uint64_t sfp_muladd(struct fp_env *e, unsigned esz, uint64_t addend, uint64_t a, uint64_t b)
{
    struct sfp_num z = sfp_unpack(e, esz, addend, false);
    struct sfp_num x = sfp_unpack(e, esz, a, false), y = sfp_unpack(e, esz, b, false);
    bool inf_zero = (x.cls == SFP_INF && y.cls == SFP_ZERO) || (x.cls == SFP_ZERO && y.cls == SFP_INF);

    if (unlikely(sfp_is_nan(z.cls) || sfp_is_nan(x.cls) || sfp_is_nan(y.cls))) {
        if (z.cls == SFP_QNAN && inf_zero) {
            return invalid(e, esz);
        }
        /* FPProcessNaNs3: the first signalling operand, else the first quiet one, in the order addend, a, b. */
        if (z.cls == SFP_SNAN) return sfp_process_nan(e, esz, z.cls, addend);
        if (x.cls == SFP_SNAN) return sfp_process_nan(e, esz, x.cls, a);
        if (y.cls == SFP_SNAN) return sfp_process_nan(e, esz, y.cls, b);
        if (z.cls == SFP_QNAN) return sfp_process_nan(e, esz, z.cls, addend);
        if (x.cls == SFP_QNAN) return sfp_process_nan(e, esz, x.cls, a);
        return sfp_process_nan(e, esz, y.cls, b);
    }
    bool sign = x.sign != y.sign, inf = x.cls == SFP_INF || y.cls == SFP_INF;
    if (inf_zero || (z.cls == SFP_INF && inf && z.sign != sign)) {
        return invalid(e, esz);
    }
    if (z.cls == SFP_INF || inf) {
        return sfp_inf(esz, z.cls == SFP_INF ? z.sign : sign);
    }
    if (z.cls == SFP_ZERO && (x.cls == SFP_ZERO || y.cls == SFP_ZERO) && z.sign == sign) {
        return sfp_zero(esz, sign);
    }
    return pack_sum(e, esz, sfp_term_of(&z), sfp_product(&x, &y));
}

/* Numerical order of two operands that are not NaNs: -1, 0, 1. */
static int order(const struct sfp_num *x, const struct sfp_num *y)
{
    bool xz = x->cls == SFP_ZERO, yz = y->cls == SFP_ZERO;
    if (xz || yz) {
        return xz && yz ? 0 : xz ? (y->sign ? 1 : -1) : (x->sign ? -1 : 1);
    }
    if (x->sign != y->sign) {
        return x->sign ? -1 : 1;
    }
    int m;
    if (x->cls == SFP_INF || y->cls == SFP_INF) {
        m = (x->cls == SFP_INF) - (y->cls == SFP_INF);
    } else if (x->exp != y->exp) {
        m = x->exp > y->exp ? 1 : -1;
    } else {
        m = x->sig == y->sig ? 0 : x->sig > y->sig ? 1 : -1;
    }
    return x->sign ? -m : m;
}

static uint64_t max_min(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b, bool min, bool num)
{
    struct sfp_num x = sfp_unpack(e, esz, a, false), y = sfp_unpack(e, esz, b, false);
    uint64_t r;
    if (num && x.cls == SFP_QNAN && y.cls != SFP_QNAN) {
        a = sfp_inf(esz, !min);
        x = (struct sfp_num){.cls = SFP_INF, .sign = !min};
    } else if (num && y.cls == SFP_QNAN && x.cls != SFP_QNAN) {
        b = sfp_inf(esz, !min);
        y = (struct sfp_num){.cls = SFP_INF, .sign = !min};
    }
    if (sfp_process_nans(e, esz, &x, a, &y, b, &r)) {
        return r;
    }
    bool first = min ? order(&x, &y) < 0 : order(&x, &y) > 0;
    if ((first ? &x : &y)->cls == SFP_ZERO) {    /* two zeros, or a denormal flushed */
        bool other_zero = x.cls == SFP_ZERO && y.cls == SFP_ZERO;
        bool sign = other_zero ? (min ? x.sign | y.sign : x.sign & y.sign) : (first ? x.sign : y.sign);
        return sfp_zero(esz, sign);
    }
    return (first ? a : b) & sfp_width_mask(esz);
}

uint64_t sfp_max(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return max_min(e, esz, a, b, false, false); }
uint64_t sfp_min(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return max_min(e, esz, a, b, true, false); }
uint64_t sfp_maxnm(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b)
{
    return max_min(e, esz, a, b, false, true);
}
uint64_t sfp_minnm(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b) { return max_min(e, esz, a, b, true, true); }

/* Unpack both; false if one is a NaN, with Invalid Operation raised as the comparison asks. */
static bool compare(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b, bool signalling, int *ord)
{
    struct sfp_num x = sfp_unpack(e, esz, a, false), y = sfp_unpack(e, esz, b, false);
    if (sfp_is_nan(x.cls) || sfp_is_nan(y.cls)) {
        if (signalling || x.cls == SFP_SNAN || y.cls == SFP_SNAN) {
            e->sticky |= FP_IOC;
        }
        return false;
    }
    *ord = order(&x, &y);
    return true;
}

unsigned sfp_compare(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b, bool signalling)
{
    int ord;
    if (!compare(e, esz, a, b, signalling, &ord)) {
        return 3;
    }
    return ord == 0 ? 6 : ord < 0 ? 8 : 2;
}

bool sfp_eq(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b)
{
    int ord;
    return compare(e, esz, a, b, false, &ord) && ord == 0;
}

bool sfp_gt(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b)
{
    int ord;
    return compare(e, esz, a, b, true, &ord) && ord > 0;
}

bool sfp_ge(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b)
{
    int ord;
    return compare(e, esz, a, b, true, &ord) && ord >= 0;
}

uwide sfp_round_magnitude(const struct sfp_num *n, unsigned round, bool *inexact)
{
    if (n->exp >= 63) {
        *inexact = false;
        return n->sig;
    }
    uint64_t whole = 0;
    int cmp_half = -1;
    *inexact = true;
    if (n->exp >= -1) {
        unsigned shift = 63 - (unsigned)n->exp;  /* 1..64 */
        uint64_t half = 1ull << (shift - 1), rem = shift == 64 ? n->sig : n->sig & ((half << 1) - 1);
        whole = shift == 64 ? 0 : n->sig >> shift;
        cmp_half = rem > half ? 1 : rem == half ? 0 : -1;
        *inexact = rem != 0;
    }
    return (uwide)whole + rounds_up(n->sign, round, whole & 1, cmp_half, *inexact);
}

void fp_collect_host_flags(struct fp_env *e)
{
    uint32_t live;
    __asm__ volatile("stmxcsr %0" : "=m"(live));
    /* Outside translated code the flags of its last run are in e->mxcsr; inside they are in both or in the live one. */
    uint32_t m = live | e->mxcsr;
    /* MXCSR: IE 0, DE 1 (no Arm counterpart outside FZ), ZE 2, OE 3, UE 4, PE 5. */
    e->sticky |= (m & 1 ? FP_IOC : 0) | (m & 4 ? FP_DZC : 0) | (m & 8 ? FP_OFC : 0) | (m & 16 ? FP_UFC : 0) |
                 (m & 32 ? FP_IXC : 0);
    e->mxcsr &= ~0x3fu;
    if (live & 0x3f) {
        live &= ~0x3fu;
        __asm__ volatile("ldmxcsr %0" : : "m"(live));
    }
}
