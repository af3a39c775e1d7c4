/*
 * translate_dp_reg.c - A64 data processing with registers: logical, add and subtract, carry, flag manipulation,
 * conditional compare and select, one to three sources.
 *
 * Source: Arm ARM DDI 0487, C4.1.95 "Data Processing -- Register".
 */
#include <nmmintrin.h>

#include "guest/a64/translate.h"

#include "a64_base_decode.h"

/* Rm shifted: 0 LSL, 1 LSR, 2 ASR, 3 ROR. */
static ir_val shifted(struct a64_tr *tr, enum ir_type t, unsigned rm, unsigned shift, unsigned amount)
{
    static const uint8_t ops[4] = {IR_SHL, IR_SHR, IR_SAR, IR_ROR};
    ir_val v = a64_x(tr, t, rm);

    return amount ? ir_op2(tr->b, (enum ir_op)ops[shift], t, v, ir_const(tr->b, t, amount)) : v;
}

/* Rm extended (option 0..3 unsigned byte, half, word, double; 4..7 signed) and shifted left. */
static ir_val extended(struct a64_tr *tr, enum ir_type t, unsigned rm, unsigned option, unsigned amount)
{
    unsigned size = option & 3;
    ir_val v = a64_x(tr, t, rm);

    if (size < (t == IR_I64 ? 3u : 2u))
        v = ir_ext(tr->b, option & 4 ? IR_SEXT : IR_ZEXT, t, size, v);
    return amount ? ir_op2(tr->b, IR_SHL, t, v, ir_const(tr->b, t, amount)) : v;
}

/* ---- logical, shifted register ---- */

#define LOGICAL(NAME, OP, INVERT)                                                                                      \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = a64_t(a->sf);                                                                                 \
        ir_val n, m;                                                                                                   \
                                                                                                                       \
        if (!a->sf && a->imm > 31)                                                                                     \
            return false;                                                                                              \
        m = shifted(tr, t, a->rm, a->shift, a->imm);                                                                   \
        if (INVERT)                                                                                                    \
            m = ir_op1(tr->b, IR_NOT, t, m);                                                                           \
        n = a64_x(tr, t, a->rn);                                                                                       \
        a64_set_x(tr, a->rd, ir_op2(tr->b, OP, t, n, m));                                                              \
        return true;                                                                                                   \
    }
LOGICAL(AND_reg, IR_AND, false)
LOGICAL(BIC_reg, IR_ANDN, false)
LOGICAL(EOR_reg, IR_XOR, false)
LOGICAL(EON_reg, IR_XOR, true)
LOGICAL(ANDS_reg, IR_ANDS, false)
LOGICAL(BICS_reg, IR_ANDS, true)

/* ORR and ORN with XZR are MOV and MVN. */
bool trans_ORR_reg(struct a64_tr *tr, const struct arg_ORR_reg *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val v;

    if (!a->sf && a->imm > 31)
        return false;
    v = shifted(tr, t, a->rm, a->shift, a->imm);
    if (a->rn != 31)
        v = ir_op2(tr->b, IR_OR, t, a64_x(tr, t, a->rn), v);
    a64_set_x(tr, a->rd, v);
    return true;
}

bool trans_ORN_reg(struct a64_tr *tr, const struct arg_ORN_reg *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val v;

    if (!a->sf && a->imm > 31)
        return false;
    v = ir_op1(tr->b, IR_NOT, t, shifted(tr, t, a->rm, a->shift, a->imm));
    if (a->rn != 31)
        v = ir_op2(tr->b, IR_OR, t, a64_x(tr, t, a->rn), v);
    a64_set_x(tr, a->rd, v);
    return true;
}

/* ---- add and subtract ---- */

#define ADDSUB_REG(NAME, OP)                                                                                           \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = a64_t(a->sf);                                                                                 \
        ir_val n, m;                                                                                                   \
                                                                                                                       \
        if (a->shift == 3 || (!a->sf && a->imm > 31))                                                                  \
            return false;                                                                                              \
        n = a64_x(tr, t, a->rn);                                                                                       \
        m = shifted(tr, t, a->rm, a->shift, a->imm);                                                                   \
        a64_set_x(tr, a->rd, ir_op2(tr->b, OP, t, n, m));                                                              \
        return true;                                                                                                   \
    }
