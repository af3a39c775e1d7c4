/*
 * print.c - the listing of a block: one line an instruction, "%12 = add.i64 %3, %7".
 *
 * Owns no state. Must not fail on a malformed block: the verifier prints those.
 */
#include "ir/ir.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const cc_name[16] = {
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
};
static const char *const amo_name[9] = { "swp", "add", "clr", "eor", "set", "smax", "smin", "umax", "umin" };
static const char *const view_name[4] = { "user", "kernel", "pan", "?" };

struct line {
    char s[256];
    size_t n;
};

static void add(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->s + l->n, sizeof(l->s) - l->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->n = MIN(l->n + (size_t)n, sizeof(l->s) - 1);
}

static bool is_access(const struct ir_insn *i) { return ir_op_info[i->op].effects & (IRE_LOAD | IRE_STORE) && i->op != IR_FENCE; }

/* The opcode in lower case, its type or lane shape, its condition. */
static void add_op(struct line *l, const struct ir_insn *i)
{
    for (const char *p = ir_op_info[i->op].name; *p; p++)
        add(l, "%c", *p == '_' ? '.' : tolower((unsigned char)*p));
    if (i->op >= IR_VCONST || i->op == IR_FCMP) {
        if (i->op != IR_VCONST)
            add(l, ".%ux%u", 8u << i->esz, (i->q ? 16u : 8u) >> i->esz);
        if (i->t != IR_V)
            add(l, ".%s", i->t == IR_I32 ? "i32" : "i64");
    } else if (i->t == IR_I32 || i->t == IR_I64) {
        add(l, i->t == IR_I32 ? ".i32" : ".i64");
    }
    switch ((enum ir_op)i->op) {
    case IR_CCMP:
    case IR_CCMN:
    case IR_CSEL:
    case IR_SETC:
    case IR_SIDE_CC:
    case IR_EXIT_CC: add(l, ".%s", cc_name[i->cc & 15]); break;
    case IR_AMO: add(l, ".%s", i->cc < ARRAY_LEN(amo_name) ? amo_name[i->cc] : "?"); break;
    case IR_EXIT_IND: add(l, "%s", i->cc == BR_RET ? ".ret" : ""); break;
    case IR_SEXT:
    case IR_ZEXT:
    case IR_LDSTATE:
    case IR_STSTATE: add(l, ".%u", 8u << i->size3); break;
    default: break;
    }
    if (is_access(i))
        add(l, ".%s%u.%s%s", i->mem.sext ? "s" : "", 8u << i->mem.size, view_name[i->mem.view],
            i->mem.pair ? ".aligned16" : i->mem.align ? ".aligned" : "");
}

