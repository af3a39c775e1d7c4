/*
 * lower_fp.c - native forms of floating-point operations (fused ones only with FMA).
 *
 * SSE differs from the Arm rules in three ways, and only there a result is computed again by the reference (STUB_EVAL):
 *  - which NaN comes out: every NaN result of an operation with two or three operands, or of an invalid one;
 *  - tininess is detected after rounding, Arm's before: results of exactly the smallest normal number (products, quotients,
 *    fused operations, narrowing), which may lack Underflow;
 *  - conversions to integers out of range.
 * What MXCSR has then raised already is a subset of what the reference raises. Rounding is MXCSR's; FZ, DN and AH never
 * reach this file (guest translators use helpers then). A destination is never the register of an operand where there is
 * a slow path: it needs the operands. Sources: Intel SDM vol. 1, 11.5; Arm ARM DDI 0487, A1.5 and shared/functions/float.
 */
#include "host/x86_64/vecop.h"
#include "ir/softfp.h"

#define A (&g->a)

enum { MOVQ = 0x7e | M_0F | P_F3, INSERTPS = 0x21 | M_0F3A | P_66, ANDPS = 0x54 | M_0F, ORPS = 0x56 | M_0F, XORPS = 0x57 | M_0F, PTEST = 0x17 | M_0F38 | P_66,
       PUNPCKLQDQ = 0x6c | M_0F | P_66, POR = 0xeb | M_0F | P_66 };

/* Scalar and packed forms of an opcode. */
static uint32_t scalar(unsigned esz, unsigned op) { return op | M_0F | (esz == 3 ? P_F2 : P_F3); }
static uint32_t packed(unsigned esz, unsigned op) { return op | M_0F | (esz == 3 ? P_66 : 0); }

/* Everything above lane 0 of v is known to be zero. */
static bool clean(const struct gen *g, ir_val v, unsigned esz)
{
    const struct ir_insn *i = &g->b->insn[v];
    if (esz == 3)
        return upper_zero(g, v);
    switch ((enum ir_op)i->op) {
    case IR_VCONST: return !i->imm2 && (uint64_t)i->imm <= UINT32_MAX;
    case IR_LDV: return i->mem.size <= 2;
    case IR_VFIRST:
    case IR_VFROM: return i->esz <= 2;
    case IR_FCVT: return i->imm == 2;
    default: return i->op >= IR_FADD && i->op <= IR_FRINT && i->esz == 2;
    }
}

/* d = lane 0 of s, rest zero. */
static void clean_copy(struct gen *g, unsigned esz, unsigned d, unsigned s)
{
    if (esz == 3) {
        v3(g, MOVQ, d, 0, s);
    } else {
        v3(g, INSERTPS, d, s, s);
        e1(A, 0x0e);
    }
}

/* The slow path of instruction i, taken when condition cc holds now. */
static void eval_if(struct gen *g, const struct ir_insn *i, unsigned cc, unsigned d)
{
    const ir_val arg[3] = {i->a, i->b, i->c};
    struct stub *s = new_stub(g, STUB_EVAL);
    for (unsigned k = 0; k < 3; k++)
        s->vreg[k] = arg[k] == IR_NONE ? NOREG : val_of(g, arg[k])->reg;
    s->insn = (uint16_t)g->i;
    s->dst = (uint8_t)d;
    s->clean32 = d < XMM0 && !is_w(i);
    stub_from(s, jcc32(A, cc));
    s->back = A->p;
    A->ef = false;
}
/* TINY: also the smallest normal number counts. */
static void check_scalar(struct gen *g, const struct ir_insn *i, unsigned esz, unsigned d, bool tiny)
{
    uint32_t ucomis = packed(esz, 0x2e);
    if (tiny) {
        vk(g, ANDPS, XT0, d, esz == 3 ? K_ABS64 : K_ABS32);
        vk(g, ucomis, XT0, 0, esz == 3 ? K_TINY64 : K_TINY32);
        eval_if(g, i, X_E, d);                   /* equal, or unordered */
    } else {
        v3(g, ucomis, d, 0, d);
        eval_if(g, i, X_P, d);
    }
}

