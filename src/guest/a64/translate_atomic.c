/*
 * translate_atomic.c - A64 exclusives, acquire and release, LSE atomics.
 *
 * Source: Arm ARM DDI 0487, C4.1.94; exclusives B2.9. All of these need natural alignment. The host is x86-TSO: loads
 * acquire and stores release by themselves, locked operations are full barriers; only a store-release followed by a
 * load-acquire (RCsc) needs a fence, which follows the store.
 *
 * An exclusive pair is a compare and swap against what the load saw: vcpu.excl_addr, excl_val. A store in between that
 * puts the same value back is not noticed.
 */
#include "guest/a64/translate.h"

#include "a64_base_decode.h"

static struct ir_mem aligned(const struct a64_tr *tr, unsigned size, bool write)
{
    struct ir_mem m = a64_mem(tr, size, write, false);

    m.align = size > 0;
    return m;
}

static enum ir_type type_of(unsigned size)
{
    return size == 3 ? IR_I64 : IR_I32;
}

/* For 128-bit pairs, which are aligned as a whole. */
static struct ir_mem aligned_pair(const struct a64_tr *tr, bool write)
{
    struct ir_mem m = aligned(tr, write ? 4 : 3, write);

    m.pair = !write;
    return m;
}

/* hi:lo from two 32-bit registers. */
static ir_val join32(struct a64_tr *tr, unsigned lo, unsigned hi)
{
    ir_val h = ir_op2(tr->b, IR_SHL, IR_I64, a64_x(tr, IR_I64, hi), ir_const(tr->b, IR_I64, 32));

    return ir_op2(tr->b, IR_OR, IR_I64, ir_ext(tr->b, IR_ZEXT, IR_I64, 2, a64_x(tr, IR_I64, lo)), h);
}

static void split32(struct a64_tr *tr, unsigned lo, unsigned hi, ir_val v)
{
    a64_set_x(tr, lo, ir_ext(tr->b, IR_ZEXT, IR_I64, 2, v));
    a64_set_x(tr, hi, ir_op2(tr->b, IR_SHR, IR_I64, v, ir_const(tr->b, IR_I64, 32)));
}

/* ---- exclusives ---- */

static void set_monitor(struct a64_tr *tr, ir_val va, ir_val v)
{
    ir_ststate(tr->b, 3, offsetof(struct vcpu, excl_addr), va);
    ir_ststate(tr->b, 3, offsetof(struct vcpu, excl_val[0]), v);
}

bool trans_LDXR(struct a64_tr *tr, const struct arg_LDXR *a)
{
    ir_val va = a64_base(tr, a->rn);
    ir_val v = ir_ld(tr->b, IR_I64, aligned(tr, a->size, false), va, 0);

    set_monitor(tr, va, v);
    a64_set_x(tr, a->rt, v);
    return true;
}

bool trans_STXR(struct a64_tr *tr, const struct arg_STXR *a)
{
    ir_val va = a64_base(tr, a->rn);
    ir_val v = a64_x(tr, type_of(a->size), a->rt);

    a64_set_x(tr, a->rs, ir_stx(tr->b, aligned(tr, a->size, true), va, v));
    return true;
}

bool trans_LDXP(struct a64_tr *tr, const struct arg_LDXP *a)
{
    ir_val va = a64_base(tr, a->rn);
    ir_val v, hi;

    if (a->sz) {                                  /* each half is single-copy atomic; together they are if the STXP succeeds */
        v = ir_ld(tr->b, IR_I64, aligned_pair(tr, false), va, 0);
        hi = ir_ld(tr->b, IR_I64, a64_mem(tr, 3, false, false), va, 8);
        set_monitor(tr, va, v);
        ir_ststate(tr->b, 3, offsetof(struct vcpu, excl_val[1]), hi);
        a64_set_x(tr, a->rt, v);
        a64_set_x(tr, a->rt2, hi);
    } else {
        v = ir_ld(tr->b, IR_I64, aligned(tr, 3, false), va, 0);
        set_monitor(tr, va, v);
        split32(tr, a->rt, a->rt2, v);
    }
    return true;
}

bool trans_STXP(struct a64_tr *tr, const struct arg_STXP *a)
{
    ir_val va = a64_base(tr, a->rn);
    ir_val v;

    if (a->sz)
        v = ir_pair(tr->b, IR_STXP, aligned_pair(tr, true), va, a64_x(tr, IR_I64, a->rt), a64_x(tr, IR_I64, a->rt2));
    else
        v = ir_stx(tr->b, aligned(tr, 3, true), va, join32(tr, a->rt, a->rt2));
    a64_set_x(tr, a->rs, v);
    return true;
}

bool trans_CLREX(struct a64_tr *tr, const struct arg_CLREX *a)
{
    ir_ststate(tr->b, 3, offsetof(struct vcpu, excl_addr), ir_const(tr->b, IR_I64, EXCL_NONE));
    return true;
}

/* ---- acquire and release ---- */

bool trans_LDAR(struct a64_tr *tr, const struct arg_LDAR *a)
{
    a64_set_x(tr, a->rt, ir_ld(tr->b, type_of(a->size), aligned(tr, a->size, false), a64_base(tr, a->rn), 0));
    return true;
}

