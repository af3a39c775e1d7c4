/*
 * translate_simd_fp.c - Advanced SIMD floating point: vectors, by element, pairwise, across lanes, and the scalar forms
 * of the same group.
 *
 * The common operations are IR with the normal FPCR, all else (and all of it under A64F_FPSPECIAL) helper_simd calls.
 * Half precision arithmetic (FEAT_FP16) is not offered. Source: Arm ARM DDI 0487, C7.2.
 */
#include "simd.h"

#define TRANS(NAME) bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)

static bool call(struct a64_tr *tr, struct simd_desc d)
{
    d.ra = d.rd;
    SIMD_CHECK(tr);
    simd_call(tr, &helper_simd, d);
    return true;
}

#define VEC3(f, sh) \
    (struct simd_desc){.fn = f, .shape = sh, .rd = a->rd, .rn = a->rn, .rm = a->rm, .esz = 2 + a->sz, .q = a->q}
#define SCA3(f, sh) (struct simd_desc){.fn = f, .shape = sh, .rd = a->rd, .rn = a->rn, .rm = a->rm, .esz = 2 + a->sz}
#define VEC2(f) (struct simd_desc){.fn = f, .shape = SH_LANES, .rd = a->rd, .rn = a->rn, .esz = 2 + a->sz, .q = a->q}
#define SCA2(f) (struct simd_desc){.fn = f, .shape = SH_SCALAR, .rd = a->rd, .rn = a->rn, .esz = 2 + a->sz}
#define NOT_1D (!(a->sz && !a->q))

/* ---- three registers ---- */

#define CALL3(NAME, f) TRANS(NAME##_v) { return NOT_1D && call(tr, VEC3(f, SH_LANES)); }
#define SCALAR3(NAME, f) TRANS(NAME##_s) { return call(tr, SCA3(f, SH_SCALAR)); }
CALL3(FMULX, FN_fmulx)
CALL3(FRECPS, FN_frecps)
CALL3(FRSQRTS, FN_frsqrts)
SCALAR3(FMULX, FN_fmulx)
SCALAR3(FRECPS, FN_frecps)
SCALAR3(FRSQRTS, FN_frsqrts)

