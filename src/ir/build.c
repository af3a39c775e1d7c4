/*
 * build.c - the IR builder: appends instructions, folding and forwarding guest registers as it goes.
 *
 * Owns the block under construction. Must not fold away anything that may fault, sets flags or touches FP state, and
 * must stay cheap: it is on the path of every translated guest instruction.
 */
#include "ir/eval.h"

#include <string.h>

#define MAX_DISP 32768                           /* |displacement| kept in an access: windows have 64 KiB guard areas */

/* gpr64[]: the register is gpr32[] zero-extended, and no instruction makes that value yet. */
#define ZEXTED ((ir_val)0xfffe)

void ir_reset(struct ir_block *b, uint32_t pc_off)
{
    b->n = 0;
    b->guest_insns = 0;
    b->pc_off = pc_off;
    b->size = 0;
    b->cur_pc_off = (uint16_t)pc_off;
    b->ended = false;
    b->n_parts = 1;
    b->part[0] = (struct ir_part){(uint16_t)pc_off, 0};
    memset(b->gpr32, 0xff, sizeof(b->gpr32));
    memset(b->gpr64, 0xff, sizeof(b->gpr64));
    memset(b->vec, 0xff, sizeof(b->vec));
    memset(b->recent, 0xff, sizeof(b->recent));
}

void ir_end_parts(struct ir_block *b, uint32_t end)
{
    struct ir_part *p = &b->part[b->n_parts - 1];
    p->size = (uint16_t)(end - p->off);
    b->size += p->size;
}

void ir_next_part(struct ir_block *b, uint32_t end, uint32_t next)
{
    if (b->n_parts == IR_MAX_PARTS)
        bug("a block of more than %u parts", IR_MAX_PARTS);
    ir_end_parts(b, end);
    b->part[b->n_parts++] = (struct ir_part){(uint16_t)next, 0};
}

/* ---- appending ---- */

static inline struct ir_insn *emit(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x, ir_val y)
{
    if (unlikely(b->n >= IR_MAX_INSNS || b->ended))
        bug("IR block: %s after %u instructions%s", ir_op_info[op].name, b->n, b->ended ? ", behind its exit" : "");
    struct ir_insn *i = &b->insn[b->n++];
    *i = (struct ir_insn){ .op = (uint8_t)op, .t = (uint8_t)t, .a = a, .b = x, .c = y, .pc_off = b->cur_pc_off };
    return i;
}

static inline ir_val last(const struct ir_block *b)
{
    return (ir_val)(b->n - 1);
}

static inline bool is_const(const struct ir_block *b, ir_val v)
{
    return b->insn[v].op == IR_CONST;
}

static inline uint64_t const_of(const struct ir_block *b, ir_val v)
{
    return (uint64_t)b->insn[v].imm;
}

static inline enum ir_type type_of(const struct ir_block *b, ir_val v)
{
    return ir_result_type(&b->insn[v]);
}

/* CONST and PC of the same value are made once, as far as the small table remembers. */
static ir_val shared(struct ir_block *b, enum ir_op op, enum ir_type t, int64_t imm)
{
    uint64_t h = (uint64_t)imm * 0x9e3779b97f4a7c15ull;
    ir_val *slot = &b->recent[(h >> 60 ^ t ^ (op == IR_PC ? 5 : 0)) % ARRAY_LEN(b->recent)];
    if (*slot != IR_NONE) {
        const struct ir_insn *i = &b->insn[*slot];
        if (i->op == op && i->t == t && i->imm == imm)
            return *slot;
    }
    emit(b, op, t, IR_NONE, IR_NONE, IR_NONE)->imm = imm;
    return *slot = last(b);
}

ir_val ir_const(struct ir_block *b, enum ir_type t, uint64_t imm)
{
    return shared(b, IR_CONST, t, (int64_t)ir_mask(t, imm));
}

ir_val ir_pc(struct ir_block *b, int64_t off)
{
    return shared(b, IR_PC, IR_I64, off);
}

/* ---- guest state ---- */

ir_val ir_getr(struct ir_block *b, enum ir_type t, unsigned reg)
{
    ir_val full = b->gpr64[reg], low = b->gpr32[reg];
    if (t == IR_I64) {
        if (full == ZEXTED)
            return b->gpr64[reg] = ir_ext(b, IR_ZEXT, IR_I64, 2, low);
        if (full != IR_NONE)
            return full;
        emit(b, IR_GETR, IR_I64, IR_NONE, IR_NONE, IR_NONE)->reg = (uint8_t)reg;
        return b->gpr64[reg] = last(b);
    }
    if (low != IR_NONE)
        return low;
    if (full != IR_NONE)
        return b->gpr32[reg] = ir_op1(b, IR_TRUNC, IR_I32, full);
    emit(b, IR_GETR, IR_I32, IR_NONE, IR_NONE, IR_NONE)->reg = (uint8_t)reg;
    return b->gpr32[reg] = last(b);
}