ADDSUB_REG(ADD_reg, IR_ADD)
ADDSUB_REG(ADDS_reg, IR_ADDS)
ADDSUB_REG(SUBS_reg, IR_SUBS)

bool trans_SUB_reg(struct a64_tr *tr, const struct arg_SUB_reg *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val m;

    if (a->shift == 3 || (!a->sf && a->imm > 31))
        return false;
    m = shifted(tr, t, a->rm, a->shift, a->imm);
    if (a->rn == 31)
        m = ir_op1(tr->b, IR_NEG, t, m);
    else
        m = ir_op2(tr->b, IR_SUB, t, a64_x(tr, t, a->rn), m);
    a64_set_x(tr, a->rd, m);
    return true;
}

#define ADDSUB_EXT(NAME, OP, SET)                                                                                      \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = a64_t(a->sf);                                                                                 \
        ir_val n, m;                                                                                                   \
                                                                                                                       \
        if (a->imm > 4)                                                                                                \
            return false;                                                                                              \
        n = a64_xsp(tr, t, a->rn);                                                                                     \
        m = extended(tr, t, a->rm, a->option, a->imm);                                                                 \
        SET(tr, a->rd, ir_op2(tr->b, OP, t, n, m));                                                                    \
        return true;                                                                                                   \
    }
ADDSUB_EXT(ADD_ext, IR_ADD, a64_set_xsp)
ADDSUB_EXT(ADDS_ext, IR_ADDS, a64_set_x)
ADDSUB_EXT(SUB_ext, IR_SUB, a64_set_xsp)
ADDSUB_EXT(SUBS_ext, IR_SUBS, a64_set_x)

/* ---- register forms that are one IR operation on Rn, Rm ---- */

#define TWO_SOURCES(NAME, OP)                                                                                          \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = a64_t(a->sf);                                                                                 \
        ir_val n = a64_x(tr, t, a->rn), m = a64_x(tr, t, a->rm);                                                       \
                                                                                                                       \
        a64_set_x(tr, a->rd, ir_op2(tr->b, OP, t, n, m));                                                              \
        return true;                                                                                                   \
    }
TWO_SOURCES(ADC, IR_ADC)
TWO_SOURCES(ADCS, IR_ADCS)
TWO_SOURCES(SBC, IR_SBC)
TWO_SOURCES(SBCS, IR_SBCS)
TWO_SOURCES(UDIV, IR_UDIV)
TWO_SOURCES(SDIV, IR_SDIV)
TWO_SOURCES(LSLV, IR_SHL)
TWO_SOURCES(LSRV, IR_SHR)
TWO_SOURCES(ASRV, IR_SAR)
TWO_SOURCES(RORV, IR_ROR)

/* ---- flag manipulation (FEAT_FlagM) ---- */

bool trans_RMIF(struct a64_tr *tr, const struct arg_RMIF *a)
{
    struct ir_block *b = tr->b;
    ir_val v, old;

    if (!a64_has_flagm(tr->cpu))
        return false;
    /* Bits 3:0 of the rotated register go to 31:28. */
    v = ir_op2(b, IR_ROR, IR_I64, a64_x(tr, IR_I64, a->rn), ir_const(b, IR_I64, a->imm));
    v = ir_op2(b, IR_SHL, IR_I64, v, ir_const(b, IR_I64, 28));
    v = ir_op2(b, IR_AND, IR_I64, v, ir_const(b, IR_I64, (uint64_t)a->mask << 28));
    old = ir_op0(b, IR_GETNZCV, IR_I64);
    old = ir_op2(b, IR_AND, IR_I64, old, ir_const(b, IR_I64, (uint64_t)(~a->mask & 15) << 28));
    ir_op1(b, IR_SETNZCV, IR_I64, ir_op2(b, IR_OR, IR_I64, v, old));
    return true;
}