static void check_packed(struct gen *g, const struct ir_insn *i, unsigned esz, unsigned d, bool tiny)
{
    if (tiny) {
        vk(g, ANDPS, XT0, d, esz == 3 ? K_ABS64 : K_ABS32);
        const uint8_t *k = host_state.consts + (esz == 3 ? K_TINY64 : K_TINY32) * 16;
        if (host_state.avx) {
            vmk(g, packed(esz, 0xc2), XT0, XT0, k, 1);
            e1(A, 8);                            /* equal or unordered, quiet */
        } else {
            vmk(g, packed(esz, 0xc2), XT0, XT0, k, 1);
            e1(A, 0);                            /* equal */
            v3(g, packed(esz, 0xc2), XT1, d, d);
            e1(A, 3);                            /* unordered */
            v3(g, POR, XT0, XT0, XT1);
        }
    } else {
        v3(g, packed(esz, 0xc2), XT0, d, d);
        e1(A, 3);                                /* unordered */
    }
    v3(g, PTEST, XT0, 0, XT0);
    eval_if(g, i, X_NE, d);
}

/* ---- scalar ---- */

static void arith(struct gen *g, const struct ir_insn *i, unsigned op, bool tiny)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = i->b == IR_NONE ? ra : use(g, i->b), d = def_apart(g);
    bool commutes = op == 0x58 || op == 0x59;
    bool ca = clean(g, i->a, esz), cb = i->b != IR_NONE && commutes && clean(g, i->b, esz);
    if (!ca && cb)
        v3(g, scalar(esz, op), d, rb, ra);
    else
        v3(g, scalar(esz, op), d, ra, rb);
    if (!ca && !cb)
        clean_copy(g, esz, d, d);
    check_scalar(g, i, esz, d, tiny);
}

/* 231 forms: d = +-(a * b) +- d */
static uint32_t fma_op(unsigned esz, unsigned neg, bool is_scalar)
{
    static const uint8_t op[4] = {0xb8, 0xbc, 0xba, 0xbe};  /* a*b+c, -a*b+c, a*b-c, -a*b-c */
    return (op[neg] + (is_scalar ? 1u : 0)) | M_0F38 | P_66 | (esz == 3 ? OP_W : 0);
}

static void fused(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = use(g, i->b), rc = use(g, i->c), d = def_apart(g);
    if (clean(g, i->c, esz))
        movaps_rr(A, d, rc);
    else
        clean_copy(g, esz, d, rc);
    v3(g, fma_op(esz, (unsigned)i->imm & 3, true), d, ra, rb);
    check_scalar(g, i, esz, d, true);
}

static void sign(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
    if (i->op == IR_FABS) {
        vk(g, ANDPS, d, ra, esz == 3 ? K_ABS1_64 : K_ABS1_32);
        return;
    }
    if (!clean(g, i->a, esz)) {
        clean_copy(g, esz, d, ra);
        ra = d;
    }
    vk(g, XORPS, d, ra, esz == 3 ? K_SIGN1_64 : K_SIGN1_32);
}

static void between_formats(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), d = def_apart(g);
    v3(g, XORPS, XT0, XT0, XT0);
    v3(g, scalar(i->esz, 0x5a), d, XT0, ra);
    if (i->imm == 2)
        check_scalar(g, i, 2, d, true);
}

static void from_integer(struct gen *g, const struct ir_insn *i)
{
    bool w = i->t == IR_I64, u = i->op == IR_FFROMU;
    uint32_t op = scalar(i->esz, 0x2a);
    unsigned r = u && !w ? use64(g, i->a) : use(g, i->a), t = u && w ? temp(g, false) : NOREG, d = def_apart(g);
    v3(g, XORPS, d, d, d);
    if (!u || !w) {
        v3(g, op | (w || u ? OP_W : 0), d, d, r);
        return;
    }
    /* Above 2^63: half of it, the lost bit kept sticky, twice. */
    test_rr(A, true, r, r);
    uint8_t *large = jcc8(A, X_S);
    v3(g, op | OP_W, d, d, r);
    uint8_t *end = jmp8(A);
    land8(A, large);
    mov_rr(A, true, RAX, r);
    mov_rr(A, false, t, r);
    shift_ri(A, true, SH_SHR, RAX, 1);
    alu_ri(A, false, ALU_AND, t, 1);
    alu_rr(A, true, ALU_OR, RAX, t);
    v3(g, op | OP_W, d, d, RAX);
    v3(g, scalar(i->esz, 0x58), d, d, d);
    land8(A, end);
}

