/*
 * translate_fp.c - scalar floating point: arithmetic, compares, selects, moves and conversions.
 *
 * With the normal FPCR arithmetic is IR (native code); with FZ, DN, AHP or FZ16 (A64F_FPSPECIAL) and for half precision
 * it is a helper call. Source: Arm ARM DDI 0487, C4.1.96 and C7.2.
 */
#include "simd.h"

#define TRANS(NAME) bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)

/* ---- one, two and three sources ---- */

/* op = IR_CONST: there is no IR form. */
static bool two(struct a64_tr *tr, unsigned ftype, enum ir_op op, enum simd_fn fn, unsigned rd, unsigned rn,
                unsigned rm)
{
    int esz = simd_ftype(ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    if (op == IR_CONST || simd_fp_special(tr)) {
        simd_call(tr, &helper_simd,
                  (struct simd_desc){
                      .fn = fn, .shape = SH_SCALAR, .rd = rd, .rn = rn, .rm = rm, .ra = rd, .esz = (unsigned)esz & 3});
    } else {
        simd_set_v(tr, rd, simd_op2(tr, op, (unsigned)esz, 0, simd_v(tr, rn), simd_v(tr, rm)));
    }
    return true;
}
TRANS(FMUL_f) { return two(tr, a->ftype, IR_FMUL, FN_fmul, a->rd, a->rn, a->rm); }
TRANS(FDIV_f) { return two(tr, a->ftype, IR_FDIV, FN_fdiv, a->rd, a->rn, a->rm); }
TRANS(FADD_f) { return two(tr, a->ftype, IR_FADD, FN_fadd, a->rd, a->rn, a->rm); }
TRANS(FSUB_f) { return two(tr, a->ftype, IR_FSUB, FN_fsub, a->rd, a->rn, a->rm); }
TRANS(FMAX_f) { return two(tr, a->ftype, IR_FMAX, FN_fmax, a->rd, a->rn, a->rm); }
TRANS(FMIN_f) { return two(tr, a->ftype, IR_FMIN, FN_fmin, a->rd, a->rn, a->rm); }
TRANS(FMAXNM_f) { return two(tr, a->ftype, IR_FMAXNM, FN_fmaxnm, a->rd, a->rn, a->rm); }
TRANS(FMINNM_f) { return two(tr, a->ftype, IR_FMINNM, FN_fminnm, a->rd, a->rn, a->rm); }

TRANS(FNMUL_f)
{
    int esz = simd_ftype(a->ftype);
    if (esz < 0 || simd_fp_special(tr)) {
        return two(tr, a->ftype, IR_CONST, FN_fnmul, a->rd, a->rn, a->rm);
    }
    SIMD_CHECK(tr);
    ir_val p = simd_op2(tr, IR_FMUL, (unsigned)esz, 0, simd_v(tr, a->rn), simd_v(tr, a->rm));
    simd_set_v(tr, a->rd, simd_op1(tr, IR_FNEG, (unsigned)esz, 0, p));
    return true;
}

TRANS(FMADD_f)
{
    int esz = simd_ftype(a->ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    unsigned neg = (a->o0 ^ a->o1) | a->o1 << 1; /* bit 0: the product, bit 1: the addend */
    if (simd_fp_special(tr)) {
        simd_call(tr, &helper_simd,
                  (struct simd_desc){.fn = FN_fmla,
                                     .shape = SH_SCALAR,
                                     .rd = a->rd,
                                     .rn = a->rn,
                                     .rm = a->rm,
                                     .ra = a->ra,
                                     .esz = (unsigned)esz & 3,
                                     .imm = neg});
    } else {
        simd_set_v(tr, a->rd, ir_vopi(tr->b, IR_FMADD, (unsigned)esz, 0, simd_v(tr, a->rn), simd_v(tr, a->rm),
                                      simd_v(tr, a->ra), neg, 0));
    }
    return true;
}

static bool bitwise(struct a64_tr *tr, unsigned ftype, enum ir_op op, unsigned rd, unsigned rn)
{
    int esz = simd_ftype(ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, rn);
    simd_set_v(tr, rd, op == IR_VFROM ? simd_lane0(tr, (unsigned)esz, n) : simd_op1(tr, op, (unsigned)esz, 0, n));
    return true;
}
TRANS(FMOV_f) { return bitwise(tr, a->ftype, IR_VFROM, a->rd, a->rn); }
TRANS(FABS_f) { return bitwise(tr, a->ftype, IR_FABS, a->rd, a->rn); }
TRANS(FNEG_f) { return bitwise(tr, a->ftype, IR_FNEG, a->rd, a->rn); }

TRANS(FSQRT_f)
{
    int esz = simd_ftype(a->ftype);
    if (esz < 0) {
        return false;
    }
    if (simd_fp_special(tr)) {
        return two(tr, a->ftype, IR_CONST, FN_fsqrt, a->rd, a->rn, 0);
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, a->rd, simd_op1(tr, IR_FSQRT, (unsigned)esz, 0, simd_v(tr, a->rn)));
    return true;
}

TRANS(FCVT_f)
{
    static const int8_t esz_of[4] = {2, 3, -1, 1};
    int from = esz_of[a->ftype], to = esz_of[a->opc];
    if (from < 0 || to < 0 || from == to) {
        return false;
    }
    SIMD_CHECK(tr);
    if (from == 1 || to == 1 || simd_fp_special(tr)) {
        simd_call(tr, &helper_fcvt,
                  (struct simd_desc){.rd = a->rd, .rn = a->rn, .esz = (unsigned)from & 3, .imm = (unsigned)to & 3});
    } else {
        simd_set_v(tr, a->rd, simd_op1i(tr, IR_FCVT, (unsigned)from, 0, simd_v(tr, a->rn), to));
    }
    return true;
}

TRANS(FRINT_f)
{
    /* N P M Z A - X I, as .imm of IR_FRINT */
    static const uint8_t modes[8] = {FP_RN, FP_RP, FP_RM, FP_RZ, 4, 0xff, 5 | 8, 5};
    int esz = simd_ftype(a->ftype);
    if (esz < 0 || a->mode == 5) {
        return false;
    }
    SIMD_CHECK(tr);
    unsigned mode = modes[a->mode];
    if (simd_fp_special(tr)) {
        simd_call(tr, &helper_simd, (struct simd_desc){.fn = FN_frint, .shape = SH_SCALAR, .rd = a->rd, .rn = a->rn,
                                                       .esz = (unsigned)esz & 3, .round = mode & 15});
    } else {
        simd_set_v(tr, a->rd, simd_op1i(tr, IR_FRINT, (unsigned)esz, 0, simd_v(tr, a->rn), mode));
    }
    return true;
}

/* ---- compare and select ---- */

TRANS(FCMP_f)
{
    int esz = simd_ftype(a->ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    if (simd_fp_special(tr)) {
        struct simd_desc d = {.rn = a->rn, .rm = a->rm, .esz = (unsigned)esz & 3, .imm = a->e | a->z << 1};
        ir_op1(tr->b, IR_SETNZCV, IR_I64, simd_call(tr, &helper_fcmp, d));
    } else {
        ir_val m = a->z ? ir_vconst(tr->b, 0, 0) : simd_v(tr, a->rm);
        ir_fcmp(tr->b, (unsigned)esz, simd_v(tr, a->rn), m, a->e);
    }
    return true;
}

TRANS(FCCMP_f)
{
    int esz = simd_ftype(a->ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    struct ir_block *b = tr->b;
    unsigned e = (unsigned)esz;
    if (a->cond >= CC_AL && !simd_fp_special(tr)) {
        ir_fcmp(b, e, simd_v(tr, a->rn), simd_v(tr, a->rm), a->e);
        return true;
    }
    ir_val cond = ir_setc(b, IR_I64, (enum ir_cc)a->cond), cmp;
    if (simd_fp_special(tr)) {
        /* bit 2: compare only if the second argument is not 0 */
        struct simd_desc d = {.rn = a->rn, .rm = a->rm, .esz = e & 3, .imm = a->e | 4};
        cmp = ir_call(b, IR_I64, &helper_fcmp, ir_const(b, IR_I64, simd_pack(d)), cond, IR_NONE);
    } else {
        /* Where the condition fails compare 0 with 0, which raises nothing. */
        ir_val zero = ir_const(b, IR_I64, 0);
        ir_val n = ir_op3(b, IR_SELNZ, IR_I64, cond, ir_vget(b, IR_VGET, IR_I64, e, simd_v(tr, a->rn), 0), zero);
        ir_val m = ir_op3(b, IR_SELNZ, IR_I64, cond, ir_vget(b, IR_VGET, IR_I64, e, simd_v(tr, a->rm), 0), zero);
        ir_fcmp(b, e, simd_op1(tr, IR_VFROM, e, 1, n), simd_op1(tr, IR_VFROM, e, 1, m), a->e);
        cmp = ir_op0(b, IR_GETNZCV, IR_I64);
    }
    ir_val other = ir_const(b, IR_I64, (uint64_t)a->nzcv << 28);
    ir_op1(b, IR_SETNZCV, IR_I64, ir_op3(b, IR_SELNZ, IR_I64, cond, cmp, other));
    return true;
}

TRANS(FCSEL_f)
{
    int esz = simd_ftype(a->ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val n = ir_vget(tr->b, IR_VGET, IR_I64, (unsigned)esz, simd_v(tr, a->rn), 0);
    ir_val m = ir_vget(tr->b, IR_VGET, IR_I64, (unsigned)esz, simd_v(tr, a->rm), 0);
    ir_val r = ir_csel(tr->b, IR_I64, (enum ir_cc)a->cond, n, m);
    simd_set_v(tr, a->rd, simd_op1(tr, IR_VFROM, (unsigned)esz, 1, r));
    return true;
}

/* VFPExpandImm */
TRANS(FMOV_imm_f)
{
    int esz = simd_ftype(a->ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    uint64_t sign = a->imm8 >> 7, b6 = a->imm8 >> 6 & 1, low = a->imm8 & 63, x;
    if (esz == 2) {
        x = sign << 31 | (b6 ^ 1) << 30 | (b6 ? 0x1full << 25 : 0) | low << 19;
    } else {
        x = sign << 63 | (b6 ^ 1) << 62 | (b6 ? 0xffull << 54 : 0) | low << 48;
    }
    simd_set_v(tr, a->rd, ir_vconst(tr->b, x, 0));
    return true;
}

/* ---- moves between register files ---- */

TRANS(FMOV_to_gpr)
{
    if (a->ftype != a->sf) {                     /* half precision moves need FEAT_FP16 */
        return false;
    }
    SIMD_CHECK(tr);
    a64_set_x(tr, a->rd, ir_vget(tr->b, IR_VGET, IR_I64, 2 + a->sf, simd_v(tr, a->rn), 0));
    return true;
}

TRANS(FMOV_from_gpr)
{
    if (a->ftype != a->sf) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, a->rd, simd_op1(tr, IR_VFROM, 2 + a->sf, 1, a64_x(tr, a64_t(a->sf), a->rn)));
    return true;
}

TRANS(FMOV_high_to)
{
    SIMD_CHECK(tr);
    a64_set_x(tr, a->rd, ir_vget(tr->b, IR_VGET, IR_I64, 3, simd_v(tr, a->rn), 1));
    return true;
}

TRANS(FMOV_high_from)
{
    SIMD_CHECK(tr);
    ir_val x = a64_x(tr, IR_I64, a->rn);
    simd_set_v(tr, a->rd, ir_vopi(tr->b, IR_VINS, 3, 1, simd_v(tr, a->rd), x, IR_NONE, 1, 0));
    return true;
}

/* ---- integers and fixed point ---- */

static bool to_int(struct a64_tr *tr, unsigned sf, unsigned ftype, bool u, unsigned round, unsigned fbits, unsigned rd,
                   unsigned rn)
{
    int esz = simd_ftype(ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val r;
    if (fbits || simd_fp_special(tr)) {
        r = simd_call(
            tr, &helper_fp_to_int,
            (struct simd_desc){.rn = rn, .esz = (unsigned)esz & 3, .q = sf, .u = u, .imm = fbits, .round = round});
    } else {
        r = ir_vget(tr->b, u ? IR_FTOU : IR_FTOS, a64_t(sf), (unsigned)esz, simd_v(tr, rn), round);
    }
    a64_set_x(tr, rd, r);
    return true;
}
TRANS(FCVT_int) { return to_int(tr, a->sf, a->ftype, a->u, a->rmode, 0, a->rd, a->rn); }
TRANS(FCVTA_int) { return to_int(tr, a->sf, a->ftype, a->u, 4, 0, a->rd, a->rn); }
TRANS(FCVTZ_fix)
{
    if (!a->sf && a->scale < 32) {
        return false;
    }
    return to_int(tr, a->sf, a->ftype, a->u, FP_RZ, 64 - a->scale, a->rd, a->rn);
}

/*
 * From fixed point: as an integer, then scaled by 2^-fbits. That is exact, since a nonzero integer scaled by 2^-64 at
 * most is a normal number; so FZ and DN do not matter and the IR form always holds.
 */
static bool from_int(struct a64_tr *tr, unsigned sf, unsigned ftype, bool u, unsigned fbits, unsigned rd, unsigned rn)
{
    int esz = simd_ftype(ftype);
    if (esz < 0) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val x = a64_x(tr, a64_t(sf), rn);
    ir_val r = ir_ffrom(tr->b, u ? IR_FFROMU : IR_FFROMS, a64_t(sf), (unsigned)esz, x);
    if (fbits) {
        uint64_t scale = esz == 2 ? (uint64_t)(127 - fbits) << 23 : (uint64_t)(1023 - fbits) << 52;
        r = simd_op2(tr, IR_FMUL, (unsigned)esz, 0, r, ir_vconst(tr->b, scale, 0));
    }
    simd_set_v(tr, rd, r);
    return true;
}
TRANS(CVTF_int) { return from_int(tr, a->sf, a->ftype, a->u, 0, a->rd, a->rn); }
TRANS(CVTF_fix)
{
    if (!a->sf && a->scale < 32) {
        return false;
    }
    return from_int(tr, a->sf, a->ftype, a->u, 64 - a->scale, a->rd, a->rn);
}
