/*
 * translate.c - the A64 translation loop and what the translation groups share: register access, memory attributes,
 * exceptions and control flow.
 *
 * Owns the way a block begins and ends. Must not know any single instruction: those are in the tables and
 * translate_*.c.
 */
#include "guest/a64/translate.h"

/* ---- registers ---- */

ir_val a64_x(struct a64_tr *tr, enum ir_type t, unsigned n)
{
    return n == 31 ? ir_const(tr->b, t, 0) : ir_getr(tr->b, t, n);
}

ir_val a64_xsp(struct a64_tr *tr, enum ir_type t, unsigned n)
{
    return ir_getr(tr->b, t, n);
}

void a64_set_x(struct a64_tr *tr, unsigned n, ir_val v)
{
    if (n != 31)
        ir_putr(tr->b, n, v);
}

void a64_set_xsp(struct a64_tr *tr, unsigned n, ir_val v)
{
    ir_putr(tr->b, n, v);
}

/* ---- memory ---- */

static uint64_t help_sp_align(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    a64_raise(a64(c), EC_SPALIGN, 0, vcpu_pc(c));
    vcpu_unwind(c);
}

static const struct ir_helper helper_sp_align = {
    "sp_align", help_sp_align, IRE_FAULT | IRE_STATE | IRE_WSTATE | IRE_RGPR | IRE_RFLAGS,
};

/* v is 16-aligned: it is the checked value, or a multiple of 16 away from it, or masked. */
static bool known_aligned(const struct a64_tr *tr, ir_val v)
{
    for (unsigned steps = 0; v != tr->sp_ok; steps++) {
        const struct ir_insn *i = &tr->b->insn[v];

        if (i->op == IR_CONST)
            return !(i->imm & 15);
        if ((i->op != IR_ADD && i->op != IR_AND) || steps == 8)
            return false;
        if (tr->b->insn[i->b].op != IR_CONST || (tr->b->insn[i->b].imm & 15))
            return false;
        if (i->op == IR_AND)
            return true;
        v = i->a;
    }
    return true;
}

/*
 * The stack pointer must be 16-aligned when it is the base of an access (D1.6.2, SP alignment checking): one test for
 * each of its values that is not known to be, and that is once in most blocks.
 */
ir_val a64_base(struct a64_tr *tr, unsigned n)
{
    ir_val v = ir_getr(tr->b, IR_I64, n);

    if (n == 31 && (tr->flags & A64F_SA) && !known_aligned(tr, v)) {
        ir_trapnz(tr->b, v, 15, &helper_sp_align);
        tr->sp_ok = v;
    }
    return v;
}

struct ir_mem a64_mem(const struct a64_tr *tr, unsigned size, bool write, bool unpriv)
{
    struct ir_mem m = {.size = size & 7, .write = write};

    m.align = size > 0 && (tr->flags & A64F_ALIGN);
    if (!(tr->flags & A64F_EL1) || (unpriv && !(tr->flags & A64F_UAO)))
        m.view = VIEW_USER;
    else
        m.view = tr->flags & A64F_PAN ? VIEW_KERNEL_PAN : VIEW_KERNEL;
    return m;
}

/* ---- exceptions ---- */

/* a: exception class; b: syndrome; d: bytes from this instruction to the return address. */
static uint64_t help_raise(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    if (a == EC_PCALIGN)
        a64(c)->far_el1 = vcpu_pc(c);
    a64_raise(a64(c), (uint32_t)a, (uint32_t)b, vcpu_pc(c) + d);
    return 0;
}

static const struct ir_helper helper_raise = {
    "a64_raise", help_raise,
    IRE_FAULT | IRE_STATE | IRE_WSTATE | IRE_RGPR | IRE_WGPR | IRE_RFLAGS | IRE_WFLAGS,
};

