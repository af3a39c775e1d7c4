/*
 * eval_vec.c - what the vector and floating-point operations compute, lane by lane.
 *
 * The reference that native code is tested against, and its fallback. Must not touch vCPU state except vcpu.fp.
 */
#include "ir/eval.h"
#include "ir/softfp.h"

/* ---- lanes ---- */

static inline uint64_t lane_mask(unsigned esz)
{
    return esz == 3 ? ~0ull : (1ull << (8u << esz)) - 1;
}

static inline uint64_t get(u128 v, unsigned esz, unsigned n)
{
    unsigned bit = (n << esz) * 8;
    return (bit & 64 ? v.hi : v.lo) >> (bit & 63) & lane_mask(esz);
}

static inline int64_t gets(u128 v, unsigned esz, unsigned n)
{
    return sextract(get(v, esz, n), 0, 8u << esz);
}

static inline void set(u128 *v, unsigned esz, unsigned n, uint64_t x)
{
    unsigned bit = (n << esz) * 8;
    uint64_t *half = bit & 64 ? &v->hi : &v->lo, m = lane_mask(esz);
    *half = (*half & ~(m << (bit & 63))) | (x & m) << (bit & 63);
}

static inline uint64_t sign_bit(unsigned esz)
{
    return 1ull << ((8u << esz) - 1);
}

/* ---- permutations ---- */

static u128 permute(const struct ir_insn *i, u128 a, u128 b)
{
    unsigned esz = i->esz, n = (i->q ? 16u : 8u) >> esz, half = n / 2;
    u128 r = { 0, 0 };
    for (unsigned k = 0; k < n; k++) {
        uint64_t x;
        switch ((enum ir_op)i->op) {
        case IR_VZIP1: x = get(k & 1 ? b : a, esz, k / 2); break;
        case IR_VZIP2: x = get(k & 1 ? b : a, esz, half + k / 2); break;
        case IR_VUZP1: x = k < half ? get(a, esz, 2 * k) : get(b, esz, 2 * (k - half)); break;
        case IR_VUZP2: x = k < half ? get(a, esz, 2 * k + 1) : get(b, esz, 2 * (k - half) + 1); break;
        case IR_VTRN1: x = get(k & 1 ? b : a, esz, k & ~1u); break;
        case IR_VTRN2: x = get(k & 1 ? b : a, esz, k | 1); break;
        default: {                               /* VREV: containers of 8 << imm bits */
            unsigned per = 1u << ((unsigned)i->imm - esz);
            x = get(a, esz, k ^ (per - 1));
            break;
        }
        }
        set(&r, esz, k, x);
    }
    return r;
}

static u128 ext(const struct ir_insn *i, u128 a, u128 b)
{
    unsigned n = i->q ? 16 : 8, from = (unsigned)i->imm & (n - 1);
    u128 r = { 0, 0 };
    for (unsigned k = 0; k < n; k++)
        set(&r, 0, k, from + k < n ? get(a, 0, from + k) : get(b, 0, from + k - n));
    return r;
}

static u128 tbl(const struct ir_insn *i, u128 a, u128 b)
{
    u128 r = { 0, 0 };
    for (unsigned k = 0; k < (i->q ? 16u : 8u); k++) {
        unsigned idx = (unsigned)get(b, 0, k);
        set(&r, 0, k, idx < 16 ? get(a, 0, idx) : 0);
    }
    return r;
}

static u128 addp(const struct ir_insn *i, u128 a, u128 b)
{
    unsigned esz = i->esz, n = (i->q ? 16u : 8u) >> esz;
    u128 r = { 0, 0 };
    if (n == 1) {                                /* not an encoding; by the rule for 64 bits: nothing to pair */
        r.lo = a.lo + b.lo;
        return r;
    }
    for (unsigned k = 0; k < n; k++) {
        u128 s = k < n / 2 ? a : b;
        unsigned j = 2 * (k % (n / 2));
        set(&r, esz, k, get(s, esz, j) + get(s, esz, j + 1));
    }
    return r;
}

/* VXTN, VUXTL, VSXTL */
static u128 resize(const struct ir_insn *i, u128 a)
{
    unsigned esz = i->esz, n = 8u >> esz, from = i->imm ? n : 0;
    u128 r = { 0, 0 };
    if (esz == 3)
        return r;                                /* not an encoding */
    for (unsigned k = 0; k < n; k++) {
        if (i->op == IR_VXTN)
            set(&r, esz, k, get(a, esz + 1, k));
        else
            set(&r, esz + 1, k, i->op == IR_VUXTL ? get(a, esz, k + from) : (uint64_t)gets(a, esz, k + from));
    }
    return r;
}