/*
 * XT0 = a rounded to integral, ties away from zero, the rest zero; raises nothing. The slow way, to D, for what has no fraction: there
 * are no NaNs then, and all of these are exact: the fraction, its double cut to 1 or 0 with its sign, their sum. The sign
 * of zero is put right. Clobbers XT1.
 */
static void round_away(struct gen *g, const struct ir_insn *i, unsigned ra, unsigned d)
{
    unsigned esz = i->esz;
    uint32_t round = (esz == 3 ? 0x0b : 0x0a) | M_0F3A | P_66;
    v3(g, 0x7e | M_0F | P_66 | (esz == 3 ? OP_W : 0), ra, 0, RAX);
    shift_ri(A, esz == 3, SH_SHR, RAX, esz == 3 ? 52 : 23);
    alu_ri(A, false, ALU_AND, RAX, esz == 3 ? 0x7ff : 0xff);
    alu_ri(A, false, ALU_CMP, RAX, esz == 3 ? 1023 + 52 : 127 + 23);
    eval_if(g, i, X_AE, d);
    v3i(g, round, XT0, ra, ra, 3 | 8);
    v3(g, scalar(esz, 0x5c), XT1, ra, XT0);
    v3(g, scalar(esz, 0x58), XT1, XT1, XT1);
    v3i(g, round, XT1, XT1, XT1, 3 | 8);
    v3(g, scalar(esz, 0x58), XT0, XT0, XT1);
    vk(g, ANDPS, XT0, XT0, esz == 3 ? K_ABS1_64 : K_ABS1_32);
    vk(g, ANDPS, XT1, ra, esz == 3 ? K_SIGN1_64 : K_SIGN1_32);
    v3(g, ORPS, XT0, XT0, XT1);
}

static bool to_integer(struct gen *g, const struct ir_insn *i)
{
    static const uint8_t mode[5] = {0, 2, 1, 3, 3};          /* enum fp_round, FP_TIES_AWAY -> ROUNDSD */
    bool w = is_w(i), u = i->op == IR_FTOU;
    unsigned esz = i->esz, round = (unsigned)i->imm;
    if (u && round != FP_RZ)
        return false;
    unsigned ra = use(g, i->a), d = def_apart(g), s = ra;
    uint32_t op = scalar(esz, 0x2c);
    if (u) {
        /* Positive and below 2^32 or 2^63, seen in the exponent and sign; others go the slow way before any flag is raised. */
        v3(g, 0x7e | M_0F | P_66 | (esz == 3 ? OP_W : 0), ra, 0, RAX);
        shift_ri(A, esz == 3, SH_SHR, RAX, esz == 3 ? 52 : 23);
        alu_ri(A, false, ALU_CMP, RAX, (esz == 3 ? 1023 : 127) + (w ? 63 : 32));
        eval_if(g, i, X_AE, d);
        v3(g, op | OP_W, d, 0, ra);
        g->stub[g->n_stubs - 1].back = A->p;
        return true;
    }
    unsigned first = g->n_stubs;
    if (round == FP_TIES_AWAY) {
        round_away(g, i, ra, d);
        s = XT0;
    } else if (round != FP_RZ) {
        v3(g, (esz == 3 ? 0x0b : 0x0a) | M_0F3A | P_66, XT0, ra, ra);
        e1(A, mode[round] | 8);
        s = XT0;
    }
    v3(g, op | (w ? OP_W : 0), d, 0, s);
    alu_ri(A, w, ALU_CMP, d, 1);                 /* overflow: the indefinite integer */
    eval_if(g, i, X_O, d);
    if (round != FP_RZ) {
        /* In range: now Inexact may be raised. */
        v3(g, (esz == 3 ? 0x0b : 0x0a) | M_0F3A | P_66, XT0, ra, ra);
        e1(A, mode[round]);
        for (unsigned n = first; n < g->n_stubs; n++)
            g->stub[n].back = A->p;
    } else {
        g->stub[first].kind = STUB_SATURATE;
    }
    return true;
}

