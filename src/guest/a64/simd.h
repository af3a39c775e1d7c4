/*
 * simd.h - what the FP and Advanced SIMD files share: the packed operation descriptor, its C helpers, register access.
 *
 * The common operations are IR; everything else is one CALL of helper_simd (helper_simd_run.c), which reads and writes
 * vcpu.v[] as its constant descriptor says. Must not be included outside src/guest/a64.
 */
#ifndef GNOMON_GUEST_A64_SIMD_H
#define GNOMON_GUEST_A64_SIMD_H

#include "a64_simd_decode.h"
#include "guest/a64/translate.h"

/*
 * Element functions. An element function computes one lane: d is the old destination lane (or the third operand), a
 * and b the sources, all zero-extended; the caller cuts the result to the lane.
 */
#define SIMD_FNS(X)                                                                                                  \
    /* integer, helper_simd_int.c */                                                                                 \
    X(qadd) X(qsub) X(uqadd_mix) X(shl_reg) X(qshl_reg) X(rshl) X(qrshl) X(sqshlu) X(qshl_imm) X(sqdmulh)            \
    X(sqrdmulh) X(sqrdmlah) X(sqrdmlsh) X(sqdmull) X(sqdmlal) X(sqdmlsl) X(pmul) X(pmull) X(cls) X(clz) X(rbit)      \
    X(sqabs) X(sqneg) X(qshrn) X(sqshrun) X(urecpe) X(ursqrte)                                                       \
    /* floating point, helper_fp.c */                                                                                \
    X(fadd) X(fsub) X(fmul) X(fnmul) X(fmulx) X(fdiv) X(fmax) X(fmin) X(fmaxnm) X(fminnm) X(fabd) X(fmla)            \
    X(fcmeq) X(fcmge) X(fcmgt) X(facge) X(facgt) X(fcmeq0) X(fcmge0) X(fcmgt0) X(fcmle0) X(fcmlt0) X(frecps) X(frsqrts)\
    X(fsqrt) X(frint) X(fcvt_int) X(cvtf) X(frecpe) X(frsqrte) X(frecpx) X(fcvt) X(fcvtxn)

enum simd_fn {
#define X(name) FN_##name,
    SIMD_FNS(X)
#undef X
    FN_COUNT
};

/* Which lanes an operation takes. */
enum simd_shape {
    SH_LANES,                                    /* each lane of rn and rm */
    SH_SCALAR,                                   /* lane 0, rest of rd zeroed */
    SH_ELEM,                                     /* each lane of rn with lane `index` of rm */
    SH_ELEM_SCALAR,
    SH_PAIR,                                     /* neighbours of rm:rn */
    SH_PAIR_SCALAR,                              /* lanes 0 and 1 of rn */
    SH_ACROSS,                                   /* all lanes of rn, halving */
    SH_LONG,                                     /* sources of esz (the upper half for q = 1), destination of esz + 1 */
    SH_LONG_SCALAR,
    SH_LONG_ELEM,
    SH_LONG_ELEM_SCALAR,
    SH_NARROW,                                   /* source of esz + 1, destination of esz (the upper half for q = 1) */
    SH_NARROW_SCALAR,
};

struct simd_desc {
    uint64_t fn : 8, shape : 4, rd : 5, rn : 5, rm : 5, ra : 5;
    uint64_t esz : 2, q : 1, u : 1;              /* u: unsigned */
    uint64_t imm : 8;                            /* the function's: shift, fraction bits, FMLA signs */
    uint64_t round : 4;                          /* shift: round; FP: as .imm of IR_FRINT */
    uint64_t index : 4;
};
_Static_assert(sizeof(struct simd_desc) == 8, "travels as a 64-bit constant");

static inline uint64_t simd_pack(struct simd_desc d) { uint64_t r; __builtin_memcpy(&r, &d, 8); return r; }
static inline struct simd_desc simd_unpack(uint64_t v) { struct simd_desc d; __builtin_memcpy(&d, &v, 8); return d; }

typedef uint64_t simd_fn(struct vcpu *c, const struct simd_desc *o, uint64_t d, uint64_t a, uint64_t b);
#define X(name) simd_fn simd_##name;
SIMD_FNS(X)
#undef X

/* ---- lanes of a register in memory (little-endian host) ---- */
static inline uint64_t simd_mask(unsigned esz) { return esz == 3 ? ~0ull : (1ull << (8u << esz)) - 1; }
static inline uint64_t simd_get(const u128 *v, unsigned esz, unsigned lane)
{
    uint64_t r = 0;
    __builtin_memcpy(&r, (const char *)v + (lane << esz), 1u << esz);
    return r;
}
static inline void simd_set(u128 *v, unsigned esz, unsigned lane, uint64_t x)
{
    __builtin_memcpy((char *)v + (lane << esz), &x, 1u << esz);
}
static inline int64_t simd_sext(uint64_t x, unsigned esz) { return sextract(x, 0, 8u << esz); }