/* N and Z of the low width bits, V = bit width ^ bit width - 1, C stays. */
static bool setf(struct a64_tr *tr, unsigned rn, unsigned width)
{
    struct ir_block *b = tr->b;
    ir_val x, n, z, v, c;

    if (!a64_has_flagm(tr->cpu))
        return false;
    x = a64_x(tr, IR_I64, rn);
    n = ir_op1i(b, IR_UBFX, IR_I64, x, (width - 1) | 1 << 8);
    v = ir_op2(b, IR_XOR, IR_I64, n, ir_op1i(b, IR_UBFX, IR_I64, x, width | 1 << 8));
    z = ir_op3(b, IR_SELNZ, IR_I64, ir_op1i(b, IR_UBFX, IR_I64, x, width << 8), ir_const(b, IR_I64, 0),
               ir_const(b, IR_I64, 1u << 30));
    c = ir_op2(b, IR_AND, IR_I64, ir_op0(b, IR_GETNZCV, IR_I64), ir_const(b, IR_I64, 1u << 29));
    n = ir_op2(b, IR_SHL, IR_I64, n, ir_const(b, IR_I64, 31));
    v = ir_op2(b, IR_SHL, IR_I64, v, ir_const(b, IR_I64, 28));
    n = ir_op2(b, IR_OR, IR_I64, n, v);
    c = ir_op2(b, IR_OR, IR_I64, c, z);
    ir_op1(b, IR_SETNZCV, IR_I64, ir_op2(b, IR_OR, IR_I64, n, c));
    return true;
}

bool trans_SETF8(struct a64_tr *tr, const struct arg_SETF8 *a)
{
    return setf(tr, a->rn, 8);
}

bool trans_SETF16(struct a64_tr *tr, const struct arg_SETF16 *a)
{
    return setf(tr, a->rn, 16);
}

/* ---- conditional compare ---- */

static void cond_compare(struct a64_tr *tr, enum ir_type t, bool negative, unsigned cond, unsigned nzcv, ir_val n,
                         ir_val m)
{
    if (cond >= CC_AL)                                         /* always: no choice left */
        ir_op2(tr->b, negative ? IR_ADDS : IR_SUBS, t, n, m);
    else
        ir_ccmp(tr->b, negative ? IR_CCMN : IR_CCMP, t, (enum ir_cc)cond, nzcv, n, m);
}

#define COND_COMPARE(NAME, NEGATIVE, OPERAND)                                                                          \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = a64_t(a->sf);                                                                                 \
        ir_val n = a64_x(tr, t, a->rn), m = OPERAND;                                                                   \
                                                                                                                       \
        cond_compare(tr, t, NEGATIVE, a->cond, a->nzcv, n, m);                                                         \
        return true;                                                                                                   \
    }
COND_COMPARE(CCMN_reg, true, a64_x(tr, t, a->rm))
COND_COMPARE(CCMP_reg, false, a64_x(tr, t, a->rm))
COND_COMPARE(CCMN_imm, true, ir_const(tr->b, t, a->imm))
COND_COMPARE(CCMP_imm, false, ir_const(tr->b, t, a->imm))

/* ---- conditional select ---- */

bool trans_CSEL(struct a64_tr *tr, const struct arg_CSEL *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val n = a64_x(tr, t, a->rn), m = a64_x(tr, t, a->rm);

    a64_set_x(tr, a->rd, ir_csel(tr->b, t, (enum ir_cc)a->cond, n, m));
    return true;
}

bool trans_CSINC(struct a64_tr *tr, const struct arg_CSINC *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val n, m;

    if (a->rn == 31 && a->rm == 31 && a->cond < CC_AL) {       /* CSET */
        a64_set_x(tr, a->rd, ir_setc(tr->b, t, (enum ir_cc)(a->cond ^ 1)));
        return true;
    }
    n = a64_x(tr, t, a->rn);
    m = ir_op2(tr->b, IR_ADD, t, a64_x(tr, t, a->rm), ir_const(tr->b, t, 1));
    a64_set_x(tr, a->rd, ir_csel(tr->b, t, (enum ir_cc)a->cond, n, m));
    return true;
}