static bool to_integral(struct gen *g, const struct ir_insn *i)
{
    static const uint8_t mode[6] = {0, 2, 1, 3, 0, 4};
    unsigned round = (unsigned)i->imm & 7;
    if (round > 5 || (round == FP_TIES_AWAY && i->imm & 8))
        return false;
    unsigned ra = use(g, i->a), d;
    if (round == FP_TIES_AWAY) {
        unsigned first = g->n_stubs;
        d = def_apart(g);
        round_away(g, i, ra, d);
        movaps_rr(A, d, XT0);
        g->stub[first].back = A->p;
        return true;
    }
    d = def(g, dying_reg(g, i->a));
    v3(g, XORPS, XT0, XT0, XT0);
    v3(g, (i->esz == 3 ? 0x0b : 0x0a) | M_0F3A | P_66, d, XT0, ra);
    e1(A, mode[round] | (i->imm & 8 ? 0 : 8));
    return true;
}

static void compare_flags(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), rb = use(g, i->b);
    v3(g, packed(i->esz, i->imm ? 0x2f : 0x2e), ra, 0, rb);
    uint8_t *ordered = jcc8(A, X_NP);
    /* unordered: N = Z = 0, C = V = 1 */
    mov_ri(A, RAX, NZCV_HOST_V);
    e1(A, 0x04);                                 /* add al, 0x7f */
    e1(A, 0x7f);
    e1(A, 0x9e);                                 /* sahf */
    uint8_t *end = jmp8(A);
    land8(A, ordered);
    /* AL = (a > b) - (a < b) sets SF and CF when less, ZF when equal: the borrow form. */
    setcc(A, X_A, RAX);
    e1(A, 0x1c);                                 /* sbb al, 0 */
    e1(A, 0);
    land8(A, end);
    flags_set(g, false);
}

/* ---- vectors ---- */

/* For 64-bit operations: operand without garbage in its upper lanes, which could raise flags. */
static unsigned narrow(struct gen *g, const struct ir_insn *i, ir_val v, unsigned r, unsigned t)
{
    if (i->q || upper_zero(g, v))
        return r;
    v3(g, MOVQ, t, 0, r);
    return t;
}

static void varith(struct gen *g, const struct ir_insn *i, unsigned op, bool tiny)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = i->b == IR_NONE ? NOREG : use(g, i->b), d = def_apart(g);
    unsigned sa = narrow(g, i, i->a, ra, XT0), sb = rb == NOREG ? 0 : rb;
    if (!i->q && op == 0x5e) {
        vk(g, PUNPCKLQDQ, XT1, rb, K_ONE32);  /* not 0 / 0 in the upper lanes */
        sb = XT1;
    } else if (rb != NOREG) {
        sb = narrow(g, i, i->b, rb, XT1);
    }
    if (rb == NOREG)
        v3(g, packed(esz, op), d, 0, sa);
    else
        v3(g, packed(esz, op), d, sa, sb);
    if (!i->q && op == 0x5c)
        v3(g, MOVQ, d, 0, d);                    /* rounding down, 0 - 0 is -0 */
    check_packed(g, i, esz, d, tiny);
}

static void vfused(struct gen *g, const struct ir_insn *i)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = use(g, i->b), rc = use(g, i->c), d = def_apart(g);
    unsigned sa = narrow(g, i, i->a, ra, XT0), sb = narrow(g, i, i->b, rb, XT1);
    if (i->q || upper_zero(g, i->c))
        movaps_rr(A, d, rc);
    else
        v3(g, MOVQ, d, 0, rc);
    v3(g, fma_op(esz, (unsigned)i->imm & 1, false), d, sa, sb);
    if (!i->q)
        v3(g, MOVQ, d, 0, d);
    check_packed(g, i, esz, d, true);
}

/*
 * SSE's give the second operand where one is a NaN (and then raise Invalid) or both are zeros: NaNs go the slow way before, and
 * zeros of both signs are put right by both orders.
 */