void a64_tr_raise(struct a64_tr *tr, uint32_t ec, uint32_t iss, bool return_to_next)
{
    struct ir_block *b = tr->b;

    ir_call(b, IR_I64, &helper_raise, ir_const(b, IR_I64, ec), ir_const(b, IR_I64, iss),
            ir_const(b, IR_I64, return_to_next ? 4 : 0));
    ir_exit_state(b);
    tr->ended = true;
}

bool a64_fp_ok(struct a64_tr *tr)
{
    if (tr->flags & A64F_FPEN)
        return true;
    a64_tr_raise(tr, EC_FP, 1u << 24 | 0xeu << 20, false);     /* CV = 1, COND = AL, as AArch64 state has it */
    return false;
}

/* ---- control flow ---- */

void a64_tr_dispatch_next(struct a64_tr *tr)
{
    ir_exit_dispatch(tr->b, (int64_t)tr->pc_off + 4);
    tr->ended = true;
}

void a64_tr_jmp(struct a64_tr *tr, int64_t target)
{
    if (tr->flags & A64F_SS)
        ir_exit_dispatch(tr->b, target);
    else
        ir_exit_jmp(tr->b, target);
    tr->ended = true;
}

static uint64_t help_set_pc(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    vcpu_set_pc(c, a);
    return 0;
}

static const struct ir_helper helper_set_pc = {"set_pc", help_set_pc, IRE_STATE | IRE_WSTATE};

void a64_tr_ind(struct a64_tr *tr, ir_val target, enum ir_branch_hint hint)
{
    if (tr->flags & A64F_SS) {
        ir_call(tr->b, IR_I64, &helper_set_pc, target, IR_NONE, IR_NONE);
        ir_exit_state(tr->b);
    } else {
        ir_exit_ind(tr->b, target, hint);
    }
    tr->ended = true;
}

/* ---- the loop ---- */

bool a64_tr_been(const struct a64_tr *tr, uint32_t off)
{
    const struct ir_block *b = tr->b;
    unsigned last = b->n_parts - 1u;
    for (unsigned k = 0; k < last; k++)
        if (off - b->part[k].off < b->part[k].size)
            return true;
    return off >= b->part[last].off && off <= tr->pc_off;
}

/* Bits 27 and 26 set: FP and Advanced SIMD with their loads and stores; and nothing else (C4.1, table C4-1). */
static bool decode(struct a64_tr *tr, uint32_t insn)
{
    if ((insn & 0x0c000000u) == 0x0c000000u)
        return a64_decode_simd(tr, insn);
    return a64_decode_base(tr, insn) || a64_decode_sys(tr, insn);
}

void a64_translate(struct ir_block *b, const struct translate_ctx *ctx, const struct vcpu *c)
{
    struct a64_tr tr = {.b = b, .ctx = ctx, .cpu = a64c(c), .flags = ctx->flags, .pc_off = ctx->pc_off,
                        .next = ctx->pc_off, .jumps = ctx->max_jumps, .rounds = ctx->max_rounds, .sp_ok = IR_NONE};
    uint32_t max = ctx->flags & A64F_SS ? 1 : ctx->max_insns;
    uint32_t count = 0;

    ir_reset(b, ctx->pc_off);
    do {
        tr.pc_off = tr.next;
        ir_begin_insn(b, tr.pc_off);
        tr.next = tr.pc_off + 4;
        if (unlikely(tr.pc_off & 3)) {
            a64_tr_raise(&tr, EC_PCALIGN, 0, false);
        } else {
            const uint8_t *p = ctx->page + tr.pc_off;

            tr.insn = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
            if (!decode(&tr, tr.insn))
                a64_tr_raise(&tr, EC_UNKNOWN, 0, false);
        }
        count++;
        if (b->n_parts > 1 && tr.next == tr.pc_off + 4 && a64_tr_been(&tr, tr.next))
            break;                               /* it runs into itself */
    } while (!tr.ended && tr.next < PAGE_SIZE && count < max && ir_has_room(b));

    if (!tr.ended)
        a64_tr_jmp(&tr, tr.next);
    b->guest_insns = count;
    if (!tr.round)
        ir_end_parts(b, tr.next);
}
