/*
 * softfp_convert.c - rounding to integral values and conversions to and from integers, fixed point and other formats.
 *
 * Integer arithmetic only (see softfp.c). Source: Arm ARM DDI 0487, FPRoundInt, FPToFixed, FixedToFP, FPConvert.
 */
#include "ir/softfp_internal.h"

uint64_t sfp_round_int(struct fp_env *e, unsigned esz, uint64_t a, unsigned round, bool exact)
{
    struct sfp_num n = sfp_unpack(e, esz, a, false);
    if (sfp_is_nan(n.cls)) {
        return sfp_process_nan(e, esz, n.cls, a);
    }
    if (n.cls == SFP_ZERO) {
        return sfp_zero(esz, n.sign);
    }
    if (n.cls == SFP_INF || n.exp >= (int)sfp_mbits(esz)) {
        return a & sfp_width_mask(esz);
    }
    bool inexact;
    uwide m = sfp_round_magnitude(&n, round, &inexact);
    if (inexact && exact) {
        e->sticky |= FP_IXC;
    }
    return m ? sfp_round_pack(e, esz, n.sign, 127, m, FP_RZ, false) : sfp_zero(esz, n.sign);
}

uint64_t sfp_to_fixed(struct fp_env *e, unsigned esz, uint64_t a, unsigned fbits, bool is_unsigned, unsigned width,
                      unsigned round)
{
    struct sfp_num n = sfp_unpack(e, esz, a, false);
    uint64_t ones = width == 64 ? ~0ull : (1ull << width) - 1;
    uint64_t max = is_unsigned ? ones : ones >> 1, min_mag = is_unsigned ? 0 : (ones >> 1) + 1;

    if (sfp_is_nan(n.cls)) {
        e->sticky |= FP_IOC;
        return 0;
    }
    if (n.cls == SFP_ZERO) {
        return 0;
    }
    n.exp += (int)fbits;
    if (n.cls == SFP_INF || n.exp >= 64) {
        e->sticky |= FP_IOC;
        return n.sign ? -min_mag & ones : max;
    }
    bool inexact;
    uwide m = sfp_round_magnitude(&n, round, &inexact);
    if (m > (n.sign ? min_mag : max)) {
        e->sticky |= FP_IOC;
        return n.sign ? -min_mag & ones : max;
    }
    if (inexact) {
        e->sticky |= FP_IXC;
    }
    return (n.sign ? -(uint64_t)m : (uint64_t)m) & ones;
}

uint64_t sfp_from_fixed(struct fp_env *e, unsigned esz, uint64_t a, unsigned fbits, bool is_unsigned, unsigned width)
{
    uint64_t ones = width == 64 ? ~0ull : (1ull << width) - 1;
    a &= ones;
    if (a == 0) {
        return 0;
    }
    bool sign = !is_unsigned && a >> (width - 1);
    uint64_t mag = sign ? -a & ones : a;
    return sfp_round_pack(e, esz, sign, 127 - (int)fbits, mag, e->round, false);
}

uint64_t sfp_convert(struct fp_env *e, unsigned to, unsigned from, uint64_t a, unsigned round)
{
    struct sfp_num n = sfp_unpack(e, from, a, true);
    bool alt = to == 1 && e->ahp;

    if (sfp_is_nan(n.cls)) {
        if (n.cls == SFP_SNAN || alt) {
            e->sticky |= FP_IOC;
        }
        if (alt) {
            return sfp_zero(to, n.sign);
        }
        if (e->dn) {
            return sfp_default_nan(to);
        }
        /* FPConvertNaN: the fraction keeps its high bits. */
        unsigned mf = sfp_mbits(from), mt = sfp_mbits(to);
        uint64_t frac = a & ((1ull << mf) - 1);
        frac = mt > mf ? frac << (mt - mf) : frac >> (mf - mt);
        return sfp_inf(to, n.sign) | sfp_quiet_bit(to) | frac;
    }
    if (n.cls == SFP_INF) {
        if (alt) {
            e->sticky |= FP_IOC;
            return sfp_zero(to, n.sign) | 0x7fff;
        }
        return sfp_inf(to, n.sign);
    }
    if (n.cls == SFP_ZERO) {
        return sfp_zero(to, n.sign);
    }
    return sfp_round_pack(e, to, n.sign, n.exp, (uwide)n.sig << 64, round, true);
}