/* FPSR.QC (cumulative saturation) lives with the other cumulative bits. */
#define FPSR_QC (1u << 27)
#define FPSR_BITS (FPSR_QC | FP_IOC | FP_DZC | FP_OFC | FP_UFC | FP_IXC | FP_IDC)

/* ---- helpers callable from IR ---- */
extern const struct ir_helper helper_simd;        /* a: struct simd_desc; writes rd */
/* a: simd_desc (rn, rm, esz; imm bit 0 signalling, bit 1 with zero, bit 2 only if b is not 0): NZCV in 31:28 */
extern const struct ir_helper helper_fcmp;
extern const struct ir_helper helper_fp_to_int;   /* a: simd_desc (rn, esz, u, imm = fbits, round; q: 64-bit result) */
extern const struct ir_helper helper_fcvt;        /* a: simd_desc (rd, rn, esz = from, imm = to): scalar */

/*
 * FPCR and FPSR (helper_fp.c). The writers change vcpu.fp (mxcsr included) but not the live MXCSR's rounding: the
 * translator ends the block with a dispatch exit so that the next entry loads vcpu.fp.mxcsr.
 */
uint64_t a64_read_fpcr(struct vcpu *c);
void a64_write_fpcr(struct vcpu *c, uint64_t v);
uint64_t a64_read_fpsr(struct vcpu *c);
void a64_write_fpsr(struct vcpu *c, uint64_t v);

/* ---- for the translators ---- */
static inline ir_val simd_v(struct a64_tr *tr, unsigned n) { return ir_getv(tr->b, n); }
static inline void simd_set_v(struct a64_tr *tr, unsigned n, ir_val v) { ir_putv(tr->b, n, v); }
static inline ir_val simd_op1(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, ir_val a)
{
    return ir_vop(tr->b, op, esz, q, a, IR_NONE, IR_NONE);
}
static inline ir_val simd_op1i(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, ir_val a, int64_t imm)
{
    return ir_vopi(tr->b, op, esz, q, a, IR_NONE, IR_NONE, imm, 0);
}
static inline ir_val simd_op2(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, ir_val a, ir_val b)
{
    return ir_vop(tr->b, op, esz, q, a, b, IR_NONE);
}
static inline ir_val simd_op3(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, ir_val a, ir_val b, ir_val d)
{
    return ir_vop(tr->b, op, esz, q, a, b, d);
}
/* Lane 0 of a, the rest zero. */
static inline ir_val simd_lane0(struct a64_tr *tr, unsigned esz, ir_val a)
{
    return simd_op1(tr, IR_VFIRST, esz, 1, a);
}
/* The same 8 << esz bits in every lane. */
static inline ir_val simd_const(struct a64_tr *tr, unsigned esz, unsigned q, uint64_t x)
{
    x &= simd_mask(esz);
    for (unsigned w = 8u << esz; w < 64; w *= 2) {
        x |= x << w;
    }
    return ir_vconst(tr->b, x, q ? x : 0);
}
static inline ir_val simd_call(struct a64_tr *tr, const struct ir_helper *h, struct simd_desc d)
{
    return ir_call(tr->b, IR_I64, h, ir_const(tr->b, IR_I64, simd_pack(d)), IR_NONE, IR_NONE);
}
/* FP arithmetic must go through helpers. */
static inline bool simd_fp_special(const struct a64_tr *tr) { return tr->flags & A64F_FPSPECIAL; }
/* ftype of scalar FP -> esz; -1 where the form does not exist (half precision needs FEAT_FP16, not offered). */
static inline int simd_ftype(unsigned ftype) { return ftype == 0 ? 2 : ftype == 1 ? 3 : -1; }

/* Guard of every trans_ function, after the encoding is known to be valid. */
#define SIMD_CHECK(tr) do { if (!a64_fp_ok(tr)) return true; } while (0)

/* Signed (unsigned: from_u) lanes of esz + 1 saturated to esz, unsigned or not; esz 0 and 1. Sets QC. */
ir_val simd_narrow_sat(struct a64_tr *tr, unsigned esz, bool from_u, bool to_u, ir_val a);
/* Element vector operations shared by the vector and by-element groups (translate_simd_int.c). */
ir_val simd_widen(struct a64_tr *tr, unsigned esz, bool u, bool high, ir_val a);         /* one half's lanes to 2 * esz */

#endif
