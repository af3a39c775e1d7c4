/*
 * eval_int.c - what the pure integer operations compute.
 *
 * Serves the constant folder and the interpreter. Must not touch vCPU state.
 */
#include "ir/eval.h"

static uint64_t rbit64(uint64_t v)
{
    v = (v >> 1 & 0x5555555555555555ull) | (v & 0x5555555555555555ull) << 1;
    v = (v >> 2 & 0x3333333333333333ull) | (v & 0x3333333333333333ull) << 2;
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0full) | (v & 0x0f0f0f0f0f0f0f0full) << 4;
    return __builtin_bswap64(v);
}

static uint64_t sdiv(enum ir_type t, uint64_t a, uint64_t b)
{
    if (!b)
        return 0;
    int64_t x = t == IR_I32 ? (int32_t)a : (int64_t)a;
    int64_t y = t == IR_I32 ? (int32_t)b : (int64_t)b;
    return y == -1 ? 0 - (uint64_t)x : (uint64_t)(x / y);
}

/* Result before it is cut to the type. */
static uint64_t eval(const struct ir_insn *i, uint64_t a, uint64_t b, uint64_t c)
{
    enum ir_type t = (enum ir_type)i->t;
    unsigned w = ir_width(t), sh = (unsigned)b & (w - 1);
    unsigned lsb = (unsigned)i->imm & 63, len = (unsigned)(i->imm >> 8) & 127;
    uint64_t mask;

    switch ((enum ir_op)i->op) {
    case IR_ADD: return a + b;
    case IR_SUB: return a - b;
    case IR_MUL: return a * b;
    case IR_UMULH: return (uint64_t)((unsigned __int128)a * b >> 64);
    case IR_SMULH: return (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
    case IR_UDIV: return b ? a / b : 0;
    case IR_SDIV: return sdiv(t, a, b);
    case IR_AND: return a & b;
    case IR_OR: return a | b;
    case IR_XOR: return a ^ b;
    case IR_ANDN: return a & ~b;
    case IR_NOT: return ~a;
    case IR_NEG: return 0 - a;
    case IR_SHL: return a << sh;
    case IR_SHR: return a >> sh;
    case IR_SAR: return (uint64_t)((t == IR_I32 ? (int32_t)a : (int64_t)a) >> sh);
    case IR_ROR: return sh ? a >> sh | a << (w - sh) : a;
    case IR_EXTR:
        sh = (unsigned)i->imm & (w - 1);
        return sh ? b >> sh | a << (w - sh) : b;
    case IR_SEXT: return (uint64_t)sextract(a, 0, 8u << i->size3);
    case IR_ZEXT: return bits(a, 0, 8u << i->size3);
    case IR_TRUNC: return (uint32_t)a;
    case IR_UBFX: return bits(a, lsb, len);
    case IR_SBFX: return len && lsb + len <= 64 ? (uint64_t)sextract(a, lsb, len) : 0;
    case IR_BFI:
        mask = bits(~0ull, 0, len) << lsb;
        return (a & ~mask) | (b << lsb & mask);
    case IR_CLZ: return a ? (unsigned)__builtin_clzll(a) - (64 - w) : w;
    case IR_CTZ: return a ? (unsigned)__builtin_ctzll(a) : w;
    case IR_RBIT: return rbit64(a) >> (64 - w);
    case IR_BSWAP: return __builtin_bswap64(a) >> (64 - w);
    case IR_REV16: return (a >> 8 & 0x00ff00ff00ff00ffull) | (a & 0x00ff00ff00ff00ffull) << 8;
    case IR_REV32: return (uint64_t)__builtin_bswap32((uint32_t)(a >> 32)) << 32 | __builtin_bswap32((uint32_t)a);
    case IR_POPCNT: return (unsigned)__builtin_popcountll(a);
    case IR_SELNZ: return a ? b : c;
    default: bug("ir_eval_int: %s", ir_op_info[i->op].name);
    }
}

uint64_t ir_eval_int(const struct ir_insn *i, uint64_t a, uint64_t b, uint64_t c)
{
    return ir_mask((enum ir_type)i->t, eval(i, a, b, c));
}
