/*
 * predict_test.c - which region an access is predicted in: the values of registers and of memory that windows hold, sums with unknown
 * terms, and what is taken where nothing is known. The memory and its regions are made up here.
 */
#include <string.h>

#include "check.h"
#include "ir/ir.h"
#include "xlate/internal.h"

#define STACK 0x7ffff0000000ull                  /* region 255: slot 3 */
#define HEAP 0xaaaa00000000ull                   /* region 341: slot 5 */

static _Alignas(VCPU_ALIGN) struct vcpu cpu;
static struct xlate_vcpu own;
static struct ir_block block;

int mmu_slot(struct vcpu *c, enum view view, uint64_t va)
{
    return va >> REGION_SHIFT == STACK >> REGION_SHIFT ? 3 : va >> REGION_SHIFT == HEAP >> REGION_SHIFT ? 5 : -1;
}

bool mmu_peek_cached(const struct vcpu *c, uint64_t va, enum view view, uint64_t *out)
{
    if (va != STACK + 24)
        return false;
    *out = HEAP + 0x40;
    return true;
}

static const struct ir_mem user8 = { .size = 3, .view = VIEW_USER };
static void begin(void) { ir_reset(&block, 0); }
static ir_val reg(unsigned n) { return ir_getr(&block, IR_I64, n); }
static ir_val op(enum ir_op op, ir_val a, ir_val b) { return ir_op2(&block, op, IR_I64, a, b); }

/* The slot of a load through base, and its region in *region. */
static int load(ir_val base, int64_t *region)
{
    ir_val v = ir_ld(&block, IR_I64, user8, base, 0);
    return predict_region(&cpu, &block, v, region);
}

static void forget(void)
{
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        own.last_slot[v] = -1;
}

/* base + index * 8, where the index is the remainder of a chain of DEPTH multiplications and additions. */
static ir_val indexed(unsigned depth)
{
    ir_val x = reg(1);
    for (unsigned i = 0; i < depth; i++)
        x = op(IR_ADD, op(IR_MUL, x, reg(2)), reg(3));
    ir_val q = op(IR_UDIV, x, reg(4)), rest = op(IR_SUB, x, op(IR_MUL, q, reg(4)));
    return op(IR_ADD, reg(0), op(IR_SHL, rest, ir_const(&block, IR_I64, 3)));
}

int main(void)
{
    int64_t region;
    cpu.xlate = &own;
    cpu.r[0] = HEAP;
    cpu.r[1] = 12345;
    cpu.r[2] = 6364136223846793005ull;
    cpu.r[3] = 1442695040888963407ull;
    cpu.r[4] = 32768;
    cpu.r[5] = STACK;
    forget();

    begin();
    CHECK(load(reg(1), &region) < 0);             /* no address, and none was before */
    CHECK(load(reg(5), &region) == 3 && region == (int64_t)(STACK >> REGION_SHIFT));
    CHECK(load(reg(1), &region) == 3 && region == (int64_t)(STACK >> REGION_SHIFT));
    CHECK(load(op(IR_ADD, reg(0), ir_const(&block, IR_I64, 64)), &region) == 5 && region == (int64_t)(HEAP >> REGION_SHIFT));
    CHECK(load(op(IR_SUB, reg(5), ir_const(&block, IR_I64, 64)), &region) == 3);
    CHECK(load(op(IR_SUB, op(IR_ADD, reg(5), ir_const(&block, IR_I64, 64)), reg(1)), &region) == 3);

    /* a pointer in memory that a window holds; one that is not to be had; an index from there */
    begin();
    forget();
    CHECK(load(ir_ld(&block, IR_I64, user8, reg(5), 24), &region) == 5);
    forget();
    CHECK(load(ir_ld(&block, IR_I64, user8, reg(5), 32), &region) < 0);
    CHECK(load(op(IR_ADD, reg(0), ir_ld(&block, IR_I64, user8, reg(5), 32)), &region) == 5);

    /* an index is known as a whole or counts as nothing, however long its computation is */
    for (unsigned depth = 0; depth < 12; depth++) {
        begin();
        forget();
        CHECK(load(indexed(depth), &region) == 5);
        begin();
        forget();
        CHECK(load(op(IR_SUB, ir_ld(&block, IR_I64, user8, reg(5), 32), reg(1)), &region) < 0);
    }

    own.no_prediction = true;
    begin();
    CHECK(load(reg(5), &region) < 0);
    return check_done();
}
