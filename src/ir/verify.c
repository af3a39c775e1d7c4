/*
 * verify.c - the rules of a block, checked: types, definition before use, immediates in range, one exit, last.
 *
 * Owns no state. A broken rule is a bug of the translator, the builder or a pass: the block is listed and bug() called.
 */
#include "ir/eval.h"

#include <stdarg.h>
#include <stdio.h>

static void to_stderr(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void to_stderr(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

NORETURN static void broken(const struct ir_block *b, uint32_t n, const char *rule)
{
    ir_print(b, to_stderr);
    bug("IR operation %%%u (%s): %s", n, b->insn[n].op < IR_OP_COUNT ? ir_op_info[b->insn[n].op].name : "?", rule);
}

/* What an operand may be. */
enum want { W_ABSENT, W_INT, W_I64, W_T, W_V, W_MAYBE };

static void wants(const struct ir_insn *i, enum want w[3])
{
    enum ir_op op = (enum ir_op)i->op;
    unsigned nargs = ir_op_info[op].nargs;
    enum want all = op >= IR_VCONST || op == IR_FCMP || op == IR_PUTV ? W_V : W_T;
    for (unsigned k = 0; k < 3; k++)
        w[k] = k < nargs ? all : W_ABSENT;
    switch (op) {
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROR:
        w[1] = W_INT;
        break;
    case IR_SEXT:
    case IR_ZEXT:
    case IR_TRUNC:
    case IR_SELNZ:
    case IR_VDUP:
    case IR_VFROM:
        w[0] = W_INT;
        break;
    case IR_FFROMS:
    case IR_FFROMU:
        w[0] = W_T;
        break;
    case IR_VINS:
        w[1] = W_INT;
        break;
    case IR_LD:
    case IR_LDV:
    case IR_ROOT:
    case IR_EXIT_IND:
    case IR_EXIT_CALL:
        w[0] = W_I64;
        break;
    case IR_EXIT_CALLR:
    case IR_EXIT_MODE:
        w[0] = w[1] = W_I64;
        break;
    case IR_ST:
        w[0] = W_I64;
        break;
    case IR_STV:
        w[0] = W_I64;
        w[1] = W_V;
        break;
    case IR_STX:
    case IR_AMO:
        w[0] = W_I64;
        w[1] = W_INT;
        break;
    case IR_CAS:
        w[0] = W_I64;
        w[1] = w[2] = W_INT;
        break;
    case IR_CASP:
    case IR_STXP:
        w[0] = w[1] = w[2] = W_I64;
        break;
    case IR_CALL:
        w[0] = w[1] = w[2] = W_MAYBE;
        break;
    default:
        break;
    }
}

static void check_operands(const struct ir_block *b, uint32_t n)
{
    const struct ir_insn *i = &b->insn[n];
    const ir_val arg[3] = { i->a, i->b, i->c };
    enum want w[3];
    wants(i, w);
    for (unsigned k = 0; k < 3; k++) {
        if (arg[k] == IR_NONE) {
            if (w[k] != W_ABSENT && w[k] != W_MAYBE)
                broken(b, n, "an operand is missing");
            continue;
        }
        if (w[k] == W_ABSENT)
            broken(b, n, "an operand too many");
        if (arg[k] >= n)
            broken(b, n, "an operand is used before its definition");
        enum ir_type t = ir_result_type(&b->insn[arg[k]]);
        if (t == IR_NOTYPE)
            broken(b, n, "an operand is not a value");
        if (w[k] == W_V ? t != IR_V : t == IR_V)
            broken(b, n, "an operand mixes integer and vector");
        if ((w[k] == W_I64 && t != IR_I64) || (w[k] == W_T && t != i->t))
            broken(b, n, "an operand has the wrong type");
    }
}

static void check_type(const struct ir_block *b, uint32_t n)
{
    const struct ir_insn *i = &b->insn[n];
    unsigned res = ir_op_info[i->op].result;
    bool integer = i->t == IR_I32 || i->t == IR_I64;
    if (res == IR_RES_T && !integer && !(i->op == IR_CALL && i->t == IR_NOTYPE))
        broken(b, n, "the result's type is no integer type");
    if (res != IR_RES_T && res != IR_NOTYPE && i->t != res && !(integer && (i->op == IR_FFROMS || i->op == IR_FFROMU)))
        broken(b, n, "the type is not that of the result");
}

/* Does a structure access overlap what has operations of its own (and may live in host registers)? */
static bool in_homes(const struct ir_insn *i)
{
    static const struct { size_t off, len; } home[] = {
        { offsetof(struct vcpu, r), sizeof(((struct vcpu *)0)->r) },
        { offsetof(struct vcpu, v), sizeof(((struct vcpu *)0)->v) },
        { offsetof(struct vcpu, nzcv), sizeof(((struct vcpu *)0)->nzcv) },
    };
    size_t from = (size_t)i->imm, to = from + (1u << i->size3);
    for (unsigned k = 0; k < ARRAY_LEN(home); k++)
        if (from < home[k].off + home[k].len && to > home[k].off)
            return true;
    return false;
}

/* The rule about immediates that i breaks, or NULL. */
static const char *bad_imm(const struct ir_insn *i)
{
    unsigned w = ir_width((enum ir_type)i->t), lsb = (unsigned)i->imm & 63;
    int64_t len = i->imm >> 8, lanes = 16 >> i->esz, bits = 8 << i->esz;
    switch ((enum ir_op)i->op) {
    case IR_CONST: return i->t == IR_I32 && (uint64_t)i->imm >> 32 ? "an I32 constant is not zero-extended" : NULL;
    case IR_GETR:
    case IR_PUTR: return i->reg >= VCPU_GPRS ? "no such register" : NULL;
    case IR_GETV:
    case IR_PUTV: return i->reg >= VCPU_VREGS ? "no such register" : NULL;
    case IR_LDSTATE:
    case IR_STSTATE:
        if (i->size3 > 3 || i->imm < 0)
            return "size or offset out of range";
        return in_homes(i) ? "GPRs, vectors and flags have operations of their own" : NULL;
    case IR_SEXT:
    case IR_ZEXT: return i->size3 > 2 ? "size out of range" : NULL;
    case IR_EXTR: return i->imm < 0 || i->imm >= w ? "shift out of range" : NULL;
    case IR_UBFX:
    case IR_SBFX:
    case IR_BFI: return len < 1 || lsb + len > w || i->imm & 0xc0 ? "bit field out of range" : NULL;
    case IR_CCMP:
    case IR_CCMN:
    case IR_CSEL:
    case IR_SETC:
    case IR_SIDE_CC:
    case IR_EXIT_CC: return i->cc > CC_NV ? "no such condition" : NULL;
    case IR_LD:
    case IR_ST:
    case IR_AMO:
    case IR_CAS:
    case IR_STX:
        if (i->op == IR_AMO && i->cc > AMO_UMIN)
            return "no such atomic operation";
        if (i->mem.write != (i->op != IR_LD))
            return "mem.write is wrong";
        return i->mem.size > 3 || i->mem.view >= VIEW_COUNT ? "size or view out of range" : NULL;
    case IR_CASP:
    case IR_STXP:
        return i->mem.size != 4 || i->mem.view >= VIEW_COUNT || !i->mem.align || !i->mem.write ? "not an aligned write of 16 bytes" : NULL;
    case IR_LDV:
    case IR_STV:
        if (i->mem.write != (i->op == IR_STV))
            return "mem.write is wrong";
        return i->mem.size > 4 || i->mem.view >= VIEW_COUNT ? "size or view out of range" : NULL;
    case IR_CALL: return i->call && i->call->fn && i->call->name ? NULL : "no helper";
    case IR_ROOT:
        if (i->bit > 1)
            return "no such half";
        return i->call && i->call->fn && i->call->name ? NULL : "no helper";
    case IR_TRAPNZ:
        if (i->imm2 < 1 || i->imm2 > 0x7fffffff)
            return "mask out of range";
        return i->call && i->call->fn && i->call->name ? NULL : "no helper";
    case IR_VGET:
    case IR_VGETS:
    case IR_VINS:
    case IR_VDUPE: return i->imm < 0 || i->imm >= lanes ? "lane out of range" : NULL;
    case IR_VINSE: return i->imm < 0 || i->imm >= lanes || i->imm2 < 0 || i->imm2 >= lanes ? "lane out of range" : NULL;
    case IR_VEXT: return i->imm < 0 || i->imm >= (i->q ? 16 : 8) ? "byte number out of range" : NULL;
    case IR_VREV: return i->imm <= i->esz || i->imm > 3 ? "container not larger than its lanes" : NULL;
    case IR_VUXTL:
    case IR_VSXTL:
    case IR_VUMULL:
    case IR_VSMULL:
        if (i->imm < 0 || i->imm > 1)
            return "no such half";
        return i->esz > 2 ? "element size out of range" : NULL;
    case IR_VXTN:
    case IR_VUADDLP:
    case IR_VSADDLP:
    case IR_VMUL:
    case IR_VSMAX:
    case IR_VSMIN:
    case IR_VUMAX:
    case IR_VUMIN: return i->esz > 2 ? "element size out of range" : NULL;
    case IR_VSHA1: return i->imm < 0 || i->imm > 2 ? "no such function" : NULL;
    case IR_VSTICKY: return i->imm < 0 || i->imm > INT32_MAX ? "flags out of range" : NULL;
    case IR_VPMULL: return i->imm < 0 || i->imm > 1 ? "no such half" : NULL;
    case IR_VSHL: return i->imm < 0 || i->imm >= bits ? "shift out of range" : NULL;
    case IR_VUSHR:
    case IR_VSSHR: return i->imm < 1 || i->imm > bits ? "shift out of range" : NULL;
    case IR_FCVT: return i->imm < 1 || i->imm > 3 || i->esz < 1 ? "element size out of range" : NULL;
    case IR_FTOS:
    case IR_FTOU:
    case IR_VFTOS:
    case IR_VFTOU:
        if (i->imm < 0 || i->imm > 4)
            return "no such rounding";
        return i->esz < 1 ? "element size out of range" : NULL;
    case IR_FRINT:
    case IR_VFRINT:
        if (i->imm < 0 || (i->imm & 7) > 5 || i->imm > 13)
            return "no such rounding";
        return i->esz < 1 ? "element size out of range" : NULL;
    default:
        if ((i->op >= IR_FADD && i->op <= IR_VFCVTN) || i->op == IR_FCMP)
            return i->esz < 1 ? "element size out of range" : NULL;
        return NULL;
    }
}

void ir_verify(const struct ir_block *b)
{
    if (b->n == 0 || b->n > IR_MAX_INSNS)
        bug("IR block of %u operations", b->n);
    for (uint32_t n = 0; n < b->n; n++) {
        const struct ir_insn *i = &b->insn[n];
        if (i->op >= IR_OP_COUNT)
            broken(b, n, "no such operation");
        bool exit = ir_op_info[i->op].effects & IRE_EXIT;
        if (exit != (n == b->n - 1))
            broken(b, n, exit ? "an exit is not last" : "the last operation is no exit");
        if (i->op == IR_NOP)
            continue;
        check_type(b, n);
        check_operands(b, n);
        const char *rule = bad_imm(i);
        if (rule)
            broken(b, n, rule);
        if (i->op >= IR_SIDE_CC && i->op <= IR_SIDE_NBIT && i->imm <= (int64_t)b->pc_off)
            broken(b, n, "a way out of the middle leads back");
        if (i->pc_off >= PAGE_SIZE)
            broken(b, n, "pc_off is not in the page");
    }
}