bool trans_CSINV(struct a64_tr *tr, const struct arg_CSINV *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val n, m;

    if (a->rn == 31 && a->rm == 31 && a->cond < CC_AL) {       /* CSETM */
        n = ir_setc(tr->b, t, (enum ir_cc)(a->cond ^ 1));
        a64_set_x(tr, a->rd, ir_op1(tr->b, IR_NEG, t, n));
        return true;
    }
    n = a64_x(tr, t, a->rn);
    m = ir_op1(tr->b, IR_NOT, t, a64_x(tr, t, a->rm));
    a64_set_x(tr, a->rd, ir_csel(tr->b, t, (enum ir_cc)a->cond, n, m));
    return true;
}

bool trans_CSNEG(struct a64_tr *tr, const struct arg_CSNEG *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val n = a64_x(tr, t, a->rn), m = ir_op1(tr->b, IR_NEG, t, a64_x(tr, t, a->rm));

    a64_set_x(tr, a->rd, ir_csel(tr->b, t, (enum ir_cc)a->cond, n, m));
    return true;
}

/* ---- CRC32 (FEAT_CRC32): bit-reflected, no inversion, a nibble a step ---- */

static const uint32_t crc32_nibble[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

/* a: accumulator; b: value; d: bytes */
static uint64_t help_crc32(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    uint32_t acc = (uint32_t)a;

    for (unsigned i = 0; i < d * 2; i++, b >>= 4)
        acc = acc >> 4 ^ crc32_nibble[(acc ^ b) & 15];
    return acc;
}

/* SSE4.2's, which every host has. */
__attribute__((target("sse4.2"))) static uint64_t help_crc32c(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    switch (d) {
    case 1: return _mm_crc32_u8((uint32_t)a, (uint8_t)b);
    case 2: return _mm_crc32_u16((uint32_t)a, (uint16_t)b);
    case 4: return _mm_crc32_u32((uint32_t)a, (uint32_t)b);
    default: return _mm_crc32_u64((uint32_t)a, b);
    }
}

static const struct ir_helper helper_crc32 = {"crc32", help_crc32, 0};
static const struct ir_helper helper_crc32c = {"crc32c", help_crc32c, 0};

static bool crc_insn(struct a64_tr *tr, const struct ir_helper *h, unsigned sf, unsigned sz, unsigned rd, unsigned rn,
                     unsigned rm)
{
    ir_val acc, v;

    if (!a64_has_crc32(tr->cpu) || sf != (sz == 3))
        return false;
    acc = a64_x(tr, IR_I64, rn);
    v = a64_x(tr, IR_I64, rm);
    a64_set_x(tr, rd, ir_call(tr->b, IR_I32, h, acc, v, ir_const(tr->b, IR_I64, 1u << sz)));
    return true;
}

bool trans_CRC32(struct a64_tr *tr, const struct arg_CRC32 *a)
{
    return crc_insn(tr, &helper_crc32, a->sf, a->sz, a->rd, a->rn, a->rm);
}

bool trans_CRC32C(struct a64_tr *tr, const struct arg_CRC32C *a)
{
    return crc_insn(tr, &helper_crc32c, a->sf, a->sz, a->rd, a->rn, a->rm);
}

/* ---- one source ---- */

static bool one_source(struct a64_tr *tr, enum ir_op op, enum ir_type t, unsigned rd, unsigned rn)
{
    a64_set_x(tr, rd, ir_op1(tr->b, op, t, a64_x(tr, t, rn)));
    return true;
}

bool trans_RBIT(struct a64_tr *tr, const struct arg_RBIT *a)
{
    return one_source(tr, IR_RBIT, a64_t(a->sf), a->rd, a->rn);
}

bool trans_REV16(struct a64_tr *tr, const struct arg_REV16 *a)
{
    return one_source(tr, IR_REV16, a64_t(a->sf), a->rd, a->rn);
}

bool trans_REV_w(struct a64_tr *tr, const struct arg_REV_w *a)
{
    return one_source(tr, IR_BSWAP, IR_I32, a->rd, a->rn);
}

bool trans_REV32(struct a64_tr *tr, const struct arg_REV32 *a)
{
    return one_source(tr, IR_REV32, IR_I64, a->rd, a->rn);
}

bool trans_REV_x(struct a64_tr *tr, const struct arg_REV_x *a)
{
    return one_source(tr, IR_BSWAP, IR_I64, a->rd, a->rn);
}

bool trans_CLZ(struct a64_tr *tr, const struct arg_CLZ *a)
{
    return one_source(tr, IR_CLZ, a64_t(a->sf), a->rd, a->rn);
}

bool trans_CLS(struct a64_tr *tr, const struct arg_CLS *a)
{
    enum ir_type t = a64_t(a->sf);
    ir_val v = a64_x(tr, t, a->rn);

    /* Bits that equal the one above them become zeros; the top bit always does and is not counted. */
    v = ir_op2(tr->b, IR_XOR, t, v, ir_op2(tr->b, IR_SAR, t, v, ir_const(tr->b, t, 1)));
    v = ir_op1(tr->b, IR_CLZ, t, v);
    a64_set_x(tr, a->rd, ir_op2(tr->b, IR_SUB, t, v, ir_const(tr->b, t, 1)));
    return true;
}

/* ---- three sources ---- */

/* rd = ra + v, or ra - v */
static bool accumulate(struct a64_tr *tr, enum ir_type t, bool sub, unsigned rd, unsigned ra, ir_val v)
{
    if (ra != 31)
        v = ir_op2(tr->b, sub ? IR_SUB : IR_ADD, t, a64_x(tr, t, ra), v);
    else if (sub)
        v = ir_op1(tr->b, IR_NEG, t, v);
    a64_set_x(tr, rd, v);
    return true;
}

static ir_val product(struct a64_tr *tr, enum ir_type t, unsigned rn, unsigned rm)
{
    ir_val n = a64_x(tr, t, rn), m = a64_x(tr, t, rm);

    return ir_op2(tr->b, IR_MUL, t, n, m);
}

/* Of 32-bit registers, extended by ext (SEXT, ZEXT). */
static ir_val product_long(struct a64_tr *tr, enum ir_op ext, unsigned rn, unsigned rm)
{
    ir_val n = ir_ext(tr->b, ext, IR_I64, 2, a64_x(tr, IR_I64, rn));
    ir_val m = ir_ext(tr->b, ext, IR_I64, 2, a64_x(tr, IR_I64, rm));

    return ir_op2(tr->b, IR_MUL, IR_I64, n, m);
}

bool trans_MADD(struct a64_tr *tr, const struct arg_MADD *a)
{
    return accumulate(tr, a64_t(a->sf), false, a->rd, a->ra, product(tr, a64_t(a->sf), a->rn, a->rm));
}

bool trans_MSUB(struct a64_tr *tr, const struct arg_MSUB *a)
{
    return accumulate(tr, a64_t(a->sf), true, a->rd, a->ra, product(tr, a64_t(a->sf), a->rn, a->rm));
}

bool trans_SMADDL(struct a64_tr *tr, const struct arg_SMADDL *a)
{
    return accumulate(tr, IR_I64, false, a->rd, a->ra, product_long(tr, IR_SEXT, a->rn, a->rm));
}

bool trans_SMSUBL(struct a64_tr *tr, const struct arg_SMSUBL *a)
{
    return accumulate(tr, IR_I64, true, a->rd, a->ra, product_long(tr, IR_SEXT, a->rn, a->rm));
}

bool trans_UMADDL(struct a64_tr *tr, const struct arg_UMADDL *a)
{
    return accumulate(tr, IR_I64, false, a->rd, a->ra, product_long(tr, IR_ZEXT, a->rn, a->rm));
}

bool trans_UMSUBL(struct a64_tr *tr, const struct arg_UMSUBL *a)
{
    return accumulate(tr, IR_I64, true, a->rd, a->ra, product_long(tr, IR_ZEXT, a->rn, a->rm));
}

bool trans_SMULH(struct a64_tr *tr, const struct arg_SMULH *a)
{
    ir_val n = a64_x(tr, IR_I64, a->rn), m = a64_x(tr, IR_I64, a->rm);

    a64_set_x(tr, a->rd, ir_op2(tr->b, IR_SMULH, IR_I64, n, m));
    return true;
}

bool trans_UMULH(struct a64_tr *tr, const struct arg_UMULH *a)
{
    ir_val n = a64_x(tr, IR_I64, a->rn), m = a64_x(tr, IR_I64, a->rm);

    a64_set_x(tr, a->rd, ir_op2(tr->b, IR_UMULH, IR_I64, n, m));
    return true;
}