void ir_putr(struct ir_block *b, unsigned reg, ir_val v)
{
    enum ir_type t = type_of(b, v);
    if (t == IR_I64 ? b->gpr64[reg] == v : b->gpr32[reg] == v && b->gpr64[reg] == ZEXTED)
        return;                                  /* it holds just that */
    emit(b, IR_PUTR, t, v, IR_NONE, IR_NONE)->reg = (uint8_t)reg;
    b->insn[v].put = 1;
    b->gpr64[reg] = t == IR_I64 ? v : ZEXTED;
    b->gpr32[reg] = t == IR_I64 ? IR_NONE : v;
}

ir_val ir_getv(struct ir_block *b, unsigned reg)
{
    if (b->vec[reg] == IR_NONE) {
        emit(b, IR_GETV, IR_V, IR_NONE, IR_NONE, IR_NONE)->reg = (uint8_t)reg;
        b->vec[reg] = last(b);
    }
    return b->vec[reg];
}

void ir_putv(struct ir_block *b, unsigned reg, ir_val v)
{
    if (b->vec[reg] == v)
        return;
    emit(b, IR_PUTV, IR_V, v, IR_NONE, IR_NONE)->reg = (uint8_t)reg;
    b->vec[reg] = v;
}

ir_val ir_ldstate(struct ir_block *b, enum ir_type t, unsigned size, size_t offset)
{
    struct ir_insn *i = emit(b, IR_LDSTATE, t, IR_NONE, IR_NONE, IR_NONE);
    i->size3 = size & 7;
    i->imm = (int64_t)offset;
    return last(b);
}

void ir_ststate(struct ir_block *b, unsigned size, size_t offset, ir_val v)
{
    struct ir_insn *i = emit(b, IR_STSTATE, type_of(b, v), v, IR_NONE, IR_NONE);
    i->size3 = size & 7;
    i->imm = (int64_t)offset;
}

/* ---- integers ---- */

/* An upper bound of the significant bits of v, from its instruction alone. */
static unsigned known_width(const struct ir_block *b, ir_val v)
{
    const struct ir_insn *i = &b->insn[v];
    unsigned w = ir_width(ir_result_type(i));
    switch ((enum ir_op)i->op) {
    case IR_CONST: return i->imm ? 64 - (unsigned)__builtin_clzll((uint64_t)i->imm) : 0;
    case IR_ZEXT: return MIN(w, 8u << i->size3);
    case IR_LDSTATE: return MIN(w, 8u << i->size3);
    case IR_LD: return i->mem.sext ? w : MIN(w, 8u << i->mem.size);
    case IR_AMO:
    case IR_CAS: return MIN(w, 8u << i->mem.size);
    case IR_AND: return is_const(b, i->b) && const_of(b, i->b) ? 64 - (unsigned)__builtin_clzll(const_of(b, i->b)) : w;
    case IR_SHR: return is_const(b, i->b) ? w - (const_of(b, i->b) & (w - 1)) : w;
    case IR_UBFX: return (unsigned)(i->imm >> 8);
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT: return 7;
    case IR_SETC:
    case IR_STX:
    case IR_STXP: return 1;
    case IR_GETNZCV: return 32;
    case IR_VGET: return 8u << i->esz;
    default: return w;
    }
}

/* Look through conversions that keep the low 32 bits. */
static ir_val low_source(const struct ir_block *b, ir_val v)
{
    const struct ir_insn *i = &b->insn[v];
    if (i->op == IR_TRUNC || (i->op == IR_ZEXT && i->size3 == 2))
        return i->a;
    return v;
}

static ir_val raw1(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a)
{
    emit(b, op, t, a, IR_NONE, IR_NONE);
    return last(b);
}

static ir_val raw2(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x)
{
    emit(b, op, t, a, x, IR_NONE);
    return last(b);
}

/* Value of an operation on constants. */
static ir_val folded(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned size, int64_t imm, uint64_t a,
                     uint64_t x)
{
    struct ir_insn i = { .op = (uint8_t)op, .t = (uint8_t)t, .size3 = size & 7, .imm = imm };
    return ir_const(b, t, ir_eval_int(&i, a, x, 0));
}