/* VUMULL, VSMULL, VUADDLP, VSADDLP: both operands and the result of a lane are within 64 bits. */
static u128 lengthen(const struct ir_insn *i, u128 a, u128 b)
{
    unsigned esz = i->esz, n = i->q ? 8u >> esz : 4u >> esz, from = i->imm ? n : 0;
    u128 r = { 0, 0 };
    if (esz == 3)
        return r;                                /* not an encoding */
    for (unsigned k = 0; k < n; k++) {
        uint64_t x;
        switch ((enum ir_op)i->op) {
        case IR_VUMULL: x = get(a, esz, k + from) * get(b, esz, k + from); break;
        case IR_VSMULL: x = (uint64_t)(gets(a, esz, k + from) * gets(b, esz, k + from)); break;
        case IR_VUADDLP: x = get(a, esz, 2 * k) + get(a, esz, 2 * k + 1); break;
        default: x = (uint64_t)(gets(a, esz, 2 * k) + gets(a, esz, 2 * k + 1)); break;
        }
        set(&r, esz + 1, k, x);
    }
    return r;
}

/* ---- lane-wise ---- */

static uint64_t lane_int(const struct ir_insn *i, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
    unsigned w = 8u << i->esz, sh = (unsigned)i->imm;
    switch ((enum ir_op)i->op) {
    case IR_VADD: return a + b;
    case IR_VSUB: return a - b;
    case IR_VMUL: return a * b;
    case IR_VNEG: return 0 - a;
    case IR_VABS: return sa < 0 ? 0 - a : a;
    case IR_VCMEQ: return a == b ? ~0ull : 0;
    case IR_VCMGT: return sa > sb ? ~0ull : 0;
    case IR_VCMGE: return sa >= sb ? ~0ull : 0;
    case IR_VCMHI: return a > b ? ~0ull : 0;
    case IR_VCMHS: return a >= b ? ~0ull : 0;
    case IR_VCMTST: return a & b ? ~0ull : 0;
    case IR_VSMAX: return sa > sb ? a : b;
    case IR_VSMIN: return sa < sb ? a : b;
    case IR_VUMAX: return a > b ? a : b;
    case IR_VUMIN: return a < b ? a : b;
    case IR_VSHL: return sh < w ? a << sh : 0;
    case IR_VUSHR: return sh < w ? a >> sh : 0;
    case IR_VSSHR: return (uint64_t)(sa >> MIN(sh, w - 1));
    case IR_VCNT: return (unsigned)__builtin_popcountll(a);
    default: bug("ir_eval_vec: %s", ir_op_info[i->op].name);
    }
}

static u128 lanes_int(const struct ir_insn *i, u128 a, u128 b)
{
    unsigned esz = i->op == IR_VCNT ? 0 : i->esz, n = (i->q ? 16u : 8u) >> esz;
    u128 r = { 0, 0 };
    for (unsigned k = 0; k < n; k++)
        set(&r, esz, k, lane_int(i, get(a, esz, k), get(b, esz, k), gets(a, esz, k), gets(b, esz, k)));
    return r;
}

