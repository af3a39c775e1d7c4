/*
 * predict.c - which region a data access will most likely touch, from the registers' values at translation time.
 *
 * A block is translated when it is about to run, so a guest register read in it has its present value, and memory that a
 * window already holds can be looked at. Wrong guesses cost time only: the generated check falls back to the region table.
 */
#include "ir/eval.h"
#include "mmu/mmu.h"
#include "xlate/internal.h"

#define DEPTH 8

/*
 * The value of v if the block ran now; false where that is not known. SUM: an address plus an unknown index lies in the address's
 * region, so that of a sum's terms those unknown count as 0.
 */
static bool value_of(const struct vcpu *c, const struct ir_block *b, ir_val v, uint64_t *out, unsigned depth, bool sum)
{
    if (v == IR_NONE || depth == 0)
        return false;
    const struct ir_insn *i = &b->insn[v];
    uint64_t x[3] = { 0, 0, 0 };
    switch (i->op) {
    case IR_CONST:
        *out = (uint64_t)i->imm;
        return true;
    case IR_GETR:
        *out = ir_mask(i->t, c->r[i->reg]);
        return true;
    case IR_PC:
        *out = c->pc_page + (uint64_t)i->imm;
        return true;
    case IR_LDSTATE:
        if (i->size3 != 3)
            return false;
        *out = *(const uint64_t *)((const char *)c + i->imm);
        return true;
    case IR_LD:
        return i->mem.size == 3 && value_of(c, b, i->a, &x[0], depth - 1, true) &&
               mmu_peek_cached(c, x[0] + (uint64_t)i->imm, (enum view)i->mem.view, out);
    default:
        break;
    }
    if (!ir_is_int(i->op))
        return false;
    const ir_val arg[3] = { i->a, i->b, i->c };
    unsigned n = ir_op_info[i->op].nargs, known = 0;
    sum &= i->op == IR_ADD;
    for (unsigned k = 0; k < n; k++)
        known += value_of(c, b, arg[k], &x[k], depth - 1, sum);
    if (known == 0 || (known < n && !sum))
        return false;
    *out = ir_eval_int(i, x[0], x[1], x[2]);
    return true;
}

int predict_region(void *opaque, const struct ir_block *b, unsigned i, int64_t *region)
{
    struct vcpu *c = opaque;
    enum view view = (enum view)b->insn[i].mem.view;
    struct xlate_vcpu *x = c->xlate;
    uint64_t va;
    int slot = -1;
    if (x->no_prediction)
        return -1;
    if (value_of(c, b, b->insn[i].a, &va, DEPTH, true) && (int64_t)va >> 48 == (int64_t)va >> 63)
        slot = mmu_slot(c, view, va);
    if (slot >= 0) {
        *region = (int64_t)va >> REGION_SHIFT;
        x->last_slot[view] = slot;
        x->last_region[view] = *region;
        return slot;
    }
    if (x->last_slot[view] < 0)
        return -1;
    *region = x->last_region[view];               /* no idea: where the access before went */
    return x->last_slot[view];
}
