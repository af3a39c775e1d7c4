/*
 * translate_simd_shift.c - Advanced SIMD shifts by an immediate, and conversions to and from fixed point.
 *
 * Source: Arm ARM DDI 0487, C4.1.96 "Advanced SIMD shift by immediate", C7.2.
 */
#include "simd.h"

#define TRANS(NAME) bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)

/*
 * immh:immb: the highest set bit of immh is the element size. Right shifts count 2 * width - imm, left shifts imm -
 * width. false: immh is 0 (another group), or 64-bit lanes where q does not allow them.
 */
struct shift { unsigned esz, right, left; };

static bool shift_of(unsigned imm, unsigned q, struct shift *s)
{
    if (imm < 8) {
        return false;
    }
    s->esz = 28u - (unsigned)__builtin_clz(imm);
    s->right = (16u << s->esz) - imm;
    s->left = imm - (8u << s->esz);
    return s->esz < 3 || q;
}

/* a >> n, rounded: plus the last bit shifted out. */
static ir_val shift_right(struct a64_tr *tr, unsigned esz, unsigned q, bool u, bool round, ir_val a, unsigned n)
{
    enum ir_op op = u ? IR_VUSHR : IR_VSSHR;
    ir_val r = simd_op1i(tr, op, esz, q, a, n);
    if (round) {
        ir_val last = n > 1 ? simd_op1i(tr, IR_VUSHR, esz, q, a, n - 1) : a;
        r = simd_op2(tr, IR_VADD, esz, q, r, simd_op2(tr, IR_VAND, esz, q, last, simd_const(tr, esz, q, 1)));
    }
    return r;
}

static bool shr(struct a64_tr *tr, struct shift s, unsigned q, bool u, bool round, bool accumulate, unsigned rd,
                unsigned rn)
{
    SIMD_CHECK(tr);
    ir_val r = shift_right(tr, s.esz, q, u, round, simd_v(tr, rn), s.right);
    simd_set_v(tr, rd, accumulate ? simd_op2(tr, IR_VADD, s.esz, q, simd_v(tr, rd), r) : r);
    return true;
}

/* The scalar forms have 64-bit lanes only: imm is the low six bits. */
static struct shift scalar_shift(unsigned imm6) { return (struct shift){3, 64 - imm6, imm6}; }

