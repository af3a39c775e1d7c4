/*
 * translate_ldst.c - A64 loads and stores of general registers: literal, single, pair, prefetch.
 *
 * Source: Arm ARM DDI 0487, C4.1.94 "Loads and Stores". The base register is written after the last access, so that a
 * faulting access leaves it unchanged; a pair is read whole before either register is written. Where writeback meets a
 * transfer register (CONSTRAINED UNPREDICTABLE) the writeback wins, and stores store the old value.
 */
#include "guest/a64/translate.h"

#include "a64_base_decode.h"

/* Modes of the imm9 forms (and 1, 2, 3 of pairs, where 2 is a plain offset). */
enum { MODE_PLAIN, MODE_POST, MODE_UNPRIV, MODE_PRE };

/* ---- one register ---- */

/* Load: 1 << size bytes at base + off into rt. dst32 only matters for signed loads. */
static void load(struct a64_tr *tr, unsigned rt, unsigned size, bool sext, bool dst32, bool unpriv, ir_val base,
                 int64_t off)
{
    struct ir_mem m = a64_mem(tr, size, false, unpriv);
    enum ir_type t = size == 3 || (sext && !dst32) ? IR_I64 : IR_I32;

    m.sext = sext;
    m.wide = sext && !dst32;
    a64_set_x(tr, rt, ir_ld(tr->b, t, m, base, off));
}

static void store(struct a64_tr *tr, unsigned rt, unsigned size, bool unpriv, ir_val base, int64_t off)
{
    ir_st(tr->b, a64_mem(tr, size, true, unpriv), base, off, a64_x(tr, size == 3 ? IR_I64 : IR_I32, rt));
}

static void writeback(struct a64_tr *tr, unsigned rn, ir_val base, int64_t off)
{
    a64_set_xsp(tr, rn, ir_op2(tr->b, IR_ADD, IR_I64, base, ir_const(tr->b, IR_I64, (uint64_t)off)));
}

static void load_i9(struct a64_tr *tr, unsigned rt, unsigned rn, unsigned size, bool sext, bool dst32, int64_t imm,
                    unsigned mode)
{
    ir_val base = a64_base(tr, rn);

    load(tr, rt, size, sext, dst32, mode == MODE_UNPRIV, base, mode == MODE_POST ? 0 : imm);
    if (mode & 1)
        writeback(tr, rn, base, imm);
}

/* The address of a register-offset form: rn + extend(rm) << shift; IR_NONE: reserved extension. */
static ir_val reg_address(struct a64_tr *tr, unsigned rn, unsigned rm, unsigned option, unsigned shift)
{
    ir_val base, index;

    if (!(option & 2))
        return IR_NONE;
    base = a64_base(tr, rn);
    index = a64_x(tr, IR_I64, rm);
    if (!(option & 1))
        index = ir_ext(tr->b, option & 4 ? IR_SEXT : IR_ZEXT, IR_I64, 2, index);
    if (shift)
        index = ir_op2(tr->b, IR_SHL, IR_I64, index, ir_const(tr->b, IR_I64, shift));
    return ir_op2(tr->b, IR_ADD, IR_I64, base, index);
}

static bool load_reg(struct a64_tr *tr, unsigned rt, unsigned rn, unsigned rm, unsigned option, unsigned s,
                     unsigned size, bool sext, bool dst32)
{
    ir_val va = reg_address(tr, rn, rm, option, s ? size : 0);

    if (va == IR_NONE)
        return false;
    load(tr, rt, size, sext, dst32, false, va, 0);
    return true;
}

/* imm9: unscaled, post-index, unprivileged, pre-index */

bool trans_STR_i9(struct a64_tr *tr, const struct arg_STR_i9 *a)
{
    ir_val base = a64_base(tr, a->rn);

    store(tr, a->rt, a->size, a->mode == MODE_UNPRIV, base, a->mode == MODE_POST ? 0 : a->imm);
    if (a->mode & 1)
        writeback(tr, a->rn, base, a->imm);
    return true;
}

bool trans_LDR_i9(struct a64_tr *tr, const struct arg_LDR_i9 *a)
{
    load_i9(tr, a->rt, a->rn, a->size, false, false, a->imm, a->mode);
    return true;
}

bool trans_LDRS_bh_i9(struct a64_tr *tr, const struct arg_LDRS_bh_i9 *a)
{
    load_i9(tr, a->rt, a->rn, a->h, true, a->w, a->imm, a->mode);
    return true;
}

bool trans_LDRSW_i9(struct a64_tr *tr, const struct arg_LDRSW_i9 *a)
{
    load_i9(tr, a->rt, a->rn, 2, true, false, a->imm, a->mode);
    return true;
}

/* unsigned scaled offset */

bool trans_STR_ui(struct a64_tr *tr, const struct arg_STR_ui *a)
{
    store(tr, a->rt, a->size, false, a64_base(tr, a->rn), (int64_t)a->imm << a->size);
    return true;
}

