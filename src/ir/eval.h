/*
 * eval.h - what each IR operation computes: one definition for the constant folder, the interpreter and host fallbacks.
 *
 * Owns nothing at run time. Operations with memory, guest register or control effects are the interpreter's.
 */
#ifndef GNOMON_IR_EVAL_H
#define GNOMON_IR_EVAL_H

#include "ir/ir.h"

/* IR_ADD .. IR_SELNZ: integer operations without effects. */
static inline bool ir_is_int(enum ir_op op) { return op >= IR_ADD && op <= IR_SELNZ; }

static inline uint64_t ir_mask(enum ir_type t, uint64_t v) { return t == IR_I32 ? (uint32_t)v : v; }
static inline unsigned ir_width(enum ir_type t) { return t == IR_I32 ? 32 : 64; }

/* Operands of type I32 come zero-extended, and so does an I32 result. */
uint64_t ir_eval_int(const struct ir_insn *i, uint64_t a, uint64_t b, uint64_t c);

/*
 * The V-valued operations without memory or guest register access (from VCONST on, but those of ir_eval_vint). Integer
 * operands are in .lo. FP reads vcpu.fp and accumulates in vcpu.fp.sticky. Callable from generated code.
 */
u128 ir_eval_vec(const struct ir_insn *i, struct vcpu *c, u128 a, u128 b, u128 d);
/* Of those, VAESE .. VPMULL (eval_crypto.c). */
u128 ir_eval_crypto(const struct ir_insn *i, u128 a, u128 b, u128 d);
/* V -> integer: VGET, VGETS, FTOS, FTOU. */
uint64_t ir_eval_vint(const struct ir_insn *i, struct vcpu *c, u128 a);
/* FCMP: the flags (NZCV_HOST_*). */
uint16_t ir_eval_fcmp(const struct ir_insn *i, struct vcpu *c, u128 a, u128 b);

/* a + b + carry in type t; sets *nzcv (NZCV_HOST_*). A subtraction is one of ~b with carry 1 - borrow. */
static inline uint64_t ir_add_flags(enum ir_type t, uint64_t a, uint64_t b, unsigned carry, uint16_t *nzcv)
{
    unsigned top = ir_width(t) - 1;
    unsigned __int128 wide = (unsigned __int128)ir_mask(t, a) + ir_mask(t, b) + carry;
    uint64_t r = ir_mask(t, (uint64_t)wide);
    bool c = (uint64_t)(wide >> (top + 1)) & 1;
    bool v = ((a ^ r) & (b ^ r)) >> top & 1;
    *nzcv = (uint16_t)((r >> top & 1 ? NZCV_HOST_N : 0) | (r ? 0 : NZCV_HOST_Z) |
                       (c ? 0 : NZCV_HOST_NC) | (v ? NZCV_HOST_V : 0));
    return r;
}

/* Does cc hold? (Arm ARM DDI 0487, ConditionHolds; CC_NV holds like CC_AL.) */
static inline bool ir_cc_holds(uint16_t nzcv, enum ir_cc cc)
{
    bool n = nzcv & NZCV_HOST_N, z = nzcv & NZCV_HOST_Z, c = !(nzcv & NZCV_HOST_NC), v = nzcv & NZCV_HOST_V, r;
    switch (cc >> 1) {
    case 0: r = z; break;
    case 1: r = c; break;
    case 2: r = n; break;
    case 3: r = v; break;
    case 4: r = c && !z; break;
    case 5: r = n == v; break;
    case 6: r = n == v && !z; break;
    default: return true;
    }
    return r != (cc & 1);
}

#endif
