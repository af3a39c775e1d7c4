/*
 * translate_branch.c - A64 branches: direct, conditional, compare and test, indirect.
 *
 * Source: Arm ARM DDI 0487, C4.1.93 "Branches". Exception-generating and system instructions are elsewhere.
 */
#include "guest/a64/translate.h"

#include "a64_base_decode.h"

static int64_t target(const struct a64_tr *tr, int32_t imm)
{
    return (int64_t)tr->pc_off + (int64_t)imm * 4;
}

bool trans_B(struct a64_tr *tr, const struct arg_B *a)
{
    a64_tr_jmp(tr, target(tr, a->imm));
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

bool trans_B_cond(struct a64_tr *tr, const struct arg_B_cond *a)
{
    int64_t taken = target(tr, a->imm), next = (int64_t)tr->pc_off + 4;
    enum ir_cc cc = (enum ir_cc)a->cond;

    if (cc >= CC_AL) {                                         /* 0b1111 is always, too */
        a64_tr_jmp(tr, taken);
    } else if (tr->flags & A64F_SS) {
        a64_tr_ind(tr, ir_csel(tr->b, IR_I64, cc, ir_pc(tr->b, taken), ir_pc(tr->b, next)), BR_PLAIN);
    } else {
        ir_exit_cc(tr->b, cc, taken, next);
        tr->ended = true;
    }
    return true;
}

/* Ends the block at yes when v != 0, else at no. */
static void branch_nz(struct a64_tr *tr, ir_val v, int64_t yes, int64_t no)
{
    if (tr->flags & A64F_SS) {
        a64_tr_ind(tr, ir_op3(tr->b, IR_SELNZ, IR_I64, v, ir_pc(tr->b, yes), ir_pc(tr->b, no)), BR_PLAIN);
    } else {
        ir_exit_test(tr->b, IR_EXIT_NZ, v, 0, yes, no);
        tr->ended = true;
    }
}

bool trans_CBZ(struct a64_tr *tr, const struct arg_CBZ *a)
{
    ir_val v = a64_x(tr, a64_t(a->sf), a->rt);

    if (tr->flags & A64F_SS) {
        branch_nz(tr, v, (int64_t)tr->pc_off + 4, target(tr, a->imm));
    } else {
        ir_exit_test(tr->b, IR_EXIT_Z, v, 0, target(tr, a->imm), (int64_t)tr->pc_off + 4);
        tr->ended = true;
    }
    return true;
}

bool trans_CBNZ(struct a64_tr *tr, const struct arg_CBNZ *a)
{
    branch_nz(tr, a64_x(tr, a64_t(a->sf), a->rt), target(tr, a->imm), (int64_t)tr->pc_off + 4);
    return true;
}

/* Ends the block at set when the bit of rt is one, else at clear. */
static void branch_bit(struct a64_tr *tr, unsigned rt, unsigned bit, int64_t set, int64_t clear)
{
    ir_val v = a64_x(tr, IR_I64, rt);

    if (tr->flags & A64F_SS) {
        branch_nz(tr, ir_op1i(tr->b, IR_UBFX, IR_I64, v, bit | 1 << 8), set, clear);
    } else {
        ir_exit_test(tr->b, IR_EXIT_BIT, v, bit, set, clear);
        tr->ended = true;
    }
}

bool trans_TBZ(struct a64_tr *tr, const struct arg_TBZ *a)
{
    branch_bit(tr, a->rt, a->bit, (int64_t)tr->pc_off + 4, target(tr, a->imm));
    return true;
}

bool trans_TBNZ(struct a64_tr *tr, const struct arg_TBNZ *a)
{
    branch_bit(tr, a->rt, a->bit, target(tr, a->imm), (int64_t)tr->pc_off + 4);
    return true;
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