ir_val ir_ext(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned size, ir_val a)
{
    if (is_const(b, a))
        return folded(b, op, t, size, 0, const_of(b, a), 0);
    unsigned n = 8u << size;
    if (op == IR_ZEXT && type_of(b, a) == t && known_width(b, a) <= n)
        return a;
    a = low_source(b, a);
    enum ir_type ta = type_of(b, a);
    unsigned w = known_width(b, a);
    if (t == IR_I32 && size == 2)
        return ta == IR_I32 ? a : raw1(b, IR_TRUNC, IR_I32, a);
    if (op == IR_SEXT && w < n)
        op = IR_ZEXT;                            /* the sign bit is known to be 0 */
    if (op == IR_ZEXT && w <= n) {
        if (ta == t)
            return a;
        if (t == IR_I32)
            return raw1(b, IR_TRUNC, IR_I32, a);
        size = 2;                                /* I32 to I64: free, an I32 is kept zero-extended */
    } else if (op == IR_SEXT && ta == t) {
        const struct ir_insn *i = &b->insn[a];
        if ((i->op == IR_SEXT && i->size3 <= size) || (i->op == IR_LD && i->mem.sext && i->mem.size <= size))
            return a;
    }
    emit(b, op, t, a, IR_NONE, IR_NONE)->size3 = size & 7;
    return last(b);
}

/* An instruction without operands that has a place in the order of effects. */
ir_val ir_op0(struct ir_block *b, enum ir_op op, enum ir_type t)
{
    return ir_op1(b, op, t, IR_NONE);
}

ir_val ir_op1(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a)
{
    unsigned res = ir_op_info[op].result;
    if (res == IR_I32 || res == IR_I64)
        t = (enum ir_type)res;
    if (!ir_is_int(op)) {
        ir_val v = raw1(b, op, t, a);
        if (op == IR_SETNZCV)
            b->insn[v].t = (uint8_t)type_of(b, a);
        return v;
    }
    if (op == IR_SEXT || op == IR_ZEXT)
        bug("SEXT and ZEXT are made with ir_ext()");
    if (is_const(b, a))
        return folded(b, op, t, 0, 0, const_of(b, a), 0);
    const struct ir_insn *i = &b->insn[a];
    if (op == IR_TRUNC) {
        if (ir_result_type(i) == IR_I32)
            return a;
        if (i->op == IR_ZEXT || i->op == IR_SEXT) {
            if (i->size3 != 2)
                return ir_ext(b, (enum ir_op)i->op, IR_I32, i->size3, i->a);
            if (type_of(b, i->a) == IR_I32)
                return i->a;
            a = i->a;
        }
    } else if ((op == IR_NOT || op == IR_NEG) && i->op == op) {
        return i->a;
    }
    return raw1(b, op, t, a);
}

static ir_val add_const(struct ir_block *b, enum ir_type t, ir_val a, ir_val x)
{
    uint64_t c = const_of(b, x);
    const struct ir_insn *i = &b->insn[a];
    if (c == 0)
        return a;
    if (i->op == IR_PC)
        return ir_pc(b, (int64_t)((uint64_t)i->imm + c));
    /* Not through a value that a guest register holds: its own base would have to be kept besides it. */
    if (i->op == IR_ADD && !i->put && is_const(b, i->b)) {
        c = ir_mask(t, c + const_of(b, i->b));
        return c ? raw2(b, IR_ADD, t, i->a, ir_const(b, t, c)) : i->a;
    }
    return raw2(b, IR_ADD, t, a, x);
}

static ir_val and_const(struct ir_block *b, enum ir_type t, ir_val a, ir_val x)
{
    uint64_t c = const_of(b, x);
    const struct ir_insn *i = &b->insn[a];
    if (c == 0)
        return x;
    if (i->op == IR_AND && is_const(b, i->b)) {
        a = i->a;
        uint64_t both = c & const_of(b, i->b);
        if (both != c)
            return and_const(b, t, a, ir_const(b, t, both));
        c = both;
    }
    unsigned n = 64 - (unsigned)__builtin_clzll(c);
    if ((c & (c + 1)) == 0) {                    /* a mask of the low n bits */
        if (known_width(b, a) <= n)
            return a;
        if (n == 8 || n == 16 || n == 32)
            return ir_ext(b, IR_ZEXT, t, n == 8 ? 0 : n == 16 ? 1 : 2, a);
    }
    return raw2(b, IR_AND, t, a, x);
}

static ir_val shift_const(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x)
{
    unsigned w = ir_width(t);
    uint64_t c = const_of(b, x), n = c & (w - 1);
    if (n == 0)
        return a;
    if (op == IR_SHR && known_width(b, a) <= n)
        return ir_const(b, t, 0);
    if (n != c || type_of(b, x) != t)
        x = ir_const(b, t, n);
    return raw2(b, op, t, a, x);
}

