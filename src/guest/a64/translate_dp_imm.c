/*
 * translate_dp_imm.c - A64 data processing with an immediate: PC-relative addresses, add and subtract, logical, move
 * wide, bitfields, extract.
 *
 * Source: Arm ARM DDI 0487, C4.1.92 "Data Processing -- Immediate".
 */
#include "guest/a64/translate.h"

#include "a64_base_decode.h"

/* ---- PC-relative ---- */

bool trans_ADR(struct a64_tr *tr, const struct arg_ADR *a)
{
    int64_t imm = (int64_t)a->imm_hi * 4 + a->imm_lo;

    a64_set_x(tr, a->rd, ir_pc(tr->b, (int64_t)tr->pc_off + imm));
    return true;
}

bool trans_ADRP(struct a64_tr *tr, const struct arg_ADRP *a)
{
    int64_t imm = (int64_t)a->imm_hi * 4 + a->imm_lo;

    /* pc_page is what the instruction starts from, whatever its offset in the page. */
    a64_set_x(tr, a->rd, ir_pc(tr->b, imm * 4096));
    return true;
}

/* ---- add and subtract ---- */

#define ADDSUB_IMM(NAME, OP, SET)                                                                                      \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = a64_t(a->sf);                                                                                 \
        ir_val imm = ir_const(tr->b, t, (uint64_t)a->imm << (a->sh ? 12 : 0));                                         \
                                                                                                                       \
        SET(tr, a->rd, ir_op2(tr->b, OP, t, a64_xsp(tr, t, a->rn), imm));                                              \
        return true;                                                                                                   \
    }
ADDSUB_IMM(ADD_imm, IR_ADD, a64_set_xsp)
ADDSUB_IMM(ADDS_imm, IR_ADDS, a64_set_x)
ADDSUB_IMM(SUB_imm, IR_SUB, a64_set_xsp)
ADDSUB_IMM(SUBS_imm, IR_SUBS, a64_set_x)

/* ---- logical ---- */

/*
 * DecodeBitMasks() for logical immediates: an element of 2, 4, .. 64 bits with imms + 1 ones rotated right by immr,
 * repeated. false: reserved.
 */
static bool logical_imm(unsigned sf, unsigned n, unsigned immr, unsigned imms, uint64_t *out)
{
    unsigned sizes = n << 6 | (~imms & 0x3f);
    unsigned log, esize, ones, rot;
    uint64_t mask, v;

    if (sizes < 2 || (n && !sf))
        return false;
    log = 31 - (unsigned)__builtin_clz(sizes);
    esize = 1u << log;
    ones = (imms & (esize - 1)) + 1;
    rot = immr & (esize - 1);
    if (ones == esize)
        return false;
    mask = esize == 64 ? ~0ull : (1ull << esize) - 1;
    v = (1ull << ones) - 1;
    if (rot)
        v = (v >> rot | v << (esize - rot)) & mask;
    for (; esize < 64; esize *= 2)
        v |= v << esize;
    *out = sf ? v : (uint32_t)v;
    return true;
}

#define LOGICAL_IMM(NAME, OP, SET)                                                                                     \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = a64_t(a->sf);                                                                                 \
        uint64_t imm;                                                                                                  \
                                                                                                                       \
        if (!logical_imm(a->sf, a->n, a->immr, a->imms, &imm))                                                         \
            return false;                                                                                              \
        SET(tr, a->rd, ir_op2(tr->b, OP, t, a64_x(tr, t, a->rn), ir_const(tr->b, t, imm)));                            \
        return true;                                                                                                   \
    }
LOGICAL_IMM(AND_imm, IR_AND, a64_set_xsp)
LOGICAL_IMM(ORR_imm, IR_OR, a64_set_xsp)
LOGICAL_IMM(EOR_imm, IR_XOR, a64_set_xsp)
LOGICAL_IMM(ANDS_imm, IR_ANDS, a64_set_x)

/* ---- move wide ---- */

bool trans_MOVN(struct a64_tr *tr, const struct arg_MOVN *a)
{
    uint64_t v = ~((uint64_t)a->imm << (a->hw * 16));

    if (!a->sf && a->hw > 1)
        return false;
    a64_set_x(tr, a->rd, ir_const(tr->b, a64_t(a->sf), a->sf ? v : (uint32_t)v));
    return true;
}

bool trans_MOVZ(struct a64_tr *tr, const struct arg_MOVZ *a)
{
    if (!a->sf && a->hw > 1)
        return false;
    a64_set_x(tr, a->rd, ir_const(tr->b, a64_t(a->sf), (uint64_t)a->imm << (a->hw * 16)));
    return true;
}