#define SHR(NAME, round, acc)                                                                               \
    TRANS(NAME##_v)                                                                                         \
    {                                                                                                       \
        struct shift s;                                                                                     \
        return shift_of(a->imm, a->q, &s) && shr(tr, s, a->q, a->u, round, acc, a->rd, a->rn);              \
    }                                                                                                       \
    TRANS(NAME##_s) { return shr(tr, scalar_shift(a->imm), 0, a->u, round, acc, a->rd, a->rn); }
SHR(SHR, false, false)
SHR(SRA, false, true)
SHR(RSHR, true, false)
SHR(RSRA, true, true)

/* Shift and insert: the bits of rd that the shift vacates stay. */
static bool insert(struct a64_tr *tr, struct shift s, unsigned q, bool right, unsigned rd, unsigned rn)
{
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, rn);
    uint64_t ones = simd_mask(s.esz), mask;
    ir_val x;
    if (right) {
        mask = s.right < 8u << s.esz ? ones >> s.right : 0;
        x = simd_op1i(tr, IR_VUSHR, s.esz, q, n, s.right);
    } else {
        mask = ones << s.left & ones;
        x = simd_op1i(tr, IR_VSHL, s.esz, q, n, s.left);
    }
    simd_set_v(tr, rd, simd_op3(tr, IR_VBSL, 0, q, simd_const(tr, s.esz, q, mask), x, simd_v(tr, rd)));
    return true;
}
#define INSERT(NAME, right)                                                                                 \
    TRANS(NAME##_v)                                                                                         \
    {                                                                                                       \
        struct shift s;                                                                                     \
        return shift_of(a->imm, a->q, &s) && insert(tr, s, a->q, right, a->rd, a->rn);                      \
    }                                                                                                       \
    TRANS(NAME##_s) { return insert(tr, scalar_shift(a->imm), 0, right, a->rd, a->rn); }
INSERT(SRI, true)
INSERT(SLI, false)

static bool shl(struct a64_tr *tr, struct shift s, unsigned q, unsigned rd, unsigned rn)
{
    SIMD_CHECK(tr);
    simd_set_v(tr, rd, simd_op1i(tr, IR_VSHL, s.esz, q, simd_v(tr, rn), s.left));
    return true;
}
TRANS(SHL_v)
{
    struct shift s;
    return shift_of(a->imm, a->q, &s) && shl(tr, s, a->q, a->rd, a->rn);
}
TRANS(SHL_s) { return shl(tr, scalar_shift(a->imm), 0, a->rd, a->rn); }

static bool call(struct a64_tr *tr, struct simd_desc d)
{
    d.ra = d.rd;
    SIMD_CHECK(tr);
    simd_call(tr, &helper_simd, d);
    return true;
}

#define DESC(f, sh, uu, qq, n) \
    (struct simd_desc) \
    { \
        .fn = f, .shape = sh, .rd = a->rd, .rn = a->rn, .esz = s.esz & 3, .q = qq, .u = uu, .imm = (n)&0xff \
    }

TRANS(SQSHLU_v)
{
    struct shift s;
    return shift_of(a->imm, a->q, &s) && call(tr, DESC(FN_sqshlu, SH_LANES, 0, a->q, s.left));
}
TRANS(SQSHLU_s)
{
    struct shift s;
    return shift_of(a->imm, 1, &s) && call(tr, DESC(FN_sqshlu, SH_SCALAR, 0, 0, s.left));
}
TRANS(QSHL_v)
{
    struct shift s;
    return shift_of(a->imm, a->q, &s) && call(tr, DESC(FN_qshl_imm, SH_LANES, a->u, a->q, s.left));
}
TRANS(QSHL_s)
{
    struct shift s;
    return shift_of(a->imm, 1, &s) && call(tr, DESC(FN_qshl_imm, SH_SCALAR, a->u, 0, s.left));
}

/* ---- narrowing: esz is of the destination ---- */

static bool shrn(struct a64_tr *tr, unsigned imm, unsigned q, bool round, unsigned rd, unsigned rn)
{
    struct shift s;
    if (!shift_of(imm, 0, &s)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val r = shift_right(tr, s.esz + 1, 1, true, round, simd_v(tr, rn), s.right);
    r = simd_op1(tr, IR_VXTN, s.esz, 1, r);
    simd_set_v(tr, rd, q ? simd_op2(tr, IR_VJOIN, 3, 1, simd_v(tr, rd), r) : r);
    return true;
}
TRANS(SHRN_v) { return shrn(tr, a->imm, a->q, false, a->rd, a->rn); }
TRANS(RSHRN_v) { return shrn(tr, a->imm, a->q, true, a->rd, a->rn); }

static bool narrow_call(struct a64_tr *tr, enum simd_fn fn, enum simd_shape shape, unsigned imm, unsigned q, bool u,
                        bool round, unsigned rd, unsigned rn)
{
    struct shift s;
    if (!shift_of(imm, 0, &s)) {
        return false;
    }
    if (shape == SH_NARROW && s.esz < 2) {
        bool to_u = u || fn == FN_sqshrun;
        SIMD_CHECK(tr);
        ir_val r = simd_narrow_sat(tr, s.esz, u, to_u, shift_right(tr, s.esz + 1, 1, u, round, simd_v(tr, rn), s.right));
        simd_set_v(tr, rd, q ? simd_op2(tr, IR_VJOIN, 3, 1, simd_v(tr, rd), r) : r);
        return true;
    }
    return call(tr, (struct simd_desc){.fn = fn, .shape = shape, .rd = rd, .rn = rn, .esz = s.esz & 3, .q = q, .u = u,
                                       .round = round, .imm = s.right & 0xff});
}
TRANS(QSHRN_v) { return narrow_call(tr, FN_qshrn, SH_NARROW, a->imm, a->q, a->u, a->round, a->rd, a->rn); }
TRANS(QSHRN_s) { return narrow_call(tr, FN_qshrn, SH_NARROW_SCALAR, a->imm, 0, a->u, a->round, a->rd, a->rn); }
TRANS(SQSHRUN_v) { return narrow_call(tr, FN_sqshrun, SH_NARROW, a->imm, a->q, 0, a->round, a->rd, a->rn); }
TRANS(SQSHRUN_s) { return narrow_call(tr, FN_sqshrun, SH_NARROW_SCALAR, a->imm, 0, 0, a->round, a->rd, a->rn); }

TRANS(SHLL_imm_v)
{
    struct shift s;
    if (!shift_of(a->imm, 0, &s)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, a->rn);
    n = simd_widen(tr, s.esz, a->u, a->q, n);
    simd_set_v(tr, a->rd, s.left ? simd_op1i(tr, IR_VSHL, s.esz + 1, 1, n, s.left) : n);
    return true;
}

/* ---- fixed point: esz 2 and 3 (half precision needs FEAT_FP16) ---- */

#define FIXED(NAME, f, mode)                                                                                \
    TRANS(NAME##_v)                                                                                         \
    {                                                                                                       \
        struct shift s;                                                                                     \
        if (!shift_of(a->imm, a->q, &s) || s.esz < 2) {                                                     \
            return false;                                                                                   \
        }                                                                                                   \
        struct simd_desc d = DESC(f, SH_LANES, a->u, a->q, s.right);                                        \
        d.round = mode;                                                                                     \
        return call(tr, d);                                                                                 \
    }                                                                                                       \
    TRANS(NAME##_s)                                                                                         \
    {                                                                                                       \
        struct shift s;                                                                                     \
        if (!shift_of(a->imm, 1, &s) || s.esz < 2) {                                                        \
            return false;                                                                                   \
        }                                                                                                   \
        struct simd_desc d = DESC(f, SH_SCALAR, a->u, 0, s.right);                                          \
        d.round = mode;                                                                                     \
        return call(tr, d);                                                                                 \
    }
FIXED(CVTF_fix, FN_cvtf, 0)
FIXED(FCVTZ_fix, FN_fcvt_int, FP_RZ)