/* a OP constant x. */
static ir_val op2_const(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x)
{
    uint64_t c = const_of(b, x), ones = ir_mask(t, ~0ull);
    switch (op) {
    case IR_ADD: return add_const(b, t, a, x);
    case IR_SUB: return c ? add_const(b, t, a, ir_const(b, t, 0 - c)) : a;
    case IR_MUL:
        if (c == 0)
            return x;
        if (c == 1)
            return a;
        if (c == ones)
            return ir_op1(b, IR_NEG, t, a);
        if ((c & (c - 1)) == 0)
            return shift_const(b, IR_SHL, t, a, ir_const(b, t, (unsigned)__builtin_ctzll(c)));
        break;
    case IR_UMULH:
        if (c <= 1)
            return ir_const(b, t, 0);
        break;
    case IR_SMULH:
        if (c == 0)
            return x;
        break;
    case IR_UDIV:
        if (c == 0)
            return x;
        if ((c & (c - 1)) == 0)
            return shift_const(b, IR_SHR, t, a, ir_const(b, t, (unsigned)__builtin_ctzll(c)));
        break;
    case IR_SDIV:
        if (c == 0)
            return x;
        if (c == 1)
            return a;
        break;
    case IR_AND: return and_const(b, t, a, x);
    case IR_ANDN: return and_const(b, t, a, ir_const(b, t, ~c));
    case IR_OR:
        if (c == 0)
            return a;
        if (c == ones)
            return x;
        break;
    case IR_XOR:
        if (c == 0)
            return a;
        if (c == ones)
            return ir_op1(b, IR_NOT, t, a);
        break;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROR: return shift_const(b, op, t, a, x);
    default: break;
    }
    return raw2(b, op, t, a, x);
}

/* Both orders give the same result, flags included. */
static bool commutes(enum ir_op op)
{
    switch (op) {
    case IR_ADD:
    case IR_MUL:
    case IR_UMULH:
    case IR_SMULH:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_ADDS:
    case IR_ANDS:
    case IR_ADC:
    case IR_ADCS:
    case IR_CCMN: return true;
    default: return false;
    }
}

ir_val ir_op2(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x)
{
    bool ca = is_const(b, a), cx = is_const(b, x);
    if (ca && !cx && commutes(op)) {
        ir_val y = a;
        a = x;
        x = y;
        ca = false;
        cx = true;
    }
    if (!ir_is_int(op))
        return raw2(b, op, t, a, x);
    if (op == IR_UMULH || op == IR_SMULH)
        t = IR_I64;
    if (cx) {
        if (ca)
            return folded(b, op, t, 0, 0, const_of(b, a), const_of(b, x));
        return op2_const(b, op, t, a, x);
    }
    if (ca && const_of(b, a) == 0) {
        switch (op) {
        case IR_SUB: return ir_op1(b, IR_NEG, t, x);
        case IR_ANDN:
        case IR_SHL:
        case IR_SHR:
        case IR_SAR:
        case IR_ROR:
        case IR_UDIV:
        case IR_SDIV: return a;
        default: break;
        }
    }
    if (a == x) {
        switch (op) {
        case IR_SUB:
        case IR_XOR:
        case IR_ANDN: return ir_const(b, t, 0);
        case IR_AND:
        case IR_OR: return a;
        default: break;
        }
    }
    return raw2(b, op, t, a, x);
}

ir_val ir_op3(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x, ir_val y)
{
    if (op == IR_SELNZ) {
        if (x == y)
            return x;
        if (is_const(b, a))
            return const_of(b, a) ? x : y;
    }
    emit(b, op, t, a, x, y);
    return last(b);
}

ir_val ir_op1i(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, int64_t imm)
{
    unsigned lsb = (unsigned)imm & 63, len = (unsigned)(imm >> 8), w = ir_width(t);
    if (is_const(b, a))
        return folded(b, op, t, 0, imm, const_of(b, a), 0);
    if (lsb == 0) {
        if (len == w)
            return a;
        if (len == 8 || len == 16 || len == 32)
            return ir_ext(b, op == IR_UBFX ? IR_ZEXT : IR_SEXT, t, len == 8 ? 0 : len == 16 ? 1 : 2, a);
        if (op == IR_UBFX && len < 32)
            return and_const(b, t, a, ir_const(b, t, (1ull << len) - 1));
    } else if (lsb + len == w) {
        return shift_const(b, op == IR_UBFX ? IR_SHR : IR_SAR, t, a, ir_const(b, t, lsb));
    }
    emit(b, op, t, a, IR_NONE, IR_NONE)->imm = imm;
    return last(b);
}

