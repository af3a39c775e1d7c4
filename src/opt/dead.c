/*
 * dead.c - dead code: guest register writes, flag results, values.
 *
 * Owns nothing. Must keep guest state canonical at every instruction that may fault, call or leave the block, and must
 * keep floating-point operations: their cumulative exception flags are state.
 */
#include "opt/opt.h"

#include <string.h>

/* The form of a flag setter that sets no flags; NOP: it does nothing else. */
static enum ir_op without_flags(enum ir_op op)
{
    switch (op) {
    case IR_ADDS: return IR_ADD;
    case IR_SUBS: return IR_SUB;
    case IR_ANDS: return IR_AND;
    case IR_ADCS: return IR_ADC;
    case IR_SBCS: return IR_SBC;
    case IR_CCMP:
    case IR_CCMN:
    case IR_SETNZCV: return IR_NOP;
    default: return op;                          /* FCMP raises FP exceptions besides */
    }
}

static void remove_insn(struct ir_insn *i)
{
    i->op = IR_NOP;
    i->t = IR_NOTYPE;
    i->a = i->b = i->c = IR_NONE;
}

void opt_block(struct ir_block *b)
{
    /* What is certain to be overwritten before anything can look at it. */
    uint32_t gpr_dead = 0, vec_dead = 0;
    bool flags_dead = false;
    uint8_t used[IR_MAX_INSNS];
    memset(used, 0, b->n);

    struct ir_insn *i = &b->insn[b->n];
    for (uint32_t n = b->n; n-- > 0;) {
        uint32_t e = ir_op_info[(--i)->op].effects;

        if (i->op <= IR_CONST) {                 /* no operands, no effects */
            if (!used[n])
                remove_insn(i);
            continue;
        }
        if (flags_dead && e & IRE_WFLAGS && i->op != IR_FCMP) {
            i->op = (uint8_t)without_flags((enum ir_op)i->op);
            e = ir_op_info[i->op].effects;
            if (i->op == IR_NOP) {
                remove_insn(i);
                continue;
            }
        }
        /* Nobody wants the value and there is no other purpose. Reads of state have none. */
        if (!used[n] && !(e & ~(IRE_RGPR | IRE_RVEC | IRE_RFLAGS | IRE_STATE))) {
            remove_insn(i);
            continue;
        }
        switch ((enum ir_op)i->op) {
        case IR_PUTR:
            if (gpr_dead >> i->reg & 1) {
                remove_insn(i);
                continue;
            }
            gpr_dead |= 1u << i->reg;
            break;
        case IR_PUTV:
            if (vec_dead >> i->reg & 1) {
                remove_insn(i);
                continue;
            }
            vec_dead |= 1u << i->reg;
            break;
        case IR_GETR:
            gpr_dead &= ~(1u << i->reg);
            break;
        case IR_GETV:
            vec_dead &= ~(1u << i->reg);
            break;
        default:
            if (e & IRE_CALL)
                e |= i->call->effects;
            if (e & (IRE_FAULT | IRE_EXIT)) {
                gpr_dead = vec_dead = 0;
                flags_dead = false;
            } else if (e & IRE_CALL) {
                /* A helper that writes some of a class may leave the others: they are seen, too. */
                if (e & (IRE_RGPR | IRE_WGPR))
                    gpr_dead = 0;
                if (e & (IRE_RVEC | IRE_WVEC))
                    vec_dead = 0;
                if (e & (IRE_RFLAGS | IRE_WFLAGS))
                    flags_dead = false;
            } else {
                if (e & IRE_WFLAGS)
                    flags_dead = true;
                if (e & IRE_RFLAGS)
                    flags_dead = false;
            }
            break;
        }
        if (i->a != IR_NONE)
            used[i->a] = 1;
        if (ir_no_bc(i))
            continue;
        if (i->b != IR_NONE)
            used[i->b] = 1;
        if (i->c != IR_NONE)
            used[i->c] = 1;
    }
}
