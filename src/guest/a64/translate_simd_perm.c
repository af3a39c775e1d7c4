/*
 * translate_simd_perm.c - Advanced SIMD moves: DUP, INS, UMOV, modified immediates, EXT, ZIP/UZP/TRN, TBL.
 *
 * Source: Arm ARM DDI 0487, C7.2; AdvSIMDExpandImm in shared/functions/vector.
 */
#include "simd.h"

/* imm5 of the copy group: the lowest set bit is the element size, the bits above it the lane. false: reserved. */
static bool copy_imm(unsigned imm5, unsigned *esz, unsigned *lane)
{
    if (!(imm5 & 15)) {
        return false;
    }
    *esz = (unsigned)__builtin_ctz(imm5);
    *lane = imm5 >> (*esz + 1);
    return true;
}

bool trans_DUP_elem_v(struct a64_tr *tr, const struct arg_DUP_elem_v *a)
{
    unsigned esz, lane;
    if (!copy_imm(a->imm5, &esz, &lane) || (esz == 3 && !a->q)) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, a->rd, simd_op1i(tr, IR_VDUPE, esz, a->q, simd_v(tr, a->rn), lane));
    return true;
}

bool trans_DUP_elem_s(struct a64_tr *tr, const struct arg_DUP_elem_s *a)
{
    unsigned esz, lane;
    if (!copy_imm(a->imm5, &esz, &lane)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val x = ir_vget(tr->b, IR_VGET, IR_I64, esz, simd_v(tr, a->rn), lane);
    simd_set_v(tr, a->rd, simd_op1(tr, IR_VFROM, esz, 1, x));
    return true;
}

bool trans_DUP_gen_v(struct a64_tr *tr, const struct arg_DUP_gen_v *a)
{
    unsigned esz, lane;
    if (!copy_imm(a->imm5, &esz, &lane) || (esz == 3 && !a->q)) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, a->rd, simd_op1(tr, IR_VDUP, esz, a->q, a64_x(tr, a64_t(esz == 3), a->rn)));
    return true;
}

bool trans_SMOV_v(struct a64_tr *tr, const struct arg_SMOV_v *a)
{
    unsigned esz, lane;
    if (!copy_imm(a->imm5, &esz, &lane) || esz == 3 || (esz == 2 && !a->q)) {
        return false;
    }
    SIMD_CHECK(tr);
    a64_set_x(tr, a->rd, ir_vget(tr->b, IR_VGETS, a64_t(a->q), esz, simd_v(tr, a->rn), lane));
    return true;
}

bool trans_UMOV_v(struct a64_tr *tr, const struct arg_UMOV_v *a)
{
    unsigned esz, lane;
    if (!copy_imm(a->imm5, &esz, &lane) || (esz == 3) != a->q) {
        return false;
    }
    SIMD_CHECK(tr);
    a64_set_x(tr, a->rd, ir_vget(tr->b, IR_VGET, IR_I64, esz, simd_v(tr, a->rn), lane));
    return true;
}