ir_val ir_op2i(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x, int64_t imm)
{
    unsigned w = ir_width(t);
    if (is_const(b, a) && is_const(b, x))
        return folded(b, op, t, 0, imm, const_of(b, a), const_of(b, x));
    if (op == IR_EXTR) {
        if (imm == 0)
            return x;
        if (a == x)
            return shift_const(b, IR_ROR, t, a, ir_const(b, t, (uint64_t)imm));
        if (is_const(b, a) && const_of(b, a) == 0)
            return shift_const(b, IR_SHR, t, x, ir_const(b, t, (uint64_t)imm));
    } else if (op == IR_BFI) {
        unsigned lsb = (unsigned)imm & 63, len = (unsigned)(imm >> 8);
        if (len == w)
            return x;
        if (is_const(b, a) && const_of(b, a) == 0) {
            if (lsb + len < w)
                x = ir_op1i(b, IR_UBFX, t, x, (int64_t)len << 8);
            return shift_const(b, IR_SHL, t, x, ir_const(b, t, lsb));
        }
    }
    emit(b, op, t, a, x, IR_NONE)->imm = imm;
    return last(b);
}

/* ---- conditions ---- */

ir_val ir_csel(struct ir_block *b, enum ir_type t, enum ir_cc cc, ir_val a, ir_val x)
{
    if (a == x || cc >= CC_AL)
        return a;
    emit(b, IR_CSEL, t, a, x, IR_NONE)->cc = (uint8_t)cc;
    return last(b);
}

ir_val ir_setc(struct ir_block *b, enum ir_type t, enum ir_cc cc)
{
    if (cc >= CC_AL)
        return ir_const(b, t, 1);
    emit(b, IR_SETC, t, IR_NONE, IR_NONE, IR_NONE)->cc = (uint8_t)cc;
    return last(b);
}

void ir_ccmp(struct ir_block *b, enum ir_op op, enum ir_type t, enum ir_cc cc, unsigned nzcv, ir_val a, ir_val x)
{
    if (cc >= CC_AL) {
        raw2(b, op == IR_CCMP ? IR_SUBS : IR_ADDS, t, a, x);
        return;
    }
    if (op == IR_CCMN && is_const(b, a) && !is_const(b, x)) {
        ir_val y = a;
        a = x;
        x = y;
    }
    struct ir_insn *i = emit(b, op, t, a, x, IR_NONE);
    i->cc = (uint8_t)cc;
    i->imm = nzcv & 15;
}

/* ---- memory ---- */

/* Fold base + constant into the displacement. The base that stays is what region checks are made on. */
static ir_val fold_base(struct ir_block *b, ir_val base, int64_t *off)
{
    const struct ir_insn *i = &b->insn[base];
    if (i->op == IR_ADD && !i->put && is_const(b, i->b)) {
        int64_t c = (int64_t)const_of(b, i->b), sum = (int64_t)((uint64_t)c + (uint64_t)*off);
        if (sum > -MAX_DISP && sum < MAX_DISP) {
            *off = sum;
            return i->a;
        }
    }
    if (*off <= -MAX_DISP || *off >= MAX_DISP) {
        base = ir_op2(b, IR_ADD, IR_I64, base, ir_const(b, IR_I64, (uint64_t)*off));
        *off = 0;
    }
    return base;
}

static struct ir_insn *access(struct ir_block *b, enum ir_op op, enum ir_type t, struct ir_mem m, ir_val base, ir_val x,
                              ir_val y, int64_t off)
{
    base = fold_base(b, base, &off);
    struct ir_insn *i = emit(b, op, t, base, x, y);
    i->mem = m;
    i->imm = off;
    return i;
}

ir_val ir_ld(struct ir_block *b, enum ir_type t, struct ir_mem m, ir_val base, int64_t off)
{
    m.write = 0;
    m.wide = m.sext && t == IR_I64;
    access(b, IR_LD, t, m, base, IR_NONE, IR_NONE, off);
    return last(b);
}

void ir_st(struct ir_block *b, struct ir_mem m, ir_val base, int64_t off, ir_val v)
{
    m.write = 1;
    m.sext = m.wide = 0;
    if (m.size <= 2)
        v = low_source(b, v);
    access(b, IR_ST, type_of(b, v), m, base, v, IR_NONE, off);
}

ir_val ir_ldv(struct ir_block *b, struct ir_mem m, ir_val base, int64_t off)
{
    m.write = m.sext = m.wide = 0;
    access(b, IR_LDV, IR_V, m, base, IR_NONE, IR_NONE, off);
    return last(b);
}

