/*
 * helper_fp.c - floating point in C for A64: one lane of each operation, compares and conversions, FPCR and FPSR.
 *
 * Everything goes through softfp: the live MXCSR is the guest's while helpers run, so no host FP here.
 * Source: Arm ARM DDI 0487, C7.2, D19.2 (FPCR, FPSR).
 */
#include "ir/softfp.h"
#include "simd.h"

#define FN(name) uint64_t simd_##name(struct vcpu *c, const struct simd_desc *o, uint64_t d, uint64_t a, uint64_t b)

static inline uint64_t sign_bit(unsigned esz) { return 1ull << ((8u << esz) - 1); }
static inline uint64_t all_if(bool x) { return x ? ~0ull : 0; }

FN(fadd) { return sfp_add(&c->fp, o->esz, a, b); }
FN(fsub) { return sfp_sub(&c->fp, o->esz, a, b); }
FN(fmul) { return sfp_mul(&c->fp, o->esz, a, b); }
FN(fnmul) { return sfp_mul(&c->fp, o->esz, a, b) ^ sign_bit(o->esz); }
FN(fmulx) { return sfp_mulx(&c->fp, o->esz, a, b); }
FN(fdiv) { return sfp_div(&c->fp, o->esz, a, b); }
FN(fmax) { return sfp_max(&c->fp, o->esz, a, b); }
FN(fmin) { return sfp_min(&c->fp, o->esz, a, b); }
FN(fmaxnm) { return sfp_maxnm(&c->fp, o->esz, a, b); }
FN(fminnm) { return sfp_minnm(&c->fp, o->esz, a, b); }
FN(fabd) { return sfp_sub(&c->fp, o->esz, a, b) & ~sign_bit(o->esz); }
/* imm bit 0 negates the product, bit 1 the addend. */
FN(fmla)
{
    uint64_t s = sign_bit(o->esz);
    return sfp_muladd(&c->fp, o->esz, o->imm & 2 ? d ^ s : d, o->imm & 1 ? a ^ s : a, b);
}
FN(fcmeq) { return all_if(sfp_eq(&c->fp, o->esz, a, b)); }
FN(fcmge) { return all_if(sfp_ge(&c->fp, o->esz, a, b)); }
FN(fcmgt) { return all_if(sfp_gt(&c->fp, o->esz, a, b)); }
FN(facge) { return all_if(sfp_ge(&c->fp, o->esz, a & ~sign_bit(o->esz), b & ~sign_bit(o->esz))); }
FN(facgt) { return all_if(sfp_gt(&c->fp, o->esz, a & ~sign_bit(o->esz), b & ~sign_bit(o->esz))); }
FN(fcmeq0) { return all_if(sfp_eq(&c->fp, o->esz, a, 0)); }
FN(fcmge0) { return all_if(sfp_ge(&c->fp, o->esz, a, 0)); }
FN(fcmgt0) { return all_if(sfp_gt(&c->fp, o->esz, a, 0)); }
FN(fcmle0) { return all_if(sfp_ge(&c->fp, o->esz, 0, a)); }
FN(fcmlt0) { return all_if(sfp_gt(&c->fp, o->esz, 0, a)); }
FN(frecps) { return sfp_recip_step(&c->fp, o->esz, a, b); }
FN(frsqrts) { return sfp_rsqrt_step(&c->fp, o->esz, a, b); }
FN(fsqrt) { return sfp_sqrt(&c->fp, o->esz, a); }
FN(frecpe) { return sfp_recip_estimate(&c->fp, o->esz, a); }
FN(frsqrte) { return sfp_rsqrt_estimate(&c->fp, o->esz, a); }
FN(frecpx) { return sfp_recpx(&c->fp, o->esz, a); }
FN(frint)
{
    unsigned mode = o->round & 7;
    return sfp_round_int(&c->fp, o->esz, a, mode == 5 ? c->fp.round : mode, o->round >> 3);
}
FN(fcvt_int) { return sfp_to_fixed(&c->fp, o->esz, a, o->imm, o->u, 8u << o->esz, o->round); }
FN(cvtf) { return sfp_from_fixed(&c->fp, o->esz, a, o->imm, o->u, 8u << o->esz); }
/* To the next wider or narrower format, as the shape says; esz is the narrow one. */
FN(fcvt)
{
    bool widen = o->shape == SH_LONG;
    return sfp_convert(&c->fp, o->esz + widen, o->esz + !widen, a, c->fp.round);
}
FN(fcvtxn) { return sfp_convert(&c->fp, 2, 3, a, FP_ROUND_ODD); }