static void max_min(struct gen *g, const struct ir_insn *i, bool min, bool vec)
{
    unsigned esz = i->esz, ra = use(g, i->a), rb = use(g, i->b), d = def_apart(g);
    uint32_t op = min ? 0x5d : 0x5f, both = min ? ORPS : ANDPS;
    if (vec) {
        ra = narrow(g, i, i->a, ra, XT0);
        rb = narrow(g, i, i->b, rb, XT1);
        v3i(g, packed(esz, 0xc2), d, ra, rb, 3); /* unordered */
        v3(g, PTEST, d, 0, d);
        eval_if(g, i, X_NE, d);
        op = packed(esz, op);
    } else {
        v3(g, packed(esz, 0x2e), ra, 0, rb);
        eval_if(g, i, X_P, d);
        op = scalar(esz, op);
    }
    v3(g, op, d, ra, rb);
    v3(g, op, XT0, rb, ra);
    v3(g, both, d, d, XT0);
    if (!vec && !(clean(g, i->a, esz) && clean(g, i->b, esz)))
        clean_copy(g, esz, d, d);
    g->stub[g->n_stubs - 1].back = A->p;
}

static void vcompare(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), rb = use(g, i->b), d = def(g, dying_reg(g, i->a));
    ra = narrow(g, i, i->a, ra, XT0);
    rb = narrow(g, i, i->b, rb, XT1);
    if (i->op == IR_VFCMEQ)
        v3i(g, packed(i->esz, 0xc2), d, ra, rb, 0);          /* EQ_OQ */
    else
        v3i(g, packed(i->esz, 0xc2), d, rb, ra, i->op == IR_VFCMGT ? 1 : 2);   /* b < a, b <= a: LT_OS, LE_OS */
    if (!i->q && i->op != IR_VFCMGT)
        v3(g, MOVQ, d, 0, d);
}

static void vsign(struct gen *g, const struct ir_insn *i)
{
    bool dbl = i->esz == 3;
    unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
    if (i->op == IR_VFABS)
        vk(g, ANDPS, d, ra, dbl ? K_ABS64 : K_ABS32);
    else
        vk(g, XORPS, d, ra, dbl ? K_SIGN64 : K_SIGN32);
    if (!i->q)
        v3(g, MOVQ, d, 0, d);
}

/* Singles only: SSE has no others. Unsigned: the halves of each integer are exact, and so is the upper one times 2^16. */
static bool vfrom_integer(struct gen *g, const struct ir_insn *i)
{
    const uint32_t cvt = 0x5b | M_0F;
    if (i->esz != 2)
        return false;
    unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
    if (i->op == IR_VFFROMS) {
        v3(g, cvt, d, 0, narrow(g, i, i->a, ra, XT0));
        return true;
    }
    vshift_imm(g, 0x72, V_SLL, XT0, narrow(g, i, i->a, ra, XT1), 16);
    vshift_imm(g, 0x72, V_SRL, XT0, XT0, 16);
    vshift_imm(g, 0x72, V_SRL, XT1, narrow(g, i, i->a, ra, XT1), 16);
    v3(g, cvt, XT0, 0, XT0);
    v3(g, cvt, XT1, 0, XT1);
    vk(g, packed(2, 0x59), XT1, XT1, K_2P16);
    v3(g, packed(2, 0x58), d, XT0, XT1);
    return true;
}

/* Singles only. Out of range comes out as the smallest integer; unsigned ones are looked at before any flag is raised. */
static bool vto_integer(struct gen *g, const struct ir_insn *i)
{
    static const uint8_t mode[4] = {0, 2, 1, 3};
    const uint32_t cvt = 0x5b | M_0F | P_F3, round_op = 0x08 | M_0F3A | P_66;
    unsigned round = (unsigned)i->imm;
    bool u = i->op == IR_VFTOU;
    if (i->esz != 2 || round > FP_RZ || (u && round != FP_RZ))
        return false;
    unsigned ra = use(g, i->a), d = def_apart(g), s = narrow(g, i, i->a, ra, XT1);
    if (u) {
        vk(g, 0x3b | M_0F38 | P_66, XT0, s, K_BELOW31);      /* pminud */
        v3(g, 0x76 | M_0F | P_66, XT0, XT0, s);  /* pcmpeqd */
        v3(g, 0x50 | M_0F, RAX, 0, XT0);         /* movmskps */
        alu_ri(A, false, ALU_CMP, RAX, 15);
        eval_if(g, i, X_NE, d);
        v3(g, cvt, d, 0, s);
        g->stub[g->n_stubs - 1].back = A->p;
        return true;
    }
    if (round != FP_RZ)
        v2i(g, round_op, XT0, s, mode[round] | 8);
    v3(g, cvt, d, 0, round == FP_RZ ? s : XT0);
    vk(g, 0x76 | M_0F | P_66, XT0, d, K_SIGN32);
    v3(g, PTEST, XT0, 0, XT0);
    eval_if(g, i, X_NE, d);
    if (round != FP_RZ) {
        v2i(g, round_op, XT0, s, mode[round]);   /* in range: now Inexact may be raised */
        g->stub[g->n_stubs - 1].back = A->p;
    }
    return true;
}