void ir_stv(struct ir_block *b, struct ir_mem m, ir_val base, int64_t off, ir_val v)
{
    m.write = 1;
    m.sext = m.wide = 0;
    access(b, IR_STV, IR_V, m, base, v, IR_NONE, off);
}

ir_val ir_amo(struct ir_block *b, enum ir_type t, enum ir_amo amo, struct ir_mem m, ir_val base, ir_val v)
{
    m.write = 1;
    m.sext = m.wide = 0;
    access(b, IR_AMO, t, m, base, v, IR_NONE, 0)->cc = (uint8_t)amo;
    return last(b);
}

ir_val ir_cas(struct ir_block *b, enum ir_type t, struct ir_mem m, ir_val base, ir_val expect, ir_val v)
{
    m.write = 1;
    m.sext = m.wide = 0;
    access(b, IR_CAS, t, m, base, expect, v, 0);
    return last(b);
}

ir_val ir_stx(struct ir_block *b, struct ir_mem m, ir_val base, ir_val v)
{
    m.write = 1;
    m.sext = m.wide = 0;
    access(b, IR_STX, IR_I32, m, base, v, IR_NONE, 0);
    return last(b);
}

ir_val ir_pair(struct ir_block *b, enum ir_op op, struct ir_mem m, ir_val base, ir_val lo, ir_val hi)
{
    m.write = 1;
    m.sext = m.wide = 0;
    access(b, op, op == IR_CASP ? IR_I64 : IR_I32, m, base, lo, hi, 0);
    return last(b);
}

/* ---- calls ---- */

ir_val ir_call(struct ir_block *b, enum ir_type t, const struct ir_helper *h, ir_val a, ir_val x, ir_val y)
{
    emit(b, IR_CALL, t, a, x, y)->call = h;
    if (h->effects & IRE_WGPR) {
        memset(b->gpr32, 0xff, sizeof(b->gpr32));
        memset(b->gpr64, 0xff, sizeof(b->gpr64));
    }
    if (h->effects & IRE_WVEC)
        memset(b->vec, 0xff, sizeof(b->vec));
    return t == IR_NOTYPE ? IR_NONE : last(b);
}

void ir_root(struct ir_block *b, unsigned half, const struct ir_helper *h, ir_val v)
{
    struct ir_insn *i = emit(b, IR_ROOT, IR_I64, v, IR_NONE, IR_NONE);
    i->call = h;
    i->bit = half & 1;
}

void ir_trapnz(struct ir_block *b, ir_val a, uint32_t mask, const struct ir_helper *h)
{
    if (is_const(b, a) && !(const_of(b, a) & mask))
        return;
    struct ir_insn *i = emit(b, IR_TRAPNZ, type_of(b, a), a, IR_NONE, IR_NONE);
    i->call = h;
    i->imm2 = mask;
}

/* ---- vectors ---- */

ir_val ir_vconst(struct ir_block *b, uint64_t lo, uint64_t hi)
{
    struct ir_insn *i = emit(b, IR_VCONST, IR_V, IR_NONE, IR_NONE, IR_NONE);
    i->q = 1;
    i->imm = (int64_t)lo;
    i->imm2 = (int64_t)hi;
    return last(b);
}

void ir_vsticky(struct ir_block *b, ir_val a, uint32_t flags)
{
    emit(b, IR_VSTICKY, IR_V, a, IR_NONE, IR_NONE)->imm = flags;
}

/* The upper 64 bits of v are known to be zero. */
static bool upper_zero(const struct ir_block *b, ir_val v)
{
    const struct ir_insn *i = &b->insn[v];
    switch ((enum ir_op)i->op) {
    case IR_VCONST: return i->imm2 == 0;
    case IR_LDV: return i->mem.size <= 3;
    case IR_VLOW:
    case IR_VHIGH:
    case IR_VFROM:
    case IR_VXTN:
    case IR_VFIRST:
    case IR_VFCVTN: return true;
    case IR_GETV:
    case IR_CALL: return false;
    default: return (i->op >= IR_FADD && i->op <= IR_FRINT) || !i->q;
    }
}

static bool always_128(enum ir_op op)
{
    switch (op) {
    case IR_VINS:
    case IR_VINSE:
    case IR_VJOIN:
    case IR_VXTN:
    case IR_VUXTL:
    case IR_VSXTL:
    case IR_VLOW:
    case IR_VHIGH:
    case IR_VFROM:
    case IR_VFIRST:
    case IR_VUMULL:
    case IR_VSMULL:
    case IR_VFCVTL:
    case IR_VFCVTN: return true;
    default: return op >= IR_VAESE && op <= IR_VPMULL;
    }
}