bool trans_STLR(struct a64_tr *tr, const struct arg_STLR *a)
{
    ir_st(tr->b, aligned(tr, a->size, true), a64_base(tr, a->rn), 0, a64_x(tr, type_of(a->size), a->rt));
    ir_op0(tr->b, IR_FENCE, IR_NOTYPE);
    return true;
}

bool trans_LDAPR(struct a64_tr *tr, const struct arg_LDAPR *a)
{
    if (!a64_has_lrcpc(tr->cpu))
        return false;
    a64_set_x(tr, a->rt, ir_ld(tr->b, type_of(a->size), aligned(tr, a->size, false), a64_base(tr, a->rn), 0));
    return true;
}

bool trans_STLUR(struct a64_tr *tr, const struct arg_STLUR *a)
{
    if (!a64_has_lrcpc2(tr->cpu))
        return false;
    ir_st(tr->b, aligned(tr, a->size, true), a64_base(tr, a->rn), a->imm, a64_x(tr, type_of(a->size), a->rt));
    ir_op0(tr->b, IR_FENCE, IR_NOTYPE);
    return true;
}

bool trans_LDAPUR(struct a64_tr *tr, const struct arg_LDAPUR *a)
{
    if (!a64_has_lrcpc2(tr->cpu))
        return false;
    a64_set_x(tr, a->rt, ir_ld(tr->b, type_of(a->size), aligned(tr, a->size, false), a64_base(tr, a->rn), a->imm));
    return true;
}

static bool load_signed(struct a64_tr *tr, unsigned rt, unsigned rn, unsigned size, bool dst32, int64_t imm)
{
    struct ir_mem m = aligned(tr, size, false);

    if (!a64_has_lrcpc2(tr->cpu))
        return false;
    m.sext = 1;
    m.wide = !dst32;
    a64_set_x(tr, rt, ir_ld(tr->b, dst32 ? IR_I32 : IR_I64, m, a64_base(tr, rn), imm));
    return true;
}

bool trans_LDAPURS_bh(struct a64_tr *tr, const struct arg_LDAPURS_bh *a)
{
    return load_signed(tr, a->rt, a->rn, a->h, a->w, a->imm);
}

bool trans_LDAPURSW(struct a64_tr *tr, const struct arg_LDAPURSW *a)
{
    return load_signed(tr, a->rt, a->rn, 2, false, a->imm);
}

/* ---- LSE ---- */

#define LSE(NAME, AMO)                                                                                                 \
    bool trans_##NAME(struct a64_tr *tr, const struct arg_##NAME *a)                                                   \
    {                                                                                                                  \
        enum ir_type t = type_of(a->size);                                                                             \
        ir_val va, v;                                                                                                  \
                                                                                                                       \
        if (!a64_has_lse(tr->cpu))                                                                                     \
            return false;                                                                                              \
        va = a64_base(tr, a->rn);                                                                                      \
        v = a64_x(tr, t, a->rs);                                                                                       \
        a64_set_x(tr, a->rt, ir_amo(tr->b, t, AMO, aligned(tr, a->size, true), va, v));                                \
        return true;                                                                                                   \
    }
LSE(LDADD, AMO_ADD)
LSE(LDCLR, AMO_CLR)
LSE(LDEOR, AMO_EOR)
LSE(LDSET, AMO_SET)
LSE(LDSMAX, AMO_SMAX)
LSE(LDSMIN, AMO_SMIN)
LSE(LDUMAX, AMO_UMAX)
LSE(LDUMIN, AMO_UMIN)
LSE(SWP, AMO_SWP)

bool trans_CAS(struct a64_tr *tr, const struct arg_CAS *a)
{
    enum ir_type t = type_of(a->size);
    ir_val va, expect, v;

    if (!a64_has_lse(tr->cpu))
        return false;
    va = a64_base(tr, a->rn);
    expect = a64_x(tr, t, a->rs);
    v = a64_x(tr, t, a->rt);
    a64_set_x(tr, a->rs, ir_cas(tr->b, t, aligned(tr, a->size, true), va, expect, v));
    return true;
}

bool trans_CASP(struct a64_tr *tr, const struct arg_CASP *a)
{
    ir_val va, expect, v;

    if (!a64_has_lse(tr->cpu) || (a->rs & 1) || (a->rt & 1))
        return false;
    va = a64_base(tr, a->rn);
    if (a->sz) {
        ir_ststate(tr->b, 3, offsetof(struct vcpu, pair[0]), a64_x(tr, IR_I64, a->rs));
        ir_ststate(tr->b, 3, offsetof(struct vcpu, pair[1]), a64_x(tr, IR_I64, a->rs + 1));
        v = ir_pair(tr->b, IR_CASP, aligned_pair(tr, true), va, a64_x(tr, IR_I64, a->rt), a64_x(tr, IR_I64, a->rt + 1));
        a64_set_x(tr, a->rs, v);
        a64_set_x(tr, a->rs + 1, ir_ldstate(tr->b, IR_I64, 3, offsetof(struct vcpu, pair[1])));
    } else {
        expect = join32(tr, a->rs, a->rs + 1);
        v = join32(tr, a->rt, a->rt + 1);
        split32(tr, a->rs, a->rs + 1, ir_cas(tr->b, IR_I64, aligned(tr, 3, true), va, expect, v));
    }
    return true;
}