#define IR3(NAME, op, f)                                                                                    \
    TRANS(NAME##_v)                                                                                         \
    {                                                                                                       \
        if (!NOT_1D) {                                                                                      \
            return false;                                                                                   \
        }                                                                                                   \
        if (simd_fp_special(tr)) {                                                                          \
            return call(tr, VEC3(f, SH_LANES));                                                             \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        simd_set_v(tr, a->rd, simd_op2(tr, op, 2 + a->sz, a->q, simd_v(tr, a->rn), simd_v(tr, a->rm)));     \
        return true;                                                                                        \
    }
IR3(FADD, IR_VFADD, FN_fadd)
IR3(FSUB, IR_VFSUB, FN_fsub)
IR3(FMUL, IR_VFMUL, FN_fmul)
IR3(FDIV, IR_VFDIV, FN_fdiv)
IR3(FMAX, IR_VFMAX, FN_fmax)
IR3(FMIN, IR_VFMIN, FN_fmin)
IR3(FMAXNM, IR_VFMAXNM, FN_fmaxnm)
IR3(FMINNM, IR_VFMINNM, FN_fminnm)
IR3(FCMEQ, IR_VFCMEQ, FN_fcmeq)
IR3(FCMGE, IR_VFCMGE, FN_fcmge)
IR3(FCMGT, IR_VFCMGT, FN_fcmgt)

/* Neighbours: even lanes with odd ones. */
#define PAIRS3(NAME, op, f)                                                                                 \
    TRANS(NAME##_v)                                                                                         \
    {                                                                                                       \
        if (!NOT_1D) {                                                                                      \
            return false;                                                                                   \
        }                                                                                                   \
        if (simd_fp_special(tr)) {                                                                          \
            return call(tr, VEC3(f, SH_PAIR));                                                              \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        unsigned esz = 2 + a->sz;                                                                           \
        ir_val n = simd_v(tr, a->rn), m = simd_v(tr, a->rm);                                                \
        ir_val even = simd_op2(tr, IR_VUZP1, esz, a->q, n, m), odd = simd_op2(tr, IR_VUZP2, esz, a->q, n, m); \
        simd_set_v(tr, a->rd, simd_op2(tr, op, esz, a->q, even, odd));                                      \
        return true;                                                                                        \
    }
PAIRS3(FADDP, IR_VFADD, FN_fadd)
PAIRS3(FMAXP, IR_VFMAX, FN_fmax)
PAIRS3(FMINP, IR_VFMIN, FN_fmin)
PAIRS3(FMAXNMP, IR_VFMAXNM, FN_fmaxnm)
PAIRS3(FMINNMP, IR_VFMINNM, FN_fminnm)

TRANS(FABD_v)
{
    if (!NOT_1D) {
        return false;
    }
    if (simd_fp_special(tr)) {
        return call(tr, VEC3(FN_fabd, SH_LANES));
    }
    SIMD_CHECK(tr);
    unsigned esz = 2 + a->sz;
    ir_val r = simd_op2(tr, IR_VFSUB, esz, a->q, simd_v(tr, a->rn), simd_v(tr, a->rm));
    simd_set_v(tr, a->rd, simd_op1(tr, IR_VFABS, esz, a->q, r));
    return true;
}

TRANS(FABD_s)
{
    if (simd_fp_special(tr)) {
        return call(tr, SCA3(FN_fabd, SH_SCALAR));
    }
    SIMD_CHECK(tr);
    unsigned esz = 2 + a->sz;
    ir_val r = simd_op2(tr, IR_FSUB, esz, 0, simd_v(tr, a->rn), simd_v(tr, a->rm));
    simd_set_v(tr, a->rd, simd_op1(tr, IR_FABS, esz, 0, r));
    return true;
}

#define ABS_COMPARE(NAME, op, f)                                                                            \
    TRANS(NAME##_v)                                                                                         \
    {                                                                                                       \
        if (!NOT_1D) {                                                                                      \
            return false;                                                                                   \
        }                                                                                                   \
        if (simd_fp_special(tr)) {                                                                          \
            return call(tr, VEC3(f, SH_LANES));                                                             \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        unsigned esz = 2 + a->sz;                                                                           \
        ir_val n = simd_op1(tr, IR_VFABS, esz, a->q, simd_v(tr, a->rn));                                    \
        ir_val m = simd_op1(tr, IR_VFABS, esz, a->q, simd_v(tr, a->rm));                                    \
        simd_set_v(tr, a->rd, simd_op2(tr, op, esz, a->q, n, m));                                           \
        return true;                                                                                        \
    }                                                                                                       \
    SCALAR3(NAME, f)
ABS_COMPARE(FACGE, IR_VFCMGE, FN_facge)
ABS_COMPARE(FACGT, IR_VFCMGT, FN_facgt)

static bool mla(struct a64_tr *tr, bool sub, unsigned esz, unsigned q, unsigned rd, unsigned rn, ir_val m)
{
    simd_set_v(tr, rd, ir_vopi(tr->b, IR_VFMLA, esz, q, simd_v(tr, rn), m, simd_v(tr, rd), sub, 0));
    return true;
}

#define FMLA(NAME, sub)                                                                                     \
    TRANS(NAME##_v)                                                                                         \
    {                                                                                                       \
        if (!NOT_1D) {                                                                                      \
            return false;                                                                                   \
        }                                                                                                   \
        if (simd_fp_special(tr)) {                                                                          \
            struct simd_desc d = VEC3(FN_fmla, SH_LANES);                                                   \
            d.imm = sub;                                                                                    \
            return call(tr, d);                                                                             \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        return mla(tr, sub, 2 + a->sz, a->q, a->rd, a->rn, simd_v(tr, a->rm));                              \
    }
FMLA(FMLA, 0)
FMLA(FMLS, 1)

/* Scalar compares: on lane 0 alone, so that other lanes raise nothing. */
static bool scalar_compare(struct a64_tr *tr, enum ir_op op, enum simd_fn fn, struct simd_desc d)
{
    if (simd_fp_special(tr)) {
        d.fn = fn;
        return call(tr, d);
    }
    SIMD_CHECK(tr);
    ir_val n = simd_lane0(tr, d.esz, simd_v(tr, d.rn)), m = simd_lane0(tr, d.esz, simd_v(tr, d.rm));
    simd_set_v(tr, d.rd, simd_lane0(tr, d.esz, simd_op2(tr, op, d.esz, 0, n, m)));
    return true;
}
TRANS(FCMEQ_s) { return scalar_compare(tr, IR_VFCMEQ, FN_fcmeq, SCA3(FN_fcmeq, SH_SCALAR)); }
TRANS(FCMGE_s) { return scalar_compare(tr, IR_VFCMGE, FN_fcmge, SCA3(FN_fcmge, SH_SCALAR)); }
TRANS(FCMGT_s) { return scalar_compare(tr, IR_VFCMGT, FN_fcmgt, SCA3(FN_fcmgt, SH_SCALAR)); }

/* ---- by element ---- */

/* The lane of rm; false: reserved. */
static bool element(unsigned sz, unsigned q, bool scalar, unsigned h, unsigned l, unsigned *index)
{
    if (sz && (l || (!q && !scalar))) {
        return false;
    }
    *index = sz ? h : h << 1 | l;
    return true;
}

#define ELEM_DESC(f, sh, qq) \
    (struct simd_desc){.fn = f, .shape = sh, .rd = a->rd, .rn = a->rn, .rm = a->rm, .esz = 2 + a->sz, \
                       .q = qq, .index = index}

static ir_val broadcast(struct a64_tr *tr, struct simd_desc d)
{
    return simd_op1i(tr, IR_VDUPE, d.esz, 1, simd_v(tr, d.rm), d.index);
}

static bool fmla_element(struct a64_tr *tr, struct simd_desc d)
{
    if (simd_fp_special(tr)) {
        return call(tr, d);
    }
    SIMD_CHECK(tr);
    ir_val m = broadcast(tr, d);
    if (d.shape == SH_ELEM) {
        return mla(tr, d.imm, d.esz, d.q, d.rd, d.rn, m);
    }
    simd_set_v(tr, d.rd, ir_vopi(tr->b, IR_FMADD, d.esz, 0, simd_v(tr, d.rn), m, simd_v(tr, d.rd), d.imm, 0));
    return true;
}

static bool fmul_element(struct a64_tr *tr, struct simd_desc d)
{
    if (simd_fp_special(tr)) {
        return call(tr, d);
    }
    SIMD_CHECK(tr);
    ir_val m = broadcast(tr, d);
    simd_set_v(tr, d.rd, simd_op2(tr, d.shape == SH_ELEM ? IR_VFMUL : IR_FMUL, d.esz, d.q, simd_v(tr, d.rn), m));
    return true;
}

#define ELEMENT(NAME, f, neg, how)                                                                          \
    TRANS(NAME##_e)                                                                                         \
    {                                                                                                       \
        unsigned index;                                                                                     \
        if (!element(a->sz, a->q, false, a->h, a->l, &index)) {                                             \
            return false;                                                                                   \
        }                                                                                                   \
        struct simd_desc d = ELEM_DESC(f, SH_ELEM, a->q);                                                   \
        d.imm = neg;                                                                                        \
        return how(tr, d);                                                                                  \
    }                                                                                                       \
    TRANS(NAME##_es)                                                                                        \
    {                                                                                                       \
        unsigned index;                                                                                     \
        if (!element(a->sz, 0, true, a->h, a->l, &index)) {                                                 \
            return false;                                                                                   \
        }                                                                                                   \
        struct simd_desc d = ELEM_DESC(f, SH_ELEM_SCALAR, 0);                                               \
        d.imm = neg;                                                                                        \
        return how(tr, d);                                                                                  \
    }
ELEMENT(FMLA, FN_fmla, 0, fmla_element)
ELEMENT(FMLS, FN_fmla, 1, fmla_element)
ELEMENT(FMUL, FN_fmul, 0, fmul_element)
ELEMENT(FMULX, FN_fmulx, 0, call)

/* ---- pairs and all lanes to a scalar ---- */

#define PAIR_P(NAME, fmax, fmin) \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        return call(tr, (struct simd_desc){.fn = a->min ? fmin : fmax, .shape = SH_PAIR_SCALAR, .rd = a->rd, \
                                           .rn = a->rn, .esz = 2 + a->sz});                                            \
    }
PAIR_P(FMAXNMP_p, FN_fmaxnm, FN_fminnm)
PAIR_P(FMAXP_p, FN_fmax, FN_fmin)

TRANS(FADDP_p)
{
    unsigned esz = 2 + a->sz;
    if (simd_fp_special(tr)) {
        return call(
            tr, (struct simd_desc){.fn = FN_fadd, .shape = SH_PAIR_SCALAR, .rd = a->rd, .rn = a->rn, .esz = esz & 3});
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, a->rn);
    simd_set_v(tr, a->rd, simd_op2(tr, IR_FADD, esz, 0, n, simd_op1i(tr, IR_VDUPE, esz, 1, n, 1)));
    return true;
}

#define ACROSS(NAME, fmax, fmin)                                                                            \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        return call(tr, (struct simd_desc){.fn = a->min ? fmin : fmax, .shape = SH_ACROSS, .rd = a->rd, .rn = a->rn, \
                                           .esz = 2, .q = 1});                                              \
    }
ACROSS(FMAXNMV_v, FN_fmaxnm, FN_fminnm)
ACROSS(FMAXV_v, FN_fmax, FN_fmin)

/* ---- two registers ---- */

#define BITS2(NAME, op)                                                                                     \
    TRANS(NAME)                                                                                             \
    {                                                                                                       \
        if (!NOT_1D) {                                                                                      \
            return false;                                                                                   \
        }                                                                                                   \
        SIMD_CHECK(tr);                                                                                     \
        simd_set_v(tr, a->rd, simd_op1(tr, op, 2 + a->sz, a->q, simd_v(tr, a->rn)));                        \
        return true;                                                                                        \
    }
BITS2(FABS_v, IR_VFABS)
BITS2(FNEG_v, IR_VFNEG)

TRANS(FSQRT_v)
{
    if (!NOT_1D) {
        return false;
    }
    if (simd_fp_special(tr)) {
        return call(tr, VEC2(FN_fsqrt));
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, a->rd, simd_op1(tr, IR_VFSQRT, 2 + a->sz, a->q, simd_v(tr, a->rn)));
    return true;
}

TRANS(FRECPE_v) { return NOT_1D && call(tr, VEC2(FN_frecpe)); }
TRANS(FRSQRTE_v) { return NOT_1D && call(tr, VEC2(FN_frsqrte)); }
TRANS(FRECPE_s) { return call(tr, SCA2(FN_frecpe)); }
TRANS(FRSQRTE_s) { return call(tr, SCA2(FN_frsqrte)); }
TRANS(FRECPX_s) { return call(tr, SCA2(FN_frecpx)); }

/* Compare with zero; swap: 0 OP a. */
static bool zero_vector(struct a64_tr *tr, enum ir_op op, bool swap, struct simd_desc d)
{
    if (simd_fp_special(tr)) {
        return call(tr, d);
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, d.rn), zero = ir_vconst(tr->b, 0, 0);
    if (d.shape == SH_SCALAR) {
        n = simd_lane0(tr, d.esz, n);
    }
    ir_val r = simd_op2(tr, op, d.esz, d.q, swap ? zero : n, swap ? n : zero);
    simd_set_v(tr, d.rd, d.shape == SH_SCALAR ? simd_lane0(tr, d.esz, r) : r);
    return true;
}
#define ZERO(NAME, op, swap, f)                                                                             \
    TRANS(NAME##_z) { return NOT_1D && zero_vector(tr, op, swap, VEC2(f)); }                                \
    TRANS(NAME##_zs) { return zero_vector(tr, op, swap, SCA2(f)); }
ZERO(FCMGT, IR_VFCMGT, false, FN_fcmgt0)
ZERO(FCMGE, IR_VFCMGE, false, FN_fcmge0)
ZERO(FCMEQ, IR_VFCMEQ, false, FN_fcmeq0)
ZERO(FCMLE, IR_VFCMGE, true, FN_fcmle0)
ZERO(FCMLT, IR_VFCMGT, true, FN_fcmlt0)

/* ---- rounding and conversion: unrolled over the lanes where hosts have no vector form ---- */

static ir_val lane(struct a64_tr *tr, unsigned esz, ir_val n, unsigned i)
{
    return i ? simd_op1i(tr, IR_VDUPE, esz, 1, n, i) : n;
}

static ir_val put_lane(struct a64_tr *tr, unsigned esz, ir_val acc, unsigned i, ir_val x)
{
    return i ? ir_vopi(tr->b, IR_VINSE, esz, 1, acc, x, IR_NONE, i, 0) : x;
}

static bool frint(struct a64_tr *tr, unsigned mode, struct simd_desc d)
{
    d.round = mode;
    if (simd_fp_special(tr)) {
        return call(tr, d);
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, d.rn), r = IR_NONE;
    if (mode != 4) {
        simd_set_v(tr, d.rd, simd_op1i(tr, IR_VFRINT, d.esz, d.q, n, mode));
        return true;
    }
    for (unsigned i = 0; i < (8u << d.q) >> d.esz; i++) {
        r = put_lane(tr, d.esz, r, i, simd_op1i(tr, IR_FRINT, d.esz, 0, lane(tr, d.esz, n, i), mode));
    }
    simd_set_v(tr, d.rd, r);
    return true;
}
#define FRINT(NAME, mode) TRANS(NAME) { return NOT_1D && frint(tr, mode, VEC2(FN_frint)); }
FRINT(FRINTN_v, FP_RN)
FRINT(FRINTM_v, FP_RM)
FRINT(FRINTP_v, FP_RP)
FRINT(FRINTZ_v, FP_RZ)
FRINT(FRINTA_v, 4)
FRINT(FRINTX_v, 5 | 8)
FRINT(FRINTI_v, 5)

static bool to_int(struct a64_tr *tr, unsigned round, bool u, struct simd_desc d)
{
    d.round = round;
    d.u = u;
    if (simd_fp_special(tr)) {
        return call(tr, d);
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, d.rn), r = IR_NONE;
    unsigned lanes = d.shape == SH_SCALAR ? 1 : (8u << d.q) >> d.esz;
    if (lanes > 1 && d.esz == 2 && (round == FP_RZ || (!u && round != 4))) {
        simd_set_v(tr, d.rd, simd_op1i(tr, u ? IR_VFTOU : IR_VFTOS, 2, d.q, n, round));
        return true;
    }
    for (unsigned i = 0; i < lanes; i++) {
        ir_val x = ir_vget(tr->b, u ? IR_FTOU : IR_FTOS, a64_t(d.esz == 3), d.esz, lane(tr, d.esz, n, i), round);
        r = i ? ir_vopi(tr->b, IR_VINS, d.esz, 1, r, x, IR_NONE, i, 0) : simd_op1(tr, IR_VFROM, d.esz, 1, x);
    }
    simd_set_v(tr, d.rd, r);
    return true;
}
#define TO_INT(NAME, round)                                                                                 \
    TRANS(NAME##_v) { return NOT_1D && to_int(tr, round, a->u, VEC2(FN_fcvt_int)); }                        \
    TRANS(NAME##_s) { return to_int(tr, round, a->u, SCA2(FN_fcvt_int)); }
TO_INT(FCVTN_int, FP_RN)
TO_INT(FCVTM_int, FP_RM)
TO_INT(FCVTP_int, FP_RP)
TO_INT(FCVTZ_int, FP_RZ)
TO_INT(FCVTA_int, 4)

static bool from_int(struct a64_tr *tr, bool u, struct simd_desc d)
{
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, d.rn), r = IR_NONE;
    unsigned lanes = d.shape == SH_SCALAR ? 1 : (8u << d.q) >> d.esz;
    if (lanes > 1 && d.esz == 2) {
        simd_set_v(tr, d.rd, simd_op1(tr, u ? IR_VFFROMU : IR_VFFROMS, 2, d.q, n));
        return true;
    }
    for (unsigned i = 0; i < lanes; i++) {
        ir_val x = ir_vget(tr->b, IR_VGET, IR_I64, d.esz, n, i);
        x = d.esz == 2 ? ir_op1(tr->b, IR_TRUNC, IR_I32, x) : x;
        r = put_lane(tr, d.esz, r, i, ir_ffrom(tr->b, u ? IR_FFROMU : IR_FFROMS, a64_t(d.esz == 3), d.esz, x));
    }
    simd_set_v(tr, d.rd, r);
    return true;
}
TRANS(CVTF_int_v) { return NOT_1D && from_int(tr, a->u, VEC2(FN_cvtf)); }
TRANS(CVTF_int_s) { return from_int(tr, a->u, SCA2(FN_cvtf)); }

/* sz 0: half and single; 1: single and double. The descriptor's esz is the narrow one. */
TRANS(FCVTL_v)
{
    if (!a->sz || simd_fp_special(tr)) {
        return call(tr, (struct simd_desc){
                            .fn = FN_fcvt, .shape = SH_LONG, .rd = a->rd, .rn = a->rn, .esz = 1 + a->sz, .q = a->q});
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, a->rn);
    simd_set_v(tr, a->rd, simd_op1(tr, IR_VFCVTL, 2, 1, a->q ? simd_op1(tr, IR_VHIGH, 3, 1, n) : n));
    return true;
}

TRANS(FCVTN_v)
{
    if (!a->sz || simd_fp_special(tr)) {
        return call(tr, (struct simd_desc){
                            .fn = FN_fcvt, .shape = SH_NARROW, .rd = a->rd, .rn = a->rn, .esz = 1 + a->sz, .q = a->q});
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, a->rn);
    ir_val r = simd_op1(tr, IR_VFCVTN, 3, 1, n);
    simd_set_v(tr, a->rd, a->q ? simd_op2(tr, IR_VJOIN, 3, 1, simd_v(tr, a->rd), r) : r);
    return true;
}

TRANS(FCVTXN_v)
{
    return call(tr,
                (struct simd_desc){.fn = FN_fcvtxn, .shape = SH_NARROW, .rd = a->rd, .rn = a->rn, .esz = 2, .q = a->q});
}

TRANS(FCVTXN_s)
{
    return call(tr, (struct simd_desc){.fn = FN_fcvtxn, .shape = SH_NARROW_SCALAR, .rd = a->rd, .rn = a->rn, .esz = 2});
}