bool trans_MOVK(struct a64_tr *tr, const struct arg_MOVK *a)
{
    enum ir_type t = a64_t(a->sf);
    uint64_t keep = ~(0xffffull << (a->hw * 16));
    ir_val v;

    if (!a->sf && a->hw > 1)
        return false;
    v = ir_op2(tr->b, IR_AND, t, a64_x(tr, t, a->rd), ir_const(tr->b, t, a->sf ? keep : (uint32_t)keep));
    v = ir_op2(tr->b, IR_OR, t, v, ir_const(tr->b, t, (uint64_t)a->imm << (a->hw * 16)));
    a64_set_x(tr, a->rd, v);
    return true;
}

/* ---- bitfields ---- */

static bool bitfield_ok(unsigned sf, unsigned n, unsigned immr, unsigned imms)
{
    return n == sf && (sf || (immr < 32 && imms < 32));
}

/* The .imm of UBFX, SBFX, BFI. */
static int64_t field(unsigned lo, unsigned len)
{
    return lo | len << 8;
}

bool trans_UBFM(struct a64_tr *tr, const struct arg_UBFM *a)
{
    enum ir_type t = a64_t(a->sf);
    unsigned width = a->sf ? 64 : 32;
    ir_val v;

    if (!bitfield_ok(a->sf, a->n, a->immr, a->imms))
        return false;
    v = a64_x(tr, t, a->rn);
    if (a->imms == width - 1) {
        if (a->immr)                                           /* LSR */
            v = ir_op2(tr->b, IR_SHR, t, v, ir_const(tr->b, t, a->immr));
    } else if (a->imms >= a->immr) {
        v = ir_op1i(tr->b, IR_UBFX, t, v, field(a->immr, a->imms - a->immr + 1));
    } else {
        if (a->imms + 1 != a->immr)                            /* else LSL: the shift itself drops the rest */
            v = ir_op1i(tr->b, IR_UBFX, t, v, field(0, a->imms + 1));
        v = ir_op2(tr->b, IR_SHL, t, v, ir_const(tr->b, t, width - a->immr));
    }
    a64_set_x(tr, a->rd, v);
    return true;
}

bool trans_SBFM(struct a64_tr *tr, const struct arg_SBFM *a)
{
    enum ir_type t = a64_t(a->sf);
    unsigned width = a->sf ? 64 : 32;
    ir_val v;

    if (!bitfield_ok(a->sf, a->n, a->immr, a->imms))
        return false;
    v = a64_x(tr, t, a->rn);
    if (a->imms == width - 1) {
        if (a->immr)                                           /* ASR */
            v = ir_op2(tr->b, IR_SAR, t, v, ir_const(tr->b, t, a->immr));
    } else if (a->imms >= a->immr) {
        if (a->immr == 0 && (a->imms == 7 || a->imms == 15 || a->imms == 31))
            v = ir_ext(tr->b, IR_SEXT, t, a->imms == 7 ? 0 : a->imms == 15 ? 1 : 2, v);
        else
            v = ir_op1i(tr->b, IR_SBFX, t, v, field(a->immr, a->imms - a->immr + 1));
    } else {
        if (a->imms + 1 != a->immr)
            v = ir_op1i(tr->b, IR_SBFX, t, v, field(0, a->imms + 1));
        v = ir_op2(tr->b, IR_SHL, t, v, ir_const(tr->b, t, width - a->immr));
    }
    a64_set_x(tr, a->rd, v);
    return true;
}

bool trans_BFM(struct a64_tr *tr, const struct arg_BFM *a)
{
    enum ir_type t = a64_t(a->sf);
    unsigned width = a->sf ? 64 : 32;
    unsigned lo, len;
    ir_val v;

    if (!bitfield_ok(a->sf, a->n, a->immr, a->imms))
        return false;
    v = a64_x(tr, t, a->rn);
    if (a->imms >= a->immr) {                                  /* BFXIL */
        lo = 0;
        len = a->imms - a->immr + 1;
        if (a->immr)
            v = ir_op2(tr->b, IR_SHR, t, v, ir_const(tr->b, t, a->immr));
    } else {                                                   /* BFI, BFC */
        lo = width - a->immr;
        len = a->imms + 1;
    }
    if (len < width)
        v = ir_op2i(tr->b, IR_BFI, t, a64_x(tr, t, a->rd), v, field(lo, len));
    a64_set_x(tr, a->rd, v);
    return true;
}

bool trans_EXTR(struct a64_tr *tr, const struct arg_EXTR *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val n, m, v;

    if (a->n != a->sf || (!a->sf && a->imms > 31))
        return false;
    m = a64_x(tr, t, a->rm);
    if (a->imms == 0) {
        v = m;
    } else if (a->rn == a->rm) {
        v = ir_op2(tr->b, IR_ROR, t, m, ir_const(tr->b, t, a->imms));
    } else {
        n = a64_x(tr, t, a->rn);
        v = ir_op2i(tr->b, IR_EXTR, t, n, m, a->imms);
    }
    a64_set_x(tr, a->rd, v);
    return true;
}
