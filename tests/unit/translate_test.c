/*
 * translate_test.c - which guest instructions become one block: jumps that are followed, and where a block ends.
 */
#include <string.h>

#include "guest/a64/state.h"
#include "guest/guest.h"

#include "check.h"

static struct a64_cpu cpu;
static struct ir_block block;
static uint8_t page[PAGE_SIZE];

NORETURN void vcpu_unwind(struct vcpu *c) { abort(); }

static void put(uint32_t off, uint32_t insn) { memcpy(page + off, &insn, 4); }
static uint32_t b(uint32_t from, int32_t to) { return 0x14000000u | ((uint32_t)(to - (int32_t)from) >> 2 & 0x3ffffffu); }
static uint32_t cbz(uint32_t from, int32_t to) { return 0xb4000000u | ((uint32_t)(to - (int32_t)from) >> 2 & 0x7ffffu) << 5; }
#define NOP 0xd503201fu
#define RET 0xd65f03c0u

static void clear(void)
{
    for (uint32_t off = 0; off < PAGE_SIZE; off += 4)
        put(off, NOP);
}

static unsigned max_rounds;

static const struct ir_insn *translate(uint32_t off, unsigned max_insns, unsigned max_jumps)
{
    struct translate_ctx ctx = {.page = page, .pc_off = off, .max_insns = max_insns, .max_sides = 4, .max_jumps = max_jumps,
                                .max_rounds = max_rounds};
    a64_guest_ops.translate(&block, &ctx, &cpu.v);
    ir_verify(&block);
    uint32_t size = 0;
    for (unsigned k = 0; k < block.n_parts; k++)
        size += block.part[k].size;
    CHECK(size == block.size && (max_rounds || size == 4 * block.guest_insns));
    return &block.insn[block.n - 1];
}

static bool parts(unsigned n, const struct ir_part *want)
{
    return block.n_parts == n && !memcmp(block.part, want, n * sizeof(*want));
}

static void test_follow(void)
{
    clear();
    put(0x104, b(0x104, 0x200));
    put(0x204, b(0x204, 0x40));
    put(0x44, RET);
    translate(0x100, 64, IR_MAX_JUMPS);
    CHECK(parts(3, (struct ir_part[]){{0x100, 8}, {0x200, 8}, {0x40, 8}}));
    const struct ir_insn *i = translate(0x100, 64, 1);
    CHECK(parts(2, (struct ir_part[]){{0x100, 8}, {0x200, 8}}) && i->op == IR_EXIT_JMP && i->imm == 0x40);
    i = translate(0x100, 64, 0);
    CHECK(parts(1, (struct ir_part[]){{0x100, 8}}) && i->op == IR_EXIT_JMP && i->imm == 0x200);
    /* The limit of instructions at the jump itself. */
    i = translate(0x100, 2, 2);
    CHECK(block.guest_insns == 2 && i->op == IR_EXIT_JMP && i->imm == 0x200);
    /* Out of the page, by a little and by much. */
    put(0x104, b(0x104, 0x1000));
    i = translate(0x100, 64, 2);
    CHECK(parts(1, (struct ir_part[]){{0x100, 8}}) && i->imm == 0x1000);
    put(0x104, b(0x104, -4));
    i = translate(0x100, 64, 2);
    CHECK(parts(1, (struct ir_part[]){{0x100, 8}}) && i->imm == -4);
}