static uint64_t lane_fp(const struct ir_insn *i, struct fp_env *e, uint64_t a, uint64_t b, uint64_t d)
{
    unsigned esz = i->esz;
    switch ((enum ir_op)i->op) {
    case IR_FADD:
    case IR_VFADD: return sfp_add(e, esz, a, b);
    case IR_FSUB:
    case IR_VFSUB: return sfp_sub(e, esz, a, b);
    case IR_FMUL:
    case IR_VFMUL: return sfp_mul(e, esz, a, b);
    case IR_FDIV:
    case IR_VFDIV: return sfp_div(e, esz, a, b);
    case IR_FMAX:
    case IR_VFMAX: return sfp_max(e, esz, a, b);
    case IR_FMIN:
    case IR_VFMIN: return sfp_min(e, esz, a, b);
    case IR_FMAXNM:
    case IR_VFMAXNM: return sfp_maxnm(e, esz, a, b);
    case IR_FMINNM:
    case IR_VFMINNM: return sfp_minnm(e, esz, a, b);
    case IR_FSQRT:
    case IR_VFSQRT: return sfp_sqrt(e, esz, a);
    case IR_FMADD:
    case IR_VFMLA:
        /* FPNeg flips the sign of a NaN too. */
        if (i->imm & 1)
            a ^= sign_bit(esz);
        if (i->op == IR_FMADD && (i->imm & 2))
            d ^= sign_bit(esz);
        return sfp_muladd(e, esz, d, a, b);
    case IR_FABS:
    case IR_VFABS: return a & ~sign_bit(esz);
    case IR_FNEG:
    case IR_VFNEG: return a ^ sign_bit(esz);
    case IR_FRINT:
    case IR_VFRINT: {
        unsigned mode = (unsigned)i->imm & 7;
        return sfp_round_int(e, esz, a, mode == 5 ? e->round : mode, i->imm >> 3 & 1);
    }
    case IR_VFFROMS:
    case IR_VFFROMU: return sfp_from_fixed(e, esz, a, 0, i->op == IR_VFFROMU, 8u << esz);
    case IR_VFTOS:
    case IR_VFTOU: return sfp_to_fixed(e, esz, a, 0, i->op == IR_VFTOU, 8u << esz, (unsigned)i->imm & 7);
    case IR_VFCMEQ: return sfp_eq(e, esz, a, b) ? ~0ull : 0;
    case IR_VFCMGT: return sfp_gt(e, esz, a, b) ? ~0ull : 0;
    case IR_VFCMGE: return sfp_ge(e, esz, a, b) ? ~0ull : 0;
    default: bug("ir_eval_vec: %s", ir_op_info[i->op].name);
    }
}

static u128 lanes_fp(const struct ir_insn *i, struct vcpu *c, u128 a, u128 b, u128 d)
{
    unsigned esz = i->esz, n = (i->q ? 16u : 8u) >> esz;
    u128 r = { 0, 0 };
    for (unsigned k = 0; k < n; k++)
        set(&r, esz, k, lane_fp(i, &c->fp, get(a, esz, k), get(b, esz, k), get(d, esz, k)));
    return r;
}

static u128 dup(const struct ir_insn *i, uint64_t x)
{
    u128 r = { 0, 0 };
    for (unsigned k = 0; k < (i->q ? 16u : 8u) >> i->esz; k++)
        set(&r, i->esz, k, x);
    return r;
}

static u128 bitwise(const struct ir_insn *i, u128 a, u128 b, u128 d)
{
    u128 r;
    switch ((enum ir_op)i->op) {
    case IR_VAND: r = (u128){ a.lo & b.lo, a.hi & b.hi }; break;
    case IR_VOR: r = (u128){ a.lo | b.lo, a.hi | b.hi }; break;
    case IR_VXOR: r = (u128){ a.lo ^ b.lo, a.hi ^ b.hi }; break;
    case IR_VANDN: r = (u128){ a.lo & ~b.lo, a.hi & ~b.hi }; break;
    case IR_VORN: r = (u128){ a.lo | ~b.lo, a.hi | ~b.hi }; break;
    case IR_VNOT: r = (u128){ ~a.lo, ~a.hi }; break;
    default: r = (u128){ (a.lo & b.lo) | (~a.lo & d.lo), (a.hi & b.hi) | (~a.hi & d.hi) }; break; /* VBSL */
    }
    if (!i->q)
        r.hi = 0;
    return r;
}