/* A simpler value for a vector operation, or IR_NONE. */
static ir_val fold_vec(struct ir_block *b, enum ir_op op, unsigned esz, unsigned q, ir_val a, ir_val x)
{
    switch (op) {
    case IR_VLOW:
        return upper_zero(b, a) ? a : IR_NONE;
    case IR_VFIRST:
        return esz == 3 ? ir_vop(b, IR_VLOW, 3, 1, a, IR_NONE, IR_NONE) : IR_NONE;
    case IR_VOR:
    case IR_VAND:
        if (a == x)
            return q ? a : ir_vop(b, IR_VLOW, 0, 1, a, IR_NONE, IR_NONE);
        return IR_NONE;
    case IR_VXOR:
    case IR_VANDN:
    case IR_VSUB:
        return a == x ? ir_vconst(b, 0, 0) : IR_NONE;
    case IR_VCMEQ:
        return a == x ? ir_vconst(b, ~0ull, q ? ~0ull : 0) : IR_NONE;
    case IR_VDUP:
    case IR_VFROM:
    case IR_VNOT:
        if (b->insn[a].op == IR_CONST || b->insn[a].op == IR_VCONST) {
            struct ir_insn i = { .op = (uint8_t)op, .t = IR_V, .esz = esz & 3, .q = q & 1 };
            u128 v = { const_of(b, a), b->insn[a].op == IR_VCONST ? (uint64_t)b->insn[a].imm2 : 0 };
            v = ir_eval_vec(&i, NULL, v, v, v);
            return ir_vconst(b, v.lo, v.hi);
        }
        return IR_NONE;
    default:
        return IR_NONE;
    }
}

ir_val ir_vop(struct ir_block *b, enum ir_op op, unsigned esz, unsigned q, ir_val a, ir_val x, ir_val y)
{
    return ir_vopi(b, op, esz, q, a, x, y, 0, 0);
}

ir_val ir_vopi(struct ir_block *b, enum ir_op op, unsigned esz, unsigned q, ir_val a, ir_val x, ir_val y, int64_t imm,
               int64_t imm2)
{
    if (always_128(op))
        q = 1;
    if (op == IR_VAESMC && b->insn[a].op == IR_VAESE) {
        op = IR_VAESEMC;
        a = b->insn[a].a;
    } else if (op == IR_VAESIMC && b->insn[a].op == IR_VAESD) {
        op = IR_VAESDIMC;
        a = b->insn[a].a;
    }
    ir_val v = fold_vec(b, op, esz, q, a, x);
    if (v != IR_NONE)
        return v;
    struct ir_insn *i = emit(b, op, IR_V, a, x, y);
    i->esz = esz & 3;
    i->q = q & 1;
    i->imm = imm;
    i->imm2 = imm2;
    return last(b);
}

ir_val ir_vget(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned esz, ir_val a, int64_t imm)
{
    const struct ir_insn *s = &b->insn[a];
    if (op == IR_VGET || op == IR_VGETS) {
        if (s->op == IR_VFIRST && imm == 0 && s->esz >= esz) {
            a = s->a;
            s = &b->insn[a];
        }
        struct ir_insn i = { .op = (uint8_t)op, .t = (uint8_t)t, .esz = esz & 3, .imm = imm };
        if (s->op == IR_VCONST)
            return ir_const(b, t, ir_eval_vint(&i, NULL, (u128){ (uint64_t)s->imm, (uint64_t)s->imm2 }));
        if (op == IR_VGET && s->op == IR_VFROM && imm == 0 && s->esz == esz) {
            ir_val v = s->a;
            if (esz < 3)
                return ir_ext(b, IR_ZEXT, t, esz, v);
            if (type_of(b, v) == t)
                return v;
        }
    }
    struct ir_insn *i = emit(b, op, op == IR_VGET ? IR_I64 : t, a, IR_NONE, IR_NONE);
    i->esz = esz & 3;
    i->q = 1;
    i->imm = imm;
    return op == IR_VGET && t == IR_I32 ? raw1(b, IR_TRUNC, IR_I32, last(b)) : last(b);
}

ir_val ir_ffrom(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned esz, ir_val a)
{
    emit(b, op, t, a, IR_NONE, IR_NONE)->esz = esz & 3;
    return last(b);
}

void ir_fcmp(struct ir_block *b, unsigned esz, ir_val a, ir_val x, bool signalling)
{
    struct ir_insn *i = emit(b, IR_FCMP, IR_V, a, x, IR_NONE);
    i->esz = esz & 3;
    i->imm = signalling;
}

