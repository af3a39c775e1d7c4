/*
 * lower_eval.c - any vector or floating-point operation by calling its reference (ir/eval.h).
 *
 * Serves operations without a native form, and the slow paths of those with one. The thunks preserve every register but
 * RAX, so that nothing has to be spilled; operands and result travel in the frame.
 */
#include "host/x86_64/gen.h"

#define A (&g->a)

/* RAX = address of the block's copy of instruction n. */
static void insn_address(struct gen *g, unsigned n)
{
    e1(A, 0x48);
    e1(A, 0x8d);
    e1(A, 0x05);
    e4(A, 0);
    if (g->n_evals == MAX_EVALS)
        bug("too many instruction copies");
    g->eval[g->n_evals].at = A->p - 4;
    g->eval[g->n_evals++].insn = (uint16_t)n;
}

static bool makes_vec(unsigned op) { return ir_op_info[op].result == IR_V; }

void lower_eval(struct gen *g, const struct ir_insn *i)
{
    const ir_val arg[3] = {i->a, i->b, i->c};
    for (unsigned k = 0; k < 3; k++) {
        if (arg[k] == IR_NONE)
            continue;
        if (ir_result_type(&g->b->insn[arg[k]]) == IR_V)
            movups_mr(A, frame((int32_t)k * 16), use(g, arg[k]));
        else
            mov_mr(A, true, frame((int32_t)k * 16), use64(g, arg[k]));
    }
    bool wanted = g->v[g->i].last > g->i;
    if (i->op == IR_FCMP)
        g->flags_writer = g->lazy = -1;
    insn_address(g, g->i);
    call_to(A, makes_vec(i->op) ? host_state.eval_vec : host_state.eval_int);
    A->ef = false;
    if (!wanted)
        return;
    if (makes_vec(i->op))
        movups_rm(A, def(g, NOREG), frame(F_ARG0));
    else
        mov_rr(A, is_w(i) || ir_op_info[i->op].result == IR_I64, def(g, NOREG), RAX);
}

/* What evaluates i in a slow path. */
static const uint8_t *evaluator(const struct ir_insn *i)
{
    switch ((enum ir_op)i->op) {
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV: return host_state.eval_nan[i->esz - 2][0];
    case IR_FMADD: return i->imm & 2 ? host_state.eval_vec : host_state.eval_nan[i->esz - 2][1];
    default: return makes_vec(i->op) ? host_state.eval_vec : host_state.eval_int;
    }
}

/* FTOS towards zero came out as the smallest integer, and Invalid is raised unless that is right: now NaN to 0, large ones to the largest. */
void emit_saturate_stub(struct gen *g, const struct stub *s)
{
    const struct ir_insn *i = &g->b->insn[s->insn];
    bool w = !s->clean32;
    xorps_rr(A, XT0, XT0);
    op_rr(A, 0x2e | M_0F | (i->esz == 3 ? P_66 : 0), s->vreg[0], XT0);       /* ucomisd */
    uint8_t *nan = jcc8(A, X_P);
    set_rel32(jcc32(A, X_B), s->back);
    alu_ri(A, w, ALU_SUB, s->dst, 1);
    jmp_to(A, s->back);
    land8(A, nan);
    mov_ri(A, s->dst, 0);
    jmp_to(A, s->back);
}

void emit_eval_stub(struct gen *g, struct stub *s)
{
    const struct ir_insn *i = &g->b->insn[s->insn];
    for (unsigned k = 0; k < 3; k++) {
        if (s->vreg[k] == NOREG)
            continue;
        if (s->vreg[k] >= XMM0)
            movups_mr(A, frame((int32_t)k * 16), s->vreg[k]);
        else
            mov_mr(A, true, frame((int32_t)k * 16), s->vreg[k]);
    }
    insn_address(g, s->insn);
    call_to(A, evaluator(i));
    if (s->dst != NOREG) {
        if (s->dst >= XMM0)
            movups_rm(A, s->dst, frame(F_ARG0));
        else
            mov_rr(A, !s->clean32, s->dst, RAX);
    }
    if (s->kind == STUB_FLAGS_EVAL)
        flags_load(g);
    jmp_to(A, s->back);
}