u128 ir_eval_vec(const struct ir_insn *i, struct vcpu *c, u128 a, u128 b, u128 d)
{
    unsigned esz = i->esz, n = 16u >> esz, lane = (unsigned)i->imm & (n - 1);
    u128 r = { 0, 0 };

    switch ((enum ir_op)i->op) {
    case IR_VCONST: return (u128){ (uint64_t)i->imm, (uint64_t)i->imm2 };
    case IR_VDUP: return dup(i, a.lo);
    case IR_VDUPE: return dup(i, get(a, esz, lane));
    case IR_VFIRST:
    case IR_VFROM: return (u128){ a.lo & lane_mask(esz), 0 };
    case IR_VINS:
        set(&a, esz, lane, b.lo);
        return a;
    case IR_VINSE:
        set(&a, esz, lane, get(b, esz, (unsigned)i->imm2 & (n - 1)));
        return a;
    case IR_VEXT: return ext(i, a, b);
    case IR_VZIP1:
    case IR_VZIP2:
    case IR_VUZP1:
    case IR_VUZP2:
    case IR_VTRN1:
    case IR_VTRN2:
    case IR_VREV: return permute(i, a, b);
    case IR_VTBL: return tbl(i, a, b);
    case IR_VLOW: return (u128){ a.lo, 0 };
    case IR_VHIGH: return (u128){ a.hi, 0 };
    case IR_VJOIN: return (u128){ a.lo, b.lo };
    case IR_VAND:
    case IR_VOR:
    case IR_VXOR:
    case IR_VANDN:
    case IR_VORN:
    case IR_VNOT:
    case IR_VBSL: return bitwise(i, a, b, d);
    case IR_VADDP: return addp(i, a, b);
    case IR_VXTN:
    case IR_VUXTL:
    case IR_VSXTL: return resize(i, a);
    case IR_VUMULL:
    case IR_VSMULL:
    case IR_VUADDLP:
    case IR_VSADDLP: return lengthen(i, a, b);
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FMAX:
    case IR_FMIN:
    case IR_FMAXNM:
    case IR_FMINNM:
    case IR_FSQRT:
    case IR_FMADD:
    case IR_FABS:
    case IR_FNEG:
    case IR_FRINT:
        set(&r, esz, 0, lane_fp(i, &c->fp, get(a, esz, 0), get(b, esz, 0), get(d, esz, 0)));
        return r;
    case IR_FCVT:
        set(&r, (unsigned)i->imm & 3, 0, sfp_convert(&c->fp, (unsigned)i->imm & 3, esz, get(a, esz, 0), c->fp.round));
        return r;
    case IR_FFROMS:
    case IR_FFROMU:
        set(&r, esz, 0, sfp_from_fixed(&c->fp, esz, a.lo, 0, i->op == IR_FFROMU, ir_width((enum ir_type)i->t)));
        return r;
    case IR_VFADD:
    case IR_VFSUB:
    case IR_VFMUL:
    case IR_VFDIV:
    case IR_VFMAX:
    case IR_VFMIN:
    case IR_VFMAXNM:
    case IR_VFMINNM:
    case IR_VFSQRT:
    case IR_VFMLA:
    case IR_VFNEG:
    case IR_VFABS:
    case IR_VFCMEQ:
    case IR_VFCMGT:
    case IR_VFCMGE:
    case IR_VFFROMS:
    case IR_VFFROMU:
    case IR_VFTOS:
    case IR_VFTOU:
    case IR_VFRINT: return lanes_fp(i, c, a, b, d);
    case IR_VFCVTL:
        set(&r, 3, 0, sfp_convert(&c->fp, 3, 2, get(a, 2, 0), c->fp.round));
        set(&r, 3, 1, sfp_convert(&c->fp, 3, 2, get(a, 2, 1), c->fp.round));
        return r;
    case IR_VFCVTN:
        set(&r, 2, 0, sfp_convert(&c->fp, 2, 3, get(a, 3, 0), c->fp.round));
        set(&r, 2, 1, sfp_convert(&c->fp, 2, 3, get(a, 3, 1), c->fp.round));
        return r;
    case IR_VAESE:
    case IR_VAESD:
    case IR_VAESMC:
    case IR_VAESIMC:
    case IR_VAESEMC:
    case IR_VAESDIMC:
    case IR_VSHA1:
    case IR_VSHA256H:
    case IR_VSHA256H2:
    case IR_VSHA256SU0:
    case IR_VSHA256SU1:
    case IR_VPMULL: return ir_eval_crypto(i, a, b, d);
    default: return lanes_int(i, a, b);
    }
}

uint16_t ir_eval_fcmp(const struct ir_insn *i, struct vcpu *c, u128 a, u128 b)
{
    return nzcv_from_arm(sfp_compare(&c->fp, i->esz, get(a, i->esz, 0), get(b, i->esz, 0), i->imm & 1) << 28);
}

uint64_t ir_eval_vint(const struct ir_insn *i, struct vcpu *c, u128 a)
{
    unsigned esz = i->esz, lane = (unsigned)i->imm & ((16u >> esz) - 1);
    enum ir_type t = (enum ir_type)i->t;
    switch ((enum ir_op)i->op) {
    case IR_VGET: return get(a, esz, lane);
    case IR_VGETS: return ir_mask(t, (uint64_t)gets(a, esz, lane));
    case IR_FTOS:
    case IR_FTOU:
        return sfp_to_fixed(&c->fp, esz, get(a, esz, 0), 0, i->op == IR_FTOU, ir_width(t), (unsigned)i->imm & 7);
    default: bug("ir_eval_vint: %s", ir_op_info[i->op].name);
    }
}