static void test_into_itself(void)
{
    clear();
    /* To the start, at once and from another part. */
    put(0x104, b(0x104, 0x100));
    const struct ir_insn *i = translate(0x100, 64, 2);
    CHECK(parts(1, (struct ir_part[]){{0x100, 8}}) && i->op == IR_EXIT_JMP && i->imm == 0x100);
    put(0x104, b(0x104, 0x200));
    put(0x204, b(0x204, 0x100));
    i = translate(0x100, 64, 2);
    CHECK(parts(2, (struct ir_part[]){{0x100, 8}, {0x200, 8}}) && i->op == IR_EXIT_JMP && i->imm == 0x100);
    /* Into the middle of a part, and to the jump itself. */
    put(0x204, b(0x204, 0x104));
    i = translate(0x100, 64, 2);
    CHECK(parts(2, (struct ir_part[]){{0x100, 8}, {0x200, 8}}) && i->imm == 0x104);
    put(0x204, b(0x204, 0x204));
    i = translate(0x100, 64, 2);
    CHECK(parts(2, (struct ir_part[]){{0x100, 8}, {0x200, 8}}) && i->imm == 0x204);
    /* Running into the start. */
    put(0x104, b(0x104, 0xf8));
    i = translate(0x100, 64, 2);
    CHECK(parts(2, (struct ir_part[]){{0x100, 8}, {0xf8, 8}}) && i->op == IR_EXIT_JMP && i->imm == 0x100);
    /* The end of the page. */
    put(0x104, b(0x104, PAGE_SIZE - 4));
    i = translate(0x100, 64, 2);
    CHECK(parts(2, (struct ir_part[]){{0x100, 8}, {PAGE_SIZE - 4, 4}}) && i->op == IR_EXIT_JMP && i->imm == PAGE_SIZE);
}

/* A block goes on behind a conditional branch only where the way taken starts behind the block's start: see struct translate_ctx. */
static void test_sides(void)
{
    clear();
    put(0x100, b(0x100, 0x40));
    put(0x44, cbz(0x44, 0x180));
    put(0x48, cbz(0x48, 0x80));
    const struct ir_insn *i = translate(0x100, 64, 2);
    CHECK(parts(2, (struct ir_part[]){{0x100, 4}, {0x40, 12}}) && i->op == IR_EXIT_Z && i->imm == 0x80);
    put(0x48, cbz(0x48, 0x100));
    i = translate(0x100, 64, 2);
    CHECK(i->op == IR_EXIT_Z && i->imm == 0x100);
}

static unsigned count(enum ir_op op)
{
    unsigned n = 0;
    for (unsigned k = 0; k < block.n; k++)
        n += block.insn[k].op == op;
    return n;
}

/* A short loop has several rounds in a block, as many as there is room for ways out; its part is what one round covers. */
static void test_rounds(void)
{
    clear();
    max_rounds = 4;
    put(0x108, cbz(0x108, 0x100));
    const struct ir_insn *i = translate(0x100, 64, 2);
    CHECK(parts(1, (struct ir_part[]){{0x100, 12}}) && block.guest_insns == 12 && count(IR_SIDE_NZ) == 3);
    CHECK(i->op == IR_EXIT_Z && i->imm == 0x100 && i->imm2 == 0x10c);
    put(0x108, b(0x108, 0x100));
    i = translate(0x100, 64, 2);
    CHECK(parts(1, (struct ir_part[]){{0x100, 12}}) && block.guest_insns == 12 && i->op == IR_EXIT_JMP && i->imm == 0x100);
    i = translate(0x100, 11, 2);
    CHECK(block.guest_insns == 9 && i->op == IR_EXIT_JMP && i->imm == 0x100);
    /* Not of a long one, nor into the middle. */
    put(0x108, NOP);
    put(0x140, cbz(0x140, 0x100));
    i = translate(0x100, 64, 2);
    CHECK(block.guest_insns == 17 && i->op == IR_EXIT_Z);
    put(0x108, cbz(0x108, 0x104));
    i = translate(0x100, 64, 2);
    CHECK(block.guest_insns == 3 && i->op == IR_EXIT_Z && i->imm == 0x104);
    /* With two more ways out in each round. */
    put(0x100, cbz(0x100, 0x200));
    put(0x104, cbz(0x104, 0x200));
    put(0x108, cbz(0x108, 0x100));
    i = translate(0x100, 64, 2);
    CHECK(block.guest_insns == 9 && count(IR_SIDE_Z) == 6 && count(IR_SIDE_NZ) == 2 && i->op == IR_EXIT_Z && i->imm == 0x100);
    max_rounds = 0;
}

int main(void)
{
    test_follow();
    test_into_itself();
    test_sides();
    test_rounds();
    return check_done();
}
