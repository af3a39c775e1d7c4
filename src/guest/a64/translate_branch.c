/*
 * translate_branch.c - A64 branches: direct, conditional, compare and test, indirect.
 *
 * Source: Arm ARM DDI 0487, C4.1.93 "Branches". Exception-generating and system instructions are elsewhere.
 */
#include "guest/a64/translate.h"

#include "a64_base_decode.h"

#define ROUND_INSNS 24                           /* in all rounds of a loop */

static int64_t target(const struct a64_tr *tr, int32_t imm)
{
    return (int64_t)tr->pc_off + (int64_t)imm * 4;
}

/*
 * Does the block go on where a jump leads to? In its page, and not into itself: there a loop is closed, or what would follow is
 * translated already. So both ways of an `if` go on behind it, and a loop is one block wherever its jump back stands.
 */
static bool follows(struct a64_tr *tr, int64_t to)
{
    if (!tr->jumps || to < 0 || to >= (int64_t)PAGE_SIZE || a64_tr_been(tr, (uint32_t)to))
        return false;
    tr->jumps--;
    tr->next = (uint32_t)to;
    ir_next_part(tr->b, tr->pc_off + 4, tr->next);
    return true;
}

/*
 * A short loop that is closed here has several rounds in one block: only the last one looks at exit_req and stores NZCV, and all
 * share checks of the bases that do not change. SIDES: ways out that this branch needs where it does not end the block, 0 or 1.
 */
static bool another_round(struct a64_tr *tr, int64_t to, unsigned sides)
{
    struct ir_block *b = tr->b;

    if (to != (int64_t)tr->ctx->pc_off || tr->rounds < 2 || b->n_parts > 1 || tr->pc_off + 4 >= PAGE_SIZE)
        return false;
    if (!tr->round) {
        uint32_t n = b->guest_insns, out = tr->sides + sides;

        tr->rounds = MIN(tr->rounds, MIN(ROUND_INSNS, tr->ctx->max_insns) / n);
        while (tr->rounds > 1 && tr->rounds * out > IR_MAX_SIDES + sides)
            tr->rounds--;
        if (tr->rounds < 2)
            return false;
        ir_end_parts(b, tr->pc_off + 4);
    }
    if (++tr->round == tr->rounds)
        return false;
    tr->sides += sides;
    tr->next = (uint32_t)to;
    return true;
}

bool trans_B(struct a64_tr *tr, const struct arg_B *a)
{
    int64_t to = target(tr, a->imm);

    if (!another_round(tr, to, 0) && !follows(tr, to))
        a64_tr_jmp(tr, to);
    return true;
}

bool trans_BL(struct a64_tr *tr, const struct arg_BL *a)
{
    ir_val ret = ir_pc(tr->b, (int64_t)tr->pc_off + 4);

    a64_set_x(tr, 30, ret);
    if (tr->flags & A64F_SS) {
        a64_tr_jmp(tr, target(tr, a->imm));
    } else {
        ir_exit_call(tr->b, target(tr, a->imm), ret, tr->pc_off + 4);
        tr->ended = true;
    }
    return true;
}

/*
 * Does the block go on behind a conditional branch? Where that is forward: compilers put the likely way there, and the way back is
 * a loop's.
 */
static bool goes_on(struct a64_tr *tr, int64_t taken)
{
    uint32_t max = tr->round ? IR_MAX_SIDES : tr->ctx->max_sides;      /* (another_round() has seen that there are enough) */

    if (tr->sides >= max || tr->flags & A64F_SS)
        return false;
    if (taken <= (int64_t)MAX(tr->pc_off + 4, tr->ctx->pc_off) || taken >= (int64_t)PAGE_SIZE)
        return false;
    tr->sides++;
    return true;
}

bool trans_B_cond(struct a64_tr *tr, const struct arg_B_cond *a)
{
    int64_t taken = target(tr, a->imm), next = (int64_t)tr->pc_off + 4;
    enum ir_cc cc = (enum ir_cc)a->cond;

    if (cc >= CC_AL) {                                         /* 0b1111 is always, too */
        a64_tr_jmp(tr, taken);
    } else if (tr->flags & A64F_SS) {
        a64_tr_ind(tr, ir_csel(tr->b, IR_I64, cc, ir_pc(tr->b, taken), ir_pc(tr->b, next)), BR_PLAIN);
    } else if (goes_on(tr, taken)) {
        ir_side_cc(tr->b, cc, taken);
    } else if (another_round(tr, taken, 1)) {
        ir_side_cc(tr->b, cc ^ 1, next);
    } else {
        ir_exit_cc(tr->b, cc, taken, next);
        tr->ended = true;
    }
    return true;
}

