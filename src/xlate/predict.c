/*
 * predict.c - which region a data access will most likely touch, from the registers' values at translation time.
 *
 * A block is translated when it is about to run, so a guest register read in it has its present value. Wrong guesses cost
 * time only: the generated check falls back to the region table.
 */
#include "mmu/mmu.h"
#include "xlate/internal.h"

/* The value of v if the block ran now; false where that is not known. */
static bool value_of(const struct vcpu *c, const struct ir_block *b, ir_val v, uint64_t *out, unsigned depth)
{
    const struct ir_insn *i = &b->insn[v];
    uint64_t x, y;
    if (v == IR_NONE || depth == 0)
        return false;
    switch (i->op) {
    case IR_CONST:
        *out = (uint64_t)i->imm;
        return true;
    case IR_GETR:
        *out = i->t == IR_I32 ? (uint32_t)c->r[i->reg] : c->r[i->reg];
        return true;
    case IR_PC:
        *out = c->pc_page + (uint64_t)i->imm;
        return true;
    case IR_ADD:
        /* an address plus an index: the index may be unknown, the region is the address's */
        if (!value_of(c, b, i->a, &x, depth - 1))
            return false;
        if (!value_of(c, b, i->b, &y, depth - 1))
            y = 0;
        *out = x + y;
        break;
    case IR_SUB:
        if (!value_of(c, b, i->a, &x, depth - 1))
            return false;
        if (!value_of(c, b, i->b, &y, depth - 1))
            y = 0;
        *out = x - y;
        break;
    case IR_AND:
        if (!value_of(c, b, i->a, &x, depth - 1) || !value_of(c, b, i->b, &y, depth - 1))
            return false;
        *out = x & y;
        break;
    case IR_OR:
        if (!value_of(c, b, i->a, &x, depth - 1) || !value_of(c, b, i->b, &y, depth - 1))
            return false;
        *out = x | y;
        break;
    case IR_ZEXT:
        if (i->size3 != 2 || !value_of(c, b, i->a, &x, depth - 1))
            return false;
        *out = (uint32_t)x;
        return true;
    case IR_LDSTATE:
        if (i->size3 != 3)
            return false;
        *out = *(const uint64_t *)((const char *)c + i->imm);
        return true;
    case IR_LD:
        if (i->mem.size != 3 || !value_of(c, b, i->a, &x, depth - 1))
            return false;
        return mmu_peek_cached(c, x + (uint64_t)i->imm, (enum view)i->mem.view, out);
    default:
        return false;
    }
    if (i->t == IR_I32)
        *out = (uint32_t)*out;
    return true;
}

int predict_region(void *opaque, const struct ir_block *b, unsigned i, int64_t *region)
{
    const struct vcpu *c = opaque;
    uint64_t va;
    if (!value_of(c, b, b->insn[i].a, &va, 6))
        return -1;
    *region = (int64_t)va >> REGION_SHIFT;
    if (*region != (int64_t)(va << 16) >> (16 + REGION_SHIFT))
        return -1;                                /* tagged or not canonical */
    return mmu_slot((enum view)b->insn[i].mem.view, va);
}