static void add_imm(struct line *l, const struct ir_insn *i, const char *sep)
{
    switch ((enum ir_op)i->op) {
    case IR_CONST: add(l, "%s0x%" PRIx64, sep, (uint64_t)i->imm); break;
    case IR_VCONST: add(l, "%s0x%016" PRIx64 "_%016" PRIx64, sep, (uint64_t)i->imm2, (uint64_t)i->imm); break;
    case IR_LDSTATE:
    case IR_STSTATE: add(l, "%s[state+0x%" PRIx64 "]", sep, (uint64_t)i->imm); break;
    case IR_UBFX:
    case IR_SBFX:
    case IR_BFI: add(l, "%slsb %d, len %d", sep, (int)(i->imm & 63), (int)(i->imm >> 8)); break;
    case IR_EXIT_CC:
    case IR_EXIT_NZ:
    case IR_EXIT_Z: add(l, "%s0x%" PRIx64 ", else 0x%" PRIx64, sep, (uint64_t)i->imm, (uint64_t)i->imm2); break;
    case IR_SIDE_CC:
    case IR_SIDE_NZ:
    case IR_SIDE_Z: add(l, "%s0x%" PRIx64, sep, (uint64_t)i->imm); break;
    case IR_SIDE_BIT:
    case IR_SIDE_NBIT: add(l, "%sbit %u, 0x%" PRIx64, sep, i->bit, (uint64_t)i->imm); break;
    case IR_EXIT_BIT:
        add(l, "%sbit %u, 0x%" PRIx64 ", else 0x%" PRIx64, sep, i->bit, (uint64_t)i->imm, (uint64_t)i->imm2);
        break;
    case IR_PC:
    case IR_EXIT_JMP:
    case IR_EXIT_CALL:
    case IR_EXIT_DISPATCH: add(l, "%spage%+" PRId64, sep, i->imm); break;
    case IR_TRAPNZ: add(l, "%smask 0x%" PRIx64, sep, (uint64_t)i->imm2); break;
    case IR_VINSE: add(l, "%s%" PRId64 ", %" PRId64, sep, i->imm, i->imm2); break;
    case IR_EXTR:
    case IR_CCMP:
    case IR_CCMN:
    case IR_FCMP:
    case IR_VGET:
    case IR_VGETS:
    case IR_VINS:
    case IR_VDUPE:
    case IR_VEXT:
    case IR_VREV:
    case IR_VSHL:
    case IR_VUSHR:
    case IR_VSSHR:
    case IR_VUXTL:
    case IR_VSXTL:
    case IR_VUMULL:
    case IR_VSMULL:
    case IR_FMADD:
    case IR_FCVT:
    case IR_FTOS:
    case IR_FTOU:
    case IR_FRINT:
    case IR_VFTOS:
    case IR_VFTOU:
    case IR_VFRINT:
    case IR_VFMLA: add(l, "%s%" PRId64, sep, i->imm); break;
    default: break;
    }
}

static void add_insn(struct line *l, const struct ir_insn *i)
{
    bool mem = is_access(i);
    const char *sep = " ";
    add_op(l, i);
    if (i->op == IR_GETR || i->op == IR_PUTR) {
        add(l, " r%u", i->reg);
        sep = ", ";
    } else if (i->op == IR_GETV || i->op == IR_PUTV) {
        add(l, " v%u", i->reg);
        sep = ", ";
    } else if (i->op == IR_ROOT) {
        add(l, " %u, %s", i->bit, i->call ? i->call->name : "(null)");
        sep = ", ";
    } else if (i->op == IR_CALL || i->op == IR_TRAPNZ) {
        add(l, " %s", i->call ? i->call->name : "(null)");
        sep = ", ";
    }
    const ir_val arg[3] = { i->a, i->b, i->c };
    for (unsigned k = 0; k < ir_op_info[i->op].nargs; k++) {
        if (arg[k] == IR_NONE)
            add(l, "%s-", sep);
        else if (k == 0 && mem)
            add(l, i->imm ? "%s[%%%u%+" PRId64 "]" : "%s[%%%u]", sep, arg[k], i->imm);
        else
            add(l, "%s%%%u", sep, arg[k]);
        sep = ", ";
    }
    add_imm(l, i, sep);
}

void ir_print(const struct ir_block *b, void (*out)(const char *fmt, ...))
{
    uint32_t pc_off = ~0u;
    out("block page+0x%x, %u guest instructions, %u bytes, %u operations\n", b->pc_off, b->guest_insns, b->size, b->n);
    for (uint32_t n = 0; n < b->n; n++) {
        const struct ir_insn *i = &b->insn[n];
        struct line l = { .n = 0 };
        if (i->op >= IR_OP_COUNT) {
            out("  opcode %u?\n", i->op);
            continue;
        }
        if (i->op == IR_NOP)
            continue;
        if (i->pc_off != pc_off)
            out(" 0x%03x:\n", pc_off = i->pc_off);
        add_insn(&l, i);
        if (ir_result_type(i) != IR_NOTYPE)
            out("  %%%u = %s\n", n, l.s);
        else
            out("  %s\n", l.s);
    }
}