/* ---- scalar operations with a result outside vcpu.v[], or of another size ---- */

static uint64_t fcvt_scalar(struct vcpu *c, uint64_t desc, uint64_t b, uint64_t d)
{
    const struct simd_desc o = simd_unpack(desc);
    uint64_t r = sfp_convert(&c->fp, o.imm, o.esz, simd_get(&c->v[o.rn], o.esz, 0), c->fp.round);
    c->v[o.rd] = (u128){r, 0};
    return 0;
}

static uint64_t fcmp(struct vcpu *c, uint64_t desc, uint64_t cond, uint64_t d)
{
    const struct simd_desc o = simd_unpack(desc);
    if (o.imm & 4 && !cond) {
        return 0;
    }
    uint64_t n = simd_get(&c->v[o.rn], o.esz, 0), m = o.imm & 2 ? 0 : simd_get(&c->v[o.rm], o.esz, 0);
    return (uint64_t)sfp_compare(&c->fp, o.esz, n, m, o.imm & 1) << 28;
}

static uint64_t to_int(struct vcpu *c, uint64_t desc, uint64_t b, uint64_t d)
{
    const struct simd_desc o = simd_unpack(desc);
    return sfp_to_fixed(&c->fp, o.esz, simd_get(&c->v[o.rn], o.esz, 0), o.imm, o.u, o.q ? 64 : 32, o.round);
}

const struct ir_helper helper_fcvt = {"fcvt", fcvt_scalar, IRE_RVEC | IRE_WVEC | IRE_FP};
const struct ir_helper helper_fcmp = {"fcmp", fcmp, IRE_RVEC | IRE_FP};
const struct ir_helper helper_fp_to_int = {"fp_to_int", to_int, IRE_RVEC | IRE_FP};

/* ---- FPCR and FPSR ---- */

uint64_t a64_read_fpcr(struct vcpu *c) { return a64(c)->fpcr; }

void a64_write_fpcr(struct vcpu *c, uint64_t v)
{
    static const uint8_t host_rounding[4] = {0, 2, 1, 3};   /* MXCSR.RC: nearest, down, up, zero */
    struct fp_env *e = &c->fp;
    fp_collect_host_flags(e);
    e->ahp = v >> 26 & 1;
    e->dn = v >> 25 & 1;
    e->fz = v >> 24 & 1;
    e->round = v >> 22 & 3;
    e->fz16 = a64_has_fp16(a64(c)) && v >> 19 & 1;          /* trap enables are RAZ/WI: no trapped exceptions */
    e->mxcsr = 0x1f80u | (uint32_t)host_rounding[e->round] << 13;
    a64(c)->fpcr = (uint32_t)e->ahp << 26 | (uint32_t)e->dn << 25 | (uint32_t)e->fz << 24 | (uint32_t)e->round << 22 | (uint32_t)e->fz16 << 19;
}

uint64_t a64_read_fpsr(struct vcpu *c)
{
    fp_collect_host_flags(&c->fp);
    return c->fp.sticky & FPSR_BITS;
}

void a64_write_fpsr(struct vcpu *c, uint64_t v)
{
    fp_collect_host_flags(&c->fp);               /* clears them in MXCSR */
    c->fp.sticky = (uint32_t)v & FPSR_BITS;
}