static bool vto_integral(struct gen *g, const struct ir_insn *i)
{
    static const uint8_t mode[6] = {0, 2, 1, 3, 0, 4};
    unsigned round = (unsigned)i->imm & 7;
    if (round == FP_TIES_AWAY || round > 5)
        return false;
    unsigned ra = use(g, i->a), d = def(g, dying_reg(g, i->a));
    v2i(g, (i->esz == 3 ? 0x09 : 0x08) | M_0F3A | P_66, d, narrow(g, i, i->a, ra, XT0), mode[round] | (i->imm & 8 ? 0 : 8));
    return true;
}

static void vbetween_formats(struct gen *g, const struct ir_insn *i)
{
    unsigned ra = use(g, i->a), d = def_apart(g);
    v3(g, packed(i->op == IR_VFCVTN ? 3 : 2, 0x5a), d, 0, ra);
    if (i->op == IR_VFCVTN)
        check_packed(g, i, 2, d, true);
}

bool lower_fp(struct gen *g, const struct ir_insn *i)
{
    if (i->esz < 2)
        return false;
    switch ((enum ir_op)i->op) {
    case IR_FADD: arith(g, i, 0x58, false); return true;
    case IR_FSUB: arith(g, i, 0x5c, false); return true;
    case IR_FMUL: arith(g, i, 0x59, true); return true;
    case IR_FDIV: arith(g, i, 0x5e, true); return true;
    case IR_FMAX:
    case IR_FMAXNM: max_min(g, i, false, false); return true;
    case IR_FMIN:
    case IR_FMINNM: max_min(g, i, true, false); return true;
    case IR_FSQRT: arith(g, i, 0x51, false); return true;
    case IR_FMADD:
        if (!host_state.fma)
            return false;
        fused(g, i);
        return true;
    case IR_FABS:
    case IR_FNEG: sign(g, i); return true;
    case IR_FCVT:
        if (i->imm + i->esz != 5)
            return false;
        between_formats(g, i);
        return true;
    case IR_FFROMS:
    case IR_FFROMU: from_integer(g, i); return true;
    case IR_FTOS:
    case IR_FTOU: return to_integer(g, i);
    case IR_FRINT: return to_integral(g, i);
    case IR_FCMP: compare_flags(g, i); return true;
    case IR_VFADD: varith(g, i, 0x58, false); return true;
    case IR_VFSUB: varith(g, i, 0x5c, false); return true;
    case IR_VFMUL: varith(g, i, 0x59, true); return true;
    case IR_VFDIV: varith(g, i, 0x5e, true); return true;
    case IR_VFMAX:
    case IR_VFMAXNM: max_min(g, i, false, true); return true;
    case IR_VFMIN:
    case IR_VFMINNM: max_min(g, i, true, true); return true;
    case IR_VFSQRT: varith(g, i, 0x51, false); return true;
    case IR_VFMLA:
        if (!host_state.fma)
            return false;
        vfused(g, i);
        return true;
    case IR_VFNEG:
    case IR_VFABS: vsign(g, i); return true;
    case IR_VFCMEQ:
    case IR_VFCMGT:
    case IR_VFCMGE: vcompare(g, i); return true;
    case IR_VFFROMS:
    case IR_VFFROMU: return vfrom_integer(g, i);
    case IR_VFTOS:
    case IR_VFTOU: return vto_integer(g, i);
    case IR_VFRINT: return vto_integral(g, i);
    case IR_VFCVTL:
    case IR_VFCVTN: vbetween_formats(g, i); return true;
    default: return false;
    }
}
