/*
 * info.c - the table of operations and their effects.
 *
 * Owns ir_op_info. Must not know what operations compute.
 */
#include "ir/ir.h"

/* The result column of IR_OPS as struct ir_op_info keeps it. */
#define RES_NONE IR_NOTYPE
#define RES_T IR_RES_T
#define RES_I32 IR_I32
#define RES_I64 IR_I64
#define RES_V IR_V

const struct ir_op_info ir_op_info[IR_OP_COUNT] = {
#define VEC(op) ((op) >= IR_VCONST || (op) == IR_GETV || (op) == IR_PUTV || (op) == IR_LDV || (op) == IR_STV || (op) == IR_FCMP)
#define X(name, result, nargs, effects, meaning) [IR_##name] = { #name, nargs, RES_##result, effects, VEC(IR_##name) },
    IR_OPS(X)
#undef X
};

uint32_t ir_effects(const struct ir_insn *i)
{
    uint32_t e = ir_op_info[i->op].effects;
    return e & IRE_CALL ? e | i->call->effects : e;
}