/* ---- exits ---- */

void ir_side_cc(struct ir_block *b, enum ir_cc cc, int64_t taken)
{
    struct ir_insn *i = emit(b, IR_SIDE_CC, IR_NOTYPE, IR_NONE, IR_NONE, IR_NONE);
    i->cc = (uint8_t)cc;
    i->imm = taken;
}

/* The operand of a test of one bit, or of all: an I64 that is a zero-extended I32 is tested as that. */
static ir_val tested(const struct ir_block *b, ir_val a, unsigned bit)
{
    const struct ir_insn *i = &b->insn[a];
    return i->op == IR_ZEXT && i->size3 == 2 && bit < 32 && type_of(b, i->a) == IR_I32 ? i->a : a;
}

/* Is the way taken, when op tests the constant v? */
static bool decided(enum ir_op op, uint64_t v, unsigned bit)
{
    switch (op) {
    case IR_SIDE_NZ:
    case IR_EXIT_NZ: return v != 0;
    case IR_SIDE_Z:
    case IR_EXIT_Z: return v == 0;
    case IR_SIDE_NBIT: return !(v >> (bit & 63) & 1);
    default: return v >> (bit & 63) & 1;         /* SIDE_BIT, EXIT_BIT */
    }
}

void ir_side_test(struct ir_block *b, enum ir_op op, ir_val a, unsigned bit, int64_t taken)
{
    if (is_const(b, a)) {
        if (decided(op, const_of(b, a), bit))
            ir_exit_jmp(b, taken);
        return;
    }
    a = tested(b, a, bit);
    struct ir_insn *i = emit(b, op, type_of(b, a), a, IR_NONE, IR_NONE);
    i->bit = bit & 63;
    i->imm = taken;
}

void ir_exit_jmp(struct ir_block *b, int64_t target)
{
    emit(b, IR_EXIT_JMP, IR_NOTYPE, IR_NONE, IR_NONE, IR_NONE)->imm = target;
    b->ended = true;
}

void ir_exit_cc(struct ir_block *b, enum ir_cc cc, int64_t taken, int64_t next)
{
    if (cc >= CC_AL || taken == next) {
        ir_exit_jmp(b, taken);
        return;
    }
    struct ir_insn *i = emit(b, IR_EXIT_CC, IR_NOTYPE, IR_NONE, IR_NONE, IR_NONE);
    i->cc = (uint8_t)cc;
    i->imm = taken;
    i->imm2 = next;
    b->ended = true;
}

void ir_exit_test(struct ir_block *b, enum ir_op op, ir_val a, unsigned bit, int64_t taken, int64_t next)
{
    if (is_const(b, a) || taken == next) {
        ir_exit_jmp(b, taken == next || decided(op, const_of(b, a), bit) ? taken : next);
        return;
    }
    a = tested(b, a, bit);
    struct ir_insn *i = emit(b, op, type_of(b, a), a, IR_NONE, IR_NONE);
    i->bit = bit & 63;
    i->imm = taken;
    i->imm2 = next;
    b->ended = true;
}

void ir_exit_ind(struct ir_block *b, ir_val target, enum ir_branch_hint hint)
{
    emit(b, IR_EXIT_IND, IR_I64, target, IR_NONE, IR_NONE)->cc = (uint8_t)hint;
    b->ended = true;
}

void ir_exit_call(struct ir_block *b, int64_t target, ir_val ret, uint32_t ret_off)
{
    struct ir_insn *i = emit(b, IR_EXIT_CALL, IR_I64, ret, IR_NONE, IR_NONE);
    i->imm = target;
    i->imm2 = ret_off;
    b->ended = true;
}

void ir_exit_callr(struct ir_block *b, ir_val target, ir_val ret, uint32_t ret_off)
{
    emit(b, IR_EXIT_CALLR, IR_I64, ret, target, IR_NONE)->imm2 = ret_off;
    b->ended = true;
}

void ir_exit_mode(struct ir_block *b, ir_val target, ir_val ctx)
{
    emit(b, IR_EXIT_MODE, IR_I64, target, ctx, IR_NONE);
    b->ended = true;
}

void ir_exit_dispatch(struct ir_block *b, int64_t target)
{
    emit(b, IR_EXIT_DISPATCH, IR_NOTYPE, IR_NONE, IR_NONE, IR_NONE)->imm = target;
    b->ended = true;
}

void ir_exit_state(struct ir_block *b)
{
    emit(b, IR_EXIT_STATE, IR_NOTYPE, IR_NONE, IR_NONE, IR_NONE);
    b->ended = true;
}