static enum ir_op opposite(enum ir_op side)
{
    switch (side) {
    case IR_SIDE_NZ: return IR_SIDE_Z;
    case IR_SIDE_Z: return IR_SIDE_NZ;
    case IR_SIDE_BIT: return IR_SIDE_NBIT;
    default: return IR_SIDE_BIT;
    }
}

/* Taken when the test of v passes: SIDE is that test, EXIT the same or, if NOT, its opposite. */
static bool branch_if(struct a64_tr *tr, int32_t imm, ir_val v, unsigned bit, enum ir_op side, enum ir_op exit, bool not)
{
    int64_t taken = target(tr, imm), next = (int64_t)tr->pc_off + 4;

    if (goes_on(tr, taken)) {
        ir_side_test(tr->b, side, v, bit, taken);
        tr->ended = tr->b->ended;
    } else if (another_round(tr, taken, 1)) {
        ir_side_test(tr->b, opposite(side), v, bit, next);
        tr->ended = tr->b->ended;
    } else {
        ir_exit_test(tr->b, exit, v, bit, not ? next : taken, not ? taken : next);
        tr->ended = true;
    }
    return true;
}

/* Software step: the target is a value. */
static bool branch_step(struct a64_tr *tr, int32_t imm, ir_val v, bool not)
{
    ir_val taken = ir_pc(tr->b, target(tr, imm)), next = ir_pc(tr->b, (int64_t)tr->pc_off + 4);

    a64_tr_ind(tr, ir_op3(tr->b, IR_SELNZ, IR_I64, v, not ? next : taken, not ? taken : next), BR_PLAIN);
    return true;
}

bool trans_CBZ(struct a64_tr *tr, const struct arg_CBZ *a)
{
    ir_val v = a64_x(tr, a64_t(a->sf), a->rt);

    if (tr->flags & A64F_SS)
        return branch_step(tr, a->imm, v, true);
    return branch_if(tr, a->imm, v, 0, IR_SIDE_Z, IR_EXIT_Z, false);
}

bool trans_CBNZ(struct a64_tr *tr, const struct arg_CBNZ *a)
{
    ir_val v = a64_x(tr, a64_t(a->sf), a->rt);

    if (tr->flags & A64F_SS)
        return branch_step(tr, a->imm, v, false);
    return branch_if(tr, a->imm, v, 0, IR_SIDE_NZ, IR_EXIT_NZ, false);
}

static ir_val one_bit(struct a64_tr *tr, ir_val v, unsigned bit) { return ir_op1i(tr->b, IR_UBFX, IR_I64, v, bit | 1 << 8); }

bool trans_TBZ(struct a64_tr *tr, const struct arg_TBZ *a)
{
    ir_val v = a64_x(tr, IR_I64, a->rt);

    if (tr->flags & A64F_SS)
        return branch_step(tr, a->imm, one_bit(tr, v, a->bit), true);
    return branch_if(tr, a->imm, v, a->bit, IR_SIDE_NBIT, IR_EXIT_BIT, true);
}

bool trans_TBNZ(struct a64_tr *tr, const struct arg_TBNZ *a)
{
    ir_val v = a64_x(tr, IR_I64, a->rt);

    if (tr->flags & A64F_SS)
        return branch_step(tr, a->imm, one_bit(tr, v, a->bit), false);
    return branch_if(tr, a->imm, v, a->bit, IR_SIDE_BIT, IR_EXIT_BIT, false);
}

bool trans_BR(struct a64_tr *tr, const struct arg_BR *a)
{
    a64_tr_ind(tr, a64_x(tr, IR_I64, a->rn), BR_PLAIN);
    return true;
}

bool trans_BLR(struct a64_tr *tr, const struct arg_BLR *a)
{
    ir_val v = a64_x(tr, IR_I64, a->rn);                       /* before x30 changes: BLR x30 */

    ir_val ret = ir_pc(tr->b, (int64_t)tr->pc_off + 4);

    a64_set_x(tr, 30, ret);
    if (tr->flags & A64F_SS) {
        a64_tr_ind(tr, v, BR_PLAIN);
    } else {
        ir_exit_callr(tr->b, v, ret, tr->pc_off + 4);
        tr->ended = true;
    }
    return true;
}

bool trans_RET(struct a64_tr *tr, const struct arg_RET *a)
{
    a64_tr_ind(tr, a64_x(tr, IR_I64, a->rn), BR_RET);
    return true;
}
