/*
 * ir_test.h - what the IR tests share: checks, operands, a vCPU, and memory that remembers who looked with which state.
 */
#ifndef GNOMON_TESTS_IR_TEST_H
#define GNOMON_TESTS_IR_TEST_H

#include "ir/eval.h"
#include "opt/opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned passed, failed;

#define CHECK(cond, ...)                                              \
    do {                                                              \
        if (cond) {                                                   \
            passed++;                                                 \
        } else if (failed++ < 30) {                                   \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #cond);         \
            printf(__VA_ARGS__);                                      \
            printf("\n");                                             \
        }                                                             \
    } while (0)

static uint64_t rng_state = 0x243f6a8885a308d3ull;
static inline uint64_t rnd(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state * 0x2545f4914f6cdd1dull;
}

static const uint64_t edge[] = {
    0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
    0x80000001, 0xffffffff,
    0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0xfffffffffffffffe, 0xffffffffffffffff,
    0xffffffff80000000,
    0x0123456789abcdef,
};

static inline uint64_t operand(unsigned n)
{
    return n < ARRAY_LEN(edge) ? edge[n] : rnd() >> (n & 1 ? rnd() & 63 : 0);
}
#define OPERANDS (ARRAY_LEN(edge) + 24)

/* ---- memory that remembers who looked at what, with which state ---- */

#define LOG 4096
static struct { uint64_t h[LOG]; unsigned n; } trace;

static inline uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static inline uint64_t state_hash(const struct vcpu *c)
{
    uint64_t h = 1;
    for (unsigned k = 0; k < VCPU_GPRS; k++)
        h = mix(h, c->r[k]);
    for (unsigned k = 0; k < VCPU_VREGS; k++)
        h = mix(mix(h, c->v[k].lo), c->v[k].hi);
    return mix(h, nzcv_to_arm(c->nzcv));
}

static inline void note(struct vcpu *c, uint64_t what, uint64_t va, uint64_t v, uint32_t mem)
{
    if (trace.n < LOG)
        trace.h[trace.n] = mix(mix(mix(mix(state_hash(c), what), va), v), (uint64_t)mem << 32 | c->pc_off);
    trace.n++;
}

static uint64_t t_load(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off)
{
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    note(c, 1, va, pc_off, mem);
    uint64_t v = mix(va, 99) >> (64 - (8u << m.size));
    return m.sext ? (uint64_t)sextract(v, 0, 8u << m.size) : v;
}
static u128 t_load128(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off)
{
    note(c, 2, va, pc_off, mem);
    return (u128){ mix(va, 98), mix(va, 97) };
}
static uint64_t low_bytes(uint64_t v, uint32_t mem)
{
    return bits(v, 0, 8u << ir_mem_unpack((uint16_t)mem).size);
}
static void t_store(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    note(c, 3, va, low_bytes(v, mem), mem);
}
static void t_store128(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off)
{
    note(c, 4, va, mix(lo, hi), mem);
}
static uint64_t t_amo(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    note(c, 5, va, low_bytes(v, mem), mem);
    return low_bytes(mix(va, 96), mem);
}
static uint64_t t_cas(struct vcpu *c, uint64_t va, uint64_t e, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    note(c, 6, va, mix(low_bytes(e, mem), low_bytes(v, mem)), mem);
    return low_bytes(mix(va, 95), mem);
}
static uint64_t t_stx(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    note(c, 7, va, low_bytes(v, mem), mem);
    return mix(va, 94) & 1;
}
static const struct ir_mem_ops mem_ops = { t_load, t_store, t_load128, t_store128, t_amo, t_cas, t_stx };

static inline struct vcpu *cpu(void)
{
    static struct vcpu *c;
    if (!c)
        c = aligned_alloc(64, ALIGN_UP(sizeof(*c), (size_t)64));
    memset(c, 0, sizeof(*c));
    c->pc_page = 0xffff800010203000ull;
    return c;
}

static struct ir_block blk;

static inline struct ir_block *begin(void)
{
    ir_reset(&blk, 0x100);
    ir_begin_insn(&blk, 0x100);
    return &blk;
}

static inline void run(struct ir_block *b, struct vcpu *c)
{
    if (!b->ended)
        ir_exit_jmp(b, 0x104);
    ir_verify(b);
    ir_interpret(b, c, &mem_ops);
}

/* Counts as a look at the state only where it may fault: others need not have all of it in memory. */
static uint64_t helper_saw[4];
static bool helper_looks;
static inline uint64_t helper(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d)
{
    helper_saw[0] = a;
    helper_saw[1] = b;
    helper_saw[2] = d;
    helper_saw[3] = c->pc_off;
    if (helper_looks)
        note(c, 8, a, b, 0);
    c->r[7] = 77;
    c->v[7].lo = 78;
    return 0x1234567890ull;
}

#endif