bool trans_LDR_ui(struct a64_tr *tr, const struct arg_LDR_ui *a)
{
    load(tr, a->rt, a->size, false, false, false, a64_base(tr, a->rn), (int64_t)a->imm << a->size);
    return true;
}

bool trans_LDRS_bh_ui(struct a64_tr *tr, const struct arg_LDRS_bh_ui *a)
{
    load(tr, a->rt, a->h, true, a->w, false, a64_base(tr, a->rn), (int64_t)a->imm << a->h);
    return true;
}

bool trans_LDRSW_ui(struct a64_tr *tr, const struct arg_LDRSW_ui *a)
{
    load(tr, a->rt, 2, true, false, false, a64_base(tr, a->rn), (int64_t)a->imm << 2);
    return true;
}

/* register offset */

bool trans_STR_reg(struct a64_tr *tr, const struct arg_STR_reg *a)
{
    ir_val va = reg_address(tr, a->rn, a->rm, a->option, a->s ? a->size : 0);

    if (va == IR_NONE)
        return false;
    store(tr, a->rt, a->size, false, va, 0);
    return true;
}

bool trans_LDR_reg(struct a64_tr *tr, const struct arg_LDR_reg *a)
{
    return load_reg(tr, a->rt, a->rn, a->rm, a->option, a->s, a->size, false, false);
}

bool trans_LDRS_bh_reg(struct a64_tr *tr, const struct arg_LDRS_bh_reg *a)
{
    return load_reg(tr, a->rt, a->rn, a->rm, a->option, a->s, a->h, true, a->w);
}

bool trans_LDRSW_reg(struct a64_tr *tr, const struct arg_LDRSW_reg *a)
{
    return load_reg(tr, a->rt, a->rn, a->rm, a->option, a->s, 2, true, false);
}

/* literal */

bool trans_LDR_lit(struct a64_tr *tr, const struct arg_LDR_lit *a)
{
    load(tr, a->rt, 2 + a->x, false, false, false, ir_pc(tr->b, (int64_t)tr->pc_off + (int64_t)a->imm * 4), 0);
    return true;
}

bool trans_LDRSW_lit(struct a64_tr *tr, const struct arg_LDRSW_lit *a)
{
    load(tr, a->rt, 2, true, false, false, ir_pc(tr->b, (int64_t)tr->pc_off + (int64_t)a->imm * 4), 0);
    return true;
}

/* ---- pairs ---- */

static void load_pair(struct a64_tr *tr, unsigned rt, unsigned rt2, unsigned rn, unsigned size, bool sext, int64_t imm,
                      unsigned mode)
{
    struct ir_mem m = a64_mem(tr, size, false, false);
    enum ir_type t = size == 3 || sext ? IR_I64 : IR_I32;
    ir_val base = a64_base(tr, rn);
    int64_t off = mode == MODE_POST ? 0 : imm;
    ir_val first, second;

    m.sext = sext;
    m.wide = sext;
    first = ir_ld(tr->b, t, m, base, off);
    second = ir_ld(tr->b, t, m, base, off + (1 << size));
    a64_set_x(tr, rt2, second);
    a64_set_x(tr, rt, first);
    if (mode & 1)
        writeback(tr, rn, base, imm);
}

bool trans_STP(struct a64_tr *tr, const struct arg_STP *a)
{
    unsigned size = 2 + a->x;
    int64_t imm = (int64_t)a->imm * (1 << size);
    int64_t off = a->mode == MODE_POST ? 0 : imm;
    ir_val base = a64_base(tr, a->rn);

    store(tr, a->rt, size, false, base, off);
    store(tr, a->rt2, size, false, base, off + (1 << size));
    if (a->mode & 1)
        writeback(tr, a->rn, base, imm);
    return true;
}

bool trans_LDP(struct a64_tr *tr, const struct arg_LDP *a)
{
    unsigned size = 2 + a->x;

    load_pair(tr, a->rt, a->rt2, a->rn, size, false, (int64_t)a->imm * (1 << size), a->mode);
    return true;
}

bool trans_LDPSW(struct a64_tr *tr, const struct arg_LDPSW *a)
{
    if (a->mode == MODE_PLAIN)
        return false;
    load_pair(tr, a->rt, a->rt2, a->rn, 2, true, (int64_t)a->imm * 4, a->mode);
    return true;
}

/* ---- prefetch: nothing ---- */

bool trans_PRFM_lit(struct a64_tr *tr, const struct arg_PRFM_lit *a)
{
    return true;
}

bool trans_PRFUM(struct a64_tr *tr, const struct arg_PRFUM *a)
{
    return true;
}

bool trans_PRFM_ui(struct a64_tr *tr, const struct arg_PRFM_ui *a)
{
    return true;
}

bool trans_PRFM_reg(struct a64_tr *tr, const struct arg_PRFM_reg *a)
{
    return a->option & 2;
}