bool trans_INS_gen_v(struct a64_tr *tr, const struct arg_INS_gen_v *a)
{
    unsigned esz, lane;
    if (!copy_imm(a->imm5, &esz, &lane)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val x = a64_x(tr, a64_t(esz == 3), a->rn);
    simd_set_v(tr, a->rd, ir_vopi(tr->b, IR_VINS, esz, 1, simd_v(tr, a->rd), x, IR_NONE, lane, 0));
    return true;
}

bool trans_INS_elem_v(struct a64_tr *tr, const struct arg_INS_elem_v *a)
{
    unsigned esz, lane;
    if (!copy_imm(a->imm5, &esz, &lane)) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val d = simd_v(tr, a->rd), n = simd_v(tr, a->rn);
    simd_set_v(tr, a->rd, ir_vopi(tr->b, IR_VINSE, esz, 1, d, n, IR_NONE, lane, a->imm4 >> esz));
    return true;
}

/* AdvSIMDExpandImm: 64 bits. */
static uint64_t expand_imm(unsigned op, unsigned cmode, uint64_t imm8)
{
    uint64_t x;
    switch (cmode >> 1) {
    case 0: case 1: case 2: case 3:
        x = imm8 << (cmode >> 1) * 8;
        return x << 32 | x;
    case 4: case 5:
        return (imm8 << (cmode >> 1 & 1) * 8) * 0x0001000100010001ull;
    case 6:
        x = cmode & 1 ? imm8 << 16 | 0xffff : imm8 << 8 | 0xff;
        return x << 32 | x;
    default:
        break;
    }
    if (!(cmode & 1)) {
        if (!op) {
            return imm8 * 0x0101010101010101ull;
        }
        x = 0;
        for (unsigned i = 0; i < 8; i++) {
            x |= imm8 >> i & 1 ? 0xffull << 8 * i : 0;
        }
        return x;
    }
    uint64_t sign = imm8 >> 7, b = imm8 >> 6 & 1;
    if (!op) {
        x = sign << 31 | (b ^ 1) << 30 | (b ? 0x1full << 25 : 0) | (imm8 & 63) << 19;
        return x << 32 | x;
    }
    return sign << 63 | (b ^ 1) << 62 | (b ? 0xffull << 54 : 0) | (imm8 & 63) << 48;
}

bool trans_MOVI_v(struct a64_tr *tr, const struct arg_MOVI_v *a)
{
    if (a->cmode == 15 && a->op && !a->q) {
        return false;
    }
    SIMD_CHECK(tr);
    uint64_t x = expand_imm(a->op, a->cmode, a->imm8);
    bool logic = a->cmode < 12 && a->cmode & 1;
    if (logic) {                                 /* ORR, BIC */
        ir_val imm = ir_vconst(tr->b, x, a->q ? x : 0);
        simd_set_v(tr, a->rd, simd_op2(tr, a->op ? IR_VANDN : IR_VOR, 0, a->q, simd_v(tr, a->rd), imm));
        return true;
    }
    if (a->op && a->cmode < 14) {                /* MVNI */
        x = ~x;
    }
    simd_set_v(tr, a->rd, ir_vconst(tr->b, x, a->q ? x : 0));
    return true;
}

bool trans_EXT_v(struct a64_tr *tr, const struct arg_EXT_v *a)
{
    if (!a->q && a->imm4 & 8) {
        return false;
    }
    SIMD_CHECK(tr);
    ir_val n = simd_v(tr, a->rn), m = simd_v(tr, a->rm);
    simd_set_v(tr, a->rd, ir_vopi(tr->b, IR_VEXT, 0, a->q, n, m, IR_NONE, a->imm4, 0));
    return true;
}

static bool permute(struct a64_tr *tr, enum ir_op op, unsigned esz, unsigned q, unsigned rd, unsigned rn, unsigned rm)
{
    if (esz == 3 && !q) {
        return false;
    }
    SIMD_CHECK(tr);
    simd_set_v(tr, rd, simd_op2(tr, op, esz, q, simd_v(tr, rn), simd_v(tr, rm)));
    return true;
}

#define PERMUTE(NAME)                                                                 \
    bool trans_##NAME##_v(struct a64_tr *tr, const struct arg_##NAME##_v *a)          \
    {                                                                                 \
        return permute(tr, IR_V##NAME, a->size, a->q, a->rd, a->rn, a->rm);           \
    }
PERMUTE(UZP1)
PERMUTE(UZP2)
PERMUTE(TRN1)
PERMUTE(TRN2)
PERMUTE(ZIP1)
PERMUTE(ZIP2)

bool trans_TBL_v(struct a64_tr *tr, const struct arg_TBL_v *a)
{
    SIMD_CHECK(tr);
    ir_val m = simd_v(tr, a->rm), r = simd_op2(tr, IR_VTBL, 0, a->q, simd_v(tr, a->rn), m);
    for (unsigned k = 1; k <= a->len; k++) {     /* an index that another register has is 16 at least for this one */
        ir_val index = simd_op2(tr, IR_VSUB, 0, a->q, m, simd_const(tr, 0, a->q, 16 * k));
        r = simd_op2(tr, IR_VOR, 0, a->q, r, simd_op2(tr, IR_VTBL, 0, a->q, simd_v(tr, (a->rn + k) & 31), index));
    }
    if (a->op) {                                 /* TBX */
        ir_val in = simd_op2(tr, IR_VCMHI, 0, a->q, simd_const(tr, 0, a->q, 16 * (a->len + 1)), m);
        r = simd_op2(tr, IR_VOR, 0, a->q, r, simd_op2(tr, IR_VANDN, 0, a->q, simd_v(tr, a->rd), in));
    }
    simd_set_v(tr, a->rd, r);
    return true;
}
